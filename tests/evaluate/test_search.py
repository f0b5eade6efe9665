"""Clips by captions and captions by clips, on films whose captions are known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from flyreel.errors import InputError, MissingExtra
from flyreel.evaluate import search
from flyreel.evaluate.search import Gallery, Request, alone, both_ways, run
from flyreel.tables import write_jsonl
from flyreel.toybox.make import Plan, make


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("toybox")
    make(Plan(seed=9, clips=6, questions=0), folder)
    return folder / "clips.jsonl"


def quiet(done: int, total: int) -> None:
    pass


def test_both_ways_by_hand():
    gallery = Gallery(groups=["a", "b"], captions=["x", "y", "z"], owner=[0, 0, 1])
    texts = np.array([[1.0, 0.0], [0.0, 1.0], [0.2, 1.0]])
    told = both_ways(np.eye(2), texts, gallery)
    assert told["text_to_video"]["R@1"]["accuracy"] == pytest.approx(2 / 3), "the caption y finds the other clip"
    assert told["video_to_text"]["R@1"]["accuracy"] == pytest.approx(0.75), "clip b ties y and z, and z is its own"
    assert told["text_to_video"]["median_rank"] == 1 and told["video_to_text"]["candidates"] == 3


def test_shuffled_captions_find_by_chance():
    """The control: with owners that mean nothing, R@1 is chance."""
    rng = np.random.default_rng(0)
    n = 300
    gallery = Gallery(groups=[str(i) for i in range(n)], captions=["x"] * n, owner=rng.permutation(n).tolist())
    told = both_ways(rng.standard_normal((n, 16)), rng.standard_normal((n, 16)), gallery)
    low, high = told["text_to_video"]["R@10"]["ci95"]
    assert low < told["text_to_video"]["R@10"]["chance"] < high


def test_what_cannot_be_used_is_counted(clips: Path, tmp_path: Path):
    rows = [json.loads(line) for line in clips.read_text().splitlines()]
    rows = [{**r, "path": str(clips.parent / r["path"])} for r in rows]
    rows[0].pop("cues")
    rows[1]["path"] = "nowhere.mp4"
    (tmp_path / "broken.mp4").write_bytes(b"no film")
    rows[2]["path"] = "broken.mp4"
    write_jsonl(tmp_path / "clips.jsonl", rows)
    told = run(Request(tmp_path / "clips.jsonl", "toyclip", out=tmp_path), quiet)
    assert told["left_out"] == {"no-caption": 1, "missing-clip": 1, "unreadable-clip": 1} and told["clips"] == 3
    assert json.loads((tmp_path / "retrieval.json").read_text())["captions"] == told["captions"]


def test_what_is_not_about_the_clip_is_not_taken_for_it(clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """An embedder that fails fails on every clip: told of each, they would all be unreadable."""

    class Lacking:
        id, size = "lacking", (8, 8)

        def images(self, frames: np.ndarray) -> np.ndarray:
            raise MissingExtra("its weights", "models")

    monkeypatch.setattr(search, "open_embedder", lambda name: Lacking())
    with pytest.raises(MissingExtra):
        run(Request(clips, "lacking", out=tmp_path), quiet)


def test_results_go_beside_where_nothing_is_said(clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    told = run(Request(clips, "toyclip", k=2), quiet)
    assert json.loads((tmp_path / "clips.evaluate" / "retrieval.json").read_text())["clips"] == told["clips"]


def test_an_option_about_questions_is_refused():
    with pytest.raises(InputError, match="--split is about questions"):
        alone(["--split", "--model"])
    alone([])


def test_a_file_of_questions_is_refused(tmp_path: Path):
    write_jsonl(tmp_path / "q.jsonl", [{"id": "q", "question": "Who?", "choices": ["a", "b"], "answer": 0}])
    with pytest.raises(InputError, match="lists no clips"):
        run(Request(tmp_path / "q.jsonl", "toyclip", out=tmp_path), quiet)
