"""Adaptive keyframe sampling."""

from __future__ import annotations

import numpy as np

from flyreel.video.keyframes.base import Candidates, selectors
from flyreel.video.keyframes.scale import best_first, unit_range


@selectors.add("aks")
def aks(candidates: Candidates, k: int, depth: int = 5, gap: float = 0.8) -> np.ndarray:
    """Best frames of a stretch where they stand out, else of each of its halves (Tang et al., AKS, 2025).

    A stretch with m frames to give is kept whole where the mean of its best m scores exceeds the mean of all by more
    than `gap`. Mended: published, every leaf at depth d gives int(k / 2^d) frames, which is none at all where
    k < 2^d, and drops remainders; here a stretch with one frame to give is not halved (so depth never passes log2 k)
    and the odd frame goes to the half with the better frame. Constant scores are 0, not 0/0; equal ones go to the
    middle of the stretch, not to its start.
    """
    scores = unit_range(candidates.scores)
    return best_first(_share(scores, np.arange(len(scores)), k, depth, gap), scores)


def _share(scores: np.ndarray, stretch: np.ndarray, m: int, depth: int, gap: float) -> list[int]:
    off_centre = np.abs(stretch - stretch.mean())
    best = stretch[np.lexsort((off_centre, -scores[stretch]))][:m]
    if m <= 1 or m == len(stretch) or depth == 0 or scores[best].mean() - scores[stretch].mean() > gap:
        return [int(i) for i in best]
    left, right = np.array_split(stretch, 2)
    first = m // 2
    if scores[left].max() >= scores[right].max():
        first = m - first
    first = min(max(first, m - len(right)), len(left))
    return _share(scores, left, first, depth - 1, gap) + _share(scores, right, m - first, depth - 1, gap)
