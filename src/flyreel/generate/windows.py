"""A scene's words as a model is shown them: one line a cue, and no more lines at once than fit its context.

A cue is text from a file and may be anything: a megabyte, a forged line, marks that turn the text about, the words with
which a model's own chat is cut into turns. Whatever it is, it comes to one line, inside quotes that it cannot close.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flyreel.errors import InputError
from flyreel.generate.scene import TOLD, Scene
from flyreel.models.prompts import quote

BYTES = 4
"""To a token, as calls are forecast."""
LEAST = 64
"""Tokens; with fewer a line is all times and quotes."""
OVERLAP = 0.1
"""Of a window's room, for lines of the one before, so that nothing is told only in halves."""
SPEAKER = 80

_UNSEEN = re.compile("[\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e0fff]")
"""What turns text about or hides in it. Joiners stay: words of some languages, and emoji, are made with them."""
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
_HALF = re.compile("[\ud800-\udfff]")
_TURN = re.compile(r"[<\[](?=[|\uff5c]|/?(?:s|bos|eos|pad|unk|start_of_turn|end_of_turn|INST)[>\]]|</?SYS)", re.I)
"""The beginnings of marks between the turns of a chat, which some servers obey even where they stand in a text."""


@dataclass(frozen=True)
class Line:
    """One cue as it is shown. A cue about the whole clip runs to the clip's end, or to 0 where that is not known.
    `cut` says that its text was too long for any window."""

    cue: int
    start: float
    end: float
    shown: str
    words: str
    whole: bool = False
    cut: bool = False


@dataclass(frozen=True)
class Window:
    """Lines that are shown at once, from the first start to the last end; at the ends of a clip it reaches to them."""

    lines: tuple[Line, ...]
    start: float
    end: float


def plain(text: str) -> str:
    """On one line, without what nobody sees; letters that run from right to left stay as they are."""
    if not (text.isascii() and text.isprintable()):
        text = _HALF.sub("\ufffd", _CONTROL.sub(" ", _UNSEEN.sub("", text)))
    return " ".join(_TURN.sub(r"\g<0> ", text).split())


def windows(scene: Scene, tokens: int, overlap: float = OVERLAP, read: Collection[str] = TOLD) -> list[Window]:
    """Every cue that says something, in order, in at least one window; none where nothing is said."""
    if tokens < LEAST:
        raise InputError(f"--tokens {tokens}: too few to show a cue; {LEAST} or more")
    room = tokens * BYTES
    made = (_line(i, cue, scene, room - 1, read) for i, cue in enumerate(scene.cues))
    lines = [line for line in made if line]
    sizes = [len(line.shown.encode()) + 1 for line in lines]
    found: list[Window] = []
    begin = fresh = 0
    while fresh < len(lines):
        used = sum(sizes[begin:fresh])
        while fresh < len(lines) and used + sizes[fresh] <= room:
            used += sizes[fresh]
            fresh += 1
        found.append(_window(lines[begin:fresh], begin == 0, scene.duration if fresh == len(lines) else None))
        if fresh < len(lines):
            begin = _back(sizes, fresh, min(min(overlap, 0.5) * room, room - sizes[fresh]))
    return found


def _back(sizes: Sequence[int], fresh: int, room: float) -> int:
    """Where the next window begins: as many lines before the fresh ones as the room for them holds."""
    begin = fresh
    while begin and sizes[begin - 1] <= room:
        begin -= 1
        room -= sizes[begin]
    return begin


def _window(lines: Sequence[Line], first: bool, duration: float | None) -> Window:
    start = 0.0 if first else min(line.start for line in lines)
    return Window(tuple(lines), start, max(duration or 0.0, *(line.end for line in lines)))


def _line(number: int, cue: Mapping[str, Any], scene: Scene, room: int, read: Collection[str]) -> Line | None:
    start, end = float(cue["start"]), float(cue["end"])
    whole = start == end == 0
    if whole and scene.duration:
        end = scene.duration
    at = "whole clip" if whole and not scene.duration else f"{_seconds(start)}-{_seconds(end)}"
    how = "described" if cue.get("kind") in read else "said"
    raw, speaker = str(cue["text"]), plain(str(cue.get("speaker") or "")[:SPEAKER])
    words = plain(raw[: 4 * room])
    if not words:
        return None
    said = f"{speaker}: {words}" if speaker else words
    shown = f"[{at}] ({how}) {quote(said)}"
    cut = len(raw) > 4 * room or len(shown.encode()) > room
    if cut:
        front = f"[{at}] ({how}, cut) "
        said = _fitting(said, room - len(front) - len('"…"'.encode()))
        shown = front + quote(said + "…")
    return Line(number, start, end, shown, said, whole, cut)


def _seconds(time: float) -> str:
    return f"{time:.1f}" if time < 1e7 else f"{time:.1e}"


def _fitting(text: str, room: int) -> str:
    """As much of the beginning as comes to so many bytes between quotes."""
    for i, c in enumerate(text):
        room -= len(c.encode()) + (c in '"\\')
        if room < 0:
            return text[:i]
    return text
