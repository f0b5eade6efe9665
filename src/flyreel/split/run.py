"""What `flyreel split` does: read, assign, leave out what no machine could settle, pick the hard, check, write."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from flyreel.errors import InputError
from flyreel.formats.project import open_questions
from flyreel.questions import Questions
from flyreel.review import queue
from flyreel.split import hard
from flyreel.split.assign import EVALUATED, SPLITS, shares
from flyreel.split.division import Split, check, describe, split, with_splits
from flyreel.tables import Project, writable, write_jsonl, write_text

_OURS = [f"{name}.jsonl" for name in (*SPLITS, "hard", "left_out")]


@dataclass(frozen=True)
class Request:
    """What was asked for on the command line."""

    file: Path
    out: Path | None = None
    train: float = 0.8
    val: float = 0.1
    test: float = 0.1
    seed: int = 0
    refined: Path | None = None
    audit: Path | None = None
    missed_by: tuple[str, ...] = ()
    by_category: bool = False
    copies_may_cross: bool = False
    format: str | None = None
    map: str | None = None

    @property
    def project(self) -> Project | None:
        return Project.at(self.file)

    @property
    def folder(self) -> Path:
        if self.out:
            return self.out
        return self.project.reports / "split" if self.project else Path(f"{self.file.stem}.split")

    def beside(self, kind: str) -> Path:
        """Where a refinement or an audit of a bare file stands if nobody says otherwise."""
        return self.file.with_name(f"{self.file.stem}.{kind}")


@dataclass(frozen=True)
class Done:
    folder: Path
    told: dict[str, Any]
    problems: int


def run(asked: Request) -> Done:
    wanted = shares(asked.train, asked.val, asked.test)
    reading = open_questions(asked.file, asked.format, asked.map)
    waiting, where = _waiting(asked, set(reading.questions.ids))
    audited, why_not = _audited(asked)
    _may_write(asked)
    made = split(
        reading.questions, wanted, seed=asked.seed, by_category=asked.by_category,
        copies_may_cross=asked.copies_may_cross, waiting=waiting,
    )  # fmt: skip
    found, hard_rows = _hard(made, audited, why_not, asked.missed_by)
    told = {
        "source": asked.file.name,
        "questions": len(made.questions),
        **describe(made, wanted),
        "seed": asked.seed,
        "by_category": asked.by_category,
        "copies_may_cross": asked.copies_may_cross,
        "left_out": {
            "questions": int(made.out.sum()),
            "reasons": dict(sorted(Counter(filter(None, made.why_out)).items())),
        },
        "queue": where,
        "hard": found,
        "check": check(made),
    }
    _write(asked.folder, made, wanted, hard_rows, told)
    if asked.project:
        _save_version(asked, asked.project, made, wanted)
    return Done(asked.folder, told, len(reading.problems))


def _waiting(asked: Request, known: set[str]) -> tuple[dict[str, str], str | None]:
    """Reasons by id from the review queue, and which queue it was."""
    project = asked.project
    if asked.refined:
        cases, where = queue.read(asked.refined / queue.NAME), asked.refined.name
        if cases and not known & queue.ids(cases):
            raise InputError(
                f"--refined {asked.refined}: none of the {len(cases):,} questions in its queue is in {asked.file}"
            )
    elif project:
        cases, where = queue.load(project), queue.TABLE
        if not project.table(queue.TABLE).versions():
            return {}, None
    else:
        path = asked.beside("refine") / queue.NAME
        if not path.is_file():
            return {}, None
        cases, where = queue.read(path), path.parent.name
    return {c.id: c.reason for c in cases if c.state == "open" and c.reason in queue.WAITING}, where


def _audited(asked: Request) -> tuple[hard.Audited | None, str]:
    """The findings to pick the hard from, or why there are none."""
    folder = asked.audit or (asked.project.reports / "audit" if asked.project else asked.beside("audit"))
    if not asked.audit and not (folder / "findings.parquet").is_file():
        if asked.missed_by:
            raise InputError("--missed-by needs the findings of an audit: --audit FOLDER")
        return None, "no audit was named (--audit FOLDER)"
    audited = hard.load(folder)
    if audited.lacks and asked.missed_by:
        raise InputError(f"--missed-by: {audited.lacks}")
    return (None, audited.lacks) if audited.lacks else (audited, "")


def _hard(
    made: Split, audited: hard.Audited | None, why_not: str, missed_by: tuple[str, ...]
) -> tuple[dict[str, Any], np.ndarray | None]:
    rows = np.concatenate([made.rows(name) for name in EVALUATED])
    if audited and not len(rows):
        why_not = "nothing stands in val or test"
    if not audited or why_not:
        return {"made": False, "why": f"not made: {why_not}"}, None
    models = hard.named(missed_by, audited)
    judged = hard.judge(made.questions.take(rows), audited, models)
    chosen = rows[[standing == "hard" for standing, _ in judged]]
    undecided = Counter(why for standing, why in judged if standing == "undecided")
    return {
        "made": True,
        "audit": audited.folder.name,
        "missed_by": models,
        "questions": len(chosen),
        **{name: int((made.placed[chosen] == name).sum()) for name in EVALUATED},
        "not_hard": sum(standing == "not hard" for standing, _ in judged),
        "undecided": sum(undecided.values()),
        "undecided_because": dict(sorted(undecided.items())),
    }, chosen


def _may_write(asked: Request) -> None:
    """Files of these names that no split wrote are somebody's data."""
    folder = asked.folder
    if asked.file.resolve() in [(folder / name).resolve() for name in _OURS]:
        raise InputError(f"{asked.file}: would be written over; name another folder with -o")
    theirs = [name for name in _OURS if (folder / name).exists()]
    if theirs and not (folder / "split.json").exists():
        raise InputError(f"{folder}: a {theirs[0]} that no split wrote stands there; name another folder with -o")
    writable(folder)


def _write(
    folder: Path, made: Split, wanted: dict[str, float], hard_rows: np.ndarray | None, told: dict[str, Any]
) -> None:
    rows = with_splits(made).to_rows()
    files = {name: [rows[i] for i in made.rows(name)] for name in wanted}
    if hard_rows is not None:
        files["hard"] = [rows[i] for i in sorted(hard_rows)]
    files["left_out"] = [
        {**rows[i], "meta": {**rows[i].get("meta", {}), "left_out": made.why_out[i], "left_out_of": made.placed[i]}}
        for i in np.flatnonzero(made.out)
    ]
    for name in _OURS:
        if name.removesuffix(".jsonl") not in files:  # of a split before, in the same folder
            (folder / name).unlink(missing_ok=True)
    for stem, part in files.items():
        write_jsonl(folder / f"{stem}.jsonl", part)
    write_text(folder / "split.json", json.dumps(told, indent=1, ensure_ascii=False) + "\n")


def _save_version(asked: Request, project: Project, made: Split, wanted: dict[str, float]) -> None:
    """The questions in the order they had, with the split set; nothing where nothing would change."""
    table = project.table("questions")
    now = Questions(table.read())
    homes = dict(zip(made.questions.ids, with_splits(made).table.column("split").to_pylist(), strict=True))
    new = now.with_columns(split=[homes[id] for id in now.ids]).table
    if new.equals(now.table):
        return
    parents = [
        f"{t.folder.name}/v{t.versions()[-1].number}" for t in (table, project.table(queue.TABLE)) if t.versions()
    ]
    how = {"shares": wanted, "seed": asked.seed, **{n: getattr(asked, n) for n in ("by_category", "copies_may_cross")}}
    table.write(new, stage="split", parameters=how, parents=parents)
