"""Clips into a project and counted there, with the installed program."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

Flyreel = Any
"""Runs the installed program in tmp_path; `Program` in conftest.py."""

URL = "https://38.media.tumblr.com/{0}/tumblr_{0}_r1_500.gif"
SENTENCES = [
    ("a1", "a man is glaring, and someone with sunglasses appears."),  # 9 words
    ("a1", "a man glares"),  # 3
    ("b2", "a cat tries to catch a mouse on a tablet"),  # 10
    ("c3", 'a man says "no"'),  # 4
]
SPLITS = {"train": ["a1", "b2"], "test": ["c3"]}
CAPTIONED = "1\n00:00:01,000 --> 00:00:02,000\nHi <i>there</i>\n\n2\n00:00:04,000 --> 00:00:03,000\nlost\n"


@pytest.fixture
def tgif(tmp_path: Path) -> Path:
    folder = tmp_path / "TGIF"
    (folder / "splits").mkdir(parents=True)
    lines = "".join(f"{URL.format(name)}\t{sentence}\n" for name, sentence in SENTENCES)
    (folder / "tgif-v1.0.tsv").write_text(lines)
    for split, names in SPLITS.items():
        (folder / "splits" / f"{split}.txt").write_text("".join(URL.format(name) + "\n" for name in names))
    return folder


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    folder = tmp_path / "videos"
    (folder / "film").mkdir(parents=True)
    (folder / "film" / "one.mp4").touch()
    (folder / "film" / "one.en.srt").write_text(CAPTIONED)
    (folder / "film" / "one.ad.txt").write_text("[00:00:03] A man runs.\n")
    (folder / "two.gif").touch()
    (folder / "two.txt").write_text("A dog sits.\n")
    return folder


def said(flyreel: Flyreel, *words: str) -> dict[str, Any]:
    ran = flyreel(*words, "--json")
    assert (ran.code, ran.err) == (0, "")
    return dict(json.loads(ran.out))


@pytest.mark.parametrize("command", ["stats TGIF/tgif-v1.0.tsv", "stats TGIF", "stats TGIF --format tgif"])
def test_the_tgif_table_is_counted_again(flyreel: Flyreel, tgif: Path, command: str) -> None:
    found = said(flyreel, *command.split())
    assert (found["format"], found["clips"], found["sentences"], found["tokens"]) == ("tgif", 3, 4, 26)
    assert (found["sentences_per_clip"], found["mean_tokens_per_sentence"]) == (1.33, 6.5)
    assert {split: (m["clips"], m["sentences"], m["tokens"]) for split, m in found["by_split"].items()} == {
        "train": (2, 3, 22),
        "test": (1, 1, 4),
    }
    assert found["commonest_words"][0] == ["a", 6]
    assert found["problems"] == {}


@pytest.mark.parametrize("format", ["auto", "tgif"])
def test_what_is_counted_in_a_project_is_what_was_counted_outside(flyreel: Flyreel, tgif: Path, format: str) -> None:
    done = said(flyreel, "import", format, "TGIF", "--into", "project")
    assert (done["format"], done["imported"], done["imported_clips"], done["clips"]) == ("tgif", 0, 3, 3)
    outside, inside = said(flyreel, "stats", "TGIF"), said(flyreel, "stats", "project")
    assert {**outside, "source": "", "format": ""} == {**inside, "source": "", "format": ""}


def test_a_folder_of_videos_becomes_clips_with_what_stands_beside_them(flyreel: Flyreel, videos: Path) -> None:
    ran = flyreel("import", "auto", "videos", "--into", "project")
    assert ran.code == 0
    assert ran.out == "2 clips read as folder into project (version 1, 2 in all)\n"
    told = [line for line in ran.err.splitlines() if "clips measured" not in line]
    assert told[0] == "  row 2: ends-before-it-starts: one.en.srt, line 6: from 4.0 s to 3.0 s"
    assert [line.rsplit(": ", 2)[1] for line in told[1:]] == ["empty", "empty"], "a file without a byte was measured"
    found = said(flyreel, "stats", "project")
    assert found["cues"] == {"dialogue": 1, "description": 1, "caption": 1}
    assert (found["groups"], found["sentences"], found["tokens"]) == (2, 2, 6)


def test_a_project_with_both_is_counted_side_by_side(flyreel: Flyreel, tgif: Path, tmp_path: Path) -> None:
    """The counts of questions keep their names and places; those of clips stand beside them."""
    header = "gif_name\tquestion\tanswer\tvid_id\tkey\n"
    (tmp_path / "count.csv").write_text(f"{header}tumblr_a1_r1_500\tHow often does he glare ?\t3\tCOUNT1\t1\n")
    said(flyreel, "import", "auto", "TGIF", "--into", "project")
    done = said(flyreel, "import", "auto", "count.csv", "--into", "project")
    assert (done["format"], done["imported"], done["questions"], done["version"]) == ("tgif-qa", 1, 1, 1)
    assert (done["imported_clips"], done["clips"], done["clips_version"]) == (0, 3, 1)
    found = said(flyreel, "stats", "project")
    assert (found["questions"], found["clips"], found["clip_stats"]["clips"]) == (1, 1, 3)
    table = flyreel("stats", "project")
    assert table.code == 0
    for words in ("  questions              1\n", "sentences per clip", "train", "not measured"):
        assert words in table.out
    assert "clip_stats" not in said(flyreel, "stats", "count.csv")


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("import auto empty --into p", "empty: a folder without flyreel.toml, and neither videos"),
        ("import folder empty --into p", "empty: no video in this folder"),
        ("import folder TGIF/tgif-v1.0.tsv --into p", "not a folder"),
        ("import tgif empty --into p", "no such file"),
        ("import tgfi TGIF --into p", "tgfi: no such format. Did you mean tgif"),
        ("import next-qa TGIF --into p", "TGIF: a folder without flyreel.toml"),
        ("import auto TGIF --into empty", "other things in it"),
        ("stats empty", "empty: a folder without flyreel.toml, and neither videos"),
        ("stats nothing.tsv", "no such file"),
    ],
)
def test_a_slip_is_one_line_and_leaves_no_project(
    flyreel: Flyreel, tgif: Path, tmp_path: Path, command: str, says: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "notes.txt").write_text("words\n")
    ran = flyreel(*command.split())
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("flyreel: ") and ran.err.count("\n") == 1
    assert says in ran.err
    assert not (tmp_path / "p").exists()
