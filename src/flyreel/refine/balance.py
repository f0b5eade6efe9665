"""Wrong choices picked over the whole set, so that the text model no longer knows the key, nor knows it backwards.

Adversarial filtering that swaps in whatever the model prefers to the key ends with a model that is always wrong, which
gives the keys away as surely. So every question draws by lot the place that its key shall take among its choices in the
model's eyes, all places alike, and the set of wrong choices is taken that comes nearest to it. The same is done for
length, for likeness to the question and to the other choices, and for how often a text is offered, so that what is
balanced in one way does not come back in another. The model is fitted anew each round, by folds, on the set as it
stands and as it stood.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from flyreel.audit import choices as per
from flyreel.audit import features, listwise
from flyreel.audit.statistics import chi_square_uniform
from flyreel.audit.surface import key_positions
from flyreel.questions import SCHEMA, Questions
from flyreel.refine.offers import Offers, Set
from flyreel.refine.strategy import Task
from flyreel.refine.usage import folded
from flyreel.schema import Wording

ROUNDS, EACH = 7, 7
"""Rounds, and new sets a question is offered in each."""

HISTORY = 2
"""The model learns from so many earlier rounds too, or it would chase its own tail."""

PENALTY, FOLDS = 10.0, 5
LENGTH, OVERLAP, LIKENESS, REPEATED, USE, SURE = 0.3, 0.2, 0.4, 0.3, 1.5, 3.0
"""What it costs to be one place off by another measure than the model's, to offer a text once too often, and to leave
a key that the model is surer of than `LIMIT`."""
LIMIT = 0.4
RULES = (LENGTH, OVERLAP, LIKENESS, REPEATED)


@dataclass
class _Row:
    row: int
    task: Task
    at: int
    current: Set
    earlier: list[Set]


def balanced(questions: Questions, tasks: Sequence[Task], offers: Offers, seed: int) -> dict[int, Wording]:
    """A wording for each task that has another than its own set of wrong choices by the end."""
    from threadpoolctl import threadpool_limits

    places = _places(questions, tasks)
    state = [_Row(t.row, t, places[t.row], t.best.distractors, []) for t in tasks]
    lots = _lots(seed, state)
    lucky = None
    with threadpool_limits(1):
        for turn in range(ROUNDS):
            lucky = _turn(questions, state, offers, lots, lucky, turn, seed)
    changed = [s for s in state if s.at != s.task.best.answer or set(s.current) != set(s.task.best.distractors)]
    return {s.row: _wording(s) for s in changed}


def _turn(
    questions: Questions, state: list[_Row], offers: Offers, lots: np.ndarray,
    lucky: float | None, turn: int, seed: int,
) -> float:  # fmt: skip
    """One round, in place; returns the share of the tasks whose key may stay the model's first choice."""
    sets: list[list[Set]] = []
    for s in state:
        random = np.random.default_rng([seed, s.row, turn])
        found = offers.fresh(s.row, s.current, EACH, random)
        sets.append([s.current, *(x for x in found if set(x) != set(s.current))])
    scored = _score(questions, state, sets, seed + turn)
    chance = float(questions.chance.mean())
    lucky = max(chance, (lucky or chance) + (chance - scored.hits if turn else 0.0))
    order = np.random.default_rng([seed, turn]).permutation(len(state))
    for i in order:
        s, k = state[i], len(state[i].task.best.choices)
        wanted = _place(lots[0, i], k, min(lucky, 0.5))
        cost = np.abs(scored.above[i] - wanted) + SURE * np.maximum(0.0, scored.key[i] - LIMIT)
        for lot, ranks, needed, weight in zip(lots[1:, i], scored.ranks[i], scored.needed, RULES, strict=True):
            cost = cost + weight * np.abs(ranks - _fill(lot, needed[k]))
        offers.usage.add(s.current, -1)
        cost = cost + USE * np.array([sum(offers.usage.over(t) > 0 for t in x) for x in sets[i]])
        cost[0] += 0.0 if turn else k  # the set as it came is what has to go
        best = int(np.argmin(cost)) if len(cost) > 1 else 0
        if sets[i][best] != s.current:
            s.earlier = [s.current, *s.earlier][:HISTORY]
            s.current = sets[i][best]
        offers.usage.add(s.current)
    return lucky


def _place(lot: float, k: int, lucky: float) -> int:
    return 0 if lot < lucky else 1 + int((lot - lucky) / (1 - lucky) * (k - 1))


@dataclass
class _Scored:
    """For each task, one entry per set: choices above the key, the key's probability, its rank by four rules.
    `needed`, a rule each: what the untouched questions leave to be filled."""

    above: list[np.ndarray]
    key: list[np.ndarray]
    ranks: list[list[np.ndarray]]
    needed: list[dict[int, np.ndarray]]
    hits: float


