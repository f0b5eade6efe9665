"""Questions in bulk: an Arrow table with the views that probes need, and no pydantic object in sight.

Choices are ragged (two to eight to a question, not the same number everywhere), so everything per choice is one flat
array with `offsets`: the choices of question i are flat[offsets[i]:offsets[i + 1]].
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from flyreel.columns import CUE, SPAN, present
from flyreel.schema import Question

SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("question", pa.string(), nullable=False),
        pa.field("choices", pa.list_(pa.string())),
        pa.field("answer", pa.int32()),
        pa.field("answer_text", pa.string()),
        pa.field("clip", pa.string()),
        pa.field("group", pa.string(), nullable=False),
        pa.field("split", pa.string()),
        pa.field("category", pa.string()),
        pa.field("template", pa.string()),
        pa.field("rationale", pa.string()),
        pa.field("evidence", pa.list_(SPAN)),
        pa.field("cues", pa.list_(CUE)),
        pa.field("origin", pa.string()),
        pa.field("parent", pa.string()),
        pa.field("round", pa.int32()),
        pa.field("meta", pa.string()),
    ]
)


@dataclass(frozen=True)
class Questions:
    """A table of questions. `answer` is null for an open-ended one, whose answer stands in `answer_text`."""

    table: pa.Table

    @classmethod
    def from_rows(cls, rows: Iterable[Mapping[str, Any]]) -> Questions:
        """Rows already checked, in the shape of canonical JSONL; `group` falls back to the clip, then to the id."""
        return cls(pa.Table.from_pylist([_flat(row) for row in rows], schema=SCHEMA))

    @classmethod
    def from_models(cls, questions: Iterable[Question]) -> Questions:
        return cls.from_rows(q.model_dump(exclude_none=True) for q in questions)

    def to_rows(self) -> list[dict[str, Any]]:
        return [_nested(row) for row in self.table.to_pylist()]

    def to_models(self) -> list[Question]:
        return [Question.model_validate(row) for row in self.to_rows()]

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def take(self, indices: np.ndarray) -> Questions:
        return Questions(self.table.take(pa.array(indices)))

    def with_columns(self, **columns: Sequence[Any]) -> Questions:
        """The same questions with other values in these columns."""
        table = self.table
        for name, values in columns.items():
            at = SCHEMA.get_field_index(name)
            table = table.set_column(at, SCHEMA.field(at), pa.array(values, SCHEMA.field(at).type))
        return Questions(table)

    @cached_property
    def choice_rows(self) -> np.ndarray:
        """Positions of the questions that have choices to choose among."""
        return np.flatnonzero(self._column("answer").is_valid().to_numpy(zero_copy_only=False))

    def with_choices(self) -> Questions:
        return self if len(self.choice_rows) == len(self) else self.take(self.choice_rows)

    def _column(self, name: str) -> pa.Array:
        return self.table.column(name).combine_chunks()

    def strings(self, name: str, default: str = "") -> list[str]:
        return pc.fill_null(self._column(name), default).to_pylist()

    @cached_property
    def ids(self) -> list[str]:
        return self.strings("id")

    @cached_property
    def texts(self) -> list[str]:
        return self.strings("question")

    @cached_property
    def groups(self) -> np.ndarray:
        """Group of each question as a small integer, in order of first appearance."""
        return self._column("group").dictionary_encode().indices.to_numpy()

    @property
    def n_groups(self) -> int:
        return int(self.groups.max()) + 1 if len(self) else 0

    @cached_property
    def answer(self) -> np.ndarray:
        return pc.fill_null(self._column("answer"), -1).to_numpy(zero_copy_only=False).astype(np.int64)

    @cached_property
    def offsets(self) -> np.ndarray:
        return np.concatenate([[0], np.cumsum(self.sizes)])

    @cached_property
    def sizes(self) -> np.ndarray:
        """How many choices each question has."""
        return pc.fill_null(pc.list_value_length(self._column("choices")), 0).to_numpy(zero_copy_only=False).astype(int)

    @cached_property
    def flat_choices(self) -> list[str]:
        return pc.list_flatten(self._column("choices")).to_pylist()

    @cached_property
    def owner(self) -> np.ndarray:
        """For every flat choice, the position of its question."""
        return np.repeat(np.arange(len(self)), self.sizes)

    @cached_property
    def is_key(self) -> np.ndarray:
        flags = np.zeros(int(self.offsets[-1]), dtype=bool)
        flags[(self.offsets[:-1] + self.answer)[self.answer >= 0]] = True
        return flags

    @property
    def chance(self) -> np.ndarray:
        return 1.0 / self.sizes

    def choices_of(self, i: int) -> list[str]:
        return self.flat_choices[self.offsets[i] : self.offsets[i + 1]]

    def has_cues(self) -> np.ndarray:
        return pc.fill_null(pc.list_value_length(self._column("cues")), 0).to_numpy(zero_copy_only=False) > 0


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    out = {name: row.get(name) for name in SCHEMA.names}
    answer = row.get("answer")
    out["answer"], out["answer_text"] = (None, answer) if isinstance(answer, str) else (answer, None)
    out["group"] = row.get("group") or row.get("clip") or row["id"]
    out["round"] = row.get("round") or 0
    for name in ("origin", "meta"):
        out[name] = json.dumps(row[name], ensure_ascii=False, sort_keys=True) if row.get(name) else None
    return out


def _nested(row: dict[str, Any]) -> dict[str, Any]:
    """Back to canonical JSONL: absent rather than null, and the open-ended answer in its one place."""
    text = row.pop("answer_text")
    if row["answer"] is None:
        row["answer"] = text
    for name in ("origin", "meta"):
        row[name] = json.loads(row[name]) if row[name] else None
    if row["cues"]:
        row["cues"] = [present(cue) for cue in row["cues"]]
    if not row["round"]:
        row["round"] = None
    return present(row)
