"""The loop keeps its promises whatever the models say: scripts by hash stand for solver and rewriter."""

from __future__ import annotations

import asyncio
import hashlib
import json
import math
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flyreel.engine.budget import Budget
from flyreel.engine.calls import Caller, Limits
from flyreel.errors import Refused
from flyreel.models.call import Call, Reply
from flyreel.models.fake import FakeModel, FakeReply, Script, options
from flyreel.models.ledger import Ledger
from flyreel.models.scoring import LETTERS
from flyreel.questions import Questions
from flyreel.refine.loop import ATTEMPTS, Refined, Setting, refine
from flyreel.refine.wordings import wording_of
from flyreel.schema import Wording

KEY = "a lantern swings from the mast"
WRONG = (
    "the dog is asleep",
    "rain has flooded the cellar",
    "two chairs are missing",
    "somebody painted the door green",
)
FIRST = "What does the sailor notice?"


def lot(*parts: object) -> float:
    """A number from 0 to 1 that depends on nothing but what is named."""
    return int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:6], "big") / 2**48


@dataclass
class Scripted(FakeModel):
    """Answers in an order of its own, and remembers what it was sent."""

    sent: list[bytes] = field(default_factory=list)
    blind: set[str] = field(default_factory=set)
    pauses: int = 0

    async def send(self, call: Call) -> Reply:
        self.sent.append(call.key(self.identity, self.name))
        if asked := re.search(r"^Question: (.*)$", str(call.messages[-1]["content"]), re.M):
            self.blind.add(asked[1])
        for _ in range(int(self.pauses * lot(self.sent[-1]))):
            await asyncio.sleep(0)
        return await super().send(call)


def logits(by_text: dict[str, float]) -> FakeReply:
    by_letter = {LETTERS[i]: math.log(p) for i, p in enumerate(by_text.values())}
    return FakeReply(max(by_letter, key=by_letter.__getitem__), by_letter)


def asked_to_write(messages: list[dict[str, Any]]) -> dict[str, Any] | None:
    found = re.search(r"^The question as it stands: (.*)$", str(messages[-1]["content"]), re.M)
    return json.loads(found[1]) if found else None


def written(question: str, choices: list[str], answer: int) -> FakeReply:
    return FakeReply(json.dumps({"change": "both", "question": question, "choices": choices, "answer": answer}))


def whimsical(seed: int) -> Script:
    """Picks by hash, now and then fails; rewrites by hash, now and then badly, or as it was, or spoilt."""

    def script(messages: list[dict[str, Any]]) -> FakeReply:
        shown = options(messages)
        if messages[-2:-1] and messages[-2]["role"] == "assistant":
            return FakeReply(f"because of {lot(seed, messages[-1]['content']):.3f}")
        if "green" in shown:
            return FakeReply("A", {"A": -0.1, "B": -2.4})
        now = asked_to_write(messages)
        if now is None:
            question = str(messages[-1]["content"]).split("A)")[0]
            if lot(seed, question) < 0.15:
                raise Refused("http-400", "no")
            weights = {c: math.exp(4 * lot(seed, question, c)) for c in shown}
            total = sum(weights.values())
            return logits({c: w / total for c, w in weights.items()})
        kind, number = lot(seed, messages[-1]["content"]), int(1e6 * lot(seed, 1, messages[-1]["content"]))
        if kind < 0.1:
            return FakeReply("I would rather not")
        if kind < 0.2:
            return written(now["question"], now["choices"], now["answer"])
        if kind < 0.3:
            return written(f"Is it {now['choices'][now['answer']]}?", now["choices"], now["answer"])
        choices = [
            c if i == now["answer"] else f"{'xyz'[i % 3]}{number} stands at {i}" for i, c in enumerate(now["choices"])
        ]
        return written(f"What is it, take {number}?" if kind < 0.7 else now["question"], choices, now["answer"])

    return script


def rows(n: int, seed: int, k: int = 4) -> list[dict[str, Any]]:
    return [
        {
            "id": f"q{i}",
            "question": f"What is in picture {i} of {seed}?",
            "choices": [f"the {'bcdfg'[c]}{i} {'hjklm'[c]}{seed}" for c in range(k)],
            "answer": int(k * lot(seed, i)),
        }
        for i in range(n)
    ]


async def refined(
    made: list[dict[str, Any]], model: FakeModel, ledger: Ledger | None = None, concurrency: int = 4, **how: Any
) -> Refined:
    blind, rewriter = (Caller(model, Limits(concurrency=concurrency, tries=1), ledger, Budget()) for _ in range(2))
    setting = Setting(**{"strategy": "rewrite", "luck": False, "blind": [blind], "rewriter": rewriter, **how})
    return await refine(Questions.from_rows(made), setting)


