"""The losses that recipes train with, each beside its formula and where it is from.

`--loss NAME` is a line at the start of a recipe and a line a step:

    criterion = losses.criterion(settings.loss, discrepancy=discrepancy)
    loss = criterion(logits, labels, sources, noise)  # loss.value.backward(); log(loss.log)

All of the losses over a vocabulary weigh the same term, −log p(label), and differ in the weight, which never carries a
gradient. A label stands beside the logits that predict it: shift the labels, since a slice of the logits is copied.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from flyreel.errors import InputError, did_you_mean
from flyreel.train._softmax import Rows, rows

IGNORED = -100
GAMMA, FLOOR = 0.1, 0.3
"""What TaiLr's authors used for translation; (1e-7, 0.2) for short texts and stories, (0.8, 0.2) for summaries."""

LOWEST = 1e-7
EDGES = (1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)
"""Of the histogram of γ: up to the first, up to each next, and above the last, where only noise above a half is."""

Mode = Literal["constant", "bias_variance", "sample_noise"]


class Loss(NamedTuple):
    value: Tensor
    log: dict[str, Any]
    """`gamma`: tokens in each bin of EDGES; `weight`: its mean; `distance`: T̂ of each source in the batch."""


Criterion = Callable[..., Loss]
"""(logits, labels, sources=None, noise=None) -> Loss"""


def cross_entropy(logits: Tensor, labels: Tensor, *, ignore: int = IGNORED, smoothing: float = 0.0) -> Tensor:
    """Maximum likelihood: the mean of (1−ε)·(−log p(label)) + (ε/V)·Σ_v −log p_v over labels that are not ignored.

    As F.cross_entropy, but 0 where all are ignored, in float32 for half-precision logits, and without its copies.
    """
    found, kept = _rows(logits, labels, ignore, smoothing)
    return _mean(found, None, kept, smoothing, logits)


def tailr(
    logits: Tensor, labels: Tensor, gamma: float, floor: float, *, ignore: int = IGNORED, smoothing: float = 0.0
) -> Tensor:
    """TaiLr (Ji et al., Tailoring Language Generation Models under Total Variation Distance, ICLR 2023).

    L = −Σ_t sg[clamp(p / (γ + (1−γ)p), m, 1)]·log p, p = p_θ(label), m the floor, as the mean over labels; with label
    smoothing (1−ε)L + (ε/V)·Σ_v −log p_v, of which the second term is not weighted. γ → 0 is maximum likelihood, γ = 1
    has the gradient of −p. The floor is what an untrained model learns by: its p is so small that all weights are.
    """
    return adatailr(logits, labels, "constant", gamma=gamma, floor=floor, ignore=ignore, smoothing=smoothing).value


@dataclass
class Discrepancy:
    """T̂, how far the model is from what each source writes (total variation distance), as training goes on.

    The distance itself cannot be seen, but means over labels w bracket it: |E p_θ(w) − E Σ_v p_θ(v)²| ≤ T ≤
    1 − E p_θ(w). Neither end will do: for a perfect model the upper is the entropy of the labels, and the lower is
    small for any model that is spread out, however wrong. The middle is taken; it is at most half the bracket off.
    What is kept are decayed sums over tokens, so that a batch with few tokens of a source says little about it, and the
    first batch is not pulled towards a starting value.
    """

    decay: float = 0.99
    """Of what is known of a source, each time a batch has some of it."""
    sums: dict[str, list[float]] = field(default_factory=dict)
    """By source: tokens, Σ p_θ(w), Σ Σ_v p_θ(v)²."""

    def add(self, source: str, tokens: float, agreement: float, squares: float) -> None:
        old = self.sums.get(source, [0.0, 0.0, 0.0])
        self.sums[source] = [self.decay * a + b for a, b in zip(old, (tokens, agreement, squares), strict=True)]

    def bracket(self, source: str) -> tuple[float, float]:
        """(0, 1), which says nothing, for a source not seen so far."""
        tokens, agreement, squares = self.sums.get(source, [0.0, 0.0, 0.0])
        if tokens == 0:
            return 0.0, 1.0
        return abs(agreement - squares) / tokens, 1 - agreement / tokens

    def distance(self, source: str) -> float:
        return sum(self.bracket(source)) / 2

    def state_dict(self) -> dict[str, Any]:
        return {"decay": self.decay, "sums": {source: list(sums) for source, sums in self.sums.items()}}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.decay = state["decay"]
        self.sums = {source: list(sums) for source, sums in state["sums"].items()}


