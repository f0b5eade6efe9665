"""Questions and clips as what a recipe learns from: samples, their frames, and the tokens of prompt and answer.

What a model is asked in training is what `evaluate` will ask it: the same prompt, the same frames.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from flyreel.errors import InputError
from flyreel.evaluate.answering import items
from flyreel.evaluate.pictures import Choosing, Pictures
from flyreel.evaluate.showing import Item
from flyreel.formats.clip_files import known
from flyreel.formats.project import open_questions
from flyreel.models.scoring import LETTERS
from flyreel.questions import Questions
from flyreel.split.assign import assign
from flyreel.split.units import units
from flyreel.tables import Project, content_sha256
from flyreel.train import kept_frames

IGNORED = -100

TRAIN = ("train", "training")
VAL = ("val", "validation", "valid", "dev")
"""What sets call the splits that are used, in any case of letters; no other is."""


@dataclass(frozen=True)
class Sample:
    item: Item
    """Question, choices, what is spoken, and the file of the clip."""
    answer: str
    """In words."""
    key: int | None
    """Which choice it is; None for an open question."""
    group: str
    source: str = "all"
    """What made the question (its origin's name), for losses that look at sources apart."""
    noise: float | None = None
    """How likely the answer is wrong, from `meta.noise`, for losses that weigh by it."""

    @property
    def letter(self) -> str | None:
        return None if self.key is None else LETTERS[self.key]


@dataclass(frozen=True)
class Data:
    train: list[Sample]
    held: list[Sample]
    """Of groups that train has none of."""
    left_out: dict[str, str]
    """By question, in one word why; a row that no question could be made of is under its number."""
    digest: str
    """Of questions, answers and clips: another set is another run."""

    @property
    def copies(self) -> int:
        """Held-out questions that stand in train too, with the same choices, of another film: near copies stay together
        where they can, and in sets made from few templates they cannot."""
        learnt = {(s.item.question, frozenset(s.item.choices)) for s in self.train}
        return sum((s.item.question, frozenset(s.item.choices)) in learnt for s in self.held)

    @property
    def about(self) -> dict[str, Any]:
        """For run.json."""
        return {
            "digest": self.digest, "train": len(self.train), "held": len(self.held), "held_copies": self.copies,
            "left_out": dict(Counter(self.left_out.values())),
        }  # fmt: skip


def data(source: Path, *, held: float = 0.1, seed: int = 1, format: str | None = None) -> Data:
    """Of a question file or a project. Where questions say their split, train learns from `train`, and held-out is
    `val`; `test` is never touched. Where none does, or no `val` is there, groups are drawn: the questions of one group
    or clip never part."""
    if not 0 <= held < 1:
        raise InputError(f"held {held:g}: a share from 0 to below 1")
    reading = open_questions(source, format)
    questions = reading.questions
    found = known(questions, source, Project.at(source))
    cues = dict(zip(found.clips.ids, found.clips.cues, strict=True))
    rows = questions.to_rows()
    shown = items(questions, {id: Path(path) for id, path in found.files.items()}, cues)
    why = {i: _unusable(row, item) for i, (row, item) in enumerate(zip(rows, shown, strict=True))}
    homes = _homes(questions, [i for i, reason in why.items() if not reason], held, seed)
    why |= {i: home for i, home in homes.items() if home not in ("train", "held")}
    parts = {name: [_sample(rows[i], shown[i]) for i, home in homes.items() if home == name]
             for name in ("train", "held")}  # fmt: skip
    left_out = {f"row {p.row}": p.reason for p in reading.problems}
    left_out |= {questions.ids[i]: reason for i, reason in why.items() if reason}
    if not parts["train"]:
        raise InputError(_nothing(source, left_out, found.problems))
    return Data(**parts, left_out=left_out, digest=_digest(parts))


def _unusable(row: Mapping[str, Any], item: Item) -> str:
    """In one word, or nothing where it can be learnt from."""
    if str(row.get("answer", "")).strip() == "":
        return "no-answer"
    if len(item.choices) > len(LETTERS):
        return "too-many-choices"
    noise = row.get("meta", {}).get("noise")
    if noise is not None and not (isinstance(noise, int | float) and 0 <= noise <= 1):
        return "noise-is-no-share"
    return "" if item.video else "missing-clip"


def _sample(row: Mapping[str, Any], item: Item) -> Sample:
    key = row["answer"] if item.choices else None
    noise = row.get("meta", {}).get("noise")
    return Sample(
        item, str(row["answer"] if key is None else item.choices[key]), key, row["group"],
        row.get("origin", {}).get("name") or "all", None if noise is None else float(noise),
    )  # fmt: skip


def _homes(questions: Questions, usable: list[int], held: float, seed: int) -> dict[int, str]:
    """For each usable question `train`, `held`, or why it is in neither."""
    named = [name.strip().casefold() for name in questions.strings("split")]
    if not any(named):
        return _drawn_groups(questions, usable, held, seed)
    homes = {i: _home(named[i]) for i in usable}
    train, val = ([i for i, home in homes.items() if home == wanted] for wanted in ("train", "held"))
    if not held:
        return homes | dict.fromkeys(val, "nothing-is-held")
    if not val:
        return homes | _drawn_groups(questions, train, held, seed)
    groups, clips = questions.strings("group"), questions.strings("clip")
    learnt = {("group", groups[i]) for i in train} | {("clip", clips[i]) for i in train}
    leaks = [i for i in val if ("group", groups[i]) in learnt or ("clip", clips[i]) in learnt]
    return homes | dict.fromkeys(leaks, "group-in-train")


def _home(split: str) -> str:
    if split in TRAIN:
        return "train"
    if split in VAL:
        return "held"
    return "test-split" if split == "test" else "other-split" if split else "no-split"


def _drawn_groups(questions: Questions, usable: list[int], held: float, seed: int) -> dict[int, str]:
    """Near copies of a question stay together too, unless that makes one lump that no share can be cut from, as of
    questions from few templates."""
    ordered = sorted(usable, key=questions.ids.__getitem__)
    if not held or not ordered:
        return dict.fromkeys(usable, "train")
    asked = questions.take(np.array(ordered))
    joined = units(asked)
    if joined.sizes.max() > (1 - held) * len(asked):
        joined = units(asked, copies_may_cross=True)
    if len(joined) < 2:
        return dict.fromkeys(usable, "train")
    keys = [asked.ids[i] for i in np.unique(joined.label, return_index=True)[1]]
    wanted = {"train": 1 - held, "val": held}
    placed = assign(joined.sizes[:, None], np.zeros(len(joined)), keys, wanted, seed)
    home = {i: "train" if placed[unit] == "train" else "held" for i, unit in zip(ordered, joined.label, strict=True)}
    return {i: home[i] for i in usable}


def _nothing(source: Path, left_out: Mapping[str, str], problems: Sequence[str]) -> str:
    why = ", ".join(f"{reason} {n:,}" for reason, n in Counter(left_out.values()).most_common())
    next_step = "put a clips.jsonl with id and path of each clip beside it"
    if "missing-clip" not in left_out.values():
        next_step = "name a file with questions of split train, or of none"
    return f"{source}: nothing to learn from ({why or 'no question'}){''.join(f'; {p}' for p in problems)}; {next_step}"


def check_loss(loss: str, samples: Sequence[Sample]) -> None:
    """Before a run is begun: a loss that needs something of every sample must find it in each."""
    from flyreel.train.losses import criterion

    criterion(loss)
    if loss == "adatailr-sample-noise" and (lacking := sum(sample.noise is None for sample in samples)):
        raise InputError(
            f"--loss {loss}: {lacking:,} of {len(samples):,} questions have no meta.noise; give each one, from 0 to 1, "
            "or choose another loss"
        )


def _digest(parts: Mapping[str, Iterable[Sample]]) -> str:
    told = hashlib.sha256()
    for name, samples in parts.items():
        for s in samples:
            clip = content(s.item.video) if s.item.video else None
            row = [name, s.item.id, s.item.question, s.item.choices, s.item.cues, s.answer, s.key, s.group, s.source,
                   s.noise, clip]  # fmt: skip
            told.update(json.dumps(row, sort_keys=True).encode() + b"\n")
    return told.hexdigest()


def content(file: Path) -> str:
    """The file's digest, computed again only where it has changed; of a file that cannot be read, that it cannot."""
    try:
        about = file.stat()
        return _content(file, about.st_size, about.st_mtime_ns)
    except OSError:
        return "unreadable"


@lru_cache(1 << 20)
def _content(file: Path, size: int, changed: int) -> str:
    return content_sha256(file)


@dataclass
class Frames:
    """The frames of a sample, chosen once and kept on disk: the second epoch decodes nothing.

    Threads may share one: entries are put in place whole, and two threads that make the same one make it alike."""

    choosing: Choosing
    folder: Path
    broken: dict[str, str] = field(default_factory=dict)
    """By the clip's file, in one word why there are none."""

    def of(self, sample: Sample) -> Pictures | None:
        """None where the clip cannot be read, which is noted once and stops nothing."""
        video = sample.item.video
        clip = str(video) if video else sample.item.id
        if clip in self.broken:
            return None
        try:
            if video is None:
                raise kept_frames.Unreadable("missing-clip")
            return kept_frames.pictures(video, content(video), sample.item.question, self.choosing, self.folder)
        except kept_frames.Unreadable as why:
            self.broken[clip] = str(why)
            return None

    def arrays(self, sample: Sample) -> np.ndarray | None:
        """The same as (n, height, width, 3) bytes."""
        seen = self.of(sample)
        return None if seen is None else np.stack([kept_frames.pixels(media) for media in seen.media])


def drawn(count: int, size: int, seed: int, number: int) -> list[int]:
    """Which samples are in the batch of that number: each epoch in an order of its own, every sample once an epoch.

    Every batch is full: one that an epoch ends in goes on into the next, and may hold a sample of both."""
    return [_order(count, seed, at // count)[at % count] for at in range(number * size, (number + 1) * size)]


@lru_cache(4)
def _order(count: int, seed: int, epoch: int) -> list[int]:
    order = list(range(count))
    random.Random(f"{seed} {epoch}").shuffle(order)
    return order


def fitted(prompt: Sequence[int], answer: Sequence[int], longest: int) -> tuple[list[int], list[int]] | None:
    """Ids and labels, where labels are IGNORED over the prompt; None where it does not fit. The answer is never cut."""
    if not answer or len(prompt) + len(answer) > longest:
        return None
    return [*prompt, *answer], [IGNORED] * len(prompt) + list(answer)