def _score(questions: Questions, state: list[_Row], sets: list[list[Set]], seed: int) -> _Scored:
    """The whole set as it stands, what it was, and every offer, encoded together; each scored by the other folds."""
    touched = {s.row for s in state}
    rest = np.array([i for i in range(len(questions)) if i not in touched], dtype=int)
    rows: list[tuple[int, Set, int]] = []
    offered: list[np.ndarray] = []
    standing_or_past: list[int] = []
    for s, options in zip(state, sets, strict=True):
        first = len(rows)
        rows += [(s.row, x, s.at) for x in options]
        offered.append(np.arange(first, len(rows)))
        standing_or_past.append(first)
        standing_or_past += range(len(rows), len(rows) + len(s.earlier))
        rows += [(s.row, x, s.at) for x in s.earlier]
    made = _as_questions(questions, rows, rest)
    times = _times(questions, state, rest)
    source = np.concatenate([np.array([r[0] for r in rows], dtype=int), rest])
    standing_or_past += range(len(rows), len(made))
    groups = questions.groups if questions.n_groups > 1 else np.arange(len(questions))
    fold = listwise.folds(groups, min(FOLDS, len(np.unique(groups))), seed)[source]
    learn = np.zeros(len(made), bool)
    learn[standing_or_past] = True
    encoded, choosing = features.encode(made), listwise.Choosing.of(made.sizes)
    log_p = np.zeros(len(choosing.owner))
    for f in np.unique(fold):
        on = learn & (fold != f)
        inside = on[choosing.owner]
        train = encoded.take(inside), listwise.Choosing.of(made.sizes[on]), made.is_key[inside]
        fitted = listwise.fit(*train, np.ones(int(on.sum()), bool), PENALTY)
        held = (fold == f)[choosing.owner]
        log_p[held] = choosing.log_softmax(fitted.scores(encoded))[held]
    p = np.exp(log_p)
    key = p[made.is_key]
    above = np.bincount(made.owner, weights=p > key[made.owner], minlength=len(made))
    measured = (per.lengths(made), per.question_overlap(made), per.likeness_to_others(made))
    repeated = np.array([times[folded(t)] for t in made.flat_choices], dtype=float)
    rules = [_rank(made, values) for values in (*(m.values for m in measured), repeated)]
    standing = np.concatenate([[o[0] for o in offered], np.arange(len(rows), len(made))]).astype(int)
    return _Scored(
        [above[o] for o in offered],
        [key[o] for o in offered],
        [[rule[o] for rule in rules] for o in offered],
        [_still_needed(rule[len(rows) :], made.sizes[len(rows) :], state) for rule in rules],
        float((above[standing] == 0).mean()),
    )


def _times(questions: Questions, state: list[_Row], rest: np.ndarray) -> Counter[str]:
    """How often each text stands in the set as it is now, as key or not."""
    found = Counter(folded(c) for s in state for c in (*s.current, s.task.best.key))
    found.update(folded(c) for row in rest for c in questions.choices_of(row))
    return found


def _still_needed(ranks: np.ndarray, sizes: np.ndarray, state: list[_Row]) -> dict[int, np.ndarray]:
    """By number of choices: the share of tasks wanted at each rank, so that with the untouched questions all ranks of
    the key are as frequent. Half a rank is half of both."""
    found = {}
    for k in sorted({len(s.task.best.choices) for s in state}):
        own = ranks[sizes == k]
        counts = np.bincount(np.floor(own).astype(int), minlength=k) + np.bincount(
            np.ceil(own).astype(int), minlength=k
        )
        tasks = sum(len(s.task.best.choices) == k for s in state)
        needed = np.maximum((len(own) + tasks) / k - counts / 2, 0.0)
        found[k] = needed / needed.sum() if needed.sum() else np.full(k, 1 / k)
    return found


def _fill(lot: float, shares: np.ndarray) -> int:
    return min(len(shares) - 1, int(np.searchsorted(np.cumsum(shares), lot)))


def _rank(made: Questions, values: np.ndarray) -> np.ndarray:
    """How many choices of its question are below the key; equals count half."""
    key = values[made.is_key][made.owner]
    below = np.bincount(made.owner, weights=values < key - 1e-9, minlength=len(made))
    equal = np.bincount(made.owner, weights=np.abs(values - key) < 1e-9, minlength=len(made)) - 1
    return below + equal / 2


def _as_questions(questions: Questions, rows: list[tuple[int, Set, int]], rest: np.ndarray) -> Questions:
    import pyarrow as pa

    groups = questions.strings("group")
    choices, answers, texts, of = [], [], [], []
    for row, wrong, at in rows:
        key = questions.choices_of(row)[questions.answer[row]]
        choices.append([*wrong[:at], key, *wrong[at:]])
        answers.append(at)
        texts.append(questions.texts[row])
        of.append(groups[row])
    for row in rest:
        choices.append(questions.choices_of(row))
        answers.append(int(questions.answer[row]))
        texts.append(questions.texts[row])
        of.append(groups[row])
    columns = {
        "id": [str(i) for i in range(len(texts))], "question": texts, "choices": choices, "answer": answers, "group": of
    }  # fmt: skip
    blank = {name: [None] * len(texts) for name in SCHEMA.names if name not in columns}
    return Questions(pa.table({**columns, **blank}, schema=SCHEMA))


def _lots(seed: int, state: list[_Row]) -> np.ndarray:
    """Five lots a task, for the model and for the four rules: even over the tasks, and not by chance alone."""
    random = np.random.default_rng([seed, 11])
    n = max(len(state), 1)
    return np.array([(random.permutation(len(state)) + 0.5) / n for _ in range(5)]).reshape(5, len(state))


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


def _wording(s: _Row) -> Wording:
    chosen = (*s.current[: s.at], s.task.best.key, *s.current[s.at :])
    return Wording(question=s.task.best.question, choices=chosen, answer=s.at)
