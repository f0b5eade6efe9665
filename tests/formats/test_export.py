"""What all exporters share: whole or not at all, nobody's folder but their own, and every loss told."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from flyreel.clips import Clips
from flyreel.errors import InputError
from flyreel.formats import export
from flyreel.formats.base import read
from flyreel.formats.export import MADE, Parcel, exporter, exporters
from flyreel.questions import Questions

CHOSEN = {"id": "q1", "question": "Which?", "choices": ["red", "green"], "answer": 1, "clip": "c1"}
OPEN = {"id": "q2", "question": "Who?", "answer": "3", "clip": "c1"}
MANY = {"id": "q3", "question": "Which?", "choices": [str(n) for n in range(30)], "answer": 7}


def parcel(*rows: dict[str, Any]) -> Parcel:
    return Parcel("mine", "Mine", Questions.from_rows(rows), Clips.from_rows([]), source="mine.jsonl")


Register = Callable[..., None]


@pytest.fixture
def registered() -> Iterator[Register]:
    """Makes an exporter called `probe` for one test."""
    exporters.names()

    def register(write: Callable[[Parcel, Path], Sequence[str]], **facts: Any) -> None:
        exporter("probe", **{"holds": (), **facts})(write)

    yield register
    exporters._entries.pop("probe", None)


def a_file(parcel: Parcel, path: Path) -> Sequence[str]:
    path.write_text(" ".join(parcel.questions.ids))
    return ["said"]


def a_folder(parcel: Parcel, folder: Path) -> Sequence[str]:
    for id in parcel.questions.ids:
        (folder / id).write_text(id)
    return ()


def half_way(parcel: Parcel, path: Path) -> Sequence[str]:
    (path / "half" if path.is_dir() else path).write_text("half")
    raise KeyboardInterrupt


def everything(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def test_a_file_is_written_with_what_a_person_should_know(tmp_path: Path, registered: Register) -> None:
    registered(a_file, suffix=".txt")
    done = export.write("probe", parcel(CHOSEN), tmp_path / "new" / "x.txt")
    assert (tmp_path / "new" / "x.txt").read_text() == "q1"
    assert done.json() == {
        "format": "probe", "out": str(tmp_path / "new" / "x.txt"), "questions": 1,
        "files": [str(tmp_path / "new" / "x.txt")], "lost": {"clip": 1}, "left_out": [], "notes": ["said"],
    }  # fmt: skip


def test_what_does_not_fit_is_left_out_by_id_and_reason(tmp_path: Path, registered: Register) -> None:
    registered(a_file, suffix=".txt")
    done = export.write("probe", parcel(CHOSEN, OPEN, MANY), tmp_path / "x.txt")
    assert done.questions == 1
    assert done.left_out == [("q2", "open-ended"), ("q3", "too-many-choices")]
    assert (tmp_path / "x.txt").read_text() == "q1", "the writer must not see what the target cannot hold"


def test_where_nothing_fits_nothing_is_written(tmp_path: Path, registered: Register) -> None:
    registered(a_file, suffix=".txt")
    with pytest.raises(InputError, match=r"none of the 2 questions: open-ended \(1\), too-many-choices \(1\)"):
        export.write("probe", parcel(OPEN, MANY), tmp_path / "x.txt")
    assert everything(tmp_path) == []


def test_lost_fields_are_counted_over_what_is_written_and_a_group_that_is_the_clip_is_not_lost(
    tmp_path: Path, registered: Register
) -> None:
    registered(a_file, suffix=".txt", holds=("clip",))
    rows = [
        CHOSEN,
        {**CHOSEN, "id": "q4", "group": "film", "category": "colour"},
        {**OPEN, "category": "left out, so not lost"},
    ]
    assert export.write("probe", parcel(*rows), tmp_path / "x.txt").lost == {"group": 1, "category": 1}


def test_a_folder_of_its_own_is_replaced_whole(tmp_path: Path, registered: Register) -> None:
    registered(a_folder)
    out = tmp_path / "out"
    export.write("probe", parcel(CHOSEN, MANY | {"choices": ["a", "b"], "answer": 0}), out)
    assert everything(out) == [MADE, "q1", "q3"]
    done = export.write("probe", parcel(CHOSEN), out)
    assert everything(out) == [MADE, "q1"], "what an earlier export wrote must not stay among the new"
    assert done.files == [out / MADE, out / "q1"]
    told = json.loads((out / MADE).read_text())
    assert (told["format"], told["source"], told["lost"]) == ("probe", "mine.jsonl", {"clip": 1})
    assert told["files"] == ["q1"]


def test_a_folder_with_other_things_in_it_is_left_alone(tmp_path: Path, registered: Register) -> None:
    registered(a_folder)
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match="a folder with other things in it; name a new one"):
        export.write("probe", parcel(CHOSEN), tmp_path / "theirs")
    assert everything(tmp_path) == ["theirs/thesis.txt"]


@pytest.mark.parametrize(
    "marker",
    [
        "{}", "[]", "", "not JSON", '{"flyreel": "1", "format": "probe"}', '{"flyreel": "1", "files": ["thesis.tex"]}',
        '{"flyreel": "1", "format": "probe", "files": "thesis.tex"}',
    ],
)  # fmt: skip
def test_a_file_called_as_ours_does_not_make_a_folder_ours(tmp_path: Path, registered: Register, marker: str) -> None:
    registered(a_folder)
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / MADE).write_text(marker)
    (theirs / "thesis.tex").write_text("years of work")
    with pytest.raises(InputError, match="a folder with other things in it"):
        export.write("probe", parcel(CHOSEN), theirs)
    assert (theirs / "thesis.tex").read_text() == "years of work"


@pytest.mark.parametrize("name", ["thesis.tex", "data/notes.md", ".hidden", "q1.bak"])
def test_what_somebody_put_into_a_folder_of_ours_keeps_it_from_being_replaced(
    tmp_path: Path, registered: Register, name: str
) -> None:
    registered(a_folder)
    out = tmp_path / "out"
    export.write("probe", parcel(CHOSEN), out)
    (out / name).parent.mkdir(exist_ok=True)
    (out / name).write_text("years of work")
    with pytest.raises(InputError, match=rf"out: a folder with other things in it \({name}\); name a new one"):
        export.write("probe", parcel(CHOSEN), out)
    assert (out / name).read_text() == "years of work"
    assert (out / "q1").is_file()


def test_what_is_put_there_while_the_export_runs_is_kept_too(tmp_path: Path, registered: Register) -> None:
    def slow(parcel: Parcel, folder: Path) -> Sequence[str]:
        (tmp_path / "out").mkdir(exist_ok=True)
        (tmp_path / "out" / "thesis.tex").write_text("years of work")
        return a_folder(parcel, folder)

    registered(slow)
    with pytest.raises(InputError, match="a folder with other things in it"):
        export.write("probe", parcel(CHOSEN), tmp_path / "out")
    assert everything(tmp_path) == ["out/thesis.tex"]


def test_what_python_leaves_beside_code_that_was_run_is_nobodys(tmp_path: Path, registered: Register) -> None:
    registered(a_folder)
    out = tmp_path / "out"
    export.write("probe", parcel(CHOSEN), out)
    (out / "__pycache__").mkdir()
    (out / "__pycache__" / "utils.cpython-311.pyc").write_bytes(b"code")
    export.write("probe", parcel(CHOSEN), out)
    assert everything(out) == [MADE, "q1"]


def test_a_link_to_an_earlier_export_stays_a_link(tmp_path: Path, registered: Register) -> None:
    registered(a_folder)
    export.write("probe", parcel(CHOSEN), tmp_path / "far" / "out")
    (tmp_path / "link").symlink_to(tmp_path / "far" / "out")
    done = export.write("probe", parcel({**CHOSEN, "id": "q9"}), tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert everything(tmp_path / "far") == [f"out/{MADE}", "out/q9"]
    assert done.files == [tmp_path / "link" / MADE, tmp_path / "link" / "q9"]
    (tmp_path / "set.csv").symlink_to(tmp_path / "far" / "set.csv")
    export.write("csv", parcel(CHOSEN), tmp_path / "set.csv")
    assert (tmp_path / "set.csv").is_symlink()
    assert read(tmp_path / "far" / "set.csv").questions.ids == ["q1"]


@pytest.mark.parametrize("format", ["probe", "csv"])
def test_a_link_to_itself_is_one_line(tmp_path: Path, registered: Register, format: str) -> None:
    registered(a_folder)
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(InputError, match="loop: cannot write"):
        export.write(format, parcel(CHOSEN), tmp_path / "loop")


def test_the_folder_that_one_is_in_is_filled_and_not_swapped(
    tmp_path: Path, registered: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shell there would go on seeing the folder of before, and nothing in it."""
    registered(a_folder)
    (tmp_path / "out").mkdir()
    monkeypatch.chdir(tmp_path / "out")
    before = Path().stat().st_ino
    done = export.write("probe", parcel(CHOSEN), Path())
    assert everything(tmp_path) == [f"out/{MADE}", "out/q1"]
    assert (tmp_path / "out").stat().st_ino == before
    assert done.files == [Path(MADE), Path("q1")]
    with pytest.raises(InputError, match="the folder that you are in cannot be replaced; go one up"):
        export.write("probe", parcel(CHOSEN), Path())


