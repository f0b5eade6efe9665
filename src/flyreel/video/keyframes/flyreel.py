"""The default: a determinantal process over relevance, difference and distance in time, with a floor for shots.

    L_ij = q_i q_j S_ij exp(−Δt² / 2τ²),   q = exp(β z / 2),   S = exp(−σ (1 − cos))

z is how far a frame's score stands above the clip's own, in standard deviations. τ is a share of the time that each of
k frames would have to itself. Of frames that look the same only the best is left in; every shot has a frame while k
allows; and where scores carry no signal β is 0, so that noise chooses nothing. β is small on purpose: scores are often
wrong, and what then finds the evidence is that the frames are spread (docs/experiments.md has the grid).
"""

from __future__ import annotations

import numpy as np

from flyreel.video.keyframes.base import Candidates, selectors
from flyreel.video.keyframes.dpp import greedy

SPREAD = 1e-4
"""Standard deviation of scores below which they say nothing: cosines of one picture differ by that much by rounding."""


@selectors.add("flyreel")
def flyreel(
    candidates: Candidates,
    k: int,
    *,
    strength: float = 0.5,
    unlike: float = 0.5,
    reach: float = 0.7,
    copies: float = 0.9995,
) -> np.ndarray:
    """Relevance, difference and time together; a frame for every shot while k allows."""
    times = np.asarray(candidates.times, dtype=np.float64)
    z = standing(candidates.scores)
    kept = distinct(candidates.vectors, z, copies)
    if len(kept) <= k:
        return kept
    vectors, at = candidates.vectors[kept], times[kept]
    alike = np.exp(-unlike * (1.0 - np.clip(vectors @ vectors.T, -1.0, 1.0)))
    tau = max(reach * candidates.duration / k, 1e-9)
    near = np.exp(-((at[:, None] - at[None, :]) ** 2) / (2 * tau**2))
    quality = np.exp(strength * z[kept] / 2)
    kernel = quality[:, None] * quality[None, :] * alike * near
    return kept[greedy(kernel, k, shots=candidates.shots[kept])[0]]


def standing(scores: np.ndarray) -> np.ndarray:
    """Standard scores; all zero where nothing stands out."""
    spread = float(scores.std())
    if not spread > SPREAD * max(1.0, float(np.abs(scores).max())):
        return np.zeros(len(scores))
    return np.clip((scores - scores.mean()) / spread, -3.0, 3.0)


def distinct(vectors: np.ndarray, worth: np.ndarray, copies: float) -> np.ndarray:
    """Positions left when each frame that looks like the one before it stands back for the better of the two."""
    left: list[int] = []
    for i in range(len(vectors)):
        if left and float(vectors[i] @ vectors[left[-1]]) > copies:
            if worth[i] > worth[left[-1]]:
                left[-1] = i
        else:
            left.append(i)
    return np.array(left)
