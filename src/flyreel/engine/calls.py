"""Every call goes through here: ledger first, then budget, rate, a slot, and bounded retries with jitter."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from flyreel.engine.budget import Budget
from flyreel.errors import ModelError, Retryable
from flyreel.models.call import Call, Model, Reply
from flyreel.models.ledger import Ledger

FIRST_WAIT = 0.5
LONGEST_WAIT = 30.0
PATIENCE = 120.0
"""A Retry-After beyond this is not waited for: the call fails with its reason and a later run asks again."""


@dataclass(frozen=True)
class Limits:
    concurrency: int = 64
    rate: float | None = None
    tries: int = 5
    first_wait: float = FIRST_WAIT


class Pace:
    """At most `rate` calls a minute, evenly; and nobody sends while the endpoint has asked everyone to wait."""

    def __init__(self, rate: float | None) -> None:
        self._gap = 60.0 / rate if rate else 0.0
        self._next = 0.0
        self._not_before = 0.0

    def hold_off(self, seconds: float) -> None:
        self._not_before = max(self._not_before, time.monotonic() + seconds)

    async def turn(self) -> None:
        if self._gap:
            now = time.monotonic()
            self._next = max(now, self._next) + self._gap
            if (wait := self._next - self._gap - now) > 0:
                await asyncio.sleep(wait)
        while (wait := self._not_before - time.monotonic()) > 0:
            await asyncio.sleep(wait)


@dataclass
class Tally:
    sent: int = 0
    from_ledger: int = 0
    retried: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    money: float = 0.0
    failures: Counter[str] = field(default_factory=Counter)


class Caller:
    """One model with its limits, in front of the shared ledger and budget."""

    def __init__(self, model: Model, limits: Limits, ledger: Ledger | None, budget: Budget, seed: int = 0) -> None:
        self.model = model
        self.limits = limits
        self.ledger = ledger
        self.budget = budget
        self.tally = Tally()
        self.logprobs: bool | None = None
        """Whether the model gives log-probabilities, once that is known."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._slots = asyncio.Semaphore(limits.concurrency)
        self._pace = Pace(limits.rate)
        self._random = random.Random(seed)
        self._under_way: dict[bytes, asyncio.Future[Reply]] = {}

    async def ask(self, call: Call) -> Reply:
        """The reply, from the ledger if it is there. Two askers of the same call at once share one request."""
        self._enter_loop()
        key = call.key(self.model.identity, self.model.name)
        if self.ledger is not None and (kept := self.ledger.get(key)) is not None:
            self.tally.from_ledger += 1
            return kept
        if (other := self._under_way.get(key)) is not None:
            return await asyncio.shield(other)
        mine: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._under_way[key] = mine
        try:
            reply = await self._pay(key, call)
            mine.set_result(reply)
            return reply
        except BaseException as error:
            if not isinstance(error, Exception):
                mine.cancel()
            else:
                mine.set_exception(error)
                mine.exception()  # whoever shares it sees it; if nobody does, it is not "never retrieved"
            raise
        finally:
            del self._under_way[key]

    def _enter_loop(self) -> None:
        """Slots and shared requests belong to one event loop; a second run of the same caller has another."""
        if (loop := asyncio.get_running_loop()) is not self._loop:
            self._loop = loop
            self._slots = asyncio.Semaphore(self.limits.concurrency)
            self._under_way = {}

    async def _pay(self, key: bytes, call: Call) -> Reply:
        reply: Reply | None = None
        try:
            held = self.budget.hold(self.model, call)
            try:
                reply = await self._send(key, call)
            finally:
                self.budget.settle(held, reply)
        except ModelError as error:
            self.tally.failures[error.reason] += 1
            raise
        self.tally.sent += 1
        self.tally.input_tokens += reply.input_tokens
        self.tally.output_tokens += reply.output_tokens
        self.tally.money += reply.money or 0.0
        return reply

    async def _send(self, key: bytes, call: Call) -> Reply:
        """A slot is held until the reply is on disk: a kill can cost no more calls than there are slots."""
        for attempt in range(1, self.limits.tries + 1):
            try:
                async with self._slots:
                    await self._pace.turn()
                    reply = await self.model.send(call)
                    if self.ledger is not None:
                        request = json.dumps(call.recorded(self.model.name), ensure_ascii=False)
                        await self.ledger.put(key, self.model.identity, self.model.name, request, reply)
                    return reply
            except Retryable as error:
                if attempt == self.limits.tries or (error.after or 0.0) > PATIENCE:
                    raise
                self.tally.retried += 1
                if error.after is not None:
                    self._pace.hold_off(error.after)
                ceiling = min(LONGEST_WAIT, self.limits.first_wait * 2 ** (attempt - 1))
                await asyncio.sleep(self._random.uniform(0.0, ceiling))
        raise AssertionError("the last attempt returns or raises")


def tallies(by_role: Mapping[str, Sequence[Caller]]) -> dict[str, Any]:
    """What each model was asked and what it cost, with the roles that it played; by its label, and a number beside that
    where two have the same: the same weights behind two addresses are two models here."""
    found: dict[str, Any] = {}
    for caller in dict.fromkeys(c for given in by_role.values() for c in given):
        label, n = caller.model.label, 1
        while (name := label if n == 1 else f"{label} ({n})") in found:
            n += 1
        found[name] = {
            **asdict(caller.tally),
            "failures": dict(caller.tally.failures),
            "roles": [role for role, given in by_role.items() if caller in given],
        }
    return found
