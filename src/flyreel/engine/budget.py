"""What may be spent, what has been, and what a run would cost before it starts."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from flyreel.errors import BudgetSpent, InputError
from flyreel.models.call import Call, Model, Reply
from flyreel.models.ledger import Ledger


@dataclass
class Budget:
    """Holds the worst case of every call in flight, so that the limit is never passed, not even by the last call."""

    money: float | None = None
    calls: int | None = None
    spent_money: float = 0.0
    spent_calls: int = 0
    _held: float = 0.0

    def hold(self, model: Model, call: Call) -> float:
        if self.calls is not None and self.spent_calls >= self.calls:
            raise BudgetSpent("budget-spent", f"{self.calls:,} calls")
        most = 0.0
        if self.money is not None:
            self.can_price([model])
            assert model.price is not None
            most = model.price.of(2 * call.input_tokens_guess, call.output_tokens_most)
            if self.spent_money + self._held + most > self.money:
                raise BudgetSpent("budget-spent", f"{self.spent_money:.4f} of {self.money:g} used")
        self._held += most
        self.spent_calls += 1
        return most

    def can_price(self, models: Iterable[Model]) -> None:
        """Money cannot be kept count of where a price is missing; better said before the first call than at it."""
        for model in models:
            if self.money is not None and model.price is None:
                raise InputError(f"{model.name}: no price known, so money cannot be budgeted; use --budget 1000calls")

    def settle(self, held: float, reply: Reply | None) -> None:
        self._held -= held
        if reply is None:
            self.spent_calls -= 1
        else:
            self.spent_money += reply.money or 0.0


def parse_budget(text: str | None) -> Budget:
    """`5usd`, `$5`, `5` (money, in the currency of the prices) or `2000calls`."""
    if not text:
        return Budget()
    match = re.fullmatch(r"\s*\$?\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*", text.lower())
    if not match:
        raise InputError(f"--budget {text}: write an amount such as 5usd, or a number of calls such as 2000calls")
    if match[2] in ("call", "calls"):
        return Budget(calls=int(float(match[1])))
    if match[2] not in ("", "usd", "eur", "gbp"):
        raise InputError(f"--budget {text}: {match[2]!r} is neither a currency nor calls")
    return Budget(money=float(match[1]))


@dataclass(frozen=True)
class Forecast:
    """What a run would send. Tokens are guessed from bytes (four to a token); calls in the ledger cost nothing."""

    calls: int = 0
    from_ledger: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    money: float | None = 0.0

    def __str__(self) -> str:
        tokens = (self.input_tokens + self.output_tokens) / 1e6
        cost = "price unknown" if self.money is None else "free" if self.money == 0 else f"~${self.money:,.2f}"
        kept = f" ({self.from_ledger:,} more from the ledger)" if self.from_ledger else ""
        return f"{self.calls:,} calls{kept}, {tokens:,.2f} M tokens, {cost}"

    def __add__(self, other: Forecast) -> Forecast:
        money = None if self.money is None or other.money is None else self.money + other.money
        return Forecast(
            self.calls + other.calls,
            self.from_ledger + other.from_ledger,
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            money,
        )


def forecast(model: Model, calls: Iterable[Call], ledger: Ledger | None) -> Forecast:
    """Exact in calls: every one is built and looked up, and one that comes twice is sent once."""
    new = kept = used_in = used_out = 0
    seen: set[bytes] = set()
    for call in calls:
        key = call.key(model.identity, model.name)
        if key in seen or (ledger is not None and key in ledger):
            kept += key not in seen
            seen.add(key)
            continue
        seen.add(key)
        new += 1
        used_in += call.input_tokens_guess
        used_out += call.output_tokens_most
    money = model.price.of(used_in, used_out) if model.price else (0.0 if new == 0 else None)
    return Forecast(new, kept, used_in, used_out, money)
