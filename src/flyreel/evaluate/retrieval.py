"""R@k and the median rank of a text-to-clip (or clip-to-text) search, with ties shared.

Among equal scores the right one may stand anywhere. Counting it first makes a model that says the same of everything
perfect, counting it last makes it hopeless; it is at its place in expectation, and takes its share of every R@k.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Retrieval:
    """`at` is R@k by k; `chance` the same for a search that knows nothing."""

    n: int
    candidates: int
    at: dict[int, float]
    median_rank: float
    chance: dict[int, float]
    chance_median: float


def score(similarity: np.ndarray, right: Sequence[int] | np.ndarray, ks: Sequence[int] = (1, 5, 10)) -> Retrieval:
    """`similarity` is (queries, candidates); `right[i]` the candidate that query i should find."""
    right = np.asarray(right)
    n, candidates = similarity.shape
    own = similarity[np.arange(n), right][:, None]
    better = np.where(np.isnan(own), candidates - 1, (similarity > own).sum(axis=1, keepdims=True))[:, 0]
    equal = np.where(np.isnan(own[:, 0]), 0, (similarity == own).sum(axis=1) - 1)
    at = {k: float(np.clip((k - better) / (equal + 1), 0.0, 1.0).mean()) for k in ks}
    ranks = better + equal / 2 + 1
    chance = {k: min(1.0, k / candidates) for k in ks}
    return Retrieval(n, candidates, at, float(np.median(ranks)), chance, (candidates + 1) / 2)
