"""Who may find a question weak while it is being refined. Those who certify the result are others: see proof.py.

A solver that knows nothing still picks one key in K. To change those questions too would end with a solver that is
always wrong, which tells the keys as well as one that is always right. So each solver is left what luck may give it:
as many picks as pure luck stays within in 95 of 100 sets, and none surer than its mistakes are.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from flyreel.audit import giveaway, net, shortcut
from flyreel.audit.asking import NEED, answers
from flyreel.audit.fitted import hits_of
from flyreel.audit.probe import Setting as Probing
from flyreel.engine.calls import Caller
from flyreel.engine.local import Progress, Silent
from flyreel.engine.stage import Drop
from flyreel.models.scoring import Answer, Evidence, Vote
from flyreel.questions import Questions

LUCK, WORTH = 1.645, 0.025
"""Luck is what stays within so many standard errors above chance. Less above chance than this share of the set is not
worth chasing: the last picks taken from one solver are shared by weaker ones, which then end below chance."""

FEWEST_WRONG, SURE_OTHERWISE = 20, 0.5
"""How sure a lucky pick may be where there are fewer wrong ones to hold it against."""


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


TEXT_MODELS: dict[str, Callable[[Questions, Probing], np.ndarray | None]] = {
    "shortcut": shortcut.probabilities,
    "net": net.probabilities,
}
"""Two of different kinds: what is hidden from one alone is found by others (docs/refine.md)."""
SPOKEN_OF = {"shortcut": "text model", "net": "net"}


@dataclass(frozen=True)
class Text:
    """A cross-fitted text model: what question and choices give away to somebody who knows the rest of the set."""

    probing: Probing
    name: str
    lucky: bool = True
    whole: bool = True

    async def look(self, questions: Questions, rows: Sequence[int]) -> dict[int, Seen]:
        given = TEXT_MODELS[self.name](questions, self.probing)
        if given is None:
            return {i: Seen(None, reason="too-few-groups") for i in range(len(questions))}
        hits = hits_of(questions, given, questions.is_key)
        top = np.maximum.reduceat(given, questions.offsets[:-1])
        scores = given[questions.is_key]
        return {
            i: Seen(
                bool(hits[i] == 1.0),
                float(scores[i]),
                float(top[i]),
                f"the {SPOKEN_OF[self.name]} gives it {scores[i]:.2f}",
            )
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


def spared(seen: Mapping[str, Mapping[int, Seen]], chances: np.ndarray) -> set[int]:
    """The weak ones that are left to luck, for all lucky solvers together: see the head of this file.

    A question that two solvers pick needs a place with both. The least sure come first, and take the places that the
    others are too sure for.
    """
    places: dict[str, list[float]] = {}
    sure: dict[int, dict[str, float]] = {}
    order: dict[int, float] = {}
    for name, readings in seen.items():
        known = [row for row, s in readings.items() if s.weak is not None]
        weak = sorted((row for row in known if readings[row].weak), key=lambda row: (readings[row].score or 0.0, row))
        wrong = [readings[row].top or 0.0 for row in known if not readings[row].weak]
        places[name] = _places(np.array([chances[row] for row in known]), wrong)
        for place, row in enumerate(weak):
            sure.setdefault(row, {})[name] = readings[row].score or 0.0
            order[row] = max(order.get(row, 0.0), place / len(weak))
    left = set()
    for row in sorted(order, key=lambda row: (order[row], row)):
        at = {name: bisect_left(places[name], score - 1e-9) for name, score in sure[row].items()}
        if all(i < len(places[name]) for name, i in at.items()):
            left.add(row)
            for name, i in at.items():
                del places[name][i]
    return left


def _places(chances: np.ndarray, wrong: Sequence[float]) -> list[float]:
    """For each pick that may be luck, how sure the solver may be of it; rising.

    Of the picks that luck gives as large a share is above any level as of the mistakes. Where E are expected above one,
    up to E + `LUCK` standard errors are let pass, or E and `WORTH` of the set's share above it.
    """
    expected = float(chances.sum())
    if not expected:
        return []
    chance, spread = expected / len(chances), LUCK * np.sqrt(1 - expected / len(chances))
    many = int(expected + max(spread * np.sqrt(expected), WORTH * len(chances)) + 1e-9)
    if len(wrong) < FEWEST_WRONG:
        return [SURE_OTHERWISE] * many
    place = np.arange(many, 0, -1)
    above = np.minimum(((np.sqrt(spread**2 + 4 * place) - spread) / 2) ** 2, place / (1 + WORTH / chance))
    return np.quantile(wrong, np.clip(1 - above / expected, 0, 1)).tolist()
