"""What the hub would give, tiny and random, and one finished run that learnt from the questions of a small toybox."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flyreel.toybox.make import Plan, make

SIZE = {"hidden_size": 32, "num_attention_heads": 4, "intermediate_size": 64}


@pytest.fixture(scope="session")
def toybox(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("toybox")
    make(Plan(seed=21, clips=6, questions=2, width=96), folder)
    return folder


@pytest.fixture(scope="session")
def files() -> dict[str, Any]:
    """Settings of a run that learns from question files."""
    return {"frames": 3, "queries": 4, "batch": 4, "look_at": 4, "steps": 20, "keep_every": 4, "rate": 5e-3,
            "rate_pretrained": 5e-3}  # fmt: skip


@pytest.fixture(scope="session")
def parts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the hub would give: a CLIP, a BLIP-2 whose Q-Former was made for another encoder, and a GPT-2."""
    import torch
    import transformers
    from safetensors.torch import save_file

    root = tmp_path_factory.mktemp("parts")
    torch.manual_seed(3)
    clip = transformers.CLIPVisionModel(
        transformers.CLIPVisionConfig(**SIZE, num_hidden_layers=3, image_size=28, patch_size=14)
    )
    clip.save_pretrained(root / "clip")
    transformers.CLIPImageProcessorPil(
        size={"shortest_edge": 28}, crop_size={"height": 28, "width": 28}
    ).save_pretrained(root / "clip")
    config = transformers.Blip2QFormerConfig(**SIZE, num_hidden_layers=2, encoder_hidden_size=44)
    former = transformers.Blip2QFormerModel(config)
    (root / "blip").mkdir()
    (root / "blip" / "config.json").write_text(json.dumps({"qformer_config": config.to_dict()}))
    held = {f"qformer.{name}": t.contiguous() for name, t in former.state_dict().items()}
    save_file({**held, "query_tokens": torch.randn(1, 6, 32), "vision_model.x": torch.zeros(2)},
              root / "blip" / "model.safetensors")  # fmt: skip
    tokenizer = _tokenizer()
    gpt = transformers.GPT2Config(
        vocab_size=len(tokenizer), n_positions=64, n_embd=32, n_layer=2, n_head=4, bos_token_id=0, eos_token_id=0
    )
    transformers.GPT2LMHeadModel(gpt).save_pretrained(root / "gpt")
    tokenizer.save_pretrained(root / "gpt")
    return {"vision": f"clip:{root / 'clip'}", "qformer": str(root / "blip"), "model": str(root / "gpt")}


def _tokenizer() -> Any:
    import transformers
    from tokenizers import Tokenizer, models, pre_tokenizers

    from flyreel.train.st_llm import data

    said = [w for text in ("Question : ? . , Answer Description", *data.toy_vocabulary().known) for w in text.split()]
    said += [w.capitalize() for w in said]
    known = dict.fromkeys(["<|endoftext|>", "<unk>", *said])
    words = Tokenizer(models.WordLevel({w: i for i, w in enumerate(known)}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=words, unk_token="<unk>", eos_token="<|endoftext|>", bos_token="<|endoftext|>"
    )


@pytest.fixture
def eyes(tmp_path: Path) -> str:
    """A finished run of toy-eyes that learnt nothing."""
    from safetensors.torch import save_file

    from flyreel.train import runs
    from flyreel.train.recipes import toy_eyes

    made = runs.open_run(tmp_path / "eyes", "toy-eyes", {}, {}, lambda line: None)
    made.model.mkdir()
    save_file(toy_eyes.untrained().state_dict(), made.model / "eyes.safetensors")
    made.finish({}, "")
    return f"eyes:{tmp_path / 'eyes'}"


@pytest.fixture(scope="session")
def trained(
    toybox: Path, parts: dict[str, str], files: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    from flyreel.train import run

    out = tmp_path_factory.mktemp("runs") / "whole"
    run.train("st-llm", out, {"source": str(toybox / "questions.jsonl"), **parts, **files}, lambda line: None)
    return out
