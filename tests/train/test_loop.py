"""The loop: what a step is, which weights are left at the end, and that a run that was cut off ends as any other.

Wrong here means a model that learnt something else than it was told to, and nobody sees it.
"""

from __future__ import annotations

import importlib.util
import json
import math
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyreel.errors import InputError, Stopped

torch = pytest.importorskip("torch")
pytest.importorskip("accelerate")

from flyreel.train.loop import Fitted, NothingLearnt, Plan, fit, rate_at  # noqa: E402
from flyreel.train.running import state as _state  # noqa: E402
from flyreel.train.running.ahead import ahead  # noqa: E402
from flyreel.train.runs import open_run  # noqa: E402

LEARNER = Path(__file__).with_name("learner.py")
spec = importlib.util.spec_from_file_location("learner", LEARNER)
assert spec and spec.loader
learner: Any = importlib.util.module_from_spec(spec)
spec.loader.exec_module(learner)

Elsewhere = Callable[..., list[int]]


def quiet(line: str) -> None:
    pass


def rows(folder: Path) -> list[dict[str, Any]]:
    """Of the log, without what is another at each run."""
    found = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [{name: value for name, value in row.items() if name != "seconds"} for row in found]


def same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def line(
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


PLAIN = {"rate": 0.1, "warm": 0.0, "clip": 0.0, "log_every": 1}


def test_gradients_are_the_mean_over_what_is_accumulated_and_so_is_the_loss_that_is_told(tmp_path: Path) -> None:
    net, fitted = line(tmp_path, Plan(steps=1, accumulate=3, **PLAIN), lambda number: [1.0, 2.0, 6.0][number])
    assert net.w.item() == pytest.approx(0.1 * 3)
    assert rows(tmp_path) == [{"step": 1, "loss": pytest.approx((1 + 4 + 36) / 6), "number": 3.0, "rate": 0.1}]
    assert fitted == Fitted(1, {}, stopped_early=False)


def test_what_is_told_is_the_mean_since_the_line_before(tmp_path: Path) -> None:
    line(tmp_path, Plan(steps=5, **{**PLAIN, "log_every": 2}), float)
    assert [(row["step"], row["number"]) for row in rows(tmp_path)] == [(2, 0.5), (4, 2.5), (5, 4.0)]


def test_an_empty_batch_is_passed_over_and_weighs_nothing(tmp_path: Path) -> None:
    """Neither as a zero in the mean, nor as a step of an optimiser that would go on by its momentum."""
    plan = Plan(steps=3, accumulate=2, **PLAIN)
    shown = {0: 3.0, 1: None, 2: None, 3: None, 4: None, 5: 3.0}
    momentum = {"optimiser": lambda p: torch.optim.SGD(p, momentum=0.9)}
    net, _ = line(tmp_path / "a", plan, shown.__getitem__, **momentum)
    first = 0.1 * 3
    third = first + rate_at(2, plan) * (0.9 * 3 + (3 - first))
    assert net.w.item() == pytest.approx(third)
    assert [row.get("loss") is None for row in rows(tmp_path / "a")] == [False, True, False]


def test_a_run_that_learnt_nothing_is_no_success_and_keeps_nothing(tmp_path: Path) -> None:
    """Its model would be the one it began with, under another name."""
    plan = Plan(steps=4, keep_every=1, look_every=2, **PLAIN)
    with pytest.raises(NothingLearnt, match="nothing was learnt: of no batch in 4 steps"):
        line(tmp_path / "a", plan, lambda number: None, look=looking([1.0, 1.0]))
    assert not (tmp_path / "a" / "checkpoint").exists(), "other settings could not start over here"


def test_what_was_learnt_before_a_run_was_cut_off_counts(tmp_path: Path) -> None:
    def shown(number: int) -> float | None:
        if number == 3 and not (tmp_path / "once").exists():
            (tmp_path / "once").touch()
            raise InterruptedError
        return 1.0 if number == 0 else None

    plan = Plan(steps=5, keep_every=1, ahead=0, **PLAIN)
    with pytest.raises(InterruptedError):
        line(tmp_path / "a", plan, shown)
    net, _ = line(tmp_path / "a", plan, shown)
    assert net.w.item() == pytest.approx(0.1)


def test_a_long_gradient_is_cut_to_the_norm_and_a_short_one_is_left(tmp_path: Path) -> None:
    far, _ = line(tmp_path / "far", Plan(steps=1, **{**PLAIN, "clip": 1.0}), lambda number: 50.0)
    near, _ = line(tmp_path / "near", Plan(steps=1, **{**PLAIN, "clip": 1.0}), lambda number: 0.5)
    assert far.w.item() == pytest.approx(0.1) and near.w.item() == pytest.approx(0.05)


def test_a_group_of_parameters_may_have_a_share_of_the_rate(tmp_path: Path) -> None:
    shared = {"optimiser": lambda p: torch.optim.SGD([{"params": list(p), "share": 0.5}])}
    net, _ = line(tmp_path, Plan(steps=1, **PLAIN), lambda number: 1.0, **shared)
    assert net.w.item() == pytest.approx(0.05)


@given(st.integers(1, 400), st.floats(0, 1))
def test_the_rate_rises_to_its_height_and_falls_from_there(steps: int, warm: float) -> None:
    plan = Plan(steps=steps, rate=2.0, warm=warm)
    rates = [rate_at(step, plan) for step in range(steps)]
    top = rates.index(max(rates))
    assert all(0 < rate <= 2.0 for rate in rates) and max(rates) == 2.0
    assert rates[: top + 1] == sorted(rates[: top + 1]) and rates[top:] == sorted(rates[top:], reverse=True)
    assert top == max(0, math.ceil(warm * steps) - 1)


def test_the_rate_at_moments_that_can_be_counted_by_hand() -> None:
    plan = Plan(steps=12, rate=1.0, warm=4 / 12)
    assert [rate_at(step, plan) for step in (0, 1, 3, 4, 8)] == pytest.approx([0.25, 0.5, 1.0, 1.0, 0.5])
    assert rate_at(11, plan) == pytest.approx(0.5 * (1 + math.cos(math.pi * 7 / 8)))


def test_weights_that_are_no_numbers_are_not_learnt_from(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"step 2: the gradients are not finite.*a lower rate"):
        line(tmp_path, Plan(steps=3, **PLAIN), lambda number: math.inf if number == 1 else 1.0)


@given(st.integers(0, 4), st.integers(0, 9))
def test_batches_come_in_order_whatever_the_threads_do(count: int, batches: int) -> None:
    with ahead(lambda number: number * number, range(batches), count) as made:
        assert list(made) == [number * number for number in range(batches)]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("batch")]


