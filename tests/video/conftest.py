"""Videos made here, so that what is in them is known: every frame carries its number in eight blocks, two by four.

Below the blocks the left half is red and the right half blue, so that a turned or mirrored picture is told apart.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

HEIGHT, WIDTH = 48, 64


def picture(number: int) -> np.ndarray:
    image = np.zeros((HEIGHT, WIDTH, 3), dtype=np.uint8)
    for bit in range(8):
        row, column = divmod(bit, 4)
        image[row * 16 : row * 16 + 16, column * 16 : column * 16 + 16] = 255 if number >> bit & 1 else 0
    image[32:, :32, 0] = 255
    image[32:, 32:, 2] = 255
    return image


def number_in(image: np.ndarray) -> int:
    """The number drawn in a picture of any size."""
    height, width = image.shape[0] / 3, image.shape[1] / 4
    total = 0
    for bit in range(8):
        row, column = divmod(bit, 4)
        total |= int(image[int((row + 0.5) * height), int((column + 0.5) * width)].mean() > 127) << bit
    return total


class Maker:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def video(
        self,
        name: str,
        frames: int | Sequence[int] = 24,
        *,
        codec: str = "libx264",
        ms: Sequence[int] | None = None,
        rate: int = 25,
        aspect: Fraction | None = None,
        pix_fmt: str = "yuv420p",
        options: dict[str, str] | None = None,
        container: str | None = None,
        **container_options: str,
    ) -> Path:
        """`ms` are the times of the frames in milliseconds; without them the frames are evenly spaced."""
        path = self.folder / name
        order = list(range(frames)) if isinstance(frames, int) else list(frames)
        with av.open(str(path), "w", format=container, options=container_options) as out:
            stream = out.add_stream(codec, rate=rate, options=options or {})
            stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, pix_fmt
            if ms is not None:
                stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
            if aspect is not None:
                stream.codec_context.sample_aspect_ratio = aspect
            for i, number in enumerate(order):
                frame = av.VideoFrame.from_ndarray(picture(number), format="rgb24")
                if ms is not None:
                    frame.pts, frame.time_base = ms[i], Fraction(1, 1000)
                for packet in stream.encode(frame):
                    out.mux(packet)
            for packet in stream.encode(None):
                out.mux(packet)
        return path

    def gif(self, name: str = "a.gif", frames: int = 10, ms: int | Sequence[int] = 140, **save: Any) -> Path:
        images = [Image.fromarray(picture(i)) for i in range(frames)]
        path = self.folder / name
        images[0].save(path, "GIF", save_all=True, append_images=images[1:], duration=ms, loop=0, **save)
        return path

    def webp(self, name: str = "a.webp", frames: int = 10, ms: int | Sequence[int] = 140) -> Path:
        images = [Image.fromarray(picture(i)) for i in range(frames)]
        path = self.folder / name
        images[0].save(path, "WEBP", save_all=True, append_images=images[1:], duration=ms, lossless=True)
        return path

    def audio(self, name: str, codec: str) -> Path:
        path = self.folder / name
        with av.open(str(path), "w") as out:
            stream = out.add_stream(codec, rate=44100)
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 2048), np.int16), format="s16", layout="mono")
            frame.rate = 44100
            resampler = av.AudioResampler(
                format=stream.format.name, layout=stream.layout.name, rate=44100, frame_size=stream.frame_size or None
            )
            for ready in [*resampler.resample(frame), *resampler.resample(None)]:
                for packet in stream.encode(ready):
                    out.mux(packet)
            for packet in stream.encode(None):
                out.mux(packet)
        return path

    def turned(self, source: Path, name: str, matrix: Sequence[int]) -> Path:
        """The same MP4 with another display matrix (a, b, c, d in units) written over the one in its track header."""
        data = bytearray(source.read_bytes())
        at = data.index(b"tkhd") + 4 + 4 + 20 + 8 + 8  # version and flags, times and ids, reserved, layer to volume
        a, b, c, d = (v << 16 for v in matrix)
        data[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
        path = self.folder / name
        path.write_bytes(data)
        return path

    def file(self, name: str, data: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(data)
        return path

    picture = staticmethod(picture)
    number_in = staticmethod(number_in)


@pytest.fixture
def make(tmp_path: Path) -> Maker:
    return Maker(tmp_path)


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Maker:
    """For files that many tests only read."""
    return Maker(tmp_path_factory.mktemp("media"))
