"""What comes of each question in each view, also where nothing comes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flyreel.engine.budget import Budget
from flyreel.engine.calls import Caller, Limits
from flyreel.engine.local import Silent
from flyreel.errors import MissingExtra, Refused
from flyreel.evaluate import answering, pictures
from flyreel.evaluate.answering import Setting, answers, calls, items
from flyreel.evaluate.pictures import Choosing
from flyreel.evaluate.views import chosen
from flyreel.models.call import Call, Reply
from flyreel.models.fake import FakeModel, FakeReply, always
from flyreel.models.ledger import Ledger
from flyreel.questions import Questions
from flyreel.toybox.make import Plan, make

EVERY = Setting(chosen((), True), Choosing(k=3, longest=64))


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("toybox")
    make(Plan(seed=3, clips=1, questions=0), folder)
    return next((folder / "clips").glob("*.mp4"))


def asked(*clips: str | None, choices: list[str] | None = None) -> Questions:
    rows = [
        {"id": f"q{i}", "question": f"Who waves in {i}?", "choices": choices or ["Anna", "Ben"], "answer": 0, "clip": c}
        for i, c in enumerate(clips)
    ]
    return Questions.from_rows(rows)


def caller(model: Any, ledger: Ledger | None = None) -> Caller:
    return Caller(model, Limits(4, tries=1), ledger, Budget())


async def test_one_call_a_view_and_every_reply_read(clip: Path):
    model = FakeModel(always("**Answer:** B"))
    (found,) = await answers(caller(model), items(asked("c"), {"c": clip}, {}), EVERY, Silent())
    assert [p.view for p in found] == ["full", "blind", "dialogue", "middle", "shuffled", "reversed"]
    assert all(p.answer == 1 and p.strict and p.asked and p.failure is None for p in found)
    assert [len(p.frames) for p in found] == [3, 0, 0, 1, 3, 3]
    assert model.calls == 6


async def test_a_missing_clip_is_not_asked_with_frames_and_is_asked_without(tmp_path: Path):
    """Counting it as wrong, or leaving it out in silence, makes scores that cannot be compared."""
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no film")
    found = await answers(caller(FakeModel(always("A"))), items(asked("gone", "b"), {"b": broken}, {}), EVERY, Silent())
    for said, why in zip(found, ("missing-clip", "unreadable-clip"), strict=True):
        assert {p.view: p.failure for p in said} == {
            "full": why, "blind": None, "dialogue": None, "middle": why, "shuffled": why, "reversed": why,
        }  # fmt: skip
        assert all(p.asked == (p.failure is None) for p in said)


async def test_a_reply_that_nobody_can_read_was_asked(clip: Path):
    (found,) = await answers(
        caller(FakeModel(always("A man waves."))), items(asked("c"), {"c": clip}, {}), EVERY, Silent()
    )
    assert all(p.asked and p.answer is None and p.failure and p.reply == "A man waves." for p in found)


async def test_a_call_that_failed_was_not_asked(clip: Path):
    class Angry(FakeModel):
        async def send(self, call: Call) -> Reply:
            if call.media:
                raise Refused("http-400", "no pictures here")
            return await super().send(call)

    (found,) = await answers(caller(Angry(always("A"))), items(asked("c"), {"c": clip}, {}), EVERY, Silent())
    assert {p.view: (p.asked, p.failure) for p in found}["full"] == (False, "http-400")
    assert {p.view: (p.asked, p.answer) for p in found}["blind"] == (True, 0)


async def test_one_frame_has_no_order(clip: Path):
    setting = Setting(chosen(("full", "shuffled", "reversed"), False), Choosing(k=1))
    (found,) = await answers(caller(FakeModel(always("A"))), items(asked("c"), {"c": clip}, {}), setting, Silent())
    assert [(p.view, p.failure) for p in found] == [
        ("full", None),
        ("shuffled", "one-frame"),
        ("reversed", "one-frame"),
    ]


async def test_nothing_is_paid_for_twice(clip: Path, tmp_path: Path):
    model = FakeModel(always("A"))
    for _ in range(2):
        with Ledger(tmp_path / "calls") as ledger:
            found = await answers(caller(model, ledger), items(asked("c"), {"c": clip}, {}), EVERY, Silent())
    assert model.calls == 5, "without dialogue the views blind and dialogue are one call"
    assert found[0][0].answer == 0


async def test_the_forecast_is_the_calls(clip: Path):
    made: list[Call] = []

    class Noting(FakeModel):
        async def send(self, call: Call) -> Reply:
            made.append(call)
            return await super().send(call)

    listed = items(asked("c", "gone"), {"c": clip}, {})
    told = list(calls(listed, EVERY, lambda done, total: None))
    await answers(caller(Noting(lambda messages: FakeReply("A"))), listed, EVERY, Silent())
    assert {c.key("e", "m") for c in told} == {c.key("e", "m") for c in made} and len(told) == 8


def test_cues_of_the_clip_stand_in_for_a_question_without_any():
    cue = {"start": 0.0, "end": 1.0, "kind": "dialogue", "text": "Come here."}
    own = {**cue, "text": "Go away."}
    rows = [
        {"id": "a", "question": "Who?", "choices": ["x", "y"], "answer": 0, "clip": "c", "cues": [own]},
        {"id": "b", "question": "Who?", "choices": ["x", "y"], "answer": 0, "clip": "c"},
    ]
    first, second = items(Questions.from_rows(rows), {}, {"c": [cue]})
    assert [c["text"] for c in first.cues] == ["Go away."] and [c["text"] for c in second.cues] == ["Come here."]


async def test_what_cannot_be_put_is_that_questions_reason_and_no_end_of_the_run(
    clip: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(pictures, "LARGEST_VIDEO", 100)
    setting = Setting(chosen(("full", "blind"), False), Choosing(k=2), send="video")
    many = asked("c", choices=[f"choice {i}" for i in range(27)])
    listed = [*items(asked("c"), {"c": clip}, {}), *items(many, {"c": clip}, {})]
    found = await answers(caller(FakeModel(always("A"))), listed, setting, Silent())
    assert [[(p.failure, p.asked) for p in said] for said in found] == [
        [("video-too-large", False), (None, True)],
        [("video-too-large", False), ("too-many-choices", False)],
    ]
    assert len(list(calls(listed, setting, lambda done, total: None))) == 1


async def test_a_missing_extra_is_no_unreadable_clip(clip: Path, monkeypatch: pytest.MonkeyPatch):
    """It would be told of every clip in turn, and the run would end with a set that nobody can read."""

    def lacking(*_: Any) -> None:
        raise MissingExtra("hf embedders", "models")

    monkeypatch.setattr(answering, "pictures", lacking)
    with pytest.raises(MissingExtra):
        await answers(caller(FakeModel(always("A"))), items(asked("c"), {"c": clip}, {}), EVERY, Silent())


@pytest.mark.parametrize(("views", "one"), [(("full", "blind"), "full"), (("dialogue", "blind"), "blind")])
async def test_an_open_question_is_put_once(clip: Path, views: tuple[str, ...], one: str):
    """Nothing compares its views, and what is asked is paid for."""
    open_ended = Questions.from_rows([{"id": "o", "question": "How many?", "answer": "3", "clip": "c"}])
    listed = items(open_ended, {"c": clip}, {})
    setting = Setting(chosen(views, False), Choosing(k=2))
    model = FakeModel(always("3"))
    (found,) = await answers(caller(model), listed, setting, Silent())
    assert [p.view for p in found] == [one] and model.calls == 1
    assert len(list(calls(listed, setting, lambda done, total: None))) == 1


async def test_open_answers_are_the_reply(clip: Path):
    questions = Questions.from_rows([{"id": "o", "question": "How many?", "answer": "3", "clip": "c"}])
    (found,) = await answers(caller(FakeModel(always(" three \n"))), items(questions, {"c": clip}, {}), EVERY, Silent())
    assert found[0].answer == "three"
    (found,) = await answers(caller(FakeModel(always("  "))), items(questions, {"c": clip}, {}), EVERY, Silent())
    assert found[0].answer is None and found[0].failure == "empty"
