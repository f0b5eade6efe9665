"""Which model plays which role: `--model` on the command line, or `[models.ROLE]` in flyreel.toml.

[models.blind]
url = "http://localhost:8000/v1"      # or local = "qwen2.5-coder-0.5b", or local = "path/to/file.gguf",
                                      # or hf = "organisation/model", or hf = "path/to/folder",
                                      # or run = "folder", as flyreel train made it
name = "my-model"                     # asked of the endpoint where it is left out
key_env = "MY_KEY"                    # the environment variable that holds the key
frames_as = "images"                  # of an hf model: or "video", for one that takes frames as a video
concurrency = 64
rate = 600                            # calls a minute
timeout = 120
tries = 5
price = { input = 0.15, output = 0.60 }   # money per million tokens
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from flyreel.errors import InputError, ModelError, did_you_mean
from flyreel.models._in_thread import IN_FLIGHT as IN_PROCESS_IN_FLIGHT
from flyreel.models.call import Model, Price
from flyreel.models.catalog import Say
from flyreel.models.endpoint import Endpoint
from flyreel.models.in_process import FRAMES_AS, FramesAs, open_in_process
from flyreel.models.local import IN_FLIGHT as LOCAL_IN_FLIGHT
from flyreel.models.local import open_local
from flyreel.models.trained import open_trained

ROLES = ("blind", "heldout", "rewriter", "verifier", "generator", "judge", "captioner")
WAYS = ("url", "local", "hf", "run")

_TYPES: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("url", "local", "hf", "run", "frames_as", "name", "key_env"), (str,)),
    **dict.fromkeys(("concurrency", "tries"), (int,)),
    **dict.fromkeys(("rate", "timeout"), (float, int)),
}


@dataclass(frozen=True)
class Spec:
    """One model as it was asked for, before anything is started or contacted."""

    url: str | None = None
    local: str | None = None
    hf: str | None = None
    run: str | None = None
    frames_as: FramesAs = "images"
    name: str | None = None
    key_env: str = "FLYREEL_API_KEY"
    concurrency: int | None = None
    rate: float | None = None
    timeout: float = 120.0
    tries: int = 5
    price: Price | None = None

    @property
    def in_flight(self) -> int:
        if self.hf is not None or self.run is not None:
            return self.concurrency or IN_PROCESS_IN_FLIGHT
        return self.concurrency or (LOCAL_IN_FLIGHT if self.local is not None else 64)


@dataclass(frozen=True)
class Settings:
    roles: dict[str, Spec] = field(default_factory=dict)
    prices: dict[str, Price] = field(default_factory=dict)


def settings(folder: Path) -> Settings:
    """flyreel.toml in that folder; nothing there is nothing set."""
    path = folder / "flyreel.toml"
    try:
        read = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Settings()
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from None
    for part in ("models", "prices"):
        if not isinstance(read.get(part, {}), dict):
            raise InputError(f"{path}: {part} is not a table")
    prices = {name: _price(path, name, value) for name, value in read.get("prices", {}).items()}
    return Settings({role: _spec(path, role, table) for role, table in read.get("models", {}).items()}, prices)


def _price(path: Path, name: str, value: Any) -> Price:
    try:
        return Price(float(value["input"]), float(value["output"]))
    except (KeyError, TypeError, ValueError):
        raise InputError(f"{path}: the price of {name} is not {{ input = …, output = … }} per million tokens") from None


def _spec(path: Path, role: str, table: Any) -> Spec:
    if role not in ROLES:
        raise InputError(f"{path}: [models.{role}]: no such role.{did_you_mean(role, ROLES)}")
    known = Spec.__dataclass_fields__
    for name in table if isinstance(table, dict) else ():
        if name not in known:
            raise InputError(f"{path}: [models.{role}]: no setting {name!r}.{did_you_mean(name, known)}")
    if not isinstance(table, dict) or sum(way in table for way in WAYS) != 1:
        raise InputError(f"{path}: [models.{role}] needs one of {', '.join(WAYS[:-1])} and {WAYS[-1]}")
    for name, value in table.items():
        wanted = _TYPES.get(name, (object,))
        if not isinstance(value, wanted) or isinstance(value, bool):
            raise InputError(f"{path}: [models.{role}]: {name} = {value!r} is not a {wanted[0].__name__}")
    if "frames_as" in table and ("hf" not in table or table["frames_as"] not in FRAMES_AS):
        raise InputError(f"{path}: [models.{role}]: frames_as is {' or '.join(FRAMES_AS)}, and of an hf model only")
    price = _price(path, role, table["price"]) if "price" in table else None
    return replace(Spec(**{k: v for k, v in table.items() if k != "price"}), price=price)


def parse(text: str, known: Settings) -> Spec:
    """`http://host/v1`, `http://host/v1#NAME`, `local:NAME`, `hf:NAME`, `hf:FOLDER`, `run:FOLDER`, or a role."""
    if text == "local" or text.startswith("local:"):
        return Spec(local=text.partition(":")[2] or "default")
    if text.startswith("hf:"):
        return Spec(hf=text.partition(":")[2])
    if text.startswith("run:"):
        return Spec(run=text.partition(":")[2])
    if text in known.roles:
        return known.roles[text]
    url, _, name = text.partition("#")
    if not url.startswith(("http://", "https://")):
        raise InputError(
            f"--model {text}: write http://host:port/v1, local:NAME, hf:NAME, run:FOLDER or a role in flyreel.toml"
        )
    return Spec(url=url, name=name or None, price=known.prices.get(name))


async def connect(spec: Spec, known: Settings = Settings(), say: Say = lambda line: None) -> Model:
    """Start or contact the model. Nobody there is a wrong input, found before any work is done."""
    if spec.local is not None:
        return open_local(spec.local, say)
    if spec.hf is not None:
        return open_in_process(spec.hf, spec.frames_as)
    if spec.run is not None:
        return open_trained(spec.run)
    assert spec.url is not None
    key = os.environ.get(spec.key_env) or os.environ.get("OPENAI_API_KEY")
    endpoint = Endpoint(spec.url, spec.name or "", key=key, price=spec.price, timeout=spec.timeout)
    try:
        served = await endpoint.models()
    except ModelError as error:
        raise InputError(f"{spec.url}: no model answers there ({error}). Start it, or leave --model out") from None
    finally:
        await endpoint.close()  # the work may be done in another event loop; the connection opens again there
    if not endpoint.name:
        if not served:
            raise InputError(f"{spec.url}: does not say what it serves; name the model: --model {spec.url}#NAME")
        endpoint.name = served[0]
    endpoint.price = spec.price or known.prices.get(endpoint.name)
    return endpoint
