"""TGIF-QA's four tasks: tab-separated under a .csv name; the description of frameqa gives the answer away."""

from __future__ import annotations

import json

import pytest

from flyreel.formats.base import read


def write(tmp_path, *lines):
    path = tmp_path / "task.csv"
    path.write_text("\n".join("\t".join(line.split("|")) for line in lines) + "\n")
    return path


CHOICE_HEADER = "gif_name|question|a1|a2|a3|a4|a5|answer|vid_id|key"


@pytest.mark.parametrize("name", [None, "tgif-qa"])
@pytest.mark.parametrize("task", ["action", "transition"])
def test_choices_and_key_of_action_and_transition(tmp_path, name, task):
    path = write(
        tmp_path,
        CHOICE_HEADER,
        f"gif1|What does the cat do 3 times ?|jump|sit|run|eat|2|4|{task.upper()}4|26",
        f"gif2|What does the dog do ?|jump|sit|run|eat|nod|5|{task.upper()}5|27",
        "gif3|short row",
    )
    reading = read(path, name)
    assert reading.format == "tgif-qa"
    assert reading.questions.to_rows() == [
        {
            "id": f"{task.upper()}4-26",
            "question": "What does the cat do 3 times ?",
            "choices": ["jump", "sit", "run", "eat", "2"],
            "answer": 4,
            "clip": "gif1",
            "group": "gif1",
            "category": task,
        }
    ]
    assert [(p.row, p.line, p.reason) for p in reading.problems] == [
        (2, 3, "answer-out-of-range"),
        (3, 4, "wrong-column-count"),
    ]


def test_count_is_open_ended_though_its_answer_is_a_number(tmp_path):
    path = write(
        tmp_path,
        "gif_name|question|answer|vid_id|key",
        "gif1|How many times does she nod ?|3|COUNT1|1",
        "gif2|How many times does he wave ?||COUNT2|2",
    )
    reading = read(path)
    assert reading.format == "tgif-qa"
    (row,) = reading.questions.to_rows()
    assert (row["answer"], row["category"], "choices" in row) == ("3", "count", False)
    assert [p.row for p in reading.problems] == [2]


def test_frameqa_is_open_ended_and_its_description_stays_behind(tmp_path):
    path = write(
        tmp_path,
        "gif_name|question|answer|type|vid_id|key|description",
        "gif1|what is on the sofa ?|cat|0|FRAMEQA1|1|LEAK a cat is on the sofa",
        "gif2|how many cats are there ?|two|1|FRAMEQA2|2|LEAK two cats",
        "gif3|what is the color of it ?|red|2|FRAMEQA3|3|LEAK red",
        "gif4|where is it ?|beach|3|FRAMEQA4|4|LEAK beach",
    )
    reading = read(path)
    rows = reading.questions.to_rows()
    assert reading.format == "tgif-qa"
    assert [r["answer"] for r in rows] == ["cat", "two", "red", "beach"]
    assert [r["category"] for r in rows] == ["object", "number", "colour", "location"]
    assert "LEAK" not in json.dumps(reading.questions.table.to_pylist())
    assert not reading.problems
