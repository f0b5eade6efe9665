"""Small readings that several formats share: numbered columns, lettered choices, scene text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any


def numbered(values: dict[str, Any], names: Iterable[str]) -> list[Any]:
    """The choice columns that a record has, in order; trailing empty ones are left out (options may be fewer)."""
    found = [values.get(name) for name in names]
    while found and (found[-1] is None or str(found[-1]).strip() == ""):
        found.pop()
    return found


_LETTERED = re.compile(r"^\s*\(?[A-Z][).:]\s+")


def without_letters(choices: list[Any]) -> list[str]:
    """`A. red`, `B. blue` to `red`, `blue`, but only where every choice is lettered in order."""
    texts = [str(c) for c in choices]
    marks = [m.group().strip().strip("().:") if (m := _LETTERED.match(t)) else "" for t in texts]
    if marks == [chr(ord("A") + i) for i in range(len(texts))]:
        return [_LETTERED.sub("", t, count=1) for t in texts]
    return texts


_CUE_LINE = re.compile(
    r"^\s*(?:(?=\[|\d+[:.]\d)\[?(?P<a>\d[\d:.,]*)s?\s*(?:-->|-|–|to)\s*(?P<b>\d[\d:.,]*)s?\]?:?)?\s*"
    r"(?:<(?P<tag>[a-z_ ]+)>)?\s*(?P<text>.*?)\s*(?:</[a-z_ ]+>)?\s*$",
    re.I,
)


def scene_cues(text: Any, kind: str = "dialogue") -> Iterator[dict[str, Any]]:
    """Scene text as cues: lines tagged `<subtitle>` or `<visual descriptions>`, with or without time stamps."""
    last = 0.0
    for line in str(text or "").splitlines():
        match = _CUE_LINE.match(line)
        if not match or not match["text"]:
            continue
        start, end = (_seconds(match[g]) for g in ("a", "b"))
        tag = (match["tag"] or "").lower()
        said = "description" if "visual" in tag or "description" in tag else "dialogue" if "sub" in tag else kind
        start = last if start is None else start
        end = max(start, end if end is not None else start)
        last = end
        yield {"start": start, "end": end, "kind": said, "text": match["text"]}


def _seconds(stamp: str | None) -> float | None:
    if not stamp:
        return None
    try:
        parts = [float(p) for p in stamp.rstrip(":.,").replace(",", ".").split(":")]
    except ValueError:
        return None
    return sum(p * 60**i for i, p in enumerate(reversed(parts)))


def index(value: Any) -> Any:
    """A 0-based index by the format's own definition, even where a choice happens to read "2"."""
    text = str(value).strip()
    return int(text) if text.isdecimal() and len(text) < 5 else value
