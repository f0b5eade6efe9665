"""The losses: each against its naive formula in float64, the identities its source states, and its edges."""

from __future__ import annotations

import importlib
import json
import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyreel.errors import InputError

torch = pytest.importorskip("torch")
losses = importlib.import_module("flyreel.train.losses")
softmax = importlib.import_module("flyreel.train._softmax")
F = torch.nn.functional

MODES = ("constant", "bias_variance", "sample_noise")


def batch(seed: int = 0, shape: tuple[int, ...] = (3, 5), width: int = 11, spread: float = 3.0) -> tuple[Any, Any]:
    """Logits and labels; some labels are ignored, some are what the model would say."""
    random = torch.Generator().manual_seed(seed)
    logits = spread * torch.randn(*shape, width, generator=random)
    labels = torch.randint(0, width, shape, generator=random)
    likely = torch.rand(shape, generator=random) < 0.4
    labels = torch.where(likely, logits.argmax(-1), labels)
    return logits, labels.masked_fill(torch.rand(shape, generator=random) < 0.2, -100)


def knobs(mode: str, labels: Any) -> dict[str, Any]:
    """What each mode needs: a distance of 0.25 whatever the batch holds, or a noise for each sample."""
    known = losses.Discrepancy(decay=1.0, sums={"all": [1e12, 0.5e12, 0.5e12]})
    noise = torch.linspace(0.05, 0.6, len(labels), dtype=torch.float64)
    return {"discrepancy": known} if mode == "bias_variance" else {"noise": noise} if mode == "sample_noise" else {}


def gammas(mode: str, p: Any, labels: Any, given: dict[str, Any], gamma: float) -> Any:
    if mode == "bias_variance":
        t = given["discrepancy"].distance("all")
        return t**2 / (t**2 + (1 - p.square().sum(-1)) ** 2)
    if mode == "sample_noise":
        return (given["noise"] / (1 - given["noise"]))[:, None].expand(labels.shape)
    return torch.full(labels.shape, gamma, dtype=torch.float64)


def naive(logits: Any, labels: Any, gamma: Any, floor: float, smoothing: float = 0.0) -> Any:
    """The formula as it is printed, in float64, with torch's own derivatives."""
    kept = labels != -100
    log_p = logits.log_softmax(-1)
    chosen = log_p.gather(-1, labels.where(kept, 0)[..., None])[..., 0]
    p = chosen.exp()
    weight = (p / (gamma + (1 - gamma) * p)).clamp(floor, 1).detach()
    each = -(1 - smoothing) * weight * chosen - smoothing * log_p.mean(-1)
    return each[kept].mean()


def slope(loss: Callable[[Any], Any], logits: Any) -> tuple[float, Any]:
    x = logits.detach().clone().requires_grad_()
    value = loss(x)
    value.backward()
    return value.item(), x.grad


def agree(found: tuple[float, Any], wanted: tuple[float, Any], within: float) -> None:
    """Relative to the value, and to the largest gradient of the batch."""
    assert found[0] == pytest.approx(wanted[0], rel=within)
    largest = wanted[1].abs().max().item()
    assert (found[1].double() - wanted[1].double()).abs().max().item() <= within * largest


