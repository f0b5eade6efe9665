"""flyreel train: one recipe a model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from flyreel.errors import InputError
from flyreel.train.run import names
from flyreel.train.running import launched


def train(
    recipe: Annotated[str, typer.Argument(help=f"What to train: {', '.join(names())}.")],
    source: Annotated[
        str | None, typer.Argument(help="Question file or project that it learns from, where the recipe takes one.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="Folder of the run; for toyclip the file of its weights.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="What is trained further, where the recipe takes a model.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of weights, order and chance.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Steps, instead of the recipe's own number.")] = None,
    scenes: Annotated[int | None, typer.Option(min=2, help="Scenes drawn, instead of the recipe's own number.")] = None,
    loss: Annotated[
        str | None, typer.Option(help="Of the words: mle, tailr, adatailr-…; an unknown name lists them.")
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads of the matrix products.")] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Any setting of the recipe; may be given again."),
    ] = None,
    settings: Annotated[
        bool, typer.Option("--settings", help="Print the recipe's settings and their defaults, and end.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout and nothing else.")] = False,
) -> None:
    """Train a model by its recipe. The same command goes on where a run was cut off."""
    from flyreel.cli.console import note, print_json
    from flyreel.train.run import train as run

    if settings:
        _print_settings(recipe, json)
        return
    if out is None:
        raise InputError("-o / --out is missing: name the folder of the run")
    options: dict[str, Any] = {
        "source": source, "model": model, "seed": seed, "steps": steps, "scenes": scenes, "loss": loss,
        "threads": threads,
    }  # fmt: skip
    given = {name: value for name, value in options.items() if value is not None}
    for pair in set_ or ():
        name, equals, value = pair.partition("=")
        name = name.strip().replace("-", "_")
        if not (name and equals):
            raise InputError(f"--set {pair}: write it as NAME=VALUE; --settings lists the names")
        if name in given:
            raise InputError(f"--set {pair}: {name} is given twice")
        given[name] = value

    made = run(recipe, out, given, note)
    if not launched.is_first():
        return
    if json:
        print_json(made)
    else:
        beside = out / "README.md" if out.is_dir() else out.with_suffix(".json")
        print(f"{recipe}: {out}; how it was made and what came of it: {beside}")


def _print_settings(recipe: str, json: bool) -> None:
    from dataclasses import asdict

    from flyreel.cli.console import print_json
    from flyreel.train.run import as_text, settings_of

    found = settings_of(recipe)
    if json:
        print_json([asdict(one) for one in found])
        return
    for one in found:
        print(f"{one.name}={as_text(one.default)}" + (f"    {one.says}" if one.says else ""))
