"""Positions: who is on the stage is in the picture, nothing leaps, and everything is where the script has it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flyreel.toybox import world
from flyreel.toybox.staging import Staging
from flyreel.toybox.world import Scene

made = st.builds(world.scene, st.integers(0, 10**6), st.integers(0, 1000))
shares = st.floats(0.0, 0.9999)

STEP = 1 / 60
FASTEST = {"x": 0.18, "lift": 0.04}
"""The longest way in a sixtieth of a second: a carrier hurries home over most of the stage in 0.12 s."""


def middle(scene: Scene, verb: str) -> list[tuple[world.Event, float]]:
    return [(e, (e.start + e.end) / 2) for e in scene.events if e.verb == verb]


@settings(deadline=None)
@given(made, shares)
def test_who_is_there_is_drawn_and_nobody_else(scene, share):
    time = share * scene.duration
    there = {c.name for c in scene.cast if any(a <= time < b for a, b in scene.presence(c.name))}
    poses = Staging(scene).at(time).poses
    assert {p.name for p in poses} == there
    assert len(poses) == len(there)


@settings(deadline=None)
@given(made)
def test_between_events_everyone_stands_in_the_picture(scene):
    staging = Staging(scene)
    edges = [0.0, *(t for e in scene.events for t in (e.start, e.end)), scene.duration]
    for a, b in zip(edges[::2], edges[1::2], strict=True):
        for pose in staging.at((a + b) / 2).poses:
            assert 0.05 <= pose.x <= 0.95
            assert 0.7 < pose.ground < 1.0
            assert (pose.lift, pose.turn, pose.hidden, pose.effect, pose.way) == (0.0, 0.0, False, "", 0)


@settings(deadline=None)
@given(made, shares)
def test_nobody_runs_out_of_the_picture_but_by_coming_or_going(scene, share):
    time = share * scene.duration
    going = {e.actor for e in scene.events if e.verb in ("enters", "leaves") and e.start <= time < e.end}
    tableau = Staging(scene).at(time)
    for pose in tableau.poses:
        if pose.name not in going:
            assert 0.0 <= pose.x <= 1.0, f"{pose.name} is at {pose.x:.2f}"
    for thing in tableau.things:
        assert 0.0 <= thing.x <= 1.0
    assert {t.name for t in tableau.things} == set(tableau.shot.things)
    assert {name for name, _ in tableau.props} == set(tableau.shot.props)


@pytest.mark.parametrize("number", range(25))
def test_nothing_leaps_but_at_a_cut(number):
    """The row somebody stands in may change at once; so may a thing's height, when it is lifted or put down."""
    scene = world.scene(5, number)
    staging, before = Staging(scene), None
    for frame in range(int(scene.duration / STEP)):
        now = staging.at(frame * STEP)
        if before is not None and before.shot is now.shot:
            was = {p.name: p for p in before.poses}
            for pose in (p for p in now.poses if p.name in was):
                for what, most in FASTEST.items():
                    moved = abs(getattr(pose, what) - getattr(was[pose.name], what))
                    assert moved <= most, f"{pose.name} leaps by {moved:.2f} in {what} at {frame * STEP:.2f}"
            lay = {t.name: t.x for t in before.things}
            assert all(abs(t.x - lay[t.name]) <= 0.05 for t in now.things)
        before = now


@settings(deadline=None)
@given(made, shares)
def test_colours_are_those_of_the_script(scene, share):
    time = share * scene.duration
    changing = {e.actor: e for e in scene.events if e.verb == "changes colour" and e.start <= time < e.end}
    for pose in Staging(scene).at(time).poses:
        shown = [c for since, c in scene.colours(pose.name) if since <= time][-1]
        assert pose.colour in ({shown, changing[pose.name].target} if pose.name in changing else {shown})


@settings(deadline=None, max_examples=60)
@given(made)
def test_in_the_middle_of_an_event_one_sees_what_it_is(scene):
    staging = Staging(scene)

    def at(time: float) -> dict:
        return {p.name: p for p in staging.at(time).poses}

    for event, time in middle(scene, "hides behind"):
        pose, props = at(time)[event.actor], dict(staging.at(time).props)
        assert pose.hidden
        assert pose.x == pytest.approx(props[event.target])
    for event, _ in middle(scene, "changes colour"):
        assert at(event.start)[event.actor].colour != event.target
        assert at(event.end - 1e-6)[event.actor].colour == event.target
    for event, _ in middle(scene, "jumps"):
        assert max(at(event.start + k * (event.end - event.start) / 8)[event.actor].lift for k in range(8)) > 0.2
    for event, time in middle(scene, "collides with"):
        poses = at(time)
        assert abs(poses[event.actor].x - poses[event.target].x) < 0.2
    for event, _ in middle(scene, "swaps places with"):
        before, after = at(event.start), at(event.end)
        for one, other in ((event.actor, event.target), (event.target, event.actor)):
            assert (after[one].x, after[one].ground) == pytest.approx((before[other].x, before[other].ground))
    for event, time in middle(scene, "carries") + middle(scene, "pushes"):
        thing = next(t for t in staging.at(time).things if t.name == event.target)
        assert abs(thing.x - at(time)[event.actor].x) < 0.15
        assert (thing.lift > 0.1) == (event.verb == "carries")
        was = next(t.x for t in staging.at(event.start).things if t.name == event.target)
        later = next(t.x for t in staging.at(event.end - 1e-6).things if t.name == event.target)
        assert abs(later - was) > 0.2, "the thing has hardly moved"
    for event, time in middle(scene, "chases"):
        poses = at(time)
        assert 0.0 <= abs(poses[event.actor].x - poses[event.target].x) < 0.25


@settings(deadline=None, max_examples=60)
@given(made)
def test_whoever_comes_begins_outside_and_whoever_goes_ends_there(scene):
    staging = Staging(scene)
    for event in scene.events:
        if event.verb in ("enters", "leaves"):
            outside = event.start if event.verb == "enters" else event.end - 1e-6
            x = next(p.x for p in staging.at(outside).poses if p.name == event.actor)
            assert x < 0 or x > 1


@settings(deadline=None)
@given(made, shares)
def test_the_same_moment_twice_is_the_same(scene, share):
    time = share * scene.duration
    assert Staging(scene).at(time) == Staging(scene).at(time)
    staging = Staging(scene)
    staging.at(scene.duration)
    assert staging.at(time) == Staging(scene).at(time), "looking at the end changed the middle"
