"""Train on the test set with another kind of solver: boosted trees, where `shortcut` is linear.

A set whose questions were filtered by `shortcut` has been made hard for `shortcut`; that it is hard must be shown by
something that took no part. Trees see no single word. They see numbers about a choice (its look, its likeness to the
question and to the other choices, its topics) and how often its words and its whole wording were right elsewhere, and
they combine them as a sum of weights cannot. Not part of an audit unless asked for: `--probe trees`.

How often a word was right is learnt from keys, so it is never told to the question that it was counted on: within the
training folds by a second division, again by group, and for the held-out fold from the training folds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse as sp

from flyreel.audit import choices as per
from flyreel.audit.fitted import control, folds_of, hits_of, result, too_few
from flyreel.audit.probe import Result, Setting, probe
from flyreel.audit.statistics import Estimate
from flyreel.questions import Questions

CONTROL_QUESTIONS = 1_000
"""Up to so many questions the control takes every turn of the shuffled keys; beyond, two are enough."""

TRAINING_QUESTIONS = 20_000
"""Trees are grown on at most so many questions a fold, whole groups; counts of words are taken over all of them."""

TOPICS = 30
TOPIC_TEXTS = 50_000
WIDEST = 50_000
INNER_FOLDS = 5
PRIOR = 1.0
TELLING = 3
LEAST_TELLING = 0.01

TREES: dict[str, Any] = {
    "max_iter": 100,
    "learning_rate": 0.1,
    "max_leaf_nodes": 12,
    "min_samples_leaf": 25,
    "l2_regularization": 5.0,
    "max_features": 0.5,
    "max_bins": 63,
    "early_stopping": False,  # it would hold out rows at random, and groups would stand on both sides
}


@dataclass(frozen=True)
class Columns:
    """A row per flat choice, nothing in it learnt from keys. `families` says in words which columns belong together."""

    values: np.ndarray
    families: dict[str, slice]
    words: sp.csr_matrix
    whole: np.ndarray


@probe("trees", reads=("question", "choices", "group"))
def trees(questions: Questions, setting: Setting) -> Result:
    """Boosted trees trained on the other folds: look, likeness, and how often the same words were right elsewhere."""
    # Before the limit below: it reaches only what is loaded when it is set.
    import sklearn.ensemble  # noqa: F401
    from threadpoolctl import threadpool_limits

    fold = folds_of(questions, setting)
    if fold is None:
        return too_few(questions, "trees", "boosted trees", {"telling": {}})
    with threadpool_limits(1):
        columns = describe(questions, setting.seed)
        lost: dict[str, float] = {}
        given = cross_fit(columns, questions, questions.is_key, fold, setting.seed, lost)
        shuffled = control(
            questions, setting.seed, CONTROL_QUESTIONS,
            lambda lots: cross_fit(columns, questions, lots, fold, setting.seed),
        )  # fmt: skip

    telling = {name: round(share, 4) for name, share in lost.items()}
    details = {"control": shuffled, "telling": telling, "folds": int(fold.max()) + 1}
    solver = f"boosted trees trained on the other {fold.max()} folds"
    found = result(questions, given, probe="trees", solver=solver, who="the trees give", details=details)
    return replace(found, why=_why(lost, found.estimate))


def probabilities(questions: Questions, setting: Setting) -> np.ndarray | None:
    """What the trees give each flat choice, by folds that respect groups; None for fewer than two groups. This is the
    probe without its control and without what told the keys."""
    import sklearn.ensemble  # noqa: F401
    from threadpoolctl import threadpool_limits

    fold = folds_of(questions, setting)
    if fold is None:
        return None
    with threadpool_limits(1):
        columns = describe(questions, setting.seed)
        return cross_fit(columns, questions, questions.is_key, fold, setting.seed)


def describe(questions: Questions, seed: int) -> Columns:
    """Also over texts that are held out: texts are what a solver is given, keys are what it must not be."""
    from flyreel.audit import features

    made = features.encode(questions)
    texts, own = _bag([*questions.flat_choices, *questions.texts]), len(questions.flat_choices)
    topics = _topics(texts, seed)
    of_choice, of_question = topics[:own], topics[own:][questions.owner]
    chosen, asked = texts[:own], texts[own:][questions.owner]
    alike = np.asarray(chosen.multiply(asked).sum(axis=1)).ravel()
    near = (of_choice * of_question).sum(axis=1)
    others = (_sum(questions, of_choice) - of_choice) / np.maximum(questions.sizes - 1, 1)[questions.owner, None]
    apart = (of_choice * others).sum(axis=1)
    repeated = per.repetitions(questions).values
    parts = {
        "look, place and overlap": made.dense,
        "likeness to the question": np.column_stack([alike, _rank(questions, alike), near, _rank(questions, near)]),
        "likeness to the other choices": np.column_stack([apart, _rank(questions, apart)]),
        "topics": _beside_mean(questions, of_choice),
        "topics met with topics of the question": _beside_mean(questions, of_choice * of_question),
        "repetition": np.column_stack([repeated, _rank(questions, repeated)]),
    }
    families, at = {}, 0
    for name, part in parts.items():
        families[name] = slice(at, at + part.shape[1])
        at += part.shape[1]
    words = chosen.astype(bool).astype(np.float32)
    folded = [" ".join(per.words(c)) for c in questions.flat_choices]
    whole = np.unique(folded, return_inverse=True)[1]
    return Columns(np.hstack(list(parts.values()), dtype=np.float32), families, words, whole)


def _bag(texts: list[str]) -> sp.csr_matrix:
    """Words and word pairs that stand in two texts or more, log counts by rarity, rows of unit length."""
    from flyreel.audit import features

    found = features.tokens(texts, {})
    v = len(found.vocabulary)
    inside = found.rows[1:] == found.rows[:-1]
    codes = np.concatenate([found.ids, (v + found.ids[:-1] * v + found.ids[1:])[inside]])
    rows = np.concatenate([found.rows, found.rows[1:][inside]])
    seen, column = np.unique(codes, return_inverse=True)
    bag = sp.csr_matrix((np.ones(len(rows), np.float32), (rows, column)), (len(texts), len(seen)))
    bag.sum_duplicates()
    df = np.bincount(bag.indices, minlength=len(seen))
    kept = np.sort(np.argsort(-df, kind="stable")[:WIDEST])
    kept = kept[df[kept] > 1]
    bag = bag[:, kept]
    bag.data = (1 + np.log(bag.data)) * (np.log((1 + len(texts)) / (1 + df[kept])) + 1)[bag.indices].astype(np.float32)
    lengths = np.sqrt(np.asarray(bag.multiply(bag).sum(axis=1)).ravel())
    bag.data /= np.repeat(lengths, np.diff(bag.indptr)).astype(np.float32)
    return bag


def _topics(bag: sp.csr_matrix, seed: int) -> np.ndarray:
    """Latent topics of every text, rows of unit length: few where the vocabulary is small, none where there is none."""
    from sklearn.utils.extmath import randomized_svd

    random = np.random.default_rng(seed)
    few = bag if bag.shape[0] <= TOPIC_TEXTS else bag[np.sort(random.choice(bag.shape[0], TOPIC_TEXTS, replace=False))]
    k = min(TOPICS, few.shape[0] - 1, few.shape[1] - 1)
    if k < 1:
        return np.zeros((bag.shape[0], 0), np.float32)
    _, _, directions = randomized_svd(few, k, n_iter=4, random_state=seed)
    found = bag @ directions.T.astype(np.float32)
    return found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9)


def _sum(questions: Questions, values: np.ndarray) -> np.ndarray:
    return np.add.reduceat(values, questions.offsets[:-1], axis=0)[questions.owner]


def _beside_mean(questions: Questions, values: np.ndarray) -> np.ndarray:
    """As they are, and less the mean of the question: a tree splits on one column and cannot subtract."""
    return np.hstack([values, values - _sum(questions, values) / questions.sizes[questions.owner, None]])


def _rank(questions: Questions, values: np.ndarray) -> np.ndarray:
    """Place among the choices of the question, from below; choices of equal value share theirs."""
    one = per.PerChoice(questions, values)
    ranks = [rank * one.rank_share(rank) for rank in range(int(questions.sizes.max()))]
    return np.sum(ranks, axis=0)


def told(columns: Columns, questions: Questions, keys: np.ndarray, train: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """How often the words of a choice, and its whole wording, were right in `train`; told to `rows`. Both mark choices.

    Right is held against what chance gives, 1 / K each time it stood in a choice: log (right + s) / (expected + s).
    """
    right = (keys & train).astype(np.float32)
    expected = np.where(train, 1.0 / questions.sizes[questions.owner], 0.0).astype(np.float32)

    def evidence(times_right: np.ndarray, times_expected: np.ndarray) -> np.ndarray:
        return np.log((times_right + PRIOR) / (times_expected + PRIOR))

    of_word = evidence(columns.words.T @ right, columns.words.T @ expected)
    asked = columns.words[rows]
    total = asked @ of_word
    n = int(columns.whole.max()) + 1
    of_whole = evidence(*(np.bincount(columns.whole, weights=w, minlength=n) for w in (right, expected)))
    return np.column_stack([total, total / np.maximum(np.diff(asked.indptr), 1), of_whole[columns.whole[rows]]])


def told_apart(columns: Columns, questions: Questions, keys: np.ndarray, train: np.ndarray, seed: int) -> np.ndarray:
    """`told` for every choice, from training questions of other groups than its own. `train` marks questions."""
    from flyreel.audit import listwise

    part = np.full(len(questions), -1)
    part[train] = listwise.folds(questions.groups[train], INNER_FOLDS, seed)
    out = np.zeros((len(keys), 3))
    for own in np.unique(part):
        rows = (part == own)[questions.owner]
        out[rows] = told(columns, questions, keys, (train & (part != own))[questions.owner], rows)
    return _beside_mean(questions, out)


def cross_fit(
    columns: Columns,
    questions: Questions,
    keys: np.ndarray,
    fold: np.ndarray,
    seed: int,
    lost: dict[str, float] | None = None,
) -> np.ndarray:
    """Probability of every flat choice, from trees that never saw its question's fold.

    `lost` is filled with what each family of columns is worth: the share of keys no longer found in held-out folds
    once its values are shuffled among the choices of each question.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    from flyreel.audit import listwise

    choosing = listwise.Choosing.of(questions.sizes)
    at = columns.values.shape[1]
    families = {name: np.arange(s.start, s.stop) for name, s in columns.families.items()}
    families |= {"words that were right elsewhere": at + np.array([0, 1, 3, 4])}
    families |= {"whole choices that were right elsewhere": at + np.array([2, 5])}
    # In a set where every word is right as often as chance says, to have been right elsewhere is to be wrong here: the
    # trees would learn the balance and call it a shortcut. So more evidence may never count against a choice.
    rising = np.concatenate([np.zeros(at, int), np.ones(6, int)])
    random = np.random.default_rng([seed, 2])
    order = np.lexsort((random.random(len(keys)), questions.owner))
    scores, without = np.zeros(len(keys)), {name: np.zeros(len(keys)) for name in families}
    for f in np.unique(fold):
        train = fold != f
        was = told_apart(columns, questions, keys, train, seed)
        rows, held = _some(questions, train, random)[questions.owner], ~train[questions.owner]
        grown = HistGradientBoostingClassifier(**TREES, monotonic_cst=rising, random_state=seed)
        grown.fit(np.hstack([columns.values[rows], was[rows]], dtype=np.float32), keys[rows])
        shown = np.hstack([columns.values[held], was[held]], dtype=np.float32)
        scores[held] = grown.decision_function(shown)
        if lost is None:
            continue
        swapped = np.searchsorted(np.flatnonzero(held), order[held])
        for name, members in families.items():
            blurred = shown.copy()
            blurred[:, members] = shown[swapped][:, members]
            without[name][held] = grown.decision_function(blurred)
    if lost is not None:
        best = hits_of(questions, scores, keys).mean()
        lost |= {name: float(best - hits_of(questions, worse, keys).mean()) for name, worse in without.items()}
    return np.exp(choosing.log_softmax(scores))


def _some(questions: Questions, train: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """As many training questions as trees are grown on, group by group in random order."""
    usable = np.flatnonzero(train)
    turn = random.permutation(questions.n_groups)
    kept = np.zeros(len(questions), bool)
    kept[usable[np.argsort(turn[questions.groups[usable]], kind="stable")[:TRAINING_QUESTIONS]]] = True
    return kept


def _why(lost: dict[str, float], found: Estimate | None) -> list[str]:
    if found is None or found.ci95[0] <= found.chance:
        return []
    first = sorted(lost, key=lambda name: (-lost[name], name))[:TELLING]
    return [
        f"{name}: {100 * lost[name]:.1f} points of the trees' accuracy go when this is shuffled among the choices"
        for name in first
        if lost[name] >= LEAST_TELLING
    ]
