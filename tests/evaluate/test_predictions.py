"""Answers of other tools and our own: the right one to the right question, and the key never for a prediction."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyreel.errors import InputError
from flyreel.evaluate.predictions import read_predictions, write_predictions
from flyreel.evaluate.scores import score, sheet
from flyreel.questions import Questions
from flyreel.schema import Prediction

CHOICES = ["a red horse", "a blue boat", "nobody", "the pink cat"]
OPEN = {"id": "open", "question": "Who runs?", "answer": "a horse"}

Write = Callable[[str, Any], Path]


def asked(n: int = 3) -> Questions:
    rows = [{"id": f"q{i}", "question": f"What runs in {i}?", "choices": CHOICES, "answer": 0} for i in range(n)]
    return Questions.from_rows([*rows, OPEN])


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Text as it is; rows as JSONL."""

    def put(name: str, content: Any) -> Path:
        path = tmp_path / name
        text = content if isinstance(content, str) else "".join(json.dumps(row) + "\n" for row in content)
        path.write_text(text, encoding="utf-8")
        return path

    return put


def picked(path: Path, questions: Questions | None = None) -> dict[str, Any]:
    found = read_predictions(path, questions or asked())
    assert not found.problems and list(found.by_view) == ["full"]
    return {id: p.answer for id, p in found.by_view["full"].items()}


def reasons(path: Path) -> list[tuple[int, str]]:
    return [(p.row, p.reason) for p in read_predictions(path, asked()).problems]


@pytest.mark.parametrize("id", ["question", "question_id", "id", "qid", "q_uid"])
@pytest.mark.parametrize("reply", ["reply", "response", "prediction", "pred", "output", "model_output", "answer",
                                   "resps", "filtered_resps"])  # fmt: skip
def test_the_fields_of_other_tools_are_known(write: Write, id: str, reply: str) -> None:
    assert picked(write("said.jsonl", [{id: "q0", reply: "B"}, {id: "q1", reply: "D"}])) == {"q0": 1, "q1": 3}


def test_every_container_is_read(write: Write, tmp_path: Path) -> None:
    rows = [{"id": "q0", "pred": "B"}, {"id": "q1", "pred": "A"}]
    pd.DataFrame(rows).to_parquet(tmp_path / "said.parquet")
    files = [
        write("said.csv", "id,pred\nq0,B\nq1,A\n"),
        write("said.tsv", "id\tpred\nq0\tB\nq1\tA\n"),
        write("said.json", json.dumps(rows, indent=2)),
        write("map.json", json.dumps({"q0": "B", "q1": 0}, indent=2)),
        write("line.json", json.dumps({"q0": ["B"], "q1": "A"})),
        tmp_path / "said.parquet",
    ]
    for path in files:
        assert picked(path) == {"q0": 1, "q1": 0}, path.name


def test_an_integer_is_an_index_and_a_string_is_a_reply(write: Write) -> None:
    rows = [{"id": "q0", "answer": 1}, {"id": "q1", "answer": "B"}, {"id": "q2", "answer": 2.0}]
    found = read_predictions(write("said.jsonl", rows), asked()).by_view["full"]
    assert [found[f"q{i}"].answer for i in range(3)] == [1, 1, 2]
    assert found["q0"].strict and found["q0"].reply == "" and found["q1"].reply == "B"
    assert picked(write("said.csv", "q_uid,answer\nq0,1\nq1,2.0\n")) == {"q0": 1, "q1": 2}, "digits of a table"


def test_the_key_beside_a_reply_is_not_taken_for_the_answer(write: Write) -> None:
    """Else a model that failed everywhere would score all right."""
    rows = [
        {"id": "q0", "answer": 0, "pred": "B"},
        {"id": "q1", "answer": "A", "pred": None},
        {"id": "q2", "answer": 0},
    ]
    found = read_predictions(write("said.jsonl", rows), asked())
    assert {id: p.answer for id, p in found.by_view["full"].items()} == {"q0": 1}
    assert [(p.row, p.reason) for p in found.problems] == [(2, "no-reply"), (3, "no-reply")]
    table = "index\tvideo\tquestion\tid\tA\tB\tC\tD\tanswer\tprediction\n"
    table += "0\tv\tWhat runs in 0?\tq0\ta red horse\ta blue boat\tnobody\tthe pink cat\tA\tB\n"
    assert picked(write("said.tsv", table)) == {"q0": 1}


