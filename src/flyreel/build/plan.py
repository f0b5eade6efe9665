"""What to build, as flyreel.toml says it.

[build]
name = "harbour questions"
methods = ["mcq", "extractive"]         # in this order
count = 32                              # questions that mcq asks for, a clip
choices = 5
templates = "templates.yaml"            # beside flyreel.toml; those that come with flyreel where it is left out
blind = ["blind"]                       # who must not be able to answer: roles or addresses
degenerate = "averaged"                 # or "all-models": weak only where every blind model is right
refine = "auto"                         # or distractors, rewrite, off
seed = 0

[build.split]
train = 0.8
val = 0.1
test = 0.1

[build.card]
licence = "CC BY 4.0"                   # of the questions
clips_licence = "…"
sources = ["…"]
contact = "…"
about = "…"
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from flyreel.errors import InputError, did_you_mean
from flyreel.generate.scene import TOLD


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SplitPlan(_Table):
    train: float = Field(default=0.8, ge=0)
    val: float = Field(default=0.1, ge=0)
    test: float = Field(default=0.1, ge=0)
    by_category: bool = False
    copies_may_cross: bool = False


class CardPlan(_Table):
    """What no machine can know. An empty field is said to be empty."""

    licence: str = ""
    clips_licence: str = ""
    sources: tuple[str, ...] = ()
    contact: str = ""
    about: str = ""
    language: str = "en"


class Plan(_Table):
    name: str = ""
    methods: tuple[str, ...] = Field(default=("mcq",), min_length=1)
    count: int = Field(default=32, ge=1)
    choices: int = Field(default=5, ge=2, le=26)
    tokens: int = Field(default=0, ge=0)
    templates: str | None = None
    asker: str = "rules"
    qa: str | None = None
    read: tuple[str, ...] = TOLD
    blind: tuple[str, ...] = ()
    degenerate: Literal["averaged", "all-models"] = "averaged"
    refine: Literal["auto", "distractors", "rewrite", "off"] = "auto"
    attempts: int = Field(default=5, ge=1, le=20)
    folds: int = Field(default=5, ge=2, le=50)
    seed: int = 0
    split: SplitPlan = SplitPlan()
    card: CardPlan = CardPlan()


def read(folder: Path) -> Plan:
    """The `[build]` of flyreel.toml; where there is none, what stands above is built."""
    path = folder / "flyreel.toml"
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8")).get("build", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from None
    try:
        return Plan.model_validate(told)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(["build", *map(str, first["loc"])])
        if first["type"] == "extra_forbidden":
            tables: dict[str, type[_Table]] = {"split": SplitPlan, "card": CardPlan}
            table = tables.get(str(first["loc"][0]), Plan)
            meant = did_you_mean(str(first["loc"][-1]), table.model_fields)
            raise InputError(f"{path}: {where}: no such setting.{meant}") from None
        raise InputError(f"{path}: {where}: {first['msg']}") from None
