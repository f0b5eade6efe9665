"""A submission: read whole or refused with the place, and known by questions that need no keys."""

from __future__ import annotations

import hashlib
import json
import random
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given, settings
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


@pytest.mark.parametrize("newline", [b"\n", b"\r\n"])
def test_a_submission_is_read_with_the_bytes_it_came_as(tmp_path: Path, newline: bytes) -> None:
    """Its digest on a board is of what was sent: lines that end otherwise would make it another file."""
    path = tmp_path / "submission.json"
    path.write_bytes(json.dumps(sent(), indent=1).encode().replace(b"\n", newline))
    found, came = read(path)
    assert found.answers["full"] == {"q0": "A", "q1": 2, "q2": None}
    assert came == path.read_bytes()


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
        ({"scores": {"accuracy": 10**400}}, "at scores.accuracy"),
        ({"settings": {"a": ["\ud800"]}}, r"at settings\.a\.0: half a character, U\+D800"),
        ({"settings": {"\udc00": 1}}, r"at settings\.\\udc00: half a character"),
        ({"versions": {"a": "\ud800"}}, r"at versions\.a: half a character"),
        ({"answers": {"full": {"q0": "A \ud83d"}}}, r"at answers\.full\.q0: half a character"),
        ({"answers": {"full": {"\ud800": "A"}}}, r"at answers\.full\.\\ud800: half a character"),
        ({"note": "\ud800"}, "at note: half a character"),
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


@pytest.mark.parametrize("strange", ["\x1b[2J", "a\x00b", "\x9b31m", "\x7f", "a\rb", "\u202egnp.exe"])
@pytest.mark.parametrize(
    "place", ["model.name", "model.kind", "model.identity", "questions.name", "versions.x", "note"]
)
def test_what_a_terminal_would_obey_is_refused(tmp_path: Path, place: str, strange: str) -> None:
    """Names are printed where a board is made, and a terminal that obeys them can be made to show anything."""
    made = sent(versions={})
    *outer, name = place.split(".")
    (made[outer[0]] if outer else made)[name] = strange
    with pytest.raises(InputError, match=f"at {place}: control character U") as refused:
        read(write(tmp_path, made))
    assert str(refused.value).isprintable()


def test_names_of_the_file_are_printable_where_they_are_the_fault(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"at \\u001b\[2J") as refused:
        read(write(tmp_path, sent(**{"\x1b[2J": 1})))
    assert str(refused.value).isprintable()


def test_a_note_may_have_lines(tmp_path: Path) -> None:
    found, _ = read(write(tmp_path, sent(note="one\ntwo")))
    assert found.note == "one\ntwo"


@pytest.mark.parametrize("number", ["1e999", "-1e999", "Infinity", "-Infinity", "NaN"])
@pytest.mark.parametrize("place", ["settings", "scores", "versions"])
def test_a_number_that_is_none_is_refused_anywhere(tmp_path: Path, place: str, number: str) -> None:
    """A board writes settings back, and no other reader of JSON would take them."""
    text = json.dumps(sent(**{place: {"x": "here"}})).replace('"here"', number)
    with pytest.raises(InputError, match=r"is not JSON|too large for a number"):
        read(write(tmp_path, text))


ANY = st.text(st.characters())  # with halves of characters
JSON = st.recursive(
    st.floats(allow_nan=False, allow_infinity=False) | ANY,
    lambda held: st.lists(held) | st.dictionaries(ANY, held),
    max_leaves=8,
)


@settings(deadline=None)
@given(JSON)
def test_what_is_read_can_be_written(value: Any) -> None:
    """Or a board would break off in the middle of what it writes."""
    text = json.dumps(sent(settings={"x": value}))
    try:
        found = parse(text)
    except ValueError as error:
        assert "half a character" in str(error) or "stands twice" in str(error)
    else:
        written = json.dumps(found.settings, ensure_ascii=False).encode("utf-8")
        assert json.loads(written) == json.loads(text)["settings"]


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read"):
        read(tmp_path / "none.json")


def test_the_views_are_those_that_an_evaluation_shows() -> None:
    assert set(get_args(submission.ViewName)) == set(VIEWS)


def test_the_schema_names_what_is_required() -> None:
    schema = submission.json_schema()
    assert set(schema["required"]) == {"schema", "model", "questions", "answers"}
    assert schema["additionalProperties"] is False


@settings(deadline=None)
@given(st.lists(st.tuples(TEXT, st.lists(TEXT, min_size=2, max_size=5)), min_size=1, max_size=6), st.randoms())
def test_the_digest_needs_no_keys_and_no_order(made: list[tuple[str, list[str]]], chance: random.Random) -> None:
    """Or whoever has the questions alone, or with the rows in another order, would seem to answer others."""
    listed = [
        {"id": f"q{i}", "question": q, "choices": c, "answer": 0, "category": "x"} for i, (q, c) in enumerate(made)
    ]
    other = [{**row, "answer": 1, "category": "y", "group": "g"} for row in listed]
    chance.shuffle(other)
    assert digest(Questions.from_rows(listed)) == digest(Questions.from_rows(other))
    keyless = [{name: value for name, value in row.items() if name != "answer"} for row in listed]
    assert digest(Questions.from_rows(listed)) == digest(Questions.from_rows(keyless))
    listed[0] = {**listed[0], "choices": [*listed[0]["choices"], "one more"]}
    assert digest(Questions.from_rows(listed)) != digest(Questions.from_rows(other))


def test_the_digest_is_what_the_documentation_says() -> None:
    """Others compute it without this code."""
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


def test_questions_without_keys_make_the_same_submission() -> None:
    by_id = {"q0": Prediction(question="q0", model="m", reply="A", answer=0)}
    keyless = [{name: value for name, value in row.items() if name != "answer"} for row in rows()]
    one, other = (make("m", Questions.from_rows(r), {"full": by_id}, {}, "toy") for r in (rows(), keyless))
    assert one == other


def test_a_submission_is_made_of_whatever_an_evaluation_holds() -> None:
    """It is made when all calls are paid for: what it cannot hold is left out, and the rest is saved."""
    odd = Prediction(question="q0", model="m", reply="half \ud800", answer=0)
    long, how = "name \x1b[2J " * 60, {"flyreel": "1"}
    made = make(
        long, Questions.from_rows(rows()), {"full": {"q0": odd}, "sideways": {"q0": odd}}, how, long, "n" * 9000
    )
    assert set(made.answers) == {"full"}
    assert made.answers["full"] == {"q0": "half ?"}
    assert len(made.model.name) == len(made.questions.name) == 200
    assert parse(made.model_dump_json(by_alias=True)) == made
    assert make("\n", Questions.from_rows(rows()), {"full": {}}, how, " ").model.name == "without a name"


def test_a_set_without_choices_makes_no_submission() -> None:
    opened = Questions.from_rows([{"id": "q0", "question": "Why?", "answer": "because"}])
    with pytest.raises(InputError, match=r"open\.jsonl: no question there has choices"):
        make("m", opened, {"full": {}}, {}, "open.jsonl")
