"""The frames of a clip that a model is shown, as they are sent."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from flyreel.errors import InputError
from flyreel.models.call import Media
from flyreel.tables import content_sha256
from flyreel.video import decode
from flyreel.video.embed.base import Embedder, open_embedder
from flyreel.video.keyframes.base import selectors
from flyreel.video.pick import DEFAULT_EMBEDDER, keyframes
from flyreel.video.sampling import choose

QUALITY = 92
PIXELS_PER_TOKEN = 784
"""A square of 28 pixels, as current models have it; for forecasts."""

LARGEST_VIDEO = 256 << 20
SUFFIXES = {".mp4": "video/mp4", ".m4v": "video/mp4", ".webm": "video/webm", ".mkv": "video/x-matroska",
            ".mov": "video/quicktime", ".avi": "video/x-msvideo", ".gif": "image/gif"}  # fmt: skip


@dataclass(frozen=True)
class Choosing:
    """How frames are chosen. `longest` is of their sides, in pixels; a smaller video is not enlarged."""

    k: int = 8
    selector: str = "uniform"
    embedder: str = DEFAULT_EMBEDDER
    longest: int = 448

    def check(self, used: bool = True) -> None:
        """Where frames will be chosen this also opens what does it: a missing extra is to stop a run before it asks
        anything."""
        if self.k < 1:
            raise InputError(f"-k {self.k}: at least one frame")
        if self.longest < 16:
            raise InputError(f"--size {self.longest}: at least 16 pixels")
        selectors.get(self.selector)
        if used and self.selector != "uniform":
            opened(self.embedder)


class CannotShow(InputError):
    """One question that cannot be put this way; `reason` is the machine-readable word."""

    def __init__(self, reason: str, line: str) -> None:
        super().__init__(line)
        self.reason = reason


@lru_cache(1)
def opened(embedder: str) -> Embedder:
    """Once a run and not once a question."""
    return open_embedder(embedder)


@dataclass(frozen=True)
class Pictures:
    """The chosen frames in time order, and the one in the middle of the clip."""

    numbers: tuple[int, ...]
    times: tuple[float, ...]
    media: tuple[Media, ...]
    middle: tuple[int, float, Media]


def pictures(video: Path, query: str, how: Choosing) -> Pictures:
    """Chosen for the query, but by `uniform`, which looks at no picture to choose."""
    if how.selector == "uniform":
        film = decode.inspect(video)
        numbers = choose(film.times, film.duration, count=how.k)
    else:
        found = keyframes(video, query, how.k, selector=how.selector, embedder=opened(how.embedder))
        film, numbers = found.media, found.numbers
    middle = film.frames // 2
    frames = decode.load(film, numbers=sorted({*numbers.tolist(), middle}), size=decode.fit(film, how.longest))
    at = {int(n): (int(n), float(t), image) for n, t, image in zip(frames.numbers, frames.times, frames.images,
                                                                   strict=True)}  # fmt: skip
    seen = [at[int(n)] for n in numbers]
    sent = tuple(picture(image) for _, _, image in seen)
    number, time, image = at[middle]
    return Pictures(tuple(n for n, _, _ in seen), tuple(t for _, t, _ in seen), sent, (number, time, picture(image)))


def picture(image: np.ndarray) -> Media:
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(image).save(out, format="JPEG", quality=QUALITY)
    height, width = image.shape[:2]
    digest = hashlib.sha256(f"rgb {height} {width} jpeg {QUALITY}\n".encode() + np.ascontiguousarray(image).tobytes())
    return Media(digest.hexdigest(), "image/jpeg", out.getvalue(), max(1, height * width // PIXELS_PER_TOKEN))


def whole(video: Path) -> Media:
    """The file itself, for endpoints that take a video."""
    size = video.stat().st_size
    if size > LARGEST_VIDEO:
        line = f"{video}: {size >> 20:,} MiB is more than is sent in one call; use --send frames"
        raise CannotShow("video-too-large", line)
    film = decode.inspect(video)
    tokens = int(film.duration * film.width * film.height / PIXELS_PER_TOKEN) + 1  # a frame a second
    return Media(content_sha256(video), SUFFIXES.get(video.suffix.lower(), "video/mp4"), video.read_bytes(), tokens)
