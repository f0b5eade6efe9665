"""Does an answer in free words say what the right one says? Asked of a model, by a prompt that is pinned by version."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flyreel.audit.asking import gives_logprobs
from flyreel.audit.judging import yes
from flyreel.engine.calls import Caller
from flyreel.engine.local import Progress, run
from flyreel.engine.stage import Context, Drop
from flyreel.evaluate.open_ended import text_of
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
    """By question, for the open-ended ones that were put. None where the judge gave no verdict: that is no no.

    An empty answer is a no, and nobody needs to be asked for it: left out, silence would be a way to a better share.
    """
    right = questions.strings("answer_text")
    put_to = [i for i, p in enumerate(said) if questions.sizes[i] == 0 and p is not None and p.asked]
    answers = {i: text_of(said[i]) for i in put_to}
    pairs = [Pair(questions.ids[i], questions.texts[i], right[i], text) for i, text in answers.items() if text]
    empty: dict[str, bool | None] = {questions.ids[i]: False for i, text in answers.items() if not text}
    if not pairs:
        return empty
    logprobs = await gives_logprobs(caller)

    async def put(pair: Pair, context: Context) -> bool:
        messages = load("flyreel.evaluate", "judge").messages(
            question=pair.question, right=pair.right, said=pair.said, quote=quote
        )
        return yes(await context.ask(prompt_call(messages, logprobs)))

    outcomes = await run(put, pairs, Context(caller), progress)
    return {**empty, **{o.item.id: None if isinstance(o.value, Drop) else o.value for o in outcomes}}
