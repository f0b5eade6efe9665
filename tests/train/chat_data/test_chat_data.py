"""What a chat model is trained on: the prompt it will be asked by, with its pictures, and a loss over the answer."""

from __future__ import annotations

import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flyreel.evaluate.pictures import Choosing
from flyreel.evaluate.showing import Item, show
from flyreel.evaluate.views import VIEWS
from flyreel.replies.parsing import read_reply

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from flyreel.models._chat_template import Reader, inputs  # noqa: E402
from flyreel.models.in_process import TransformersModel  # noqa: E402
from flyreel.train.chat_data import _answer, answer_text, chat_batch, spread  # noqa: E402
from flyreel.train.data import IGNORED, Frames, Sample  # noqa: E402

TOKEN = {"llava": "<image>", "qwen2_vl": "<|image_pad|>", "idefics3": "<image>", "video_llava": "<video>"}


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    folder = tmp_path_factory.mktemp("clips")

    @functools.cache
    def made(seed: int, width: int = 64, height: int = 48, count: int = 12) -> Path:
        path = folder / f"{seed}-{width}-{height}-{count}.mp4"
        rng = np.random.default_rng(seed)
        with av.open(str(path), "w") as out:
            stream = out.add_stream("libx264", rate=4)
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            for _ in range(count):
                blocks = rng.integers(0, 256, (height // 16, width // 16, 3), dtype=np.uint8)
                image = blocks.repeat(16, 0).repeat(16, 1)
                out.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
            out.mux(stream.encode())
        return path

    return made


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> Frames:
    return Frames(Choosing(k=3, longest=56), tmp_path_factory.mktemp("frames"))


def said(*lines: str) -> tuple[dict[str, Any], ...]:
    return tuple(
        {"speaker": None, "start": float(i), "end": i + 0.5, "kind": "dialogue", "text": line}
        for i, line in enumerate(lines)
    )


def sample(video: Path, *lines: str, key: int = 1, question: str = "What is red?", **about: Any) -> Sample:
    choices = ("the door", "the car", "the hat")
    item = Item(f"{question} {len(lines)} {video.stem}", question, choices, said(*lines), video)
    return Sample(item, choices[key], key, "film", **about)


def asked_of(batch: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in batch.items() if name not in ("labels", "sources", "noise")}


def text_of(reader: Reader, ids: Any) -> str:
    return str(reader.tokenizer.decode([i for i in ids if i != IGNORED], clean_up_tokenization_spaces=False))


FAMILIES = ["llava", "qwen2_vl", "idefics3"]


@pytest.mark.parametrize(("family", "film"), [*((f, False) for f in FAMILIES), ("video_llava", True)])
def test_what_is_trained_is_what_is_asked_and_the_loss_is_over_the_answer_alone(
    model: Any, clip: Any, frames: Frames, family: str, film: bool
) -> None:
    found = model(family)
    one = sample(clip(1), "Look there", "It is red")
    batch = chat_batch(found.reader, [one], frames, longest=8192, film=film)
    asked = inputs(found.reader, show(one.item, VIEWS["full"], frames.of(one)).call, film)
    ids, labels = batch["input_ids"][0], batch["labels"][0]
    length = asked["input_ids"].shape[1]
    assert torch.equal(ids[:length], asked["input_ids"][0]), "another prompt than evaluate puts"
    assert (labels[:length] == IGNORED).all(), "a loss over the prompt teaches to ask"
    assert torch.equal(labels[length:], ids[length:])
    answer = text_of(found.reader, labels.tolist())
    assert answer.lstrip() == "**Answer:** B</s>"
    assert read_reply(answer.removesuffix("</s>").strip(), one.item.choices).index == one.key
    assert batch["attention_mask"].shape == ids[None].shape and (batch["attention_mask"] == 1).all()
    for name, value in asked.items():
        if name not in ("input_ids", "attention_mask", "mm_token_type_ids", "token_type_ids"):
            assert torch.equal(batch[name], value), name


def test_the_answer_stands_behind_the_prompt_as_it_would_be_written(model: Any, clip: Any, frames: Frames) -> None:
    """After "ASSISTANT:" a space comes first, after "assistant : " none."""
    for family, ends in [("llava", "ASSISTANT: **Answer:** A</s>"), ("qwen2_vl", "assistant : **Answer:** A</s>")]:
        reader = model(family).reader
        batch = chat_batch(reader, [sample(clip(1), key=0)], frames, longest=8192, film=False)
        assert text_of(reader, batch["input_ids"][0].tolist()).endswith(ends)


def _with_spaces_in_words(first: str) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    known = ["<pad>", "<s>", "</s>", "<reply>", *sorted(set("▁ASITN:*nswer B.\n")), "▁*", "▁**"]
    letters = Tokenizer(models.BPE({w: i for i, w in enumerate(known)}, [("▁", "*"), ("▁*", "*")]))
    letters.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=first, split=False)
    letters.decoder = decoders.Metaspace(prepend_scheme=first, split=False)
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=letters, pad_token="<pad>", bos_token="<s>", eos_token="</s>",
        additional_special_tokens=["<reply>"],
    )  # fmt: skip


