"""flyreel build: clips to a set that is ready to publish, by flyreel.toml."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer


def build(
    project: Annotated[Path, typer.Argument(help="A project folder with clips; [build] in its flyreel.toml says how.")],
    json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout and nothing else.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Forecast calls, tokens and money; ask nothing.")] = False,
    budget: Annotated[str | None, typer.Option(help="Stop before this is passed: 5usd, or 2000calls.")] = None,
) -> None:
    """Generate, audit, label, refine and split as one; a step that is done on the same input is not done again."""
    from flyreel.build import run as building
    from flyreel.cli.console import Bar, Steps, note, print_forecast, print_json

    if dry_run:
        print_forecast(building.forecast_of(project, note), json)
        return
    done = building.run(
        project, budget, say=note, progress=Bar, counting=Steps("clips").advance,
        told=(lambda name, told, before: None) if json else _tell,
    )  # fmt: skip
    if json:
        print_json(done.told)
    elif done.card:
        print(f"what was made, how, and what it is worth: {done.card}")
    for line in done.failures:
        note(f"flyreel: {line}")
    raise typer.Exit(1 if done.failures else 0)


def _tell(name: str, told: dict[str, Any], before: bool) -> None:
    from flyreel.build.card import step_lines

    mark = " (done before)" if before else ""
    print(f"{name}{mark}", flush=True)
    for line in step_lines(name, told):
        print(f"  {line}", flush=True)
