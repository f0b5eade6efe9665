"""Scripts: the same from the same seed, and never an event that could not happen where it stands."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flyreel.toybox import world
from flyreel.toybox.world import Scene

VERBS = {
    "enters", "leaves", "jumps", "spins", "waits", "changes colour", "hides behind", "carries", "pushes", "chases",
    "collides with", "swaps places with",
}  # fmt: skip

seeds = st.integers(-(10**6), 10**6)
numbers = st.integers(0, 10**5)
made = st.builds(world.scene, seeds, numbers)


def mistakes(scene: Scene) -> list[str]:
    """The script acted out by hand: everything in it that could not happen."""
    wrong, names = [], {c.name for c in scene.cast}
    on, colour = set(scene.opening), {c.name: c.colour for c in scene.cast}
    if len(on) < 2 or not on <= names:
        wrong.append(f"opens with {on}")
    ended = 0.0
    for event in scene.events:
        who, target, told = event.actor, event.target, f"{event.start}: {event.actor} {event.verb} {event.target}"
        inside = [s for s in scene.shots if s.start <= event.start and event.end <= s.end]
        if not ended <= event.start < event.end <= scene.duration:
            wrong.append(f"{told}: overlaps or runs out")
        if len(inside) != 1:
            wrong.append(f"{told}: in {len(inside)} shots")
            continue
        ended = event.end
        if event.verb == "enters":
            if who in on or who not in names:
                wrong.append(f"{told}: is there already, or nobody")
            on.add(who)
        elif who not in on:
            wrong.append(f"{told}: acts off stage")
        match event.verb:
            case "enters" | "jumps" | "spins" | "waits" if target:
                wrong.append(f"{told}: needs no target")
            case "leaves":
                on.discard(who)
            case "changes colour":
                if target == colour[who] or target not in world.COLOURS:
                    wrong.append(f"{told}: no change")
                colour[who] = target
            case "hides behind" if target not in inside[0].props:
                wrong.append(f"{told}: not standing there")
            case "carries" | "pushes" if target not in inside[0].things:
                wrong.append(f"{told}: not lying there")
            case "chases" | "collides with" | "swaps places with" if target not in on - {who}:
                wrong.append(f"{told}: the other is not there")
        if len(on) < 2:
            wrong.append(f"{told}: leaves fewer than two")
    return wrong


@settings(deadline=None, max_examples=200)
@given(made)
def test_everything_that_happens_can_happen(scene):
    assert mistakes(scene) == []


def test_the_acting_out_finds_what_cannot_happen():
    """The check above, tried on a script that is wrong."""
    from dataclasses import replace

    scene = world.scene(1, 0)
    nobody = replace(scene, opening=scene.opening[:1])
    late = replace(scene, events=(*scene.events, replace(scene.events[0], start=scene.duration, end=99.0)))
    assert mistakes(nobody)
    assert mistakes(late)


@settings(deadline=None)
@given(seeds, numbers)
def test_the_same_seed_makes_the_same_scene_and_another_another(seed, number):
    scene = world.scene(seed, number)
    assert world.scene(seed, number) == scene
    assert (world.scene(seed + 1, number).events, world.scene(seed, number + 1).events) != (scene.events, scene.events)


@settings(deadline=None, max_examples=200)
@given(made)
def test_shots_tile_the_scene_and_follow_on_another_place(scene):
    assert scene.shots[0].start == 0.0
    assert scene.shots[-1].end == scene.duration
    assert all(s.start < s.end for s in scene.shots)
    for one, two in zip(scene.shots, scene.shots[1:], strict=False):
        assert one.end == two.start
        assert one.place != two.place
    for shot in scene.shots:
        assert len(set(shot.props)) == len(set(shot.things)) == 2
        assert any(shot.start <= e.start < shot.end for e in scene.events), "a shot in which nothing happens"


@settings(deadline=None, max_examples=200)
@given(made)
def test_lengths_rates_and_casts_are_in_bounds(scene):
    assert 3.0 <= scene.duration <= 12.0
    assert 8 <= scene.fps <= 15
    assert 2 <= len(scene.cast) <= 5
    assert len({c.name for c in scene.cast}) == len(scene.cast)
    assert len({(c.shape, c.colour) for c in scene.cast}) == len(scene.cast), "two that look alike"
    assert len(scene.events) >= 3
    assert all(round(t, 1) == t for e in scene.events for t in (e.start, e.end)), "a time that JSON would change"


def test_first_letters_tell_names_apart():
    """A character wears the first letter of its name."""
    assert len({name[0] for name in world.NAMES}) == len(world.NAMES)


def test_everything_there_is_occurs():
    many = list(world.scenes(3, 400))
    assert {e.verb for s in many for e in s.events} == VERBS
    assert {shot.place for s in many for shot in s.shots} == set(world.PLACES)
    assert {shot.light for s in many for shot in s.shots} == set(world.LIGHTS)
    assert {len(s.cast) for s in many} == {2, 3, 4, 5}
    assert {len(s.shots) for s in many} == {1, 2, 3}
    assert {s.fps for s in many} == set(world.FPS)
    assert {c.shape for s in many for c in s.cast} == set(world.SHAPES)


@settings(deadline=None)
@given(made)
def test_presence_and_colours_are_what_the_events_say(scene):
    for character in scene.cast:
        on, since, spans, colours = character.name in scene.opening, 0.0, [], [(0.0, character.colour)]
        for e in (e for e in scene.events if e.actor == character.name):
            if e.verb == "enters":
                on, since = True, e.start
            elif e.verb == "leaves":
                on = False
                spans.append((since, e.end))
            elif e.verb == "changes colour":
                colours.append((e.end, e.target))
        assert scene.presence(character.name) == ([*spans, (since, scene.duration)] if on else spans)
        assert scene.colours(character.name) == colours


@settings(deadline=None)
@given(made, st.floats(0.0, 0.999))
def test_the_shot_at_a_time_holds_that_time(scene, share):
    time = share * scene.duration
    shot = scene.shot_at(time)
    assert shot.start <= time < shot.end


@settings(deadline=None)
@given(made)
def test_an_event_reads_as_a_sentence(scene):
    for event in scene.events:
        assert event.told == f"{event.actor} {event.phrase}"
        assert re.fullmatch(r"[A-Z][a-z]+ [a-z]+( [A-Za-z]+)*", event.told)
        if event.target in (*world.PROPS, *world.THINGS):
            assert event.told.endswith(f" the {event.target}")


@pytest.mark.parametrize("number", range(0, 12, 2))
def test_two_scenes_make_a_film_and_ids_do_not_repeat(number):
    one, two, three = world.scenes(9, 3, first=number)
    assert one.film == two.film != three.film
    assert len({one.id, two.id, three.id}) == 3
    assert next(world.scenes(9, 1, first=number + 1)) == two
