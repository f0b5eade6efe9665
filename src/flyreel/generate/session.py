"""What `flyreel generate` does around a method: open, connect, make in parts, verify, write."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from flyreel.audit.judging import CUE_CHARACTERS
from flyreel.audit.run import versions
from flyreel.clips import Clips
from flyreel.engine.budget import Forecast, parse_budget
from flyreel.engine.budget import forecast as forecast_calls
from flyreel.engine.callers import Terms, open_callers
from flyreel.engine.calls import Caller, tallies
from flyreel.engine.local import Progress, stops_at_once
from flyreel.errors import InputError
from flyreel.formats.clip_source import read_clips
from flyreel.formats.project import open_questions
from flyreel.generate import parts, result
from flyreel.generate.askers.base import askers
from flyreel.generate.language import model as english
from flyreel.generate.method import Setting, methods
from flyreel.generate.scene import TOLD, scenes
from flyreel.generate.templates import store
from flyreel.generate.verify import Vote, decide, votes
from flyreel.models import roles
from flyreel.models.catalog import Say
from flyreel.models.local import LocalModel
from flyreel.schema import CueKind
from flyreel.tables import Project, content_sha256, writable

TOKENS, LOCAL_TOKENS = 3000, 1500
"""Of a scene that are shown at once; the embedded model's context holds no more than the second, beside its reply."""
BY_ROLE = {"model": "generator", "verifier": "verifier"}


@dataclass(frozen=True)
class Request:
    """What was asked for on the command line."""

    file: Path
    method: str
    out: Path | None = None
    format: str | None = None
    templates: Path | None = None
    asker: str = "rules"
    qa: str | None = None
    choices: int = 5
    count: int = 32
    read: tuple[str, ...] = TOLD
    tokens: int = 0
    model: str | None = None
    verifier: str | None = None
    seed: int = 0
    processes: int = 0
    budget: str | None = None
    concurrency: int | None = None
    rate: float | None = None

    @property
    def project(self) -> Project | None:
        return Project.at(self.file)

    @property
    def folder(self) -> Path:
        if self.out:
            return self.out.with_name(f"{self.out.stem}.generate")
        assert self.project is not None
        return self.project.reports / "generate" / self.method

    @property
    def calls(self) -> Path:
        return self.project.calls if self.project else self.folder / "calls"

    @property
    def setting(self) -> Setting:
        """But for who is asked."""
        chosen = store.read(self.templates) if self.method == "mcq" else ()
        return Setting(
            seed=self.seed, choices=self.choices, count=self.count, read=self.read, templates=tuple(chosen),
            asker=self.asker, qa=self.qa,
        )  # fmt: skip


@dataclass(frozen=True)
class Done:
    folder: Path
    out: Path | None
    summary: dict[str, Any]
    failures: list[str]


def check(asked: Request) -> None:
    methods.get(asked.method)
    askers.get(asked.asker.partition(":")[0])
    if not asked.out and not asked.project:
        raise InputError("generate needs -o OUT.jsonl for a file of clips; in a project it writes a new version")
    if asked.out and asked.out.is_dir():
        raise InputError(f"{asked.out}: cannot write: it is a directory; name a file")
    if asked.out and asked.file.exists() and asked.out.resolve() == asked.file.resolve():
        raise InputError(f"{asked.out}: would be written over; name another file with -o")
    if asked.choices == 1 or asked.choices > 26:
        raise InputError(f"--choices {asked.choices}: 0 for open-ended questions, or 2 to 26")
    if asked.method == "mcq" and not asked.choices:
        raise InputError("--choices 0: mcq writes questions with choices; extractive and triples can do without")
    if asked.qa and asked.qa != "model" and not asked.qa.startswith("hf:"):
        raise InputError(f"--qa {asked.qa}: hf:NAME or hf:FOLDER for a reader of its own, or model")
    if asked.qa == "model" and not (asked.model or asked.verifier or asked.project):
        raise InputError("--qa model needs a model that reads: --verifier http://localhost:8000/v1")
    if wrong := [kind for kind in asked.read if kind not in CueKind.__args__]:  # type: ignore[attr-defined]
        raise InputError(f"--read {wrong[0]}: no such kind of cue. Known: {', '.join(CueKind.__args__)}.")  # type: ignore[attr-defined]
    if asked.method == "mcq":
        store.read(asked.templates)
    parse_budget(asked.budget)


