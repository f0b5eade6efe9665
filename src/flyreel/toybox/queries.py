"""Things one might look for in a scene, in many wordings, with the stretches where they can be seen.

What an embedder is trained on: "Pip jumps", "the red star hid behind the tree", "who is chasing Mo?", "the beach", and
every question of `asking`. Whether something is an answer plays no part here.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from flyreel.toybox import world
from flyreel.toybox.asking import ASKS, Stretch, both_ways
from flyreel.toybox.world import Event, Scene

_PAST = {
    "enters": "entered", "leaves": "left", "jumps": "jumped", "spins": "spun", "waits": "waited",
    "changes colour": "changed colour", "hides behind": "hid behind", "carries": "carried", "pushes": "pushed",
    "chases": "chased", "collides with": "collided with", "swaps places with": "swapped places with",
}  # fmt: skip
_DOING = {
    "enters": "entering", "leaves": "leaving", "jumps": "jumping", "spins": "spinning", "waits": "waiting",
    "changes colour": "changing colour", "hides behind": "hiding behind", "carries": "carrying",
    "pushes": "pushing", "chases": "chasing", "collides with": "colliding with",
    "swaps places with": "swapping places with",
}  # fmt: skip


@dataclass(frozen=True)
class Query:
    text: str
    spans: tuple[Stretch, ...]


def of_event(scene: Scene, event: Event, random_: random.Random) -> Query:
    """The event in some wording; vaguer wordings fit other events of the scene as well, and their stretches count."""
    who = random_.choice(("name", "name", "looks", "someone", "who"))
    vague = who in ("someone", "who")
    to_whom = random_.choice(("name", "name", "looks")) if event.target in world.NAMES else "name"
    subject = {"name": event.actor, "looks": _looks(scene, event.actor, event.start, random_)}.get(who, who)
    target = _looks(scene, event.target, event.start, random_) if to_whom == "looks" else event.target
    article = (
        "the " if event.target in (*world.PROPS, *world.THINGS) else "to " if event.target in world.COLOURS else ""
    )
    verb = random_.choice((event.verb, _PAST[event.verb], f"is {_DOING[event.verb]}"))
    text = f"{subject} {verb} {article}{target}".strip() + ("?" if who == "who" else "")
    same = [
        e for e in scene.events for w in both_ways(e) if w.phrase == event.phrase and (vague or w.actor == event.actor)
    ]
    return Query(text, tuple((e.start, e.end) for e in same))


def _looks(scene: Scene, name: str, time: float, random_: random.Random) -> str:
    """What the character looks like by then, in two words or three."""
    who = scene.character(name)
    colour = [c for since, c in scene.colours(name) if since <= time][-1]
    return f"the {random_.choice((f'{who.size} ', ''))}{colour} {who.shape}"


def of_scene(scene: Scene, random_: random.Random) -> list[Query]:
    """One wording of every event, of every question that is settled, of every place and of everybody."""
    found = [of_event(scene, event, random_) for event in scene.events]
    for ask in ASKS:
        for slots in ask.slots(scene):
            if ask.truth(scene, slots):
                found.append(Query(ask.wording.format(**slots), tuple(ask.evidence(scene, slots))))
    for shot in scene.shots:
        lit = tuple((s.start, s.end) for s in scene.shots if (s.place, s.light) == (shot.place, shot.light))
        found.append(
            Query(random_.choice((f"the {shot.place} {world.LIT[shot.light]}", f"{shot.light}, {shot.place}")), lit)
        )
    for c in scene.cast:
        if seen := scene.presence(c.name):
            found.append(Query(random_.choice((c.name, f"{c.name} is there")), tuple(seen)))
    return found
