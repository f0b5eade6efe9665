"""What a probe is, what it may use, and what it returns."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from flyreel.audit.statistics import Estimate
from flyreel.engine.calls import Caller
from flyreel.engine.local import Progress, Silent
from flyreel.questions import Questions
from flyreel.registry import Registry

Verdicts = np.ndarray
"""One of "weak", "strong", "unknown" per question, as an object array."""


@dataclass(frozen=True)
class Setting:
    """How a run was asked for; the same for every probe."""

    folds: int = 5
    seed: int = 0
    rule: str = "averaged"
    callers: Sequence[Caller] = ()
    progress: Callable[[str], Progress] = lambda label: Silent()


@dataclass(frozen=True)
class Result:
    """One probe on one set of questions.

    `estimate` is None where a probe has no accuracy (leakage), or where nobody answered. Findings are columns, one
    entry per question of `ids`; `details` is what the JSON shows beside the common fields; `why` is in words.
    """

    probe: str
    solver: str
    ids: list[str]
    verdicts: Verdicts
    scores: np.ndarray
    estimate: Estimate | None
    reasons: list[str]
    computed_from: list[dict[str, Any]] | None = None
    details: dict[str, Any] = field(default_factory=dict)
    why: list[str] = field(default_factory=list)
    not_checked: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def skipped(self) -> bool:
        """There was nothing to try the probe on: that is said under "not checked" and is no failure."""
        return bool(self.not_checked) and self.count("unknown") == len(self.ids)

    def count(self, verdict: str) -> int:
        return int(np.sum(self.verdicts == verdict))


Probe = Callable[[Questions, Setting], Result | Awaitable[Result]]

probes: Registry[Probe] = Registry("probe", "flyreel.audit")


def probe(name: str, *, reads: Sequence[str], needs_model: bool = False, leak: bool = True) -> Any:
    """Register a probe: a function from questions and a setting to a `Result`.

    `leak` says that beating chance is bad news. It is not where the probe may read the whole scene.
    """
    return probes.add(name, reads=tuple(reads), needs_model=needs_model, leak=leak)


def weak_where(weak: np.ndarray, known: np.ndarray | None = None) -> Verdicts:
    """Verdicts from a mask; whatever is not known is unknown, whatever the mask says there."""
    verdicts = np.where(weak, "weak", "strong").astype(object)
    if known is not None:
        verdicts[~known] = "unknown"
    return verdicts
