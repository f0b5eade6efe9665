"""Versions on disk: immutable, appended, and whole whatever dies in between."""

from __future__ import annotations

import json
import threading

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flyreel import tables
from flyreel.errors import InputError
from flyreel.tables import Project, Table, atomic, writable, write_jsonl, write_parquet, write_text


def numbers(*values):
    return pa.table({"n": pa.array(values, pa.int64())})


def contents(folder):
    return {p.name: p.read_bytes() for p in folder.iterdir()}


def leftovers(folder):
    return [p.name for p in folder.iterdir() if p.name.endswith(".tmp")]


def test_a_new_version_leaves_every_byte_of_the_old_one(tmp_path):
    table = Table(tmp_path / "questions")
    first = table.write(numbers(1, 2), stage="import", parameters={})
    before = {name: data for name, data in contents(table.folder).items() if name in first.shards}
    second = table.write(numbers(3), stage="refine", parameters={})
    assert (first.number, second.number) == (1, 2)
    after = contents(table.folder)
    assert all(after[name] == data for name, data in before.items())
    assert not set(first.shards) & set(second.shards)
    assert table.read().column("n").to_pylist() == [3]
    assert table.read(1).column("n").to_pylist() == [1, 2]


def test_stage_parameters_parents_and_rows_are_kept(tmp_path):
    table = Table(tmp_path)
    table.write(numbers(1), stage="import", parameters={"source": "a.csv"})
    table.write(numbers(1, 2), stage="refine", parameters={"seed": 3, "model": "größer"}, parents=["questions/v1"])
    first, second = Table(tmp_path).versions()
    assert (first.stage, first.parameters, first.parents, first.rows) == ("import", {"source": "a.csv"}, (), 1)
    assert (second.stage, second.parents, second.rows) == ("refine", ("questions/v1",), 2)
    assert second.parameters == {"seed": 3, "model": "größer"}
    assert second.created


def test_a_writer_that_dies_before_the_manifest_is_swapped_changes_nothing_for_a_reader(tmp_path, monkeypatch):
    table = Table(tmp_path)
    table.write(numbers(1, 2, 3), stage="a", parameters={})

    def killed(path, text):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(tables, "write_text", killed)
        with pytest.raises(KeyboardInterrupt):
            table.write(numbers(9), stage="b", parameters={})
    assert [v.number for v in table.versions()] == [1]
    assert table.read().column("n").to_pylist() == [1, 2, 3]
    again = table.write(numbers(4), stage="b", parameters={})
    assert again.number == 2
    assert table.read().column("n").to_pylist() == [4]
    assert table.read(1).column("n").to_pylist() == [1, 2, 3]


def test_a_writer_that_dies_between_two_shards_changes_nothing_for_a_reader(tmp_path, monkeypatch):
    table = Table(tmp_path)
    table.write(numbers(1), stage="a", parameters={})
    written = []

    def second_fails(path, part):
        if written:
            raise InputError("disk full")
        written.append(path)
        return write_parquet(path, part)

    with monkeypatch.context() as patch:
        patch.setattr(tables, "SHARD_ROWS", 2)
        patch.setattr(tables, "write_parquet", second_fails)
        with pytest.raises(InputError, match="disk full"):
            table.write(numbers(*range(5)), stage="b", parameters={})
    assert table.read().column("n").to_pylist() == [1]


def test_rows_stay_in_order_across_shards(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "SHARD_ROWS", 3)
    version = Table(tmp_path).write(numbers(*range(10)), stage="a", parameters={})
    assert len(version.shards) == 4
    assert Table(tmp_path).read().column("n").to_pylist() == list(range(10))


def test_a_version_without_rows_still_has_its_columns(tmp_path):
    Table(tmp_path).write(numbers(), stage="a", parameters={})
    read = Table(tmp_path).read()
    assert (read.num_rows, read.column_names) == (0, ["n"])


def test_writers_in_threads_all_land(tmp_path):
    """Without the lock two writers would take the same number and the later manifest would forget the earlier."""
    failures = []

    def write(i):
        try:
            Table(tmp_path).write(numbers(i), stage=f"s{i}", parameters={})
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=(i,)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    versions = Table(tmp_path).versions()
    assert [v.number for v in versions] == [1, 2, 3, 4, 5, 6]
    assert sorted(Table(tmp_path).read(v.number).column("n")[0].as_py() for v in versions) == list(range(6))
    assert not leftovers(tmp_path)


