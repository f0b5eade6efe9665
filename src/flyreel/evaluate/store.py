"""A finished evaluation on disk: what the page and a later look are made from."""

from __future__ import annotations

import json
import re
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from flyreel import tables
from flyreel.errors import InputError
from flyreel.evaluate.predictions import write_predictions
from flyreel.questions import Questions
from flyreel.schema import Prediction
from flyreel.tables import Project, write_parquet, write_text

SUMMARY, QUESTIONS = "evaluation.json", "questions.parquet"
PREDICTIONS = "predictions-{}.jsonl"
"""A file a model: each can be evaluated again on its own."""

SUBMISSION = "submission-{}.json"


def folder_of(file: Path, out: Path | None) -> Path:
    """Where what is found out about a file goes, unless it is said."""
    if out:
        return out
    project = Project.at(file)
    return project.reports / "evaluate" if project else Path(f"{file.resolve().stem}.evaluate")


@dataclass(frozen=True)
class Saved:
    folder: Path
    summary: dict[str, Any]
    questions: Questions
    predictions: list[Prediction]


def save(
    folder: Path,
    questions: Questions,
    predictions: Mapping[str, Sequence[Prediction]],
    summary: dict[str, Any],
    submissions: Mapping[str, str] = MappingProxyType({}),
    keep: Iterable[Path] = (),
) -> None:
    """Predictions and submissions by model. The summary after them: where it stands, all of it does.

    What the evaluation before had written there of other models goes, once all is written, and no other file does.
    `keep` are files that this run was given: they are neither written over nor removed, wherever they lie.
    """
    kept = {path.resolve() for path in keep}
    before = _slugs_there(folder)
    taken = {slug for path in kept if path.parent == folder.resolve() and (slug := _slug_of(path.name))}
    found = slugs(predictions, taken)
    written = {folder / PREDICTIONS.format(slug) for slug in found.values()}
    for name, slug in found.items():
        write_predictions(folder / PREDICTIONS.format(slug), list(predictions[name]))
        if name in submissions:
            written.add(write_text(folder / SUBMISSION.format(slug), submissions[name]))
    write_parquet(folder / QUESTIONS, questions.table)
    files = {name: PREDICTIONS.format(slug) for name, slug in found.items()}
    write_text(folder / SUMMARY, json.dumps({**summary, "files": files}, indent=1, ensure_ascii=False) + "\n")
    for old in {folder / name.format(slug) for slug in before for name in (PREDICTIONS, SUBMISSION)} - written:
        if old.resolve() not in kept:
            old.unlink(missing_ok=True)


def _slugs_there(folder: Path) -> list[str]:
    """Of the models whose files an evaluation has left in this folder."""
    try:
        told = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
        return [slug for name in _files(told).values() if (slug := _slug_of(name))]
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return []


def _slug_of(name: str) -> str | None:
    found = re.fullmatch(PREDICTIONS.format(r"([^/\\]+)"), name)
    return found[1] if found else None


def _files(summary: Mapping[str, Any]) -> dict[str, str]:
    """By model, the name of the file of its predictions."""
    return summary.get("files") or {n: PREDICTIONS.format(slug) for n, slug in slugs(summary["models"]).items()}


def save_version(project: Project, predictions: Iterable[Prediction], how: Mapping[str, Any]) -> None:
    """The answers as a new version of the project's own table, with the version of the questions they are to."""
    rows = []
    for p in predictions:
        open_ended = isinstance(p.answer, str)
        answers = {"answer": None if open_ended else p.answer, "answer_text": p.answer if open_ended else None}
        rows.append({**p.model_dump(exclude={"answer"}), **answers})
    read = project.table("questions").versions()
    parents = [f"questions/v{read[-1].number}"] if read else []
    table = pa.Table.from_pylist(rows, schema=tables.PREDICTIONS)
    project.table("predictions").write(table, stage="evaluate", parameters=how, parents=parents)


def load(folder: Path) -> Saved:
    try:
        summary = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
        questions = Questions(pq.read_table(folder / QUESTIONS))
        files = [folder / name for name in _files(summary).values()]
        rows = [row for file in files for row in file.read_text(encoding="utf-8").split("\n") if row]
        predictions = [Prediction.model_validate_json(row) for row in rows]
    except FileNotFoundError as error:
        raise InputError(
            f"{folder}: no {Path(error.filename or SUMMARY).name} there; flyreel evaluate writes it"
        ) from None
    except (ValueError, TypeError, KeyError, AttributeError, OSError, pa.ArrowException) as error:
        raise InputError(f"{folder}: damaged evaluation: {str(error).splitlines()[0][:120]}") from None
    return Saved(folder, summary, questions, predictions)


def slugs(names: Iterable[str], taken: Container[str] = ()) -> dict[str, str]:
    """Each model's name as part of a file's: no two alike, also where only signs or case tell the names apart."""
    found: dict[str, str] = {}
    for name in names:
        base = re.sub(r"[^a-z0-9.]+", "-", name.lower()).strip("-.")[:80] or "model"
        slug, n = base, 1
        while slug in found.values() or slug in taken:
            n += 1
            slug = f"{base}-{n}"
        found[name] = slug
    return found
