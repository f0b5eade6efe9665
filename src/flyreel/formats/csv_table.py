"""One row a question, for spreadsheets and scripts; lists and objects are JSON in their cell.

A cell that begins with `=`, `+`, `-` or `@` is a formula to a spreadsheet. It is written as it is all the same, because
what is written must read back equal; the person is told.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flyreel.formats.export import Parcel, exporter
from flyreel.questions import SCHEMA

FORMULA = ("=", "+", "-", "@", "\t", "\r")


@exporter("csv", holds=SCHEMA.names, suffix=".csv", open_ended=True, most_choices=1000, nul=False)
def csv_table(parcel: Parcel, path: Path) -> Sequence[str]:
    """CSV, one row a question; choices, cues, evidence, origin and meta are JSON in their cell."""
    formulas = 0
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(SCHEMA.names)
        for row in parcel.rows:
            cells = [_cell(value) for value in _columns(row)]
            formulas += sum(cell.startswith(FORMULA) for cell in cells)
            writer.writerow(cells)
    if not formulas:
        return ()
    return (f"{formulas:,} cells begin as a formula does (=, +, -, @): import them into a spreadsheet as text",)


def _columns(row: dict[str, Any]) -> list[Any]:
    """The answer is in one of two columns: an index in `answer`, text in `answer_text`."""
    if isinstance(row["answer"], str):
        row = {**row, "answer": None, "answer_text": row["answer"]}
    return [row.get(name) for name in SCHEMA.names]


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return json.dumps(value, ensure_ascii=False, allow_nan=False) if isinstance(value, (list, dict)) else str(value)
