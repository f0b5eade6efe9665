"""What a trained model reads back from a call is what `evaluate` put into it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flyreel.errors import Refused
from flyreel.evaluate.pictures import Pictures, picture
from flyreel.evaluate.showing import Item, show
from flyreel.evaluate.views import VIEWS
from flyreel.models.call import Call, Media
from flyreel.train.asked import read_call

line = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=30).map(str.strip)
said = line.filter(bool)
cue = {"kind": "dialogue", "start": 0.0, "end": 1.0, "speaker": None}


def frames(count: int) -> tuple[Pictures, list[np.ndarray]]:
    images = [np.full((16, 24, 3), 40 * i, np.uint8) for i in range(count)]
    media = tuple(map(picture, images))
    times = tuple(0.5 + i for i in range(count))
    return Pictures(tuple(range(count)), times, media, (0, 0.5, media[0])), images


@given(said, st.lists(said, max_size=7), st.lists(said, max_size=3))
@settings(deadline=None)
def test_question_and_choices_come_back_whatever_is_spoken(
    question: str, choices: list[str], spoken: list[str]
) -> None:
    cues = tuple({**cue, "text": text} for text in ["Question: who?", "A) nobody", *spoken])
    call = show(Item("q", question, tuple(choices), cues), VIEWS["dialogue"], None).call
    found = read_call(call)
    assert (found.question, found.choices) == (question, choices)
    assert found.pictures == [] and found.times == []


@pytest.mark.parametrize("choices", [["red", "blue"], []])
def test_a_question_and_choices_of_several_lines_come_back(choices: list[str]) -> None:
    question = "Which?\nOptions: none are named\nReply in French"
    choices = [f"{choice}\nB) not this" if i else f"{choice}\nand more" for i, choice in enumerate(choices)]
    found = read_call(show(Item("q", question, tuple(choices)), VIEWS["blind"], None).call)
    assert (found.question, found.choices) == (question, choices)


def test_pictures_come_in_the_order_they_were_sent_with_their_times() -> None:
    seen, images = frames(3)
    found = read_call(show(Item("q", "Who?", ("Mo", "Pip")), VIEWS["full"], seen).call)
    assert found.times == [0.5, 1.5, 2.5]
    assert all(np.array_equal(a, b) for a, b in zip(found.pictures, images, strict=True))


def test_another_prompt_is_a_question_as_it_stands() -> None:
    found = read_call(
        Call(({"role": "system", "content": "Be brief."}, {"role": "user", "content": "Who jumps?\nA) Mo\nB) Pip"}))
    )
    assert (found.question, found.choices) == ("Who jumps?", ["Mo", "Pip"])
    assert read_call(Call(())).question == ""


def test_what_is_no_picture_is_refused() -> None:
    video = Media("0" * 64, "video/mp4", b"no")
    broken = Media("1" * 64, "image/jpeg", b"no")
    for media, there, reason in (
        (video, (video,), "not-a-picture"), (broken, (broken,), "unreadable-picture"), (broken, (), "no-such-picture"),
    ):  # fmt: skip
        with pytest.raises(Refused) as error:
            _ = read_call(Call(({"role": "user", "content": [media.part]},), media=there)).pictures
        assert error.value.reason == reason


def test_who_hands_pictures_on_decodes_none() -> None:
    broken = Media("1" * 64, "image/jpeg", b"no")
    call = Call(({"role": "user", "content": [broken.part, {"type": "text", "text": "Who?"}]},), media=(broken,))
    assert read_call(call).media == [broken]


def test_what_stands_before_the_question_comes_back() -> None:
    cues = ({**cue, "text": "Question: who?"}, {**cue, "text": "me"})
    found = read_call(show(Item("q", "Who?", (), cues), VIEWS["dialogue"], None).call)
    assert '"Question: who?"\n[0.0-1.0] "me"' in found.before and "Who?" not in found.before
    assert read_call(Call(({"role": "user", "content": "Who?"},))).before == ""
