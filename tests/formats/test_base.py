"""What makes a draft a question, decided once for all formats."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from flyreel.errors import InputError
from flyreel.formats.base import Broken, answer_index, read
from flyreel.tables import write_jsonl

WORD = st.text(st.characters(exclude_categories=("Cs", "Cc", "Z")), min_size=1, max_size=8)
NAME = st.lists(WORD, min_size=1, max_size=2).map(" ".join)
LINES = st.lists(WORD, min_size=1, max_size=3).map("\u2028\n".join)
SECONDS = st.floats(0, 1e4, allow_nan=False)
SPAN = st.tuples(SECONDS, SECONDS).map(lambda t: {"start": min(t), "end": max(t)})
CUE = st.builds(
    lambda span, kind, text: {**span, "kind": kind, "text": text},
    SPAN,
    st.sampled_from(["dialogue", "description"]),
    LINES,
)
OPTIONAL = {
    "clip": NAME,
    "split": NAME,
    "category": NAME,
    "rationale": NAME,
    "template": NAME,
    "parent": NAME,
    "cues": st.lists(CUE, min_size=1, max_size=2),
    "evidence": st.lists(SPAN, min_size=1, max_size=2),
    "round": st.integers(1, 9),
    "meta": st.dictionaries(NAME, st.one_of(st.integers(), st.text("abc"), st.booleans()), min_size=1, max_size=2),
}


@st.composite
def canonical(draw):
    row = draw(st.fixed_dictionaries({"id": NAME, "question": LINES, "group": NAME}, optional=OPTIONAL))
    if draw(st.booleans()):
        choices = draw(st.lists(LINES, min_size=2, max_size=8, unique=True))
        return {**row, "choices": choices, "answer": draw(st.integers(0, len(choices) - 1))}
    return {**row, "answer": draw(LINES.filter(lambda t: t.strip().lower() != "nan"))}


@given(st.lists(canonical(), min_size=1, max_size=4, unique_by=lambda r: r["id"]))
@example([{"id": "0", "question": "q", "group": "g", "choices": ["1", "0"], "answer": 0}])
@settings(max_examples=80, deadline=None)
def test_what_is_written_is_read_back_the_same(tmp_path_factory, rows):
    reading = read(write_jsonl(tmp_path_factory.mktemp("base") / "rows.jsonl", rows))
    assert reading.problems == []
    assert reading.questions.to_rows() == rows


CHOICES = ["red", "Green", "blue."]


@pytest.mark.parametrize(
    ("answer", "index"),
    [
        (0, 0),
        (2.0, 2),
        ("2", 2),
        ("2.0", 2),
        ("b)", 1),
        ("(B)", 1),
        ("(b", 1),
        ("C.", 2),
        ("c", 2),
        ("Green", 1),
        ("green", 1),
        ("GREEN.", 1),
        ("blue", 2),
        (" red ", 0),
    ],
)
def test_an_answer_that_can_be_read_is_read(answer, index):
    assert answer_index(answer, CHOICES) == index


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (None, "no-answer"),
        (math.nan, "no-answer"),
        ("nan", "no-answer"),
        ("", "no-answer"),
        ("  ", "no-answer"),
        (True, "no-answer"),
        (False, "no-answer"),
        (3, "answer-out-of-range"),
        (-1, "answer-out-of-range"),
        ("-1", "answer-out-of-range"),
        ("3", "answer-out-of-range"),
        ("D", "answer-out-of-range"),
        (1.5, "answer-not-among-choices"),
        ("1.5", "answer-not-among-choices"),
        (math.inf, "answer-not-among-choices"),
        ("yellow", "answer-not-among-choices"),
        ("Because", "answer-not-among-choices"),
        ([0], "answer-not-among-choices"),
        ({"index": 0}, "answer-not-among-choices"),
    ],
)
def test_an_answer_that_cannot_be_read_says_why(answer, reason):
    with pytest.raises(Broken) as caught:
        answer_index(answer, CHOICES)
    assert caught.value.reason == reason


def test_folded_text_that_fits_two_choices_is_not_a_guess():
    with pytest.raises(Broken, match="answer-not-among-choices"):
        answer_index("YES", ["Yes", "yes"])


def test_nan_may_be_a_choice():
    assert answer_index("nan", ["nan", "naan"]) == 0


def write(tmp_path, text):
    path = tmp_path / "x.csv"
    path.write_text(text)
    return path


def test_columns_no_format_knows_are_shown_with_the_way_on(tmp_path):
    with pytest.raises(
        InputError,
        match=re.escape(
            "no known format has these columns: prompt, gold. Name its format with --format (for export, --from), or"
        ),
    ):
        read(write(tmp_path, "prompt,gold\nWho?,me\n"))


def test_a_format_nobody_knows_offers_what_was_meant(tmp_path):
    with pytest.raises(InputError, match="Did you mean next-qa"):
        read(write(tmp_path, "prompt,gold\nWho?,me\n"), "nextqa")


def test_a_file_with_no_usable_row_is_an_error_that_names_the_first_problem(tmp_path):
    text = "id,question,choices,answer\n" + "".join(f'{i},Who?,"[""a"",""b""]",9\n' for i in range(3))
    with pytest.raises(InputError, match=r"row 1 \(line 2\): answer-out-of-range.* \(and 2 more problems\)"):
        read(write(tmp_path, text))


def test_a_header_alone_says_so(tmp_path):
    with pytest.raises(InputError, match="a header and no rows"):
        read(write(tmp_path, "id,question,choices,answer\n"))


def test_a_long_detail_is_cut(tmp_path):
    path = write_jsonl(
        tmp_path / "x.jsonl",
        [
            {"question": "Who?", "choices": ["a", "b"], "answer": 0},
            {"question": "Who?", "choices": ["a", "b"], "answer": "z" * 5000},
        ],
    )
    assert len(read(path).problems[0].detail) == 200


@pytest.mark.parametrize("answer", ["nan", "\x85nan", " NaN\n", "\x85", "\u2003"])
def test_an_open_answer_that_is_nothing_once_stripped_is_no_answer(tmp_path, answer):
    """Stored as `nan` it would be refused by the next reader of what is written."""
    rows = [{"id": "1", "question": "Who?", "answer": answer}, {"id": "2", "question": "Who?", "answer": "Ann"}]
    reading = read(write_jsonl(tmp_path / "x.jsonl", rows))
    assert (reading.questions.ids, [p.row for p in reading.problems]) == (["2"], [1])


def test_numbers_that_json_does_not_have_become_null(tmp_path):
    (tmp_path / "x.jsonl").write_text(
        '{"id": "1", "question": "Who?", "answer": "Ann", "meta": {"a": NaN, "b": [Infinity, -Infinity, 1e999, 1.5]},'
        ' "origin": {"name": "x", "parameters": {"c": NaN}}}'
    )
    (row,) = read(tmp_path / "x.jsonl").questions.to_rows()
    assert row["meta"] == {"a": None, "b": [None, None, None, 1.5]}
    assert row["origin"]["parameters"] == {"c": None}


@pytest.mark.parametrize(("field", "reason"), [("cues", "bad-cue"), ("evidence", "bad-evidence")])
def test_a_span_that_never_ends_is_broken(tmp_path, field, reason):
    """Its end would be null in what is written, and the row would be refused there."""
    span = '{"start": 0, "end": Infinity, "text": "x"}' if field == "cues" else '{"start": 0, "end": 1e999}'
    (tmp_path / "x.jsonl").write_text(
        f'{{"id": "1", "question": "Who?", "answer": "Ann", "{field}": [{span}]}}\n'
        '{"id": "2", "question": "Who?", "answer": "Ann"}\n'
    )
    reading = read(tmp_path / "x.jsonl")
    assert (reading.questions.ids, [p.reason for p in reading.problems]) == (["2"], [reason])


def test_a_file_whose_name_is_not_utf8_gives_ids_that_are(tmp_path):
    path = tmp_path / "caf\udce9.jsonl"
    path.write_text('{"question": "Who?", "answer": "Ann"}')
    assert read(path).questions.ids == ["caf?-1"]
