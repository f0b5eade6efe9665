"""The baseline that every selector has to beat."""

from __future__ import annotations

import numpy as np

from flyreel.video.keyframes.base import Candidates, selectors


@selectors.add("uniform")
def uniform(candidates: Candidates, k: int) -> np.ndarray:
    """The middle frame of each of k equal parts of the clip; the query is not looked at."""
    return ((np.arange(k) + 0.5) * len(candidates) / k).astype(np.int64)
