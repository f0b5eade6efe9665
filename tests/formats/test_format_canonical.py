"""flyreel's own format: the answer as index, letter or text; the same columns in other containers."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flyreel.formats.base import read
from flyreel.tables import write_jsonl


def write(tmp_path, *rows):
    path = tmp_path / "mine.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def row(id, answer, choices=("red", "green", "blue"), **more):
    return {"id": id, "question": f"Which, {id}?", "choices": list(choices), "answer": answer, **more}


def answers(tmp_path, *rows):
    return [r["answer"] for r in read(write(tmp_path, *rows)).questions.to_rows()]


@pytest.mark.parametrize("name", [None, "canonical"])
def test_every_field_comes_through(tmp_path, name):
    full = row(
        "q1",
        1,
        clip="c1",
        group="film",
        split="test",
        category="colour",
        rationale="It is on the wall.",
        cues=[{"start": 1, "end": 2.5, "kind": "dialogue", "text": "Green!"}],
        evidence=[{"start": 0, "end": 3}],
        meta={"year": 1999},
    )
    reading = read(write(tmp_path, full), name)
    assert reading.format == "canonical"
    assert reading.questions.to_rows() == [full]


def test_index_letter_text_and_integral_float_are_all_the_second_choice(tmp_path):
    given = [1, "1", "B", "b", "(b)", "B.", "green", "Green", " green ", 1.0, "1.0"]
    assert answers(tmp_path, *[row(str(i), a) for i, a in enumerate(given)]) == [1] * len(given)


def test_text_wins_over_letter_and_index(tmp_path):
    """A choice may itself be called "B" or "0"."""
    rows = [row("1", "B", ("B", "A", "C")), row("2", "0", ("3", "2", "1", "0")), row("3", 0, ("3", "2", "1", "0"))]
    assert answers(tmp_path, *rows) == [0, 3, 0]


def test_a_second_row_of_one_id_is_a_problem(tmp_path):
    reading = read(write(tmp_path, row("same", 0), row("same", 1), row("other", 1)))
    assert reading.questions.ids == ["same", "other"]
    assert [(p.row, p.reason, p.detail) for p in reading.problems] == [(2, "duplicate-id", "same")]


def test_rows_without_an_id_get_one_from_file_and_row(tmp_path):
    rows = [{k: v for k, v in row("x", 0).items() if k != "id"} for _ in range(2)]
    assert read(write(tmp_path, *rows)).questions.ids == ["mine-1", "mine-2"]


def test_a_number_for_an_id_is_its_digits(tmp_path):
    assert read(write(tmp_path, row(7, 0))).questions.ids == ["7"]


def test_open_ended_rows_keep_their_answer_as_text(tmp_path):
    rows = [{"id": "1", "question": "Who?", "answer": " a man "}, {"id": "2", "question": "Who?", "answer": "B"}]
    reading = read(write(tmp_path, *rows, row("3", 0)))
    assert [r["answer"] for r in reading.questions.to_rows()] == ["a man", "B", 0]
    assert reading.questions.choice_rows.tolist() == [2]


def test_broken_rows_are_named_with_their_place(tmp_path):
    span = [{"start": 5, "end": 1}]
    reading = read(
        write(
            tmp_path,
            row("ok", 0),
            row("1", 3),
            row("2", None),
            row("3", 0, ("red",)),
            row("4", 0, ("red", "red ")),
            row("5", 0, ("red", " ")),
            {**row("6", 0), "question": "  "},
            row("7", 0, evidence=span),
            row("8", 0, cues=[{"start": 0, "end": 1}]),
            {"id": "9", "question": "Who?"},
            {**row("10", 0), "choices": "red or green"},
            row("11", 0, ("red", None)),
            [1],
        )
    )
    assert reading.questions.ids == ["ok"]
    assert [p.reason for p in reading.problems] == [
        "answer-out-of-range",
        "no-answer",
        "one-choice",
        "duplicate-choices",
        "empty-choice",
        "empty-question",
        "bad-evidence",
        "bad-cue",
        "no-choices",
        "choices-not-a-list",
        "bad-choice",
        "not-an-object",
    ]
    assert [p.row for p in reading.problems] == list(range(2, 14))
    assert [p.line for p in reading.problems] == list(range(2, 14))


def test_a_broken_first_row_does_not_hide_what_the_file_is(tmp_path):
    reading = read(write(tmp_path, {"id": "0", "question": "no answer here"}, row("1", 0)))
    assert reading.format == "canonical"
    assert reading.questions.ids == ["1"]
    assert [p.row for p in reading.problems] == [1]


def test_lone_surrogates_do_not_crash_the_reader(tmp_path):
    """JSON may smuggle them in as escapes; UTF-8, and so Arrow, cannot hold them."""
    bad = "caf\ud800"
    rows = [
        row("ok", 0),
        {**row("1", 0), "question": bad},
        {"id": "2", "question": "Who?", "answer": bad},
        row("3", 0, meta={"k": bad}),
        row("4", 0, (bad, "other")),
        row("5", 0, cues=[{"start": 0, "end": 1, "text": bad}]),
        row(bad, 0),
    ]
    reading = read(write(tmp_path, *rows))
    assert reading.questions.ids[0] == "ok"
    assert len(reading.questions) + len(reading.problems) == len(rows)
    write_jsonl(tmp_path / "out.jsonl", reading.questions.to_rows())


def test_meta_from_parquet_may_hold_what_json_has_no_word_for(tmp_path):
    rows = [row("1", 0, meta={"seen": datetime(2024, 1, 2, tzinfo=UTC), "n": 3})]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "x.parquet")
    meta = read(tmp_path / "x.parquet").questions.to_rows()[0]["meta"]
    assert meta["n"] == 3
    assert meta["seen"].startswith("2024-01-02")


def test_a_round_beyond_all_counting_is_a_problem_and_not_a_crash(tmp_path):
    reading = read(write(tmp_path, row("ok", 0), row("1", 0, round=10**12)))
    assert "ok" in reading.questions.ids


def test_the_same_columns_as_csv(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text(
        "id,question,choices,answer,clip\n"
        '1,Which?,"[""red"", ""green""]",B,c1\n'
        "2,Which?,\"['red', 'green']\",red,c1\n"
        "3,Which?,red or green,red,c1\n"
    )
    reading = read(path)
    assert reading.format == "canonical"
    assert [r["answer"] for r in reading.questions.to_rows()] == [1, 0]
    assert [(p.row, p.line, p.reason) for p in reading.problems] == [(3, 4, "choices-not-a-list")]


def test_an_empty_cell_for_cues_in_csv_is_no_cues_and_a_full_one_is_read(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text(
        "id,question,choices,answer,cues,evidence\n"
        '1,Which?,"[""red"", ""green""]",B,,\n'
        '2,Which?,"[""red"", ""green""]",B,"[{""start"": 0, ""end"": 1, ""text"": ""hi""}]","[]"\n'
    )
    reading = read(path)
    assert not reading.problems
    assert reading.questions.has_cues().tolist() == [False, True]


def test_the_same_columns_as_parquet_and_json(tmp_path):
    rows = [row("1", 0, evidence=[{"start": 0.0, "end": 1.0}]), row("2", 2)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "x.parquet")
    (tmp_path / "x.json").write_text(json.dumps(rows))
    for name in ("x.parquet", "x.json"):
        reading = read(tmp_path / name)
        assert reading.format == "canonical"
        assert [r["answer"] for r in reading.questions.to_rows()] == [0, 2]
        assert reading.questions.to_rows()[0]["evidence"] == [{"start": 0.0, "end": 1.0}]
