"""Gold five-choice questions about scenes, some with a fault planted on purpose.

A clean question's distractors are drawn from the same list as its key, blind to which is which, so that text alone is
worth chance. `meta.fault` names what was planted, and a probe's verdicts can be held against it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from flyreel.errors import InputError, did_you_mean
from flyreel.questions import Questions
from flyreel.schema import Cue
from flyreel.toybox import world
from flyreel.toybox.asking import ASKS, Ask, Slots
from flyreel.toybox.telling import cues
from flyreel.toybox.world import Scene

CHOICES = 5


@dataclass(frozen=True)
class Draft:
    question: str
    key: str
    distractors: tuple[str, ...]
    cues: tuple[Cue, ...]
    key_at: int | None = None


def questions(
    seed: int, scenes: int, per_scene: int = 4, faults: float = 0.3, kinds: Sequence[str] = (), first: int = 0
) -> Questions:
    """`scenes` × `per_scene` questions, that share of them with a fault of one of these kinds, or of any."""
    for kind in kinds:
        if kind not in PLANT:
            raise InputError(f"{kind}: no such fault.{did_you_mean(kind, PLANT)}")
    rows: list[dict[str, Any]] = []
    for made in world.scenes(seed, scenes, first):
        random_ = random.Random(f"{made.id}:questions")
        told = tuple(cues(made))
        for ask, slots in chosen(made, random_, per_scene):
            planted = random_.choice(tuple(kinds) or FAULTS) if random_.random() < faults else None
            rows.append(row(made, ask, slots, told, planted, random_, f"{made.id}-q{len(rows):04d}"))
    return Questions.from_rows(rows)


def chosen(scene: Scene, random_: random.Random, count: int) -> list[tuple[Ask, Slots]]:
    """Different kinds before a kind comes twice, so that no wording takes over."""
    by_kind = []
    for ask in ASKS:
        settled = {tuple(s.items()) for s in ask.slots(scene) if len(set(ask.truth(scene, s))) in (1, 2)}
        found = [(ask, dict(s)) for s in sorted(settled) if _one_answer(scene, ask, dict(s))]
        random_.shuffle(found)
        by_kind.append(found)
    random_.shuffle(by_kind)
    rounds = max((len(f) for f in by_kind), default=0)
    return [f[turn] for turn in range(rounds) for f in by_kind if turn < len(f)][:count]


def _one_answer(scene: Scene, ask: Ask, slots: Slots) -> bool:
    """One thing is true; a mutual event told from both sides is still one."""
    right = ask.truth(scene, slots)
    return len(set(right)) == 1 or (ask.name in ("after", "before") and len(right) == 2)


def row(
    scene: Scene, ask: Ask, slots: Slots, told: tuple[Cue, ...], planted: str | None, random_: random.Random, id: str
) -> dict[str, Any]:
    right = ask.truth(scene, slots)
    key = random_.choice(sorted(set(right)))
    asked = ask.wording.format(**slots)
    named = {*slots.values(), *asked.rstrip("?").split()}  # nobody chases themselves: a choice ruled out unseen
    wrong: set[str] = set()
    while len(wrong) < CHOICES - 1:
        wrong |= set(ask.pool(scene, random_)) - set(right) - named
    draft = Draft(asked, key, tuple(random_.sample(sorted(wrong), CHOICES - 1)), told)
    if planted:
        draft = PLANT[planted](draft, random_)
    choices = [*draft.distractors]
    random_.shuffle(choices)
    choices.insert(random_.randrange(CHOICES) if draft.key_at is None else draft.key_at, draft.key)
    return {
        "id": id,
        "question": draft.question,
        "choices": choices,
        "answer": choices.index(draft.key),
        "clip": scene.id,
        "group": scene.film,
        "category": ask.category,
        "template": ask.name,
        "cues": [cue.model_dump() for cue in draft.cues],
        "evidence": [{"start": a, "end": b} for a, b in ask.evidence(scene, slots)],
        "origin": {"name": "toybox", "parameters": {"fault": planted}},
        "meta": {"fault": planted} if planted else None,
    }


_ABSURD = (
    "seventeen Tuesdays", "the square root of soup", "a sentence about tax", "loud arithmetic", "minus one spoon",
)  # fmt: skip


def _in_question(draft: Draft, random_: random.Random) -> Draft:
    return replace(draft, question=f"{draft.question} The answer has to do with {draft.key}.")


def _longest(draft: Draft, random_: random.Random) -> Draft:
    extra = random_.choice(("as can be seen clearly in this part of the scene", "just as the description has it here"))
    return replace(draft, key=f"{draft.key}, {extra}")


def _position(draft: Draft, random_: random.Random) -> Draft:
    return replace(draft, key_at=2)


def _absurd(draft: Draft, random_: random.Random) -> Draft:
    return replace(draft, distractors=tuple(random_.sample(_ABSURD, CHOICES - 1)))


def _in_dialogue(draft: Draft, random_: random.Random) -> Draft:
    line = Cue(start=0.0, end=1.0, text=f"{draft.question} It is {draft.key}.")
    return replace(draft, cues=(line, *draft.cues))


PLANT: dict[str, Callable[[Draft, random.Random], Draft]] = {
    "answer-in-question": _in_question,
    "longest-choice": _longest,
    "position": _position,
    "absurd-distractors": _absurd,
    "answer-in-dialogue": _in_dialogue,
}
FAULTS = tuple(PLANT)
