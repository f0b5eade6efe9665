"""flyreel stats: counts, lengths, vocabulary, choices per question."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def stats(
    file: Annotated[Path, typer.Argument(help="A question file, or a project folder.")],
    format: Annotated[str | None, typer.Option(help="Name the format instead of having it recognised.")] = None,
    map: Annotated[str | None, typer.Option(help="Columns of any CSV or JSONL: question=…,answer=…")] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout and nothing else.")] = False,
) -> None:
    """Count what is in a set of questions."""
    from flyreel.cli.console import print_json
    from flyreel.formats.project import open_questions
    from flyreel.report.stats import describe, table

    reading = open_questions(file, format, map)
    described = {"source": reading.source, "format": reading.format, **describe(reading)}
    if json:
        print_json(described)
    else:
        print("\n".join(table(described)))
