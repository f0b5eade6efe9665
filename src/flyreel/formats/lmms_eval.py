"""lmms-eval: a task folder that --include_path finds, with and without the videos.

The data file is Parquet, and every value in it is text or a whole number. Of JSON the harness would guess the type of a
column from its values: dates become times, among ids, categories and names of clips too, and a field that only later
rows have stops the run. Lists stand there as JSON text, which flyreel's own reader takes too, and what is absent is an
empty text.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml

from flyreel.formats._harness import ASK, code, cues_of, spoken_note, subtitles, task_name, where, write_reader
from flyreel.formats.clip_names import names, told
from flyreel.formats.export import Parcel, exporter
from flyreel.questions import SCHEMA
from flyreel.tables import write_parquet, write_text

NOT_HELD = ("origin", "meta")
TEXTS = ("clip", "group", "split", "category", "template", "rationale", "parent")
LISTS = ("cues", "evidence")
COLUMNS = pa.schema(
    [(name, pa.string()) for name in ("id", "question", "choices", *TEXTS, *LISTS, "video", "subtitles")]
    + [(name, pa.int64()) for name in ("answer", "round")]
)
MOST_CATEGORIES = 30
"""Categories with an accuracy of their own; a harness prints a row for each metric."""


class _Function(str):
    """A reference that lmms-eval resolves in the Python file beside the YAML."""

    __slots__ = ()


class _Dumper(yaml.SafeDumper):
    pass


_Dumper.add_representer(_Function, lambda dumper, name: dumper.represent_scalar("!function", str(name)))


@exporter("lmms-eval", holds=[name for name in SCHEMA.names if name not in NOT_HELD])
def lmms_eval(parcel: Parcel, folder: Path) -> Sequence[str]:
    """A task folder for lmms-eval: flyreel_NAME and flyreel_NAME_blind, their data, and the code that reads replies."""
    rows = parcel.rows
    called, spoken = names(parcel.files), cues_of(parcel.clips)
    data = [_line(row, called, subtitles(row, spoken)) for row in rows]
    metrics = category_metrics(row.get("category") for row in rows)
    name, file = task_name(parcel.name), f"data/{_data_name(rows)}.parquet"
    write_parquet(folder / file, pa.Table.from_pylist(data, schema=COLUMNS))
    write_text(folder / "data" / "categories.json", json.dumps(metrics, indent=1, ensure_ascii=False) + "\n")
    write_text(folder / "utils.py", code("lmms_eval_utils", name))
    write_reader(folder)
    for task, visual, text in ((name, "doc_to_visual", "doc_to_text"), (f"{name}_blind", "no_visual", "blind_text")):
        config = _config(task, file, visual, text, metrics.values(), parcel)
        told_yaml = yaml.dump(config, Dumper=_Dumper, sort_keys=False)
        write_text(folder / f"{task}.yaml", told_yaml)
    return [
        f"lmms_eval --include_path THIS_FOLDER --tasks {name},{name}_blind",
        *where(parcel, told(parcel.files, (row.get("clip", "") for row in rows))),
        *spoken_note(sum(d["subtitles"] != "[]" for d in data)),
        *_notes(rows, metrics),
    ]


def category_metrics(categories: Any) -> dict[str, str]:
    """The metric of each of the commonest categories, by a name that holds neither commas nor spaces."""
    metrics: dict[str, str] = {}
    for category, _ in Counter(c for c in categories if c).most_common(MOST_CATEGORIES):
        word = re.sub(r"\W+", "_", category.casefold()).strip("_")[:40] or "other"
        base = name = "accuracy_" + word.replace("stderr", "std_err")  # NAME_stderr is the harness's error of NAME
        copy = 1
        while name in metrics.values():
            copy += 1
            name = f"{base}__{copy}"
        metrics[category] = name
    return metrics


def _line(row: Mapping[str, Any], called: Mapping[str, str], said: list[str]) -> dict[str, Any]:
    clip = row.get("clip") or ""
    return {
        "id": row["id"],
        "question": row["question"],
        "choices": _json(row["choices"]),
        "answer": row["answer"],
        **{name: row.get(name) or "" for name in TEXTS},
        **{name: _json(row[name]) if row.get(name) else "" for name in LISTS},
        "round": row.get("round") or 0,
        "video": called.get(clip, clip),
        "subtitles": _json(said),
    }


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _data_name(rows: Sequence[Mapping[str, Any]]) -> str:
    """The split where there is one and it is a plain word; the harness calls it test whatever it is."""
    splits = {row.get("split") or "" for row in rows}
    only = splits.pop() if len(splits) == 1 else ""
    return only if re.fullmatch(r"\w+", only, re.ASCII) else "test"


def _config(task: str, file: str, visual: str, text: str, categories: Any, parcel: Parcel) -> dict[str, Any]:
    share = _Function("utils.share")
    metrics = [("accuracy", True), ("unread", False), *((name, True) for name in categories)]
    about = {"version": 1.0, "title": parcel.title, "licence": parcel.licence or "not stated"}
    return {
        "dataset_path": "parquet",
        "dataset_kwargs": {"data_files": {"test": file}},
        "task": task,
        "test_split": "test",
        "output_type": "generate_until",
        "cluster_key": "group",
        "doc_to_visual": _Function(f"utils.{visual}"),
        "doc_to_text": _Function(f"utils.{text}"),
        "doc_to_target": _Function("utils.doc_to_target"),
        "process_results": _Function("utils.process_results"),
        "generation_kwargs": {"max_new_tokens": 32, "temperature": 0, "do_sample": False},
        "metric_list": [{"metric": name, "aggregation": share, "higher_is_better": higher} for name, higher in metrics],
        "lmms_eval_specific_kwargs": {"default": {"pre_prompt": "", "post_prompt": f"\n{ASK}"}},
        "metadata": about,
    }


def _notes(rows: Sequence[Mapping[str, Any]], metrics: Mapping[str, str]) -> list[str]:
    notes = []
    splits = Counter(row.get("split") for row in rows)
    if len(splits) > 1:
        notes.append(f"Questions of {len(splits)} splits are in one task; --split exports one of them")
    categories = {row.get("category") for row in rows} - {None}
    if len(categories) > len(metrics):
        notes.append(f"{len(metrics)} of {len(categories):,} categories have an accuracy of their own, the commonest")
    return notes
