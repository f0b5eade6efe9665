"""Where the clips of a set of questions are found, and that an id which is no path does no harm."""

from __future__ import annotations

from pathlib import Path

import pytest

from flyreel.clips import Clips
from flyreel.formats.clip_files import files
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


def test_by_an_id_that_is_a_path(here: Path) -> None:
    whole = str(here / "clips" / "two.mp4")
    assert found(asked("clips/one.mp4", whole), here) == {
        "clips/one.mp4": str(here / "clips" / "one.mp4"),
        whole: whole,
    }


def test_the_list_comes_before_the_name(here: Path) -> None:
    write_jsonl(here / "clips.jsonl", [{"id": "clips/one.mp4", "path": "clips/two.mp4"}])
    assert found(asked("clips/one.mp4"), here) == {"clips/one.mp4": str(here / "clips" / "two.mp4")}


@pytest.mark.parametrize("text", ["", "not a list\n", '{"id": "A"}\n', '{"question": "?", "id": 1}\n', "\0\0\0"])
def test_another_file_of_that_name_is_passed_by(here: Path, text: str) -> None:
    (here / "clips.jsonl").write_text(text)
    assert found(asked("clips/one.mp4", "A"), here).keys() == {"clips/one.mp4"}


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
