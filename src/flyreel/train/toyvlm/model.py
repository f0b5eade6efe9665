"""toyvlm as it is used: it watches clips, chooses among answers, answers in words, and captions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from flyreel.errors import Refused
from flyreel.models._in_thread import Answered, InThread
from flyreel.models.call import Call
from flyreel.models.hub import digest_of
from flyreel.models.scoring import LETTERS
from flyreel.toybox import questions, world
from flyreel.train.asked import read_call
from flyreel.train.losses import IGNORED
from flyreel.train.toyvlm import data
from flyreel.train.toyvlm.data import TELL, Words
from flyreel.train.toyvlm.eyes import SIZE, Eyes, Seen, as_input
from flyreel.train.toyvlm.net import FRAMES, LONGEST, Memory, ToyVlmNet

FILE = "toyvlm.safetensors"


class ToyVlm:
    """Clips are of any number of frames (n, height, width, 3), in bytes; eight of them are looked at."""

    def __init__(self, eyes: Eyes, net: ToyVlmNet, words: Words) -> None:
        self.eyes, self.net, self.words = eyes.eval(), net.eval(), words

    @torch.inference_mode()
    def watch(self, clips: Sequence[np.ndarray]) -> Memory:
        return self.net.remember(watched(self.eyes, clips))

    @torch.inference_mode()
    def likelihoods(self, memory: Memory, asked: Sequence[tuple[str, Sequence[str]]]) -> list[list[float]]:
        """Of questions about the one clip, by choice: the mean of its words' log-probabilities, the end among them."""
        texts = [(self.words.asked(q), self.words.said(choice)) for q, choices in asked for choice in choices]
        ids, labels = data.rows([texts])
        told = self.net.read(memory, ids)[0].float().log_softmax(2)
        kept = labels[0] != IGNORED
        found = told.gather(2, labels[0].clamp(min=0).unsqueeze(2)).squeeze(2) * kept
        means = (found.sum(1) / kept.sum(1).clamp(min=1)).tolist()
        return [[means.pop(0) for _ in choices] for _, choices in asked]

    def choose(self, memory: Memory, question: str, choices: Sequence[str]) -> int:
        return int(np.argmax(self.likelihoods(memory, [(question, choices)])[0]))

    def answer(self, memory: Memory, question: str) -> str:
        return self._say(memory, self.words.asked(question))

    def caption(self, memory: Memory) -> str:
        return self._say(memory, self.words.ids(TELL))

    @torch.inference_mode()
    def _say(self, memory: Memory, prompt: list[int]) -> str:
        """The likeliest word, again and again."""
        ids = list(prompt)
        while len(ids) < LONGEST:
            ids.append(int(self.net.read(memory, torch.tensor([[ids]]))[0, 0, -1].argmax()))
            if self.words.known[ids[-1]] == data.END:
                break
        return self.words.text(ids[len(prompt) :])


def watched(eyes: Eyes, clips: Sequence[np.ndarray]) -> Seen:
    """What eyes see of eight frames of each clip, evenly chosen; a clip of fewer shows some of them twice."""
    chosen = [clip[np.round(np.linspace(0, len(clip) - 1, FRAMES)).astype(int)] for clip in clips]
    frames = torch.from_numpy(np.stack([[data.to_size(f) for f in clip] for clip in chosen]))
    return eyes.seen(as_input(frames.flatten(0, 1)), len(clips))


def write(model: ToyVlm, path: Path) -> None:
    """Eyes, reader and words in one file: toybox may learn other words later."""
    parts = {"eyes": model.eyes, "reader": model.net}
    tensors = {f"{name}.{key}": t for name, part in parts.items() for key, t in part.state_dict().items()}
    save_file({name: t.contiguous() for name, t in tensors.items()}, path, {"words": json.dumps(model.words.known)})


