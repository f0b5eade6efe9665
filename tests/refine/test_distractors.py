"""The strategy that needs no model: keys stay, no second answer is right, and small sets are left alone."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from functools import lru_cache
from typing import Any

from flyreel.engine.budget import Budget
from flyreel.engine.calls import Caller, Limits
from flyreel.engine.stage import Drop
from flyreel.errors import Refused
from flyreel.models.call import Call, Reply
from flyreel.models.fake import FakeModel, FakeReply, always
from flyreel.questions import Questions
from flyreel.refine.loop import Refined, Setting, refine
from flyreel.refine.propose import LONGEST_KEY, propose, proposed
from flyreel.refine.strategies.distractors import FEWEST, distractors
from flyreel.refine.strategy import Bench, Task
from flyreel.refine.wordings import wording_of
from flyreel.toybox.oracle import answers
from flyreel.toybox.questions import questions


def task(made: Questions, row: int) -> Task:
    first = wording_of(made, row)
    return Task(row, made.ids[row], first, first, 1, tuple(made.table.column("cues")[row].as_py() or ()))


@lru_cache
def refined(seed: int) -> tuple[Questions, Refined]:
    made = questions(seed, 20, 4, faults=0.5)
    return made, asyncio.run(refine(made, Setting("distractors")))


def test_who_knows_the_script_agrees_with_every_key_of_a_question_as_it_was_asked() -> None:
    before, result = refined(7)
    was, is_now = answers(before), answers(result.questions)
    assert sum(was[row] == before.answer[row] for row in range(len(before))) == len(before) == 80
    for row in range(len(before)):
        assert result.questions.texts[row] == before.texts[row]
        assert is_now[row] == result.questions.answer[row], (before.texts[row], result.questions.choices_of(row))


def test_questions_and_keys_are_the_same_to_the_letter_and_nothing_else_of_a_row_changes() -> None:
    before, result = refined(7)
    assert any(w.changed for w in result.walks)
    for old, new, walk in zip(before.to_rows(), result.questions.to_rows(), result.walks, strict=True):
        assert (old["question"], old["choices"][old["answer"]]) == (new["question"], new["choices"][new["answer"]])
        assert {**old, "choices": 0, "answer": 0} == {**new, "choices": 0, "answer": 0}
        assert walk.changed == (old["choices"] != new["choices"])
        assert walk.best == wording_of(result.questions, walk.row) and walk.id == old["id"]


async def test_a_set_too_small_to_draw_from_is_left_with_its_reason() -> None:
    made = questions(1, 4, 4)
    assert len(made) < FEWEST
    found = await distractors([task(made, i) for i in range(3)], Bench(made))
    assert [p.reason for p in found if isinstance(p, Drop)] == ["set-too-small"] * 3


async def test_there_is_one_proposal_a_task_in_order_with_the_key_of_its_question() -> None:
    made = questions(2, 10, 4)
    given = [task(made, i) for i in (9, 2, 30)]
    found = await distractors(given, Bench(made))
    assert len(found) == 3
    assert all(isinstance(p, Drop) or p.key == t.first.key for t, p in zip(given, found, strict=True))


def caller(script: Any) -> Caller:
    return Caller(FakeModel(script), Limits(tries=1), None, Budget())


async def test_what_a_model_proposes_is_a_candidate_and_a_bad_reply_or_a_long_key_none() -> None:
    made = questions(2, 10, 4)
    given = [task(made, i) for i in range(3)]

    def script(messages: list[dict[str, Any]]) -> FakeReply:
        wrong = ["a  paper kite", "a paper kite", " ", 3]
        return FakeReply(json.dumps({"wrong": wrong}) if made.texts[1] in messages[-1]["content"] else "no")

    found = await propose(given, Bench(made, rewriter=caller(script)))
    assert found[1] == ["a paper kite"] and found[0] == []
    rows = made.to_rows()
    rows[0]["choices"][rows[0]["answer"]] = "x" * (LONGEST_KEY + 1)
    long = Questions.from_rows(rows)
    assert await propose([task(long, 0)], Bench(long, rewriter=caller(always("{}")))) == {}
    assert [proposed(t) for t in ("[]", "{}", '{"wrong": 3}', '{"wrong": null}', "3", "[" * 9000)] == [[]] * 6


async def test_each_attempt_has_a_draw_of_its_own_beside_those_of_the_attempts_before() -> None:
    made, sent = questions(2, 10, 4), []

    class Drawing(FakeModel):
        async def send(self, call: Call) -> Reply:
            sent.append(call.sample)
            content = json.dumps({"wrong": ["a kite", f"kite {call.sample}"]})
            return Reply(json.dumps({"choices": [{"message": {"content": content}}]}))

    bench = Bench(made, rewriter=Caller(Drawing(always("{}")), Limits(tries=1), None, Budget()))
    assert await propose([task(made, 0)], bench) == {0: ["a kite", "kite 0"]}
    assert await propose([replace(task(made, 0), attempt=3)], bench) == {0: ["a kite", "kite 0", "kite 1", "kite 2"]}
    assert sent == [0, 0, 1, 2]


async def test_a_draw_that_failed_leaves_the_other_draws_and_all_failing_is_no_proposal() -> None:
    made, sent, fails = questions(2, 10, 4), [], set()

    class Failing(FakeModel):
        async def send(self, call: Call) -> Reply:
            sent.append(call.sample)
            if call.sample in fails:
                raise Refused("http-400", "no")
            content = json.dumps({"wrong": [f"kite {call.sample}"]})
            return Reply(json.dumps({"choices": [{"message": {"content": content}}]}))

    bench = Bench(made, rewriter=Caller(Failing(always("{}")), Limits(tries=1), None, Budget()))
    third = replace(task(made, 0), attempt=3)
    for failing, left in ((0, {0: ["kite 1", "kite 2"]}), (2, {0: ["kite 1"]}), (1, {})):
        fails.add(failing)
        assert await propose([third], bench) == left
    assert sent == [0, 1, 2] * 3


async def test_half_a_character_in_a_proposal_does_not_end_the_run() -> None:
    made = questions(2, 10, 4)
    broken = always(json.dumps({"wrong": ["a \ud800 kite"] * 3}))
    found = await distractors([task(made, i) for i in range(3)], Bench(made, rewriter=caller(broken)))
    assert len(found) == 3 and not any("\ud800" in c for p in found if not isinstance(p, Drop) for c in p.choices)