def test_a_question_file_is_not_a_file_of_answers(write: Write) -> None:
    path = write("questions.jsonl", asked().to_rows())
    with pytest.raises(InputError, match="a question file, whose answers are the keys"):
        read_predictions(path, asked())


def test_an_empty_reply_was_a_reply(write: Write) -> None:
    for path in (
        write("a.jsonl", [{"id": "q0", "pred": ""}, {"id": "q1", "pred": "A"}]),
        write("a.csv", "id,pred\nq0,\nq1,A\n"),
    ):
        found = read_predictions(path, asked()).by_view["full"]
        assert found["q0"].asked and found["q0"].answer is None and found["q0"].failure
        scored = score(sheet("m", "full", asked(), found))
        assert scored.accuracy and (scored.accuracy.accuracy, scored.asked, scored.answered) == (0.5, 2, 1)


def test_an_index_that_no_choice_has_is_a_reply_that_nobody_can_read(write: Write) -> None:
    """Left out, minus one for every hard question would be a way to a better score."""
    path = write("said.jsonl", [{"id": "q0", "answer": 4}, {"id": "q1", "answer": -1}, {"id": "q2", "answer": 0}])
    found = read_predictions(path, asked())
    assert [(p.row, p.line, p.reason, p.detail) for p in found.problems] == [
        (1, 1, "answer-out-of-range", "4 for q0"), (2, 2, "answer-out-of-range", "-1 for q1")
    ]  # fmt: skip
    scored = score(sheet("m", "full", asked(), found.by_view["full"]))
    assert scored.accuracy and scored.accuracy.accuracy == pytest.approx(1 / 3)
    assert scored.unread == {"answer-out-of-range": 2}


def test_every_row_without_use_has_its_reason(write: Write) -> None:
    rows = [
        {"id": "q0", "reply": "A"},
        {"id": "elsewhere", "reply": "A"},
        {"id": "q0", "reply": "B"},
        {"id": "q1"},
        {"reply": "A"},
        {"id": "q2", "reply": {"text": "A"}},
        {"id": "q2", "reply": True},
    ]
    path = write("said.jsonl", rows)
    path.write_text(path.read_text() + "not json\n[1]\n")
    found = read_predictions(path, asked())
    assert {id: p.answer for id, p in found.by_view["full"].items()} == {"q0": 0}, "the first stays"
    assert [(p.row, p.reason) for p in found.problems] == [
        (2, "unknown-question"), (3, "duplicate-prediction"), (4, "no-reply"), (5, "unknown-question"), (6, "no-reply"),
        (7, "no-reply"), (8, "not-json"), (9, "not-an-object"),
    ]  # fmt: skip


def test_an_id_twice_in_one_object_is_two_answers(write: Write) -> None:
    path = write("map.json", '{"q0": "A",\n "q0": "B", "gone": "C", "q1": {"pred": "B"}}')
    assert reasons(path) == [(2, "duplicate-prediction"), (3, "unknown-question"), (4, "no-reply")]
    assert read_predictions(path, asked()).by_view["full"]["q0"].answer == 0


def test_one_object_of_an_answer_is_a_row_and_no_map_of_ids(write: Write) -> None:
    assert picked(write("said.jsonl", [{"id": "q0", "answer": 2}])) == {"q0": 2}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ([{"id": "p7", "reply": "A"}], "answers to other questions: an id there is 'p7', one here is 'q0'"),
        ([{"name": "q0", "reply": "A"}], r"no field is the id of a question \(question_id, .*It has name, reply"),
        ([{"id": "q0", "said": "A"}], "no usable answer. First problem: row 1: no-reply: q0"),
        ("[1, 2]", "no usable row. First problem: row 1: not-an-object"),
        ("{}", "no usable row"),
        ('["B", "C"]', "no usable row"),
        ([{"id": "q0", "pred": "A", "model": "x"}, {"id": "q0", "pred": "A", "model": "y"}], "answers of x, y, which"),
    ],
)
def test_a_file_without_a_single_answer_says_why(write: Write, content: Any, says: str) -> None:
    with pytest.raises(InputError, match=says):
        read_predictions(write("said.jsonl", content), asked())


