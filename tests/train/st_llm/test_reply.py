"""What st-llm answers once it has learnt: the likeliest choice or words, of any frames, the same when it is opened
again."""

from __future__ import annotations

import asyncio
import importlib
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flyreel.errors import Refused
from flyreel.evaluate.pictures import picture, pictures
from flyreel.evaluate.showing import Item, show
from flyreel.evaluate.views import VIEWS
from flyreel.formats.project import open_questions
from flyreel.models.call import Call
from flyreel.models.scoring import LETTERS
from flyreel.train import run

pytest.importorskip("torch")
pytest.importorskip("transformers")
recipe = importlib.import_module("flyreel.train.recipes.st_llm")
vision = importlib.import_module("flyreel.train.st_llm.vision")

TOY = {"vision": "script", "width": 32, "heads": 2, "layers": 2, "batch": 6, "asks": 3, "look_at": 3, "steps": 12,
       "keep_every": 4, "rate": 5e-3}  # fmt: skip


def quiet(line: str) -> None:
    pass


def call_about(toybox: Path, number: int, open_ended: bool = False) -> tuple[Call, list[str]]:
    questions = open_questions(toybox / "questions.jsonl", None).questions
    choices = [] if open_ended else questions.choices_of(number)
    clip = toybox / "clips" / f"{questions.strings('clip')[number]}.mp4"
    item = Item("q", questions.texts[number], tuple(choices), video=clip)
    how = recipe.Choosing(k=3, longest=96)
    return show(item, VIEWS["full"], pictures(clip, item.question, how)).call, choices


def replied(model: Any, call: Call) -> Any:
    return asyncio.run(model.send(call))


def test_what_is_written_opens_without_the_hub_and_answers_the_same(
    trained: Path, toybox: Path, tmp_path: Path
) -> None:
    trained_model, moved = recipe.open_model(trained), tmp_path / "moved"
    (moved).mkdir()
    (trained / "model").rename(moved / "model")
    try:
        again = recipe.open_model(moved)
    finally:
        (moved / "model").rename(trained / "model")
    assert again.identity == trained_model.identity
    for number in range(3):
        call, choices = call_about(toybox, number)
        one, other = replied(trained_model, call), replied(again, call)
        assert one.text == other.text and one.text.startswith("**Answer:** ")
        assert one.text[-1] in LETTERS[: len(choices)]
        assert one.text == replied(trained_model, call).text


def test_the_reply_is_the_likeliest_choice_and_follows_it_to_another_letter(trained: Path, toybox: Path) -> None:
    model = recipe.open_model(trained)
    for number in range(3):
        call, choices = call_about(toybox, number)
        said = choices[LETTERS.index(replied(model, call).text[-1])]
        text = call.messages[-1]["content"][-1]["text"]
        for letter, choice in zip(LETTERS, reversed(choices), strict=False):
            text = text.replace(f"{letter}) {choices[LETTERS.index(letter)]}", f"{letter}) {choice}")
        turned = [*call.messages[-1]["content"][:-1], {"type": "text", "text": text}]
        messages = (*call.messages[:-1], {"role": "user", "content": turned})
        reply = replied(model, Call(messages, {**call.parameters, "logprobs": True}, media=call.media))
        assert choices[::-1][LETTERS.index(reply.text[-1])] == said
        assert max(reply.first_token, key=reply.first_token.get) == reply.text[-1]
        assert sum(math.exp(p) for p in reply.first_token.values()) == pytest.approx(1)


def test_open_questions_are_answered_in_words_and_no_picture_is_no_error(trained: Path, toybox: Path) -> None:
    model = recipe.open_model(trained)
    call, _ = call_about(toybox, 0, open_ended=True)
    reply = replied(model, Call(call.messages, {"max_tokens": 3}, media=call.media))
    assert reply.output_tokens <= 3 and "**" not in reply.text
    blind = Call(({"role": "user", "content": "Question: Who jumps?\nOptions:\nA) Mo\nB) Pip"},))
    assert replied(model, blind).text in ("**Answer:** A", "**Answer:** B")


def test_frames_of_any_number_and_size_are_taken(trained: Path) -> None:
    model = recipe.open_model(trained)
    for sizes in ([(40, 30)], [(20, 20), (30, 40), (20, 20), (50, 10), (64, 64)]):
        media = tuple(picture(np.full((*size, 3), 9 * i, np.uint8)) for i, size in enumerate(sizes))
        content = [*(m.part for m in media), {"type": "text", "text": "Question: Who jumps?\nA) Mo\nB) Pip"}]
        assert replied(model, Call(({"role": "user", "content": content},), media=media)).text[-1] in "AB"


def test_a_question_too_long_for_its_positions_is_refused(trained: Path) -> None:
    call = Call(({"role": "user", "content": "Question: " + "who jumps " * 60},))
    with pytest.raises(Refused, match="room for 52"):
        replied(recipe.open_model(trained), call)


def test_one_that_learnt_from_the_script_says_that_it_sees_nothing(tmp_path: Path, toybox: Path) -> None:
    run.train("st-llm", tmp_path / "run", {**TOY, "steps": 1}, quiet)
    model = recipe.open_model(tmp_path / "run")
    call, _ = call_about(toybox, 0)
    assert not model.sees
    with pytest.raises(Refused, match="a model of text"):
        replied(model, call)


def test_one_that_learnt_by_eye_watches_each_scene_once_and_answers_about_files(
    eyes: str, tmp_path: Path, toybox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[bytes] = []
    features = vision.ToyEyes.features

    def noted(self: Any, frames: np.ndarray) -> Any:
        looked.append(frames.tobytes())
        return features(self, frames)

    monkeypatch.setattr(vision.ToyEyes, "features", noted)
    run.train("st-llm", tmp_path / "run", {**TOY, "vision": eyes, "told": 3, "pool": 2, "steps": 3}, quiet)
    assert len(set(looked)) == 2 + 3  # every scene of the pool, and every held-out one
    assert len(looked) <= 2 + 2 + 3  # two threads may come to the same scene at once
    seen = len(looked)
    model = recipe.open_model(tmp_path / "run")
    call, choices = call_about(toybox, 0)
    assert replied(model, call).text[-1] in LETTERS[: len(choices)] and len(looked) == seen + 1
