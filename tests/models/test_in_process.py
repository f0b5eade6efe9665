"""Tiny random models of real families, saved as any other is: what they are shown and what comes back, compared with
plain transformers calls."""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import io
import json
import shutil
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from flyreel.engine.budget import Budget
from flyreel.engine.calls import Caller, Limits
from flyreel.engine.local import Silent
from flyreel.errors import InputError, MissingExtra, Refused
from flyreel.evaluate import session
from flyreel.models import in_process
from flyreel.models.call import Call, Media
from flyreel.models.in_process import TransformersModel, open_in_process
from flyreel.models.ledger import Ledger
from flyreel.toybox.make import Plan, make

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

WORDS = "USER ASSISTANT user assistant system be brief what colour is the first picture ? : < > image A B C D red blue"
QUESTION = "what colour is the first picture ?"
TEXT = {
    "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 160, "pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3,
}  # fmt: skip
TEMPLATE = (
    "{% for m in messages %}{{ m['role'] }} : {% for c in m['content'] %}{% if c['type'] == 'image' %}"
    "<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ c['text'] }}{% endif %}{% endfor %} {% endfor %}"
    "{% if add_generation_prompt %}assistant : {% endif %}"
)
MARKS = {
    "llava": ["<image>"],
    "qwen2_vl": ["<|vision_start|>", "<|image_pad|>", "<|vision_end|>", "<|video_pad|>"],
    "llama": [],
}
PER_PICTURE = {"llava": 4, "qwen2_vl": 2 + 2}
"""Patches of 14 in 28 × 28; patches of 28 in 56 × 28, between a mark on either side."""


