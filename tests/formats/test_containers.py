"""What a file is, by its bytes; and that no record is lost without a word."""

from __future__ import annotations

import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flyreel.errors import InputError
from flyreel.formats import containers
from flyreel.formats.base import read
from flyreel.formats.containers import Record, literal_list, sample
from flyreel.schema import Problem


def write(tmp_path, name, data):
    path = tmp_path / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def records(path):
    return list(sample(path).records())


def test_a_tsv_called_csv_is_a_tsv(tmp_path):
    looked = sample(write(tmp_path, "x.csv", "a\tb, c\n1\t2, 3\n"))
    assert (looked.container, looked.fields) == ("tsv", ("a", "b, c"))
    assert [r.values for r in looked.records()] == [{"a": "1", "b, c": "2, 3"}]


def test_jsonl_called_txt_is_jsonl(tmp_path):
    looked = sample(write(tmp_path, "x.txt", '\n{"a": 1}\n\n{"a": 2}\n'))
    assert (looked.container, looked.fields) == ("jsonl", ("a",))
    assert list(looked.records()) == [Record(1, 2, {"a": 1}), Record(2, 4, {"a": 2})]


def test_json_called_csv_is_json(tmp_path):
    looked = sample(write(tmp_path, "x.csv", ' [{"a": 1},\n {"a": 2}, 3]'))
    assert looked.container == "json"
    assert list(looked.records()) == [
        Record(1, None, {"a": 1}),
        Record(2, None, {"a": 2}),
        Problem(row=3, reason="not-an-object", detail="a int"),
    ]


def test_parquet_called_json_is_parquet(tmp_path):
    pq.write_table(pa.table({"a": [1, 2], "b": [["x"], None]}), tmp_path / "x.json")
    looked = sample(tmp_path / "x.json")
    assert (looked.container, looked.fields) == ("parquet", ("a", "b"))
    assert [r.values for r in looked.records()] == [{"a": 1, "b": ["x"]}, {"a": 2, "b": None}]


def test_parquet_rows_go_on_counting_across_batches(tmp_path, monkeypatch):
    monkeypatch.setattr(containers, "PARQUET_BATCH", 2)
    pq.write_table(pa.table({"a": list(range(5))}), tmp_path / "x")
    assert [(r.row, r.values["a"]) for r in records(tmp_path / "x")] == [(i + 1, i) for i in range(5)]


