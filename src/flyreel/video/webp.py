"""The chunks of a WebP: its size and how long each frame is shown. Nothing is decoded."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import BinaryIO

from flyreel.video.limits import BadMedia, Clock, Limits


def chunks(path: str | Path, file: BinaryIO, limits: Limits, clock: Clock) -> tuple[int, int, list[int]]:
    """Width, height, and the milliseconds each frame is shown. Ten or less are shown as 100, as with GIF delays."""
    size = file.seek(0, os.SEEK_END)
    at, shape, shown = 12, (0, 0), []
    while at + 8 <= size:
        file.seek(at)
        name, length = struct.unpack("<4sI", file.read(8))
        head = file.read(min(length, 16))
        if name == b"VP8X" and len(head) >= 10:
            shape = (1 + int.from_bytes(head[4:7], "little"), 1 + int.from_bytes(head[7:10], "little"))
        elif name == b"ANMF" and len(head) >= 15:
            shown.append(int.from_bytes(head[12:15], "little"))
        at += 8 + length + (length & 1)
        clock.check()
        if len(shown) > limits.frames:
            raise BadMedia(path, "too-many-frames", f"more than {limits.frames:,}")
    return shape[0], shape[1], [ms if ms > 10 else 100 for ms in shown]


def shape(path: str | Path, file: BinaryIO) -> tuple[int, int]:
    """Of a WebP that has no VP8X chunk and so is a still one."""
    from PIL import Image, UnidentifiedImageError

    file.seek(0)
    try:
        with Image.open(file, formats=["WEBP"]) as image:
            return image.size
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise BadMedia(path, "corrupt", str(error)) from None
