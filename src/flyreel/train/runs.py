"""A run's folder: what made it, how far it came, what it learnt, and how to make it again.

    run.json        recipe, settings, versions, what it was trained on, the command; at the end the result
    log.jsonl       a line a report, with step, losses and learning rate; also in tensorboard/ where that is installed
    checkpoint/     while it runs: state.json, all that the next step depends on, and the tensors that it names
    model/          what was learnt
    README.md       the card

The same command goes on where a run was cut off; the log is cut back to the checkpoint, so no step stands in it twice.
Of several processes the first alone writes.
"""

from __future__ import annotations

import fcntl
import json
import math
import os
import shlex
import shutil
import sys
import weakref
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from torch import Tensor

from flyreel import __version__
from flyreel.errors import InputError
from flyreel.tables import atomic, writable, write_jsonl, write_text
from flyreel.train.run import OPTIONS, as_text
from flyreel.train.running import curves, launched

Say = Callable[[str], None]

LOCK = ".lock"
CHECKPOINT, LOG, CURVES = "checkpoint", "log.jsonl", "tensorboard"
FIT_ANY_SETTINGS = {"run.json", CHECKPOINT, LOG, CURVES, "frames", "features", "calls"}
"""What a run with other settings may find in its folder: each is written anew, or named by all that it depends on."""

COUNTED = ("torch", "transformers", "peft", "accelerate", "bitsandbytes", "numpy")
"""Whose versions are written down, where they are loaded."""


@dataclass(frozen=True)
class Kept:
    """A checkpoint as it was read."""

    step: int
    tensors: dict[str, Tensor]
    notes: dict[str, Any]


class Run:
    """`open_run` opens one; recipes read `folder` and `model`, and write their model into `model`."""

    def __init__(self, folder: Path, facts: dict[str, Any], say: Say, writes: bool) -> None:
        self.folder, self._facts, self._say = folder, facts, say
        self.writes = writes
        """Whether this process is the first; the others leave the model to it, too."""
        self._curves: curves.Curves | None = None
        self._let_go = _held(self, folder) if writes else None

    @property
    def model(self) -> Path:
        return self.folder / "model"

    @property
    def _state(self) -> Path:
        return self.folder / CHECKPOINT / "state.json"

    @property
    def _log(self) -> Path:
        return self.folder / LOG

    def log(self, row: Mapping[str, Any], more: str = "") -> None:
        """To the log, the terminal, and TensorBoard where it is installed. `more` is for the terminal alone."""
        if not self.writes:
            return
        plain = {name: _finite(value) for name, value in row.items()}
        try:
            with self._log.open("a", encoding="utf-8") as out:
                out.write(json.dumps(plain, ensure_ascii=False) + "\n")
        except OSError as error:
            raise InputError(f"{self._log}: cannot write: {error.strerror or error}") from None
        if self._curves is None:
            self._curves = curves.Curves(self.folder / CURVES, plain.get("step"))
        self._curves.add(plain)
        self._say("  " + "  ".join([*(_told(name, value) for name, value in plain.items()), *([more] if more else [])]))

    def say(self, line: str) -> None:
        if self.writes:
            self._say(line)

    def keep(self, step: int, tensors: Mapping[str, Tensor], notes: Mapping[str, Any]) -> None:
        """state.json is swapped last, and names its tensors: whenever it is killed, one of the two is there whole."""
        if not self.writes:
            return
        from safetensors.torch import save

        name = f"state-{step:08d}.safetensors"
        if (self._state.parent / name).exists():  # this step was kept before; that file may be the one in force
            name = f"state-{step:08d}-again.safetensors"
        plain = {key: t.detach().cpu().contiguous() for key, t in tensors.items()}
        with atomic(self._state.parent / name) as temporary:
            temporary.write_bytes(save(plain))
        write_text(self._state, json.dumps({"step": step, "tensors": name, "notes": dict(notes)}) + "\n")
        for old in self._state.parent.iterdir():
            if old.name not in (name, self._state.name):
                old.unlink(missing_ok=True)

    def kept(self) -> Kept | None:
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            told = json.loads(self._state.read_text(encoding="utf-8"))
            tensors = load_file(self._state.parent / told["tensors"])
            return Kept(told["step"], tensors, told["notes"])
        except FileNotFoundError as error:
            if error.filename == str(self._state):
                return None
            raise InputError(f"{self._state}: its tensors are gone; {self._afresh}") from None
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            raise InputError(f"{self._state}: not a checkpoint that can be read ({error}); {self._afresh}") from None

    @property
    def _afresh(self) -> str:
        return f"remove {self._state.parent} to start over"

    def finish(self, result: Mapping[str, Any], card: str) -> dict[str, Any]:
        """Writes result and card, lets go of the checkpoint; returns what run.json holds."""
        versions = {**self._facts["versions"], **_versions()}
        facts = {**self._facts, "versions": versions, "finished": _now(), "result": _finite(result)}
        if self.writes:
            write_text(self.folder / "README.md", f"{card.rstrip()}\n\n{_made_by(facts)}")
            _write(self.folder, facts)
            shutil.rmtree(self._state.parent, ignore_errors=True)
            (self.folder / LOCK).unlink(missing_ok=True)
        if self._curves is not None:
            self._curves.close()
        if self._let_go is not None:
            self._let_go()
        return facts


