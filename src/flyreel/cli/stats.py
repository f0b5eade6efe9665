"""flyreel stats: counts, lengths, vocabulary, choices per question, sentences per clip."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def stats(
    file: Annotated[Path, typer.Argument(help="A file of questions or clips, a folder of videos, or a project.")],
    format: Annotated[str | None, typer.Option(help="Name the format instead of having it recognised.")] = None,
    map: Annotated[str | None, typer.Option(help="Columns of any CSV or JSONL: question=…,answer=…")] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout and nothing else.")] = False,
) -> None:
    """Count what is in a set of questions, of clips, or both."""
    from flyreel.cli.console import print_json
    from flyreel.formats.project import open_all
    from flyreel.report.clip_stats import describe_all, table_all

    described = describe_all(*open_all(file, format, map))
    if json:
        print_json(described)
    else:
        print("\n".join(table_all(described)))
