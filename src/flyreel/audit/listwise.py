"""A softmax over each question's own choices, linear in the features, fitted by L-BFGS.

Why not one binary classifier per choice: exactly one choice is right, and the loss should know it. Choice counts may
differ from question to question.

    loss(w) = -Σ_q log softmax(X_q w)[key_q] + ½ λ_s |w_sparse|² + ½ λ_d |w_dense|²

Columns seen in fewer than two training choices are off; a column's weight is sqrt(log(1 + n / df)), with df counted
on training rows; dense columns are scaled by their spread on training rows. λ_s is chosen on a grouped part of the
training folds, by log loss.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from flyreel.audit.features import Features
from flyreel.questions import Questions

LAMBDAS = (300.0, 100.0, 30.0, 10.0, 3.0, 1.0)
LAMBDA_DENSE = 10.0
ITERATIONS = 60
TUNING_QUESTIONS = 6_000
"""λ is chosen on at most this many training questions: it does not get better with more, and the time does grow."""


@dataclass(frozen=True)
class Choosing:
    """Who belongs to whom: enough of the questions for a softmax."""

    owner: np.ndarray
    starts: np.ndarray
    sizes: np.ndarray

    @classmethod
    def of(cls, sizes: np.ndarray) -> Choosing:
        return cls(np.repeat(np.arange(len(sizes)), sizes), np.cumsum(sizes) - sizes, sizes)

    def log_softmax(self, scores: np.ndarray) -> np.ndarray:
        scores = scores - np.maximum.reduceat(scores, self.starts)[self.owner]
        return scores - np.log(np.add.reduceat(np.exp(scores), self.starts))[self.owner]


@dataclass(frozen=True)
class Fit:
    sparse: np.ndarray
    dense: np.ndarray
    penalty: float

    def scores(self, features: Features) -> np.ndarray:
        found = features.dense @ self.dense.astype(np.float32)
        return (found + features.sparse @ self.sparse.astype(np.float32)).astype(float)


def fit(
    features: Features,
    choosing: Choosing,
    is_key: np.ndarray,
    train: np.ndarray,
    penalty: float,
    start: Fit | None = None,
) -> Fit:
    """`train` marks questions. Rows outside it get no weight: they are scored along and never looked at."""
    rows = train[choosing.owner]
    n_rows, n_dense = int(rows.sum()), features.dense.shape[1]
    weight = rows.astype(np.float32)
    key = (is_key & rows).astype(float)
    df = np.bincount(features.sparse.indices, weights=np.repeat(weight, np.diff(features.sparse.indptr)),
                     minlength=features.sparse.shape[1])  # fmt: skip
    idf = np.where(df >= 2, np.sqrt(np.log1p(n_rows / np.maximum(df, 1.0))), 0.0)
    spread = features.dense[rows].std(axis=0)
    dense_scale = np.where(spread > 1e-6, 1.0 / np.maximum(spread, 1e-6), 0.0)
    # Diagonal preconditioning: in these coordinates every direction curves about as much as any other.
    spare = 1.0 / choosing.sizes[choosing.owner]
    squares = (weight * spare * (1 - spare)) @ features.sparse.power(2) * idf**2
    step = 1.0 / np.sqrt(squares + penalty)
    scale = np.concatenate([dense_scale / np.sqrt(n_rows * 0.16 + LAMBDA_DENSE), idf * step])
    ridge = np.concatenate([np.full(n_dense, LAMBDA_DENSE / (n_rows * 0.16 + LAMBDA_DENSE)), penalty * step**2])
    transposed = features.sparse.T
    both = scale.astype(np.float32)

    def loss(v: np.ndarray) -> tuple[float, np.ndarray]:
        w = v.astype(np.float32) * both
        logp = choosing.log_softmax((features.dense @ w[:n_dense] + features.sparse @ w[n_dense:]).astype(float))
        residual = ((np.exp(logp) - key) * weight).astype(np.float32)
        gradient = np.concatenate([features.dense.T @ residual, transposed @ residual]) * both
        pull = ridge * v
        return float(-(logp * key).sum() + 0.5 * (pull @ v)), gradient.astype(float) + pull

    at = np.zeros(len(scale))
    if start is not None:
        given = np.concatenate([start.dense, start.sparse])
        at = np.divide(given, scale, out=at, where=scale > 0)
    options = {"maxiter": ITERATIONS, "maxcor": 10, "ftol": 1e-6, "gtol": 1e-4}
    w = minimize(loss, at, jac=True, method="L-BFGS-B", options=options).x * scale
    return Fit(sparse=w[n_dense:], dense=w[:n_dense], penalty=penalty)


def tune(
    features: Features, sizes: np.ndarray, is_key: np.ndarray, train: np.ndarray, groups: np.ndarray, seed: int
) -> float:
    """The λ with the least log loss on a fifth of the training groups, after learning from the others."""
    usable = np.flatnonzero(train)
    if len(usable) > TUNING_QUESTIONS:
        turn = np.random.default_rng(seed).permutation(int(groups.max()) + 1)  # whole groups, in random order
        usable = np.sort(usable[np.argsort(turn[groups[usable]], kind="stable")[:TUNING_QUESTIONS]])
    rows = np.isin(np.repeat(np.arange(len(sizes)), sizes), usable)
    features, choosing, is_key = features.take(rows), Choosing.of(sizes[usable]), is_key[rows]
    held = folds(groups[usable], 5, seed) == 0
    best, least, last = LAMBDAS[0], np.inf, None
    if held.all():
        return best  # one group: nothing to learn from beside what is held out
    for penalty in LAMBDAS:
        last = fit(features, choosing, is_key, ~held, penalty, last)
        missed = -choosing.log_softmax(last.scores(features))[is_key & held[choosing.owner]].mean()
        if missed >= least:
            break  # from strong to weak: once it gets worse it goes on getting worse
        best, least = penalty, missed
    return best


def folds(groups: np.ndarray, k: int, seed: int) -> np.ndarray:
    """A fold for each question, no group in two of them, sizes as even as groups allow: next group, emptiest fold."""
    _, group, counts = np.unique(groups, return_inverse=True, return_counts=True)
    load = np.zeros(k)
    fold_of = np.empty(len(counts), dtype=np.int64)
    for g in np.random.default_rng(seed).permutation(len(counts)):
        fold_of[g] = int(load.argmin())
        load[fold_of[g]] += counts[g]
    return fold_of[group]


def cross_fit(
    features: Features, questions: Questions, is_key: np.ndarray, fold: np.ndarray, groups: np.ndarray, seed: int
) -> np.ndarray:
    """Probability of every flat choice, from a model that never saw its question's fold."""
    choosing = Choosing.of(questions.sizes)
    out = np.zeros(len(is_key))
    for f in np.unique(fold):
        train = fold != f
        penalty = tune(features, questions.sizes, is_key, train, groups, seed + int(f))
        logp = choosing.log_softmax(fit(features, choosing, is_key, train, penalty).scores(features))
        held = ~train[choosing.owner]
        out[held] = np.exp(logp[held])
    return out