@pytest.mark.parametrize(
    "prompt", ["ASSISTANT:", "ASSISTANT:\n", "ASSISTANT: ", "ASSISTANT<reply>", "ASSISTANT: <reply>"]
)
@pytest.mark.parametrize("first", ["first", "never", "bytes"])
def test_the_answer_is_one_text_with_the_prompt(letters: Any, prompt: str, first: str) -> None:
    """Tokenizers that keep a space in the word behind it put one before whatever they are given alone."""
    tokenizer = letters(["<reply>"]) if first == "bytes" else _with_spaces_in_words(first)
    before = tokenizer(prompt)["input_ids"]
    answer = _answer(Reader(None, tokenizer), before, "**Answer:** B")
    space = " " if prompt.endswith(":") else ""
    decode = lambda ids: tokenizer.decode(ids, clean_up_tokenization_spaces=False)  # noqa: E731
    assert decode([*before, *answer]) == f"{decode(before)}{space}**Answer:** B</s>"


def test_an_open_question_is_answered_in_words(model: Any, clip: Any, frames: Frames) -> None:
    item = Item("q", "Who is it?", (), (), clip(1))
    reader = model("llava").reader
    batch = chat_batch(reader, [Sample(item, "the </s> man", None, "film")], frames, longest=8192, film=False)
    answer = batch["labels"][0].tolist()
    assert text_of(reader, answer).strip() == "the < /s> man</s>"
    assert answer.count(reader.tokenizer.eos_token_id) == 1, "an end token inside the answer is text"


@pytest.mark.parametrize("family", [*FAMILIES, "video_llava"])
def test_a_sample_in_a_batch_is_the_sample_alone(model: Any, clip: Any, frames: Frames, family: str) -> None:
    """Of other lengths, other shapes of pictures and, where they are pictures, other numbers of them."""
    found, film = model(family), family == "video_llava"
    few = 12 if film else 2
    some = [
        sample(clip(1), "one", key=0), sample(clip(2, 96, 48), "one", "and another line", key=1),
        sample(clip(3, 48, 96, few), key=2),
    ]  # fmt: skip
    alone = [chat_batch(found.reader, [s], frames, longest=8192, film=film) for s in some]
    together = chat_batch(found.reader, some, frames, longest=8192, film=film)
    with torch.no_grad():
        logits = found.model(**asked_of(together)).logits
        for row, one in enumerate(alone):
            length = one["input_ids"].shape[1]
            expected = found.model(**asked_of(one)).logits[0]
            assert (logits[row, :length] - expected).abs().max() < 1e-4
            assert torch.equal(together["labels"][row, :length], one["labels"][0])
            assert (together["labels"][row, length:] == IGNORED).all()
            assert (together["attention_mask"][row, length:] == 0).all()


