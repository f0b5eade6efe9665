"""What a model that sees the cues says of one wording: which choice it picks, and whether one answer alone is right."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from flyreel.audit.asking import gives_logprobs
from flyreel.engine.calls import Caller
from flyreel.errors import ModelError
from flyreel.models.call import Call, Reply
from flyreel.models.prompts import load, quote
from flyreel.models.scoring import LETTERS, Evidence, choose, prompt_call

CUES, CUE_CHARACTERS = 60, 6000
"""What of a scene is shown to a model: enough for a clip, and a bound on the cost of a film."""

Cues = Sequence[Mapping[str, Any]]


def shown(cues: Cues, evidence: Sequence[Mapping[str, float]] = ()) -> list[dict[str, Any]]:
    """The cues that fit, those nearest the evidence first, or the earliest where none is named; in time order."""

    def distance(cue: Mapping[str, Any]) -> float:
        if cue["start"] == cue["end"] == 0:  # about the whole clip
            return 0.0
        return min((max(0.0, e["start"] - cue["end"], cue["start"] - e["end"]) for e in evidence), default=0.0)

    kept: list[dict[str, Any]] = []
    room = CUE_CHARACTERS
    for cue in sorted(cues, key=lambda c: (distance(c), c["start"])):
        text = str(cue["text"])
        if len(kept) == CUES or (kept and len(text) > room):
            break
        kept.append({"speaker": None, "kind": "dialogue", **cue, "text": text[:room]})
        room -= len(text)
    return sorted(kept, key=lambda c: c["start"])


async def pick(caller: Caller, cues: Cues, question: str, choices: Sequence[str]) -> Evidence:
    prompt = load("flyreel.audit", "scene")

    def messages(ordered: Sequence[str]) -> tuple[dict[str, str], ...]:
        return prompt.messages(question=question, choices=ordered, letters=LETTERS, cues=cues)

    return await choose(caller.ask, messages, choices, logprobs=await gives_logprobs(caller))


async def accepts(caller: Caller, cues: Cues, question: str, answer: str, sample: int = 0) -> bool:
    """Is that a right answer? Asked of one answer without the others in sight. Raises `ModelError`."""
    messages = load("flyreel.audit", "accepts").messages(cues=cues, question=question, answer=answer, quote=quote)
    asked = prompt_call(messages, await gives_logprobs(caller))
    return yes(await caller.ask(Call(asked.messages, asked.parameters, sample=sample)))


def yes(reply: Reply) -> bool:
    """By the mass of the first token where there is one, else by the word; neither is a failure, never a no."""
    mass = {"yes": 0.0, "no": 0.0}
    for token, logprob in (reply.first_token or {}).items():
        if (word := token.strip().strip('".,:*').lower()) in mass:
            mass[word] += math.exp(logprob)
    if mass["yes"] != mass["no"]:
        return mass["yes"] > mass["no"]
    said = re.match(r"\W*(yes|no)\b", reply.text, re.I)
    if not said:
        raise ModelError("no-yes-or-no")
    return said[1].lower() == "yes"
