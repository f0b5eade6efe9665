"""What can be asked about a scene, one `Ask` a kind of question: the wording, every right answer, and where it shows.

The same entry makes a question and answers it: `slots` finds the wordings that the script settles, `truth` reads the
script again for any wording of that kind, which is all that the oracle is. A distractor comes from `pool`, which may
hold right answers too; they are taken out where the question is put together.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from flyreel.toybox import world
from flyreel.toybox.world import Event, Scene

CHARACTER = "Character and Relationship Dynamics"
PLOT = "Narrative and Plot Analysis"
SETTING = "Setting and Technical Analysis"
TEMPORAL = "Temporal"
THEME = "Theme Exploration"

Slots = dict[str, str]
Stretch = tuple[float, float]

BASE = {
    "enters": "enter", "leaves": "leave", "jumps": "jump", "spins": "spin", "waits": "wait",
    "changes colour": "change colour", "hides behind": "hide behind", "carries": "carry", "pushes": "push",
    "chases": "chase", "collides with": "collide with", "swaps places with": "swap places with",
}  # fmt: skip


@dataclass(frozen=True)
class Ask:
    name: str
    category: str
    wording: str
    slots: Callable[[Scene], Iterable[Slots]]
    truth: Callable[[Scene, Slots], list[str]]
    evidence: Callable[[Scene, Slots], list[Stretch]]
    pool: Callable[[Scene, random.Random], Sequence[str]]


def tellings(event: Event) -> set[str]:
    return {e.told for e in both_ways(event)}


def both_ways(event: Event) -> list[Event]:
    turned = Event(event.start, event.end, event.target, event.verb, event.actor)
    return [event, turned] if event.verb in world.MUTUAL else [event]


def _all_ways(scene: Scene) -> list[Event]:
    return [e for event in scene.events for e in both_ways(event)]


def _spans(events: Iterable[Event]) -> list[Stretch]:
    return sorted({(e.start, e.end) for e in events})


def _told_as(scene: Scene, told: str) -> list[int]:
    return [i for i, e in enumerate(scene.events) if told in tellings(e)]


def _next_to(scene: Scene, told: str, step: int) -> list[Event]:
    """The event one step after (or before) the only one told so."""
    found = _told_as(scene, told)
    at = found[0] + step if len(found) == 1 else -1
    return [scene.events[at]] if 0 <= at < len(scene.events) else []


def _beside(step: int) -> Callable[[Scene, Slots], list[Stretch]]:
    """What is asked about and what it is asked from: both must be seen."""

    def spans(scene: Scene, slots: Slots) -> list[Stretch]:
        anchor = [scene.events[i] for i in _told_as(scene, slots["told"])]
        return _spans([*anchor, *_next_to(scene, slots["told"], step)])

    return spans


def _happenings(part: slice) -> Callable[[Scene, random.Random], Sequence[str]]:
    """What happens here, and what happens in another scene of the same cast: what is usual does not tell which.

    `part` leaves out the end that cannot be the key.
    """
    return lambda s, r: [
        e.told for e in (*s.events[part], *world.otherwise(r, s)[part]) if e.verb not in _COMING_AND_GOING
    ]


_COMING_AND_GOING = (world.ENTERS, world.LEAVES)
"""Never what comes next: there are few ways to say it, so it could not be offered as often as it would be right."""


def _beside_doing(step: int) -> Callable[[Scene], Iterable[Slots]]:
    def slots(scene: Scene) -> list[Slots]:
        doing = [e for e in scene.events if any(n.verb not in _COMING_AND_GOING for n in _next_to(scene, e.told, step))]
        return [{"told": e.told} for e in doing]

    return slots


def _whom(verb: str) -> Ask:
    def towards(scene: Scene, slots: Slots) -> list[Event]:
        return [e for e in _all_ways(scene) if (e.actor, e.verb) == (slots["name"], verb)]

    return Ask(
        name=f"whom-{verb.split()[0]}",
        category=CHARACTER,
        wording=f"Whom does {{name}} {BASE[verb]}?",
        slots=lambda s: [{"name": e.actor} for e in _all_ways(s) if e.verb == verb],
        truth=lambda s, v: [e.target for e in towards(s, v)],
        evidence=lambda s, v: _spans(towards(s, v)),
        pool=lambda s, r: world.NAMES,
    )


def _what(verb: str, pool: Sequence[str]) -> Ask:
    def done(scene: Scene, slots: Slots) -> list[Event]:
        return [e for e in scene.events if (e.actor, e.verb) == (slots["name"], verb)]

    return Ask(
        name=f"what-{verb.split()[0]}",
        category=PLOT,
        wording=f"What does {{name}} {BASE[verb]}?",
        slots=lambda s: [{"name": e.actor} for e in s.events if e.verb == verb],
        truth=lambda s, v: [f"the {e.target}" for e in done(s, v)],
        evidence=lambda s, v: _spans(done(s, v)),
        pool=lambda s, r: [f"the {x}" for x in pool],
    )


def _who(scene: Scene, slots: Slots) -> list[Event]:
    return [e for e in _all_ways(scene) if e.phrase == slots["phrase"]]


def _colour(when: str, at: int) -> Ask:
    def shown(scene: Scene, slots: Slots) -> list[Stretch]:
        """While the character is there and has that colour."""
        turns = scene.colours(slots["name"])
        since = turns[at][0]
        until = turns[1][0] if at == 0 and len(turns) > 1 else scene.duration
        seen = [(max(a, since), min(b, until)) for a, b in scene.presence(slots["name"])]
        return [(a, b) for a, b in seen if a < b]

    return Ask(
        name=f"colour-{when.split()[-1]}",
        category=CHARACTER,
        wording=f"What colour is {{name}} {when}?",
        slots=lambda s: [{"name": c.name} for c in s.cast if shown(s, {"name": c.name})],
        truth=lambda s, v: [s.colours(v["name"])[at][1]] if _known(s, v) else [],
        evidence=shown,
        pool=lambda s, r: world.COLOURS,
    )


def _at(place: str) -> str:
    return f"{world.AT[place]} {place}"


def _known(scene: Scene, slots: Slots) -> bool:
    return any(c.name == slots["name"] for c in scene.cast)


def _shot(when: str, at: int, wording: str, field: str, say: Callable[[str], str], pool: Sequence[str]) -> Ask:
    return Ask(
        name=f"{field}-{when}",
        category=SETTING,
        wording=wording,
        slots=lambda s: [{}],
        truth=lambda s, v: [say(getattr(s.shots[at], field))],
        evidence=lambda s, v: [(s.shots[at].start, s.shots[at].end)],
        pool=lambda s, r: [say(x) for x in pool],
    )


def _themes(scene: Scene) -> list[str]:
    """The one thing that happens most, if there is one."""
    counts = Counter(e.verb for e in scene.events if e.verb in world.THEMES).most_common(2)
    alone = len(counts) == 1 or (len(counts) == 2 and counts[0][1] > counts[1][1])
    return [counts[0][0]] if counts and counts[0][1] > 1 and alone else []


def _theme(when: str, at: int) -> Ask:
    """Not what is between two: only three of the six themes can be, and whoever knows that need not look."""

    def telling(scene: Scene) -> list[Event]:
        return [e for e in scene.events if e.verb in world.THEMES][at:][:1]

    return Ask(
        name=f"theme-{when}",
        category=THEME,
        wording=f"What is the scene about {when} of all?",
        slots=lambda s: [{}],
        truth=lambda s, v: [world.THEMES[e.verb] for e in telling(s)],
        evidence=lambda s, v: _spans(telling(s)),
        pool=lambda s, r: list(world.THEMES.values()),
    )


ASKS: tuple[Ask, ...] = (
    Ask(
        "who", PLOT, "Who {phrase}?",
        slots=lambda s: [{"phrase": e.phrase} for e in _all_ways(s)],
        truth=lambda s, v: [e.actor for e in _who(s, v)],
        evidence=lambda s, v: _spans(_who(s, v)),
        pool=lambda s, r: world.NAMES,
    ),
    *(_whom(verb) for verb in world.WITH_OTHER),
    _what("hides behind", world.PROPS),
    _what("carries", world.THINGS),
    _what("pushes", world.THINGS),
    Ask(
        "shape", CHARACTER, "What shape is {name}?",
        slots=lambda s: [{"name": c.name} for c in s.cast if s.presence(c.name)],
        truth=lambda s, v: [s.character(v["name"]).shape] if _known(s, v) else [],
        evidence=lambda s, v: s.presence(v["name"]),
        pool=lambda s, r: world.SHAPES,
    ),
    _colour("at first", 0),
    _colour("at the end", -1),
    _shot("first", 0, "Where does the scene open?", "place", _at, world.PLACES),
    _shot("last", -1, "Where does the scene end?", "place", _at, world.PLACES),
    _shot("first", 0, "What is the light like at first?", "light", str, world.LIGHTS),
    _shot("last", -1, "What is the light like at the end?", "light", str, world.LIGHTS),
    Ask(
        "where", SETTING, "Where does it happen that {told}?",
        slots=lambda s: [{"told": e.told} for e in s.events] if len(s.shots) > 1 else [],
        truth=lambda s, v: [_at(s.shot_at(s.events[i].start).place) for i in _told_as(s, v["told"])],
        evidence=lambda s, v: _spans(s.events[i] for i in _told_as(s, v["told"])),
        pool=lambda s, r: [_at(p) for p in world.PLACES],
    ),
    Ask(
        "after", TEMPORAL, "What happens right after {told}?",
        slots=_beside_doing(1),
        truth=lambda s, v: [t for e in _next_to(s, v["told"], 1) for t in tellings(e)],
        evidence=_beside(1), pool=_happenings(slice(1, None)),
    ),
    Ask(
        "before", TEMPORAL, "What happens right before {told}?",
        slots=_beside_doing(-1),
        truth=lambda s, v: [t for e in _next_to(s, v["told"], -1) for t in tellings(e)],
        evidence=_beside(-1), pool=_happenings(slice(None, -1)),
    ),
    Ask(
        "theme", THEME, "What is the scene about most of all?",
        slots=lambda s: [{}],
        truth=lambda s, v: [world.THEMES[verb] for verb in _themes(s)],
        evidence=lambda s, v: _spans(e for e in s.events if e.verb in _themes(s)),
        pool=lambda s, r: list(world.THEMES.values()),
    ),
    _theme("first", 0),
    _theme("last", -1),
)  # fmt: skip
