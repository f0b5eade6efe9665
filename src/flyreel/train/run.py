"""A recipe by its name. Recipes import torch at the top, so they are imported only when one is run."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import pkgutil
import textwrap
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from types import ModuleType
from typing import Any

from flyreel.errors import InputError, MissingExtra, did_you_mean
from flyreel.train import recipes

OPTIONS = ("model", "seed", "steps", "scenes", "loss", "threads")
"""Settings that the command line has an option of their own for; the others are given by `--set`."""


@dataclass(frozen=True)
class Setting:
    name: str
    default: Any
    says: str
    """What stands beneath it in the recipe."""


def names() -> list[str]:
    return sorted(m.name.replace("_", "-") for m in pkgutil.iter_modules(recipes.__path__))


def train(recipe: str, out: Path, settings: Mapping[str, Any], say: Callable[[str], None]) -> dict[str, Any]:
    """A setting that is text is read as what the recipe declares it to be. Returns what the recipe tells."""
    from flyreel.tables import writable

    module = _module(recipe)
    given = module.Settings(**_typed(recipe, module, settings))
    suffix = getattr(module, "SUFFIX", "")
    if suffix and out.suffix != suffix:
        raise InputError(f"{out}: {recipe} writes one file, {suffix[1:]}; end the name so")
    if suffix:
        writable(out.parent)
    else:
        _refuse(recipe, out, given)
    made: dict[str, Any] = module.train(given, out, say)
    _leave()
    return made


def settings_of(recipe: str) -> list[Setting]:
    module = _module(recipe)
    says = _said_of(module.Settings)
    return [Setting(f.name, f.default, says.get(f.name, "")) for f in fields(module.Settings)]


def as_text(value: Any) -> str:
    """As `--set` reads it."""
    if isinstance(value, list | tuple):
        return ",".join(map(as_text, value))
    return "" if value is None else str(value)


def _module(recipe: str) -> ModuleType:
    if recipe not in names():
        raise InputError(f"{recipe}: no such recipe.{did_you_mean(recipe, names())}")
    if importlib.util.find_spec("torch") is None:
        raise MissingExtra(f"training {recipe}", "models")
    return importlib.import_module(f"flyreel.train.recipes.{recipe.replace('-', '_')}")


def _typed(recipe: str, module: ModuleType, settings: Mapping[str, Any]) -> dict[str, Any]:
    from pydantic import TypeAdapter, ValidationError

    hints = typing.get_type_hints(module.Settings)
    known = [f.name for f in fields(module.Settings)]
    found = {}
    for name, value in settings.items():
        if name == "source" and name not in known:
            raise InputError(f"{value}: {recipe} draws what it learns from, and takes no source")
        if name not in known:
            said = f"--{name}" if name in OPTIONS else f"--set {name}"
            raise InputError(f"{said}: {recipe} has no such setting.{did_you_mean(name, known)}")
        if isinstance(value, str) and hints[name] is not str:
            several = typing.get_origin(hints[name]) in (tuple, list)
            parts = value.split(",") if value else []
            try:
                value = TypeAdapter(hints[name]).validate_python(parts if several else value or None)
            except ValidationError as error:
                why = error.errors()[0]["msg"]
                raise InputError(f"{name}={value}: {why[0].lower()}{why[1:]}") from None
        if name == "steps" and value < 1:
            raise InputError(f"steps={value}: must be at least 1")
        found[name] = value
    return found


def _refuse(recipe: str, out: Path, settings: Any) -> None:
    """Before anything is read or drawn."""
    from flyreel.train import runs
    from flyreel.train.running import launched

    if out.suffix == ".safetensors":
        raise InputError(f"{out}: a run of {recipe} is a folder; name one")
    if getattr(settings, "source", None) == "":
        raise InputError(f"{recipe}: learns from questions; name a question file or a project after {recipe}")
    if launched.is_first():
        runs.unfinished(out, recipe)


def _leave() -> None:
    import torch

    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def _said_of(settings: type) -> dict[str, str]:
    """By setting, the text beneath it."""
    body = ast.parse(textwrap.dedent(inspect.getsource(settings))).body[0]
    assert isinstance(body, ast.ClassDef)
    found = {}
    for field, below in zip(body.body, body.body[1:], strict=False):
        match field, below:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                found[name] = " ".join(text.split())
    return found
