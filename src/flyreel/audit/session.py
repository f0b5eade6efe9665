"""What `flyreel audit` does around the probes: open the questions, the models and the ledger, run, save."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from flyreel.audit import asking, films, store, summary
from flyreel.audit.probe import Result, Setting, probes
from flyreel.audit.run import Audit, audit, plan, with_choices
from flyreel.engine.budget import Budget, Forecast, parse_budget
from flyreel.engine.budget import forecast as forecast_calls
from flyreel.engine.calls import Caller, Limits, tallies
from flyreel.engine.local import Progress
from flyreel.errors import InputError, did_you_mean
from flyreel.formats.base import Reading
from flyreel.formats.clip_files import files
from flyreel.formats.project import open_questions
from flyreel.models import roles
from flyreel.models.call import Model
from flyreel.models.catalog import Say
from flyreel.models.ledger import Ledger
from flyreel.tables import Project, content_sha256, writable


@dataclass(frozen=True)
class Request:
    """What was asked for on the command line."""

    file: Path
    format: str | None = None
    map: str | None = None
    probes: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    report: Path | None = None
    out: Path | None = None
    budget: str | None = None
    rule: str = "averaged"
    folds: int = 5
    seed: int = 0
    concurrency: int | None = None
    rate: float | None = None
    embedder: str | None = None

    @property
    def project(self) -> Project | None:
        return Project.at(self.file)

    @property
    def folder(self) -> Path:
        if self.out:
            return self.out
        return self.project.reports / "audit" if self.project else Path(f"{self.file.stem}.audit")

    @property
    def calls(self) -> Path:
        return self.project.calls if self.project and not self.out else self.folder / "calls"


@dataclass(frozen=True)
class Done:
    audit: Audit
    folder: Path
    report: Path
    summary: dict[str, Any]
    hint: str
    calls: dict[str, Any] = field(default_factory=dict)
    """What each model was asked and what it cost."""

    def failures(self, max_excess: float | None, strict: bool) -> list[str]:
        """Why the exit code is 1, a line each."""
        found = []
        if max_excess is not None:
            found += [f"--max-excess {max_excess:g}: {line}" for line in summary.over(self.audit, max_excess)]
        problems = self.audit.problems
        if strict and problems:
            found.append(f"--strict: {summary.counted(len(problems), 'broken row')}; the first is {problems[0]}")
        for r in self.audit.results:
            if (unknown := r.count("unknown")) and not r.skipped:
                why = ", ".join(f"{reason or 'no answer'} ({n:,})" for reason, n in r.details["failures"].items())
                found.append(f"{r.probe}: {unknown:,} of {len(r.ids):,} are unknown: {why}")
        return found


def check(asked: Request) -> None:
    """The mistakes that need no file to be seen."""
    if asked.rule not in asking.RULES:
        raise InputError(f"--rule {asked.rule}: no such rule.{did_you_mean(asked.rule, asking.RULES)}")
    for name in asked.probes:
        probes.get(name)
    parse_budget(asked.budget)


def run(asked: Request, *, say: Say, progress: Callable[[str], Progress], quiet: bool) -> Done:
    check(asked)
    reading = open_questions(asked.file, asked.format, asked.map)
    plan(asked.probes, with_choices(reading.source, reading.questions), bool(_specs(asked)))
    if asked.report and asked.report.is_dir():
        raise InputError(f"{asked.report}: cannot write: it is a directory; name a file")
    models = connect(asked, say)
    budget = parse_budget(asked.budget)
    budget.can_price([model for _, model in models])
    if asked.report:
        writable(asked.report.parent)
    writable(asked.folder)
    with ExitStack() as stack:
        ledger = stack.enter_context(Ledger(asked.calls)) if models else None
        callers = _callers(models, ledger, budget, asked)
        setting = Setting(folds=asked.folds, seed=asked.seed, rule=asked.rule, callers=callers, progress=progress)
        after = _silent if quiet else lambda r: say(f"  {r.probe} done in {r.seconds:.1f} s")
        done = audit(
            reading.source, reading.questions, format=reading.format, problems=reading.problems, asked=asked.probes,
            setting=setting, how=_how(asked, models), after=after,
        )  # fmt: skip
    return replace(saved(asked, done, _hint(reading, bool(models))), calls=tallies({"blind": callers}))


def saved(asked: Request, done: Audit, hint: str = "") -> Done:
    _, told = store.save(done, asked.folder)
    if found := files(done.questions, asked.file, asked.project):
        films.save(found, asked.embedder, asked.folder / films.NAME)
    else:
        (asked.folder / films.NAME).unlink(missing_ok=True)  # of the audit before, in the same folder
    if asked.project:
        store.save_version(done, asked.project)
    return Done(done, asked.folder, asked.report or asked.folder / "report.html", told, hint)


def _silent(result: Result) -> None:
    pass


def _specs(asked: Request) -> list[roles.Spec]:
    known = roles.settings(asked.file if asked.project else Path())
    given = [roles.parse(text, known) for text in asked.models]
    return given or ([known.roles["blind"]] if asked.project and "blind" in known.roles else [])


def connect(asked: Request, say: Say) -> list[tuple[roles.Spec, Model]]:
    known = roles.settings(asked.file if asked.project else Path())

    async def everyone() -> list[tuple[roles.Spec, Model]]:
        return [(spec, await roles.connect(spec, known, say)) for spec in _specs(asked)]

    return asyncio.run(everyone()) if _specs(asked) else []


def _callers(
    models: list[tuple[roles.Spec, Model]], ledger: Ledger | None, budget: Budget, asked: Request
) -> list[Caller]:
    return [
        Caller(
            model,
            Limits(asked.concurrency or spec.in_flight, asked.rate or spec.rate, spec.tries),
            ledger,
            budget,
            asked.seed,
        )
        for spec, model in models
    ]


def forecast(asked: Request, say: Say) -> dict[str, Forecast]:
    """Calls, tokens and money of every probe that would ask a model, without asking."""
    check(asked)
    reading = open_questions(asked.file, asked.format, asked.map)
    questions = with_choices(reading.source, reading.questions)
    specs = _specs(asked)
    if not specs:
        raise InputError("--dry-run forecasts calls to a model: add --model http://localhost:8000/v1 or --model local:")
    names, _ = plan(asked.probes, questions, True)
    models = connect(asked, say)
    found = {}
    with ExitStack() as stack:
        ledger = stack.enter_context(Ledger(asked.calls)) if asked.calls.is_dir() else None
        for name in names:
            if name in asking.TEMPLATES:
                parts = [forecast_calls(model, _calls(name, questions), ledger) for _, model in models]
                found[name] = sum(parts, start=Forecast())
    return found


def _calls(name: str, questions: Any) -> Any:
    template, kinds = asking.TEMPLATES[name]
    for item in asking.items(asking.askable(name, questions), kinds):
        yield from asking.calls(item, template)


def _how(asked: Request, models: list[tuple[roles.Spec, Model]]) -> dict[str, Any]:
    how: dict[str, Any] = {"command": _command(asked)}
    if asked.file.is_file():
        how["source_sha256"] = content_sha256(asked.file)
    if models:
        how["models"] = [{"name": m.name, "label": m.label, "identity": m.identity} for _, m in models]
    return how


def _command(asked: Request) -> str:
    words = ["flyreel audit", asked.file.name]
    words += [f"--format {asked.format}"] if asked.format else []
    words += [f"--map {json.dumps(asked.map)}"] if asked.map else []
    words += [f"--probe {p}" for p in asked.probes] + [f"--model {m}" for m in asked.models]
    words += [f"--rule {asked.rule}"] if asked.rule != "averaged" else []
    return " ".join([*words, f"--folds {asked.folds}", f"--seed {asked.seed}"])


def _hint(reading: Reading, has_model: bool) -> str:
    if has_model:
        return ""
    questions = reading.questions.with_choices()
    calls = list(_calls("blind", questions))
    tokens = sum(c.input_tokens_guess + c.output_tokens_most for c in calls) / 1e6
    return (
        f"add --model http://localhost:8000/v1 (or --model local:) to ask a language model too: "
        f"{len(calls):,} calls, {tokens:.2f} M tokens"
    )
