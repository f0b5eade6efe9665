"""Columns A, B, C: multiple choice and never an open-ended question whose answer is a letter."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from flyreel.clips import Clips
from flyreel.formats.base import formats, read
from flyreel.formats.containers import sample
from flyreel.formats.export import Parcel, write
from flyreel.formats.lettered import LETTERS, marked, misread, unmarked
from flyreel.questions import Questions

TSV = (
    "index\tquestion\tA\tB\tC\tD\tanswer\tcategory\thint\n"
    "0\tWhich?\tred\tgreen\tblue\tD\tC\tcolour\tlook\n"
    "1\tWho?\tB\tA\t\t\tB\t\t\n"
    "2\tWhere?\there\tthere\t\t\tD\t\t\n"
)


@pytest.mark.parametrize("name", [None, "lettered"])
def test_columns_are_choices_and_the_letter_is_a_column(tmp_path, name):
    (tmp_path / "x.tsv").write_text(TSV, encoding="utf-8")
    reading = read(tmp_path / "x.tsv", name)
    assert reading.format == "lettered"
    assert reading.questions.to_rows() == [
        {"id": "0", "question": "Which?", "choices": ["red", "green", "blue", "D"], "answer": 2, "group": "0",
         "category": "colour"},
        {"id": "1", "question": "Who?", "choices": ["B", "A"], "answer": 1, "group": "1"},
    ]  # fmt: skip
    assert [(p.row, p.reason) for p in reading.problems] == [(3, "answer-out-of-range")]


def test_no_other_format_takes_it_for_its_own(tmp_path):
    """As canonical it would be open-ended questions whose answers are "C", and no problem told."""
    (tmp_path / "x.tsv").write_text(TSV, encoding="utf-8")
    looked = sample(tmp_path / "x.tsv")
    assert [entry.name for entry in formats if entry.make().recognises(looked)] == ["lettered"]


def test_a_list_of_choices_goes_before_columns_that_happen_to_be_called_so(tmp_path):
    row = {"id": "q", "question": "Which?", "choices": ["x", "y"], "answer": 1, "A": 3, "B": 4}
    (tmp_path / "x.jsonl").write_text(json.dumps(row), encoding="utf-8")
    reading = read(tmp_path / "x.jsonl")
    assert reading.format == "canonical"
    assert reading.questions.to_rows()[0]["choices"] == ["x", "y"]


HOSTILE = ["None", "1.50", '"None"', '""7""', '""', '"', "red", '"red"', "a\tb", "line\nbreak", "A", "\u2028", "é"]
text = st.sampled_from(HOSTILE) | st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=6)


@given(st.lists(text, max_size=5))
@example(['"' * 5000])
@example(['"None"', '"red"'])
def test_marks_come_off_as_they_were_put_on(texts):
    put = marked(texts)
    assert unmarked(put) == texts
    assert not any(map(misread, put))


@settings(deadline=None, max_examples=50)
@given(st.data())
def test_the_blind_form_reads_back_but_for_its_clips(tmp_path_factory, data):
    """Choices of every length in one file, and the columns of the widest."""
    rows = []
    for i in range(data.draw(st.integers(1, 4))):
        usable = text.map(str.strip).filter(bool)
        choices = data.draw(st.lists(usable, min_size=2, max_size=5, unique=True))
        rows.append(
            {
                "id": f"{i}",
                "question": data.draw(usable),
                "choices": choices,
                "answer": data.draw(st.integers(0, len(choices) - 1)),
                "category": data.draw(st.none() | usable.map(lambda t: " ".join(t.split()))),
            }
        )
    parcel = Parcel("toy", "T", Questions.from_rows(rows), Clips.from_rows([]))
    out = write("vlmevalkit", parcel, tmp_path_factory.mktemp("set") / "made").out
    reading = read(out / "flyreel_toy_blind.tsv")
    assert (reading.format, reading.problems) == ("lettered", [])
    found = [{name: row.get(name) for name in rows[0]} for row in reading.questions.to_rows()]
    assert found == rows


def test_there_are_as_many_letters_as_a_question_may_have_choices():
    assert len(LETTERS) == len(set(LETTERS)) == 26
