"""What is asked of a captioner, once ever, and what a failure is; tiny random BLIP-2s say what real films show."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aiohttp import web
from PIL import Image

from flyreel.errors import InputError, Refused
from flyreel.evaluate.pictures import Choosing, picture, pictures
from flyreel.models.call import Call
from flyreel.models.fake import FakeReply, FakeServer
from flyreel.toybox import world

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from flyreel.models.in_process import open_in_process  # noqa: E402
from flyreel.train.caption_qa import text  # noqa: E402
from flyreel.train.recipes.caption_qa import open_model, train  # noqa: E402

KINDS = ("place-first", "place-last", "light-first", "light-last")
FRAMES, SIZE = 3, 96
T5 = {"d_kv": 16, "num_layers": 1, "num_heads": 4, "pad_token_id": 0, "eos_token_id": 1, "decoder_start_token_id": 0}
SILENT: Callable[[str], None] = lambda line: None  # noqa: E731


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module", params=["opt", "t5"])
def blip2(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, tokenizer: Any) -> Path:
    """Eyes, Q-Former and one of the two kinds of language model that BLIP-2s have."""
    folder, words = tmp_path_factory.mktemp("models") / f"blip2-{request.param}", tokenizer()
    images = transformers.BlipImageProcessorPil(size={"height": 32, "width": 32})
    processor = transformers.Blip2Processor(images, words, num_query_tokens=4)
    if request.param == "opt":
        language = transformers.OPTConfig(
            vocab_size=len(words), hidden_size=32, num_hidden_layers=2, ffn_dim=64, num_attention_heads=4,
            max_position_embeddings=160, word_embed_proj_dim=32, pad_token_id=0, bos_token_id=1, eos_token_id=1,
        )  # fmt: skip
    else:
        language = transformers.T5Config(vocab_size=len(words), d_model=32, d_ff=64, **T5)
    small = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    config = transformers.Blip2Config(
        vision_config={**small, "image_size": 32, "patch_size": 16}, qformer_config={**small, "vocab_size": len(words)},
        text_config=language.to_dict(), num_query_tokens=4, image_token_index=words.convert_tokens_to_ids("<image>"),
    )  # fmt: skip
    torch.manual_seed(0)
    model = transformers.Blip2ForConditionalGeneration(config)
    for parameter in model.parameters():  # the usual start is so small that every picture looks the same
        torch.nn.init.normal_(parameter, std=0.2) if parameter.ndim > 1 else None
    with torch.no_grad():
        model.language_model.get_output_embeddings().weight[1] = 0.0  # the end is never the likeliest
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


async def test_blip2_is_asked_as_by_plain_transformers_calls(blip2: Path) -> None:
    model = open_in_process(str(blip2))
    shown = [picture(np.random.default_rng(n).integers(0, 256, (48, 40, 3), dtype=np.uint8)) for n in (1, 2)]
    said = []
    for media in shown:
        call = Call(
            ({"role": "user", "content": [media.part, {"type": "text", "text": "What is in this picture ?"}]},),
            {"max_tokens": 8, "temperature": 0.0}, media=(media,),
        )  # fmt: skip
        with_, image = model._with, Image.open(io.BytesIO(media.data)).convert("RGB")
        asked = "Question: What is in this picture ? Answer:"
        put = with_.reader.processor(images=image, text=asked, return_tensors="pt")
        with torch.no_grad():
            out = with_.model.generate(**put, max_new_tokens=8, do_sample=False)
        new = out[0, put["input_ids"].shape[1] if "opt" in blip2.name else 1 :]
        reply = await model.send(call)
        assert reply.text == with_.reader.tokenizer.decode(new, skip_special_tokens=True)
        said.append(reply.text)
    assert said[0] != said[1], "it does not look at the picture"
    both = Call(({"role": "user", "content": [m.part for m in shown]},), {"max_tokens": 8}, media=tuple(shown))
    with pytest.raises(Refused, match="takes-one-picture"):
        await model.send(both)


async def test_blip2_captions_a_film_and_the_run_answers(
    few: Path, blip2: Path, settings: Any, answered: Any, tmp_path: Path
) -> None:
    given = settings(few, f"hf:{blip2}", baseline=False)
    made = await asyncio.to_thread(train, given, tmp_path / "run", SILENT)
    assert made["result"]["captions"]["captioned"] == made["result"]["captions"]["pictures"] > 4
    assert made["result"]["captioner"]["label"] == blip2.name
    assert made["result"]["captioner"]["identity"] in (tmp_path / "run" / "README.md").read_text()
    captions = {f["caption"] for r in lines_of(tmp_path / "run" / "captions.jsonl")[1:] for f in r["frames"]}
    assert len(captions) > 1
    said = await answered(open_model(tmp_path / "run"), few, given)
    assert said == {r["question"]: text.reply(r["written"], _choices(few)[r["question"]])
                        for r in lines_of(tmp_path / "run" / "held.jsonl")}  # fmt: skip


def _choices(source: Path) -> dict[str, list[str]]:
    return {r["id"]: r.get("choices", []) for r in lines_of(source)}


def test_a_second_run_asks_for_no_caption_again(
    few: Path, settings: Any, served: FakeServer, script_of_few: Any, tmp_path: Path
) -> None:
    given = settings(few, served.url, baseline=False, calls=str(tmp_path / "calls"))
    first = train(given, tmp_path / "a", SILENT)
    asked = served.requests
    again = train(replace(given, seed=2, steps=2), tmp_path / "b", SILENT)
    assert asked == len(script_of_few.told) and served.requests == asked
    assert again["result"]["captions"] == first["result"]["captions"]


def test_what_cannot_be_described_is_a_row_with_a_reason(
    few: Path, settings: Any, script_of_few: Any, serving: Any, tmp_path: Path
) -> None:
    first, *_ = world.scenes(5, 4)
    video = few.parent / "clips" / f"{first.id}.mp4"
    dark = {m.inline for m in pictures(video, "", Choosing(FRAMES, longest=SIZE)).media}

    def script(messages: list[dict[str, Any]]) -> FakeReply:
        url = next(p["image_url"]["url"] for p in messages[-1]["content"] if p["type"] == "image_url")
        return FakeReply("") if url in dark else script_of_few(messages)

    with serving(script) as server:
        given = settings(few, server.url, baseline=False)
        result = train(given, tmp_path / "run", SILENT)["result"]
    assert result["left_out"] == {"no-captions": len(KINDS)}
    assert result["captions"]["failed"] == {"empty-caption": FRAMES}
    rows = {r["question"]: r for r in lines_of(tmp_path / "run" / "captions.jsonl")[1:]}
    assert [f["failure"] for f in rows[f"{first.id}-place-first"]["frames"]] == ["empty-caption"] * FRAMES
    with serving(lambda messages: FakeReply("")) as server, pytest.raises(InputError, match="not one picture"):
        train(settings(few, server.url), tmp_path / "none", SILENT)


class Outage:
    """Answers no more than `left` pictures, and then fails as a server does that is being started again."""

    def __init__(self, script: Any, left: int) -> None:
        self.script, self.left = script, left

    def __call__(self, messages: list[dict[str, Any]]) -> FakeReply:
        if self.left <= 0:
            raise web.HTTPServiceUnavailable
        self.left -= 1
        return self.script(messages)


def test_an_outage_that_passes_costs_nothing_but_the_same_command(
    few: Path, settings: Any, script_of_few: Any, serving: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    script = Outage(script_of_few, 5)
    said: list[str] = []
    with serving(script) as server:
        (tmp_path / "flyreel.toml").write_text(f'[models.captioner]\nurl = "{server.url}"\ntries = 1\n')
        given = settings(few, "", baseline=False)
        with pytest.raises(InputError, match=r"not every picture was described \(http-503\).*the same command"):
            train(given, tmp_path / "run", said.append)
        assert not any("step" in line for line in said), "it learnt from half of the films"
        script.left, before = 1000, server.requests
        result = train(given, tmp_path / "run", SILENT)["result"]
        assert server.requests - before == len(script_of_few.told) - 5, "what was described was asked again"
    assert result["captions"] == {
        "pictures": len(script_of_few.told),
        "captioned": len(script_of_few.told),
        "failed": {},
    }


def test_what_fails_twice_is_left_out_and_never_asked_again(
    few: Path, settings: Any, script_of_few: Any, serving: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    def cut_off(line: str) -> None:
        if "step 6" in line:
            raise RuntimeError(line)

    with serving(Outage(script_of_few, 9)) as server:
        (tmp_path / "flyreel.toml").write_text(f'[models.captioner]\nurl = "{server.url}"\ntries = 1\n')
        given = settings(few, "", baseline=False)
        with pytest.raises(InputError, match="once more"):
            train(given, tmp_path / "run", SILENT)
        with pytest.raises(RuntimeError, match="step 6"):
            train(given, tmp_path / "run", cut_off)
        before = server.requests
        result = train(given, tmp_path / "run", SILENT)["result"]
        assert server.requests == before
    assert result["captions"]["failed"] == {"http-503": len(script_of_few.told) - 9}


def test_captions_may_be_of_what_bears_on_the_question(
    few: Path, settings: Any, served: FakeServer, script_of_few: Any, answered: Any, tmp_path: Path
) -> None:
    given = settings(few, served.url, baseline=False, about_question=True)
    train(given, tmp_path / "run", SILENT)
    rows = lines_of(few)
    for question in {r["question"] for r in rows}:
        assert sum(f'"{question}"' in told for told in script_of_few.asked) == len(script_of_few.told)
    asyncio.run(answered(open_model(tmp_path / "run"), few, given))
    assert served.requests == len(KINDS) * len(script_of_few.told)
