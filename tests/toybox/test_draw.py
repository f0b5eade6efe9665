"""Pixels: the same every time, of the paint the script says, moving when something happens and still when not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from flyreel.toybox import world
from flyreel.toybox.draw import PAINT, frames, picture
from flyreel.toybox.staging import Staging

SIZE = (96, 128)


def noon(number: int) -> world.Scene:
    scene = world.scene(2, number)
    return replace(scene, shots=tuple(replace(s, light="noon") for s in scene.shots))


@pytest.mark.parametrize("size", [(96, 128), (72, 96), (120, 160)])
def test_frames_are_as_many_as_the_script_has_and_of_the_size_asked(size):
    scene = world.scene(2, 0)
    drawn = list(frames(scene, size))
    assert len(drawn) == round(scene.duration * scene.fps)
    assert {(f.shape, f.dtype.name) for f in drawn} == {((*size, 3), "uint8")}


@pytest.mark.parametrize("number", range(3))
def test_the_same_scene_is_drawn_the_same(number):
    scene = world.scene(2, number)
    for one, two in zip(frames(scene, SIZE), frames(world.scene(2, number), SIZE), strict=True):
        assert np.array_equal(one, two)


def painted_near(image: np.ndarray, pose, within: float = 0.2) -> int:
    """Pixels of the pose's paint, nearly, around its body."""
    height, width = image.shape[:2]
    y, x = np.mgrid[0:height, 0:width]
    near = np.hypot(x - pose.x * width, y - (pose.ground - 0.12 - pose.lift) * height) < within * height
    far = np.abs(image.astype(int) - np.array(PAINT[pose.colour])).max(axis=2)
    return int((near & (far < 12)).sum())


@pytest.mark.parametrize("number", range(12))
def test_a_character_is_seen_in_its_paint_where_it_stands(number):
    scene = noon(number)
    staging = Staging(scene)
    alone = replace(staging.at(0.0), things=())
    for pose in alone.poses:
        image = picture(scene, replace(alone, poses=(pose,)), SIZE)
        without = picture(scene, replace(alone, poses=()), SIZE)
        assert painted_near(image, pose) - painted_near(without, pose) > 40, f"{pose.name} is hardly seen"


def test_a_changed_colour_is_seen():
    seen = 0
    for number in range(40):
        scene = noon(number)
        staging = Staging(scene)
        for event in (e for e in scene.events if e.verb == "changes colour"):
            tableau = staging.at(event.end)
            pose = next(p for p in tableau.poses if p.name == event.actor)
            image = picture(scene, replace(tableau, poses=(pose,), things=(), props=()), SIZE)
            assert pose.colour == event.target
            assert painted_near(image, pose) > 40
            seen += 1
    assert seen > 5


@pytest.mark.parametrize("verb", [*world.VERBS, "enters", "leaves"])
def test_every_action_changes_the_picture(verb):
    """Each kind of event, from just before it into it; were it not drawn, nobody could see it."""
    tried = 0
    for scene in world.scenes(4, 60):
        staging = Staging(scene)
        for event in (e for e in scene.events if e.verb == verb):
            still = picture(scene, staging.at(event.start - 0.05), SIZE).astype(int)
            moments = [event.start + share * (event.end - event.start) for share in (0.25, 0.6)]
            moved = [np.abs(picture(scene, staging.at(t), SIZE).astype(int) - still).max(axis=2) for t in moments]
            assert max((m > 25).sum() for m in moved) > 15, f"{scene.id}: {event.told}"
            tried += 1
        if tried > 8:
            return
    assert tried > 0


@pytest.mark.parametrize("number", range(4))
def test_between_events_nothing_moves(number):
    scene = world.scene(6, number)
    staging = Staging(scene)
    for one, two in zip(scene.events, scene.events[1:], strict=False):
        times = [t for t in np.linspace(one.end, two.start - 0.01, 4) if scene.shot_at(t) is scene.shot_at(two.start)]
        drawn = [picture(scene, staging.at(float(t)), SIZE) for t in times]
        assert all(np.array_equal(drawn[0], other) for other in drawn[1:])


@pytest.mark.parametrize("place", world.PLACES)
def test_places_and_lights_look_different(place):
    scene = world.scene(2, 0)
    empty = replace(Staging(scene).at(0.0), poses=(), things=(), props=())
    seen = {
        (p, light): picture(scene, replace(empty, shot=replace(empty.shot, place=p, light=light)), SIZE).astype(int)
        for p in world.PLACES
        for light in world.LIGHTS
    }
    for light in world.LIGHTS:
        mine = seen[place, light]
        assert all(np.abs(mine - seen[other, light]).mean() > 5 for other in world.PLACES if other != place)
        assert all(np.abs(mine - seen[place, other]).mean() > 5 for other in world.LIGHTS if other != light)
