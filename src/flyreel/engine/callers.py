"""Models opened for a run: one caller each, however many roles it plays, before one ledger and one budget."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from flyreel.engine.budget import parse_budget
from flyreel.engine.calls import Caller, Limits
from flyreel.models import roles
from flyreel.models.call import Model
from flyreel.models.catalog import Say
from flyreel.models.ledger import Ledger

Callers = dict[str, tuple[Caller, ...]]
"""By role."""


@dataclass(frozen=True)
class Terms:
    """Where replies are kept (nowhere, for a single question), and what the user allows. What is not said is as
    flyreel.toml has it for each model."""

    calls: Path | None = None
    budget: str | None = None
    concurrency: int | None = None
    rate: float | None = None
    seed: int = 0


def open_callers(
    specs: Mapping[str, Sequence[roles.Spec]], known: roles.Settings, terms: Terms, say: Say, stack: ExitStack,
    forecasting: bool = False,
) -> Callers:  # fmt: skip
    """A forecast reads the ledger and makes none."""
    distinct = list(dict.fromkeys(spec for given in specs.values() for spec in given))

    async def everyone() -> list[Model]:
        return [await roles.connect(spec, known, say) for spec in distinct]

    models = asyncio.run(everyone()) if distinct else []
    budget = parse_budget(terms.budget)
    budget.can_price(models)
    keeps = bool(models) and terms.calls is not None and (not forecasting or terms.calls.is_dir())
    ledger = stack.enter_context(Ledger(terms.calls)) if keeps and terms.calls else None
    made = {}
    for spec, model in zip(distinct, models, strict=True):
        limits = Limits(terms.concurrency or spec.in_flight, terms.rate or spec.rate, spec.tries)
        made[spec] = Caller(model, limits, ledger, budget, terms.seed)
    return {role: tuple(made[spec] for spec in given) for role, given in specs.items()}
