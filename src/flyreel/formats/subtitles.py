"""Subtitles and audio description to cues: SRT, WebVTT, ASS/SSA, and plain text with time stamps.

What a file is, is read off its text and not its name. A cue that cannot be read is a problem whose row is its line,
and the cues after it go on. Cues come back in order of their start; overlapping ones are all kept, for two people may
speak. Who speaks is known only where the format has a field for it (a WebVTT voice, an ASS name): "NOTE:" is no
speaker. A line of dialogue that is nothing but a bracket or a note, as in `[music]`, is a sound and not speech: its
kind is `tag`.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from flyreel.formats import timed_text
from flyreel.formats.timed_text import Timed
from flyreel.schema import Cue, CueKind, Problem

SIZE_LIMIT = 32 << 20
"""A film's subtitles are a tenth of a megabyte; whatever is larger than this is something else."""

_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


def read_cues(path: Path, kind: CueKind | None = None) -> tuple[list[Cue], list[Problem]]:
    """`kind` is recognised where it is None: subtitles are dialogue, plain stamped lines and a WebVTT of kind
    `descriptions` are audio description."""
    lines, problems = read_lines(path)
    if not lines:
        return [], problems
    cues, more = parse_cues(lines, kind)
    return cues, [*problems, *more]


def read_lines(path: Path) -> tuple[list[str], list[Problem]]:
    """The lines of a text file; none, and why, where it is not one."""
    try:
        data = path.read_bytes() if path.stat().st_size <= SIZE_LIMIT else b"\0"
    except OSError as error:
        return [], [Problem(row=1, reason="cannot-read", detail=error.strerror or str(error))]
    text, problems = _decoded(data)
    if "\0" in text:
        return [], [Problem(row=1, reason="not-text", detail=f"binary, or over {SIZE_LIMIT >> 20} MB")]
    # str.splitlines would also split at U+2028 and the like, and the line numbers would not be an editor's
    return re.split(r"\r\n|\r|\n", text), problems


def parse_cues(lines: list[str], kind: CueKind | None = None) -> tuple[list[Cue], list[Problem]]:
    found = _parser(lines)
    if found is None:
        return [], [Problem(row=1, reason="no-time-stamps")]
    parse, recognised = found
    kind = kind or recognised
    cues: list[Cue] = []
    problems: list[Problem] = []
    for timed in parse(lines):
        if isinstance(timed, Problem):
            problems.append(timed)
        elif timed.end < timed.start:
            detail = f"from {timed.start} s to {timed.end} s"
            problems.append(Problem(row=timed.line, line=timed.line, reason="ends-before-it-starts", detail=detail))
        elif text := " ".join(timed.text.split()):
            said: CueKind = "tag" if kind == "dialogue" and _SOUND.match(text) else kind
            cues.append(Cue(start=timed.start, end=timed.end, kind=said, text=text, speaker=timed.speaker))
    return sorted(cues, key=lambda cue: cue.start), problems


_SOUND = re.compile(r"^(\[[^\[\]]*\]|\([^()]*\)|[♪♫#\s]+)$")


def _decoded(data: bytes) -> tuple[str, list[Problem]]:
    """Without a mark it is UTF-8, or what older tools wrote; the latter is a guess and is said."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, errors="replace"), []
    try:
        return data.decode("utf-8"), []
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        detail = "read as Windows-1252; save it as UTF-8 if letters look wrong"
        return data.decode("cp1252", errors="replace"), [Problem(row=line, line=line, reason="not-utf8", detail=detail)]


Parser = Callable[[list[str]], Iterator[Timed | Problem]]


def _parser(lines: list[str]) -> tuple[Parser, CueKind] | None:
    if lines[0].startswith("WEBVTT"):
        header = next((i for i, line in enumerate(lines) if not line.strip()), len(lines))
        described = any(re.match(r"\s*kind:\s*descriptions\s*$", line, re.I) for line in lines[:header])
        return timed_text.vtt, "description" if described else "dialogue"
    bare = sum(timed_text.is_timing(line) for line in lines)
    if not bare and any(line.startswith(("[Script Info]", "[Events]", "Dialogue:")) for line in lines):
        return timed_text.ass, "dialogue"
    stamped = sum(timed_text.is_stamped(line) for line in lines)
    if bare and bare >= stamped:
        return timed_text.srt, "dialogue"
    return (timed_text.described, "description") if stamped else None
