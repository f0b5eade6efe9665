"""The answer that stands in JSON, alone or amid text, whole or cut off."""

from __future__ import annotations

import json
import re
from typing import Any

_KEYS = (
    r"(?:final|correct|best|selected|predicted|chosen)?[ _-]?"
    r"(?:answer|choice|option|letter|selected|selection|prediction|response)"
    r"(?:[ _-]?(?:letter|choice|option|key|label))?"
)
_IS_KEY = re.compile(_KEYS, re.IGNORECASE)
_KEYED = re.compile(
    rf"""[{{,]\s{{0,20}}["']?({_KEYS})["']?\s{{0,20}}:\s{{0,20}}(?:"([^"\n]{{0,400}})"|'([^'\n]{{0,400}})')""",
    re.IGNORECASE,
)
_TRIES = 12


def find_json(text: str) -> tuple[Any, str]:
    """The first list or object that names an answer, and the text around it; (None, text) where there is none.

    A whole reply that is data is data even where it names none.
    """
    decoder = json.JSONDecoder()
    at = -1
    for _ in range(_TRIES):
        at = min((i for i in (text.find(sign, at + 1) for sign in '{["'[:2]) if i >= 0), default=-1)
        if at < 0:
            break
        try:
            value, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            continue
        around = text[:at] + "\n" + text[end:]
        whole = not re.sub(r"```[a-zA-Z]{0,12}", "", around).strip()
        if whole or (isinstance(value, dict) and answers_in(value)):
            return value, around
    found = _KEYED.findall(text) if text.lstrip().startswith(("{", "[", "```")) or "{" in text[:200] else []
    if found:
        return {"answer": [double or single for _, double, single in found]}, ""
    return None, text


def answers_in(data: Any, depth: int = 0) -> list[Any]:
    """What stands under the keys of an answer; where there are none, what stands so in the objects inside."""
    if isinstance(data, list):
        return (
            data
            if depth == 0 and not any(isinstance(v, dict) for v in data)
            else [found for v in data if isinstance(v, dict) and depth < 3 for found in answers_in(v, depth + 1)]
        )
    named = [v for k, v in data.items() if _IS_KEY.fullmatch(k.strip())]
    if named or depth > 2:
        return named
    return [found for v in data.values() if isinstance(v, dict) for found in answers_in(v, depth + 1)]
