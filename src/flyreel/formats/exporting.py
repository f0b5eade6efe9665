"""What `flyreel export` does around an exporter: open the questions, find their clips, name what is made."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from flyreel.errors import InputError, did_you_mean
from flyreel.formats import pushing
from flyreel.formats.base import Reading, clean
from flyreel.formats.clip_files import known
from flyreel.formats.export import NAMES, Exported, Parcel, exporters, write
from flyreel.formats.project import open_questions
from flyreel.questions import Questions
from flyreel.tables import Project

ELSEWHERE = {"hf": "huggingface", "hub": "huggingface", "parquet": "huggingface", "jsonl": "canonical",
             "tar": "webdataset", "wds": "webdataset", "tsv": "vlmevalkit", "vlmeval": "vlmevalkit"}  # fmt: skip
"""What people call some of the formats, whose names are not alike."""


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
    facts = _facts(asked)
    if asked.push:
        pushing.check(asked.push, asked.to)
    elif asked.private:
        raise InputError("--private is about what --push OWNER/NAME makes; nothing is pushed without it")
    if asked.out == Path("-"):
        raise InputError("-o -: an export is a file or a folder and is not written to stdout; name it")
    project = Project.at(asked.file)
    stem = clean(asked.file.resolve().name if project else asked.file.stem)
    out = _spared(asked.out, asked.file) if asked.out else _here(stem, asked.to, facts["suffix"], asked.file)
    reading = open_questions(asked.file, asked.from_format, asked.map)
    questions = of_split(reading.questions, asked.split, reading.source)
    clips = known(questions, asked.file, project)
    parcel = Parcel(
        name=plain_name(asked.name or stem),
        title=clean(asked.title or stem),
        questions=questions,
        clips=clips.clips,
        files={id: Path(path) for id, path in clips.files.items()},
        licence=clean(asked.licence) if asked.licence else None,
        source=clean(asked.file.name),
    )
    done = write(asked.to, parcel, out)
    done = replace(done, notes=[*clips.problems, *done.notes, *_unused(asked, facts["uses"])])
    if asked.push:
        done = replace(done, notes=[*done.notes, f"pushed to {pushing.push(done.out, asked.push, asked.private)}"])
    return done, reading


def _facts(asked: Request) -> dict[str, Any]:
    """Of the format to write; where there is none of that name, what was probably meant."""
    names = exporters.names()
    if asked.to not in names:
        if str(asked.file) in names:
            raise InputError(f"{asked.to}: the format comes first: flyreel export {asked.file} {asked.to}")
        if meant := ELSEWHERE.get(asked.to.casefold()):
            raise InputError(f"{asked.to}: no such export format. Did you mean {meant}?")
    return exporters.get(asked.to).facts


def _unused(asked: Request, uses: Sequence[str]) -> list[str]:
    given = [name for name in NAMES if getattr(asked, name)]
    return [f"--{name} is not written: {asked.to} has no place for it" for name in given if name not in uses]


def _spared(out: Path, source: Path) -> Path:
    """The path as it is, where writing there does not destroy what is read."""
    try:
        place, read = out.resolve(), source.resolve()
    except (OSError, RuntimeError):  # a link to itself: whoever opens it says so
        return out
    if place == read or (out.exists() and source.exists() and out.samefile(source)):
        raise InputError(f"{out} is what is read; name another with --out")
    if place in read.parents:
        raise InputError(f"{out} is the folder of what is read; name another with --out")
    return out


def _here(stem: str, format: str, suffix: str, source: Path) -> Path:
    """A name in the folder that one works in, where nothing is called so: what was not named is not replaced."""
    out = _spared(Path(f"{stem}.{format}{suffix.removesuffix(f'.{format}')}"), source)
    if os.path.lexists(out):
        raise InputError(f"{out} is there already; to replace it, name it with --out")
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
