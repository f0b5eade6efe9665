"""Scenes as real files: H.264 in MP4, or GIF. The same seed and the same versions give the same bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np

from flyreel.errors import InputError, did_you_mean
from flyreel.tables import atomic
from flyreel.toybox.draw import frames
from flyreel.toybox.world import Scene

SIZE = (96, 128)
SMALLEST, LARGEST = 96, 160


def size_of(width: int) -> tuple[int, int]:
    """Four to three, both even, as H.264 wants them."""
    if not SMALLEST <= width <= LARGEST:
        raise InputError(f"toybox clips are {SMALLEST} to {LARGEST} pixels wide, not {width}")
    return 2 * round(width * 3 / 8), 2 * (width // 2)


def render(scene: Scene, path: Path, size: tuple[int, int] = SIZE) -> Path:
    """Draw the scene into a file; the ending of the name says which kind."""
    kind = path.suffix.lstrip(".").lower()
    if kind not in _WRITERS:
        raise InputError(f"{path}: toybox cannot write .{kind}.{did_you_mean(kind, _WRITERS)}")
    with atomic(path) as temporary:
        _WRITERS[kind](frames(scene, size), temporary, scene.fps)
    return path


def _mp4(pictures: Iterator[np.ndarray], path: Path, fps: int) -> None:
    import av

    with av.open(str(path), "w", format="mp4") as out:
        stream = out.add_stream("libx264", rate=fps)
        stream.pix_fmt = "yuv420p"
        # asm=0: x264's vector code looks past the picture, and now and then other bytes come of what lies there
        stream.options = {"preset": "veryfast", "crf": "18", "threads": "1", "x264-params": "asm=0"}
        stream.time_base = Fraction(1, fps)
        for number, picture in enumerate(pictures):
            if number == 0:
                stream.height, stream.width = picture.shape[:2]
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, fps)
            out.mux(stream.encode(frame))
        out.mux(stream.encode())


def _gif(pictures: Iterator[np.ndarray], path: Path, fps: int) -> None:
    """One palette for all frames. Not Pillow's writer: it drops a frame that is equal to the one before."""
    import av
    from PIL import Image

    images = [Image.fromarray(p) for p in pictures]
    wall = Image.fromarray(np.concatenate([np.asarray(i) for i in images[:: max(1, len(images) // 8)]]))
    palette = wall.quantize(255, dither=Image.Dither.NONE)
    colours = np.zeros((256, 4), dtype=np.uint8)
    given = np.array(palette.getpalette(), dtype=np.uint8).reshape(-1, 3)
    colours[: len(given), 1:], colours[:, 0] = given, 255  # alpha, red, green, blue
    last = {"final_delay": str(round(100 / fps))}
    with av.open(str(path), "w", format="gif", options=last) as out:
        stream = out.add_stream("gif", rate=100)
        stream.pix_fmt = "pal8"
        stream.width, stream.height = images[0].size
        for number, image in enumerate(images):
            indices = np.asarray(image.quantize(palette=palette, dither=Image.Dither.NONE))
            frame = av.VideoFrame.from_ndarray((indices, colours), format="pal8")
            frame.pts, frame.time_base = round(100 * number / fps), Fraction(1, 100)
            out.mux(stream.encode(frame))
        out.mux(stream.encode())


_WRITERS: dict[str, Callable[[Iterator[np.ndarray], Path, int], None]] = {"mp4": _mp4, "gif": _gif}
