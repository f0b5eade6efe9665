"""The folder that a hub takes: Parquet by split, a card whose front matter is true, and all of it on the way back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml

from flyreel.clips import Clips
from flyreel.formats import export, huggingface
from flyreel.formats.base import read
from flyreel.formats.export import Exported, Parcel
from flyreel.formats.project import open_all
from flyreel.questions import Questions


def row(id: str, **more: Any) -> dict[str, Any]:
    return {"id": id, "question": f"Which, {id}?", "choices": ["red", "green"], "answer": 1, "clip": "c1"} | more


def written(out: Path, *rows: dict[str, Any], **facts: Any) -> Exported:
    parcel = Parcel("mine", "My | set", Questions.from_rows(rows), Clips.from_rows([]), source="mine.jsonl", **facts)
    return export.write("huggingface", parcel, out)


def files(out: Path) -> list[str]:
    return sorted(p.relative_to(out).as_posix() for p in out.rglob("*.parquet"))


def card(out: Path) -> tuple[dict[str, Any], str]:
    _, front, body = (out / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    return yaml.safe_load(front), body


def test_a_file_for_each_split_without_a_column_of_it(tmp_path: Path) -> None:
    done = written(tmp_path / "x", row("1", split="test"), row("2", split="train"), row("3", split="test"))
    assert files(tmp_path / "x") == ["data/test-00000-of-00001.parquet", "data/train-00000-of-00001.parquet"]
    table = pq.read_table(tmp_path / "x" / "data" / "test-00000-of-00001.parquet")
    assert table.column("id").to_pylist() == ["1", "3"]
    assert table.column_names == [
        "id", "question", "choices", "answer", "answer_text", "clip", "group", "category", "template", "rationale",
        "evidence", "cues", "origin", "parent", "round", "meta",
    ]  # fmt: skip
    assert done.notes == ["videos are not copied; 1 clips are named by their id"]


def test_a_set_without_splits_is_train_and_reads_back_without(tmp_path: Path) -> None:
    done = written(tmp_path / "x", row("1"), row("2"))
    assert files(tmp_path / "x") == ["data/train-00000-of-00001.parquet"]
    assert done.notes[0] == "no question names a split; all of them are in train"
    assert read(tmp_path / "x").questions.strings("split") == ["", ""]


def test_questions_left_out_of_all_splits_never_become_training_data(tmp_path: Path) -> None:
    """They may be left out because their film is in test."""
    done = written(tmp_path / "x", row("1"), row("2", split="train"))
    assert files(tmp_path / "x") == ["data/train-00000-of-00001.parquet", "data/unassigned-00000-of-00001.parquet"]
    assert done.notes[0] == "1 questions name no split; they are in unassigned"
    assert read(tmp_path / "x" / "data" / "unassigned-00000-of-00001.parquet").questions.to_rows() == [
        {**row("1"), "group": "c1"}
    ]


@pytest.mark.parametrize(
    ("splits", "words"),
    [
        (["dev/test", "dev test"], ["dev_test", "dev_test_2"]),
        (["all", "val-1"], ["all_", "val_1"]),
        (["Test", "test"], ["Test", "test_2"]),
        (["質問"], ["split"]),
        (["../up"], ["up"]),
        (["x" * 300, "x" * 299 + "y"], ["x" * 80, "x" * 80 + "_2"]),
    ],
)
def test_a_split_gets_a_word_that_the_hub_takes_and_keeps_its_own_name(
    tmp_path: Path, splits: list[str], words: list[str]
) -> None:
    done = written(tmp_path / "x", *[row(str(i), split=split) for i, split in enumerate(splits)])
    assert files(tmp_path / "x") == sorted(f"data/{word}-00000-of-00001.parquet" for word in words)
    assert set(read(tmp_path / "x").questions.strings("split")) == set(splits)
    for split, word in zip(splits, words, strict=True):
        assert (f"split {split!r} is called {word} there" in done.notes) == (split != word)


def test_a_large_split_is_several_files_and_one_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface, "SHARD_ROWS", 2)
    rows = [row(str(i), split="test", group="g") for i in range(5)]
    written(tmp_path / "x", *rows)
    assert files(tmp_path / "x") == [f"data/test-0000{i}-of-00003.parquet" for i in range(3)]
    assert read(tmp_path / "x").questions.to_rows() == rows
    front, _ = card(tmp_path / "x")
    assert front["configs"][0]["data_files"] == [{"split": "test", "path": "data/test-*-of-00003.parquet"}], (
        "a pattern without the count would also match the files of an earlier push"
    )
    assert front["dataset_info"][0]["splits"][0]["num_examples"] == 5


@pytest.mark.parametrize(
    ("meta", "hard"),
    [
        ({"hard": True}, True),
        ({"hard_split": "True"}, True),
        ({"hard": 1}, True),
        ({"hard": False}, False),
        ({}, False),
    ],
)
def test_what_is_labelled_hard_is_also_a_configuration(tmp_path: Path, meta: dict[str, Any], hard: bool) -> None:
    rows = [row("1", split="test", meta=meta), row("2", split="test"), row("3", split="val")]
    done = written(tmp_path / "x", *rows)
    front, body = card(tmp_path / "x")
    assert [config["config_name"] for config in front["configs"]] == ["default"] + ["hard"] * hard
    if hard:
        assert front["configs"][1]["data_files"] == [{"split": "test", "path": "hard/test-*-of-00001.parquet"}]
        assert read(tmp_path / "x" / "hard" / "test-00000-of-00001.parquet").questions.ids == ["1"]
        assert 'load_dataset("REPOSITORY", "hard")' in body
        assert "1 questions are labelled hard; they are also a configuration of that name" in done.notes
    assert len(read(tmp_path / "x").questions) == 3, "the folder holds each question once"


def test_the_front_matter_says_what_is_there(tmp_path: Path) -> None:
    written(tmp_path / "x", row("1", split="test"), {"id": "2", "question": "Who?", "answer": "Ann", "split": "val"})
    front, _ = card(tmp_path / "x")
    assert front["pretty_name"] == "My | set"
    assert front["license"] == "unknown"
    assert front["task_categories"] == ["video-text-to-text", "multiple-choice", "question-answering"]
    assert front["size_categories"] == ["n<1K"]
    assert "language" not in front, "nobody said which it is"
    info = front["dataset_info"][0]
    assert [(s["name"], s["num_examples"]) for s in info["splits"]] == [("test", 1), ("val", 1)]
    paths = [tmp_path / "x" / "data" / f"{name}-00000-of-00001.parquet" for name in ("test", "val")]
    assert info["download_size"] == sum(path.stat().st_size for path in paths)
    types = {feature["name"]: feature.get("dtype") or feature["list"] for feature in info["features"]}
    assert list(types) == pq.read_schema(paths[0]).names
    assert (types["answer"], types["choices"], types["meta"]) == ("int32", "string", "string")
    assert [(f["name"], f["dtype"]) for f in types["evidence"]] == [("start", "float64"), ("end", "float64")]


@pytest.mark.parametrize(
    ("licence", "said"),
    [
        ("cc-by-4.0", {"license": "cc-by-4.0"}),
        ("CC BY-NC 4.0", {"license": "cc-by-nc-4.0"}),
        ("MIT", {"license": "mit"}),
        ("cc0-1.0", {"license": "cc0-1.0"}),
        ("CC BY", {"license": "other", "license_name": "cc-by"}),
        ("cc-by-5.0", {"license": "other", "license_name": "cc-by-5.0"}),
        ("apache-2", {"license": "other", "license_name": "apache-2"}),
        ("MPL-2.0", {"license": "mpl-2.0"}),
        ("openrail", {"license": "openrail"}),
        ("other", {"license": "other"}),
        ("our own: ask", {"license": "other", "license_name": "our-own:-ask"}),
        (None, {"license": "unknown"}),
    ],
)
def test_a_licence_is_one_that_the_hub_knows_or_other(
    tmp_path: Path, licence: str | None, said: dict[str, str]
) -> None:
    written(tmp_path / "x", row("1"), licence=licence)
    front, body = card(tmp_path / "x")
    assert {name: front[name] for name in ("license", "license_name") if name in front} == said
    assert ("A licence: nobody has named one." in body) == (licence is None)


def test_the_page_counts_what_is_there(tmp_path: Path) -> None:
    made = {"name": "toybox", "model": "a<b>|c"}
    rows = [
        row("1", split="test", category="Temporal", origin=made, round=1),
        row("2", split="test", category="Temporal", clip="c2", choices=["a", "b", "c", "d"]),
        row("3", split="val", category="Colour|*", clip="c3"),
    ]
    written(tmp_path / "x", *rows)
    _, body = card(tmp_path / "x")
    assert "# My \\| set" in body
    assert "3 questions on 3 clips of 3 groups. 3 have choices; who guesses gets 41.7% of them right." in body
    for line in (
        "| test | 2 | 2 | 2 |", "| Temporal | 2 | 0 |", "| Colour\\|\\* | 0 | 1 |",
        "| not stated | none named | 2 |", "| toybox | a&lt;b&gt;\\|c | 1 |", "1 were revised at least once.",
    ):  # fmt: skip
        assert line in body
    assert 'load_dataset("REPOSITORY", split="test")' in body


def test_thousands_of_categories_do_not_make_thousands_of_rows(tmp_path: Path) -> None:
    rows = [row(str(i), split="test", category=f"name {i}") for i in range(100)]
    written(tmp_path / "x", *rows)
    _, body = card(tmp_path / "x")
    assert body.count("| name ") == 40
    assert "| 60 others | 60 |" in body


def test_a_title_cannot_break_out_of_the_front_matter(tmp_path: Path) -> None:
    parcel = Parcel("m", 'x"\n---\nlicense: mit\n# <b>', Questions.from_rows([row("1")]), Clips.from_rows([]))
    export.write("huggingface", parcel, tmp_path / "x")
    text = (tmp_path / "x" / "README.md").read_text(encoding="utf-8")
    front = yaml.safe_load(text.split("\n---\n")[0].removeprefix("---\n"))
    assert front["license"] == "unknown"
    assert front["pretty_name"] == 'x"\n---\nlicense: mit\n# <b>'
    assert "<b>" not in text.split("\n---\n", 1)[1]


def test_the_folder_reads_as_questions_wherever_a_source_is_taken(tmp_path: Path) -> None:
    rows = [row("1", split="test", group="g"), row("2", split="val", group="g", meta={"a": [1]})]
    written(tmp_path / "x", *rows)
    reading, clips = open_all(tmp_path / "x")
    assert clips is None
    assert reading is not None
    assert (reading.format, reading.problems) == ("canonical", [])
    assert reading.questions.to_rows() == rows
