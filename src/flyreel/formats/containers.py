"""CSV, TSV, JSONL, JSON, Parquet and tar shards as records, whatever the file is called.

A record that cannot be read is a `Problem` in the stream, and the records after it go on. A file that is none of
these at all is an `InputError` with one line to say why.
"""

from __future__ import annotations

import ast
import csv
import difflib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from flyreel.errors import InputError
from flyreel.formats._folders import parts
from flyreel.schema import Problem

LINE_LIMIT = 8 << 20
"""No question needs a line of eight megabytes; a longer one is a problem row, not a way to fill the memory."""

PARQUET_BATCH = 4096
SPLIT_KEY = b"flyreel.split"
"""In the metadata of a Parquet file: the split that all of its rows are in."""

_HEAD = 1 << 16

_ARCHIVES = {
    b"\x1f\x8b": ("gzip", "gunzip -k"),
    b"PK\x03\x04": ("zip", "unzip"),
    b"BZh": ("bzip2", "bunzip2 -k"),
    b"\xfd7zXZ": ("xz", "unxz -k"),
    b"\x28\xb5\x2f\xfd": ("zstd", "unzstd"),
}
_WIDE_MARKS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


@dataclass(frozen=True)
class Record:
    row: int
    line: int | None
    values: dict[str, Any]


@dataclass(frozen=True)
class Sample:
    """What a format needs to recognise its own: the container and the names of the fields."""

    path: Path
    container: str
    fields: tuple[str, ...]
    files: tuple[Path, ...] = ()

    def has(self, *names: str) -> bool:
        return set(names) <= set(self.fields)

    def records(self) -> Iterator[Record | Problem]:
        """Rows are counted through all the files of a folder, as if they were one."""
        read = _READERS[self.container]
        if not self.files:
            return read(self.path)
        return _counted(found for file in self.files for found in read(file))


def _counted(each: Iterator[Record | Problem]) -> Iterator[Record | Problem]:
    for row, found in enumerate(each, 1):
        yield replace(found, row=row) if isinstance(found, Record) else found.model_copy(update={"row": row})


def sample(path: Path) -> Sample:
    if files := parts(path):
        return replace(sample(files[0]), path=path, files=tuple(files))
    head = read_head(path)
    container = _container(path, head)
    if container in ("csv", "tsv"):
        header = next(_csv_rows(path, container), ([], 0))[0]
        return Sample(path, container, tuple(header or ()))
    if container == "parquet":
        return Sample(path, container, tuple(_parquet(path).schema_arrow.names))
    found = (r.values for r in _READERS[container](path) if isinstance(r, Record))
    names = dict.fromkeys(name for values in islice(found, 20) for name in values)
    return Sample(path, container, tuple(names))


