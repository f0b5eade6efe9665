"""Replies of known truth, in the ways that models reply to a question of choices.

A case has the index that the reply commits to, or None where a careful human would say that it commits to nothing or
to several. Left out is what two careful humans would call differently: a leaning ("probably B, maybe C"), shares in
per cent, an explanation that ends on another letter than it began with, a paraphrase or a cut-off part of a choice, a
number in place of a letter ("Option 2"), a text with an initial that is another option's letter ("C. Adams"), a letter
that is another choice's text, all choices but one denied and nothing concluded, an answer inside of a thought and none
after it, a letter with the text of no choice, Cyrillic look-alikes, "A: B", and letters run together ("BBBB").
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from replies import letters, thoughts, words  # noqa: F401  (their kinds register where they are imported)
from replies.choices import ask
from replies.parts import COMMITTED
from replies.uncommitted import UNCOMMITTED

SHARE_COMMITTED = 0.6


@dataclass(frozen=True)
class Case:
    kind: str
    reply: str
    choices: tuple[str, ...]
    truth: int | None


def cases(count: int, seed: int) -> Iterator[Case]:
    """Three in five commit; within either part every kind comes equally often."""
    rng = Random(seed)
    for _ in range(count):
        kinds = COMMITTED if rng.random() < SHARE_COMMITTED else UNCOMMITTED
        kind = rng.choice(list(kinds))
        reply = None
        while reply is None:
            asked = ask(rng)
            reply = kinds[kind](asked)
        yield Case(kind, spaced(reply, rng), asked.choices, asked.index if kinds is COMMITTED else None)


def spaced(reply: str, rng: Random) -> str:
    """Now and then the white space that templates and other systems leave."""
    if rng.random() < 0.9:
        return reply
    return rng.choice((f" {reply}", f"\n{reply}", f"{reply}\n", f"{reply}  ", reply.replace("\n", "\r\n")))
