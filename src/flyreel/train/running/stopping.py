"""Which weights were the best, and when to stop looking for better ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from torch import Tensor

from flyreel.errors import InputError, did_you_mean

HIGHER = frozenset({"accuracy", "strict", "exact", "f1", "bleu", "rouge", "recall", "mrr"})
LOWER = frozenset({"loss", "perplexity"})
"""Which way is better is never guessed: a run that keeps the weights with the lowest accuracy looks like any other."""


@dataclass
class Best:
    watch: str
    patience: int
    step: int = 0
    told: dict[str, float] = field(default_factory=dict)
    looks: int = 0
    """Since the best one."""
    looked: int = 0
    """In all."""
    weights: dict[str, Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.watch not in HIGHER | LOWER:
            known = did_you_mean(self.watch, HIGHER | LOWER)
            raise InputError(f"watch {self.watch}: whether more of it is better is not known.{known}")

    def saw(self, step: int, told: Mapping[str, float], weights: Callable[[], dict[str, Tensor]]) -> None:
        if self.watch not in told:
            raise InputError(f"watch {self.watch}: held-out questions tell {', '.join(told) or 'nothing'}")
        self.looked += 1
        if self._better(told):
            self.step, self.told, self.looks, self.weights = step, dict(told), 0, weights()
        else:
            self.looks += 1

    def _better(self, told: Mapping[str, float]) -> bool:
        """What is no number never is, and the same is only where the loss is lower: of few questions many answers are
        right as often."""
        value = told[self.watch]
        if math.isnan(value) or not self.told:
            return not math.isnan(value)
        before = self.told[self.watch]
        if value == before:
            return told.get("loss", math.inf) < self.told.get("loss", math.inf)
        return value > before if self.watch in HIGHER else value < before

    @property
    def enough(self) -> bool:
        return 0 < self.patience <= self.looks
