"""The card of a data set on the Hugging Face hub: front matter that the hub reads, and a page that people do.

It says what can be counted and leaves out what is not known: no language is guessed, and a licence that nobody named is
said to be unknown.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import yaml

import flyreel
from flyreel.formats.export import Parcel
from flyreel.formats.markdown import plain, table
from flyreel.questions import Questions

SIZES = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"),
)
LICENCES = frozenset(
    """
    apache-2.0 mit openrail bigscience-openrail-m creativeml-openrail-m bigscience-bloom-rail-1.0 bigcode-openrail-m
    afl-3.0 artistic-2.0 bsl-1.0 bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear c-uda cc cc0-1.0 cc-by-2.0 cc-by-2.5
    cc-by-3.0 cc-by-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nd-4.0 cc-by-nc-nd-3.0
    cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 cdla-sharing-1.0 cdla-permissive-1.0
    cdla-permissive-2.0 wtfpl ecl-2.0 epl-1.0 epl-2.0 etalab-2.0 eupl-1.1 agpl-3.0 gfdl gpl gpl-2.0 gpl-3.0 lgpl
    lgpl-2.1 lgpl-3.0 isc lppl-1.3c ms-pl mpl-2.0 odc-by odbl openrail++ osl-3.0 postgresql ofl-1.1 ncsa unlicense zlib
    pddl lgpl-lr unknown other
    """.split()
)
"""Names that the hub takes for a licence; it refuses a card with any other."""
CATEGORIES = 40
"""Rows of the table of categories; a set with thousands of them has names, not categories."""

COLUMNS = {
    "id": "the question's own name, used once",
    "question": "the question",
    "choices": "what may be answered, in the order shown; null where the question is open-ended",
    "answer": "index of the right choice, from 0; null where the question is open-ended",
    "answer_text": "the answer where the question is open-ended",
    "clip": "the clip that it is about",
    "group": "the film or upload that the clip was cut from; keep a group together",
    "category": "kind of question",
    "template": "what it was worded from",
    "rationale": "why the answer is right",
    "evidence": "seconds of the clip that show the answer",
    "cues": "what is said or described in the clip, and when",
    "origin": "what made it, as JSON",
    "parent": "the question that it was made from",
    "round": "times that it was revised",
    "meta": "anything else, as JSON",
}


@dataclass(frozen=True)
class Split:
    """One split of one configuration as it lies in the folder."""

    name: str
    files: str
    questions: Questions
    schema: pa.Schema
    bytes: int
    bytes_on_disk: int


Configs = Mapping[str, Sequence[Split]]


def write(parcel: Parcel, configs: Configs) -> str:
    front = yaml.safe_dump(_front(parcel, configs), sort_keys=False, allow_unicode=True, width=120)
    parts = [
        f"---\n{front}---",
        f"# {plain(parcel.title)}",
        _opening(parcel.questions),
        _section("Loading", _loading(configs)),
        _section("Columns", _columns(configs["default"][0].schema)),
        _section("Questions", _counts(configs)),
        _section("How it was made", _made(parcel)),
        _section("What is not here", _absent(parcel)),
    ]
    return "\n\n".join(parts) + "\n"


def _front(parcel: Parcel, configs: Configs) -> dict[str, Any]:
    n = len(parcel.questions)
    closed = len(parcel.questions.choice_rows)
    tasks = ["video-text-to-text", *["multiple-choice"] * bool(closed), *["question-answering"] * (closed < n)]
    info = [{"config_name": name, **_info(splits)} for name, splits in configs.items()]
    return {
        "pretty_name": parcel.title,
        **_licence(parcel.licence),
        "task_categories": tasks,
        "size_categories": [next((word for limit, word in SIZES if n < limit), "10M<n<100M")],
        "tags": ["video", "video-question-answering", "flyreel"],
        "configs": [
            {
                "config_name": name,
                **({"default": True} if name == "default" else {}),
                "data_files": [{"split": s.name, "path": s.files} for s in splits],
            }
            for name, splits in configs.items()
        ],
        "dataset_info": info,
    }


def _licence(named: str | None) -> dict[str, str]:
    """The hub knows licences by short names, and one that is not among them as `other` with a name."""
    short = "-".join((named or "unknown").lower().split())
    return {"license": short} if short in LICENCES else {"license": "other", "license_name": short}


def _info(splits: Sequence[Split]) -> dict[str, Any]:
    return {
        "features": [_feature(field) for field in splits[0].schema],
        "splits": [{"name": s.name, "num_bytes": s.bytes, "num_examples": len(s.questions)} for s in splits],
        "download_size": sum(s.bytes_on_disk for s in splits),
        "dataset_size": sum(s.bytes for s in splits),
    }


def _feature(field: pa.Field) -> dict[str, Any]:
    if not pa.types.is_list(field.type):
        return {"name": field.name, "dtype": _type(field.type)}
    inner = field.type.value_type
    return {"name": field.name, "list": [_feature(f) for f in inner] if pa.types.is_struct(inner) else _type(inner)}


def _type(of: pa.DataType) -> str:
    return "float64" if pa.types.is_float64(of) else str(of)


def _opening(questions: Questions) -> str:
    n, clips = len(questions), _clips(questions)
    closed = questions.with_choices()
    told = f"{n:,} questions on {clips:,} clips of {questions.n_groups:,} groups."
    if len(closed):
        told += (
            f" {len(closed):,} have choices; who guesses gets {100 * float(closed.chance.mean()):.1f}% of them right."
        )
    if len(closed) < n:
        told += f" {n - len(closed):,} are open-ended."
    return told


def _loading(configs: Configs) -> list[str]:
    first = configs["default"][0].name
    lines = [
        "```python",
        "from datasets import load_dataset",
        f'questions = load_dataset("REPOSITORY", split="{first}")',
        "```",
        "",
        "`REPOSITORY` is the name of this repository, or a folder with a copy of it.",
    ]
    if "hard" in configs:
        lines.append('`load_dataset("REPOSITORY", "hard")` gives only the questions that are labelled hard.')
    return lines


def _columns(schema: pa.Schema) -> list[str]:
    return table(("column", "type", "meaning"), [(f"`{f.name}`", _said(f), COLUMNS[f.name]) for f in schema])


def _said(field: pa.Field) -> str:
    if not pa.types.is_list(field.type):
        return _type(field.type)
    inner = field.type.value_type
    return f"list of {', '.join(f.name for f in inner)}" if pa.types.is_struct(inner) else f"list of {_type(inner)}"


def _counts(configs: Configs) -> list[str]:
    splits = configs["default"]
    rows = [(s.name, f"{len(q):,}", f"{_clips(q):,}", f"{q.n_groups:,}") for s in splits for q in (s.questions,)]
    lines = table(("split", "questions", "clips", "groups"), rows)
    by_split = [Counter(s.questions.strings("category")) for s in splits]
    whole: Counter[str] = sum(by_split, Counter())
    if set(whole) != {""}:
        shown = [name for name, _ in whole.most_common(CATEGORIES)]
        cells = [(plain(name) or "none", *(f"{c[name]:,}" for c in by_split)) for name in shown]
        if rest := len(whole) - len(shown):
            others = (f"{sum(c.values()) - sum(c[name] for name in shown):,}" for c in by_split)
            cells.append((f"{rest:,} others", *others))
        lines += ["", *table(("category", *(s.name for s in splits)), cells)]
    if "hard" in configs:
        lines += ["", f"Labelled hard: {', '.join(f'{len(s.questions):,} in {s.name}' for s in configs['hard'])}."]
    return lines


def _made(parcel: Parcel) -> list[str]:
    made: Counter[tuple[str, str]] = Counter()
    for text in parcel.questions.strings("origin"):
        origin = json.loads(text) if text else {}
        made[str(origin.get("name") or ""), str(origin.get("model") or "")] += 1
    rows = [
        (plain(name) or "not stated", plain(model) or "none named", f"{n:,}") for (name, model), n in made.most_common()
    ]
    revised = sum(1 for n in parcel.questions.table.column("round").to_pylist() if n)
    lines = (
        table(("made by", "model", "questions"), rows)
        if set(made) != {("", "")}
        else ["No question says what made it."]
    )
    if revised:
        lines += ["", f"{revised:,} were revised at least once."]
    from_file = f" from {plain(parcel.source)}" if parcel.source else ""
    return [*lines, "", f"Written by flyreel {flyreel.__version__}{from_file}."]


def _absent(parcel: Parcel) -> list[str]:
    lines = ["- The videos. A question names its clip by `clip`; where the clips are to be had is not said here."]
    if not parcel.licence:
        lines.append("- A licence: nobody has named one.")
    return lines


def _clips(questions: Questions) -> int:
    return len(set(questions.strings("clip")) - {""})


def _section(title: str, lines: Sequence[str]) -> str:
    return "\n".join([f"## {title}", "", *lines])