@given(st.integers(0, 4), st.integers(0, 8))
def test_an_error_is_raised_where_its_batch_is_due_and_leaves_no_thread(count: int, bad: int) -> None:
    def make(number: int) -> int:
        if number == bad:
            raise InputError(f"batch {number}")
        return number

    seen = []
    with pytest.raises(InputError, match=f"batch {bad}"), ahead(make, range(9), count) as made:
        for one in made:
            seen.append(one)
    assert seen == list(range(bad))
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("batch")]


def test_batches_are_made_while_others_are_learnt_from() -> None:
    """The second is begun although nobody has taken the first: else the threads are no use."""
    begun = threading.Event()

    def make(number: int) -> int:
        if number == 1:
            begun.set()
        else:
            assert number != 0 or begun.wait(60)
        return number

    with ahead(make, range(3), 2) as made:
        assert next(made) == 0


def looking(values: list[float], name: str = "accuracy") -> Callable[[Any], dict[str, float]]:
    told = iter(values)
    return lambda model: {name: next(told)}


@pytest.mark.parametrize(
    ("watch", "values", "ends", "best"),
    [
        ("accuracy", [0.1, 0.2, 0.3, 0.4, 0.5, 0.6], 6, 6),
        ("accuracy", [0.6, 0.5, 0.4, 0.3, 0.2, 0.1], 3, 1),
        ("accuracy", [0.1, 0.3, 0.2, 0.4, 0.4, 0.4], 6, 4),
        ("f1", [0.1, 0.3, math.nan, 0.2], 4, 2),
        ("loss", [6.0, 5.0, 4.0, 3.0, 2.0, 1.0], 6, 6),
        ("perplexity", [1.0, 2.0, 3.0, 4.0], 3, 1),
    ],
)
def test_it_stops_when_what_is_watched_gets_worse_and_never_while_it_gets_better(
    tmp_path: Path, watch: str, values: list[float], ends: int, best: int
) -> None:
    """A rise in accuracy is no reason to stop, and the weights that are left are those of the best look."""
    plan = Plan(steps=6, look_every=1, watch=watch, patience=2, **{**PLAIN, "rate": 0.01})
    after: list[float] = []

    def look(model: Any) -> Mapping[str, float]:
        after.append(model.w.item())
        return {watch: values[len(after) - 1], "other": 1.0}

    net, fitted = line(tmp_path, plan, lambda number: 1.0, look=look)
    assert len(after) == ends and fitted.stopped_early == (ends < 6)
    assert fitted.step == best and fitted.best == {watch: values[best - 1], "other": 1.0}
    assert net.w.item() == after[best - 1] and len(set(after)) == ends


