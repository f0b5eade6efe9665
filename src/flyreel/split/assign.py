"""Which unit goes to which split: the largest first, each to a split that it still fits into.

A unit goes where its own hash points to, and so mostly stays there when other questions come or go. Where it does not
fit there, or where the shares are to hold within categories, it goes to the split that lacks the largest part of what
was asked; where it fits nowhere, to the one that lacks most questions. So no split ends a whole unit away from what was
asked, unless it would have stayed empty: with splits still empty, the last units go to those.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence

import numpy as np

from flyreel.errors import InputError

SPLITS = ("train", "val", "test")
EVALUATED = ("val", "test")
ROUNDING = 0.005


def shares(train: float, val: float, test: float) -> dict[str, float]:
    """The shares that are not zero, scaled to sum to one exactly."""
    asked = dict(zip(SPLITS, (train, val, test), strict=True))
    words = " ".join(f"--{name} {share:g}" for name, share in asked.items())
    total = sum(asked.values())
    if not all(0 <= share <= 1 for share in asked.values()):
        raise InputError(f"{words}: a share lies between 0 and 1")
    if not math.isclose(total, 1, abs_tol=ROUNDING):
        raise InputError(f"{words}: the shares sum to {total:g}, not to 1")
    return {name: share / total for name, share in asked.items() if share}


class _Filling:
    """What each split still lacks, of everything (column 0) and of each category."""

    def __init__(self, counts: np.ndarray, share: np.ndarray) -> None:
        self.counts, self.share, self.all = counts, share, counts.sum(axis=0)
        self.lacks = share[:, None] * self.all
        self.placed = np.full(len(counts), -1)
        self.empty = np.ones(len(share), dtype=bool)
        self.left = len(counts)

    @property
    def open(self) -> np.ndarray:
        """All splits; only the empty ones once there are no more units than those."""
        return self.empty if self.left <= self.empty.sum() else np.ones(len(self.share), dtype=bool)

    def put(self, unit: int, split: int) -> None:
        self.placed[unit] = split
        self.lacks[split] -= self.counts[unit]
        self.empty[split] = False
        self.left -= 1

    def room(self, unit: int) -> np.ndarray:
        """Which splits it fits into, give or take what a sum of fractions is off."""
        return self.open & (self.counts[unit, 0] <= self.lacks[:, 0] + 1e-6)

    def best(self, unit: int, home: int | None) -> int:
        fits = self.room(unit)
        if not fits.any():
            return int(np.argmax(np.where(self.open, self.lacks[:, 0], -np.inf)))
        if home is not None and fits[home]:
            return home
        part = (self.lacks / self.share[:, None]) @ (self.counts[unit] / self.all)
        return int(np.argmax(np.where(fits, part, -np.inf)))


def assign(
    counts: np.ndarray, unfixable: np.ndarray, keys: Sequence[str], asked: dict[str, float], seed: int
) -> list[str]:
    """A split per unit. `counts` has a row per unit: its questions, then its questions of each category.

    Units with unfixable questions fill train first, those with the largest part of them before the others, because in
    an evaluation split those questions are lost. Units too large for an evaluation split come before even these.
    """
    names = list(asked)
    filling = _Filling(counts.astype(float), np.array(list(asked.values())))
    sizes = counts[:, 0]
    digests = [hashlib.blake2b(f"{seed}\0{key}".encode(), digest_size=16).digest() for key in keys]
    points = np.array([int.from_bytes(digest[:8], "big") for digest in digests]) / 2**64
    homes = np.searchsorted(np.cumsum(filling.share)[:-1], points, side="right").tolist()
    by_category = counts.shape[1] > 1

    def by_size(unit: int) -> tuple[int, bytes]:
        return -int(sizes[unit]), digests[unit][8:]

    def fill(chosen: Iterable[int]) -> None:
        for unit in chosen:
            filling.put(unit, filling.best(unit, None if by_category else homes[unit]))

    least = min((filling.lacks[names.index(n), 0] for n in EVALUATED if n in names), default=np.inf)
    everything = sorted(range(len(counts)), key=by_size)
    fill(u for u in everything if not unfixable[u] and sizes[u] > least)
    if "train" in names:
        train = names.index("train")
        for unit in sorted(np.flatnonzero(unfixable).tolist(), key=lambda u: (-unfixable[u] / sizes[u], *by_size(u))):
            if filling.room(unit)[train]:
                filling.put(unit, train)
    fill(u for u in everything if filling.placed[u] < 0)
    return [names[s] for s in filling.placed]
