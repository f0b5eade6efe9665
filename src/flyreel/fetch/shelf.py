"""Where the files stand and which count: clips/media in the project; what is not whole is in clips/media/.part.

A file is checked and hashed in .part, its row is written, and only then is it renamed into place. A kill between the
two leaves a row and a file in .part that is whole: `open` finishes the renaming instead of fetching again.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from flyreel.errors import InputError
from flyreel.fetch.job import Job, Row, digest
from flyreel.tables import Project, writable


class Shelf:
    """`last` is what came of each source when it was last tried; `ours` are all paths a fetch ever gave."""

    def __init__(self, project: Project, rows: Iterable[Row]) -> None:
        self.folder = project.folder
        self.media = project.folder / "clips" / "media"
        self.part = self.media / ".part"
        self.last: dict[str, Row] = {}
        self.ours: set[str] = set()
        for row in rows:
            self._note(row)

    def _note(self, row: Row) -> None:
        self.last[row.source] = row
        if row.path:
            self.ours.add(row.path)

    def open(self) -> None:
        """Finish what a kill left half-done, and clear away what it left incomplete."""
        writable(self.part)
        for source, row in self.last.items():
            if row.status == "ok" and row.path and not self.has(source):
                waiting = self.part / Path(row.path).name
                if _size(waiting) == row.bytes:
                    self.place(row)
        self.clear()

    def clear(self) -> None:
        shutil.rmtree(self.part, ignore_errors=True)

    def stage(self, job: Job, outcome: Mapping[str, Any]) -> str:
        """Move a worker's file to the name it will have, still in .part; returns its path in the project.

        A name that is taken is another source's, perhaps another clip's only copy; it is not overwritten. The same
        source's own file is: it was found wanting.
        """
        path = f"clips/media/{job.name}.{outcome['ending']}"
        before = self.last.get(job.source)
        if (self.folder / path).exists() and not (before and before.path == path):
            path = f"clips/media/{job.name}-{digest(job.source)}.{outcome['ending']}"
        try:
            Path(outcome["file"]).replace(self.part / Path(path).name)
        except OSError as error:
            raise InputError(f"{self.part}: cannot write: {error.strerror or error}") from None
        shutil.rmtree(self.part / job.name, ignore_errors=True)
        return path

    def place(self, row: Row) -> None:
        self._note(row)
        if row.path is None:
            return
        target = self.folder / row.path
        try:
            (self.part / target.name).replace(target)
        except OSError as error:
            raise InputError(f"{target}: cannot write: {error.strerror or error}") from None

    def has(self, source: str | None) -> bool:
        """The fetched file is there with all its bytes."""
        row = self.last.get(source or "")
        return bool(row and row.status == "ok" and row.path and _size(self.folder / row.path) == row.bytes)

    def has_own(self, clip: Mapping[str, Any]) -> bool:
        """A file that the table names and no fetch brought."""
        path = clip.get("path")
        return bool(path and path not in self.ours and _size(self.folder / path))

    def state(self, clip: Mapping[str, Any], linked: bool) -> tuple[str, str]:
        row = self.last.get(clip.get("source") or "")
        if self.has(clip.get("source")):
            return "ok", ""
        if self.has_own(clip):
            return "local", ""
        if not linked:
            return "no-source", "no file, and no link to fetch one from"
        if row is None:
            return "not-tried", ""
        return (
            ("not-tried", "its file has gone since it was fetched") if row.status == "ok" else (row.status, row.reason)
        )


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size if path.is_file() else None
    except (OSError, ValueError):
        return None
