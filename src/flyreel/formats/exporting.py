"""What `flyreel export` does around an exporter: open the questions, find their clips, name what is made."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from flyreel.errors import InputError, did_you_mean
from flyreel.formats import pushing
from flyreel.formats.base import Reading
from flyreel.formats.clip_files import clips_of, files
from flyreel.formats.export import Exported, Parcel, exporters, write
from flyreel.formats.project import open_questions
from flyreel.questions import Questions
from flyreel.tables import Project


@dataclass(frozen=True)
class Request:
    """What was asked for on the command line. `from_format` is of the file that is read."""

    to: str
    file: Path
    out: Path | None = None
    split: str | None = None
    name: str | None = None
    title: str | None = None
    licence: str | None = None
    from_format: str | None = None
    map: str | None = None
    push: str | None = None
    private: bool = False


def run(asked: Request) -> tuple[Exported, Reading]:
    facts = exporters.get(asked.to).facts
    if asked.push:
        pushing.check(asked.push, asked.to)
    elif asked.private:
        raise InputError("--private is about what --push OWNER/NAME makes; nothing is pushed without it")
    reading = open_questions(asked.file, asked.from_format, asked.map)
    questions = of_split(reading.questions, asked.split, reading.source)
    project = Project.at(asked.file)
    stem = asked.file.resolve().name if project else asked.file.stem
    parcel = Parcel(
        name=plain_name(asked.name or stem),
        title=asked.title or stem,
        questions=questions,
        clips=clips_of(questions, asked.file, project),
        files={id: Path(path) for id, path in files(questions, asked.file, project).items()},
        licence=asked.licence,
        source=asked.file.name,
    )
    done = write(asked.to, parcel, asked.out or _here(stem, asked.to, facts["suffix"], asked.file))
    if asked.push:
        done = replace(done, notes=[*done.notes, f"pushed to {pushing.push(done.out, asked.push, asked.private)}"])
    return done, reading


def _here(stem: str, format: str, suffix: str, source: Path) -> Path:
    """A name in the folder that one works in; not the name of what is read."""
    out = Path(f"{stem}.{format}{suffix.removesuffix(f'.{format}')}")
    if out.resolve() == source.resolve():
        raise InputError(f"{out} is the file that is read; name another with --out")
    return out


def of_split(questions: Questions, split: str | None, source: str) -> Questions:
    """The questions of one split, or all of them where none is named."""
    if split is None:
        return questions
    named = questions.strings("split")
    if split not in named:
        known = sorted(set(named) - {""})
        hint = did_you_mean(split, known) if known else " Its questions name no split."
        raise InputError(f"{source}: no question is in split {split!r}.{hint}")
    return questions.take(np.flatnonzero(np.array(named) == split))


def plain_name(text: str) -> str:
    """A word that can name a class, a task and a file."""
    word = re.sub(r"[^A-Za-z0-9]+", "_", text).strip("_")
    return (word if word[:1].isalpha() else f"set_{word}") if word else "questions"
