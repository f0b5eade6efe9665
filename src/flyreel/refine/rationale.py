"""How a question was guessed: asked of the blind solver about an ordering that it got right, and about no other."""

from __future__ import annotations

from collections.abc import Sequence

from flyreel.engine.calls import Caller
from flyreel.models.call import Call
from flyreel.models.prompts import load
from flyreel.models.scoring import LETTERS
from flyreel.schema import Wording

TOKENS = 80


async def rationale(caller: Caller, wording: Wording, ordering: Sequence[int]) -> str:
    """Why the key was chosen. `ordering` holds choice indices by position; a failed call raises its `ModelError`."""
    messages = load("flyreel.refine", "rationale").messages(
        question=wording.question,
        choices=[wording.choices[c] for c in ordering],
        letters=LETTERS,
        picked=list(ordering).index(wording.answer),
    )
    reply = await caller.ask(Call(messages, {"max_tokens": TOKENS, "temperature": 0.0}))
    return " ".join(reply.text.split())
