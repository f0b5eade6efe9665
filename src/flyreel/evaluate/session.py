"""What `flyreel evaluate` does around the questions: open, connect, ask, read, score, compare, save."""

from __future__ import annotations

import asyncio
import shlex
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
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
from flyreel.evaluate import judge, store, submission
from flyreel.evaluate.answering import Setting, answers, calls, items
from flyreel.evaluate.pictures import Choosing
from flyreel.evaluate.predictions import read_predictions
from flyreel.evaluate.showing import SENDS, TOKENS, Item
from flyreel.evaluate.summarising import failures, open_view, summarised
from flyreel.evaluate.views import chosen
from flyreel.formats.base import Reading
from flyreel.formats.clip_files import files, known
from flyreel.formats.exporting import of_split
from flyreel.formats.project import open_questions
from flyreel.models import roles
from flyreel.models.catalog import Say
from flyreel.models.prompts import load
from flyreel.questions import Questions
from flyreel.schema import Prediction
from flyreel.tables import Project, content_sha256, writable

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
        return store.folder_of(self.file, self.out)

    @property
    def calls(self) -> Path:
        return self.project.calls if self.project and not self.out else self.folder / "calls"

    @property
    def setting(self) -> Setting:
        choosing = Choosing(self.k, self.selector, self.embedder, self.size)
        return Setting(chosen(self.views, self.controls), choosing, self.send, self.tokens)

    @property
    def seeing(self) -> list[str]:
        """The views that show frames."""
        return [view.name for view in self.setting.views if view.frames != "none"]


@dataclass(frozen=True)
class Done:
    folder: Path
    summary: dict[str, Any]
    failures: list[str]


def check(asked: Request) -> None:
    """The mistakes that need no file to be seen."""
    if not asked.models and not asked.predictions:
        raise InputError(
            "evaluate needs --model http://localhost:8000/v1, --model hf:NAME or run:FOLDER, or --predictions FILE"
        )
    if asked.send not in SENDS:
        raise InputError(f"--send {asked.send}: frames or video.{did_you_mean(asked.send, SENDS)}")
    if asked.tokens < 1:
        raise InputError(f"--max-tokens {asked.tokens}: at least one")
    asked.setting.choosing.check(used=bool(asked.models and asked.seeing))
    parse_budget(asked.budget)


def run(asked: Request, *, say: Say, progress: Callable[[str], Progress]) -> Done:
    check(asked)
    start = time.monotonic()
    reading, questions = _open(asked)
    every = _items(asked, questions, say) if asked.models else []
    given = [read_predictions(path, reading.questions) for path in asked.predictions]
    writable(asked.folder)
    with ExitStack() as stack:
        callers = connect(asked, say, stack)
        with stops_at_once():
            found = asyncio.run(_ask(asked, questions, every, callers, progress))
            for one in given:
                name = _free(one.model, found)
                found[name] = {view: _named(name, by_id, questions) for view, by_id in one.by_view.items()}
            judged = asyncio.run(_judge(questions, found, callers, progress))
        told = tallies(callers)
    problems = [*reading.problems, *(p for one in given for p in one.problems)]
    told_of = summarised(questions, found, judged, problems)
    source = {"source": reading.source, "name": _name(asked.file), "format": reading.format, "split": asked.split}
    summary = {
        **source,
        **told_of,
        "calls": told,
        "seconds": round(time.monotonic() - start, 1),
        "how": _how(asked, callers),
    }
    _save(asked, questions, found, summary)
    return Done(asked.folder, summary, failures(summary))


def _name(file: Path) -> str:
    """Of the questions, also where they are in the folder that one is in; as long as a submission may have it."""
    return file.resolve().name[:200] or "questions"


def _open(asked: Request) -> tuple[Reading, Questions]:
    reading = open_questions(asked.file, asked.format, asked.map)
    return reading, of_split(reading.questions, asked.split, reading.source)


def connect(asked: Request, say: Say, stack: ExitStack, forecasting: bool = False) -> Callers:
    settings = roles.settings(asked.file if asked.project else Path())
    specs = {
        "model": [roles.parse(text, settings) for text in asked.models],
        "judge": [roles.parse(asked.judge, settings)] if asked.judge else [],
    }
    if asked.seeing and (blind := next((spec.local for spec in specs["model"] if spec.local), None)):
        raise _sees_nothing(f"local:{blind}", asked.seeing)  # before it is fetched and started
    terms = Terms(asked.calls, asked.budget, asked.concurrency, asked.rate)
    callers = open_callers(specs, settings, terms, say, stack, forecasting)
    for caller in callers["model"] if asked.seeing else ():
        if not caller.model.sees:
            raise _sees_nothing(caller.model.label, asked.seeing)
    return callers


