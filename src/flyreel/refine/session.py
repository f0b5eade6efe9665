"""What `flyreel refine` does around the loop: open, connect, refine, prove, relabel, save."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flyreel.audit import asking
from flyreel.audit.run import versions, with_choices
from flyreel.engine.budget import Forecast, parse_budget
from flyreel.engine.budget import forecast as forecast_calls
from flyreel.engine.callers import Callers, Terms, open_callers
from flyreel.engine.calls import tallies
from flyreel.engine.local import Progress, stops_at_once
from flyreel.errors import InputError, did_you_mean
from flyreel.formats.base import Reading
from flyreel.formats.project import open_questions
from flyreel.models import roles
from flyreel.models.catalog import Say
from flyreel.questions import Questions
from flyreel.refine import labels, proof, store, summary
from flyreel.refine.loop import ATTEMPTS, Refined, Setting, Walk, refine
from flyreel.refine.strategy import strategies
from flyreel.review import queue
from flyreel.tables import Project, content_sha256, writable, write_jsonl

RULES = ("averaged", "vote")
BY_ROLE = {"models": "blind", "heldout": "heldout", "rewriter": "rewriter", "verifiers": "verifier"}


@dataclass(frozen=True)
class Request:
    """What was asked for on the command line."""

    file: Path
    out: Path | None = None
    format: str | None = None
    map: str | None = None
    strategy: str = "auto"
    models: tuple[str, ...] = ()
    heldout: tuple[str, ...] = ()
    rewriter: tuple[str, ...] = ()
    verifiers: tuple[str, ...] = ()
    rule: str = "averaged"
    attempts: int = ATTEMPTS
    folds: int = 5
    seed: int = 0
    prove: int | None = None
    drop_unfixable: bool = False
    report: Path | None = None
    budget: str | None = None
    concurrency: int | None = None
    rate: float | None = None

    @property
    def project(self) -> Project | None:
        return Project.at(self.file)

    @property
    def folder(self) -> Path:
        if self.out:
            return store.beside(self.out)
        assert self.project is not None
        return self.project.reports / "refine"

    @property
    def calls(self) -> Path:
        return self.project.calls if self.project else self.folder / "calls"


@dataclass(frozen=True)
class Done:
    folder: Path
    out: Path | None
    summary: dict[str, Any]
    failures: list[str]


def check(asked: Request) -> None:
    strategies.get(asked.strategy)
    if asked.rule not in RULES:
        raise InputError(f"--rule {asked.rule}: no such rule.{did_you_mean(asked.rule, RULES)}")
    if not asked.out and not asked.project:
        raise InputError("refine needs -o OUT.jsonl for a file; in a project it writes a new version")
    if asked.drop_unfixable and not asked.out:
        raise InputError("--drop-unfixable leaves questions out of a file: name one with -o")
    if asked.out and asked.out.is_dir():
        raise InputError(f"{asked.out}: cannot write: it is a directory; name a file")
    if asked.out and asked.out.resolve() == asked.file.resolve():
        raise InputError(f"{asked.out}: would be written over; name another file with -o")
    if asked.report and asked.report.is_dir():
        raise InputError(f"{asked.report}: cannot write: it is a directory; name a file")
    if len(asked.rewriter) > 1:
        raise InputError("--rewriter: one model rewrites; give it once")
    parse_budget(asked.budget)


def run(asked: Request, *, say: Say, progress: Callable[[str], Progress]) -> Done:
    check(asked)
    reading = open_questions(asked.file, asked.format, asked.map)
    closed = with_choices(reading.source, reading.questions)
    if asked.strategy == "rewrite" and not _specs(asked)["rewriter"]:
        raise InputError("--strategy rewrite needs a model that rewrites: --rewriter http://localhost:8000/v1")
    writable(asked.folder)
    for file in filter(None, (asked.out, asked.report)):
        writable(file.parent)
    start = time.monotonic()
    with ExitStack() as stack:
        callers = connect(asked, say, stack)
        setting = Setting(
            strategy=asked.strategy, rule=asked.rule, attempts=asked.attempts, seed=asked.seed, folds=asked.folds,
            blind=callers["blind"], rewriter=next(iter(callers["rewriter"]), None), verifiers=callers["verifier"],
            progress=progress,
        )  # fmt: skip
        with stops_at_once():
            worked = asyncio.run(work(closed, setting, callers, asked.prove, say))
    return finish(asked, reading, closed, setting, callers, worked, time.monotonic() - start)


def finish(
    asked: Request, reading: Reading, closed: Questions, setting: Setting, callers: Callers, worked: Worked,
    seconds: float,
) -> Done:  # fmt: skip
    """Everything on disk, the summary last."""
    rows = _rows(reading.questions, worked.refined, worked.after, setting)
    cases = [_case(w, rows[w.id]) for w in worked.refined.walks if w.outcome in queue.WAITING]
    revisions = [r for w in worked.refined.walks for r in w.revisions]
    whole = Questions.from_rows(rows.values())
    how = _how(asked, callers)
    store.save(asked.folder, reading.questions, whole, revisions, cases)
    if asked.out:
        waiting = {case.id for case in cases}
        kept = (r for r in whole.to_rows() if not (asked.drop_unfixable and r["id"] in waiting))
        write_jsonl(asked.out, kept)
    if asked.project:
        store.save_version(asked.project, whole, revisions, cases, how)
    told = {
        "source": reading.source,
        "format": reading.format,
        **summary.told(worked.refined, closed, worked.after, worked.auditors, setting),
        "labels": worked.labelled,
        "problems": [p.model_dump(exclude_none=True) for p in reading.problems],
        "calls": tallies(callers),
        "seconds": round(seconds, 1),
        "out": str(asked.out) if asked.out else None,
        "folder": str(asked.folder),
        "how": {**versions(), **how},
    }
    store.save_summary(asked.folder, told)
    return Done(asked.folder, asked.out, told, _failures(worked.refined))


@dataclass(frozen=True)
class Worked:
    """What came of it, before anything is written."""

    refined: Refined
    after: Questions
    labelled: dict[str, Any]
    auditors: list[proof.Auditor]


async def work(closed: Questions, setting: Setting, callers: Callers, most: int | None, say: Say) -> Worked:
    """Refine, label anew what changed, prove."""
    try:
        refined = await refine(closed, setting)
        say(f"  refine    {summary.one_line(refined)}")
        changed = [w.row for w in refined.walks if w.changed]
        labelling = labels.Labelling(setting.verifiers or setting.blind, first=closed, progress=setting.progress)
        after, labelled = await labels.relabel(refined.questions, changed, labelling)
        proving = proof.Proving(
            blind=setting.blind, heldout=callers["heldout"], verifiers=setting.verifiers,
            text_in_loop=setting.strategy != "rewrite" or not setting.blind,
            folds=setting.folds, seed=setting.seed, most=most, progress=setting.progress,
        )  # fmt: skip
        return Worked(refined, after, labelled, await proof.prove(closed, after, proving))
    finally:
        for caller in {c for role in callers.values() for c in role}:
            await caller.model.close()


def _specs(asked: Request) -> dict[str, list[roles.Spec]]:
    """By role: what was named on the command line, else what flyreel.toml names."""
    known = roles.settings(asked.file if asked.project else Path())
    found = {}
    for field, role in BY_ROLE.items():
        given = [roles.parse(text, known) for text in getattr(asked, field)]
        found[role] = given or ([known.roles[role]] if asked.project and role in known.roles else [])
    if not found["rewriter"] and asked.strategy == "rewrite":
        found["rewriter"] = found["blind"][:1]
    return found


def connect(asked: Request, say: Say, stack: ExitStack, forecasting: bool = False) -> Callers:
    known = roles.settings(asked.file if asked.project else Path())
    terms = Terms(asked.calls, asked.budget, asked.concurrency, asked.rate, asked.seed)
    callers = open_callers(_specs(asked), known, terms, say, stack, forecasting)
    who = {role: {(c.model.identity, c.model.name) for c in given} for role, given in callers.items()}
    if who["heldout"] & who["blind"]:
        raise InputError("--heldout: a model that finds what is weak proves nothing; name one that took no part")
    return callers


def forecast(asked: Request, say: Say) -> dict[str, Forecast]:
    """The first test, exactly. What comes after it depends on how many questions it finds weak."""
    check(asked)
    closed = with_choices(str(asked.file), open_questions(asked.file, asked.format, asked.map).questions)
    with ExitStack() as stack:
        callers = connect(asked, say, stack, forecasting=True)
        if not callers["blind"]:
            raise InputError("--dry-run forecasts calls to a model: add --model http://localhost:8000/v1 or local:")
        first = Forecast()
        for caller in callers["blind"]:
            calls = (c for item in asking.items(closed, ()) for c in asking.calls(item, "blind"))
            first += forecast_calls(caller.model, calls, caller.ledger)
    return {"first test": first}


def _rows(everything: Questions, refined: Refined, after: Questions, setting: Setting) -> dict[str, dict[str, Any]]:
    """Canonical rows by id, in the order they came; those that changed say from what and how."""
    rows = {row["id"]: row for row in everything.to_rows()}
    for walk, row in zip(refined.walks, after.to_rows(), strict=True):
        if not walk.changed:
            continue
        number = row.get("round", 0)
        model = setting.rewriter.model.name if setting.rewriter else None
        parameters = {"strategy": setting.strategy, "attempt": walk.base, "seed": setting.seed}
        origin = {"name": "refine", "parameters": parameters, **({"model": model} if model else {})}
        accepted = sum(r.accepted for r in walk.revisions)
        rows[walk.id] = {**row, "parent": f"{walk.id}@{number}", "round": number + accepted, "origin": origin}
    return rows


def _case(walk: Walk, row: dict[str, Any]) -> queue.Case:
    return queue.Case(question=row, reason=walk.outcome, detail=walk.reason, tried=tuple(walk.revisions))


def _how(asked: Request, callers: Callers) -> dict[str, Any]:
    words = [f"flyreel refine {asked.file.name}", *([f"-o {asked.out.name}"] if asked.out else [])]
    words += [f"--strategy {asked.strategy}", *([f"--rule {asked.rule}"] if asked.rule != "averaged" else [])]
    options = {"models": "model", "heldout": "heldout", "rewriter": "rewriter", "verifiers": "verifier"}
    words += [f"--{options[f]} {text}" for f in BY_ROLE for text in getattr(asked, f)]
    words += [f"--attempts {asked.attempts} --folds {asked.folds} --seed {asked.seed}"]
    how: dict[str, Any] = {"command": " ".join(words), "seed": asked.seed, "strategy": asked.strategy}
    if asked.file.is_file():
        how["source_sha256"] = content_sha256(asked.file)
    how["models"] = {
        role: [{"name": c.model.name, "identity": c.model.identity} for c in given]
        for role, given in callers.items()
        if given
    }
    return how


def _failures(refined: Refined) -> list[str]:
    unknown = [w for w in refined.walks if w.outcome == "unknown"]
    if not unknown:
        return []
    return [f"{len(unknown):,} questions are unknown and wait in the review queue: {unknown[0].reason}"]


def roll_back(where: Path, ids: Sequence[str], out: Path | None) -> tuple[int, str]:
    """First wordings again, for these questions or for all: how many, and where they are now."""
    saved = store.load(store.find(where))
    unknown = next((i for i in ids if i not in set(saved.before.ids)), None)
    if unknown is not None:
        raise InputError(f"{unknown}: no such question there.{did_you_mean(unknown, saved.before.ids)}")
    first = {row["id"]: row for row in saved.before.to_rows()}
    wanted = set(ids) or set(first)
    project = Project.at(where)
    now = Questions(project.table("questions").read()) if project else saved.after
    rows = now.to_rows()
    back = [i for i, row in enumerate(rows) if row["id"] in wanted and first.get(row["id"], row) != row]
    for i in back:
        rows[i] = first[rows[i]["id"]]
    if project is not None:
        table = project.table("questions")
        parents = [f"questions/v{table.versions()[-1].number}"]
        how = {"questions": sorted(ids)} if ids else {}
        made = table.write(Questions.from_rows(rows).table, stage="rollback", parameters=how, parents=parents)
        return len(back), f"questions/v{made.number}"
    if out is None:
        raise InputError("rollback needs -o OUT.jsonl for a file; in a project it writes a new version")
    return len(back), str(write_jsonl(out, rows))
