"""MVBench: one to six candidates, the answer as the text of one of them."""

from __future__ import annotations

import json

import pytest

from flyreel.clips import Clips
from flyreel.formats.base import read
from flyreel.formats.export import Parcel
from flyreel.formats.export import write as export
from flyreel.questions import Questions


def row(candidates, answer, **more):
    return {"video": "v.mp4", "question": "What happened?", "candidates": candidates, "answer": answer, **more}


def write(tmp_path, *rows):
    path = tmp_path / "action.json"
    path.write_text(json.dumps(rows))
    return path


@pytest.mark.parametrize("name", [None, "mvbench"])
def test_one_to_six_candidates(tmp_path, name):
    rows = [row([f"option {i}" for i in range(k)], f"option {k - 1}", start=1.0) for k in range(1, 7)]
    reading = read(write(tmp_path, *rows), name)
    assert reading.format == "mvbench"
    assert [len(r["choices"]) for r in reading.questions.to_rows()] == [2, 3, 4, 5, 6]
    assert [r["answer"] for r in reading.questions.to_rows()] == [1, 2, 3, 4, 5]
    assert {r["clip"] for r in reading.questions.to_rows()} == {"v.mp4"}
    assert [(p.row, p.reason) for p in reading.problems] == [(1, "one-choice")]


def test_an_answer_that_is_no_candidate_is_a_problem_though_it_looks_like_a_letter_or_an_index(tmp_path):
    rows = [
        row(["x", "y"], "x"),
        row(["x", "y"], "z"),
        row(["x", "y"], "B"),
        row(["x", "y"], "1"),
        row(["x", "y"], None),
    ]
    problems = read(write(tmp_path, *rows)).problems
    assert [(p.row, p.reason) for p in problems] == [
        (2, "answer-not-among-choices"),
        (3, "answer-not-among-choices"),
        (4, "answer-not-among-choices"),
        (5, "no-answer"),
    ]


def test_candidates_that_are_numbers_or_letters_are_found_by_text(tmp_path):
    rows = read(write(tmp_path, row(["3", "0", "1"], "1"), row(["C", "A", "B"], "B"))).questions.to_rows()
    assert [r["answer"] for r in rows] == [2, 2]


def test_broken_candidates_are_named(tmp_path):
    rows = [
        row(["x", "y"], "x"),
        row(["x", "x"], "x"),
        row("x or y", "x"),
        row([], "x"),
        {**row(["x", "y"], "x"), "question": " "},
    ]
    assert [p.reason for p in read(write(tmp_path, *rows)).problems] == [
        "duplicate-choices",
        "choices-not-a-list",
        "answer-not-among-choices",
        "empty-question",
    ]


def exported(tmp_path, *rows, files=None):
    out = tmp_path / "out.json"
    done = export("mvbench", Parcel("x", "x", Questions.from_rows(rows), Clips.from_rows([]), files or {}), out)
    return json.loads(out.read_text(encoding="utf-8")), done


COLOUR = {"id": "q1", "question": "Which?", "choices": ["red", "blue"], "answer": 1, "clip": "c", "category": "colour"}


def test_an_export_names_the_file_that_a_loader_joins_to_its_folder(tmp_path):
    video = tmp_path / "clips" / "c.mp4"
    video.parent.mkdir()
    video.write_bytes(b"film")
    (written, without), done = exported(tmp_path, COLOUR, {**COLOUR, "id": "q2", "clip": "d"}, files={"c": video})
    assert written == {
        "id": "q1", "video": "c.mp4", "question": "Which?", "candidates": ["red", "blue"], "answer": "blue",
        "task_type": "colour", "clip": "c", "group": "c",
    }  # fmt: skip
    assert (without["video"], "clip" in without) == ("d", False)
    assert done.notes == [
        f"The videos lie in {video.parent}; each is named by its path below it",
        "1 clips have no file here; their video is their id",
    ]


def test_files_of_one_name_in_two_folders_are_told_apart(tmp_path):
    files = {"c": tmp_path / "a" / "x.mp4", "d": tmp_path / "b" / "x.mp4"}
    written, _ = exported(tmp_path, COLOUR, {**COLOUR, "id": "q2", "clip": "d"}, files=files)
    assert [r["video"] for r in written] == ["a/x.mp4", "b/x.mp4"]
    assert read(tmp_path / "out.json").questions.strings("clip") == ["c", "d"]


def test_what_does_not_fit_is_said(tmp_path):
    """Open-ended questions have no candidates; a rationale has no place."""
    rows = [{**COLOUR, "rationale": "It is."}, {"id": "o", "question": "What?", "answer": "x"}]
    written, done = exported(tmp_path, *rows)
    assert [r["id"] for r in written] == ["q1"]
    assert (done.lost, done.left_out) == ({"rationale": 1}, [("o", "open-ended")])
