"""flyreel history and rollback: every wording a question had, and the way back to the first."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

WHERE = "The refined file, its .refine folder, or a project (default: the only refinement here)."


def history(
    question: Annotated[str, typer.Argument(help="Id of the question.")],
    where: Annotated[Path, typer.Argument(help=WHERE)] = Path(),
    json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout and nothing else.")] = False,
) -> None:
    """Print every attempt on a question, accepted or not, with what changed and what the gates said."""
    from flyreel.cli.console import print_json
    from flyreel.refine import history as walk

    found = walk.of(question, where)
    if json:
        print_json(found.json())
    else:
        print("\n".join(found.lines()))


def rollback(
    where: Annotated[Path, typer.Argument(help=WHERE)],
    question: Annotated[
        list[str] | None, typer.Option(help="Only this question; may be given again (default: all).")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="File to write; a project gets a new version.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout and nothing else.")] = False,
) -> None:
    """Put questions back to their first wording."""
    from flyreel.cli.console import print_json
    from flyreel.refine.session import roll_back

    count, written = roll_back(where, question or [], out)
    if json:
        print_json({"rolled_back": count, "written": written})
    else:
        print(f"{count:,} back to their first wording: {written}")
