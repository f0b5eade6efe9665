"""What st-llm learns from: toybox scenes, drawn or told by their script, and questions with clips.

A batch is a pure function of its number. Features of a frame of toybox are shares of what could stand where, which
eyes tell as well as the script, so that both can be mixed.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from flyreel.toybox import questions, world
from flyreel.train.data import Sample, drawn, fitted
from flyreel.train.losses import IGNORED
from flyreel.train.st_llm.words import OwnWords, Words
from flyreel.train.toyvlm import data as toy
from flyreel.train.toyvlm.eyes import GRID, PLACES, Seen, as_input

SIZES = (sum(toy.SPOT_SIZES), sum(toy.WHOLE_SIZES), *GRID, 1, 1 + PLACES)
"""Of the parts of a feature: what stands there, what the frame is like, row, column, how sure, and its number."""
NUMBER = slice(sum(SIZES[:-1]), sum(SIZES))
HELD_WORLD = 1_000_003
"""Added to the seed: a world that no step draws from."""

FeaturesOf = Callable[[], Tensor | None]
"""(frames, tokens, width); None where a clip cannot be read."""


class Ask(NamedTuple):
    question: str
    answer: str
    choices: Sequence[str]
    key: int | None
    kind: str


@dataclass(frozen=True)
class Clip:
    features: FeaturesOf
    asks: Sequence[Ask]
    group: str
    """What is not independent has the same one."""


def features_of(seen: Seen) -> Tensor:
    """(clips, frames, 1 + places, width): first the frame as a whole, then the places where something seems to be."""
    clips, frames, places = seen.cells.shape
    there = seen.there.unsqueeze(3)
    found = torch.zeros(clips, frames, 1 + places, sum(SIZES))
    spots, whole, rows, columns, sure, number = found.split(SIZES, 3)
    whole[:, :, 0] = seen.whole
    spots[:, :, 1:] = seen.spots * there
    rows[:, :, 1:] = F.one_hot(seen.cells // GRID[1], GRID[0]) * there
    columns[:, :, 1:] = F.one_hot(seen.cells % GRID[1], GRID[1]) * there
    sure[:, :, 1:] = there
    number[:] = torch.eye(1 + places)
    return found


def in_words(words: OwnWords, vectors: Tensor) -> Tensor:
    """(width of the features, width of a word): what each feature is in words, as the sum of the words that name it.
    Rows and columns have no names and get vectors of their own; how sure and which number get none."""
    known = toy.meaning(words)
    found = torch.zeros(sum(SIZES), vectors.shape[1])
    found[: len(known)] = known @ vectors
    found[len(known) : sum(SIZES[:4])] = 0.1 * torch.randn(sum(GRID), vectors.shape[1])
    return found


def as_eyes_take(frames: np.ndarray) -> Tensor:
    return as_input(torch.from_numpy(np.stack([toy.to_size(frame) for frame in frames])))


def toy_frames(scene: world.Scene) -> np.ndarray:
    frames = toy.shown(scene, toy.moments(scene.duration), 128).frames
    assert frames is not None
    return frames


def toy_vocabulary() -> OwnWords:
    return OwnWords(toy.vocabulary())


def told(scenes: Sequence[world.Scene], random_: random.Random | None = None) -> Tensor:
    """Features by script, at the middles of eighths or, in training, anywhere in them."""
    return features_of(toy.by_script([toy.shown(s, toy.moments(s.duration, random_), None) for s in scenes]))


def toy_batch(
    words: Words, seed: int, number: int, clips: int, by_script: int, asks: int, scenes: int, pool: int, room: int,
    seen: Callable[[world.Scene], Tensor],
) -> dict[str, Any]:  # fmt: skip
    """`by_script` of the clips are told, of `scenes` there are; the others were drawn and seen, of the first `pool`.
    The rare caption that is longer than `room` is left out."""
    random_ = random.Random(f"{seed}:st-llm:{number}")
    drawn_scenes = [world.scene(seed, random_.randrange(pool)) for _ in range(clips - by_script)]
    told_scenes = [world.scene(seed, random_.randrange(scenes)) for _ in range(by_script)]
    rows = [seen(scene) for scene in drawn_scenes]
    if told_scenes:
        rows += told(told_scenes, random_)
    every = [*drawn_scenes, *told_scenes]
    answers = [
        (i, words.asked(question), words.said(answer))
        for i, scene in enumerate(every)
        for question, answer in toy.pairs_about(scene, random_, asks)
    ]
    captions = [(i, words.told(), words.said(toy.caption(every[i]))) for i in range(0, clips, 4)]
    groups = {"answers": answers, "captions": captions}
    fit = {name: [pair for pair in group if fitted(*pair[1:], room)] for name, group in groups.items()}
    return {"features": torch.stack(rows), "texts": {name: texts(pairs) for name, pairs in fit.items() if pairs}}


def toy_longest(words: Words, seed: int, asks: int) -> int:
    """Tokens of the longest text about a hundred scenes."""
    random_, found = random.Random(seed), []
    for scene in world.scenes(seed, 100):
        found.append(len(words.told()) + len(words.said(toy.caption(scene))))
        found += [len(words.asked(a)) + len(words.said(b)) for a, b in toy.pairs_about(scene, random_, asks)]
    return max(found)


def toy_held(seed: int, clips: int, asks: int, seen: Callable[[world.Scene], Tensor]) -> list[Clip]:
    gold = questions.questions(HELD_WORLD + seed, clips, asks, faults=0.0)
    by_clip: dict[str, list[Ask]] = {}
    kinds, answers = gold.strings("template"), gold.answer.tolist()
    for i, clip in enumerate(gold.strings("clip")):
        choices, key = gold.choices_of(i), answers[i]
        by_clip.setdefault(clip, []).append(Ask(gold.texts[i], choices[key], choices, key, kinds[i]))
    scenes = world.scenes(HELD_WORLD + seed, clips)
    return [
        Clip(lambda scene=scene: seen(scene), by_clip.get(scene.id, []), scene.id)  # type: ignore[misc]
        for scene in scenes
    ]


def sample_batch(
    words: Words, samples: Sequence[Sample], size: int, seed: int, number: int,
    seen: Callable[[Sample], Tensor | None],
) -> dict[str, Any] | None:  # fmt: skip
    """A clip a question: the same clip shows other frames to another question. All of `samples` must fit."""
    chosen, rows = [], []
    for sample in (samples[i] for i in drawn(len(samples), size, seed, number)):
        if (features := seen(sample)) is not None:
            chosen.append(sample)
            rows.append(features)
    if not chosen:
        return None
    asked = [(i, words.asked(s.item.question), words.said(s.answer)) for i, s in enumerate(chosen)]
    noise = [s.noise for s in chosen]
    return {
        "features": torch.stack(rows), "texts": {"answers": texts(asked)}, "sources": [s.source for s in chosen],
        "noise": None if None in noise else torch.tensor(noise),
    }  # fmt: skip


def too_long(words: Words, sample: Sample, room: int) -> bool:
    return fitted(words.asked(sample.item.question), words.said(sample.answer), room) is None


def sample_held(samples: Sequence[Sample], seen: Callable[[Sample], Tensor | None]) -> list[Clip]:
    return [
        Clip(
            lambda sample=sample: seen(sample),  # type: ignore[misc]
            [Ask(sample.item.question, sample.answer, sample.item.choices, sample.key, sample.source)],
            sample.group,
        )
        for sample in samples
    ]


def texts(pairs: Sequence[tuple[int, list[int], list[int]]]) -> dict[str, Tensor]:
    """Of texts about the clip of that number the ids, and as labels what is said; a label stands beside the word before
    it. Shorter ones are filled up behind, where a model that looks back only does not see it."""
    longest = max(len(prompt) + len(said) for _, prompt, said in pairs) - 1
    ids = torch.zeros(len(pairs), longest, dtype=torch.long)
    labels = torch.full((len(pairs), longest), IGNORED)
    for i, (_, prompt, said) in enumerate(pairs):
        ids[i, : len(prompt) + len(said) - 1] = torch.tensor([*prompt, *said[:-1]])
        labels[i, len(prompt) - 1 : len(prompt) + len(said) - 1] = torch.tensor(said)
    return {"which": torch.tensor([which for which, _, _ in pairs]), "ids": ids, "labels": labels}
