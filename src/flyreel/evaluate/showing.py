"""One question in one view, as the call that puts it to a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flyreel.evaluate.pictures import CannotShow, Pictures, whole
from flyreel.evaluate.views import View, order
from flyreel.models.call import Call, Media
from flyreel.models.prompts import load, quote
from flyreel.models.scoring import LETTERS
from flyreel.schema import SPOKEN

SENDS = ("frames", "video")
"""Pictures, or the file itself for an endpoint that takes one."""

TOKENS = 256
"""Room for a model that thinks aloud before it answers."""


@dataclass(frozen=True)
class Item:
    """What there is to show of one question. `cues` is all that is spoken; `video` is None where no file is there."""

    id: str
    question: str
    choices: tuple[str, ...]
    cues: tuple[Mapping[str, Any], ...] = ()
    video: Path | None = None


def spoken(cues: Sequence[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    """All that is said, in order of time, and no description of the picture: that would show to the blind what they
    must not see. Nothing is cut: a model whose context is too short says so, which is better than half a scene."""
    heard = [{"speaker": None, **cue, "text": str(cue["text"])} for cue in cues if cue["kind"] in SPOKEN]
    return tuple(sorted(heard, key=lambda cue: cue["start"]))


@dataclass(frozen=True)
class Shown:
    call: Call
    frames: tuple[int, ...] = ()


def show(item: Item, view: View, pictures: Pictures | None, send: str = "frames", tokens: int = TOKENS) -> Shown:
    """`pictures` may be None where the view shows none. Raises `CannotShow`."""
    media, times, numbers = _seen(item, view, pictures, send)
    cues = item.cues if view.cues else ()
    if len(item.choices) > len(LETTERS):
        line = f"question {item.id}: {len(item.choices)} choices, and only {len(LETTERS)} letters"
        raise CannotShow("too-many-choices", line)
    pictured = ["frames of it"] if numbers else ["the video itself"] if media else []
    seen = " and ".join([*pictured, *(["its dialogue"] if cues else [])]) or "nothing"
    messages: tuple[dict[str, Any], ...] = load("flyreel.evaluate", "answer").messages(
        seen=seen, times=times, cues=cues, question=item.question, choices=item.choices, letters=LETTERS, quote=quote
    )
    if media:
        *before, last = messages
        parts = [m.part for m in media]
        messages = (*before, {**last, "content": [*parts, {"type": "text", "text": last["content"]}]})
    return Shown(Call(messages, {"max_tokens": tokens, "temperature": 0.0}, media=media), numbers)


def _seen(
    item: Item, view: View, pictures: Pictures | None, send: str
) -> tuple[tuple[Media, ...], list[str], tuple[int, ...]]:
    if view.frames == "none":
        return (), [], ()
    if view.frames == "all" and send == "video":
        assert item.video is not None
        return (whole(item.video),), [], ()
    assert pictures is not None
    if view.frames == "middle":
        number, time, media = pictures.middle
        return (media,), [f"{time:.1f}"], (number,)
    places = order(view, len(pictures.media), item.id)
    times = [f"{t:.1f}" for t in pictures.times]
    return tuple(pictures.media[i] for i in places), times, tuple(pictures.numbers[i] for i in places)
