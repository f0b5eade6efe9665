"""Tar shards: each clip once with its video and its questions, the same bytes every time, and read back without it."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from flyreel.clips import Clips
from flyreel.errors import InputError
from flyreel.formats import export, shards, webdataset
from flyreel.formats.base import read
from flyreel.formats.export import Exported, Parcel
from flyreel.formats.project import import_, open_all
from flyreel.questions import Questions


def row(id: str, clip: str | None = "c1", **more: Any) -> dict[str, Any]:
    values = {"id": id, "question": f"Which, {id}?", "choices": ["red", "green"], "answer": 1, "clip": clip, **more}
    return {name: value for name, value in values.items() if value is not None}


def written(out: Path, *rows: dict[str, Any], clips: list[dict[str, Any]] = [], **files: Path) -> Exported:  # noqa: B006
    named = {name.replace("__", "."): path for name, path in files.items()}
    return export.write(
        "webdataset", Parcel("mine", "Mine", Questions.from_rows(rows), Clips.from_rows(clips), named), out
    )


def names(shard: Path) -> list[str]:
    with tarfile.open(shard) as tar:
        return tar.getnames()


def member(shard: Path, name: str) -> bytes:
    with tarfile.open(shard) as tar:
        file = tar.extractfile(name)
        assert file is not None
        return file.read()


def a_tar(path: Path, **members: bytes) -> Path:
    with tarfile.open(path, "w") as tar:
        for name, text in members.items():
            info = tarfile.TarInfo(name.replace("__", "."))
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text))
    return path


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "Film One.MP4"
    path.write_bytes(bytes(range(256)) * 70)
    return path


def test_a_clip_is_its_video_and_its_questions(tmp_path: Path, film: Path) -> None:
    clip = {"id": "c1", "path": str(film), "duration": 2.5, "group": "g"}
    rows = [row("1", group="g"), row("2", "c2"), row("3", group="g")]
    done = written(tmp_path / "x", *rows, clips=[clip], c1=film)
    shard = tmp_path / "x" / "mine-000000.tar"
    assert names(shard) == ["c1.json", "c1.mp4", "c2.json"]
    assert member(shard, "c1.mp4") == film.read_bytes()
    assert json.loads(member(shard, "c1.json")) == {
        "clip": {"id": "c1", "duration": 2.5, "group": "g"},
        "questions": [rows[0], rows[2]],
    }, "where the file lay on this machine is nobody's business"
    assert json.loads(member(shard, "c2.json"))["clip"] == {"id": "c2"}
    assert done.notes == ["1 clips have no file: their questions are there, without video"]


def test_questions_without_a_clip_are_samples_by_themselves(tmp_path: Path) -> None:
    done = written(tmp_path / "x", row("1", None), row("2", None))
    assert names(tmp_path / "x" / "mine-000000.tar") == ["1.json", "2.json"]
    assert done.notes == ["2 questions name no clip: each is a sample by itself"]


def test_keys_are_safe_and_never_the_same(tmp_path: Path) -> None:
    """A dot would end the key where webdataset splits it, and some file systems do not know cases apart."""
    ids = ["a/b.c", "a b_c", "A_B_C", "../../etc/passwd", "質問", "x" * 300, "x" * 299 + "y"]
    written(tmp_path / "x", *[row(str(i), id) for i, id in enumerate(ids)])
    found = names(tmp_path / "x" / "mine-000000.tar")
    assert found[:5] == ["a_b_c.json", "a_b_c-2.json", "A_B_C-3.json", "etc_passwd.json", "clip.json"]
    assert len({name.lower() for name in found}) == len(ids)
    assert all(len(name) < 100 for name in found)
    assert {r["clip"] for r in read(tmp_path / "x").questions.to_rows()} == set(ids), "the id itself is in the JSON"


@pytest.mark.parametrize(
    ("name", "ending"), [("a.gif", "gif"), ("a.json", "video"), ("a", "video"), ("a.b c", "video")]
)
def test_a_video_keeps_its_ending_unless_that_would_mislead(tmp_path: Path, name: str, ending: str) -> None:
    (tmp_path / name).write_bytes(b"film")
    written(tmp_path / "x", row("1"), c1=tmp_path / name)
    assert names(tmp_path / "x" / "mine-000000.tar") == ["c1.json", f"c1.{ending}"]


def test_the_same_input_gives_the_same_bytes(tmp_path: Path, film: Path) -> None:
    written(tmp_path / "a", row("1"), c1=film)
    film.touch()
    film.chmod(0o600)
    written(tmp_path / "b", row("1"), c1=film)
    assert (tmp_path / "a" / "mine-000000.tar").read_bytes() == (tmp_path / "b" / "mine-000000.tar").read_bytes()


def test_a_shard_is_full_at_a_number_of_clips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webdataset, "SHARD_CLIPS", 2)
    rows = [row(str(i), f"c{i}", group="g") for i in range(5)]
    done = written(tmp_path / "x", *rows)
    assert [f.name for f in done.files if f.suffix == ".tar"] == [f"mine-00000{i}.tar" for i in range(3)]
    assert [names(f) for f in done.files[1:]] == [["c0.json", "c1.json"], ["c2.json", "c3.json"], ["c4.json"]]
    assert read(tmp_path / "x").questions.to_rows() == rows, "a folder of shards is one set"


def test_a_shard_is_full_at_a_size_and_a_larger_clip_is_one_by_itself(
    tmp_path: Path, film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webdataset, "SHARD_BYTES", 1000)
    done = written(tmp_path / "x", row("1", "c1"), row("2", "c2"), row("3", "c3"), row("4", "c4"), c3=film)
    assert [names(f) for f in done.files if f.suffix == ".tar"] == [
        ["c1.json", "c2.json"], ["c3.json", "c3.mp4"], ["c4.json"],
    ]  # fmt: skip


def test_no_shard_is_empty_where_the_first_clip_is_the_larger_one(
    tmp_path: Path, film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webdataset, "SHARD_BYTES", 1000)
    done = written(tmp_path / "x", row("1"), c1=film)
    assert [names(f) for f in done.files if f.suffix == ".tar"] == [["c1.json", "c1.mp4"]]


def test_a_video_is_never_read_whole(tmp_path: Path, film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    opened = Path.open

    def counted(path: Path, *words: Any, **more: Any) -> Any:
        file = opened(path, *words, **more)
        if path != film:
            return file
        whole = file.read
        file_read = lambda n=-1: sizes.append(n) or whole(n)  # noqa: E731
        wrapped = io.BytesIO()
        wrapped.read = file_read  # type: ignore[method-assign, assignment]
        wrapped.close = file.close  # type: ignore[method-assign]
        return wrapped

    film.write_bytes(b"x" * 1_000_000)
    monkeypatch.setattr(Path, "open", counted)
    written(tmp_path / "x", row("1"), c1=film)
    assert sizes
    assert all(0 <= n <= 1 << 16 for n in sizes)


def test_shards_are_found_to_be_what_they_are_and_give_clips_and_questions(tmp_path: Path, film: Path) -> None:
    clip = {"id": "c1", "source": "https://example.org/1", "duration": 2.5, "group": "g",
            "cues": [{"start": 0.0, "end": 1.0, "kind": "dialogue", "text": "Hm."}]}  # fmt: skip
    rows = [
        row("1", group="g"),
        row("2", group="g", meta={"a": 1}),
        {"id": "3", "question": "?", "answer": "3", "group": "3"},
    ]
    written(tmp_path / "x", *rows, clips=[clip], c1=film)
    for place in (tmp_path / "x", tmp_path / "x" / "mine-000000.tar"):
        reading, clips = open_all(place)
        assert reading is not None
        assert clips is not None
        assert (reading.format, reading.problems) == ("webdataset", [])
        assert reading.questions.to_rows() == rows
        assert clips.clips.to_rows() == [clip]
        assert read(place, "webdataset").questions.to_rows() == rows


def test_an_import_brings_in_both(tmp_path: Path, film: Path) -> None:
    written(tmp_path / "x", row("1"), row("2", "c2"), clips=[{"id": "c1"}], c1=film)
    told = import_(tmp_path / "x", tmp_path / "project", None, None)
    assert (told["format"], told["imported"], told["imported_clips"]) == ("webdataset", 2, 2)


def test_what_cannot_be_read_of_a_shard_is_named_and_the_rest_is_read(tmp_path: Path) -> None:
    good = json.dumps({"clip": {"id": "c1"}, "questions": [row("1"), 7, row("2", answer=9)]}).encode()
    a_tar(
        tmp_path / "a.tar", a__json=good, b__json=b"{", c__json=b"\xff", d__json=b"[1]", e__txt=b"no JSON",
        f__json=json.dumps({"clip": {"id": "c1", "frames": "many"}, "questions": [row("3")]}).encode(),
    )  # fmt: skip
    reading, clips = open_all(tmp_path / "a.tar")
    assert reading is not None
    assert clips is not None
    assert reading.questions.ids == ["1", "3"]
    assert clips.clips.ids == ["c1"]
    assert [(p.row, p.reason) for p in clips.problems] == [
        (2, "not-an-object"), (3, "answer-out-of-range"), (4, "not-json"), (5, "not-utf8"), (6, "not-an-object"),
        (2, "bad-clip"),
    ]  # fmt: skip


def test_a_shard_cut_short_gives_what_is_before_the_cut(tmp_path: Path, film: Path) -> None:
    written(tmp_path / "x", row("1"), row("2", "c2"), c1=film)
    whole = (tmp_path / "x" / "mine-000000.tar").read_bytes()
    (tmp_path / "cut.tar").write_bytes(whole[:5000])
    reading = read(tmp_path / "cut.tar")
    assert reading.questions.ids == ["1"]
    assert [p.reason for p in reading.problems] == ["broken-tar"]


def test_a_member_too_large_is_a_problem_and_not_a_full_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "MEMBER_LIMIT", 400)
    large = json.dumps({"questions": [row("1", rationale="x" * 500)]}).encode()
    a_tar(tmp_path / "a.tar", a__json=large, b__json=json.dumps({"questions": [row("2")]}).encode())
    reading = read(tmp_path / "a.tar")
    assert reading.questions.ids == ["2"]
    assert [p.reason for p in reading.problems] == ["member-too-large"]


def test_shards_of_others_whose_members_are_rows_are_read_too(tmp_path: Path) -> None:
    a_tar(tmp_path / "a.tar", a__mp4=b"film", a__json=json.dumps(row("1")).encode())
    assert read(tmp_path / "a.tar").questions.ids == ["1"]


def test_a_tar_of_other_things_is_one_line(tmp_path: Path) -> None:
    a_tar(tmp_path / "a.tar", a__txt=b"no question")
    with pytest.raises(InputError, match=r"a\.tar: no usable row"):
        open_all(tmp_path / "a.tar")
    a_tar(tmp_path / "b.tar", a__json=b'{"caption": "a dog"}')
    with pytest.raises(InputError, match=r"b\.tar: no known format has these columns: caption"):
        open_all(tmp_path / "b.tar")


def test_rows_are_counted_through_all_shards_of_a_folder(tmp_path: Path) -> None:
    for name in ("a", "b"):
        a_tar(
            tmp_path / f"{name}.tar", a__json=json.dumps({"questions": [row(name), row(name * 2, answer=5)]}).encode()
        )
    reading = read(tmp_path)
    assert reading.questions.ids == ["a", "b"]
    assert [p.row for p in reading.problems] == [2, 4]


def test_a_folder_of_videos_with_an_archive_beside_them_is_still_one(tmp_path: Path) -> None:
    (tmp_path / "film.mp4").write_bytes(b"film")
    a_tar(tmp_path / "backup.tar", notes__txt=b"old")
    _, clips = open_all(tmp_path)
    assert clips is not None
    assert (clips.format, clips.clips.ids) == ("folder", ["film"])


def test_a_path_in_a_shard_of_others_is_not_one_on_this_machine(tmp_path: Path) -> None:
    """It would stand in the project's table of clips, which may point anywhere."""
    text = json.dumps({"clip": {"id": "c1", "path": "/etc/passwd", "duration": 2.5}, "questions": [row("1")]}).encode()
    a_tar(tmp_path / "a.tar", a__json=text)
    _, clips = open_all(tmp_path / "a.tar")
    assert clips is not None
    assert clips.clips.to_rows() == [{"id": "c1", "duration": 2.5, "group": "c1"}]


def test_the_json_is_json_where_a_clip_has_a_number_that_is_none(tmp_path: Path) -> None:
    nan = float("nan")
    clip = {"id": "c1", "duration": nan, "fps": 25.0, "meta": {"loudness": nan}}
    written(tmp_path / "x", row("1", meta={"score": nan}), clips=[clip])

    def refused(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    told = json.loads(member(tmp_path / "x" / "mine-000000.tar", "c1.json"), parse_constant=refused)
    assert told["clip"] == {"id": "c1", "group": "c1", "fps": 25.0, "meta": {"loudness": None}}
    assert told["questions"][0]["meta"] == {"score": None}