def test_a_parquet_file_cut_short_is_one_line(tmp_path):
    pq.write_table(pa.table({"a": list(range(100))}), tmp_path / "x")
    whole = (tmp_path / "x").read_bytes()
    with pytest.raises(InputError, match="a broken Parquet file"):
        records(write(tmp_path, "y", whole[: len(whole) // 2]))


@pytest.mark.parametrize("text", ["a,b\n1,2\n", "a\tb\n1\t2\n", '{"a": "1", "b": "2"}\n', '[{"a": "1", "b": "2"}]'])
def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path, text):
    (record,) = records(write(tmp_path, "x", b"\xef\xbb\xbf" + text.encode()))
    assert record.values == {"a": "1", "b": "2"}


def test_quoted_fields_over_several_lines_keep_row_and_line_apart(tmp_path):
    text = 'a,b\n1,"one\ntwo, ""three"""\n2,plain\n3\n\n4,"x\n\ny"\n5,6,7\n'
    found = records(write(tmp_path, "x.csv", text))
    assert [(r.row, r.line) for r in found] == [(1, 2), (2, 4), (3, 5), (4, 7), (5, 10)]
    assert found[0].values == {"a": "1", "b": 'one\ntwo, "three"'}
    assert found[3].values == {"a": "4", "b": "x\n\ny"}
    assert [(r.reason, r.detail) for r in found if isinstance(r, Problem)] == [
        ("wrong-column-count", "1 columns where the header has 2"),
        ("wrong-column-count", "3 columns where the header has 2"),
    ]


def test_windows_line_ends_leave_no_trace(tmp_path):
    assert [r.values for r in records(write(tmp_path, "x", "a,b\r\n1,2\r\n"))] == [{"a": "1", "b": "2"}]
    assert [r.values for r in records(write(tmp_path, "x", '{"a": 1}\r\n{"a": 2}\r\n'))] == [{"a": 1}, {"a": 2}]


def test_a_broken_line_of_jsonl_is_a_problem_and_the_next_is_read(tmp_path):
    data = b'{"a": 1}\n{"a": \n"text"\n{"a": "\xff"}\n' + b"[" * 100_000 + b'\n{"a": 2}\n'
    found = records(write(tmp_path, "x", data))
    assert [r.reason if isinstance(r, Problem) else r.values["a"] for r in found] == [
        1, "not-json", "not-an-object", "not-utf8", "not-json", 2,
    ]  # fmt: skip
    assert [r.line for r in found] == [1, 2, 3, 4, 5, 6]


def test_bytes_of_another_encoding_in_csv_are_a_problem_of_their_row(tmp_path):
    found = records(write(tmp_path, "x", b"a,b\n1,caf\xe9\n2,tea\n"))
    assert [(r.row, r.line) for r in found] == [(1, 2), (2, 3)]
    assert found[0].reason == "not-utf8"


def long_lines(tmp_path, monkeypatch, text):
    monkeypatch.setattr(containers, "LINE_LIMIT", 100)
    return [r.reason if isinstance(r, Problem) else r.values for r in records(write(tmp_path, "x", text))]


def test_a_line_too_long_in_jsonl_is_a_problem_and_the_next_is_read(tmp_path, monkeypatch):
    found = long_lines(tmp_path, monkeypatch, '{"a": 1}\n' + json.dumps({"a": "z" * 500}) + '\n{"a": 2}\n')
    assert found == [{"a": 1}, "line-too-long", {"a": 2}]


@pytest.mark.parametrize(
    "line", ["1," + "z" * 500, '1,"' + "z" * 500 + '"', "z" * 500 + ",1", "z" * 60 + "," + "y" * 60],
    ids=["plain", "quoted", "first", "over-by-the-line-only"],
)  # fmt: skip
def test_a_line_too_long_in_csv_is_a_problem_and_neither_cut_nor_lost_nor_taking_the_next_along(
    tmp_path, monkeypatch, line
):
    found = long_lines(tmp_path, monkeypatch, f"a,b\n1,2\n{line}\n3,4\n5,6\n")
    assert found == [{"a": "1", "b": "2"}, "line-too-long", {"a": "3", "b": "4"}, {"a": "5", "b": "6"}]


def test_a_line_of_just_the_limit_is_read(tmp_path, monkeypatch):
    found = long_lines(tmp_path, monkeypatch, f"a,b\n1,{'z' * 97}\n3,4\n")
    assert found == [{"a": "1", "b": "z" * 97}, {"a": "3", "b": "4"}]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the file is empty"),
        (b" \n\n", "the file is empty"),
        (gzip.compress(b"a,b\n"), "gunzip -k x"),
        (b"PK\x03\x04rest", "zip-compressed"),
        ("a,b\n1,2\n".encode("utf-16"), "UTF-16 text"),
        (bytes(range(256)) * 4, "binary"),
        (b"a;b;c\n1;2;3\n", "separated by ';'"),
        (b"just some words\n", "neither CSV, TSV"),
        (b'[{"a": 1}, {"a"', "not valid JSON"),
    ],
)
def test_a_file_that_is_none_of_these_says_what_it_is(tmp_path, data, message):
    with pytest.raises(InputError, match=message):
        records(write(tmp_path, "x", data))


def test_a_file_that_is_not_there_offers_its_neighbour(tmp_path):
    write(tmp_path, "questions.jsonl", "{}")
    with pytest.raises(InputError, match=r"no such file\. Nearby: questions\.jsonl"):
        sample(tmp_path / "question.jsonl")
    with pytest.raises(InputError, match=r"Its folder .* does not exist"):
        sample(tmp_path / "nowhere" / "x.jsonl")
    with pytest.raises(InputError, match="a folder without flyreel"):
        sample(tmp_path)


