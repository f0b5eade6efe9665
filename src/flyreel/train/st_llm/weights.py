"""The weights of st-llm: what it begins with, and how it is written and opened again without the hub.

llm/, qformer/      each as transformers writes it
between.safetensors queries, bridge, projection, times, and what stands on the masked side of a cosine
vision/             the frozen encoder
words.json          or tokenizer/
st_llm.json         how many frames and queries, how wide, and what sees
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save
from torch import Tensor
from transformers import Blip2QFormerConfig, Blip2QFormerModel, GPT2LMHeadModel

from flyreel.errors import InputError
from flyreel.models.hub import brief, digest_of, folder_of, quiet, whole
from flyreel.tables import atomic, write_text
from flyreel.train.st_llm import data
from flyreel.train.st_llm.net import ATTENTION, StLlm, copying, like_to_like, small_llm, small_qformer
from flyreel.train.st_llm.vision import Vision, saved_vision
from flyreel.train.st_llm.words import OwnWords, Words, hub_words, saved_words


def begun(
    vision: Vision, words: Words, llm: GPT2LMHeadModel | None, qformer: str, *, frames: int, queries: int, width: int,
    layers: int, looks: int, heads: int, longest: int,
) -> StLlm:  # fmt: skip
    """From nothing where nothing pretrained is given. On features that have names it begins by saying them in words."""
    if width % heads:
        raise InputError(f"--set width={width}: must be a multiple of heads ({heads})")
    own = llm is None
    if llm is None:
        llm = small_llm(len(words), frames * queries + longest, width, layers, heads, words.end)
        like_to_like(llm)
    if qformer:
        former, asked = pretrained_qformer(qformer)
        if not 0 < queries <= len(asked):
            raise InputError(f"--set queries={queries}: {qformer} has {len(asked)}")
    else:
        former, asked = small_qformer(vision.width, width, looks, heads), None
    net = StLlm(former, llm, vision.width, queries, frames)
    if net.room < 2:
        raise InputError(
            f"{frames} frames of {queries} queries leave no room for words among {llm.config.n_positions:,} positions; "
            "set fewer frames or queries"
        )
    if asked is not None:
        net.queries.data.copy_(asked[:queries])
    elif own and vision.kind in ("eyes", "script"):
        assert isinstance(words, OwnWords)
        copying(net, data.in_words(words, llm.transformer.wte.weight.detach()), data.NUMBER)
    return net


def pretrained_llm(name: str) -> tuple[GPT2LMHeadModel, Words, str]:
    folder = folder_of("model", name)
    try:
        with quiet():
            model, said = GPT2LMHeadModel.from_pretrained(
                folder, local_files_only=True, output_loading_info=True, dtype=torch.float32,
                attn_implementation=ATTENTION,
            )  # fmt: skip
            words = hub_words(folder)
    except Exception as error:  # a damaged folder fails in as many ways as there are libraries below
        raise InputError(f"--model {name}: not a GPT-2 that can be loaded: {brief(error)}; name another") from None
    whole(f"--model {name}", folder, said["missing_keys"])
    return model, words, digest_of(sorted(folder.glob("*.safetensors")) or sorted(folder.glob("*.bin")))


def pretrained_qformer(name: str) -> tuple[Blip2QFormerModel, Tensor]:
    """And its queries. Of a BLIP-2 only the files that hold it are read. All of it is frozen but where it looks at the
    frame: that was learnt for another encoder."""
    folder = folder_of("qformer", name)
    found: dict[str, Tensor] = {}
    try:
        said = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        alone = "qformer_config" not in said
        for file in sorted(folder.glob("*.safetensors")):
            with safe_open(file, "pt") as held:
                for key in held.keys():  # noqa: SIM118
                    if alone or key.startswith("qformer.") or key == "query_tokens":
                        found[key.removeprefix("qformer.")] = held.get_tensor(key).float()
        config = Blip2QFormerConfig(**(said if alone else said["qformer_config"]))
    except Exception as error:
        raise InputError(f"--set qformer={name}: cannot be loaded: {brief(error)}; name a BLIP-2") from None
    model = Blip2QFormerModel._from_config(config, attn_implementation=ATTENTION)
    queries = found.pop("query_tokens", None)
    missing = list(model.load_state_dict(found, strict=False).missing_keys)
    whole(f"--set qformer={name}", folder, missing + ([] if queries is not None else ["query_tokens"]))
    assert queries is not None
    for key, parameter in model.named_parameters():
        parameter.requires_grad_("crossattention" in key)
    return model, queries.flatten(0, -2)


def write(folder: Path, net: StLlm, words: Words, vision: Vision, layer: int) -> None:
    with quiet():
        net.llm.save_pretrained(folder / "llm")
        net.qformer.save_pretrained(folder / "qformer")
    between = {name: t.contiguous().cpu() for name, t in net.state_dict().items() if not _elsewhere(name)}
    with atomic(folder / "between.safetensors") as temporary:
        temporary.write_bytes(save(between))
    words.save(folder)
    vision.save(folder)
    about = {
        "frames": len(net.times.weight), "queries": len(net.queries), "width": vision.width, "vision": vision.kind,
        "layer": layer,
    }  # fmt: skip
    write_text(folder / "st_llm.json", json.dumps(about) + "\n")


def _elsewhere(name: str) -> bool:
    return name.startswith(("llm.", "qformer."))


def load(folder: Path) -> tuple[StLlm, Words, Vision]:
    about: dict[str, Any] = json.loads((folder / "st_llm.json").read_text(encoding="utf-8"))
    here: dict[str, Any] = {"local_files_only": True, "dtype": torch.float32, "attn_implementation": ATTENTION}
    with quiet():
        llm = GPT2LMHeadModel.from_pretrained(folder / "llm", **here)
        qformer = Blip2QFormerModel.from_pretrained(folder / "qformer", **here)
    net = StLlm(qformer, llm, about["width"], about["queries"], about["frames"])
    missing, _ = net.load_state_dict(load_file(folder / "between.safetensors"), strict=False)
    whole(str(folder), folder, [name for name in missing if not _elsewhere(name)])
    return net.eval(), saved_words(folder), saved_vision(folder, about["vision"], about["layer"])


def digest(folder: Path) -> str:
    """Of all that an answer depends on."""
    return digest_of(sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".verified"))
