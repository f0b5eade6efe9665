"""`run:FOLDER`: what `flyreel train` made, opened by the recipe that made it.

run.json names the recipe. The recipe's module is imported by that name when a run is opened, as the registry imports a
folder's: recipes stand above models, learn from what `evaluate` shows, and need torch, so nothing here may import them
before.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from flyreel.errors import FlyreelError, InputError, MissingExtra
from flyreel.models.call import Model
from flyreel.models.hub import brief

RECIPES = "flyreel.train.recipes"


def open_trained(folder: str) -> Model:
    """The model of a finished run, by the name of its folder: two runs of a recipe are two rows of an evaluation."""
    recipe = recipe_of(folder)
    if importlib.util.find_spec("torch") is None:
        raise MissingExtra(f"run:{folder}", "models")
    opening = _opening(folder, recipe)
    path = Path(folder).expanduser().resolve()
    try:
        model = opening(path)
    except FlyreelError:
        raise
    except ImportError:
        raise MissingExtra(f"run:{folder}", "models") from None
    except Exception as error:  # a damaged folder fails in as many ways as there are libraries below
        raise InputError(
            f"run:{folder}: its model cannot be opened: {brief(error)}; train it again, or name another run"
        ) from None
    model.name = path.name
    return model


def recipe_of(folder: str) -> str:
    """Which recipe made it; a folder that holds no finished run is refused here, before anything is loaded."""
    if not folder:
        raise InputError("run: name the folder of a run, as in run:FOLDER")
    try:
        path = Path(folder).expanduser() / "run.json"
        told = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(
            f"run:{folder}: no folder of a run, there is no run.json in it; flyreel train RECIPE -o FOLDER makes one"
        ) from None
    except (OSError, RuntimeError, ValueError) as error:  # ~ of nobody; no JSON, no UTF-8
        raise InputError(f"run:{folder}: run.json cannot be read: {brief(error)}; train it again") from None
    if not isinstance(told, dict) or not isinstance(told.get("recipe"), str):
        raise InputError(f"run:{folder}: {path} names no recipe; flyreel train RECIPE -o FOLDER makes a run")
    if not told.get("finished"):
        raise InputError(f"run:{folder}: not finished; go on with: {_going_on(folder, told)}")
    return str(told["recipe"])


def _going_on(folder: str, told: Mapping[str, Any]) -> str:
    return str(told.get("command") or f"flyreel train {told['recipe']} … -o {shlex.quote(folder)}")


def _opening(folder: str, recipe: str) -> Callable[[Path], Model]:
    name = recipe.replace("-", "_")
    if not name.isidentifier() or importlib.util.find_spec(f"{RECIPES}.{name}") is None:
        raise InputError(f"run:{folder}: made by the recipe {recipe}, which this flyreel does not have; upgrade it")
    try:
        module = importlib.import_module(f"{RECIPES}.{name}")
    except ImportError as error:
        if (error.name or "").startswith("flyreel"):
            raise
        raise MissingExtra(f"run:{folder}", "models") from None
    opening: Callable[[Path], Model] | None = getattr(module, "open_model", None)
    if opening is None:
        raise InputError(f"run:{folder}: {recipe} answers no questions; name the run of another recipe")
    return opening
