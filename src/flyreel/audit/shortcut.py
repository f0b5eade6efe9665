"""Train on the test set: what can be learned about the keys from text alone, without one look at a video.

The text of every fold is answered by a model fitted on the other folds (grouped, so that no film is on both sides).
Beside it in every report: the same from the choices alone, the same with folds that ignore groups, and the same with
shuffled keys, which must sit at chance or nothing else here is to be believed.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from flyreel.audit import choices as per
from flyreel.audit.fitted import control, folds_of, hits_of, result, too_few
from flyreel.audit.probe import Result, Setting, probe
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

    grouped = folds_of(questions, setting)
    if grouped is None:
        return too_few(questions, "shortcut", "a text model", {"variants": {}})
    k = int(grouped.max()) + 1
    singles = np.arange(len(questions))
    keys = questions.is_key
    # Threads cost more than they give on matrices this thin, and fight with whatever else the machine is doing.
    with threadpool_limits(1):
        both = features.encode(questions)
        given = listwise.cross_fit(both, questions, keys, grouped, questions.groups, setting.seed)
        of_keys = partial(listwise.cross_fit, both, questions, fold=grouped, groups=questions.groups, seed=setting.seed)
        shuffled = control(questions, setting.seed, CONTROL_QUESTIONS, of_keys)
        loose = listwise.folds(singles, k, setting.seed)
        random = listwise.cross_fit(both, questions, keys, loose, singles, setting.seed)
        del both, of_keys
        alone = features.encode(questions, with_question=False)
        choices_only = listwise.cross_fit(alone, questions, keys, grouped, questions.groups, setting.seed)

    variants = {
        "choices only": _accuracy(questions, choices_only, keys),
        "folds without groups": _accuracy(questions, random, keys),
    }
    words = telling_words(questions)
    details = {
        "variants": {name: v.json() for name, v in variants.items()},
        "control": shuffled,
        "telling_words": words,
        "folds": k,
    }
    solver = f"a text model trained on the other {k - 1} folds"
    found = result(questions, given, probe="shortcut", solver=solver, who="the text model gives", details=details)
    return replace(found, why=_why(words, found.estimate))


def probabilities(questions: Questions, setting: Setting) -> np.ndarray | None:
    """What the text model gives each flat choice, by folds that respect groups; None for fewer than two groups. This is
    the probe without its variants and its control."""
    from threadpoolctl import threadpool_limits

    from flyreel.audit import features, listwise

    fold = folds_of(questions, setting)
    if fold is None:
        return None
    with threadpool_limits(1):
        encoded = features.encode(questions)
        return listwise.cross_fit(encoded, questions, questions.is_key, fold, questions.groups, setting.seed)


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


def _why(words: list[dict[str, Any]], found: Estimate | None) -> list[str]:
    if found is None or found.ci95[0] <= found.chance:
        return []
    lines = [
        f'a choice with "{w["word"]}" is right {100 * w["right"]:.0f}% of the time '
        f"(chance {100 * w['chance']:.0f}%, {w['questions']:,} questions)"
        for w in words[:6]
    ]
    return lines or ["no single word gives the keys away; their wording and length together do"]
