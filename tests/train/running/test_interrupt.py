"""Ctrl-C and SIGTERM: the step that is taken is kept, and a second one ends it at once."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flyreel.errors import Stopped

torch = pytest.importorskip("torch")
pytest.importorskip("accelerate")

from flyreel.train.loop import Fitted, Plan  # noqa: E402

FitLine = Callable[..., tuple[Any, Fitted]]

PLAIN = {"rate": 0.1, "warm": 0.0, "clip": 0.0, "log_every": 1}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_asked_to_stop_it_keeps_the_step_and_says_how_to_go_on(tmp_path: Path, fit_line: FitLine, number: int) -> None:
    before = signal.getsignal(number)
    seen: list[float] = []

    def loss_of(model: Any, shown: float) -> Any:
        seen.append(shown)
        if len(seen) == 5:
            signal.raise_signal(number)
        return ((model.w - shown) ** 2).sum() / 2, {}

    plan = Plan(steps=9, **PLAIN)
    with pytest.raises(Stopped, match="stopped after step 5 of 9, which is kept; the same command goes on"):
        fit_line(tmp_path / "cut", plan, float, loss_of=loss_of)
    assert signal.getsignal(number) == before
    net, _ = fit_line(tmp_path / "cut", plan, float, loss_of=loss_of)
    assert seen == [float(number) for number in range(9)], "nothing twice, and nothing left out"
    whole, _ = fit_line(tmp_path / "whole", plan, float)
    assert torch.equal(net.w, whole.w)


def test_asked_twice_it_stops_at_once(tmp_path: Path, fit_line: FitLine) -> None:
    def loss_of(model: Any, shown: float) -> Any:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        raise AssertionError("it went on")

    with pytest.raises(Stopped, match="stopped at once"):
        fit_line(tmp_path, Plan(steps=9, **PLAIN), float, loss_of=loss_of)