def test_without_patience_it_goes_to_the_end_and_leaves_the_best_all_the_same(tmp_path: Path) -> None:
    plan = Plan(steps=5, look_every=2, **PLAIN)
    _, fitted = line(tmp_path, plan, lambda number: 1.0, look=looking([0.3, 0.2, 0.1]))
    assert fitted == Fitted(2, {"accuracy": 0.3}, stopped_early=False, looks=3)
    assert [row["step"] for row in rows(tmp_path) if "held_accuracy" in row] == [2, 4, 5]


def test_of_looks_as_accurate_as_each_other_the_one_with_the_lower_loss_is_the_best(tmp_path: Path) -> None:
    """Held-out accuracy of a few questions is often the same, or 0, for many looks; the first is no better for it."""
    told = iter([(0.0, 3.0), (0.0, 2.0), (0.0, 2.5), (0.0, 2.0)])
    plan = Plan(steps=4, look_every=1, **PLAIN)
    _, fitted = line(
        tmp_path, plan, lambda number: 1.0, look=lambda model: dict(zip(("accuracy", "loss"), next(told), strict=True))
    )
    assert fitted.step == 2 and fitted.best == {"accuracy": 0.0, "loss": 2.0}


def test_what_is_watched_must_be_known_and_told(tmp_path: Path) -> None:
    """Which way is better must not be guessed."""
    plan = Plan(steps=1, look_every=1, watch="acuracy", **PLAIN)
    with pytest.raises(InputError, match=r"watch acuracy: .* Did you mean accuracy"):
        line(tmp_path / "a", plan, float, look=looking([1.0], "acuracy"))
    with pytest.raises(InputError, match="watch accuracy: held-out questions tell loss"):
        line(tmp_path / "b", Plan(steps=1, look_every=1, **PLAIN), float, look=looking([1.0], "loss"))


def test_a_look_that_tells_nothing_usable_leaves_the_last_weights(tmp_path: Path) -> None:
    net, fitted = line(tmp_path, Plan(steps=2, look_every=1, **PLAIN), lambda number: 1.0, look=looking([math.nan] * 2))
    assert fitted == Fitted(2, {}, stopped_early=False, looks=2) and net.w.item() > 0.1