def test_a_reader_between_writes_never_sees_a_torn_manifest(tmp_path):
    table = Table(tmp_path)
    table.write(numbers(0), stage="a", parameters={})
    done, failures = threading.Event(), []

    def reader():
        while not done.is_set():
            try:
                value = table.read().column("n").to_pylist()
                assert len(value) == value[0] + 1
            except BaseException as error:
                failures.append(error)
                return

    thread = threading.Thread(target=reader)
    thread.start()
    for i in range(1, 15):
        table.write(numbers(*[i] * (i + 1)), stage="a", parameters={})
    done.set()
    thread.join()
    assert not failures


def test_reading_what_is_not_there_is_one_line(tmp_path):
    with pytest.raises(InputError, match="nothing written there yet"):
        Table(tmp_path / "questions").read()
    Table(tmp_path).write(numbers(1), stage="a", parameters={})
    with pytest.raises(InputError, match="no version 7; the last is 1"):
        Table(tmp_path).read(7)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"versions": [{}]}', '{"versions": [{"number": 1}]}'])
def test_a_manifest_that_is_none_is_one_line_with_its_path(tmp_path, text):
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(InputError, match=r"manifest\.json: not a manifest"):
        Table(tmp_path).versions()


def test_a_shard_somebody_deleted_is_one_line_with_its_path(tmp_path):
    version = Table(tmp_path).write(numbers(1), stage="a", parameters={})
    (tmp_path / version.shards[0]).unlink()
    with pytest.raises(InputError, match="v0001"):
        Table(tmp_path).read()


def test_atomic_removes_its_temporary_when_the_block_fails(tmp_path):
    target = tmp_path / "out.txt"
    target.write_text("old")
    with pytest.raises(RuntimeError), atomic(target) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert target.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["out.txt"]


def test_atomic_makes_the_folder_and_leaves_one_file(tmp_path):
    write_text(tmp_path / "a" / "b" / "out.txt", "new")
    assert [p.name for p in (tmp_path / "a" / "b").iterdir()] == ["out.txt"]


def test_rows_that_cannot_be_written_leave_the_old_file(tmp_path):
    target = write_jsonl(tmp_path / "out.jsonl", [{"a": 1}])
    with pytest.raises(TypeError):
        write_jsonl(target, [{"a": 2}, {"a": object()}])
    assert target.read_text() == '{"a": 1}\n'
    assert not leftovers(tmp_path)


@pytest.mark.parametrize(
    "write",
    [
        lambda path: write_text(path, "x"),
        lambda path: write_jsonl(path, [{}]),
        lambda path: write_parquet(path, numbers(1)),
        lambda path: Table(path).write(numbers(1), stage="a", parameters={}),
        lambda path: writable(path),
    ],
    ids=["text", "jsonl", "parquet", "table", "writable"],
)
def test_a_path_below_a_file_is_the_users_error_and_not_a_traceback(tmp_path, write):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match="cannot write"):
        write(tmp_path / "file" / "out")


def test_a_folder_in_the_way_is_the_users_error(tmp_path):
    (tmp_path / "out").mkdir()
    with pytest.raises(InputError, match="cannot write"):
        write_text(tmp_path / "out", "x")
    assert not leftovers(tmp_path)


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(st.characters(exclude_categories=("Cs",)))),
    lambda s: st.one_of(st.lists(s, max_size=3), st.dictionaries(st.text("abc", max_size=2), s, max_size=3)),
    max_leaves=6,
)


@given(st.lists(st.dictionaries(st.text("xyz", max_size=2), JSON, max_size=3), max_size=4))
@settings(max_examples=40, deadline=None)
def test_jsonl_comes_back_as_it_was_one_object_a_line(tmp_path_factory, rows):
    path = write_jsonl(tmp_path_factory.mktemp("jsonl") / "rows.jsonl", rows)
    lines = path.read_bytes().split(b"\n")
    assert lines.pop() == b""
    assert [json.loads(line) for line in lines] == rows


def test_a_folder_is_a_project_only_with_its_settings(tmp_path):
    assert Project.at(tmp_path) is None
    (tmp_path / "flyreel.toml").touch()
    project = Project.at(tmp_path)
    assert project is not None
    assert project.table("questions").folder == tmp_path / "questions"
    assert (project.calls, project.reports) == (tmp_path / "calls", tmp_path / "reports")
    assert Project.at(tmp_path / "flyreel.toml") is None
