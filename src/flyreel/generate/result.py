"""What came of it, on disk: questions, what waits for a person, what was dropped and why, tables, and the summary."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from flyreel.generate import parts
from flyreel.generate.method import Made, methods
from flyreel.generate.verify import Verdicts
from flyreel.questions import Questions
from flyreel.review import queue
from flyreel.tables import Project, Table, atomic, write_jsonl, write_text

SUMMARY, DROPPED = "generate.json", "dropped.jsonl"


@dataclass
class Tally:
    accepted: int = 0
    clips: set[str] = field(default_factory=set)
    templates: Counter[str] = field(default_factory=Counter)
    categories: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)
    tables: Counter[str] = field(default_factory=Counter)
    prompts: set[str] = field(default_factory=set)

    def accept(self, row: dict[str, Any]) -> None:
        self.accepted += 1
        self.clips.add(row["clip"])
        if prompt := row["origin"].get("prompt_version"):
            self.prompts.add(str(prompt))
        for counter, name in ((self.templates, "template"), (self.categories, "category")):
            if row.get(name):
                counter[row[name]] += 1

    def json(self) -> dict[str, Any]:
        return {
            "questions": self.accepted,
            "clips_with_questions": len(self.clips),
            "by_template": dict(self.templates.most_common()),
            "by_category": dict(self.categories.most_common()),
            "dropped": dict(self.dropped.most_common()),
            "tables": dict(self.tables),
            "prompts": sorted(self.prompts),
        }


@dataclass(frozen=True)
class Work:
    """Parts that were made, and what the verifier refused of them."""

    method: str
    parts: Sequence[Path]
    judged: Verdicts
    verified: bool


def save(work: Work, folder: Path, out: Path | None, project: Project | None, how: dict[str, Any]) -> dict[str, Any]:
    """One part in memory at a time, but for a project's table. The counts, for the summary."""
    tally = Tally()
    cases: list[queue.Case] = []
    version = None
    if project:
        table = Questions.from_rows(_accepted(work, tally, cases)).table
        version = _save_version(project, work.method, table, cases, how)
        if out:
            write_jsonl(out, Questions(table).to_rows())
    elif out:
        write_jsonl(out, _accepted(work, tally, cases))
    queue.write(folder / queue.NAME, cases)
    _save_rest(work, folder, tally)
    if project:
        for name in +tally.tables:
            rows = [row for path in work.parts for row in parts.load(path).tables.get(name, [])]
            made = pa.Table.from_pylist(rows)
            project.table(name).write(made, stage=f"generate {work.method}", parameters=how)
    v = work.judged
    checked = {
        "passed": v.passed, "refused": len(v.refused), "reasons": v.reasons, "yes_and_no_counted": v.counted,
        "keys_accepted": v.keys, "others_accepted": v.others,
    }  # fmt: skip
    return {**tally.json(), "verified": checked if work.verified else None, "queued": len(cases), "version": version}


def save_summary(folder: Path, told: dict[str, Any]) -> None:
    """Last; then the parts have served."""
    write_text(folder / SUMMARY, json.dumps(told, indent=1, ensure_ascii=False) + "\n")
    shutil.rmtree(folder / "parts", ignore_errors=True)


def _accepted(work: Work, tally: Tally, cases: list[queue.Case]) -> Iterator[dict[str, Any]]:
    for path in work.parts:
        for row in parts.load(path).questions:
            if why := work.judged.refused.get(row["id"]):
                cases.append(queue.Case(question=row, reason=why[0], detail=why[1]))
            else:
                tally.accept(row)
                yield row


def _save_rest(work: Work, folder: Path, tally: Tally) -> None:
    """What was dropped, and the other tables, as JSON lines."""
    with ExitStack() as stack:
        files: dict[str, Any] = {}

        def put(name: str, rows: Sequence[dict[str, Any]]) -> None:
            if name not in files:
                files[name] = stack.enter_context(
                    stack.enter_context(atomic(folder / name)).open("w", encoding="utf-8")
                )
            files[name].writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)

        put(DROPPED, ())
        for path in work.parts:
            part: Made = parts.load(path)
            put(DROPPED, [vars(d) for d in part.dropped])
            tally.dropped.update(d.reason for d in part.dropped)
            for name, rows in part.tables.items():
                put(f"{name}.jsonl", rows)
                tally.tables[name] += len(rows)


def _save_version(
    project: Project, method: str, new: pa.Table, cases: Sequence[queue.Case], how: dict[str, Any]
) -> int:  # fmt: skip
    """The project's questions, with these in the place of what the method made before; and the queue likewise."""
    stage = f"generate {method}"
    letter = methods.get(method).facts["letter"]
    table = project.table("questions")
    earlier = table.versions()[-1:]
    clips = project.table("clips").versions()[-1:]
    parents = [f"clips/v{v.number}" for v in clips] + [f"questions/v{v.number}" for v in earlier]
    merged = pa.concat_tables([_others(table, letter), new]) if earlier else new
    made = table.write(merged, stage=stage, parameters=how, parents=parents)
    taken = set(new.column("id").to_pylist())
    kept = [c for c in queue.load(project) if c.state == "decided" or not made_by(letter, c.id, c.question.get("clip"))]
    known = queue.ids(kept) | taken
    queue.save_version(
        project, [*kept, *(c for c in cases if c.id not in known)], stage=stage, parameters=how,
        parents=[f"questions/v{made.number}"],
    )  # fmt: skip
    return made.number


def _others(table: Table, letter: str) -> pa.Table:
    rows = table.read()
    ids, clips = rows.column("id").to_pylist(), rows.column("clip").to_pylist()
    return rows.filter(pa.array([not made_by(letter, *both) for both in zip(ids, clips, strict=True)], pa.bool_()))


def made_by(letter: str, id: str, clip: str | None) -> bool:
    """By its id, which stays the same however it was refined: the clip, the method's letter and a number."""
    start = f"{clip}-{letter}"
    return clip is not None and id.startswith(start) and id[len(start) :].isdecimal()
