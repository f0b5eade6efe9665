"""Kinds of question by k-means, and whether another seed would have found the same ones.

One start of k-means on text ends in one of thousands of near-optimal partitions, so what a run finds is mostly its
seed. Three things make it settle: few dimensions (embed.py), many starts, and starts that learn from each other. The
centres of STARTS runs, of one start each, are clustered themselves, and their centres begin the run that counts (P.
Bradley and U. Fayyad, Refining initial points for k-means clustering, ICML 1998; here from whole runs and not from
subsamples). On NExT-QA, 30 clusters in 16 dimensions, that raises the adjusted Rand index between seeds from 0.89, the
best of 100 plain starts, to 0.96 in the same time (benchmarks/template_mining.py).

`choose` picks k among GRID. Silhouette alone always wants the largest k, down to clusters of copies; stability alone
wants the smallest. So: of those k whose clusters another seed finds again about as well as at the best k (mean adjusted
Rand index within SLACK of it), the one with the highest silhouette.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from flyreel.errors import InputError

GRID = (10, 15, 20, 25, 30, 40, 50)
EACH = 5
"""Questions a cluster, on average, below which a k is not tried."""
SEEDS = 5
STARTS = 60
SLACK = 0.05
SAMPLE = 8_000
"""Vectors that k is chosen on, and that starts are made from; the last run has them all."""
SEEN = 2_000
"""Vectors whose silhouette is taken."""


@dataclass(frozen=True)
class Score:
    """`ari` and `lowest`: mean and least adjusted Rand index over all pairs of seeds."""

    k: int
    silhouette: float
    ari: float
    lowest: float


@dataclass(frozen=True)
class Clusters:
    """`labels` number the clusters by size, the largest first; they are those of the seed with the least inertia."""

    labels: np.ndarray
    score: Score

    @property
    def k(self) -> int:
        return int(self.labels.max()) + 1

    def members(self) -> list[np.ndarray]:
        return [np.flatnonzero(self.labels == j) for j in range(self.k)]


def cluster(points: np.ndarray, k: int, seed: int = 0) -> Clusters:
    """SEEDS runs from seeds of their own, the best of them kept, all of them compared."""
    if not 1 <= k <= len(points):
        raise InputError(f"--k {k}: there are {len(points):,} different questions; name a k from 1 to {len(points):,}")
    with _one_thread():
        runs = [_run(points, k, np.random.SeedSequence([seed, i])) for i in range(SEEDS)]
        labels = _by_size(min(runs, key=lambda run: run[1])[0])
        mean, lowest = stability([run[0] for run in runs])
        return Clusters(labels, Score(k, _silhouette(points, labels, seed), mean, lowest))


def choose(
    points: np.ndarray, seed: int = 0, grid: Sequence[int] = GRID, say: Callable[[str], None] = lambda line: None
) -> tuple[Clusters, list[Score]]:
    """The clusters at the k that is chosen, and the scores of every k that was tried."""
    tried = [k for k in grid if k * EACH <= len(points)]
    if not tried:
        raise InputError(f"{len(points):,} different questions are too few to choose a k from; name one with --k")
    sample = points if len(points) <= SAMPLE else points[_drawn(len(points), SAMPLE, seed)]
    found = {}
    for k in tried:
        found[k] = cluster(sample, k, seed)
        s = found[k].score
        say(f"  k {k:<4} silhouette {s.silhouette:.3f}, adjusted Rand index over seeds {s.ari:.3f} (≥ {s.lowest:.3f})")
    scores = [c.score for c in found.values()]
    k = best(scores).k
    return (found[k] if sample is points else cluster(points, k, seed)), scores


def best(scores: Sequence[Score]) -> Score:
    stable = [s for s in scores if s.ari >= max(s.ari for s in scores) - SLACK]
    return max(stable, key=lambda s: (s.silhouette, -s.k))


def stability(labels: Sequence[np.ndarray]) -> tuple[float, float]:
    """Mean and least adjusted Rand index over all pairs: 1 the same partition, 0 as alike as two drawn by lot."""
    from sklearn.metrics import adjusted_rand_score

    pairs = [float(adjusted_rand_score(a, b)) for a, b in combinations(labels, 2)]
    return float(np.mean(pairs)), min(pairs)


def _run(points: np.ndarray, k: int, seed: np.random.SeedSequence) -> tuple[np.ndarray, float]:
    from sklearn.cluster import KMeans

    state = [int(s) for s in seed.generate_state(STARTS + 2)]
    sample = points if len(points) <= SAMPLE else points[_drawn(len(points), SAMPLE, state[0])]
    # Another seed also means another order of the points: with ties and few points it decides as much as the starts.
    sample = sample[np.random.default_rng(state[0]).permutation(len(sample))]
    with _quiet():
        centres = [KMeans(k, n_init=1, random_state=s).fit(sample).cluster_centers_ for s in state[2:]]
        pooled = KMeans(k, n_init=20, random_state=state[1]).fit(np.concatenate(centres))
        last = KMeans(k, init=pooled.cluster_centers_, n_init=1).fit(points)
    return last.labels_, float(last.inertia_)


def _by_size(labels: np.ndarray) -> np.ndarray:
    """Cluster 0 is the largest; of two as large the one whose first member comes first."""
    names, first, sizes = np.unique(labels, return_index=True, return_counts=True)
    order = np.lexsort((first, -sizes))
    place = np.empty(int(names.max()) + 1, dtype=np.int64)
    place[names[order]] = np.arange(len(names))
    return place[labels]


def _silhouette(points: np.ndarray, labels: np.ndarray, seed: int) -> float:
    from sklearn.metrics import silhouette_score

    seen = _drawn(len(points), SEEN, seed)
    if not 2 <= len(set(labels[seen])) < len(seen):
        return 0.0
    return float(silhouette_score(points[seen], labels[seen]))


def _drawn(count: int, most: int, seed: int) -> np.ndarray:
    return np.sort(np.random.default_rng(seed).choice(count, min(count, most), replace=False))


@contextmanager
def _one_thread() -> Iterator[None]:
    """Sums over threads come in any order, and the last bit of a sum is enough to end in other clusters."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        yield


@contextmanager
def _quiet() -> Iterator[None]:
    """Fewer different points than clusters is said by scikit-learn for every start; the clusters show it."""
    import warnings

    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield
