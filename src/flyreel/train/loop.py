"""The one loop that recipes train in: accumulate, clip, step, log, look at held-out questions, keep, go on, stop.

A batch is a function of its number, and torch's stream of random numbers is set anew from seed and number before each
one. So there is no state but weights and optimiser, and a run that was killed goes on to the same weights.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch
from torch import Tensor, nn

from flyreel.errors import InputError, Stopped
from flyreel.train.running import state
from flyreel.train.running.ahead import ahead
from flyreel.train.running.interrupt import asked_to_stop
from flyreel.train.running.processes import Processes
from flyreel.train.running.stopping import Best
from flyreel.train.runs import Run

Look = Callable[[nn.Module], Mapping[str, float]]
LossOf = Callable[[nn.Module, Any], tuple[Tensor, Mapping[str, float]]]


@dataclass(frozen=True)
class Plan:
    steps: int
    rate: float
    seed: int = 1
    warm: float = 0.03
    """Share of the steps in which the learning rate rises; then it falls along a cosine."""
    accumulate: int = 1
    clip: float = 1.0
    """The norm that gradients are cut to; 0 is never."""
    keep_every: int = 100
    log_every: int = 10
    look_every: int = 0
    """Steps from one look at held-out questions to the next; the last step has one, too. 0 is never."""
    watch: str = "accuracy"
    """Which of what `look` tells decides which weights are the best."""
    patience: int = 0
    """Looks without a better one before it stops; 0 is never."""
    bf16: bool = False
    cpu: bool = False
    """For recipes whose parts compute on the CPU whatever there is."""
    ahead: int = 2
    """Batches that are made in threads while others are learnt from."""


class NothingLearnt(InputError):
    """No batch had anything left in it; a recipe that knows why may say so."""


@dataclass(frozen=True)
class Fitted:
    step: int
    """After which the weights were that are left in the model."""
    best: dict[str, float]
    """What `look` told of the weights that are left in the model; empty where nobody looked."""
    stopped_early: bool
    looks: int = 0
    """Of which `best` is the best."""


def fit(
    run: Run,
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
    plan: Plan,
    batch_of: Callable[[int], Any],
    loss_of: LossOf,
    look: Look | None = None,
    also: Mapping[str, state.Stateful] | None = None,
) -> Fitted:
    """`batch_of(number)` from 0; None where nothing is left of a batch, which is passed over. `loss_of` is given the
    model where this process computes. Of it only what is trained, and buffers, are kept in checkpoints. Where `look` is
    given, the best weights are put back at the end. `also` is whatever else has a state, such as a Discrepancy.

    `batch_of` is called in threads, so what it draws must come from the number and not from torch's own stream. Rates
    are set here; a group of parameters with a `share` has that share of them."""
    processes = Processes(plan.cpu)
    model = processes.placed(model).train()
    trained = [p for p in model.parameters() if p.requires_grad]
    processes.as_the_first(state.weights(model))
    best = Best(plan.watch, plan.patience) if look is not None and plan.look_every else None
    sums: state.Sums = {}
    whole = state.Whole(model, optimiser, processes, sums, best, also or {})
    kept = run.kept()
    begun = kept.step if kept else 0
    before, learnt_steps = whole.restore(kept) if kept else (0.0, 0)
    step, start = begun, time.monotonic()
    numbers = range(step * plan.accumulate, plan.steps * plan.accumulate)
    mine = [number * processes.count + processes.rank for number in numbers]
    with asked_to_stop() as asked, ahead(batch_of, mine, plan.ahead) as batches:
        due = zip(mine, batches, strict=True)
        while step < plan.steps and not (best and best.enough):
            optimiser.zero_grad()
            learnt = 0
            for number, batch in islice(due, plan.accumulate):
                if batch is None:
                    continue
                torch.manual_seed(_seed(plan.seed, number))
                with torch.autocast(processes.device.type, torch.bfloat16, enabled=plan.bf16):
                    loss, parts = loss_of(model, processes.on_device(batch))
                (loss / plan.accumulate).backward()
                learnt += 1
                _add(sums, {"loss": float(loss.detach()), **parts})
            rate = rate_at(step, plan)
            step += 1
            learnt_by_all, stop = processes.summed([learnt, asked()])
            if learnt_by_all:
                processes.average(trained)
                _scale(trained, plan.accumulate * processes.count / learnt_by_all)
                _clip(trained, plan.clip, step)
                for group in optimiser.param_groups:
                    group["lr"] = rate * group.get("share", 1.0)
                optimiser.step()
                learnt_steps += 1
                if processes.count > 1:
                    processes.as_the_first(state.buffers(model))
            passed = time.monotonic() - start
            if _is(step, plan.log_every, plan.steps):
                row = {"step": step, **_means(processes.gathered(sums)), "rate": rate}
                left = passed / (step - begun) * (plan.steps - step)
                run.log({**row, "seconds": round(before + passed, 1)}, f"{left:.0f} s left")
                sums.clear()
            if best and look and _is(step, plan.look_every, plan.steps):
                told = processes.gathered(_looked(model, look, plan.seed))[0]
                run.log({"step": step, **{f"held_{name}": value for name, value in told.items()}})
                best.saw(step, told, lambda: state.copied(model))
            ended = step == plan.steps or bool(best and best.enough)
            if stop or (learnt_steps and (ended or _is(step, plan.keep_every, plan.steps))):
                whole.keep(run, step, before + time.monotonic() - start, learnt_steps)
            if stop:
                raise Stopped(f"stopped after step {step:,} of {plan.steps:,}, which is kept; the same command goes on")
    if step and not learnt_steps:
        raise NothingLearnt(f"nothing was learnt: of no batch in {step:,} steps was anything left that can be used")
    looks = best.looked if best else 0
    if best is None or not best.told:
        return Fitted(step, {}, stopped_early=step < plan.steps, looks=looks)
    if step < plan.steps:
        run.say(f"ends after step {step:,}: {plan.patience} looks without a better {plan.watch}")
    state.put(model, best.weights)
    return Fitted(best.step, best.told, stopped_early=step < plan.steps, looks=looks)


def rate_at(step: int, plan: Plan) -> float:
    """Of the step with that number, from 0."""
    warm = math.ceil(plan.warm * plan.steps)
    if step < warm:
        return plan.rate * (step + 1) / warm
    return plan.rate * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, plan.steps - warm)))


def _add(sums: state.Sums, parts: Mapping[str, float]) -> None:
    for name, value in parts.items():
        total, count = sums.get(name, (0.0, 0))
        sums[name] = [total + float(value), count + 1]


def _means(of_all: list[state.Sums]) -> dict[str, float]:
    totals: state.Sums = {}
    for sums in of_all:
        for name, (total, count) in sums.items():
            before, counted = totals.get(name, (0.0, 0))
            totals[name] = [before + total, counted + count]
    return {name: total / count for name, (total, count) in totals.items()}


def _is(step: int, every: int, last: int) -> bool:
    return every > 0 and (step % every == 0 or step == last)


def _seed(seed: int, what: object) -> int:
    return int.from_bytes(hashlib.blake2b(f"{seed}:{what}".encode(), digest_size=8).digest()) >> 1


@torch.no_grad()
def _scale(parameters: list[nn.Parameter], by: float) -> None:
    """The mean is over batches that something was left of."""
    for p in parameters if by != 1 else ():
        if p.grad is not None:
            p.grad *= by


def _clip(parameters: list[nn.Parameter], most: float, step: int) -> None:
    norm = float(nn.utils.clip_grad_norm_(parameters, most or math.inf))
    if not math.isfinite(norm):
        raise InputError(
            f"step {step:,}: the gradients are not finite, so nothing can be learnt from them; "
            "try a lower rate (--set rate=…) in another folder"
        )


@torch.no_grad()
def _looked(model: nn.Module, look: Look, seed: int) -> dict[str, float]:
    """Every part of the model is left in the mode it was in: some recipe may keep one from training."""
    modes = {module: module.training for module in model.modules()}
    torch.manual_seed(_seed(seed, "look"))
    try:
        return {name: float(value) for name, value in look(model.eval()).items()}
    finally:
        for module, training in modes.items():
            module.training = training