@pytest.mark.parametrize("family", [*FAMILIES, "video_llava"])
def test_another_frame_is_another_loss(model: Any, clip: Any, frames: Frames, family: str) -> None:
    """That pixels come through all the way to the logits, each frame of them."""
    found, film = model(family), family == "video_llava"
    batch = chat_batch(found.reader, [sample(clip(1))], frames, longest=8192, film=film)
    name = "pixel_values_videos" if film else "pixel_values"
    pixels = batch[name]
    assert pixels.shape[:2] == (1, 3) if film else True
    with torch.no_grad():
        before = found.model(**asked_of(batch)).logits
        for frame in range(3):
            if film or family == "idefics3":
                changed = pixels.clone()
                changed[:, frame] = changed[:, frame].flip(-1) + 0.5
            else:
                changed = pixels.clone()
                part = len(pixels) // 3
                changed[frame * part : (frame + 1) * part] += 0.5
            after = found.model(**asked_of(batch) | {name: changed}).logits
            assert (after - before)[0, -1].abs().max() > 1e-3, f"frame {frame} is not looked at"


LINES = st.lists(st.text(st.characters(codec="utf-8"), max_size=40), max_size=8)


@settings(max_examples=40, deadline=None)
@given(
    lines=LINES, longest=st.integers(1, 1600), key=st.integers(0, 2), family=st.sampled_from([*FAMILIES, "video_llava"])
)
def test_however_long_what_is_cut_is_dialogue(
    model: Any, clip: Any, frames: Frames, lines: list[str], longest: int, key: int, family: str
) -> None:
    reader, film = model(family).reader, family == "video_llava"
    whole, one = sample(clip(1), *lines, key=key), sample(clip(1), key=key)
    left_out: dict[str, str] = {}
    batch = chat_batch(reader, [whole], frames, longest=longest, film=film, left_out=left_out)
    least = chat_batch(reader, [one], frames, longest=100_000, film=film)
    most = chat_batch(reader, [whole], frames, longest=100_000, film=film)
    if batch is None:
        assert left_out == {whole.item.id: "too-long"}
        assert least["input_ids"].shape[1] > longest, "it would fit without dialogue"
        return
    assert left_out == {} and batch["input_ids"].shape[1] <= longest
    assert text_of(reader, batch["labels"][0].tolist()).strip() == f"**Answer:** {'ABC'[key]}</s>"
    mark = reader.tokenizer.convert_tokens_to_ids(TOKEN[family])
    counts = [(b["input_ids"] == mark).sum() for b in (batch, most)]
    assert counts[0] == counts[1] > 0, "tokens of pictures are cut"
    text = text_of(reader, batch["input_ids"][0].tolist())
    assert "Question: What is red?" in text and "C) the hat" in text
    if most["input_ids"].shape[1] <= longest:
        assert torch.equal(batch["input_ids"], most["input_ids"]), "cut though it fits"


def test_no_more_lines_go_than_have_to(model: Any, clip: Any, frames: Frames) -> None:
    reader = model("llava").reader
    lines = [f"line {i} is said here" for i in range(10, 30)]
    of = lambda *lines: chat_batch(reader, [sample(clip(1), *lines)], frames, longest=100_000, film=False)  # noqa: E731
    line = (of(*lines)["input_ids"].shape[1] - of(*lines[:10])["input_ids"].shape[1]) / 10
    longest = int(of(*lines)["input_ids"].shape[1] - 4.5 * line)
    batch = chat_batch(reader, [sample(clip(1), *lines)], frames, longest=longest, film=False)
    text = text_of(reader, batch["input_ids"][0].tolist())
    left = [i for i, said_line in enumerate(lines) if said_line in text]
    assert len(left) == 15
    assert max(np.diff([-1, *left, 20])) == 2, "a whole stretch is gone"


@given(count=st.integers(0, 200), data=st.data())
def test_what_is_spread_is_in_order_each_once_and_leaves_no_stretch_out(count: int, data: st.DataObject) -> None:
    kept = data.draw(st.integers(0, count))
    found = spread(count, kept)
    assert len(found) == kept and found == sorted(set(found)) and all(0 <= i < count for i in found)
    if kept:
        assert max(np.diff([-1, *found, count])) <= count / kept + 1