def literal_list(text: str) -> list[Any] | None:
    """A list written as JSON or as Python prints it (`"['A. yes', 'B. no']"`), or None."""
    for parse in (json.loads, ast.literal_eval):
        try:
            value = parse(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        if isinstance(value, (list, tuple)):
            return list(value)
    return None


def read_head(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise InputError(f"{path}: a folder without flyreel.toml, not a question file")
        if path.exists() and not path.is_file():
            raise InputError(f"{path}: a pipe or a device; save it to a file first")
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file.{_nearby(path)}") from None
    except OSError as error:  # permission, symlink loop, a name that is too long
        raise InputError(f"{path}: cannot read: {error.strerror or error}") from None
    if not head.removeprefix(b"\xef\xbb\xbf").strip():
        raise InputError(f"{path}: the file is empty")
    return head


def _nearby(path: Path) -> str:
    try:
        names = [p.name for p in path.parent.iterdir() if p.is_file()]
    except OSError:
        return f" Its folder {path.parent} does not exist." if not path.parent.exists() else ""
    near = difflib.get_close_matches(path.name, names, n=2, cutoff=0.5)
    return f" Nearby: {', '.join(near)}" if near else ""


def _container(path: Path, head: bytes) -> str:
    for magic, (kind, command) in _ARCHIVES.items():
        if head.startswith(magic):
            raise InputError(f"{path}: {kind}-compressed; unpack it first: {command} {path.name}")
    if head.startswith(b"PAR1"):
        return "parquet"
    if head[257:262] == b"ustar":
        return "tar"
    for mark, kind in _WIDE_MARKS.items():
        if head.startswith(mark):
            raise InputError(f"{path}: {kind} text; save it as UTF-8 first")
    if b"\0" in head or sum(b < 9 or 13 < b < 32 for b in head) > len(head) // 50:
        raise InputError(f"{path}: binary, not a question file (CSV, TSV, JSONL, JSON or Parquet)")
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith(b"["):
        return "json"
    if text.startswith(b"{"):
        return "jsonl"
    header = text.split(b"\n", 1)[0]
    if header.count(b"\t") >= max(1, header.count(b",")):
        return "tsv"
    if b"," in header:
        return "csv"
    for wrong in (b";", b"|"):
        if wrong in header:
            raise InputError(f"{path}: columns look separated by '{wrong.decode()}'; use commas or tabs")
    raise InputError(f"{path}: neither CSV, TSV, JSONL, JSON nor Parquet: the first line has no comma, tab or brace")


def lines(path: Path) -> Iterator[bytes]:
    """Lines no longer than the limit plus one byte; the rest of a longer line is skipped, not kept."""
    with path.open("rb") as file:
        first = True
        while line := file.readline(LINE_LIMIT + 1):
            if len(line) > LINE_LIMIT and not line.endswith(b"\n"):
                while (rest := file.readline(LINE_LIMIT)) and not rest.endswith(b"\n"):
                    pass
            yield line.removeprefix(b"\xef\xbb\xbf") if first else line
            first = False


def _jsonl(path: Path) -> Iterator[Record | Problem]:
    row = 0
    for number, line in enumerate(lines(path), 1):
        if not line.strip():
            continue
        row += 1
        if len(line) > LINE_LIMIT:
            yield Problem(row=row, line=number, reason="line-too-long", detail=f"over {LINE_LIMIT >> 20} MB")
            continue
        try:
            value = json.loads(line.decode("utf-8"))
        except UnicodeDecodeError as error:
            yield Problem(row=row, line=number, reason="not-utf8", detail=f"byte {error.start} of the line")
        except (ValueError, RecursionError) as error:
            yield Problem(row=row, line=number, reason="not-json", detail=_json_detail(error))
        else:
            yield _object(row, number, value)


def _json_detail(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at column {error.colno}"
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)[:80]


def _object(row: int, line: int | None, value: Any) -> Record | Problem:
    if isinstance(value, dict):
        return Record(row, line, value)
    return Problem(row=row, line=line, reason="not-an-object", detail=f"a {type(value).__name__}")


def _json(path: Path) -> Iterator[Record | Problem]:
    try:
        listed = json.loads(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 (byte {error.start})") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not valid JSON: {_json_detail(error)}") from None
    for row, value in enumerate(listed, 1):
        yield _object(row, None, value)


def _csv_rows(path: Path, container: str) -> Iterator[tuple[list[str] | None, int]]:
    """(fields, line) with undecodable bytes kept as surrogates, so that the caller can name the row they are in.

    Fields are None for a record with a line too long, which is never parsed: half of it would look like a whole one.
    """
    numbered = enumerate(lines(path), 1)
    numbers, long = [0], [False]

    def text() -> Iterator[str]:
        for number, line in numbered:
            numbers[0] = number
            if len(line) > LINE_LIMIT:
                long[0] = True
                line = b"\n"
            yield line.decode("utf-8", errors="surrogateescape")

    csv.field_size_limit(LINE_LIMIT)
    reader = csv.reader(text(), delimiter="\t" if container == "tsv" else ",")
    while True:
        start = numbers[0] + 1
        long[0] = False
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield None, start
            continue
        yield (None if long[0] else fields), start


def _delimited(container: str) -> Any:
    def read(path: Path) -> Iterator[Record | Problem]:
        rows = _csv_rows(path, container)
        header = next(rows)[0] or []
        row = 0
        for values, line in rows:
            if values == []:
                continue
            row += 1
            if values is None:
                yield Problem(row=row, line=line, reason="line-too-long", detail=f"over {LINE_LIMIT >> 20} MB")
            elif len(values) != len(header):
                detail = f"{len(values)} columns where the header has {len(header)}"
                yield Problem(row=row, line=line, reason="wrong-column-count", detail=detail)
            elif not _encodes("".join(values)):
                yield Problem(row=row, line=line, reason="not-utf8")
            else:
                yield Record(row, line, dict(zip(header, values, strict=True)))

    return read


def _encodes(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _parquet(path: Path) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path}: a broken Parquet file: {str(error).splitlines()[0][:120]}") from None


def _parquet_rows(path: Path) -> Iterator[Record | Problem]:
    import pyarrow as pa

    row = 0
    try:
        file = _parquet(path)
        split = (file.schema_arrow.metadata or {}).get(SPLIT_KEY)
        shared = {"split": split.decode("utf-8")} if split else {}
        for batch in file.iter_batches(batch_size=PARQUET_BATCH):
            for values in batch.to_pylist():
                row += 1
                yield Record(row, None, shared | values)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        yield Problem(row=row + 1, reason="broken-parquet", detail=str(error).splitlines()[0][:120])


def _tar(path: Path) -> Iterator[Record | Problem]:
    from flyreel.formats.shards import records

    return records(path)


_READERS: dict[str, Any] = {
    "csv": _delimited("csv"),
    "tsv": _delimited("tsv"),
    "jsonl": _jsonl,
    "json": _json,
    "parquet": _parquet_rows,
    "tar": _tar,
}
