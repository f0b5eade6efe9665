"""A look at held-out questions while video_chat trains: they are asked, answered and read as `evaluate` does it, by
the model as it is in memory. So the accuracy is what `evaluate` would say, but that a reply is given less room."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from flyreel.errors import ModelError
from flyreel.evaluate.answering import read
from flyreel.evaluate.pictures import CannotShow
from flyreel.evaluate.showing import show
from flyreel.evaluate.views import VIEWS
from flyreel.models._opening import Opened
from flyreel.models.in_process import FramesAs, TransformersModel
from flyreel.train import losses
from flyreel.train.data import Frames, Sample
from flyreel.train.video_chat import model as chat

ROOM = 32
"""Tokens: the form that is asked for takes eight, and who has not learnt it yet is not waited for."""

BatchWith = Callable[[Sequence[Sample]], dict[str, Any] | None]


def at_held_out(
    found: Opened, model: nn.Module, held: Sequence[Sample], frames: Frames, frames_as: FramesAs, size: int,
    batch_with: BatchWith,
) -> dict[str, float]:  # fmt: skip
    """`loss` is the mean of −log p over the tokens of held-out answers, whatever is trained by, and NaN where none fits
    or can be read; `accuracy` is of those with choices, where a reply that cannot be read is wrong. `model` is
    `found.model` in its wrapping."""
    asked = [sample for sample in held if sample.key is not None]
    told = {"loss": _loss(found, model, [held[i : i + size] for i in range(0, len(held), size)], batch_with)}
    if asked:
        told["accuracy"] = sum(right(found, frames, frames_as, asked)) / len(asked)
    return told


@torch.no_grad()
def _loss(found: Opened, model: nn.Module, batches: Sequence[Sequence[Sample]], batch_with: BatchWith) -> float:
    total, tokens = 0.0, 0
    for samples in batches:
        if (batch := batch_with(samples)) is None:
            continue
        logits, labels = chat.predicted(found.model, model, batch)
        said = int((labels != losses.IGNORED).sum())
        total += float(losses.cross_entropy(logits, labels)) * said
        tokens += said
    return total / tokens if tokens else math.nan


def right(found: Opened, frames: Frames, frames_as: FramesAs, samples: Sequence[Sample]) -> list[bool]:
    """A clip that cannot be read, or a question that does not fit, is not answered right."""
    model = TransformersModel("held-out", found, frames_as)

    async def answers() -> list[bool]:
        return [await _right(model, frames, sample) for sample in samples]

    return asyncio.run(answers())


async def _right(model: TransformersModel, frames: Frames, sample: Sample) -> bool:
    seen = frames.of(sample)
    if seen is None:
        return False
    try:
        call = show(sample.item, VIEWS["full"], seen, tokens=ROOM).call
        reply = await model.send(call)
    except (CannotShow, ModelError):
        return False
    return read(reply.text, sample.item.choices, question=sample.item.id, model="held-out").answer == sample.key
