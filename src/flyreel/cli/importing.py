"""flyreel import: a question file into a project."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def import_(
    format: Annotated[str, typer.Argument(help="The format, or 'auto' to have it recognised.")],
    source: Annotated[Path, typer.Argument(help="The question file.")],
    into: Annotated[Path, typer.Option(help="The project folder; made where it does not exist.")],
    map: Annotated[str | None, typer.Option(help="Columns of any CSV or JSONL: question=…,answer=…")] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout and nothing else.")] = False,
) -> None:
    """Read a question file into a project, as a new version of its questions."""
    from flyreel.cli.console import note, print_json
    from flyreel.formats.project import import_questions

    done = import_questions(source, into, None if format == "auto" else format, map)
    if json:
        print_json(done)
        return
    print(f"{done['imported']:,} questions read as {done['format']} into {into} (version {done['version']}, "
          f"{done['questions']:,} in all)")  # fmt: skip
    for problem in done["problems"][:5]:
        note(f"  row {problem['row']}: {problem['reason']}: {problem.get('detail', '')}")
    if len(done["problems"]) > 5:
        note(f"  and {len(done['problems']) - 5:,} more broken rows; --json lists them all")
