"""flyreel audit: which questions can be answered without watching."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer


def audit(
    file: Annotated[Path, typer.Argument(help="A question file, or a project folder.")],
    format: Annotated[str | None, typer.Option(help="Name the format instead of having it recognised.")] = None,
    map: Annotated[
        str | None, typer.Option(help="Columns of any CSV or JSONL: question=…,choices=a+b+c,answer=…,group=…")
    ] = None,
    probe: Annotated[list[str] | None, typer.Option(help="Run only this probe; may be given again.")] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(help="http://host:port/v1[#NAME], local:[NAME], or a role in flyreel.toml; may be given again."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout and nothing else.")] = False,
    report: Annotated[Path | None, typer.Option(help="Where to write the HTML report.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for findings and ledger (default: NAME.audit here).")] = None,
    max_excess: Annotated[
        float | None, typer.Option(help="Exit 1 if a probe beats chance by more than this, interval considered.")
    ] = None,
    strict: Annotated[bool, typer.Option(help="Exit 1 if any row is broken.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Forecast calls, tokens and money; ask nothing.")] = False,
    budget: Annotated[str | None, typer.Option(help="Stop before this is passed: 5usd, or 2000calls.")] = None,
    rule: Annotated[str, typer.Option(help="Verdict of the model probes: averaged, vote or all-models.")] = "averaged",
    folds: Annotated[int, typer.Option(min=2, max=50, help="Folds of the shortcut probe.")] = 5,
    seed: Annotated[int, typer.Option(help="Seed of folds and of the control.")] = 0,
    concurrency: Annotated[int | None, typer.Option(min=1, help="Calls in flight per model.")] = None,
    rate: Annotated[float | None, typer.Option(min=0.001, help="Calls a minute per model.")] = None,
    embedder: Annotated[
        str | None,
        typer.Option(help="Choose the frames that the report shows of a clip by this (hf:NAME), not evenly spaced."),
    ] = None,
) -> None:
    """Find the questions that can be answered without watching."""
    from flyreel.audit import session
    from flyreel.cli.console import Bar, note, print_forecast, print_json

    asked = session.Request(
        file=file, format=format, map=map, probes=tuple(probe or ()), models=tuple(model or ()), report=report, out=out,
        budget=budget, rule=rule, folds=folds, seed=seed, concurrency=concurrency, rate=rate,
        embedder=embedder,
    )  # fmt: skip
    if dry_run:
        print_forecast(session.forecast(asked, note), json)
        return
    done = session.run(asked, say=note, progress=Bar, quiet=json)
    from flyreel.report.page import write_report

    page = write_report(done.folder, done.report)
    if json:
        print_json(done.summary)
    else:
        _print(done, page)
    code = 0
    for line in done.failures(max_excess, strict):
        note(f"flyreel: {line}")
        code = 1
    raise typer.Exit(code)


def _print(done: Any, page: Path) -> None:
    from flyreel.audit.summary import counted, lines

    audit = done.audit
    q = audit.questions
    sizes = sorted(set(q.sizes.tolist()))
    each = f"{sizes[0]} choices each" if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]} choices each"
    many = f"{counted(len(q), 'question')}, {counted(q.n_groups, 'group')}"
    print(f"{many}, {each}, chance {100 * q.chance.mean():.1f}%")
    for line in lines(audit):
        print(line)
    print(f"weakest questions, plots, what to do: {page}")
    if done.hint:
        print(done.hint)
