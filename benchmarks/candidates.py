"""What is found in hand-marked sentences: candidate answers by kind, and links.

    python benchmarks/candidates.py

The sentences stand in tests/generate/gold, marked by the definitions in docs/generate.md by somebody who had not seen
the code. Those of `dev` were looked at while the rules were made; those of `test` when they were done. Bar on `test`:
nine of ten that are found are marked, and nine of ten that are marked are found, of every kind.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Hashable, Iterable
from pathlib import Path
from typing import Any

from common import bars, head, table

from flyreel.generate.language.candidates import KINDS, candidates
from flyreel.generate.language.links import links
from flyreel.generate.language.model import english, name

GOLD = Path(__file__).parent.parent / "tests" / "generate" / "gold"
LEAST = 0.9
Counts = Counter[Hashable]


def rows(file: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (GOLD / f"{file}.jsonl").read_text(encoding="utf-8").splitlines()]


def measured(pairs: Iterable[tuple[Counts, Counts]]) -> tuple[float, float, int]:
    right = found = wanted = 0
    for gold, told in pairs:
        right += sum((gold & told).values())
        found += sum(told.values())
        wanted += sum(gold.values())
    return right / found, right / wanted, wanted


def of_kind(part: str, kind: str) -> tuple[float, float, int]:
    some = rows(f"candidates_{part}")
    docs = english().pipe(row["text"] for row in some)
    return measured(
        (
            Counter(t for k, t in row["candidates"] if k == kind),
            Counter(c.text for c in candidates(doc) if c.kind == kind),
        )
        for row, doc in zip(some, docs, strict=True)
    )


def of_links(part: str) -> tuple[float, float, int]:
    some = rows(f"triples_{part}")
    docs = english().pipe(row["text"] for row in some)
    return measured(
        (
            Counter(tuple(x.lower() for x in t) for t in row["triples"]),
            Counter((x.subject.lower(), x.predicate.lower(), x.object.lower()) for x in links(doc)),
        )
        for row, doc in zip(some, docs, strict=True)
    )


def main() -> int:
    head("hand-marked sentences", language=name())
    found, checks = [], []
    for part in ("dev", "test"):
        for kind in (*KINDS, "links"):
            precision, recall, n = of_links(part) if kind == "links" else of_kind(part, kind)
            found.append((f"{part}: {kind}", f"{precision:.3f}", f"{recall:.3f}", n))
            if part == "test":
                checks.append(
                    (f"{kind}: precision {precision:.3f}, recall {recall:.3f}", min(precision, recall) >= LEAST)
                )
    table(("sentences", "precision", "recall", "marked"), found)
    return bars(*checks)


if __name__ == "__main__":
    sys.exit(main())
