"""A tiny random T5 learns from what tiny random BLIP-2s say of real films, and from a captioner that knows the script;
with that one the captions must be worth something, and the baseline must show what is not theirs."""

from __future__ import annotations

import asyncio
import io
import json
import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aiohttp import web
from PIL import Image

from flyreel.errors import InputError, Refused
from flyreel.evaluate import ask
from flyreel.evaluate.pictures import Choosing, picture, pictures
from flyreel.evaluate.showing import show
from flyreel.evaluate.views import VIEWS
from flyreel.models.call import Call, content_of
from flyreel.models.fake import FakeReply, FakeServer
from flyreel.models.ledger import Ledger
from flyreel.tables import write_jsonl
from flyreel.toybox import world
from flyreel.toybox.asking import ASKS
from flyreel.toybox.questions import row
from flyreel.toybox.render import render, size_of

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from flyreel.models.in_process import open_in_process  # noqa: E402
from flyreel.train.caption_qa import text as text  # noqa: E402
from flyreel.train.data import data  # noqa: E402
from flyreel.train.recipes.caption_qa import Settings, open_model, train  # noqa: E402

KINDS = ("place-first", "place-last", "light-first", "light-last")
FRAMES, SIZE = 3, 96
WORDS = (
    "Question : Answer Options A B C D E ) [ ] - . , ? ' \" What is seen and said in a video at these seconds who or "
    "the what Where does scene open end light like first a it Describe this picture one sentence they are doing 0 1 2 "
    "3 4 5 6 7 8 9 10 11 12 in on at "
) + " ".join((*world.PLACES, *world.LIGHTS))
SILENT: Callable[[str], None] = lambda line: None  # noqa: E731


def films(folder: Path, clips: int, kinds: tuple[str, ...] = KINDS, choices: bool = False) -> Path:
    """Real films, a frame a second, with questions about places and light that stand alone or have five choices."""
    rows = []
    for scene in world.scenes(5, clips):
        render(replace(scene, fps=1), folder / "clips" / f"{scene.id}.mp4", size_of(SIZE))
        for kind in (a for a in ASKS if a.name in kinds):
            made = row(scene, kind, {}, (), None, random.Random(f"{scene.id} {kind.name}"), f"{scene.id}-{kind.name}")
            if not choices:
                made["answer"] = made.pop("choices")[made["answer"]]
            rows.append(made | {"group": scene.id})
    clips_told = [{"id": s.id, "path": f"clips/{s.id}.mp4"} for s in world.scenes(5, clips)]
    write_jsonl(folder / "clips.jsonl", clips_told)
    write_jsonl(folder / "questions.jsonl", rows)
    return folder / "questions.jsonl"


class Script:
    """Says of each frame where it is and in what light, as it was drawn. Keeps what it was asked."""

    def __init__(self, folder: Path, clips: int) -> None:
        self.told: dict[str, str] = {}
        self.asked: list[str] = []
        for scene in world.scenes(5, clips):
            seen = pictures(folder / "clips" / f"{scene.id}.mp4", "", Choosing(FRAMES, longest=SIZE))
            for time, media in zip(seen.times, seen.media, strict=True):
                shot = scene.shot_at(time)
                self.told[media.inline] = f"the {shot.place} {world.LIT[shot.light]}"

    def __call__(self, messages: list[dict[str, Any]]) -> FakeReply:
        (shown,) = [part for part in messages[-1]["content"] if part["type"] == "image_url"]
        self.asked.append(content_of(messages[-1]))
        return FakeReply(self.told[shown["image_url"]["url"]])


class Served:
    """A fake endpoint in a thread with a loop of its own: what is tested opens and closes loops as it likes."""

    def __init__(self, script: Callable[[list[dict[str, Any]]], FakeReply]) -> None:
        self.server = FakeServer(script, name="scripted")

    def __enter__(self) -> FakeServer:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()
        asyncio.run_coroutine_threadsafe(self.server.__aenter__(), self.loop).result()
        return self.server

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self.server.__aexit__(), self.loop).result()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()


