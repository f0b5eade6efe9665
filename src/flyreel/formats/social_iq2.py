"""Social-IQ 2.0. `ans_corr` and `idx_types` name the key outright and are left behind."""

from __future__ import annotations

from collections.abc import Iterable

from flyreel.formats.base import Draft, formats
from flyreel.formats.containers import Record, Sample
from flyreel.formats.fields import index, numbered


@formats.add("social-iq2")
class SocialIQ2:
    """Social-IQ 2.0 (JSONL: qid, q, vid_name, ts, a0 … a3, answer_idx)."""

    unique_ids = False

    def recognises(self, sample: Sample) -> bool:
        return sample.has("qid", "q", "vid_name", "a0")

    def drafts(self, record: Record) -> Iterable[Draft]:
        v = record.values
        yield {
            "id": v.get("qid"),
            "question": v.get("q"),
            "choices": numbered(v, [f"a{i}" for i in range(10)]),
            "answer": index(v.get("answer_idx")),
            "clip": v.get("vid_name"),
            "meta": {"ts": v["ts"]} if v.get("ts") else None,
        }
