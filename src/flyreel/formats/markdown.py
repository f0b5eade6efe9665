"""Words from data in a Markdown page: tables of them, in which no markup of theirs may act."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence


def plain(text: str) -> str:
    shown = html.escape(" ".join("".join(c if c.isprintable() else " " for c in text).split()), quote=False)
    return "".join(f"\\{c}" if c in "\\`*_[]|#~$" else c for c in shown)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Its lines; the cells are Markdown already."""
    return [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows)]
