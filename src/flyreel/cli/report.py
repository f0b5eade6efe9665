"""flyreel report: the HTML page of an audit, a refinement or an evaluation that was run before."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def report(
    folder: Annotated[Path, typer.Argument(help="The folder that one of them wrote, such as questions.audit.")],
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Where to write the page.")] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout and nothing else.")] = False,
) -> None:
    """Write the report of a finished audit, refinement or evaluation again."""
    from flyreel.cli.console import print_json
    from flyreel.report import evaluation, refinement
    from flyreel.report import page as audited

    made = {"refine.json": refinement, "evaluation.json": evaluation}
    of = next((module for name, module in made.items() if (folder / name).is_file()), audited)
    page = of.write_report(folder, output)
    if json:
        print_json({"report": str(page)})
    else:
        print(page)
