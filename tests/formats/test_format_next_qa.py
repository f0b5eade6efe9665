"""NExT-QA: the CSV's `answer` is a 0-based index whatever the choices say."""

from __future__ import annotations

import pytest

from flyreel.formats.base import read

CSV = """\
video,frame_count,width,height,question,answer,qid,type,a0,a1,a2,a3,a4
401,369,640,480,how do the men play,0,6,CH,roll the handle,tap their feet,strum,hit with sticks,pat
402,369,640,480,how many dogs are there,2,1,DC,2,3,4,5,6
402,369,640,480,why did he fall,7,2,CW,slip,trip,push,jump,sleep
402,369,640,480,what next,1,3,TN,run,run,walk,sit,stand
"""


@pytest.fixture
def path(tmp_path):
    (tmp_path / "val.csv").write_text(CSV)
    return tmp_path / "val.csv"


@pytest.mark.parametrize("name", [None, "next-qa"])
def test_fields_land_where_they_belong(path, name):
    reading = read(path, name)
    assert reading.format == "next-qa"
    assert reading.questions.to_rows()[0] == {
        "id": "401-6",
        "question": "how do the men play",
        "choices": ["roll the handle", "tap their feet", "strum", "hit with sticks", "pat"],
        "answer": 0,
        "clip": "401",
        "group": "401",
        "category": "CH",
    }


def test_an_index_stays_an_index_where_a_choice_reads_the_same(path):
    """`2` is the third choice, "4"; by text it would be the first one."""
    row = read(path).questions.to_rows()[1]
    assert row["choices"][row["answer"]] == "4"


def test_broken_rows_are_named_and_the_others_stay(path):
    reading = read(path)
    assert reading.questions.ids == ["401-6", "402-1"]
    assert [(p.row, p.line, p.reason) for p in reading.problems] == [
        (3, 4, "answer-out-of-range"),
        (4, 5, "duplicate-choices"),
    ]


def test_a_video_asked_twice_under_one_qid_keeps_both_rows(tmp_path):
    path = tmp_path / "val.csv"
    lines = CSV.splitlines()
    path.write_text("\n".join([*lines[:2], lines[1]]))
    assert read(path).questions.ids == ["401-6", "401-6~2"]
