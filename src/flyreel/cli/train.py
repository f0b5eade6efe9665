"""flyreel train: one recipe a model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer


def train(
    recipe: Annotated[str, typer.Argument(help="What to train: toyclip, or toyvlm.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Where the weights go (safetensors).")],
    seed: Annotated[int, typer.Option(help="Seed of the weights, the order and the toybox world.")] = 1,
    steps: Annotated[int | None, typer.Option(min=1, help="Steps, instead of the recipe's own number.")] = None,
    scenes: Annotated[int | None, typer.Option(min=2, help="Scenes drawn, instead of the recipe's own number.")] = None,
    loss: Annotated[
        str | None, typer.Option(help="Of the words: mle, tailr, adatailr-…; an unknown name lists them.")
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="Threads of the matrix products.")] = 1,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout and nothing else.")] = False,
) -> None:
    """Train a model by its recipe."""
    from flyreel.cli.console import note, print_json
    from flyreel.train.run import train as run

    def log(row: dict[str, Any]) -> None:
        note("  " + "  ".join(f"{name} {value:,}" for name, value in row.items()))

    given = {"seed": seed, "steps": steps, "scenes": scenes, "threads": threads, "loss": loss}
    made = run(recipe, out, {name: value for name, value in given.items() if value is not None}, log)
    if json:
        print_json(made)
    else:
        print(f"{recipe}: {out}; how it was made and its curve: {out.with_suffix('.json')}")
