"""One model's answers, counted: how often right, of what, and what is not in the number.

A reply that nobody can read was an answer and counts as wrong; a question that was never put, because its clip is
missing or the call failed, is in no accuracy. How many there are of either stands beside every number.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np

from flyreel.audit.statistics import Estimate, estimate, paired
from flyreel.models.scoring import LETTERS
from flyreel.questions import Questions
from flyreel.refine.labels import label_called
from flyreel.schema import Prediction

NO_CATEGORY = "(none)"


@dataclass(frozen=True)
class Sheet:
    """`predictions` are in the order of `questions`, all of which have choices; None where nothing is known."""

    model: str
    view: str
    questions: Questions
    predictions: list[Prediction | None]

    @cached_property
    def asked(self) -> np.ndarray:
        """Where a reply came."""
        return np.array([p is not None and p.asked for p in self.predictions], dtype=bool)

    @cached_property
    def answered(self) -> np.ndarray:
        """Where a reply came that commits to a choice."""
        return self.asked & (self.picks >= 0)

    @cached_property
    def picks(self) -> np.ndarray:
        """The position chosen; -1 where there is none."""
        picked = [p.answer if p is not None and isinstance(p.answer, int) else -1 for p in self.predictions]
        return np.array(picked, dtype=np.int64)

    @cached_property
    def hits(self) -> np.ndarray:
        """1 where the key was chosen, 0 where not or where the reply cannot be read; NaN where nothing was asked."""
        right = self.answered & (self.picks == self.questions.answer)
        return np.where(self.asked, right.astype(float), np.nan)

    @cached_property
    def strict_hits(self) -> np.ndarray:
        """The same where only a reply in the form asked for counts."""
        strict = np.array([p is not None and p.strict for p in self.predictions], dtype=bool)
        return np.where(strict | ~self.asked, self.hits, 0.0)


@dataclass(frozen=True)
class Scores:
    """`accuracy` is over what was asked; `of_answered` over replies that commit; `of_all` counts what was not asked as
    wrong. `unread` and `unasked` are reasons with their counts. `hard` is over questions labelled hard, if any are."""

    accuracy: Estimate | None
    strict: Estimate | None
    of_answered: float | None
    of_all: float
    questions: int
    asked: int
    answered: int
    unread: dict[str, int]
    unasked: dict[str, int]
    categories: dict[str, Estimate]
    hard: Estimate | None

    @property
    def unread_rate(self) -> float | None:
        return (self.asked - self.answered) / self.asked if self.asked else None

    def json(self) -> dict[str, Any]:
        return {
            "accuracy": self.accuracy and self.accuracy.json(),
            "strict": self.strict and self.strict.json(),
            "of_answered": _short(self.of_answered),
            "of_all": _short(self.of_all),
            "unread_rate": _short(self.unread_rate),
            "coverage": {"questions": self.questions, "asked": self.asked, "answered": self.answered},
            "unread": self.unread,
            "unasked": self.unasked,
            "categories": {name: found.json() for name, found in self.categories.items()},
            "hard": self.hard and self.hard.json(),
        }


@dataclass(frozen=True)
class Comparison:
    """Over the questions that both were asked. `difference` is b - a; `p_value` is McNemar's, exact, two-sided.

    The interval knows about groups and the p-value does not: where they disagree, the interval is the careful one.
    """

    a: str
    b: str
    questions: int
    accuracy_a: float
    accuracy_b: float
    difference: float
    ci95: tuple[float, float]
    only_a: int
    only_b: int
    p_value: float

    def json(self) -> dict[str, Any]:
        return {name: _short(value) for name, value in asdict(self).items()}


def _short(value: Any) -> Any:
    """With as many digits as `Estimate.json` writes, which stands beside it."""
    if isinstance(value, tuple):
        return [_short(v) for v in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value


def sheet(model: str, view: str, questions: Questions, predictions: Mapping[str, Prediction]) -> Sheet:
    """`predictions` by the id of their question. Open-ended questions are left out; nothing here can score them."""
    closed = questions.with_choices()
    found = [predictions.get(id) for id in closed.ids]
    for id, size, p in zip(closed.ids, closed.sizes, found, strict=True):
        if p is None or p.answer is None:
            continue
        assert isinstance(p.answer, int) and 0 <= p.answer < size, f"{id}: answer {p.answer!r} among {size} choices"
    return Sheet(model, view, closed, found)


def score(sheet: Sheet) -> Scores:
    asked, answered, hits = sheet.asked, sheet.answered, sheet.hits
    right = float(np.nansum(hits))
    return Scores(
        accuracy=_accuracy(sheet, hits, asked),
        strict=_accuracy(sheet, sheet.strict_hits, asked),
        of_answered=right / int(answered.sum()) if answered.any() else None,
        of_all=right / len(hits) if len(hits) else 0.0,
        questions=len(hits),
        asked=int(asked.sum()),
        answered=int(answered.sum()),
        unread=_reasons(sheet, asked & ~answered, "no-answer"),
        unasked=_reasons(sheet, ~asked, "not-asked"),
        categories=_categories(sheet),
        hard=_accuracy(sheet, hits, asked & hard(sheet.questions)),
    )


def _accuracy(sheet: Sheet, hits: np.ndarray, where: np.ndarray) -> Estimate | None:
    if not where.any():
        return None
    return estimate(hits[where], sheet.questions.chance[where], sheet.questions.groups[where])


def _reasons(sheet: Sheet, where: np.ndarray, otherwise: str) -> dict[str, int]:
    """The most frequent first."""
    some = [sheet.predictions[i] for i in np.flatnonzero(where)]
    told = Counter("no-prediction" if p is None else p.failure or otherwise for p in some)
    return dict(sorted(told.items(), key=lambda reason: (-reason[1], reason[0])))


def _categories(sheet: Sheet) -> dict[str, Estimate]:
    """By name. One of which nothing was asked has no accuracy and is not there."""
    names = np.array([c or NO_CATEGORY for c in sheet.questions.strings("category")], dtype=object)
    if not any(sheet.questions.strings("category")):
        return {}
    by_name = {name: _accuracy(sheet, sheet.hits, sheet.asked & (names == name)) for name in sorted(set(names))}
    return {name: found for name, found in by_name.items() if found}


def hard(questions: Questions) -> np.ndarray:
    """Where a question's `meta` says that it is hard, under any name that data sets have for it."""
    metas = (json.loads(meta) if meta else {} for meta in questions.table.column("meta").to_pylist())
    return np.array([any(label_called(k) == "hard" and _true(v) for k, v in m.items()) for m in metas], dtype=bool)


