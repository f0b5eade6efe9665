"""Any CSV, TSV, JSONL, JSON or Parquet file, with the columns named by `--map`.

    --map question=prompt,choices=opt_a+opt_b+opt_c,answer=gold,group=film

`choices` is one column that holds a list (as JSON, as Python prints it, or with `|` between the choices) or several
columns joined by `+`. The answer is a 0-based index, a letter, or the text.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flyreel.errors import InputError, did_you_mean
from flyreel.formats.base import Draft
from flyreel.formats.containers import Record, Sample, literal_list
from flyreel.formats.fields import numbered

FIELDS = ("id", "question", "choices", "answer", "clip", "group", "split", "category", "rationale", "cues")


def parse_map(text: str) -> dict[str, str]:
    """`question=…,choices=…` to a dictionary; the mistakes a person makes there are one line each."""
    chosen: dict[str, str] = {}
    for part in text.split(","):
        name, equals, column = (p.strip() for p in part.partition("="))
        if not equals or not column:
            raise InputError(f"--map: {part.strip()!r} is not FIELD=COLUMN")
        if name not in FIELDS:
            raise InputError(f"--map: no field {name!r}.{did_you_mean(name, FIELDS)}")
        chosen[name] = column
    missing = [name for name in ("question", "answer") if name not in chosen]
    if missing:
        raise InputError(f"--map: no {' and no '.join(missing)}; write question=COLUMN,choices=COLUMN,answer=COLUMN")
    return chosen


class Mapped:
    unique_ids = True

    def __init__(self, map: dict[str, str], sample: Sample) -> None:
        self.columns = {name: column.split("+") for name, column in map.items()}
        for column in (c for columns in self.columns.values() for c in columns):
            if sample.fields and column not in sample.fields:
                raise InputError(f"{sample.path}: no column {column!r}.{did_you_mean(column, sample.fields)}")

    def recognises(self, sample: Sample) -> bool:
        return False

    def drafts(self, record: Record) -> Iterable[Draft]:
        draft: Draft = {name: record.values.get(columns[0]) for name, columns in self.columns.items()}
        if "choices" in self.columns:
            draft["choices"] = self._choices(record.values)
        yield draft

    def _choices(self, values: dict[str, Any]) -> Any:
        columns = self.columns["choices"]
        if len(columns) > 1:
            return numbered(values, columns)
        value = values.get(columns[0])
        if isinstance(value, str):
            return literal_list(value) or [part.strip() for part in value.split("|")]
        return [] if value is None else value