def run(
    asked: Request, *, say: Say, progress: Callable[[str], Progress], steps: Callable[[int, int], None]
) -> Done:  # fmt: skip
    check(asked)
    clips, source = read(asked)
    writable(asked.folder)
    if asked.out:
        writable(asked.out.parent)
    start = time.monotonic()
    with ExitStack() as stack:
        callers = connect(asked, say, stack)
        setting = replace(_with(asked, callers), progress=progress)
        with stops_at_once():
            made = _made(asked, clips, setting, steps)
            cast = asyncio.run(_votes(made, setting)) if setting.verifier else {}
    how = _how(asked, setting, callers)
    work = result.Work(asked.method, made, decide(cast), setting.verifier is not None)
    told = {
        "source": source,
        "method": asked.method,
        "clips": len(clips),
        **result.save(work, asked.folder, asked.out, asked.project, how),
        "calls": tallies({role: (caller,) for role, caller in callers.items()}),
        "seconds": round(time.monotonic() - start, 1),
        "out": str(asked.out) if asked.out else None,
        "folder": str(asked.folder),
        "how": {**versions(), **how},
    }
    result.save_summary(asked.folder, told)
    return Done(asked.folder, asked.out, told, _failures(callers))


def read(asked: Request) -> tuple[Clips, str]:
    """The clips, of which some must have words."""
    if project := asked.project:
        stored = project.table("clips")
        if not stored.versions():
            raise InputError(f"{asked.file}: the project has no clips; flyreel import brings some in")
        clips = Clips(stored.read())
    else:
        found = read_clips(asked.file, asked.format)
        if found is None:
            open_questions(asked.file, asked.format)  # says what is wrong with a file that is neither
            raise InputError(f"{asked.file}: not a list of clips; generate reads clips with cues, not questions")
        clips = found.clips
    if not len(clips) or not clips.counts("cues").any():
        raise InputError(f"{asked.file}: no clip has cues (dialogue, descriptions or captions) to make questions from")
    return clips, str(asked.file)


def needs(asked: Request) -> set[str]:
    """Roles without which the method cannot work."""
    asker = askers.get(asked.asker.partition(":")[0]).facts if asked.method == "extractive" else {}
    return {"generator"} if methods.get(asked.method).facts.get("asks") or asker.get("asks") else set()


def connect(asked: Request, say: Say, stack: ExitStack, forecasting: bool = False) -> dict[str, Caller]:
    """By role. A forecast reads the ledger and makes none."""
    known = roles.settings(asked.file if asked.project else Path())
    specs: dict[str, roles.Spec] = {}
    for option, role in BY_ROLE.items():
        given = getattr(asked, option)
        if given:
            specs[role] = roles.parse(given, known)
        elif asked.project and role in known.roles and (role in needs(asked) or role == "verifier"):
            specs[role] = known.roles[role]
    if missing := needs(asked) - set(specs):
        what = f"--method {asked.method}" + (f" --asker {asked.asker}" if asked.method == "extractive" else "")
        raise InputError(f"{what} needs a model that writes ({', '.join(missing)}): --model http://localhost:8000/v1")
    terms = Terms(asked.calls, asked.budget, asked.concurrency, asked.rate, asked.seed)
    opened = open_callers({role: [spec] for role, spec in specs.items()}, known, terms, say, stack, forecasting)
    return {role: caller for role, (caller,) in opened.items()}


def _with(asked: Request, callers: dict[str, Caller]) -> Setting:
    generator = callers.get("generator")
    local = generator is not None and isinstance(generator.model, LocalModel)
    tokens = asked.tokens or (LOCAL_TOKENS if local else TOKENS)
    return replace(asked.setting, tokens=tokens, generator=generator, verifier=callers.get("verifier"))


