"""Where everyone is at a given moment: the script made into positions, before anything is drawn.

Lengths are shares of the picture's height except `x`, a share of its width. Between events everyone stands at home.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, replace

from flyreel.toybox.world import ENTERS, LEAVES, Event, Scene, Shot

FRONT, BACK, PROP_LINE = 0.88, 0.76, 0.72
OFF_LEFT, OFF_RIGHT = -0.15, 1.15


@dataclass(frozen=True)
class Pose:
    """One character: where it stands, how high it is off the ground, how it is turned, and what shows what it does."""

    name: str
    x: float
    ground: float
    colour: str
    lift: float = 0.0
    turn: float = 0.0
    hidden: bool = False
    effect: str = ""
    way: int = 0
    """-1 to the left, 1 to the right, 0 standing."""
    progress: float = 0.0


@dataclass(frozen=True)
class Lying:
    """A thing on the ground, or held up by somebody."""

    name: str
    x: float
    lift: float = 0.0


@dataclass(frozen=True)
class Tableau:
    shot: Shot
    props: tuple[tuple[str, float], ...]
    things: tuple[Lying, ...]
    poses: tuple[Pose, ...]


@dataclass
class _State:
    homes: dict[str, float]
    grounds: dict[str, float]
    on: set[str]
    colours: dict[str, str]
    things: dict[str, float]


class Staging:
    """A scene with its positions worked out: `at(time)` is everything there is to draw."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        random_ = random.Random(f"{scene.id}:staging")
        n = len(scene.cast)
        order = random_.sample(range(n), n)
        homes = {c.name: (place + 0.5) / n + random_.uniform(-0.03, 0.03)
                 for c, place in zip(scene.cast, order, strict=True)}  # fmt: skip
        grounds = {c.name: FRONT if place % 2 else BACK for c, place in zip(scene.cast, order, strict=True)}
        self._props = {s: tuple(zip(s.props, _apart(random_), strict=True)) for s in scene.shots}
        self._lying = {s: dict(zip(s.things, _apart(random_), strict=True)) for s in scene.shots}
        state = _State(homes, grounds, set(scene.opening), {c.name: c.colour for c in scene.cast}, {})
        self._before: list[_State] = []
        shot = None
        for event in scene.events:
            if (here := scene.shot_at(event.start)) is not shot:
                shot, state = here, _copy(state, things=dict(self._lying[here]))
            self._before.append(state)
            state = _after(state, event)
        self._last = state

    def at(self, time: float) -> Tableau:
        shot = self.scene.shot_at(time)
        i = next((i for i, e in enumerate(self.scene.events) if time < e.end), len(self.scene.events))
        event = self.scene.events[i] if i < len(self.scene.events) else None
        state = self._before[i] if event else self._last
        if event is not None and self.scene.shot_at(event.start) is not shot:
            # after the last event before a cut: what lies about is still that of the shot before
            left = _after(self._before[i - 1], self.scene.events[i - 1]).things if i else self._lying[shot]
            state = _copy(state, things=left)
        poses = {n: Pose(n, state.homes[n], state.grounds[n], state.colours[n]) for n in state.homes if n in state.on}
        things = {n: Lying(n, x) for n, x in state.things.items()}
        if event is not None and event.start <= time:
            progress = (time - event.start) / (event.end - event.start)
            _act(event, progress, state, poses, things, dict(self._props[shot]))
        ordered = sorted(poses.values(), key=lambda p: (not p.hidden, p.ground))
        return Tableau(shot, self._props[shot], tuple(things.values()), tuple(ordered))


def _apart(random_: random.Random) -> tuple[float, float]:
    """Two places on the stage, left and right of the middle in either order."""
    places = [random_.uniform(0.14, 0.38), random_.uniform(0.62, 0.86)]
    random_.shuffle(places)
    return places[0], places[1]


def _copy(state: _State, **changes: object) -> _State:
    return replace(state, **changes)  # type: ignore[arg-type]


def _after(state: _State, event: Event) -> _State:
    actor, target = event.actor, event.target
    if event.verb == ENTERS:
        return _copy(state, on=state.on | {actor})
    if event.verb == LEAVES:
        return _copy(state, on=state.on - {actor})
    if event.verb == "changes colour":
        return _copy(state, colours={**state.colours, actor: target})
    if event.verb == "swaps places with":
        homes, grounds = state.homes, state.grounds
        return _copy(
            state,
            homes={**homes, actor: homes[target], target: homes[actor]},
            grounds={**grounds, actor: grounds[target], target: grounds[actor]},
        )
    if event.verb in ("carries", "pushes"):
        return _copy(state, things={**state.things, target: _put_down(state, event)})
    return state


def _put_down(state: _State, event: Event) -> float:
    """Where a thing ends: carried to the other half of the stage, pushed a good way along."""
    x = state.things[event.target]
    if event.verb == "carries":
        return 0.8 if x < 0.5 else 0.2
    return x + (0.3 if x < 0.5 else -0.3)