def test_what_cannot_be_learnt_from_leaves_the_others_in_the_batch(model: Any, clip: Any, tmp_path: Path) -> None:
    reader = model("llava").reader
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"")
    frames = Frames(Choosing(k=2, longest=56), tmp_path / "frames")
    good, long = sample(clip(1), source="toybox", noise=0.25), sample(clip(1), question="why? " * 900)
    left_out: dict[str, str] = {}
    batch = chat_batch(reader, [sample(bad), long, good], frames, longest=4000, film=False, left_out=left_out)
    assert batch["labels"].shape[0] == 1
    assert (batch["sources"], batch["noise"].tolist()) == (["toybox"], [0.25])
    assert left_out == {long.item.id: "too-long", sample(bad).item.id: "empty"}
    assert chat_batch(reader, [sample(bad)], frames, longest=4000, film=False) is None
    both = chat_batch(reader, [good, replace(good, noise=None)], frames, longest=4000, film=False)
    assert both["noise"] is None, "a sample without an estimate has none"


@pytest.mark.parametrize("error", [TypeError, IndexError, RuntimeError, ZeroDivisionError])
def test_what_a_processor_does_not_take_ends_no_training(
    model: Any, clip: Any, frames: Frames, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    """As it ends no evaluation."""
    reader, one, left_out = model("llava").reader, sample(clip(1)), dict[str, str]()

    def refuses(*_: Any, **__: Any) -> Any:
        raise error("no such shape")

    monkeypatch.setattr(type(reader.processor), "__call__", refuses)
    assert chat_batch(reader, [one], frames, longest=8192, film=False, left_out=left_out) is None
    assert left_out == {one.item.id: "not-taken-by-processor"}


def test_batches_may_be_made_in_threads(model: Any, clip: Any, frames: Frames) -> None:
    reader = model("qwen2_vl").reader
    some = [[sample(clip(seed), *["a line of it"] * lines)] for seed in (1, 2) for lines in range(6)]
    make = lambda samples: chat_batch(reader, samples, frames, longest=900, film=False)  # noqa: E731
    with ThreadPoolExecutor(4) as threads:
        made = list(threads.map(make, some * 2))
    for one, expected in zip(made, [make(samples) for samples in some] * 2, strict=True):
        assert all(torch.equal(one[name], value) for name, value in asked_of(expected).items())


def test_films_of_other_lengths_do_not_stand_in_one_batch(model: Any, clip: Any, frames: Frames) -> None:
    reader = model("video_llava").reader
    three, two, still = sample(clip(1)), sample(clip(2, count=2)), sample(clip(3, count=1))
    left_out: dict[str, str] = {}
    batch = chat_batch(reader, [still, three, two], frames, longest=8192, film=True, left_out=left_out)
    assert batch["labels"].shape[0] == 2 and left_out == {two.item.id: "other-length-of-film"}
    assert chat_batch(reader, [two], frames, longest=8192, film=True)["pixel_values_videos"].shape[1] == 2


async def test_a_model_of_films_answers_without_torchvision(model: Any, clip: Any, frames: Frames) -> None:
    found = model("video_llava")
    assert found.films
    call = show(sample(clip(1)).item, VIEWS["full"], frames.of(sample(clip(1))), tokens=4).call
    other = show(sample(clip(2)).item, VIEWS["full"], frames.of(sample(clip(2))), tokens=4).call
    replies = [await TransformersModel("tiny", found, "video").send(c) for c in (call, call, other)]
    pictured = await TransformersModel("tiny", found, "images").send(call)
    assert replies[0].raw == replies[1].raw
    assert replies[0].input_tokens - pictured.input_tokens == 3 * (5 - 4) - 2, "a frame of a film keeps its first token"


def test_what_is_written_is_read_as_that_letter() -> None:
    for key, letter in enumerate("ABC"):
        assert answer_text(sample(Path("x.mp4"), key=key)) == f"**Answer:** {letter}"
