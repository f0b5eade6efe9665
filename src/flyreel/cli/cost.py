"""flyreel cost: what the calls in a ledger came to."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def cost(
    folder: Annotated[Path, typer.Argument(help="A project, an audit folder, or a ledger folder.")] = Path(),
    json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout and nothing else.")] = False,
) -> None:
    """Add up calls, tokens and money, by model."""
    from flyreel.cli.console import print_json
    from flyreel.models.ledger import spent_in

    spent = spent_in(folder)
    if json:
        print_json({"models": [vars(s) for s in spent]})
        return
    for s in spent:
        money = "price unknown" if s.money is None else "free" if s.money == 0 else f"${s.money:,.4f}"
        print(f"{s.model:<44} {s.calls:>9,} calls  {s.input_tokens:>11,} tokens in  {s.output_tokens:>9,} out  {money}")