def _tokenizer(special: list[str]) -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers

    known = dict.fromkeys(["<pad>", "<unk>", "<s>", "</s>", *special, *WORDS.split()])
    words = Tokenizer(models.WordLevel({w: i for i, w in enumerate(known)}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token="<pad>", unk_token="<unk>", bos_token="<s>", eos_token="</s>",
        additional_special_tokens=special,
    )  # fmt: skip


def _save(folder: Path, family: str) -> Path:
    tokenizer = _tokenizer(MARKS[family])
    ids = dict(zip(MARKS[family], tokenizer.convert_tokens_to_ids(MARKS[family]), strict=True))
    text = {**TEXT, "vocab_size": len(tokenizer)}
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    if family == "llava":
        images = transformers.CLIPImageProcessorPil(
            size={"shortest_edge": 28}, crop_size={"height": 28, "width": 28}
        )  # fmt: skip
        seen = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
        config = transformers.LlavaConfig(
            vision_config={"model_type": "clip_vision_model", **seen, "image_size": 28, "patch_size": 14},
            text_config={"model_type": "llama", **text}, image_token_index=ids["<image>"], vision_feature_layer=-1,
        )  # fmt: skip
        model = transformers.LlavaForConditionalGeneration(config)
        processor = {"patch_size": 14, "vision_feature_select_strategy": "default", "num_additional_image_tokens": 1}
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
        processor = {}
        (folder / "chat_template.jinja").write_text(TEMPLATE)
    else:
        images, processor = None, {}
        model = transformers.LlamaForCausalLM(transformers.LlamaConfig(**text))
    for parameter in model.parameters():  # the usual start is so small that every picture looks the same
        torch.nn.init.normal_(parameter, std=0.2) if parameter.ndim > 1 else None
    with torch.no_grad():
        model.lm_head.weight[TEXT["eos_token_id"]] = 0.0  # never the likeliest: only a draw ends before its time
    model.save_pretrained(folder)
    if images is not None:
        images.save_pretrained(folder)
        name = {"llava": "LlavaProcessor", "qwen2_vl": "Qwen2VLProcessor"}[family]
        (folder / "processor_config.json").write_text(json.dumps({"processor_class": name, **processor}))
    return folder


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    root = tmp_path_factory.mktemp("models")
    return lambda family: root / family if (root / family).is_dir() else _save(root / family, family)


@pytest.fixture(scope="module")
def opened(saved: Callable[[str], Path]) -> Callable[[str], TransformersModel]:
    models: dict[str, TransformersModel] = {}
    return lambda family: models.get(family) or models.setdefault(family, open_in_process(str(saved(family))))


@pytest.fixture(params=["llava", "qwen2_vl"])
def family(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def picture(n: int) -> Media:
    pixels = np.random.default_rng(n).integers(0, 256, (56, 28, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG")
    return Media(hashlib.sha256(pixels.tobytes()).hexdigest(), "image/jpeg", file.getvalue())


def asked(*pictures: int, text: str = QUESTION, sample: int = 0, **parameters: Any) -> Call:
    media = tuple(picture(n) for n in pictures)
    content = [*(m.part for m in media), {"type": "text", "text": text}]
    messages = ({"role": "system", "content": "be brief"}, {"role": "user", "content": content})
    return Call(messages, {"max_tokens": 6, "temperature": 0.0, **parameters}, sample=sample, media=media)


def plainly(model: TransformersModel, prompt: str, call: Call) -> tuple[dict[str, float], str, int]:
    """The documented calls: (first token's log-probabilities, what is written, tokens of the prompt)."""
    with_ = model._with
    pictures = [Image.open(io.BytesIO(m.data)).convert("RGB") for m in call.media]
    given = with_.reader.processor(text=[prompt], images=[pictures], return_tensors="pt")
    with torch.no_grad():
        logits = with_.model(**given).logits[0, -1]
        out = with_.model.generate(**given, max_new_tokens=6, do_sample=False)
    used = given["input_ids"].shape[1]
    likely = logits.log_softmax(-1)
    words = with_.reader.tokenizer.convert_ids_to_tokens(range(len(likely)))
    written = with_.reader.tokenizer.decode(out[0, used:], skip_special_tokens=True)
    return dict(zip(words, likely.tolist(), strict=True)), written, used


PROMPTS = {
    "llava": "be brief USER: " + 8 * "<image>\n" + QUESTION + " ASSISTANT:",
    "qwen2_vl": "system : be brief user : " + 8 * "<|vision_start|><|image_pad|><|vision_end|>" + QUESTION
    + " assistant : ",
}  # fmt: skip


async def test_eight_frames_are_answered_as_by_plain_transformers_calls(opened: Any, family: str) -> None:
    model = opened(family)
    call = asked(*range(8), logprobs=True)
    likely, written, used = plainly(model, PROMPTS[family], call)
    reply = await model.send(call)
    assert reply.text == written, "the prompt came back with it, or another was put"
    assert (reply.input_tokens, reply.money) == (used, 0.0)
    assert reply.first_token is not None and len(reply.first_token) == 20
    for token, logprob in reply.first_token.items():
        assert logprob == pytest.approx(likely[token], abs=1e-4)
    assert max(reply.first_token.values()) == pytest.approx(max(likely.values()), abs=1e-4)


async def test_every_picture_takes_its_tokens(opened: Any, family: str) -> None:
    used = [(await opened(family).send(asked(*range(n)))).input_tokens for n in (0, 1, 8)]
    assert np.diff(used).tolist() == [PER_PICTURE[family], 7 * PER_PICTURE[family]]


async def test_another_picture_is_another_reply_and_the_same_is_the_same(opened: Any, family: str) -> None:
    model = opened(family)
    one, again, other = [(await model.send(asked(n, logprobs=True))).first_token for n in (1, 1, 2)]
    assert one == again
    assert max(abs(one[t] - other[t]) for t in one.keys() & other.keys()) > 0.01, "it does not look at the picture"


async def test_draws_differ_by_sample_and_repeat(opened: Any, family: str) -> None:
    model = opened(family)

    async def drawn(sample: int) -> str:
        return (await model.send(asked(1, sample=sample, temperature=2.0, max_tokens=12))).raw

    texts = [await drawn(s) for s in range(4)]
    assert len(set(texts)) > 1, "every sample draws the same"
    torch.manual_seed(77)
    before = torch.random.get_rng_state()
    assert await drawn(2) == texts[2]
    assert torch.equal(torch.random.get_rng_state(), before), "the caller's own draws are disturbed"


async def test_a_reply_says_why_it_ended(opened: Any) -> None:
    model = opened("llama")
    for tokens in (1, 3):
        reply = await model.send(asked(max_tokens=tokens, temperature=0.0))
        assert (reply.output_tokens, reply.message["finish_reason"]) == (tokens, "length")
    wide = [await model.send(asked(sample=s, max_tokens=60, temperature=5.0)) for s in range(5)]
    ended = [r for r in wide if r.message["finish_reason"] == "stop"]
    assert ended and all(r.output_tokens <= 60 for r in ended)
    assert all("</s>" not in r.text for r in ended), "the end token is no part of what was said"


async def test_a_picture_is_not_made_by_writing_its_token(opened: Any, family: str) -> None:
    mark = MARKS[family][1 if family == "qwen2_vl" else 0]
    model = opened(family)
    reply = await model.send(asked(1, text=f"what is {mark} ?"))
    assert reply.input_tokens > (await model.send(asked(1, text="what is ?"))).input_tokens
    with_end = await model.send(asked(1, text="what is </s> ?"))
    assert with_end.input_tokens > (await model.send(asked(1, text="what is ?"))).input_tokens + 1


async def test_no_more_is_written_than_there_are_positions(opened: Any) -> None:
    model = opened("llama")
    used = (await model.send(asked(text="A"))).input_tokens
    reply = await model.send(asked(text="A " * (158 - used + 1), max_tokens=50))
    assert reply.input_tokens == 158 and reply.output_tokens <= 2
    with pytest.raises(Refused) as refused:
        await model.send(asked(text="A " * 200))
    assert refused.value.reason == "too-long"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (torch.cuda.OutOfMemoryError("CUDA out of memory"), "out-of-memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"), "out-of-memory"),
        (RuntimeError("shapes cannot be multiplied"), "generation-failed"),
    ],
)
async def test_what_goes_wrong_is_one_call_and_has_a_reason(
    opened: Any, monkeypatch: pytest.MonkeyPatch, error: Exception, reason: str
) -> None:
    model = opened("llama")

    def fails(*_: Any, **__: Any) -> Any:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(model._with.model, "generate", fails)
        with pytest.raises(Refused) as refused:
            await model.send(asked())
    assert refused.value.reason == reason
    assert (await model.send(asked())).output_tokens, "one failure locks the model for good"


def _with_media(media: Media, address: str | None = None) -> Call:
    part = media.part if address is None else {"type": "image_url", "image_url": {"url": address}}
    return Call(({"role": "user", "content": [part]},), {"max_tokens": 1}, media=(media,))


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (_with_media(Media("0" * 64, "image/jpeg", b"not a picture")), "unreadable-picture"),
        (_with_media(Media("0" * 64, "video/mp4", b"a file")), "not-a-picture"),
        (_with_media(picture(1), "sha256:" + "1" * 64), "no-such-picture"),
    ],
)
async def test_what_cannot_be_shown_is_refused(opened: Any, call: Call, reason: str) -> None:
    with pytest.raises(Refused) as refused:
        await opened("llava").send(call)
    assert refused.value.reason == reason


