"""What is saved of an evaluation comes back, whatever the models are called."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyreel.errors import InputError
from flyreel.evaluate import store
from flyreel.questions import Questions
from flyreel.schema import Prediction
from flyreel.tables import Project

QUESTIONS = Questions.from_rows([{"id": "q", "question": "Who?", "choices": ["a", "b"], "answer": 0}])


def test_what_is_saved_comes_back(tmp_path: Path):
    names = ["org/Model-7B", "org/model-7b", "模型", "../../up", ""]
    said = {
        n: [Prediction(question="q", model=n, reply="line\nbreak \u2028 B", answer=1, frames=(1, 2))] for n in names
    }
    store.save(tmp_path, QUESTIONS, said, {"models": {name: {} for name in names}})
    saved = store.load(tmp_path)
    assert saved.predictions == [p for given in said.values() for p in given]
    assert saved.questions.to_rows() == QUESTIONS.to_rows()
    assert {p.parent for p in tmp_path.rglob("predictions*")} == {tmp_path}


def test_models_of_the_run_before_are_gone(tmp_path: Path):
    for name in ("old", "new"):
        said = {name: [Prediction(question="q", model=name)]}
        store.save(tmp_path, QUESTIONS, said, {"models": {name: {}}})
    assert [p.name for p in tmp_path.glob("predictions-*")] == ["predictions-new.jsonl"]


def test_only_what_the_evaluation_before_wrote_goes(tmp_path: Path):
    """A folder is a person's own: whatever else lies there was not made here."""
    mine = tmp_path / "predictions-theirs.jsonl"
    mine.write_text("{}\n")
    sent = tmp_path / "submission-sent.json"
    sent.write_text("{}")
    for name in ("old", "new", "new"):
        submissions = {} if name == "old" else {"new": "{}"}
        store.save(tmp_path, QUESTIONS, {name: []}, {"models": {name: {}}}, submissions)
    there = {p.name for p in tmp_path.iterdir()} - {store.SUMMARY, store.QUESTIONS}
    assert there == {mine.name, sent.name, "predictions-new.jsonl", "submission-new.json"}
    store.save(tmp_path, QUESTIONS, {"new": []}, {"models": {"new": {}}})
    assert not (tmp_path / "submission-new.json").exists(), "a run that makes none leaves none of another run"


def test_an_evaluation_without_names_of_files_is_known_by_its_models(tmp_path: Path):
    (tmp_path / store.SUMMARY).write_text('{"models": {"Org/Old": {}}}')
    (tmp_path / "predictions-org-old.jsonl").write_text("")
    store.save(tmp_path, QUESTIONS, {"new": []}, {"models": {"new": {}}})
    assert [p.name for p in tmp_path.glob("predictions-*")] == ["predictions-new.jsonl"]


def test_a_file_that_was_given_is_neither_written_over_nor_removed(tmp_path: Path):
    """Answers read from the folder that is written to: of a split only some of them are written again."""
    store.save(tmp_path, QUESTIONS, {"m": [Prediction(question="q", model="m", answer=0)]}, {"models": {"m": {}}})
    given_ = tmp_path / "predictions-m.jsonl"
    before = given_.read_text()
    for _ in range(2):
        store.save(tmp_path, QUESTIONS, {"m": []}, {"models": {"m": {}}}, keep=[given_])
        assert given_.read_text() == before and store.load(tmp_path).predictions == []
        assert {p.name for p in tmp_path.glob("predictions-*")} == {given_.name, "predictions-m-2.jsonl"}
    store.save(tmp_path, QUESTIONS, {"n": []}, {"models": {"n": {}}}, keep=[given_])
    assert given_.read_text() == before


@given(st.lists(st.text(max_size=12), unique=True))
def test_no_two_models_share_a_file(names):
    slugs = store.slugs(names)
    assert len(set(slugs.values())) == len(names)
    assert all("/" not in s and s == s.lower() for s in slugs.values())


@pytest.mark.parametrize("damage", ["gone", "{", "[]"])
def test_a_damaged_evaluation_is_one_line(tmp_path: Path, damage: str):
    store.save(tmp_path, QUESTIONS, {"m": []}, {"models": {"m": {}}})
    if damage == "gone":
        (tmp_path / store.SUMMARY).unlink()
    else:
        (tmp_path / store.SUMMARY).write_text(damage)
    with pytest.raises(InputError):
        store.load(tmp_path)


def test_a_project_keeps_the_answers_with_the_questions_they_are_to(tmp_path: Path):
    project = Project(tmp_path)
    project.table("questions").write(QUESTIONS.table, stage="import", parameters={})
    said = [
        Prediction(question="q", model="m", reply="B", answer=1, strict=True, frames=(3, 9)),
        Prediction(question="o", model="m", reply="rain", answer="rain"),
        Prediction(question="q", model="m", view="blind", asked=False, failure="http-400"),
    ]
    store.save_version(project, said, {"command": "flyreel evaluate ."})
    (version,) = project.table("predictions").versions()
    assert (version.stage, version.parents) == ("evaluate", ("questions/v1",))
    rows = project.table("predictions").read().to_pylist()
    assert [(r["answer"], r["answer_text"], r["failure"], r["frames"]) for r in rows] == [
        (1, None, None, [3, 9]), (None, "rain", None, []), (None, None, "http-400", [])
    ]  # fmt: skip
