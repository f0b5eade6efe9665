"""The `datasets` and `webdataset` libraries on what `flyreel export huggingface` and `webdataset` write.

    python3 -m venv V && V/bin/pip install datasets==5.2.0 webdataset==1.0.2
    python benchmarks/interop/huggingface.py --python V/bin/python [QUESTIONS …]

A toybox with splits and hard questions is made and exported, and so is every question file that is named. In the other
environment, offline, the folder is loaded as a data set, by its configurations and as plain Parquet, and the shards are
read through; the rows that come out are held against the questions.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any


def inside(folder: Path) -> dict[str, Any]:
    """What the libraries say; runs in their environment and knows nothing of flyreel."""
    from importlib.metadata import version

    import webdataset
    from datasets import get_dataset_config_names, load_dataset

    told: dict[str, Any] = {"datasets": version("datasets"), "webdataset": version("webdataset"), "sets": {}}
    for hub in sorted(folder.glob("*.hub")):
        loaded = load_dataset(str(hub))
        rows = [{**row, "split": split} for split, part in loaded.items() for row in part]
        plain = load_dataset("parquet", data_files=str(hub / "data" / "*.parquet"), split="train")
        shards = sorted(str(s) for s in hub.with_suffix(".wds").glob("*.tar"))
        samples = list(webdataset.WebDataset(shards, shardshuffle=False, empty_check=False))
        told["sets"][hub.stem] = {
            "printed": str(loaded),
            "configs": get_dataset_config_names(str(hub)),
            "hard": sum(len(p) for p in load_dataset(str(hub), "hard").values())
            if "hard" in get_dataset_config_names(str(hub)) else 0,
            "rows": {row["id"]: [row["question"], row["choices"], row["answer"], row["answer_text"]] for row in rows},
            "splits": {row["id"]: row["split"] for row in rows},
            "plain": len(plain),
            "shards": len(shards),
            "samples": len(samples),
            "videos": sum("mp4" in s and len(s["mp4"]) > 1000 for s in samples),
            "shard_questions": [q["id"] for s in samples for q in json.loads(s["json"])["questions"]],
        }  # fmt: skip
    return told


def outside(python: str, folder: Path, more: list[Path]) -> int:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from common import bars, head, table

    from flyreel.formats.base import read
    from flyreel.formats.exporting import Request, run
    from flyreel.tables import write_jsonl
    from flyreel.toybox.make import Plan, make

    make(Plan(clips=6, questions=4), folder / "toybox")
    toy = folder / "toybox" / "toy.jsonl"
    rows = read(folder / "toybox" / "questions.jsonl").questions.to_rows()
    write_jsonl(toy, [{**r, "split": "test" if i % 3 else "train", "meta": {"hard": i % 4 == 0}} for i, r in
                      enumerate(rows)])  # fmt: skip
    before: dict[str, dict[str, dict[str, Any]]] = {}
    for file in (toy, *more):
        for to, ending in (("huggingface", "hub"), ("webdataset", "wds")):
            _, reading = run(Request(to=to, file=file, out=folder / "out" / f"{file.stem}.{ending}"))
        before[file.stem] = {row["id"]: row for row in reading.questions.to_rows()}
    offline = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "HF_HOME": str(folder / "home")}
    command = [python, __file__, "--inside", str(folder / "out")]
    finished = subprocess.run(command, env={**os.environ, **offline}, capture_output=True, text=True)
    if finished.returncode:
        print(finished.stderr, file=sys.stderr)
        return finished.returncode
    told = json.loads(finished.stdout.splitlines()[-1])
    head("datasets and webdataset on the exports", datasets=told["datasets"], webdataset=told["webdataset"])
    held: list[tuple[str, bool]] = []
    lines: list[list[Any]] = []
    for name, found in told["sets"].items():
        asked = before[name]
        same = sum(_core(row) == found["rows"].get(id) for id, row in asked.items())
        split = sum((row.get("split") or "train") == found["splits"].get(id) for id, row in asked.items())
        shards = sorted(found["shard_questions"]) == sorted(asked)
        lines.append([name, len(asked), same, split, found["plain"], found["hard"], found["shards"], found["samples"],
                      found["videos"]])  # fmt: skip
        held += [(f"{name}: every question loads equal", same == len(asked) == len(found["rows"])),
                 (f"{name}: in its split", split == len(asked)), (f"{name}: in a shard once", shards)]  # fmt: skip
    table(["set", "questions", "equal", "in split", "as Parquet", "hard", "shards", "samples", "with video"], lines)
    print(told["sets"]["toy"]["printed"])
    print(f"configurations: {', '.join(told['sets']['toy']['configs'])}\n")
    hard = sum(bool(row["meta"]["hard"]) for row in before["toy"].values())
    held += [("toy: the hard configuration", told["sets"]["toy"]["hard"] == hard),
             ("toy: every clip's film is in its shard", told["sets"]["toy"]["videos"] == 6)]  # fmt: skip
    return bars(*held)


def _core(row: dict[str, Any]) -> list[Any]:
    key = row["answer"]
    closed = isinstance(key, int)
    return [row["question"], row.get("choices") or [], key if closed else None, None if closed else key]


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--python", help="an interpreter with datasets and webdataset")
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("questions", type=Path, nargs="*")
    given = parser.parse_args()
    if given.inside:
        print(json.dumps(inside(given.inside)))
        sys.exit()
    if not given.python:
        parser.error("--python is needed: an interpreter with datasets and webdataset")
    with tempfile.TemporaryDirectory() as work:
        sys.exit(outside(given.python, Path(work).resolve(), given.questions))