async def test_a_model_of_text_sees_nothing(opened: Any) -> None:
    assert (opened("llama").sees, opened("llava").sees, opened("qwen2_vl").sees) == (False, True, True)
    with pytest.raises(Refused, match="sees-nothing"):
        await opened("llama").send(asked(1))


async def test_the_ledger_knows_the_model_again_in_another_folder(
    opened: Any, saved: Any, tmp_path: Path, family: str
) -> None:
    copy = shutil.copytree(saved(family), tmp_path / "moved" / family)
    calls = asked(1, 2)
    with Ledger(tmp_path / "calls") as ledger:
        first = await Caller(opened(family), Limits(1), ledger, Budget()).ask(calls)
        moved = Caller(open_in_process(str(copy)), Limits(1), ledger, Budget())
        again = await moved.ask(calls)
    assert again.from_ledger and again.raw == first.raw
    assert moved.tally.sent == 0


def test_what_a_reply_depends_on_is_in_the_identity(opened: Any, saved: Any, tmp_path: Path) -> None:
    before = opened("qwen2_vl").identity
    copy = shutil.copytree(saved("qwen2_vl"), tmp_path / "qwen2_vl")
    (copy / "chat_template.jinja").write_text(TEMPLATE + " ")
    template = open_in_process(str(copy)).identity
    as_video = TransformersModel("qwen2_vl", opened("qwen2_vl")._with, "video").identity
    assert before.startswith("sha256:") and len({before, template, as_video}) == 3


