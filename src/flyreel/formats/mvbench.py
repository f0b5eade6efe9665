"""MVBench's JSON lists: candidates as plain text, the answer as the text of one of them.

Its own files know neither ids nor groups. Those that flyreel writes have both, in keys that MVBench's reader passes by,
and `clip` where the file of the video is not called by the id of the clip.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from flyreel.formats.base import Broken, Draft, formats
from flyreel.formats.clip_names import names, told
from flyreel.formats.containers import Record, Sample
from flyreel.formats.export import Parcel, exporter
from flyreel.tables import write_text


@formats.add("mvbench")
class MVBench:
    """MVBench (JSON list: video, question, candidates, answer as text; one to six options)."""

    unique_ids = False

    def recognises(self, sample: Sample) -> bool:
        return sample.has("video", "question", "candidates", "answer") and not sample.has("index")

    def drafts(self, record: Record) -> Iterable[Draft]:
        v = record.values
        choices = v.get("candidates")
        answer = str(v.get("answer")).strip() if v.get("answer") is not None else None
        if isinstance(choices, list):
            texts = [str(c).strip() for c in choices]
            if answer is not None and answer not in texts:
                raise Broken("answer-not-among-choices", answer)
            if len(set(texts)) == len(texts) > 1 and answer is not None:
                answer = texts.index(answer)  # type: ignore[assignment]
        yield {
            "id": v.get("id") or f"{v.get('video')}-{record.row}",
            "question": v.get("question"),
            "choices": choices,
            "answer": answer,
            "clip": v.get("clip") or v.get("video"),
            "category": v.get("task_type") or v.get("question_type"),
            "group": v.get("group"),
            "split": v.get("split"),
        }


@exporter("mvbench", holds=("clip", "category", "group", "split"), suffix=".json")
def mvbench(parcel: Parcel, path: Path) -> Sequence[str]:
    """MVBench's JSON list: video, question, candidates, and the answer as text."""
    called = names(parcel.files)
    rows = []
    for row in parcel.rows:
        clip = row.get("clip", "")
        video = called.get(clip, clip)
        written = {
            "id": row["id"],
            "video": video,
            "question": row["question"],
            "candidates": row["choices"],
            "answer": row["choices"][row["answer"]],
            "task_type": row.get("category"),
            "clip": clip if clip != video else None,
            "group": row["group"],
            "split": row.get("split"),
        }
        rows.append({name: value for name, value in written.items() if value is not None})
    write_text(path, json.dumps(rows, indent=1, ensure_ascii=False) + "\n")
    return told(parcel.files, (row.get("clip", "") for row in parcel.rows))
