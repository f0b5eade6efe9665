"""Frames through Pillow, where FFmpeg has none: animated WebP, and the odd GIF that it takes for one frame."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from flyreel.video.limits import BadMedia, Clock


def frames(path: str | Path, file: BinaryIO, kind: str, last: int, clock: Clock) -> Iterator[tuple[int, np.ndarray]]:
    """Number and RGBA picture of every frame up to `last`; each builds on the one before."""
    from PIL import Image, UnidentifiedImageError

    file.seek(0)
    at = 0
    try:
        with Image.open(file, formats=[kind.upper()]) as image:
            for at in range(last + 1):
                clock.check()
                image.seek(at)
                yield at, np.asarray(image.convert("RGBA"))
    except (UnidentifiedImageError, OSError, EOFError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise BadMedia(path, "corrupt", f"frame {at} cannot be decoded ({error})") from None
