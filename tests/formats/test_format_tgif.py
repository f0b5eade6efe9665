"""TGIF: no header, several sentences to a GIF, and split files of addresses beside it."""

from __future__ import annotations

import json

import pytest

from flyreel.errors import InputError
from flyreel.formats.base import read
from flyreel.formats.clip_source import read_clips

A = "https://38.media.tumblr.com/9f6c25cc350f12aa74a7dc386a5c4985/tumblr_mevmyaKtDf1rgvhr8o1_500.gif"
B = "https://38.media.tumblr.com/9ead028ef62004ef6ac2b92e52edd210/tumblr_nok4eeONTv1s2yegdo1_400.gif"
C = "https://33.media.tumblr.com/0a1/tumblr_c_250.gif"


def tsv(folder, *rows):
    folder.mkdir(exist_ok=True)
    (folder / "tgif-v1.0.tsv").write_text("".join(f"{url}\t{sentence}\n" for url, sentence in rows))
    return folder / "tgif-v1.0.tsv"


ROWS = ((A, "a man is glaring, and someone with sunglasses appears."), (B, 'a cat says "no'), (A, "a man glares"))


@pytest.mark.parametrize("name", [None, "tgif"])
@pytest.mark.parametrize("whole_folder", [True, False])
def test_sentences_gather_at_their_gif(tmp_path, name, whole_folder):
    path = tsv(tmp_path / "data", *ROWS)
    found = read_clips(path.parent if whole_folder else path, name)
    assert (found.format, found.problems, found.questions) == ("tgif", [], None)
    assert found.clips.to_rows() == [
        {
            "id": "tumblr_mevmyaKtDf1rgvhr8o1_500",
            "source": A,
            "group": "tumblr_mevmyaKtDf1rgvhr8o1_500",
            "cues": [
                {"start": 0, "end": 0, "kind": "caption", "text": ROWS[0][1]},
                {"start": 0, "end": 0, "kind": "caption", "text": "a man glares"},
            ],
        },
        {
            "id": "tumblr_nok4eeONTv1s2yegdo1_400",
            "source": B,
            "group": "tumblr_nok4eeONTv1s2yegdo1_400",
            "cues": [{"start": 0, "end": 0, "kind": "caption", "text": 'a cat says "no'}],
        },
    ]


@pytest.mark.parametrize("below", ["", "splits"])
def test_splits_stand_beside_the_list_or_below(tmp_path, below):
    path = tsv(tmp_path, *ROWS, (C, "a dog"))
    (tmp_path / below).mkdir(exist_ok=True)
    (tmp_path / below / "train.txt").write_text(f"{A}\n\n{B}\n")
    (tmp_path / below / "test.txt").write_text(f"{B}\r\nhttps://example.org/gone.gif\n")
    found = read_clips(path)
    assert found.clips.strings("split", "none") == ["train", "train", "none"]
    assert [(p.line, p.reason) for p in found.problems] == [(1, "in-two-splits"), (2, "split-without-caption")]
    assert "test.txt" in found.problems[0].detail and "train" in found.problems[0].detail


def test_questions_of_tgif_qa_find_their_clips(tmp_path):
    (tmp_path / "count.csv").write_text(
        "gif_name\tquestion\tanswer\tvid_id\tkey\ntumblr_nok4eeONTv1s2yegdo1_400\tHow often ?\t3\tCOUNT1\t1\n"
    )
    (question,) = read(tmp_path / "count.csv").questions.to_rows()
    assert question["clip"] in read_clips(tsv(tmp_path, *ROWS)).clips.ids


def test_one_name_under_two_addresses_is_two_clips(tmp_path):
    other = A.replace("38.media", "33.media")
    found = read_clips(tsv(tmp_path, (A, "one"), (other, "two"), (A, "three")))
    assert found.clips.ids == ["tumblr_mevmyaKtDf1rgvhr8o1_500", "tumblr_mevmyaKtDf1rgvhr8o1_500~2"]
    assert [len(cues) for cues in found.clips.cues] == [2, 1]


def test_broken_lines_are_problems_and_the_others_go_on(tmp_path):
    path = tmp_path / "list.tsv"
    path.write_bytes(
        f"{A}\tgood\n".encode()
        + b"no tab\n\n"
        + f"{B}\tone\ttwo\n{B}\t  \nnot a url\ttext\n".encode()
        + f"{B}\tcaf".encode() + b"\xe9\n" + f"{C}\tlast".encode()
    )  # fmt: skip
    found = read_clips(path)
    assert [c[0]["text"] for c in found.clips.cues] == ["good", "last"]
    assert [(p.line, p.reason) for p in found.problems] == [
        (2, "wrong-column-count"),
        (4, "wrong-column-count"),
        (5, "empty-caption"),
        (6, "bad-url"),
        (7, "not-utf8"),
    ]


@pytest.mark.parametrize(
    "text",
    ["gif_name\tquestion\tanswer\nx\ty\tz\n", "url\tsentence\n", f"{A}\n", f"{A}\tone\ttwo\n", f"{A},a man\n", "\n"],
)
def test_what_is_not_tgif_is_left_to_the_others(tmp_path, text):
    (tmp_path / "x.tsv").write_text(text)
    assert read_clips(tmp_path / "x.tsv") is None


def test_a_folder_with_the_list_and_videos_is_tgif_and_not_a_folder_of_videos(tmp_path):
    path = tsv(tmp_path, *ROWS)
    (tmp_path / "a.gif").write_bytes(b"GIF89a")
    assert read_clips(path.parent).format == "tgif"


def test_named_and_unusable_is_one_line(tmp_path):
    (tmp_path / "x.tsv").write_text("url\tsentence\n")
    with pytest.raises(InputError, match=r"x\.tsv: no usable clip, read as tgif\. row 1: bad-url"):
        read_clips(tmp_path / "x.tsv", "tgif")
    with pytest.raises(InputError, match="no such file"):
        read_clips(tmp_path / "y.tsv", "tgif")


def test_a_canonical_question_file_is_no_clip_source(tmp_path):
    (tmp_path / "q.jsonl").write_text(json.dumps({"id": "1", "question": "?", "source": "x", "answer": "y"}))
    assert read_clips(tmp_path / "q.jsonl") is None
