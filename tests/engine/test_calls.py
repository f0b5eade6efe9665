"""Caller: ledger first, then budget, rate and retries; never a call too many."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from flyreel.engine import calls
from flyreel.engine.budget import Budget, Forecast, forecast, parse_budget
from flyreel.engine.calls import Caller, Limits, tallies
from flyreel.errors import BudgetSpent, InputError, Refused, Retryable
from flyreel.models.call import Call, Price, Reply
from flyreel.models.fake import FakeModel, always
from flyreel.models.ledger import Ledger
from flyreel.models.scoring import letter_call


def call(n: int = 0) -> Call:
    return letter_call(({"role": "user", "content": f"question {n}"},))


class Flaky(FakeModel):
    """Fails the first `failures` sends, with errors of the test's choosing."""

    def __init__(self, *failures: Exception) -> None:
        super().__init__(always("A"))
        self.failures = list(failures)

    async def send(self, asked: Call) -> Reply:
        self.calls += 1
        if self.failures:
            raise self.failures.pop(0)
        return await FakeModel(self.script).send(asked)


class Clock:
    """Time that passes only where somebody sleeps, so that waiting is checked without waiting."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        self.slept: list[float] = []
        monkeypatch.setattr(calls.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(calls.asyncio, "sleep", self.sleep)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


async def test_an_answered_call_is_never_sent_again(tmp_path: Path) -> None:
    model = FakeModel(always("A"))
    with Ledger(tmp_path) as ledger:
        first = await Caller(model, Limits(), ledger, Budget()).ask(call())
        again = Caller(model, Limits(), ledger, Budget())
        second = await again.ask(call())
    assert (model.calls, second.from_ledger, second.raw) == (1, True, first.raw)
    assert (again.tally.sent, again.tally.from_ledger) == (0, 1)


async def test_two_askers_of_one_call_share_one_request(tmp_path: Path) -> None:
    model = FakeModel(always("A"))
    with Ledger(tmp_path) as ledger:
        caller = Caller(model, Limits(), ledger, Budget())
        replies = await asyncio.gather(*(caller.ask(call()) for _ in range(10)))
    assert model.calls == 1 and len({r.raw for r in replies}) == 1


async def test_a_failure_is_never_stored_as_an_answer(tmp_path: Path) -> None:
    with Ledger(tmp_path) as ledger:
        caller = Caller(Flaky(Refused("http-400", "no")), Limits(), ledger, Budget())
        with pytest.raises(Refused):
            await caller.ask(call())
        assert len(ledger) == 0
        assert (await caller.ask(call())).text == "A"
    assert caller.tally.failures == {"http-400": 1}


async def test_what_may_pass_is_tried_again_and_no_more_often_than_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    model = Flaky(*[Retryable("http-500")] * 2)
    caller = Caller(model, Limits(tries=3), None, Budget())
    assert (await caller.ask(call())).text == "A"
    assert (model.calls, caller.tally.retried) == (3, 2)
    assert all(0 <= s <= calls.FIRST_WAIT * 2**n for n, s in enumerate(clock.slept)), "jitter stays under its ceiling"
    model = Flaky(*[Retryable("http-500")] * 3)
    with pytest.raises(Retryable, match="http-500"):
        await Caller(model, Limits(tries=3), None, Budget()).ask(call())
    assert model.calls == 3


async def test_retry_after_holds_everybody_back(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    caller = Caller(Flaky(Retryable("http-429", after=7.0)), Limits(first_wait=0.0), None, Budget())
    start = clock.now
    await caller.ask(call())
    assert clock.now - start >= 7.0


async def test_a_retry_after_beyond_patience_fails_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    model = Flaky(Retryable("http-429", after=calls.PATIENCE + 1))
    with pytest.raises(Retryable):
        await Caller(model, Limits(), None, Budget()).ask(call())
    assert (model.calls, clock.slept) == (1, [])


async def test_the_rate_spaces_calls_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    caller = Caller(FakeModel(always("A")), Limits(rate=60), None, Budget())
    start = clock.now
    for n in range(5):
        await caller.ask(call(n))
    assert clock.now - start == pytest.approx(4.0)


async def test_concurrency_is_a_ceiling() -> None:
    now = most = 0

    class Counting(FakeModel):
        async def send(self, asked: Call) -> Reply:
            nonlocal now, most
            now += 1
            most = max(most, now)
            for _ in range(3):
                await asyncio.sleep(0)
            now -= 1
            return await FakeModel(always("A")).send(asked)

    caller = Caller(Counting(always("A")), Limits(concurrency=4), None, Budget())
    await asyncio.gather(*(caller.ask(call(n)) for n in range(40)))
    assert most == 4


async def test_a_budget_of_calls_is_kept_to_the_call(tmp_path: Path) -> None:
    model = FakeModel(always("A"))
    caller = Caller(model, Limits(), None, Budget(calls=3))
    results = await asyncio.gather(*(caller.ask(call(n)) for n in range(8)), return_exceptions=True)
    assert model.calls == 3
    assert sum(isinstance(r, BudgetSpent) for r in results) == 5


async def test_a_budget_of_money_is_never_passed_even_with_calls_in_flight() -> None:
    model = FakeModel(always("A"), price=Price(input=1e6, output=1e6))
    budget = Budget(money=60.0)
    caller = Caller(model, Limits(), None, budget)
    await asyncio.gather(*(caller.ask(call(n)) for n in range(50)), return_exceptions=True)
    assert 0 < budget.spent_money <= 60.0


async def test_money_cannot_be_budgeted_without_a_price() -> None:
    caller = Caller(FakeModel(always("A"), price=None), Limits(), None, Budget(money=1.0))
    with pytest.raises(InputError, match="no price known"):
        await caller.ask(call())


@pytest.mark.parametrize(
    ("text", "money", "n"),
    [("5usd", 5.0, None), ("$2.50", 2.5, None), ("3", 3.0, None), ("2000calls", None, 2000), ("1 call", None, 1)],
)
def test_budgets_a_person_writes(text: str, money: float | None, n: int | None) -> None:
    budget = parse_budget(text)
    assert (budget.money, budget.calls) == (money, n)


@pytest.mark.parametrize("text", ["lots", "-5usd", "5bananas", "usd"])
def test_budgets_that_mean_nothing(text: str) -> None:
    with pytest.raises(InputError, match="--budget"):
        parse_budget(text)


async def test_the_forecast_counts_exactly_what_will_be_sent(tmp_path: Path) -> None:
    model = FakeModel(always("A"), price=Price(1.0, 1.0))
    with Ledger(tmp_path) as ledger:
        for n in range(3):
            await Caller(model, Limits(), ledger, Budget()).ask(call(n))
        told = forecast(model, (call(n) for n in range(10)), ledger)
    assert (told.calls, told.from_ledger) == (7, 3)
    assert told.money is not None and told.money > 0
    assert "7 calls (3 more from the ledger)" in str(told)
    assert (told + Forecast(money=None)).money is None


def test_a_caller_goes_on_in_a_second_event_loop() -> None:
    """Two audits share a caller and not a loop: slots that remember the first loop fail every call that waits."""

    class Slow(FakeModel):
        async def send(self, asked: Call) -> Reply:
            await asyncio.sleep(0)
            return await FakeModel(always("A")).send(asked)

    caller = Caller(Slow(always("A")), Limits(concurrency=1), None, Budget())

    async def several(first: int) -> list[Reply]:
        return await asyncio.gather(*(caller.ask(call(n)) for n in range(first, first + 5)))

    assert len(asyncio.run(several(0))) == len(asyncio.run(several(5))) == 5


def test_two_models_of_one_name_are_told_apart() -> None:
    """What one of them cost must not vanish behind the other."""
    one, other = (Caller(FakeModel(always("x"), identity=i), Limits(), None, Budget()) for i in ("a", "b"))
    one.tally.sent, other.tally.sent = 900, 7
    told = tallies({"generator": (one,), "verifier": (other, one)})
    assert {name: t["sent"] for name, t in told.items()} == {"fake": 900, "fake (2)": 7}
    assert told["fake"]["roles"] == ["generator", "verifier"] and told["fake (2)"]["roles"] == ["verifier"]
