"""The six places and the five lights, painted once per size and kept."""

from __future__ import annotations

import random
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw

Colour = tuple[int, int, int]

HORIZON = 0.6
_SKY: dict[str, Colour] = {
    "forest": (150, 190, 160), "beach": (150, 210, 240), "city": (176, 186, 204), "desert": (246, 222, 170),
    "meadow": (170, 220, 246), "harbour": (190, 210, 220),
}  # fmt: skip
_GROUND: dict[str, Colour] = {
    "forest": (66, 96, 58), "beach": (236, 212, 152), "city": (112, 112, 118), "desert": (222, 170, 104),
    "meadow": (142, 204, 106), "harbour": (156, 128, 98),
}  # fmt: skip


@lru_cache(32)
def painted(place: str, size: tuple[int, int]) -> Image.Image:
    """The place in plain daylight, (height, width)."""
    height, width = size
    image = Image.new("RGB", (width, height), _SKY[place])
    draw = ImageDraw.Draw(image)
    line = round(HORIZON * height)
    draw.rectangle((0, line, width, height), fill=_GROUND[place])
    _DETAILS[place](draw, width, height, line, random.Random(place))
    return image


@lru_cache(32)
def lighting(light: str, size: tuple[int, int]) -> np.ndarray:
    """What every pixel is multiplied by, (height, width, 3); lamplight falls off from the middle."""
    tint = np.array(
        {"dawn": (1.0, 0.84, 0.86), "noon": (1.0, 1.0, 1.0), "dusk": (0.95, 0.66, 0.52),
         "moonlight": (0.5, 0.6, 0.92), "lamplight": (1.0, 0.88, 0.6)}[light], dtype=np.float32,
    )  # fmt: skip
    height, width = size
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    far = np.hypot((x / width - 0.5) * 1.1, (y / height - 0.7) * 1.1)
    fall = np.clip(1.15 - 1.2 * far, 0.42, 1.0) if light == "lamplight" else np.ones((height, width), dtype=np.float32)
    return fall[:, :, None] * tint


def _forest(draw: ImageDraw.ImageDraw, w: int, h: int, line: int, random_: random.Random) -> None:
    for i in range(7):
        x = (i + random_.random()) * w / 7
        draw.rectangle((x - w * 0.012, h * 0.1, x + w * 0.012, line + h * 0.03), fill=(84, 66, 48))
        draw.polygon([(x - w * 0.09, h * 0.45), (x + w * 0.09, h * 0.45), (x, 0)], fill=(46, 104, 66))


def _beach(draw: ImageDraw.ImageDraw, w: int, h: int, line: int, random_: random.Random) -> None:
    draw.rectangle((0, h * 0.42, w, line), fill=(44, 128, 196))
    for _ in range(5):
        x, y = random_.uniform(0, w * 0.9), random_.uniform(h * 0.45, line - 4)
        draw.line((x, y, x + w * 0.07, y), fill=(220, 240, 250), width=2)
    draw.ellipse((w * 0.78, h * 0.06, w * 0.9, h * 0.06 + w * 0.12), fill=(255, 244, 180))


def _city(draw: ImageDraw.ImageDraw, w: int, h: int, line: int, random_: random.Random) -> None:
    for i in range(6):
        x, top = i * w / 6, random_.uniform(0.08, 0.34) * h
        draw.rectangle((x + 2, top, x + w / 6 - 3, line), fill=(92 + 10 * (i % 3), 98, 122))
        for row in range(3):
            for column in range(2):
                left, up = x + w / 6 * (0.22 + 0.36 * column), top + h * (0.05 + 0.09 * row)
                draw.rectangle((left, up, left + w * 0.026, up + h * 0.04), fill=(244, 226, 140))
    draw.line((0, h * 0.94, w, h * 0.94), fill=(230, 230, 220), width=3)


def _desert(draw: ImageDraw.ImageDraw, w: int, h: int, line: int, random_: random.Random) -> None:
    draw.polygon([(0, line), (w * 0.3, h * 0.38), (w * 0.62, line)], fill=(212, 156, 92))
    draw.polygon([(w * 0.45, line), (w * 0.8, h * 0.3), (w, line * 0.94), (w, line)], fill=(200, 144, 84))
    for x in (0.12, 0.9):
        draw.rectangle((w * x - 4, h * 0.4, w * x + 4, line + 4), fill=(60, 130, 80))
        draw.rectangle((w * x + 4, h * 0.46, w * x + 13, h * 0.49), fill=(60, 130, 80))


def _meadow(draw: ImageDraw.ImageDraw, w: int, h: int, line: int, random_: random.Random) -> None:
    draw.ellipse((-w * 0.2, h * 0.42, w * 0.6, h * 0.95), fill=(124, 190, 92))
    draw.ellipse((w * 0.4, h * 0.46, w * 1.3, h * 1.0), fill=(134, 198, 98))
    draw.rectangle((0, line + h * 0.05, w, h), fill=_GROUND["meadow"])
    for _ in range(22):
        x, y = random_.uniform(0, w), random_.uniform(line + h * 0.06, h)
        colour = random_.choice([(255, 255, 255), (250, 180, 210), (250, 240, 130)])
        draw.ellipse((x - 2, y - 2, x + 2, y + 2), fill=colour)


def _harbour(draw: ImageDraw.ImageDraw, w: int, h: int, line: int, random_: random.Random) -> None:
    draw.rectangle((0, h * 0.4, w, line), fill=(58, 104, 132))
    draw.polygon(
        [(w * 0.1, h * 0.46), (w * 0.44, h * 0.46), (w * 0.38, h * 0.56), (w * 0.16, h * 0.56)], fill=(120, 52, 46)
    )
    draw.line((w * 0.27, h * 0.46, w * 0.27, h * 0.08), fill=(70, 52, 40), width=4)
    draw.polygon([(w * 0.28, h * 0.1), (w * 0.28, h * 0.42), (w * 0.4, h * 0.42)], fill=(244, 240, 230))
    for i in range(8):
        draw.line((i * w / 8, line, i * w / 8, h), fill=(116, 92, 68), width=2)


_DETAILS = {
    "forest": _forest,
    "beach": _beach,
    "city": _city,
    "desert": _desert,
    "meadow": _meadow,
    "harbour": _harbour,
}
