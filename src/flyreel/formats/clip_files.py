"""Where the clips of a set of questions are: in the project, in a list beside the file, or under the name they have.

A set comes from somebody else, and what it calls a clip is data: as the name of a file it leads to a video below the
set's own folder or to nothing. Only a list that a person keeps, clips.jsonl or the project's, may point elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from flyreel.clips import Clips
from flyreel.errors import InputError
from flyreel.formats.clip_source import read_clips
from flyreel.formats.folder import VIDEOS
from flyreel.questions import Questions
from flyreel.tables import Project

LIST = "clips.jsonl"


@dataclass(frozen=True)
class Known:
    """The clips that are listed, the files of those that are there by id, and what was wrong with the list."""

    clips: Clips
    files: dict[str, str]
    problems: list[str]


def known(questions: Questions, source: Path, project: Project | None) -> Known:
    here = project.folder if project else source.parent
    listed, problems = _listed(here, project)
    wanted = set(questions.strings("clip")) - {""}
    clips = listed.take(np.array([i for i, id in enumerate(listed.ids) if id in wanted], dtype=np.int64))
    places = {id: path for id, path in zip(clips.ids, clips.strings("path"), strict=True) if path}
    root = here.resolve()
    found = {id: _at(root / places[id]) if id in places else _named(root, id) for id in sorted(wanted)}
    return Known(clips, {id: str(file) for id, file in found.items() if file}, problems)


def files(questions: Questions, source: Path, project: Project | None) -> dict[str, str]:
    """Clip id to path, for the clips of these questions whose file is there."""
    return known(questions, source, project).files


def _named(root: Path, clip: str) -> Path | None:
    """A question's own name of its clip, where it is the path of a video below this folder."""
    if Path(clip).is_absolute() or Path(clip).suffix.lower() not in VIDEOS:
        return None
    found = _at(root / clip)
    return found if found and found.is_relative_to(root) else None


def _at(place: Path) -> Path | None:
    try:
        found = place.resolve()
        return found if found.is_file() else None
    except (OSError, ValueError, RuntimeError):  # an id may be anything: no path, or a link to itself
        return None


def _listed(here: Path, project: Project | None) -> tuple[Clips, list[str]]:
    nothing = Clips.from_rows([])
    if project is not None:
        table = project.table("clips")
        return (Clips(table.read()) if table.versions() else nothing), []
    if not (here / LIST).is_file():
        return nothing, []
    try:
        reading = read_clips(here / LIST, "clips")
    except InputError as error:
        return nothing, [f"no clip is known from the list beside it: {error}"]
    if reading is None:
        return nothing, []
    broken = reading.problems
    first = f"{here / LIST}: {len(broken):,} of its rows cannot be read, first {broken[0]}" if broken else ""
    return reading.clips, [first] if first else []
