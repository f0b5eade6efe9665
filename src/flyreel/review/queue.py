"""The review queue: one question a row that a machine could not settle, with all that was tried on it.

Beside a bare file it is `queue.jsonl` in the refinement's folder; in a project it is the table `review`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
from pydantic import Field, ValidationError, field_validator

from flyreel.errors import InputError
from flyreel.schema import Noun, Question, Revision
from flyreel.tables import Project, Version, write_jsonl

NAME, TABLE = "queue.jsonl", "review"
WAITING = ("unfixable", "unknown", "spoken")
"""Why a question waits for a person, as refine says it; evaluation splits do without these until they are decided."""
_PACKED = ("question", "tried", "decision")

SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("state", pa.string(), nullable=False),
        pa.field("detail", pa.string(), nullable=False),
        pa.field("question", pa.string(), nullable=False),
        pa.field("tried", pa.string(), nullable=False),
        pa.field("decision", pa.string()),
    ]
)


class Case(Noun):
    """`question` is a row of canonical JSONL, kept as it was written; `reason` is one machine-readable word."""

    question: dict[str, Any]
    reason: str = Field(min_length=1)
    detail: str = ""
    tried: tuple[Revision, ...] = ()
    state: Literal["open", "decided"] = "open"
    decision: dict[str, Any] | None = None

    @field_validator("question")
    @classmethod
    def _is_a_question(cls, row: dict[str, Any]) -> dict[str, Any]:
        Question.model_validate(row)
        return row

    @property
    def id(self) -> str:
        return str(self.question["id"])


def ids(cases: Iterable[Case]) -> set[str]:
    return {case.id for case in cases}


def write(path: Path, cases: Iterable[Case]) -> Path:
    return write_jsonl(path, (_row(case) for case in cases))


def read(path: Path) -> list[Case]:
    try:
        lines = path.read_bytes().split(b"\n")  # splitlines would cut at the line breaks that JSON may hold in a text
    except FileNotFoundError:
        raise InputError(f"{path}: no review queue there; flyreel refine writes one") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None
    return [_case(line, f"{path}: row {number}") for number, line in enumerate(lines, 1) if line.strip()]


def save_version(
    project: Project, cases: Iterable[Case], *, stage: str, parameters: Mapping[str, Any], parents: Iterable[str] = ()
) -> Version:
    """The whole queue as a new version of the project's table."""
    rows = [_flat(case) for case in cases]
    table = pa.Table.from_pylist(rows, schema=SCHEMA)
    return project.table(TABLE).write(table, stage=stage, parameters=parameters, parents=parents)


def load(project: Project) -> list[Case]:
    """The current queue of a project; one that never had any has an empty one."""
    table = project.table(TABLE)
    if not table.versions():
        return []
    return [_nested(row, f"{table.folder}: row {number}") for number, row in enumerate(table.read().to_pylist(), 1)]


def _row(case: Case) -> dict[str, Any]:
    row = case.model_dump(mode="json", exclude={"tried", "decision"})
    row["tried"] = [revision.model_dump(mode="json", exclude_none=True) for revision in case.tried]
    return row if case.decision is None else {**row, "decision": case.decision}


def _flat(case: Case) -> dict[str, Any]:
    row = _row(case)
    packed: dict[str, Any] = {name: json.dumps(row[name], ensure_ascii=False) for name in _PACKED if name in row}
    return {**row, **packed, "id": case.id}


def _nested(row: dict[str, Any], where: str) -> Case:
    try:
        packed = {name: json.loads(row[name]) for name in _PACKED if row[name] is not None}
        return _checked({**{name: row[name] for name in ("reason", "state", "detail")}, **packed}, where)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{where}: damaged: {error}") from None


def _case(line: bytes, where: str) -> Case:
    try:
        values = json.loads(line.decode("utf-8"))
    except ValueError as error:
        raise InputError(f"{where}: not JSON: {error}") from None
    if not isinstance(values, dict):
        raise InputError(f"{where}: a {type(values).__name__}, not an object")
    return _checked(values, where)


def _checked(values: dict[str, Any], where: str) -> Case:
    try:
        return Case.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(f"{where}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
