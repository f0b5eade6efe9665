"""Scenes by script: who is there, what each does when, where, and in what light.

A scene is a pure function of its seed. The script is the only truth: drawing, cues, captions, questions and the oracle
all read it and nothing else.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

NAMES = ("Pip", "Mo", "Zed", "Lulu", "Bix", "Nora", "Tam", "Ollo", "Wren", "Gus")
"""No two begin alike: the first letter is what a character wears."""

SHAPES = ("circle", "square", "triangle", "star", "diamond", "hexagon")
COLOURS = ("red", "blue", "green", "yellow", "purple", "orange")
SIZES = ("small", "large")
PLACES = ("forest", "beach", "city", "desert", "meadow", "harbour")
LIGHTS = ("dawn", "noon", "dusk", "moonlight", "lamplight")
PROPS = ("tree", "rock", "barrel", "tent", "fence")
THINGS = ("ball", "lantern", "basket", "drum", "kite")

ENTERS, LEAVES = "enters", "leaves"
ALONE = ("jumps", "spins", "waits", "changes colour")
WITH_PROP = ("hides behind",)
WITH_THING = ("carries", "pushes")
WITH_OTHER = ("chases", "collides with", "swaps places with")
MUTUAL = ("collides with", "swaps places with")
"""Whoever collides with Mo has Mo collide with them: both tellings are true."""

VERBS = (*ALONE, *WITH_PROP, *WITH_THING, *WITH_OTHER)
"""What anyone on the stage can do at any time; coming and going depend on who is there."""

THEMES = {
    "chases": "a pursuit",
    "collides with": "a clash",
    "swaps places with": "an exchange",
    "hides behind": "a secret",
    "carries": "a delivery",
    "pushes": "hard work",
}

AT = dict(zip(PLACES, ("in the", "on the", "in the", "in the", "on the", "at the"), strict=True))
LIT = {light: f"{'in' if light in ('moonlight', 'lamplight') else 'at'} {light}" for light in LIGHTS}

FPS = (8, 10, 12, 15)
SHORTEST, LONGEST = 3.0, 12.0


@dataclass(frozen=True)
class Character:
    name: str
    shape: str
    colour: str
    size: str

    @property
    def looks(self) -> str:
        return f"{self.size} {self.colour} {self.shape}"


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
        article = "" if self.target in ("", *NAMES) else "to " if self.target in COLOURS else "the "
        return f"{self.verb} {article}{self.target}".strip()

    @property
    def told(self) -> str:
        return f"{self.actor} {self.phrase}"


@dataclass(frozen=True)
class Shot:
    """A stretch with one backdrop and one light, and what stands and lies about in it."""

    start: float
    end: float
    place: str
    light: str
    props: tuple[str, ...]
    things: tuple[str, ...]


@dataclass(frozen=True)
class Scene:
    id: str
    film: str
    cast: tuple[Character, ...]
    opening: tuple[str, ...]
    """Who stands on the stage when the scene begins."""
    shots: tuple[Shot, ...]
    events: tuple[Event, ...]
    duration: float
    fps: int

    def character(self, name: str) -> Character:
        return next(c for c in self.cast if c.name == name)

    def shot_at(self, time: float) -> Shot:
        return next((s for s in self.shots if time < s.end), self.shots[-1])

    def colours(self, name: str) -> list[tuple[float, str]]:
        """From when on the character has which colour."""
        changes = [(e.end, e.target) for e in self.events if e.actor == name and e.verb == "changes colour"]
        return [(0.0, self.character(name).colour), *changes]

    def presence(self, name: str) -> list[tuple[float, float]]:
        """When the character can be seen."""
        spans, since = [], 0.0 if name in self.opening else None
        for event in self.events:
            if event.actor == name and event.verb == ENTERS:
                since = event.start
            elif event.actor == name and event.verb == LEAVES and since is not None:
                spans.append((since, event.end))
                since = None
        return spans if since is None else [*spans, (since, self.duration)]


def scene(seed: int, number: int) -> Scene:
    """The scene of that number in the world of that seed. Two scenes make a film."""
    random_ = random.Random(f"{seed}:{number}")
    cast = _cast(random_)
    names = [c.name for c in cast]
    absent = random_.sample(names, random_.randint(0, max(0, len(names) - 2)))
    opening = tuple(n for n in names if n not in absent)
    wanted = random_.uniform(SHORTEST + 1.0, LONGEST - 2.5)
    shots, events, at = _play(random_, cast, opening, wanted)
    while len(cast) == 2 and all(e.verb in MUTUAL for e in events):  # no caption of it could name the wrong actor
        shots, events, at = _play(random_, cast, opening, wanted)
    return Scene(
        id=f"toybox-{seed}-{number:04d}",
        film=f"toybox-{seed}-film-{number // 2:03d}",
        cast=cast,
        opening=opening,
        shots=shots,
        events=events,
        duration=at,
        fps=random_.choice(FPS),
    )


def _cast(random_: random.Random) -> tuple[Character, ...]:
    """Two to five characters, no two of one colour and shape."""
    names = random_.sample(NAMES, random_.randint(2, 5))
    looks = random_.sample([(s, c) for s in SHAPES for c in COLOURS], len(names))
    pairs = zip(names, looks, strict=True)
    return tuple(Character(name, shape, colour, random_.choice(SIZES)) for name, (shape, colour) in pairs)


def _play(
    random_: random.Random, cast: tuple[Character, ...], opening: tuple[str, ...], wanted: float
) -> tuple[tuple[Shot, ...], tuple[Event, ...], float]:
    """Events one after another until the time is up, with a cut between some of them."""
    on, colours = set(opening), {c.name: c.colour for c in cast}
    theme = random_.choice(list(THEMES))
    shots, events = [_shot(random_, 0.0, None)], list[Event]()
    at = _tick(random_.uniform(0.2, 0.5))
    while at < wanted or len(events) < 3:
        if len(shots) < 3 and len(events) >= 2 * len(shots) and random_.random() < 0.4:
            shots[-1] = _ended(shots[-1], _tick((events[-1].end + at) / 2))
            shots.append(_shot(random_, shots[-1].end, shots[-1]))
        verb, actor, target = _next(random_, cast, on, colours, shots[-1], theme if len(events) % 3 == 0 else None)
        end = _tick(at + random_.uniform(0.8, 1.5))
        events.append(Event(at, end, actor, verb, target))
        on = on | {actor} if verb == ENTERS else on - {actor} if verb == LEAVES else on
        if verb == "changes colour":
            colours[actor] = target
        at = _tick(end + random_.uniform(0.2, 0.6))
    shots[-1] = _ended(shots[-1], at)
    return tuple(shots), tuple(events), at


def _tick(seconds: float) -> float:
    """Times are in tenths, so that they read well and survive JSON unchanged."""
    return round(seconds, 1)


def _shot(random_: random.Random, start: float, before: Shot | None) -> Shot:
    places = [p for p in PLACES if before is None or p != before.place]
    return Shot(
        start, start, random_.choice(places), random_.choice(LIGHTS),
        tuple(random_.sample(PROPS, 2)), tuple(random_.sample(THINGS, 2)),
    )  # fmt: skip


def _ended(shot: Shot, end: float) -> Shot:
    return Shot(shot.start, end, shot.place, shot.light, shot.props, shot.things)


def _next(
    random_: random.Random, cast: tuple[Character, ...], on: set[str], colours: dict[str, str], shot: Shot,
    theme: str | None,
) -> tuple[str, str, str]:  # fmt: skip
    """What happens next, among what can: who is not there enters, and two stay on the stage."""
    off = [c.name for c in cast if c.name not in on]
    here = [c.name for c in cast if c.name in on]
    if off and random_.random() < 0.3:
        return ENTERS, random_.choice(off), ""
    if len(here) > 2 and random_.random() < 0.12:
        return LEAVES, random_.choice(here), ""
    verb = theme or random_.choice(VERBS)
    actor, other = random_.sample(here, 2)
    if verb in WITH_OTHER:
        return verb, actor, other
    if verb in WITH_PROP:
        return verb, actor, random_.choice(shot.props)
    if verb in WITH_THING:
        return verb, actor, random_.choice(shot.things)
    if verb == "changes colour":
        return verb, actor, random_.choice([c for c in COLOURS if c != colours[actor]])
    return verb, actor, ""


def invented(random_: random.Random, cast: tuple[Character, ...]) -> Event:
    """Something that could happen to this cast, whether or not it did."""
    verb = random_.choice((*VERBS, ENTERS, LEAVES))
    actor, other = random_.sample([c.name for c in cast], 2)
    pools = {"changes colour": COLOURS, **dict.fromkeys(WITH_PROP, PROPS), **dict.fromkeys(WITH_THING, THINGS)}
    target = other if verb in WITH_OTHER else random_.choice(pools.get(verb, ("",)))
    return Event(0.0, 1.0, actor, verb, target)


def otherwise(random_: random.Random, scene: Scene) -> tuple[Event, ...]:
    """What this cast does in a scene that was never made: as likely as what it does in this one."""
    return _play(random_, scene.cast, scene.opening, random_.uniform(SHORTEST + 1.0, LONGEST - 2.5))[1]


def scenes(seed: int, count: int, first: int = 0) -> Iterator[Scene]:
    return (scene(seed, number) for number in range(first, first + count))