@pytest.fixture(params=[2**24, 30], ids=["one block", "many blocks"])
def block(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(softmax, "BLOCK", request.param)


@pytest.mark.usefixtures("block")
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("mode", MODES)
def test_every_mode_is_the_naive_formula_in_float64(mode: str, smoothing: float) -> None:
    for seed in range(5):
        logits, labels = batch(seed, (4, 9), 50 + 700 * seed)
        extra = knobs(mode, labels)
        p = logits.double().softmax(-1)
        gamma = gammas(mode, p, labels, extra, 0.1)
        extra |= {"gamma": 0.1, "floor": 0.2, "smoothing": smoothing}
        wanted = slope(lambda x, y=labels, g=gamma: naive(x, y, g, 0.2, smoothing), logits.double())
        found = slope(lambda x, y=labels, e=extra: losses.adatailr(x, y, mode, **e).value, logits)
        agree(found, wanted, 1e-6)


@pytest.mark.usefixtures("block")
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
def test_cross_entropy_is_torchs(smoothing: float) -> None:
    logits, labels = batch()
    wanted = slope(
        lambda x: F.cross_entropy(x.flatten(0, 1), labels.flatten(), label_smoothing=smoothing), logits.double()
    )
    agree(slope(lambda x: losses.cross_entropy(x, labels, smoothing=smoothing), logits), wanted, 1e-6)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("gamma", [0.0, 1e-12])
def test_without_gamma_tailr_is_maximum_likelihood(gamma: float, smoothing: float) -> None:
    """At 0 exactly, where ln γ is no number, too; and where p is below the smallest float."""
    logits, labels = batch()
    labels[0, 0], logits[0, 0, 1] = 1, -3000.0 if gamma == 0 else 0.0
    wanted = slope(
        lambda x: F.cross_entropy(x.flatten(0, 1), labels.flatten(), label_smoothing=smoothing), logits.double()
    )
    agree(slope(lambda x: losses.tailr(x, labels, gamma, 0.0, smoothing=smoothing), logits), wanted, 1e-6)


@pytest.mark.parametrize("gamma", [0.01, 0.3, 0.8, 1.0])
def test_the_unclamped_gradient_is_that_of_its_closed_form(gamma: float) -> None:
    """−ln(γ + (1−γ)p)/(1−γ) below 1, and −p at 1: the weight is a constant only to autograd."""
    logits, labels = batch()
    kept = labels != -100

    def closed(x: Any) -> Any:
        p = x.softmax(-1).gather(-1, labels.where(kept, 0)[..., None])[..., 0][kept]
        return (-p if gamma == 1 else -torch.log(gamma + (1 - gamma) * p) / (1 - gamma)).mean()

    wanted = slope(closed, logits.double())[1]
    found = slope(lambda x: losses.tailr(x, labels, gamma, 0.0), logits)[1]
    assert (found - wanted).abs().max() <= 1e-6 * wanted.abs().max()


def one(p: float) -> tuple[Any, Any]:
    """Logits whose label has this probability."""
    return torch.tensor([[math.log(p), math.log1p(-p)]], dtype=torch.float64), torch.tensor([0])


@pytest.mark.parametrize(("gamma", "weight"), [(0.1, 0.345), (0.8, 0.062)])
def test_a_label_of_probability_one_in_twenty(gamma: float, weight: float) -> None:
    found = losses.adatailr(*one(0.05), gamma=gamma, floor=0.0)
    assert found.log["weight"] == pytest.approx(weight, abs=5e-4)
    assert found.value.item() == pytest.approx(-found.log["weight"] * math.log(0.05))


@given(st.floats(1e-6, 1 - 1e-6), st.floats(1e-7, 1))
def test_the_weight_is_a_sigmoid_of_the_logit(p: float, gamma: float) -> None:
    wanted = 1 / (1 + math.exp(math.log(gamma) - math.log(p / (1 - p))))
    assert losses.adatailr(*one(p), gamma=gamma, floor=0.0).log["weight"] == pytest.approx(wanted, rel=1e-6)


def test_the_floor_holds_the_weight_up() -> None:
    assert losses.adatailr(*one(0.05), gamma=0.8, floor=0.25).log["weight"] == 0.25
    assert losses.adatailr(*one(0.05), gamma=0.1, floor=0.25).log["weight"] == pytest.approx(0.345, abs=5e-4)
    assert losses.tailr(*one(0.05), 0.8, 1.0).item() == pytest.approx(-math.log(0.05))


def test_a_certain_model_does_not_make_a_nan() -> None:
    logits, labels = torch.tensor([[500.0, -500.0]]).requires_grad_(), torch.tensor([0])
    for noise in (0.0, 1.0):
        found = losses.adatailr(logits, labels, "sample_noise", noise=torch.tensor([noise]))
        assert found.value.item() == 0
    state = losses.Discrepancy()
    assert losses.adatailr(logits, labels, "bias_variance", discrepancy=state).value.item() == 0


@pytest.mark.usefixtures("block")
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("mode", MODES)
def test_half_precision_is_computed_in_full(mode: str, dtype: Any) -> None:
    """The value is that of the rounded logits to float32's precision; the gradient is rounded once."""
    logits, labels = batch(1, (4, 9), 300)
    logits, extra = logits.to(dtype), knobs(mode, labels)

    def loss(x: Any) -> Any:
        return losses.adatailr(x, labels, mode, smoothing=0.1, **extra).value

    full, half = slope(loss, logits.float()), slope(loss, logits)
    assert half[0] == pytest.approx(full[0], rel=1e-6)
    assert torch.equal(half[1], full[1].to(dtype))


def test_float64_stays_float64() -> None:
    logits, labels = batch()
    value, grad = slope(lambda x: losses.cross_entropy(x, labels), logits.double())
    kept = labels != -100
    assert value == pytest.approx(F.cross_entropy(logits.double()[kept], labels[kept]).item(), rel=1e-14)
    assert grad.dtype == torch.float64


@pytest.mark.usefixtures("block")
@pytest.mark.parametrize("mode", MODES)
def test_what_stands_where_labels_are_ignored_changes_nothing(mode: str) -> None:
    """Padding may hold anything, a NaN too."""
    logits, labels = batch(2, (4, 9))
    kept = labels != -100
    assert 0 < kept.sum() < kept.numel()
    found, seen = [], []
    for filler in (0.0, 50.0, math.nan):
        filled = logits.masked_fill(~kept[..., None], filler)

        def loss(x: Any) -> Any:
            loss = losses.adatailr(x, labels, mode, smoothing=0.1, **knobs(mode, labels))
            seen.append(loss.log)
            return loss.value

        found.append(slope(loss, filled))
    assert found[0][0] == found[1][0] == found[2][0]
    assert torch.equal(found[0][1], found[1][1])
    assert torch.equal(found[0][1], found[2][1])
    assert not found[0][1][~kept].any()
    assert seen[0] == seen[1] == seen[2]
    assert sum(seen[0]["gamma"]) == int(kept.sum())


@pytest.mark.usefixtures("block")
@pytest.mark.parametrize("mode", MODES)
def test_all_ignored_is_nought(mode: str) -> None:
    logits, labels = batch()
    labels, state = torch.full_like(labels, -100), losses.Discrepancy()
    extra = {**knobs(mode, labels), "discrepancy": state}
    value, grad = slope(lambda x: losses.adatailr(x, labels, mode, smoothing=0.1, **extra).value, logits)
    assert value == 0
    assert not grad.any()
    assert state.sums == {}


def test_another_number_may_mean_ignored() -> None:
    logits, labels = batch()
    again = labels.masked_fill(labels == -100, 7777)
    assert losses.cross_entropy(logits, again, ignore=7777) == losses.cross_entropy(logits, labels)


@given(st.integers(0, 999), st.sampled_from(MODES), st.floats(-200, 200))
def test_order_and_offset_do_not_matter(seed: int, mode: str, offset: float) -> None:
    """The tokens of a sample in another order and a constant added to all logits of a token leave the loss as it is."""
    logits, labels = batch(seed)
    extra = knobs(mode, labels)
    value = losses.adatailr(logits.double(), labels, mode, **extra).value.item()
    order = torch.randperm(labels.shape[1], generator=torch.Generator().manual_seed(seed))
    moved = losses.adatailr(logits.double()[:, order] + offset, labels[:, order], mode, **extra).value.item()
    assert moved == pytest.approx(value, rel=1e-9)


def test_a_graph_that_is_kept_gives_the_same_gradient_twice() -> None:
    logits, labels = batch()
    x = logits.requires_grad_()
    value = 3 * losses.tailr(x, labels, 0.1, 0.2)
    first, second = (torch.autograd.grad(value, x, retain_graph=True)[0] for _ in range(2))
    assert torch.equal(first, second)
    assert torch.allclose(first, 3 * torch.autograd.grad(losses.tailr(x, labels, 0.1, 0.2), x)[0])


def test_a_second_derivative_is_refused() -> None:
    logits, labels = batch()
    x = logits.requires_grad_()
    with pytest.raises(RuntimeError, match="no second derivative; leave out create_graph"):
        torch.autograd.grad(losses.tailr(x, labels, 0.1, 0.2), x, create_graph=True)


def test_noise_is_the_chance_that_a_label_is_wrong() -> None:
    """Bayes by hand: p = 0.2 and noise 0.25 are 0.2·0.75 against 0.8·0.25."""
    found = losses.adatailr(*one(0.2), "sample_noise", noise=torch.tensor([0.25]), floor=0.0)
    assert found.log["weight"] == pytest.approx(0.15 / (0.15 + 0.2))


def test_no_noise_is_maximum_likelihood_and_all_noise_is_nothing() -> None:
    logits, labels = batch()
    wanted = slope(lambda x: losses.cross_entropy(x, labels), logits)

    def at(noise: float) -> Callable[[Any], Any]:
        given = torch.full(labels.shape[:1], noise)
        return lambda x: losses.adatailr(x, labels, "sample_noise", noise=given, floor=0.0).value

    agree(slope(at(0.0), logits), wanted, 1e-7)
    sizes = [slope(at(noise), logits)[0] for noise in (0.0, 0.1, 0.5, 0.9, 0.999, 1.0)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-2] < 0.02 * sizes[0]
    assert sizes[-1] == 0


def test_noise_may_be_given_for_each_label() -> None:
    logits, labels = batch()
    each = torch.linspace(0.1, 0.3, len(labels))
    a = losses.adatailr(logits, labels, "sample_noise", noise=each)
    b = losses.adatailr(logits, labels, "sample_noise", noise=each[:, None].expand(labels.shape))
    assert a.value == b.value
    assert a.log == b.log


@pytest.mark.parametrize("noise", [None, torch.tensor([0.5, 1.5, 0.0]), torch.tensor([0.5, math.nan, 0.0])])
def test_noise_that_is_missing_or_no_probability_is_said(noise: Any) -> None:
    with pytest.raises(InputError, match=r"^sample noise: [^\n]+$"):
        losses.adatailr(*batch(), "sample_noise", noise=noise)


def test_gammas_are_counted_by_size() -> None:
    """On an edge counts below it; noise above a half is above 1."""
    logits = torch.zeros(6, 4)
    noise = torch.tensor([0.0, 1e-3, 0.2, 0.5, 0.6, 1.0])
    found = losses.adatailr(logits, torch.zeros(6, dtype=torch.long), "sample_noise", noise=noise)
    assert found.log["gamma"] == [1, 0, 0, 0, 0, 1, 0, 2, 2]
    assert losses.adatailr(logits, torch.zeros(6, dtype=torch.long), gamma=0.1).log["gamma"][6] == 6


@pytest.mark.parametrize("name", losses.LOSSES)
def test_a_recipe_calls_all_losses_alike(name: str) -> None:
    logits, labels = batch()
    criterion = losses.criterion(name, discrepancy=losses.Discrepancy(), floor=0.2, smoothing=0.1)
    x = logits.requires_grad_()
    value, log = criterion(x, labels, ["a", "b", "a"], torch.tensor([0.1, 0.2, 0.3]))
    value.backward()
    assert x.grad.abs().sum() > 0
    json.dumps(log)


def test_names_mean_what_they_say() -> None:
    logits, labels = batch()
    noise, state = torch.tensor([0.1, 0.2, 0.3]), losses.Discrepancy(sums={"all": [1.0, 0.3, 0.4]})
    found = {n: losses.criterion(n, discrepancy=state)(logits, labels, None, noise).value for n in losses.LOSSES}
    assert found["mle"] == losses.cross_entropy(logits, labels)
    assert found["tailr"] == found["adatailr-constant"] == losses.tailr(logits, labels, losses.GAMMA, losses.FLOOR)
    balanced = losses.adatailr(logits, labels, "bias_variance", discrepancy=state).value
    assert found["adatailr-bias-variance"] == balanced
    assert found["adatailr-sample-noise"] == losses.adatailr(logits, labels, "sample_noise", noise=noise).value
    assert len({float(v) for v in found.values()}) == 4


def test_a_loss_that_is_not_there_and_numbers_out_of_range_are_said() -> None:
    with pytest.raises(InputError, match=r"--loss tailer: no such loss\. Did you mean tailr"):
        losses.criterion("tailer")
    with pytest.raises(InputError, match=r"gamma 1\.5, floor 0\.2: each must be in 0 … 1"):
        losses.tailr(*batch(), 1.5, 0.2)


def test_state_is_never_hidden() -> None:
    with pytest.raises(ValueError, match="needs a Discrepancy, which the caller keeps"):
        losses.criterion("adatailr-bias-variance")(*batch())


def test_masked_video_by_hand() -> None:
    """Tokens of width 2; the student kept the first and the last of the first clip, and the middle of the second."""
    teacher = torch.tensor([[[1.0, 0], [9, 9], [0, 2]], [[9.0, 9], [3, 0], [9, 9]]])
    kept = torch.tensor([[True, False, True], [False, True, False]])
    student = torch.tensor([[1.0, 0], [2, 0], [0, 1]])
    assert losses.masked_video(student, teacher, kept).item() == pytest.approx((0 + 8 + 10) / 3)
    assert losses.masked_video(student, teacher, kept, "cosine").item() == pytest.approx((0 + 2 + 2) / 3)


@pytest.mark.parametrize("form", ["mse", "cosine"])
def test_masked_video_teaches_the_student_alone(form: str) -> None:
    random = torch.Generator().manual_seed(0)
    teacher = torch.randn(2, 5, 4, generator=random).requires_grad_()
    kept = torch.tensor([[True, True, False, False, True], [False, True, True, True, False]])
    student = torch.randn(2, 3, 4, generator=random).requires_grad_()
    losses.masked_video(student, teacher, kept, form).backward()
    assert teacher.grad is None
    assert student.grad.abs().min() > 0
    same = teacher.detach()[kept].view(2, 3, 4)
    assert losses.masked_video(same, teacher, kept, form).item() == pytest.approx(0, abs=1e-6)
    assert losses.masked_video(same[:, :0], teacher, torch.zeros_like(kept), form) == 0


def test_info_nce_is_cross_entropy_both_ways() -> None:
    random = torch.Generator().manual_seed(0)
    a, b = torch.randn(2, 5, 7, generator=random)
    scores = F.normalize(a) @ F.normalize(b).T * 20
    wanted = (F.cross_entropy(scores, torch.arange(5)) + F.cross_entropy(scores.T, torch.arange(5))) / 2
    assert losses.info_nce(a, b, 20.0).item() == pytest.approx(wanted.item(), rel=1e-6)
    assert losses.info_nce(a, b, 20.0, torch.eye(5) > 0).item() == pytest.approx(wanted.item(), rel=1e-6)


def test_a_text_that_stands_twice_is_right_both_times() -> None:
    """Two clips, three texts, two of them the first clip's: perfect vectors lose ln 2 there and nothing elsewhere."""
    a, b = torch.eye(2), torch.tensor([[1.0, 0], [1, 0], [0, 1]])
    same = torch.tensor([[True, True, False], [False, False, True]])
    found = losses.info_nce(a, b, 100.0, same).item()
    assert found == pytest.approx((math.log(2) / 2 + 0) / 2, abs=1e-6)
    assert losses.info_nce(b, a, 100.0, same.T).item() == pytest.approx(found)
    assert losses.info_nce(a, b, 100.0).item() > 3 * found


def test_what_belongs_to_nothing_is_only_told_from() -> None:
    random = torch.Generator().manual_seed(0)
    a, b = torch.randn(3, 4, generator=random), torch.randn(2, 4, generator=random)
    scores = F.normalize(a) @ F.normalize(b).T * 10
    same = torch.tensor([[True, False], [False, True], [False, False]])
    wanted = (F.cross_entropy(scores[:2], torch.arange(2)) + F.cross_entropy(scores.T, torch.arange(2))) / 2
    assert losses.info_nce(a, b, 10.0, same).item() == pytest.approx(wanted.item(), rel=1e-6)
    assert losses.info_nce(a, b, 10.0, torch.zeros_like(same)) == 0
