"""From descriptions to rows: which descriptions count, what is dropped and why, and what a row says of itself."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from flyreel.engine.budget import Budget
from flyreel.engine.calls import Caller, Limits
from flyreel.engine.stage import Drop
from flyreel.errors import InputError
from flyreel.generate.askers.base import Sheet, askers
from flyreel.generate.language.candidates import Candidate
from flyreel.generate.method import Made, Setting, methods
from flyreel.generate.methods import extractive as module
from flyreel.generate.methods.extractive import extractive
from flyreel.generate.roundtrip import Asked
from flyreel.generate.scene import Scene
from flyreel.models.fake import FakeModel, FakeReply
from flyreel.registry import Entry
from flyreel.schema import Question

Ask = Callable[[str, Candidate], "str | Drop"]


def scene(clip: str, *texts: str, kind: str = "caption", start: float = 0.0, end: float = 0.0, **more: Any) -> Scene:
    cues = tuple({"start": start, "end": end, "kind": kind, "text": text} for text in texts)
    return Scene(clip, more.pop("group", clip), cues, **more)


@pytest.fixture
def asks(monkeypatch: pytest.MonkeyPatch) -> Callable[[Ask], None]:
    """Let a plain function write the questions."""

    def set_asker(ask: Ask) -> None:
        async def asker(sheets: Sequence[Sheet], setting: Setting) -> list[list[str | Drop]]:
            return [[ask(sheet.text, c) for c in sheet.candidates] for sheet in sheets]

        facts = {"origin": lambda setting: {"model": "pen", "prompt_version": "ask 9"}}
        monkeypatch.setattr(askers, "get", lambda name: Entry(name, asker, facts))

    return set_asker


def numbered(text: str, candidate: Candidate) -> str:
    return f"What is hidden at place {candidate.start} of {len(text)}?"


def reasons(made: Made) -> Counter[str]:
    return Counter(dropped.reason for dropped in made.dropped)


async def test_captions_count_before_descriptions_and_those_before_tags(asks: Callable[[Ask], None]) -> None:
    asks(numbered)
    cues = tuple(
        {"start": 0.0, "end": 0.0, "kind": kind, "text": text}
        for kind, text in (("tag", "a dog"), ("description", "a horse"), ("caption", "a cat"), ("dialogue", "an owl"))
    )

    async def answers(cues: Sequence[dict[str, Any]], **values: Any) -> list[str]:
        made = await extractive([Scene("c", "c", tuple(cues))], Setting(choices=0, **values))
        return [row["answer"] for row in made.questions]

    assert await answers(cues) == ["a cat"]
    assert await answers(cues[:2]) == ["a horse"]
    assert await answers(cues[:1]) == ["a dog"]
    assert await answers(cues, read=("tag", "description")) == ["a horse"]
    assert await answers(cues, read=("dialogue",)) == ["an owl"]


async def test_a_row_says_where_its_answer_stands_and_what_made_it(asks: Callable[[Ask], None]) -> None:
    asks(numbered)
    told = scene("clip", "A cat sleeps.", start=1.5, end=4.0, group="film", split="test")
    made = await extractive([told], Setting(choices=0, seed=3, asker="pen:x"))
    row = next(r for r in made.questions if r["template"] == "extractive-living")
    assert row.pop("origin") == {
        "name": "generate", "model": "pen", "prompt_version": "ask 9",
        "parameters": {
            "method": "extractive", "asker": "pen:x", "seed": 3, "language": row_language(),
        },
    }  # fmt: skip
    assert row == {
        "id": "clip-x001", "clip": "clip", "group": "film", "split": "test", "answer": "A cat",
        "question": "What is hidden at place 0 of 13?", "template": "extractive-living",
        "evidence": [{"start": 1.5, "end": 4.0}], "cues": [dict(told.cues[0])], "meta": {"candidate": "living"},
    }  # fmt: skip
    assert all(Question.model_validate(r) for r in made.questions)


def row_language() -> str:
    return module.model.name()


async def test_a_cue_about_the_whole_clip_is_no_evidence(asks: Callable[[Ask], None]) -> None:
    asks(numbered)
    made = await extractive([scene("c", "A cat sleeps.")], Setting(choices=0))
    assert made.questions and all("evidence" not in row for row in made.questions)


async def test_every_candidate_becomes_a_question_or_a_reason(asks: Callable[[Ask], None]) -> None:
    def ask(text: str, candidate: Candidate) -> str | Drop:
        if candidate.kind == "verb":
            return Drop("no-rule", "nothing fits")
        return "Who chases the ball?" if candidate.kind == "living" else "What is chased, is it the ball?"

    asks(ask)
    told = [scene("c", "A dog chases the ball.", "A dog chases the ball."), scene("d", "A dog chases the ball.")]
    made = await extractive(told, Setting(choices=0))
    assert reasons(made) == {"no-rule": 3, "answer-in-question": 3, "duplicate": 1}
    assert [row["id"] for row in made.questions] == ["c-x001", "d-x001"], "what another clip was asked is no duplicate"
    assert "nothing fits" in next(d.detail for d in made.dropped if d.reason == "no-rule")


async def test_ids_do_not_depend_on_what_is_dropped(asks: Callable[[Ask], None]) -> None:
    told = [scene("c", "A dog chases the ball in the park.")]
    asks(numbered)
    everything = {r["answer"]: r["id"] for r in (await extractive(told, Setting(choices=0))).questions}
    asks(lambda text, c: numbered(text, c) if c.kind == "noun" else Drop("no-rule"))
    some = {r["answer"]: r["id"] for r in (await extractive(told, Setting(choices=0))).questions}
    assert some and some.items() < everything.items()


async def test_a_reader_who_answers_something_else_ends_a_question(
    asks: Callable[[Ask], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    asks(numbered)

    async def read(asked: Sequence[Asked], setting: Setting) -> list[str | Drop]:
        stretches = [one.text[one.start : one.end] for one in asked]
        return [{"A dog": "the dog", "the ball": "a frisbee"}.get(s, Drop("http-500")) for s in stretches]

    monkeypatch.setattr(module, "answers", read)
    made = await extractive([scene("c", "A dog chases the ball.")], Setting(choices=0, qa="model"))
    assert [row["answer"] for row in made.questions] == ["A dog"]
    assert made.questions[0]["origin"]["parameters"]["qa"] == "model"
    assert {(d.reason, d.detail) for d in made.dropped} == {("round-trip", "a frisbee"), ("http-500", "")}
    assert all(d.question for d in made.dropped)


ANIMALS = "dog cat owl horse frog duck goat fox hen cow pig bear".split()


async def test_choices_are_drawn_from_the_other_clips_of_the_split(asks: Callable[[Ask], None]) -> None:
    asks(lambda text, c: f"Who {text.split(maxsplit=2)[2]}" + "?" if c.kind == "living" else Drop("no-rule"))
    scenes = [
        scene(f"c{i}", f"A {animal} sleeps near a {ANIMALS[(i + 2) % 12]}", split=("train", "test")[i % 2])
        for i, animal in enumerate(ANIMALS)
    ]
    made = await extractive(scenes, Setting(choices=3))
    assert made.questions
    for row in made.questions:
        assert Question.model_validate(row) and len(row["choices"]) == 3
        said = row["cues"][0]["text"].lower()
        wrong = [c for i, c in enumerate(row["choices"]) if i != row["answer"]]
        assert row["choices"][row["answer"]] in said and not any(c in said for c in wrong)
        of_split = " ".join(s.cues[0]["text"].lower() for s in scenes if s.split == row["split"])
        assert all(c in of_split for c in wrong)
        assert all(c == c.lower() for c in row["choices"]), "a capital would tell what began a sentence"
    order = random.Random(0)
    shuffled = order.sample(scenes, len(scenes))
    again = await extractive(shuffled, Setting(choices=3))
    assert sorted(made.questions, key=lambda r: r["id"]) == sorted(again.questions, key=lambda r: r["id"])
    assert made.questions != (await extractive(scenes, Setting(choices=3, seed=1))).questions


async def test_names_keep_their_capital(asks: Callable[[Ask], None]) -> None:
    asks(lambda text, c: "Who sleeps?" if c.kind == "living" else Drop("no-rule"))
    names = "Julia Henry Paul Nora Victor Amelia".split()
    made = await extractive([scene(n, f"{n} sleeps.") for n in names], Setting(choices=3))
    assert {c for row in made.questions for c in row["choices"]} <= set(names) and len(made.questions) >= 4


async def test_few_clips_have_too_few_choices(asks: Callable[[Ask], None]) -> None:
    asks(numbered)
    made = await extractive([scene("c", "A cat sleeps."), scene("d", "A dog sleeps.")], Setting(choices=5))
    assert not made.questions and reasons(made) == {"too-few-choices": len(made.dropped)}


async def test_clips_without_words_or_answers_are_told(asks: Callable[[Ask], None]) -> None:
    asks(numbered)
    said = scene("said", "A cat.", kind="dialogue")
    scenes = [scene("silent"), said, scene("blank", "  "), scene("none", "It is so.")]
    made = await extractive(scenes, Setting())
    assert {d.clip: d.reason for d in made.dropped} == {
        "silent": "no-description", "said": "no-description", "blank": "no-description", "none": "no-candidate",
    }  # fmt: skip
    assert (await extractive([], Setting())) == Made()


async def test_a_book_is_read_up_to_a_point(asks: Callable[[Ask], None]) -> None:
    asks(numbered)
    made = await extractive([scene("c", "A cat sleeps near a tree. " * 400)], Setting(choices=0))
    assert reasons(made)["description-too-long"] == 1 and made.questions


async def test_white_space_around_a_description_is_not_read(asks: Callable[[Ask], None]) -> None:
    """Cut at the limit first, nothing would be left of it to cut at a space."""
    asks(lambda text, c: f"What is hidden at place {c.start}?")
    blank = " " * (module.model.LONGEST + 50)
    plain = await extractive([scene("c", "A cat sleeps.")], Setting(choices=0))
    spaced = await extractive([scene("c", f"{blank}A cat sleeps.{blank}")], Setting(choices=0))
    assert not reasons(spaced)["description-too-long"]
    kept = [[(r["id"], r["question"], r["answer"]) for r in made.questions] for made in (plain, spaced)]
    assert kept[0] == kept[1] and kept[0]


async def test_a_general_word_is_dropped_where_choices_are_drawn_and_kept_where_not(
    asks: Callable[[Ask], None],
) -> None:
    asks(lambda text, c: "Who sleeps?" if c.kind == "living" else Drop("no-rule"))
    told = [scene(animal, f"A {animal} sleeps.") for animal in (*ANIMALS, "person")]
    drawn = await extractive(told, Setting(choices=3))
    open_ended = await extractive(told, Setting(choices=0))
    assert [d.clip for d in drawn.dropped if d.reason == "answer-too-general"] == ["person"]
    assert drawn.questions and not any("a person" in row["choices"] for row in drawn.questions)
    assert "A person" in {row["answer"] for row in open_ended.questions}


async def test_a_forecast_holds_the_calls_that_are_sent() -> None:
    sent: list[tuple[Any, ...]] = []

    def script(messages: list[dict[str, Any]]) -> FakeReply:
        sent.append(tuple(message["content"] for message in messages))
        return FakeReply('{"questions": []}')

    told = [scene("c", "A cat sleeps.", "A dog chases the ball."), scene("d", "A horse runs.")]
    setting = Setting(asker="model", generator=Caller(FakeModel(script), Limits(), None, Budget()))
    calls = methods.get("extractive").facts["calls"]
    forecast = [tuple(m["content"] for m in call.messages) for call in calls(told, setting)]
    made = await extractive(told, setting)
    assert sorted(forecast) == sorted(sent) and len(sent) == 3
    assert set(reasons(made)) == {"no-question"}
    assert not list(calls(told, Setting()))


async def test_an_unknown_asker_is_the_users_mistake() -> None:
    with pytest.raises(InputError, match="no such question writer"):
        await extractive([scene("c", "A cat sleeps.")], Setting(asker="nobody"))


async def test_it_is_found_by_its_name_and_asks_by_rules_unless_told_otherwise() -> None:
    texts = [
        f"A {a} {does} the {thing} in the {place}."
        for a, does, thing, place in zip(
            "man woman boy girl clown nurse cook guard".split(),
            "drops lifts kicks paints washes carries throws opens".split(),
            "ball chair plate door lamp bottle box cup".split(),
            "park kitchen garden street office barn forest hall".split(),
            strict=True,
        )
    ]
    made = await methods.get("extractive").make([scene(f"c{i}", t) for i, t in enumerate(texts)], Setting(choices=4))
    kinds = Counter(row["meta"]["candidate"] for row in made.questions)
    assert kinds["living"] == 8 and kinds["noun"] >= 8
    assert next(row for row in made.questions if row["id"] == "c0-x001")["question"].startswith("Who drops the ball")
    assert "model" not in made.questions[0]["origin"]