def kept_promises(made: list[dict[str, Any]], model: Scripted, result: Refined, attempts: int) -> None:
    first = Questions.from_rows(made)
    assert result.questions.ids == [w.id for w in result.walks] == first.ids
    for walk in result.walks:
        assert walk.first == wording_of(first, walk.row) and walk.best == wording_of(result.questions, walk.row)
        assert {r.attempt for r in walk.revisions} <= {*range(1, attempts + 1)}  # who was spared may be called later
        assert [r.attempt for r in walk.revisions] == sorted({r.attempt for r in walk.revisions})
        stands, best = 0, walk.first
        for r in walk.revisions:
            assert (r.base, r.before, r.question) == (stands, best, walk.id)
            refused = [v for v in r.gates.values() if v.startswith("refused")]
            if r.accepted:
                assert r.after is not None and r.verdict in ("strong", "weak")
                assert not refused or (r.verdict == "weak" and [*r.gates][-1] == "no-longer-weak" and len(refused) == 1)
                stands, best = r.attempt, r.after
            elif r.after is not None and "no-longer-weak" not in r.gates and r.after.question != best.question:
                assert r.after.question not in model.blind, "a wording that a gate refused was put to the solver"
        assert (walk.base, walk.best) == (stands, best)
        if walk.outcome == "unknown":
            assert not walk.revisions and not walk.changed and walk.reason
        assert (walk.outcome == "stronger") == (walk.changed and walk.outcome != "unfixable")


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 10**6),
    st.integers(1, 6),
    st.sampled_from(["averaged", "vote"]),
    st.booleans(),
    st.integers(1, ATTEMPTS),
)
async def test_whatever_the_models_say_every_question_comes_back_with_a_history_that_adds_up(
    seed: int, n: int, rule: str, luck: bool, attempts: int
) -> None:
    made, model = rows(n, seed), Scripted(whimsical(seed))
    result = await refined(made, model, rule=rule, luck=luck, attempts=attempts)
    kept_promises(made, model, result, attempts)


@pytest.mark.parametrize("seed", range(4))
async def test_the_order_of_replies_and_a_ledger_half_filled_change_nothing_and_no_call_goes_out_twice(
    seed: int, tmp_path: Path
) -> None:
    made = rows(9, seed)
    alone = await refined(made, Scripted(whimsical(seed)), concurrency=1)
    first, second, third = (Scripted(whimsical(seed), pauses=7) for _ in range(3))
    with Ledger(tmp_path) as ledger:
        await refined(made[:5], first, ledger, attempts=1)
        many = await refined(made, second, ledger, concurrency=16)
    with Ledger(tmp_path) as ledger:
        again = await refined(made, third, ledger, concurrency=3)
    assert alone.walks == many.walks == again.walks
    assert alone.questions.table.equals(many.questions.table) and alone.questions.table.equals(again.questions.table)
    sent = Counter([*first.sent, *second.sent, *third.sent])
    failed = {key for key, n in sent.items() if n > 1}
    with Ledger(tmp_path) as ledger:
        assert first.sent and second.sent and not any(key in ledger for key in failed)


def graded(versions: list[float]) -> Script:
    """The key's probability under the n-th version of the question, the first being version 0."""

    def script(messages: list[dict[str, Any]]) -> FakeReply:
        shown = options(messages)
        if messages[-2:-1] and messages[-2]["role"] == "assistant":
            return FakeReply("because")
        if "green" in shown:
            return FakeReply("A", {"A": -0.1, "B": -2.4})
        if now := asked_to_write(messages):
            script.made += 1  # type: ignore[attr-defined]
            return written(f"What does the sailor notice, version {script.made}?", now["choices"], now["answer"])  # type: ignore[attr-defined]
        at = re.search(r"version (\d+)", str(messages[-1]["content"]))
        p = versions[int(at[1]) if at else 0]
        return logits({c: p if c == KEY else (1 - p) / (len(shown) - 1) for c in shown})

    script.made = 0  # type: ignore[attr-defined]
    return script


SAILOR = [{"id": "q", "question": FIRST, "choices": [KEY, *WRONG], "answer": 0}]


async def test_the_best_accepted_version_is_kept_though_later_ones_were_worse() -> None:
    model = Scripted(graded([0.9, 0.6, 0.8, 0.5, 0.7, 0.95]))
    walk = (await refined(SAILOR, model)).walks[0]
    assert [r.accepted for r in walk.revisions] == [True, False, True, False, False]
    assert [r.base for r in walk.revisions] == [0, 1, 1, 3, 3]
    assert walk.best.question == "What does the sailor notice, version 3?" and walk.outcome == "unfixable"
    assert (walk.before, walk.after) == (pytest.approx(0.9), pytest.approx(0.5))


async def test_no_attempt_is_made_after_one_that_made_the_question_strong() -> None:
    walk = (await refined(SAILOR, Scripted(graded([0.9, 0.6, 0.1])))).walks[0]
    assert (walk.outcome, len(walk.revisions), walk.base) == ("stronger", 2, 2)


async def test_a_question_that_no_solver_could_answer_is_left_as_it_is_for_a_person() -> None:
    def dumb(messages: list[dict[str, Any]]) -> FakeReply:
        assert asked_to_write(messages) is None, "an unknown question was rewritten"
        raise Refused("http-400", "no")

    result = await refined(rows(3, 0), Scripted(dumb))
    assert [w.outcome for w in result.walks] == ["unknown"] * 3 and result.weak == 0
    assert all(w.reason == "http-400" and not w.changed for w in result.walks)


async def test_a_set_of_one_film_is_judged_by_the_language_model_though_no_text_model_can_be_fitted() -> None:
    made = [{**row, "group": "one film"} for row in rows(45, 1)]
    result = await refined(made, Scripted(whimsical(1)), strategy="distractors", rewriter=None)
    assert {w.outcome for w in result.walks} != {"unknown"}


async def test_an_empty_set_stays_empty() -> None:
    assert (await refined([], Scripted(whimsical(0)))).walks == []
    assert (await refine(Questions.from_rows([]), Setting(strategy="distractors"))).walks == []


def test_a_wording_goes_into_the_set_and_comes_out_as_it_was() -> None:
    from flyreel.refine.wordings import reworded

    made = Questions.from_rows(rows(3, 5))
    other = Wording(question="New?", choices=("a", "b"), answer=1)
    after = reworded(made, {1: other})
    assert wording_of(after, 1) == other and [wording_of(after, i) for i in (0, 2)] == [
        wording_of(made, i) for i in (0, 2)
    ]
    assert after.table.schema == made.table.schema
