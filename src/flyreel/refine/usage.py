"""How often a text may be offered, so that having seen it elsewhere says nothing about whether it is right here.

Somebody who knows the other questions' keys sees, for each choice, how often it was right elsewhere and how often it
was offered. A key that is right once in the set was right nowhere else; a distractor borrowed from another question's
key was right there. So borrowed keys give themselves away, and a model fitted on the rest falls far below chance (its
mirror image far above). The cure is that, of the T times that a text is offered, the number of times that it is right
looks like T draws at chance 1/K each: n ~ Binomial(T, 1/K). The keys are given, so n is; T is chosen.

    find x_T >= 0 with  Σ_T x_T Binomial(n; T, 1/K) = number of texts that are n times key,  n = 1, 2, …

by non-negative least squares; a text that is key n times then takes T from its posterior, and x_T (1 - 1/K)^T texts
that are never key are offered T times. Where every key is unique this comes to T = 1: nothing is borrowed at all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import lru_cache

import numpy as np

from flyreel.audit.choices import words
from flyreel.questions import Questions

WEIGHT = 30.0
"""Of the total of uses beside the counts of keys."""


@lru_cache(maxsize=1 << 17)
def folded(text: str) -> str:
    """The same for all ways to write the same words."""
    return " ".join(words(text)) or text


class Usage:
    """How often each text is offered at present, beside how often it may be. A text that the set has not seen: once."""

    def __init__(self, allowed: Counter[str], offered: Iterable[str]) -> None:
        self.number = {name: i for i, name in enumerate(allowed)}
        self._most = np.array([*allowed.values()], dtype=float)
        self._now = np.zeros(len(self._most))
        self._unseen: Counter[str] = Counter()
        self.add(offered)

    def add(self, texts: Iterable[str], times: int = 1) -> None:
        for name in map(folded, texts):
            if (at := self.number.get(name)) is None:
                self._unseen[name] += times
            else:
                self._now[at] += times

    def over(self, text: str, more: int = 1) -> float:
        """By how much it is offered too often, if it is offered that much more."""
        if (at := self.number.get(name := folded(text))) is None:
            return max(0.0, self._unseen[name] + more - 1.0)
        return float(max(0.0, self._now[at] + more - self._most[at]))

    def share_over(self, text: str) -> float:
        at = self.number.get(folded(text))
        now = self._unseen[folded(text)] if at is None else self._now[at]
        return self.over(text, 0) / max(float(now), 1.0)

    def room(self, numbers: np.ndarray) -> np.ndarray:
        return np.maximum(0.0, self._most[numbers] - self._now[numbers])

    def allowed(self, numbers: np.ndarray) -> np.ndarray:
        return self._most[numbers] > 0


def quotas(questions: Questions, spare: list[str], seed: int) -> Counter[str]:
    """How often each text (folded) may be a distractor. `spare` are those that are never key, the first to be used
    first."""
    from scipy.optimize import nnls
    from scipy.stats import binom

    k = max(2, round(float(questions.sizes.mean())))
    total = int(questions.sizes.sum())
    right = Counter(folded(questions.flat_choices[i]) for i in np.flatnonzero(questions.is_key))
    times = Counter(right.values())
    most = max(times)
    uses = np.array(sorted({*range(1, 30), *(k * n for n in times), *(int(1.3**j) for j in range(13, 30))}))
    uses = uses[uses <= k * most + 20]
    mass = binom.pmf(np.arange(most + 1)[:, None], uses[None, :], 1 / k)
    wanted = np.array([times[n] for n in range(1, most + 1)], dtype=float)
    scale = 1 / np.sqrt(wanted + 1)
    beyond = binom.sf(most, uses, 1 / k)[None, :]  # no text is key more often than the most frequent key
    rows = [mass[1:] * scale[:, None], beyond, WEIGHT * uses[None, :] / total]
    x, _ = nnls(np.vstack(rows), np.concatenate([wanted * scale, [0.0], [WEIGHT]]))
    random = np.random.default_rng(seed)
    allowed: Counter[str] = Counter()
    for text, n in sorted(right.items()):
        posterior = x * mass[n]
        taken = random.choice(uses, p=posterior / posterior.sum()) if posterior.sum() > 0 else k * n
        allowed[text] = max(0, int(taken) - n)
    if mass[0] @ x > len(spare):  # too few texts that are never key: they share the places that those would have had
        places = round(float(uses * mass[0] @ x))
        for i, text in enumerate(spare):
            allowed[text] = places // len(spare) + (i < places % len(spare))
        return allowed
    waiting = iter(spare)
    for taken, count in sorted(zip(uses, mass[0] * x, strict=True), reverse=True):
        for _ in range(round(count)):
            if (unused := next(waiting, None)) is not None:
                allowed[unused] = int(taken)
    return allowed
