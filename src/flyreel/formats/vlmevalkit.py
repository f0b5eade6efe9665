"""VLMEvalKit: a TSV with a dataset class of its own, and a blind TSV that loads as plain text questions.

VLMEvalKit reads a TSV with pandas' guesses: an option "None" is missing, "1.50" is 1.5. Its class here reads every
cell as text. The blind TSV is read by VLMEvalKit alone, so where one option of a question would be misread all of its
options stand between quotation marks: marks on one of them would point at it.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from flyreel.formats._harness import code, cues_of, spoken_note, subtitles, where
from flyreel.formats.clip_names import names, told
from flyreel.formats.export import Parcel, exporter
from flyreel.tables import atomic, write_text

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
COLUMNS = (
    "index", "video", "video_path", "question", "candidates", "answer", "category", "question_id", "clip", "group",
    "split", "subtitles",
)  # fmt: skip

MISREAD = frozenset(
    "#N/A|#N/A N/A|#NA|-1.#IND|-1.#QNAN|-NaN|-nan|1.#IND|1.#QNAN|<NA>|N/A|NA|NULL|NaN|None|n/a|nan|null|true|false"
    "|True|False|TRUE|FALSE".split("|")
)
"""What pandas takes for a missing or a truth value, beside numbers."""


@exporter("vlmevalkit", holds=("clip", "group", "split", "category"), most_choices=len(LETTERS))
def vlmevalkit(parcel: Parcel, folder: Path) -> Sequence[str]:
    """A TSV and its dataset class for VLMEvalKit, and a blind TSV that needs no class."""
    rows = parcel.rows
    called, spoken = names(parcel.files), cues_of(parcel.clips)
    lines = [_line(i, row, called, subtitles(row, spoken)) for i, row in enumerate(rows)]
    widest = LETTERS[: max(len(row["choices"]) for row in rows)]
    blind = [_blind(i, row, widest) for i, row in enumerate(rows)]
    name = parcel.name
    _tsv(folder / f"{name}.tsv", COLUMNS, lines)
    _tsv(folder / f"{name}_blind.tsv", ("index", "question", *widest, "answer", "category", "question_id"), blind)
    write_text(folder / f"{name}_dataset.py", code("vlmevalkit_dataset", name))
    marked = sum(any(map(misread, row["choices"])) for row in rows)
    return [
        f"{name}_dataset.py holds {name}Dataset, which reads {name}.tsv beside it or in the folder LMUData",
        f"{name}_blind.tsv in the folder LMUData is a text dataset by that name",
        *where(parcel, told(parcel.files, (row.get("clip", "") for row in rows))),
        *spoken_note(sum(line["subtitles"] != "[]" for line in lines)),
        *([f"{marked:,} blind questions have their options in quotation marks, or numbers and None would be misread"]
          if marked else []),
    ]  # fmt: skip


def misread(text: str) -> bool:
    """Whether pandas, left to guess, would read this cell as something else than the text."""
    stripped = text.strip()
    if not stripped or text in MISREAD or stripped.casefold() in ("true", "false"):
        return True
    with suppress(ValueError):
        float(stripped)
        return True
    return False


def video_name(clip: str) -> str:
    """A name for the folder of a clip's frames: no path, never a number, and another for every clip."""
    word = re.sub(r"[^A-Za-z0-9]+", "_", clip).strip("_")[:40]
    return f"{word or 'clip'}_{hashlib.sha256(clip.encode()).hexdigest()[:8]}"


def candidates(choices: Sequence[str]) -> str:
    """A list of plain strings as Python writes it, since the kit's own datasets read this column with eval."""
    return repr([f"{letter}. {choice}" for letter, choice in zip(LETTERS, choices, strict=False)])


def _line(i: int, row: Mapping[str, Any], called: Mapping[str, str], said: list[str]) -> dict[str, Any]:
    clip = row.get("clip") or ""
    return {
        "index": i,
        "video": video_name(clip),
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
    choices = row["choices"]
    if any(map(misread, choices)):
        choices = [f'"{choice}"' for choice in choices]
    return {
        "index": i,
        "question": _marked(row["question"]),
        **dict.fromkeys(widest, ""),
        **dict(zip(widest, choices, strict=False)),
        "answer": LETTERS[row["answer"]],
        "category": _marked(row.get("category") or "uncategorised"),
        "question_id": _marked(row["id"]),
    }


def _marked(text: str) -> str:
    return f'"{text}"' if misread(text) else text


def _tsv(path: Path, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    """Every text between quotation marks: a lone carriage return would otherwise end the row. A null character, which
    no text file holds, becomes the mark for a character that cannot be shown."""
    with atomic(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
        writer.writerow(columns)
        writer.writerows([_cell(row[name]) for name in columns] for row in rows)


def _cell(value: Any) -> Any:
    return value.replace("\0", "\ufffd") if isinstance(value, str) else value
