"""A film as text: captions of its frames and what is spoken, a line each, in order of time, before the question.

What is asked in a call is read back from the prompt that `evaluate` sends (asked.py), and makes the same text as the
question did in training. Lines are what gives way where the text is too long; the question, its options and the answer
are never cut.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from flyreel.evaluate.open_ended import normalised, token_f1
from flyreel.models.control_tokens import plain
from flyreel.models.prompts import load, quote
from flyreel.models.scoring import LETTERS

_CUE = re.compile(r"^\[(\d+(?:\.\d+)?)-(\d+(?:\.\d+)?)\] (.*)$", re.M)

NEAR = 0.8
"""Of the words that what was written shares with a choice, where it is no choice to the letter."""


class Line(NamedTuple):
    """`start` is None for a frame whose time nobody said."""

    start: float | None
    end: float | None
    text: str

    def __str__(self) -> str:
        if self.start is None:
            return self.text
        span = f"{self.start:.1f}" if self.end in (None, self.start) else f"{self.start:.1f}-{self.end:.1f}"
        return f"[{span}] {self.text}"


def spoken(cues: Sequence[Mapping[str, Any]]) -> list[Line]:
    return [
        Line(_tenth(cue["start"]), _tenth(cue["end"]),
             quote((f"{cue['speaker']}: " if cue.get("speaker") else "") + cue["text"]))
        for cue in cues
    ]  # fmt: skip


def heard(before: str) -> list[Line]:
    """The same, from what stands before the question in a prompt of `evaluate`."""
    return [Line(float(m[1]), float(m[2]), m[3]) for m in _CUE.finditer(before)]


def _tenth(seconds: float) -> float:
    return float(f"{seconds:.1f}")


def spans(captions: Sequence[str], times: Sequence[float], alike: float) -> list[Line]:
    """Neighbours that say the same are one line from the first to the last of them. Each is held against the one that
    its line began with, so that a film that changes little by little is still told as changing."""
    lines: list[Line] = []
    for i, caption in enumerate(captions):
        time = times[i] if len(times) == len(captions) else None
        if lines and same(lines[-1].text, caption, alike):
            lines[-1] = lines[-1]._replace(end=time)
        else:
            lines.append(Line(time, time, caption))
    return lines


def same(a: str, b: str, alike: float) -> bool:
    return normalised(a) == normalised(b) or token_f1(a, b) >= alike


def in_time(captions: Sequence[Line], cues: Sequence[Line]) -> list[str]:
    """What is seen before what is said where both begin at once; frames without a time before all that is said."""
    return [str(line) for line in sorted([*captions, *cues], key=_begins)]


def _begins(line: Line) -> float:
    return -1.0 if line.start is None else line.start


class Pieces(NamedTuple):
    """Tokens of a text that is put together from them: what stands before the lines, each line, and what is asked."""

    head: list[int]
    lines: list[list[int]]
    tail: list[int]


def pieces(tokenizer: Any, question: str, choices: Sequence[str], lines: Sequence[str]) -> Pieces:
    head, tail = load("flyreel.train", "reader").messages(
        question=question.strip(), choices=[choice.strip() for choice in choices], letters=LETTERS
    )
    end = [tokenizer.eos_token_id]
    return Pieces(
        ids(tokenizer, head["content"]), [ids(tokenizer, line) for line in lines], ids(tokenizer, tail["content"]) + end
    )


def ids(tokenizer: Any, text: str) -> list[int]:
    """Without any token that ends or begins something, whatever the text says."""
    return list(tokenizer(plain(tokenizer, text), add_special_tokens=False, verbose=False)["input_ids"])


def fitted(parts: Pieces, budget: int) -> list[int] | None:
    """As many lines as fit, taken evenly from beginning to end; None where not even the question fits."""
    for n in range(len(parts.lines), 0, -1):
        kept = [i for at in evenly(len(parts.lines), n) for i in parts.lines[at]]
        if len(parts.head) + len(kept) + len(parts.tail) <= budget:
            return [*parts.head, *kept, *parts.tail]
    return list(parts.tail) if len(parts.tail) <= budget else None


def evenly(total: int, n: int) -> list[int]:
    """n different numbers below total, the first and the last among them; of one, the middle."""
    return [total // 2] if n == 1 else [round(i * (total - 1) / (n - 1)) for i in range(n)]


def reply(written: str, choices: Sequence[str]) -> str:
    """The letter in the form that `evaluate` asks for, where what was written is one of the choices, or nearly one and
    nothing as near to another; otherwise the words themselves."""
    exact = [i for i, choice in enumerate(choices) if normalised(choice) == normalised(written)]
    if not exact and choices:
        shared = [token_f1(written, choice) for choice in choices]
        exact = [i for i, share in enumerate(shared) if share == max(shared) >= NEAR]
    return f"**Answer:** {LETTERS[exact[0]]}" if len(exact) == 1 else written
