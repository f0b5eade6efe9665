"""Inverse transform sampling."""

from __future__ import annotations

import numpy as np

from flyreel.video.keyframes.base import Candidates, selectors
from flyreel.video.keyframes.scale import best_first, unit_range


@selectors.add("bolt")
def bolt(candidates: Candidates, k: int, power: float = 2.5) -> np.ndarray:
    """As dense as the scores are high: evenly through the sum of the sharpened scores (Liu et al., BOLT, 2025).

    Mended: the levels are (i + ½)/k; published, they run from 1/k to 1 − 1/k, so that k = 2 takes one frame twice and
    k = 1 always takes the last one. A frame met twice is taken once and made up for by the best one left. Constant
    scores weigh the same, not 0/0.
    """
    scores = unit_range(candidates.scores)
    weights = scores**power if scores.any() else np.ones(len(scores))
    share = np.cumsum(weights) / weights.sum()
    met = np.searchsorted(share, (np.arange(k) + 0.5) / k).clip(max=len(scores) - 1)
    taken = best_first(np.unique(met), scores)
    rest = best_first(np.setdiff1d(np.arange(len(scores)), taken), scores)
    return np.concatenate([taken, rest])[:k]
