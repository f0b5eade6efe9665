"""Hand-marked sentences, written by somebody who had not seen the code: what is found must be what a person finds.

The development files were looked at while the rules were made; the test files were not. See "What counts as a candidate
answer" in docs/generate.md for the definition that both keep to.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import pytest

from flyreel.generate.language.candidates import KINDS, candidates
from flyreel.generate.language.links import links
from flyreel.generate.language.model import english

GOLD = Path(__file__).parent.parent / "gold"
LEAST = 0.9


def rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (GOLD / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]


def measured(wanted: list[Counter[Hashable]], found: list[Counter[Hashable]]) -> tuple[float, float]:
    """Precision and recall over all sentences."""
    right = sum(sum((w & f).values()) for w, f in zip(wanted, found, strict=True))
    return right / sum(sum(f.values()) for f in found), right / sum(sum(w.values()) for w in wanted)


@pytest.fixture(scope="module")
def marked() -> list[tuple[list[list[str]], list[tuple[str, str]]]]:
    some = rows("candidates_test")
    docs = english().pipe(row["text"] for row in some)
    found = [[(c.kind, c.text) for c in candidates(doc)] for doc in docs]
    return list(zip([row["candidates"] for row in some], found, strict=True))


def test_the_test_set_is_a_hundred_sentences_that_hold_what_is_marked() -> None:
    some = rows("candidates_test")
    assert len(some) == 100
    assert all(text in row["text"] and kind in KINDS for row in some for kind, text in row["candidates"])
    assert not {r["text"].lower() for r in some} & {r["text"].lower() for r in rows("candidates_dev")}


@pytest.mark.parametrize("kind", KINDS)
def test_candidates_are_those_that_a_person_marks(marked: Any, kind: str) -> None:
    wanted = [Counter(text for k, text in gold if k == kind) for gold, _ in marked]
    found = [Counter(text for k, text in told if k == kind) for _, told in marked]
    precision, recall = measured(wanted, found)
    assert precision >= LEAST and recall >= LEAST, f"{kind}: precision {precision:.3f}, recall {recall:.3f}"


def test_links_are_those_that_a_person_marks() -> None:
    some = rows("triples_test")
    docs = english().pipe(row["text"] for row in some)
    found = [Counter((x.subject.lower(), x.predicate.lower(), x.object.lower()) for x in links(doc)) for doc in docs]
    wanted = [Counter(tuple(part.lower() for part in t) for t in row["triples"]) for row in some]
    precision, recall = measured(wanted, found)
    assert precision >= LEAST and recall >= LEAST, f"precision {precision:.3f}, recall {recall:.3f}"