def open_run(folder: Path, recipe: str, settings: Mapping[str, Any], about: Mapping[str, Any], say: Say) -> Run:
    """A new run, or the one that was cut off here. Where that had other settings and anything of it is kept, or it is
    finished, that is refused in one line.

    `about` is what it is trained on and with: data (digest, counts), base model (digest); it must be the same too."""
    facts: dict[str, Any] = {
        "recipe": recipe, "settings": _as_json(settings), "about": _as_json(about), "versions": _versions(),
        "command": _command(folder, recipe, settings), "started": _now(), "finished": None, "result": None,
    }  # fmt: skip
    if not launched.is_first():
        return Run(folder, facts, say, writes=False)
    earlier = unfinished(folder, recipe)
    both = [(earlier[part], facts[part]) for part in ("settings", "about")] if earlier else []
    other = [name for before, now in both for name in _differing("", before, now)]
    if other and (left := _left(folder)):
        raise InputError(
            f"{folder}: a run with another {', '.join(other)} was cut off here; give what it was given "
            f"(run.json has its command), or name another folder: {left} is kept of it"
        )
    if earlier is None or other:
        writable(folder)
        run = Run(folder, facts, say, writes=True)
        _write(folder, facts)
        if other:
            _cut_back(run._log, 0)
            say(f"starts over, with another {', '.join(other)}: of the run that was cut off here nothing is kept")
        return run
    for name, version in facts["versions"].items():
        if earlier["versions"].get(name, version) != version:
            say(f"{name} was {earlier['versions'][name]} when this run began and is {version}; the end may differ")
    run = Run(folder, earlier, say, writes=True)
    kept = run.kept()
    _cut_back(run._log, kept.step if kept else 0)
    say(f"goes on after step {kept.step:,}" if kept else "starts over: it was cut off before anything was kept")
    return run


def unfinished(folder: Path, recipe: str) -> dict[str, Any] | None:
    """What run.json holds of a run of that recipe which was cut off here; None where nothing is here so far."""
    try:
        names = [p.name for p in folder.iterdir() if p.name != LOCK and not p.name.startswith(".run.json.")]
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(f"{folder}: cannot be a run's folder: {error.strerror or error}") from None
    if not names:
        return None
    if "run.json" not in names:
        raise InputError(f"{folder}: not empty, and not a run (it has no run.json); name another folder")
    facts = read(folder)
    if facts["recipe"] != recipe:
        raise InputError(f"{folder}: a run of {facts['recipe']}, not of {recipe}; name another folder")
    if facts["finished"]:
        raise InputError(f"{folder}: finished on {facts['finished'][:10]}; name another folder, or remove this one")
    return facts


