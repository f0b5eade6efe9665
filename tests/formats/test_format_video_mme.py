"""Video-MME: lettered options lose their letters, and the letter of the answer is a position."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flyreel.clips import Clips
from flyreel.formats.base import read
from flyreel.formats.export import Parcel, write
from flyreel.questions import Questions


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


def asked(number, **more):
    return {"id": f"q{number}", "question": f"Which, {number}?", "choices": ["red", "green"], "answer": 1} | more


def export(tmp_path, rows, clips=()):
    parcel = Parcel("toy", "Toy", Questions.from_rows(rows), Clips.from_rows(clips))
    return write("video-mme", parcel, tmp_path / "toy.parquet")


def test_what_is_written_has_the_columns_of_video_mme_first(tmp_path):
    meta = {"domain": "Art", "sub_category": "Music", "duration": "medium", "year": 1999}
    clips = [{"id": "fFj", "source": "https://example.org/x", "duration": 30.0}, {"id": "b", "duration": 4000.0}]
    rows = [asked(1, clip="fFj", category="OCR", meta=meta), asked(2, clip="b"), asked(3, clip="fFj"), asked(4)]
    table = pq.read_table(export(tmp_path, rows, clips).out)
    assert table.column_names[:11] == ["video_id", "duration", "domain", "sub_category", "url", "videoID",
                                       "question_id", "task_type", "question", "options", "answer"]  # fmt: skip
    first, *others = table.to_pylist()
    assert first == {
        "video_id": "001", "duration": "medium", "domain": "Art", "sub_category": "Music",
        "url": "https://example.org/x", "videoID": "fFj", "question_id": "q1", "task_type": "OCR",
        "question": "Which, 1?", "options": ["A. red", "B. green"], "answer": "B", "group": "fFj", "split": None,
        "duration_from": "meta",
    }  # fmt: skip
    assert [r["duration"] for r in others] == ["long", "short", None], "by the clip's length where meta has no word"
    assert [r["video_id"] for r in others] == ["002", "001", None]


def test_what_was_written_reads_back_equal_but_for_what_is_said_to_be_lost(tmp_path):
    rows = [
        asked(1, clip="c", group="film", split="test", category="OCR", rationale="So.", meta={"k": 1}),
        asked(2, choices=["A. x", "B. y"], answer=0, group="q2"),
        asked(3, choices=["B", "A"], answer=0, group="q3"),
    ]
    done = export(tmp_path, rows)
    assert done.lost == {"rationale": 1, "meta": 1}
    back = read(done.out)
    assert (back.format, back.problems) == ("video-mme", [])
    assert back.questions.to_rows() == [{k: v for k, v in r.items() if k not in ("rationale", "meta")} for r in rows], (
        "letters that were in a choice stay, and the group is not the clip"
    )


def test_the_length_of_a_clip_is_not_read_back_as_what_the_question_said(tmp_path):
    rows = [
        asked(1, clip="a"),
        asked(2, clip="a", meta={"duration": "long"}),
        asked(3, clip="a", meta={"domain": "Art"}),
    ]
    back = read(export(tmp_path, rows, [{"id": "a", "duration": 30.0}]).out).questions.to_rows()
    assert [row.get("meta") for row in back] == [None, {"duration": "long"}, {"domain": "Art"}]


def test_an_open_ended_question_is_left_out_and_named(tmp_path):
    done = export(tmp_path, [asked(1), {"id": "o", "question": "Who?", "answer": "Tam"}])
    assert done.left_out == [("o", "open-ended")]
