"""γ that follows what is known of each source: by hand, kept apart, kept in checkpoints, never in the gradient."""

from __future__ import annotations

import importlib
import json
import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch")
losses = importlib.import_module("flyreel.train.losses")


def batch(seed: int = 0, shape: tuple[int, ...] = (3, 5), width: int = 11, spread: float = 3.0) -> tuple[Any, Any]:
    """Logits and labels; some labels are ignored, some are what the model would say."""
    random = torch.Generator().manual_seed(seed)
    logits = spread * torch.randn(*shape, width, generator=random)
    labels = torch.randint(0, width, shape, generator=random)
    likely = torch.rand(shape, generator=random) < 0.4
    labels = torch.where(likely, logits.argmax(-1), labels)
    return logits, labels.masked_fill(torch.rand(shape, generator=random) < 0.2, -100)


def one(p: float) -> tuple[Any, Any]:
    """Logits whose label has this probability."""
    return torch.tensor([[math.log(p), math.log1p(-p)]], dtype=torch.float64), torch.tensor([0])


def slope(loss: Callable[[Any], Any], logits: Any) -> tuple[float, Any]:
    x = logits.detach().clone().requires_grad_()
    value = loss(x)
    value.backward()
    return value.item(), x.grad


def test_the_gradient_of_bias_variance_does_not_go_through_gamma() -> None:
    """Two labels, one of p: γ depends on the logits, and the gradient is still w·(p − onehot)."""
    logits, labels = one(0.3)
    state = losses.Discrepancy()
    found: list[Any] = []

    def loss(x: Any) -> Any:
        found.append(losses.adatailr(x, labels, "bias_variance", discrepancy=state, floor=0.0))
        return found[0].value

    grad = slope(loss, logits)[1]
    weight = found[0].log["weight"]
    assert torch.allclose(grad, weight * torch.tensor([[0.3 - 1, 0.7]], dtype=torch.float64))


def test_bias_variance_by_hand() -> None:
    """p = 0.3 of two: Σp² = 0.58, so T is between |0.3 − 0.58| = 0.28 and 0.7; the middle is 0.49, and H₂ = 0.42."""
    logits, labels = one(0.3)
    state = losses.Discrepancy()
    found = losses.adatailr(logits.requires_grad_(), labels, "bias_variance", discrepancy=state, floor=0.0)
    assert state.bracket("all") == pytest.approx((0.28, 0.7))
    assert found.log["distance"] == pytest.approx({"all": 0.49})
    gamma = 0.49**2 / (0.49**2 + 0.42**2)
    assert found.log["weight"] == pytest.approx(0.3 / (gamma + (1 - gamma) * 0.3))
    assert found.log["gamma"] == [0, 0, 0, 0, 0, 0, 0, 1, 0]


def test_gamma_stays_in_its_bounds() -> None:
    """No distance: γ is the least; a model that is sure beside any distance: γ is 1."""
    logits, labels = one(1e-7)
    none = losses.Discrepancy(sums={"all": [1e30, 1e30, 1e30]})
    found = losses.adatailr(logits, labels, "bias_variance", discrepancy=none, floor=0.0)
    assert found.log["gamma"][0] == 1
    assert found.log["weight"] == pytest.approx(0.5)
    some = losses.Discrepancy(sums={"all": [1.0, 0.5, 0.5]})
    sure = torch.tensor([[-40.0, 40.0]])
    found = losses.adatailr(sure, labels, "bias_variance", discrepancy=some, floor=0.0)
    assert found.log["gamma"][7] == 1
    assert found.log["weight"] == pytest.approx(math.exp(-80), rel=1e-3)


def test_sources_are_kept_apart() -> None:
    """One source is what the model says, the other is not: their distances differ, and each is what it is alone."""
    logits = torch.tensor([4.0, 0.0, 0.0]).expand(2, 3, 3).clone().requires_grad_()
    labels = torch.tensor([[0, 0, 0], [1, 2, -100]])
    both, right, wrong = (losses.Discrepancy() for _ in range(3))
    found = losses.adatailr(logits, labels, "bias_variance", sources=["human", "asr"], discrepancy=both)
    losses.adatailr(logits[:1], labels[:1], "bias_variance", sources=["human"], discrepancy=right)
    losses.adatailr(logits[1:], labels[1:], "bias_variance", sources=["asr"], discrepancy=wrong)
    assert both.sums == {**right.sums, **wrong.sums}
    assert both.sums["asr"][0] == 2
    assert found.log["distance"]["human"] < 0.1 < 0.9 < found.log["distance"]["asr"]


def test_what_is_known_of_a_source_fades() -> None:
    state = losses.Discrepancy(decay=0.5)
    state.add("a", 4, 4.0, 4.0)
    state.add("b", 1, 0.0, 0.0)
    state.add("a", 2, 0.0, 0.0)
    assert state.sums["a"] == [4.0, 2.0, 2.0]
    assert state.bracket("a") == (0.0, 0.5)
    assert state.bracket("b") == (0.0, 1.0)
    assert state.bracket("c") == (0.0, 1.0)


def test_a_checkpoint_holds_what_is_known() -> None:
    """Through JSON too, and without sharing anything with the state it was taken from."""
    logits, labels = batch()
    state = losses.Discrepancy(decay=0.9)
    losses.adatailr(logits.requires_grad_(), labels, "bias_variance", discrepancy=state)
    saved = state.state_dict()
    again = losses.Discrepancy()
    again.load_state_dict(json.loads(json.dumps(saved)))
    assert again == state
    losses.adatailr(logits, labels, "bias_variance", discrepancy=state)
    assert again.state_dict() == saved != state.state_dict()
    for other in (again, losses.Discrepancy()):
        other.load_state_dict(saved)
        losses.adatailr(logits, labels, "bias_variance", discrepancy=other)
        assert other == state


def test_an_evaluation_leaves_what_is_known_as_it_is() -> None:
    logits, labels = batch()
    state = losses.Discrepancy()
    with torch.no_grad():
        losses.adatailr(logits.requires_grad_(), labels, "bias_variance", discrepancy=state)
    assert state.sums == {}


@given(st.integers(0, 10_000))
def test_the_bracket_holds_the_distance(seed: int) -> None:
    """Labels drawn by their own distribution, every one counted by how likely it is: T lies between the two means."""
    random = torch.Generator().manual_seed(seed)
    model, source = (4 * torch.randn(2, 6, generator=random, dtype=torch.float64)).softmax(1)
    state = losses.Discrepancy()
    state.add("all", 1, float((source * model).sum()), float(model.square().sum()))
    lower, upper = state.bracket("all")
    distance = float((model - source).abs().sum() / 2)
    assert lower - 1e-12 <= distance <= upper + 1e-12
