"""MVBench's JSON lists: candidates as plain text, the answer as the text of one of them."""

from __future__ import annotations

from collections.abc import Iterable

from flyreel.formats.base import Broken, Draft, formats
from flyreel.formats.containers import Record, Sample


@formats.add("mvbench")
class MVBench:
    """MVBench (JSON list: video, question, candidates, answer as text; one to six options)."""

    unique_ids = False

    def recognises(self, sample: Sample) -> bool:
        return sample.has("video", "question", "candidates", "answer") and not sample.has("index")

    def drafts(self, record: Record) -> Iterable[Draft]:
        v = record.values
        choices = v.get("candidates")
        answer = str(v.get("answer")).strip() if v.get("answer") is not None else None
        if isinstance(choices, list):
            texts = [str(c).strip() for c in choices]
            if answer is not None and answer not in texts:
                raise Broken("answer-not-among-choices", answer)
            if len(set(texts)) == len(texts) > 1 and answer is not None:
                answer = texts.index(answer)  # type: ignore[assignment]
        yield {
            "id": f"{v.get('video')}-{record.row}",
            "question": v.get("question"),
            "choices": choices,
            "answer": answer,
            "clip": v.get("video"),
            "category": v.get("task_type") or v.get("question_type"),
        }
