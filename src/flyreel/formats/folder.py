"""A folder of videos, each with whatever stands beside it under the same name.

    NAME.mp4 …                        the clip: its id is the path below the folder without the ending
    NAME.srt .vtt .ass .ssa           what is said; a language may stand between, as in NAME.en.srt
    NAME.ad.txt .ad.vtt .ad.srt       audio description
    NAME.txt                          captions, a sentence a line (audio description where the lines have time stamps)
    NAME.json                         caption (a sentence or a list), description, cues, source, group, split

The path is stored absolute. The group is the folder that a nested video lies in, else the clip itself. Frames, length
and shots are not looked for here: that needs a decoder, and a later step fills them in.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flyreel.clips import Clips
from flyreel.errors import InputError
from flyreel.formats.base import Broken
from flyreel.formats.clip_source import ClipReading, checked, clip_sources, problem
from flyreel.formats.sidecars import ENDINGS, SUBTITLES, Sidecar, read_sidecars
from flyreel.schema import Problem

VIDEOS = frozenset(".mp4 .mkv .webm .gif .webp .mov .avi .m4v".split())


@clip_sources.add("folder", last=True)
class Folder:
    """A folder of videos with subtitles, audio description or captions beside them under the same name."""

    def recognises(self, path: Path) -> bool:
        return path.is_dir() and any(file.suffix.lower() in VIDEOS for file in _files(path, []))

    def read(self, path: Path) -> ClipReading:
        if not path.is_dir():
            raise InputError(f"{path}: not a folder; the format 'folder' takes a folder of videos")
        problems: list[Problem] = []
        files = list(_files(path, problems))
        videos = [file for file in files if file.suffix.lower() in VIDEOS]
        beside, lonely = _beside(files, {video.with_suffix("") for video in videos})
        rows: dict[str, dict[str, Any]] = {}
        for number, video in enumerate(videos, 1):
            try:
                place = _place(video, path)
                values, more = read_sidecars(beside.get(video.with_suffix(""), []), number)
                row = checked({**place, **values}, video.stem)
                if row["id"] in rows:
                    raise Broken("duplicate-id", f"{video.name}: {Path(rows[row['id']]['path']).name} is read")
                problems += more
                rows[row["id"]] = row
            except Broken as broken:
                problems.append(problem(number, broken))
        if not rows:
            more_said = f" {problems[0]}" if problems else f" A video ends in {' '.join(sorted(VIDEOS))}"
            raise InputError(f"{path}: no video in this folder.{more_said}")
        for number, file in enumerate(lonely, 1):
            name = file.relative_to(path).as_posix()
            problems.append(problem(number, Broken("no-video", f"{name}: no video of this name")))
        return ClipReading(str(path), "folder", Clips.from_rows(rows.values()), None, problems)


def _files(folder: Path, problems: list[Problem]) -> Iterator[Path]:
    """Every file below, by name. Hidden ones are passed by, and so is a flyreel project that lies inside."""

    def unreadable(error: OSError) -> None:
        problems.append(Problem(row=1, reason="cannot-read", detail=f"{error.filename}: {error.strerror}"))

    for place, folders, names in os.walk(folder, onerror=unreadable):
        here = Path(place)
        folders[:] = sorted(f for f in folders if not f.startswith(".") and not (here / f / "flyreel.toml").is_file())
        yield from (here / name for name in sorted(names) if not name.startswith("."))


def _is_text(name: Path) -> bool:
    """A name in another encoding than UTF-8 fits in no table and no JSON."""
    try:
        return bool(str(name).encode())
    except UnicodeEncodeError:
        return False


def _beside(files: list[Path], stems: set[Path]) -> tuple[dict[Path, list[Sidecar]], list[Path]]:
    """Sidecars by the name of their video, and subtitles that have none.

    Only these are missed: a README.txt or an index.json in a folder of videos is nobody's mistake.
    """
    beside: dict[Path, list[Sidecar]] = {}
    lonely: list[Path] = []
    for file in files:
        ending = file.suffix.lower()
        if ending not in ENDINGS or not _is_text(file):
            continue
        stem, words = file.with_suffix(""), tuple[str, ...]()
        while stem not in stems and stem.suffix:
            stem, words = stem.with_suffix(""), (stem.suffix[1:].lower(), *words)
        if stem in stems:
            beside.setdefault(stem, []).append(Sidecar(file, words))
        elif ending in SUBTITLES or "ad" in words:
            lonely.append(file)
    return beside, lonely


def _place(video: Path, folder: Path) -> dict[str, Any]:
    below = video.relative_to(folder)
    if not _is_text(video.resolve()):
        raise Broken("bad-name", f"{below.as_posix()!a}: not UTF-8; rename the file")
    return {
        "id": below.with_suffix("").as_posix(),
        "path": str(video.resolve()),
        "group": below.parent.as_posix() if len(below.parts) > 1 else None,
    }
