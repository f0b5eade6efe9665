"""Tiny random models of two families learn from real films: what moves, what is kept, what a killed run comes to."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytest.importorskip("peft")

from safetensors.torch import load_file  # noqa: E402

from flyreel.errors import InputError  # noqa: E402
from flyreel.train import run  # noqa: E402
from flyreel.train.data import data  # noqa: E402
from flyreel.train.loop import Fitted  # noqa: E402
from flyreel.train.recipes import video_chat  # noqa: E402
from flyreel.train.recipes.video_chat import Settings, open_model, train  # noqa: E402

SEES = ["video_llava", "qwen2_vl"]
WITHOUT_BITS = pytest.mark.skipif(importlib.util.find_spec("bitsandbytes") is not None, reason="bitsandbytes is there")


def log(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("family", SEES)
def test_it_learns(trained: Any, family: str) -> None:
    rows = [row["loss"] for row in log(trained(family)) if "loss" in row]
    assert rows[-1] < 0.8 * rows[0], f"the loss does not fall: {rows}"
    told = json.loads((trained(family) / "run.json").read_text())
    assert 0 <= told["result"]["best"]["accuracy"] <= 1 and told["result"]["best"]["loss"] > 0
    card = (trained(family) / "README.md").read_text()
    assert f"the best of 2 looks at {told['result']['looked_at']} questions, which chose these weights" in card
    assert told["about"]["data"]["digest"] in card and "Here: apache-2.0" in card


@pytest.mark.parametrize("family", SEES)
def test_nothing_frozen_has_moved(saved: Any, trained: Any, family: str) -> None:
    before = load_file(saved(family) / "model.safetensors")
    after = load_file(trained(family) / "model" / "merged" / "model.safetensors")
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    linear = ("q_proj.weight", "k_proj.weight", "v_proj.weight", "o_proj.weight", "gate_proj.weight", "up_proj.weight",
              "down_proj.weight")  # fmt: skip
    assert before.keys() == after.keys()
    assert moved == {n for n in before if n.endswith(linear) and not re.search("tower|visual", n)}
    whole = transformers.AutoModelForImageTextToText.from_pretrained(trained(family) / "model" / "merged")
    assert not hasattr(whole, "peft_config"), "no plain program opens it"
    adapter = load_file(trained(family) / "model" / "adapter" / "adapter_model.safetensors")
    assert len(adapter) == 2 * 14 and all("lora_" in name for name in adapter)


def test_a_run_answers_with_its_weights_whether_merged_or_not(
    trained: Any, saved: Any, asked: Path, call_of: Any, said: Any, tmp_path: Path
) -> None:
    lean = shutil.copytree(trained("qwen2_vl"), tmp_path / "lean")
    shutil.rmtree(lean / "model" / "merged")
    call = call_of(data(asked, held=0).train[0], tmp_path / "frames")
    whole, joined = open_model(trained("qwen2_vl")), open_model(lean)
    assert (whole.label, joined.label) == ("qwen2_vl", "lean")
    moved = shutil.copytree(lean, tmp_path / "moved")
    shutil.copytree(saved("qwen2_vl"), tmp_path / "elsewhere")
    config = moved / "model" / "adapter" / "adapter_config.json"
    config.write_text(config.read_text().replace(str(saved("qwen2_vl")), str(tmp_path / "elsewhere")))
    assert open_model(moved).identity == joined.identity != whole.identity, "the ledger does not know it again"
    one, other = said(whole, call), said(joined, call)
    assert one[0] == other[0] and one[1] == pytest.approx(other[1], abs=1e-4)
    base = shutil.copytree(saved("qwen2_vl"), tmp_path / "base")
    template = base / "chat_template.jinja"
    template.write_text(template.read_text() + " ")
    config = lean / "model" / "adapter" / "adapter_config.json"
    config.write_text(config.read_text().replace(str(saved("qwen2_vl")), str(base)))
    with pytest.raises(InputError, match="made for another"):
        open_model(lean)


def test_a_run_that_was_killed_goes_on_to_the_same_weights(
    given: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With dropout in its adapters, held-out questions between its steps, and a loss that has a state."""
    settings = given("qwen2_vl", steps=6, loss="adatailr-bias-variance", merge=False)
    train(settings, tmp_path / "straight", lambda line: None)
    made = video_chat.chat_batch
    left = iter(range(11))

    def killed(*args: Any, **kwargs: Any) -> Any:
        if next(left, None) is None:
            raise InterruptedError
        return made(*args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(video_chat, "chat_batch", killed)
        with pytest.raises(InterruptedError):
            train(settings, tmp_path / "twice", lambda line: None)
    assert (tmp_path / "twice" / "checkpoint").is_dir(), "it was killed before anything was kept"
    heard: list[str] = []
    train(settings, tmp_path / "twice", heard.append)
    assert any("goes on after step" in line for line in heard)
    for name in ("adapter_model.safetensors", "adapter_config.json"):
        one, other = ((tmp_path / n / "model" / "adapter" / name).read_bytes() for n in ("straight", "twice"))
        assert one == other, name


def test_only_adapters_are_kept(given: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[dict[str, Any]] = []
    monkeypatch.setattr("flyreel.train.runs.Run.keep", lambda self, step, tensors, notes: kept.append(dict(tensors)))
    train(given("video_llava", steps=2, merge=False, look_every=9), tmp_path / "out", lambda line: None)
    adapters = sum(8 * sum(size) for size in [(32, 32), (32, 16), (32, 16), (32, 32), (32, 64), (32, 64), (64, 32)]) * 2
    assert kept and all(t.numel() < adapters for tensors in kept for t in tensors.values())
    assert not any("tower" in name or "embed" in name for tensors in kept for name in tensors)


@pytest.mark.parametrize("loss", ["tailr", "adatailr-bias-variance"])
def test_other_losses(given: Any, tmp_path: Path, loss: str) -> None:
    straight = given("video_llava", steps=2, merge=False)
    made = {}
    for name in ("mle", loss):
        train(replace(straight, loss=name), tmp_path / name, lambda line: None)
        made[name] = (tmp_path / name / "model" / "adapter" / "adapter_model.safetensors").read_bytes()
    assert made["mle"] != made[loss], "another loss learns the same"
    assert any(0 < row["weight"] <= 1 for row in log(tmp_path / loss) if "weight" in row)


@pytest.fixture
def without(asked: Path, tmp_path: Path) -> Callable[[str], Path]:
    """The same questions, where clips of those samples cannot be read."""

    def made(which: str) -> Path:
        folder = shutil.copytree(asked.parent, tmp_path / "broken")
        for sample in getattr(data(folder / asked.name, held=0.25), which):
            assert sample.item.video is not None
            sample.item.video.write_bytes(b"")
        return folder / asked.name

    return made


def test_held_out_questions_that_cannot_be_shown_choose_no_weights(given: Any, tmp_path: Path, without: Any) -> None:
    """A loss of 0 over nothing would be the best that there can be."""
    settings = given("qwen2_vl", source=str(without("held")), steps=2, look_every=1, watch="loss", merge=False)
    made = train(settings, tmp_path / "out", lambda line: None)["result"]
    assert made["best"] == {} and made["steps"] == 2
    assert [row["held_loss"] for row in log(tmp_path / "out") if "held_loss" in row] == [None, None]
    assert made["left_out"] == {"train": {}, "held": {"empty": made["looked_at"]}} and made["looked_at"] > 1
    assert f"2 looks at {made['looked_at']} questions told nothing" in (tmp_path / "out" / "README.md").read_text()


def test_a_run_without_a_question_that_can_be_shown_says_why(given: Any, tmp_path: Path, without: Any) -> None:
    settings = given("qwen2_vl", source=str(without("train")), steps=3, look_every=9, merge=False)
    with pytest.raises(InputError, match=r"nothing was learnt, as no question can be shown: empty \d+$"):
        train(settings, tmp_path / "out", lambda line: None)
    assert not (tmp_path / "out" / "model").exists()


def test_an_epoch_is_an_epoch_with_several_processes(given: Any, tmp_path: Path, monkeypatch: Any) -> None:
    """A step is then one of several times as many questions."""
    monkeypatch.setattr(
        video_chat, "fit", lambda run, model, optimiser, plan, *_: seen.append(plan) or Fitted(0, {}, 0)
    )
    seen: list[Any] = []
    for count in (1, 2):
        monkeypatch.setattr(video_chat.launched, "count", lambda count=count: count)
        settings = given("qwen2_vl", steps=0, epochs=4.0, batch=1, accumulate=1, look_every=0, merge=False)
        train(settings, tmp_path / str(count), lambda line: None)
    one, two = seen
    assert (two.steps, two.look_every) == (one.steps / 2, one.look_every / 2)


def test_by_its_name(given: Any, tmp_path: Path) -> None:
    settings = asdict(given("video_llava", steps=1, gradient_checkpointing=True, bf16=True))
    plain = {name: value for name, value in settings.items() if value != getattr(Settings(), name)}
    made = run.train("video-chat", tmp_path / "out", plain, lambda line: None)
    assert made["recipe"] == "video-chat" and (tmp_path / "out" / "model" / "merged" / "config.json").is_file()
    assert not (tmp_path / "out" / "frames").exists()


@pytest.mark.parametrize(
    ("family", "wrong", "line"),
    [
        ("llama", {}, "a model of text"),
        ("video_llava", {"source": ""}, "name a question file"),
        ("video_llava", {"frames_as": "film"}, "images or video"),
        ("qwen2_vl", {"frames_as": "video"}, "takes no video here"),
        ("video_llava", {"watch": "bleu"}, "accuracy or loss"),
        ("video_llava", {"rank": 0}, "rank=0: must be more than 0"),
        ("video_llava", {"dropout": 1.0}, "dropout=1"),
        ("video_llava", {"loss": "kl"}, "no such loss"),
        ("video_llava", {"target": "fc1"}, "no fc1 here; it has down_proj"),  # there is one, in a tower that sees
        pytest.param("video_llava", {"four_bit": True}, "pip install bitsandbytes", marks=WITHOUT_BITS),
        ("video_llava", {"selector": "none"}, "none"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_one_line(given: Any, tmp_path: Path, family: str, wrong: Any, line: str) -> None:
    with pytest.raises(InputError, match=line) as error:
        train(given(family, **wrong), tmp_path / "out", lambda line: None)
    assert "\n" not in str(error.value)


def test_four_bits_go_on_learning_once_they_were_looked_at(given: Any, tmp_path: Path) -> None:
    """Where bitsandbytes is installed, with or without a GPU."""
    pytest.importorskip("bitsandbytes")
    settings = given("video_llava", four_bit=True, batch=4, accumulate=1, steps=20, look_every=2, watch="loss")
    train(settings, out := tmp_path / "out", lambda line: None)
    rows = [row["loss"] for row in log(out) if "loss" in row]
    assert rows[-1] < 0.8 * rows[0], f"the loss does not fall: {rows}"
    assert "quantization_config" not in json.loads((out / "model" / "merged" / "config.json").read_text())
    assert open_model(out).sees
