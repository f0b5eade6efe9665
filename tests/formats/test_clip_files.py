"""Where the clips of a set of questions are found, and that an id which is no path does no harm."""

from __future__ import annotations

from pathlib import Path

import pytest

from flyreel.clips import Clips
from flyreel.formats.clip_files import files, known
from flyreel.questions import Questions
from flyreel.tables import Project, write_jsonl


def asked(*clips: str | None) -> Questions:
    rows = [
        {"id": f"q{i}", "question": f"What happens in {i}?", "choices": ["a", "b"], "answer": 0, "clip": clip}
        for i, clip in enumerate(clips)
    ]
    return Questions.from_rows(rows)


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "clips").mkdir()
    for name in ("one.mp4", "two.mp4"):
        (tmp_path / "clips" / name).write_bytes(b"a film")
    return tmp_path


def found(questions: Questions, here: Path, project: Project | None = None) -> dict[str, str]:
    return files(questions, here / "questions.jsonl", project)


def test_by_the_list_beside_the_file(here: Path) -> None:
    rows = [{"id": "A", "path": "clips/one.mp4"}, {"id": "B", "path": "clips/gone.mp4"},
            {"id": "C", "path": "clips/two.mp4"}, {"id": "D", "source": "https://example.org/d.mp4"}]  # fmt: skip
    write_jsonl(here / "clips.jsonl", rows)
    assert found(asked("A", "A", "B", "D", None), here) == {"A": str(here / "clips" / "one.mp4")}, (
        "only clips that are asked about and whose file is there"
    )


def test_by_the_table_of_the_project(here: Path) -> None:
    (here / "p").mkdir()
    project = Project(here / "p")
    assert found(asked("A"), here, project) == {}, "a project without clips"
    rows = [{"id": "A", "path": str(here / "clips" / "one.mp4")}, {"id": "B", "source": "https://example.org/b"}]
    project.table("clips").write(Clips.from_rows(rows).table, stage="import", parameters={})
    assert found(asked("A", "B"), here, project) == {"A": str(here / "clips" / "one.mp4")}


def test_by_an_id_that_is_a_path_below_the_folder(here: Path) -> None:
    (here / "clips" / "LOUD.WEBM").write_bytes(b"a film")
    assert found(asked("clips/one.mp4", "clips/../clips/two.mp4", "clips/LOUD.WEBM"), here) == {
        "clips/one.mp4": str(here / "clips" / "one.mp4"),
        "clips/../clips/two.mp4": str(here / "clips" / "two.mp4"),
        "clips/LOUD.WEBM": str(here / "clips" / "LOUD.WEBM"),
    }


def test_a_question_opens_no_file_but_a_video_below_its_own_folder(here: Path) -> None:
    """What is found is shown to models and packed into what is given away: a set must not reach for a key or a film
    that lies elsewhere."""
    (here / "set").mkdir()
    (here / "set" / "notes.txt").write_text("private")
    (here / "set" / "key").write_text("private")
    (here / "set" / "link.mp4").symlink_to(here / "clips" / "one.mp4")
    (here / "set" / "out").symlink_to(here / "clips")
    (here / "set" / "mine.mp4").write_bytes(b"a film")
    names = ["/etc/passwd", "notes.txt", "key", "../clips/one.mp4", "link.mp4", "out/one.mp4", "mine.mp4"]
    names.append(str(here / "clips" / "one.mp4"))
    names.append(str(here / "set" / "mine.mp4"))
    assert files(asked(*names), here / "set" / "q.jsonl", None).keys() == {"mine.mp4"}


def test_a_list_that_a_person_keeps_may_point_anywhere(here: Path) -> None:
    (here / "set").mkdir()
    rows = [{"id": "A", "path": "../clips/one.mp4"}, {"id": "B", "path": str(here / "clips" / "two.mp4")}]
    write_jsonl(here / "set" / "clips.jsonl", rows)
    found = files(asked("A", "B"), here / "set" / "q.jsonl", None)
    assert found == {"A": str(here / "clips" / "one.mp4"), "B": str(here / "clips" / "two.mp4")}


def test_the_list_comes_before_the_name(here: Path) -> None:
    write_jsonl(here / "clips.jsonl", [{"id": "clips/one.mp4", "path": "clips/two.mp4"}])
    assert found(asked("clips/one.mp4"), here) == {"clips/one.mp4": str(here / "clips" / "two.mp4")}


@pytest.mark.parametrize("text", ["", "not a list\n", '{"id": "A"}\n', '{"question": "?", "id": 1}\n', "\0\0\0"])
def test_a_list_that_cannot_be_read_stops_nothing_and_is_told(here: Path, text: str) -> None:
    (here / "clips.jsonl").write_text(text)
    told = known(asked("clips/one.mp4", "A"), here / "questions.jsonl", None)
    assert told.files.keys() == {"clips/one.mp4"}
    (line,) = told.problems
    assert line.startswith(f"no clip is known from the list beside it: {here / 'clips.jsonl'}: ")
    assert "\n" not in line


def test_rows_of_the_list_that_cannot_be_read_are_counted(here: Path) -> None:
    (here / "clips.jsonl").write_text('{"id": "A", "path": "clips/one.mp4"}\n{"id": "B", "path": ?}\n{"id": "C"}\n')
    told = known(asked("A", "B"), here / "questions.jsonl", None)
    assert told.files.keys() == {"A"}
    (line,) = told.problems
    assert line.startswith(f"{here / 'clips.jsonl'}: 2 of its rows cannot be read, first row 2: not-json: ")


def test_no_list_is_no_problem(here: Path) -> None:
    assert known(asked("A"), here / "questions.jsonl", None).problems == []


HARMLESS = [
    "a\nb", "a\0b", "x" * 10_000, "y/" * 5_000, "..", "/", ".", " ", "~", "~nobody", "//", "clips", "clips/",
    "../../../../../../..", "谁在跳", "CON", "a b.mp4", "%s%s", "/dev/null", "/dev/zero", "https://example.org/a.mp4",
]  # fmt: skip


@pytest.mark.parametrize("id", HARMLESS, ids=[repr(h[:20]) for h in HARMLESS])
def test_an_id_that_is_no_file_is_not_found_and_stops_nothing(here: Path, id: str) -> None:
    assert found(asked(id, "clips/one.mp4"), here).keys() == {"clips/one.mp4"}


def test_a_link_that_leads_to_itself_stops_nothing(here: Path) -> None:
    (here / "loop").symlink_to(here / "loop")
    assert found(asked("loop", "clips/one.mp4"), here).keys() == {"clips/one.mp4"}
