"""Where one shot ends and the next begins: PySceneDetect's detectors, fed with frames that are decoded already.

Its defaults are for films: a shot of at least 15 frames is longer than many a shot of a GIF that has 7 frames a second.
"""

from __future__ import annotations

from collections.abc import Iterable, Sized
from itertools import pairwise
from typing import Any

import numpy as np

from flyreel.errors import InputError, did_you_mean
from flyreel.schema import Span

SHORTEST = 0.3  # seconds; a flash or a blended frame is no shot
FEWEST = 2  # frames
WIDTH = 256  # pixels looked at, as PySceneDetect itself does; its thresholds were set on pictures of this width
THRESHOLDS = {"content": 27.0, "adaptive": 3.0}


def detect(
    frames: Iterable[np.ndarray],
    times: np.ndarray,
    method: str = "content",
    threshold: float | None = None,
    min_frames: int | None = None,
    end: float | None = None,
) -> list[Span]:
    """Consecutive shots from the first time to `end`, which is one mean frame after the last time if not given.

    `content` cuts where neighbours differ by more than the threshold; `adaptive` where they differ by that many times
    what is usual around, and so forgives a moving camera.
    """
    if method not in THRESHOLDS:
        raise InputError(f"{method}: no such shot detector.{did_you_mean(method, THRESHOLDS)}")
    times = np.asarray(times, dtype=np.float64)
    if isinstance(frames, Sized) and len(frames) != len(times):
        raise ValueError(f"{len(frames)} frames and {len(times)} times")
    if not len(times):
        return []
    step = float(times[-1] - times[0]) / max(len(times) - 1, 1)
    end = float(times[-1]) + step if end is None else max(float(end), float(times[-1]))
    if min_frames is None:
        min_frames = max(FEWEST, round(SHORTEST / step)) if step > 0 else FEWEST
    starts = [0, *cuts(frames, method, THRESHOLDS[method] if threshold is None else threshold, min_frames)]
    edges = [*(float(times[i]) for i in starts), end]
    return [Span(start=a, end=b) for a, b in pairwise(edges)]


def cuts(frames: Iterable[np.ndarray], method: str, threshold: float, min_frames: int) -> list[int]:
    """Positions of the first frames of new shots. Counted in frames, so that uneven times do not matter."""
    from scenedetect import FrameTimecode

    detector = _detector(method, threshold, min_frames)
    found: list[Any] = []
    at = FrameTimecode(0, fps=25.0)
    for i, frame in enumerate(frames):
        at = FrameTimecode(i, fps=25.0)
        found += detector.process_frame(at, _small_bgr(frame))
    found += detector.post_process(at)
    return sorted({cut.frame_num for cut in found} - {0})


def _detector(method: str, threshold: float, min_frames: int) -> Any:
    from scenedetect import AdaptiveDetector, ContentDetector

    if method == "adaptive":
        return AdaptiveDetector(adaptive_threshold=threshold, min_scene_len=min_frames)
    return ContentDetector(threshold=threshold, min_scene_len=min_frames)


def _small_bgr(frame: np.ndarray) -> np.ndarray:
    import cv2

    if frame.shape[1] > WIDTH:
        height = max(1, round(frame.shape[0] * WIDTH / frame.shape[1]))
        frame = cv2.resize(frame, (WIDTH, height), interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(frame[..., ::-1])


def shot_of(times: np.ndarray, shots: list[Span] | tuple[Span, ...]) -> np.ndarray:
    """For each time the index of its shot; a time outside all of them belongs to the nearest."""
    if not shots:
        return np.zeros(len(times), dtype=np.int64)
    starts = np.asarray([shot.start for shot in shots])
    return np.maximum(np.searchsorted(starts, np.asarray(times), side="right") - 1, 0)
