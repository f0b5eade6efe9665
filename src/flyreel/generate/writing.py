"""The two calls that make questions, and what their replies hold.

The server is asked to keep to a schema, and is not believed: every reply is read as if a stranger had written it. What
is whole in a reply that broke off is kept, for small models break off often; anything else that is not what was asked
for is a drop with its reason, never an exception.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flyreel.engine.stage import Drop
from flyreel.generate.replies import fields, first, quoted, unfenced, value
from flyreel.generate.templates.store import Template
from flyreel.generate.windows import Window, plain
from flyreel.models.call import Call
from flyreel.models.prompts import load, quote

WANTED = 20
"""Templates that are picked for a window, about."""
QUESTION, CHOICE, RATIONALE, SPANS = 300, 160, 300, 4
"""Characters at most, and stretches of evidence."""
QUESTION_TOKENS, CHOICE_TOKENS = 80, 16
"""What a question comes to, and each of its choices: 160 with five."""
_LATEST = 1e9
"""Seconds; no clip is as long."""
_NAME, _PROTOTYPE = 80, 200

_HEAD = re.compile(r'\s*\{\s*"questions"\s*:\s*\[\s*')
_NEXT = re.compile(r"\s*,\s*")
_FIELDS = {"template", "question", "answer", "distractors", "rationale", "evidence"}


@dataclass(frozen=True)
class Written:
    """A question of a reply, its texts on one line each. `template` counts from 1, and may be any number."""

    template: int
    question: str
    answer: str
    distractors: tuple[str, ...]
    rationale: str
    evidence: tuple[tuple[float, float], ...]


def kind(template: Template) -> str:
    """A template as it stands in a list."""
    return f"{quoted(template.name[:_NAME])}: {quoted(template.question[:_PROTOTYPE])}"


def selecting(window: Window, kinds: Sequence[str], sample: int) -> Call:
    most = min(WANTED, len(kinds))
    number = {"type": "integer", "minimum": 1, "maximum": len(kinds)}
    schema = fields(templates={"type": "array", "items": number, "minItems": 1, "maxItems": most})
    lines = [line.shown for line in window.lines]
    messages = load("flyreel.generate", "select").messages(lines=lines, kinds=kinds, most=most)
    return Call(messages, {"max_tokens": 32 + 8 * most, "temperature": 0.0}, schema, sample=sample)


def selected(text: object, among: int) -> list[int]:
    """Positions that the reply picks, each once, as many as were asked for; none where it picks nothing."""
    try:
        told = value(text)
    except (ValueError, RecursionError):
        return []
    numbers = told.get("templates") if isinstance(told, dict) else None
    if not isinstance(numbers, list):
        return []
    return list(dict.fromkeys(n - 1 for n in numbers if type(n) is int and 1 <= n <= among))[:WANTED]


def writing(window: Window, kinds: Sequence[str], choices: int, sample: int) -> Call:
    """One call for a question of each of these kinds; each `sample` is a draw of its own."""
    wrong, n = choices - 1, len(kinds)
    span = fields(start={"type": "number"}, end={"type": "number"})
    one = fields(
        template={"type": "integer", "enum": list(range(1, n + 1))},
        question=_text(QUESTION),
        answer=_text(CHOICE),
        distractors={"type": "array", "items": _text(CHOICE), "minItems": wrong, "maxItems": wrong},
        rationale=_text(RATIONALE),
        evidence={"type": "array", "items": span, "minItems": 1, "maxItems": SPANS},
    )
    schema = fields(questions={"type": "array", "items": one, "minItems": 1, "maxItems": n})
    lines = [line.shown for line in window.lines]
    values = {"lines": lines, "kinds": kinds, "wrong": wrong, "spans": SPANS, "quote": quote}
    messages = load("flyreel.generate", "write").messages(**values)
    return Call(
        messages,
        {"max_tokens": 64 + n * (QUESTION_TOKENS + CHOICE_TOKENS * choices), "temperature": 0.8},
        schema,
        sample=sample,
    )


def written(text: object, asked: int) -> list[Written | Drop]:
    """The questions of a reply in order, and why some are none."""
    broken = ""
    try:
        told = value(text)
        if not isinstance(told, dict) or set(told) != {"questions"} or not isinstance(told["questions"], list):
            return [_malformed("the reply is no list of questions")]
        items = told["questions"]
    except (ValueError, RecursionError) as error:
        items = _whole(text)
        broken = f"{plain(str(error))[:100]}; {len(items)} whole questions before that"
    found: list[Written | Drop] = [_one(item) for item in items[:asked]]
    if broken:
        found.append(_malformed(broken))
    elif len(items) > asked:
        found.append(_malformed(f"{len(items)} questions where {asked} were asked for"))
    return found


def versions() -> str:
    """Of the prompts, for the origin of what they made."""
    return ", ".join(f"{name} {load('flyreel.generate', name).version}" for name in ("select", "write"))


def _text(most: int) -> dict[str, Any]:
    return {"type": "string", "minLength": 1, "maxLength": most}


def _malformed(detail: str) -> Drop:
    return Drop("malformed", detail)


def _whole(text: object) -> list[Any]:
    """The questions before the place where a reply broke off."""
    found: list[Any] = []
    try:
        bare = unfenced(text)
        at = _HEAD.match(bare)
        while at:
            item, end = first(bare, at.end())
            found.append(item)
            at = _NEXT.match(bare, end)
    except (ValueError, RecursionError):
        pass
    return found


def _one(item: Any) -> Written | Drop:
    if not isinstance(item, dict) or set(item) != _FIELDS:
        return _malformed("a question has other fields than those asked for")
    texts = {"question": QUESTION, "answer": CHOICE, "rationale": RATIONALE}
    wrong, spans = item["distractors"], item["evidence"]
    if not isinstance(wrong, list) or not isinstance(spans, list) or len(spans) > SPANS:
        return _malformed(f"distractors or evidence is no list, or evidence has more than {SPANS} entries")
    for name, said, most in [
        *((n, item[n], m) for n, m in texts.items()),
        *(("distractor", w, CHOICE) for w in wrong),
    ]:
        if lacks := _text_lacks(said, most):
            return _malformed(f"{name} {lacks}")
    if type(item["template"]) is not int:
        return _malformed("template is no whole number")
    evidence = [_span(span) for span in spans]
    if None in evidence:
        return _malformed("a stretch of evidence is not a start and an end in seconds")
    question, answer, rationale = (plain(item[name]) for name in texts)
    return Written(
        item["template"], question, answer, tuple(map(plain, wrong)), rationale, tuple(s for s in evidence if s)
    )


def _text_lacks(said: Any, most: int) -> str:
    """What is wrong with a text; stray spaces are not."""
    if not isinstance(said, str):
        return "is no text"
    if len(said) > most:
        return f"has {len(said):,} characters, {most} at most"
    return "" if plain(said) == " ".join(said.split()) else "has characters that do not belong in a text"


def _span(item: Any) -> tuple[float, float] | None:
    if not isinstance(item, dict) or set(item) != {"start", "end"}:
        return None
    start, end = item["start"], item["end"]
    if not all(type(t) in (int, float) and 0 <= t <= _LATEST and math.isfinite(t) for t in (start, end)):
        return None
    return float(start), float(end)
