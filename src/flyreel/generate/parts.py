"""Work in parts of some hundred clips, each a file of its own: memory holds one part, and a killed run keeps the rest.

A part is found again by what it was made from. Only parts that asked no model are; for the others the ledger has the
replies, and a part that lacks some of them because a call failed must not be taken for a finished one.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from flyreel.clips import Clips
from flyreel.engine.local import Silent
from flyreel.errors import Stopped
from flyreel.generate.method import Dropped, Made, Setting, methods
from flyreel.generate.scene import Scene, scenes
from flyreel.tables import write_text

CLIPS = 500
"""To a part. Wrong choices are drawn from the clips of a part, so this is a parameter of the result."""

Done = Callable[[int, int], None]


def part_name(method: str, setting: Setting, scenes: list[Scene], how: Any) -> str:
    """A digest of all that the part depends on."""
    plain = replace(setting, generator=None, verifier=None, progress=None)  # type: ignore[arg-type]
    told = {"method": method, "setting": asdict(plain), "scenes": [asdict(s) for s in scenes], "how": how}
    text = json.dumps(told, ensure_ascii=True, sort_keys=True, default=str)
    return f"{hashlib.sha256(text.encode()).hexdigest()[:24]}.json"


def save(path: Path, made: Made) -> None:
    told = {"questions": made.questions, "dropped": [vars(d) for d in made.dropped], "tables": made.tables}
    write_text(path, json.dumps(told))


def load(path: Path) -> Made:
    told = json.loads(path.read_text(encoding="utf-8"))
    return Made(told["questions"], [Dropped(**d) for d in told["dropped"]], told["tables"])


def cut(clips: Clips) -> Iterator[list[Scene]]:
    for start in range(0, len(clips), CLIPS):
        yield list(scenes(clips, start, CLIPS))


async def asking(method: str, clips: Clips, setting: Setting, folder: Path) -> list[Path]:
    """One part after another, each with as many calls in flight as the model may have."""
    total = -(-len(clips) // CLIPS)
    made = []
    for number, some in enumerate(cut(clips), 1):
        label = "" if total == 1 else f", part {number} of {total}"
        here = replace(setting, progress=lambda text, label=label: setting.progress(text + label))  # type: ignore[misc]
        path = folder / f"part-{number:05d}.json"
        save(path, await methods.get(method).make(some, here))
        made.append(path)
    return made


def alone(
    method: str, clips: Clips, setting: Setting, folder: Path, how: Any, processes: int, done: Done
) -> list[Path]:
    """Without a model: several parts at once in processes of their own, and none that is there already."""
    named: list[Path] = []
    finished = 0
    many = len(clips) > CLIPS and processes > 1
    pool = _pool(processes) if many else None
    running: dict[Future[None], int] = {}

    def collect(everything: bool = False) -> None:
        nonlocal finished
        while running and (everything or len(running) > processes):
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                future.result()
                finished += running.pop(future)
                done(finished, len(clips))

    try:
        for some in cut(clips):
            path = folder / part_name(method, setting, some, how)
            named.append(path)
            if path.is_file():
                finished += len(some)
                done(finished, len(clips))
            elif pool:
                running[pool.submit(_one, method, some, _sendable(setting), path)] = len(some)
                collect()
            else:
                _one(method, some, setting, path)
                finished += len(some)
                done(finished, len(clips))
        collect(everything=True)
    except KeyboardInterrupt:
        raise Stopped(
            f"stopped: {finished:,} of {len(clips):,} clips done and kept. Run the same command to go on."
        ) from None
    finally:
        if pool:
            _end(pool)
    return named


def _sendable(setting: Setting) -> Setting:
    return replace(setting, progress=_silent)


def _silent(label: str) -> Silent:
    return Silent()


def _one(method: str, some: list[Scene], setting: Setting, path: Path) -> None:
    save(path, asyncio.run(methods.get(method).make(some, setting)))


def _pool(processes: int) -> ProcessPoolExecutor:
    """New interpreters, not forks: the parent may have threads. Each keeps to one core; numeric libraries would not."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(processes, mp_context=context, initializer=_deaf)


def _deaf() -> None:
    """Ctrl-C is the parent's to hear."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _end(pool: ProcessPoolExecutor) -> None:
    """Nothing that was asked for and not begun is waited for; what was begun is written whole or not at all."""
    for process in list((pool._processes or {}).values()):
        process.terminate()
    pool.shutdown(wait=True, cancel_futures=True)
