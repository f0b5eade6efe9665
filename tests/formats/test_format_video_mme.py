"""Video-MME: lettered options lose their letters, and the letter of the answer is a position."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flyreel.formats.base import read


def row(number, answer, options, **more):
    return {
        "video_id": "001",
        "duration": "short",
        "domain": "Knowledge",
        "sub_category": "Biology",
        "url": "https://example.org/x",
        "videoID": "fFjv93ACGo8",
        "question_id": f"001-{number}",
        "task_type": "Counting Problem",
        "question": "Which one is it?",
        "options": options,
        "answer": answer,
    } | more


ROWS = [
    row(1, "C", ["A. Apples.", "B. Candles.", "C. Berries.", "D. Nuts."]),
    row(2, "B", ["A. B", "B. C", "C. D", "D. A"]),
    row(3, "E", ["A. Apples.", "B. Candles.", "C. Berries.", "D. Nuts."]),
]


@pytest.fixture
def parquet(tmp_path):
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "test.parquet")
    return tmp_path / "test.parquet"


@pytest.fixture
def tsv(tmp_path):
    lines = [
        "index\tvideo\tvideo_path\tduration\tdomain\tcandidates\tsub_category\ttask_type\tquestion\tanswer",
        "0\tfFj\t./x.mp4\tshort\tArt\t['A. Apples.', 'B. Pears.', \"C. It's nuts.\"]\tMusic\tOCR\tWhich?\tC",
        "1\tfFj\t./x.mp4\tshort\tArt\t['A. one', 'B. two']\tMusic\tOCR\tHow many?\tZ",
    ]
    (tmp_path / "Video-MME.tsv").write_text("\n".join(lines) + "\n")
    return tmp_path / "Video-MME.tsv"


@pytest.mark.parametrize("name", [None, "video-mme"])
def test_parquet_fields_land_where_they_belong(parquet, name):
    reading = read(parquet, name)
    assert reading.format == "video-mme"
    assert reading.questions.to_rows()[0] == {
        "id": "001-1",
        "question": "Which one is it?",
        "choices": ["Apples.", "Candles.", "Berries.", "Nuts."],
        "answer": 2,
        "clip": "fFjv93ACGo8",
        "group": "fFjv93ACGo8",
        "category": "Counting Problem",
        "meta": {"duration": "short", "domain": "Knowledge", "sub_category": "Biology"},
    }
    assert [(p.row, p.reason) for p in reading.problems] == [(3, "answer-out-of-range")]


def test_the_letter_is_a_position_even_where_a_choice_is_called_by_it(parquet):
    """The second option reads "C"; the first reads "B". The answer B is the second."""
    row = read(parquet).questions.to_rows()[1]
    assert (row["choices"], row["answer"]) == (["B", "C", "D", "A"], 1)


@pytest.mark.parametrize("name", [None, "video-mme"])
def test_tsv_fields_land_where_they_belong(tsv, name):
    reading = read(tsv, name)
    assert reading.format == "video-mme"
    (row,) = reading.questions.to_rows()
    assert (row["id"], row["clip"], row["category"]) == ("fFj-0", "fFj", "OCR")
    assert (row["choices"], row["answer"]) == (["Apples.", "Pears.", "It's nuts."], 2)
    assert [(p.row, p.reason) for p in reading.problems] == [(2, "answer-out-of-range")]


def test_columns_without_videoid_are_not_mistaken_for_open_ended_questions(tmp_path):
    """The format's summary names exactly these columns. Read as canonical, "C" would be the answer's text."""
    kept = ("video_id", "question_id", "question", "options", "answer")
    pq.write_table(pa.Table.from_pylist([{k: ROWS[0][k] for k in kept}]), tmp_path / "x.parquet")
    reading = read(tmp_path / "x.parquet")
    assert reading.format == "video-mme"
    assert reading.questions.to_rows()[0]["answer"] == 2


def test_letters_stay_where_they_do_not_run_from_a(tmp_path):
    """A name may begin so ("A. Lincoln"); only a full run of letters is a numbering."""
    pq.write_table(pa.Table.from_pylist([row(1, "B", ["A. Lincoln", "G. Washington"])]), tmp_path / "x.parquet")
    assert read(tmp_path / "x.parquet").questions.to_rows()[0]["choices"] == ["A. Lincoln", "G. Washington"]
