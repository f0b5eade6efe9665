"""A scene in words: timed cues, gold captions, and captions with a known share of known mistakes."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from flyreel.errors import InputError, did_you_mean
from flyreel.schema import Cue
from flyreel.toybox import world
from flyreel.toybox.world import Event, Scene, Shot

_TALK = ("Here we go.", "What a day.", "Did you see that?", "Wait for me.", "Not again.", "Well, well.", "Is it time?")


def cues(scene: Scene) -> list[Cue]:
    """What is described, event by event, and what is said, which is nothing much.

    Who speaks is left out: it would tell who is in the scene, and with that who is the answer to "Who …?".
    """
    random_ = random.Random(f"{scene.id}:talk")
    found = [_cue(shot.start, min(shot.start + 1.0, shot.end), f"{_place(shot)}.") for shot in scene.shots]
    for character in scene.cast:
        if seen := scene.presence(character.name):
            start, end = seen[0]
            found.append(_cue(start, min(end, start + 1.0), f"{character.name} is a {character.looks}."))
    found += [_cue(e.start, e.end, f"{e.told}.") for e in scene.events]
    found += [Cue(start=e.start, end=e.end, text=random_.choice(_TALK)) for e in scene.events[::2]]
    return sorted(found, key=lambda cue: (cue.start, cue.kind))


def _cue(start: float, end: float, text: str) -> Cue:
    return Cue(start=start, end=round(end, 1), kind="description", text=text)


def _place(shot: Shot) -> str:
    return f"The {shot.place} {world.LIT[shot.light]}"


def caption(scene: Scene) -> str:
    """Everything in one paragraph: who, where, and what happens in which order."""
    met: set[str] = set()
    said = []
    for shot in scene.shots:
        told = [_introduced(scene, e, met) for e in scene.events if shot.start <= e.start < shot.end]
        said.append(f"{_place(shot)}: {', then '.join(told)}." if told else f"{_place(shot)}.")
    return " ".join(said)


def _introduced(scene: Scene, event: Event, met: set[str]) -> str:
    """The telling of an event, with the looks of whoever is named for the first time."""
    text = event.told
    for name in (event.actor, event.target):
        if name in world.NAMES and name not in met:
            met.add(name)
            looks = f"{name}, the {scene.character(name).looks},"
            text = text.replace(name, looks if not text.endswith(name) else looks[:-1], 1)
    return text


@dataclass(frozen=True)
class Caption:
    clip: str
    text: str
    noise: str | None = None
    """Which mistake was planted, or None where the text is true."""


def captions(scenes: Sequence[Scene], noise: str | None = None, rate: float = 0.0, seed: int = 0) -> list[Caption]:
    """One caption a scene; exactly round(rate × n) of them, drawn by the seed, carry the mistake."""
    if noise is None:
        return [Caption(s.id, caption(s)) for s in scenes]
    if noise not in NOISES:
        raise InputError(f"{noise}: no such caption noise.{did_you_mean(noise, NOISES)}")
    if not 0.0 <= rate <= 1.0:
        raise InputError(f"a noise rate lies between 0 and 1, not at {rate:g}")
    random_ = random.Random(f"{seed}:{noise}")
    wrong = set(random_.sample(range(len(scenes)), round(rate * len(scenes))))
    return [
        Caption(s.id, caption(NOISES[noise](s, scenes, random_)), noise) if i in wrong else Caption(s.id, caption(s))
        for i, s in enumerate(scenes)
    ]


def _wrong_event(change: Callable[[Event, Scene, random.Random], Event]) -> Callable[..., Scene]:
    """The same scene with one event told wrongly."""

    def noisy(scene: Scene, others: Sequence[Scene], random_: random.Random) -> Scene:
        at = random_.choice(
            [i for i, e in enumerate(scene.events) if len(scene.cast) > 2 or e.verb not in world.MUTUAL]
        )
        told = [change(e, scene, random_) if i == at else e for i, e in enumerate(scene.events)]
        return replace(scene, events=tuple(told))

    return noisy


def _other_actor(event: Event, scene: Scene, random_: random.Random) -> Event:
    spared = {event.actor, event.target} if event.verb in world.MUTUAL else {event.actor}
    actor = random_.choice([c.name for c in scene.cast if c.name not in spared])
    return replace(event, actor=actor, target=event.actor if event.target == actor else event.target)


def _other_action(event: Event, scene: Scene, random_: random.Random) -> Event:
    while (made := world.invented(random_, scene.cast)).verb == event.verb:
        pass
    target = made.target if made.target != event.actor else next(c.name for c in scene.cast if c.name != event.actor)
    return replace(event, verb=made.verb, target=target)


def _other_looks(scene: Scene, others: Sequence[Scene], random_: random.Random) -> Scene:
    """Somebody who is named has another colour."""
    name = random_.choice([e.actor for e in scene.events])
    cast = []
    for c in scene.cast:
        other = random_.choice([x for x in world.COLOURS if x != c.colour])
        cast.append(replace(c, colour=other) if c.name == name else c)
    return replace(scene, cast=tuple(cast))


def _other_place(scene: Scene, others: Sequence[Scene], random_: random.Random) -> Scene:
    first = scene.shots[0]
    elsewhere = replace(first, place=random_.choice([p for p in world.PLACES if p != first.place]))
    return replace(scene, shots=(elsewhere, *scene.shots[1:]))


def _other_clip(scene: Scene, others: Sequence[Scene], random_: random.Random) -> Scene:
    foreign = [s for s in others if s.id != scene.id]
    if not foreign:
        raise InputError("caption noise 'other-clip' needs two clips or more")
    return random_.choice(foreign)


NOISES: dict[str, Callable[[Scene, Sequence[Scene], random.Random], Scene]] = {
    "wrong-actor": _wrong_event(_other_actor),
    "wrong-action": _wrong_event(_other_action),
    "wrong-colour": _other_looks,
    "wrong-place": _other_place,
    "other-clip": _other_clip,
}
"""By mistake, the scene that is told instead; whatever is made from its script, such as questions, has it too."""
