"""What every selector is given, and the one promise that is kept for all of them.

A selector says which frames it would take, best first. Whatever it says, `select` returns exactly min(k, n) distinct
frames in time order: a repeated or missing frame is made up for by the frame farthest in time from those chosen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from flyreel.registry import Registry


@dataclass(frozen=True)
class Candidates:
    """The frames to choose from, in time order, as parallel arrays.

    `scores` is how well each frame fits the query (the cosine, for embedders here); `vectors` are of unit length.
    Scores may be NaN where a frame could not be scored: such a frame is worth the lowest score there is.
    """

    times: np.ndarray
    vectors: np.ndarray
    scores: np.ndarray
    shots: np.ndarray

    def __len__(self) -> int:
        return len(self.times)

    @property
    def duration(self) -> float:
        return float(self.times[-1] - self.times[0]) if len(self) else 0.0


LARGEST = 1e100

Selector = Callable[[Candidates, int], np.ndarray]
"""From the candidates and k to frame positions, best first. 1 <= k < n, and the scores are finite."""

selectors: Registry[Selector] = Registry("keyframe selector", "flyreel.video.keyframes")


def select(name: str, candidates: Candidates, k: int) -> np.ndarray:
    """Positions of exactly min(k, n) distinct frames, in time order."""
    n = len(candidates)
    if k >= n:
        return np.arange(n)
    if k <= 0:
        return np.arange(0)
    wanted = selectors.get(name).make(_finite(candidates), k)
    chosen = list(dict.fromkeys(int(i) for i in wanted))[:k]
    return np.sort(fill(candidates.times, chosen, k))


def fill(times: np.ndarray, chosen: list[int], k: int) -> np.ndarray:
    """Up to k by the frame farthest in time from all that are chosen; the middle one where there are none."""
    chosen = chosen or [len(times) // 2]
    far = np.full(len(times), np.inf)
    for i in chosen:
        far = np.minimum(far, np.abs(times - times[i]))
    taken = np.zeros(len(times), dtype=bool)
    taken[chosen] = True
    while taken.sum() < k:
        i = int(np.argmax(np.where(taken, -1.0, far)))  # equal times are at distance 0, still above -1
        taken[i] = True
        far = np.minimum(far, np.abs(times - times[i]))
    return np.flatnonzero(taken)


def _finite(candidates: Candidates) -> Candidates:
    """NaN and both infinities are "could not be scored"; what is left is kept to where squares do not overflow."""
    scores = np.asarray(candidates.scores, dtype=np.float64)
    good = np.isfinite(scores)
    low = float(scores[good].min()) if good.any() else 0.0
    scores = np.clip(scores, -LARGEST, LARGEST)
    vectors = np.nan_to_num(np.asarray(candidates.vectors, dtype=np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    return Candidates(candidates.times, vectors, np.where(good, scores, max(low, -LARGEST)), candidates.shots)
