"""A run small enough to be killed many times, as tests start it: in their own process, or in one that may be killed.

`python learner.py` reads jobs, a line of JSON each, and forks a process for each rank, so that torch is imported once.

It has all that a checkpoint must hold: weights that are trained and others that are not, a buffer, dropout, an
optimiser with momentum, a loss with a state of its own, and held-out questions of which the third look is the best.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from flyreel.train import losses
from flyreel.train.loop import Fitted, Plan, fit
from flyreel.train.runs import open_run

PLAN = {"steps": 12, "rate": 1e-2, "accumulate": 2, "keep_every": 2, "log_every": 3, "look_every": 2, "warm": 0.2}
ACCURACY = (0.2, 0.4, 0.6, 0.5, 0.5, 0.55, 0.55, 0.55)


class Net(nn.Module):
    def __init__(self, norm: nn.Module) -> None:
        super().__init__()
        self.frozen = nn.Linear(4, 8).requires_grad_(False)
        self.norm = norm
        self.drop = nn.Dropout(0.3)
        self.head = nn.Linear(8, 5)
        self.unused = nn.Linear(2, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.drop(self.norm(self.frozen(x).relu())))


def batch(number: int, size: int = 6) -> tuple[torch.Tensor, torch.Tensor]:
    chance = torch.Generator().manual_seed(number)
    return torch.randn(size, 4, generator=chance), torch.randint(0, 5, (size,), generator=chance)


def learn(
    folder: Path,
    changes: dict[str, Any],
    kill_at: int | None = None,
    loss: str = "adatailr-bias-variance",
    norm: str = "batch",
    empty: tuple[int, ...] = (),
    held: bool = True,
    say: Any = lambda line: None,
) -> tuple[Net, Fitted]:
    plan = Plan(**{**PLAN, **changes})
    torch.set_num_threads(1)  # sums that are parted among threads end in other bits
    run = open_run(folder, "learner", {"seed": plan.seed, "rate": plan.rate}, {"data": {"digest": "abc"}}, say)
    torch.manual_seed(0)
    net = Net(nn.BatchNorm1d(8) if norm == "batch" else nn.LayerNorm(8))
    optimiser = torch.optim.AdamW([p for p in net.parameters() if p.requires_grad])
    discrepancy = losses.Discrepancy()
    criterion = losses.criterion(loss, discrepancy=discrepancy)
    looks: list[int] = []

    def batch_of(number: int) -> Any:
        if number == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        return None if number in empty else batch(number)

    def loss_of(model: nn.Module, shown: Any) -> Any:
        found = criterion(model(shown[0]), shown[1], ["odd" if label % 2 else "even" for label in shown[1].tolist()])
        return found.value, {"half": float(found.value.detach()) / 2}

    def look(model: nn.Module) -> dict[str, float]:
        """The number of the look is read from the log, which a run that goes on has, too."""
        rows = (folder / "log.jsonl").read_text().splitlines() if (folder / "log.jsonl").exists() else []
        looks.append(sum("held_accuracy" in row for row in rows))
        with torch.no_grad():
            return {"accuracy": ACCURACY[looks[-1]], "loss": float(F.cross_entropy(model(batch(99)[0]), batch(99)[1]))}

    also = {"discrepancy": discrepancy}
    return net, fit(run, net, optimiser, plan, batch_of, loss_of, look if held else None, also)


def work(job: dict[str, Any], rank: int) -> None:
    """In a process of its own. What is left is written beside the run's folder."""
    if job["ranks"] > 1:
        port, world = job["port"], str(job["ranks"])
        os.environ |= {"WORLD_SIZE": world, "LOCAL_WORLD_SIZE": world, "RANK": str(rank), "LOCAL_RANK": str(rank)}
        os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    given = {**job["given"], "kill_at": job["kill_at"][rank]}
    net, fitted = learn(Path(job["folder"]), job["changes"], **given)
    torch.save({"net": net.state_dict(), "fitted": vars(fitted)}, f"{job['folder']}.{rank}.pt")


def main() -> None:
    import accelerate.utils  # noqa: F401
    import torch.utils.tensorboard

    torch.set_num_threads(1)
    for line in sys.stdin:
        job = json.loads(line)
        children = []
        for rank in range(job["ranks"]):
            child = os.fork()
            if child == 0:
                code = 1
                try:
                    work(job, rank)
                    code = 0
                except BaseException:
                    traceback.print_exc()
                finally:
                    os._exit(code)
            children.append(child)
        codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
        print(json.dumps(codes), flush=True)


if __name__ == "__main__":
    main()
