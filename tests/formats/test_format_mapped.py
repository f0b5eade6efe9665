"""--map: any columns, named by the user."""

from __future__ import annotations

import json

import pytest

from flyreel.errors import InputError
from flyreel.formats.base import read
from flyreel.formats.mapped import parse_map


def write(path, text):
    path.write_text(text)
    return path


def test_several_choice_columns_joined_by_plus(tmp_path):
    path = write(
        tmp_path / "x.csv",
        "prompt,opt_a,opt_b,opt_c,gold,film,n\n"
        "Who runs?,Ann,Ben,Cat,B,One,1\n"
        "Who sits?,Ann,Ben,,1,Two,2\n"
        "Who sings?,Ann,,Cat,0,Two,3\n"
        "Who?,Ann,Ben,Cat,Dan,Two,4\n",
    )
    reading = read(path, map=parse_map("question=prompt,choices=opt_a+opt_b+opt_c,answer=gold,group=film,id=n"))
    assert reading.format == "map"
    assert reading.questions.to_rows() == [
        {"id": "1", "question": "Who runs?", "choices": ["Ann", "Ben", "Cat"], "answer": 1, "group": "One"},
        {"id": "2", "question": "Who sits?", "choices": ["Ann", "Ben"], "answer": 1, "group": "Two"},
    ]
    assert [(p.row, p.reason) for p in reading.problems] == [(3, "empty-choice"), (4, "answer-not-among-choices")]


@pytest.mark.parametrize(
    "cell", ["Ann | Ben|Cat", '["Ann", "Ben", "Cat"]', "['Ann', 'Ben', 'Cat']"], ids=["bars", "json", "python"]
)
def test_one_choice_column_that_holds_a_list(tmp_path, cell):
    path = write(tmp_path / "x.tsv", f"prompt\topts\tgold\nWho runs?\t{cell}\tben\nWho sits?\tAnn\t0\n")
    reading = read(path, map={"question": "prompt", "choices": "opts", "answer": "gold"})
    (row,) = reading.questions.to_rows()
    assert (row["choices"], row["answer"]) == (["Ann", "Ben", "Cat"], 1)
    assert [(p.row, p.line, p.reason) for p in reading.problems] == [(2, 3, "one-choice")]


def test_a_json_list_column(tmp_path):
    rows = [{"p": "Who?", "o": ["Ann", "Ben"], "g": 1}, {"p": "Who?", "o": None, "g": 1}]
    path = write(tmp_path / "x.jsonl", "\n".join(map(json.dumps, rows)))
    reading = read(path, map={"question": "p", "choices": "o", "answer": "g"})
    assert reading.questions.to_rows()[0]["choices"] == ["Ann", "Ben"]
    assert [(p.row, p.reason) for p in reading.problems] == [(2, "no-choices")]


def test_without_a_choices_column_the_questions_are_open_ended(tmp_path):
    path = write(tmp_path / "x.csv", "p,g\nWho?,a man\nHow many?,3\n")
    rows = read(path, map={"question": "p", "answer": "g"}).questions.to_rows()
    assert [(r["answer"], "choices" in r) for r in rows] == [("a man", False), ("3", False)]


def test_a_column_that_is_not_there_is_one_line_with_what_was_meant(tmp_path):
    path = write(tmp_path / "x.csv", "prompt,gold\nWho?,a man\n")
    with pytest.raises(InputError, match=r"no column 'promt'\. Did you mean prompt\?"):
        read(path, map={"question": "promt", "answer": "gold"})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("question", "is not FIELD=COLUMN"),
        ("question=", "is not FIELD=COLUMN"),
        ("queston=a,answer=b", "no field 'queston'. Did you mean question"),
        ("question=a", "no answer"),
        ("choices=a", "no question and no answer"),
    ],
)
def test_mistakes_in_the_map_are_named(text, message):
    with pytest.raises(InputError, match=message):
        parse_map(text)


def test_map_allows_spaces_around_its_signs():
    assert parse_map("question = a , answer=b") == {"question": "a", "answer": "b"}