def _act(
    event: Event, p: float, state: _State, poses: dict[str, Pose], things: dict[str, Lying], props: dict[str, float]
) -> None:
    actor, other = event.actor, event.target
    home = state.homes[actor]
    if event.verb == ENTERS:
        edge = OFF_LEFT if home < 0.5 else OFF_RIGHT
        arriving = Pose(actor, _between(edge, home, p), state.grounds[actor], state.colours[actor])
        poses[actor] = replace(arriving, effect="arrow", way=1 if home > edge else -1, progress=p)
        return
    pose = replace(poses[actor], progress=p)
    if event.verb == LEAVES:
        edge = OFF_LEFT if home < 0.5 else OFF_RIGHT
        pose = replace(pose, x=_between(home, edge, p), effect="wave", way=1 if edge > home else -1)
    elif event.verb == "jumps":
        pose = replace(pose, lift=0.24 * abs(math.sin(2 * math.pi * p)), effect="lines")
    elif event.verb == "spins":
        pose = replace(pose, turn=720 * p, effect="arcs")
    elif event.verb == "waits":
        pose = replace(pose, effect="dots")
    elif event.verb == "changes colour":
        pose = replace(pose, colour=other if p >= 0.5 else pose.colour, effect="sparkles")
    elif event.verb == "hides behind":
        x = _there_and_back(home, props[other], p)
        ground = _there_and_back(pose.ground, PROP_LINE, p)
        pose = replace(pose, x=x, ground=ground, hidden=0.2 < p < 0.8)
    elif event.verb in ("carries", "pushes"):
        pose = _with_thing(event, p, state, pose, things)
    else:
        _with_other(event, p, state, poses)
        return
    poses[actor] = pose


def _with_thing(event: Event, p: float, state: _State, pose: Pose, things: dict[str, Lying]) -> Pose:
    start, end = state.things[event.target], _put_down(state, event)
    way = 1 if end > start else -1
    beside = 0.0 if event.verb == "carries" else -0.11 * way
    if p < 0.2:
        there = p / 0.2
        return replace(pose, x=_between(pose.x, start + beside, there), ground=_between(pose.ground, FRONT, there))
    if p > 0.85:
        things[event.target] = Lying(event.target, end)
        back = (p - 0.85) / 0.15
        return replace(pose, x=_between(end + beside, pose.x, back), ground=_between(FRONT, pose.ground, back))
    x = _between(start, end, (p - 0.2) / 0.65)
    things[event.target] = Lying(event.target, x, lift=0.30 if event.verb == "carries" else 0.0)
    return replace(pose, x=x + beside, ground=FRONT, way=way, effect="" if event.verb == "carries" else "speed")


def _with_other(event: Event, p: float, state: _State, poses: dict[str, Pose]) -> None:
    one, two = poses[event.actor], poses[event.target]
    a, b = one.x, two.x
    if event.verb == "collides with":
        side = 1 if a < b else -1
        m = (a + b) / 2
        near = min(1.0, p / 0.4) if p < 0.6 else 1 - (p - 0.6) / 0.4
        one = replace(one, x=_between(a, m - 0.08 * side, near), ground=_between(one.ground, FRONT, near))
        two = replace(two, x=_between(b, m + 0.08 * side, near), ground=_between(two.ground, FRONT, near))
        if 0.35 < p < 0.7:
            one = replace(one, effect="burst", way=side)
    elif event.verb == "swaps places with":
        arc = math.sin(math.pi * p)
        over, under = _between(one.ground, two.ground, p), _between(two.ground, one.ground, p)
        one = replace(one, x=_between(a, b, p), ground=over, lift=0.22 * arc, effect="swap", way=1 if b > a else -1)
        two = replace(two, x=_between(b, a, p), ground=under, lift=0.05 * arc, effect="swap", way=1 if a > b else -1)
    else:  # chases: the one that flees runs to the far side and doubles back past the other, who turns after it
        far = 0.24 if b > 0.5 else 0.76
        out = 1 if far > b else -1
        flee, way = _there_and_back(b, far, p), out * (1 if p < 0.5 else -1)
        behind = out * _between(-0.17, 0.17, min(1.0, max(0.0, (p - 0.35) / 0.3)))
        close = min(1.0, p / 0.2) if p < 0.85 else max(0.0, 1 - (p - 0.85) / 0.15)
        two = replace(two, x=flee, ground=_between(two.ground, FRONT, close), effect="alarm", way=way)
        x = _between(a, flee + behind, close)
        one = replace(one, x=x, ground=_between(one.ground, FRONT, close), effect="speed", way=way)
    poses[event.actor], poses[event.target] = replace(one, progress=p), replace(two, progress=p)


def _between(a: float, b: float, p: float) -> float:
    return a + (b - a) * (p * p * (3 - 2 * p))


def _there_and_back(home: float, there: float, p: float) -> float:
    if p < 0.3:
        return _between(home, there, p / 0.3)
    return there if p < 0.7 else _between(there, home, (p - 0.7) / 0.3)
