"""flyreel generate: questions from what clips say."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def generate(
    file: Annotated[Path, typer.Argument(help="Clips with cues: a list, a folder, a data set, or a project folder.")],
    method: Annotated[str, typer.Option(help="mcq (a model writes), extractive or triples.")],
    out: Annotated[Path | None, typer.Option("-o", "--out", help="The questions as canonical JSONL.")] = None,
    model: Annotated[
        str | None, typer.Option(help="Model that writes: http://host:port/v1[#NAME], local:[NAME] or a role.")
    ] = None,
    verifier: Annotated[
        str | None, typer.Option(help="Model that sees the cues and must find the key, and no other, right.")
    ] = None,
    templates: Annotated[
        Path | None, typer.Option(help="YAML of templates for mcq (default: those that come with flyreel).")
    ] = None,
    asker: Annotated[
        str, typer.Option(help="Who words extractive questions: rules, model, or t5:PATH for any such checkpoint.")
    ] = "rules",
    qa: Annotated[
        str | None, typer.Option(help="Extractive questions must lead this reader back: hf:PATH, or model.")
    ] = None,
    choices: Annotated[int, typer.Option(min=0, help="Choices of a question; 0 for open-ended ones.")] = 5,
    count: Annotated[int, typer.Option(min=1, help="Questions that mcq asks for, a clip.")] = 32,
    read: Annotated[
        str, typer.Option(help="Kinds of cue that extractive and triples take for descriptions.")
    ] = "caption,description,tag",
    tokens: Annotated[
        int, typer.Option(min=0, help="Of a scene's text that mcq shows at once; 0 for 3000, or 1500 with local:.")
    ] = 0,
    format: Annotated[str | None, typer.Option(help="Name the format instead of having it recognised.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of every draw.")] = 0,
    processes: Annotated[int, typer.Option(min=0, help="For methods without a model; 0 for one a core.")] = 0,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout and nothing else.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Forecast calls, tokens and money; ask nothing.")] = False,
    budget: Annotated[str | None, typer.Option(help="Stop before this is passed: 5usd, or 2000calls.")] = None,
    concurrency: Annotated[int | None, typer.Option(min=1, help="Calls in flight per model.")] = None,
    rate: Annotated[float | None, typer.Option(min=0.001, help="Calls a minute per model.")] = None,
) -> None:
    """Make questions from dialogue and descriptions; what does not pass is kept apart, with the reason."""
    from flyreel.cli.console import Bar, Steps, note, print_forecast, print_json
    from flyreel.generate import session

    asked = session.Request(
        file=file, method=method, out=out, format=format, templates=templates, asker=asker, qa=qa, choices=choices,
        count=count, read=tuple(kind.strip() for kind in read.split(",")), tokens=tokens, model=model,
        verifier=verifier, seed=seed, processes=processes, budget=budget, concurrency=concurrency, rate=rate,
    )  # fmt: skip
    if dry_run:
        print_forecast(session.forecast(asked, note), json)
        return
    done = session.run(asked, say=note, progress=Bar, steps=Steps("clips").advance)
    if json:
        print_json(done.summary)
    else:
        from flyreel.generate.summary import lines

        print("\n".join(lines(done.summary)))
    for line in done.failures:
        note(f"flyreel: {line}")
    raise typer.Exit(1 if done.failures else 0)
