"""flyreel evaluate: how models do on a set of questions, and what they need to see for it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def evaluate(
    file: Annotated[Path, typer.Argument(help="A question file, or a project folder.")],
    model: Annotated[
        list[str] | None,
        typer.Option(help="http://host:port/v1[#NAME], hf:NAME or hf:FOLDER, run:FOLDER, local:[NAME] (text only); "
                     "may be given again."),
    ] = None,
    predictions: Annotated[
        list[Path] | None, typer.Option(help="A file of replies made elsewhere; may be given again.")
    ] = None,
    controls: Annotated[
        bool, typer.Option("--controls", help="Also blind, dialogue only, one frame, frames shuffled and reversed.")
    ] = False,
    view: Annotated[
        list[str] | None, typer.Option(help="Show questions this way only; may be given again (default: full).")
    ] = None,
    k: Annotated[int, typer.Option("-k", help="How many frames of a clip are shown.")] = 8,
    selector: Annotated[str, typer.Option(help="How they are chosen; an unknown name lists them all.")] = "uniform",
    embedder: Annotated[
        str, typer.Option(help="What scores frames: toyclip (toybox only), or hf:NAME for a CLIP or SigLIP.")
    ] = "toyclip",
    size: Annotated[int, typer.Option(help="Longest side of a frame, in pixels.")] = 448,
    send: Annotated[str, typer.Option(help="frames, or video: the file itself.")] = "frames",
    max_tokens: Annotated[int, typer.Option("--max-tokens", help="Longest reply, thinking aloud included.")] = 256,
    judge: Annotated[str | None, typer.Option(help="A model that judges open-ended answers.")] = None,
    retrieval: Annotated[
        str | None,
        typer.Option(help="Instead of questions, find clips by captions and captions by clips, with this embedder: "
                     "toyclip, or hf:NAME."),
    ] = None,
    split: Annotated[str | None, typer.Option(help="Only the questions of this split.")] = None,
    format: Annotated[str | None, typer.Option(help="Name the format instead of having it recognised.")] = None,
    map: Annotated[
        str | None, typer.Option(help="Columns of any CSV or JSONL: question=…,choices=a+b+c,answer=…,group=…")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="Folder for results and ledger (default: NAME.evaluate here).")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Forecast calls, tokens and money; ask nothing.")] = False,
    budget: Annotated[str | None, typer.Option(help="Stop before this is passed: 5usd, or 2000calls.")] = None,
    concurrency: Annotated[int | None, typer.Option(min=1, help="Calls in flight per model.")] = None,
    rate: Annotated[float | None, typer.Option(min=0.001, help="Calls a minute per model.")] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout and nothing else.")] = False,
) -> None:  # fmt: skip
    """Run models over questions; accuracy beside chance, coverage, and what vision and time add."""
    from flyreel.cli.console import Bar, Steps, note, print_forecast, print_json
    from flyreel.evaluate import session

    if retrieval:
        from flyreel.evaluate import search

        given = {
            "--model": model, "--predictions": predictions, "--judge": judge, "--view": view, "--controls": controls,
            "--split": split, "--map": map, "--dry-run": dry_run, "--budget": budget, "--concurrency": concurrency,
            "--rate": rate,
        }  # fmt: skip
        search.alone(name for name, value in given.items() if value)
        wanted = search.Request(file, retrieval, k, format, out)
        told = search.run(wanted, Steps("clips seen").advance)
        if json:
            print_json(told)
        else:
            print("\n".join([*search.lines(told), f"every number: {wanted.folder / search.RESULTS}"]))
        return
    asked = session.Request(
        file=file, models=tuple(model or ()), predictions=tuple(predictions or ()), judge=judge,
        views=tuple(view or ()), controls=controls, k=k, selector=selector, embedder=embedder, size=size, send=send,
        tokens=max_tokens, split=split, format=format, map=map, out=out, budget=budget, concurrency=concurrency,
        rate=rate,
    )  # fmt: skip
    if dry_run:
        print_forecast(session.forecast(asked, note, Steps("clips decoded").advance), json)
        return
    done = session.run(asked, say=note, progress=Bar)
    from flyreel.report.evaluation import write_report

    page = write_report(done.folder)
    if json:
        print_json(done.summary)
    else:
        from flyreel.evaluate.summary import lines

        print("\n".join([*lines(done.summary), f"every answer, plots, what was not asked: {page}"]))
    for line in done.failures:
        note(f"flyreel: {line}")
    raise typer.Exit(1 if done.failures else 0)
