"""The most probable set of a determinantal point process, greedily: frames whose kernel has a large determinant.

Chen, Zhang and Zhou, "Fast Greedy MAP Inference for Determinantal Point Process to Improve Recommendation Diversity",
2018: one row of a Cholesky factor per frame taken, O(k n) each, O(k² n) in all.

    e_i = (L_ji − ⟨c_j, c_i⟩) / d_j        d_i² ← d_i² − e_i²        log det L_S = Σ ln d_j²
"""

from __future__ import annotations

import numpy as np

SPANNED = 1e-10
"""A frame is spent when those taken explain all of it but this share: a copy would make the determinant zero."""


def greedy_map(kernel: np.ndarray, k: int) -> list[int]:
    """Up to k positions, best first; fewer where the rest are copies of what was taken."""
    return greedy(kernel, k)[0]


def greedy(
    kernel: np.ndarray,
    k: int,
    worth: np.ndarray | None = None,
    given: int = 0,
    shots: np.ndarray | None = None,
) -> tuple[list[int], list[float]]:
    """Positions, and what each added to log det L_S + Σ worth.

    The first `given` frames of the kernel count as taken already and are not returned. With `shots`, the last picks go
    to shots that have no frame yet, where k is enough for all of them. The paper stops at d² < 1e-10;
    here that is a share of the frame's own L_ii, so that a kernel in other units gives the same frames.
    """
    n = len(kernel)
    worth = np.zeros(n) if worth is None else worth
    own = np.array(kernel.diagonal(), dtype=np.float64)
    left = own.copy()
    rows = np.empty((min(given + k, n), n))
    order: list[int] = []
    gains: list[float] = []
    used = 0
    shot = np.zeros(n, dtype=np.int64) if shots is None else shots
    bare = set() if shots is None or len(np.unique(shot)) > k else set(shot.tolist())
    for step in range(len(rows)):
        free = left > SPANNED * own
        if step < given:
            j = step
            if not free[j]:
                continue
        else:
            value = np.where(free, np.log(np.where(free, left, 1.0)) + worth, -np.inf)
            value[:given] = -np.inf
            if bare and k - len(order) <= len(bare):
                value[~np.isin(shot, list(bare))] = -np.inf
            j = int(np.argmax(value))
            if value[j] == -np.inf:
                break
            order.append(j)
            gains.append(float(value[j]))
            bare.discard(int(shot[j]))
        rows[used] = (kernel[j] - rows[:used, j] @ rows[:used]) / np.sqrt(left[j])
        left -= rows[used] ** 2
        left[j] = 0.0
        used += 1
    return order, gains
