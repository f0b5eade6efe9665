"""What toyvlm learns from: scenes as the script has them, as frames, and as texts in a vocabulary of toybox's words.

A batch is a pure function of seed and step. That is what makes a run that was cut off go on exactly: there is no
stream of random numbers whose place would have to be kept.
"""

from __future__ import annotations

import math
import random
import re
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from flyreel.toybox import asking, draw, questions, telling, world
from flyreel.toybox.staging import FRONT, PROP_LINE, Staging
from flyreel.train.losses import IGNORED
from flyreel.train.toyvlm.eyes import GRID, PLACES, SIZE, Seen
from flyreel.train.toyvlm.net import FRAMES, LONGEST

KINDS = (*world.NAMES, *world.PROPS, *world.THINGS)
_SUFFERED = (*world.WITH_PROP, *world.WITH_THING, *world.WITH_OTHER)
DOINGS = ("", *world.VERBS, world.ENTERS, world.LEAVES, *(f"{verb}, suffered" for verb in _SUFFERED))
SPOTS = (KINDS, DOINGS, world.COLOURS, world.SHAPES, world.SIZES)
WHOLES = (world.PLACES, world.LIGHTS)
SPOT_SIZES, WHOLE_SIZES = tuple(map(len, SPOTS)), tuple(map(len, WHOLES))

PAD, UNKNOWN, END, ASK, ANSWER, TELL = "<pad>", "<unk>", "<end>", "<ask>", "<answer>", "<tell>"
_WORD = re.compile(r"[a-z]+|[.,:?]")


