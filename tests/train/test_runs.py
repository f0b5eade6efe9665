"""A run's folder: nothing in it is half-written, nothing twice, and no other run goes on in it."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyreel import __version__
from flyreel.errors import InputError

torch = pytest.importorskip("torch")

from flyreel.train import runs  # noqa: E402
from flyreel.train.runs import open_run  # noqa: E402

SETTINGS = {"source": "my questions.jsonl", "seed": 3, "steps": 9, "rate": 1e-3, "layers": (1, 2), "model": ""}
ABOUT = {"data": {"digest": "abc", "count": 7}, "model": "def"}


def quiet(line: str) -> None:
    pass


def opened(folder: Path, say: Any = quiet, recipe: str = "learner", **changes: Any) -> runs.Run:
    about = changes.pop("about", ABOUT)
    return open_run(folder, recipe, {**SETTINGS, **changes}, about, say)


def facts(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "run.json").read_text())
    return found


def logged(folder: Path) -> list[Any]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def state(number: float) -> dict[str, Any]:
    return {"w": torch.tensor([number]), "half": torch.tensor(number, dtype=torch.bfloat16)}


def test_a_run_says_what_made_it_from_the_start(tmp_path: Path) -> None:
    """A run that never ends must say what it was, too."""
    run = opened(tmp_path / "new" / "run")
    found = facts(run.folder)
    assert found["recipe"] == "learner" and found["about"] == ABOUT
    assert found["settings"] == {**SETTINGS, "layers": [1, 2]}
    assert found["versions"]["flyreel"] == __version__ and found["versions"]["torch"] == torch.__version__
    assert found["finished"] is None and found["result"] is None
    assert run.model == run.folder / "model" and run.writes


def test_the_command_holds_every_setting_and_can_be_pasted(tmp_path: Path) -> None:
    words = shlex.split(facts(opened(tmp_path / "a run").folder)["command"])
    assert words == [
        "flyreel", "train", "learner", "my questions.jsonl", "-o", str(tmp_path / "a run"),
        "--seed", "3", "--steps", "9", "--set", "rate=0.001", "--set", "layers=1,2",
    ]  # fmt: skip


def test_what_is_told_is_in_the_log_and_on_the_terminal(tmp_path: Path) -> None:
    said: list[str] = []
    run = opened(tmp_path / "run", said.append)
    run.log({"step": 1000, "loss": 0.123456, "rate": 1e-4}, "40 s left")
    run.log({"step": 1000, "held_accuracy": float("nan")})
    assert said == ["  step 1,000  loss 0.1235  rate 0.0001  40 s left", "  step 1,000  held_accuracy None"]
    told = [{"step": 1000, "loss": 0.123456, "rate": 1e-4}, {"step": 1000, "held_accuracy": None}]
    assert logged(run.folder) == told
    assert "NaN" not in (run.folder / "log.jsonl").read_text(), "that is not JSON"


def test_a_run_goes_on_from_what_was_kept_and_forgets_what_was_told_after(tmp_path: Path) -> None:
    """The last line was cut off in the middle by whatever ended it."""
    run = opened(tmp_path / "run")
    assert run.kept() is None
    for step in (1, 2, 3):
        run.log({"step": step, "loss": float(step)})
    run.keep(2, state(0.1), {"any": ["thing", None, 1.5]})
    with (run.folder / "log.jsonl").open("a") as log:
        log.write('{"step": 4, "lo')
    said: list[str] = []
    again = opened(tmp_path / "run", said.append)
    kept = again.kept()
    assert kept is not None and kept.step == 2 and kept.notes == {"any": ["thing", None, 1.5]}
    assert kept.tensors.keys() == {"w", "half"}
    assert all(
        torch.equal(kept.tensors[name], t) and kept.tensors[name].dtype == t.dtype for name, t in state(0.1).items()
    )
    assert said == ["goes on after step 2"]
    assert [row["step"] for row in logged(run.folder)] == [1, 2]


def test_a_run_cut_off_before_anything_was_kept_starts_over(tmp_path: Path) -> None:
    opened(tmp_path / "run").log({"step": 1, "loss": 1.0})
    said: list[str] = []
    assert opened(tmp_path / "run", said.append).kept() is None
    assert said == ["starts over: it was cut off before anything was kept"]
    assert logged(tmp_path / "run") == []


class Killed(BaseException):
    """As a process that is killed: nothing catches it, and what would be cleaned up is not."""


calls_left: list[int] = []
"""Until it is killed; empty where it is not."""


def kill(event: str, arguments: tuple[Any, ...]) -> None:
    if calls_left and event in ("open", "os.rename", "os.remove", "os.mkdir", "os.listdir", "os.scandir"):
        calls_left[0] -= 1
        if calls_left[0] < 0:
            raise Killed


@pytest.fixture(scope="module")
def deadly() -> None:
    sys.addaudithook(kill)  # there is no way to take it away


@given(st.integers(0, 14), st.integers(1, 3))
def test_whenever_it_is_killed_one_checkpoint_is_there_whole(
    deadly: None, tmp_path_factory: pytest.TempPathFactory, calls: int, step: int
) -> None:
    """Every call that reaches the disk may be the last; step 1 is the one that was kept before, kept once more."""
    run = opened(tmp_path_factory.mktemp("killed") / "run")
    run.keep(1, state(1.0), {"at": 1.0})
    calls_left.append(calls)
    try:
        run.keep(step, state(2.0), {"at": 2.0})
    except Killed:
        pass
    finally:
        left = calls_left.pop()
    kept = opened(run.folder).kept()
    assert kept is not None
    expected = (1.0, 1) if kept.notes == {"at": 1.0} else (2.0, step)
    assert (kept.tensors["w"].item(), kept.step) == expected
    if left >= 0:
        assert kept.notes == {"at": 2.0} and len(list((run.folder / "checkpoint").iterdir())) == 2
    assert left < 0 or calls > 3, "it was never killed"


def test_only_the_newest_checkpoint_is_kept(tmp_path: Path) -> None:
    run = opened(tmp_path / "run")
    for step in (5, 5, 10):
        run.keep(step, state(step), {})
    assert names(run.folder / "checkpoint") == {"state.json", "state-00000010.safetensors"}


def test_other_settings_start_over_where_nothing_was_kept(tmp_path: Path) -> None:
    """A setting that failed at the first step is mended, and the command given again; frames fit any settings."""
    opened(tmp_path / "run").log({"step": 1, "loss": 1.0})
    frames = tmp_path / "run" / "frames" / "ab.frames"
    frames.parent.mkdir()
    frames.write_text("kept")
    said: list[str] = []
    run = opened(tmp_path / "run", said.append, rate=2e-3)
    assert said == ["starts over, with another rate: of the run that was cut off here nothing is kept"]
    assert facts(tmp_path / "run")["settings"]["rate"] == 2e-3 and "rate=0.002" in facts(tmp_path / "run")["command"]
    assert logged(tmp_path / "run") == [] and frames.read_text() == "kept" and run.kept() is None


@pytest.mark.parametrize("name", ["eyes", "captions.jsonl"])
def test_what_other_settings_made_is_not_taken_for_ones_own(tmp_path: Path, name: str) -> None:
    opened(tmp_path / "run")
    (tmp_path / "run" / name).write_text("of rate 0.001")
    with pytest.raises(InputError, match=f"another rate was cut off here; .*: {name} is kept of it"):
        opened(tmp_path / "run", rate=2e-3)
    assert facts(tmp_path / "run")["settings"]["rate"] == 1e-3


def test_what_is_no_number_is_null_in_the_result(tmp_path: Path) -> None:
    made = opened(tmp_path / "run").finish({"best": {"accuracy": 0.5, "loss": float("nan")}}, "# A model")
    assert made["result"] == {"best": {"accuracy": 0.5, "loss": None}}
    assert "NaN" not in (tmp_path / "run" / "run.json").read_text(), "that is not JSON"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"rate": 2e-3, "seed": 4}, "another seed, rate was cut off here"),
        ({"about": {"data": {"digest": "abd", "count": 7}, "model": "def"}}, "another data.digest was"),
        ({"about": {**ABOUT, "more": 1}}, "another more was"),
        ({"layers": (2, 1)}, "another layers was"),
        ({"recipe": "other"}, "a run of learner, not of other"),
    ],
)
def test_another_run_does_not_go_on_in_that_folder(tmp_path: Path, changes: dict[str, Any], says: str) -> None:
    run = opened(tmp_path / "run")
    run.log({"step": 1, "loss": 1.0})
    run.keep(1, state(1.0), {})
    before = {path: path.read_bytes() for path in run.folder.rglob("*") if path.is_file()}
    with pytest.raises(InputError, match=says) as caught:
        opened(tmp_path / "run", **changes)
    assert "\n" not in str(caught.value)
    assert {path: path.read_bytes() for path in run.folder.rglob("*") if path.is_file()} == before


def test_a_finished_run_is_whole_and_is_not_trained_again(tmp_path: Path) -> None:
    run = opened(tmp_path / "run")
    run.keep(1, state(1.0), {})
    run.model.mkdir()
    made = run.finish({"accuracy": 0.5}, "# A model\n\nLearnt from nothing.\n")
    assert made == facts(run.folder) and made["result"] == {"accuracy": 0.5} and made["finished"] >= made["started"]
    card = (run.folder / "README.md").read_text()
    assert card.startswith("# A model\n\nLearnt from nothing.\n\n## How it was made\n") and made["command"] in card
    assert names(run.folder) == {"run.json", "README.md", "model"}
    with pytest.raises(InputError, match=r"run: finished on \d{4}-\d\d-\d\d; name another folder, or remove this one"):
        opened(tmp_path / "run")


@pytest.mark.parametrize(
    ("there", "says"),
    [
        ({"notes.txt": "mine"}, "not empty, and not a run"),
        ({"run.json": "{"}, "run.json: not what a run writes"),
        ({"run.json": '{"recipe": 3}'}, "run.json: not what a run writes"),
        ({"run.json": "[]"}, "run.json: not what a run writes"),
    ],
)
def test_somebody_elses_folder_is_left_alone(tmp_path: Path, there: dict[str, str], says: str) -> None:
    for name, text in there.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=says):
        opened(tmp_path)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == there


def test_a_file_is_no_folder_and_a_folder_without_a_run_has_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="file: cannot be a run's folder"):
        opened(tmp_path / "file")
    with pytest.raises(InputError, match="no run is here"):
        runs.read(tmp_path)


def test_what_a_kill_left_of_the_first_write_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / ".run.json.1234abcd.tmp").write_text('{"reci')
    assert opened(tmp_path).kept() is None


@pytest.mark.parametrize("broken", ["state.json", "state-00000001.safetensors"])
@pytest.mark.parametrize("how", ["cut", "gone"])
def test_a_checkpoint_that_was_damaged_is_one_line_and_not_another_start(tmp_path: Path, broken: str, how: str) -> None:
    run = opened(tmp_path / "run")
    run.keep(1, state(1.0), {})
    path = run.folder / "checkpoint" / broken
    if how == "cut":
        path.write_bytes(path.read_bytes()[:-9])
    elif broken == "state.json":
        return  # then nothing was kept
    else:
        path.unlink()
    with pytest.raises(InputError, match=r"state\.json: .*; remove .*checkpoint to start over") as caught:
        opened(tmp_path / "run")
    assert "\n" not in str(caught.value)


def test_another_version_is_said_since_the_end_may_differ(tmp_path: Path) -> None:
    run = opened(tmp_path / "run")
    path = run.folder / "run.json"
    path.write_text(path.read_text().replace(torch.__version__, "1.0"))
    said: list[str] = []
    opened(tmp_path / "run", said.append)
    assert said[0] == f"torch was 1.0 when this run began and is {torch.__version__}; the end may differ"


def test_of_several_processes_the_first_alone_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    said: list[str] = []
    second = opened(tmp_path / "run", said.append)
    second.log({"step": 1, "loss": 1.0})
    second.keep(1, state(1.0), {})
    second.finish({}, "# card")
    assert not second.writes and not (tmp_path / "run").exists() and said == []
    monkeypatch.setenv("RANK", "0")
    opened(tmp_path / "run").keep(1, state(1.0), {})
    kept = second.kept()
    assert kept is not None and kept.step == 1, "all of them go on from it"


def test_a_folder_that_another_process_trains_in_is_refused_until_that_one_ends(tmp_path: Path) -> None:
    """The same command twice: two processes would remove each other's checkpoints."""
    opened(tmp_path / "run")
    program = "import fcntl, sys; f = open(sys.argv[1], 'a'); fcntl.lockf(f, fcntl.LOCK_EX); print(flush=True); input()"
    words = [sys.executable, "-c", program, str(tmp_path / "run" / runs.LOCK)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdin and other.stdout
        other.stdout.readline()
        with pytest.raises(InputError, match="run: another process is training there"):
            opened(tmp_path / "run")
        other.communicate("\n")
    assert opened(tmp_path / "run").kept() is None


def curves(folder: Path) -> dict[str, list[tuple[int, float]]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
        events = found.EventAccumulator(str(folder / "tensorboard")).Reload()
        return {tag: [(e.step, e.value) for e in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


def test_tensorboard_draws_what_the_log_holds_also_of_a_run_that_went_on(tmp_path: Path) -> None:
    run = opened(tmp_path / "run")
    for step in (1, 2, 3):
        run.log({"step": step, "loss": float(step), "word": "no number"})
    run.keep(1, state(1.0), {})
    (file,) = (tmp_path / "run" / "tensorboard").iterdir()
    file.rename(file.with_name("events.out.tfevents.0000000001"))  # as of a process that ended some time ago
    again = opened(tmp_path / "run")
    for step in (2, 3):
        again.log({"step": step, "loss": 10.0 * step})
    again.finish({}, "# card")
    assert curves(tmp_path / "run") == {"loss": [(1, 1.0), (2, 20.0), (3, 30.0)]}


def test_without_tensorboard_nothing_is_drawn_or_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    said: list[str] = []
    run = opened(tmp_path / "run", said.append)
    run.log({"step": 1, "loss": 1.0})
    run.finish({}, "# card")
    assert said == ["  step 1  loss 1"] and names(run.folder) == {"run.json", "log.jsonl", "README.md"}
