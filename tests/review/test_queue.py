"""The review queue on disk: what goes in comes out, and a damaged row says where it is."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from flyreel.errors import InputError
from flyreel.questions import Questions
from flyreel.review import queue
from flyreel.review.queue import Case
from flyreel.schema import Revision, Wording
from flyreel.tables import Project

WORDING = Wording(question="Who?", choices=("a", "b"), answer=0)
ROW = {"id": "q1", "question": "Who?", "choices": ["a", "b"], "answer": 0, "group": "film"}
TRIED = Revision(question="q1", attempt=1, base=0, strategy="rewrite", before=WORDING, accepted=False, reason="copied")


def case(id="q1", **more):
    return Case(**{"question": {**ROW, "id": id}, "reason": "unfixable", **more})


texts = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=20)
cases = st.lists(
    st.builds(
        case,
        id=texts,
        reason=texts,
        detail=texts,
        tried=st.sampled_from([(), (TRIED,), (TRIED, TRIED)]),
        state=st.sampled_from(["open", "decided"]),
        decision=st.none() | st.dictionaries(texts, texts, max_size=2),
    ),
    max_size=4,
)


@settings(max_examples=60, deadline=None)
@given(cases)
def test_what_is_written_is_read_again(tmp_path_factory, wanted):
    """Line breaks that are no newline to JSON are in the texts, too."""
    path = tmp_path_factory.mktemp("queue") / queue.NAME
    assert queue.read(queue.write(path, wanted)) == wanted


@settings(max_examples=15, deadline=None)
@given(cases)
def test_a_project_keeps_the_same_in_its_table(tmp_path_factory, wanted):
    project = Project(tmp_path_factory.mktemp("project"))
    queue.save_version(project, wanted, stage="refine", parameters={"seed": 1}, parents=["questions/v1"])
    assert queue.load(project) == wanted


def test_an_earlier_queue_of_a_project_can_still_be_read(tmp_path):
    project = Project(tmp_path)
    queue.save_version(project, [case("q1"), case("q2")], stage="refine", parameters={})
    queue.save_version(project, [case("q2", state="decided")], stage="review", parameters={}, parents=["review/v1"])
    assert queue.ids(queue.load(project)) == {"q2"}
    assert project.table(queue.TABLE).read(1).column("id").to_pylist() == ["q1", "q2"]


def test_a_project_without_a_queue_has_an_empty_one(tmp_path):
    assert queue.load(Project(tmp_path)) == []


def test_rows_of_a_question_table_are_cases_as_they_stand(tmp_path):
    row = {**ROW, "cues": [{"start": 0, "end": 1, "kind": "asr", "text": "hello"}], "meta": {"fault": "position"}}
    (canonical,) = Questions.from_rows([row]).to_rows()
    (found,) = queue.read(queue.write(tmp_path / "q", [Case(question=canonical, reason="spoken")]))
    assert found.question == canonical


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", "not JSON"),
        ("[1]", "a list, not an object"),
        (json.dumps({"question": ROW}), "reason"),
        (json.dumps({"question": ROW, "reason": ""}), "reason"),
        (json.dumps({"question": {**ROW, "answer": 7}, "reason": "unknown"}), "question"),
        (json.dumps({"question": ROW, "reason": "unknown", "state": "maybe"}), "state"),
        (json.dumps({"question": ROW, "reason": "unknown", "colour": "red"}), "colour"),
    ],
)
def test_a_damaged_row_is_one_line_with_file_and_row(tmp_path, line, says):
    path = queue.write(tmp_path / "queue.jsonl", [case()])
    path.write_text(path.read_text() + "\n" + line + "\n")
    with pytest.raises(InputError, match=rf"queue\.jsonl: row 3: .*{says}") as caught:
        queue.read(path)
    assert "\n" not in str(caught.value)


def test_bytes_that_are_no_text_name_their_row(tmp_path):
    path = tmp_path / "queue.jsonl"
    path.write_bytes(b'{"reason": "\xff"}\n')
    with pytest.raises(InputError, match="row 1: not JSON"):
        queue.read(path)


def test_a_queue_that_is_not_there_says_what_writes_one(tmp_path):
    with pytest.raises(InputError, match="flyreel refine"):
        queue.read(tmp_path / "queue.jsonl")


def test_a_case_cannot_be_changed_by_mistake():
    with pytest.raises(ValidationError):
        case().reason = "spoken"
