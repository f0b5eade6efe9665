"""What somebody sends to a leaderboard: one model's replies to every question, and no key.

The digest of a question set is over ids, questions and choices only, so it gives no key away. A reply is text as the
model gave it, or the index of a choice counted from 0; null says that the question was never put. The board reads the
replies itself: no score that comes along is believed.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import numpy as np
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    FiniteFloat,
    JsonValue,
    ValidationError,
)

from flyreel.errors import InputError
from flyreel.evaluate._strict_json import commands, dotted, loads
from flyreel.formats.base import clean
from flyreel.questions import Questions
from flyreel.schema import Prediction

SCHEMA = "flyreel-submission/1"
LONGEST = 200
"""Characters that a name has at most."""
ViewName = Literal["full", "blind", "dialogue", "middle", "shuffled", "reversed"]
SETTINGS = ("frames", "max_tokens", "prompt_version")
VERSIONS = ("flyreel", "python", "numpy", "scipy", "scikit-learn", "pyarrow")


def _answer(value: Any) -> Any:
    """Before the types are tried: true is no index, and a number with a point is not one either."""
    if value is None or isinstance(value, str) or type(value) is int:
        return value
    raise ValueError("an answer is a reply as text, the index of a choice from 0, or null")


def _line(value: str) -> str:
    return _without(commands(value), value)


def _note(value: str) -> str:
    return _without(commands(value) - {"\n"}, value)


def _without(strange: set[str], value: str) -> str:
    if strange:
        raise ValueError(f"control character U+{ord(min(strange)):04X}")
    return value


Answer = Annotated[int | str | None, BeforeValidator(_answer)]
Line = Annotated[str, AfterValidator(_line)]
"""Text that is printed as it came."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Model(_Part):
    """`kind` says what it is in a word or two; `identity` holds it fast, as a digest of weights or a dated name does;
    `parameters` is how many it has, as a number or as "7B"."""

    name: Line = Field(min_length=1, max_length=LONGEST, pattern=r"\S")
    kind: Line = Field(min_length=1, max_length=60)
    identity: Line | None = None
    url: Line | None = Field(None, pattern=r"^https?://\S+$", max_length=500)
    parameters: int | Line | None = None


class Asked(_Part):
    name: Line = Field(min_length=1, max_length=LONGEST)
    digest: str = Field(pattern=r"^[0-9a-f]{64}$")
    count: int = Field(ge=1)


class Submission(_Part):
    """`scores` are claims, such as {"accuracy": 0.61, "blind.accuracy": 0.32}, and are held against the replies."""

    schema_: Literal["flyreel-submission/1"] = Field(alias="schema")
    model: Model
    settings: dict[str, JsonValue] = Field(default_factory=dict)
    questions: Asked
    answers: dict[ViewName, dict[str, Answer]]
    versions: dict[Line, Line] = Field(default_factory=dict)
    scores: dict[str, FiniteFloat] | None = None
    note: Annotated[str, AfterValidator(_note)] = Field("", max_length=4000)


def json_schema() -> dict[str, Any]:
    return Submission.model_json_schema(by_alias=True)


def closed_of(questions: Questions) -> Questions:
    """Those with choices, whether their key is known or not: a board cannot score the others."""
    return questions.take(np.flatnonzero(questions.sizes > 0))


def digest(questions: Questions) -> str:
    """sha256 of the JSON array of [id, question, choices], in order of the ids, without spaces and in ASCII.

    Of questions with choices only.
    """
    closed = closed_of(questions)
    rows = sorted([id, closed.texts[i], closed.choices_of(i)] for i, id in enumerate(closed.ids))
    return hashlib.sha256(json.dumps(rows, separators=(",", ":")).encode("ascii")).hexdigest()


def read(path: Path) -> tuple[Submission, bytes]:
    """A submission, and the file as it came."""
    try:
        sent = path.read_bytes()
        return parse(sent.decode("utf-8")), sent
    except OSError as error:
        raise InputError(f"{path}: cannot read: {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not a submission: {_said(error)}") from None


def parse(text: str) -> Submission:
    return Submission.model_validate(loads(text))


def _said(error: Exception) -> str:
    """The first thing that is wrong, with its place, and how much more there is."""
    if isinstance(error, json.JSONDecodeError):
        return f"line {error.lineno}, column {error.colno}: {error.msg}"
    if isinstance(error, UnicodeDecodeError):
        return "not UTF-8"
    if not isinstance(error, ValidationError):
        return str(error) or "nested too deeply"
    first, *rest = error.errors(include_url=False)
    place = dotted(part for part in first["loc"] if part != "[key]")
    more = f" (and {len(rest):,} more)" if rest else ""
    return f"at {place}: {first['msg'].removeprefix('Value error, ')}{more}"


def make(
    name: str,
    questions: Questions,
    by_view: Mapping[str, Mapping[str, Prediction]],
    how: Mapping[str, Any],
    source: str,
    note: str = "",
) -> Submission:
    """From predictions by view and question id. `how` is what an evaluation says of itself.

    What a submission cannot hold is left out or cut, as this runs when the work is done: views that nobody knows, the
    end of a long name, control characters. A set without choices makes none: `InputError`.

    An address is left out of `identity`: where a model was served from is nobody's business and says nothing about it.
    """
    closed = closed_of(questions)
    if not len(closed):
        raise InputError(f"{source}: no question there has choices, so there is nothing to submit")
    asked = next((m for m in how.get("models", ()) if _is_called(name, m["label"])), None)
    model = {"name": _named(name), "kind": "asked by flyreel" if asked else "predictions from a file"}
    if asked and "://" not in asked["identity"]:
        model["identity"] = asked["identity"]
    made = {
        "schema": SCHEMA,
        "model": model,
        "settings": {key: how[key] for key in SETTINGS if asked and key in how},
        "questions": {"name": _named(source), "digest": digest(closed), "count": len(closed)},
        "answers": {
            view: {id: answer_of(by_id[id]) for id in closed.ids if id in by_id}
            for view, by_id in by_view.items()
            if view in get_args(ViewName)
        },
        "versions": {key: str(how[key]) for key in VERSIONS if key in how},
        "note": note[:4000],
    }
    return Submission.model_validate(made)


def _named(text: str) -> str:
    seen = clean(text).translate({ord(c): " " for c in commands(text)})
    return seen.strip()[:LONGEST] or "without a name"


def _is_called(name: str, label: str) -> bool:
    """Of two models of one label an evaluation calls the second `label (2)`."""
    return name == label or re.fullmatch(re.escape(label) + r" \(\d+\)", name) is not None


def answer_of(prediction: Prediction) -> int | str | None:
    """The reply where there is one; a prediction may also come as an index alone."""
    if not prediction.asked:
        return None
    if not prediction.reply and isinstance(prediction.answer, int):
        return prediction.answer
    return clean(prediction.reply)
