"""The hard part of val and test: not answerable blind, not from dialogue, and missed even with every cue.

All three must have been shown. One that shows the opposite settles a question, and what a solver failed on, or was
never asked, leaves it undecided: unknown is never hard.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from flyreel.errors import InputError, did_you_mean
from flyreel.questions import Questions
from flyreel.schema import SPOKEN

NEEDED = ("blind", "evidence")
_COLUMNS = ["question", "probe", "verdict", "computed_from"]

Standing = Literal["hard", "not hard", "undecided"]
Rows = dict[tuple[str, str], dict[str, Any]]


@dataclass(frozen=True)
class Audited:
    """An audit's findings by question and probe, and the wording that they are about where it was saved."""

    folder: Path
    rows: Rows
    wording: dict[str, Any] = field(default_factory=dict)

    @property
    def models(self) -> list[str]:
        """Everyone who was asked with every cue."""
        return sorted({m for (_, probe), row in self.rows.items() if probe == "evidence" for m in row["computed_from"]})

    @property
    def lacks(self) -> str:
        """Why no hard split can be made from it, or nothing."""
        asked = {probe for _, probe in self.rows}
        missing = [name for name in NEEDED if name not in asked]
        return f"{self.folder} has no findings of {' or '.join(missing)}" if missing else ""


def load(folder: Path) -> Audited:
    path = folder / "findings.parquet"
    try:
        found = pq.read_table(path, columns=_COLUMNS).to_pylist()
        for row in found:
            row["computed_from"] = json.loads(row["computed_from"]) if row["computed_from"] else {}
        beside = folder / "questions.parquet"
        wording = _wordings(Questions(pq.read_table(beside))) if beside.exists() else {}
    except FileNotFoundError:
        raise InputError(f"{folder}: no findings.parquet there; flyreel audit writes one") from None
    except (ValueError, OSError, KeyError, pa.ArrowException) as error:
        raise InputError(f"{folder}: damaged findings: {str(error).splitlines()[0][:120]}") from None
    return Audited(folder, {(row["question"], row["probe"]): row for row in found}, wording)


def named(missed_by: Sequence[str], audited: Audited) -> list[str]:
    """The models that must have missed a question: those that were named, or all that were asked."""
    for name in missed_by:
        if name not in audited.models:
            raise InputError(
                f"--missed-by {name}: not asked in the evidence probe of {audited.folder}."
                f"{did_you_mean(name, audited.models)}"
            )
    return list(dict.fromkeys(missed_by)) or audited.models


def judge(questions: Questions, audited: Audited, models: Sequence[str]) -> list[tuple[Standing, str]]:
    """A standing per question, with the reason where it is undecided."""
    wording = _wordings(questions)
    cues = questions.table.column("cues").to_pylist()
    found = []
    for i, id in enumerate(questions.ids):
        if id in audited.wording and audited.wording[id] != wording[id]:
            found.append(_UNDECIDED_STALE)
            continue
        tests = [_text_only("blind", audited.rows.get((id, "blind")))]
        if any(cue["kind"] in SPOKEN for cue in cues[i] or ()):
            tests.append(_text_only("dialogue", audited.rows.get((id, "dialogue"))))
        evidence = audited.rows.get((id, "evidence"))
        tests += [_missed(evidence, model, int(questions.answer[i])) for model in models]
        found.append(_all(tests))
    return found


_UNDECIDED_STALE: tuple[Standing, str] = ("undecided", "reworded since the audit")


def _wordings(questions: Questions) -> dict[str, Any]:
    return {
        id: (questions.texts[i], questions.choices_of(i), int(questions.answer[i]))
        for i, id in enumerate(questions.ids)
    }


def _text_only(probe: str, row: dict[str, Any] | None) -> tuple[Standing, str]:
    verdict = row["verdict"] if row else "unknown"
    if verdict == "unknown":
        return "undecided", f"{probe} failed" if row else f"{probe} not asked"
    return ("hard" if verdict == "strong" else "not hard"), ""


def _missed(row: dict[str, Any] | None, model: str, key: int) -> tuple[Standing, str]:
    """A tie between the key and another choice is no miss: the model did not pick something else."""
    if row is None:
        return "undecided", "evidence not asked"
    probabilities = row["computed_from"].get(model, {}).get("probabilities")
    if not probabilities or not 0 <= key < len(probabilities):
        return "undecided", "evidence without probabilities" if "weak" in row["computed_from"].get(
            model, {}
        ) else "evidence failed"
    best = max(probabilities)
    return ("not hard" if np.isclose(probabilities[key], best, rtol=1e-9) else "hard"), ""


def _all(tests: Sequence[tuple[Standing, str]]) -> tuple[Standing, str]:
    for standing in ("not hard", "undecided"):
        for test in tests:
            if test[0] == standing:
                return test
    return "hard", ""
