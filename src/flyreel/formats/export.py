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
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import flyreel
from flyreel.clips import Clips
from flyreel.errors import InputError
from flyreel.questions import Questions
from flyreel.registry import Registry
from flyreel.tables import write_text

MADE = "export.json"
"""In a folder that an exporter wrote: what made it. A folder without it is somebody else's, and is left alone."""

ALWAYS = ("id", "question", "choices", "answer")


@dataclass(frozen=True)
class Parcel:
    """What is to be written: only questions that the target can hold, their clips, and the files of those there are.

    `name` is a plain word (letters, digits, - and _) to call tasks, classes and files by; `title` is for people.
    """

    name: str
    title: str
    questions: Questions
    clips: Clips
    files: Mapping[str, Path] = field(default_factory=dict)
    licence: str | None = None
    source: str = ""

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Canonical JSONL, a dictionary a question."""
        return self.questions.to_rows()


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
            "out": str(self.out),
            "questions": self.questions,
            "files": [str(f) for f in self.files],
            "lost": self.lost,
            "left_out": [{"question": id, "reason": reason} for id, reason in self.left_out],
            "notes": self.notes,
        }


Writer = Callable[[Parcel, Path], Sequence[str]]
"""Writes to that path, a file or an empty folder, and returns what a person should know of it, a line each."""

exporters: Registry[Writer] = Registry("export format", "flyreel.formats")


def exporter(
    name: str, *, holds: Sequence[str], suffix: str = "", open_ended: bool = False, most_choices: int = 26
) -> Callable[[Writer], Writer]:
    """Register a writer. `holds` are the fields of a question that the format keeps beside `id`, `question`, `choices`
    and `answer`, exactly: what was written reads back equal. Without a `suffix` it writes a folder."""
    return exporters.add(name, holds=(*ALWAYS, *holds), suffix=suffix, open_ended=open_ended, most_choices=most_choices)


def write(format: str, parcel: Parcel, out: Path) -> Exported:
    """To that path, whole or not at all. `InputError` where not one question fits."""
    entry = exporters.get(format)
    facts = entry.facts
    rows = parcel.rows
    reasons = [unfit(row, facts["open_ended"], facts["most_choices"]) for row in rows]
    kept = [i for i, reason in enumerate(reasons) if not reason]
    left_out = [(row["id"], reason) for row, reason in zip(rows, reasons, strict=True) if reason]
    if not kept:
        why = ", ".join(f"{reason} ({n:,})" for reason, n in Counter(r for _, r in left_out).items())
        raise InputError(f"{format} can hold none of the {len(rows):,} questions: {why}")
    fitting = Parcel(**{**vars(parcel), "questions": parcel.questions.take(np.array(kept, dtype=np.int64))})
    lost = dict(Counter(f for i in kept for f in rows[i] if f not in facts["holds"] and not _implied(f, rows[i])))
    if facts["suffix"]:
        notes = _file(entry.make, fitting, out)
        files = [out]
    else:
        notes = _folder(entry.make, fitting, out, {"format": format, "lost": lost, "left_out": left_out})
        files = sorted(p for p in out.rglob("*") if p.is_file())
    return Exported(format, out, len(kept), files, lost, left_out, list(notes))


def unfit(row: Mapping[str, Any], open_ended: bool, most_choices: int) -> str:
    """Why a target cannot hold this question; empty where it can."""
    choices = row.get("choices") or ()
    if not choices and not open_ended:
        return "open-ended"
    if len(choices) > most_choices:
        return "too-many-choices"
    return ""


def _implied(name: str, row: Mapping[str, Any]) -> bool:
    """A group that only repeats the clip, or the id where there is none, is put back on reading."""
    return name == "group" and row["group"] == (row.get("clip") or row["id"])


def _file(write: Writer, parcel: Parcel, out: Path) -> Sequence[str]:
    if out.is_dir():
        raise InputError(f"{out}: a folder stands there; name a file")
    temporary = out.with_name(f".{out.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        notes = write(parcel, temporary)
        temporary.replace(out)
    except OSError as error:
        raise InputError(f"{out}: cannot write: {error.strerror or error}") from None
    finally:
        temporary.unlink(missing_ok=True)
    return notes


def _folder(write: Writer, parcel: Parcel, out: Path, made: dict[str, Any]) -> Sequence[str]:
    if out.exists() and not out.is_dir():
        raise InputError(f"{out}: a file stands there; this format is a folder")
    if out.is_dir() and any(out.iterdir()) and not (out / MADE).is_file():
        raise InputError(f"{out}: a folder with other things in it; name a new one")
    tag = uuid.uuid4().hex[:8]
    temporary, old = (out.with_name(f".{out.name}.{tag}.{what}") for what in ("tmp", "old"))
    try:
        temporary.mkdir(parents=True)
        notes = write(parcel, temporary)
        told = {"flyreel": flyreel.__version__, "source": parcel.source, **made}
        write_text(temporary / MADE, json.dumps(told, indent=1, ensure_ascii=False) + "\n")
        if out.is_dir():
            out.rename(old)
        temporary.rename(out)
    except OSError as error:
        raise InputError(f"{out}: cannot write: {error.strerror or error}") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        if old.is_dir() and not out.exists():
            old.rename(out)
        shutil.rmtree(old, ignore_errors=True)
    return notes
