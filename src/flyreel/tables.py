"""Nouns on disk: Parquet shards under an atomic manifest, single Parquet files, JSONL.

A reader sees the whole old version or the whole new one: shards are written under temporary names and renamed, and
only then is the manifest swapped. Versions are immutable; each records its parents, its stage and its parameters.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import tempfile
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from flyreel.errors import InputError

SHARD_ROWS = 50_000

FINDINGS = pa.schema(
    [
        pa.field("question", pa.string(), nullable=False),
        pa.field("probe", pa.string(), nullable=False),
        pa.field("solver", pa.string(), nullable=False),
        pa.field("verdict", pa.string(), nullable=False),
        pa.field("score", pa.float64()),
        pa.field("computed_from", pa.string()),
        pa.field("reason", pa.string()),
    ]
)

PREDICTIONS = pa.schema(
    [
        pa.field("question", pa.string(), nullable=False),
        pa.field("model", pa.string(), nullable=False),
        pa.field("view", pa.string(), nullable=False),
        pa.field("reply", pa.string(), nullable=False),
        pa.field("asked", pa.bool_(), nullable=False),
        pa.field("answer", pa.int32()),
        pa.field("answer_text", pa.string()),
        pa.field("strict", pa.bool_(), nullable=False),
        pa.field("failure", pa.string()),
        pa.field("frames", pa.list_(pa.int64())),
    ]
)


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """A temporary name beside `path`, renamed onto it if the block succeeds and removed if it does not."""
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        temporary.replace(path)
    except OSError as error:
        raise InputError(f"{path}: cannot write: {error.strerror or error}") from error
    finally:
        with suppress(OSError):  # where the folder could not be made there is nothing to remove
            temporary.unlink()


def content_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_text(path: Path, text: str) -> Path:
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path


def write_parquet(path: Path, table: pa.Table) -> Path:
    with atomic(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")
    return path


def write_jsonl(path: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    with atomic(path) as temporary, temporary.open("w", encoding="utf-8") as out:
        for row in rows:
            out.write(json.dumps(row, ensure_ascii=False) + "\n")
    return path


@dataclass(frozen=True)
class Version:
    number: int
    shards: tuple[str, ...]
    rows: int
    stage: str
    parameters: dict[str, Any]
    parents: tuple[str, ...]
    created: str


@dataclass(frozen=True)
class Table:
    """One folder of a project: `manifest.json` names the shards of every version; the last one is current."""

    folder: Path

    @property
    def manifest(self) -> Path:
        return self.folder / "manifest.json"

    def versions(self) -> list[Version]:
        try:
            listed = json.loads(self.manifest.read_text(encoding="utf-8"))["versions"]
            return [Version(**{**v, "shards": tuple(v["shards"]), "parents": tuple(v["parents"])}) for v in listed]
        except FileNotFoundError:
            return []
        except (ValueError, KeyError, TypeError, OSError) as error:
            raise InputError(f"{self.manifest}: not a manifest: {error}") from error

    def write(
        self, table: pa.Table, *, stage: str, parameters: Mapping[str, Any], parents: Iterable[str] = ()
    ) -> Version:
        """A new version after the last one. Writers take turns; readers never wait."""
        writable(self.folder)
        with (self.folder / ".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            return self._append(table, stage, dict(parameters), tuple(parents))

    def _append(self, table: pa.Table, stage: str, parameters: dict[str, Any], parents: tuple[str, ...]) -> Version:
        earlier = self.versions()
        number = earlier[-1].number + 1 if earlier else 1
        tag = uuid.uuid4().hex[:8]  # a killed run may have left shards of this number that no manifest names
        shards = []
        for part, start in enumerate(range(0, max(table.num_rows, 1), SHARD_ROWS)):
            name = f"v{number:04d}-{tag}-{part:05d}.parquet"
            write_parquet(self.folder / name, table.slice(start, SHARD_ROWS))
            shards.append(name)
        version = Version(
            number=number,
            shards=tuple(shards),
            rows=table.num_rows,
            stage=stage,
            parameters=parameters,
            parents=parents,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        listed = [vars(v) for v in [*earlier, version]]
        write_text(self.manifest, json.dumps({"versions": listed}, indent=1, ensure_ascii=False) + "\n")
        return version

    def read(self, number: int | None = None) -> pa.Table:
        versions = self.versions()
        if not versions:
            raise InputError(f"{self.folder}: nothing written there yet")
        chosen = versions[-1] if number is None else next((v for v in versions if v.number == number), None)
        if chosen is None:
            raise InputError(f"{self.folder}: no version {number}; the last is {versions[-1].number}")
        try:
            return pa.concat_tables(pq.read_table(self.folder / name) for name in chosen.shards)
        except (OSError, pa.ArrowException) as error:
            why = str(error).splitlines()[0]
            raise InputError(f"{self.folder}: version {chosen.number} cannot be read: {why}") from None


@dataclass(frozen=True)
class Project:
    """A folder with flyreel.toml in it."""

    folder: Path

    @classmethod
    def at(cls, path: Path) -> Project | None:
        return cls(path) if path.is_dir() and (path / "flyreel.toml").is_file() else None

    def table(self, noun: str) -> Table:
        return Table(self.folder / noun)

    @property
    def calls(self) -> Path:
        return self.folder / "calls"

    @property
    def reports(self) -> Path:
        return self.folder / "reports"


def writable(folder: Path) -> None:
    """Make the folder and try it, before work is done that could not be saved."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise InputError(f"{folder}: cannot write there: {error.strerror or error}") from None
