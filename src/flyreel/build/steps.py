"""The steps of a build, each the session of a verb with the plan's parameters."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any

import flyreel
from flyreel.audit import session as auditing
from flyreel.audit.run import versions
from flyreel.build.journal import Step
from flyreel.build.plan import Plan
from flyreel.engine.budget import Budget, Forecast
from flyreel.engine.calls import tallies
from flyreel.engine.local import Progress, stops_at_once
from flyreel.errors import InputError
from flyreel.generate import session as generating
from flyreel.generate.language import model as english
from flyreel.generate.method import methods
from flyreel.generate.result import made_by
from flyreel.models import roles
from flyreel.models.catalog import Say
from flyreel.models.prompts import digest
from flyreel.questions import Questions
from flyreel.refine import labels
from flyreel.refine import session as refining
from flyreel.report.page import write_report
from flyreel.report.refinement import write_report as write_refinement
from flyreel.split import run as splitting
from flyreel.split.assign import shares
from flyreel.tables import Project, content_sha256

Told = tuple[dict[str, Any], str]


@dataclass
class Hands:
    """Who reports, and what may still be spent. Each step takes from the same purse."""

    say: Say
    progress: Callable[[str], Progress]
    steps: Callable[[int, int], None]
    budget: Budget

    @property
    def left(self) -> str | None:
        """As `--budget` would have it."""
        if self.budget.calls is not None:
            return f"{max(self.budget.calls - self.budget.spent_calls, 0)}calls"
        if self.budget.money is not None:
            return f"{max(self.budget.money - self.budget.spent_money, 0.0):.6f}"
        return None

    def spend(self, calls: dict[str, Any]) -> str:
        """Take off what a step has cost; why it is incomplete, if the budget was what ended it."""
        for tally in calls.values():
            self.budget.spent_calls += tally["sent"]
            self.budget.spent_money += tally["money"]
        short = sum(tally["failures"].get("budget-spent", 0) for tally in calls.values())
        return f"the budget is spent; {short:,} calls were not made" if short else ""


def steps(project: Project, plan: Plan, hands: Hands) -> Iterator[Step]:
    known = roles.settings(project.folder)
    ours = {"flyreel": flyreel.__version__, "prompts": digest("flyreel.generate", "flyreel.audit", "flyreel.refine")}

    def models(*names: str) -> dict[str, Any]:
        """Who is asked, and not how fast: another rate is no reason to do anything again."""
        asked = {name: [known.roles[name]] for name in names if name in known.roles}
        if plan.blind and "blind" in names:
            asked["blind"] = [roles.parse(text, known) for text in plan.blind]
        told = {role: [(s.url, s.local or s.hf or s.run, s.name) for s in specs] for role, specs in asked.items()}
        return {"models": told, "ours": ours}

    for method in plan.methods:
        asked = generate_request(project, plan, method)
        language = {} if method == "mcq" else {"language": english.name() if english.installed() else None}
        yield Step(
            f"generate {method}",
            {**_told(asked), **language, **models("generator", "verifier")},
            partial(_generate, asked, hands),
        )
    yield Step(
        "audit",
        {"rule": plan.degenerate, "folds": plan.folds, "seed": plan.seed, **models("blind")},
        partial(_audit, project, plan, hands),
    )
    yield Step("label", models("blind", "verifier"), partial(_label, project, plan, hands))
    if plan.refine != "off":
        asking = models(*refining.BY_ROLE.values())
        chosen = {name: getattr(plan, name) for name in ("refine", "attempts", "folds", "seed")}
        yield Step("refine", {**chosen, **asking}, partial(_refine, project, plan, hands))
    yield Step("split", {**plan.split.model_dump(), "seed": plan.seed}, partial(_split, project, plan))


def check(project: Project, plan: Plan) -> None:
    """The mistakes that would otherwise come to light when everything before them is paid for."""
    known = roles.settings(project.folder)
    for method in plan.methods:
        asked = generate_request(project, plan, method)
        generating.check(asked)
        if missing := generating.needs(asked) - set(known.roles):
            raise InputError(f"build: {method} needs a model that writes: [models.{missing.pop()}] in flyreel.toml")
    for text in plan.blind:
        roles.parse(text, known)
    if plan.refine == "rewrite" and not (plan.blind or {"rewriter", "blind"} & set(known.roles)):
        raise InputError('build: refine = "rewrite" needs a model that rewrites: [models.rewriter] in flyreel.toml')
    wanted = shares(plan.split.train, plan.split.val, plan.split.test)
    clips, _ = generating.read(generate_request(project, plan, plan.methods[0]))
    groups = len(set(clips.strings("group")))
    if groups < len(wanted):
        raise InputError(
            f"build: {groups} groups of clips cannot make {len(wanted)} splits, which share none: set shares to 0 in "
            "[build.split], or import more"
        )


def generate_request(project: Project, plan: Plan, method: str) -> generating.Request:
    templates = project.folder / plan.templates if plan.templates else None
    return generating.Request(
        file=project.folder, method=method, templates=templates, asker=plan.asker, qa=plan.qa, choices=plan.choices,
        count=plan.count, read=plan.read, tokens=plan.tokens, seed=plan.seed,
    )  # fmt: skip


def _told(asked: generating.Request) -> dict[str, Any]:
    """All that the outcome depends on; templates by what is in them."""
    given = {f.name: getattr(asked, f.name) for f in fields(asked) if f.name not in ("file", "budget", "templates")}
    mine = asked.templates if asked.method == "mcq" else None
    return {**given, "templates": content_sha256(mine) if mine else None}


def _generate(asked: generating.Request, hands: Hands) -> Told:
    done = generating.run(replace(asked, budget=hands.left), say=hands.say, progress=hands.progress, steps=hands.steps)
    told = _without(done.summary, "how", failures=done.failures)
    return {**told, "made_by": versions()}, hands.spend(done.summary["calls"])


def _audit(project: Project, plan: Plan, hands: Hands) -> Told:
    asked = auditing.Request(
        file=project.folder, models=plan.blind, rule=plan.degenerate, folds=plan.folds, seed=plan.seed,
        budget=hands.left,
    )  # fmt: skip
    done = auditing.run(asked, say=hands.say, progress=hands.progress, quiet=True)
    page = write_report(done.folder, done.report)
    short = hands.spend(done.calls)
    told = _without(done.summary, "findings", "how", failures=done.failures(None, False))
    return {**told, "page": str(page), "calls": done.calls}, short


def _label(project: Project, plan: Plan, hands: Hands) -> Told:
    """Every question: does it need the picture, and is it hard with every cue? Most of the calls are in the ledger."""
    table = project.table("questions")
    everything = Questions(table.read())
    closed = everything.with_choices()
    mine = _made_here(closed, plan)
    asked = refining.Request(file=project.folder, models=plan.blind, budget=hands.left)
    with ExitStack() as stack:
        callers = refining.connect(asked, hands.say, stack)
        models = callers["verifier"] or callers["blind"]
        labelling = labels.Labelling(models, first=closed, progress=hands.progress)
        with stops_at_once():
            labelled, counts = asyncio.run(_relabel(closed, mine, labelling))
        calls = tallies(callers)
    if models:
        metas = dict(zip(closed.ids, labelled.table.column("meta").to_pylist(), strict=True))
        before = everything.table.column("meta").to_pylist()
        new = everything.with_columns(meta=[metas.get(id, m) for id, m in zip(everything.ids, before, strict=True)])
        if not new.table.equals(everything.table):
            by = {"models": [c.model.label for c in models]}
            parents = [f"questions/v{table.versions()[-1].number}"]
            table.write(new.table, stage="label", parameters=by, parents=parents)
    failed = sum(n for label in counts.values() for why, n in label["open"].items() if "model failed" in why)
    told = {
        "by": [c.model.label for c in models], "labels": counts, "standing": _standing(labelled), "calls": calls,
        "not_made_here": len(everything) - len(_made_here(everything, plan)),
        "failures": [f"{failed:,} labels are open: a model failed"] if failed else [],
    }  # fmt: skip
    return told, hands.spend(calls)


def _made_here(questions: Questions, plan: Plan) -> list[int]:
    """Positions of what this build made; labels that came with imported questions are not its to judge."""
    letters = [methods.get(method).facts["letter"] for method in plan.methods]
    clips = questions.strings("clip")
    return [i for i, id in enumerate(questions.ids) if any(made_by(letter, id, clips[i]) for letter in letters)]


async def _relabel(closed: Questions, mine: list[int], labelling: labels.Labelling) -> tuple[Questions, dict[str, Any]]:
    try:
        return await labels.relabel(closed, mine, labelling)
    finally:
        for caller in labelling.models:
            await caller.model.close()


def _standing(questions: Questions) -> dict[str, dict[str, int]]:
    """How many of each label there are."""
    metas = [json.loads(m) if m else {} for m in questions.table.column("meta").to_pylist()]
    found = {}
    for name in ("visual_reliance", "hard"):
        found[name] = dict(sorted(Counter(str(meta[name]) for meta in metas if name in meta).items()))
    return found


def _refine(project: Project, plan: Plan, hands: Hands) -> Told:
    asked = refining.Request(
        file=project.folder, models=plan.blind, strategy=plan.refine, attempts=plan.attempts, folds=plan.folds,
        seed=plan.seed, budget=hands.left,
    )  # fmt: skip
    done = refining.run(asked, say=hands.say, progress=hands.progress)
    page = write_refinement(done.folder, None)
    told = _without(done.summary, "how", "first", "folder", "out", failures=done.failures)
    return {**told, "page": str(page)}, hands.spend(done.summary["calls"])


def _split(project: Project, plan: Plan) -> Told:
    """What was accepted may be of too few groups, whatever the clips were: then there is a set, and no splits."""
    try:
        done = splitting.run(splitting.Request(file=project.folder, seed=plan.seed, **plan.split.model_dump()))
    except InputError as error:
        return {"splits": {}, "why": str(error), "failures": [f"no splits: {error}"]}, ""
    return {**done.told, "folder": str(done.folder)}, ""


def _without(told: dict[str, Any], *names: str, failures: Sequence[str]) -> dict[str, Any]:
    kept = {name: value for name, value in told.items() if name not in names}
    return {**kept, "failures": list(failures)}


def forecast(project: Project, plan: Plan, say: Say) -> dict[str, Forecast]:
    """The first calls exactly; after that at most, as if every question that is asked for came and was whole. What is
    extractive makes as many as the descriptions hold: `count` a clip stands for them."""
    found: dict[str, Forecast] = {}
    known = roles.settings(project.folder)
    most = 0
    for method in plan.methods:
        asked = generate_request(project, plan, method)
        clips, _ = generating.read(asked)
        if "generator" in generating.needs(asked) or "verifier" in known.roles:
            parts = generating.forecast(asked, say)
            found |= {f"{method}: {name}": part for name, part in parts.items()}
        most += len(clips) * plan.count
    if plan.blind or "blind" in known.roles:
        found["audit and labels, at most"] = _auditing(project, plan, known, most, say)
    return found


def _auditing(project: Project, plan: Plan, known: roles.Settings, most: int, say: Say) -> Forecast:
    """Blind, from dialogue and from all cues, over every ordering."""
    clips, _ = generating.read(generate_request(project, plan, plan.methods[0]))
    with ExitStack() as stack:
        asked = refining.Request(file=project.folder, models=plan.blind)
        callers = refining.connect(asked, say, stack, forecasting=True)
        parts = [generating.verifying(c, clips, most * 3 // 2, plan.choices) for c in callers["blind"]]
        others = [c for c in callers["verifier"] if c not in callers["blind"]]  # who labels: dialogue, and every cue
        return sum([*parts, *(generating.verifying(c, clips, most, plan.choices) for c in others)], start=Forecast())
