"""CinePile: the key stands there twice, categories carry newlines, and the scene text is cues."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flyreel.formats.base import read
from flyreel.formats.clip_source import read_clips


def row(**changes):
    return {
        "movie_name": "The Film",
        "year": 1999,
        "genre": ["Drama"],
        "yt_clip_title": "A clip",
        "yt_clip_link": "https://example.org/v1",
        "movie_scene": "<subtitle> Where is it?\n<visual descriptions> A man runs.",
        "subtitles": "Where is it?",
        "question": "Why does he run?",
        "choices": ["fear", "joy", "haste", "habit", "a bet"],
        "answer_key": "haste",
        "answer_key_position": 2,
        "question_category": "Character and\nRelationship Dynamics",
        "hard_split": "True",
        "visual_reliance": "1",
        "videoID": "v1",
    } | changes


ROWS = [
    row(),
    row(answer_key="joy"),
    row(answer_key_position=5),
    row(answer_key=None, answer_key_position=0, movie_name=None),
]


def jsonl(path, rows):
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def parquet(path, rows):
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


@pytest.mark.parametrize("name", [None, "cinepile"])
@pytest.mark.parametrize("write", [jsonl, parquet])
def test_fields_land_where_they_belong(tmp_path, write, name):
    reading = read(write(tmp_path / "test", ROWS), name)
    assert reading.format == "cinepile"
    first, last = reading.questions.to_rows()
    assert first == {
        "id": "v1-1",
        "question": "Why does he run?",
        "choices": ["fear", "joy", "haste", "habit", "a bet"],
        "answer": 2,
        "clip": "v1",
        "group": "The Film",
        "category": "Character and Relationship Dynamics",
        "cues": [
            {"start": 0.0, "end": 0.0, "kind": "dialogue", "text": "Where is it?"},
            {"start": 0.0, "end": 0.0, "kind": "description", "text": "A man runs."},
        ],
        "meta": {"year": 1999, "genre": ["Drama"], "hard_split": "True", "visual_reliance": "1"},
    }
    assert (last["answer"], last["group"]) == (0, "v1")


@pytest.mark.parametrize("write", [jsonl, parquet])
def test_a_key_whose_text_and_position_disagree_is_a_problem_and_not_a_guess(tmp_path, write):
    problems = read(write(tmp_path / "test", ROWS)).problems
    assert [(p.row, p.reason) for p in problems] == [
        (2, "answer-text-and-position-disagree"),
        (3, "answer-out-of-range"),
    ]


def test_without_a_position_the_text_is_the_key(tmp_path):
    without = {k: v for k, v in row(answer_key="joy").items() if k != "answer_key_position"}
    assert read(jsonl(tmp_path / "test", [without])).questions.to_rows()[0]["answer"] == 1


def test_positions_that_one_missing_value_turned_into_floats_are_still_positions(tmp_path):
    """pandas writes a column of integers with one missing as floats: 2 becomes 2.0, and the missing one NaN."""
    rows = [row(answer_key_position=2.0), row(answer_key_position=float("nan"))]
    reading = read(parquet(tmp_path / "test", rows))
    assert [r["answer"] for r in reading.questions.to_rows()] == [2, 2]
    assert not reading.problems


def cues(tmp_path, **changes):
    return read(jsonl(tmp_path / "test", [row(**changes)])).questions.to_rows()[0]["cues"]


def test_time_stamps_of_the_scene_become_spans(tmp_path):
    scene = (
        "[0:05 - 0:07] <subtitle> Run!\n"
        "[00:01:02,500 --> 00:01:04,000] <visual descriptions> A door opens.</visual descriptions>\n"
        "70.5-72: <subtitle> Stop."
    )
    assert cues(tmp_path, movie_scene=scene) == [
        {"start": 5.0, "end": 7.0, "kind": "dialogue", "text": "Run!"},
        {"start": 62.5, "end": 64.0, "kind": "description", "text": "A door opens."},
        {"start": 70.5, "end": 72.0, "kind": "dialogue", "text": "Stop."},
    ]


def test_lines_without_stamps_keep_their_order(tmp_path):
    scene = "<subtitle> one\n<visual descriptions> two\n<subtitle> three"
    assert [(c["kind"], c["text"]) for c in cues(tmp_path, movie_scene=scene)] == [
        ("dialogue", "one"),
        ("description", "two"),
        ("dialogue", "three"),
    ]


def test_what_is_said_is_not_taken_for_a_time_stamp(tmp_path):
    scene = "<subtitle> 10 to 12 men came.\n<subtitle> 2 - 1 is one"
    assert [c["text"] for c in cues(tmp_path, movie_scene=scene)] == ["10 to 12 men came.", "2 - 1 is one"]


def test_what_is_said_in_plain_subtitles_is_not_taken_for_a_time_stamp(tmp_path):
    found = cues(tmp_path, movie_scene=None, subtitles="10 to 12 men came.\n1:05 - 1:07 They left.")
    assert found == [
        {"start": 0.0, "end": 0.0, "kind": "dialogue", "text": "10 to 12 men came."},
        {"start": 65.0, "end": 67.0, "kind": "dialogue", "text": "They left."},
    ]


def test_subtitles_stand_in_where_the_scene_has_no_dialogue_and_are_not_doubled_where_it_has(tmp_path):
    scene = "<visual descriptions> A man runs."
    assert [(c["kind"], c["text"]) for c in cues(tmp_path, movie_scene=scene, subtitles="Hello.")] == [
        ("description", "A man runs."),
        ("dialogue", "Hello."),
    ]
    both = cues(tmp_path, movie_scene="<subtitle> Hello.", subtitles="Hello.")
    assert [c["text"] for c in both] == ["Hello."]


@pytest.mark.parametrize("name", [None, "cinepile"])
@pytest.mark.parametrize("write", [jsonl, parquet])
def test_clips_come_once_each_with_their_film_and_their_questions_name_them(tmp_path, write, name):
    other = row(videoID="v2", yt_clip_link="https://example.org/v2", answer_key="joy")
    path = write(tmp_path / "test", [*ROWS, other])
    found = read_clips(path, name)
    first, second = found.clips.to_rows()
    assert first == {
        "id": "v1",
        "source": "https://example.org/v1",
        "group": "The Film",
        "cues": [
            {"start": 0.0, "end": 0.0, "kind": "dialogue", "text": "Where is it?"},
            {"start": 0.0, "end": 0.0, "kind": "description", "text": "A man runs."},
        ],
        "meta": {"yt_clip_title": "A clip", "year": 1999, "genre": ["Drama"]},
    }
    assert second["id"] == "v2", "a clip is known though its only question is broken"
    assert found.questions.to_rows() == read(path).questions.to_rows()
    assert set(found.questions.strings("clip")) <= set(found.clips.ids)
    assert found.problems == read(path).problems


def test_a_link_stands_in_for_an_id_in_clips_as_in_questions(tmp_path):
    without = [{k: v for k, v in row().items() if k != "videoID"}]
    found = read_clips(jsonl(tmp_path / "test", without))
    assert found.clips.ids == found.questions.strings("clip") == ["https://example.org/v1"]
