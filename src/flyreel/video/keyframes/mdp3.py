"""A determinantal point process along the clip, a segment at a time."""

from __future__ import annotations

import numpy as np

from flyreel.video.keyframes.base import Candidates, selectors
from flyreel.video.keyframes.dpp import greedy
from flyreel.video.keyframes.scale import best_first

WIDTHS = 2.0 ** np.arange(-3, 2)


@selectors.add("mdp3")
def mdp3(candidates: Candidates, k: int, lam: float = 0.2, segment: int = 32) -> np.ndarray:
    """Relevant and unlike the frames of this segment and the one before (Sun et al., MDP3, 2025).

    Maximises (2/λ) Σ ln r_i + log det L_S with Gaussian kernels of five widths, for frames (L) and for frame and
    query (r). Segments are gone through in order; for each number of frames spent so far the best choice is kept, and
    each is continued by a greedy search given what it took in the segment before. So reproduced: kernel, objective,
    segments, budget shared out by dynamic programming. Not reproduced: lazy evaluation (the Cholesky update is as
    fast) and the authors' segment length and frame rate. Mended: a copy of a taken frame adds −∞ and is skipped.
    """
    far = 2 - 2 * np.clip(candidates.scores, -1.0, 1.0)
    worth = (2 / lam) * np.log(_gaussians(far))
    # By frames spent: value, what the last segment gave, everything taken.
    best: dict[int, tuple[float, list[int], list[int]]] = {0: (0.0, [], [])}
    for start in range(0, len(candidates), segment):
        here = list(range(start, min(start + segment, len(candidates))))
        after: dict[int, tuple[float, list[int], list[int]]] = {}
        for spent, (value, last, taken) in best.items():
            both = np.array(last + here)
            kernel = _kernel(candidates.vectors[both])
            order, gains = greedy(kernel, min(k - spent, len(here)), worth[both], given=len(last))
            picks = [int(both[j]) for j in order]
            for m in range(len(picks) + 1):
                total = value + sum(gains[:m])
                if spent + m not in after or total > after[spent + m][0]:
                    after[spent + m] = (total, picks[:m], taken + picks[:m])
        best = after
    return best_first(best[max(best)][2], candidates.scores)


def _kernel(vectors: np.ndarray) -> np.ndarray:
    lengths = (vectors**2).sum(1)
    return _gaussians(np.maximum(lengths[:, None] + lengths - 2 * vectors @ vectors.T, 0.0))


def _gaussians(squared: np.ndarray) -> np.ndarray:
    """Their mean, where the paper has their sum: for a given k the two differ by a constant."""
    return np.exp(-squared[..., None] / (2 * WIDTHS)).mean(-1)
