"""Questions by a language model, one call for the answers of a description.

All answers stand in one prompt, so the model sees which it has to tell apart. A reply is taken by the numbers in it:
what carries a number that was not given is nobody's, and of two questions with one number nobody knows which was meant.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from flyreel.engine.local import run
from flyreel.engine.stage import Context, Drop
from flyreel.errors import InputError
from flyreel.generate.askers.base import Sheet, asker
from flyreel.generate.language.candidates import Candidate
from flyreel.generate.method import Setting
from flyreel.generate.replies import fields, quoted, value
from flyreel.models.call import Call
from flyreel.models.prompts import load

TOGETHER = 12
"""Answers in a call, at most."""
TOKENS = 48
"""For each question, with the JSON around it."""
NEARBY = 30
"""Characters on either side that tell an answer from another in the same words."""

_HALVES = re.compile("[\ud800-\udfff]")
"""JSON may hold half a character, which no file can."""

Task = tuple[int, int]
"""A sheet, and the first of the candidates that are put together."""


def origin(setting: Setting) -> dict[str, str]:
    prompt = load("flyreel.generate", "ask")
    model = {"model": setting.generator.model.name} if setting.generator else {}
    return {**model, "prompt_version": f"{prompt.name} {prompt.version}"}


def calls(sheets: Sequence[Sheet], setting: Setting) -> Iterator[Call]:
    """All that is asked about these, for a forecast."""
    for sheet in sheets:
        for at in range(0, len(sheet.candidates), TOGETHER):
            yield asking(sheet.text, together(sheet, at), setting.seed)


@asker("model", asks=True, origin=origin, calls=calls)
async def model(sheets: Sequence[Sheet], setting: Setting) -> list[list[str | Drop]]:
    """A language model, shown a description and its candidates at once."""
    if setting.generator is None:
        raise InputError("--asker model needs a model that writes: --model http://localhost:8000/v1")

    async def stage(task: Task, context: Context) -> list[str | Drop]:
        some = together(sheets[task[0]], task[1])
        reply = await context.ask(asking(sheets[task[0]].text, some, setting.seed))
        return read(reply.text, len(some))

    tasks = [(i, at) for i, sheet in enumerate(sheets) for at in range(0, len(sheet.candidates), TOGETHER)]
    asked: list[list[str | Drop]] = [[] for _ in sheets]
    for outcome in await run(stage, tasks, Context(setting.generator), setting.progress("ask")):
        sheet, at = outcome.item
        found = outcome.value
        asked[sheet] += [found] * len(together(sheets[sheet], at)) if isinstance(found, Drop) else found
    return asked


def together(sheet: Sheet, at: int) -> tuple[Candidate, ...]:
    return sheet.candidates[at : at + TOGETHER]


def asking(text: str, some: Sequence[Candidate], seed: int) -> Call:
    """The schema holds the numbers to those that were given, for endpoints that heed it."""
    number = {"type": "integer", "minimum": 1, "maximum": len(some)}
    one = fields(answer=number, question={"type": "string"})
    schema = fields(questions={"type": "array", "items": one, "maxItems": len(some)})
    answers = [{"text": c.text, "place": _place(text, c)} for c in some]
    messages = load("flyreel.generate", "ask").messages(text=text, answers=answers, quote=quoted)
    return Call(messages, {"max_tokens": TOKENS * len(some) + 32, "temperature": 0.0}, schema, sample=seed)


def _place(text: str, candidate: Candidate) -> str:
    """The words around an answer that the description has more than once."""
    again = re.findall(rf"\b{re.escape(candidate.text)}\b", text, re.I)
    return text[max(0, candidate.start - NEARBY) : candidate.end + NEARBY] if len(again) > 1 else ""


def read(text: str, given: int) -> list[str | Drop]:
    """For each number from 1 to `given` its question, or why there is none."""
    try:
        listed = value(text)["questions"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return [Drop("malformed", _short(text))] * given
    if not isinstance(listed, list):
        return [Drop("malformed", _short(text))] * given
    items = [item if isinstance(item, dict) else {} for item in listed]
    numbers = [n if isinstance(n := item.get("answer"), int) and not isinstance(n, bool) else None for item in items]
    times = Counter(numbers)
    unknown = sorted(n for n in times if n is not None and not 1 <= n <= given)
    missing = Drop("no-question", f"the reply names {unknown[0]} of {given}" if unknown else "")
    found: list[str | Drop] = [missing] * given
    for number, item in zip(numbers, items, strict=True):
        if number is not None and 1 <= number <= given:
            again = times[number] > 1
            found[number - 1] = Drop("repeated-number", str(number)) if again else _question(item.get("question"))
    return found


def _question(said: Any) -> str | Drop:
    if not isinstance(said, str) or _HALVES.search(said):
        return Drop("not-text", _short(repr(said)))
    question = " ".join(said.split())
    return question if question.endswith("?") and len(question) > 1 else Drop("not-a-question", _short(question))


def _short(text: str) -> str:
    text = _HALVES.sub("�", " ".join(text.split()))
    return text if len(text) <= 120 else text[:119] + "…"
