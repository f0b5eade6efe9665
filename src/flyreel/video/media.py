"""What a video file is: its frames and their exact times, from the packets, with one frame decoded.

A GIF delay of 0 or 1 hundredths is shown as 10, as browsers do; any other is kept. A still WebP or a GIF of one frame
is a video of one frame; a PNG or JPEG is not a video. Times start at the first frame that can be shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO

import numpy as np

from flyreel.video import container, gif, webp
from flyreel.video.limits import DEFAULT, BadMedia, Clock, Limits
from flyreel.video.pixels import Orientation, shape_seen
from flyreel.video.source import Source

_ONE_PACKET_ONE_FRAME = frozenset("gif apng png h264 hevc vp9 av1 libdav1d mjpeg ffv1 prores rawvideo".split())
_KEY_STANDS_ALONE = frozenset("h264 hevc vp9 av1 libdav1d mjpeg ffv1 prores".split())  # a GIF's "key" frames do not


@dataclass(frozen=True, eq=False)
class Media:
    """What a file is. `width` and `height` are as seen on a screen, turned and with its sample aspect.

    `times` are exact, in seconds from the first frame, one for each frame in the order of showing. `rotation` is
    clockwise. `cut_short` says why frames at the end are missing, where that was allowed.
    """

    path: Path
    container: str
    codec: str
    width: int
    height: int
    times: np.ndarray
    duration: float
    rotation: int = 0
    cut_short: str = ""
    reader: str = "ffmpeg"
    orientation: Orientation = field(default=Orientation(), repr=False)
    stamps: np.ndarray | None = field(default=None, repr=False)
    """The file's own time stamp of each frame; None where frames are told apart by counting them as they come out."""
    keys: np.ndarray | None = field(default=None, repr=False)
    """For each frame the packet that decoding it can start from; None where only the first will do."""

    @property
    def frames(self) -> int:
        return len(self.times)

    @property
    def fps(self) -> float:
        """The mean rate; 0 where the file gives its one frame no length."""
        return self.frames / self.duration if self.duration > 0 else 0.0


def inspect(path: str | Path, limits: Limits = DEFAULT, *, allow_truncated: bool = False) -> Media:
    """Times from the packets alone; one frame is decoded, which shows that the file decodes and how it is turned."""
    clock = Clock(path, limits.seconds)
    with container.opened(path) as file, looked_at(Path(path), file, limits, clock, allow_truncated) as (media, _):
        return media


@contextmanager
def looked_at(
    path: Path, file: BufferedReader, limits: Limits, clock: Clock, partial: bool
) -> Iterator[tuple[Media, Source | None]]:
    """What the file is, and the source to decode it from, which is None where Pillow decodes."""
    kind = container.kind(path, file)
    blocks = gif.blocks(file, limits.frames) if kind == "gif" else None
    cut = blocks.cut if blocks else container.cut_short(file, kind)
    if blocks and blocks.width * blocks.height > limits.pixels:
        raise container.too_large(path, blocks.width, blocks.height, limits)
    if blocks and blocks.pictures > limits.frames:
        raise too_many(path, limits)
    if cut and not partial:
        raise BadMedia(path, "truncated", cut)
    if kind == "webp":
        yield of_webp(path, file, limits, clock, cut), None
        return
    with opened(path, file, limits, clock, cut, partial) as source:
        media = of_source(source, cut, blocks)
        yield media, None if media.reader == "pillow" else source


def opened(path: Path, file: BinaryIO, limits: Limits, clock: Clock, cut: str, partial: bool) -> Source:
    try:
        return Source(path, file, limits, clock, partial)
    except BadMedia as bad:
        raise _blamed(bad, cut) from None


def _blamed(bad: BadMedia, cut: str) -> BadMedia:
    """Where the end is known to be missing, that is the reason, whatever FFmpeg made of the rest."""
    if cut and bad.reason in ("not-media", "corrupt", "no-frames", "no-video"):
        return BadMedia(bad.path, "truncated", f"nothing to show is left: {cut}")
    return bad


