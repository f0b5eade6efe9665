"""A tiny random T5 learns from what a captioner says that knows the script: the captions must be worth something, and
the baseline must show what is not theirs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flyreel.errors import InputError
from flyreel.models.fake import FakeServer
from flyreel.tables import write_jsonl

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from flyreel.train.recipes.caption_qa import open_model, train  # noqa: E402

SILENT: Callable[[str], None] = lambda line: None  # noqa: E731


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_captions_of_the_truth_are_worth_something_and_the_baseline_shows_how_much(
    films: Any, script_of: Any, settings: Any, answered: Any, serving: Any, tmp_path: Path
) -> None:
    """Sixty held-out questions about place and light: who reads the captions is right far more often than who reads
    the question, and what was learnt is what answers."""
    source = films(tmp_path / "films", 60)
    script = script_of(tmp_path / "films", 60)
    given = settings(source, "", steps=200, batch=16)
    with serving(script) as server:
        given = replace(given, captioner=server.url)
        result = train(given, tmp_path / "run", SILENT)["result"]
        assert len(script.asked) == len(set(script.told)), "a frame was described twice"
        assert len(set(script.asked)) == 1, "a question, an answer or a cue went to the captioner"
        held = lines_of(tmp_path / "run" / "held.jsonl")
        said = asyncio.run(answered(open_model(tmp_path / "run"), source, given))
        assert said == {r["question"]: r["written"] for r in held}
        assert server.requests == len(script.asked), "what was described in training was asked again"
    assert result["accuracy"]["n"] == result["baseline"]["accuracy"]["n"] == len(held) == 60
    print(result["accuracy"]["accuracy"], result["baseline"]["accuracy"]["accuracy"], result["added"])
    assert result["added"]["by"] == "captions" and result["added"]["ci95"][0] > 0.1
    assert result["baseline"]["accuracy"]["accuracy"] < 0.4, "from the question alone it is a guess"
    losses = [r["loss"] for r in lines_of(tmp_path / "run" / "log.jsonl")]
    assert losses[-1] < 0.5 * losses[0]
    told = (tmp_path / "run" / "README.md").read_text()
    assert "Captions add +" in told and "question and options alone" in told


@pytest.mark.parametrize("where", ["baseline", "with captions"])
def test_a_run_that_was_cut_off_goes_on_to_the_same_weights(
    few: Path, settings: Any, served: FakeServer, tmp_path: Path, where: str
) -> None:
    given = settings(few, served.url, keep_every=2, accumulate=2, steps=5)
    whole = train(given, tmp_path / "whole", SILENT)
    asked, part = served.requests, ""

    def cut_off(line: str) -> None:
        nonlocal part
        part = next((name for name in ("baseline", "with captions") if line.startswith(name)), part)
        if part == where and "step 5" in line:
            raise RuntimeError(line)

    with pytest.raises(RuntimeError, match="step 5"):
        train(given, tmp_path / "cut", cut_off)
    before = served.requests
    parted = train(given, tmp_path / "cut", SILENT)
    assert before == 2 * asked and served.requests == before, "captions were asked again"
    assert parted["result"] == whole["result"]
    for model in ("model", "baseline/model"):
        one, other = ((tmp_path / name / model / "model.safetensors").read_bytes() for name in ("whole", "cut"))
        assert one == other


@pytest.mark.parametrize(
    "wrong",
    [{name: 0} for name in ("frames", "tokens", "steps", "batch", "accumulate", "rate", "keep_every")]
    + [{"alike": 1.5}, {"gamma": -1.0}, {"smoothing": 2.0}, {"concurrency": -1}, {"rate": float("nan")}],
)
def test_a_setting_that_cannot_be_is_one_line_before_anything_is_asked(
    few: Path, settings: Any, served: FakeServer, tmp_path: Path, wrong: dict[str, Any]
) -> None:
    (name,) = wrong
    with pytest.raises(InputError, match=f"^--set {name}=.*[^\n]$"):
        train(settings(few, served.url, **wrong), tmp_path / "run", SILENT)
    assert not served.requests and not (tmp_path / "run").exists()


@pytest.mark.parametrize("loss", ["mel", "adatailr-sample-noise"])
def test_a_loss_that_cannot_be_is_found_before_captions_are_paid(
    few: Path, settings: Any, served: FakeServer, tmp_path: Path, loss: str
) -> None:
    with pytest.raises(InputError, match=f"--loss {loss}"):
        train(settings(few, served.url, loss=loss), tmp_path / "run", SILENT)
    assert not served.requests and not (tmp_path / "run").exists()


@pytest.mark.parametrize("rank", ["0", "1"])
def test_several_processes_do_not_each_pay_for_captions(
    few: Path, settings: Any, served: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rank: str
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", rank)
    with pytest.raises(InputError, match="one process, and 2 were launched"):
        train(settings(few, served.url), tmp_path / "run", SILENT)
    assert not served.requests and not (tmp_path / "run").exists()


def test_what_dialogue_adds_is_not_told_as_what_captions_add(
    few: Path, settings: Any, served: FakeServer, tmp_path: Path
) -> None:
    """The baseline hears nothing either, so the difference is of both."""
    cue = {"kind": "dialogue", "start": 0.0, "end": 1.0, "speaker": None, "text": "Look ."}
    clips = [
        {**row, "path": str(few.parent / row["path"]), "cues": [cue]} for row in lines_of(few.parent / "clips.jsonl")
    ]
    write_jsonl(tmp_path / "clips.jsonl", clips)
    write_jsonl(tmp_path / "questions.jsonl", lines_of(few))
    for dialogue, name in ((True, "captions and dialogue"), (False, "captions")):
        out = tmp_path / f"run-{dialogue}"
        said: list[str] = []
        given = settings(tmp_path / "questions.jsonl", served.url, dialogue=dialogue, steps=1,
                         calls=str(tmp_path / "calls"))  # fmt: skip
        result = train(given, out, said.append)["result"]
        assert result["reads"] == result["added"]["by"] == name
        line = f"{name.capitalize()} add "
        assert line in (out / "README.md").read_text() and said[-1].startswith(line)
        assert f"with {name}:" in said


def test_a_captioner_that_is_not_there_is_said_in_one_line(few: Path, settings: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--set captioner="):
        train(settings(few, ""), tmp_path / "run", SILENT)
    with pytest.raises(InputError, match="no model answers there"):
        train(settings(few, "http://127.0.0.1:9/v1"), tmp_path / "run", SILENT)
    assert not (tmp_path / "run").exists(), "the next try would be refused as another run"