def test_a_pipe_or_a_device_is_left_alone(tmp_path: Path) -> None:
    """A pipe stands for both: a failing test must not put a file in the place of a device."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="a device or a pipe; name a file"):
        export.write("csv", parcel(CHOSEN), tmp_path / "pipe")
    assert (tmp_path / "pipe").is_fifo()


def test_a_nul_character_leaves_out_the_question_only_where_it_cannot_be_held(
    tmp_path: Path, registered: Register
) -> None:
    rows = [
        {**CHOSEN, "id": "a", "choices": ["x\0", "y"]}, {**CHOSEN, "id": "b", "rationale": "\0"},
        {**CHOSEN, "id": "c", "meta": {"k": "\0"}}, {**CHOSEN, "id": "d", "clip": "\0"}, {**CHOSEN, "id": "e"},
    ]  # fmt: skip
    registered(a_file, suffix=".txt", holds=("clip",), nul=False)
    done = export.write("probe", parcel(*rows), tmp_path / "x.txt")
    assert done.left_out == [("a", "nul-character"), ("d", "nul-character")], "a field that is lost anyway is no reason"
    assert export.write("canonical", parcel(*rows), tmp_path / "x.jsonl").left_out == []
    assert len(read(tmp_path / "x.jsonl").questions) == 5


def test_the_rows_are_made_once() -> None:
    made = parcel(CHOSEN)
    assert made.rows is made.rows


def test_a_folder_where_a_file_should_be_and_the_reverse(tmp_path: Path, registered: Register) -> None:
    registered(a_folder)
    (tmp_path / "file").write_text("theirs")
    with pytest.raises(InputError, match="a file stands there; this format is a folder"):
        export.write("probe", parcel(CHOSEN), tmp_path / "file")
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match="a folder stands there; name a file"):
        export.write("csv", parcel(CHOSEN), tmp_path / "folder")
    assert everything(tmp_path) == ["file"]


@pytest.mark.parametrize("suffix", [".txt", ""])
def test_a_writer_that_stops_half_way_leaves_the_old_and_no_rubbish(
    tmp_path: Path, registered: Register, suffix: str
) -> None:
    registered(a_file if suffix else a_folder, suffix=suffix)
    export.write("probe", parcel(CHOSEN), tmp_path / "out")
    before = everything(tmp_path)
    exporters._entries.pop("probe")
    registered(half_way, suffix=suffix)
    with pytest.raises(KeyboardInterrupt):
        export.write("probe", parcel(CHOSEN), tmp_path / "out")
    assert everything(tmp_path) == before
    assert (tmp_path / "out" if suffix else tmp_path / "out" / "q1").read_text() == "q1"


KILLED = """
import os, signal
from pathlib import Path
from flyreel.cli.main import run as flyreel
from flyreel.clips import Clips
from flyreel.formats.export import Parcel, exporter, exporters, write
from flyreel.questions import Questions
exporters.names()
@exporter("probe", holds=(), suffix={suffix!r})
def probe(parcel, path):
    (path / "half" if path.is_dir() else path).write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
row = {{"id": "q", "question": "?", "choices": ["a", "b"], "answer": 0}}
write("probe", Parcel("m", "m", Questions.from_rows([row]), Clips.from_rows([])), Path({out!r}))
"""


@pytest.mark.parametrize("suffix", [".txt", ""])
def test_a_writer_that_is_killed_half_way_leaves_the_old(tmp_path: Path, registered: Register, suffix: str) -> None:
    registered(a_file if suffix else a_folder, suffix=suffix)
    export.write("probe", parcel(CHOSEN), tmp_path / "out")
    code = KILLED.format(suffix=suffix, out=str(tmp_path / "out"))
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -signal.SIGKILL
    assert (tmp_path / "out" if suffix else tmp_path / "out" / "q1").read_text() == "q1"
    if not suffix:
        assert everything(tmp_path / "out") == [MADE, "q1"]
