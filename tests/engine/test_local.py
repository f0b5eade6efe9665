"""The local engine: every item has an outcome, and Ctrl-C leaves a run that can go on."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from flyreel.engine.budget import Budget
from flyreel.engine.calls import Caller, Limits
from flyreel.engine.local import run
from flyreel.engine.stage import Context, Drop
from flyreel.errors import InputError, Refused, Stopped
from flyreel.models.fake import FakeModel, always
from flyreel.models.scoring import letter_call


def context(concurrency: int = 8) -> Context:
    return Context(Caller(FakeModel(always("A")), Limits(concurrency), None, Budget()))


async def test_outcomes_come_in_the_order_of_the_items() -> None:
    async def stage(item: int, context: Context) -> int:
        for _ in range(item % 5):
            await asyncio.sleep(0)
        return item * item

    outcomes = await run(stage, range(50), context())
    assert [(o.item, o.value) for o in outcomes] == [(n, n * n) for n in range(50)]


async def test_one_bad_item_is_an_outcome_with_a_reason_and_the_others_go_on() -> None:
    async def stage(item: int, context: Context) -> int | Drop:
        if item == 1:
            return Drop("too-short")
        if item == 2:
            raise Refused("http-400", "no")
        if item == 3:
            raise ZeroDivisionError("oops")
        return item

    values = [o.value for o in await run(stage, range(5), context())]
    assert [v.reason if isinstance(v, Drop) else v for v in values] == [0, "too-short", "http-400", "stage-failed", 4]
    assert "ZeroDivisionError: oops" in values[3].detail


async def test_what_is_true_for_every_item_ends_the_run() -> None:
    async def stage(item: int, context: Context) -> int:
        raise InputError("the disk is full")

    with pytest.raises(InputError, match="disk is full"):
        await run(stage, range(5), context())


async def test_nothing_to_do_is_done() -> None:
    async def stage(item: int, context: Context) -> int:
        return item

    assert await run(stage, [], context()) == []


async def test_ctrl_c_stops_cleanly_and_says_how_to_go_on() -> None:
    before = signal.getsignal(signal.SIGINT)
    started: list[int] = []

    async def stage(item: int, context: Context) -> int:
        started.append(item)
        await context.ask(letter_call(({"role": "user", "content": str(item)},)))
        if item == 20:
            os.kill(os.getpid(), signal.SIGINT)
        if item >= 20:
            await asyncio.Event().wait()  # as a call in flight would
        return item

    with pytest.raises(Stopped, match=r"stopped: \d+ of 1,000 done, \d+ calls kept\. Run the same command") as raised:
        await run(stage, range(1000), context(concurrency=4))
    assert raised.value.exit_code == 130
    assert len(started) == 20 + 8, "nothing new is started after Ctrl-C"
    assert signal.getsignal(signal.SIGINT) is before, "the next Ctrl-C must reach the next owner"


@pytest.mark.parametrize("turns", range(12))
async def test_ctrl_c_in_the_last_turns_of_the_loop_is_heard_by_the_run_or_by_who_comes_after_it(turns: int) -> None:
    """asyncio's own handlers call back a turn later, and one that was taken away by then calls nobody."""
    heard: list[int] = []
    loop = asyncio.get_running_loop()
    before = signal.signal(signal.SIGINT, lambda number, frame: heard.append(number))

    def press_after(turns: int) -> None:
        if turns:
            loop.call_soon(press_after, turns - 1)
        else:
            os.kill(os.getpid(), signal.SIGINT)

    class Last:
        def advance(self, done: int, total: int, context: Context) -> None:
            if done == total:
                press_after(turns)

    async def stage(item: int, context: Context) -> int:
        return item

    try:
        await run(stage, range(3), context(), Last())
        for _ in range(turns):
            await asyncio.sleep(0)
    except Stopped:
        heard.append(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)
    assert heard == [signal.SIGINT]


async def test_progress_sees_every_item_once() -> None:
    seen: list[int] = []

    class Watch:
        def advance(self, done: int, total: int, context: Context) -> None:
            seen.append(done)

    async def stage(item: int, context: Context) -> int:
        return item

    await run(stage, range(30), context(), Watch())
    assert seen == list(range(1, 31))