def adatailr(
    logits: Tensor,
    labels: Tensor,
    mode: Mode = "constant",
    *,
    sources: Sequence[str] | None = None,
    noise: Tensor | None = None,
    discrepancy: Discrepancy | None = None,
    gamma: float = GAMMA,
    floor: float = FLOOR,
    ignore: int = IGNORED,
    smoothing: float = 0.0,
) -> Loss:
    """TaiLr whose γ adapts. Reconstructions: AdaTaiLr's paper (Video DataFlywheel, arXiv 2409.19532) was not available,
    and none of these is claimed to be its rule.

    With the proxy p̂ = γ·onehot + (1−γ)·p_θ for the distribution p_o of the labels, E|TVD(p̂, p_θ) − T| ≤ (1−γ)T + γH₂,
    where T = TVD(p_θ, p_o) and H₂ = 1 − Σ p_o²: γ trades the model's error for the labels' entropy.

    - `constant`: γ as given; TaiLr.
    - `bias_variance`: γ* = T²/(T² + H₂²) minimises (1−γ)²T² + γ²H₂². H₂ is taken from the model, for each token, and T̂
      from `discrepancy`, for each of `sources` (one name a sample; without names all are one). A pass without gradients
      reads `discrepancy` and leaves it as it is. γ stays in 1e-7 … 1.
    - `sample_noise`: γ = η/(1−η) for a sample that is mislabelled with probability η (`noise`, one a sample or one a
      label). The weight p/(p + γ(1−p)) is then the probability that the label is right, given the model.
    """
    if not (0 <= gamma <= 1 and 0 <= floor <= 1):
        raise InputError(f"gamma {gamma:g}, floor {floor:g}: each must be in 0 … 1")
    adaptive = mode == "bias_variance"
    found, kept = _rows(logits, labels, ignore, smoothing, squares=adaptive)
    log: dict[str, Any] = {}
    if adaptive:
        if discrepancy is None:
            raise ValueError("bias_variance needs a Discrepancy, which the caller keeps and saves with the weights")
        names = ["all"] * len(labels) if sources is None else list(sources)
        if found.surprise.requires_grad:
            _observe(discrepancy, names, found, kept, labels)
        log["distance"] = {name: discrepancy.distance(name) for name in dict.fromkeys(names)}
        gammas = _balanced(_per_label(found.surprise.new_tensor([log["distance"][n] for n in names]), labels), found)
    elif mode == "sample_noise":
        gammas = _odds(noise, labels).to(found.surprise)
    else:
        assert mode == "constant", mode
        gammas = found.surprise.new_full((labels.numel(),), gamma)
    weight = _weight(found.surprise.detach(), gammas).clamp(floor, 1)
    bins = torch.bucketize(gammas[kept].float(), torch.tensor(EDGES, device=gammas.device))
    log["gamma"] = torch.bincount(bins, minlength=len(EDGES) + 1).tolist()
    log["weight"] = float(weight[kept].mean()) if sum(log["gamma"]) else 0.0
    return Loss(_mean(found, weight, kept, smoothing, logits), log)


def _weight(surprise: Tensor, gamma: Tensor) -> Tensor:
    """p/(γ + (1−γ)p) = sigmoid(logit p − ln γ): in log space, where a p too small for a float still has a logarithm."""
    log_p = -surprise
    logit = log_p - torch.log(-torch.expm1(log_p))
    return torch.sigmoid(logit - gamma.log().clamp(-1e6, 1e6))  # finite, so that p = 1 against γ = ∞ is not a NaN


def _balanced(distance: Tensor, found: Rows) -> Tensor:
    assert found.squares is not None
    entropy = (1 - found.squares).clamp(min=0)
    bias, variance = distance.square(), entropy.square()
    return (bias / (bias + variance).clamp(min=1e-30)).clamp(LOWEST, 1)


def _odds(noise: Tensor | None, labels: Tensor) -> Tensor:
    if noise is None:
        raise InputError("sample noise: no estimate came with the batch; give each sample one, or choose another loss")
    if not bool(((noise >= 0) & (noise <= 1)).all()):
        raise InputError("sample noise: an estimate is not a probability; each must be in 0 … 1")
    return _per_label(noise / (1 - noise), labels)


def _observe(discrepancy: Discrepancy, names: list[str], found: Rows, kept: Tensor, labels: Tensor) -> None:
    assert found.squares is not None
    order = list(dict.fromkeys(names))
    which = _per_label(torch.tensor([order.index(n) for n in names], device=labels.device), labels)
    seen = torch.stack([kept.to(found.squares), torch.exp(-found.surprise.detach()), found.squares], 1)
    sums = seen.new_zeros(len(order), 3).index_add(0, which[kept], seen[kept])
    for name, (tokens, agreement, squares) in zip(order, sums.tolist(), strict=True):
        if tokens:
            discrepancy.add(name, tokens, agreement, squares)


def _per_label(values: Tensor, labels: Tensor) -> Tensor:
    """One value a sample, or one a label already, as one a label in a row."""
    if values.shape != labels.shape:
        assert values.shape == labels.shape[:1], f"{tuple(values.shape)} for labels {tuple(labels.shape)}"
        values = values.view(-1, *[1] * (labels.dim() - 1)).expand(labels.shape)
    return values.to(labels.device).flatten()


