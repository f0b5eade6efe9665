"""Early stopping: when a run ends before its last step, and which weights are left in the model."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from flyreel.errors import InputError

pytest.importorskip("torch")
pytest.importorskip("accelerate")

from flyreel.train.loop import Fitted, Plan

FitLine = Callable[..., tuple[Any, Fitted]]
LogRows = Callable[[Path], list[dict[str, Any]]]

PLAIN = {"rate": 0.1, "warm": 0.0, "clip": 0.0, "log_every": 1}


def looking(values: list[float], name: str = "accuracy") -> Callable[[Any], dict[str, float]]:
    told = iter(values)
    return lambda model: {name: next(told)}


@pytest.mark.parametrize(
    ("watch", "values", "ends", "best"),
    [
        ("accuracy", [0.1, 0.2, 0.3, 0.4, 0.5, 0.6], 6, 6),
        ("accuracy", [0.6, 0.5, 0.4, 0.3, 0.2, 0.1], 3, 1),
        ("accuracy", [0.1, 0.3, 0.2, 0.4, 0.4, 0.4], 6, 4),
        ("f1", [0.1, 0.3, math.nan, 0.2], 4, 2),
        ("loss", [6.0, 5.0, 4.0, 3.0, 2.0, 1.0], 6, 6),
        ("perplexity", [1.0, 2.0, 3.0, 4.0], 3, 1),
    ],
)
def test_it_stops_when_what_is_watched_gets_worse_and_never_while_it_gets_better(
    tmp_path: Path, fit_line: FitLine, watch: str, values: list[float], ends: int, best: int
) -> None:
    """A rise in accuracy is no reason to stop, and the weights that are left are those of the best look."""
    plan = Plan(steps=6, look_every=1, watch=watch, patience=2, **{**PLAIN, "rate": 0.01})
    after: list[float] = []

    def look(model: Any) -> Mapping[str, float]:
        after.append(model.w.item())
        return {watch: values[len(after) - 1], "other": 1.0}

    net, fitted = fit_line(tmp_path, plan, lambda number: 1.0, look=look)
    assert len(after) == ends and fitted.stopped_early == (ends < 6)
    assert fitted.step == best and fitted.best == {watch: values[best - 1], "other": 1.0}
    assert net.w.item() == after[best - 1] and len(set(after)) == ends


def test_without_patience_it_goes_to_the_end_and_leaves_the_best_all_the_same(
    tmp_path: Path, fit_line: FitLine, log_rows: LogRows
) -> None:
    plan = Plan(steps=5, look_every=2, **PLAIN)
    _, fitted = fit_line(tmp_path, plan, lambda number: 1.0, look=looking([0.3, 0.2, 0.1]))
    assert fitted == Fitted(2, {"accuracy": 0.3}, stopped_early=False, looks=3)
    assert [row["step"] for row in log_rows(tmp_path) if "held_accuracy" in row] == [2, 4, 5]


def test_of_looks_as_accurate_as_each_other_the_one_with_the_lower_loss_is_the_best(
    tmp_path: Path, fit_line: FitLine
) -> None:
    """Held-out accuracy of a few questions is often the same, or 0, for many looks; the first is no better for it."""
    told = iter([(0.0, 3.0), (0.0, 2.0), (0.0, 2.5), (0.0, 2.0)])
    plan = Plan(steps=4, look_every=1, **PLAIN)
    _, fitted = fit_line(
        tmp_path, plan, lambda number: 1.0, look=lambda model: dict(zip(("accuracy", "loss"), next(told), strict=True))
    )
    assert fitted.step == 2 and fitted.best == {"accuracy": 0.0, "loss": 2.0}


def test_what_is_watched_must_be_known_and_told(tmp_path: Path, fit_line: FitLine) -> None:
    """Which way is better must not be guessed."""
    plan = Plan(steps=1, look_every=1, watch="acuracy", **PLAIN)
    with pytest.raises(InputError, match=r"watch acuracy: .* Did you mean accuracy"):
        fit_line(tmp_path / "a", plan, float, look=looking([1.0], "acuracy"))
    with pytest.raises(InputError, match="watch accuracy: held-out questions tell loss"):
        fit_line(tmp_path / "b", Plan(steps=1, look_every=1, **PLAIN), float, look=looking([1.0], "loss"))


def test_a_look_that_tells_nothing_usable_leaves_the_last_weights(tmp_path: Path, fit_line: FitLine) -> None:
    net, fitted = fit_line(
        tmp_path, Plan(steps=2, look_every=1, **PLAIN), lambda number: 1.0, look=looking([math.nan] * 2)
    )
    assert fitted == Fitted(2, {}, stopped_early=False, looks=2) and net.w.item() > 0.1
