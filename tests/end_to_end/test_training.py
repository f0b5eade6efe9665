"""`flyreel train`, and then `evaluate` and `ask` of what it made, as a person runs them: a toybox to learn from, tiny
models of random weights to begin with, two steps. What comes of it knows nothing; that it can be asked is the test.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

Program = Any
Model = Callable[[str], str]

SPELT = (
    "<pad> <unk> <s> </s> <image> USER ASSISTANT : Answer A B C D E ) * . ? video frames of the question options who "
    "what is red blue green first last how many letter You"
)
SMALL = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}


@pytest.fixture(scope="module")
def toybox(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from flyreel.toybox.make import Plan, make

    folder = tmp_path_factory.mktemp("made")
    make(Plan(seed=11, clips=4, questions=2), folder)
    return folder / "questions.jsonl"


@pytest.fixture
def film(toybox: Path) -> str:
    return str(next((toybox.parent / "clips").glob("*.mp4")))


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """The folder of a tiny model of that kind."""
    root = tmp_path_factory.mktemp("models")

    def saved(kind: str) -> str:
        folder = root / kind
        if not folder.is_dir():
            torch.manual_seed(1)
            {"llava": _llava, "t5": _t5, "clip": _clip}[kind](folder)
        return str(folder)

    return saved


def _tokenizer(folder: Path) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = Tokenizer(models.WordLevel({w: i for i, w in enumerate(SPELT.split())}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token="<pad>", unk_token="<unk>", bos_token="<s>", eos_token="</s>",
        additional_special_tokens=["<image>"],
    ).save_pretrained(folder)  # fmt: skip


def _images(folder: Path) -> None:
    shape = {"size": {"shortest_edge": 28}, "crop_size": {"height": 28, "width": 28}}
    transformers.CLIPImageProcessorPil(**shape).save_pretrained(folder)


def _llava(folder: Path) -> None:
    model = transformers.LlavaForConditionalGeneration(transformers.LlavaConfig(
        vision_config={"model_type": "clip_vision_model", **SMALL, "image_size": 28, "patch_size": 14},
        text_config={"model_type": "llama", **SMALL, "num_key_value_heads": 2, "vocab_size": len(SPELT.split()),
                     "max_position_embeddings": 512, "pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3},
        image_token_index=4, vision_feature_layer=-1,
    ))  # fmt: skip
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3) if parameter.ndim > 1 else None
    with torch.no_grad():
        model.lm_head.weight[3] = 0.0  # the end is never the likeliest: it always says something
    model.save_pretrained(folder)
    _tokenizer(folder)
    _images(folder)
    told = {"processor_class": "LlavaProcessor", "patch_size": 14, "vision_feature_select_strategy": "default",
            "num_additional_image_tokens": 1}  # fmt: skip
    (folder / "processor_config.json").write_text(json.dumps(told))


def _t5(folder: Path) -> None:
    transformers.T5ForConditionalGeneration(transformers.T5Config(
        vocab_size=len(SPELT.split()), d_model=16, d_kv=8, d_ff=32, num_layers=1, num_heads=2, pad_token_id=0,
        eos_token_id=3, decoder_start_token_id=0,
    )).save_pretrained(folder)  # fmt: skip
    _tokenizer(folder)


def _clip(folder: Path) -> None:
    text = {**SMALL, "vocab_size": len(SPELT.split()), "eos_token_id": 3, "bos_token_id": 2}
    transformers.CLIPModel(transformers.CLIPConfig(
        text_config=text, vision_config={**SMALL, "image_size": 28, "patch_size": 14}, projection_dim=16
    )).save_pretrained(folder)  # fmt: skip
    _tokenizer(folder)
    _images(folder)


def train(flyreel: Program, out: str, *words: str) -> Path:
    ran = flyreel("train", *words, "-o", out)
    assert ran.code == 0, ran.err
    assert out in ran.out and "Traceback" not in ran.err
    folder = Path(flyreel.here) / out
    facts = json.loads((folder / "run.json").read_text())
    assert facts["recipe"] == words[0] and facts["finished"]
    assert facts["command"].startswith(f"flyreel train {words[0]} ")
    assert (folder / "README.md").is_file() and not (folder / "checkpoint").exists()
    return folder


def settings(*pairs: str) -> list[str]:
    return [word for pair in pairs for word in ("--set", pair)]


SHOWN = ("-k", "3", "--size", "64", "--max-tokens", "4")


def test_runs_of_every_recipe_for_question_files_are_evaluated_beside_each_other(
    flyreel: Program, toybox: Path, tiny: Model
) -> None:
    """In one command, as they are compared; a run that cannot be evaluated would fail all of it."""
    source = str(toybox)
    small = "accumulate=1 frames=3 size=64 look_at=2 selector=uniform".split()
    train(flyreel, "chat", "video-chat", source, "--model", tiny("llava"), "--steps", "2", *settings(*small))
    small = [f"captioner=hf:{tiny('llava')}", *"frames=2 size=64 batch=2 baseline=false".split()]
    train(flyreel, "captions", "caption-qa", source, "--model", tiny("t5"), "--steps", "2", *settings(*small))
    small = "clip_layer=-1 frames=3 size=64 batch=2 queries=2 width=16 layers=1 heads=2 selector=uniform".split()
    eyes = f"vision=clip:{tiny('clip')}"
    train(flyreel, "tokens", "st-llm", source, "--steps", "2", *settings(eyes, "look_at=2", *small))

    for name in ("chat", "captions", "tokens"):
        data = json.loads((flyreel.here / name / "run.json").read_text())["about"]["data"]
        assert data.keys() == {"digest", "train", "held", "held_copies", "left_out"} and data["train"], name
    models = [word for name in ("chat", "captions", "tokens") for word in ("--model", f"run:{name}")]
    ran = flyreel("evaluate", source, *models, "--controls", *SHOWN, "--json", "-o", "out")
    assert ran.code == 0, ran.err
    told = json.loads(ran.out)
    assert set(told["models"]) == {"chat", "captions", "tokens"}
    for name, about in told["models"].items():
        assert len(about["views"]) == 6, name
        assert all(view["coverage"]["asked"] == told["questions"] for view in about["views"].values()), name


def test_toyvlm_makes_its_own_films_and_is_asked_about_another(flyreel: Program, film: str) -> None:
    small = settings("look_steps=2", "pool=4", "batch=2", "told=2", "held=2")
    train(flyreel, "run", "toyvlm", "--steps", "2", *small)
    choices = ("--choice", "Nobody", "--choice", "Somebody")
    ran = flyreel("ask", film, "Who is it?", *choices, "--model", "run:run", *SHOWN, "--json")
    assert ran.code == 0, ran.err
    told = json.loads(ran.out)
    assert told["model"] == "run" and len(told["frames"]) == 3
    assert (told["answer"] is None) == (told["failure"] is not None)


def test_a_run_that_was_cut_off_is_not_asked_and_goes_on(
    flyreel: Program, toybox: Path, film: str, tiny: Model
) -> None:
    small = "frames=2 size=64 accumulate=1 keep_every=1 look_at=1 look_every=1000 selector=uniform".split()
    words = ["video-chat", str(toybox), "--model", tiny("llava"), "--steps", "40", *settings(*small)]
    process = flyreel.start("train", *words, "-o", "run")
    assert process.stderr is not None
    said = iter(process.stderr.readline, "")
    assert any(line.strip().startswith("step 10") for line in said), "it ended before it told of a step"
    process.send_signal(signal.SIGKILL)
    flyreel.end(process)
    state = flyreel.here / "run" / "checkpoint" / "state.json"
    assert 0 < json.loads(state.read_text())["step"] < 40, "it ended before it was cut off"

    ran = flyreel("ask", film, "Who is it?", "--model", "run:run")
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1), ran.err
    assert "run:run: not finished; go on with: flyreel train video-chat " in ran.err and "-o run" in ran.err

    begun = json.loads((flyreel.here / "run" / "run.json").read_text())["started"]
    folder = train(flyreel, "run", *words)
    assert json.loads((folder / "run.json").read_text())["started"] == begun, "it is another run"
    rows = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows if "loss" in row] == [10, 20, 30, 40], "told twice, or not at all"
