"""A step that is done is not done again, and nothing that a killed step left behind is taken for done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from flyreel.build.journal import Incomplete, Journal, Step
from flyreel.questions import Questions
from flyreel.tables import Project


def table(*ids: str) -> pa.Table:
    return Questions.from_rows({"id": i, "question": f"{i}?", "answer": "x"} for i in ids).table


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "flyreel.toml").touch()
    made = Project(tmp_path)
    made.table("clips").write(pa.table({"id": ["a"]}), stage="import", parameters={})
    made.table("questions").write(table("old"), stage="import", parameters={})
    return made


class Steps:
    """Each adds a question with its name to what it finds."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.ran: list[str] = []
        self.fails = ""

    def make(self, name: str, **parameters: Any) -> Step:
        def work() -> tuple[dict[str, Any], str]:
            self.ran.append(name)
            questions = self.project.table("questions")
            ids = questions.read().column("id").to_pylist()
            questions.write(table(*ids, f"{name}{parameters.get('n', '')}"), stage=name, parameters={})
            if self.fails == name:
                raise KeyboardInterrupt
            return {"said": name}, "no money" if self.fails == f"short {name}" else ""

        return Step(name, parameters, work)

    def build(self, *steps: Step) -> list[bool]:
        journal = Journal.open(self.project)
        self.ran.clear()
        return [journal.take(i, step)[1] for i, step in enumerate(steps)]

    @property
    def ids(self) -> list[str]:
        return list(self.project.table("questions").read().column("id").to_pylist())


def test_done_steps_are_not_done_again(project: Project) -> None:
    steps = Steps(project)
    both = steps.make("one"), steps.make("two")
    assert steps.build(*both) == [False, False] and steps.ids == ["old", "one", "two"]
    assert steps.build(*both) == [True, True] and steps.ran == [] and steps.ids == ["old", "one", "two"]


def test_other_parameters_do_it_and_what_follows_again_from_where_it_began(project: Project) -> None:
    steps = Steps(project)
    steps.build(steps.make("one"), steps.make("two"), steps.make("three"))
    assert steps.build(steps.make("one"), steps.make("two", n=2), steps.make("three")) == [True, False, False]
    assert steps.ids == ["old", "one", "two2", "three"]


def test_the_first_step_begins_again_at_what_was_there_before_any(project: Project) -> None:
    steps = Steps(project)
    steps.build(steps.make("one"), steps.make("two"))
    steps.build(steps.make("one", n=2), steps.make("two"))
    assert steps.ids == ["old", "one2", "two"]


def test_what_a_killed_step_wrote_is_set_aside(project: Project) -> None:
    steps = Steps(project)
    both = steps.make("one"), steps.make("two")
    steps.fails = "two"
    with pytest.raises(KeyboardInterrupt):
        steps.build(*both)
    steps.fails = ""
    assert steps.build(*both) == [True, False] and steps.ran == ["two"]
    assert steps.ids == ["old", "one", "two"]


def test_what_a_killed_first_step_wrote_is_set_aside_where_nothing_is_noted_yet(project: Project) -> None:
    steps = Steps(project)
    steps.fails = "one"
    with pytest.raises(KeyboardInterrupt):
        steps.build(steps.make("one"))
    steps.fails = ""
    steps.build(steps.make("one"))
    assert steps.ids == ["old", "one"]


def test_a_step_that_ran_out_of_budget_is_not_done(project: Project) -> None:
    steps = Steps(project)
    steps.fails = "short one"
    with pytest.raises(Incomplete, match="one: no money"):
        steps.build(steps.make("one"))
    steps.fails = ""
    assert steps.build(steps.make("one")) == [False]


def test_a_step_in_which_calls_failed_is_tried_again(project: Project) -> None:
    steps = Steps(project)
    good = steps.make("one")
    bad = Step(good.name, good.parameters, lambda: ({**good.work()[0], "failures": ["3 calls failed"]}, ""))
    steps.build(bad, steps.make("two"))
    assert steps.build(good, steps.make("two")) == [False, False]
    assert steps.build(good, steps.make("two")) == [True, True] and steps.ids == ["old", "one", "two"]


def test_other_clips_do_everything_again(project: Project) -> None:
    steps = Steps(project)
    steps.build(steps.make("one"))
    project.table("clips").write(pa.table({"id": ["a", "b"]}), stage="import", parameters={})
    assert steps.build(steps.make("one")) == [False] and steps.ids == ["old", "one"]


def test_imported_questions_are_a_new_beginning(project: Project) -> None:
    steps = Steps(project)
    steps.build(steps.make("one"))
    project.table("questions").write(table("old", "one", "new"), stage="import", parameters={})
    assert steps.build(steps.make("one")) == [False] and "new" in steps.ids


def test_what_people_did_after_the_last_step_stays(project: Project) -> None:
    steps = Steps(project)
    steps.build(steps.make("one"))
    project.table("questions").write(table("old", "one", "decided"), stage="review", parameters={})
    assert steps.build(steps.make("one")) == [True] and "decided" in steps.ids