@pytest.mark.skipif(importlib.util.find_spec("torchvision") is not None, reason="torchvision makes videos")
def test_frames_as_a_video_say_what_they_need(saved: Any) -> None:
    with pytest.raises(InputError, match="pip install torchvision"):
        open_in_process(str(saved("qwen2_vl")), "video")
    with pytest.raises(InputError, match="takes no video: name another model; or leave frames_as out"):
        open_in_process(str(saved("llava")), "video")


async def test_the_loop_lives_on_and_what_nobody_waits_for_ends(opened: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    model, loop = opened("llama"), asyncio.get_running_loop()
    begun, on, tokens = asyncio.Event(), threading.Event(), []
    watched = in_process._Watch.__call__

    def held(self: Any, input_ids: Any, scores: Any) -> Any:
        said = watched(self, input_ids, scores)
        tokens.append(self)
        loop.call_soon_threadsafe(begun.set)
        on.wait(30)
        return said

    monkeypatch.setattr(in_process._Watch, "__call__", held)
    sending = asyncio.create_task(model.send(asked(max_tokens=100, temperature=5.0)))
    await begun.wait()  # were the model asked in the loop, this would not return
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    on.set()
    reply = await model.send(asked(max_tokens=2))  # one at a time: the first has ended when this one begins
    assert len(tokens) == 1 + reply.output_tokens


def test_a_folder_that_is_no_model(saved: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be loaded"):
        open_in_process(str(tmp_path))
    with pytest.raises(InputError, match="hf: name a model"):
        open_in_process("")
    copy = shutil.copytree(saved("llama"), tmp_path / "llama")
    from safetensors.torch import load_file, save_file

    weights = load_file(copy / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, copy / "model.safetensors", {"format": "pt"})
    with pytest.raises(InputError, match="1 weights are not in"):
        open_in_process(str(copy))


def test_without_torch_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtra, match=r"flyreel\[models\]"):
        open_in_process(str(tmp_path))


def test_an_evaluation_by_a_model_in_this_process(saved: Any, family: str, tmp_path: Path) -> None:
    """Frames of a real film through the whole of it: random weights say nothing readable, and every question is asked;
    the second time nothing is computed again."""
    make(Plan(seed=4, clips=2, questions=2), tmp_path)
    file = tmp_path / "questions.jsonl"
    run = lambda: session.run(  # noqa: E731
        session.Request(file, models=(f"hf:{saved(family)}",), views=("full", "blind"), k=2, size=32, tokens=4,
                        out=tmp_path / "out"),
        say=lambda line: None, progress=lambda label: Silent(),
    )  # fmt: skip
    first, again = run(), run()
    (about,) = first.summary["models"].values()
    n = first.summary["questions"]
    assert n > 0 and first.failures == []
    assert all(v["coverage"]["asked"] == n for v in about["views"].values())
    assert [sum(c["sent"] for c in done.summary["calls"].values()) for done in (first, again)] == [2 * n, 0]
    assert again.summary["models"] == first.summary["models"]
