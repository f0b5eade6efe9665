"""VLMEvalKit: a TSV with a dataset class of its own, and a blind TSV that loads as plain text questions.

VLMEvalKit reads a TSV with pandas' guesses. Its class here reads every cell as text. The blind TSV VLMEvalKit reads by
itself, so what would be misread stands between quotation marks; lettered.py says how, and reads it back.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from flyreel.formats._harness import READER, code, cues_of, spoken_note, subtitles, task_name, where, write_reader
from flyreel.formats.clip_names import names, told
from flyreel.formats.export import Parcel, exporter
from flyreel.formats.lettered import LETTERS, WITHOUT, marked
from flyreel.tables import atomic, content_sha256, write_text

COLUMNS = (
    "index", "video", "video_path", "question", "candidates", "answer", "category", "question_id", "clip", "group",
    "split", "subtitles",
)  # fmt: skip


@exporter(
    "vlmevalkit", holds=("clip", "group", "split", "category"), most_choices=len(LETTERS), nul=False, uses=("name",)
)
def vlmevalkit(parcel: Parcel, folder: Path) -> Sequence[str]:
    """A TSV and its dataset class for VLMEvalKit, and a blind TSV that needs no class."""
    rows = parcel.rows
    called, spoken = names(parcel.files), cues_of(parcel.clips)
    contents = _contents({row.get("clip") or "" for row in rows}, parcel)
    videos = {clip: video_name(clip, content) for clip, content in contents.items()}
    lines = [_line(i, row, called, videos, subtitles(row, spoken)) for i, row in enumerate(rows)]
    widest = LETTERS[: max(len(row["choices"]) for row in rows)]
    blind = [_blind(i, row, widest) for i, row in enumerate(rows)]
    name = task_name(parcel.name)
    _tsv(folder / f"{name}.tsv", COLUMNS, lines)
    _tsv(folder / f"{name}_blind.tsv", ("index", "question", *widest, "answer", "category", "question_id"), blind)
    write_text(folder / f"{name}_dataset.py", code("vlmevalkit_dataset", name))
    write_reader(folder)
    quoted = sum(marked(row["choices"]) != row["choices"] for row in rows)
    return [
        f"{name}_dataset.py holds {name}Dataset, which reads {name}.tsv beside it or in the folder LMUData",
        f"{READER.partition('/')[0]} reads the replies and has to lie beside {name}_dataset.py",
        f"{name}_blind.tsv in the folder LMUData is a text dataset by that name",
        *where(parcel, told(parcel.files, (row.get("clip", "") for row in rows))),
        *spoken_note(sum(line["subtitles"] != "[]" for line in lines)),
        *([f"{quoted:,} blind questions have their options in quotation marks, or numbers and None would be misread"]
          if quoted else []),
    ]  # fmt: skip


def video_name(clip: str, content: str) -> str:
    """A name for the folder of a clip's frames: no path, never a number, and another for every clip.

    VLMEvalKit keeps frames by the name of the set and this one, for good. A set is called as its file is, and two sets
    may call a clip the same, so the name is also another for every content.
    """
    word = re.sub(r"[^A-Za-z0-9]+", "_", clip).strip("_")[:40]
    digest = hashlib.sha256(json.dumps([clip, content]).encode()).hexdigest()[:12]
    return f"{word or 'clip'}_v{digest}"


def _contents(clips: Iterable[str], parcel: Parcel) -> dict[str, str]:
    """The digest of each clip's file, or what else tells it from another set's clip of that id."""
    listed = zip(parcel.clips.strings("sha256"), parcel.clips.strings("source"), strict=True)
    known = dict(zip(parcel.clips.ids, listed, strict=True))
    return {
        clip: content_sha256(parcel.files[clip])
        if clip in parcel.files
        else json.dumps([clip, *known.get(clip, ()), parcel.source])
        for clip in clips
    }


def candidates(choices: Sequence[str]) -> str:
    """A list of plain strings as Python writes it, since the kit's own datasets read this column with eval."""
    return repr([f"{letter}. {choice}" for letter, choice in zip(LETTERS, choices, strict=False)])


def _line(
    i: int, row: Mapping[str, Any], called: Mapping[str, str], videos: Mapping[str, str], said: list[str]
) -> dict[str, Any]:
    clip = row.get("clip") or ""
    return {
        "index": i,
        "video": videos[clip],
        "video_path": called.get(clip, clip),
        "question": row["question"],
        "candidates": candidates(row["choices"]),
        "answer": LETTERS[row["answer"]],
        "category": row.get("category") or "",
        "question_id": row["id"],
        "clip": clip,
        "group": row["group"],
        "split": row.get("split") or "",
        "subtitles": json.dumps(said, ensure_ascii=False),
    }


def _blind(i: int, row: Mapping[str, Any], widest: str) -> dict[str, Any]:
    return {
        "index": i,
        "question": _marked(row["question"]),
        **dict.fromkeys(widest, ""),
        **dict(zip(widest, marked(row["choices"]), strict=False)),
        "answer": LETTERS[row["answer"]],
        "category": _marked(row.get("category") or WITHOUT),
        "question_id": _marked(row["id"]),
    }


def _marked(text: str) -> str:
    return marked([text])[0]


def _tsv(path: Path, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    """Every text between quotation marks: a lone carriage return would otherwise end the row."""
    with atomic(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
        writer.writerow(columns)
        writer.writerows([row[name] for name in columns] for row in rows)
