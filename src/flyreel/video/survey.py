"""What the clips of a project are: length, size, rate and shots, looked up in the files themselves.

A clip whose file is not there, or cannot be read, stays as it is and is named.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flyreel.clips import Clips
from flyreel.tables import Project, content_sha256
from flyreel.video import decode
from flyreel.video.limits import BadMedia
from flyreel.video.shots import detect

WIDTH = 160
"""Pixels across at which shots are looked for: enough to tell two pictures apart."""


@dataclass
class Surveyed:
    measured: int = 0
    problems: list[dict[str, Any]] = field(default_factory=list)


def facts(path: Path) -> dict[str, Any]:
    """The media facts of a clip and its shots, from one look at the packets and one decoding pass."""
    media = decode.inspect(path)
    frames = (image for _, _, image in decode.stream(media, size=decode.fit(media, WIDTH)))
    shots = detect(frames, media.times, end=media.duration)
    return {
        "sha256": content_sha256(path),
        "duration": media.duration,
        "fps": media.fps,
        "frames": media.frames,
        "width": media.width,
        "height": media.height,
        "shots": [shot.model_dump() for shot in shots],
    }


def survey(project: Project, progress: Callable[[int, int], None] = lambda done, total: None) -> Surveyed:
    """A new version of the project's clips, with the facts of those that have a file and no shots yet.

    Stopped half-way it keeps what it measured, so that the next call goes on.
    """
    table = project.table("clips")
    found = Surveyed()
    if not table.versions():
        return found
    rows = Clips(table.read()).to_rows()
    waiting = [row for row in rows if row.get("path") and not row.get("shots")]
    try:
        for done, row in enumerate(waiting, 1):
            try:
                row.update(facts(project.folder / row["path"]))
                found.measured += 1
            except BadMedia as bad:
                found.problems.append({"clip": row["id"], "reason": bad.reason, "detail": str(bad)})
            progress(done, len(waiting))
    finally:
        if found.measured:
            version = table.versions()[-1].number
            table.write(Clips.from_rows(rows).table, stage="survey", parameters={}, parents=[f"clips/v{version}"])
    return found
