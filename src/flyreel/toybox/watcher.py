"""A model that watches: it looks at the pictures it is sent, and is right only if they are the clip, and run forwards.

For finding out whether an evaluation measures what it says. It knows each clip's frames, finds the pictures among them,
and answers with the key where there are two or more in the order of time; with one picture it is right for a share of
the questions; with none, or with pictures in another order, it goes by the text, which tells nothing.

    python -m flyreel.toybox.watcher toybox/questions.jsonl --single 0.5 --mumbles 0.05
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from flyreel.formats.base import read
from flyreel.formats.clip_files import files
from flyreel.models.call import content_of
from flyreel.models.fake import FakeReply, FakeServer, options, serve
from flyreel.models.scoring import LETTERS
from flyreel.questions import Questions
from flyreel.video import decode

SMALL = (24, 32)
"""Rows and columns to which frames and pictures are brought before they are held against each other."""

_QUESTION = re.compile(r"^Question: (.*)$", re.M)

DRESSES = ("{letter}", "**Answer:** {letter}", "({letter})", "The answer is {letter}.", "{letter}) {text}",
           "Let me look at the frames. It can only be one of them.\n\nAnswer: {letter}")  # fmt: skip


@dataclass
class Watcher:
    """`single` is the share of questions that one picture is enough for; `mumbles` of replies that say nothing."""

    questions: Questions
    files: Mapping[str, Path]
    single: float = 0.0
    mumbles: float = 0.0
    _frames: dict[str, np.ndarray] = field(default_factory=dict)
    _keys: dict[tuple[str, frozenset[str]], list[tuple[str, str]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        clips = self.questions.strings("clip")
        for i in self.questions.choice_rows:
            choices = self.questions.choices_of(i)
            about = (self.questions.texts[i], frozenset(choices))
            self._keys.setdefault(about, []).append((clips[i], choices[self.questions.answer[i]]))

    def __call__(self, messages: list[dict[str, Any]]) -> FakeReply:
        told, choices = content_of(messages[-1]), options(messages)
        asked = (found := _QUESTION.search(told)) and found[1]
        if not choices:
            return FakeReply("something")  # an open question: it knows no words for what it sees
        letter = self._chosen(str(asked), choices, _pictures(messages[-1]))
        if _draw("mumble", told) < self.mumbles:
            return FakeReply("I would have to see more of it.")
        dress = DRESSES[int(_draw("dress", told) * len(DRESSES))]
        return FakeReply(dress.format(letter=LETTERS[letter], text=choices[letter]))

    def _chosen(self, question: str, choices: Sequence[str], pictures: list[np.ndarray]) -> int:
        for clip, key in self._keys.get((question, frozenset(choices)), ()):
            if pictures and self._enough(clip, question, pictures):
                return choices.index(key)
        return int(_draw("guess", question, *sorted(choices)) * len(choices))

    def _enough(self, clip: str, question: str, pictures: list[np.ndarray]) -> bool:
        """Whether these pictures of this clip tell what the question is about."""
        if clip not in self.files:
            return False
        if clip not in self._frames:
            self._frames[clip] = decode.load(self.files[clip], size=SMALL).images.astype(np.float32)
        apart = [np.abs(self._frames[clip] - picture).mean(axis=(1, 2, 3)) for picture in pictures]
        if max(float(a.min()) for a in apart) > 12.0:  # another clip's
            return False
        if len(pictures) == 1:
            return _draw("single", clip, question) < self.single
        return all(_can_follow(a, b) for a, b in pairwise(apart))


def _can_follow(before: np.ndarray, after: np.ndarray) -> bool:
    """Some frame that looks like the first comes before some frame that looks like the second; still pictures look
    like many frames."""
    first = int(np.flatnonzero(before <= before.min() + 0.5)[0])
    last = int(np.flatnonzero(after <= after.min() + 0.5)[-1])
    return first < last


def _pictures(message: dict[str, Any]) -> list[np.ndarray]:
    from PIL import Image

    content = message["content"] if isinstance(message["content"], list) else []
    found = []
    for part in content:
        if part["type"] == "image_url":
            data = base64.b64decode(part["image_url"]["url"].partition(",")[2])
            picture = Image.open(io.BytesIO(data)).convert("RGB").resize(SMALL[::-1], Image.Resampling.BOX)
            found.append(np.asarray(picture, dtype=np.float32))
    return found


def _draw(*about: str) -> float:
    """Between 0 and 1, from the text alone."""
    return int(hashlib.sha256("\x1f".join(about).encode()).hexdigest()[:12], 16) / 16**12


def main() -> None:
    parser = argparse.ArgumentParser(description="A model on loopback that looks at the pictures it is sent.")
    parser.add_argument("questions", type=Path)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--single", type=float, default=0.5, help="share of questions that one picture is enough for")
    parser.add_argument("--mumbles", type=float, default=0.0, help="share of replies that say nothing")
    parser.add_argument("--name", default="watcher")
    given = parser.parse_args()
    asked = read(given.questions).questions
    known = {id: Path(path) for id, path in files(asked, given.questions, None).items()}
    serve(FakeServer(Watcher(asked, known, given.single, given.mumbles), port=given.port, name=given.name))


if __name__ == "__main__":
    main()
