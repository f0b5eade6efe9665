"""flyreel import: clips and questions into a project."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def import_(
    format: Annotated[str, typer.Argument(help="The format, or 'auto' to have it recognised.")],
    source: Annotated[Path, typer.Argument(help="A file of questions or clips, or a folder of videos.")],
    into: Annotated[Path, typer.Option(help="The project folder; made where it does not exist.")],
    map: Annotated[str | None, typer.Option(help="Columns of any CSV or JSONL: question=…,answer=…")] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout and nothing else.")] = False,
) -> None:
    """Read clips, questions or both into a project, as new versions of what it has."""
    from flyreel.cli.console import Steps, note, print_json
    from flyreel.formats.project import import_
    from flyreel.tables import Project

    done = import_(source, into, None if format == "auto" else format, map)
    if done["imported_clips"]:
        from flyreel.video.survey import survey

        looked = survey(Project(into), Steps("clips measured").advance)
        done = {**done, "measured": looked.measured, "unreadable": looked.problems}
    if json:
        print_json(done)
        return
    for read, noun, version in (("imported_clips", "clips", "clips_version"), ("imported", "questions", "version")):
        if done[read]:
            print(f"{done[read]:,} {noun} read as {done['format']} into {into} (version {done[version]}, "
                  f"{done[noun]:,} in all)")  # fmt: skip
    for problem in done["problems"][:5]:
        detail = f": {problem['detail']}" if problem.get("detail") else ""
        note(f"  row {problem['row']}: {problem['reason']}{detail}")
    if len(done["problems"]) > 5:
        note(f"  and {len(done['problems']) - 5:,} more problems; --json lists them all")
    for clip in done.get("unreadable", [])[:5]:
        note(f"  {clip['detail']}")
    if len(done.get("unreadable", [])) > 5:
        note(f"  and {len(done['unreadable']) - 5:,} more clips that cannot be read; --json lists them all")
