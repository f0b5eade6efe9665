"""A folder of videos: which file belongs to which video, and what it is."""

from __future__ import annotations

import json
import os
import sys

import pytest

from flyreel.errors import InputError
from flyreel.formats.clip_source import read_clips

SRT = "1\n00:00:01,000 --> 00:00:02,000\n{}\n"


@pytest.fixture
def put(tmp_path):
    """Writes files below tmp_path/videos, which it gives back; a video is an empty file."""

    def write(**files):
        for name, text in files.items():
            path = tmp_path / "videos" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path / "videos"

    return write


def rows(folder, name=None):
    found = read_clips(folder, name)
    return {row["id"]: row for row in found.clips.to_rows()}, found.problems


@pytest.mark.parametrize("name", [None, "folder"])
def test_id_path_and_group(put, tmp_path, name):
    folder = put(**{"b.mp4": "", "film one/a.b.webm": "", "film one/deep/c.GIF": "", "notes.md": ""})
    found, problems = rows(folder, name)
    assert problems == []
    assert {i: (r["path"], r["group"]) for i, r in found.items()} == {
        "b": (str(folder.resolve() / "b.mp4"), "b"),
        "film one/a.b": (str(folder.resolve() / "film one" / "a.b.webm"), "film one"),
        "film one/deep/c": (str(folder.resolve() / "film one" / "deep" / "c.GIF"), "film one/deep"),
    }
    assert not any({"frames", "duration", "sha256"} & set(r) for r in found.values())


def cues(folder, id="a"):
    found, problems = rows(folder)
    return [(c["kind"], c["text"]) for c in found[id].get("cues", [])], [(p.reason, p.detail) for p in problems]


@pytest.mark.parametrize("name", ["a.srt", "a.en.srt", "a.en-GB.sdh.vtt", "a.vtt"])
def test_subtitles_of_any_name_are_dialogue(put, name):
    text = SRT.format("Hi") if name.endswith("srt") else "WEBVTT\n\n00:01.000 --> 00:02.000\nHi\n"
    assert cues(put(**{"a.mp4": "", name: text})) == ([("dialogue", "Hi")], [])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.ad.txt", "[00:00:01] A man runs.\n"),
        ("a.ad.vtt", "WEBVTT\n\n00:01.000 --> 00:02.000\nA man runs.\n"),
        ("a.en.ad.srt", SRT.format("A man runs.")),
        ("a.vtt", "WEBVTT\nKind: descriptions\n\n00:01.000 --> 00:02.000\nA man runs.\n"),
        ("a.txt", "\n00:01 A man runs.\n"),
    ],
)
def test_audio_description(put, name, text):
    assert cues(put(**{"a.mp4": "", name: text})) == ([("description", "A man runs.")], [])


def test_plain_text_is_captions_a_sentence_a_line(put):
    found, problems = rows(put(**{"a.mp4": "", "a.txt": "A man runs.\n\n  He  falls.\n"}))
    assert problems == []
    assert found["a"]["cues"] == [
        {"start": 0, "end": 0, "kind": "caption", "text": "A man runs."},
        {"start": 0, "end": 0, "kind": "caption", "text": "He falls."},
    ]


def test_tracks_of_different_kinds_are_put_together_in_order_of_time(put):
    files = {
        "a.mp4": "",
        "a.srt": "1\n00:00:05,000 --> 00:00:06,000\nHi\n",
        "a.ad.txt": "[00:01] He comes.\n[00:09] He goes.\n",
        "a.txt": "A visit.",
    }
    assert cues(put(**files)) == (
        [("caption", "A visit."), ("description", "He comes."), ("dialogue", "Hi"), ("description", "He goes.")],
        [],
    )


def test_of_two_languages_one_is_read_and_the_other_named(put):
    files = {"a.mp4": "", "a.fr.srt": SRT.format("Salut"), "a.en.srt": SRT.format("Hi")}
    assert cues(put(**files)) == (
        [("dialogue", "Hi")],
        [("second-track", "a.fr.srt is left out; a.en.srt is read")],
    )
    put(**{"a.srt": SRT.format("Plain")})
    assert cues(put())[0] == [("dialogue", "Plain")]


def test_a_longer_name_is_another_video_and_not_a_language(put):
    files = {"a.mp4": "", "a.b.mp4": "", "a.b.srt": SRT.format("of a.b"), "a.srt": SRT.format("of a")}
    folder = put(**files)
    assert cues(folder, "a") == ([("dialogue", "of a")], [])
    assert cues(folder, "a.b") == ([("dialogue", "of a.b")], [])


