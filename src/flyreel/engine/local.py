"""The local engine: one process, asyncio, items in flight up to the model's concurrency.

Nothing a stage does to one item can end the run: a failure is that item's outcome, with a reason. Ctrl-C lets go of
what is in flight, keeps every call that was answered, and says how to go on; a second Ctrl-C ends the process.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from flyreel.engine.stage import Context, Drop, Item, Outcome, Stage, Value
from flyreel.errors import FlyreelError, ModelError, Stopped


class Progress(Protocol):
    def advance(self, done: int, total: int, context: Context) -> None: ...


class Silent:
    def advance(self, done: int, total: int, context: Context) -> None:
        pass


async def run(
    stage: Stage[Item, Value], items: Sequence[Item], context: Context, progress: Progress = Silent()
) -> list[Outcome[Item, Value]]:
    """Outcomes in the order of the items. Raises `Stopped` on Ctrl-C; whatever was paid for is in the ledger."""
    outcomes: list[Outcome[Item, Value] | None] = [None] * len(items)
    waiting = iter(enumerate(items))
    done = 0

    async def work() -> None:
        nonlocal done
        for i, item in waiting:
            outcomes[i] = Outcome(item, await _attempt(stage, item, context))
            done += 1
            progress.advance(done, len(items), context)

    workers = min(len(items), 2 * context.caller.limits.concurrency)
    with _interrupt() as interrupt:
        tasks = [asyncio.create_task(work()) for _ in range(workers)]
        watch = asyncio.create_task(interrupt.noticed.wait())
        try:
            pending: set[asyncio.Task[Any]] = set(tasks)
            while pending and not interrupt.came:
                finished, rest = await asyncio.wait({*pending, watch}, return_when=asyncio.FIRST_COMPLETED)
                for task in finished - {watch}:
                    task.result()
                pending = rest - {watch}
        finally:
            for task in (*tasks, watch):
                task.cancel()
            await asyncio.gather(*tasks, watch, return_exceptions=True)
    if interrupt.came:
        kept = context.caller.tally.sent + context.caller.tally.from_ledger
        raise Stopped(
            f"stopped: {done:,} of {len(items):,} done, {kept:,} calls kept. "
            "Run the same command to go on; nothing is paid for twice."
        )
    return [o for o in outcomes if o is not None]


async def _attempt(stage: Stage[Item, Value], item: Item, context: Context) -> Value | Drop:
    try:
        return await stage(item, context)
    except ModelError as error:
        return Drop(error.reason, str(error))
    except FlyreelError:
        raise  # the ledger's disk is full, a price is missing: true for every item to come
    except Exception as error:
        return Drop("stage-failed", f"{type(error).__name__}: {error}"[:200])


@dataclass
class _Interrupt:
    """`came` is true from the moment of the first Ctrl-C; `noticed` is set by the loop, for who waits in it."""

    came: bool = False
    noticed: asyncio.Event = field(default_factory=asyncio.Event)


@contextmanager
def _interrupt() -> Iterator[_Interrupt]:
    """The first Ctrl-C; the second one is the ordinary KeyboardInterrupt.

    asyncio's handler wakes the loop, but calls back only in a later turn of it: a Ctrl-C in the last turns before the
    handler is taken away would be heard by nobody. So what has come is noted by a handler of our own, at once.
    """
    found = _Interrupt()
    if threading.current_thread() is not threading.main_thread():
        yield found
        return
    loop = asyncio.get_running_loop()
    before = signal.getsignal(signal.SIGINT)

    def first(*_: object) -> None:
        found.came = True
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def wake() -> None:
        found.came = True
        found.noticed.set()

    loop.add_signal_handler(signal.SIGINT, wake)
    signal.signal(signal.SIGINT, first)
    try:
        yield found
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, before)


@contextmanager
def stops_at_once() -> Iterator[None]:
    """Ctrl-C reaches the fitting between calls too; asyncio alone would wait for it to end."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
