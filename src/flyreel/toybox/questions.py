"""Gold five-choice questions about a scene, some with a fault planted on purpose.

A clean question's distractors are drawn from the same list as its key, blind to which is which, so that text alone is
worth chance. `meta.fault` names what was planted, and a probe's verdicts can be held against it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from flyreel.questions import Questions
from flyreel.schema import Cue
from flyreel.toybox import world
from flyreel.toybox.world import Event, Scene

FAULTS = ("answer-in-question", "longest-choice", "absurd-distractors", "answer-in-dialogue")
CHOICES = 5

CHARACTER = "Character and Relationship Dynamics"
PLOT = "Narrative and Plot Analysis"
SETTING = "Setting and Technical Analysis"
TEMPORAL = "Temporal"
THEME = "Theme Exploration"

_ABSURD = (
    "seventeen Tuesdays",
    "the square root of soup",
    "a sentence about tax",
    "loud arithmetic",
    "minus one spoon",
)


def questions(seed: int, scenes: int, per_scene: int = 4, faults: float = 0.3) -> Questions:
    """`scenes` × `per_scene` questions, that share of them with a planted fault."""
    rows: list[dict[str, Any]] = []
    for number in range(scenes):
        made = world.scene(seed, number)
        random_ = random.Random(f"{seed}:{number}:questions")
        cues = world.cues(made, random_)
        asked = list(_about(made, random_))
        for row in random_.sample(asked, min(per_scene, len(asked))):
            planted = random_.choice(FAULTS) if random_.random() < faults else None
            rows.append(_finish(made, row, cues, planted, random_, f"{made.id}-q{len(rows):04d}"))
    return Questions.from_rows(rows)


def _about(made: Scene, random_: random.Random) -> Iterator[dict[str, Any]]:
    """Every question that the script answers uniquely."""
    yield _ask("Where does the scene take place?", f"in a {made.place}", [f"in a {p}" for p in world.PLACES], SETTING)
    yield _ask("What is the light like?", made.light, world.LIGHTS, SETTING)
    yield _ask("What is the scene about most of all?", world.THEMES[made.theme], list(world.THEMES.values()), THEME)
    for character in made.cast:
        others = [s for s in world.SHAPES if s != character.shape]
        yield _ask(f"What shape is {character.name}?", character.shape, [character.shape, *others], CHARACTER)
    for event in made.events:
        yield from _about_event(made, event)
    for before, after in zip(made.events, made.events[1:], strict=False):
        if _happens_once(made, before):
            question = f"What happens right after {before.actor} {before.phrase}?"
            yield _ask(question, _told(after), _tellings(made, after, random_), TEMPORAL, (after.start, after.end))


def _about_event(made: Scene, event: Event) -> Iterator[dict[str, Any]]:
    span = (event.start, event.end)
    same = [e for e in made.events if (e.verb, e.target) == (event.verb, event.target)]
    if len(same) == 1:
        yield _ask(f"Who {event.phrase}?", event.actor, [n for n in world.NAMES if n != event.target], PLOT, span)
    if event.verb in world.WITH_OTHER and sum((e.actor, e.verb) == (event.actor, event.verb) for e in made.events) == 1:
        verb = {"chases": "chase", "collides with": "collide with", "swaps places with": "swap places with"}
        question = f"Whom does {event.actor} {verb.get(event.verb, 'follow')}?"
        yield _ask(question, event.target, [n for n in world.NAMES if n != event.actor], CHARACTER, span)


def _happens_once(made: Scene, event: Event) -> bool:
    return sum((e.actor, e.phrase) == (event.actor, event.phrase) for e in made.events) == 1


def _told(event: Event) -> str:
    return f"{event.actor} {event.phrase}"


def _tellings(made: Scene, right: Event, random_: random.Random) -> list[str]:
    """Things that could have happened and did not, told as the key is: same verbs, same cast."""
    happened = {_told(e) for e in made.events}
    found = {_told(right)}
    while len(found) < 12:
        verb = random_.choice(world.VERBS)
        actor, target = world._who(random_, made.cast, verb)
        told = _told(Event(0, 1, actor, verb, target))
        if told not in happened:
            found.add(told)
    return sorted(found)


def _ask(
    question: str, key: str, pool: Sequence[str], category: str, evidence: tuple[float, float] | None = None
) -> dict[str, Any]:
    return {"question": question, "key": key, "pool": list(pool), "category": category, "evidence": evidence}


def _finish(
    made: Scene, row: dict[str, Any], cues: list[Cue], planted: str | None, random_: random.Random, id: str
) -> dict[str, Any]:
    distractors = random_.sample(sorted(set(row["pool"]) - {row["key"]}), CHOICES - 1)
    draft = {"question": row["question"], "key": row["key"], "distractors": distractors, "cues": cues}
    if planted:
        draft = _PLANT[planted](draft, made, random_)
    choices = [draft["key"], *draft["distractors"]]
    random_.shuffle(choices)
    start, end = row["evidence"] or (0.0, made.duration)
    return {
        "id": id,
        "question": draft["question"],
        "choices": choices,
        "answer": choices.index(draft["key"]),
        "clip": made.id,
        "group": made.film,
        "category": row["category"],
        "cues": [cue.model_dump() for cue in draft["cues"]],
        "evidence": [{"start": start, "end": end}],
        "origin": {"name": "toybox", "parameters": {"fault": planted}},
        "meta": {"fault": planted} if planted else None,
    }


def _in_question(draft: dict[str, Any], made: Scene, random_: random.Random) -> dict[str, Any]:
    return {**draft, "question": f"{draft['question']} The answer has to do with {draft['key']}."}


def _longest(draft: dict[str, Any], made: Scene, random_: random.Random) -> dict[str, Any]:
    extra = random_.choice(("as can be seen clearly in this part of the scene", "just as the description has it here"))
    return {**draft, "key": f"{draft['key']}, {extra}"}


def _absurd(draft: dict[str, Any], made: Scene, random_: random.Random) -> dict[str, Any]:
    return {**draft, "distractors": random_.sample(_ABSURD, CHOICES - 1)}


def _in_dialogue(draft: dict[str, Any], made: Scene, random_: random.Random) -> dict[str, Any]:
    line = Cue(start=0.0, end=1.0, text=f"{draft['question']} It is {draft['key']}.")
    return {**draft, "cues": [line, *draft["cues"]]}


_PLANT: dict[str, Callable[[dict[str, Any], Scene, random.Random], dict[str, Any]]] = {
    "answer-in-question": _in_question,
    "longest-choice": _longest,
    "absurd-distractors": _absurd,
    "answer-in-dialogue": _in_dialogue,
}
