"""Is the key that was written right, and the only one? Put to a model that sees the cues and did not write it.

Each question is put twice: all choices at once, where the key must be picked over every ordering, and each choice
alone, right or not. The second says what the first cannot: that none of the choices is right, or two of them. But many
models say yes (or no) to everything, so their word counts only if over the whole set they accept keys more often than
wrong choices; otherwise that test has shown nothing and is left out. What does not pass waits for a person.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from flyreel.audit.judging import accepts, pick, shown
from flyreel.engine.calls import Caller
from flyreel.engine.local import Progress, run
from flyreel.engine.stage import Context, Drop
from flyreel.errors import ModelError

FEWEST = 20
"""Questions below which nothing is said about a model's yes and no."""
SURE = 0.01
NEITHER = "no-yes-or-no"
"""A reply that says neither is a model's way; any other failure leaves the question open."""

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Vote:
    """`picked` is a choice or None; `says` holds yes or no by choice, empty where the model gave neither."""

    answer: int
    picked: int | None
    says: tuple[bool, ...]
    failure: str = ""


@dataclass(frozen=True)
class Verdicts:
    """`refused` holds (reason, detail) by id: the others are accepted. `keys` and `others` are the shares that were
    accepted alone, `counted` whether that told them apart."""

    refused: dict[str, tuple[str, str]]
    counted: bool
    keys: float | None = None
    others: float | None = None
    passed: int = 0
    reasons: dict[str, int] = field(default_factory=dict)


async def votes(rows: Sequence[Row], caller: Caller, progress: Progress) -> dict[str, Vote]:
    """By id; open-ended questions have none."""
    outcomes = await run(_vote, [row for row in rows if row.get("choices")], Context(caller), progress)
    return {
        o.item["id"]: Vote(o.item["answer"], None, (), o.value.reason) if isinstance(o.value, Drop) else o.value
        for o in outcomes
    }


async def _vote(row: Row, context: Context) -> Vote:
    caller, question, choices = context.caller, row["question"], row["choices"]
    cues = shown(row.get("cues") or (), row.get("evidence") or ())
    found = await pick(caller, cues, question, choices)
    if found.probabilities is None:
        return Vote(row["answer"], None, (), found.reason)
    if found.picked != row["answer"]:
        return Vote(row["answer"], found.picked, ())
    try:
        says = [await accepts(caller, cues, question, choice) for choice in choices]
    except ModelError as error:
        if error.reason != NEITHER:
            return Vote(row["answer"], found.picked, (), error.reason)
        return Vote(row["answer"], found.picked, ())
    return Vote(row["answer"], found.picked, tuple(says))


def decide(cast: Mapping[str, Vote]) -> Verdicts:
    """What of all that was put to the model stands."""
    keys, others = _shares(cast)
    counted = _told_apart(keys, others)
    refused = {id: why for id, vote in cast.items() if (why := _refusal(vote, counted))}
    reasons: dict[str, int] = {}
    for reason, _ in refused.values():
        reasons[reason] = reasons.get(reason, 0) + 1
    return Verdicts(
        refused, counted,
        keys=float(keys.mean()) if len(keys) else None, others=float(others.mean()) if len(keys) else None,
        passed=len(cast) - len(refused), reasons=dict(sorted(reasons.items())),
    )  # fmt: skip


def _shares(cast: Mapping[str, Vote]) -> tuple[np.ndarray, np.ndarray]:
    said = [v for v in cast.values() if v.says]
    keys = [float(v.says[v.answer]) for v in said]
    others = [np.mean([yes for i, yes in enumerate(v.says) if i != v.answer]) for v in said]
    return np.array(keys), np.array(others)


def _told_apart(keys: np.ndarray, others: np.ndarray) -> bool:
    """By a sign test over the questions: it asks nothing of how the differences are spread."""
    from scipy.stats import binomtest

    better, worse = int((keys > others).sum()), int((keys < others).sum())
    if len(keys) < FEWEST or better + worse == 0:
        return False
    return bool(binomtest(better, better + worse, 0.5, alternative="greater").pvalue < SURE)


def _refusal(vote: Vote, counted: bool) -> tuple[str, str] | None:
    if vote.failure:
        return "unverified", vote.failure
    if vote.picked is None:
        return "unsupported", "no choice above the others"
    if vote.picked != vote.answer:
        return "unsupported", f"choice {vote.picked + 1} is picked instead"
    if not counted or not vote.says:
        return None
    also = [str(i + 1) for i, yes in enumerate(vote.says) if yes and i != vote.answer]
    if not vote.says[vote.answer]:
        return "no-right-answer", "the key alone is not accepted"
    return ("two-answers", f"accepted beside the key: choice {', '.join(also)}") if also else None
