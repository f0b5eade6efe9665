"""A run that was killed goes on to the same weights: what is kept of it is all that the next step depends on."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch")
pytest.importorskip("accelerate")

from flyreel.train.loop import Fitted  # noqa: E402
from flyreel.train.running import state as _state  # noqa: E402
from flyreel.train.runs import open_run  # noqa: E402

Elsewhere = Callable[..., list[int]]
LogRows = Callable[[Path], list[dict[str, Any]]]
Same = Callable[[Mapping[str, Any], Mapping[str, Any]], bool]


def quiet(line: str) -> None:
    pass


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory, learner: Any) -> tuple[Path, dict[str, Any], Fitted]:
    folder = tmp_path_factory.mktemp("unbroken") / "run"
    net, fitted = learner.learn(folder, {"patience": 4})
    return folder, net.state_dict(), fitted


@pytest.mark.parametrize("kill_at", [9, 22])
def test_a_run_that_is_killed_goes_on_to_the_same_weights(
    tmp_path: Path, log_rows: LogRows, same: Same, learner: Any, unbroken: Any, elsewhere: Elsewhere, kill_at: int
) -> None:
    """Killed in the middle of a step that was not kept, before and after the best look: the bits are the same, as are
    the log, the best weights and when it stops."""
    folder, weights, fitted = unbroken
    assert fitted.step == 6 and not fitted.stopped_early
    assert elsewhere(tmp_path / "run", {"patience": 4}, kill_at) == [-signal.SIGKILL]
    assert not (tmp_path / "run.0.pt").exists()
    lines: list[str] = []
    net, again = learner.learn(tmp_path / "run", {"patience": 4}, say=lines.append)
    assert lines[0].startswith("goes on after step ")
    assert again == fitted
    assert same(net.state_dict(), weights)
    assert log_rows(tmp_path / "run") == log_rows(folder)


def test_a_run_that_stopped_early_stays_stopped(tmp_path: Path, same: Same, learner: Any) -> None:
    """It was killed after the last step, while its model was written: it must not learn on."""
    net, fitted = learner.learn(tmp_path / "run", {"patience": 2})
    assert fitted.stopped_early and fitted.step == 6 and fitted.best["accuracy"] == 0.6
    again, once_more = learner.learn(tmp_path / "run", {"patience": 2}, kill_at=20)
    assert once_more == fitted and same(net.state_dict(), again.state_dict())


def test_only_what_is_trained_and_what_has_a_state_is_kept(tmp_path: Path, learner: Any) -> None:
    learner.learn(tmp_path / "run", {})
    kept = open_run(tmp_path / "run", "learner", {"seed": 1, "rate": 1e-2}, {"data": {"digest": "abc"}}, quiet).kept()
    assert kept is not None and kept.step == 12
    names = {name[6:] for name in kept.tensors if name.startswith("model.")}
    assert {name.split(".")[0] for name in names} == {"norm", "head", "unused"}
    assert {"norm.running_mean", "norm.num_batches_tracked"} <= names


tensors = st.integers(0, 9).map(torch.tensor)
leaves = st.one_of(st.integers(), st.text(max_size=3), st.booleans(), st.none(), tensors)
keys = st.one_of(st.text(max_size=3), st.integers(0, 5))
values = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3))


@given(values)
def test_any_state_comes_back_as_it_was(value: Any) -> None:
    apart: dict[str, Any] = {}
    told = json.loads(json.dumps(_state.packed(value, "x", apart)))
    assert str(_state.unpacked(told, apart)) == str(value)
