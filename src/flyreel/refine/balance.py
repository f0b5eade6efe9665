"""Wrong choices picked over the whole set, so that the text models no longer know the key, nor know it backwards.

Adversarial filtering that swaps in whatever a model prefers to the key ends with a model that is always wrong, which
gives the keys away as surely. So every question draws by lot the place that its key shall take among its choices in the
eyes of each model, all places alike, and the set of wrong choices is taken that comes nearest to it. The same is done
for length, for likeness to the question and to the other choices, and for how often a text is offered, so that what is
balanced in one way does not come back in another. The models are those of scored.py.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from flyreel.audit import net
from flyreel.audit.statistics import chi_square_uniform
from flyreel.audit.surface import key_positions
from flyreel.questions import Questions
from flyreel.refine.offers import Offers, Set
from flyreel.refine.scored import MODELS, Standing, score
from flyreel.refine.strategy import Task
from flyreel.schema import Wording

ROUNDS, LATER, EACH = 7, 4, 7
"""Rounds at the first attempt and at the others, and new sets a question is offered in each."""

HISTORY = 2
"""The models learn from so many earlier rounds too, or they would chase their own tail."""

LENGTH, OVERLAP, LIKENESS, REPEATED, USE, SURE = 0.3, 0.2, 0.4, 0.3, 1.5, 3.0
"""What it costs to be one place off by another measure than the models', to offer a text once too often, and to leave
a key that a model is surer of than `LIMIT`."""
LIMIT = 0.4
RULES = (LENGTH, OVERLAP, LIKENESS, REPEATED)


def balanced(questions: Questions, tasks: Sequence[Task], offers: Offers, seed: int) -> dict[int, Wording]:
    """A wording for each task that has another than its own set of wrong choices by the end."""
    from threadpoolctl import threadpool_limits

    places = _places(questions, tasks)
    state = [Standing(t.row, t, places[t.row], t.best.distractors, []) for t in tasks]
    lots = _lots(seed, state)
    lucky = np.full(MODELS, questions.chance.mean())
    with threadpool_limits(1):
        space = net.Space([*questions.flat_choices, *questions.texts], seed)
        for turn in range(ROUNDS if tasks[0].attempt == 1 else LATER):
            lucky = _turn(questions, state, offers, lots, lucky, turn, space, seed)
    changed = [s for s in state if s.at != s.task.best.answer or set(s.current) != set(s.task.best.distractors)]
    return {s.row: _wording(s) for s in changed}


def _turn(
    questions: Questions, state: list[Standing], offers: Offers, lots: np.ndarray,
    lucky: np.ndarray, turn: int, space: net.Space, seed: int,
) -> np.ndarray:  # fmt: skip
    """One round, in place; returns the share of the tasks whose key may stay each model's first choice."""
    sets: list[list[Set]] = []
    for s in state:
        random = np.random.default_rng([seed, s.row, turn])
        found = offers.fresh(s.row, s.current, EACH, random)
        sets.append([s.current, *(x for x in found if set(x) != set(s.current))])
    scored = score(questions, state, sets, space, seed + turn)
    chance = float(questions.chance.mean())
    if turn:
        lucky = np.maximum(chance, lucky + chance - scored.hits)
    order = np.random.default_rng([seed, turn]).permutation(len(state))
    for i in order:
        s, k = state[i], len(state[i].task.best.choices)
        wanted = [_place(lot, k, min(share, 0.5)) for lot, share in zip(lots[:MODELS, i], lucky, strict=True)]
        too_sure = np.maximum(0.0, scored.key[i] - LIMIT)
        cost = (np.abs(scored.above[i] - np.array(wanted)[:, None]) + SURE * too_sure).sum(axis=0)
        for lot, ranks, needed, weight in zip(lots[MODELS:, i], scored.ranks[i], scored.needed, RULES, strict=True):
            cost += weight * np.abs(ranks - _fill(lot, needed[k]))
        offers.usage.add(s.current, -1)
        cost += USE * np.array([sum(offers.usage.over(t) > 0 for t in x) for x in sets[i]])
        cost[0] += 0.0 if turn else MODELS * k  # the set as it came is what has to go
        best = int(np.argmin(cost)) if len(cost) > 1 else 0
        if sets[i][best] != s.current:
            s.earlier = [s.current, *s.earlier][:HISTORY]
            s.current = sets[i][best]
        offers.usage.add(s.current)
    return lucky


def _place(lot: float, k: int, lucky: float) -> int:
    return 0 if lot < lucky else 1 + int((lot - lucky) / (1 - lucky) * (k - 1))


def _fill(lot: float, shares: np.ndarray) -> int:
    return min(len(shares) - 1, int(np.searchsorted(np.cumsum(shares), lot)))


def _lots(seed: int, state: list[Standing]) -> np.ndarray:
    """A lot a task for each model and rule: even over the tasks, and not by chance alone. Each has its own: were a key
    to take the same place with both models, whoever has both would know it by that."""
    random = np.random.default_rng([seed, 11])
    n, many = max(len(state), 1), MODELS + len(RULES)
    return np.array([(random.permutation(len(state)) + 0.5) / n for _ in range(many)]).reshape(many, len(state))


def _places(questions: Questions, tasks: Sequence[Task]) -> dict[int, int]:
    """Where each key shall stand: where it stands, unless keys are bunched over the set; then the emptiest place."""
    at = {t.row: t.best.answer for t in tasks}
    counts, expected = key_positions(questions)
    if chi_square_uniform(counts, expected)[1] > 0.05:
        return at
    for t in tasks:
        counts[t.best.answer] -= 1
    for t in tasks:
        k = len(t.best.choices)
        at[t.row] = int(np.argmin(counts[:k] - expected[:k]))
        counts[at[t.row]] += 1
    return at


def _wording(s: Standing) -> Wording:
    chosen = (*s.current[: s.at], s.task.best.key, *s.current[s.at :])
    return Wording(question=s.task.best.question, choices=chosen, answer=s.at)
