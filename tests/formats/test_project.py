"""Into a project and out again: every import is a new version, and a row that comes again takes the old one's place."""

from __future__ import annotations

import json

import pytest

from flyreel.errors import InputError
from flyreel.formats.project import import_questions, open_questions
from flyreel.tables import Project


def write(path, *rows):
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def row(id, answer=0, **more):
    return {"id": id, "question": f"Which, {id}?", "choices": ["red", "green"], "answer": answer, "group": id, **more}


def test_an_import_makes_the_project_and_says_what_it_did(tmp_path):
    source, into = write(tmp_path / "a.jsonl", row("1"), row("2", 9), row("3")), tmp_path / "project"
    said = import_questions(source, into, None, None)
    assert said == {
        "project": str(into),
        "format": "canonical",
        "imported": 2,
        "questions": 2,
        "version": 1,
        "problems": [{"row": 2, "line": 2, "reason": "answer-out-of-range", "detail": "9 with 2 choices"}],
    }
    reading = open_questions(into)
    assert (reading.format, reading.questions.to_rows()) == ("project", [row("1"), row("3")])


def test_a_second_import_replaces_rows_of_the_same_id_and_keeps_the_others(tmp_path):
    into = tmp_path / "project"
    import_questions(write(tmp_path / "a.jsonl", row("1"), row("2")), into, None, None)
    said = import_questions(write(tmp_path / "b.jsonl", row("2", 1), row("3")), into, None, None)
    assert (said["imported"], said["questions"], said["version"]) == (2, 3, 2)
    assert {r["id"]: r["answer"] for r in open_questions(into).questions.to_rows()} == {"1": 0, "2": 1, "3": 0}
    first, second = Project(into).table("questions").versions()
    assert (first.parents, second.parents) == ((), ("questions/v1",))
    assert second.stage == "import"
    assert second.parameters == {"source": "b.jsonl", "format": "canonical", "map": None}


def test_an_import_with_a_map_remembers_it(tmp_path):
    (tmp_path / "a.csv").write_text("p,o,g\nWho?,Ann|Ben,B\n")
    import_questions(tmp_path / "a.csv", tmp_path / "project", None, "question=p,choices=o,answer=g")
    (version,) = Project(tmp_path / "project").table("questions").versions()
    assert version.parameters == {"source": "a.csv", "format": "map", "map": "question=p,choices=o,answer=g"}


def test_a_bad_source_makes_no_project(tmp_path):
    with pytest.raises(InputError, match="no usable question"):
        import_questions(write(tmp_path / "a.jsonl", row("1", 9)), tmp_path / "project", None, None)
    assert not (tmp_path / "project").exists()


def test_a_folder_with_other_things_in_it_is_left_alone(tmp_path):
    source, home = write(tmp_path / "a.jsonl", row("1")), tmp_path / "home"
    home.mkdir()
    (home / "letters.txt").touch()
    with pytest.raises(InputError, match="other things in it"):
        import_questions(source, home, None, None)
    assert [p.name for p in home.iterdir()] == ["letters.txt"]
    with pytest.raises(InputError, match="a file stands there"):
        import_questions(source, source, None, None)


def test_a_project_without_questions_says_so(tmp_path):
    (tmp_path / "flyreel.toml").touch()
    with pytest.raises(InputError, match="nothing written there yet"):
        open_questions(tmp_path)


def test_a_bare_file_needs_no_project(tmp_path):
    reading = open_questions(write(tmp_path / "a.jsonl", row("1")))
    assert (reading.format, reading.questions.ids) == ("canonical", ["1"])
