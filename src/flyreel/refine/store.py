"""A refinement on disk: refine.json, revisions.jsonl, before.parquet, after.parquet and queue.jsonl in one folder.

refine.json holds what differs from run to run (calls, seconds); everything else is the same to the byte however often
the work was interrupted.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

from flyreel.errors import InputError
from flyreel.questions import Questions
from flyreel.review import queue
from flyreel.schema import Revision
from flyreel.tables import Project, write_jsonl, write_parquet, write_text

REVISIONS = pa.schema([pa.field("question", pa.string(), nullable=False), pa.field("attempt", pa.int32()),
                       pa.field("accepted", pa.bool_()), pa.field("revision", pa.string())])  # fmt: skip
"""A revision is whole in its last column, as JSON; the others are for finding it."""


@dataclass(frozen=True)
class Saved:
    folder: Path
    summary: dict[str, Any]
    before: Questions
    after: Questions
    revisions: list[Revision]
    cases: list[queue.Case]


def save(
    folder: Path, before: Questions, after: Questions, revisions: Iterable[Revision], cases: Iterable[queue.Case]
) -> None:
    """Everything but the summary, which is written last: a folder without it holds nothing finished."""
    write_parquet(folder / "before.parquet", before.table)
    write_parquet(folder / "after.parquet", after.table)
    write_jsonl(folder / "revisions.jsonl", (_row(r) for r in revisions))
    queue.write(folder / queue.NAME, cases)


def save_summary(folder: Path, summary: Mapping[str, Any]) -> None:
    write_text(folder / "refine.json", json.dumps(summary, indent=1, ensure_ascii=False) + "\n")


def save_version(
    project: Project, after: Questions, revisions: Iterable[Revision], cases: Iterable[queue.Case], how: dict[str, Any]
) -> None:
    """New versions of the project's questions, revisions and review queue, each naming what it was made from."""
    table = project.table("questions")
    parents = [f"questions/v{table.versions()[-1].number}"]
    made = table.write(after.table, stage="refine", parameters=how, parents=parents)
    parents.append(f"questions/v{made.number}")
    rows = [
        {"question": r.question, "attempt": r.attempt, "accepted": r.accepted, "revision": json.dumps(_row(r))}
        for r in revisions
    ]
    project.table("revisions").write(
        pa.Table.from_pylist(rows, schema=REVISIONS), stage="refine", parameters=how, parents=parents
    )
    mine = set(after.ids)  # what waits for another reason, outside of this set, goes on waiting
    others = [case for case in queue.load(project) if case.id not in mine]
    queue.save_version(project, [*others, *cases], stage="refine", parameters=how, parents=parents)


def load(folder: Path) -> Saved:
    try:
        summary = json.loads((folder / "refine.json").read_text(encoding="utf-8"))
        before, after = (Questions(pq.read_table(folder / f"{name}.parquet")) for name in ("before", "after"))
        lines = (folder / "revisions.jsonl").read_text(encoding="utf-8").split("\n")
        revisions = [Revision.model_validate_json(line) for line in lines if line]
    except FileNotFoundError:
        raise InputError(f"{folder}: no finished refinement there; flyreel refine FILE -o OUT makes one") from None
    except (ValueError, ValidationError, OSError, pa.ArrowException) as error:
        raise InputError(f"{folder}: a damaged refinement: {str(error).splitlines()[0][:120]}") from None
    return Saved(folder, summary, before, after, revisions, queue.read(folder / queue.NAME))


def find(where: Path) -> Path:
    """The folder of a refinement, from itself, from the file it wrote, from a project, or from where it stands."""
    if (where / "refine.json").is_file():
        return where
    if project := Project.at(where):
        return project.reports / "refine"
    if where.is_file():
        return beside(where)
    found = sorted(p.parent for p in where.glob("*.refine/refine.json"))
    if len(found) == 1:
        return found[0]
    if not found:
        raise InputError(f"{where}: no refinement there; name the file that flyreel refine wrote, or the project")
    raise InputError(f"{where}: several refinements: {', '.join(p.name for p in found)}; name one")


def beside(out: Path) -> Path:
    return out.with_name(f"{out.stem}.refine")


def _row(revision: Revision) -> dict[str, Any]:
    return revision.model_dump(mode="json", exclude_none=True)