def test_a_look_learns_nothing_and_leaves_every_part_as_it_was(tmp_path: Path) -> None:
    run = open_run(tmp_path, "modes", {}, {}, quiet)
    net = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Dropout(0.5))
    seen: list[tuple[bool, ...]] = []

    def note(model: Any) -> tuple[bool, ...]:
        return (model.training, model[0].training, model[1].training, torch.is_grad_enabled())

    def loss_of(model: Any, shown: Any) -> Any:
        model[1].eval()  # a recipe that keeps a part of it from training
        seen.append(note(model))
        return model(torch.ones(1, 2)).sum(), {}

    def look(model: Any) -> dict[str, float]:
        seen.append(note(model))
        return {"accuracy": 1.0}

    net.eval()  # as transformers opens them
    fit(run, net, torch.optim.SGD(net.parameters()), Plan(steps=2, rate=0.1, look_every=1), lambda n: n, loss_of, look)
    assert seen == [(True, True, False, True), (False, False, False, False)] * 2
    assert note(net) == (True, True, False, True)


def test_bf16_is_what_the_products_are_computed_in(tmp_path: Path) -> None:
    for bf16 in (False, True):
        run = open_run(tmp_path / str(bf16), "bf16", {}, {}, quiet)
        net, seen = torch.nn.Linear(2, 2), []

        def loss_of(model: Any, shown: Any, seen: list[Any] = seen) -> Any:
            seen.append(model(torch.ones(1, 2)))
            return seen[-1].float().sum(), {}

        fit(run, net, torch.optim.SGD(net.parameters()), Plan(steps=1, rate=0.1, bf16=bf16), lambda n: n, loss_of)
        assert seen[0].dtype == (torch.bfloat16 if bf16 else torch.float32) and net.weight.dtype == torch.float32


def test_what_a_launcher_says_of_precision_is_nothing_to_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model in accelerate's own wrapping would be in half precision though the run says it is not."""
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "bf16")
    run, net, seen = open_run(tmp_path, "plain", {}, {}, quiet), torch.nn.Linear(2, 2), []
    net.register_forward_hook(lambda module, given, out: seen.append(out.dtype))

    def loss_of(model: Any, shown: Any) -> Any:
        return model(torch.ones(1, 2)).float().sum(), {}

    fit(run, net, torch.optim.SGD(net.parameters()), Plan(steps=1, rate=0.1), lambda n: n, loss_of)
    assert seen == [torch.float32] and not hasattr(net, "_original_forward")


