"""flyreel train: a recipe by its name, its settings as text, and a slip as one line before any work."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flyreel.cli.main import run as flyreel
from flyreel.errors import InputError
from flyreel.train import recipes, run

torch = pytest.importorskip("torch")
pytest.importorskip("accelerate")

RECIPE = '''
"""A line through numbers."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import torch
from safetensors.torch import save_file

from flyreel.train.loop import Plan, fit
from flyreel.train.runs import open_run


@dataclass(frozen=True)
class Settings:
    source: str = ""
    model: str = "none"
    seed: int = 1
    steps: int = 6
    rate: float = 0.1
    """How far a step goes,
    at most."""
    layers: tuple[int, ...] = (1, 2)
    bf16: bool = False
    kind: Literal["mean", "last"] = "mean"
    limit: int | None = None


def train(settings, out, say):
    numbers = json.loads(Path(settings.source).read_text())
    run = open_run(out, "mini-line", asdict(settings), {"numbers": numbers}, say)
    torch.manual_seed(settings.seed)
    net = torch.nn.Linear(1, 1)

    def batch_of(number):
        if numbers[number] < 0:
            raise KeyboardInterrupt
        return torch.tensor([[float(numbers[number])]])

    plan = Plan(steps=settings.steps, rate=settings.rate, keep_every=2, ahead=0)
    optimiser = torch.optim.SGD(net.parameters())
    fitted = fit(run, net, optimiser, plan, batch_of, lambda model, shown: (model(shown).square().sum(), {}))
    if run.writes:
        run.model.mkdir(exist_ok=True)
        save_file(net.state_dict(), run.model / "model.safetensors")
    return run.finish({"step": fitted.step}, "# A line")
