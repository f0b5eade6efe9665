"""Where the clips of a set of questions are: in the project, in a list beside the file, or under the name they have."""

from __future__ import annotations

import json
from pathlib import Path

from flyreel.clips import Clips
from flyreel.errors import InputError
from flyreel.formats.clip_source import read_clips
from flyreel.questions import Questions
from flyreel.tables import Project, write_text

NAME = "clips.json"
"""Beside a saved audit, for the report."""


def files(questions: Questions, source: Path, project: Project | None) -> dict[str, str]:
    """Clip id to path, for the clips of these questions whose file is there."""
    wanted = {clip for clip in questions.strings("clip") if clip}
    here = project.folder if project else source.parent
    known = {id: path for id, path in _listed(here, project).items() if id in wanted}
    known |= {clip: clip for clip in wanted - known.keys()}
    found = {}
    for id, path in known.items():
        try:
            at = (here / path).resolve()
            if at.is_file():
                found[id] = str(at)
        except (OSError, ValueError, RuntimeError):  # an id may be anything: no path, or a link to itself
            continue
    return found


def _listed(here: Path, project: Project | None) -> dict[str, str]:
    if project is not None:
        table = project.table("clips")
        rows = Clips(table.read()).to_rows() if table.versions() else []
    else:
        try:
            beside = read_clips(here / "clips.jsonl", "clips") if (here / "clips.jsonl").is_file() else None
        except InputError:
            beside = None
        rows = beside.clips.to_rows() if beside else []
    return {row["id"]: row["path"] for row in rows if row.get("path")}


def save(found: dict[str, str], embedder: str | None, path: Path) -> None:
    write_text(path, json.dumps({"embedder": embedder, "files": found}, indent=1, ensure_ascii=False) + "\n")
