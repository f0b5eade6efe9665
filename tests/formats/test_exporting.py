"""What goes around an exporter: what is read, what it is called, what is told, and what is never written over."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from flyreel.cli.main import run as flyreel
from flyreel.errors import InputError
from flyreel.formats.base import read
from flyreel.formats.export import MADE, exporters
from flyreel.formats.exporting import Request, plain_name, run
from flyreel.tables import write_jsonl

CHOSEN = {"id": "q1", "question": "Which?", "choices": ["red", "green"], "answer": 1, "clip": "c1"}
OPEN = {"id": "q2", "question": "Who?", "answer": "3", "clip": "c1"}
MANY = {"id": "q3", "question": "Which?", "choices": [str(n) for n in range(30)], "answer": 7}


def everything(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


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
    return {**row, "answer": draw(LINES.filter(lambda text: text.strip().lower() != "nan"))}


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
    with pytest.raises(InputError, match=r"set\.canonical\.jsonl is there already; to replace it, name it with --out"):
        run(Request(to="canonical", file=Path("set.jsonl")))
    with pytest.raises(InputError, match=r"set\.csv is what is read; name another with --out"):
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


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_jsonl(tmp_path / "set.jsonl", [{**CHOSEN, "split": "test"}, {**CHOSEN, "id": "q2", "split": "val"}])


@pytest.mark.parametrize("link", ["", "symlink", "hardlink"])
def test_what_is_read_is_never_what_is_written(source: Path, link: str) -> None:
    before, out = source.read_text(), source
    if link:
        out = source.with_name("other.jsonl")
        (out.symlink_to if link == "symlink" else out.hardlink_to)(source)
    with pytest.raises(InputError, match="is what is read; name another with --out"):
        run(Request(to="canonical", file=source, out=out, split="test"))
    assert source.read_text() == before


def test_a_folder_that_is_read_is_not_replaced_by_a_part_of_itself(source: Path) -> None:
    hub = source.with_name("hub")
    run(Request(to="huggingface", file=source, out=hub))
    before = everything(hub)
    with pytest.raises(InputError, match="is what is read"):
        run(Request(to="huggingface", file=hub, out=hub, split="test"))
    with pytest.raises(InputError, match="is the folder of what is read"):
        run(Request(to="webdataset", file=hub / "data" / "test-00000-of-00001.parquet", out=hub))
    assert everything(hub) == before


def test_stdout_is_refused(source: Path) -> None:
    with pytest.raises(InputError, match="-o -: an export is a file or a folder and is not written to stdout"):
        run(Request(to="csv", file=source, out=Path("-")))


def test_a_source_whose_name_is_not_utf8(tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    odd = source.rename(tmp_path / "caf\udce9.jsonl")
    for format in exporters.names():
        done, _ = run(Request(to=format, file=odd))
        json.dumps(done.json(), ensure_ascii=False).encode()
    assert json.loads(Path("caf?.webdataset", MADE).read_text())["source"] == "caf?.jsonl"


@pytest.mark.parametrize(
    ("format", "unused"),
    [
        ("csv", ["name", "title", "licence"]),
        ("huggingface", ["name"]),
        ("webdataset", ["title", "licence"]),
        ("lmms-eval", []),
    ],
)
def test_what_is_said_of_the_set_and_not_written_is_told(source: Path, format: str, unused: list[str]) -> None:
    asked = Request(
        to=format, file=source, out=source.with_name("out"), name="probe_name", title="Set", licence="cc-by-4.0"
    )
    told = [line for line in run(asked)[0].notes if line.endswith("has no place for it")]
    assert told == [f"--{name} is not written: {format} has no place for it" for name in unused]
    again = Request(to=format, file=source, out=source.with_name("again"))
    assert not any("no place for it" in line for line in run(again)[0].notes)


def test_a_list_of_clips_that_cannot_be_read_is_told(source: Path) -> None:
    source.with_name("clips.jsonl").write_text("not a list\n")
    notes = run(Request(to="csv", file=source, out=source.with_name("x.csv")))[0].notes
    assert notes[0].startswith("no clip is known from the list beside it: ")


@pytest.mark.parametrize("clip", ["/etc/passwd", "secret.key", "../secret.key"])
def test_no_file_is_packed_because_a_question_names_it(tmp_path: Path, clip: str) -> None:
    for folder in (tmp_path, tmp_path / "set"):
        folder.mkdir(exist_ok=True)
        (folder / "secret.key").write_text("private")
    path = write_jsonl(tmp_path / "set" / "set.jsonl", [{**CHOSEN, "clip": clip}])
    done, _ = run(Request(to="webdataset", file=path, out=tmp_path / "out"))
    with tarfile.open(next(f for f in done.files if f.suffix == ".tar")) as tar:
        assert [Path(name).suffix for name in tar.getnames()] == [".json"]


@pytest.mark.parametrize(
    ("format", "file", "line"),
    [
        ("CSV", "set.jsonl", r"CSV: no such export format\. Did you mean csv\?"),
        ("hf", "set.jsonl", r"hf: no such export format\. Did you mean huggingface\?"),
        ("set.jsonl", "csv", r"set\.jsonl: the format comes first: flyreel export csv set\.jsonl"),
    ],
)
def test_a_format_that_is_not_there_is_answered_with_the_one_that_was_meant(format: str, file: str, line: str) -> None:
    with pytest.raises(InputError, match=line):
        run(Request(to=format, file=Path(file)))


def test_one_question_is_called_one_and_an_odd_name_can_be_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_jsonl(tmp_path / "set.jsonl", [CHOSEN, {**CHOSEN, "id": "q2", "question": "a\0b"}, {"id": "q3"}])
    words = ["export", "csv", str(path), "-o", str(tmp_path / "x\udce9.csv")]
    assert flyreel(words) == 0
    out, err = capsys.readouterr()
    assert out == f"1 question as csv: {tmp_path}/x?.csv\n  left out   1 question: nul-character\n"
    assert err == f"  1 broken row not read; flyreel audit {path} names them\n"
    assert flyreel([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["files"] == [f"{tmp_path}/x?.csv"]