def _made(asked: Request, clips: Clips, setting: Setting, steps: Callable[[int, int], None]) -> list[Path]:
    folder = asked.folder / "parts"
    folder.mkdir(parents=True, exist_ok=True)
    if setting.generator or (setting.verifier and setting.qa == "model"):
        return asyncio.run(_asked(asked.method, clips, setting, folder))
    processes = asked.processes or (os.cpu_count() or 1)
    if not asked.asker.startswith("rules") or asked.qa:  # another model's weights would be loaded in every process
        processes = 1
    quiet = replace(setting, verifier=None)
    made_by = {**versions(), "language": english.name() if english.installed() else None}
    return parts.alone(asked.method, clips, quiet, folder, made_by, processes, steps)


async def _asked(method: str, clips: Clips, setting: Setting, folder: Path) -> list[Path]:
    try:
        return await parts.asking(method, clips, setting, folder)
    finally:
        await _close(setting)


async def _votes(made: Sequence[Path], setting: Setting) -> dict[str, Vote]:
    assert setting.verifier is not None
    cast: dict[str, Vote] = {}
    try:
        for number, path in enumerate(made, 1):
            label = "verify" if len(made) == 1 else f"verify, part {number} of {len(made)}"
            cast |= await votes(parts.load(path).questions, setting.verifier, setting.progress(label))
    finally:
        await _close(setting)
    return cast


async def _close(setting: Setting) -> None:
    for caller in {c for c in (setting.generator, setting.verifier) if c}:
        await caller.model.close()


def forecast(asked: Request, say: Say) -> dict[str, Forecast]:
    """What the method would send, by its own account; and at most what checking as many questions would."""
    check(asked)
    clips, _ = read(asked)
    with ExitStack() as stack:
        callers = connect(asked, say, stack, forecasting=True)
        if not callers:
            raise InputError("--dry-run forecasts calls to a model: this method asks none")
        setting = _with(asked, callers)
        found = {}
        most = len(clips) * asked.count
        if caller := setting.generator:
            calls = methods.get(asked.method).facts.get("calls") or _unknown
            found["write"] = forecast_calls(caller.model, calls(scenes(clips), setting), caller.ledger)
        if caller := setting.verifier:
            found["verify, at most"] = verifying(caller, clips, most, asked.choices)
    return found


def verifying(caller: Caller, clips: Clips, most: int, choices: int) -> Forecast:
    """Every choice at every position and every choice alone, with as many words as the clips have on average."""
    said = [sum(len(c["text"].encode()) + 20 for c in cues) for cues in clips.cues]
    shown = min(sum(said) / max(len(said), 1), CUE_CHARACTERS) / 4 + 120
    calls = most * 2 * choices
    money = caller.model.price.of(int(calls * shown), calls) if caller.model.price else None
    return Forecast(calls, 0, int(calls * shown), calls, money)


def _unknown(scenes: Any, setting: Setting) -> Any:
    raise InputError("--dry-run: this method cannot tell its calls before it has read the descriptions; use --budget")


def _failures(callers: dict[str, Caller]) -> list[str]:
    found = []
    for caller in dict.fromkeys(callers.values()):
        if failed := caller.tally.failures:
            why = ", ".join(f"{reason} ({n:,})" for reason, n in failed.most_common())
            found.append(f"{caller.model.label}: {sum(failed.values()):,} calls failed: {why}")
    return found


def _how(asked: Request, setting: Setting, callers: dict[str, Caller]) -> dict[str, Any]:
    """In words and numbers, so that it can be made again."""
    words = [f"flyreel generate {asked.file.name} --method {asked.method}"]
    words += [f"-o {asked.out.name}"] if asked.out else []
    options = ("format", "asker", "qa", "templates", "model", "verifier")
    words += [f"--{name} {getattr(asked, name)}" for name in options if _said(asked, name)]
    words += [f"--read {','.join(asked.read)}"] if _said(asked, "read") else []
    words += [f"--choices {asked.choices} --count {asked.count} --tokens {setting.tokens} --seed {asked.seed}"]
    how: dict[str, Any] = {"command": " ".join(words), "method": asked.method}
    if asked.file.is_file():
        how["source_sha256"] = content_sha256(asked.file)
    if setting.templates:
        how["templates"] = len(setting.templates)
    how["models"] = {
        role: {"name": c.model.name, "label": c.model.label, "identity": c.model.identity}
        for role, c in callers.items()
    }  # fmt: skip
    return how


def _said(asked: Request, option: str) -> bool:
    return bool(getattr(asked, option) != Request.__dataclass_fields__[option].default)
