"""Questions and clips from wherever they are: a bare source, or a project folder; and the way into a project."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa

from flyreel.clips import Clips
from flyreel.errors import InputError
from flyreel.formats.base import Reading, read
from flyreel.formats.clip_source import ClipReading, read_clips
from flyreel.formats.mapped import parse_map
from flyreel.questions import Questions
from flyreel.tables import Project, Table, write_text

SETTINGS = """\
# flyreel project. Models by role, prices and limits; everything here is optional.
#
# [models.blind]                          # the model that must not be able to answer
# url = "http://localhost:8000/v1"        # or: local = "qwen2.5-coder-0.5b"
# key_env = "FLYREEL_API_KEY"
# concurrency = 64
# rate = 600                              # calls a minute
# price = { input = 0.15, output = 0.60 } # per million tokens
"""


def open_questions(path: Path, format: str | None = None, map: str | None = None) -> Reading:
    project = Project.at(path)
    if project is None:
        return read(path, format, parse_map(map) if map else None)
    return Reading(str(path), "project", Questions(project.table("questions").read()), [])


def open_all(
    path: Path, format: str | None = None, map: str | None = None
) -> tuple[Reading | None, ClipReading | None]:
    """Whatever is there: questions, clips, or both. Neither of them is an error that says so."""
    project = Project.at(path)
    if project is None:
        found = None if map else read_clips(path, format)
        if found is None:
            return open_questions(path, format, map), None
        asked = found.questions
        return (Reading(found.source, found.format, asked, found.problems) if asked is not None else None), found
    stored = project.table("clips")
    clips = ClipReading(str(path), "project", Clips(stored.read())) if stored.versions() else None
    return (None if clips and not project.table("questions").versions() else open_questions(path)), clips


def import_(source: Path, into: Path, format: str | None, map: str | None) -> dict[str, Any]:
    """New versions of the project's clips and questions, whichever the source has.

    Rows that come again under the same id take the place of the old.
    """
    if Project.at(source):
        raise InputError(f"{source}: a project already; import takes a file, or a folder of videos")
    reading, found = open_all(source, format, map)
    name = reading.format if reading else found.format if found else ""
    problems = reading.problems if reading else found.problems if found else []
    project = _project(into)
    made = {"source": source.name, "format": name, "map": map}
    clips, questions = project.table("clips"), project.table("questions")
    if found:
        _merge(clips, Clips, found.clips, made)
    if reading:
        _merge(questions, Questions, reading.questions, made)
    return {
        "project": str(into),
        "format": name,
        "imported": len(reading.questions) if reading else 0,
        **_standing(questions, "questions", "version"),
        "imported_clips": len(found.clips) if found else 0,
        **_standing(clips, "clips", "clips_version"),
        "problems": [p.model_dump(exclude_none=True) for p in problems],
    }


def _project(into: Path) -> Project:
    if into.exists() and not into.is_dir():
        raise InputError(f"{into}: a file stands there; a project is a folder")
    if not (into / "flyreel.toml").is_file():
        if into.is_dir() and any(into.iterdir()):
            raise InputError(f"{into}: a folder with other things in it and no flyreel.toml; name a new one")
        write_text(into / "flyreel.toml", SETTINGS)
    return Project(into)


def _merge(table: Table, noun: type[Clips] | type[Questions], new: Clips | Questions, made: dict[str, Any]) -> None:
    earlier = table.versions()[-1:]
    rows = {row["id"]: row for row in (noun(table.read()).to_rows() if earlier else [])}
    rows.update({row["id"]: row for row in new.to_rows()})
    merged: pa.Table = noun.from_rows(rows.values()).table
    parents = [f"{table.folder.name}/v{v.number}" for v in earlier]
    table.write(merged, stage="import", parameters=made, parents=parents)


def _standing(table: Table, rows: str, version: str) -> dict[str, int | None]:
    """What the project has now, whether or not this import added to it."""
    last = table.versions()[-1:]
    return {rows: last[0].rows if last else 0, version: last[0].number if last else None}
