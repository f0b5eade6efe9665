"""The four ways to write times beside text, each as a parser from lines to `Timed` pieces and `Problem`s."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from flyreel.schema import Problem

OPEN_END = 10.0
"""Seconds that a description lasts at most where only its start is written and the next is far away."""

_ARROW = re.compile(r"^\s*(?P<a>[^\s>]+)\s*-->\s*(?P<b>[^\s>]+)(?P<rest>.*)$")
_SETTINGS = re.compile(r"^(\s+[\w-]+:\S+)*\s*$")  # WebVTT's `line:0 align:start`, SRT's `X1:40 X2:600`
_STAMP = r"\d{1,3}:\d{1,2}(?::\d{1,2})?(?:[.,]\d{1,9})?"
_STAMPED = re.compile(
    rf"^\s*[\[(]?(?P<a>{_STAMP})[\])]?(?:\s*(?:-->|-|–|—|to)\s*[\[(]?(?P<b>{_STAMP})[\])]?)?(?![\w:.,]*\d)[\s:|.–—-]*"
    r"(?P<text>.*)$"
)
MARKUP = re.compile(r"</?(?:i|b|u|s|c|v|em|strong|font|span|p|ruby|rt|lang)\b[^<>]*>|<\d[\d:.]*>|\{\\[^{}]*\}", re.I)
_BREAK = re.compile(r"<br\s*/?>", re.I)
_VOICE = re.compile(r"<v(?:\.[^\s>]*)?\s+([^<>]+)>")
_BLOCKS = ("NOTE", "STYLE", "REGION")
_ASS_FIELDS = "Layer,Start,End,Style,Name,MarginL,MarginR,MarginV,Effect,Text".split(",")


@dataclass(frozen=True)
class Timed:
    line: int
    start: float
    end: float
    text: str
    speaker: str | None = None


def seconds(stamp: str) -> float | None:
    """Hours are optional and so is the fraction, after a dot or a comma; 61 seconds to a minute are a mistake."""
    match = re.fullmatch(r"(?:(\d+):)?(\d+):(\d{1,2})(?:[.,](\d{1,9}))?", stamp, re.ASCII)
    if not match or int(match[3]) > 59 or (match[1] and int(match[2]) > 59):
        return None
    whole = int(match[1] or 0) * 3600 + int(match[2]) * 60 + int(match[3])
    return float(f"{whole}.{match[4] or 0}")


def is_timing(line: str) -> bool:
    """A line of times and nothing else, as SRT and WebVTT have it."""
    match = _ARROW.match(line)
    return bool(match and seconds(match["a"]) is not None and _SETTINGS.match(match["rest"]))


def is_stamped(line: str) -> bool:
    match = _STAMPED.match(line)
    return bool(match and match["text"].strip())


def _times(line: str, number: int) -> tuple[float, float] | Problem:
    match = _ARROW.match(line)
    start, end = (seconds(match[g]) if match else None for g in ("a", "b"))
    if start is None or end is None:
        return Problem(row=number, line=number, reason="bad-time", detail=line.strip()[:80])
    return start, end


def srt(lines: list[str]) -> Iterator[Timed | Problem]:
    """Read from one line of times to the next, because blank lines inside a text and missing ones after it are common.

    The number of a cue is the line just before its times, where the first cue has one; so a text that is itself a
    number is kept.
    """
    at = [i for i, line in enumerate(lines) if "-->" in line]
    counted = bool(at) and at[0] > 0 and lines[at[0] - 1].strip().isdigit()
    for i, following in zip(at, [*at[1:], None], strict=True):
        times = _times(lines[i], i + 1)
        if isinstance(times, Problem):
            yield times
            continue
        end = following if following is not None else len(lines)
        if following is not None and counted and end - 1 > i and lines[end - 1].strip().isdigit():
            end -= 1
        yield Timed(i + 1, *times, _unmarked(lines[i + 1 : end]))


def vtt(lines: list[str]) -> Iterator[Timed | Problem]:
    for first, block in _paragraphs(lines):
        arrows = [i for i, line in enumerate(block) if "-->" in line]
        at = next((i for i in arrows if i < 2 or first == 0), None)  # a header may lack its blank line
        if at is None and (first == 0 or block[0].split(maxsplit=1)[0] in _BLOCKS):
            continue
        if at is None:
            yield Problem(row=first + 1, line=first + 1, reason="text-without-time", detail=block[0].strip()[:80])
            continue
        times = _times(block[at], first + at + 1)
        if isinstance(times, Problem):
            yield times
            continue
        before, *voices = _VOICE.split("\n".join(block[at + 1 :]))
        for name, said in [(None, before), *zip(voices[::2], voices[1::2], strict=True)]:
            speaker = " ".join(html.unescape(name).split()) or None if name else None
            yield Timed(first + at + 1, *times, html.unescape(re.sub(r"<[^<>]*>", "", said)), speaker)


def _paragraphs(lines: list[str]) -> Iterator[tuple[int, list[str]]]:
    start: int | None = None
    for i, line in enumerate([*lines, ""]):
        if line.strip():
            start = i if start is None else start
        elif start is not None:
            yield start, lines[start:i]
            start = None


def ass(lines: list[str]) -> Iterator[Timed | Problem]:
    fields, section = _ASS_FIELDS, ""
    for number, line in enumerate(lines, 1):
        head, _, rest = line.partition(":")
        if line.startswith("["):
            section = line.strip()
        elif head == "Format" and section == "[Events]":
            fields = [name.strip() for name in rest.split(",")]
        elif head == "Dialogue":
            values = dict(zip(fields, rest.strip().split(",", len(fields) - 1), strict=False))
            start, end = (seconds(values.get(name, "").strip()) for name in ("Start", "End"))
            if len(values) < len(fields) or start is None or end is None:
                yield Problem(row=number, line=number, reason="bad-time", detail=line.strip()[:80])
                continue
            if re.search(r"\\p[1-9]", text := values.get("Text", "")):  # the outline of a drawing, not words
                continue
            text = re.sub(r"\\[Nnh]", " ", re.sub(r"\{[^{}]*\}", "", text))
            name = values.get("Name", values.get("Actor", ""))
            yield Timed(number, start, end, text, " ".join(name.split()) or None)


def described(lines: list[str]) -> Iterator[Timed | Problem]:
    """A stamp begins a piece; lines without one go on with it. An end that is not written is where the next piece
    begins, or OPEN_END seconds on if that comes first."""
    pieces: list[tuple[int, float, float | None, list[str]]] = []
    for number, line in enumerate(lines, 1):
        match = _STAMPED.match(line)
        if match is None:
            if pieces:
                pieces[-1][3].append(line)
            elif line.strip():
                yield Problem(row=number, line=number, reason="text-without-time", detail=line.strip()[:80])
            continue
        start, end = seconds(match["a"]), seconds(match["b"]) if match["b"] else None
        if start is None or (match["b"] and end is None):
            yield Problem(row=number, line=number, reason="bad-time", detail=line.strip()[:80])
            continue
        pieces.append((number, start, end, [match["text"]]))
    starts = sorted({start for _, start, _, _ in pieces})
    after = dict(pairwise(starts))
    for number, start, end, text in pieces:
        open_end = min(start + OPEN_END, after.get(start, start + OPEN_END))
        yield Timed(number, start, open_end if end is None else end, _unmarked(text))


def _unmarked(lines: list[str]) -> str:
    return MARKUP.sub("", _BREAK.sub(" ", "\n".join(lines)))
