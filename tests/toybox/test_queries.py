"""Queries and their stretches: inside the clip, over what they speak of, and not over what they do not."""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flyreel.toybox import world
from flyreel.toybox.queries import of_event, of_scene

made = st.builds(world.scene, st.integers(0, 10**6), st.integers(0, 1000))
draws = st.integers(0, 10**6)


@settings(deadline=None, max_examples=60)
@given(made, draws)
def test_stretches_lie_in_the_clip(scene, draw):
    found = of_scene(scene, random.Random(draw))
    assert len(found) >= len(scene.events) + len(scene.shots)
    for query in found:
        assert query.text.strip() == query.text != ""
        assert query.spans, f"{query.text}: to be seen nowhere"
        assert all(0.0 <= a < b <= scene.duration for a, b in query.spans)


@settings(deadline=None, max_examples=60)
@given(made, draws)
def test_a_query_about_an_event_covers_that_event(scene, draw):
    random_ = random.Random(draw)
    for event in scene.events:
        query = of_event(scene, event, random_)
        assert (event.start, event.end) in query.spans
        others = [e for e in scene.events if (e.start, e.end) in query.spans]
        assert len(others) == len(query.spans)
        assert {e.verb for e in others} == {event.verb}


@settings(deadline=None, max_examples=60)
@given(made, draws)
def test_who_is_named_does_it_wherever_the_query_points(scene, draw):
    random_ = random.Random(draw)
    for event in scene.events:
        query = of_event(scene, event, random_)
        if query.text.startswith(event.actor):
            for e in scene.events:
                if (e.start, e.end) in query.spans:
                    assert event.actor in (e.actor, e.target)


@pytest.mark.parametrize("verb", ["collides with", "swaps places with"])
def test_a_mutual_event_is_found_from_either_side(verb):
    """Mo collides with Pip where Pip collides with Mo: a query for the one must not call the other wrong."""
    one, two = world.Event(1.0, 2.0, "Pip", verb, "Mo"), world.Event(3.0, 4.0, "Mo", verb, "Pip")
    cast = (world.Character("Pip", "star", "red", "small"), world.Character("Mo", "circle", "green", "large"))
    shot = world.Shot(0.0, 5.0, "beach", "noon", ("tree", "rock"), ("ball", "drum"))
    scene = world.Scene("toybox-hand", "film", cast, ("Pip", "Mo"), (shot,), (one, two), 5.0, 10)
    for draw in range(40):
        assert set(of_event(scene, one, random.Random(draw)).spans) == {(1.0, 2.0), (3.0, 4.0)}


def test_looks_are_those_of_the_moment():
    """A character is called by the colour it has by then."""
    cast = (world.Character("Pip", "star", "red", "small"), world.Character("Mo", "circle", "green", "large"))
    shot = world.Shot(0.0, 5.0, "beach", "noon", ("tree", "rock"), ("ball", "drum"))
    turns, jumps = world.Event(1.0, 2.0, "Pip", "changes colour", "blue"), world.Event(3.0, 4.0, "Pip", "jumps")
    before = world.Event(0.2, 0.8, "Pip", "jumps")
    scene = world.Scene("toybox-hand", "film", cast, ("Pip", "Mo"), (shot,), (before, turns, jumps), 5.0, 10)
    called = set()
    for draw in range(60):
        for event, colour in ((before, "red"), (jumps, "blue")):
            text = of_event(scene, event, random.Random(draw)).text
            if look := re.match(r"the (?:small )?(\w+) star", text):
                assert look[1] == colour
                called.add(colour)
    assert called == {"red", "blue"}


@settings(deadline=None, max_examples=30)
@given(made, draws)
def test_the_same_draw_gives_the_same_queries(scene, draw):
    assert of_scene(scene, random.Random(draw)) == of_scene(scene, random.Random(draw))


def test_wordings_are_many():
    """One wording to an event would teach an embedder the wording."""
    scene = world.scene(1, 0)
    texts = {of_event(scene, scene.events[0], random.Random(i)).text for i in range(80)}
    assert len(texts) >= 8
