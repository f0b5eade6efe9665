"""Wrong answers from a language model, as candidates: what it proposes is filtered like any other candidate."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from flyreel.engine.local import run
from flyreel.engine.stage import Context, Drop
from flyreel.errors import ModelError
from flyreel.models.call import Call
from flyreel.models.prompts import load
from flyreel.refine.strategy import Bench, Task

COUNT = 3
_HALVES = re.compile("[\ud800-\udfff]")
"""JSON may hold half a character, which no file can."""

LONGEST_KEY = 280
"""A longer answer is not worth its tokens: small models copy it."""


def proposing(question: str, key: str, sample: int = 0, count: int = COUNT) -> Call:
    """One call, each `sample` a draw of its own; the schema holds answers to the key's length, give or take half."""
    one = {"type": "string", "minLength": len(key) // 2, "maxLength": len(key) + len(key) // 2 + 10}
    wrong = {"type": "array", "items": one, "minItems": count, "maxItems": count}
    schema = {"type": "object", "properties": {"wrong": wrong}, "required": ["wrong"], "additionalProperties": False}
    messages = load("flyreel.refine", "distractors").messages(question=question, key=key, count=count)
    return Call(messages, {"max_tokens": count * (len(key) // 2 + 24) + 24, "temperature": 0.8}, schema, sample=sample)


def proposed(text: str) -> list[str]:
    """What the reply holds, without repeats; a reply that is not what was asked for holds nothing."""
    try:
        wrong = json.loads(text)["wrong"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return []
    texts = [w for w in wrong if isinstance(w, str) and w.strip()] if isinstance(wrong, list) else []
    return list(dict.fromkeys(" ".join(t.split()) for t in texts if not _HALVES.search(t)))


async def propose(tasks: Sequence[Task], bench: Bench) -> dict[int, list[str]]:
    """By position of the question: a draw for this attempt, beside those of the attempts before, which the ledger has.
    A draw that failed proposes nothing, and the filter does without; the other draws of the question count."""
    assert bench.rewriter is not None

    async def stage(task: Task, context: Context) -> list[str] | Drop:
        texts: list[str] = []
        failed: list[Drop] = []
        for sample in range(task.attempt):
            try:
                reply = await context.ask(proposing(task.first.question, task.first.key, sample))
                texts += proposed(reply.text)
            except ModelError as error:
                failed.append(Drop(error.reason, str(error)))
        return failed[0] if len(failed) == task.attempt else list(dict.fromkeys(texts))

    asked = [t for t in tasks if len(t.first.key) <= LONGEST_KEY]
    outcomes = await run(stage, asked, Context(bench.rewriter), bench.progress("propose"))
    return {o.item.row: o.value for o in outcomes if not isinstance(o.value, Drop)}
