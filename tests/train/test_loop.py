"""The loop: what a step is, at which rate, and in which numbers; running/ has what the loop is made of.

Wrong here means a model that learnt something else than it was told to, and nobody sees it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyreel.errors import InputError

torch = pytest.importorskip("torch")
pytest.importorskip("accelerate")

from flyreel.train.loop import Fitted, NothingLearnt, Plan, fit, rate_at  # noqa: E402
from flyreel.train.runs import open_run  # noqa: E402

FitLine = Callable[..., tuple[Any, Fitted]]
LogRows = Callable[[Path], list[dict[str, Any]]]

PLAIN = {"rate": 0.1, "warm": 0.0, "clip": 0.0, "log_every": 1}


def quiet(line: str) -> None:
    pass


def test_gradients_are_the_mean_over_what_is_accumulated_and_so_is_the_loss_that_is_told(
    tmp_path: Path, fit_line: FitLine, log_rows: LogRows
) -> None:
    net, fitted = fit_line(tmp_path, Plan(steps=1, accumulate=3, **PLAIN), lambda number: [1.0, 2.0, 6.0][number])
    assert net.w.item() == pytest.approx(0.1 * 3)
    assert log_rows(tmp_path) == [{"step": 1, "loss": pytest.approx((1 + 4 + 36) / 6), "number": 3.0, "rate": 0.1}]
    assert fitted == Fitted(1, {}, stopped_early=False)


def test_what_is_told_is_the_mean_since_the_line_before(tmp_path: Path, fit_line: FitLine, log_rows: LogRows) -> None:
    fit_line(tmp_path, Plan(steps=5, **{**PLAIN, "log_every": 2}), float)
    assert [(row["step"], row["number"]) for row in log_rows(tmp_path)] == [(2, 0.5), (4, 2.5), (5, 4.0)]


def test_an_empty_batch_is_passed_over_and_weighs_nothing(tmp_path: Path, fit_line: FitLine, log_rows: LogRows) -> None:
    """Neither as a zero in the mean, nor as a step of an optimiser that would go on by its momentum."""
    plan = Plan(steps=3, accumulate=2, **PLAIN)
    shown = {0: 3.0, 1: None, 2: None, 3: None, 4: None, 5: 3.0}
    momentum = {"optimiser": lambda p: torch.optim.SGD(p, momentum=0.9)}
    net, _ = fit_line(tmp_path / "a", plan, shown.__getitem__, **momentum)
    first = 0.1 * 3
    third = first + rate_at(2, plan) * (0.9 * 3 + (3 - first))
    assert net.w.item() == pytest.approx(third)
    assert [row.get("loss") is None for row in log_rows(tmp_path / "a")] == [False, True, False]


def test_a_run_that_learnt_nothing_is_no_success_and_keeps_nothing(tmp_path: Path, fit_line: FitLine) -> None:
    """Its model would be the one it began with, under another name."""
    plan = Plan(steps=4, keep_every=1, look_every=2, **PLAIN)
    told = iter([1.0, 1.0])
    with pytest.raises(NothingLearnt, match="nothing was learnt: of no batch in 4 steps"):
        fit_line(tmp_path / "a", plan, lambda number: None, look=lambda model: {"accuracy": next(told)})
    assert not (tmp_path / "a" / "checkpoint").exists(), "other settings could not start over here"


def test_what_was_learnt_before_a_run_was_cut_off_counts(tmp_path: Path, fit_line: FitLine) -> None:
    def shown(number: int) -> float | None:
        if number == 3 and not (tmp_path / "once").exists():
            (tmp_path / "once").touch()
            raise InterruptedError
        return 1.0 if number == 0 else None

    plan = Plan(steps=5, keep_every=1, ahead=0, **PLAIN)
    with pytest.raises(InterruptedError):
        fit_line(tmp_path / "a", plan, shown)
    net, _ = fit_line(tmp_path / "a", plan, shown)
    assert net.w.item() == pytest.approx(0.1)


def test_a_long_gradient_is_cut_to_the_norm_and_a_short_one_is_left(tmp_path: Path, fit_line: FitLine) -> None:
    far, _ = fit_line(tmp_path / "far", Plan(steps=1, **{**PLAIN, "clip": 1.0}), lambda number: 50.0)
    near, _ = fit_line(tmp_path / "near", Plan(steps=1, **{**PLAIN, "clip": 1.0}), lambda number: 0.5)
    assert far.w.item() == pytest.approx(0.1) and near.w.item() == pytest.approx(0.05)


def test_a_group_of_parameters_may_have_a_share_of_the_rate(tmp_path: Path, fit_line: FitLine) -> None:
    shared = {"optimiser": lambda p: torch.optim.SGD([{"params": list(p), "share": 0.5}])}
    net, _ = fit_line(tmp_path, Plan(steps=1, **PLAIN), lambda number: 1.0, **shared)
    assert net.w.item() == pytest.approx(0.05)


@given(st.integers(1, 400), st.floats(0, 1))
def test_the_rate_rises_to_its_height_and_falls_from_there(steps: int, warm: float) -> None:
    plan = Plan(steps=steps, rate=2.0, warm=warm)
    rates = [rate_at(step, plan) for step in range(steps)]
    top = rates.index(max(rates))
    assert all(0 < rate <= 2.0 for rate in rates) and max(rates) == 2.0
    assert rates[: top + 1] == sorted(rates[: top + 1]) and rates[top:] == sorted(rates[top:], reverse=True)
    assert top == max(0, math.ceil(warm * steps) - 1)


def test_the_rate_at_moments_that_can_be_counted_by_hand() -> None:
    plan = Plan(steps=12, rate=1.0, warm=4 / 12)
    assert [rate_at(step, plan) for step in (0, 1, 3, 4, 8)] == pytest.approx([0.25, 0.5, 1.0, 1.0, 0.5])
    assert rate_at(11, plan) == pytest.approx(0.5 * (1 + math.cos(math.pi * 7 / 8)))


def test_weights_that_are_no_numbers_are_not_learnt_from(tmp_path: Path, fit_line: FitLine) -> None:
    with pytest.raises(InputError, match=r"step 2: the gradients are not finite.*a lower rate"):
        fit_line(tmp_path, Plan(steps=3, **PLAIN), lambda number: math.inf if number == 1 else 1.0)


def test_a_look_learns_nothing_and_leaves_every_part_as_it_was(tmp_path: Path) -> None:
    run = open_run(tmp_path, "modes", {}, {}, quiet)
    net = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Dropout(0.5))
    seen: list[tuple[bool, ...]] = []

    def note(model: Any) -> tuple[bool, ...]:
        return (model.training, model[0].training, model[1].training, torch.is_grad_enabled())

    def loss_of(model: Any, shown: Any) -> Any:
        model[1].eval()  # a recipe that keeps a part of it from training
        seen.append(note(model))
        return model(torch.ones(1, 2)).sum(), {}

    def look(model: Any) -> dict[str, float]:
        seen.append(note(model))
        return {"accuracy": 1.0}

    net.eval()  # as transformers opens them
    fit(run, net, torch.optim.SGD(net.parameters()), Plan(steps=2, rate=0.1, look_every=1), lambda n: n, loss_of, look)
    assert seen == [(True, True, False, True), (False, False, False, False)] * 2
    assert note(net) == (True, True, False, True)


def test_bf16_is_what_the_products_are_computed_in(tmp_path: Path) -> None:
    for bf16 in (False, True):
        run = open_run(tmp_path / str(bf16), "bf16", {}, {}, quiet)
        net, seen = torch.nn.Linear(2, 2), []

        def loss_of(model: Any, shown: Any, seen: list[Any] = seen) -> Any:
            seen.append(model(torch.ones(1, 2)))
            return seen[-1].float().sum(), {}

        fit(run, net, torch.optim.SGD(net.parameters()), Plan(steps=1, rate=0.1, bf16=bf16), lambda n: n, loss_of)
        assert seen[0].dtype == (torch.bfloat16 if bf16 else torch.float32) and net.weight.dtype == torch.float32
