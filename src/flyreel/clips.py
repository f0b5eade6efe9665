"""Clips in bulk: an Arrow table, and no pydantic object in sight. The twin of questions.py."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from flyreel.columns import CUE, SPAN, present
from flyreel.schema import Clip

SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("source", pa.string()),
        pa.field("path", pa.string()),
        pa.field("sha256", pa.string()),
        pa.field("duration", pa.float64()),
        pa.field("fps", pa.float64()),
        pa.field("frames", pa.int64()),
        pa.field("width", pa.int32()),
        pa.field("height", pa.int32()),
        pa.field("shots", pa.list_(SPAN)),
        pa.field("cues", pa.list_(CUE)),
        pa.field("group", pa.string(), nullable=False),
        pa.field("split", pa.string()),
        pa.field("meta", pa.string()),
    ]
)


@dataclass(frozen=True)
class Clips:
    """A table of clips. No shots found and shots never looked for are both an empty list here."""

    table: pa.Table

    @classmethod
    def from_rows(cls, rows: Iterable[Mapping[str, Any]]) -> Clips:
        """Rows already checked, in the shape of canonical JSONL; `group` falls back to the id, as for questions."""
        return cls(pa.Table.from_pylist([_flat(row) for row in rows], schema=SCHEMA))

    @classmethod
    def from_models(cls, clips: Iterable[Clip]) -> Clips:
        return cls.from_rows(clip.model_dump(exclude_none=True) for clip in clips)

    def to_rows(self) -> list[dict[str, Any]]:
        return [_nested(row) for row in self.table.to_pylist()]

    def to_models(self) -> list[Clip]:
        return [Clip.model_validate(row) for row in self.to_rows()]

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def take(self, indices: np.ndarray) -> Clips:
        return Clips(self.table.take(pa.array(indices, type=pa.int64())))

    def _column(self, name: str) -> pa.Array:
        return self.table.column(name).combine_chunks()

    def strings(self, name: str, default: str = "") -> list[str]:
        return pc.fill_null(self._column(name), default).to_pylist()

    def numbers(self, name: str) -> np.ndarray:
        """A media fact per clip, NaN where it was not measured."""
        return pc.fill_null(pc.cast(self._column(name), pa.float64()), np.nan).to_numpy(zero_copy_only=False)

    def counts(self, name: str) -> np.ndarray:
        """How many shots or cues each clip has."""
        return pc.list_value_length(self._column(name)).to_numpy(zero_copy_only=False).astype(int)

    @cached_property
    def ids(self) -> list[str]:
        return self.strings("id")

    @property
    def cues(self) -> list[list[dict[str, Any]]]:
        return self._column("cues").to_pylist()


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    out = {name: row.get(name) for name in SCHEMA.names}
    out["group"] = row.get("group") or row["id"]
    out["shots"], out["cues"] = list(row.get("shots") or ()), list(row.get("cues") or ())
    out["meta"] = json.dumps(row["meta"], ensure_ascii=False, sort_keys=True) if row.get("meta") else None
    return out


def _nested(row: dict[str, Any]) -> dict[str, Any]:
    if row["cues"]:
        row["cues"] = [present(cue) for cue in row["cues"]]
    row["meta"] = json.loads(row["meta"]) if row["meta"] else None
    return present(row)
