"""What `flyreel evaluate` does around the questions: open, connect, ask, read, score, compare, save."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from flyreel.audit import films
from flyreel.audit.run import versions
from flyreel.engine.budget import Forecast, parse_budget
from flyreel.engine.budget import forecast as forecast_calls
from flyreel.engine.callers import Callers, Terms, open_callers
from flyreel.engine.calls import Caller, tallies
from flyreel.engine.local import Progress, stops_at_once
from flyreel.errors import InputError, did_you_mean
from flyreel.evaluate import judge, open_ended, store, submission
from flyreel.evaluate.answering import Setting, answers, calls, items
from flyreel.evaluate.pictures import Choosing
from flyreel.evaluate.predictions import read_predictions
from flyreel.evaluate.scores import Sheet, compare, letters, score, sheet
from flyreel.evaluate.showing import SENDS, TOKENS
from flyreel.evaluate.views import ADDS, chosen
from flyreel.formats.base import Reading
from flyreel.formats.clip_files import clips_of, files
from flyreel.formats.exporting import of_split
from flyreel.formats.project import open_questions
from flyreel.models import roles
from flyreel.models.catalog import Say
from flyreel.models.prompts import load
from flyreel.questions import Questions
from flyreel.schema import Prediction, Problem
from flyreel.tables import Project, content_sha256, writable, write_text

ByView = dict[str, dict[str, Prediction]]


@dataclass(frozen=True)
class Request:
    """What was asked for on the command line."""

    file: Path
    models: tuple[str, ...] = ()
    predictions: tuple[Path, ...] = ()
    judge: str | None = None
    views: tuple[str, ...] = ()
    controls: bool = False
    k: int = 8
    selector: str = "uniform"
    embedder: str = Choosing.embedder
    size: int = Choosing.longest
    send: str = "frames"
    tokens: int = TOKENS
    split: str | None = None
    format: str | None = None
    map: str | None = None
    out: Path | None = None
    budget: str | None = None
    concurrency: int | None = None
    rate: float | None = None

    @property
    def project(self) -> Project | None:
        return Project.at(self.file)

    @property
    def folder(self) -> Path:
        if self.out:
            return self.out
        return self.project.reports / "evaluate" if self.project else Path(f"{self.file.stem}.evaluate")

    @property
    def calls(self) -> Path:
        return self.project.calls if self.project and not self.out else self.folder / "calls"

    @property
    def setting(self) -> Setting:
        choosing = Choosing(self.k, self.selector, self.embedder, self.size)
        return Setting(chosen(self.views, self.controls), choosing, self.send, self.tokens)


@dataclass(frozen=True)
class Done:
    folder: Path
    summary: dict[str, Any]
    failures: list[str]


def check(asked: Request) -> None:
    """The mistakes that need no file to be seen."""
    if not asked.models and not asked.predictions:
        raise InputError("evaluate needs --model http://localhost:8000/v1, --model hf:NAME, or --predictions FILE")
    if asked.send not in SENDS:
        raise InputError(f"--send {asked.send}: frames or video.{did_you_mean(asked.send, SENDS)}")
    if asked.tokens < 1:
        raise InputError(f"--max-tokens {asked.tokens}: at least one")
    asked.setting.choosing.check()
    parse_budget(asked.budget)


def run(asked: Request, *, say: Say, progress: Callable[[str], Progress]) -> Done:
    check(asked)
    start = time.monotonic()
    reading, questions = _open(asked)
    given = [read_predictions(path, reading.questions) for path in asked.predictions]
    writable(asked.folder)
    with ExitStack() as stack:
        callers = connect(asked, say, stack)
        with stops_at_once():
            found = asyncio.run(_ask(asked, questions, callers, progress))
            for one in given:
                name = _free(one.model, found)
                found[name] = {view: _named(name, by_id, questions) for view, by_id in one.by_view.items()}
            judged = asyncio.run(_judge(questions, found, callers, progress))
        told = tallies(callers)
    told_of = _summary(asked, reading, questions, found, judged, [p for one in given for p in one.problems])
    summary = {**told_of, "calls": told, "seconds": round(time.monotonic() - start, 1), "how": _how(asked, callers)}
    _save(asked, questions, found, summary)
    return Done(asked.folder, summary, _failures(summary))


def _open(asked: Request) -> tuple[Reading, Questions]:
    reading = open_questions(asked.file, asked.format, asked.map)
    return reading, of_split(reading.questions, asked.split, reading.source)


def connect(asked: Request, say: Say, stack: ExitStack, forecasting: bool = False) -> Callers:
    known = roles.settings(asked.file if asked.project else Path())
    specs = {
        "model": [roles.parse(text, known) for text in asked.models],
        "judge": [roles.parse(asked.judge, known)] if asked.judge else [],
    }
    terms = Terms(asked.calls, asked.budget, asked.concurrency, asked.rate)
    callers = open_callers(specs, known, terms, say, stack, forecasting)
    for caller in callers["model"]:
        if not caller.model.sees and (seeing := [v.name for v in asked.setting.views if v.frames != "none"]):
            raise InputError(
                f"{caller.model.label} is a model of text and sees no frames, as {', '.join(seeing)} would need: "
                "--view blind --view dialogue"
            )
    return callers


def _items(asked: Request, questions: Questions) -> Any:
    clips = clips_of(questions, asked.file, asked.project)
    cues = dict(zip(clips.ids, clips.cues, strict=True))
    return items(questions, {id: Path(p) for id, p in files(questions, asked.file, asked.project).items()}, cues)


async def _ask(
    asked: Request, questions: Questions, callers: Callers, progress: Callable[[str], Progress]
) -> dict[str, ByView]:
    found: dict[str, ByView] = {}
    every = _items(asked, questions) if callers["model"] else []
    for caller in callers["model"]:
        name = _free(caller.model.label, found)
        said = await answers(caller, every, asked.setting, progress(name))
        await caller.model.close()
        by_view = {view.name: {p[i].question: p[i] for p in said} for i, view in enumerate(asked.setting.views)}
        found[name] = {view: _named(name, by_id, questions) for view, by_id in by_view.items()}
    return found


def _named(name: str, by_id: Mapping[str, Prediction], questions: Questions) -> dict[str, Prediction]:
    """Of the questions of this run only, under the name that the model has in it."""
    return {id: by_id[id].model_copy(update={"model": name}) for id in questions.ids if id in by_id}


def _free(name: str, taken: Mapping[str, Any]) -> str:
    """Two models of one name are two rows."""
    n, free = 1, name
    while free in taken:
        n += 1
        free = f"{name} ({n})"
    return free


async def _judge(
    questions: Questions, found: Mapping[str, ByView], callers: Callers, progress: Callable[[str], Progress]
) -> dict[str, dict[str, bool | None]]:
    """By model: what the judge says of each open answer in the full view."""
    if not callers["judge"]:
        return {}
    caller: Caller = callers["judge"][0]
    judged = {}
    for name, by_view in found.items():
        said = [by_view.get("full", {}).get(id) for id in questions.ids]
        judged[name] = await judge.judge(caller, questions, said, progress(f"judge, {name}"))
    await caller.model.close()
    return judged


def _summary(
    asked: Request, reading: Reading, questions: Questions, found: Mapping[str, ByView],
    judged: Mapping[str, Mapping[str, bool | None]], problems: Sequence[Problem],
) -> dict[str, Any]:  # fmt: skip
    closed = questions.with_choices()
    sheets = {
        name: {view: sheet(name, view, closed, by_id) for view, by_id in by_view.items()}
        for name, by_view in found.items()
    }
    told: dict[str, Any] = {
        "source": reading.source,
        "format": reading.format,
        "split": asked.split,
        "questions": len(questions),
        "with_choices": len(closed),
        "groups": questions.n_groups,
        "chance": float(closed.chance.mean()) if len(closed) else None,
        "question_digest": submission.digest(questions),
        "models": {},
        "problems": [p.model_dump(exclude_none=True) for p in (*reading.problems, *problems)],
    }
    for name, by_view in found.items():
        about: dict[str, Any] = {"views": {}, "adds": {}}
        if len(closed):
            about["views"] = {v: {**score(s).json(), "letters": letters(s)} for v, s in sheets[name].items()}
            about["adds"] = _adds(sheets[name])
        if len(closed) < len(questions):
            said = [by_view.get("full", {}).get(id) for id in questions.ids]
            about["open"] = open_ended.score(questions, said, judged.get(name)).json()
        told["models"][name] = about
    told["comparisons"] = _compared(sheets) if len(closed) else []
    return told


def _adds(views: Mapping[str, Sheet]) -> dict[str, Any]:
    """What is gained over the view that lacks it, on the questions that were put in both."""
    added = {}
    for what, (without, says) in ADDS.items():
        if "full" in views and without in views and (found := compare(views[without], views["full"])):
            added[what] = {"over": without, "says": says, **found.json()}
    return added


def _compared(sheets: Mapping[str, Mapping[str, Sheet]]) -> list[dict[str, Any]]:
    """Every two models, in the first view that both were shown."""
    found = []
    for a, b in combinations(sheets, 2):
        view = next((v for v in sheets[a] if v in sheets[b]), None)
        if view and (compared := compare(sheets[a][view], sheets[b][view])):
            found.append({"view": view, **compared.json()})
    return found


def _how(asked: Request, callers: Callers) -> dict[str, Any]:
    how: dict[str, Any] = {**versions(), "command": command(asked), "prompt_version": _prompt_versions(asked)}
    if asked.models:
        how["frames"] = {"k": asked.k, "selector": asked.selector, "size": asked.size, "send": asked.send}
        if asked.selector != "uniform":
            how["frames"]["embedder"] = asked.embedder
        how["max_tokens"] = asked.tokens
    if asked.file.is_file():
        how["source_sha256"] = content_sha256(asked.file)
    for role, given in callers.items():
        if given:
            how[f"{role}s"] = [
                {"name": c.model.name, "label": c.model.label, "identity": c.model.identity} for c in given
            ]
    return how


def _prompt_versions(asked: Request) -> dict[str, str]:
    names = (["answer"] if asked.models else []) + (["judge"] if asked.judge else [])
    return {name: load("flyreel.evaluate", name).version for name in names}


def command(asked: Request) -> str:
    words = ["flyreel evaluate", asked.file.name]
    words += [f"--format {asked.format}"] if asked.format else []
    words += [f"--map {json.dumps(asked.map)}"] if asked.map else []
    words += [f"--split {asked.split}"] if asked.split else []
    words += [f"--model {m}" for m in asked.models] + [f"--predictions {p.name}" for p in asked.predictions]
    words += [f"--judge {asked.judge}"] if asked.judge else []
    words += [f"--view {v}" for v in asked.views] + (["--controls"] if asked.controls else [])
    if asked.models:
        words += [f"-k {asked.k} --selector {asked.selector} --size {asked.size} --max-tokens {asked.tokens}"]
        words += [f"--send {asked.send}"] if asked.send != "frames" else []
    return " ".join(words)


def _save(asked: Request, questions: Questions, found: Mapping[str, ByView], summary: dict[str, Any]) -> None:
    """What was asked about, every answer, a submission for a leaderboard by each model, and the summary."""
    slugs = store.slugs(found)
    for name, by_view in found.items():
        if by_view.get("full"):
            made = submission.make(name, questions, by_view, summary["how"], Path(summary["source"]).name)
            path = asked.folder / f"submission-{slugs[name]}.json"
            write_text(path, made.model_dump_json(indent=1, by_alias=True) + "\n")
    if films_found := files(questions, asked.file, asked.project):
        films.save(films_found, None if asked.selector == "uniform" else asked.embedder, asked.folder / films.NAME)
    else:
        (asked.folder / films.NAME).unlink(missing_ok=True)  # of the evaluation before, in the same folder
    rows = {name: [p for by_id in by_view.values() for p in by_id.values()] for name, by_view in found.items()}
    store.save(asked.folder, questions, rows, summary)


def _failures(summary: Mapping[str, Any]) -> list[str]:
    """Why the exit code is 1, a line each: what was not put to a model is in no number."""
    found = []
    for name, about in summary["models"].items():
        for view, told in about["views"].items():
            if missing := {why: n for why, n in told["unasked"].items() if why != "one-frame"}:
                why = ", ".join(f"{reason} ({n:,})" for reason, n in missing.items())
                total = sum(missing.values())
                found.append(f"{name}, {view}: {total:,} of {told['coverage']['questions']:,} were not asked: {why}")
    return found


def forecast(asked: Request, say: Say, steps: Callable[[int, int], None]) -> dict[str, Forecast]:
    """Calls, tokens and money of every model, without asking."""
    check(asked)
    if not asked.models:
        raise InputError("--dry-run forecasts calls to a model: add --model")
    _, questions = _open(asked)
    with ExitStack() as stack:
        callers = connect(asked, say, stack, forecasting=True)
        made = list(calls(_items(asked, questions), asked.setting, steps))
        return {c.model.label: forecast_calls(c.model, made, c.ledger) for c in dict.fromkeys(callers["model"])}
