"""Does an answer in free words say what the right one says? Asked of a model, by a prompt that is pinned by version."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flyreel.audit.asking import gives_logprobs
from flyreel.audit.judging import yes
from flyreel.engine.calls import Caller
from flyreel.engine.local import Progress, run
from flyreel.engine.stage import Context, Drop
from flyreel.models.prompts import load, quote
from flyreel.models.scoring import prompt_call
from flyreel.questions import Questions
from flyreel.schema import Prediction


@dataclass(frozen=True)
class Pair:
    id: str
    question: str
    right: str
    said: str


async def judge(
    caller: Caller, questions: Questions, said: Sequence[Prediction | None], progress: Progress
) -> dict[str, bool | None]:
    """By question, for the open-ended ones that were answered. None where the judge gave no verdict: that is no no."""
    logprobs = await gives_logprobs(caller)
    right = questions.strings("answer_text")
    pairs = [
        Pair(id, questions.texts[i], right[i], str(p.answer))
        for i, id in enumerate(questions.ids)
        if questions.sizes[i] == 0 and (p := said[i]) is not None and p.answer is not None
    ]

    async def put(pair: Pair, context: Context) -> bool:
        messages = load("flyreel.evaluate", "judge").messages(
            question=pair.question, right=pair.right, said=pair.said, quote=quote
        )
        return yes(await context.ask(prompt_call(messages, logprobs)))

    outcomes = await run(put, pairs, Context(caller), progress)
    return {o.item.id: None if isinstance(o.value, Drop) else o.value for o in outcomes}
