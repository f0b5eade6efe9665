"""Anything that clips come from: a list of addresses, a folder of videos, a data set that tells of both.

A question format looks at the names of fields. A clip source looks at the place itself, which may be a folder or a
file without a header, so it has a registry of its own. One whose records hold questions too hands back both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from pydantic import ValidationError

from flyreel.clips import Clips
from flyreel.errors import InputError, did_you_mean
from flyreel.formats.base import Broken, formats, plain, spans, text_of
from flyreel.formats.containers import parts
from flyreel.questions import Questions
from flyreel.registry import Registry
from flyreel.schema import Clip, Cue, Problem, Span


@dataclass(frozen=True)
class ClipReading:
    source: str
    format: str
    clips: Clips
    questions: Questions | None = None
    problems: list[Problem] = field(default_factory=list)


class ClipSource(Protocol):
    """`recognises` is asked of files and folders of any kind, so it must look at little and never fail."""

    def recognises(self, path: Path) -> bool: ...

    def read(self, path: Path) -> ClipReading: ...


clip_sources: Registry[type[ClipSource]] = Registry("clip source", "flyreel.formats")


def read_clips(path: Path, format: str | None = None) -> ClipReading | None:
    """The clips of a source, or None where it is for the question formats to say what it is."""
    if format:
        if format in clip_sources.names():
            return clip_sources.get(format).make().read(path)
        if format not in formats.names():
            known = {*clip_sources.names(), *formats.names()}
            raise InputError(f"{format}: no such format.{did_you_mean(format, known)}")
        return None
    for entry in sorted(clip_sources, key=lambda e: bool(e.facts.get("last"))):
        source = entry.make()
        if source.recognises(path):
            return source.read(path)
    if path.is_dir() and not parts(path):
        raise InputError(f"{path}: a folder without flyreel.toml, and neither videos nor a list of clips is in it")
    return None


_TEXTS = ("sha256", "group", "split")
_PLACES = ("source", "path")  # two spaces in a file's name are two spaces
_NUMBERS = ("duration", "fps", "frames", "width", "height")


def checked(values: Mapping[str, Any], default_id: str) -> dict[str, Any]:
    """A clip as a row of canonical JSONL, or `Broken` with the reason. Fields that no clip has are left behind."""
    row = {
        "id": text_of(values.get("id")) or default_id,
        **{name: text_of(values.get(name)) for name in _TEXTS},
        **{name: plain(str(values[name])) if text_of(values.get(name)) else None for name in _PLACES},
        **{name: None if values.get(name) in (None, "") else values[name] for name in _NUMBERS},
        "shots": spans(values.get("shots"), Span, "bad-shot"),
        "cues": spans(values.get("cues"), Cue, "bad-cue"),
        "meta": plain(values["meta"]) if isinstance(values.get("meta"), dict) else {},
    }
    try:
        return Clip.model_validate(row).model_dump()
    except ValidationError as error:
        first = error.errors()[0]
        raise Broken("bad-clip", f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None


def problem(row: int, broken: Broken, line: int | None = None) -> Problem:
    return Problem(row=row, line=line, reason=broken.reason, detail=broken.detail[:200])
