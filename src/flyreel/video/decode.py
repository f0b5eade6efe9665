"""A video file to frames: one decoding pass, in which only what was chosen is converted, resized and kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from flyreel.errors import InputError
from flyreel.video import container, pillow
from flyreel.video.limits import DEFAULT, BadMedia, Clock, Limits
from flyreel.video.media import Media, fit, inspect, looked_at, opened
from flyreel.video.pixels import Pictures, composited
from flyreel.video.sampling import choose
from flyreel.video.source import Source

__all__ = ["BadMedia", "Frames", "Limits", "Media", "fit", "inspect", "load", "stream"]

_Numbered = Iterator[tuple[int, np.ndarray]]


@dataclass(frozen=True, eq=False)
class Frames:
    """`images` is (n, height, width, 3) uint8 RGB; `numbers` and `times` say which frames of `media` they are."""

    media: Media
    numbers: np.ndarray
    times: np.ndarray
    images: np.ndarray

    def __len__(self) -> int:
        return len(self.numbers)


def stream(
    path: str | Path | Media,
    *,
    every: int | None = None,
    fps: float | None = None,
    count: int | None = None,
    numbers: Sequence[int] | None = None,
    size: tuple[int, int] | None = None,
    limits: Limits = DEFAULT,
    allow_truncated: bool = False,
) -> Iterator[tuple[int, float, np.ndarray]]:
    """Number, time and picture of each chosen frame, in time order; decoding ends with the last one chosen.

    Choose one way: every n-th; the frame on show at each tick of `fps`; `count` of them, the middles of equal parts;
    or by `numbers`. `size` is (height, width). A `Media` in place of the path saves looking at the file again.
    `allow_truncated` gives what a cut or damaged file still has; its `numbers` may then have gaps.
    """
    clock = Clock(path.path if isinstance(path, Media) else path, limits.seconds)
    with _reading(path, limits, clock, allow_truncated) as (media, pictures):
        chosen = choose(media.times, media.duration, every=every, fps=fps, count=count, numbers=numbers)
        for number, image in pictures(chosen, _size(media, size, limits)):
            with clock.stopped():
                yield number, float(media.times[number]), image


def load(
    path: str | Path | Media,
    *,
    every: int | None = None,
    fps: float | None = None,
    count: int | None = None,
    numbers: Sequence[int] | None = None,
    size: tuple[int, int] | None = None,
    limits: Limits = DEFAULT,
    allow_truncated: bool = False,
) -> Frames:
    """What `stream` gives, in one array whose bytes are counted before it is made."""
    clock = Clock(path.path if isinstance(path, Media) else path, limits.seconds)
    with _reading(path, limits, clock, allow_truncated) as (media, pictures):
        chosen = choose(media.times, media.duration, every=every, fps=fps, count=count, numbers=numbers)
        height, width = _size(media, size, limits)
        if (needed := len(chosen) * height * width * 3) > limits.memory:
            many = f"{len(chosen):,} frames of {width} x {height} take {needed >> 20:,} MiB"
            most = f"at most {limits.memory >> 20:,} are kept; choose fewer or a smaller size"
            raise BadMedia(media.path, "too-much-memory", f"{many}; {most}")
        images = np.empty((len(chosen), height, width, 3), dtype=np.uint8)
        got: list[int] = []
        for number, image in pictures(chosen, (height, width)):
            images[len(got)] = image
            got.append(number)
    which = np.asarray(got, dtype=np.int64)
    return Frames(media, which, media.times[which], images[: len(got)])


@contextmanager
def _reading(
    path: str | Path | Media, limits: Limits, clock: Clock, partial: bool
) -> Iterator[tuple[Media, Callable[[np.ndarray, tuple[int, int]], _Numbered]]]:
    """What the file is, and a function from chosen numbers and a size to pictures."""
    with ExitStack() as stack:
        if isinstance(path, Media):
            media, source = path, None
            file = stack.enter_context(container.opened(media.path))
            if media.reader == "ffmpeg":
                source = stack.enter_context(opened(media.path, file, limits, clock, media.cut_short, partial))
        else:
            file = stack.enter_context(container.opened(path))
            media, source = stack.enter_context(looked_at(Path(path), file, limits, clock, partial))

        def pictures(chosen: np.ndarray, size: tuple[int, int]) -> _Numbered:
            found = _decoded(media, source, chosen, size) if source else _by_pillow(media, file, chosen, size, clock)
            return _whole(media, chosen, partial, found)

        yield media, pictures


def _size(media: Media, size: tuple[int, int] | None, limits: Limits) -> tuple[int, int]:
    height, width = size or (media.height, media.width)
    if height < 1 or width < 1 or height * width > limits.pixels:
        raise InputError(f"size {height} x {width}: must be (height, width), at most {limits.pixels:,} pixels")
    return int(height), int(width)


def _whole(media: Media, chosen: np.ndarray, partial: bool, pictures: _Numbered) -> _Numbered:
    """All that were chosen, or an error; with `partial`, what there is."""
    given = 0
    try:
        for found in pictures:
            given += 1
            yield found
    except BadMedia as bad:
        if not partial or bad.reason != "corrupt":
            raise
    if given < len(chosen) and not partial:
        raise BadMedia(media.path, "truncated", f"only {given:,} of {len(chosen):,} frames could be decoded")


def _decoded(media: Media, source: Source, chosen: np.ndarray, size: tuple[int, int]) -> _Numbered:
    if not len(chosen):
        return
    wanted = set(chosen.tolist())
    picture = Pictures(size, media.orientation)
    if media.stamps is None:
        for number, frame in enumerate(source.frames()):
            if number in wanted:
                yield number, picture(frame)
            if number >= chosen[-1]:
                return
        return
    number_of = {int(media.stamps[n]): n for n in chosen}
    if media.keys is None or len(chosen) == media.frames:
        frames = source.frames()
    else:
        frames = source.frames_from(media.keys[chosen].tolist(), media.stamps[chosen].tolist())
    for frame in frames:
        number = number_of.pop(frame.pts, None)
        if number is not None:
            yield number, picture(frame)
        if not number_of:
            return


def _by_pillow(media: Media, file: BinaryIO, chosen: np.ndarray, size: tuple[int, int], clock: Clock) -> _Numbered:
    import av

    if not len(chosen):
        return
    wanted = set(chosen.tolist())
    picture = Pictures(size, media.orientation)
    for number, rgba in pillow.frames(media.path, file, media.container, int(chosen[-1]), clock):
        if number in wanted:
            yield number, picture(av.VideoFrame.from_ndarray(composited(rgba), format="rgb24"))