def test_json_says_what_a_name_cannot(put):
    given = {
        "caption": ["One.", "Two."],
        "description": "A room.",
        "cues": [{"start": 1, "end": 2, "text": "Hi", "speaker": "Anna"}],
        "source": "https://example.org/a",
        "group": "Film",
        "split": "test",
        "title": "not read",
    }
    found, problems = rows(put(**{"deep/a.mp4": "", "deep/a.json": json.dumps(given), "deep/a.info.json": "[]"}))
    row = found["deep/a"]
    assert problems == []
    assert (row["source"], row["group"], row["split"], "meta" in row) == (
        "https://example.org/a",
        "Film",
        "test",
        False,
    )
    assert [(c["kind"], c["text"], c.get("speaker")) for c in row["cues"]] == [
        ("caption", "One.", None),
        ("caption", "Two.", None),
        ("description", "A room.", None),
        ("dialogue", "Hi", "Anna"),
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "not-json"),
        ("[1]", "not-an-object"),
        ('{"cues": 3}', "bad-cue"),
        ('{"cues": [{"start": 1}]}', "bad-cue"),
        ('{"caption": [""]}', "bad-cue"),
        ('{"caption": 7}', "bad-cue"),
    ],
)
def test_a_broken_json_costs_what_it_says_and_not_the_clip(put, text, reason):
    found, problems = rows(put(**{"a.mp4": "", "a.srt": SRT.format("Hi"), "a.json": text}))
    assert [c["text"] for c in found["a"]["cues"]] == ["Hi"]
    assert [(p.reason, p.detail.startswith("a.json: ")) for p in problems] == [(reason, True)]


def test_a_broken_subtitle_is_named_with_its_file_and_line(put):
    files = {"a.mp4": "", "b.mp4": "", "b.srt": "1\nnow --> then\nHi\n\n" + SRT.format("Bye")}
    found, (problem,) = rows(put(**files))
    assert [c["text"] for c in found["b"]["cues"]] == ["Bye"]
    assert (problem.row, problem.line, problem.reason, problem.detail) == (
        2,
        2,
        "bad-time",
        "b.srt, line 2: now --> then",
    )


def test_subtitles_without_a_video_are_named_and_other_files_are_nobodys_mistake(put):
    files = {"a.mp4": "", "sub/b.srt": SRT.format("Hi"), "c.ad.txt": "[00:01] x", "README.txt": "hello", "x.json": "{}"}
    _, problems = rows(put(**files))
    assert [(p.reason, p.detail.split(":")[0]) for p in problems] == [
        ("no-video", "c.ad.txt"),
        ("no-video", "sub/b.srt"),
    ]


def test_two_videos_of_one_name_are_one_clip_and_a_problem(put):
    found, problems = rows(put(**{"a.mp4": "", "a.gif": "", "a.srt": SRT.format("Hi")}))
    assert list(found) == ["a"] and found["a"]["path"].endswith("a.gif")
    assert [(p.reason, p.detail) for p in problems] == [("duplicate-id", "a.mp4: a.gif is read")]


def test_hidden_files_and_projects_inside_are_passed_by(put):
    files = {"a.mp4": "", ".b.mp4": "", ".trash/c.mp4": "", "project/flyreel.toml": "", "project/clips/d.mp4": ""}
    assert list(rows(put(**files))[0]) == ["a"]


@pytest.mark.skipif(sys.platform == "darwin", reason="the file system refuses such names")
def test_a_name_that_is_no_text_is_a_problem_and_the_others_are_read(put):
    folder = put(**{"a.mp4": ""})
    (folder / os.fsdecode(b"caf\xe9.mp4")).touch()
    (folder / os.fsdecode(b"a.caf\xe9.srt")).touch()
    found, problems = rows(folder)
    assert list(found) == ["a"]
    assert [p.reason for p in problems] == ["bad-name"]
    assert problems[0].model_dump_json()


def test_a_folder_without_videos_says_so(put, tmp_path):
    folder = put(**{"a.txt": "words"})
    with pytest.raises(InputError, match=r"a folder without flyreel\.toml, and neither videos"):
        read_clips(folder)
    with pytest.raises(InputError, match="no video in this folder"):
        read_clips(folder, "folder")
    with pytest.raises(InputError, match="takes a folder of videos"):
        read_clips(folder / "a.txt", "folder")
