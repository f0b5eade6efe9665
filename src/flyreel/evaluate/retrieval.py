"""R@k and the median rank of a text-to-clip (or clip-to-text) search, with ties shared.

Among equal scores the right one may stand anywhere. Counting it first makes a model that says the same of everything
perfect, counting it last makes it hopeless. So ties stand in random order, and what is given is exact over all orders:
of R@k the expectation, of the ranks the median of all queries' ranks in all orders, pooled. A search that says the same
of everything is then worth chance in both. Where several are right, as a clip's captions are, the first of them is what
was looked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

KS = (1, 5, 10)


@dataclass(frozen=True)
class Retrieval:
    """`at` is R@k by k; `chance` and `chance_median` are what a search gets that knows nothing, whose order is random.
    `hits` and `chances` are by query."""

    n: int
    candidates: int
    at: dict[int, float]
    median_rank: float
    chance: dict[int, float]
    chance_median: float
    hits: dict[int, np.ndarray] = field(default_factory=dict, repr=False, compare=False)
    chances: dict[int, np.ndarray] = field(default_factory=dict, repr=False, compare=False)


def score(similarity: np.ndarray, right: Sequence[int] | np.ndarray, ks: Sequence[int] = KS) -> Retrieval:
    """`similarity` is (queries, candidates); `right[i]` the candidate that query i should find, or a mask of them."""
    n, m = similarity.shape
    wanted = _mask(np.asarray(right), n, m)
    many = wanted.sum(axis=1)
    assert many.all(), "a query that nothing is right for"
    values = np.where(np.isnan(similarity), -np.inf, similarity)  # what could not be scored comes last
    best = np.where(wanted, values, -np.inf).max(axis=1)[:, None]
    better = (values > best).sum(axis=1)
    equal = values == best
    tied, tied_right = equal.sum(axis=1), (equal & wanted).sum(axis=1)
    hits = {k: _first_among(np.clip(k - better, 0, tied), tied, tied_right) for k in ks}
    chances = {k: _first_among(np.full(n, min(k, m)), np.full(n, m), many) for k in ks}
    return Retrieval(
        n, m, {k: float(h.mean()) for k, h in hits.items()}, _median_rank(better, tied, tied_right),
        {k: float(c.mean()) for k, c in chances.items()}, _median_rank(np.zeros(n), np.full(n, m), many), hits, chances,
    )  # fmt: skip


def _mask(right: np.ndarray, n: int, m: int) -> np.ndarray:
    if right.dtype == bool:
        return right
    mask = np.zeros((n, m), dtype=bool)
    mask[np.arange(n), right] = True
    return mask


def _first_among(places: np.ndarray, tied: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Chance that one of `right` among `tied` in random order is within the first `places`: hypergeometric."""
    from scipy.stats import hypergeom

    return 1.0 - hypergeom.pmf(0, tied, right, places)


def _median_rank(better: np.ndarray, tied: np.ndarray, right: np.ndarray) -> float:
    """Of the pooled ranks: each query's is that of the first of `right` among `tied` in random order, after `better`.

    As of any list of numbers, the middle between the lower median and the upper one, which differ where exactly half of
    the mass is below.
    """

    def below(rank: int) -> float:
        return float(_first_among(np.clip(rank - better, 0, tied), tied, right).mean())

    def first(reaches: float) -> int:
        low, high = 1, int((better + tied).max())
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if below(middle) >= reaches else (middle + 1, high)
        return low

    slack = 1e-9  # of floating point; less than one query of a million weighs
    return (first(0.5 - slack) + first(0.5 + slack)) / 2
