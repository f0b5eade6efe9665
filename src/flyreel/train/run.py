"""A recipe by its name. Recipes import torch at the top, so they are imported only when one is run."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from flyreel.errors import InputError, MissingExtra, did_you_mean
from flyreel.tables import writable
from flyreel.train import recipes


def names() -> list[str]:
    return sorted(m.name.replace("_", "-") for m in pkgutil.iter_modules(recipes.__path__))


def train(recipe: str, out: Path, settings: Mapping[str, Any], log: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    if recipe not in names():
        raise InputError(f"{recipe}: no such recipe.{did_you_mean(recipe, names())}")
    if importlib.util.find_spec("torch") is None:
        raise MissingExtra(f"training {recipe}", "models")
    if out.suffix != ".safetensors":
        raise InputError(f"{out}: weights are written as safetensors; end the name so")
    writable(out.parent)
    module = importlib.import_module(f"flyreel.train.recipes.{recipe.replace('-', '_')}")
    for name in settings:
        if name not in module.Settings.__dataclass_fields__:
            raise InputError(f"--{name.replace('_', '-')}: {recipe} has no such setting")
    made: dict[str, Any] = module.train(module.Settings(**settings), out, log)
    return made
