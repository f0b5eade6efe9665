"""A tableau as pixels: characters, things and the small signs that make an action readable in a single frame.

Everything is drawn at twice the size and halved, which is all the smoothing there is. A character wears the first
letter of its name, so that who does what can be seen and not only guessed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from flyreel.toybox import backdrop
from flyreel.toybox.staging import FRONT, PROP_LINE, Lying, Pose, Staging, Tableau
from flyreel.toybox.world import Character, Scene

PAINT = {
    "red": (222, 48, 44), "blue": (52, 92, 226), "green": (46, 168, 70), "yellow": (246, 214, 48),
    "purple": (152, 64, 196), "orange": (246, 138, 32),
}  # fmt: skip
BODY = {"small": 0.105, "large": 0.155}
INK = (28, 26, 34)
WHITE = (255, 255, 255)
SCALE = 2

Point = tuple[float, float]


def frames(scene: Scene, size: tuple[int, int]) -> Iterator[np.ndarray]:
    """Every frame of the scene, (height, width, 3) uint8, at its own frame rate."""
    staging = Staging(scene)
    for number in range(round(scene.duration * scene.fps)):
        yield picture(scene, staging.at(number / scene.fps), size)


def picture(scene: Scene, tableau: Tableau, size: tuple[int, int]) -> np.ndarray:
    height, width = size
    image = backdrop.painted(tableau.shot.place, (height * SCALE, width * SCALE)).copy()
    pen = Pen(image)
    behind = [p for p in tableau.poses if p.hidden]
    for pose in behind:
        pen.character(scene.character(pose.name), pose)
    for name, x in tableau.props:
        pen.prop(name, x)
    for pose in tableau.poses:
        if not pose.hidden:
            pen.character(scene.character(pose.name), pose)
    for thing in tableau.things:
        pen.thing(thing)
    small = np.asarray(image.reduce(SCALE), dtype=np.float32)
    return (small * backdrop.lighting(tableau.shot.light, size)).astype(np.uint8)


class Pen:
    def __init__(self, image: Image.Image) -> None:
        self.draw = ImageDraw.Draw(image)
        self.width, self.height = image.size

    def character(self, who: Character, pose: Pose) -> None:
        r = BODY[who.size] * self.height
        x, ground = pose.x * self.width, pose.ground * self.height
        y = ground - r - pose.lift * self.height
        self.draw.ellipse((x - r * 0.9, ground - r * 0.18, x + r * 0.9, ground + r * 0.18), fill=(60, 60, 60))
        corners = _outline(who.shape, x, y, r, pose.turn)
        self.draw.polygon(corners, fill=PAINT[pose.colour], outline=INK, width=max(2, round(r / 9)))
        ink = INK if pose.colour in ("yellow", "orange") else WHITE
        self.draw.text((x, y + r * 0.06), who.name[0], fill=ink, font=_font(round(r * 1.15)), anchor="mm")
        if pose.effect:
            _EFFECTS[pose.effect](self, x, y, r, pose)

    def prop(self, name: str, x: float) -> None:
        self._sign(_PROPS[name], x * self.width, PROP_LINE * self.height, 0.30 * self.height)

    def thing(self, thing: Lying) -> None:
        base = (FRONT + 0.06 - thing.lift) * self.height
        self._sign(_THINGS[thing.name], thing.x * self.width, base, 0.145 * self.height)

    def _sign(
        self, parts: tuple[tuple[tuple[int, int, int], tuple[Point, ...]], ...], x: float, y: float, s: float
    ) -> None:
        for colour, points in parts:
            placed = [(x + px * s, y - py * s) for px, py in points]
            self.draw.polygon(placed, fill=colour, outline=INK, width=2)

    def line(self, *points: Point, colour: tuple[int, int, int] = WHITE) -> None:
        w = max(3, self.height // 60)
        self.draw.line(points, fill=INK, width=w + 2)
        self.draw.line(points, fill=colour, width=w)

    def dot(self, x: float, y: float, r: float, colour: tuple[int, int, int] = WHITE) -> None:
        self.draw.ellipse((x - r, y - r, x + r, y + r), fill=colour, outline=INK, width=2)

    def arrow(self, x: float, y: float, way: int, length: float) -> None:
        tip = x + way * length
        self.line((x, y), (tip, y))
        self.line(
            (tip - way * length * 0.4, y - length * 0.35), (tip, y), (tip - way * length * 0.4, y + length * 0.35)
        )


@lru_cache(32)
def _font(size: int) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    return ImageFont.load_default(size)


_UNIT = {
    "square": [(math.radians(a), 1.2) for a in (45, 135, 225, 315)],
    "triangle": [(math.radians(a), 1.25) for a in (30, 150, 270)],
    "diamond": [(math.radians(90 * i), 1.0 if i % 2 == 0 else 1.3) for i in range(4)],
    "hexagon": [(math.radians(60 * i), 1.08) for i in range(6)],
    "star": [(math.radians(36 * i - 90), 1.3 if i % 2 == 0 else 0.62) for i in range(10)],
    "circle": [(math.radians(15 * i), 1.0) for i in range(24)],
}


def _outline(shape: str, x: float, y: float, r: float, turn: float) -> list[Point]:
    by = math.radians(turn)
    return [(x + r * far * math.cos(a + by), y + r * far * math.sin(a + by)) for a, far in _UNIT[shape]]


def _ring(n: int, r: float = 0.5, cx: float = 0.0, cy: float = 0.5) -> tuple[Point, ...]:
    turns = (2 * math.pi * i / n for i in range(n))
    return tuple((cx + r * math.cos(t), cy + r * math.sin(t)) for t in turns)


def _box(left: float, bottom: float, right: float, top: float) -> tuple[Point, ...]:
    return ((left, bottom), (right, bottom), (right, top), (left, top))


_WOOD, _LEAF, _STONE, _CLOTH = (134, 92, 52), (40, 122, 60), (140, 140, 148), (226, 196, 150)
_PROPS = {
    "tree": ((_WOOD, _box(-0.12, 0, 0.12, 0.6)), (_LEAF, _ring(12, 0.52, 0, 1.0))),
    "rock": ((_STONE, ((-0.7, 0), (0.7, 0), (0.55, 0.55), (0.15, 0.85), (-0.4, 0.7))),),
    "barrel": ((_WOOD, ((-0.4, 0), (0.4, 0), (0.5, 0.5), (0.4, 1.0), (-0.4, 1.0), (-0.5, 0.5))),
               ((90, 90, 96), _box(-0.48, 0.62, 0.48, 0.74)), ((90, 90, 96), _box(-0.48, 0.26, 0.48, 0.38))),
    "tent": ((_CLOTH, ((-0.75, 0), (0.75, 0), (0, 1.15))), ((96, 60, 44), ((-0.18, 0), (0.18, 0), (0, 0.6)))),
    "fence": (*((_CLOTH, _box(x, 0, x + 0.2, 0.85)) for x in (-0.75, -0.4, -0.05, 0.3, 0.65)),
              (_CLOTH, _box(-0.85, 0.5, 0.95, 0.65))),
}  # fmt: skip
_THINGS = {
    "ball": ((WHITE, _ring(16)), ((40, 40, 48), _ring(6, 0.2))),
    "lantern": (((60, 60, 66), _box(-0.12, 0.85, 0.12, 1.05)), ((255, 240, 140), _box(-0.32, 0.1, 0.32, 0.85)),
                ((60, 60, 66), _box(-0.4, 0, 0.4, 0.12))),
    "basket": (((176, 126, 70), ((-0.38, 0), (0.38, 0), (0.55, 0.55), (-0.55, 0.55))),
               ((232, 190, 120), _box(-0.6, 0.5, 0.6, 0.68))),
    "drum": (((196, 60, 90), _box(-0.5, 0.0, 0.5, 0.6)), ((244, 236, 220), _box(-0.55, 0.56, 0.55, 0.8))),
    "kite": (((70, 200, 210), ((0, -0.1), (0.42, 0.5), (0, 1.1), (-0.42, 0.5))), (WHITE, _box(-0.04, -0.1, 0.04, 1.1))),
}  # fmt: skip


def _lines(pen: Pen, x: float, y: float, r: float, pose: Pose) -> None:
    for dx in (-0.6, 0.0, 0.6):
        pen.line((x + dx * r, y + 1.5 * r), (x + dx * r, y + 2.1 * r))


def _arcs(pen: Pen, x: float, y: float, r: float, pose: Pose) -> None:
    for start in (20, 200):
        turns = [math.radians(start + pose.turn + 12 * i) for i in range(9)]
        pen.line(*((x + 1.6 * r * math.cos(t), y + 1.6 * r * math.sin(t)) for t in turns))


def _dots(pen: Pen, x: float, y: float, r: float, pose: Pose) -> None:
    for i in range(3):
        pen.dot(x + (i - 1) * 0.8 * r, y - 1.8 * r, 0.26 * r)


def _sparkles(pen: Pen, x: float, y: float, r: float, pose: Pose) -> None:
    for i in range(6):
        t = math.radians(60 * i + 90 * pose.progress)
        cx, cy, s = x + 1.75 * r * math.cos(t), y + 1.75 * r * math.sin(t), 0.32 * r
        pen.line((cx - s, cy), (cx + s, cy), colour=(255, 250, 170))
        pen.line((cx, cy - s), (cx, cy + s), colour=(255, 250, 170))


def _arrow(pen: Pen, x: float, y: float, r: float, pose: Pose) -> None:
    pen.arrow(x - pose.way * 0.6 * r, y - 1.8 * r, pose.way, 1.3 * r)


def _wave(pen: Pen, x: float, y: float, r: float, pose: Pose) -> None:
    for i in (1, 2):
        back = x - pose.way * (1.0 + 0.5 * i) * r
        pen.dot(back, y + 0.7 * r, 0.2 * r)
    tilt = 0.35 * math.sin(12 * pose.progress)
    pen.line((x - pose.way * 0.4 * r, y - 1.1 * r), (x - pose.way * (0.9 + tilt) * r, y - 2.0 * r))


def _speed(pen: Pen, x: float, y: float, r: float, pose: Pose) -> None:
    for dy in (-0.5, 0.1, 0.7):
        pen.line((x - pose.way * 1.3 * r, y + dy * r), (x - pose.way * 2.0 * r, y + dy * r))


def _alarm(pen: Pen, x: float, y: float, r: float, pose: Pose) -> None:
    pen.line((x, y - 2.3 * r), (x, y - 1.7 * r), colour=(255, 90, 80))
    pen.dot(x, y - 1.4 * r, 0.16 * r, (255, 90, 80))


def _burst(pen: Pen, x: float, y: float, r: float, pose: Pose) -> None:
    cx, cy = x + pose.way * 0.08 * pen.width, y - 0.6 * r
    turns = [math.radians(22.5 * i) for i in range(16)]
    spikes = [(cx + (0.6 + 0.7 * (i % 2)) * r * math.cos(t), cy + (0.6 + 0.7 * (i % 2)) * r * math.sin(t))
              for i, t in enumerate(turns)]  # fmt: skip
    pen.draw.polygon(spikes, fill=(255, 236, 80), outline=INK, width=2)


def _swap(pen: Pen, x: float, y: float, r: float, pose: Pose) -> None:
    pen.arrow(x - pose.way * 0.5 * r, y - 1.7 * r, pose.way, 1.0 * r)
    pen.dot(x - pose.way * 1.5 * r, y, 0.2 * r)


_EFFECTS: dict[str, Callable[[Pen, float, float, float, Pose], None]] = {
    "lines": _lines, "arcs": _arcs, "dots": _dots, "sparkles": _sparkles, "arrow": _arrow, "wave": _wave,
    "speed": _speed, "alarm": _alarm, "burst": _burst, "swap": _swap,
}  # fmt: skip
