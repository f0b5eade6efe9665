"""Templates from question sets: what `flyreel templates` does.

Everything up to the names is a function of the files and the seed; names by a model come through the ledger beside the
output. So a stopped run goes on where it stood, and the same command writes the same file.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from flyreel.engine.budget import Forecast, parse_budget
from flyreel.engine.budget import forecast as forecast_calls
from flyreel.engine.callers import Terms, open_callers
from flyreel.engine.calls import Caller
from flyreel.engine.local import Progress
from flyreel.engine.stage import Context
from flyreel.errors import InputError
from flyreel.formats.project import open_questions
from flyreel.generate.templates import cluster, store
from flyreel.generate.templates.embed import Space, embed
from flyreel.generate.templates.merge import merged
from flyreel.generate.templates.naming import SHOWN, Draft, by_model, by_rule, naming, told
from flyreel.generate.templates.roles import cleaned, frame, normal, unnamed
from flyreel.models import roles
from flyreel.models.catalog import Say
from flyreel.tables import Project, writable


@dataclass(frozen=True)
class Request:
    """What was asked for on the command line."""

    files: tuple[Path, ...]
    out: Path | None = None
    k: int | None = None
    embedder: str = "tfidf"
    seed: int = 0
    model: str | None = None
    categories: tuple[str, ...] = store.CATEGORIES
    examples: int = SHOWN
    format: str | None = None
    map: str | None = None
    budget: str | None = None
    concurrency: int | None = None
    rate: float | None = None

    @property
    def folder(self) -> Path:
        """Beside the output: kinds.yaml → kinds.templates."""
        assert self.out is not None
        return self.out.with_name(f"{self.out.stem}.templates")


@dataclass(frozen=True)
class Done:
    summary: dict[str, Any]
    failures: list[str]


@dataclass(frozen=True)
class Gathered:
    """The distinct questions, nobody named in them."""

    texts: list[str]
    questions: int
    names_by: str
    problems: list[dict[str, Any]]


@dataclass(frozen=True)
class Found:
    """The kinds before anybody was asked what they are."""

    space: Space
    clusters: cluster.Clusters
    scores: list[cluster.Score]
    drafts: list[Draft]


def check(asked: Request) -> None:
    if asked.out is None:
        raise InputError("templates needs -o FILE.yaml")
    if asked.out.is_dir():
        raise InputError(f"{asked.out}: cannot write: it is a directory; name a file")
    if any(asked.out.resolve() == file.resolve() for file in asked.files):
        raise InputError(f"{asked.out}: would be written over; name another file with -o")
    if store.edited(asked.out):
        raise InputError(f"{asked.out}: has been edited since it was made, or is another file; name a new one with -o")
    if not asked.categories:
        raise InputError("--categories: names none; write them with commas between")
    if asked.examples < 1:
        raise InputError(f"--examples {asked.examples}: at least one question of each kind is kept")
    parse_budget(asked.budget)


def run(asked: Request, *, say: Say, progress: Callable[[str], Progress]) -> Done:
    check(asked)
    assert asked.out is not None
    gathered = gather(asked)
    writable(asked.out.parent)
    with ExitStack() as stack:
        caller = _connect(asked, say, stack)
        found = find(gathered.texts, asked, say)
        drafts, reasons = found.drafts, dict[str, int]()
        if caller is not None:
            drafts, reasons = asyncio.run(_ask(drafts, asked, caller, progress("name")))
    templates = merged(drafts, found.space)
    store.write(asked.out, [d.template for d in templates])
    summary = _summary(asked, gathered, found, templates, drafts, reasons, caller)
    return Done(summary, _failures(len(drafts), reasons))


def gather(asked: Request) -> Gathered:
    """Every question of every file, once. The first wording of those that differ in case or marks alone stands."""
    without: list[str] = []
    problems: list[dict[str, Any]] = []
    names_by = ""
    for file in asked.files:
        reading = open_questions(file, asked.format, asked.map)
        found, names_by = unnamed([cleaned(text) for text in reading.questions.texts])
        without += found
        problems += ({"source": reading.source, **p.model_dump(exclude_none=True)} for p in reading.problems)
    distinct: dict[str, str] = {}
    for text in without:
        if key := normal(text):
            distinct.setdefault(key, text)
    if not distinct:
        raise InputError(f"{', '.join(map(str, asked.files))}: no question there")
    return Gathered(list(distinct.values()), len(without), names_by, problems)


def find(texts: Sequence[str], asked: Request, say: Say) -> Found:
    space = embed([frame(text) for text in texts], asked.embedder)
    if asked.k is None:
        clusters, scores = cluster.choose(space.points, asked.seed, say=say)
    else:
        clusters = cluster.cluster(space.points, asked.k, asked.seed)
        scores = [clusters.score]
    return Found(space, clusters, scores, by_rule(texts, clusters.members(), space, asked.examples, asked.seed))


def forecast(asked: Request, say: Say) -> dict[str, Forecast]:
    """Exactly the calls that the run would make: the clusters do not depend on any reply."""
    check(asked)
    gathered = gather(asked)
    with ExitStack() as stack:
        caller = _connect(asked, say, stack, forecasting=True)
        if caller is None:
            raise InputError("--dry-run forecasts calls to a model: add --model http://localhost:8000/v1 or local:")
        drafts = find(gathered.texts, asked, say).drafts
        calls = [naming(d.shown, asked.categories) for d in drafts]
        return {"name": forecast_calls(caller.model, calls, caller.ledger)}


async def _ask(
    drafts: Sequence[Draft], asked: Request, caller: Caller, progress: Progress
) -> tuple[list[Draft], dict[str, int]]:
    try:
        return await by_model(drafts, asked.categories, Context(caller), progress)
    finally:
        await caller.model.close()


def _connect(asked: Request, say: Say, stack: ExitStack, forecasting: bool = False) -> Caller | None:
    """What was named on the command line, else the generator of the first project. A forecast makes no ledger."""
    project = next(filter(None, (Project.at(file) for file in asked.files)), None)
    known = roles.settings(project.folder if project else Path())
    if asked.model is None and not (project and "generator" in known.roles):
        return None
    spec = roles.parse(asked.model or "generator", known)
    terms = Terms(asked.folder / "calls", asked.budget, asked.concurrency, asked.rate, asked.seed)
    (caller,) = open_callers({"generator": [spec]}, known, terms, say, stack, forecasting)["generator"]
    return caller


def _summary(
    asked: Request, gathered: Gathered, found: Found, templates: Sequence[Draft], drafts: Sequence[Draft],
    reasons: dict[str, int], caller: Caller | None,
) -> dict[str, Any]:  # fmt: skip
    score = found.clusters.score
    named = sum(d.by_model for d in drafts)
    tally = {**asdict(caller.tally), "failures": dict(caller.tally.failures)} if caller else None
    return {
        "sources": [str(file) for file in asked.files],
        "questions": gathered.questions,
        "distinct": len(gathered.texts),
        "names_by": gathered.names_by,
        "embedder": found.space.name,
        "k": score.k,
        "chosen_by": "given" if asked.k is not None else "silhouette among the stable",
        "scores": [asdict(s) for s in found.scores],
        "ari": {"mean": score.ari, "lowest": score.lowest, "seeds": cluster.SEEDS},
        "merged": len(drafts) - len(templates),
        "named": {"model": caller.model.label if caller else None, "by_model": named,
                  "by_rule": len(drafts) - named, "reasons": reasons},
        "templates": [told(d) for d in templates],
        "calls": {caller.model.label: tally} if caller else {},
        "problems": gathered.problems,
        "seed": asked.seed,
        "out": str(asked.out),
    }  # fmt: skip


def _failures(clusters: int, reasons: dict[str, int]) -> list[str]:
    if not reasons:
        return []
    why = ", ".join(f"{reason} {n:,}" for reason, n in reasons.items())
    return [f"{sum(reasons.values()):,} of {clusters:,} clusters keep the name that the rule gave them: {why}"]


def lines(summary: dict[str, Any]) -> list[str]:
    """The summary for a person."""
    s, ari = summary, summary["ari"]
    found = [
        f"{s['questions']:,} questions, {s['distinct']:,} different once names, case and marks are set aside "
        f"(names found by {s['names_by']})",
        f"{s['k']:,} clusters, {s['chosen_by']} ({s['embedder']}); another seed finds them again with an adjusted Rand "
        f"index of {ari['mean']:.2f} (lowest {ari['lowest']:.2f}, all pairs of {ari['seeds']} seeds)",
    ]
    if s["merged"]:
        found.append(f"{s['merged']:,} merged into others that ask the same")
    if s["named"]["model"] is None:
        found.append("names and prototypes by rule; categories were not asked for (--model asks)")
    wide = max(len(str(f"{t['size']:,}")) for t in s["templates"])
    name = min(44, max(len(t["name"]) for t in s["templates"]))
    for t in s["templates"]:
        found.append(f"  {t['size']:>{wide},}  {_cut(t['name'], name):<{name}}  {_cut(t['question'], 70)}")
    return [*found, f"written to {s['out']}"]


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
