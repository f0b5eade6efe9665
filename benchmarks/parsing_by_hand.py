"""python benchmarks/parsing_by_hand.py

What the parser makes of replies that were written by hand by someone who had not seen it. The file is held out: who
changes the parser because of a line in it has to move that line to the replies that the parser is built on.

A wrong reading gives a model a point, or takes one, for what it did not say; a refusal is only a loss. So the two are
counted apart, and only wrong ones are listed, unless --all.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from common import head, table

from flyreel.audit.statistics import wilson

Read = Callable[[str, Sequence[str]], Any]
REPLIES = Path(__file__).with_name("replies_by_hand.jsonl")
OUTCOMES = ("right", "wrong", "refused", "null refused", "null read")
WRONG = ("wrong", "null read")


def chosen(reading: Any) -> int | None:
    """A reader may hand over the index alone, or something larger that holds it as `index`."""
    index = reading if reading is None or isinstance(reading, int) else reading.index
    assert index is None or isinstance(index, int), f"expected an index or None, got {reading!r}"
    return index


def outcome(expected: int | None, read: int | None) -> str:
    if expected is None:
        return "null refused" if read is None else "null read"
    if read is None:
        return "refused"
    return "right" if read == expected else "wrong"


def rate(part: int, whole: int) -> str:
    low, high = wilson(part / whole if whole else 0.0, whole)
    return f"{part} of {whole}, {low:.1%} to {high:.1%}"


def letter(index: int | None, choices: Sequence[str]) -> str:
    return "none" if index is None else f"{chr(65 + index)} ({choices[index]})"


def show(row: dict[str, Any], read: int | None) -> None:
    print(f"  line {row['line']}, {row['kind']}: {row['reply']!r}")
    print("    choices  " + " | ".join(f"{chr(65 + i)} {choice}" for i, choice in enumerate(row["choices"])))
    print(f"    meant    {letter(row['answer'], row['choices'])}, read {letter(read, row['choices'])}")


def replies(path: Path) -> list[dict[str, Any]]:
    lines = path.read_text(encoding="utf-8").split("\n")
    return [{"line": n, **json.loads(line)} for n, line in enumerate(lines, 1) if line]


def report(rows: Iterable[dict[str, Any]], read: Read, everything: bool = False) -> Counter[tuple[str, str]]:
    """Counts by kind and outcome, printed and handed back."""
    readings = [(row, chosen(read(row["reply"], row["choices"]))) for row in rows]
    counts = Counter((row["kind"], outcome(row["answer"], got)) for row, got in readings)
    total = Counter(outcome(row["answer"], got) for row, got in readings)
    kinds = dict.fromkeys(row["kind"] for row, _ in readings)
    lines = [(kind, *(counts[kind, name] for name in OUTCOMES)) for kind in kinds]
    table(("kind", *OUTCOMES), [*lines, ("all", *(total[name] for name in OUTCOMES))])

    committed = total["right"] + total["wrong"] + total["refused"]
    null = total["null refused"] + total["null read"]
    print(f"  wrong, of those that commit        {rate(total['wrong'], committed)}")
    print(f"  read, of those that do not commit  {rate(total['null read'], null)}")
    print(f"  wrong in either way, of all        {rate(total['wrong'] + total['null read'], committed + null)}\n")
    for row, got in readings:
        name = outcome(row["answer"], got)
        if name in WRONG or (everything and name == "refused"):
            show(row, got)
    return counts


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replies", type=Path, default=REPLIES)
    parser.add_argument("--all", action="store_true", help="list the replies that commit and were refused, too")
    given = parser.parse_args()
    from flyreel.replies.parsing import read_reply

    rows = replies(given.replies)
    head("replies written by hand", replies=len(rows))
    report(rows, read_reply, given.all)
    return 0


if __name__ == "__main__":
    sys.exit(main())
