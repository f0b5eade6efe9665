"""Questions from wherever they are: a bare file, or a project folder; and a file's way into a project."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flyreel.errors import InputError
from flyreel.formats.base import Reading, read
from flyreel.formats.mapped import parse_map
from flyreel.questions import Questions
from flyreel.tables import Project, write_text

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


def import_questions(source: Path, into: Path, format: str | None, map: str | None) -> dict[str, Any]:
    """A new version of the project's questions. Rows that come again under the same id take the place of the old."""
    reading = read(source, format, parse_map(map) if map else None)
    if into.exists() and not into.is_dir():
        raise InputError(f"{into}: a file stands there; a project is a folder")
    if not (into / "flyreel.toml").is_file():
        if into.is_dir() and any(into.iterdir()):
            raise InputError(f"{into}: a folder with other things in it and no flyreel.toml; name a new one")
        write_text(into / "flyreel.toml", SETTINGS)
    table = Project(into).table("questions")
    rows = {row["id"]: row for row in (Questions(table.read()).to_rows() if table.versions() else [])}
    rows.update({row["id"]: row for row in reading.questions.to_rows()})
    version = table.write(
        Questions.from_rows(rows.values()).table,
        stage="import",
        parameters={"source": source.name, "format": reading.format, "map": map},
        parents=[f"questions/v{v.number}" for v in table.versions()[-1:]],
    )
    return {
        "project": str(into),
        "format": reading.format,
        "imported": len(reading.questions),
        "questions": version.rows,
        "version": version.number,
        "problems": [p.model_dump(exclude_none=True) for p in reading.problems],
    }
