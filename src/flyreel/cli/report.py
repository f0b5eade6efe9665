"""flyreel report: the HTML page of an audit or a refinement that was run before."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def report(
    folder: Annotated[Path, typer.Argument(help="The folder an audit or a refinement wrote, such as questions.audit.")],
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Where to write the page.")] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout and nothing else.")] = False,
) -> None:
    """Write the report of a finished audit or refinement again."""
    from flyreel.cli.console import print_json
    from flyreel.report import page as audited
    from flyreel.report import refinement

    made = refinement if (folder / "refine.json").is_file() else audited
    page = made.write_report(folder, output)
    if json:
        print_json({"report": str(page)})
    else:
        print(page)
