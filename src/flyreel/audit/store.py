"""An audit on disk: audit.json, findings.parquet, questions.parquet. The report is made from these, now or later."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from flyreel.audit.run import Audit
from flyreel.errors import InputError
from flyreel.questions import Questions
from flyreel.tables import FINDINGS, Project, write_parquet, write_text


@dataclass(frozen=True)
class Saved:
    summary: dict[str, Any]
    questions: Questions
    findings: list[dict[str, Any]]


def findings_table(audit: Audit) -> pa.Table:
    tables = []
    for r in audit.results:
        n = len(r.ids)
        sources = [json.dumps(s) for s in r.computed_from] if r.computed_from else [None] * n
        columns = {
            "question": r.ids,
            "probe": [r.probe] * n,
            "solver": [r.solver] * n,
            "verdict": r.verdicts.tolist(),
            "score": [None if math.isnan(s) else float(s) for s in r.scores],
            "computed_from": sources,
            "reason": r.reasons,
        }
        tables.append(pa.table(columns, schema=FINDINGS))
    return pa.concat_tables(tables) if tables else FINDINGS.empty_table()


def save(audit: Audit, folder: Path) -> tuple[Path, dict[str, Any]]:
    """Write everything; returns the path of the findings and what `--json` prints."""
    path = write_parquet(folder / "findings.parquet", findings_table(audit))
    write_parquet(folder / "questions.parquet", audit.questions.table)
    summary = audit.json(str(path))
    write_text(folder / "audit.json", json.dumps(summary, indent=1, ensure_ascii=False) + "\n")
    return path, summary


def save_version(audit: Audit, project: Project) -> None:
    """The findings as a new version of the project's own table, with the version of the questions it was made from."""
    read = project.table("questions").versions()
    parents = [f"questions/v{read[-1].number}"] if read else []
    project.table("findings").write(findings_table(audit), stage="audit", parameters=audit.how, parents=parents)


def load(folder: Path) -> Saved:
    try:
        summary = json.loads((folder / "audit.json").read_text(encoding="utf-8"))
        questions = Questions(pq.read_table(folder / "questions.parquet"))
        findings = pq.read_table(folder / "findings.parquet").to_pylist()
    except FileNotFoundError:
        parts = ("audit.json", "questions.parquet", "findings.parquet")
        lost = next((part for part in parts if not (folder / part).exists()), "a part of it")
        raise InputError(f"{folder}: no audit there ({lost} is missing)") from None
    except (ValueError, OSError, pa.ArrowException) as error:
        raise InputError(f"{folder}: a damaged audit: {str(error).splitlines()[0][:120]}") from None
    return Saved(summary, questions, findings)
