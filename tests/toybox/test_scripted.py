"""The scripted model errs as often as it says, and no more: what is measured against it rests on that."""

from __future__ import annotations

import json

import pytest

from flyreel.audit.judging import accepts, pick, shown
from flyreel.engine.budget import Budget
from flyreel.engine.calls import Caller, Limits
from flyreel.generate.scene import Scene
from flyreel.generate.templates.store import Template
from flyreel.generate.windows import windows
from flyreel.generate.writing import kind, selected, selecting, writing, written
from flyreel.models.fake import FakeModel
from flyreel.toybox import oracle, world
from flyreel.toybox.questions import questions
from flyreel.toybox.scripted import Scripted
from flyreel.toybox.telling import cues

SCENES = tuple(world.scenes(3, 30))
KINDS = [kind(Template(f"kind {i}", f"What is number {i}?", "Temporal")) for i in range(6)]


def caller(script: Scripted) -> Caller:
    return Caller(FakeModel(script), Limits(4), None, Budget())


def scene_of(made: world.Scene) -> Scene:
    return Scene(made.id, made.film, tuple(cue.model_dump() for cue in cues(made)), made.duration)


async def draws(errs: float, samples: int = 8) -> list[bool]:
    """For everything it writes: is the key the one right choice, by the oracle?"""
    who = caller(Scripted(SCENES, errs=errs))
    right = []
    for made in SCENES:
        (window,) = windows(scene_of(made), 3000)
        for sample in range(samples):
            call = writing(window, KINDS[sample % 3 :], 5, sample)
            for one in written((await who.ask(call)).text, len(KINDS)):
                choices = [one.answer, *one.distractors]
                right.append(oracle.answer(made, one.question, choices) == 0)
    return right


async def test_a_writer_without_errors_is_always_right() -> None:
    right = await draws(0.0, 2)
    assert len(right) > 100 and all(right)


async def test_a_writer_errs_at_its_rate() -> None:
    """A question about another scene may be right by accident, so a little under it."""
    right = await draws(0.2)
    wrong = right.count(False) / len(right)
    assert len(right) > 500 and 0.13 <= wrong <= 0.23


async def test_templates_are_selected_by_number() -> None:
    (window,) = windows(scene_of(SCENES[0]), 3000)
    reply = await caller(Scripted(SCENES)).ask(selecting(window, KINDS, 0))
    assert selected(reply.text, len(KINDS)) == list(range(6))


@pytest.mark.parametrize("misreads", [0.0, 0.3])
async def test_a_reader_misreads_at_its_rate_and_in_every_ordering(misreads: float) -> None:
    asked = questions(3, 30, per_scene=6, faults=0.0)
    who = caller(Scripted(SCENES, misreads=misreads))
    hits = []
    for i, row in enumerate(asked.to_rows()):
        found = await pick(who, shown(row["cues"]), row["question"], row["choices"])
        hits.append(found.picked == row["answer"])
        assert len({a.picked for a in found.answers}) == 1, f"question {i} is read one way here and another there"
    missed = hits.count(False) / len(hits)
    assert missed == 0 if misreads == 0 else 0.2 <= missed <= 0.4


async def test_a_reader_says_yes_to_what_is_right_and_no_to_the_rest() -> None:
    who = caller(Scripted(SCENES))
    for row in questions(3, 10, per_scene=2, faults=0.0).to_rows():
        said = [await accepts(who, shown(row["cues"]), row["question"], choice) for choice in row["choices"]]
        assert said == [i == row["answer"] for i in range(5)]


async def test_without_a_transcript_it_guesses_by_the_text_alone() -> None:
    asked = questions(3, 30, per_scene=6, faults=0.0)
    who = caller(Scripted(SCENES))
    hits = [(await pick(who, [], r["question"], r["choices"])).picked == r["answer"] for r in asked.to_rows()]
    assert 0.1 <= sum(hits) / len(hits) <= 0.3


def test_hostile_prompts_get_an_answer() -> None:
    script = Scripted(SCENES)
    for text in ("", "\x00", 'Kinds of question:\n1. "', 'Proposed answer: "\\ud800', '[0.0-1.0] "broken'):
        assert script([{"role": "user", "content": text}]).text is not None
    assert json.loads(script([{"role": "user", "content": "Kinds of question:\nWrite at most"}]).text) == {
        "questions": []
    }