def tokenizer() -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers

    known = dict.fromkeys(["<pad>", "</s>", "<unk>", *WORDS.split()])
    words = Tokenizer(models.WordLevel({w: i for i, w in enumerate(known)}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token="<pad>", unk_token="<unk>", eos_token="</s>", bos_token="</s>"
    )


T5 = {"d_kv": 16, "num_layers": 1, "num_heads": 4, "pad_token_id": 0, "eos_token_id": 1, "decoder_start_token_id": 0}


@pytest.fixture(scope="module")
def learner(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, words = tmp_path_factory.mktemp("models") / "t5", tokenizer()
    torch.manual_seed(0)
    config = transformers.T5Config(vocab_size=len(words), d_model=64, d_ff=128, dropout_rate=0.0, **T5)
    transformers.T5ForConditionalGeneration(config).save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module", params=["opt", "t5"])
def blip2(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
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


def settings(source: Path, learner: Path, captioner: str, **more: Any) -> Settings:
    given = {"held": 0.25, "frames": FRAMES, "size": SIZE, "tokens": 160, "rate": 4e-3, "steps": 6, "batch": 4} | more
    return Settings(source=str(source), model=str(learner), captioner=captioner, **given)


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return films(tmp_path_factory.mktemp("few"), 4, choices=True)


@pytest.fixture(scope="module")
def script_of_few(few: Path) -> Script:
    return Script(few.parent, 4)


@pytest.fixture
def served(script_of_few: Script) -> Iterator[FakeServer]:
    script_of_few.asked.clear()
    with Served(script_of_few) as server:
        yield server


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


async def test_blip2_captions_a_film_and_the_run_answers(few: Path, blip2: Path, learner: Path, tmp_path: Path) -> None:
    given = settings(few, learner, f"hf:{blip2}", baseline=False)
    made = await asyncio.to_thread(train, given, tmp_path / "run", SILENT)
    assert made["result"]["captions"]["captioned"] == made["result"]["captions"]["pictures"] > 4
    assert made["result"]["captioner"]["label"] == blip2.name
    assert made["result"]["captioner"]["identity"] in (tmp_path / "run" / "README.md").read_text()
    captions = {f["caption"] for r in lines_of(tmp_path / "run" / "captions.jsonl")[1:] for f in r["frames"]}
    assert len(captions) > 1
    answered = await _answered(open_model(tmp_path / "run"), few, given)
    assert answered == {r["question"]: text.reply(r["written"], _choices(few)[r["question"]])
                        for r in lines_of(tmp_path / "run" / "held.jsonl")}  # fmt: skip


def _choices(source: Path) -> dict[str, list[str]]:
    return {r["id"]: r.get("choices", []) for r in lines_of(source)}


async def _answered(model: Any, source: Path, given: Settings) -> dict[str, str]:
    """What the model says to held-out questions that are shown as `evaluate` shows them."""
    said = {}
    for sample in data(source, held=given.held, seed=given.seed).held:
        assert sample.item.video
        seen = pictures(sample.item.video, "", Choosing(given.frames, longest=given.size))
        said[sample.item.id] = (await model.send(show(sample.item, VIEWS["full"], seen).call)).text
    return said


def test_captions_of_the_truth_are_worth_something_and_the_baseline_shows_how_much(
    learner: Path, tmp_path: Path
) -> None:
    """Sixty held-out questions about place and light: who reads the captions is right far more often than who reads
    the question, and what was learnt is what answers."""
    source = films(tmp_path / "films", 60)
    script = Script(tmp_path / "films", 60)
    given = settings(source, learner, "", steps=200, batch=16)
    with Served(script) as server:
        given = replace(given, captioner=server.url)
        result = train(given, tmp_path / "run", SILENT)["result"]
        assert len(script.asked) == len(set(script.told)), "a frame was described twice"
        assert len(set(script.asked)) == 1, "a question, an answer or a cue went to the captioner"
        held = lines_of(tmp_path / "run" / "held.jsonl")
        answered = asyncio.run(_answered(open_model(tmp_path / "run"), source, given))
        assert answered == {r["question"]: r["written"] for r in held}
        assert server.requests == len(script.asked), "what was described in training was asked again"
    assert result["accuracy"]["n"] == result["baseline"]["accuracy"]["n"] == len(held) == 60
    print(result["accuracy"]["accuracy"], result["baseline"]["accuracy"]["accuracy"], result["added"])
    assert result["added"]["by"] == "captions" and result["added"]["ci95"][0] > 0.1
    assert result["baseline"]["accuracy"]["accuracy"] < 0.4, "from the question alone it is a guess"
    losses = [r["loss"] for r in lines_of(tmp_path / "run" / "log.jsonl")]
    assert losses[-1] < 0.5 * losses[0]
    told = (tmp_path / "run" / "README.md").read_text()
    assert "Captions add +" in told and "question and options alone" in told


def test_a_second_run_asks_for_no_caption_again(
    few: Path, learner: Path, served: FakeServer, script_of_few: Script, tmp_path: Path
) -> None:
    given = settings(few, learner, served.url, baseline=False, calls=str(tmp_path / "calls"))
    first = train(given, tmp_path / "a", SILENT)
    asked = served.requests
    again = train(replace(given, seed=2, steps=2), tmp_path / "b", SILENT)
    assert asked == len(script_of_few.told) and served.requests == asked
    assert again["result"]["captions"] == first["result"]["captions"]


@pytest.mark.parametrize("where", ["baseline", "with captions"])
def test_a_run_that_was_cut_off_goes_on_to_the_same_weights(
    few: Path, learner: Path, served: FakeServer, tmp_path: Path, where: str
) -> None:
    given = settings(few, learner, served.url, keep_every=2, accumulate=2, steps=5)
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


def test_what_cannot_be_described_is_a_row_with_a_reason(
    few: Path, learner: Path, script_of_few: Script, tmp_path: Path
) -> None:
    first, *_ = world.scenes(5, 4)
    video = few.parent / "clips" / f"{first.id}.mp4"
    dark = {m.inline for m in pictures(video, "", Choosing(FRAMES, longest=SIZE)).media}

    def script(messages: list[dict[str, Any]]) -> FakeReply:
        url = next(p["image_url"]["url"] for p in messages[-1]["content"] if p["type"] == "image_url")
        return FakeReply("") if url in dark else script_of_few(messages)

    with Served(script) as server:
        given = settings(few, learner, server.url, baseline=False)
        result = train(given, tmp_path / "run", SILENT)["result"]
    assert result["left_out"] == {"no-captions": len(KINDS)}
    assert result["captions"]["failed"] == {"empty-caption": FRAMES}
    rows = {r["question"]: r for r in lines_of(tmp_path / "run" / "captions.jsonl")[1:]}
    assert [f["failure"] for f in rows[f"{first.id}-place-first"]["frames"]] == ["empty-caption"] * FRAMES
    with Served(lambda messages: FakeReply("")) as server, pytest.raises(InputError, match="not one picture"):
        train(settings(few, learner, server.url), tmp_path / "none", SILENT)


class Outage:
    """Answers no more than `left` pictures, and then fails as a server does that is being started again."""

    def __init__(self, script: Script, left: int) -> None:
        self.script, self.left = script, left

    def __call__(self, messages: list[dict[str, Any]]) -> FakeReply:
        if self.left <= 0:
            raise web.HTTPServiceUnavailable
        self.left -= 1
        return self.script(messages)


def test_an_outage_that_passes_costs_nothing_but_the_same_command(
    few: Path, learner: Path, script_of_few: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    script = Outage(script_of_few, 5)
    said: list[str] = []
    with Served(script) as server:
        (tmp_path / "flyreel.toml").write_text(f'[models.captioner]\nurl = "{server.url}"\ntries = 1\n')
        given = settings(few, learner, "", baseline=False)
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
    few: Path, learner: Path, script_of_few: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    def cut_off(line: str) -> None:
        if "step 6" in line:
            raise RuntimeError(line)

    with Served(Outage(script_of_few, 9)) as server:
        (tmp_path / "flyreel.toml").write_text(f'[models.captioner]\nurl = "{server.url}"\ntries = 1\n')
        given = settings(few, learner, "", baseline=False)
        with pytest.raises(InputError, match="once more"):
            train(given, tmp_path / "run", SILENT)
        with pytest.raises(RuntimeError, match="step 6"):
            train(given, tmp_path / "run", cut_off)
        before = server.requests
        result = train(given, tmp_path / "run", SILENT)["result"]
        assert server.requests == before
    assert result["captions"]["failed"] == {"http-503": len(script_of_few.told) - 9}


@pytest.mark.parametrize(
    "wrong",
    [{name: 0} for name in ("frames", "tokens", "steps", "batch", "accumulate", "rate", "keep_every")]
    + [{"alike": 1.5}, {"gamma": -1.0}, {"smoothing": 2.0}, {"concurrency": -1}, {"rate": float("nan")}],
)
def test_a_setting_that_cannot_be_is_one_line_before_anything_is_asked(
    few: Path, learner: Path, served: FakeServer, tmp_path: Path, wrong: dict[str, Any]
) -> None:
    (name,) = wrong
    with pytest.raises(InputError, match=f"^--set {name}=.*[^\n]$"):
        train(settings(few, learner, served.url, **wrong), tmp_path / "run", SILENT)
    assert not served.requests and not (tmp_path / "run").exists()


@pytest.mark.parametrize("loss", ["mel", "adatailr-sample-noise"])
def test_a_loss_that_cannot_be_is_found_before_captions_are_paid(
    few: Path, learner: Path, served: FakeServer, tmp_path: Path, loss: str
) -> None:
    with pytest.raises(InputError, match=f"--loss {loss}"):
        train(settings(few, learner, served.url, loss=loss), tmp_path / "run", SILENT)
    assert not served.requests and not (tmp_path / "run").exists()


@pytest.mark.parametrize("rank", ["0", "1"])
def test_several_processes_do_not_each_pay_for_captions(
    few: Path, learner: Path, served: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rank: str
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", rank)
    with pytest.raises(InputError, match="one process, and 2 were launched"):
        train(settings(few, learner, served.url), tmp_path / "run", SILENT)
    assert not served.requests and not (tmp_path / "run").exists()


def test_what_dialogue_adds_is_not_told_as_what_captions_add(
    few: Path, learner: Path, served: FakeServer, tmp_path: Path
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
        given = settings(tmp_path / "questions.jsonl", learner, served.url, dialogue=dialogue, steps=1,
                         calls=str(tmp_path / "calls"))  # fmt: skip
        result = train(given, out, said.append)["result"]
        assert result["reads"] == result["added"]["by"] == name
        line = f"{name.capitalize()} add "
        assert line in (out / "README.md").read_text() and said[-1].startswith(line)
        assert f"with {name}:" in said


def test_captions_may_be_of_what_bears_on_the_question(
    few: Path, learner: Path, served: FakeServer, script_of_few: Script, tmp_path: Path
) -> None:
    given = settings(few, learner, served.url, baseline=False, about_question=True)
    train(given, tmp_path / "run", SILENT)
    rows = lines_of(few)
    for question in {r["question"] for r in rows}:
        assert sum(f'"{question}"' in told for told in script_of_few.asked) == len(script_of_few.told)
    asyncio.run(_answered(open_model(tmp_path / "run"), few, given))
    assert served.requests == len(KINDS) * len(script_of_few.told)


def test_a_finished_run_is_asked_like_any_model(few: Path, learner: Path, served: FakeServer, tmp_path: Path) -> None:
    train(settings(few, learner, served.url), tmp_path / "run", SILENT)
    film = next((few.parent / "clips").iterdir())
    asked = ask.Request(film, "Where does the scene open?", f"run:{tmp_path / 'run'}",
                        choosing=Choosing(FRAMES, longest=SIZE))  # fmt: skip
    assert ask.run(asked, SILENT).model == "run"
    blind = open_model(tmp_path / "run" / "baseline")
    assert not blind.sees
    with pytest.raises(InputError, match="sees no frames"):
        ask.run(replace(asked, model=f"run:{tmp_path / 'run' / 'baseline'}"), SILENT)
    other = open_model(tmp_path / "run", captioner=f"{served.url}#another")
    assert other.identity != open_model(tmp_path / "run").identity, "a ledger would take one's replies for the other's"


def test_another_captioner_takes_the_place_of_one_that_is_gone(
    few: Path, learner: Path, served: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(settings(few, learner, served.url, baseline=False), tmp_path / "run", SILENT)
    _tell(tmp_path / "run", "http://127.0.0.1:9/v1")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"its captioner http://127\.0\.0\.1:9/v1.*\[models\.captioner\]"):
        open_model(tmp_path / "run")
    (tmp_path / "flyreel.toml").write_text(f'[models.captioner]\nurl = "{served.url}"\n')
    other = open_model(tmp_path / "run")
    assert other.sees and other.label == "run", "the same model at the same address is no other"
    (tmp_path / "flyreel.toml").write_text(f'[models.captioner]\nurl = "{served.url}"\nname = "late"\n')
    assert open_model(tmp_path / "run").label == "run (captioned by late)"
    (tmp_path / "flyreel.toml").unlink()
    _tell(tmp_path / "run", "captioner")
    with pytest.raises(InputError, match=r"^run:.*\[models\.captioner\] of flyreel\.toml"):
        open_model(tmp_path / "run")


def _tell(run: Path, asked_as: str) -> None:
    facts = json.loads((run / "run.json").read_text())
    facts["about"]["captioner"]["asked_as"] = asked_as
    (run / "run.json").write_text(json.dumps(facts))


def test_nobody_whom_nobody_named_takes_the_captioner_s_place(
    few: Path, learner: Path, served: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(settings(few, learner, served.url, baseline=False), tmp_path / "run", SILENT)
    monkeypatch.chdir(tmp_path)
    assert open_model(tmp_path / "run").label == "run"
    served.name = "newer"
    with pytest.raises(
        InputError, match=r"was scripted when it learnt, and answers now as newer.*\[models\.captioner\]"
    ):
        open_model(tmp_path / "run")
    assert open_model(tmp_path / "run", captioner=served.url).label == "run (captioned by newer)"
    (tmp_path / "flyreel.toml").write_text(f'[models.captioner]\nurl = "{served.url}"\n')
    assert open_model(tmp_path / "run").label == "run (captioned by newer)"


def test_the_ledger_is_read_once_a_model_and_let_go_of_with_it(
    few: Path, learner: Path, served: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = settings(few, learner, served.url, baseline=False)
    train(given, tmp_path / "run", SILENT)
    opened = []

    class Counted(Ledger):
        def __enter__(self) -> Ledger:
            opened.append(self)
            return super().__enter__()

    monkeypatch.setattr("flyreel.train.caption_qa.model.Ledger", Counted)
    model = open_model(tmp_path / "run")
    assert not opened
    before = asyncio.run(_answered(model, few, given))
    assert len(before) > 1 and len(opened) == 1
    asyncio.run(model.close())
    with Ledger(tmp_path / "run" / "calls") as ledger:
        assert ledger._path and ledger._path.name == "calls-0001.sqlite", "the closed model still writes there"
    assert asyncio.run(_answered(model, few, given)) == before and len(opened) == 2
    asyncio.run(model.close())


def test_a_captioner_that_is_not_there_is_said_in_one_line(few: Path, learner: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--set captioner="):
        train(settings(few, learner, ""), tmp_path / "run", SILENT)
    with pytest.raises(InputError, match="no model answers there"):
        train(settings(few, learner, "http://127.0.0.1:9/v1"), tmp_path / "run", SILENT)
    assert not (tmp_path / "run").exists(), "the next try would be refused as another run"
