"""What every verb shares on a terminal: options, progress, and JSON that stands alone on stdout."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, Any

from flyreel.engine.stage import Context

if TYPE_CHECKING:
    from flyreel.engine.budget import Forecast


def print_json(value: Any) -> None:
    print(json.dumps(value, indent=1, ensure_ascii=False))


def print_forecast(parts: dict[str, Forecast], json: bool) -> None:
    from dataclasses import asdict

    from flyreel.engine.budget import Forecast

    if json:
        print_json({name: asdict(part) for name, part in parts.items()})
        return
    for name, part in parts.items():
        print(f"  {name:<12} {part}")
    print(f"forecast: {sum(parts.values(), start=Forecast())}")


def note(line: str) -> None:
    """For people, beside the result: never on stdout."""
    print(line, file=sys.stderr, flush=True)


class Steps:
    """A bar on a terminal; in a log a plain line for every tenth. Always on stderr."""

    def __init__(self, label: str) -> None:
        self.label = label
        self._live = sys.stderr.isatty()
        self._tenth = 0
        self._start = time.monotonic()
        self._drawn = 0.0

    def advance(self, done: int, total: int, more: str = "") -> None:
        now = time.monotonic()
        line = f"{self.label} {done:,}/{total:,}{more}"
        if self._live:
            if done < total and now - self._drawn < 0.1:
                return
            self._drawn = now
            filled = 24 * done // total
            left = (now - self._start) * (total - done) / done
            bar = f"{'█' * filled}{'·' * (24 - filled)} {line}, {left:.0f} s left"
            print(f"\r  {bar} \x1b[K", end="\n" if done == total else "", file=sys.stderr, flush=True)
        elif 10 * done // total > self._tenth or done == total:
            self._tenth = 10 * done // total
            note(f"  {line}")


class Bar:
    """The same for items that ask a model: how many calls there were, and how many failed."""

    def __init__(self, label: str) -> None:
        self._steps = Steps(label)

    def advance(self, done: int, total: int, context: Context) -> None:
        tally = context.caller.tally
        failed = sum(tally.failures.values())
        extra = f", {failed:,} failed" if failed else ""
        self._steps.advance(done, total, f"  {tally.sent:,} calls, {tally.from_ledger:,} from the ledger{extra}")
