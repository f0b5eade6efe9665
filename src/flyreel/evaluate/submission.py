"""What somebody sends to a leaderboard: one model's replies to every question, and nothing that needs the keys.

The digest of a question set is over ids, questions and choices only, so that whoever has no keys can still say which
questions were answered. A reply is text as the model gave it, or the index of a choice counted from 0; null says that
the question was never put. The board reads the replies itself: no score that comes along is believed.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, FiniteFloat, JsonValue, ValidationError

from flyreel.errors import InputError
from flyreel.questions import Questions
from flyreel.schema import Prediction

SCHEMA = "flyreel-submission/1"
ViewName = Literal["full", "blind", "dialogue", "middle", "shuffled", "reversed"]
SETTINGS = ("frames", "max_tokens", "prompt_version")
VERSIONS = ("flyreel", "python", "numpy", "scipy", "scikit-learn", "pyarrow")


def _answer(value: Any) -> Any:
    """Before the types are tried: true is no index, and a number with a point is not one either."""
    if value is None or isinstance(value, str) or type(value) is int:
        return value
    raise ValueError("an answer is a reply as text, the index of a choice from 0, or null")


Answer = Annotated[int | str | None, BeforeValidator(_answer)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Model(_Part):
    """`kind` says what it is in a word or two; `identity` holds it fast, as a digest of weights or a dated name does;
    `parameters` is how many it has, as a number or as "7B"."""

    name: str = Field(min_length=1, max_length=200, pattern=r"\S")
    kind: str = Field(min_length=1, max_length=60)
    identity: str | None = None
    url: str | None = Field(None, pattern=r"^https?://\S+$", max_length=500)
    parameters: int | str | None = None


class Asked(_Part):
    name: str = Field(min_length=1, max_length=200)
    digest: str = Field(pattern=r"^[0-9a-f]{64}$")
    count: int = Field(ge=1)


class Submission(_Part):
    """`scores` are claims, such as {"accuracy": 0.61, "blind.accuracy": 0.32}, and are held against the replies."""

    schema_: Literal["flyreel-submission/1"] = Field(alias="schema")
    model: Model
    settings: dict[str, JsonValue] = Field(default_factory=dict)
    questions: Asked
    answers: dict[ViewName, dict[str, Answer]]
    versions: dict[str, str] = Field(default_factory=dict)
    scores: dict[str, FiniteFloat] | None = None
    note: str = Field("", max_length=4000)


def json_schema() -> dict[str, Any]:
    return Submission.model_json_schema(by_alias=True)


def digest(questions: Questions) -> str:
    """sha256 of the JSON array of [id, question, choices], in order of the ids, without spaces and in ASCII.

    Questions without choices are left out, as a board cannot score them.
    """
    closed = questions.with_choices()
    rows = sorted([id, closed.texts[i], closed.choices_of(i)] for i, id in enumerate(closed.ids))
    return hashlib.sha256(json.dumps(rows, separators=(",", ":")).encode("ascii")).hexdigest()


def read(path: Path) -> tuple[Submission, str]:
    """A submission, and its text as it came."""
    try:
        text = path.read_text(encoding="utf-8")
        return parse(text), text
    except OSError as error:
        raise InputError(f"{path}: cannot read: {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not a submission: {_said(error)}") from None


def parse(text: str) -> Submission:
    return Submission.model_validate(json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant))


def _once(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Of a name that stands twice JSON's readers keep the last; here nobody could say which answer was meant."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"{name!r} stands twice in one object")
        found[name] = value
    return found


def _no_constant(word: str) -> Any:
    raise ValueError(f"{word} is not JSON")


def _said(error: Exception) -> str:
    """The first thing that is wrong, with its place, and how much more there is."""
    if isinstance(error, json.JSONDecodeError):
        return f"line {error.lineno}, column {error.colno}: {error.msg}"
    if isinstance(error, UnicodeDecodeError):
        return "not UTF-8"
    if not isinstance(error, ValidationError):
        return str(error) or "nested too deeply"
    first, *rest = error.errors(include_url=False)
    place = ".".join(str(part) for part in first["loc"] if part != "[key]") or "the whole"
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

    An address is left out of `identity`: where a model was served from is nobody's business and says nothing about it.
    """
    closed = questions.with_choices()
    asked = next((m for m in how.get("models", ()) if _is_called(name, m["label"])), None)
    model = {"name": name[:200], "kind": "asked by flyreel" if asked else "predictions from a file"}
    if asked and "://" not in asked["identity"]:
        model["identity"] = asked["identity"]
    made = {
        "schema": SCHEMA,
        "model": model,
        "settings": {key: how[key] for key in SETTINGS if asked and key in how},
        "questions": {"name": source, "digest": digest(closed), "count": len(closed)},
        "answers": {
            view: {id: answer_of(by_id[id]) for id in closed.ids if id in by_id} for view, by_id in by_view.items()
        },
        "versions": {key: str(how[key]) for key in VERSIONS if key in how},
        "note": note,
    }
    return Submission.model_validate(made)


def _is_called(name: str, label: str) -> bool:
    """Of two models of one label an evaluation calls the second `label (2)`."""
    return name == label or re.fullmatch(re.escape(label) + r" \(\d+\)", name) is not None


def answer_of(prediction: Prediction) -> int | str | None:
    """The reply where there is one; a prediction may also come as an index alone."""
    if not prediction.asked:
        return None
    if not prediction.reply and isinstance(prediction.answer, int):
        return prediction.answer
    return prediction.reply