def _left(folder: Path) -> str:
    """What is there of a run that one with other settings would take for its own."""
    if (folder / CHECKPOINT / "state.json").exists():
        return CHECKPOINT
    names = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    return ", ".join(name for name in names if name not in FIT_ANY_SETTINGS)


def read(folder: Path) -> dict[str, Any]:
    """What run.json holds."""
    path = folder / "run.json"
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        shapes = {"recipe": str, "settings": dict, "about": dict, "versions": dict}
        if all(isinstance(facts[name], shape) for name, shape in shapes.items()) and "finished" in facts:
            return dict(facts)
    except FileNotFoundError:
        raise InputError(f"{folder}: no run is here (it has no run.json)") from None
    except (OSError, ValueError, KeyError, TypeError):
        pass
    raise InputError(f"{path}: not what a run writes; name another folder")


def _held(run: Run, folder: Path) -> Callable[[], Any]:
    """So that the same command, given twice, does not write one folder from two processes. The system lets go of it
    where a process is killed."""
    try:
        handle = os.open(folder / LOCK, os.O_CREAT | os.O_RDWR)
    except OSError as error:
        raise InputError(f"{folder}: cannot write there: {error.strerror or error}") from None
    let_go = weakref.finalize(run, os.close, handle)
    try:
        fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        raise InputError(f"{folder}: another process is training there; wait for it, or name another folder") from None
    except OSError:  # some network file systems have no locks
        pass
    return let_go


def _write(folder: Path, facts: Mapping[str, Any]) -> None:
    write_text(folder / "run.json", json.dumps(facts, indent=1, ensure_ascii=False) + "\n")


def _as_json(values: Mapping[str, Any]) -> dict[str, Any]:
    """As it will be read again: tuples are lists, paths are text."""
    return dict(json.loads(json.dumps(dict(values), default=str)))


def _differing(before: str, a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterable[str]:
    for name in [*a, *(name for name in b if name not in a)]:
        one, other = a.get(name), b.get(name)
        if isinstance(one, dict) and isinstance(other, dict):
            yield from _differing(f"{before}{name}.", one, other)
        elif one != other:
            yield f"{before}{name}"


def _versions() -> dict[str, str]:
    found = {"flyreel": __version__, "python": sys.version.split()[0]}
    return found | {name: metadata.version(name) for name in COUNTED if name in sys.modules}


def _command(folder: Path, recipe: str, settings: Mapping[str, Any]) -> str:
    """With every setting, since a default may change."""
    words = [
        "flyreel",
        "train",
        recipe,
        *([str(settings["source"])] if settings.get("source") else []),
        "-o",
        str(folder),
    ]
    for name in OPTIONS:
        said = settings.get(name)
        if said not in (None, "") and (name, said) != ("steps", 0):  # of its own number the option knows nothing
            words += [f"--{name}", str(said)]
    for name, value in settings.items():
        if name not in (*OPTIONS, "source"):
            words += ["--set", f"{name}={as_text(value)}"]
    return shlex.join(words)


def _made_by(facts: Mapping[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    return f"## How it was made\n\n    {facts['command']}\n\nWith {versions}. Settings, data and result: `run.json`.\n"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _finite(value: Any) -> Any:
    """What is no number is null: JSON knows neither NaN nor infinity."""
    if isinstance(value, Mapping):
        return {name: _finite(inner) for name, inner in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _told(name: str, value: Any) -> str:
    return (
        f"{name} {value:,}"
        if isinstance(value, int)
        else f"{name} {value:.4g}"
        if isinstance(value, float)
        else f"{name} {value}"
    )


def _cut_back(log: Path, step: int) -> None:
    """To what was told up to that step; a line that was cut off in the middle goes, too."""
    rows = []
    for line in log.read_text(encoding="utf-8").splitlines() if log.exists() else []:
        try:
            row = json.loads(line)
        except ValueError:
            break
        if row.get("step", 0) > step:
            break
        rows.append(row)
    write_jsonl(log, rows)
