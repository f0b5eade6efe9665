"""Tiny random models of three families, saved as the hub would give them, and a finished run of each that learnt."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flyreel.evaluate.pictures import Choosing
from flyreel.evaluate.showing import show
from flyreel.evaluate.views import VIEWS
from flyreel.toybox.make import Plan, make
from flyreel.train.data import Frames, Sample

TEXT = {
    "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 400, "pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3,
}  # fmt: skip
TEMPLATE = (
    "{% for m in messages %}{{ m['role'] }} : {% if m['content'] is string %}{{ m['content'] }}{% else %}"
    "{% for c in m['content'] %}{% if c['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>{% else %}"
    "{{ c['text'] }}{% endif %}{% endfor %}{% endif %} </s> {% endfor %}"
    "{% if add_generation_prompt %}assistant : {% endif %}"
)
MARKS = {
    "video_llava": ["<image>", "<video>"],
    "qwen2_vl": ["<|vision_start|>", "<|image_pad|>", "<|vision_end|>", "<|video_pad|>"],
    "llama": [],
}


def _tokenizer(special: list[str], text: str) -> Any:
    import transformers
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = sorted({*re.findall(r"\w+|[^\w\s]+", text), *"USER ASSISTANT user assistant system : A B C D E".split()})
    known = dict.fromkeys(["<pad>", "<unk>", "<s>", "</s>", *special, *words])
    level = Tokenizer(models.WordLevel({w: i for i, w in enumerate(known)}, unk_token="<unk>"))
    level.pre_tokenizer = pre_tokenizers.Whitespace()
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=level, pad_token="<pad>", unk_token="<unk>", bos_token="<s>", eos_token="</s>",
        additional_special_tokens=special,
    )  # fmt: skip


def _save(folder: Path, family: str, text: str) -> Path:
    import torch
    import transformers

    tokenizer = _tokenizer(MARKS[family], text)
    ids = dict(zip(MARKS[family], tokenizer.convert_tokens_to_ids(MARKS[family]), strict=True))
    writes = {**TEXT, "vocab_size": len(tokenizer)}
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    if family == "video_llava":
        seen = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
        model = transformers.VideoLlavaForConditionalGeneration(transformers.VideoLlavaConfig(
            vision_config={"model_type": "clip_vision_model", **seen, "image_size": 28, "patch_size": 14},
            text_config={"model_type": "llama", **writes}, vision_feature_layer=-1,
            image_token_index=ids["<image>"], video_token_index=ids["<video>"],
        ))  # fmt: skip
        crop = {"size": {"shortest_edge": 28}, "crop_size": {"height": 28, "width": 28}}
        transformers.VideoLlavaImageProcessor(**crop).save_pretrained(folder)
        processor = {"processor_class": "VideoLlavaProcessor", "patch_size": 14, "num_additional_image_tokens": 1}
        processor["vision_feature_select_strategy"] = "default"
    elif family == "qwen2_vl":
        seen = {"depth": 2, "embed_dim": 32, "hidden_size": 32, "num_heads": 4, "mlp_ratio": 2, "patch_size": 14}
        rope = {"rope_type": "default", "mrope_section": [1, 1, 2], "rope_theta": 10000.0}
        model = transformers.Qwen2VLForConditionalGeneration(transformers.Qwen2VLConfig(
            vision_config={**seen, "spatial_merge_size": 2, "temporal_patch_size": 2},
            text_config={**writes, "rope_parameters": rope},
            vision_start_token_id=ids["<|vision_start|>"], vision_end_token_id=ids["<|vision_end|>"],
            image_token_id=ids["<|image_pad|>"], video_token_id=ids["<|video_pad|>"],
        ))  # fmt: skip
        transformers.Qwen2VLImageProcessorPil(
            patch_size=14, merge_size=2, temporal_patch_size=2, size={"shortest_edge": 784, "longest_edge": 3136}
        ).save_pretrained(folder)
        processor = {"processor_class": "Qwen2VLProcessor"}
        (folder / "chat_template.jinja").write_text(TEMPLATE)
    else:
        model, processor = transformers.LlamaForCausalLM(transformers.LlamaConfig(**writes)), None
    for name, parameter in model.named_parameters():  # the usual start is so small that every picture looks the same,
        if parameter.ndim > 1:  # and a head that stays as it is could not be sure of any word
            torch.nn.init.normal_(parameter, std=1.0 if "lm_head" in name else 0.1)
    model.save_pretrained(folder)
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n# tiny\n")
    if processor:
        (folder / "processor_config.json").write_text(json.dumps(processor))
    return folder


@pytest.fixture(scope="session")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("toybox")
    make(Plan(seed=4, clips=4, questions=2, width=96), folder)
    return folder / "questions.jsonl"


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory, asked: Path) -> Callable[[str], Path]:
    root = tmp_path_factory.mktemp("models")
    prompt = Path(sys.modules["flyreel.evaluate"].__path__[0], "prompts", "answer.md.jinja").read_text()
    text = prompt + asked.read_text()
    return lambda family: root / family if (root / family).is_dir() else _save(root / family, family, text)


@pytest.fixture
def given(saved: Callable[[str], Path], asked: Path) -> Callable[..., Any]:
    """Settings of a short run."""
    from flyreel.train.recipes.video_chat import Settings

    plain = Settings(
        source=str(asked), held=0.25, frames=2, size=64, selector="uniform", steps=4, batch=2, accumulate=2, rate=1e-2,
        keep_every=2, look_every=3,
    )  # fmt: skip
    return lambda family, **other: replace(plain, model=str(saved(family)), **other)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, saved: Any, asked: Path) -> Callable[[str], Path]:
    """A finished run of each family, made once."""
    from flyreel.train.recipes.video_chat import Settings, train

    root = tmp_path_factory.mktemp("runs")

    def made(family: str) -> Path:
        out = root / family
        if not out.exists():
            settings = Settings(
                source=str(asked), model=str(saved(family)), held=0.25, frames=2, size=64, selector="uniform",
                steps=20, batch=4, accumulate=1, rate=1e-2, look_every=10, watch="loss",
            )  # fmt: skip
            train(settings, out, lambda line: None)
        return out

    return made


@pytest.fixture(scope="session")
def call_of() -> Callable[[Sample, Path], Any]:
    """A sample and a folder for its frames in, what a model is asked about it out."""

    def made(sample: Sample, folder: Path) -> Any:
        seen = Frames(Choosing(2, longest=64), folder).of(sample)
        assert seen is not None
        return show(sample.item, VIEWS["full"], seen, tokens=12).call

    return made


@pytest.fixture(scope="session")
def said() -> Callable[[Any, Any], tuple[str, dict[str, float]]]:
    """A model and a call in, its reply and the likelihoods of the first token out."""

    def made(model: Any, call: Any) -> tuple[str, dict[str, float]]:
        sure = replace(call, parameters={**call.parameters, "logprobs": True, "top_logprobs": 20})
        reply = asyncio.run(model.send(sure))
        return reply.text, reply.first_token

    return made
