"""Tables that others have printed, kept apart from what was measured here; and whether their averages add up.

Two things are tried on the rows of one table: the plain mean of the categories, and one set of weights for all rows
(the categories' shares of the questions, which nobody printed). Categories are printed with two decimals, so a
weighted mean of them is off by at most 0.005, and the printed average by as much again: what is further away than
0.01 points is not reproduced. Least squares answers for a row with what the same row helped to fit, and one wrong row
pulls all; so there is also a fit without the row, and the exact question, by linear programming: how many rows can one
set of weights reproduce at all, and what could the others have printed under any such set?
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from itertools import combinations

import numpy as np

from flyreel.errors import InputError, did_you_mean

TOLERANCE = 0.01
"""In points: half a unit of the last digit from the categories, and half a unit from the average."""
_SLACK = 1e-7
_SUM = 1e4
"""Weight of `the weights sum to one` among equations about points; it then holds to seven digits."""


@dataclass(frozen=True)
class Row:
    name: str
    kind: str
    average: float
    categories: tuple[float, ...]


@dataclass(frozen=True)
class Printed:
    """One printed table. People answered a part of the questions, so their rows never count as models'."""

    version: str
    rows: tuple[Row, ...]

    @property
    def models(self) -> list[Row]:
        return [row for row in self.rows if row.kind == "model"]


@dataclass(frozen=True)
class Published:
    name: str
    says: str
    categories: tuple[str, ...]
    tables: tuple[Printed, ...]


@dataclass(frozen=True)
class RowCheck:
    """Each is a reproduced average minus the printed one, in points; `left_out` with weights fitted on other models.
    `possible` is what weights leave open for this average that reproduce the other rows of the largest set, and
    `agrees` whether the printed one is among it."""

    row: Row
    plain: float
    fitted: float
    left_out: float
    possible: tuple[float, float]
    agrees: bool

    @property
    def by_plain(self) -> bool:
        return abs(self.plain) <= TOLERANCE + _SLACK

    @property
    def by_fitted(self) -> bool:
        return abs(self.fitted) <= TOLERANCE + _SLACK

    @property
    def by_left_out(self) -> bool:
        return abs(self.left_out) <= TOLERANCE + _SLACK


@dataclass(frozen=True)
class Check:
    """`weights` are by least squares over all models. `closest` is the worst deviation of the set of weights that has
    the smallest one; `agreeing` are the models of the largest set that one set of weights reproduces, `without` the
    rest, and `only` says that no other set of that size exists."""

    version: str
    weights: tuple[float, ...]
    closest: float
    agreeing: tuple[str, ...]
    without: tuple[str, ...]
    only: bool
    rows: tuple[RowCheck, ...]


def known() -> list[str]:
    return sorted(f.name.removesuffix(".json") for f in _folder().iterdir() if f.name.endswith(".json"))


@cache
def load(name: str) -> Published:
    if name not in known():
        raise InputError(f"--published {name}: no such table.{did_you_mean(name, known())}")
    found = json.loads((_folder() / f"{name}.json").read_text(encoding="utf-8"))
    tables = tuple(
        Printed(t["version"], tuple(Row(r["name"], r["kind"], r["average"], tuple(r["categories"])) for r in t["rows"]))
        for t in found["tables"]
    )
    return Published(found["name"], found["says"], tuple(found["categories"]), tables)


def _folder() -> Traversable:
    return resources.files("flyreel.evaluate") / "published"


def check(table: Printed) -> Check:
    models = table.models
    shares, averages = _numbers(models)
    weights = least_squares(shares, averages)
    sets = largest_sets(shares, averages)
    kept = sets[0]
    rows = []
    for row in table.rows:
        own = np.array(row.categories)
        others = [i for i, model in enumerate(models) if model is not row]
        rest = [i for i in kept if models[i] is not row]
        low, high = possible(shares[rest], averages[rest], own)
        rows.append(
            RowCheck(
                row=row,
                plain=float(own.mean()) - row.average,
                fitted=float(own @ weights) - row.average,
                left_out=float(own @ least_squares(shares[others], averages[others])) - row.average,
                possible=(low, high),
                agrees=low - TOLERANCE - _SLACK <= row.average <= high + TOLERANCE + _SLACK,
            )
        )
    return Check(
        version=table.version,
        weights=tuple(float(w) for w in weights),
        closest=closest(shares, averages),
        agreeing=tuple(models[i].name for i in kept),
        without=tuple(model.name for i, model in enumerate(models) if i not in kept),
        only=len(sets) == 1,
        rows=tuple(rows),
    )


def _numbers(rows: Sequence[Row]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([row.categories for row in rows]), np.array([row.average for row in rows])


def least_squares(categories: np.ndarray, averages: np.ndarray) -> np.ndarray:
    """Weights of at least zero that sum to one."""
    from scipy.optimize import nnls

    equations = np.vstack([categories, np.full(categories.shape[1], _SUM)])
    weights = nnls(equations, np.append(averages, _SUM))[0]
    return weights / weights.sum()


def closest(categories: np.ndarray, averages: np.ndarray) -> float:
    """The smallest that the largest deviation can be, over all weights."""
    n, k = categories.shape
    slack = -np.ones((n, 1))
    return float(
        _solve(
            np.append(np.zeros(k), 1.0),
            np.vstack([np.hstack([categories, slack]), np.hstack([-categories, slack])]),
            np.concatenate([averages, -averages]),
            np.append(np.ones(k), 0.0),
        )
    )


def largest_sets(categories: np.ndarray, averages: np.ndarray) -> list[list[int]]:
    """Rows that one set of weights reproduces: all such sets of the largest size, of the rows in their order."""
    n = len(averages)
    for size in range(n, 0, -1):
        sets = [list(rows) for rows in combinations(range(n), size)]
        fitting = [rows for rows in sets if closest(categories[rows], averages[rows]) <= TOLERANCE + _SLACK]
        if fitting:
            return fitting
    return [[]]


def possible(categories: np.ndarray, averages: np.ndarray, own: np.ndarray) -> tuple[float, float]:
    """The least and the most that `own` averages to, under weights that reproduce those rows."""
    bounds = np.vstack([categories, -categories])
    limits = np.concatenate([averages, -averages]) + TOLERANCE + _SLACK
    ones = np.ones(len(own))
    return _solve(own, bounds, limits, ones), -_solve(-own, bounds, limits, ones)


def _solve(goal: np.ndarray, upper: np.ndarray, limits: np.ndarray, sums: np.ndarray) -> float:
    """Minimum of `goal` over what is at least zero, below the limits, and sums to one."""
    from scipy.optimize import linprog

    found = linprog(goal, A_ub=upper, b_ub=limits, A_eq=sums[None, :], b_eq=[1.0], bounds=(0, None))
    assert found.success, found.message
    return float(found.fun)
