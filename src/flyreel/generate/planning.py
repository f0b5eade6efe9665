"""Which window of a scene is asked for how many questions, and of which kinds.

All of it is drawn from the seed, the clip and the window: nothing depends on what came back first, so a run that was
killed asks the same again, and a forecast asks what the run will.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from flyreel.errors import InputError
from flyreel.generate.method import Setting
from flyreel.generate.scene import Scene
from flyreel.generate.templates import store
from flyreel.generate.templates.store import Template
from flyreel.generate.windows import BYTES, Window, windows
from flyreel.generate.writing import WANTED, kind, selecting, writing
from flyreel.models.call import Call

AT_ONCE = 6
"""Templates that one call writes for, at most."""
DRAWS = 1000
"""Draws that one seed has to itself."""


@dataclass(frozen=True)
class Part:
    """One window and how many questions it is asked for. `offered` are the templates that a model picks among."""

    scene: Scene
    number: int
    window: Window
    asked: int
    offered: tuple[Template, ...]
    setting: Setting

    @property
    def chooses(self) -> bool:
        """Are there more templates than one call writes for?"""
        return len(self.offered) > AT_ONCE

    def select(self) -> Call:
        return selecting(self.window, [kind(t) for t in self.offered], self.setting.seed)

    def write(self, number: int, batch: Sequence[Template]) -> Call:
        sample = self.setting.seed * DRAWS + number
        return writing(self.window, [kind(t) for t in batch], self.setting.choices, sample)


def usable(setting: Setting) -> tuple[Template, ...]:
    if not (templates := setting.templates or tuple(store.read(None))):
        raise InputError("--templates: no template there; leave the option out for those that come with flyreel")
    return templates


def parts(scene: Scene, setting: Setting, templates: Sequence[Template]) -> list[Part]:
    """Windows share the questions of a clip; with more windows than questions every so many is asked for one."""
    shown = windows(scene, setting.tokens, read=setting.read)
    ends = [setting.count * i // len(shown) for i in range(len(shown) + 1)] if shown else []
    found = []
    for i, window in enumerate(shown):
        if asked := ends[i + 1] - ends[i]:
            offered = _offered(templates, setting.tokens * BYTES, _dice(setting, scene, i, "offer"))
            found.append(Part(scene, i, window, asked, offered, setting))
    return found


def drawn(part: Part) -> list[Template]:
    """What is written of where no model picks, of every category; with few templates all of them."""
    order = _across(part.offered, _dice(part.setting, part.scene, part.number, "draw"))
    return [part.offered[i] for i in order[:WANTED]]


def filled(picked: Sequence[Template], part: Part) -> list[Template]:
    """What a model picked, with drawn ones beside it where that is not enough for one call."""
    more = [t for t in drawn(part) if t not in picked]
    return [*picked, *more[: max(0, AT_ONCE - len(picked))]]


def batches(part: Part, picked: Sequence[Template]) -> list[list[Template]]:
    """Templates a call: five or six where there are as many, none twice in a call, each as often as any other up to
    one. All are taken in an order of chance, then again in another."""
    number = -(-part.asked // min(AT_ONCE, len(picked)))
    dice = _dice(part.setting, part.scene, part.number, "batches")
    waiting: list[Template] = []
    found = []
    for i in range(number):
        size = part.asked * (i + 1) // number - part.asked * i // number
        batch, waiting = waiting[:size], waiting[size:]
        if missing := size - len(batch):
            again = dice.sample(list(picked), len(picked))
            again.sort(key=lambda template: template in batch)
            batch, waiting = batch + again[:missing], again[missing:]
        found.append(batch)
    return found


def _dice(setting: Setting, scene: Scene, window: int, what: str) -> random.Random:
    return random.Random(f"{setting.seed} {scene.clip} {window} {what}")


def _offered(templates: Sequence[Template], room: int, dice: random.Random) -> tuple[Template, ...]:
    """As many as take no more room than the scene may, of every category, in the order of the list."""
    kept: list[int] = []
    for i in _across(templates, dice):
        room -= len(kind(templates[i]).encode()) + 5
        if room < 0 and kept:
            break
        kept.append(i)
    return tuple(templates[i] for i in sorted(kept))


def _across(templates: Sequence[Template], dice: random.Random) -> list[int]:
    """All positions, in an order of chance that takes one of every category in turn."""
    by_category: dict[str, list[int]] = {}
    for i in dice.sample(range(len(templates)), len(templates)):
        by_category.setdefault(templates[i].category, []).append(i)
    turns = [(turn, n, i) for n, found in enumerate(by_category.values()) for turn, i in enumerate(found)]
    return [i for _, _, i in sorted(turns)]
