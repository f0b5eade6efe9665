"""CSV for spreadsheets: one row a question, an answer that cannot be mistaken, and nothing altered."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from flyreel.clips import Clips
from flyreel.errors import InputError
from flyreel.formats import export
from flyreel.formats.base import read
from flyreel.formats.export import Exported, Parcel
from flyreel.questions import SCHEMA, Questions

FULL = {
    "id": "q1", "question": "Which of\nthe two?", "choices": ['"red", he said', "green"], "answer": 1, "clip": "c1",
    "group": "film", "split": "test", "category": "colour", "template": "t", "rationale": "It is seen.",
    "evidence": [{"start": 0.0, "end": 3.5}],
    "cues": [{"start": 1.0, "end": 2.0, "kind": "dialogue", "text": "Green, \"green\"\n", "speaker": "Ann"}],
    "origin": {"name": "toybox", "parameters": {"seed": 7}}, "parent": "q0", "round": 2, "meta": {"hard": True},
}  # fmt: skip


def written(tmp_path: Path, *rows: dict[str, Any]) -> Exported:
    return export.write("csv", Parcel("m", "M", Questions.from_rows(rows), Clips.from_rows([])), tmp_path / "m.csv")


def test_one_row_a_question_with_json_where_a_cell_holds_more_than_a_word(tmp_path: Path) -> None:
    written(tmp_path, FULL)
    with (tmp_path / "m.csv").open(newline="", encoding="utf-8") as file:
        header, row = csv.reader(file)
    assert header == SCHEMA.names
    cells = dict(zip(header, row, strict=True))
    assert (cells["question"], cells["answer"], cells["answer_text"]) == ("Which of\nthe two?", "1", "")
    assert cells["choices"] == r'["\"red\", he said", "green"]'
    assert cells["origin"] == '{"name": "toybox", "parameters": {"seed": 7}}'


def test_every_field_reads_back(tmp_path: Path) -> None:
    written(tmp_path, FULL)
    reading = read(tmp_path / "m.csv")
    assert (reading.format, reading.problems) == ("canonical", [])
    assert reading.questions.to_rows() == [FULL]


@pytest.mark.parametrize("answer", ["3", "0", "-1", "007", "2.0", "A", "true", "null", '["a"]', 'a "b"\nc', "=SUM(A1)"])
def test_an_open_ended_answer_is_text_whatever_it_looks_like(tmp_path: Path, answer: str) -> None:
    written(tmp_path, {"id": "1", "question": "How many?", "answer": answer}, {**FULL, "id": "2"})
    assert [row["answer"] for row in read(tmp_path / "m.csv").questions.to_rows()] == [answer, 1]


def test_the_answer_of_a_choice_is_its_index_where_the_choices_are_numbers(tmp_path: Path) -> None:
    """In a file of somebody else's "0" is the choice that reads so; here it is the first."""
    written(tmp_path, {"id": "1", "question": "How many?", "choices": ["2", "1", "0"], "answer": 0})
    assert read(tmp_path / "m.csv").questions.to_rows()[0]["answer"] == 0


def test_a_formula_is_left_as_it_is_and_told(tmp_path: Path) -> None:
    rows = [{**FULL, "question": "=HYPERLINK(1)"}, {**FULL, "id": "-2"}, {**FULL, "id": "3"}]
    done = written(tmp_path, *rows)
    assert done.notes == [
        "2 cells begin as a formula does (=, +, -, @): import them into a spreadsheet as text",
    ]
    assert read(tmp_path / "m.csv").questions.texts[0] == "=HYPERLINK(1)"
    assert written(tmp_path, FULL).notes == [], "no such cell, so no line about them"


def test_what_would_make_the_file_binary_is_left_out_and_the_rest_is_written(tmp_path: Path) -> None:
    done = written(tmp_path, {**FULL, "id": "q0", "question": "a\0b"}, FULL)
    assert done.left_out == [("q0", "nul-character")]
    assert read(tmp_path / "m.csv").questions.ids == ["q1"]
    with pytest.raises(InputError, match=r"csv can hold none of the 1 questions: nul-character \(1\)"):
        written(tmp_path, {**FULL, "question": "a\0b"})
    written(tmp_path, {**FULL, "meta": {"k": "a\0b"}})
    assert read(tmp_path / "m.csv").questions.to_rows()[0]["meta"] == {"k": "a\0b"}, "JSON has an escape for it"


def test_a_table_of_somebody_else_is_read_as_before(tmp_path: Path) -> None:
    """An empty choices cell is a fault there, and a word under `meta` is no object."""
    (tmp_path / "t.csv").write_text(
        'id,question,choices,answer,meta,round\n1,Which?,,B,,\n2,Which?,"[""0"", ""1""]",1,note,x\n'
    )
    reading = read(tmp_path / "t.csv")
    assert [p.reason for p in reading.problems] == ["no-choices"]
    assert reading.questions.to_rows() == [
        {"id": "2", "question": "Which?", "choices": ["0", "1"], "answer": 1, "group": "2"}
    ]


def test_a_choice_question_without_its_index_is_broken_and_not_open_ended(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(
        'id,question,choices,answer,answer_text\n1,Which?,"[""red"", ""green""]",,red\n2,Who?,,,Ann\n'
    )
    reading = read(tmp_path / "t.csv")
    assert [(p.row, p.reason) for p in reading.problems] == [(1, "no-answer")]
    assert [row["answer"] for row in reading.questions.to_rows()] == ["Ann"]
