"""What the probes that are fitted on the test set itself have in common: folds, the control, and how they report."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from flyreel.audit import choices as per
from flyreel.audit import listwise
from flyreel.audit.probe import Result, Setting, weak_where
from flyreel.audit.statistics import estimate
from flyreel.questions import Questions


def folds_of(questions: Questions, setting: Setting) -> np.ndarray | None:
    """The fold of every question, no group in two of them and none empty; None where there are fewer than two groups,
    so that nothing can be held out."""
    k = min(setting.folds, questions.n_groups, len(questions))
    return listwise.folds(questions.groups, k, setting.seed) if k > 1 else None


def shuffled_keys(questions: Questions, seed: int, turn: int = 0) -> np.ndarray:
    """A key for every question by lot: what remains for a solver to find is nothing.

    Turn after turn the key moves on by one, so that over K turns every choice is the key once. The mean over the turns
    is held against chance within the interval of a single one: luck cancels, a leak does not.
    """
    lot = (np.random.default_rng([seed, 1]).random(len(questions)) * questions.sizes).astype(int)
    flags = np.zeros(len(questions.owner), dtype=bool)
    flags[questions.offsets[:-1] + (lot + turn) % questions.sizes] = True
    return flags


def control(questions: Questions, seed: int, whole: int, fitted: Callable[[np.ndarray], np.ndarray]) -> dict[str, Any]:
    """What `fitted` finds of shuffled keys: every turn of them up to `whole` questions; beyond, two are enough."""
    turns = int(questions.sizes.max()) if len(questions) <= whole else 2
    hits = np.zeros(len(questions))
    for turn in range(turns):
        keys = shuffled_keys(questions, seed, turn)
        hits += hits_of(questions, fitted(keys), keys) / turns
    return {**estimate(hits, questions.chance, questions.groups).json(), "shuffles": turns}


def hits_of(questions: Questions, probabilities: np.ndarray, keys: np.ndarray) -> np.ndarray:
    credit = per.PerChoice(questions, probabilities).argmax_share()
    return np.bincount(questions.owner, weights=credit * keys, minlength=len(questions))


def result(
    questions: Questions, given: np.ndarray, *, probe: str, solver: str, who: str, details: dict[str, Any]
) -> Result:
    """From what a probe gives every flat choice; `who` says in a sentence that it gives."""
    hits = hits_of(questions, given, questions.is_key)
    weak, scores = hits == 1.0, given[questions.is_key]
    return Result(
        probe=probe,
        solver=solver,
        ids=questions.ids,
        verdicts=weak_where(weak),
        scores=scores,
        estimate=estimate(hits, questions.chance, questions.groups),
        reasons=[f"{who} the key {p:.2f}" if w else "" for p, w in zip(scores, weak, strict=True)],
        computed_from=[
            {"probabilities": np.round(given[a:b], 4).tolist()}
            for a, b in zip(questions.offsets, questions.offsets[1:], strict=False)
        ],
        details=details,
    )


def too_few(questions: Questions, probe: str, solver: str, details: dict[str, Any]) -> Result:
    n = len(questions)
    nobody = np.zeros(n, bool)
    return Result(
        probe=probe,
        solver=solver,
        ids=questions.ids,
        verdicts=weak_where(nobody, known=nobody),
        scores=np.full(n, np.nan),
        estimate=None,
        reasons=["too-few-groups"] * n,
        details={**details, "control": None, "failures": {"too-few-groups": n}},
        not_checked=[f"{probe}: fewer than two groups, nothing to hold out"],
    )
