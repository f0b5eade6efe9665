"""What the losses need of a softmax over a vocabulary, row by row, without ever keeping the softmax.

F.cross_entropy writes the log-probabilities of every row to memory and reads them back for the gradient; at a batch of
tokens by a vocabulary that, not arithmetic, is what it waits for. Here the forward pass leaves a few numbers a row, and
the backward pass takes the exponentials again and writes the gradient once. Both go through the rows in blocks, so that
the gradient is all that is ever allocated at the size of the logits.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor

BLOCK, BLOCK_ON_DEVICE = 2**24, 2**22
"""Elements. 2**19 stay in a core's cache and take a tenth less time on an idle machine; but every operation on a block
waits for its last thread, and beside one other busy process (a data loader, say) they took 16 times as long."""


class Rows(NamedTuple):
    surprise: Tensor
    """−log p(label); 0 where the label is ignored."""
    spread: Tensor | None
    """The mean of −log p over the vocabulary, for label smoothing."""
    squares: Tensor | None
    """Σ p² over the vocabulary. No gradient goes through it."""


def rows(logits: Tensor, labels: Tensor, kept: Tensor, *, spread: bool = False, squares: bool = False) -> Rows:
    """Of (n, vocabulary), (n,) and (n,). The vocabulary is summed in float32 at least, the rows are told in float64."""
    surprise, spreads, found = _Softmax.apply(logits, labels.where(kept, 0)[:, None], kept, spread, squares)
    return Rows(surprise, spreads if spread else None, found if squares else None)


class _Softmax(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, logits: Tensor, labels: Tensor, kept: Tensor, spread: bool, squares: bool) -> Any:
        scratch = _scratch(logits)
        top = scratch.new_zeros(len(logits), 1)
        total, mean, square = torch.ones_like(top), torch.zeros_like(top), torch.zeros_like(top)
        for block, wanted, _ in _blocks(kept, len(scratch)):
            if wanted:
                here = _widened(logits[block], scratch)
                top[block] = here.amax(1, keepdim=True)
                powers = torch.sub(here, top[block], out=scratch[: len(here)])
                if spread:
                    mean[block] = powers.mean(1, keepdim=True)
                total[block] = powers.exp_().sum(1, keepdim=True)
                if squares:
                    square[block] = powers.square_().sum(1, keepdim=True)
        ctx.save_for_backward(logits, labels, kept, top, total)
        ctx.spread = spread
        log_total = _exact(total).log()
        found = (
            _exact(top) - _exact(logits.gather(1, labels)) + log_total,
            log_total - _exact(mean),
            _exact(square) / _exact(total).square(),
        )
        surprise, spreads, shares = (x[:, 0].masked_fill(~kept, 0.0) for x in found)
        ctx.mark_non_differentiable(shares)
        return surprise, spreads, shares

    @staticmethod
    def backward(ctx: Any, surprise: Tensor, spread: Tensor, _: Tensor) -> Any:
        """With p = softmax: ∂(−log p(label)) = p − onehot, ∂ spread = p − 1/vocabulary."""
        if torch.is_grad_enabled():
            raise RuntimeError("flyreel's losses have no second derivative; leave out create_graph=True")
        logits, labels, kept, top, total = ctx.saved_tensors
        grad, scratch = torch.empty_like(logits), _scratch(logits)
        surprise, spread = surprise[:, None], spread[:, None]
        share, everywhere = (surprise + spread) / _exact(total), spread / logits.shape[1]
        share, everywhere, surprise = (x.to(scratch.dtype) for x in (share, everywhere, surprise))
        for block, wanted, whole in _blocks(kept, len(scratch)):
            here = grad[block]
            if not wanted:
                here.zero_()
                continue
            out = here if here.dtype == scratch.dtype else scratch[: len(here)]
            torch.sub(_widened(logits[block], scratch), top[block], out=out).exp_().mul_(share[block])
            if ctx.spread:
                out.sub_(everywhere[block])
            out.scatter_add_(1, labels[block], -surprise[block])
            if not whole:
                out.masked_fill_(~kept[block, None], 0.0)
            if out is not here:
                here.copy_(out)
        return grad, None, None, None, None


def _scratch(logits: Tensor) -> Tensor:
    """Room for one block."""
    room = BLOCK if logits.device.type == "cpu" else BLOCK_ON_DEVICE
    shape = min(max(1, len(logits)), max(1, room // max(1, logits.shape[1]))), logits.shape[1]
    return torch.empty(shape, dtype=torch.promote_types(logits.dtype, torch.float32), device=logits.device)


def _widened(block: Tensor, scratch: Tensor) -> Tensor:
    """Half precision is brought to full once: an operation on both at a time takes several times as long."""
    return block if block.dtype == scratch.dtype else scratch[: len(block)].copy_(block)


def _exact(row: Tensor) -> Tensor:
    """A few numbers a row cost nothing in float64, and a difference of two large ones is then right."""
    return row.float() if row.device.type == "mps" else row.double()


def _blocks(kept: Tensor, size: int) -> Iterator[tuple[slice, bool, bool]]:
    """Slices of the rows, each with whether any label in it counts, and whether all do. A prompt costs nothing."""
    flags = kept.tolist()
    for start in range(0, len(flags), size):
        part = flags[start : start + size]
        yield slice(start, start + len(part)), any(part), all(part)
