"""What tests of the loop and of its parts share; torch is imported where it is asked for, as not all here need it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session", name="log_rows")
def _log_rows() -> Callable[[Path], list[dict[str, Any]]]:
    def log_rows(folder: Path) -> list[dict[str, Any]]:
        """Of the log, without what is another at each run."""
        found = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
        return [{name: value for name, value in row.items() if name != "seconds"} for row in found]

    return log_rows


@pytest.fixture(scope="session", name="fit_line")
def _fit_line() -> Callable[..., tuple[Any, Any]]:
    import torch

    from flyreel.train.loop import Fitted, Plan, fit
    from flyreel.train.runs import open_run

    def quiet(line: str) -> None:
        pass

    def fit_line(
        folder: Path, plan: Plan, batches: Callable[[int], Any], start: float = 0.0, **more: Any
    ) -> tuple[Any, Fitted]:
        """w is fitted to numbers by plain descent: a step is rate · mean(w − number), which a person can see."""
        net = torch.nn.Module()
        net.w = torch.nn.Parameter(torch.tensor([start]))
        run = open_run(folder, "line", {}, {}, more.pop("say", quiet))
        optimiser = more.pop("optimiser", torch.optim.SGD)(net.parameters())

        def loss_of(model: Any, number: float) -> Any:
            return ((model.w - number) ** 2).sum() / 2, {"number": number}

        return net, fit(run, net, optimiser, plan, batches, more.pop("loss_of", loss_of), **more)

    return fit_line