def loaded(path: Path, eyes: Eyes) -> ToyVlm:
    """Into `eyes` that are untrained."""
    with safe_open(path, "pt") as file:
        words = Words(tuple(json.loads(file.metadata()["words"])))
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    net = ToyVlmNet(len(words.known), data.meaning(words))
    for name, part in (("eyes.", eyes), ("reader.", net)):
        part.load_state_dict({key.removeprefix(name): t for key, t in tensors.items() if key.startswith(name)})
    return ToyVlm(eyes, net, words)


def opened(path: Path, eyes: Eyes) -> InThread:
    """As a model that is asked calls."""
    model = loaded(path, eyes)

    def answer(call: Call) -> Answered:
        asked = read_call(call)
        if not asked.question:
            raise Refused("no-question", "the prompt asks nothing that toyvlm can find")
        shown = asked.pictures or [np.zeros((*SIZE, 3), np.uint8)]  # whoever shows nothing shows the dark
        memory = model.watch([np.stack([data.to_size(picture) for picture in shown])])
        if not asked.choices:
            return Answered(model.answer(memory, asked.question))
        return Answered(f"**Answer:** {LETTERS[model.choose(memory, asked.question, asked.choices)]}")

    return InThread("toyvlm", f"sha256:{digest_of([path])}", True, answer)


class Test(NamedTuple):
    """Clean five-choice questions about scenes of one world, by scene, and what eyes see of it."""

    seen: Seen
    asked: list[list[tuple[str, list[str]]]]
    keys: list[list[int]]
    kinds: list[list[str]]


@torch.inference_mode()
def test(eyes: Eyes, seed: int, scenes: int, per_scene: int = 4, blind: str = "") -> Test:
    """`blind` shows black frames ("zeroed"), or those of the clip before ("other"; the last one's for the first)."""
    asked: dict[str, list[tuple[str, list[str], int, str]]] = {}
    gold = questions.questions(seed, scenes, per_scene, faults=0.0)
    answers = gold.answer.tolist()
    for i, (clip, kind) in enumerate(zip(gold.strings("clip"), gold.strings("template"), strict=True)):
        asked.setdefault(str(clip), []).append((gold.texts[i], gold.choices_of(i), answers[i], str(kind)))
    parts = []
    for scene in world.scenes(seed, scenes):
        frames = data.shown(scene, data.moments(scene.duration), SIZE[1]).frames
        assert frames is not None
        parts.append(watched(eyes, [np.zeros_like(frames) if blind == "zeroed" else frames]))
    if blind == "other":
        parts = parts[-1:] + parts[:-1]
    rows = [asked.get(scene.id, []) for scene in world.scenes(seed, scenes)]
    return Test(
        Seen(*map(torch.cat, zip(*parts, strict=True))),
        [[(question, choices) for question, choices, _, _ in row] for row in rows],
        [[key for _, _, key, _ in row] for row in rows],
        [[kind for *_, kind in row] for row in rows],
    )


@torch.inference_mode()
def right(model: ToyVlm, test: Test) -> list[list[bool]]:
    """Of each question whether it is answered right."""
    found = []
    for i, (asked, keys) in enumerate(zip(test.asked, test.keys, strict=True)):
        memory = model.net.remember(Seen(*(t[i : i + 1] for t in test.seen)))
        told = model.likelihoods(memory, asked) if asked else []
        found.append([int(np.argmax(each)) == key for each, key in zip(told, keys, strict=True)])
    return found


def by_kind(test: Test, found: list[list[bool]]) -> dict[str, list[int]]:
    """By kind of question, right and asked."""
    told: dict[str, list[int]] = {}
    for kinds, row in zip(test.kinds, found, strict=True):
        for kind, hit in zip(kinds, row, strict=True):
            counts = told.setdefault(kind, [0, 0])
            counts[0] += hit
            counts[1] += 1
    return dict(sorted(told.items()))


def cat(parts: Sequence[Seen]) -> Seen:
    return Seen(*(torch.cat(list(each)) for each in zip(*parts, strict=True)))


def part_of(seen: Seen, which: Tensor) -> Seen:
    return Seen(*(t[which] for t in seen))
