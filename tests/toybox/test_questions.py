"""The scripted world: the same from the same seed, its keys true to its script, its clean questions worth chance."""

from __future__ import annotations

import pytest

from flyreel.audit.probe import Setting
from flyreel.audit.run import run_probes
from flyreel.questions import Questions
from flyreel.toybox import world
from flyreel.toybox.questions import FAULTS, questions


def test_the_same_seed_makes_the_same_questions() -> None:
    assert questions(3, 6).to_rows() == questions(3, 6).to_rows()
    assert questions(3, 6).to_rows() != questions(4, 6).to_rows()


def test_every_row_is_a_valid_question() -> None:
    assert len(questions(5, 40, faults=0.5).to_models()) == 160


@pytest.mark.parametrize("number", range(20))
def test_every_event_is_described_while_it_happens(number: int) -> None:
    import random

    made = world.scene(1, number)
    described = {(c.start, c.end, c.text) for c in world.cues(made, random.Random(0)) if c.kind == "description"}
    for event in made.events:
        assert (event.start, event.end, f"{event.actor} {event.phrase}.") in described


def test_keys_agree_with_the_script() -> None:
    for row in questions(2, 60, faults=0.0).to_rows():
        made = world.scene(2, int(row["clip"].rsplit("-", 1)[1]))
        key, asked = row["choices"][row["answer"]], row["question"]
        told = {f"{e.actor} {e.phrase}" for e in made.events}
        if asked.startswith("Who "):
            right = [c for c in row["choices"] if f"{c} {asked[4:-1]}" in told]
            assert right == [key]
        elif asked.startswith("What happens right after"):
            assert [c for c in row["choices"] if c in told] == [key]
        elif asked.startswith("Where"):
            assert key == f"in a {made.place}"


def test_clean_questions_are_worth_chance_to_surface_and_to_shortcut() -> None:
    clean = questions(11, 150, faults=0.0)
    surface, shortcut = run_probes(["surface", "shortcut"], clean, Setting())
    assert surface.why == []
    assert shortcut.estimate is not None and shortcut.estimate.ci95[0] <= 0.2


def planted(kind: str) -> Questions:
    rows = questions(11, 200, faults=1.0).to_rows()
    return Questions.from_rows(row for row in rows if row["meta"]["fault"] == kind)


def test_every_fault_is_planted() -> None:
    assert all(len(planted(kind)) > 50 for kind in FAULTS)


@pytest.mark.parametrize(("kind", "rule"), [("longest-choice", "longest"), ("answer-in-question", "most like")])
def test_planted_faults_are_found_by_name(kind: str, rule: str) -> None:
    (found,) = run_probes(["surface"], planted(kind), Setting())
    assert found.estimate is not None and found.estimate.accuracy > 0.8
    assert any(rule in line for line in found.why)
