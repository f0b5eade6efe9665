"""Where the clips of a set of questions are: in the project, in a list beside the file, or under the name they have."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from flyreel.clips import Clips
from flyreel.errors import InputError
from flyreel.formats.clip_source import read_clips
from flyreel.questions import Questions
from flyreel.tables import Project


def clips_of(questions: Questions, source: Path, project: Project | None) -> Clips:
    """What is known of the clips of these questions; none where nobody lists them."""
    listed = _listed(source.parent, project)
    wanted = set(questions.strings("clip"))
    return listed.take(np.array([i for i, id in enumerate(listed.ids) if id in wanted], dtype=np.int64))


def files(questions: Questions, source: Path, project: Project | None) -> dict[str, str]:
    """Clip id to path, for the clips of these questions whose file is there."""
    here = project.folder if project else source.parent
    clips = clips_of(questions, source, project)
    places = {id: path for id, path in zip(clips.ids, clips.strings("path"), strict=True) if path}
    named = {clip: clip for clip in questions.strings("clip") if clip}
    found = {}
    for id, path in (named | places).items():
        try:
            at = (here / path).resolve()
            if at.is_file():
                found[id] = str(at)
        except (OSError, ValueError, RuntimeError):  # an id may be anything: no path, or a link to itself
            continue
    return found


def _listed(here: Path, project: Project | None) -> Clips:
    if project is not None:
        table = project.table("clips")
        return Clips(table.read()) if table.versions() else Clips.from_rows([])
    try:
        beside = read_clips(here / "clips.jsonl", "clips") if (here / "clips.jsonl").is_file() else None
    except InputError:
        beside = None
    return beside.clips if beside else Clips.from_rows([])
