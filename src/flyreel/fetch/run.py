"""The clips of a project, downloaded: in parallel, each with a status, none twice.

The state is on the disk only: status.jsonl says what came of every source, and the files stand in clips/media. A run
that is stopped or killed leaves nothing that another run has to be told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from flyreel.clips import SCHEMA
from flyreel.errors import InputError, Stopped
from flyreel.fetch import coverage
from flyreel.fetch.job import Job, Row, Settings, is_link, jobs
from flyreel.fetch.log import Log, alone
from flyreel.fetch.pool import Outcome, outcomes
from flyreel.fetch.shelf import Shelf
from flyreel.questions import Questions
from flyreel.tables import Project, writable

Told = Callable[[int, int, Row], None]


@dataclass(frozen=True)
class Fetched:
    """`tried` counts the sources asked for in this run, whatever came of them."""

    coverage: coverage.Coverage
    tried: int
    bytes: int


def open_project(path: Path) -> Project:
    project = Project.at(path)
    if project is None:
        raise InputError(f"{path}: not a project: no flyreel.toml in it. flyreel import makes one")
    return project


def linked(project: Project) -> list[dict[str, Any]]:
    """The project's clips, of which at least one says where it can be had."""
    clips = project.table("clips").read().to_pylist()
    if not any(is_link(clip.get("source")) for clip in clips):
        raise InputError(f"{project.folder}: none of its {len(clips):,} clips has a link (http or https) as its source")
    return clips


def fetch(project: Project, settings: Settings, tell: Told | None = None) -> Fetched:
    from flyreel.fetch.ydl import ready

    clips = linked(project)
    made_by = {**settings.recorded(), "yt-dlp": ready(settings)}
    folder = project.folder / "fetch"
    writable(folder)
    with alone(folder):
        log = Log(folder / "status.jsonl")
        shelf = Shelf(project, log.rows())
        shelf.open()
        waiting = _waiting(clips, shelf, settings)
        done = size = 0
        try:
            with closing(outcomes(waiting, shelf.part, settings)) as ended:
                for job, outcome in ended:
                    row = _keep(job, outcome, log, shelf, settings)
                    done, size = done + 1, size + (row.bytes or 0)
                    if tell:
                        tell(done, len(waiting), row)
        except KeyboardInterrupt:
            shelf = Shelf(project, log.rows())  # it may have come between a row and its file
            shelf.open()
            _finish(project, shelf, made_by)
            raise Stopped(
                f"stopped: {done:,} of {len(waiting):,} done. Run the same command to go on; nothing is fetched twice."
            ) from None
        shelf.clear()
        return Fetched(_finish(project, shelf, made_by), done, size)


def _waiting(clips: Iterable[Mapping[str, Any]], shelf: Shelf, settings: Settings) -> list[Job]:
    def wanted(clip: Mapping[str, Any]) -> bool:
        if not is_link(clip.get("source")) or shelf.has(clip["source"]) or shelf.has_own(clip):
            return False
        row = shelf.last.get(clip["source"])
        if row is None or row.status == "ok":  # never tried, or the file has gone since
            return True
        raised = row.status == "too-large" and row.limit is not None and settings.max_size > row.limit
        return raised or row.status in settings.retry

    return jobs(clip for clip in clips if wanted(clip))[: settings.limit]


def _keep(job: Job, outcome: Outcome, log: Log, shelf: Shelf, settings: Settings) -> Row:
    """Row first, file second: see shelf.py."""
    ok = outcome["status"] == "ok"
    row = Row(
        clip=job.clips[0],
        source=job.source,
        status=outcome["status"],
        reason=outcome.get("reason", ""),
        path=shelf.stage(job, outcome) if ok else None,
        sha256=outcome.get("sha256"),
        bytes=outcome.get("bytes"),
        media=outcome.get("media") or {},
        limit=settings.max_size,
        at=_now(),
    )
    log.add(Row(**{**vars(row), "clip": clip}) for clip in job.clips)
    shelf.place(row)
    return row


def _finish(project: Project, shelf: Shelf, made_by: Mapping[str, Any]) -> coverage.Coverage:
    """The clips table with what is there now, where that is news, and the count of it."""
    table = project.table("clips")
    before = table.read()
    clips = before.to_pylist()
    for clip in clips:
        if shelf.has(clip.get("source")) and not shelf.has_own(clip):
            row = shelf.last[clip["source"]]
            clip.update({"path": row.path, "sha256": row.sha256, **row.media})
    after = _with(before, clips)
    if not after.equals(before):
        parents = [f"clips/v{version.number}" for version in table.versions()[-1:]]
        table.write(after, stage="fetch", parameters=made_by, parents=parents)
    questions = project.table("questions")
    found = coverage.measure(
        clips,
        {clip["id"]: shelf.state(clip, is_link(clip.get("source"))) for clip in clips},
        Questions(questions.read()) if questions.versions() else None,
        clips_version=table.versions()[-1].number,
        parameters=made_by,
        at=_now(),
    )
    coverage.save(project, found)
    return found


def _with(table: pa.Table, clips: list[dict[str, Any]]) -> pa.Table:
    """The table with the columns that a fetch fills; all others as they are."""
    for name in ("path", "sha256", "duration", "fps", "frames", "width", "height"):
        field = SCHEMA.field(name)
        column = pa.array([clip.get(name) for clip in clips], type=field.type)
        at = table.schema.get_field_index(name)
        table = table.append_column(field, column) if at < 0 else table.set_column(at, field, column)
    return table.combine_chunks()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
