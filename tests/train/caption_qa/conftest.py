"""Films of the toybox, who describes them by their script, and a tiny random T5 that reads what was described."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flyreel.evaluate.pictures import Choosing, pictures
from flyreel.evaluate.showing import show
from flyreel.evaluate.views import VIEWS
from flyreel.models.call import content_of
from flyreel.models.fake import FakeReply, FakeServer
from flyreel.tables import write_jsonl
from flyreel.toybox import world
from flyreel.toybox.asking import ASKS
from flyreel.toybox.questions import row
from flyreel.toybox.render import render, size_of
from flyreel.train.data import data

KINDS = ("place-first", "place-last", "light-first", "light-last")
FRAMES, SIZE = 3, 96
WORDS = (
    "Question : Answer Options A B C D E ) [ ] - . , ? ' \" What is seen and said in a video at these seconds who or "
    "the what Where does scene open end light like first a it Describe this picture one sentence they are doing 0 1 2 "
    "3 4 5 6 7 8 9 10 11 12 in on at "
) + " ".join((*world.PLACES, *world.LIGHTS))


def _films(folder: Path, clips: int, kinds: tuple[str, ...] = KINDS, choices: bool = False) -> Path:
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


def _tokenizer() -> Any:
    import transformers
    from tokenizers import Tokenizer, models, pre_tokenizers

    known = dict.fromkeys(["<pad>", "</s>", "<unk>", *WORDS.split()])
    words = Tokenizer(models.WordLevel({w: i for i, w in enumerate(known)}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token="<pad>", unk_token="<unk>", eos_token="</s>", bos_token="</s>"
    )


@pytest.fixture(scope="session")
def tokenizer() -> Callable[[], Any]:
    """Each time another: a processor adds to the one that it is given."""
    return _tokenizer


@pytest.fixture(scope="session")
def learner(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch
    import transformers

    folder, words = tmp_path_factory.mktemp("models") / "t5", _tokenizer()
    torch.manual_seed(0)
    config = transformers.T5Config(
        vocab_size=len(words), d_model=64, d_ff=128, d_kv=16, num_layers=1, num_heads=4, dropout_rate=0.0,
        pad_token_id=0, eos_token_id=1, decoder_start_token_id=0,
    )  # fmt: skip
    transformers.T5ForConditionalGeneration(config).save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def settings(learner: Path) -> Callable[..., Any]:
    """The recipe's own, of a run of a few seconds: (questions, captioner, what else is set)."""
    from flyreel.train.recipes.caption_qa import Settings

    def made(source: Path, captioner: str, **more: Any) -> Settings:
        small = {"held": 0.25, "frames": FRAMES, "size": SIZE, "tokens": 160, "rate": 4e-3, "steps": 6, "batch": 4}
        return Settings(source=str(source), model=str(learner), captioner=captioner, **(small | more))

    return made


@pytest.fixture(scope="session")
def films() -> Callable[..., Path]:
    return _films


@pytest.fixture(scope="session")
def script_of() -> Callable[[Path, int], Script]:
    return Script


@pytest.fixture(scope="session")
def serving() -> type[Served]:
    return Served


@pytest.fixture(scope="session")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _films(tmp_path_factory.mktemp("few"), 4, choices=True)


@pytest.fixture(scope="session")
def script_of_few(few: Path) -> Script:
    return Script(few.parent, 4)


@pytest.fixture
def served(script_of_few: Script) -> Iterator[FakeServer]:
    script_of_few.asked.clear()
    with Served(script_of_few) as server:
        yield server


@pytest.fixture(scope="session")
def answered() -> Callable[..., Any]:
    return _answered


async def _answered(model: Any, source: Path, given: Any) -> dict[str, str]:
    """What the model says to held-out questions that are shown as `evaluate` shows them."""
    said = {}
    for sample in data(source, held=given.held, seed=given.seed).held:
        assert sample.item.video
        seen = pictures(sample.item.video, "", Choosing(given.frames, longest=given.size))
        said[sample.item.id] = (await model.send(show(sample.item, VIEWS["full"], seen).call)).text
    return said