def test_a_list_is_read_as_json_or_as_python_prints_it_and_nothing_else():
    assert literal_list('["a", "b"]') == ["a", "b"]
    assert literal_list("['a', \"it's\"]") == ["a", "it's"]
    assert literal_list("('a', 'b')") == ["a", "b"]
    for text in ("a|b", "", "{'a': 1}", "3", "__import__('os').getcwd()", "[" * 5000, "[1, 2"):
        assert literal_list(text) is None


def the_card(folder, data_files, default=True):
    (folder / "data").mkdir(exist_ok=True)
    configs = [
        {"config_name": "hard", "data_files": "hard/*.parquet"},
        {"config_name": "default", "data_files": data_files},
    ]
    (folder / "README.md").write_text(f"---\nconfigs: {json.dumps(configs)}\n---\n# A set\n", encoding="utf-8")


def a_part(path, *ids):
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [{"id": id, "question": "Which?", "choices": ["a", "b"], "answer": 0} for id in ids]
    pq.write_table(pa.Table.from_pylist(rows), path)


@pytest.mark.parametrize(
    "data_files",
    [
        [{"split": "test", "path": "data/test-*-of-00002.parquet"}],
        [{"split": "test", "path": ["data/test-00000-of-00002.parquet", "data/test-00001-of-00002.parquet"]}],
        "data/test-*-of-00002.parquet",
        ["data/test-*-of-00002.parquet"],
    ],
)
def test_a_clone_pushed_to_twice_is_what_its_card_names(tmp_path, data_files):
    """The push of before had one file of the split, and it is still there."""
    a_part(tmp_path / "data" / "test-00000-of-00001.parquet", "old", "1")
    a_part(tmp_path / "data" / "test-00000-of-00002.parquet", "1")
    a_part(tmp_path / "data" / "test-00001-of-00002.parquet", "2")
    the_card(tmp_path, data_files)
    assert read(tmp_path).questions.ids == ["1", "2"]


@pytest.mark.parametrize(
    "text",
    [
        "", "# no front matter", "---\n: [\n---\n", "---\n- a list\n---\n", "---\nconfigs: 7\n---\n",
        "---\nconfigs: [7]\n---\n",
        '---\nconfigs: [{"data_files": "data/gone.parquet"}]\n---\n', '---\nconfigs: [{"data_files": 7}]\n---\n',
        '---\nconfigs: [{"data_files": "../data/1.parquet"}]\n---\n',
        '---\nconfigs: [{"data_files": "/data/1.parquet"}]\n---\n',
        '---\nconfigs: [{"data_files": [{"split": "x", "path": {"a": 1}}]}]\n---\n', "\udcff",
    ],
)  # fmt: skip
def test_a_card_that_names_no_file_there_is_as_if_there_were_none(tmp_path, text):
    a_part(tmp_path / "data" / "1.parquet", "1")
    (tmp_path / "README.md").write_bytes(text.encode("utf-8", "surrogateescape"))
    assert read(tmp_path).questions.ids == ["1"]


def test_a_card_names_nothing_outside_its_folder(tmp_path):
    a_part(tmp_path / "private.parquet", "mine")
    a_part(tmp_path / "set" / "data" / "1.parquet", "1")
    the_card(tmp_path / "set", ["../private.parquet", "data/../../private.parquet", str(tmp_path / "private.parquet")])
    assert read(tmp_path / "set").questions.ids == ["1"]


def test_a_table_or_tasks_in_a_folder_of_somebody_else_are_not_a_set(tmp_path):
    (tmp_path / "tasks.json").write_text('[{"question": "Who?", "answer": "Ann"}]')
    with pytest.raises(InputError, match=r"a folder without flyreel\.toml"):
        read(tmp_path)