def test_a_question_whose_id_is_a_number_is_found(write: Write) -> None:
    row = {"question": "What?", "choices": CHOICES, "answer": 0}
    questions = Questions.from_rows([{**row, "id": "0"}, {**row, "id": "17"}])
    assert picked(write("said.jsonl", [{"id": 0, "answer": 1}, {"id": 17.0, "answer": 2}]), questions) == {
        "0": 1,
        "17": 2,
    }


def test_the_order_of_the_file_is_never_what_matches(write: Write) -> None:
    rows = [{"id": "q2", "pred": "C"}, {"id": "q0", "pred": "A"}, {"id": "q1", "pred": "B"}]
    assert picked(write("said.jsonl", rows)) == {"q0": 0, "q1": 1, "q2": 2}


def logged(id: str, said: Any, **more: Any) -> dict[str, Any]:
    """A line as lmms-eval saves it: no `doc`, the number of the question by its place, the metric by its name."""
    metric = {"videomme_perception_score": {"question_id": id, "pred_answer": "A", "answer": "A", "score": 1.0}}
    return {
        "doc_id": 0,
        "input": "What runs?",
        "target": "A",
        "filtered_resps": said,
        "doc_hash": "0f",
        **metric,
        **more,
    }


def test_a_sample_log_of_lmms_eval_is_read(write: Write) -> None:
    rows = [
        logged("q0", "B", resps=["<think>A</think>B"]),
        logged("q1", ["C", "A"]),
    ]
    assert picked(write("samples.jsonl", rows)) == {"q0": 1, "q1": 2}
    doc = {"id": "q2", "question": "What?"}
    row = {"doc_id": 2, "doc": doc, "target": "A", "resps": [["D"]], "filtered_resps": ["D"]}
    assert picked(write("samples.jsonl", [row])) == {"q2": 3}


def test_one_field_of_a_file_names_its_questions(write: Write) -> None:
    """Looked for anew in every row, the counter of a row about another question would answer one of ours."""
    row = {"question": "What?", "choices": CHOICES, "answer": 0}
    questions = Questions.from_rows([{**row, "id": "ours-1"}, {**row, "id": "3"}])
    rows = [{"question_id": "ours-1", "id": 1, "pred": "B"}, {"question_id": "other-3", "id": 3, "pred": "C"}]
    found = read_predictions(write("said.jsonl", rows), questions)
    assert {id: p.answer for id, p in found.by_view["full"].items()} == {"ours-1": 1}
    assert [(p.row, p.reason, p.detail) for p in found.problems] == [(2, "unknown-question", "other-3")]
    docs = [{"doc_id": i, "doc": {"question_id": r["question_id"], "id": r["id"]}, "resps": r["pred"]}
            for i, r in enumerate(rows)]  # fmt: skip
    found = read_predictions(write("samples.jsonl", docs), questions)
    assert set(found.by_view["full"]) == {"ours-1"}, "nor that in a log"


def test_a_field_that_names_no_question_is_passed_over(write: Write) -> None:
    rows = [{"question_id": f"row {i}", "qid": f"q{i}", "pred": "B"} for i in range(2)]
    assert picked(write("said.jsonl", rows)) == {"q0": 1, "q1": 1}


def test_a_view_that_nobody_knows_is_no_view(write: Write) -> None:
    """Else it is scored as another way of asking, and no submission can hold it."""
    rows = [{"id": "q0", "pred": "A", "view": "camera 2"}, {"id": "q1", "pred": "B", "view": "blind"}]
    path = write("said.jsonl", rows)
    assert reasons(path) == [(1, "unknown-view")] and list(read_predictions(path, asked()).by_view) == ["blind"]
    with pytest.raises(InputError, match="view 'camera 2' in every row, which is none of full, blind, dialogue"):
        read_predictions(write("said.jsonl", rows[:1]), asked())


