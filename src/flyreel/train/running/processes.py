"""Several processes that learn as one, each from batches of its own.

Gradients are averaged once a step, after accumulation, and not while they are computed: so a process whose batch is
empty keeps nobody waiting, a parameter that a batch does not use is no error, and a recipe may call parts of its model.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from flyreel.errors import InputError, MissingExtra
from flyreel.train.running import launched

WHOLE = 1 << 24
"""Numbers that are sent together."""


class Processes:
    def __init__(self, cpu: bool = False) -> None:
        try:
            from accelerate import Accelerator
            from accelerate.state import AcceleratorState
        except ImportError:
            raise MissingExtra("training", "models") from None
        for name in ("DEEPSPEED", "FSDP", "MEGATRON_LM"):
            if os.environ.get(f"ACCELERATE_USE_{name}", "").lower() == "true":
                raise InputError(f"{name}: every process holds the whole model here; launch without it")
        if launched.count() == 1:  # what another run in this process computed on, or in, is nothing to this one
            AcceleratorState._reset_state(reset_partial_state=True)
        slow = "LOCAL_RANK" in os.environ and not torch.cuda.is_available()
        # What is computed in bfloat16 the loop says; a launcher's configuration would wrap the model.
        self._accelerator = Accelerator(cpu=cpu or slow, mixed_precision="no")
        self.device: torch.device = self._accelerator.device
        self.count: int = self._accelerator.num_processes
        self.rank: int = self._accelerator.process_index

    def placed(self, model: nn.Module) -> nn.Module:
        """On this process's device, unless it was loaded where it belongs."""
        return self._accelerator.prepare_model(model, evaluation_mode=True)

    def on_device(self, batch: Any) -> Any:
        from accelerate.utils import send_to_device

        return batch if self.device.type == "cpu" else send_to_device(batch, self.device)

    def summed(self, numbers: Sequence[float]) -> list[float]:
        if self.count == 1:
            return list(numbers)
        return list(self._accelerator.reduce(torch.tensor(numbers, device=self.device), "sum").tolist())

    def gathered(self, value: Any) -> list[Any]:
        """Of each process, in their order."""
        from accelerate.utils import gather_object

        return [value] if self.count == 1 else list(gather_object([value]))

    def average(self, parameters: Sequence[nn.Parameter]) -> None:
        """Of their gradients. Who has none for a parameter has zeros, unless nobody has any."""
        if self.count == 1:
            return
        there = self.summed([float(p.grad is not None) for p in parameters])
        used = [p for p, some in zip(parameters, there, strict=True) if some]
        for p in used:
            if p.grad is None:
                p.grad = torch.zeros_like(p)
        for group in _together(used):
            grads = [p.grad for p in group if p.grad is not None]
            flat = self._accelerator.reduce(torch.cat([g.flatten() for g in grads]), "mean")
            for grad, part in zip(grads, flat.split([g.numel() for g in grads]), strict=True):
                grad.copy_(part.view_as(grad))

    @torch.no_grad()
    def as_the_first(self, tensors: Mapping[str, Tensor]) -> None:
        """What each process has of them becomes what the first one has."""
        from accelerate.utils import broadcast

        for tensor in tensors.values() if self.count > 1 else ():
            tensor.copy_(broadcast(tensor.detach().clone()))


def _together(parameters: Sequence[nn.Parameter]) -> list[list[nn.Parameter]]:
    groups: list[list[nn.Parameter]] = []
    size = 0
    for p in parameters:
        if not groups or p.dtype != groups[-1][0].dtype or size + p.numel() > WHOLE:
            groups.append([])
            size = 0
        groups[-1].append(p)
        size += p.numel()
    return groups
