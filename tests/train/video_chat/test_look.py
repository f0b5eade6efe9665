"""What is measured while a model learns is what `evaluate` would find."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")

from flyreel.engine.local import Silent
from flyreel.evaluate import session
from flyreel.evaluate.pictures import Choosing
from flyreel.models._opening import opened
from flyreel.train.data import Frames, data
from flyreel.train.video_chat import look


def test_held_out_accuracy_is_that_of_evaluate(trained: Any, asked: Path, saved: Any, tmp_path: Path) -> None:
    """The same frames, prompt and reading of replies, question by question."""
    out = trained("video_llava")
    samples = data(asked, held=0).train
    frames = Frames(Choosing(2, longest=64), tmp_path / "frames")
    right = look.right(opened(str(out / "model" / "merged")), frames, "video", samples)
    evaluated = session.run(
        session.Request(asked, models=(f"run:{out}",), views=("full",), k=2, size=64, tokens=look.ROOM,
                        out=tmp_path / "out"),
        say=lambda line: None, progress=lambda label: Silent(),
    )  # fmt: skip
    keys = {sample.item.id: sample.key for sample in samples}
    (predictions,) = evaluated.folder.glob("predictions-*.jsonl")
    rows = [json.loads(line) for line in predictions.read_text().splitlines()]
    theirs = {row["question"]: row.get("answer") == keys[row["question"]] for row in rows}
    assert theirs == {sample.item.id: hit for sample, hit in zip(samples, right, strict=True)}
    assert any(right), "it has learnt nothing, so this compares nothing"
