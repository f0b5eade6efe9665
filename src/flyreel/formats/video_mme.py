"""Video-MME, as its Parquet and as the TSV that VLMEvalKit keeps."""

from __future__ import annotations

from collections.abc import Iterable

from flyreel.formats.base import Draft, formats
from flyreel.formats.containers import Record, Sample, literal_list
from flyreel.formats.fields import without_letters


@formats.add("video-mme")
class VideoMME:
    """Video-MME (Parquet: video_id, question_id, options, answer; TSV: index, video, candidates, answer)."""

    unique_ids = False

    def recognises(self, sample: Sample) -> bool:
        parquet = sample.has("question", "options", "answer") and (sample.has("videoID") or sample.has("video_id"))
        return parquet or sample.has("index", "video", "question", "candidates", "answer")

    def drafts(self, record: Record) -> Iterable[Draft]:
        v = record.values
        choices = v.get("options") if v.get("options") is not None else v.get("candidates")
        if isinstance(choices, str):
            choices = literal_list(choices) or choices
        clip = v.get("videoID") or v.get("video") or v.get("video_id")
        yield {
            "id": v.get("question_id") or f"{clip}-{v.get('index', record.row)}",
            "question": v.get("question"),
            "choices": without_letters(choices) if isinstance(choices, list) else choices,
            "answer": _letter(v.get("answer"), choices),
            "clip": clip,
            "category": v.get("task_type"),
            "meta": {k: str(v[k]) for k in ("duration", "domain", "sub_category") if v.get(k)},
        }


def _letter(answer: object, choices: object) -> object:
    """The letter names a position even where some choice is itself a single letter."""
    text = str(answer).strip().rstrip(".")
    return ord(text) - ord("A") if len(text) == 1 and "A" <= text <= "Z" and isinstance(choices, list) else answer
