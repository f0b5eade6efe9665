"""flyreel demo: the whole loop on bundled scenes with the embedded model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def demo(
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for everything the demo writes.")] = Path(
        "runs/demo"
    ),
    seed: Annotated[int, typer.Option(help="Seed of the toybox scenes.")] = 7,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout and nothing else.")] = False,
) -> None:
    """Make questions with planted faults, audit and refine them with the embedded model, and hold it to the truth."""
    from flyreel.cli.console import Bar, note, print_json
    from flyreel.demo import run_demo
    from flyreel.report.page import write_report

    done = run_demo(out, seed, say=note if json else lambda line: print(line, flush=True), progress=Bar)
    from flyreel.report import refinement

    page = write_report(done.saved.folder, done.saved.report)
    stronger = refinement.write_report(done.refined.folder)
    if json:
        print_json({"report": str(page), "refinement": str(stronger), **done.json()})
    else:
        print(
            "\n".join(
                [
                    "",
                    *done.lines(),
                    f"report    {page} and {stronger}    (open them)",
                    "next      flyreel audit your_questions.jsonl",
                ]
            )
        )
    failures = done.saved.failures(max_excess=None, strict=False)
    for line in failures:
        note(f"flyreel: {line}")
    raise typer.Exit(0 if done.with_model and not failures else 1)
