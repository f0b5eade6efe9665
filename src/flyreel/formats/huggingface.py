"""A data set as the Hugging Face hub has them: Parquet by split, and a card that says what it is.

The split is the file, so there is no column of it. A hub's split is a plain word and a question's may be any text; the
question's own stands in the metadata of the Parquet file, from where flyreel's reader puts it back.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from flyreel.formats import dataset_card
from flyreel.formats.containers import SPLIT_KEY
from flyreel.formats.export import Parcel, exporter
from flyreel.questions import SCHEMA, Questions
from flyreel.tables import SHARD_ROWS

WORD_LENGTH = 80
"""Characters of a split's name there: a file is called after it, with more behind."""

WITHOUT = "unassigned"
"""Questions that name no split where others do. Never train: their clips may be in another split."""


@dataclass(frozen=True)
class Part:
    """`name` is what the hub calls the split, `split` what the questions do."""

    name: str
    split: str
    questions: Questions

    @property
    def table(self) -> pa.Table:
        return self.questions.table.drop_columns(["split"]).replace_schema_metadata({SPLIT_KEY: self.split.encode()})


@exporter("huggingface", holds=SCHEMA.names, open_ended=True, most_choices=1000, uses=("title", "licence"))
def huggingface(parcel: Parcel, folder: Path) -> Sequence[str]:
    """A data set for the Hugging Face hub: a folder of Parquet by split, and its card. Videos are not copied."""
    parts = divided(parcel.questions)
    configs = {"default": _written(parts, folder, "data")}
    hard = [part for part in (_hard(part) for part in parts) if len(part.questions)]
    if hard:
        configs["hard"] = _written(hard, folder, "hard")
    (folder / "README.md").write_text(dataset_card.write(parcel, configs), encoding="utf-8")
    return _notes(parts, sum(len(part.questions) for part in hard), len(set(parcel.questions.strings("clip")) - {""}))


def divided(questions: Questions) -> list[Part]:
    """By split, in order of appearance. A set without any is one split, which the hub calls train."""
    named = questions.strings("split")
    found = dict.fromkeys(named)
    if set(found) == {""}:
        return [Part("train", "", questions)]
    taken: set[str] = set()
    parts = []
    for split in sorted(found, key=lambda s: s == ""):
        rows = np.flatnonzero([name == split for name in named])
        parts.append(Part(_word(split or WITHOUT, taken), split, questions.take(rows)))
    return parts


def _word(split: str, taken: set[str]) -> str:
    """A name that the hub takes for a split and a file system for a file; `all` means every split there."""
    word = re.sub(r"\W+", "_", split, flags=re.ASCII).strip("_")[:WORD_LENGTH].rstrip("_") or "split"
    base, copy = f"{word}_" if word.lower() == "all" else word, 2
    word = base
    while word.lower() in taken:
        word, copy = f"{base}_{copy}", copy + 1
    taken.add(word.lower())
    return word


def _hard(part: Part) -> Part:
    rows = np.flatnonzero([is_hard(json.loads(meta or "{}")) for meta in part.questions.strings("meta")])
    return Part(part.name, part.split, part.questions.take(rows))


def is_hard(meta: Mapping[str, object]) -> bool:
    """Labelled hard by flyreel, or in the words of the set that it comes from."""
    return any(str(meta.get(name)).lower() in ("true", "1") for name in ("hard", "hard_split"))


def _written(parts: Sequence[Part], folder: Path, below: str) -> list[dataset_card.Split]:
    (folder / below).mkdir()
    written = []
    for part in parts:
        table = part.table
        count = -(-table.num_rows // SHARD_ROWS)
        size = 0
        for number in range(count):
            path = folder / below / f"{part.name}-{number:05d}-of-{count:05d}.parquet"
            pq.write_table(table.slice(number * SHARD_ROWS, SHARD_ROWS), path, compression="zstd")
            size += path.stat().st_size
        pattern = f"{below}/{part.name}-*-of-{count:05d}.parquet"  # not those of an earlier push with other counts
        written.append(dataset_card.Split(part.name, pattern, part.questions, table.schema, table.nbytes, size))
    return written


def _notes(parts: Sequence[Part], hard: int, clips: int) -> list[str]:
    lines = []
    for part in parts:
        if not part.split and part.name == "train":
            lines.append("no question names a split; all of them are in train")
        elif not part.split:
            lines.append(f"{len(part.questions):,} questions name no split; they are in {part.name}")
        elif part.name != part.split:
            lines.append(f"split {part.split!r} is called {part.name} there")
    if hard:
        lines.append(f"{hard:,} questions are labelled hard; they are also a configuration of that name")
    if clips:
        lines.append(f"videos are not copied; {clips:,} clips are named by their id")
    return lines
