"""Which strategy has its turn when both could."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from flyreel.engine.budget import Budget
from flyreel.engine.calls import Caller, Limits
from flyreel.models.fake import FakeModel, FakeReply, options, prefer
from flyreel.questions import Questions
from flyreel.refine.loop import Setting, refine
from flyreel.refine.strategies.auto import BY_DISTRACTORS, auto
from flyreel.refine.strategies.distractors import distractors
from flyreel.refine.strategy import Bench, Task
from flyreel.refine.wordings import wording_of
from flyreel.schema import Wording
from flyreel.toybox.questions import questions

TOYBOX = questions(3, 12, 4)


def writing(messages: list[dict[str, Any]]) -> FakeReply:
    """Finds the choice that says "lantern"; as the rewriter it puts "lantern" into all of them."""
    if messages[-2:-1] and messages[-2]["role"] == "assistant":
        return FakeReply("because")
    if options(messages):
        return prefer(lambda t: 5.0 * t.startswith("a lantern"))(messages)
    now = json.loads(re.findall(r"^The question as it stands: (.*)$", messages[-1]["content"], re.M)[0])
    choices = [
        c if i == now["answer"] else f"a lantern {'bcdfg'[i]}{i}xyz swings" for i, c in enumerate(now["choices"])
    ]
    choices[now["answer"] - 1] = "a lantern, a lantern, on the mast"
    return FakeReply(json.dumps({"change": "choices", "question": "", "choices": choices, "answer": now["answer"]}))


def caller() -> Caller:
    return Caller(FakeModel(writing), Limits(tries=1), None, Budget())


def tasks(attempt: int) -> list[Task]:
    return [Task(row, TOYBOX.ids[row], w := wording_of(TOYBOX, row), w, attempt) for row in range(6)]


@pytest.mark.parametrize("attempt", range(1, BY_DISTRACTORS + 1))
async def test_the_first_attempts_ask_no_model_where_other_choices_were_found(attempt: int) -> None:
    rewriter = caller()
    found = await auto(tasks(attempt), Bench(TOYBOX, rewriter=rewriter))
    alone = await distractors(tasks(attempt), Bench(TOYBOX))
    by_choices = [i for i, proposal in enumerate(alone) if isinstance(proposal, Wording)]
    assert by_choices and [found[i] for i in by_choices] == [alone[i] for i in by_choices]
    assert rewriter.model.calls == len(alone) - len(by_choices)  # type: ignore[attr-defined]


async def test_then_the_rewriter_has_its_turn_and_without_one_there_are_distractors_still() -> None:
    late, rewriter = tasks(BY_DISTRACTORS + 1), caller()
    found = await auto(late, Bench(TOYBOX, rewriter=rewriter))
    assert rewriter.model.calls == len(late) and all(isinstance(p, Wording) for p in found)  # type: ignore[attr-defined]
    bench = Bench(TOYBOX)
    assert await auto(late, bench) == await distractors([replace(t) for t in late], bench)


async def test_a_set_too_small_for_distractors_goes_to_the_rewriter_at_once() -> None:
    wrong = ["the dog", "a song", "rain", "mud"]
    rows = [
        {
            "id": f"q{i}",
            "question": f"What does guest {i} see?",
            "choices": [f"a lantern {i} burns", *wrong],
            "answer": 0,
        }
        for i in range(3)
    ]
    result = await refine(Questions.from_rows(rows), Setting("auto", luck=False, blind=[caller()], rewriter=caller()))
    assert any(r.after for w in result.walks for r in w.revisions), "nothing was proposed and the loop gave up"
