"""A finished evaluation on disk: what the page and a later look are made from."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from flyreel.errors import InputError
from flyreel.evaluate.predictions import write_predictions
from flyreel.questions import Questions
from flyreel.schema import Prediction
from flyreel.tables import write_parquet, write_text

SUMMARY, QUESTIONS = "evaluation.json", "questions.parquet"
PREDICTIONS = "predictions-{}.jsonl"
"""A file a model: each can be evaluated again on its own."""


@dataclass(frozen=True)
class Saved:
    folder: Path
    summary: dict[str, Any]
    questions: Questions
    predictions: list[Prediction]


def save(
    folder: Path, questions: Questions, predictions: Mapping[str, Sequence[Prediction]], summary: dict[str, Any]
) -> None:
    """Predictions by model. The summary last: where it stands, all of it does."""
    for old in folder.glob(PREDICTIONS.format("*")):  # of models that this run did not ask
        old.unlink()
    for name, slug in slugs(predictions).items():
        write_predictions(folder / PREDICTIONS.format(slug), list(predictions[name]))
    write_parquet(folder / QUESTIONS, questions.table)
    write_text(folder / SUMMARY, json.dumps(summary, indent=1, ensure_ascii=False) + "\n")


def load(folder: Path) -> Saved:
    try:
        summary = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
        questions = Questions(pq.read_table(folder / QUESTIONS))
        files = [folder / PREDICTIONS.format(slug) for slug in slugs(summary["models"]).values()]
        rows = [row for file in files for row in file.read_text(encoding="utf-8").split("\n") if row]
        predictions = [Prediction.model_validate_json(row) for row in rows]
    except FileNotFoundError as error:
        raise InputError(
            f"{folder}: no {Path(error.filename or SUMMARY).name} there; flyreel evaluate writes it"
        ) from None
    except (ValueError, TypeError, KeyError, OSError, pa.ArrowException) as error:
        raise InputError(f"{folder}: damaged evaluation: {str(error).splitlines()[0][:120]}") from None
    return Saved(folder, summary, questions, predictions)


def slugs(names: Iterable[str]) -> dict[str, str]:
    """Each model's name as part of a file's: no two alike, also where only signs or case tell the names apart."""
    found: dict[str, str] = {}
    for name in names:
        base = re.sub(r"[^a-z0-9.]+", "-", name.lower()).strip("-.")[:80] or "model"
        slug, n = base, 1
        while slug in found.values():
            n += 1
            slug = f"{base}-{n}"
        found[name] = slug
    return found