def _rows(logits: Tensor, labels: Tensor, ignore: int, smoothing: float, squares: bool = False) -> tuple[Rows, Tensor]:
    assert logits.shape[:-1] == labels.shape, f"logits {tuple(logits.shape)}, labels {tuple(labels.shape)}"
    flat = labels.flatten()
    kept = flat != ignore
    return rows(logits.flatten(0, -2), flat, kept, spread=smoothing > 0, squares=squares), kept


def _mean(found: Rows, weight: Tensor | None, kept: Tensor, smoothing: float, logits: Tensor) -> Tensor:
    """Ignored rows are 0 in all that `rows` tells."""
    each = found.surprise if weight is None else weight * found.surprise
    if found.spread is not None:
        each = (1 - smoothing) * each + smoothing * found.spread
    return (each.sum() / kept.sum().clamp(min=1)).to(torch.promote_types(logits.dtype, torch.float32))


def masked_video(student: Tensor, teacher: Tensor, kept: Tensor, form: Literal["mse", "cosine"] = "mse") -> Tensor:
    """Masked video modelling (ST-LLM, Liu et al., ECCV 2024): tokens that are left when others are dropped should come
    out as they do when none is.

    `mse` is the paper's 1/((1−ρ)KT)·Σ(v − v̂)² over the kept of K tokens of T frames: the squared distance, summed over
    features. `cosine` is the published code's mean of 2 − 2cos. `teacher` (n, KT, width) holds every token and gets no
    gradient, `kept` (n, KT) is True where a token stayed, and `student` holds the tokens that stayed, in their order.
    """
    reference = _full(teacher.detach()[kept])
    found = _full(student.reshape(-1, student.shape[-1]))
    assert found.shape == reference.shape, f"student {tuple(student.shape)}, kept {tuple(reference.shape)}"
    if form == "mse":
        each = (found - reference).square().sum(1)
    else:
        assert form == "cosine", form
        each = 2 - 2 * F.cosine_similarity(found, reference, dim=1)
    return each.sum() / max(1, len(each))


def info_nce(a: Tensor, b: Tensor, scale: Tensor | float, same: Tensor | None = None) -> Tensor:
    """InfoNCE (van den Oord et al., 2018) in both directions: the mean of −Σ_j t_ij log softmax_j(scale·cos(a_i, b_j)),
    and the same of b among a.

    `same` (len(a), len(b)) is true where a pair belongs together; the targets t share 1 among all that are right, so
    that a text that stands in the batch twice is right both times. Without it the i-th belongs to the i-th. What
    belongs to nothing is only there to be told from.
    """
    scores = F.normalize(_full(a), dim=1) @ F.normalize(_full(b), dim=1).T * scale
    pairs = (torch.eye(len(a), len(b)) if same is None else same.bool()).to(scores)
    return (_told(scores, pairs) + _told(scores.T, pairs.T)) / 2


def _told(scores: Tensor, same: Tensor) -> Tensor:
    right = same.sum(1, keepdim=True)
    each = -(same / right.clamp(min=1) * scores.log_softmax(1)).sum(1)
    return each.sum() / (right > 0).sum().clamp(min=1)


def _full(x: Tensor) -> Tensor:
    return x.to(torch.promote_types(x.dtype, torch.float32))


def _criterion(
    mode: Mode | None,
    *,
    gamma: float = GAMMA,
    floor: float = FLOOR,
    smoothing: float = 0.0,
    discrepancy: Discrepancy | None = None,
) -> Criterion:
    def loss(logits: Tensor, labels: Tensor, sources: Sequence[str] | None = None, noise: Tensor | None = None) -> Loss:
        if mode is None:
            return Loss(cross_entropy(logits, labels, smoothing=smoothing), {})
        given: dict[str, Any] = {"gamma": gamma, "floor": floor, "smoothing": smoothing}
        return adatailr(logits, labels, mode, sources=sources, noise=noise, discrepancy=discrepancy, **given)

    return loss


LOSSES: dict[str, Callable[..., Criterion]] = {
    "mle": partial(_criterion, None),
    "tailr": partial(_criterion, "constant"),
    "adatailr-constant": partial(_criterion, "constant"),
    "adatailr-bias-variance": partial(_criterion, "bias_variance"),
    "adatailr-sample-noise": partial(_criterion, "sample_noise"),
}
"""What `--loss` may name; each takes gamma, floor, smoothing and discrepancy, and leaves aside what it does not use."""


def criterion(name: str, **knobs: Any) -> Criterion:
    if name not in LOSSES:
        raise InputError(f"--loss {name}: no such loss.{did_you_mean(name, LOSSES)}")
    return LOSSES[name](**knobs)