def test_log_likelihoods_of_lmms_eval_are_no_reply(write: Write) -> None:
    said = [["-1.2", "False"], ["-0.3", "True"]]
    assert reasons(write("samples.jsonl", [logged("q0", "A"), logged("q1", said)])) == [(2, "no-reply")]


def test_its_place_in_a_log_is_not_the_id_of_a_question(write: Write) -> None:
    row = {"question": "What?", "choices": CHOICES, "answer": 0}
    questions = Questions.from_rows([{**row, "id": "0"}, {**row, "id": "1"}])
    path = write("samples.jsonl", [{"doc_id": 0, "target": "A", "filtered_resps": "A"}])
    with pytest.raises(InputError, match="no field is the id of a question"):
        read_predictions(path, questions)


def test_an_id_inside_another_field_counts_in_a_log_only(write: Write) -> None:
    rows = [{"id": "q0", "pred": "A"}, {"id": "gone", "pred": "B", "neighbour": {"id": "q1"}}]
    assert reasons(write("said.jsonl", rows)) == [(2, "unknown-question")]


def test_a_call_that_failed_in_vlmevalkit_was_not_asked(write: Write) -> None:
    table = "id\tprediction\nq0\tFailed to obtain answer via API.\nq1\tA\n"
    found = read_predictions(write("said.tsv", table), asked()).by_view["full"]
    assert (found["q0"].asked, found["q0"].failure, found["q0"].answer) == (False, "call-failed", None)
    scored = score(sheet("m", "full", asked(), found))
    assert scored.unasked == {"call-failed": 1, "no-prediction": 1} and scored.asked == 1


def test_an_open_ended_answer_is_the_text(write: Write) -> None:
    assert picked(write("a.jsonl", [{"id": "open", "pred": " A horse.\n"}])) == {"open": "A horse."}
    assert picked(write("a.jsonl", [{"id": "open", "pred": 3}])) == {"open": "3"}
    found = read_predictions(write("a.jsonl", [{"id": "open", "pred": " "}]), asked()).by_view["full"]["open"]
    assert (found.answer, found.failure, found.asked) == (None, "empty", True)


def test_what_a_row_says_beside_its_answer_is_kept(write: Write) -> None:
    rows = [
        {"id": "q0", "pred": "B", "view": "blind", "frames": [1, 5], "strict": False, "model": "m"},
        {"id": "q0", "pred": "A", "model": "m", "frames": "none", "strict": "?", "view": None},
        {"id": "q1", "asked": False, "failure": "no-clip", "pred": None},
        {"id": "q2", "failure": "time-out"},
    ]
    found = read_predictions(write("said.jsonl", rows), asked())
    assert found.model == "m" and not found.problems and set(found.by_view) == {"full", "blind"}
    blind, full = found.by_view["blind"]["q0"], found.by_view["full"]
    assert (blind.answer, blind.frames, blind.strict, blind.view, blind.model) == (1, (1, 5), False, "blind", "m")
    assert (full["q0"].answer, full["q0"].frames) == (0, ())
    assert (full["q1"].asked, full["q1"].failure, full["q1"].model) == (False, "no-clip", "m")
    assert (full["q2"].asked, full["q2"].failure) == (True, "time-out")


def test_the_model_is_the_one_named_else_the_file(write: Write) -> None:
    none = write("clever-7b.jsonl", [{"id": "q0", "pred": "A"}])
    assert read_predictions(none, asked()).model == "clever-7b"
    assert read_predictions(none, asked(), "m").by_view["full"]["q0"].model == "m"
    two = write("two.jsonl", [{"id": "q0", "pred": said, "model": name} for name, said in (("x", "A"), ("y", "B"))])
    assert read_predictions(two, asked(), "y").by_view["full"]["q0"].answer == 1
    with pytest.raises(InputError, match="answers of x, y, and none of z"):
        read_predictions(two, asked(), "z")


