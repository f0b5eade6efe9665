"""A stage is `async def stage(item, context)`: it returns a value, or a `Drop` with the reason."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from flyreel.engine.calls import Caller
from flyreel.models.call import Call, Reply

Item = TypeVar("Item")
Value = TypeVar("Value")


@dataclass(frozen=True)
class Drop:
    """This item goes no further, for this machine-readable reason."""

    reason: str
    detail: str = ""


@dataclass(frozen=True)
class Context:
    """What a stage may use. Everything it asks is in the ledger before it sees the reply."""

    caller: Caller

    async def ask(self, call: Call) -> Reply:
        return await self.caller.ask(call)


Stage = Callable[[Item, Context], Awaitable[Value | Drop]]


@dataclass(frozen=True)
class Outcome(Generic[Item, Value]):
    item: Item
    value: Value | Drop
