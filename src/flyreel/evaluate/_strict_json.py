"""JSON from strangers: read so that what was sent can be written back and shown, or refused with the place.

Python's reader takes more than that. Of a name that stands twice it keeps the last, it lets NaN through and makes an
infinity of 1e999, and it puts together strings with half a character in them, which no file of UTF-8 can hold.
"""

from __future__ import annotations

import json
import math
import unicodedata
from collections.abc import Iterable
from typing import Any

_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Marks that turn the text after them about: a line of a terminal would then say another thing than is there."""


def loads(text: str) -> Any:
    """`ValueError` says what is wrong; what is nested too deeply is a `RecursionError`, as with Python's own reader."""
    found = json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant, parse_float=_finite)
    _whole(found, ())
    return found


def _once(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Of an answer that stands twice nobody could say which was meant."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"{name!r} stands twice in one object")
        found[name] = value
    return found


def _no_constant(word: str) -> Any:
    raise ValueError(f"{word} is not JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"{digits[:40]} is too large for a number")
    return number


def _whole(value: Any, place: tuple[Any, ...]) -> None:
    if isinstance(value, str):
        if half := next((c for c in value if unicodedata.category(c) == "Cs"), None):
            raise ValueError(f"at {dotted(place)}: half a character, U+{ord(half):04X}")
    elif isinstance(value, dict):
        for name, held in value.items():
            _whole(name, (*place, name))
            _whole(held, (*place, name))
    elif isinstance(value, list):
        for i, held in enumerate(value):
            _whole(held, (*place, i))


def dotted(place: Iterable[Any]) -> str:
    """Where in the file, for a line on a terminal."""
    return printable(".".join(str(part) for part in place)) or "the whole"


def printable(text: str) -> str:
    return "".join(c if c.isprintable() and c not in _TURNING else f"\\u{ord(c):04x}" for c in text)


def commands(text: str) -> set[str]:
    """Characters that a terminal obeys instead of showing them."""
    return {c for c in text if unicodedata.category(c) == "Cc" or c in _TURNING}
