"""Label Studio's own SDK on what `flyreel export label-studio` writes, and flyreel on what people then say.

    python3 -m venv V && V/bin/pip install label-studio-sdk==2.1.2
    python benchmarks/interop/label_studio.py --python V/bin/python

A toybox is made and exported. In the SDK's environment the interface is validated, and against it every task and every
prediction; spoilt ones have to be refused. Every video address is resolved as the server would. Annotations are then
made with the SDK, its own samples among them, and come back here as its JSON export, and as JSON-MIN by its converter.
The editor in the browser is not run.
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

SPOILT = {
    "a verdict that is none": {"from_name": "verdict", "value": {"choices": ["perhaps"]}},
    "a control that is none": {"from_name": "colour", "value": {"choices": ["A"]}},
    "a text where a list belongs": {"from_name": "note", "type": "textarea", "value": {"text": 7}},
}


def inside(folder: Path) -> dict[str, Any]:
    """What the SDK says; runs in its environment and knows nothing of flyreel."""
    from importlib.metadata import version

    from label_studio_sdk._extensions.label_studio_tools.core.utils.io import resolve_local_storage_file
    from label_studio_sdk.converter import Converter
    from label_studio_sdk.label_interface import LabelInterface
    from label_studio_sdk.label_interface.objects import AnnotationValue, PredictionValue, TaskValue

    tasks = json.loads((folder / "tasks.json").read_text(encoding="utf-8"))
    interface = LabelInterface((folder / "config.xml").read_text(encoding="utf-8"))
    interface.validate()
    errors = [e for t in tasks for p in t["predictions"] for e in interface.validate_prediction(p, return_errors=True)]
    for task in tasks:
        TaskValue.model_validate(task)
        for prediction in task["predictions"]:
            PredictionValue.model_validate(prediction)
    base = {"to_name": "question", "type": "choices"}
    refused = {what: not interface.validate_prediction({"result": [base | part]}) for what, part in SPOILT.items()}
    refused["a task without its question"] = not interface.validate_task({"data": {"video": "x"}})

    def annotation(by: int, **said: str) -> dict[str, Any]:
        return AnnotationValue(completed_by=by, result=interface.create_regions(said)).model_dump()

    annotated = []
    for number, task in enumerate(tasks):
        letters = [c["alias"] for c in task["data"]["choices"]]
        key, other = (letters[(task["data"]["flyreel"]["answer"] + step) % len(letters)] for step in (0, 1))
        said = [annotation(1, pick=key, verdict="keep"), annotation(2, pick=key, verdict="keep", note="Plain to see.")]
        said.append(annotation(3, pick=other, verdict="wrong-key"))
        sample = interface.generate_sample_annotation()
        assert sample is not None, "the SDK made a sample that it does not accept"
        stamped = [{**a, "id": i, "created_at": f"2026-01-01T00:00:0{i}Z"} for i, a in enumerate([*said, sample])]
        annotated.append({**task, "id": number + 1, "annotations": stamped})
    (folder / "export.json").write_text(json.dumps(annotated), encoding="utf-8")
    converter = Converter((folder / "config.xml").read_text(encoding="utf-8"), str(folder), download_resources=False)
    converter.convert(str(folder / "export.json"), str(folder / "min"), "JSON_MIN", is_dir=False)
    return {
        "version": version("label-studio-sdk"),
        "controls": {c.name: f"{c.tag} of {c.to_name[0]}" for c in interface.controls},
        "tasks": len(tasks),
        "valid_tasks": sum(interface.validate_task({"data": t["data"]}) for t in tasks),
        "prediction_errors": errors,
        "refused": refused,
        "annotations": sum(len(t["annotations"]) for t in annotated),
        "valid_annotations": sum(interface.validate_annotation(a) for t in annotated for a in t["annotations"]),
        "sample": annotated[0]["annotations"][-1],
        "videos": [str(resolve_local_storage_file(t["data"]["video"])) for t in tasks],
    }


def outside(python: str, folder: Path) -> int:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from common import bars, head, table

    from flyreel.errors import InputError
    from flyreel.formats.base import read
    from flyreel.formats.exporting import Request, run
    from flyreel.toybox.make import Plan, make

    make(Plan(clips=6, questions=4), folder / "toybox")
    out = folder / "out"
    done, reading = run(Request(to="label-studio", file=folder / "toybox" / "questions.jsonl", out=out))
    root = {"LOCAL_FILES_DOCUMENT_ROOT": str(folder / "toybox"), "LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED": "true"}
    command = [python, __file__, "--inside", str(out)]
    finished = subprocess.run(command, env={**os.environ, **root}, capture_output=True, text=True)
    if finished.returncode:
        print(finished.stderr, file=sys.stderr)
        return finished.returncode
    sdk = json.loads(finished.stdout.splitlines()[-1])
    head("Label Studio: what its SDK says, and what comes back", label_studio_sdk=sdk["version"])
    for line in done.notes:
        print(f"  {line.replace(str(folder), 'FOLDER')}")
    print(f"\n  controls  {', '.join(f'{name} ({tag})' for name, tag in sdk['controls'].items())}")
    print(f"  the SDK's own sample annotation: {_short(sdk['sample'])}\n")

    before = {row["id"]: row for row in reading.questions.to_rows()}
    plain = {row["id"]: row for row in read(out / "tasks.json").questions.to_rows()}
    after = {row["id"]: row for row in read(out / "export.json").questions.to_rows()}
    reviews = {id: row["meta"]["review"] for id, row in after.items()}
    bare = {id: {**row, "meta": {k: v for k, v in row["meta"].items() if k != "review"}} for id, row in after.items()}
    unchanged = sum({k: v for k, v in bare[id].items() if v != {}} == before[id] for id in before)
    majority = sum(reviews[id]["answer"] == before[id]["answer"] for id in before)
    picks = sum([p.get("choice") for p in r["people"]].count(before[id]["answer"]) == 2 for id, r in reviews.items())
    try:
        read(out / "min" / "result.json")
        refusal = ""
    except InputError as error:
        refusal = str(error).replace(str(folder), "FOLDER")
    n = len(before)
    rows = [
        ["tasks valid", sdk["valid_tasks"], n],
        ["predictions valid", n - len(sdk["prediction_errors"]), n],
        ["spoilt ones refused", sum(sdk["refused"].values()), len(sdk["refused"])],
        ["videos found where the server looks", sum(Path(v).is_file() for v in sdk["videos"]), n],
        ["annotations made with the SDK, valid", sdk["valid_annotations"], sdk["annotations"]],
        ["questions equal, read back without annotations", sum(plain.get(id) == before[id] for id in before), n],
        ["questions equal but for meta.review, with them", unchanged, n],
        ["both picks of the key, of three, found", picks, n],
        ["majority of the picks is the key", majority, n],
    ]
    table(["", "", "of"], rows)
    print(f"  one review: {_short(next(iter(reviews.values())))}")
    print(f"  its JSON-MIN: {refusal}\n")
    return bars(*((name, got == of) for name, got, of in rows), ("JSON-MIN is refused", "export as JSON" in refusal))


def _short(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--python", help="an interpreter with label-studio-sdk")
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.inside:
        print(json.dumps(inside(asked.inside)))
        sys.exit()
    if not asked.python:
        parser.error("--python is needed: an interpreter with label-studio-sdk")
    with tempfile.TemporaryDirectory() as work:
        sys.exit(outside(asked.python, Path(work).resolve()))
