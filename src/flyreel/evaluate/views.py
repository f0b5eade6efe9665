"""The ways that a question is shown: whole, and with something taken away, so that what it adds can be counted.

In every view but `full` one thing is missing, on the same questions: sight and sound, sight, all frames but one, or
the order of the frames. Where frames change places their times stay where they were, or the times would undo it.
"""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass
from typing import Literal

from flyreel.errors import InputError, did_you_mean


@dataclass(frozen=True)
class View:
    name: str
    frames: Literal["all", "middle", "shuffled", "reversed", "none"]
    cues: bool
    says: str


VIEWS = {
    view.name: view
    for view in (
        View("full", "all", True, "frames and dialogue"),
        View("blind", "none", False, "the question alone"),
        View("dialogue", "none", True, "dialogue, no frames"),
        View("middle", "middle", True, "one frame and dialogue"),
        View("shuffled", "shuffled", True, "frames mixed, and dialogue"),
        View("reversed", "reversed", True, "frames backwards, and dialogue"),
    )
}

CONTROLS = tuple(name for name in VIEWS if name != "full")

ADDS = {
    "vision": ("dialogue", "what the frames add to the dialogue"),
    "scene": ("blind", "what frames and dialogue add to the question"),
    "more than one frame": ("middle", "what the other frames add to the middle one"),
    "time": ("shuffled", "what the order of the frames adds"),
    "direction": ("reversed", "what running forwards adds"),
}
"""By what is added: the view that lacks it, held against `full`."""


def chosen(names: tuple[str, ...], controls: bool) -> list[View]:
    for name in names:
        if name not in VIEWS:
            raise InputError(f"--view {name}: no such view.{did_you_mean(name, VIEWS)}")
    wanted = {*(names or ("full",)), *(CONTROLS if controls else ())}
    return [view for view in VIEWS.values() if view.name in wanted]


def order(view: View, n: int, id: str) -> list[int]:
    """Which of n frames stands at each place. Shuffled by the question's id, none stays where it was (Sattolo 1986)."""
    places = list(range(n))
    if view.frames == "reversed":
        return places[::-1]
    if view.frames == "shuffled":
        draw = random.Random(hashlib.sha256(id.encode("utf-8", errors="replace")).digest())
        for i in range(n - 1, 0, -1):
            j = draw.randrange(i)
            places[i], places[j] = places[j], places[i]
    return places
