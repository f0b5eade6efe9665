"""What the benchmarks share: the head that says under which settings, the fake server, plain tables, bars."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any


def head(title: str, **settings: Any) -> None:
    """The command, the machine and how busy it was: a time without these is worth nothing."""
    print(f"{title}\n  command   python {' '.join(sys.argv)}")
    busy = f"load {os.getloadavg()[0]:.1f} at the start"
    print(f"  machine   {len(os.sched_getaffinity(0))} cores, {busy}, {platform.system()} {platform.machine()}")
    print(f"  software  Python {platform.python_version()}, flyreel {version('flyreel')}")
    if settings:
        print("  settings  " + ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in settings.items()))
    print(flush=True)


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """The first column to the left, the others to the right."""
    cells = [list(columns), *([str(c) for c in row] for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(columns))]
    for row in cells:
        line = [row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))]
        print("  " + "  ".join(line).rstrip())
    print(flush=True)


def bars(*checks: tuple[str, bool]) -> int:
    """A line for each bar; the exit code."""
    for line, met in checks:
        print(f"  {'met   ' if met else 'MISSED'}  {line}")
    return 0 if all(met for _, met in checks) else 1


@contextmanager
def fake_server(module: str = "flyreel.models.fake", **flags: float) -> Iterator[str]:
    """`python -m flyreel.models.fake`, or another such module, in a process of its own; its address."""
    words = [word for name, value in flags.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    command = [sys.executable, "-m", module, "--port", "0", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            yield server.stdout.readline().strip()
        finally:
            server.terminate()


def stats(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(url.removesuffix("/v1") + "/stats") as response:
        return json.load(response)


def prompt(number: int) -> tuple[dict[str, str], ...]:
    """The messages of one five-choice question; no two numbers give the same."""
    options = "\n".join(f"{letter}) answer {(7 * number + i) % 9973}" for i, letter in enumerate("ABCDE"))
    return ({"role": "user", "content": f"Question {number}: what happens next?\n{options}\nReply with one letter."},)
