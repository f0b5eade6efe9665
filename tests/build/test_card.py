"""The card holds what the steps said and nothing else, and no text from data acts in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from flyreel.build import card
from flyreel.build.plan import CardPlan, Plan
from flyreel.clips import Clips
from flyreel.questions import Questions
from flyreel.review import queue
from flyreel.tables import Project

HOSTILE = "<script>alert(1)</script> | x |\n# owned\x00 [a](http://localhost) `b` *c*"

GENERATED: dict[str, Any] = {
    "questions": 2, "prompts": ["select 1, write 2"], "seconds": 1.5, "dropped": {"duplicate": 3},
    "verified": {"passed": 2, "refused": 1, "reasons": {"unsupported": 1}, "yes_and_no_counted": False,
                 "keys_accepted": 0.5},
    "calls": {HOSTILE: {"sent": 7, "from_ledger": 2, "money": 0.25, "failures": {}, "roles": ["generator"]}},
}  # fmt: skip
AUDITED: dict[str, Any] = {
    "verdict": "50.0% of the keys can be picked without watching.", "not_checked": ["leakage: one split"], "calls": {},
    "probes": {"blind": {"solver": HOSTILE, "accuracy": 0.5, "ci95": [0.2, 0.8], "chance": 0.5}},
}  # fmt: skip


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "flyreel.toml").touch()
    made = Project(tmp_path)
    clips = [{"id": "c", "cues": [{"start": 0, "end": 1, "kind": "caption", "text": "x"}]}]
    made.table("clips").write(Clips.from_rows(clips).table, stage="import", parameters={"source": HOSTILE})
    rows = [{"id": f"q{i}", "question": "Why?", "choices": ["x", "y"], "answer": 0, "clip": "c"} for i in range(2)]
    made.table("questions").write(Questions.from_rows(rows).table, stage="generate mcq", parameters={})
    queue.save_version(made, [queue.Case(question=rows[0], reason="unsupported")], stage="test", parameters={})
    return made


def lines(text: str, title: str) -> list[str]:
    return text.split(f"## {title}\n\n")[1].split("\n\n## ")[0].splitlines()


def test_every_number_is_where_it_belongs(project: Project) -> None:
    text = card.write(project, Plan(name="mine"), {"generate mcq": GENERATED, "audit": AUDITED})
    assert "2 questions on 1 clip of 1 group, chance 50.0%" in text
    assert "| generate mcq | duplicate | 3 |" in text and "| generate mcq, verified | unsupported | 1 |" in text
    assert "7 calls were sent and 2 taken from the ledger, for 0.25 in money." in text
    assert "In the review queue: unsupported 1." in text
    assert "| 50.0% | 20.0 to 80.0 | 50.0% |" in text
    assert any("did not tell keys from wrong choices" in line for line in lines(text, "What was not checked"))


def test_what_nobody_stated_is_said_to_be_unstated(project: Project) -> None:
    text = card.write(project, Plan(), {})
    assert "- Licence of the questions: not stated" in text and 'license: "unknown"' in text
    told = card.write(project, Plan(card=CardPlan(licence="CC0", sources=("films",))), {})
    assert "- Licence of the questions: CC0" in told and 'license: "CC0"' in told and "- Clips: films;" in told


def test_text_from_data_is_shown_and_does_not_act(project: Project) -> None:
    plan = Plan(
        name=HOSTILE,
        asker=f"t5:{HOSTILE}`",
        blind=("http://u:secret@127.0.0.1/v1",),
        card=CardPlan(about=HOSTILE, licence=HOSTILE, contact=HOSTILE),
    )
    text = card.write(project, plan, {"generate mcq": GENERATED, "audit": AUDITED})
    front, body = text.removeprefix("---\n").split("\n---\n", 1)
    for line in front.splitlines():
        name, _, value = line.partition(": ")
        assert name.isidentifier() and json.loads(value), "the front matter is one value a line"
    assert "<script" not in body and "\x00" not in body and "\n# owned" not in body
    table = [line for line in lines(text, "How it was made") if line.startswith("|")]
    assert {line.replace("\\|", "").count("|") for line in table} == {6}, "a bar in a name makes no column"


def test_no_address_is_published(project: Project) -> None:
    text = card.write(project, Plan(blind=("http://u:secret@127.0.0.1/v1",)), {"generate mcq": GENERATED})
    assert "secret" not in text and "127.0.0.1" not in text


def test_a_table_that_changed_since_is_not_taken_for_what_was_built(project: Project) -> None:
    table = project.table("questions")
    table.write(table.read().slice(0, 1), stage="review", parameters={})
    text = card.write(project, Plan(), {}, version=1)
    assert "2 questions on" in text and "have changed since: this is not about version 2" in text


def test_a_set_that_was_not_refined_shows_the_audit(project: Project) -> None:
    text = card.write(project, Plan(), {"audit": AUDITED})
    assert "Before refinement" not in text and "| probe | solver |" in text


def test_a_set_without_splits_says_why(project: Project) -> None:
    text = card.write(project, Plan(), {"split": {"splits": {}, "why": "1 group for 3 splits", "failures": ["no"]}})
    assert lines(text, "Splits") == ["None were made: 1 group for 3 splits."]


def test_nothing_is_lost_where_a_table_is_empty(project: Project) -> None:
    empty = pa.Table.from_pylist([], schema=project.table("questions").read().schema)
    project.table("questions").write(empty, stage="test", parameters={})
    assert "0 questions on 0 clips of 0 groups" in card.write(project, Plan(), {})
