"""Maximal marginal relevance."""

from __future__ import annotations

import numpy as np

from flyreel.video.keyframes.base import Candidates, selectors
from flyreel.video.keyframes.scale import unit_range


@selectors.add("mmr")
def mmr(candidates: Candidates, k: int, balance: float = 0.5) -> np.ndarray:
    """One frame at a time: relevant to the query, and unlike those already taken (Carbonell and Goldstein, 1998).

    Each step takes the largest balance · relevance − (1 − balance) · (highest cosine to a frame taken). Mended:
    relevance is min-max within the clip, since cosines between a text and a frame span far less than between frames.
    """
    relevance = balance * unit_range(candidates.scores)
    nearest = np.full(len(candidates), -np.inf)
    taken: list[int] = []
    while len(taken) < k:
        value = relevance - (1 - balance) * nearest if taken else relevance.copy()
        value[taken] = -np.inf
        taken.append(int(np.argmax(value)))
        nearest = np.maximum(nearest, candidates.vectors @ candidates.vectors[taken[-1]])
    return np.array(taken, dtype=np.int64)
