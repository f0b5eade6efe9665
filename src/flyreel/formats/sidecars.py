"""What stands beside a video under its name: which file is what, and its text as cues."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal, NamedTuple

from flyreel.formats.base import Broken, plain, spans
from flyreel.formats.subtitles import parse_cues, read_lines
from flyreel.formats.timed_text import is_stamped
from flyreel.schema import Cue, CueKind, Problem

SUBTITLES = (".vtt", ".srt", ".ass", ".ssa")
ENDINGS = frozenset((*SUBTITLES, ".txt", ".json"))
SETTINGS = ("source", "group", "split")
_WHOLE: tuple[CueKind, ...] = ("caption", "description")


class Sidecar(NamedTuple):
    """`words` stand between the video's name and the ending, as `en` in film.en.srt."""

    file: Path
    words: tuple[str, ...]

    @property
    def role(self) -> Literal["dialogue", "description", "caption", "settings"] | None:
        ending = self.file.suffix.lower()
        if ending == ".json":
            return None if self.words else "settings"  # downloaders leave a NAME.info.json of their own
        if "ad" in self.words:
            return "description"
        return "caption" if ending == ".txt" else "dialogue"


def read_sidecars(sidecars: list[Sidecar], row: int) -> tuple[dict[str, Any], list[Problem]]:
    """The fields that they give a clip. Of two tracks of one kind, as in two languages, the plainest name is read."""
    values: dict[str, Any] = {}
    cues: list[dict[str, Any]] = []
    problems: list[Problem] = []
    tracks: dict[CueKind, str] = {}
    for sidecar in sorted(sidecars, key=lambda s: (len(s.words), s.file.name)):
        name = sidecar.file.name
        if sidecar.role == "settings":
            try:
                values = _settings(sidecar.file)
            except Broken as broken:
                problems.append(Problem(row=row, reason=broken.reason, detail=f"{name}: {broken.detail}"[:200]))
        elif sidecar.role:
            found, broken_lines = _track(sidecar)
            problems += [p.model_copy(update={"row": row, "detail": _place(name, p)}) for p in broken_lines]
            kind: CueKind = found[0].kind if found and found[0].kind != "tag" else "dialogue"
            if found and kind in tracks:
                detail = f"{name} is left out; {tracks[kind]} is read"
                problems.append(Problem(row=row, reason="second-track", detail=detail))
            elif found:
                tracks[kind] = name
                cues += [cue.model_dump() for cue in found]
    values["cues"] = sorted([*values.get("cues", []), *cues], key=lambda cue: cue["start"])
    return values, problems


def _place(name: str, problem: Problem) -> str:
    place = f"{name}, line {problem.line}" if problem.line else name
    return f"{place}: {problem.detail}" if problem.detail else place


def _track(sidecar: Sidecar) -> tuple[list[Cue], list[Problem]]:
    lines, problems = read_lines(sidecar.file)
    if sidecar.role != "caption":
        cues, more = parse_cues(lines, "description" if sidecar.role == "description" else None) if lines else ([], [])
        return cues, [*problems, *more]
    sentences = [" ".join(line.split()) for line in lines if line.strip()]
    if sentences and is_stamped(sentences[0]):
        cues, more = parse_cues(lines, "description")
        return cues, [*problems, *more]
    return [_whole("caption", sentence) for sentence in sentences], problems


def _whole(kind: CueKind, text: str) -> Cue:
    """A cue about the whole clip, whose length is not known here."""
    return Cue(start=0, end=0, kind=kind, text=text)


def _settings(file: Path) -> dict[str, Any]:
    try:
        given = json.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise Broken("not-json", str(error)) from None
    if not isinstance(given, dict):
        raise Broken("not-an-object", f"a {type(given).__name__}")
    given = plain(given)
    cues = spans(given.get("cues"), Cue, "bad-cue")
    for kind in _WHOLE:
        texts = given.get(kind) or []
        for text in texts if isinstance(texts, list) else [texts]:
            if not isinstance(text, str) or not text.strip():
                raise Broken("bad-cue", f"{kind} is a sentence or a list of sentences")
            cues.append(_whole(kind, " ".join(text.split())).model_dump())
    return {**{name: given[name] for name in SETTINGS if given.get(name) is not None}, "cues": cues}