def _true(value: Any) -> bool:
    return str(value).strip().casefold() in ("true", "1", "1.0")


def letters(sheet: Sheet) -> dict[str, int]:
    """How often each position was picked, with those that never were."""
    most = int(sheet.questions.sizes.max(initial=0))
    counts = np.bincount(sheet.picks[sheet.answered], minlength=most)
    return {letter(i): int(counts[i]) for i in range(most)}


def letter(position: int) -> str:
    """Of a choice; its number from 1 where the letters have come to an end."""
    return LETTERS[position] if position < len(LETTERS) else str(position + 1)


def compare(a: Sheet, b: Sheet) -> Comparison | None:
    """None where no question was put to both. Questions are matched by their ids."""
    from scipy.stats import binomtest

    there = {id: i for i, id in enumerate(b.questions.ids)}
    both = [(i, there[id]) for i, id in enumerate(a.questions.ids) if id in there and a.asked[i] and b.asked[there[id]]]
    if not both:
        return None
    in_a, in_b = np.array(both, dtype=np.int64).T
    hits_a, hits_b = a.hits[in_a], b.hits[in_b]
    difference, ci95 = paired(hits_a, hits_b, a.questions.groups[in_a])
    only_a, only_b = int((hits_a > hits_b).sum()), int((hits_b > hits_a).sum())
    named = [s.model if a.view == b.view else f"{s.model} ({s.view})" for s in (a, b)]
    return Comparison(
        a=named[0],
        b=named[1],
        questions=len(both),
        accuracy_a=float(hits_a.mean()),
        accuracy_b=float(hits_b.mean()),
        difference=difference,
        ci95=ci95,
        only_a=only_a,
        only_b=only_b,
        p_value=float(binomtest(only_a, only_a + only_b).pvalue) if only_a + only_b else 1.0,
    )
