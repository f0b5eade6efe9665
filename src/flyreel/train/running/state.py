"""What the next step depends on, as tensors by name and as JSON: safetensors holds the one and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from flyreel.errors import InputError
from flyreel.train.running.processes import Processes
from flyreel.train.running.stopping import Best
from flyreel.train.runs import Kept, Run


class Stateful(Protocol):
    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state: dict[str, Any]) -> None: ...


Sums = dict[str, list[float]]
"""By name: a total, and how many it is of, since the last line of the log."""


@dataclass(frozen=True, eq=False)
class Whole:
    """All that is kept; there is nothing else that a step would change."""

    model: nn.Module
    optimiser: torch.optim.Optimizer
    processes: Processes
    sums: Sums
    best: Best | None
    also: Mapping[str, Stateful]

    def keep(self, run: Run, step: int, seconds: float, learnt: int) -> None:
        own = {"sums": self.sums, "also": {name: one.state_dict() for name, one in self.also.items()}}
        tensors = {f"model.{name}": t for name, t in weights(self.model).items()}
        parts = {
            "optimiser": self.optimiser.state_dict()["state"],
            "best": vars(self.best) if self.best else None,
            "each": self.processes.gathered(own),
            "seconds": seconds,
            "learnt": learnt,
        }
        run.keep(step, tensors, {name: packed(part, name, tensors) for name, part in parts.items()})

    def restore(self, kept: Kept) -> tuple[float, int]:
        """Returns the seconds that it took so far, and in how many steps something was learnt."""
        notes = {name: unpacked(value, kept.tensors) for name, value in kept.notes.items()}
        if len(notes["each"]) != self.processes.count:
            raise InputError(
                f"{self.processes.count} processes cannot go on where {len(notes['each'])} were cut off: "
                "their batches differ; start as many, or name another folder"
            )
        put(self.model, {name[6:]: t for name, t in kept.tensors.items() if name.startswith("model.")})
        self.optimiser.load_state_dict({**self.optimiser.state_dict(), "state": notes["optimiser"]})
        own = notes["each"][self.processes.rank]
        self.sums.update(own["sums"])
        for name, state in own["also"].items():
            self.also[name].load_state_dict(state)
        if self.best:
            vars(self.best).update(notes["best"])
        return float(notes["seconds"]), int(notes["learnt"])


def weights(model: nn.Module) -> dict[str, Tensor]:
    """What is trained, and the buffers that its state has; a frozen model is opened again from where it came."""
    return {name: p for name, p in model.named_parameters() if p.requires_grad} | buffers(model)


def buffers(model: nn.Module) -> dict[str, Tensor]:
    whole = model.state_dict(keep_vars=True)
    return {name: b for name, b in model.named_buffers() if name in whole}


def copied(model: nn.Module) -> dict[str, Tensor]:
    return {name: t.detach().to("cpu", copy=True) for name, t in weights(model).items()}


@torch.no_grad()
def put(model: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    theirs = weights(model)
    if apart := sorted(theirs.keys() ^ tensors.keys()):
        raise ValueError(f"the model and what was kept of it do not both have {', '.join(apart[:5])}")
    for name, tensor in tensors.items():
        theirs[name].copy_(tensor)


def packed(value: Any, name: str, tensors: dict[str, Tensor]) -> Any:
    """JSON, in which a tensor is the name that it has in `tensors`; keys keep their type."""
    if isinstance(value, Tensor):
        tensors[name] = value
        return {"tensor": name}
    if isinstance(value, Mapping):
        return {"items": [[key, packed(v, f"{name}.{key}", tensors)] for key, v in value.items()]}
    if isinstance(value, list | tuple):
        return [packed(v, f"{name}.{i}", tensors) for i, v in enumerate(value)]
    return value


def unpacked(value: Any, tensors: Mapping[str, Tensor]) -> Any:
    if isinstance(value, list):
        return [unpacked(v, tensors) for v in value]
    if not isinstance(value, dict):
        return value
    if "tensor" in value:
        return tensors[value["tensor"]]
    return {key: unpacked(v, tensors) for key, v in value["items"]}
