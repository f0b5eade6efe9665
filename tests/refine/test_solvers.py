"""How many questions are left to luck, and what a loop over a solver that knows nothing does to the set."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyreel.audit.statistics import wilson
from flyreel.engine.budget import Budget
from flyreel.engine.calls import Caller, Limits
from flyreel.errors import Refused
from flyreel.models.fake import FakeModel, FakeReply, Script, noise, options, prefer
from flyreel.questions import Questions
from flyreel.refine.loop import Refined, Setting, refine
from flyreel.refine.solvers import FEWEST_WRONG, SURE_OTHERWISE, Blind, Seen, spared
from flyreel.refine.strategy import Bench, strategies
from flyreel.refine.wordings import wording_of

K = 5

readings = st.lists(
    st.one_of(
        st.just(Seen(None, reason="http-400")),
        st.tuples(st.booleans(), st.floats(0, 1), st.floats(0, 1)).map(
            lambda r: Seen(r[0], r[1] if not r[0] else max(r[1:]), max(r[1:]))
        ),
    ),
    max_size=60,
)


def allowed(expected: float, chances: np.ndarray) -> float:
    """So many lucky picks and their margin: 1.645 standard errors at the mean chance, or 2.5% of the set."""
    if not len(chances):
        return 0.0
    chance = chances.mean()
    return expected + max(1.645 * np.sqrt(expected * (1 - chance)), 0.025 / chance * expected)


def holds_to_luck(solver: dict[int, Seen], left: set[int], chances: np.ndarray) -> None:
    """At every level of sureness: where E lucky picks are expected as sure as that, no more than E and its margin.

    Of the expected picks as large a share is that sure as of the mistakes, and one mistake more at most, since a level
    may lie on the line between two mistakes.
    """
    of_known = chances[[row for row, s in solver.items() if s.weak is not None]]
    scores = np.array([s.score for row, s in solver.items() if row in left and s.weak])
    assert len(scores) <= allowed(of_known.sum(), of_known) + 1e-6
    wrong = np.array([s.top for s in solver.values() if s.weak is False])
    if len(wrong) < FEWEST_WRONG:
        assert all(scores <= SURE_OTHERWISE + 1e-9)
        return
    for level in scores:
        share = (wrong >= level - 1e-9).mean() + 1 / len(wrong)
        assert (scores >= level).sum() <= allowed(share * of_known.sum(), of_known) + 1e-6, level


@given(st.lists(readings, min_size=1, max_size=3), st.lists(st.integers(2, 8), min_size=60, max_size=60))
def test_no_solver_is_left_more_than_luck_would_give_it_nor_a_pick_surer_than_its_mistakes(
    seen: list[list[Seen]], sizes: list[int]
) -> None:
    chances = 1 / np.array(sizes)
    by_solver = {str(n): dict(enumerate(readings)) for n, readings in enumerate(seen)}
    left = spared(by_solver, chances)
    for solver in by_solver.values():
        holds_to_luck(solver, left, chances)
    assert all(any(s[row].weak for s in by_solver.values() if row in s) for row in left)


@pytest.mark.parametrize("knows", [0.3, 0.6, 0.9])
def test_where_more_is_known_than_luck_gives_the_bound_is_near_and_holds_at_every_level(knows: float) -> None:
    chances = np.full(400, 0.2)
    for seed in range(10):
        random = np.random.default_rng(seed)
        top, weak = random.random(400), random.random(400) < knows
        seen = {i: Seen(bool(weak[i]), top[i] if weak[i] else 0.1, top[i]) for i in range(400)}
        left = spared({"text": seen}, chances)
        holds_to_luck(seen, left, chances)
        assert 80 < len(left) <= 93, "80, and 1.645 times 8"


def test_of_one_solver_the_least_sure_are_left() -> None:
    seen = {i: Seen(i < 30, (0.2 + i / 100) if i < 30 else 0.1, 0.3 + (i % 30) / 60) for i in range(100)}
    left = spared({"text": seen}, np.full(100, 0.1))
    assert left == set(range(len(left))) and len(left) == 14, "10, and 1.645 times 3"


def test_in_a_large_set_what_is_not_worth_chasing_is_more_than_luck() -> None:
    seen = {i: Seen(i < 5_000, 0.3, 0.3) for i in range(10_000)}
    assert len(spared({"text": seen}, np.full(10_000, 0.2))) == 2_250


def test_who_is_sure_and_never_wrong_is_not_lucky() -> None:
    assert spared({"text": {i: Seen(True, 0.9, 0.9) for i in range(50)}}, np.full(50, 0.2)) == set()
    assert len(spared({"text": {i: Seen(True, 0.3, 0.3) for i in range(50)}}, np.full(50, 0.2))) == 14


def test_what_two_solvers_pick_is_left_only_where_both_have_room() -> None:
    """The first is never lucky twice: it is as sure as can be of all but four of its picks."""
    wrong = {i: Seen(False, 0.1, 0.4) for i in range(40, 100)}
    sure = {i: Seen(True, 0.3 if i < 4 else 0.99, 0.99) for i in range(40)} | wrong
    unsure = {i: Seen(True, 0.3, 0.3) for i in range(40)} | wrong
    chances = np.full(100, 0.1)
    assert spared({"sure": sure, "unsure": unsure}, chances) == set(range(4))
    assert len(spared({"unsure": unsure}, chances)) == 14


def phrases(i: int, n: int = 0) -> list[str]:
    """Five of one length without a word in common, with each other or with those of another draw."""
    return [f"the {'bcdfg'[c]}{i:03d}x{n:04d} {'hjklm'[c]}{i:03d}y{n:04d}" for c in range(K)]


def rewriting(score: Any) -> Script:
    """Guesses by the text of each choice; as the rewriter it draws four other wrong choices at every call."""
    solver, made = prefer(score), [0]

    def script(messages: list[dict[str, Any]]) -> FakeReply:
        if messages[-2:-1] and messages[-2]["role"] == "assistant":
            return FakeReply("because")
        if options(messages):
            return solver(messages)
        now = json.loads(re.findall(r"^The question as it stands: (.*)$", messages[-1]["content"], re.M)[0])
        made[0] += 1
        key = now["choices"][now["answer"]]
        choices = [key if i == now["answer"] else c for i, c in enumerate(phrases(999, made[0]))]
        return FakeReply(json.dumps({"change": "choices", "question": "", "choices": choices, "answer": now["answer"]}))

    return script


async def settled(luck: bool) -> Refined:
    made = Questions.from_rows(
        {"id": f"q{i}", "question": f"What is in picture {i}?", "choices": phrases(i), "answer": i % K}
        for i in range(200)
    )
    model = FakeModel(rewriting(noise("one")))
    blind, rewriter = (Caller(model, Limits(tries=1), None, Budget()) for _ in range(2))
    return await refine(made, Setting("rewrite", luck=luck, blind=[blind], rewriter=rewriter))


def accuracy(questions: Questions) -> float:
    score = noise("one")
    wordings = [wording_of(questions, i) for i in range(len(questions))]
    return float(np.mean([max(w.choices, key=score) == w.key for w in wordings]))


async def test_a_solver_that_knows_nothing_is_at_chance_after_the_loop_and_not_below() -> None:
    left = await settled(luck=True)
    low, high = wilson(accuracy(left.questions), 200)
    assert low <= 1 / K <= high and {w.outcome for w in left.walks} <= {"strong", "spared"}


async def test_without_luck_it_is_driven_below_chance_which_gives_keys_away_as_well() -> None:
    driven = await settled(luck=False)
    assert wilson(accuracy(driven.questions), 200)[1] < 1 / K
    assert driven.weak > 20


def caller(script: Script, name: str) -> Caller:
    return Caller(FakeModel(script, name=name), Limits(tries=1), None, Budget())


@pytest.mark.parametrize("rule", ["averaged", "vote"])
async def test_a_model_that_fails_leaves_the_others_to_decide_and_all_failing_is_unknown(rule: str) -> None:
    def dumb(messages: list[dict[str, Any]]) -> FakeReply:
        raise Refused("http-400", "no")

    made = Questions.from_rows(
        {"id": f"q{i}", "question": "Which?", "choices": phrases(i), "answer": 0} for i in range(4)
    )
    knows = caller(prefer(lambda t: 5.0 if t.startswith("the b") else 0.0), "knows")
    bench = Bench(made)
    for callers, weak in (([knows, caller(dumb, "dumb")], True), ([caller(dumb, "a"), caller(dumb, "b")], None)):
        seen = await Blind(callers, rule, bench.progress).look(made, [1, 3])
        assert {row: s.weak for row, s in seen.items()} == {1: weak, 3: weak}
        assert weak or all(s.reason for s in seen.values())
    assert not strategies.get("distractors").facts["reads_why"](1)
