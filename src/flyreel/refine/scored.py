"""What the models and rules of the filter make of every set of wrong choices that is offered, the whole set in view.

Two models of different kinds look: a sum of weights for words, crosses and looks, and a net over topics. What is hidden
from the first alone is found by the second, and by others of its kind (docs/benchmarks.md). Both are fitted anew each
round, by folds, on the set as it stands and as it stood.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from flyreel.audit import choices as per
from flyreel.audit import features, listwise, net
from flyreel.questions import SCHEMA, Questions
from flyreel.refine.offers import Set
from flyreel.refine.strategy import Task
from flyreel.refine.usage import folded

MODELS = 2
PENALTY, EPOCHS, FOLDS = 10.0, 8, 4
"""Of the sum of weights, of the net, of both."""


@dataclass
class Standing:
    """One question that is worked on: the set it has now, and those it had in the rounds before."""

    row: int
    task: Task
    at: int
    current: Set
    earlier: list[Set]


@dataclass
class Scored:
    """For each task, one column per set. `above`, `key`: choices above the key and the key's probability, a row each
    model. `ranks`: of the key by four rules. `needed`, a rule each: what the untouched questions leave to be filled.
    `hits`: how often each model finds the key in the set as it stands."""

    above: list[np.ndarray]
    key: list[np.ndarray]
    ranks: list[np.ndarray]
    needed: list[dict[int, np.ndarray]]
    hits: np.ndarray


def score(questions: Questions, state: list[Standing], sets: list[list[Set]], space: net.Space, seed: int) -> Scored:
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
    source = np.concatenate([np.array([r[0] for r in rows], dtype=int), rest])
    standing_or_past += range(len(rows), len(made))
    groups = questions.groups if questions.n_groups > 1 else np.arange(len(questions))
    fold = listwise.folds(groups, min(FOLDS, len(np.unique(groups))), seed)[source]
    learn = np.zeros(len(made), bool)
    learn[standing_or_past] = True
    p = _by_folds(made, fold, learn, space, seed)
    key = p[:, made.is_key]
    above = np.array(
        [np.bincount(made.owner, weights=q > k[made.owner], minlength=len(made)) for q, k in zip(p, key, strict=True)]
    )
    times = _times(questions, state, rest)
    repeated = np.array([times[folded(t)] for t in made.flat_choices], dtype=float)
    measured = (per.lengths(made), per.question_overlap(made), per.likeness_to_others(made))
    ranks = np.array([_rank(made, values) for values in (*(m.values for m in measured), repeated)])
    standing = np.concatenate([[o[0] for o in offered], np.arange(len(rows), len(made))]).astype(int)
    return Scored(
        [above[:, o] for o in offered],
        [key[:, o] for o in offered],
        [ranks[:, o] for o in offered],
        [_still_needed(rank[len(rows) :], made.sizes[len(rows) :], state) for rank in ranks],
        (above[:, standing] == 0).mean(axis=1),
    )


def _by_folds(made: Questions, fold: np.ndarray, learn: np.ndarray, space: net.Space, seed: int) -> np.ndarray:
    """What each model gives every flat choice; it learns from the other folds of those in `learn`."""
    choosing, encoded, seen = listwise.Choosing.of(made.sizes), features.encode(made), net.Seen.of(made, space)
    found = np.zeros((MODELS, len(choosing.owner)))
    for f in np.unique(fold):
        on, held = learn & (fold != f), (fold == f)[choosing.owner]
        inside = on[choosing.owner]
        among, everyone = listwise.Choosing.of(made.sizes[on]), np.ones(int(on.sum()), bool)
        by_words = listwise.fit(encoded.take(inside), among, made.is_key[inside], everyone, PENALTY)
        by_topics = net.fit(seen, made.is_key, on, seed, EPOCHS)
        for m, scores in enumerate((by_words.scores(encoded), by_topics.scores(seen, np.flatnonzero(fold == f)))):
            found[m, held] = np.exp(choosing.log_softmax(scores)[held])
    return found


def _times(questions: Questions, state: list[Standing], rest: np.ndarray) -> Counter[str]:
    """How often each text stands in the set as it is now, as key or not."""
    found = Counter(folded(c) for s in state for c in (*s.current, s.task.best.key))
    found.update(folded(c) for row in rest for c in questions.choices_of(row))
    return found


def _still_needed(ranks: np.ndarray, sizes: np.ndarray, state: list[Standing]) -> dict[int, np.ndarray]:
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
