"""Write docs/cli.md from the commands' own help; with --check, fail if it is stale.

python -m docs.cli_reference [--check]
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from flyreel.cli.main import app

PAGE = Path(__file__).parent / "cli.md"


def reference() -> str:
    """From the commands' parameters, not their rendered help: that changes with every release of the option parser."""
    parts = ["# Command line\n\nGenerated from the commands by `make docs`; do not edit.\n"]
    for name, command in _commands(typer.main.get_command(app)):
        arguments = " ".join(p.name.upper() for p in command.params if p.param_type_name == "argument")
        usage = " ".join(f"flyreel {name} {arguments} [options]".split())
        parts.append(f"## flyreel {name}\n\n{command.help}\n\n    {usage}\n")
        parts.append("| | | default |\n| --- | --- | --- |")
        parts.extend(_row(p) for p in command.params if p.name != "help")
        parts.append("")
    return "\n".join(parts)


def _commands(group: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    """Every command with its full name; a group is its commands."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{before}{name} ")
        else:
            yield f"{before}{name}", command


def _row(parameter: Any) -> str:
    argument = parameter.param_type_name == "argument"
    name = parameter.name.upper() if argument else ", ".join(parameter.opts)
    silent = parameter.default is None or parameter.default is False
    default = "required" if parameter.required else "" if silent else str(parameter.default)
    return f"| `{name}` | {parameter.help} | {default} |"


def main() -> None:
    text = reference()
    if "--check" not in sys.argv:
        PAGE.write_text(text, encoding="utf-8")
    elif not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != text:
        sys.exit("docs/cli.md is stale: run make docs")


if __name__ == "__main__":
    main()
