"""flyreel's own list of clips."""

from __future__ import annotations

import json

import pytest

from flyreel.clips import Clips
from flyreel.errors import InputError
from flyreel.formats.clip_source import read_clips
from flyreel.tables import write_jsonl

FULL = {
    "id": "c1",
    "source": "https://example.org/1",
    "path": "/videos/a  b.mp4",
    "sha256": "00",
    "duration": 3.5,
    "fps": 25.0,
    "frames": 87,
    "width": 64,
    "height": 48,
    "shots": [{"start": 0.0, "end": 2.0}],
    "cues": [{"start": 0.0, "end": 1.0, "kind": "dialogue", "text": "Hi", "speaker": "Anna"}],
    "group": "film",
    "split": "test",
    "meta": {"seed": 3},
}


@pytest.mark.parametrize("name", [None, "clips"])
def test_every_field_comes_through(tmp_path, name):
    found = read_clips(write_jsonl(tmp_path / "clips.jsonl", [FULL]), name)
    assert (found.format, found.problems) == ("clips", [])
    assert found.clips.to_rows() == [FULL]


def test_what_a_table_of_clips_writes_is_read_back_the_same(tmp_path):
    clips = Clips.from_rows([FULL, {"id": "c2", "source": "https://example.org/2"}])
    found = read_clips(write_jsonl(tmp_path / "clips.jsonl", clips.to_rows()))
    assert found.clips.table.equals(clips.table)


def test_a_relative_path_counts_from_the_list_and_not_from_where_one_stands(tmp_path, monkeypatch):
    (tmp_path / "toys").mkdir()
    write_jsonl(tmp_path / "toys" / "clips.jsonl", [{"id": "a", "path": "videos/a.mp4"}])
    monkeypatch.chdir(tmp_path)
    (row,) = read_clips(tmp_path.joinpath("toys", "clips.jsonl")).clips.to_rows()
    assert row["path"] == str(tmp_path.resolve() / "toys" / "videos" / "a.mp4")


def test_the_same_columns_in_csv(tmp_path):
    cues = json.dumps([{"start": 0, "end": 1, "text": "Hi"}]).replace('"', '""')
    (tmp_path / "c.csv").write_text(f'id,source,frames,duration,cues\na,https://e.org/a,12,,"{cues}"\n')
    (row,) = read_clips(tmp_path / "c.csv").clips.to_rows()
    assert (row["frames"], row["cues"][0]["text"], "duration" in row) == (12, "Hi", False)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"frames": "many"}, "bad-clip"),
        ({"frames": 1.5}, "bad-clip"),
        ({"cues": [{"start": 3, "end": 1, "text": "x"}]}, "bad-cue"),
        ({"shots": "all"}, "bad-shot"),
        ({"id": "c1"}, "duplicate-id"),
        ({"path": None, "source": None}, "no-video"),
    ],
)
def test_a_broken_clip_is_a_problem_and_the_others_go_on(tmp_path, changes, reason):
    rows = [FULL, {**FULL, "id": "c2", **changes}, {**FULL, "id": "c3"}]
    found = read_clips(write_jsonl(tmp_path / "clips.jsonl", rows))
    assert found.clips.ids == ["c1", "c3"]
    assert [(p.row, p.reason) for p in found.problems] == [(2, reason)]


def test_a_list_without_one_usable_clip_is_an_error(tmp_path):
    with pytest.raises(InputError, match=r"no usable clip\. row 1: bad-cue"):
        read_clips(write_jsonl(tmp_path / "clips.jsonl", [{**FULL, "cues": 3}]))


def test_a_format_nobody_knows_offers_what_was_meant_among_all(tmp_path):
    write_jsonl(tmp_path / "c.jsonl", [FULL])
    with pytest.raises(InputError, match=r"foldr: no such format\. Did you mean folder"):
        read_clips(tmp_path / "c.jsonl", "foldr")
    with pytest.raises(InputError, match=r"egoshema: no such format\. Did you mean egoschema"):
        read_clips(tmp_path / "c.jsonl", "egoshema")
    assert read_clips(tmp_path / "c.jsonl", "egoschema") is None
