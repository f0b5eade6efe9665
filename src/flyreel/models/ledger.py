"""The ledger: a finished call is never paid for twice.

One SQLite file per writing process (WAL, synchronous=FULL), the union of all files read at the start, no expiry.
Commits are grouped: a writer thread takes whatever is waiting, at most 64 rows, and a row waits at most 50 ms for
company. `put` returns when the row is on disk, so a reply that somebody has seen is a reply that survives kill -9.
"""

from __future__ import annotations

import asyncio
import fcntl
import queue
import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flyreel.errors import InputError
from flyreel.models.call import Reply

GROUP_ROWS = 64
GATHER_SECONDS = 0.001
"""How long a row waits for company. The limit is 50 ms; less costs nothing at a thousand calls a second."""

_TABLE = """
CREATE TABLE IF NOT EXISTS calls (
    key BLOB PRIMARY KEY, endpoint TEXT, model TEXT, request TEXT, reply TEXT,
    input_tokens INTEGER, output_tokens INTEGER, money REAL, seconds REAL, at REAL
) WITHOUT ROWID
"""

_INSERT = "INSERT OR REPLACE INTO calls VALUES (?,?,?,?,?,?,?,?,?,?)"
_SELECT = "SELECT reply, input_tokens, output_tokens, seconds, money FROM calls WHERE key = ?"


@dataclass(frozen=True)
class Spent:
    """What one model has cost so far, by the ledger."""

    endpoint: str
    model: str
    calls: int
    input_tokens: int
    output_tokens: int
    money: float | None
    seconds: float


class Ledger:
    """Use as a context manager. `folder` may be shared by any number of processes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._rows: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._known: dict[bytes, int] = {}
        self._readers: list[sqlite3.Connection] = []
        self._writer: threading.Thread | None = None
        self._lock: Any = None
        self._path: Path | None = None
        self._own = 0

    def __enter__(self) -> Ledger:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._path = self._claim()
            ready: Future[None] = Future()
            self._writer = threading.Thread(target=self._write, args=(ready,), name="ledger", daemon=True)
            self._writer.start()
            ready.result()
        except (OSError, sqlite3.Error) as error:
            raise InputError(f"{self.folder}: cannot keep the ledger there: {error}") from None
        try:
            self._read_all()
        except InputError:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._rows.put(None)
        if self._writer is not None:
            self._writer.join()
        self._close_readers()
        if self._lock is not None:
            self._lock.close()

    def _read_all(self) -> None:
        for path in sorted(self.folder.glob("calls-*.sqlite")):
            self._read(path)
            if path == self._path:
                self._own = len(self._readers) - 1

    def _close_readers(self) -> None:
        for reader in self._readers:
            reader.close()
        self._readers.clear()

    def _claim(self) -> Path:
        """The first file that no living process writes to. A lock dies with its process: kill -9 leaves none behind."""
        for number in range(1, 10_000):
            path = self.folder / f"calls-{number:04d}.sqlite"
            lock = path.with_suffix(".lock").open("a")
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                lock.close()
                continue
            self._lock = lock
            return path
        raise InputError(f"{self.folder}: ten thousand processes write here already")

    def _read(self, path: Path) -> None:
        reader = sqlite3.connect(path, check_same_thread=False)
        try:
            for (key,) in reader.execute("SELECT key FROM calls"):
                self._known[key] = len(self._readers)
        except sqlite3.DatabaseError as error:
            reader.close()
            raise InputError(f"{path}: a damaged ledger file ({error}); move it away to go on without it") from None
        self._readers.append(reader)

    def __contains__(self, key: bytes) -> bool:
        return key in self._known

    def __len__(self) -> int:
        return len(self._known)

    def get(self, key: bytes) -> Reply | None:
        where = self._known.get(key)
        if where is None:
            return None
        row = self._readers[where].execute(_SELECT, (key,)).fetchone()
        return Reply(*row, from_ledger=True) if row else None  # type: ignore[misc]

    async def put(self, key: bytes, endpoint: str, model: str, request: str, reply: Reply) -> None:
        """Store one reply; returns once it is durable."""
        done: asyncio.Future[None] = (loop := asyncio.get_running_loop()).create_future()
        row = (
            key, endpoint, model, request, reply.raw,
            reply.input_tokens, reply.output_tokens, reply.money, reply.seconds, time.time(),
        )  # fmt: skip
        self._rows.put((row, done, loop))
        await done
        self._known[key] = self._own

    def _write(self, ready: Future[None]) -> None:
        try:
            assert self._path is not None
            db = sqlite3.connect(self._path, isolation_level=None)
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=FULL")
            db.execute(_TABLE)
        except BaseException as error:
            ready.set_exception(error)
            return
        ready.set_result(None)
        for group in self._groups():
            failure: Exception | None = None
            try:
                db.execute("BEGIN")
                db.executemany(_INSERT, [row for row, _, _ in group])
                db.execute("COMMIT")
            except sqlite3.Error as error:
                failure = InputError(f"{self._path}: the ledger cannot be written: {error}")
                if db.in_transaction:
                    db.execute("ROLLBACK")
            _tell(group, failure)
        db.close()

    def _groups(self) -> Iterator[list[Any]]:
        while (first := self._rows.get()) is not None:
            group = [first]
            deadline = time.monotonic() + GATHER_SECONDS
            while len(group) < GROUP_ROWS:
                try:
                    row = self._rows.get(timeout=max(0.0, deadline - time.monotonic()))
                except queue.Empty:
                    break
                if row is None:
                    yield group
                    return
                group.append(row)
            yield group

    def totals(self) -> list[Spent]:
        """By endpoint and model, over every file, without writing. One unpriced call, and there is no money figure."""
        self._read_all()
        try:
            return self._totals()
        finally:
            self._close_readers()

    def _totals(self) -> list[Spent]:
        totals: dict[tuple[str, str], list[Any]] = {}
        for reader in self._readers:
            for endpoint, model, *sums in reader.execute(
                "SELECT endpoint, model, count(*), sum(input_tokens), sum(output_tokens), sum(money),"
                " sum(seconds), count(money) FROM calls GROUP BY endpoint, model"
            ):
                kept = totals.setdefault((endpoint, model), [0, 0, 0, 0.0, 0.0, 0])
                for i, value in enumerate(sums):
                    kept[i] += value or 0
        return [
            Spent(endpoint, model, n, tin, tout, money if priced == n else None, seconds)
            for (endpoint, model), (n, tin, tout, money, seconds, priced) in sorted(totals.items())
        ]


def _tell(group: list[Any], error: Exception | None) -> None:
    def finish(futures: list[asyncio.Future[None]]) -> None:
        for future in futures:
            if not future.done():
                if error:
                    future.set_exception(error)
                else:
                    future.set_result(None)

    by_loop: dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = {}
    for _, future, loop in group:
        by_loop.setdefault(loop, []).append(future)
    for loop, futures in by_loop.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(finish, futures)


def spent_in(folder: Path) -> list[Spent]:
    """Totals of the ledger in a project, an audit's folder or a ledger's own; no ledger is a wrong input."""
    for place in (folder, folder / "calls", *sorted(folder.glob("*.audit/calls"))):
        if any(place.glob("calls-*.sqlite")):
            return Ledger(place).totals()
    raise InputError(f"{folder}: no ledger there (looked for calls-*.sqlite here and in calls/)")
