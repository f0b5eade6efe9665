"""Train on the test set: what can be learned about the keys from text alone, without one look at a video.

The text of every fold is answered by a model fitted on the other folds (grouped, so that no film is on both sides).
Beside it in every report: the same from the choices alone, the same with folds that ignore groups, and the same with
shuffled keys, which must sit at chance or nothing else here is to be believed.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np

from flyreel.audit import choices as per
from flyreel.audit.probe import Result, Setting, probe, weak_where
from flyreel.audit.statistics import Estimate, benjamini_hochberg, estimate
from flyreel.questions import Questions

CONTROL_QUESTIONS = 20_000
"""Up to so many questions the control takes every turn of the shuffled keys; beyond, two are enough."""

TELLING_WORDS = 12
MIN_SEEN = 8
SIGNIFICANT = 0.05


@probe("shortcut", reads=("question", "choices", "group"))
def shortcut(questions: Questions, setting: Setting) -> Result:
    """A text model trained on the other folds: words and look of question and choices."""
    from threadpoolctl import threadpool_limits

    from flyreel.audit import features, listwise

    k = min(setting.folds, questions.n_groups, len(questions))
    if k < 2:
        return _too_few(questions)
    grouped = listwise.folds(questions.groups, k, setting.seed)
    singles = np.arange(len(questions))
    keys = questions.is_key
    turns = int(questions.sizes.max()) if len(questions) <= CONTROL_QUESTIONS else 2
    # Threads cost more than they give on matrices this thin, and fight with whatever else the machine is doing.
    with threadpool_limits(1):
        both = features.encode(questions)
        given = listwise.cross_fit(both, questions, keys, grouped, questions.groups, setting.seed)
        control = np.zeros(len(questions))
        for turn in range(turns):
            shuffled = shuffled_keys(questions, setting.seed, turn)
            found_none = listwise.cross_fit(both, questions, shuffled, grouped, questions.groups, setting.seed)
            control += hits_of(questions, found_none, shuffled) / turns
        loose = listwise.folds(singles, k, setting.seed)
        random = listwise.cross_fit(both, questions, keys, loose, singles, setting.seed)
        del both
        alone = features.encode(questions, with_question=False)
        choices_only = listwise.cross_fit(alone, questions, keys, grouped, questions.groups, setting.seed)

    hits = hits_of(questions, given, keys)
    found = estimate(hits, questions.chance, questions.groups)
    weak = hits == 1.0
    scores = given[keys]
    variants = {
        "choices only": _accuracy(questions, choices_only, keys),
        "folds without groups": _accuracy(questions, random, keys),
    }
    words = telling_words(questions)
    return Result(
        probe="shortcut",
        solver=f"a text model trained on the other {k - 1} folds",
        ids=questions.ids,
        verdicts=weak_where(weak),
        scores=scores,
        estimate=found,
        reasons=[f"the text model gives the key {p:.2f}" if w else "" for p, w in zip(scores, weak, strict=True)],
        computed_from=[
            {"probabilities": np.round(given[a:b], 4).tolist()}
            for a, b in zip(questions.offsets, questions.offsets[1:], strict=False)
        ],
        details={
            "variants": {name: v.json() for name, v in variants.items()},
            "control": {**estimate(control, questions.chance, questions.groups).json(), "shuffles": turns},
            "telling_words": words,
            "folds": k,
        },
        why=_why(words, found),
    )


def probabilities(questions: Questions, setting: Setting) -> np.ndarray | None:
    """What the text model gives each flat choice, by folds that respect groups; None for fewer than two groups. This is
    the probe without its variants and its control."""
    from threadpoolctl import threadpool_limits

    from flyreel.audit import features, listwise

    k = min(setting.folds, questions.n_groups, len(questions))
    if k < 2:
        return None
    fold = listwise.folds(questions.groups, k, setting.seed)
    with threadpool_limits(1):
        encoded = features.encode(questions)
        return listwise.cross_fit(encoded, questions, questions.is_key, fold, questions.groups, setting.seed)


def shuffled_keys(questions: Questions, seed: int, turn: int = 0) -> np.ndarray:
    """A key for every question by lot: what remains for a solver to find is nothing.

    Turn after turn the key moves on by one, so that over K turns every choice is the key once. The mean over the turns
    is held against chance within the interval of a single one: luck cancels, a leak does not.
    """
    lot = (np.random.default_rng([seed, 1]).random(len(questions)) * questions.sizes).astype(int)
    flags = np.zeros(len(questions.owner), dtype=bool)
    flags[questions.offsets[:-1] + (lot + turn) % questions.sizes] = True
    return flags


def hits_of(questions: Questions, probabilities: np.ndarray, keys: np.ndarray) -> np.ndarray:
    credit = per.PerChoice(questions, probabilities).argmax_share()
    return np.bincount(questions.owner, weights=credit * keys, minlength=len(questions))


def _accuracy(questions: Questions, probabilities: np.ndarray, keys: np.ndarray) -> Estimate:
    return estimate(hits_of(questions, probabilities, keys), questions.chance, questions.groups)


@dataclass(frozen=True)
class WordKeys:
    """How often a choice with the word is the key, in questions where not every choice has it."""

    word: str
    questions: int
    right: float
    chance: float
    z: float


def word_keys(questions: Questions, seen: int) -> list[WordKeys]:
    """Compared within questions: where m of K choices have the word, one of them is the key with chance m / K. The sum
    over questions is held against that, normal approximation."""
    having: dict[str, list[int]] = defaultdict(list)
    for i, text in enumerate(questions.flat_choices):
        for word in set(per.words(text)):
            having[word].append(i)
    rows = []
    for word, places in having.items():
        if len(places) < seen:
            continue
        at = np.array(places)
        asked, inverse, m = np.unique(questions.owner[at], return_inverse=True, return_counts=True)
        share = m / questions.sizes[asked]
        split = share < 1.0
        if split.sum() < seen:
            continue
        right = np.bincount(inverse, weights=questions.is_key[at])[split]
        spread = float(np.sqrt((share * (1 - share))[split].sum()))
        z = float((right.sum() - share[split].sum()) / spread)
        rows.append(WordKeys(word, int(split.sum()), float(right.mean()), float(share[split].mean()), z))
    return rows


def telling_words(questions: Questions) -> list[dict[str, Any]]:
    """Words whose presence in some choices of a question, and not in others, says which is right; adjusted over all
    words (Benjamini–Hochberg)."""
    rows = word_keys(questions, MIN_SEEN)
    if not rows:
        return []
    from scipy.stats import norm

    p = benjamini_hochberg(2 * norm.sf(np.abs([row.z for row in rows])))
    kept = [row for row, adjusted in zip(rows, p, strict=True) if adjusted < SIGNIFICANT]
    kept.sort(key=lambda row: -abs(row.z))
    return [
        {
            "word": row.word,
            "questions": row.questions,
            "right": round(row.right, 4),
            "chance": round(row.chance, 4),
            "z": round(row.z, 2),
        }
        for row in kept[:TELLING_WORDS]
    ]


def _why(words: list[dict[str, Any]], found: Estimate) -> list[str]:
    if found.ci95[0] <= found.chance:
        return []
    lines = [
        f'a choice with "{w["word"]}" is right {100 * w["right"]:.0f}% of the time '
        f"(chance {100 * w['chance']:.0f}%, {w['questions']:,} questions)"
        for w in words[:6]
    ]
    return lines or ["no single word gives the keys away; their wording and length together do"]


def _too_few(questions: Questions) -> Result:
    n = len(questions)
    nobody = np.zeros(n, bool)
    return Result(
        probe="shortcut",
        solver="a text model",
        ids=questions.ids,
        verdicts=weak_where(nobody, known=nobody),
        scores=np.full(n, np.nan),
        estimate=None,
        reasons=["too-few-groups"] * n,
        details={"variants": {}, "control": None, "failures": {"too-few-groups": n}},
        not_checked=["shortcut: fewer than two groups, nothing to hold out"],
    )
