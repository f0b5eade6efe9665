"""A language model rewrites the question, from the best wording so far and with the reasons of what was refused.

One call a task and attempt. What comes back is a proposal: nothing here judges it, the gates do.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from flyreel.audit.judging import shown
from flyreel.engine.local import run
from flyreel.engine.stage import Context, Drop
from flyreel.errors import InputError
from flyreel.models.call import Call
from flyreel.models.prompts import load, quote
from flyreel.refine.gates import refused
from flyreel.refine.strategy import Bench, Proposal, Task, strategy
from flyreel.schema import Revision, Wording

LAST = 3
"""Refused attempts that the rewriter is told of."""
MOST_TOKENS = 2048


@strategy("rewrite", reads_why=lambda attempt: True)
async def rewrite(tasks: Sequence[Task], bench: Bench) -> list[Proposal]:
    """A language model changes as little as needed, told how the question was guessed and what was refused."""
    if bench.rewriter is None:
        raise InputError("the rewrite strategy needs a model for the role rewriter: [models.rewriter] in flyreel.toml")

    async def put(task: Task, context: Context) -> Proposal:
        return rewritten((await context.ask(rewriting(task))).text, task.best)

    outcomes = await run(put, tasks, Context(bench.rewriter), bench.progress("rewrite"))
    return [outcome.value for outcome in outcomes]


def rewriting(task: Task) -> Call:
    """The call for one task; each attempt is a draw of its own."""
    best = task.best
    k = len(best.choices)
    properties = {
        "change": {"enum": ["question", "choices", "both"]},
        "question": {"type": "string"},
        "choices": {"type": "array", "items": {"type": "string"}, "minItems": k, "maxItems": k},
        "answer": {"type": "integer", "minimum": 0, "maximum": k - 1},
    }
    schema = {"type": "object", "properties": properties, "required": ["change"], "additionalProperties": False}
    messages = load("flyreel.refine", "rewrite").messages(
        **best.model_dump(),
        count=k,
        cues=shown(task.cues, task.evidence),
        rationale=task.rationale,
        tried=[_told(r) for r in task.tried if not r.accepted and r.after is not None][-LAST:],
        quote=quote,
    )
    size = len(best.question.encode()) + k * max(len(c.encode()) for c in best.choices)
    most = min(MOST_TOKENS, 128 + size)  # four times as long in English, as long in a script of a token a letter
    return Call(messages, {"max_tokens": most, "temperature": 0.8}, schema, sample=task.attempt)


def _told(revision: Revision) -> dict[str, Any]:
    wording = revision.after.model_dump() if revision.after else None
    return {"wording": wording, "reason": revision.reason or refused(revision.gates) or "still guessed"}


def rewritten(text: str, best: Wording) -> Proposal:
    """The reply as a wording; what the model did not mean to change is as it was, to the letter."""
    try:
        reply = json.loads(text[text.index("{") : text.rindex("}") + 1])
        change = reply["change"]
        as_it_is = {"question": best.question, "choices": list(best.choices), "answer": best.answer}
        question, choices, answer = ({**as_it_is, **reply}[n] for n in as_it_is)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        return Drop("bad-reply", f"{type(error).__name__}: {error}"[:120])
    if change not in ("question", "choices", "both") or not isinstance(question, str):
        return Drop("bad-reply", "change or question is not what was asked for")
    if not isinstance(choices, list) or not all(isinstance(c, str) for c in choices):
        return Drop("bad-reply", "choices is not a list of texts")
    if len(choices) != len(best.choices) or type(answer) is not int or not 0 <= answer < len(choices):
        return Drop("bad-reply", f"{len(choices)} choices instead of {len(best.choices)}, answer {answer!r}"[:120])
    question = best.question if change == "choices" else _clean(question, [best.question])
    choices = [*best.choices] if change == "question" else [_clean(c, best.choices) for c in choices]
    if not question or not all(choices):
        return Drop("bad-reply", "an empty text")
    try:
        "".join((question, *choices)).encode()
    except UnicodeEncodeError:
        return Drop("bad-reply", "half a character, which no file can hold")
    after = Wording(question=question, choices=_placed(choices, answer, best), answer=best.answer)
    return Drop("unchanged") if after == best else after


def _clean(text: str, before: Sequence[str]) -> str:
    """Without stray whitespace; a text that was there before keeps what it had."""
    text = " ".join(text.split())
    return next((b for b in before if " ".join(b.split()) == text), text)


def _placed(choices: list[str], answer: int, best: Wording) -> tuple[str, ...]:
    """The key where it was, kept choices where they were, new ones in the places left: order is the set's business."""
    left = choices[:answer] + choices[answer + 1 :]
    kept: list[str | None] = []
    for i, choice in enumerate(best.choices):
        stays = i != best.answer and choice in left
        if stays:
            left.remove(choice)
        kept.append(choice if stays else None)
    new = iter(left)
    return tuple(choices[answer] if i == best.answer else c or next(new) for i, c in enumerate(kept))