def test_lone_surrogates_do_not_stop_the_reading_nor_the_writing(write: Write, tmp_path: Path) -> None:
    rows = '{"id": "q0", "pred": "\\ud800"}\n{"id": "\\ud800", "pred": "A"}\n{"id": "open", "pred": "\\ud800 a"}\n'
    found = read_predictions(write("said.jsonl", rows), asked())
    assert [(p.row, p.reason, p.detail) for p in found.problems] == [(2, "unknown-question", "?")]
    assert found.by_view["full"]["open"].answer == "? a"
    odd = Prediction(question="open", model="m", reply="\ud800", answer="\ud800")
    assert picked(write_predictions(tmp_path / "own.jsonl", [odd])) == {"open": "?"}


texts = st.text(max_size=12)
commits = st.one_of(
    st.builds(dict, answer=st.integers(0, 3), strict=st.booleans(), reply=texts),
    st.builds(dict, failure=st.sampled_from(["nothing-chosen", "two-choices"]), reply=texts),
    st.builds(dict, asked=st.just(False), failure=st.sampled_from(["no-clip", "time-out"]), reply=texts),
)
said_of = st.tuples(
    st.sampled_from(["q0", "q1", "q2", "open"]), st.sampled_from(["full", "blind"]), commits, texts,
    st.lists(st.integers(0, 10**6), max_size=4),
)  # fmt: skip


@given(st.lists(said_of, min_size=1, max_size=8, unique_by=lambda row: row[:2]))
def test_our_own_file_reads_back_as_it_was_written(said: list[Any]) -> None:
    """Also replies that are read otherwise now: what was counted then is what is counted again."""
    made = []
    for id, view, about, text, frames in said:
        if id == "open" and "answer" in about:
            about = {**about, "answer": text}
        made.append(Prediction(question=id, model="m", view=view, frames=tuple(frames), **about))
    with tempfile.TemporaryDirectory() as folder:
        found = read_predictions(write_predictions(Path(folder) / "own.jsonl", made), asked())
    assert not found.problems and found.model == "m"
    by_view: dict[str, dict[str, Prediction]] = {}
    for p in made:
        by_view.setdefault(p.view, {})[p.question] = p
    assert found.by_view == by_view


def test_our_own_file_stays_our_own_through_a_data_frame(tmp_path: Path) -> None:
    """Where pandas has put floats for indices and NaN for what is not there."""
    made = [
        Prediction(question="q0", model="m", reply="The answer is A, I think", answer=2, frames=(1, 2)),
        Prediction(question="q1", model="m", reply="A", failure="two-choices"),
        Prediction(question="q2", model="m", asked=False, failure="no-clip"),
    ]
    rows = pd.read_json(write_predictions(tmp_path / "own.jsonl", made), lines=True)
    rows.to_parquet(tmp_path / "own.parquet")
    assert list(read_predictions(tmp_path / "own.parquet", asked()).by_view["full"].values()) == made


def test_an_own_row_whose_answer_no_choice_has_is_not_believed(write: Write) -> None:
    own = {"question": "q0", "model": "m", "answer": 9, "reply": "A", "frames": [3]}
    found = read_predictions(write("own.jsonl", [own]), asked())
    assert [p.reason for p in found.problems] == ["answer-out-of-range"]
    assert found.by_view["full"]["q0"].answer is None and found.by_view["full"]["q0"].frames == (3,)


def test_rows_without_defaults_are_written(tmp_path: Path) -> None:
    path = write_predictions(tmp_path / "own.jsonl", [Prediction(question="q0", model="m", answer=0)])
    assert json.loads(path.read_text()) == {"question": "q0", "model": "m", "answer": 0}


def test_replies_in_our_own_fields_that_nobody_has_read_are_read(tmp_path: Path) -> None:
    """Taken as they are they would be neither right nor unreadable, and every one of them wrong."""
    questions = Questions.from_rows([{"id": "q", "question": "Who?", "choices": ["Anna", "Ben"], "answer": 1}])
    path = tmp_path / "said.jsonl"
    path.write_text('{"question": "q", "model": "m", "view": "blind", "reply": "B"}\n')
    found = read_predictions(path, questions).by_view["blind"]["q"]
    assert found.answer == 1 and found.strict
