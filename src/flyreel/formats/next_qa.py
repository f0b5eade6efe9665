"""NExT-QA's multiple-choice CSV."""

from __future__ import annotations

from collections.abc import Iterable

from flyreel.formats.base import Draft, formats
from flyreel.formats.containers import Record, Sample
from flyreel.formats.fields import index, numbered


@formats.add("next-qa")
class NextQA:
    """NExT-QA multiple choice (CSV: video, question, answer, qid, type, a0 … a4)."""

    unique_ids = False

    def recognises(self, sample: Sample) -> bool:
        return sample.has("video", "question", "answer", "qid", "a0", "a1")

    def drafts(self, record: Record) -> Iterable[Draft]:
        v = record.values
        yield {
            "id": f"{v.get('video')}-{v.get('qid')}",
            "question": v.get("question"),
            "choices": numbered(v, [f"a{i}" for i in range(10)]),
            "answer": index(v.get("answer")),
            "clip": v.get("video"),
            "category": v.get("type"),
        }
