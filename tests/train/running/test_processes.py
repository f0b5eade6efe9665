"""Several processes learn as one, and whatever a launcher sets, a run is what it says it is."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from flyreel.errors import InputError

torch = pytest.importorskip("torch")
pytest.importorskip("accelerate")

from flyreel.train.loop import Fitted, Plan, fit  # noqa: E402
from flyreel.train.runs import open_run  # noqa: E402

Elsewhere = Callable[..., list[int]]
FitLine = Callable[..., tuple[Any, Fitted]]
LogRows = Callable[[Path], list[dict[str, Any]]]
Same = Callable[[Mapping[str, Any], Mapping[str, Any]], bool]

PLAIN = {"rate": 0.1, "warm": 0.0, "clip": 0.0, "log_every": 1}


def quiet(line: str) -> None:
    pass


def test_what_a_launcher_says_of_precision_is_nothing_to_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model in accelerate's own wrapping would be in half precision though the run says it is not."""
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "bf16")
    run, net, seen = open_run(tmp_path, "plain", {}, {}, quiet), torch.nn.Linear(2, 2), []
    net.register_forward_hook(lambda module, given, out: seen.append(out.dtype))

    def loss_of(model: Any, shown: Any) -> Any:
        return model(torch.ones(1, 2)).float().sum(), {}

    fit(run, net, torch.optim.SGD(net.parameters()), Plan(steps=1, rate=0.1), lambda n: n, loss_of)
    assert seen == [torch.float32] and not hasattr(net, "_original_forward")


def test_a_recipe_may_compute_on_the_cpu_whatever_there_is(
    tmp_path: Path, fit_line: FitLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    import accelerate

    asked, real = [], accelerate.Accelerator
    monkeypatch.setattr(accelerate, "Accelerator", lambda **how: asked.append(how["cpu"]) or real(**how))
    for cpu in (False, True):
        net, _ = fit_line(tmp_path / str(cpu), Plan(steps=1, cpu=cpu, **PLAIN), float)
    assert asked == [False, True] and net.w.device.type == "cpu"


def test_two_processes_learn_what_one_learns_with_twice_the_accumulation(
    tmp_path: Path, log_rows: LogRows, learner: Any, elsewhere: Elsewhere
) -> None:
    """Batch 5 is empty for one of them, and 8 and 9 for both: nobody waits for ever, and nothing weighs more."""
    given = {"loss": "mle", "norm": "layer", "empty": [5, 8, 9, 10, 11]}
    assert elsewhere(tmp_path / "two", {}, None, None, **given) == [0, 0]
    net, fitted = learner.learn(tmp_path / "one", {"accumulate": 4}, **given)
    for rank in "01":
        theirs = torch.load(tmp_path / f"two.{rank}.pt")
        assert theirs["fitted"] == {**vars(fitted), "best": pytest.approx(fitted.best)}
        for name, weight in net.state_dict().items():
            assert torch.allclose(theirs["net"][name], weight, atol=1e-6), name
    both = [{name: pytest.approx(value) for name, value in row.items()} for row in log_rows(tmp_path / "one")]
    assert log_rows(tmp_path / "two") == both


def test_two_processes_that_were_cut_off_go_on_as_two_and_not_as_one(
    tmp_path: Path, log_rows: LogRows, same: Same, learner: Any, elsewhere: Elsewhere
) -> None:
    """Each has a Discrepancy of its own; and the running means are those of the first in both."""
    assert elsewhere(tmp_path / "whole", {}, None, None) == [0, 0]
    killed, other = elsewhere(tmp_path / "cut", {}, 36, None)
    assert killed == -signal.SIGKILL and other != 0, "who is left alone must end, and not wait for ever"
    with pytest.raises(InputError, match="1 processes cannot go on where 2 were cut off"):
        learner.learn(tmp_path / "cut", {})
    assert elsewhere(tmp_path / "cut", {}, None, None) == [0, 0]
    ends = [torch.load(tmp_path / f"{name}.{rank}.pt") for name in ("whole", "cut") for rank in "01"]
    for end in ends[1:]:
        assert same(end["net"], ends[0]["net"]) and end["fitted"] == ends[0]["fitted"]
    assert log_rows(tmp_path / "cut") == log_rows(tmp_path / "whole")


def test_a_launch_that_parts_the_model_is_refused(
    tmp_path: Path, fit_line: FitLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Checkpoints hold the whole of it, from one process."""
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    with pytest.raises(InputError, match="FSDP: every process holds the whole model here"):
        fit_line(tmp_path, Plan(steps=1, **PLAIN), float)
