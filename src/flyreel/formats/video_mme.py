"""Video-MME, as its Parquet and as the TSV that VLMEvalKit keeps.

What flyreel writes has the group, the split and where the duration is from beside Video-MME's own columns; readers of
Video-MME pass them by. A duration that is only the clip's length in a word is no `meta` of the question. The TSV of
`flyreel export vlmevalkit` is read here too, and names its clip in a column of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from flyreel.formats.base import Draft, formats
from flyreel.formats.containers import Record, Sample, literal_list
from flyreel.formats.export import Parcel, exporter
from flyreel.formats.fields import without_letters
from flyreel.tables import write_parquet

KEPT_META = ("duration", "domain", "sub_category")

SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("video_id", *KEPT_META, "url", "videoID", "question_id", "task_type")),
        ("question", pa.string()),
        ("options", pa.list_(pa.string())),
        ("answer", pa.string()),
        *((name, pa.string()) for name in ("group", "split", "duration_from")),
    ]
)


@formats.add("video-mme")
class VideoMME:
    """Video-MME (Parquet: video_id, question_id, options, answer; TSV: index, video, candidates, answer)."""

    unique_ids = False

    def recognises(self, sample: Sample) -> bool:
        parquet = sample.has("question", "options", "answer") and (sample.has("videoID") or sample.has("video_id"))
        return parquet or sample.has("index", "video", "question", "candidates", "answer")

    def drafts(self, record: Record) -> Iterable[Draft]:
        v = record.values
        choices = v.get("options") if v.get("options") is not None else v.get("candidates")
        if isinstance(choices, str):
            choices = literal_list(choices) or choices
        named = v.get("videoID") or v.get("video") or v.get("video_id")
        clip = v.get("clip", named)
        meta = {k: str(v[k]) for k in KEPT_META if v.get(k)}
        if v.get("duration_from") == "clip":
            meta.pop("duration", None)
        yield {
            "id": v.get("question_id") or f"{clip}-{v.get('index', record.row)}",
            "question": v.get("question"),
            "choices": without_letters(choices) if isinstance(choices, list) else choices,
            "answer": _letter(v.get("answer"), choices),
            "clip": clip,
            "group": v.get("group"),
            "split": v.get("split"),
            "category": v.get("task_type") or v.get("category"),
            "meta": meta,
        }


def _letter(answer: object, choices: object) -> object:
    """The letter names a position even where some choice is itself a single letter."""
    text = str(answer).strip().rstrip(".")
    return ord(text) - ord("A") if len(text) == 1 and "A" <= text <= "Z" and isinstance(choices, list) else answer


@exporter("video-mme", holds=("clip", "category", "group", "split"), suffix=".parquet")
def video_mme(parcel: Parcel, path: Path) -> Sequence[str]:
    """Video-MME's Parquet: lettered options, the letter of the answer, a video by its id."""
    rows = parcel.rows
    numbers = {clip: f"{n:03d}" for n, clip in enumerate(dict.fromkeys(row.get("clip") for row in rows), 1)}
    sources = dict(zip(parcel.clips.ids, parcel.clips.strings("source"), strict=True))
    lengths = dict(zip(parcel.clips.ids, parcel.clips.numbers("duration").tolist(), strict=True))
    table = pa.Table.from_pylist([_row(row, numbers, sources, lengths) for row in rows], schema=SCHEMA)
    write_parquet(path, table)
    return ["videoID is the id of the clip; of meta only duration, domain and sub_category are written"]


def _row(
    row: Mapping[str, Any],
    numbers: Mapping[str | None, str],
    sources: Mapping[str, str],
    lengths: Mapping[str, float],
) -> dict[str, Any]:
    clip, meta = row.get("clip"), row.get("meta") or {}
    said, length = _text(meta.get("duration")), _length(lengths.get(clip or "", 0.0))
    return {
        "video_id": numbers[clip] if clip else None,
        "duration": said or length,
        "domain": _text(meta.get("domain")),
        "sub_category": _text(meta.get("sub_category")),
        "url": sources.get(clip or "") or None,
        "videoID": clip,
        "question_id": row["id"],
        "task_type": row.get("category"),
        "question": row["question"],
        "options": [f"{chr(ord('A') + i)}. {choice}" for i, choice in enumerate(row["choices"])],
        "answer": chr(ord("A") + row["answer"]),
        "group": row["group"],
        "split": row.get("split"),
        "duration_from": "meta" if said else "clip" if length else None,
    }


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _length(seconds: float) -> str | None:
    """Video-MME's words for it: under two minutes is short, under half an hour medium; None where nobody knows."""
    if not seconds > 0:
        return None
    return "short" if seconds < 120 else "medium" if seconds < 1800 else "long"
