"""What a call asks, read back from its messages: for trained models that are small, and made for questions and frames.

They do not read a prompt, they answer a question. The prompt is that of `evaluate` (prompts/answer.md.jinja); of any
other the last message is taken for the question, and lines such as "A) …" for choices.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from PIL import Image

from flyreel.errors import Refused
from flyreel.models.call import Call, Media, content_of
from flyreel.models.hub import brief
from flyreel.models.scoring import LETTERS

QUESTION, OPTIONS = "Question: ", "Options:"
AFTER = ("Exactly one option is right.", "Reply with the answer only,")
"""What the prompt says after options and after a question without any."""

_TIMES = re.compile(r"^The pictures are \d+ frames of the video in this order, at ([\d., ]+) seconds\.$", re.M)


@dataclass(frozen=True, eq=False)
class Asked:
    before: str
    """What stands before the question, dialogue among it; nothing in another prompt."""
    question: str
    choices: list[str]
    """None for an open question."""
    media: list[Media]
    """Pictures, in the order they were sent."""
    times: list[float]
    """Of the pictures, in seconds; empty where the prompt does not say them."""

    @cached_property
    def pictures(self) -> list[np.ndarray]:
        """(height, width, 3) bytes each. Raises `Refused` for what cannot be decoded."""
        return [_decoded(media) for media in self.media]


def read_call(call: Call) -> Asked:
    """Raises `Refused` for what is no picture."""
    last = call.messages[-1] if call.messages else {}
    before, question, choices = _parts(content_of(last))
    told = _TIMES.search(before)
    times = [float(t) for t in told[1].split(",")] if told else []
    return Asked(before, question, choices, _media(call), times)


def _parts(text: str) -> tuple[str, str, list[str]]:
    """What stands before the question, the question, and the choices. Dialogue is one quoted line a cue and begins
    with its time, so the first line that begins as a question does is the question."""
    lines = text.split("\n")
    start = next((i for i, line in enumerate(lines) if line.startswith(QUESTION)), None)
    before, rest = ([], lines) if start is None else (lines[:start], lines[start:])
    if start is not None:
        rest = [rest[0].removeprefix(QUESTION), *rest[1:]]
    end = next((i for i in reversed(range(len(rest))) if rest[i].startswith(AFTER)), len(rest))
    rest = rest[:end]
    marks = [i for i, line in enumerate(rest) if line.startswith(f"{LETTERS[0]}) ")]
    if not marks:
        return "\n".join(before), "\n".join(rest).strip(), []
    asked = rest[: marks[0]]
    if asked and asked[-1] == OPTIONS:
        asked = asked[:-1]
    return "\n".join(before), "\n".join(asked).strip(), _choices(rest[marks[0] :])


def _choices(lines: list[str]) -> list[str]:
    """A line that does not begin with the next letter goes on with the choice before it."""
    found: list[list[str]] = []
    for line in lines:
        if len(found) < len(LETTERS) and line.startswith(f"{LETTERS[len(found)]}) "):
            found.append([line[3:]])
        else:
            found[-1].append(line)
    return ["\n".join(choice).rstrip() for choice in found]


def _media(call: Call) -> list[Media]:
    there = {m.address: m for m in call.media}
    contents = [m.get("content") or "" for m in call.messages]
    parts = [part for content in contents if not isinstance(content, str) for part in content]
    return [_picture(part, there) for part in parts if part["type"] != "text"]


def _picture(part: Mapping[str, Any], there: Mapping[str, Media]) -> Media:
    if part["type"] != "image_url":
        raise Refused("not-a-picture", f"{part['type']}: a model in this process is shown frames, not files")
    address = part["image_url"]["url"]
    if address not in there:
        raise Refused("no-such-picture", address[:80])
    return there[address]


def _decoded(media: Media) -> np.ndarray:
    try:
        return np.asarray(Image.open(io.BytesIO(media.data)).convert("RGB"))
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise Refused("unreadable-picture", brief(error)) from None
