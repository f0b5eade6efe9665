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
