"""Sets that are folders: which files hold the questions, and whether flyreel made the folder.

A folder pulled from a hub may hold files of an earlier push beside those of the last one. Its card names the files that
count, so where there is a card it decides.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any

MADE = "export.json"
"""In a folder that an exporter wrote: what made it, and which files are its own."""

KINDS = ("*.tar", "data/*.parquet")
OURS = ("tasks.json", "*.tsv")
"""Looked for only in folders that flyreel made: elsewhere files of these names may be anything."""

CARD_BYTES = 1 << 20
AGAIN = "__pycache__"
"""Python puts its own files beside code that is run, and makes them again."""


def parts(folder: Path) -> list[Path]:
    """The files of a set that is a folder, by name. None where it is no such folder."""
    with suppress(OSError, ValueError):  # what cannot be looked into is for the reader to complain of
        if not folder.is_dir():
            return []
        if named := _found(folder, _named_by_card(folder)):
            return named
        for pattern in (*KINDS, *(OURS if made(folder) else ())):
            if found := _found(folder, [pattern]):
                return [file for file in found if not _repeats(file, found)]
    return []


def made(folder: Path) -> dict[str, Any] | None:
    """What the folder says of the export that wrote it, where it says so in full."""
    try:
        told = json.loads((folder / MADE).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    whole = isinstance(told, dict) and {"flyreel", "format", "files"} <= told.keys() and isinstance(told["files"], list)
    return told if whole else None


def inside(folder: Path) -> list[str]:
    """Every file below it, links among them, with forward slashes."""
    found = (file for file in folder.rglob("*") if file.is_symlink() or not file.is_dir())
    return sorted(file.relative_to(folder).as_posix() for file in found)


def foreign(folder: Path) -> str | None:
    """A file in it that no export put there; an empty text where the folder itself is somebody else's."""
    files = [name for name in inside(folder) if AGAIN not in PurePosixPath(name).parts]
    told = made(folder)
    if told is None:
        return "" if files else None
    own = {MADE, *(name for name in told["files"] if isinstance(name, str))}
    return next((name for name in files if name not in own), None)


def _found(folder: Path, patterns: list[str]) -> list[Path]:
    found = {file for pattern in patterns for file in folder.glob(pattern)}
    return sorted(file for file in found if file.is_file() and not file.name.startswith("."))


def _repeats(file: Path, found: list[Path]) -> bool:
    """NAME_blind.tsv asks the questions of NAME.tsv again."""
    return file.with_stem(file.stem.removesuffix("_blind")) in found and file.stem.endswith("_blind")


def _named_by_card(folder: Path) -> list[str]:
    """Patterns of the Parquet files that the card gives to the first of its configurations, or the default one."""
    import yaml

    try:
        with (folder / "README.md").open(encoding="utf-8") as file:
            text = file.read(CARD_BYTES)
        front = yaml.safe_load(text.split("\n---")[0].removeprefix("---\n")) if text.startswith("---\n") else None
    except (OSError, ValueError, RecursionError, yaml.YAMLError):
        return []
    configs = front.get("configs") if isinstance(front, dict) else None
    named = [c for c in configs if isinstance(c, dict)] if isinstance(configs, list) else []
    first = sorted(named, key=lambda c: c.get("config_name") != "default" and c.get("default") is not True)[:1]
    return [p for c in first for p in _patterns(c.get("data_files")) if p.endswith(".parquet") and _below(p)]


def _patterns(listed: Any) -> Iterator[str]:
    """One pattern, a list of them, or splits with theirs: cards know all three."""
    if isinstance(listed, str):
        yield listed
    elif isinstance(listed, list):
        for one in listed:
            yield from _patterns(one.get("path") if isinstance(one, dict) else one)


def _below(pattern: str) -> bool:
    return not pattern.startswith("/") and ".." not in PurePosixPath(pattern).parts
