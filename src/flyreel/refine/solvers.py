"""Who may find a question weak while it is being refined. Those who certify the result are others: see proof.py.

A solver that knows nothing still picks one key in K. To change those questions too would end with a solver that is
always wrong, which tells the keys as well as one that is always right. So each solver leaves its share of luck alone:
of the questions that it picks, the 1/K of the set that it is least sure of, as long as it is no surer of them than it
is of its wrong picks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from flyreel.audit import giveaway, shortcut
from flyreel.audit.asking import NEED, answers
from flyreel.audit.probe import Setting as Probing
from flyreel.engine.calls import Caller
from flyreel.engine.local import Progress, Silent
from flyreel.engine.stage import Drop
from flyreel.models.scoring import Answer, Evidence, Vote
from flyreel.questions import Questions

SURE_QUANTILE, SURE_FEWEST, SURE_OTHERWISE = 0.9, 20, 0.5
"""How sure a lucky pick may be: as sure as nine in ten wrong picks, or, where there are few of those, one half."""


@dataclass(frozen=True)
class Seen:
    """What one solver made of one wording. `weak` is None where it failed; `top` is its highest probability."""

    weak: bool | None
    score: float | None = None
    top: float | None = None
    reason: str = ""
    right: tuple[int, ...] | None = None
    caller: Caller | None = None
    hopeless: bool = False
    """No wording of the question can mend it: its cues speak the answer out."""


class Solver(Protocol):
    """`lucky`: it picks one of K by luck. `whole`: its reading of one question depends on all the others."""

    @property
    def name(self) -> str: ...

    @property
    def lucky(self) -> bool: ...

    @property
    def whole(self) -> bool: ...

    async def look(self, questions: Questions, rows: Sequence[int]) -> dict[int, Seen]:
        """By position in the set. More rows than were asked for may come back where a solver looks at the whole set."""


@dataclass(frozen=True)
class Text:
    """The cross-fitted text model: what question and choices give away to somebody who knows the rest of the set."""

    probing: Probing
    name: str = "shortcut"
    lucky: bool = True
    whole: bool = True

    async def look(self, questions: Questions, rows: Sequence[int]) -> dict[int, Seen]:
        given = shortcut.probabilities(questions, self.probing)
        if given is None:
            return {i: Seen(None, reason="too-few-groups") for i in range(len(questions))}
        hits = shortcut.hits_of(questions, given, questions.is_key)
        top = np.maximum.reduceat(given, questions.offsets[:-1])
        scores = given[questions.is_key]
        return {
            i: Seen(bool(hits[i] == 1.0), float(scores[i]), float(top[i]), f"the text model gives it {scores[i]:.2f}")
            for i in range(len(questions))
        }


@dataclass(frozen=True)
class Giveaway:
    """Rules that say of one question why its key is given away; they abstain mostly, and luck is not among them."""

    probing: Probing
    name: str = "giveaway"
    lucky: bool = False
    whole: bool = True

    async def look(self, questions: Questions, rows: Sequence[int]) -> dict[int, Seen]:
        found = giveaway.giveaway(questions, self.probing)
        rules = found.computed_from or [{}] * len(questions)
        return {
            i: Seen(bool(v == "weak"), reason=found.reasons[i], hopeless="spoken" in rules[i])
            for i, v in enumerate(found.verdicts)
        }


@dataclass(frozen=True)
class Blind:
    """Language models that see neither pictures nor dialogue; several are averaged."""

    callers: Sequence[Caller]
    rule: str = "averaged"
    progress: Callable[[str], Progress] = field(default=lambda label: Silent())
    name: str = "blind"
    lucky: bool = True
    whole: bool = False

    async def look(self, questions: Questions, rows: Sequence[int]) -> dict[int, Seen]:
        asked = questions.take(np.asarray(rows, dtype=np.int64))
        by_caller = [await answers(c, asked, "blind", self.progress("blind"), self.rule) for c in self.callers]
        return {
            row: _judged(self.rule, int(asked.answer[i]), self.callers, [values[i] for values in by_caller])
            for i, row in enumerate(rows)
        }


def _judged(rule: str, key: int, callers: Sequence[Caller], values: list[Any]) -> Seen:
    """A model that failed has shown nothing: the others decide, and where all failed nobody has."""
    usable = [(c, v) for c, v in zip(callers, values, strict=True) if not isinstance(v, Drop)]
    if rule == "vote":
        usable = [(c, v) for c, v in usable if v.weak is not None]
    if not usable:
        failed = sorted({v.reason if isinstance(v, Drop) else "undecided" for v in values})
        return Seen(None, reason=", ".join(failed))
    right, caller = _right(key, usable)
    if rule == "vote":
        shares = [_share(key, v) for _, v in usable]
        weak = 2 * sum(v.weak for _, v in usable) > len(usable)
        score = float(np.mean([s for s, _ in shares]))
        return Seen(weak, score, float(np.mean([t for _, t in shares])), f"right in {NEED} orderings", right, caller)
    mean = np.mean([v.probabilities for _, v in usable], axis=0)
    best = np.isclose(mean, mean.max(), rtol=1e-9)
    weak = bool(best[key] and best.sum() == 1)
    return Seen(weak, float(mean[key]), float(mean.max()), f"picked with probability {mean[key]:.2f}", right, caller)


def _right(key: int, usable: list[tuple[Caller, Any]]) -> tuple[tuple[int, ...] | None, Caller | None]:
    """An ordering that somebody got right, the surest of them: the one whose reasons are worth asking for."""
    found = [
        (-(a.logprobs[key] if a.logprobs else 0.0), i, a.ordering, caller)
        for caller, value in usable
        for i, a in enumerate(value.answers)
        if a.picked == key
    ]
    return min(found, key=lambda f: f[:2])[2:] if found else (None, None)


def _share(key: int, value: Vote | Evidence) -> tuple[float, float]:
    """Mean probability of the key over the orderings that were asked, and of the choice that has most."""
    given = [_probabilities(a) for a in value.answers if a.picked is not None]
    mean = np.mean(given, axis=0)
    return float(mean[key]), float(mean.max())


def _probabilities(answer: Answer) -> np.ndarray:
    if answer.logprobs is not None:
        return np.exp(np.array(answer.logprobs))
    one_hot = np.zeros(len(answer.ordering))
    one_hot[answer.picked] = 1.0
    return one_hot


def spared(seen: dict[int, Seen], chances: np.ndarray) -> set[int]:
    """The weak ones that are left to luck: see the head of this file."""
    known = [row for row, s in seen.items() if s.weak is not None]
    weak = sorted((row for row in known if seen[row].weak), key=lambda row: (seen[row].score or 0.0, row))
    wrong = [seen[row].top or 0.0 for row in known if not seen[row].weak]
    sure = float(np.quantile(wrong, SURE_QUANTILE)) if len(wrong) >= SURE_FEWEST else SURE_OTHERWISE
    many = int(sum(chances[row] for row in known) + 1e-9)
    return {row for row in weak[:many] if (seen[row].score or 0.0) <= sure}
