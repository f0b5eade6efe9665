"""Into a project and out again: every import is a new version, and a row that comes again takes the old one's place."""

from __future__ import annotations

import json

import pytest

from flyreel.errors import InputError
from flyreel.formats.project import import_, open_all, open_questions
from flyreel.tables import Project


def write(path, *rows):
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def row(id, answer=0, **more):
    return {"id": id, "question": f"Which, {id}?", "choices": ["red", "green"], "answer": answer, "group": id, **more}


def test_an_import_makes_the_project_and_says_what_it_did(tmp_path):
    source, into = write(tmp_path / "a.jsonl", row("1"), row("2", 9), row("3")), tmp_path / "project"
    said = import_(source, into, None, None)
    assert said == {
        "project": str(into),
        "format": "canonical",
        "imported": 2,
        "questions": 2,
        "version": 1,
        "imported_clips": 0,
        "clips": 0,
        "clips_version": None,
        "problems": [{"row": 2, "line": 2, "reason": "answer-out-of-range", "detail": "9 with 2 choices"}],
    }
    reading = open_questions(into)
    assert (reading.format, reading.questions.to_rows()) == ("project", [row("1"), row("3")])


def test_a_second_import_replaces_rows_of_the_same_id_and_keeps_the_others(tmp_path):
    into = tmp_path / "project"
    import_(write(tmp_path / "a.jsonl", row("1"), row("2")), into, None, None)
    said = import_(write(tmp_path / "b.jsonl", row("2", 1), row("3")), into, None, None)
    assert (said["imported"], said["questions"], said["version"]) == (2, 3, 2)
    assert {r["id"]: r["answer"] for r in open_questions(into).questions.to_rows()} == {"1": 0, "2": 1, "3": 0}
    first, second = Project(into).table("questions").versions()
    assert (first.parents, second.parents) == ((), ("questions/v1",))
    assert second.stage == "import"
    assert second.parameters == {"source": "b.jsonl", "format": "canonical", "map": None}


def test_an_import_with_a_map_remembers_it(tmp_path):
    (tmp_path / "a.csv").write_text("p,o,g\nWho?,Ann|Ben,B\n")
    import_(tmp_path / "a.csv", tmp_path / "project", None, "question=p,choices=o,answer=g")
    (version,) = Project(tmp_path / "project").table("questions").versions()
    assert version.parameters == {"source": "a.csv", "format": "map", "map": "question=p,choices=o,answer=g"}


def test_a_bad_source_makes_no_project(tmp_path):
    with pytest.raises(InputError, match="no usable question"):
        import_(write(tmp_path / "a.jsonl", row("1", 9)), tmp_path / "project", None, None)
    assert not (tmp_path / "project").exists()


def test_a_folder_with_other_things_in_it_is_left_alone(tmp_path):
    source, home = write(tmp_path / "a.jsonl", row("1")), tmp_path / "home"
    home.mkdir()
    (home / "letters.txt").touch()
    with pytest.raises(InputError, match="other things in it"):
        import_(source, home, None, None)
    assert [p.name for p in home.iterdir()] == ["letters.txt"]
    with pytest.raises(InputError, match="a file stands there"):
        import_(source, source, None, None)


def test_a_project_without_questions_says_so(tmp_path):
    (tmp_path / "flyreel.toml").touch()
    with pytest.raises(InputError, match="nothing written there yet"):
        open_questions(tmp_path)


def test_a_bare_file_needs_no_project(tmp_path):
    reading = open_questions(write(tmp_path / "a.jsonl", row("1")))
    assert (reading.format, reading.questions.ids) == ("canonical", ["1"])


CLIP = {"id": "c1", "source": "https://example.org/1", "group": "c1"}


def test_clips_are_a_table_of_their_own_with_versions_of_their_own(tmp_path):
    into = tmp_path / "project"
    import_(write(tmp_path / "q.jsonl", row("1")), into, None, None)
    said = import_(write(tmp_path / "a.jsonl", CLIP, {**CLIP, "id": "c2"}), into, None, None)
    assert {k: v for k, v in said.items() if k not in ("project", "problems")} == {
        "format": "clips",
        "imported": 0,
        "questions": 1,
        "version": 1,
        "imported_clips": 2,
        "clips": 2,
        "clips_version": 1,
    }
    said = import_(write(tmp_path / "b.jsonl", {**CLIP, "split": "test"}), into, "clips", None)
    assert (said["imported_clips"], said["clips"], said["clips_version"], said["version"]) == (1, 2, 2, 1)
    first, second = Project(into).table("clips").versions()
    assert (first.parents, second.parents) == ((), ("clips/v1",))
    assert second.parameters == {"source": "b.jsonl", "format": "clips", "map": None}
    reading, found = open_all(into)
    assert reading.questions.ids == ["1"]
    assert dict(zip(found.clips.ids, found.clips.strings("split"), strict=True)) == {"c1": "test", "c2": ""}


def test_a_source_of_both_writes_both(tmp_path):
    pile = {
        "movie_name": "F", "videoID": "v1", "question": "Why?", "choices": ["a", "b"], "answer_key": "a",
        "movie_scene": "<subtitle> Hi",
    }  # fmt: skip
    said = import_(write(tmp_path / "pile.jsonl", pile), tmp_path / "project", None, None)
    assert (said["format"], said["imported"], said["imported_clips"]) == ("cinepile", 1, 1)
    reading, found = open_all(tmp_path / "project")
    assert reading.questions.strings("clip") == found.clips.ids == ["v1"]


def test_a_project_of_clips_alone_has_no_questions_and_that_is_no_error(tmp_path):
    import_(write(tmp_path / "a.jsonl", CLIP), tmp_path / "project", None, None)
    reading, found = open_all(tmp_path / "project")
    assert (reading, found.clips.ids) == (None, ["c1"])
    with pytest.raises(InputError, match="nothing written there yet"):
        open_questions(tmp_path / "project")


def test_with_a_map_a_file_is_questions_whatever_it_looks_like(tmp_path):
    path = write(tmp_path / "a.jsonl", {**CLIP, "ask": "Who?", "gold": "me"})
    reading, found = open_all(path, None, "question=ask,answer=gold")
    assert (reading.questions.texts, found) == (["Who?"], None)


def test_a_project_is_no_source(tmp_path):
    import_(write(tmp_path / "a.jsonl", CLIP), tmp_path / "project", None, None)
    with pytest.raises(InputError, match="a project already"):
        import_(tmp_path / "project", tmp_path / "other", None, None)
    assert not (tmp_path / "other").exists()