'''


@pytest.fixture
def mini(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A recipe of its own, which is a file in the folder and nothing else; and numbers to learn from."""
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "mini_line.py").write_text(RECIPE)
    (tmp_path / "numbers.json").write_text("[1, 2, 3, 1, 2, 3]")
    monkeypatch.setattr(recipes, "__path__", [*recipes.__path__, str(tmp_path / "recipes")])
    monkeypatch.chdir(tmp_path)
    importlib.invalidate_caches()
    yield tmp_path
    sys.modules.pop("flyreel.train.recipes.mini_line", None)


def test_the_recipes_are_known_without_importing_torch() -> None:
    """Else `flyreel --help` takes as long as torch does."""
    program = "import sys, flyreel.cli.main; from flyreel.train.run import names; print(*names())"
    program += "; assert not {'torch', 'pydantic'} & sys.modules.keys()"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0 and {"toyclip", "toyvlm"} <= set(ran.stdout.split()), ran.stderr


def test_the_help_names_every_recipe(capsys: pytest.CaptureFixture[str]) -> None:
    assert flyreel(["train", "--help"]) == 0
    told = "".join(capsys.readouterr().out.split())
    assert all(name in told for name in run.names())


def test_a_run_is_trained_and_made_again_by_the_command_it_tells(
    mini: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["mini-line", "numbers.json", "-o", "a", "--steps", "5", "--set", "rate=0.2", "--set", "layers=3,4"]
    assert flyreel(["train", *words, "--set", "kind=last", "--set", "bf16=true", "--json"]) == 0
    came = capsys.readouterr()
    made = json.loads(came.out)
    assert made == json.loads((mini / "a" / "run.json").read_text()) and made["result"] == {"step": 5}
    settings = {
        "source": "numbers.json", "model": "none", "seed": 1, "steps": 5, "rate": 0.2, "layers": [3, 4], "bf16": True,
        "kind": "last", "limit": None,
    }  # fmt: skip
    assert made["settings"] == settings
    assert came.err.startswith("  step 5  loss ")
    again = made["command"].replace("-o a", "-o b").split()[1:]
    assert flyreel(again) == 0
    assert capsys.readouterr().out == "mini-line: b; how it was made and what came of it: b/README.md\n"
    weights = [(mini / name / "model" / "model.safetensors").read_bytes() for name in "ab"]
    assert weights[0] == weights[1]
    assert json.loads((mini / "b" / "run.json").read_text())["settings"] == settings


def test_stopped_it_says_how_to_go_on_and_goes_on(mini: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (mini / "numbers.json").write_text("[1, 2, 3, -1, 2, 3]")
    assert flyreel(["train", "mini-line", "numbers.json", "-o", "a"]) == 130
    assert capsys.readouterr().err.endswith("stopped at once; the same command goes on from the last checkpoint\n")
    (mini / "numbers.json").write_text("[1, 2, 3, 1, 2, 3]")
    assert flyreel(["train", "mini-line", "numbers.json", "-o", "a"]) == 2
    told = capsys.readouterr().err
    assert told.startswith("flyreel: a: a run with another numbers was cut off here; give what it was given")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["mini-lin", "-o", "a"], "mini-lin: no such recipe. Did you mean mini-line"),
        (["mini-line", "numbers.json"], "-o / --out is missing: name the folder"),
        (["mini-line", "-o", "a"], "mini-line: learns from questions; name a question file or a project"),
        (["toyclip", "numbers.json", "-o", "a.safetensors"], "numbers.json: toyclip draws what it learns from"),
        (["toyclip", "-o", "a"], "a: toyclip writes one file, safetensors; end the name so"),
        (["mini-line", "numbers.json", "-o", "a.safetensors"], "a.safetensors: a run of mini-line is a folder"),
        (["mini-line", "numbers.json", "-o", "recipes"], "recipes: not empty, and not a run"),
        (
            ["mini-line", "numbers.json", "-o", "a", "--loss", "mle"],
            "--loss: mini-line has no such setting. Known: bf16",
        ),
        (
            ["mini-line", "numbers.json", "-o", "a", "--set", "rat=1"],
            "--set rat: mini-line has no such setting. Did you",
        ),
        (["mini-line", "numbers.json", "-o", "a", "--set", "rate"], "--set rate: write it as NAME=VALUE"),
        (["mini-line", "numbers.json", "-o", "a", "--set", "rate=fast"], "rate=fast: input should be a valid number"),
        (["mini-line", "numbers.json", "-o", "a", "--set", "layers=1,x"], "layers=1,x: input should be a valid int"),
        (["mini-line", "numbers.json", "-o", "a", "--set", "kind=most"], "kind=most: input should be 'mean' or 'last'"),
        (["mini-line", "numbers.json", "-o", "a", "--set", "steps=0"], "steps=0: must be at least 1"),
        (["mini-line", "numbers.json", "-o", "a", "--steps", "2", "--set", "steps=3"], "steps is given twice"),
        (["mini-line", "numbers.json", "-o", "a", "--set", "rate=1", "--set", "rate=2"], "rate is given twice"),
    ],
)
def test_a_slip_is_one_line_before_any_work(
    mini: Path, capsys: pytest.CaptureFixture[str], words: list[str], says: str
) -> None:
    before = sorted(path.name for path in mini.iterdir())
    assert flyreel(["train", *words]) == 2
    told = capsys.readouterr()
    assert told.out == "" and told.err.count("\n") == 1 and says in told.err
    assert sorted(path.name for path in mini.iterdir()) == before


def test_settings_are_listed_with_what_stands_beneath_them(mini: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert flyreel(["train", "mini-line", "--settings"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "rate=0.1    How far a step goes, at most." in lines and "layers=1,2" in lines and "limit=" in lines
    assert flyreel(["train", "mini-line", "--settings", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told[4] == {"name": "rate", "default": 0.1, "says": "How far a step goes, at most."}


def test_what_is_listed_of_settings_can_be_given_as_it_stands(mini: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--settings` is where names and values are copied from."""
    flyreel(["train", "mini-line", "--settings"])
    told = dict(line.split("    ")[0].split("=", 1) for line in capsys.readouterr().out.splitlines())
    told["source"] = "numbers.json"
    made = run.train("mini-line", mini / "a", told, lambda line: None)
    recipe: Any = importlib.import_module("flyreel.train.recipes.mini_line")
    assert made["settings"] == json.loads(json.dumps(vars(recipe.Settings(source="numbers.json"))))


@pytest.mark.parametrize("name", run.names())
def test_every_recipe_lists_its_settings_and_they_have_defaults(name: str, tmp_path: Path) -> None:
    found = {one.name: one.default for one in run.settings_of(name)}
    assert {"seed", "steps", "rate"} <= found.keys()
    if found.get("source") == "":
        with pytest.raises(InputError, match=f"{name}: learns from questions"):
            run.train(name, tmp_path / "run", {}, lambda line: None)
        assert list(tmp_path.iterdir()) == []
