"""flyreel's own JSONL (or the same columns as CSV, JSON or Parquet): `id`, `question`, `choices`, `answer`, …

A column has one type. Tables therefore have two for the answer: `answer` is the index, `answer_text` what stands for it
where the question is open-ended, so that an open-ended "3" is never taken for the fourth choice.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from flyreel.formats.base import Draft, formats
from flyreel.formats.containers import Record, Sample, literal_list
from flyreel.formats.export import Parcel, exporter
from flyreel.formats.fields import index
from flyreel.questions import SCHEMA
from flyreel.tables import write_jsonl


@formats.add("canonical")
class Canonical:
    """One object a line: id, question, choices, answer, and optionally group, clip, split, category, cues …"""

    unique_ids = True

    def recognises(self, sample: Sample) -> bool:
        foreign = {"answer_key", "answer_key_position", "gif_name", "q_uid", "videoID", "options", "candidates", "a0"}
        lettered = sample.has("A", "B") and not sample.has("choices")
        own = sample.container != "tar" and not lettered and not foreign & set(sample.fields)
        return rows_of_questions(sample) and own

    def drafts(self, record: Record) -> Iterable[Draft]:
        draft = dict(record.values)
        if isinstance(draft.get("choices"), str):
            draft["choices"] = literal_list(draft["choices"]) or draft["choices"]
        for name in ("cues", "evidence"):
            if isinstance(draft.get(name), str):
                draft[name] = literal_list(draft[name]) if draft[name].strip() else None
        for name in ("origin", "meta"):
            if isinstance(draft.get(name), str):
                draft[name] = _object(draft[name])
        if isinstance(draft.get("round"), str):
            draft["round"] = index(draft["round"])
        if "answer_text" in draft:
            draft |= _answered(draft)
        yield draft


def rows_of_questions(sample: Sample) -> bool:
    return sample.has("question", "answer")


def _object(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _answered(draft: Draft) -> Draft:
    text, answer, choices = (draft.get(name) for name in ("answer_text", "answer", "choices"))
    if isinstance(text, str) and text and _empty(answer) and _empty(choices):
        return {"answer": text, "choices": None}
    return {"answer": index(answer)} if isinstance(answer, str) else {}


def _empty(value: Any) -> bool:
    """What a table holds where there is nothing; a column of numbers has NaN there once pandas has had it."""
    return value is None or value == "" or value == [] or value != value


@exporter("canonical", holds=SCHEMA.names, suffix=".jsonl", open_ended=True, most_choices=1000)
def canonical(parcel: Parcel, path: Path) -> Sequence[str]:
    """flyreel's own JSONL, with everything that a question has."""
    write_jsonl(path, parcel.rows)
    return ()