def words_of(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def vocabulary() -> tuple[str, ...]:
    """Every word that toybox can say in a caption, a question or a choice."""
    said = [
        *KINDS, *world.COLOURS, *world.SHAPES, *world.SIZES, *world.PLACES, *world.LIGHTS, *world.LIT.values(),
        *world.AT.values(), *world.VERBS, world.ENTERS, world.LEAVES, *asking.BASE.values(), *world.THEMES.values(),
        "the to then . , : ?", *(re.sub(r"\{\w+\}", "", ask.wording) for ask in asking.ASKS),
    ]  # fmt: skip
    return PAD, UNKNOWN, END, ASK, ANSWER, TELL, *sorted({word for text in said for word in words_of(text)})


class Words:
    def __init__(self, known: tuple[str, ...]) -> None:
        self.known = known
        self.number = {word: i for i, word in enumerate(known)}

    def ids(self, *words: str) -> list[int]:
        return [self.number.get(word, self.number[UNKNOWN]) for word in words]

    def asked(self, question: str) -> list[int]:
        return self.ids(ASK, *words_of(question), ANSWER)

    def said(self, text: str) -> list[int]:
        return self.ids(*words_of(text), END)

    def text(self, ids: list[int]) -> str:
        joined = " ".join(self.known[i] for i in ids if self.known[i] != END)
        return re.sub(r" (?=[.,:?])", "", joined)


def meaning(words: Words) -> Tensor:
    """Which words say each of SPOTS and WHOLES: for "chases, suffered" those of "chases"."""
    labels = [label for part in (*SPOTS, *WHOLES) for label in part]
    found = torch.zeros(len(labels), len(words.known))
    for i, label in enumerate(labels):
        found[i, words.ids(*words_of(label.removesuffix(", suffered")))] = 1.0
    return found


Said = tuple[list[int], list[int]]
"""A prompt and what is said to it, as ids."""


def rows(texts: list[list[Said]]) -> tuple[Tensor, Tensor]:
    """By clip its texts, as ids and labels (clips, texts, words). A label stands beside the word before it; words of
    the prompt and padding have none."""
    longest = min(LONGEST, max(len(a) + len(b) for row in texts for a, b in row) - 1)
    ids = torch.zeros(len(texts), max(map(len, texts)), longest, dtype=torch.long)
    labels = torch.full(ids.shape, IGNORED)
    for i, row in enumerate(texts):
        for j, (prompt, said) in enumerate(row):
            whole = (prompt + said)[: longest + 1]
            ids[i, j, : len(whole) - 1] = torch.tensor(whole[:-1])
            labels[i, j, len(prompt) - 1 : len(whole) - 1] = torch.tensor(whole[len(prompt) :])
    return ids, labels


Spot = tuple[int, int, int, int, int, int]


@dataclass
class Shown:
    """One scene at some moments: what stands where, as numbers of SPOTS with -1 for what a thing does not have."""

    scene: world.Scene
    spots: list[list[Spot]]
    middles: list[list[tuple[float, float]]]
    """Of what stands in each of the spots, as shares of the picture's width and height."""
    wholes: list[tuple[int, int]]
    frames: np.ndarray | None


def shown(scene: world.Scene, times: list[float], width: int | None) -> Shown:
    """`width` of the drawing, which is brought to the size of the eyes; None draws nothing."""
    staging = Staging(scene)
    tableaux = [staging.at(t) for t in times]
    standing = [_standing(scene, staging, t) for t in times]
    wholes = [(world.PLACES.index(t.shot.place), world.LIGHTS.index(t.shot.light)) for t in tableaux]
    frames = None
    if width is not None:
        drawn = [draw.picture(scene, tableau, (width * 3 // 4, width)) for tableau in tableaux]
        frames = np.stack([to_size(picture) for picture in drawn])
    spots = [[spot for spot, _ in frame] for frame in standing]
    return Shown(scene, spots, [[middle for _, middle in frame] for frame in standing], wholes, frames)


def to_size(picture: np.ndarray) -> np.ndarray:
    if picture.shape[:2] == SIZE:
        return picture
    return np.asarray(Image.fromarray(picture).resize((SIZE[1], SIZE[0]), Image.Resampling.BILINEAR))


def moments(duration: float, random_: random.Random | None = None) -> list[float]:
    """Middles of eighths of a clip; in training anywhere in them."""
    return [(i + (0.5 if random_ is None else random_.random())) * duration / FRAMES for i in range(FRAMES)]


def _standing(scene: world.Scene, staging: Staging, time: float) -> list[tuple[Spot, tuple[float, float]]]:
    tableau = staging.at(time)
    event = next((e for e in scene.events if e.start <= time <= e.end), None)

    def doing(name: str) -> int:
        if event is None or name not in (event.actor, event.target):
            return 0
        return DOINGS.index(event.verb if name == event.actor else f"{event.verb}, suffered")

    found = []
    for pose in tableau.poses:
        who = scene.character(pose.name)
        look = (world.COLOURS.index(pose.colour), world.SHAPES.index(who.shape), world.SIZES.index(who.size))
        feet = pose.ground - pose.lift
        spot = (_cell(pose.x, feet - 0.13), KINDS.index(pose.name), doing(pose.name), *look)
        found.append((spot, (pose.x, feet - draw.BODY[who.size])))
    lying = [(name, x, PROP_LINE - 0.15) for name, x in tableau.props]
    lying += [(thing.name, thing.x, FRONT - thing.lift) for thing in tableau.things]
    found += [((_cell(x, y), KINDS.index(name), 0, -1, -1, -1), (x, y)) for name, x, y in lying]
    return [(spot, middle) for spot, middle in found if spot[0] >= 0]


def _cell(x: float, y: float) -> int:
    row, column = math.floor(y * GRID[0]), math.floor(x * GRID[1])
    return row * GRID[1] + column if 0 <= row < GRID[0] and 0 <= column < GRID[1] else -1


def by_script(batch: list[Shown]) -> Seen:
    """What eyes without a fault would see."""
    shape = (len(batch), FRAMES, PLACES)
    cells, there = np.zeros(shape, np.int64), np.zeros(shape, np.float32)
    spots, whole = np.zeros((*shape, sum(SPOT_SIZES)), np.float32), np.zeros((*shape[:2], sum(WHOLE_SIZES)), np.float32)
    starts = [sum(SPOT_SIZES[:i]) for i in range(len(SPOT_SIZES))]
    for i, one in enumerate(batch):
        for j, (place, light) in enumerate(one.wholes):
            whole[i, j, place] = whole[i, j, WHOLE_SIZES[0] + light] = 1.0
            for k, (cell, *parts) in enumerate(one.spots[j][:PLACES]):
                cells[i, j, k], there[i, j, k] = cell, 1.0
                for start, part in zip(starts, parts, strict=True):
                    if part >= 0:
                        spots[i, j, k, start + part] = 1.0
    return Seen(*(torch.from_numpy(a) for a in (cells, there, spots, whole)))


def pairs_about(scene: world.Scene, random_: random.Random, count: int) -> list[tuple[str, str]]:
    """Questions that the script settles, each with one of its right answers."""
    found = [
        (ask.wording.format(**slots), random_.choice(sorted(set(ask.truth(scene, slots)))))
        for ask, slots in questions.chosen(scene, random_, 4 * count)
    ]
    return random_.sample(found, min(count, len(found)))


caption = telling.caption
