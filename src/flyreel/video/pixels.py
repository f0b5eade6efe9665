"""A decoded frame as it is meant to be seen: over white, in RGB, of the size asked for, turned the right way up.

Resizing happens in the same step as the colour conversion, and turning after it, on the smaller picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Orientation:
    """How stored pixels are brought to the screen: first columns and rows change places, then either may run back."""

    swap: bool = False
    flip_x: bool = False
    flip_y: bool = False

    @classmethod
    def of(cls, frame: Any) -> Orientation:
        """From the display matrix. It may mirror as well as turn, which an angle alone cannot say."""
        matrix = next((bytes(d) for d in frame.side_data if getattr(d.type, "name", "") == "DISPLAYMATRIX"), b"")
        if len(matrix) < 36:
            return cls()
        a, b, _, c, d, *_ = (float(v) for v in np.frombuffer(matrix[:36], "<i4"))
        if abs(a) + abs(d) >= abs(b) + abs(c):
            return cls(False, a < 0, d < 0)
        return cls(True, c < 0, b < 0)

    @property
    def degrees(self) -> int:
        """Clockwise. A mirrored picture has no angle and says that of its nearest turn."""
        return {(False, True, True): 180, (True, True, False): 90, (True, False, True): 270}.get(
            (self.swap, self.flip_x, self.flip_y), 90 if self.swap else 0
        )

    def turn(self, image: np.ndarray) -> np.ndarray:
        if not (self.swap or self.flip_x or self.flip_y):
            return image
        image = image.transpose(1, 0, 2) if self.swap else image
        return np.ascontiguousarray(image[:: -1 if self.flip_y else 1, :: -1 if self.flip_x else 1])


class Pictures:
    """Frames to pictures of one `size`, (height, width) as seen. One converter serves them all."""

    def __init__(self, size: tuple[int, int], orientation: Orientation) -> None:
        from av.video.reformatter import VideoReformatter

        self._height, self._width = size[::-1] if orientation.swap else size
        self._orientation = orientation
        self._reformat = VideoReformatter().reformat

    def __call__(self, frame: Any) -> np.ndarray:
        if _has_alpha(frame.format) and (seen := _over_white(frame)) is not None:
            frame = seen
        how: dict[str, Any] = {}
        if (self._width, self._height) != (frame.width, frame.height):
            smaller = self._width * self._height < frame.width * frame.height
            how = {
                "width": self._width,
                "height": self._height,
                "interpolation": _AREA | _WHOLE_CHROMA if smaller else "BICUBIC",
            }
        return self._orientation.turn(self._reformat(frame, format="rgb24", **how).to_ndarray())


_AREA, _WHOLE_CHROMA = 0x20, 0x2000
"""swscale's flags. Without the second, colour is taken from every other column when a picture is shrunk: five times the
error, and a vector of an embedder that is off in its third digit."""

_ALPHA: dict[str, bool] = {}


def _has_alpha(format: Any) -> bool:
    if format.name not in _ALPHA:
        _ALPHA[format.name] = format.has_palette or any(c.is_alpha for c in format.components)
    return _ALPHA[format.name]


def _over_white(frame: Any) -> Any:
    """The frame without its alpha, or None where every pixel is opaque; most GIF frames are, and are not copied."""
    if frame.format.name in ("bgra", "rgba"):
        plane = frame.planes[0]
        rows = np.frombuffer(plane, np.uint32).reshape(-1, plane.line_size // 4)[: frame.height, : frame.width]
        if rows.min() >= 0xFF000000:
            return None
    import av

    return av.VideoFrame.from_ndarray(composited(frame.to_ndarray(format="rgba")), format="rgb24")


def composited(rgba: np.ndarray) -> np.ndarray:
    """Over white, which is what a page shows a transparent GIF on."""
    alpha = rgba[..., 3:].astype(np.uint16)
    mixed = rgba[..., :3] * alpha + 255 * (255 - alpha)
    return ((mixed + 127) // 255).astype(np.uint8)


def shape_seen(width: int, height: int, aspect: Any, orientation: Orientation) -> tuple[int, int]:
    """(height, width) on the screen. A sample aspect widens or heightens, whichever throws no pixel away."""
    ratio = float(aspect) if aspect else 1.0
    if 0.01 <= ratio <= 100:
        width, height = (round(width * ratio), height) if ratio >= 1 else (width, round(height / ratio))
    return (width, height) if orientation.swap else (height, width)
