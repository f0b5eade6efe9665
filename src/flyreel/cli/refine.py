"""flyreel refine: weak questions made strong, and proved by solvers that took no part."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def refine(
    file: Annotated[Path, typer.Argument(help="A question file, or a project folder.")],
    out: Annotated[Path | None, typer.Option("-o", "--out", help="The refined set as canonical JSONL.")] = None,
    strategy: Annotated[str, typer.Option(help="auto, distractors or rewrite.")] = "auto",
    model: Annotated[
        list[str] | None,
        typer.Option(
            help="Blind model of the loop: http://host:port/v1[#NAME], local:[NAME] or a role; again for more."
        ),
    ] = None,
    heldout: Annotated[
        list[str] | None, typer.Option(help="Blind model that only proves the result; again for more.")
    ] = None,
    rewriter: Annotated[str | None, typer.Option(help="Model that rewrites, or proposes wrong choices.")] = None,
    verifier: Annotated[
        list[str] | None, typer.Option(help="Model that checks new wordings against the cues; again for more.")
    ] = None,
    format: Annotated[str | None, typer.Option(help="Name the format instead of having it recognised.")] = None,
    map: Annotated[
        str | None, typer.Option(help="Columns of any CSV or JSONL: question=…,choices=a+b+c,answer=…,group=…")
    ] = None,
    rule: Annotated[str, typer.Option(help="When a model finds a question weak: averaged or vote.")] = "averaged",
    attempts: Annotated[int, typer.Option(min=1, max=20, help="Revisions a question, at most.")] = 5,
    folds: Annotated[int, typer.Option(min=2, max=50, help="Folds of the text models.")] = 5,
    seed: Annotated[int, typer.Option(help="Seed of folds, lots and samples.")] = 0,
    prove: Annotated[
        int | None, typer.Option(min=1, help="Questions that the proof puts to language models (default: all).")
    ] = None,
    drop_unfixable: Annotated[
        bool, typer.Option("--drop-unfixable", help="Leave out of OUT what waits in the review queue.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout and nothing else.")] = False,
    report: Annotated[Path | None, typer.Option(help="Where to write the HTML report.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Forecast calls, tokens and money; ask nothing.")] = False,
    budget: Annotated[str | None, typer.Option(help="Stop before this is passed: 5usd, or 2000calls.")] = None,
    concurrency: Annotated[int | None, typer.Option(min=1, help="Calls in flight per model.")] = None,
    rate: Annotated[float | None, typer.Option(min=0.001, help="Calls a minute per model.")] = None,
) -> None:
    """Make weak questions strong, keep what cannot be mended for people, and prove it with held-out solvers."""
    from flyreel.cli.console import Bar, note, print_forecast, print_json
    from flyreel.refine import session

    asked = session.Request(
        file=file, out=out, format=format, map=map, strategy=strategy, models=tuple(model or ()),
        heldout=tuple(heldout or ()), rewriter=(rewriter,) if rewriter else (), verifiers=tuple(verifier or ()),
        rule=rule, attempts=attempts, folds=folds, seed=seed, prove=prove, drop_unfixable=drop_unfixable,
        report=report, budget=budget, concurrency=concurrency, rate=rate,
    )  # fmt: skip
    if dry_run:
        print_forecast(session.forecast(asked, note), json)
        return
    done = session.run(asked, say=note, progress=Bar)
    from flyreel.report.refinement import write_report

    page = write_report(done.folder, report)
    if json:
        print_json(done.summary)
    else:
        from flyreel.refine.summary import lines

        print("\n".join(lines(done.summary)))
        print(f"every change, what was refused, the proof: {page}")
    for line in done.failures:
        note(f"flyreel: {line}")
    raise typer.Exit(1 if done.failures else 0)
