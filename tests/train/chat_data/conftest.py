"""Tiny random models of real families; their tokenizer writes any text byte by byte."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from flyreel.models._opening import Opened

TEMPLATE = (
    "{% for m in messages %}{{ m['role'] }} : {% for c in m['content'] %}{% if c['type'] == 'image' %}IMAGE"
    "{% else %}{{ c['text'] }}{% endif %}{% endfor %} {% endfor %}{% if add_generation_prompt %}assistant : {% endif %}"
)
MARKS = {
    "llava": ["<image>"],
    "qwen2_vl": ["<|vision_start|>", "<|image_pad|>", "<|vision_end|>", "<|video_pad|>"],
    "idefics3": ["<image>", "<fake_token_around_image>", "<end_of_utterance>", "<global-img>"],
    "video_llava": ["<image>", "<video>"],
}
PICTURED = {
    "qwen2_vl": TEMPLATE.replace("IMAGE", "<|vision_start|><|image_pad|><|vision_end|>"),
    "idefics3": TEMPLATE.replace("IMAGE", "<image>"),
}
SEEN = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}


def _tokenizer(special: list[str]) -> Any:
    import transformers
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    known = ["<pad>", "<s>", "</s>", *special, *sorted(pre_tokenizers.ByteLevel.alphabet())]
    letters = Tokenizer(models.BPE({w: i for i, w in enumerate(known)}, []))
    letters.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    letters.decoder = decoders.ByteLevel()
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=letters, pad_token="<pad>", bos_token="<s>", eos_token="</s>",
        additional_special_tokens=special,
    )  # fmt: skip


def _save(folder: Path, family: str) -> Path:
    import torch
    import transformers

    tokenizer = _tokenizer(MARKS[family])
    tokenizer.save_pretrained(folder)
    ids = {mark: tokenizer.convert_tokens_to_ids(mark) for mark in MARKS[family]}
    text = {
        **SEEN, "num_key_value_heads": 2, "max_position_embeddings": 8192, "vocab_size": len(tokenizer),
        "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
    }  # fmt: skip
    clip = {"model_type": "clip_vision_model", **SEEN, "image_size": 28, "patch_size": 14}
    square = {"size": {"shortest_edge": 28}, "crop_size": {"height": 28, "width": 28}}
    feature = {"patch_size": 14, "vision_feature_select_strategy": "default", "num_additional_image_tokens": 1}
    torch.manual_seed(0)
    if family == "llava":
        config = transformers.LlavaConfig(
            vision_config=clip, text_config={"model_type": "llama", **text}, image_token_index=ids["<image>"],
            vision_feature_layer=-1,
        )  # fmt: skip
        model = transformers.LlavaForConditionalGeneration(config)
        images, about = transformers.CLIPImageProcessorPil(**square), {"processor_class": "LlavaProcessor", **feature}
    elif family == "video_llava":
        config = transformers.VideoLlavaConfig(
            vision_config=clip, text_config={"model_type": "llama", **text}, image_token_index=ids["<image>"],
            video_token_index=ids["<video>"], vision_feature_layer=-1, image_seq_length=4, video_seq_length=40,
        )  # fmt: skip
        model = transformers.VideoLlavaForConditionalGeneration(config)
        images = transformers.VideoLlavaImageProcessor(**square)
        about = {"processor_class": "VideoLlavaProcessor", **feature}
    elif family == "qwen2_vl":
        images = transformers.Qwen2VLImageProcessorPil(
            patch_size=14, merge_size=2, temporal_patch_size=2, size={"shortest_edge": 784, "longest_edge": 3136}
        )
        rope = {"rope_type": "default", "mrope_section": [1, 1, 2], "rope_theta": 10000.0}
        seen = {"depth": 2, "embed_dim": 32, "hidden_size": 32, "num_heads": 4, "mlp_ratio": 2, "patch_size": 14}
        config = transformers.Qwen2VLConfig(
            vision_config={**seen, "spatial_merge_size": 2, "temporal_patch_size": 2},
            text_config={**text, "rope_parameters": rope},
            vision_start_token_id=ids["<|vision_start|>"], vision_end_token_id=ids["<|vision_end|>"],
            image_token_id=ids["<|image_pad|>"], video_token_id=ids["<|video_pad|>"],
        )  # fmt: skip
        model = transformers.Qwen2VLForConditionalGeneration(config)
        about = {"processor_class": "Qwen2VLProcessor"}
    else:
        images = transformers.Idefics3ImageProcessorPil(
            size={"longest_edge": 112}, max_image_size={"longest_edge": 56}, do_image_splitting=True
        )
        seen = {**SEEN, "image_size": 56, "patch_size": 14}
        config = transformers.Idefics3Config(
            vision_config=seen, text_config={"model_type": "llama", **text}, image_token_id=ids["<image>"],
            scale_factor=2, pad_token_id=0,
        )  # fmt: skip
        model = transformers.Idefics3ForConditionalGeneration(config)
        about = {"processor_class": "Idefics3Processor", "image_seq_len": 4}
    if family in PICTURED:
        (folder / "chat_template.jinja").write_text(PICTURED[family])
    for parameter in model.parameters():  # the usual start is so small that every picture looks the same
        torch.nn.init.normal_(parameter, std=0.2) if parameter.ndim > 1 else None
    model.save_pretrained(folder)
    images.save_pretrained(folder)
    (folder / "processor_config.json").write_text(json.dumps(about))
    return folder


@pytest.fixture(scope="session")
def letters() -> Callable[[list[str]], Any]:
    return _tokenizer


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Opened]:
    from flyreel.models._opening import opened

    root = tmp_path_factory.mktemp("models")
    return functools.cache(lambda family: opened(str(_save(root / family, family))))
