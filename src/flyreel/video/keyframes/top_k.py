"""What plain retrieval does."""

from __future__ import annotations

import numpy as np

from flyreel.video.keyframes.base import Candidates, selectors
from flyreel.video.keyframes.scale import best_first


@selectors.add("top-k")
def top_k(candidates: Candidates, k: int) -> np.ndarray:
    """The k frames that fit the query best, however alike they are; the earlier one where two fit equally well."""
    return best_first(np.arange(len(candidates)), candidates.scores)[:k]
