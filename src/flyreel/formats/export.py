"""Questions to the files that other tools take as they are: one exporter to a format, found by its name.

A target holds less than a question has. What it cannot hold is said: fields by how many questions lose them, questions
that do not fit at all by id and reason. Nothing is dropped in silence.
"""

from __future__ import annotations

import json
import shutil
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

import flyreel
from flyreel.clips import Clips
from flyreel.errors import InputError
from flyreel.formats._folders import MADE, foreign, inside
from flyreel.formats.base import clean, plain
from flyreel.questions import Questions
from flyreel.registry import Registry
from flyreel.tables import write_text

ALWAYS = ("id", "question", "choices", "answer")
NAMES = ("name", "title", "licence")
"""What is said of the whole set. A folder has a place for it; a file has questions and nothing else."""


@dataclass(frozen=True)
class Parcel:
    """What is to be written: only questions that the target can hold, their clips, and the files of those there are.

    `name` is a plain word (letters, digits and _) to call tasks, classes and files by; `title` is for people.
    """

    name: str
    title: str
    questions: Questions
    clips: Clips
    files: Mapping[str, Path] = field(default_factory=dict)
    licence: str | None = None
    source: str = ""

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """Canonical JSONL, a dictionary a question. An old project may hold NaN, which is no JSON."""
        return [
            row | {name: plain(row[name]) for name in ("origin", "meta") if name in row}
            for row in self.questions.to_rows()
        ]


@dataclass(frozen=True)
class Exported:
    """`lost` is by field how many questions have it and lose it; `left_out` is (id, reason) of those not written."""

    format: str
    out: Path
    questions: int
    files: list[Path]
    lost: dict[str, int]
    left_out: list[tuple[str, str]]
    notes: list[str]

    def json(self) -> dict[str, Any]:
        return {
            "format": self.format,
            "out": clean(str(self.out)),
            "questions": self.questions,
            "files": [clean(str(f)) for f in self.files],
            "lost": self.lost,
            "left_out": [{"question": id, "reason": reason} for id, reason in self.left_out],
            "notes": self.notes,
        }


Writer = Callable[[Parcel, Path], Sequence[str]]
"""Writes to that path, a file or an empty folder, and returns what a person should know of it, a line each."""

exporters: Registry[Writer] = Registry("export format", "flyreel.formats")


def exporter(
    name: str,
    *,
    holds: Sequence[str],
    suffix: str = "",
    open_ended: bool = False,
    most_choices: int = 26,
    nul: bool = True,
    uses: Sequence[str] | None = None,
) -> Callable[[Writer], Writer]:
    """Register a writer. `holds` are the fields of a question that the format keeps beside `id`, `question`, `choices`
    and `answer`, exactly: what was written reads back equal. Without a `suffix` it writes a folder. `nul` says that a
    text may hold the NUL character, `uses` which of NAMES are written: if nothing is said, all in a folder."""
    return exporters.add(
        name,
        holds=(*ALWAYS, *holds),
        suffix=suffix,
        open_ended=open_ended,
        most_choices=most_choices,
        nul=nul,
        uses=tuple(uses if uses is not None else () if suffix else NAMES),
    )


def write(format: str, parcel: Parcel, out: Path) -> Exported:
    """To that path, whole or not at all. `InputError` where not one question fits."""
    entry = exporters.get(format)
    facts = entry.facts
    rows = parcel.rows
    reasons = [unfit(row, facts) for row in rows]
    kept = [i for i, reason in enumerate(reasons) if not reason]
    left_out = [(row["id"], reason) for row, reason in zip(rows, reasons, strict=True) if reason]
    if not kept:
        why = ", ".join(f"{reason} ({n:,})" for reason, n in Counter(r for _, r in left_out).items())
        raise InputError(f"{format} can hold none of the {len(rows):,} questions: {why}")
    fitting = parcel
    if left_out:
        fitting = replace(parcel, questions=parcel.questions.take(np.array(kept, dtype=np.int64)))
    lost = dict(Counter(f for i in kept for f in rows[i] if f not in facts["holds"] and not _implied(f, rows[i])))
    if facts["suffix"]:
        notes = _file(entry.make, fitting, out)
        files = [out]
    else:
        notes = _folder(entry.make, fitting, out, {"format": format, "lost": lost, "left_out": left_out})
        files = [out / name for name in inside(_real(out))]
    return Exported(format, out, len(kept), files, lost, left_out, list(notes))


