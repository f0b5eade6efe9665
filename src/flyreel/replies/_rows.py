"""The options listed again with a verdict on each: ticks and crosses, boxes, `correct` and `not plausible`.

Exactly one that is ticked is the answer; none, or several, is no answer, whatever order they stand in.
"""

from __future__ import annotations

from collections.abc import Iterator

from flyreel.replies._dress import CROSS, TICK, Piece

_YES = frozenset("correct right true plausible yes supported answer".split())
_NO = frozenset("incorrect wrong false implausible no unsupported impossible".split())


def lines(text: list[Piece]) -> Iterator[tuple[int, list[Piece]]]:
    start = 0
    for i in range(len(text) + 1):
        if i == len(text) or text[i].kind == "line":
            yield start, text[start:i]
            start = i + 1


def verdicts(text: list[Piece]) -> list[tuple[int, int, tuple[int, ...], bool]]:
    """(start, end, option, verdict) of every row. Words alone make rows only where there are several of them."""
    signed, worded = [], []
    for start, line in lines(text):
        signs = [p.text == TICK for p in line if p.text in (TICK, CROSS)]
        marks = [p.mark for p in line if p.mark and p.mark.options and (p.mark.by != "text" or p.mark.lead)]
        marks = marks or [p.mark for p in line if p.mark and p.mark.options]
        if signs and marks:
            fits = len(signs) == 1 and (line[0].mark or line[0].text in (TICK, CROSS) or len(marks) == 1)
            pairs = [(marks[0], signs[0])] if fits else list(zip(marks, signs, strict=False))
            clear = fits or len(signs) == len(marks)
            for mark, verdict in pairs:
                signed.append((start, start + len(line), mark.options, verdict if clear else True))
        elif marks and line[0].mark and line[0].mark.options:
            told = _in_words(line)
            if told is not None:
                worded.append((start, start + len(line), line[0].mark.options, told))
    return [*signed, *(worded if len(worded) > 1 else [])]


def _in_words(line: list[Piece]) -> bool | None:
    """The verdict that a row ends with: `- correct`, `: not plausible`, `(wrong)`."""
    tail: list[str] = []
    for piece in reversed(line[1:]):
        if piece.is_word:
            tail.append(piece.low)
        elif piece.text in ("-", ":", "(") and tail:
            break
        elif piece.kind != "sign":
            return None
        if len(tail) > 2:
            return None
    negated, word = tail[1:] in (["not"], ["is not"]), tail[0] if tail else ""
    if not word or (len(tail) > 1 and not negated) or word not in _YES | _NO:
        return None
    return (word in _YES) != negated
