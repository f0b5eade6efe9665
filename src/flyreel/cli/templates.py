"""flyreel templates: kinds of question, mined from question sets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def templates(
    files: Annotated[list[Path], typer.Argument(help="Question files, or project folders.")],
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="The templates as YAML, to be edited by hand.")
    ] = None,
    k: Annotated[int | None, typer.Option("--k", min=1, help="Clusters (default: chosen).")] = None,
    embedder: Annotated[
        str, typer.Option(help="tfidf, or st:FOLDER or st:NAME for a sentence-transformers model.")
    ] = "tfidf",
    seed: Annotated[int, typer.Option(min=0, help="Seed of clusters and examples.")] = 0,
    model: Annotated[
        str | None, typer.Option(help="Model that names the kinds: http://host:port/v1[#NAME], local:[NAME] or a role.")
    ] = None,
    categories: Annotated[
        str | None, typer.Option(help="Categories to sort the kinds into, with commas between (default: CinePile's).")
    ] = None,
    examples: Annotated[int, typer.Option(min=1, help="Questions kept with each template, drawn by lot.")] = 10,
    format: Annotated[str | None, typer.Option(help="Name the format instead of having it recognised.")] = None,
    map: Annotated[
        str | None, typer.Option(help="Columns of any CSV or JSONL: question=…,choices=a+b+c,answer=…,group=…")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout and nothing else.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Forecast calls, tokens and money; ask nothing.")] = False,
    budget: Annotated[str | None, typer.Option(help="Stop before this is passed: 5usd, or 2000calls.")] = None,
    concurrency: Annotated[int | None, typer.Option(min=1, help="Calls in flight per model.")] = None,
    rate: Annotated[float | None, typer.Option(min=0.001, help="Calls a minute per model.")] = None,
) -> None:
    """Find the kinds of question that sets ask, with a prototype and examples of each."""
    from flyreel.cli.console import Bar, note, print_forecast, print_json
    from flyreel.generate.templates import mine
    from flyreel.generate.templates.store import CATEGORIES

    given = None if categories is None else tuple(filter(None, (" ".join(c.split()) for c in categories.split(","))))
    asked = mine.Request(
        files=tuple(files), out=out, k=k, embedder=embedder, seed=seed, model=model,
        categories=CATEGORIES if given is None else given, examples=examples, format=format, map=map,
        budget=budget, concurrency=concurrency, rate=rate,
    )  # fmt: skip
    if dry_run:
        print_forecast(mine.forecast(asked, note), json)
        return
    done = mine.run(asked, say=note, progress=Bar)
    if json:
        print_json(done.summary)
    else:
        print("\n".join(mine.lines(done.summary)))
    for line in done.failures:
        note(f"flyreel: {line}")
    raise typer.Exit(1 if done.failures else 0)
