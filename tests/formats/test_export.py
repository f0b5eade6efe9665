"""What all exporters share: whole or not at all, nobody's folder but their own, and every loss told."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from flyreel.clips import Clips
from flyreel.errors import InputError
from flyreel.formats import export
from flyreel.formats.base import read
from flyreel.formats.export import MADE, Parcel, exporter, exporters
from flyreel.formats.exporting import Request, plain_name, run
from flyreel.questions import Questions
from flyreel.tables import write_jsonl

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


def test_a_folder_with_other_things_in_it_is_left_alone(tmp_path: Path, registered: Register) -> None:
    registered(a_folder)
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match="a folder with other things in it; name a new one"):
        export.write("probe", parcel(CHOSEN), tmp_path / "theirs")
    assert everything(tmp_path) == ["theirs/thesis.txt"]


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


WORD = st.text(st.characters(exclude_categories=("Cs", "Cc", "Z")), min_size=1, max_size=8)
NAME = st.lists(WORD, min_size=1, max_size=2).map(" ".join)
LINES = st.builds(
    lambda parts, between: between.join(parts),
    st.lists(
        WORD | st.sampled_from(['"', "'", ",", "=1+1", "-3", "+", "@a", "[1]", "{}", "3"]), min_size=1, max_size=3
    ),
    st.sampled_from(["\n", "\r\n", "\r", "\t", ", ", '"', "\u2028"]),
)
SECONDS = st.floats(0, 1e4, allow_nan=False)
SPAN = st.tuples(SECONDS, SECONDS).map(lambda t: {"start": min(t), "end": max(t)})
CUE = st.builds(
    lambda span, kind, text, more: {**span, "kind": kind, "text": text, **more},
    SPAN,
    st.sampled_from(["dialogue", "description"]),
    LINES,
    st.sampled_from([{}, {"speaker": "Ann"}]),
)
ANY = st.one_of(st.integers(), st.booleans(), st.none(), LINES, st.lists(LINES, max_size=2))
OPTIONAL = {
    "clip": NAME,
    "split": NAME,
    "category": NAME,
    "rationale": NAME,
    "template": NAME,
    "parent": NAME,
    "cues": st.lists(CUE, min_size=1, max_size=2),
    "evidence": st.lists(SPAN, min_size=1, max_size=2),
    "origin": st.fixed_dictionaries({"name": NAME}, optional={"model": NAME, "parameters": st.dictionaries(NAME, ANY)}),
    "round": st.integers(1, 9),
    "meta": st.dictionaries(NAME, ANY, min_size=1, max_size=2),
}


@st.composite
def questions(draw: st.DrawFn) -> dict[str, Any]:
    row = draw(st.fixed_dictionaries({"id": NAME, "question": LINES, "group": NAME}, optional=OPTIONAL))
    if draw(st.booleans()):
        choices = draw(st.lists(LINES, min_size=2, max_size=5, unique=True))
        return {**row, "choices": choices, "answer": draw(st.integers(0, len(choices) - 1))}
    return {**row, "answer": draw(LINES.filter(lambda text: text.lower() != "nan"))}


HARD = {"id": "0", "question": "q", "group": "g", "choices": ["1", "0", "2"], "answer": 0}


@pytest.mark.parametrize("format", ["canonical", "csv", "huggingface", "webdataset"])
@given(rows=st.lists(questions(), min_size=1, max_size=4, unique_by=lambda row: row["id"]))
@example(rows=[HARD, {**HARD, "id": "1", "answer": 2}])
@example(rows=[{"id": "1", "question": "How many?", "group": "g", "answer": "3"}, HARD])
@example(rows=[{**HARD, "split": "dev/test"}, {**HARD, "id": "1", "split": "dev test"}, {**HARD, "id": "2"}])
@settings(max_examples=40, deadline=None)
def test_a_format_that_holds_everything_reads_back_equal(
    tmp_path_factory: pytest.TempPathFactory, format: str, rows: list[dict[str, Any]]
) -> None:
    written = write_jsonl(tmp_path_factory.mktemp("export") / "rows.jsonl", rows)
    first = read(written)
    out = written.with_name("out")
    done, _ = run(Request(to=format, file=written, out=out))
    again = read(out)
    assert (first.problems, again.problems) == ([], [])
    assert (done.lost, done.left_out) == ({}, [])
    by_id = lambda row: row["id"]  # noqa: E731 - a shard holds the questions of a clip together, a split those of a split
    assert sorted(again.questions.to_rows(), key=by_id) == sorted(first.questions.to_rows(), key=by_id)
    if format in ("canonical", "csv"):
        assert again.questions.ids == first.questions.ids


def test_without_a_name_it_is_called_after_the_source_and_never_overwrites_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_jsonl(tmp_path / "set.jsonl", [CHOSEN])
    assert run(Request(to="canonical", file=Path("set.jsonl")))[0].out == Path("set.canonical.jsonl")
    assert run(Request(to="csv", file=Path("set.jsonl")))[0].out == Path("set.csv")
    with pytest.raises(InputError, match=r"set\.csv is the file that is read; name another with --out"):
        run(Request(to="csv", file=Path("set.csv")))


def test_only_one_split_is_written_where_one_is_named(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "set.jsonl", [{**CHOSEN, "split": "test"}, {**MANY, "split": "val"}])
    run(Request(to="csv", file=path, out=tmp_path / "x.csv", split="test"))
    assert read(tmp_path / "x.csv").questions.ids == ["q1"]
    with pytest.raises(InputError, match=r"no question is in split 'tset'\. Did you mean test\?"):
        run(Request(to="csv", file=path, out=tmp_path / "x.csv", split="tset"))


@pytest.mark.parametrize(
    ("given", "word"), [("next qa-val.v2", "next_qa_val_v2"), ("2nd set", "set_2nd_set"), ("質問", "questions")]
)
def test_a_name_is_a_word_that_code_can_use(given: str, word: str) -> None:
    assert plain_name(given) == word
