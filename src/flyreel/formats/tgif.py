"""TGIF: animated GIFs by their address, each with a sentence or more.

The list has no header and is not CSV: a quotation mark in a sentence is only that. The lengths of the GIFs are not in
it, so a sentence is a caption cue from 0 to 0, which is how a cue about the whole clip is written. The id is the name
of the GIF without `.gif`: the `gif_name` of TGIF-QA, so that its questions find their clips.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from flyreel.clips import Clips
from flyreel.errors import InputError
from flyreel.formats.base import Broken
from flyreel.formats.clip_source import ClipReading, clip_sources, problem
from flyreel.formats.containers import LINE_LIMIT, lines, read_head
from flyreel.schema import Problem

NAME = "tgif-v1.0.tsv"
SPLITS = ("train", "val", "test")


@clip_sources.add("tgif")
class Tgif:
    """TGIF (tgif-v1.0.tsv: url TAB sentence; train.txt, val.txt and test.txt beside it or under splits/)."""

    def recognises(self, path: Path) -> bool:
        try:
            head = read_head(_list(path)).split(b"\n", 1)[0].decode("utf-8-sig")
        except (InputError, UnicodeDecodeError):
            return False
        url, tab, sentence = head.strip().partition("\t")
        return bool(tab) and "\t" not in sentence and _stem(url) is not None

    def read(self, path: Path) -> ClipReading:
        listed = _list(path)
        read_head(listed)
        rows: dict[str, dict[str, Any]] = {}
        problems: list[Problem] = []
        seen: dict[str, int] = {}
        for number, line in enumerate(lines(listed), 1):
            try:
                url, sentence = _pair(line)
                if url not in rows:
                    rows[url] = {"id": _id(url, seen), "source": url, "cues": []}
                rows[url]["cues"].append({"start": 0.0, "end": 0.0, "kind": "caption", "text": sentence})
            except Broken as broken:
                if broken.reason != "blank-line":
                    problems.append(problem(number, broken, number))
        if not rows:
            more = f" {problems[0]}" if problems else ""
            raise InputError(f"{listed}: no usable clip, read as tgif.{more}")
        problems += _divide(rows, listed.parent)
        return ClipReading(str(path), "tgif", Clips.from_rows(rows.values()), None, problems)


def _list(path: Path) -> Path:
    return path / NAME if path.is_dir() else path


def _stem(url: str) -> str | None:
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return PurePosixPath(parts.path).stem or None if parts.scheme in ("http", "https") and parts.netloc else None


def _pair(line: bytes) -> tuple[str, str]:
    if len(line) > LINE_LIMIT:
        raise Broken("line-too-long", f"over {LINE_LIMIT >> 20} MB")
    try:
        fields = line.decode("utf-8").strip("\r\n").split("\t")
    except UnicodeDecodeError as error:
        raise Broken("not-utf8", f"byte {error.start} of the line") from None
    if fields == [""]:
        raise Broken("blank-line")
    if len(fields) != 2:
        raise Broken("wrong-column-count", f"{len(fields)} columns where a url and a sentence are wanted")
    url, sentence = fields[0].strip(), " ".join(fields[1].split())
    if _stem(url) is None:
        raise Broken("bad-url", url)
    if not sentence:
        raise Broken("empty-caption", url)
    return url, sentence


def _id(url: str, seen: dict[str, int]) -> str:
    """One GIF name under two addresses stays two clips: nothing here says that they show the same."""
    stem = str(_stem(url))
    seen[stem] = seen.get(stem, 0) + 1
    return stem if seen[stem] == 1 else f"{stem}~{seen[stem]}"


def _divide(rows: dict[str, dict[str, Any]], folder: Path) -> Iterator[Problem]:
    """The split files list addresses. An address in two of them is the leak that splits are there to prevent."""
    for split in SPLITS:
        found = next((f for f in (folder / f"{split}.txt", folder / "splits" / f"{split}.txt") if f.is_file()), None)
        for number, line in enumerate(lines(found), 1) if found else ():
            url = line.decode("utf-8", errors="replace").strip()
            place = f"{found.name}: {url}" if found else ""
            if not url:
                continue
            if url not in rows:
                yield problem(number, Broken("split-without-caption", place), number)
            elif rows[url].setdefault("split", split) != split:
                yield problem(number, Broken("in-two-splits", f"{place} is in {rows[url]['split']} too"), number)
