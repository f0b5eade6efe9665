"""flyreel doctor: what is installed, which models answer, what is missing."""

from __future__ import annotations

from typing import Annotated

import typer


def doctor(
    json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout and nothing else.")] = False,
) -> None:
    """Say what is installed, which models answer, and what is missing."""
    from flyreel.cli.console import print_json
    from flyreel.models.checkup import checkup

    checks = checkup()
    if json:
        print_json({"checks": [vars(c) for c in checks]})
    else:
        for check in checks:
            print(f"  {'ok' if check.ok else '--':<3} {check.what:<28} {check.says}")
    raise typer.Exit(1 if any(c.needed and not c.ok for c in checks) else 0)
