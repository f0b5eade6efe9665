"""What to call a clip's file in a list that others will read: its path below the folder that holds all of them.

The bare file name would do where the files lie side by side, and that is what comes out there; two clips of one name in
two folders stay apart.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path


def folder_of(files: Iterable[Path]) -> Path | None:
    """The deepest folder that holds all of these files."""
    folders = [file.absolute().parent for file in files]
    return Path(os.path.commonpath(folders)) if folders else None


def names(files: Mapping[str, Path]) -> dict[str, str]:
    """By clip id, with forward slashes."""
    folder = folder_of(files.values())
    return {id: file.absolute().relative_to(folder).as_posix() for id, file in files.items()} if folder else {}


def told(files: Mapping[str, Path], wanted: Iterable[str]) -> list[str]:
    """Where the videos lie, and how many clips are named by their id because no file was found."""
    folder = folder_of(files.values())
    lines = [f"The videos lie in {folder}; each is named by its path below it"] if folder else []
    without = len({clip for clip in wanted if clip} - set(files))
    if without:
        lines.append(f"{without:,} clips have no file here; their video is their id")
    return lines
