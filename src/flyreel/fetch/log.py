"""status.jsonl: what came of every clip that was tried, on the disk before the next one counts.

Append-only. A line that a power cut left half-written is skipped, and the next line begins on its own.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path

from flyreel.errors import InputError
from flyreel.fetch.job import STATUSES, Row

_FIELDS = {field.name for field in fields(Row)}


class Log:
    def __init__(self, path: Path) -> None:
        self.path = path

    def rows(self) -> list[Row]:
        try:
            lines = self.path.read_bytes().split(b"\n")
        except FileNotFoundError:
            return []
        except OSError as error:
            raise InputError(f"{self.path}: cannot read: {error.strerror or error}") from None
        return [row for row in map(_row, lines) if row]

    def add(self, rows: Iterable[Row]) -> None:
        text = "".join(json.dumps(asdict(row), ensure_ascii=True) + "\n" for row in rows)
        try:
            with self.path.open("ab+") as file:
                if file.tell() and _last_byte(self.path) != b"\n":
                    file.write(b"\n")
                file.write(text.encode())
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise InputError(f"{self.path}: cannot write: {error.strerror or error}") from None


def _last_byte(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1)


def _row(line: bytes) -> Row | None:
    try:
        row = json.loads(line)
        kept = Row(**{name: value for name, value in row.items() if name in _FIELDS})
    except (ValueError, TypeError, AttributeError):
        return None
    return kept if kept.status in STATUSES else None


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """One fetch at a time in a project; a killed one lets go by itself."""
    with (folder / ".lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise InputError(f"{folder}: another flyreel fetch is at work there; wait for it or stop it") from None
        yield
