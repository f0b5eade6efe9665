"""EgoSchema, with its keys inside (`CA`) as the public subset is passed around."""

from __future__ import annotations

from collections.abc import Iterable

from flyreel.formats.base import Draft, formats
from flyreel.formats.containers import Record, Sample
from flyreel.formats.fields import index, numbered


@formats.add("egoschema")
class EgoSchema:
    """EgoSchema (JSONL or JSON: q_uid, question, option 0 … option 4, CA)."""

    unique_ids = False

    def recognises(self, sample: Sample) -> bool:
        return sample.has("q_uid", "question", "option 0")

    def drafts(self, record: Record) -> Iterable[Draft]:
        v = record.values
        yield {
            "id": v.get("q_uid"),
            "question": v.get("question"),
            "choices": numbered(v, [f"option {i}" for i in range(10)]),
            "answer": index(v.get("CA")),
            "clip": v.get("q_uid"),
        }
