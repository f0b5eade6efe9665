"""Tar shards for training: KEY.mp4 with KEY.json beside it, a clip and all that is asked about it.

The same input gives the same bytes. Where a clip lay on this machine is left behind, and so are its times and owners.
"""

from __future__ import annotations

import json
import re
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any

from flyreel.clips import Clips
from flyreel.errors import InputError
from flyreel.formats.base import Broken, clean, formats, plain, read
from flyreel.formats.canonical import Canonical, rows_of_questions
from flyreel.formats.clip_source import ClipReading, checked, clip_sources, problem
from flyreel.formats.containers import Sample, parts, read_head
from flyreel.formats.export import Parcel, exporter
from flyreel.formats.shards import members
from flyreel.questions import SCHEMA

SHARD_CLIPS = 500
SHARD_BYTES = 1 << 30
KEY_LENGTH = 80

Sampled = dict[str, Any]


@exporter("webdataset", holds=SCHEMA.names, open_ended=True, most_choices=1000, uses=("name",))
def webdataset(parcel: Parcel, folder: Path) -> Sequence[str]:
    """Tar shards for training: per clip its video, and a JSON with the clip and its questions."""
    samples = sampled(parcel)
    plan = [(key, sample, parcel.files.get(sample["questions"][0].get("clip", ""))) for key, sample in samples]
    for number, shard in enumerate(_shards(plan)):
        with tarfile.open(folder / f"{parcel.name}-{number:06d}.tar", "w", format=tarfile.PAX_FORMAT) as tar:
            for key, text, video in shard:
                tar.addfile(_member(f"{key}.json", len(text)), BytesIO(text))
                if video:
                    with video.open("rb") as file:
                        tar.addfile(_member(key + _ending(video), video.stat().st_size), file)
    return _notes(plan)


def sampled(parcel: Parcel) -> list[tuple[str, Sampled]]:
    """Key and contents of every sample, in order of the questions. A question without a clip is one by itself."""
    known = {row["id"]: row for row in parcel.clips.to_rows()}
    by_clip: dict[tuple[str, str], Sampled] = {}
    for row in parcel.rows:
        clip = row.get("clip")
        if clip is None:
            by_clip["question", row["id"]] = {"clip": None, "questions": [row]}
            continue
        told = plain(known.get(clip, {"id": clip}))  # a length may be NaN
        about = {name: value for name, value in told.items() if name != "path" and value is not None}
        by_clip.setdefault(("clip", clip), {"clip": about, "questions": []})["questions"].append(row)
    taken: set[str] = set()
    return [(_key(id, taken), sample) for (_, id), sample in by_clip.items()]


def _key(id: str, taken: set[str]) -> str:
    """What may be a file's name anywhere. A dot would end the key, and case alone does not tell two files apart."""
    base = re.sub(r"[^A-Za-z0-9_-]+", "_", id)[:KEY_LENGTH].strip("_-") or "clip"
    key, copy = base, 2
    while key.lower() in taken:
        key, copy = f"{base}-{copy}", copy + 1
    taken.add(key.lower())
    return key


Planned = tuple[str, Sampled, Path | None]


def _shards(plan: Iterable[Planned]) -> Iterator[list[tuple[str, bytes, Path | None]]]:
    """As many clips as a shard takes, by number or size; one that is larger by itself is a shard by itself."""
    shard: list[tuple[str, bytes, Path | None]] = []
    size = 0
    for key, sample, video in plan:
        text = json.dumps(sample, ensure_ascii=False, allow_nan=False).encode()
        more = len(text) + (video.stat().st_size if video else 0)
        if shard and (len(shard) == SHARD_CLIPS or size + more > SHARD_BYTES):
            yield shard
            shard, size = [], 0
        shard.append((key, text, video))
        size += more
    yield shard


def _member(name: str, size: int) -> tarfile.TarInfo:
    """No time, no owner: what tarfile sets by itself is zero and nobody."""
    member = tarfile.TarInfo(name)
    member.size = size
    return member


def _ending(video: Path) -> str:
    ending = video.suffix.lower()
    return ending if re.fullmatch(r"\.[a-z0-9]{1,5}", ending) and ending != ".json" else ".video"


def _notes(plan: Sequence[Planned]) -> list[str]:
    without = sum(video is None and sample["clip"] is not None for _, sample, video in plan)
    clipless = sum(sample["clip"] is None for _, sample, _ in plan)
    lines = []
    if without:
        lines.append(f"{without:,} clips have no file: their questions are there, without video")
    if clipless:
        lines.append(f"{clipless:,} questions name no clip: each is a sample by itself")
    return lines


@formats.add("webdataset")
class Webdataset(Canonical):
    """Tar shards (or a folder of them) whose JSON members hold canonical questions."""

    def recognises(self, sample: Sample) -> bool:
        return sample.container == "tar" and rows_of_questions(sample)


@clip_sources.add("webdataset")
class Shards:
    """Tar shards (or a folder of them) as flyreel writes them: the clips and their questions, not the videos.

    A path in a shard would be one on somebody else's machine, or a wish to have a file of this one: it is not read.
    """

    def recognises(self, path: Path) -> bool:
        shards = _tars(path)
        first = islice(members(shards[0]), 1) if shards else ()
        return any(isinstance(found, dict) and {"clip", "questions"} <= set(found) for found in first)

    def read(self, path: Path) -> ClipReading:
        reading = read(path, "webdataset")
        rows: dict[str, dict[str, Any]] = {}
        problems = list(reading.problems)
        objects = (found for shard in _tars(path) for found in members(shard) if isinstance(found, dict))
        for number, found in enumerate(objects, 1):
            if not isinstance(found.get("clip"), dict):
                continue
            try:
                told = {name: value for name, value in found["clip"].items() if name != "path"}
                row = checked(told, f"{clean(path.stem)}-{number}")
                if row["id"] in rows:
                    raise Broken("duplicate-id", row["id"])
                rows[row["id"]] = row
            except Broken as broken:
                problems.append(problem(number, broken))
        return ClipReading(str(path), "webdataset", Clips.from_rows(rows.values()), reading.questions, problems)


def _tars(path: Path) -> list[Path]:
    """The shards of a folder, or the one that a file is; none where it is anything else."""
    if path.is_dir():
        return [part for part in parts(path) if part.suffix == ".tar"]
    try:
        return [path] if read_head(path)[257:262] == b"ustar" else []
    except InputError:
        return []
