"""Which frames to take, decided from their times before any is decoded."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from flyreel.errors import InputError


def choose(
    times: np.ndarray,
    duration: float,
    *,
    every: int | None = None,
    fps: float | None = None,
    count: int | None = None,
    numbers: Sequence[int] | None = None,
) -> np.ndarray:
    """Frame numbers in time order, each once. All of them where nothing is asked."""
    asked = {"every": every, "fps": fps, "count": count, "numbers": numbers}
    given = {name: value for name, value in asked.items() if value is not None}
    n = len(times)
    if len(given) > 1:
        raise InputError(f"{' and '.join(given)} given together: frames are chosen one way at a time")
    if every is not None:
        return np.arange(0, n, _positive("every", every))
    if fps is not None:
        return at_rate(times, duration, _positive("fps", fps))
    if count is not None:
        return (
            np.unique(((np.arange(_positive("count", count)) + 0.5) * n / count).astype(np.int64))
            if count < n
            else np.arange(n)
        )
    if numbers is not None:
        wanted = np.unique(np.asarray(list(numbers), dtype=np.int64))
        if len(wanted) and (wanted[0] < 0 or wanted[-1] >= n):
            raise InputError(f"frame {wanted[0] if wanted[0] < 0 else wanted[-1]}: the video has frames 0 to {n - 1}")
        return wanted
    return np.arange(n)


def at_rate(times: np.ndarray, duration: float, fps: float) -> np.ndarray:
    """For each tick k / fps before the end, the frame on show then.

    Counted from the frames, not from the ticks: a file may say that its second frame comes after thirty years.
    """
    ends = np.append(times[1:], max(duration, math.nextafter(times[-1], math.inf)))
    first_tick = np.ceil(times * fps - 1e-6)
    next_tick = np.ceil(ends * fps - 1e-6)
    shown = next_tick > first_tick
    shown[0] = True  # tick 0, even where a lone frame has no duration
    return np.flatnonzero(shown)


def _positive(name: str, value: float) -> float:
    if not (math.isfinite(value) and value > 0 and (name == "fps" or value == int(value))):
        raise InputError(f"{name}={value}: must be a {'number' if name == 'fps' else 'whole number'} above zero")
    return value if name == "fps" else int(value)