def test_a_recipe_may_compute_on_the_cpu_whatever_there_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import accelerate

    asked, real = [], accelerate.Accelerator
    monkeypatch.setattr(accelerate, "Accelerator", lambda **how: asked.append(how["cpu"]) or real(**how))
    for cpu in (False, True):
        net, _ = line(tmp_path / str(cpu), Plan(steps=1, cpu=cpu, **PLAIN), float)
    assert asked == [False, True] and net.w.device.type == "cpu"


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any], Fitted]:
    folder = tmp_path_factory.mktemp("unbroken") / "run"
    net, fitted = learner.learn(folder, {"patience": 4})
    return folder, net.state_dict(), fitted


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Elsewhere]:
    """The learner in a process for each rank; the exit codes. Torch is imported once for all of them."""
    words = [sys.executable, "-W", "error", "-W", "ignore::DeprecationWarning", str(LEARNER)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(words, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin and server.stdout

        def run(folder: Path, changes: dict[str, Any], *kill_at: int | None, **given: Any) -> list[int]:
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                port = free.getsockname()[1]
            ranks = {"ranks": len(kill_at), "kill_at": kill_at, "port": port}
            server.stdin.write(json.dumps({"folder": str(folder), "changes": changes, "given": given, **ranks}) + "\n")
            server.stdin.flush()
            return list(json.loads(server.stdout.readline()))

        yield run
        server.stdin.close()


@pytest.mark.parametrize("kill_at", [9, 22])
def test_a_run_that_is_killed_goes_on_to_the_same_weights(
    tmp_path: Path, unbroken: Any, elsewhere: Elsewhere, kill_at: int
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
    assert rows(tmp_path / "run") == rows(folder)


def test_a_run_that_stopped_early_stays_stopped(tmp_path: Path) -> None:
    """It was killed after the last step, while its model was written: it must not learn on."""
    net, fitted = learner.learn(tmp_path / "run", {"patience": 2})
    assert fitted.stopped_early and fitted.step == 6 and fitted.best["accuracy"] == 0.6
    again, once_more = learner.learn(tmp_path / "run", {"patience": 2}, kill_at=20)
    assert once_more == fitted and same(net.state_dict(), again.state_dict())


def test_only_what_is_trained_and_what_has_a_state_is_kept(tmp_path: Path) -> None:
    learner.learn(tmp_path / "run", {})
    kept = open_run(tmp_path / "run", "learner", {"seed": 1, "rate": 1e-2}, {"data": {"digest": "abc"}}, quiet).kept()
    assert kept is not None and kept.step == 12
    names = {name[6:] for name in kept.tensors if name.startswith("model.")}
    assert {name.split(".")[0] for name in names} == {"norm", "head", "unused"}
    assert {"norm.running_mean", "norm.num_batches_tracked"} <= names


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_asked_to_stop_it_keeps_the_step_and_says_how_to_go_on(tmp_path: Path, number: int) -> None:
    before = signal.getsignal(number)
    seen: list[float] = []

    def loss_of(model: Any, shown: float) -> Any:
        seen.append(shown)
        if len(seen) == 5:
            signal.raise_signal(number)
        return ((model.w - shown) ** 2).sum() / 2, {}

    plan = Plan(steps=9, **PLAIN)
    with pytest.raises(Stopped, match="stopped after step 5 of 9, which is kept; the same command goes on"):
        line(tmp_path / "cut", plan, float, loss_of=loss_of)
    assert signal.getsignal(number) == before
    net, _ = line(tmp_path / "cut", plan, float, loss_of=loss_of)
    assert seen == [float(number) for number in range(9)], "nothing twice, and nothing left out"
    whole, _ = line(tmp_path / "whole", plan, float)
    assert torch.equal(net.w, whole.w)


def test_asked_twice_it_stops_at_once(tmp_path: Path) -> None:
    def loss_of(model: Any, shown: float) -> Any:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        raise AssertionError("it went on")

    with pytest.raises(Stopped, match="stopped at once"):
        line(tmp_path, Plan(steps=9, **PLAIN), float, loss_of=loss_of)


def test_two_processes_learn_what_one_learns_with_twice_the_accumulation(tmp_path: Path, elsewhere: Elsewhere) -> None:
    """Batch 5 is empty for one of them, and 8 and 9 for both: nobody waits for ever, and nothing weighs more."""
    given = {"loss": "mle", "norm": "layer", "empty": [5, 8, 9, 10, 11]}
    assert elsewhere(tmp_path / "two", {}, None, None, **given) == [0, 0]
    net, fitted = learner.learn(tmp_path / "one", {"accumulate": 4}, **given)
    for rank in "01":
        theirs = torch.load(tmp_path / f"two.{rank}.pt")
        assert theirs["fitted"] == {**vars(fitted), "best": pytest.approx(fitted.best)}
        for name, weight in net.state_dict().items():
            assert torch.allclose(theirs["net"][name], weight, atol=1e-6), name
    both = [{name: pytest.approx(value) for name, value in row.items()} for row in rows(tmp_path / "one")]
    assert rows(tmp_path / "two") == both


def test_two_processes_that_were_cut_off_go_on_as_two_and_not_as_one(tmp_path: Path, elsewhere: Elsewhere) -> None:
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
    assert rows(tmp_path / "cut") == rows(tmp_path / "whole")


def test_a_launch_that_parts_the_model_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Checkpoints hold the whole of it, from one process."""
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    with pytest.raises(InputError, match="FSDP: every process holds the whole model here"):
        line(tmp_path, Plan(steps=1, **PLAIN), float)


tensors = st.integers(0, 9).map(torch.tensor)
leaves = st.one_of(st.integers(), st.text(max_size=3), st.booleans(), st.none(), tensors)
keys = st.one_of(st.text(max_size=3), st.integers(0, 5))
values = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3))


@given(values)
def test_any_state_comes_back_as_it_was(value: Any) -> None:
    apart: dict[str, Any] = {}
    told = json.loads(json.dumps(_state.packed(value, "x", apart)))
    assert str(_state.unpacked(told, apart)) == str(value)
