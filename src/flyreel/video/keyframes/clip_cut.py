"""CLIP-Cut: nearest frames, thinned by keeping one of every three."""

from __future__ import annotations

import numpy as np

from flyreel.video.keyframes.base import Candidates, selectors
from flyreel.video.keyframes.scale import best_first


@selectors.add("clip-cut")
def clip_cut(candidates: Candidates, k: int, group: int = 3) -> np.ndarray:
    """CLIP-Cut: of every three consecutive frames the one nearest to the query, and of those the k nearest.

    Published with a FAISS index of L2 distances. The vectors are of unit length, so ‖f − q‖² = 2 − 2·score: the
    nearest frame is the one with the highest score, and an exact search over scores finds what IndexFlatL2 finds.
    Mended: where k is more than there are groups, the nearest of the frames left over follow.
    """
    everything = best_first(np.arange(len(candidates)), candidates.scores)
    _, firsts = np.unique(everything // group, return_index=True)
    winners = everything[np.sort(firsts)]
    return np.concatenate([winners, everything[~np.isin(everything, winners)]])[:k]
