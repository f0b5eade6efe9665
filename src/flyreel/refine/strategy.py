"""What a strategy is given, and what it gives back.

A strategy sees all questions that are still weak at once, because some artefacts (which choice is longest, where the
key stands) are those of a set and can only be mended over the set. One that asks a model for each of them is free to.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from flyreel.engine.calls import Caller
from flyreel.engine.local import Progress, Silent
from flyreel.engine.stage import Drop
from flyreel.questions import Questions
from flyreel.registry import Registry
from flyreel.schema import Revision, Wording


@dataclass(frozen=True)
class Task:
    """One weak question. `best` is the wording to start from: the best so far, not the last that was tried."""

    row: int
    id: str
    first: Wording
    best: Wording
    attempt: int
    cues: tuple[dict[str, Any], ...] = ()
    evidence: tuple[dict[str, float], ...] = ()
    rationale: str | None = None
    tried: tuple[Revision, ...] = ()


@dataclass(frozen=True)
class Bench:
    """What a strategy may use. `questions` is the whole set as it stands, each question in its best wording."""

    questions: Questions
    seed: int = 0
    rewriter: Caller | None = None
    progress: Callable[[str], Progress] = field(default=lambda label: Silent())


Proposal = Wording | Drop

Strategy = Callable[[Sequence[Task], Bench], Awaitable[list[Proposal]]]
"""One proposal per task, in order; a `Drop` says why there is none."""

strategies: Registry[Strategy] = Registry("strategy", "flyreel.refine.strategies")


def strategy(name: str, *, reads_why: Callable[[int], bool] = lambda attempt: False) -> Any:
    """`reads_why` says at which attempts a rationale would be read: it is not asked for where nobody reads it."""
    return strategies.add(name, reads_why=reads_why)