def of_source(source: Source, cut: str, blocks: gif.Blocks | None) -> Media:
    name, codec, base = source.container.format.name, source.stream.codec_context.name, source.stream.time_base
    aspect = None if name == "gif" else source.stream.sample_aspect_ratio  # browsers ignore what a GIF says here
    rate = source.stream.average_rate or source.stream.guessed_rate
    packets = _Packets(source)
    exact = packets.exact and codec in _ONE_PACKET_ONE_FRAME
    if blocks and not (exact and len(packets.stamps) >= blocks.pictures > 0):
        return _of_gif(source.path, blocks)
    shown: list[tuple[int | None, int]] = []
    for frame in source.frames():
        if not shown:
            orientation, shape = Orientation.of(frame), (frame.width, frame.height)
        shown.append((frame.pts, getattr(frame, "duration", None) or 0))
        if exact:
            break
        if len(shown) > source.limits.frames:
            raise too_many(source.path, source.limits)
    if not shown:
        raise _blamed(BadMedia(source.path, "no-frames", "it has a video stream, and no frame comes out of it"), cut)
    height, width = shape_seen(*shape, aspect, orientation)
    if height * width > source.limits.pixels:
        raise container.too_large(source.path, width, height, source.limits)
    stamps, ends = (packets.stamps, packets.ends) if exact else _as_decoded(shown)
    if not len(stamps):  # nothing is timed: frames at an even rate
        base = Fraction(1 / rate if rate else 0.04).limit_denominator(90_000)
        stamps, ends = np.arange(len(shown)), np.arange(len(shown)) + 1
    edges = np.append(stamps, max(ends.max(), stamps[-1])) - stamps[0]
    if blocks:
        stamps, edges = stamps[: blocks.pictures], np.asarray(blocks.edges)
    *times, duration = (edges * base.numerator / base.denominator).tolist()
    if duration <= times[-1]:  # the last frame has no length: it gets the mean of the others
        duration = float(
            times[-1] + (times[-1] / (len(times) - 1) if len(times) > 1 else float(1 / rate) if rate else 0)
        )
    return Media(
        source.path,
        name,
        codec,
        width,
        height,
        np.asarray(times),
        duration,
        orientation.degrees,
        cut,
        "ffmpeg",
        orientation,
        stamps if exact else None,
        packets.keys if exact and codec in _KEY_STANDS_ALONE else None,
    )


class _Packets:
    """Stamp, end and key packet of every frame in the order of showing, and whether they can be relied on.

    What precedes the first key frame, in the file or on the screen, cannot be decoded and is no frame.
    """

    def __init__(self, source: Source) -> None:
        stamps: list[int] = []
        ends: list[int] = []
        starts: list[tuple[int, int]] = []  # (stamp, packet) of each key frame
        self.seen = 0
        timed = True
        for at, packet in enumerate(source.packets()):
            if packet.size == 0:
                continue
            self.seen += 1
            if self.seen > source.limits.frames:
                raise too_many(source.path, source.limits)
            stamp = packet.pts
            if stamp is None:
                timed = False
                continue
            if packet.is_keyframe:
                starts.append((stamp, at))
            if starts and stamp >= starts[0][0] and not packet.is_discard:
                stamps.append(stamp)
                ends.append(stamp + (packet.duration or 0))
        found = np.asarray(stamps, dtype=np.int64)
        order = np.argsort(found, kind="stable")
        self.stamps = found[order]
        self.ends = np.asarray(ends, dtype=np.int64)[order]
        self.exact = timed and len(found) > 0 and bool((np.diff(self.stamps) > 0).all())
        starts.sort()
        key_stamps, key_packets = (
            (np.asarray(column, dtype=np.int64) for column in zip(*starts, strict=True)) if starts else (found, found)
        )
        self.keys = key_packets[np.searchsorted(key_stamps, self.stamps, side="right") - 1] if starts else key_packets


def too_many(path: Path, limits: Limits) -> BadMedia:
    return BadMedia(path, "too-many-frames", f"more than {limits.frames:,}; cut the file or raise the limit")


def _as_decoded(shown: list[tuple[int | None, int]]) -> tuple[np.ndarray, np.ndarray]:
    """Stamps as the decoder gave them; a missing one, or one that runs back, stays at the one before."""
    known = next((stamp for stamp, _ in shown if stamp is not None), None)
    if known is None:
        return np.zeros(0), np.zeros(0)
    stamps = np.maximum.accumulate(np.asarray([known if s is None else s for s, _ in shown], dtype=np.int64))
    return stamps, stamps + np.asarray([d for _, d in shown], dtype=np.int64)


def of_webp(path: Path, file: BinaryIO, limits: Limits, clock: Clock, cut: str = "") -> Media:
    width, height, shown = webp.chunks(path, file, limits, clock)
    if not width:
        width, height = webp.shape(path, file)
    if width * height > limits.pixels:
        raise container.too_large(path, width, height, limits)
    ends = np.cumsum(shown or [0]) / 1000
    return Media(path, "webp", "webp", width, height, np.append(0.0, ends[:-1]), float(ends[-1]), 0, cut, "pillow")


def _of_gif(path: Path, blocks: gif.Blocks) -> Media:
    if not blocks.pictures:
        raise _blamed(BadMedia(path, "no-frames", "a GIF without a picture"), blocks.cut)
    *times, duration = (edge / 100 for edge in blocks.edges)
    shape = (blocks.width, blocks.height)
    return Media(path, "gif", "gif", *shape, np.asarray(times), duration, 0, blocks.cut, "pillow")


def fit(media: Media, longest: int) -> tuple[int, int]:
    """(height, width) with the longer side at `longest`, or as it is where it is shorter already."""
    scale = min(1.0, longest / max(media.height, media.width))
    return max(1, round(media.height * scale)), max(1, round(media.width * scale))
