"""Every question to one model in every view; what came of each is a `Prediction`, also where nothing came.

The frames of a clip are decoded once a question, for all its views. A clip that is not there, or cannot be read, takes
its question out of the views that show frames and out of no other. What is wrong with the machine, such as a missing
extra, is wrong for every question and ends the run.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flyreel.engine.calls import Caller
from flyreel.engine.local import Progress, run
from flyreel.engine.stage import Context, Drop
from flyreel.errors import ModelError
from flyreel.evaluate.open_ended import taken
from flyreel.evaluate.pictures import CannotShow, Choosing, Pictures, pictures
from flyreel.evaluate.showing import TOKENS, Item, Shown, show, spoken
from flyreel.evaluate.views import VIEWS, View
from flyreel.models.call import Call
from flyreel.questions import Questions
from flyreel.replies.parsing import read_reply
from flyreel.schema import Prediction
from flyreel.video.limits import BadMedia

Found = list[Prediction]


@dataclass(frozen=True)
class Setting:
    """How questions are put; the same for every model."""

    views: Sequence[View]
    choosing: Choosing = field(default_factory=Choosing)
    send: str = "frames"
    tokens: int = TOKENS

    def views_of(self, item: Item) -> Sequence[View]:
        """An open-ended question is put once: whole, or else in the first view, as nothing compares its views."""
        if item.choices:
            return self.views
        return [view for view in self.views if view is VIEWS["full"]] or self.views[:1]


def items(
    questions: Questions, files: Mapping[str, Path], cues: Mapping[str, Sequence[Mapping[str, Any]]]
) -> list[Item]:
    """`cues` by clip, for questions that carry none of their own."""
    own = questions.table.column("cues").to_pylist()
    clips = questions.strings("clip")
    return [
        Item(
            id, questions.texts[i], tuple(questions.choices_of(i)), spoken(own[i] or cues.get(clips[i], ())),
            files.get(clips[i]),
        )
        for i, id in enumerate(questions.ids)
    ]  # fmt: skip


async def answers(caller: Caller, asked: Sequence[Item], setting: Setting, progress: Progress) -> list[Found]:
    """By question, a prediction for each view that it is put in."""

    async def put(item: Item, context: Context) -> Found:
        seen = await asyncio.to_thread(looked_at, item, setting)
        return [await _answer(item, view, seen, setting, context) for view in setting.views_of(item)]

    outcomes = await run(put, asked, Context(caller), progress)
    name = caller.model.label
    return [
        o.value
        if not isinstance(o.value, Drop)
        else [Prediction(question=o.item.id, model=name, view=v.name, asked=False, failure=o.value.reason)
              for v in setting.views_of(o.item)]
        for o in outcomes
    ]  # fmt: skip


Seen = Pictures | str | None
"""Frames, or in one word why there are none; None where no view shows any."""


def looked_at(item: Item, setting: Setting) -> Seen:
    if all(view.frames == "none" for view in setting.views_of(item)):
        return None
    if item.video is None:
        return "missing-clip"
    try:
        return pictures(item.video, item.question, setting.choosing)
    except (BadMedia, OSError):
        return "unreadable-clip"


def shown(item: Item, view: View, seen: Seen, setting: Setting) -> Shown | str:
    """The call, or why there is none."""
    try:
        if view.frames == "none":
            return show(item, view, None, tokens=setting.tokens)
        if not isinstance(seen, Pictures):
            return seen or "missing-clip"
        if view.frames in ("shuffled", "reversed") and len(seen.media) < 2:
            return "one-frame"
        return show(item, view, seen, setting.send, setting.tokens)
    except CannotShow as cannot:
        return cannot.reason
    except (BadMedia, OSError):
        return "unreadable-clip"


async def _answer(item: Item, view: View, seen: Seen, setting: Setting, context: Context) -> Prediction:
    made = shown(item, view, seen, setting)
    about: dict[str, Any] = {"question": item.id, "model": context.caller.model.label, "view": view.name}
    if isinstance(made, str):
        return Prediction(**about, asked=False, failure=made)
    try:
        reply = await context.ask(made.call)
    except ModelError as error:
        return Prediction(**about, asked=False, failure=error.reason)
    return read(reply.text, item.choices, frames=made.frames, **about)


def read(reply: str, choices: Sequence[str], **about: Any) -> Prediction:
    """What a reply comes to. To an open question it is the answer itself, if it says anything."""
    if not choices:
        return Prediction(**about, reply=reply, **taken(reply))
    parsed = read_reply(reply, choices)
    return Prediction(**about, reply=reply, answer=parsed.index, strict=parsed.strict, failure=parsed.failure)


def calls(asked: Sequence[Item], setting: Setting, progress: Any) -> Iterator[Call]:
    """Every call that will be made, for forecasts. Frames are decoded for that: they are part of what is asked."""
    for done, item in enumerate(asked, start=1):
        seen = looked_at(item, setting)
        for view in setting.views_of(item):
            if isinstance(made := shown(item, view, seen, setting), Shown):
                yield made.call
        progress(done, len(asked))
