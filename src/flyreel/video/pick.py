"""The frames of a video that a question needs: decode once, look at each different frame once, choose.

A frame that is a near copy of the last one looked at is given that one's vector: most frames of a film are, and the
embedder is what costs. What was looked at is kept, by the content of the file and the id of the embedder.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from flyreel.errors import InputError
from flyreel.tables import content_sha256
from flyreel.video import decode
from flyreel.video.embed.base import Embedder, open_embedder
from flyreel.video.embed.cache import cached, default_folder
from flyreel.video.keyframes.base import Candidates, select, selectors
from flyreel.video.media import Media
from flyreel.video.sampling import choose
from flyreel.video.shots import detect, shot_of

DEFAULT_SELECTOR, DEFAULT_EMBEDDER = "flyreel", "toyclip"
MOST = 1024
"""Candidates from one video, or four times k where that is more: a longer one is sampled evenly."""

SAME = 8.0
"""Two frames are taken for the same picture if no tile of theirs differs by more than this, of 255."""

_TILES = 16
_SHOT_WIDTH = 128
_BATCH = 64


@dataclass(frozen=True)
class Keyframes:
    video: str
    query: str
    selector: str
    embedder: str
    media: Media
    numbers: np.ndarray
    times: np.ndarray
    scores: np.ndarray

    def pictures(self, size: tuple[int, int] | None = None) -> decode.Frames:
        return decode.load(self.media, numbers=self.numbers.tolist(), size=size)

    def json(self) -> dict[str, Any]:
        parts = zip(self.numbers.tolist(), self.times.tolist(), self.scores.tolist(), strict=True)
        return {
            "video": self.video,
            "query": self.query,
            "selector": self.selector,
            "embedder": self.embedder,
            "frames": [{"frame": n, "time": round(t, 4), "score": round(s, 4)} for n, t, s in parts],
        }


def keyframes(
    video: str | Path,
    query: str,
    k: int,
    *,
    description: str | None = None,
    selector: str = DEFAULT_SELECTOR,
    embedder: str | Embedder = DEFAULT_EMBEDDER,
    cache: Path | None = None,
) -> Keyframes:
    """Exactly min(k, frames) frames. `description` is looked for beside the query, and only if it is given."""
    if k < 1:
        raise InputError(f"k is {k}: at least one frame")
    if not query.strip():
        raise InputError("the query is empty: say what to look for")
    selectors.get(selector)
    with_ = open_embedder(embedder) if isinstance(embedder, str) else embedder
    seen = Looked(Path(video), with_, max(MOST, 4 * k), cache or default_folder())
    texts = with_.texts([query, *([description] if description else [])])
    scores = seen.vectors @ texts.mean(axis=0)
    chosen = select(selector, Candidates(seen.times, seen.vectors, scores, seen.shots), k)
    return Keyframes(
        str(video), query, selector, with_.id, seen.media, seen.numbers[chosen], seen.times[chosen], scores[chosen]
    )


class Looked:
    """A video's candidate frames with their vectors and shots, from the cache where they are there."""

    def __init__(self, video: Path, embedder: Embedder, most: int, cache: Path) -> None:
        self.media = decode.inspect(video)
        n = self.media.frames
        self.numbers = choose(self.media.times, self.media.duration, count=most if n > most else None)
        self.times = self.media.times[self.numbers]
        self._embedder, self._cache = embedder, cache
        self._content = content_sha256(video)

    @cached_property
    def vectors(self) -> np.ndarray:
        return self._kept(f"{self._embedder.id}|copies within {SAME}", lambda: self._seen[0])

    @cached_property
    def shots(self) -> np.ndarray:
        labels = self._kept(
            f"shots by content at {self._embedder.size}", lambda: self._seen[1].astype(np.float32)[:, None]
        )
        return labels[:, 0].astype(np.int64)

    def _kept(self, what: str, compute: Callable[[], np.ndarray]) -> np.ndarray:
        return cached(self._cache, self._content, what, self.numbers, compute)

    @cached_property
    def _seen(self) -> tuple[np.ndarray, np.ndarray]:
        """Vectors and shot labels, from one decoding pass."""
        new: list[np.ndarray] = []
        vectors: list[np.ndarray] = []
        small: list[np.ndarray] = []
        stands_for: list[int] = []
        last, count = None, 0
        for _, _, image in decode.stream(self.media, numbers=self.numbers.tolist(), size=self._embedder.size):
            step = max(1, image.shape[1] // _SHOT_WIDTH)
            small.append(image[::step, ::step].copy())  # a view would keep the whole frame
            thumb = thumbnail(image)
            if last is None or np.abs(thumb - last).max() > SAME:
                last, count = thumb, count + 1
                new.append(image)
                if len(new) == _BATCH:
                    vectors.append(self._embedder.images(np.stack(new)))
                    new = []
            stands_for.append(count - 1)
        if new:
            vectors.append(self._embedder.images(np.stack(new)))
        shots = shot_of(self.times, detect(small, self.times, end=self.media.duration))
        return np.concatenate(vectors)[stands_for], shots


def thumbnail(image: np.ndarray) -> np.ndarray:
    """The mean colour of each of 16 × 16 tiles."""
    import cv2

    return cv2.resize(image, (_TILES, _TILES), interpolation=cv2.INTER_AREA).astype(np.float32)
