"""Scenes by script: who is there, what each does when, and the cues that tell it.

A scene is a pure function of its seed. Nothing here is drawn yet; the script is what drawing, cues, questions and the
oracle all read.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from flyreel.schema import Cue

NAMES = ("Pip", "Mo", "Zed", "Lulu", "Bix", "Nora", "Tam", "Ollo", "Wren", "Gus")
SHAPES = ("circle", "square", "triangle", "star", "diamond", "hexagon")
COLOURS = ("red", "blue", "green", "yellow", "purple", "orange")
SIZES = ("small", "large")
PLACES = ("forest", "beach", "city", "desert", "meadow", "harbour")
LIGHTS = ("dawn", "noon", "dusk", "moonlight", "lamplight")
PROPS = ("tree", "rock", "barrel", "tent", "fence")
THINGS = ("ball", "lantern", "basket", "drum", "kite")

ALONE = ("jumps", "spins", "waits", "changes colour")
WITH_PROP = ("hides behind",)
WITH_THING = ("carries", "pushes")
WITH_OTHER = ("chases", "collides with", "swaps places with", "follows")
VERBS = (*ALONE, *WITH_PROP, *WITH_THING, *WITH_OTHER)

THEMES = {
    "chases": "a pursuit",
    "collides with": "a clash",
    "swaps places with": "an exchange",
    "follows": "a friendship",
    "hides behind": "a secret",
    "carries": "a delivery",
}


@dataclass(frozen=True)
class Character:
    name: str
    shape: str
    colour: str
    size: str


@dataclass(frozen=True)
class Event:
    """One thing that happens: who does what to whom or what, from when to when."""

    start: float
    end: float
    actor: str
    verb: str
    target: str = ""

    @property
    def phrase(self) -> str:
        """What is done, without who does it."""
        article = "the " if self.target in PROPS else "a " if self.target in THINGS else "to " if self.target else ""
        if self.target in NAMES:
            article = ""
        return f"{self.verb} {article}{self.target}".strip()


@dataclass(frozen=True)
class Scene:
    id: str
    film: str
    place: str
    light: str
    cast: tuple[Character, ...]
    events: tuple[Event, ...]
    theme: str
    duration: float


def scene(seed: int, number: int) -> Scene:
    """The scene of that number in the world of that seed. Two scenes make a film."""
    random_ = random.Random(f"{seed}:{number}")
    cast = tuple(
        Character(name, random_.choice(SHAPES), random_.choice(COLOURS), random_.choice(SIZES))
        for name in random_.sample(NAMES, random_.randint(2, 5))
    )
    theme = random_.choice(list(THEMES))
    verbs = [theme, *random_.sample([v for v in VERBS if v != theme], random_.randint(3, 5)), theme]
    opening, rest = verbs[:1], verbs[1:]
    random_.shuffle(rest)
    events, at = [], 0.0
    for verb in opening + rest:
        actor, target = _who(random_, cast, verb)
        length = random_.choice((1.0, 1.5, 2.0))
        events.append(Event(at, at + length, actor, verb, target))
        at += length
    return Scene(
        id=f"toybox-{seed}-{number:04d}",
        film=f"toybox-{seed}-film-{number // 2:03d}",
        place=random_.choice(PLACES),
        light=random_.choice(LIGHTS),
        cast=cast,
        events=tuple(events),
        theme=theme,
        duration=at,
    )


def _who(random_: random.Random, cast: tuple[Character, ...], verb: str) -> tuple[str, str]:
    actor, other = random_.sample([c.name for c in cast], 2)
    if verb in WITH_OTHER:
        return actor, other
    if verb in WITH_PROP:
        return actor, random_.choice(PROPS)
    if verb in WITH_THING:
        return actor, random_.choice(THINGS)
    return actor, random_.choice(COLOURS) if verb == "changes colour" else ""


def cues(made: Scene, random_: random.Random) -> list[Cue]:
    """What is described, event by event, and what is said, which is nothing much.

    Who speaks is left out: it would tell who is in the scene, and with that who is the answer to "Who …?".
    """
    found = [
        Cue(start=0.0, end=1.0, kind="description", text=f"A {made.place} at {made.light}."),
        *(
            Cue(start=0.0, end=1.0, kind="description", text=f"{c.name} is a {c.size} {c.colour} {c.shape}.")
            for c in made.cast
        ),
        *(Cue(start=e.start, end=e.end, kind="description", text=f"{e.actor} {e.phrase}.") for e in made.events),
    ]
    small_talk = ("Here we go.", "What a day.", "Did you see that?", "Wait for me.", "Not again.")
    for event in made.events[::2]:
        found.append(Cue(start=event.start, end=event.end, text=random_.choice(small_talk)))
    return sorted(found, key=lambda cue: cue.start)
