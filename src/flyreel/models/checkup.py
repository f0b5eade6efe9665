"""What is installed, which models answer, and what is missing."""

from __future__ import annotations

import asyncio
import importlib.util
import platform
import tempfile
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distributions, version
from pathlib import Path

import flyreel
from flyreel.errors import FlyreelError
from flyreel.models import catalog, roles
from flyreel.models.trained import recipe_of

CORE = (
    "pydantic", "aiohttp", "pyarrow", "numpy", "scipy", "scikit-learn", "typer", "rich", "jinja2",
    "av", "pillow", "safetensors", "scenedetect-headless", "pyyaml",
)  # fmt: skip
EXTRAS = {
    "local": ("xllamacpp",),
    "models": ("torch", "transformers", "sentence_transformers"),
    "text": ("spacy",),
    "fetch": ("yt_dlp", "huggingface_hub"),
}


@dataclass(frozen=True)
class Check:
    """`needed` tells a fault from something that is merely not there."""

    what: str
    ok: bool
    says: str
    needed: bool = False


def checkup(folder: Path = Path()) -> list[Check]:
    checks = [Check("flyreel", True, f"{flyreel.__version__}, Python {platform.python_version()}")]
    checks += [_package(name) for name in CORE]
    for extra, modules in EXTRAS.items():
        for module in modules:
            there = importlib.util.find_spec(module) is not None
            says = _version(module) if there else f"not installed: pip install 'flyreel[{extra}]'"
            checks.append(Check(f"[{extra}] {module}", there, says))
    checks += [_english(), _cache(), _embedded()]
    try:
        known = roles.settings(folder)
    except FlyreelError as error:
        return [*checks, Check("flyreel.toml", False, str(error), needed=True)]
    return [*checks, *(_role(role, spec, known) for role, spec in known.roles.items())]


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "installed"


def _english() -> Check:
    """spaCy's model: any that is installed will do."""
    names = {d.metadata["Name"].replace("-", "_").lower(): d.version for d in distributions() if d.metadata["Name"]}
    found = sorted(f"{name} {number}" for name, number in names.items() if name.startswith("en_core_web_"))
    return Check("[text] English", bool(found), ", ".join(found) or "not installed: pip install 'flyreel[text]'")


def _package(name: str) -> Check:
    try:
        return Check(name, True, version(name), needed=True)
    except PackageNotFoundError:
        return Check(name, False, "missing; install flyreel again", needed=True)


def _cache() -> Check:
    folder = catalog.cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return Check("cache folder", True, str(folder))
    except OSError as error:
        return Check("cache folder", False, f"{folder}: {error.strerror}; set FLYREEL_CACHE", needed=True)


def _embedded() -> Check:
    model = catalog.DEFAULT
    path = catalog.in_cache(model)
    if path is None:
        return Check("embedded model", False, f"{model.title}: not fetched yet; the first use does it")
    try:
        catalog.verify(path, model.sha256)
    except FlyreelError as error:
        return Check("embedded model", False, str(error), needed=True)
    return Check("embedded model", True, f"{model.title}, digest checked")


def _role(role: str, spec: roles.Spec, known: roles.Settings) -> Check:
    if spec.local is not None:
        return Check(f"model {role}", True, f"local:{spec.local}")
    if spec.hf is not None:  # opening it may be a download of gigabytes
        return Check(f"model {role}", True, f"hf:{spec.hf}, not opened")
    if spec.run is not None:
        return _run(role, spec.run)

    async def contact() -> str:
        model = await roles.connect(spec, known)
        await model.close()
        return model.name

    try:
        return Check(f"model {role}", True, f"{spec.url} serves {asyncio.run(contact())}", needed=True)
    except FlyreelError as error:
        return Check(f"model {role}", False, str(error), needed=True)


def _run(role: str, folder: str) -> Check:
    try:
        return Check(f"model {role}", True, f"run:{folder}, by {recipe_of(folder)}, not opened")
    except FlyreelError as error:
        return Check(f"model {role}", False, str(error), needed=True)
