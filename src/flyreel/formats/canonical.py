"""flyreel's own JSONL (or the same columns as CSV, JSON or Parquet): `id`, `question`, `choices`, `answer`, …"""

from __future__ import annotations

from collections.abc import Iterable

from flyreel.formats.base import Draft, formats
from flyreel.formats.containers import Record, Sample, literal_list


@formats.add("canonical")
class Canonical:
    """One object a line: id, question, choices, answer, and optionally group, clip, split, category, cues …"""

    unique_ids = True

    def recognises(self, sample: Sample) -> bool:
        foreign = {"answer_key", "answer_key_position", "gif_name", "q_uid", "videoID", "options", "candidates", "a0"}
        return sample.has("question") and sample.has("answer") and not foreign & set(sample.fields)

    def drafts(self, record: Record) -> Iterable[Draft]:
        draft = dict(record.values)
        if isinstance(draft.get("choices"), str):
            draft["choices"] = literal_list(draft["choices"]) or draft["choices"]
        for name in ("cues", "evidence"):
            if isinstance(draft.get(name), str):
                draft[name] = literal_list(draft[name]) if draft[name].strip() else None
        yield draft
