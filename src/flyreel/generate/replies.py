"""The two ends of a call whose reply is JSON: how text from data goes into it, and how what comes back is read.

The server is asked to keep to a schema, and is not believed. A fence of code around a reply is no fault, for many
models cannot do without; a key that comes twice is one, for nobody knows which of the two was meant.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from flyreel.generate.windows import plain
from flyreel.models.prompts import quote

LONGEST = 200_000
"""Characters of a reply; nothing longer was asked for."""

_FENCE = re.compile(r"\s*```\w*\s(.*?)(?:```\s*)?", re.S)


def quoted(text: str) -> str:
    """Text from data as a prompt shows it: one line between quotes, and none of the marks that part a chat's turns."""
    return quote(plain(text))


def fields(**properties: Any) -> dict[str, Any]:
    """The schema of an object that has these fields, all of them, and no others."""
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def value(text: object) -> Any:
    """What the reply says; a ValueError or a RecursionError where it is not one value of JSON."""
    return _decoder.decode(unfenced(text))


def first(text: str, at: int) -> tuple[Any, int]:
    """The value that begins there, and where it ends; raises as `value` does."""
    return _decoder.raw_decode(text, at)


def unfenced(text: object) -> str:
    if not isinstance(text, str):
        raise ValueError("the reply is no text")
    if len(text) > LONGEST:
        raise ValueError(f"the reply has {len(text):,} characters")
    fenced = _FENCE.fullmatch(text)
    return fenced[1] if fenced else text


def _unique(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, told in pairs:
        if name in found:
            raise ValueError(f"the key {quote(name[:40])} comes twice")
        found[name] = told
    return found


_decoder = json.JSONDecoder(object_pairs_hook=_unique)