def _sees_nothing(name: str, seeing: Sequence[str]) -> InputError:
    return InputError(
        f"{name} is a model of text and sees no frames, as {', '.join(seeing)} would need: --view blind --view dialogue"
    )


def _items(asked: Request, questions: Questions, say: Say) -> list[Item]:
    found = known(questions, asked.file, asked.project)
    for problem in found.problems:
        say(problem)
    cues = dict(zip(found.clips.ids, found.clips.cues, strict=True))
    if asked.seeing and not found.files:
        seeing = ", ".join(asked.seeing)
        raise InputError(
            f"{asked.file}: not one clip of its {len(questions):,} questions is there, and {seeing} shows "
            "frames. Put a clips.jsonl with id and path beside it, or ask --view blind --view dialogue"
        )
    return items(questions, {id: Path(path) for id, path in found.files.items()}, cues)


async def _ask(
    asked: Request, questions: Questions, every: Sequence[Item], callers: Callers, progress: Callable[[str], Progress]
) -> dict[str, ByView]:
    found: dict[str, ByView] = {}
    for caller in callers["model"]:
        name = _free(caller.model.label, found)
        try:
            said = [p for one in await answers(caller, every, asked.setting, progress(name)) for p in one]
        finally:
            await caller.model.close()
        by_view = {view.name: {p.question: p for p in said if p.view == view.name} for view in asked.setting.views}
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
    """By model: what the judge says of each open answer, in the view that is scored."""
    if not callers["judge"]:
        return {}
    caller: Caller = callers["judge"][0]
    judged = {}
    try:
        for name, by_view in found.items():
            by_id = by_view.get(open_view(questions, by_view), {})
            said = [by_id.get(id) for id in questions.ids]
            judged[name] = await judge.judge(caller, questions, said, progress(f"judge, {name}"))
    finally:
        await caller.model.close()
    return judged


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
    words = ["flyreel", "evaluate", asked.file.name or str(asked.file)]
    words += ["--format", asked.format] if asked.format else []
    words += ["--map", asked.map] if asked.map else []
    words += ["--split", asked.split] if asked.split else []
    words += [word for m in asked.models for word in ("--model", m)]
    words += [word for p in asked.predictions for word in ("--predictions", p.name)]
    words += ["--judge", asked.judge] if asked.judge else []
    words += [word for v in asked.views for word in ("--view", v)] + (["--controls"] if asked.controls else [])
    if asked.models:
        words += ["-k", str(asked.k), "--selector", asked.selector, "--size", str(asked.size)]
        words += ["--max-tokens", str(asked.tokens)]
        words += ["--embedder", asked.embedder] if asked.selector != "uniform" else []
        words += ["--send", asked.send] if asked.send != "frames" else []
    return shlex.join(words)


def _save(asked: Request, questions: Questions, found: Mapping[str, ByView], summary: dict[str, Any]) -> None:
    """What was asked about, every answer, a submission for a leaderboard by each model, and the summary."""
    if films_found := files(questions, asked.file, asked.project):
        films.save(films_found, None if asked.selector == "uniform" else asked.embedder, asked.folder / films.NAME)
    else:
        (asked.folder / films.NAME).unlink(missing_ok=True)  # of the evaluation before, in the same folder
    rows = {name: [p for by_id in by_view.values() for p in by_id.values()] for name, by_view in found.items()}
    submissions = {
        name: submission.make(name, questions, by_view, summary["how"], summary["name"]).model_dump_json(
            indent=1, by_alias=True
        )
        + "\n"
        for name, by_view in found.items()
        if (questions.sizes > 0).any() and by_view.get("full")  # a board scores choices only
    }
    store.save(asked.folder, questions, rows, summary, submissions, keep=asked.predictions)
    if asked.project:
        store.save_version(asked.project, [p for said in rows.values() for p in said], summary["how"])


def forecast(asked: Request, say: Say, steps: Callable[[int, int], None]) -> dict[str, Forecast]:
    """Calls, tokens and money of every model, without asking."""
    check(asked)
    if not asked.models:
        raise InputError("--dry-run forecasts calls to a model: add --model")
    _, questions = _open(asked)
    with ExitStack() as stack:
        callers = connect(asked, say, stack, forecasting=True)
        made = list(calls(_items(asked, questions, say), asked.setting, steps))
        return {c.model.label: forecast_calls(c.model, made, c.ledger) for c in dict.fromkeys(callers["model"])}
