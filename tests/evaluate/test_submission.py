"""A submission: read whole or refused with the place, and known by questions that need no keys."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyreel.errors import InputError
from flyreel.evaluate import submission
from flyreel.evaluate.submission import digest, make, parse, read
from flyreel.evaluate.views import VIEWS
from flyreel.questions import Questions
from flyreel.schema import Prediction

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)


def rows(n: int = 3) -> list[dict[str, Any]]:
    return [
        {"id": f"q{i}", "question": f"What {i}?", "choices": ["a", "b", "c"], "answer": i % 3, "category": f"kind {i}"}
        for i in range(n)
    ]


def sent(**changes: Any) -> dict[str, Any]:
    made = {
        "schema": "flyreel-submission/1",
        "model": {"name": "m", "kind": "open weights"},
        "questions": {"name": "toy", "digest": "0" * 64, "count": 3},
        "answers": {"full": {"q0": "A", "q1": 2, "q2": None}},
    }
    return {**made, **changes}


def write(folder: Path, value: Any) -> Path:
    path = folder / "submission.json"
    path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    return path


def test_a_submission_is_read_with_the_text_it_came_as(tmp_path: Path) -> None:
    path = write(tmp_path, sent())
    found, text = read(path)
    assert found.answers["full"] == {"q0": "A", "q1": 2, "q2": None}
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"schema": "flyreel-submission/2"}, "at schema"),
        ({"extra": 1}, "at extra"),
        ({"model": {"name": "", "kind": "x"}}, "at model.name"),
        ({"model": {"name": " ", "kind": "x"}}, "at model.name"),
        ({"model": {"name": "m", "kind": "x", "url": "javascript:alert(1)"}}, "at model.url"),
        ({"questions": {"name": "toy", "digest": "xyz", "count": 3}}, "at questions.digest"),
        ({"answers": {"sideways": {}}}, "at answers.sideways"),
        ({"answers": {"full": {"q0": True}}}, "at answers.full.q0"),
        ({"answers": {"full": {"q0": 1.0}}}, "at answers.full.q0"),
        ({"answers": {"full": {"q0": ["A"]}}}, "at answers.full.q0: an answer is a reply as text"),
        ({"scores": {"accuracy": "high"}}, "at scores.accuracy"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, change: dict[str, Any], place: str) -> None:
    with pytest.raises(InputError, match=place) as refused:
        read(write(tmp_path, sent(**change)))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"schema": ', "line 1, column"),
        ("[]", "the whole"),
        ('{"a": 1, "a": 2}', "'a' stands twice"),
        ('{"a": NaN}', "NaN is not JSON"),
        ("[" * 100_000, "not a submission"),
    ],
)
def test_text_that_is_no_submission_is_one_line(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(InputError, match=why):
        read(write(tmp_path, text))


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read"):
        read(tmp_path / "none.json")


def test_the_views_are_those_that_an_evaluation_shows() -> None:
    assert set(get_args(submission.ViewName)) == set(VIEWS)


def test_the_schema_names_what_is_required() -> None:
    schema = submission.json_schema()
    assert set(schema["required"]) == {"schema", "model", "questions", "answers"}
    assert schema["additionalProperties"] is False


@given(st.lists(st.tuples(TEXT, st.lists(TEXT, min_size=2, max_size=5)), min_size=1, max_size=6), st.randoms())
def test_the_digest_needs_no_keys_and_no_order(made: list[tuple[str, list[str]]], chance: random.Random) -> None:
    """Or a submitter without the keys, or with the rows in another order, would seem to answer other questions."""
    listed = [
        {"id": f"q{i}", "question": q, "choices": c, "answer": 0, "category": "x"} for i, (q, c) in enumerate(made)
    ]
    other = [{**row, "answer": 1, "category": "y", "group": "g"} for row in listed]
    chance.shuffle(other)
    assert digest(Questions.from_rows(listed)) == digest(Questions.from_rows(other))
    listed[0] = {**listed[0], "choices": [*listed[0]["choices"], "one more"]}
    assert digest(Questions.from_rows(listed)) != digest(Questions.from_rows(other))


def test_the_digest_is_what_the_documentation_says() -> None:
    """Others compute it without this code."""
    import hashlib

    made = [{"id": "b", "question": "é?", "choices": ["x", "y"], "answer": 0}]
    made += [{"id": "a", "question": "Open?", "answer": "text"}]
    text = '[["b","\\u00e9?",["x","y"]]]'
    assert digest(Questions.from_rows(made)) == hashlib.sha256(text.encode()).hexdigest()


def test_predictions_become_a_submission_that_reads_back() -> None:
    by_id = {
        "q0": Prediction(question="q0", model="m", reply="Answer: A", answer=0),
        "q1": Prediction(question="q1", model="m", answer=2),
        "q2": Prediction(question="q2", model="m", asked=False, failure="no-clip"),
    }
    how = {
        "flyreel": "1", "command": "flyreel evaluate x", "max_tokens": 16, "frames": {"k": 8},
        "models": [{"name": "m", "label": "m", "identity": "sha256:1"}],
    }  # fmt: skip
    made = make("m (2)", Questions.from_rows(rows()), {"full": by_id}, how, "toy.jsonl")
    assert made.answers["full"] == {"q0": "Answer: A", "q1": 2, "q2": None}
    assert (made.settings, made.versions) == ({"max_tokens": 16, "frames": {"k": 8}}, {"flyreel": "1"})
    assert made.model.identity == "sha256:1"
    assert made.questions.digest == digest(Questions.from_rows(rows()))
    assert parse(made.model_dump_json(indent=1, by_alias=True)) == made


def test_where_a_model_was_served_from_is_not_sent() -> None:
    how = {"models": [{"name": "m", "label": "m", "identity": "http://10.0.0.7:8000/v1"}]}
    made = make("m", Questions.from_rows(rows()), {"full": {}}, how, "toy")
    assert "10.0.0.7" not in made.model_dump_json()


def test_predictions_from_a_file_do_not_get_the_settings_of_those_that_were_asked() -> None:
    how = {"max_tokens": 16, "models": [{"name": "m", "label": "m", "identity": "x"}]}
    assert make("another", Questions.from_rows(rows()), {"full": {}}, how, "toy").settings == {}
