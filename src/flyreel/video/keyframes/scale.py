"""Scores brought to 0 … 1 within the clip: what a cosine of 0.24 is worth depends on the clip and on the model."""

from __future__ import annotations

import numpy as np


def unit_range(scores: np.ndarray) -> np.ndarray:
    """Min-max; all zero where every score is the same, which would otherwise be 0/0."""
    halves = np.asarray(scores, dtype=np.float64) / 2  # the spread of two scores may pass what a float holds
    low = halves.min(initial=np.inf)
    spread = halves.max(initial=-np.inf) - low
    return (halves - low) / spread if spread > 0 else np.zeros(len(halves))


def best_first(positions: np.ndarray | list[int], scores: np.ndarray) -> np.ndarray:
    """By falling score; equals stay in the order they came in."""
    at = np.asarray(positions, dtype=np.int64)
    return at[np.argsort(-scores[at], kind="stable")]