def unfit(row: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    """Why a target of which these facts are registered cannot hold this question; empty where it can."""
    choices = row.get("choices") or ()
    if not choices and not facts["open_ended"]:
        return "open-ended"
    if len(choices) > facts["most_choices"]:
        return "too-many-choices"
    texts = [row[name] for name in facts["holds"] if isinstance(row.get(name), str)]
    if not facts["nul"] and any("\0" in text for text in (*texts, *choices)):
        return "nul-character"
    return ""


def _implied(name: str, row: Mapping[str, Any]) -> bool:
    """A group that only repeats the clip, or the id where there is none, is put back on reading."""
    return name == "group" and row["group"] == (row.get("clip") or row["id"])


def _real(out: Path) -> Path:
    """Where a link leads, so that what it leads to is replaced and not the link; and `.` by its name."""
    try:
        return out.resolve()
    except (OSError, RuntimeError) as error:  # a link to itself is the one or the other
        raise InputError(f"{out}: cannot write: {error}") from None


def _file(write: Writer, parcel: Parcel, out: Path) -> Sequence[str]:
    if out.is_dir():
        raise InputError(f"{out}: a folder stands there; name a file")
    if out.exists() and not out.is_file():
        raise InputError(f"{out}: a device or a pipe; name a file")
    place = _real(out)
    temporary = place.with_name(f".{uuid.uuid4().hex[:8]}.tmp")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        notes = write(parcel, temporary)
        temporary.replace(place)
    except OSError as error:
        raise InputError(f"{out}: cannot write: {error.strerror or error}") from None
    finally:
        with suppress(OSError):  # where the folder could not be made there is nothing to remove
            temporary.unlink()
    return notes


def _folder(write: Writer, parcel: Parcel, out: Path, about: dict[str, Any]) -> Sequence[str]:
    if out.exists() and not out.is_dir():
        raise InputError(f"{out}: a file stands there; this format is a folder")
    place = _real(out)
    _ours(out, place)
    tag = uuid.uuid4().hex[:8]
    temporary, old = (place.with_name(f".{tag}.{what}") for what in ("tmp", "old"))
    try:
        temporary.mkdir(parents=True)
        notes = write(parcel, temporary)
        told = {"flyreel": flyreel.__version__, "source": parcel.source, **about, "files": inside(temporary)}
        write_text(temporary / MADE, json.dumps(told, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
        _ours(out, place)  # a long export leaves time for somebody to put something there
        if _stood_in(place):
            for made in sorted(temporary.iterdir()):
                made.rename(place / made.name)
            return notes
        if place.is_dir():
            place.rename(old)
        temporary.rename(place)
    except OSError as error:
        raise InputError(f"{out}: cannot write: {error.strerror or error}") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        if old.is_dir() and not place.exists():
            old.rename(place)
        shutil.rmtree(old, ignore_errors=True)
    return notes


def _ours(out: Path, place: Path) -> None:
    """Whatever is in the folder is about to go: it has to be what an export put there, to the last file."""
    if not place.is_dir():
        return
    other = foreign(place)
    if other is not None:
        raise InputError(f"{out}: a folder with other things in it{f' ({other})' if other else ''}; name a new one")
    if _stood_in(place) and inside(place):
        raise InputError(f"{out}: the folder that you are in cannot be replaced; go one up, or name a new one")


def _stood_in(place: Path) -> bool:
    """A shell that stands in a folder sees nothing of another that takes its place."""
    return place.is_dir() and place.samefile(Path.cwd())
