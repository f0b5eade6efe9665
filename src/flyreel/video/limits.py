"""What no file can pass, however it was made, and the one error for a file that cannot be used.

Reasons: missing, cannot-read, empty, not-media, still-picture, no-video, no-frames, unknown-codec, truncated, corrupt,
too-large, too-many-frames, too-slow, too-much-memory.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from flyreel.errors import InputError


@dataclass(frozen=True)
class Limits:
    """`seconds` is time spent here on one file; what the caller does between two frames is not counted.

    `memory` is of the frames that `load` keeps, after resizing; `stream` keeps one.
    """

    pixels: int = 8192 * 4320
    frames: int = 500_000
    seconds: float = 300.0
    memory: int = 2 << 30


DEFAULT = Limits()


class BadMedia(InputError):
    """`PATH: reason: detail`, on one line whatever the path holds; `reason` is the machine-readable word."""

    def __init__(self, path: str | Path, reason: str, detail: str) -> None:
        self.path = str(path)
        self.reason = reason
        super().__init__(f"{shown(self.path)}: {reason}: {' '.join(detail.split())[:300]}")


def shown(path: str) -> str:
    return path if path.isprintable() else repr(path)


class Clock:
    """Says when a file has had its time. Looked at between packets, so one slow packet may overrun it."""

    def __init__(self, path: str | Path, seconds: float) -> None:
        self._path = path
        self._seconds = seconds
        self._deadline = time.monotonic() + seconds

    def check(self) -> None:
        if time.monotonic() > self._deadline:
            raise BadMedia(
                self._path, "too-slow", f"not done after {self._seconds:g} s; raise the limit or cut the file"
            )

    @contextmanager
    def stopped(self) -> Iterator[None]:
        before = time.monotonic()
        try:
            yield
        finally:
            self._deadline += time.monotonic() - before
