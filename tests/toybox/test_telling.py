"""Words about a scene: cues at their times, captions that tell all of it, and mistakes that are mistakes."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flyreel.errors import InputError
from flyreel.toybox import world
from flyreel.toybox.telling import NOISES, caption, captions, cues
from flyreel.toybox.world import Scene

made = st.builds(world.scene, st.integers(0, 10**6), st.integers(0, 1000))
MANY = list(world.scenes(21, 80))
BY_ID = {s.id: s for s in MANY}

MUTUAL = ("collides with", "swaps places with")
_WHO = "|".join(world.NAMES)
_VERB = "|".join(("enters", "leaves", *world.VERBS))
_SAID = re.compile(rf"({_WHO})(?:, the (\w+ \w+ \w+),)? ({_VERB})(?: (?:the |to )?(\w+)(?:, the (\w+ \w+ \w+))?)?")
_SHOT = re.compile(r"The (\w+) (?:at|in) (\w+)(?:: ([^.]*))?\.")


def heard(text: str) -> tuple[list[tuple[str, str]], list[tuple[str, str, str]], dict[str, str]]:
    """A caption read back: places and lights, events, and looks."""
    places, events, looks = [], [], {}
    assert _SHOT.sub("", text).strip() == "", f"not a caption: {text}"
    for place, light, told in _SHOT.findall(text):
        places.append((place, light))
        for part in told.split(", then ") if told else []:
            said = _SAID.fullmatch(part)
            assert said, f"not an event: {part}"
            actor, his, verb, target, theirs = said.groups()
            events.append((actor, verb, target or ""))
            looks |= {n: x for n, x in ((actor, his), (target, theirs)) if x}
    return places, events, looks


def mistakes(scene: Scene, text: str) -> set[str]:
    """What of a caption is false, held against the script. A mutual event may be told from either side."""
    places, events, looks = heard(text)
    wrong = set()
    if len(places) != len(scene.shots) or len(events) != len(scene.events):
        return {"length"}
    for (place, light), shot in zip(places, scene.shots, strict=True):
        wrong |= {"place"} if place != shot.place else set()
        wrong |= {"light"} if light != shot.light else set()
    for (actor, verb, target), event in zip(events, scene.events, strict=True):
        if verb in MUTUAL and verb == event.verb and {actor, target} == {event.actor, event.target}:
            continue
        wrong |= {"action"} if verb != event.verb else set()
        wrong |= {"actor"} if actor != event.actor else set()
        wrong |= {"target"} if target != event.target else set()
    for name, look in looks.items():
        who = next((c for c in scene.cast if c.name == name), None)
        size, colour, shape = look.split()
        wrong |= {"name"} if who is None else {"looks"} if (size, shape) != (who.size, who.shape) else set()
        wrong |= {"colour"} if who and colour != who.colour else set()
    return wrong


@settings(deadline=None)
@given(made)
def test_cues_lie_in_the_clip_in_order(scene):
    told = cues(scene)
    assert [c.start for c in told] == sorted(c.start for c in told)
    assert all(0.0 <= c.start < c.end <= scene.duration for c in told)
    assert cues(scene) == told


@settings(deadline=None)
@given(made)
def test_every_event_is_described_while_it_happens(scene):
    described = {(c.start, c.end, c.text) for c in cues(scene) if c.kind == "description"}
    for e in scene.events:
        article = "the " if e.target in (*world.PROPS, *world.THINGS) else "to " if e.target in world.COLOURS else ""
        text = f"{e.actor} {e.verb} {article}{e.target}".strip()
        assert (e.start, e.end, f"{text}.") in described


@settings(deadline=None)
@given(made)
def test_descriptions_tell_every_place_and_everybody_seen_and_nothing_else(scene):
    described = [c.text for c in cues(scene) if c.kind == "description"]
    seen = [c for c in scene.cast if c.name in scene.opening or any(e.actor == c.name for e in scene.events)]
    assert len(described) == len(scene.events) + len(scene.shots) + len(seen)
    for c in seen:
        assert f"{c.name} is a {c.size} {c.colour} {c.shape}." in described
    for shot in scene.shots:
        assert any(shot.place in text and shot.light in text for text in described)


@settings(deadline=None)
@given(made)
def test_what_is_said_aloud_gives_nothing_away(scene):
    """Dialogue must not answer a question: no name, look, place, thing or action."""
    words = {*world.NAMES, *world.COLOURS, *world.SHAPES, *world.PLACES, *world.LIGHTS, *world.PROPS, *world.THINGS}
    for cue in cues(scene):
        if cue.kind == "dialogue":
            assert cue.speaker is None
            assert words.isdisjoint(re.findall(r"\w+", cue.text))


@settings(deadline=None)
@given(made)
def test_the_gold_caption_is_true_and_tells_everything_in_order(scene):
    text = caption(scene)
    _, events, looks = heard(text)
    assert events == [(e.actor, e.verb, e.target) for e in scene.events]
    assert mistakes(scene, text) == set()
    named = {n for e in scene.events for n in (e.actor, e.target) if n in world.NAMES}
    assert set(looks) == named, "somebody is never told of what they look like"


FALSE = {
    "wrong-actor": [{"actor"}, {"actor", "target"}],
    "wrong-action": [{"action"}, {"action", "target"}],
    "wrong-colour": [{"colour"}],
    "wrong-place": [{"place"}],
}


@pytest.mark.parametrize("kind", FALSE)
@pytest.mark.parametrize("seed", range(3))
def test_a_mistake_is_what_its_name_says_and_never_true(kind, seed):
    for made in captions(MANY, kind, 1.0, seed):
        assert made.noise == kind
        assert mistakes(BY_ID[made.clip], made.text) in FALSE[kind], f"{made.clip}: {made.text}"


@pytest.mark.parametrize("kind", ["wrong-actor", "wrong-action"])
def test_one_event_is_told_wrongly_and_no_more(kind):
    for made in captions(MANY, kind, 1.0):
        scene = BY_ID[made.clip]
        told, gold = heard(made.text)[1], [(e.actor, e.verb, e.target) for e in scene.events]
        assert sum(a != b for a, b in zip(told, gold, strict=True)) == 1
        assert all(actor != target for actor, _, target in told), "somebody does it to themselves"


def test_a_caption_of_another_clip_is_true_there_and_not_here():
    for made in captions(MANY, "other-clip", 1.0):
        assert mistakes(BY_ID[made.clip], made.text)
        assert any(made.text == caption(s) for s in MANY if s.id != made.clip)


@pytest.mark.parametrize("kind", NOISES)
@pytest.mark.parametrize("rate", [0.0, 0.01, 0.25, 0.5, 0.999, 1.0])
def test_exactly_the_share_asked_for_is_wrong(kind, rate):
    told = captions(MANY, kind, rate, seed=4)
    assert [c.clip for c in told] == [s.id for s in MANY]
    assert sum(c.noise is not None for c in told) == round(rate * len(MANY))
    for made in told:
        assert (made.text == caption(BY_ID[made.clip])) == (made.noise is None)


def test_no_noise_is_all_gold_whatever_the_rate():
    assert captions(MANY, None, 0.7) == captions(MANY)
    assert all(c.noise is None and c.text == caption(BY_ID[c.clip]) for c in captions(MANY))


@pytest.mark.parametrize("kind", NOISES)
def test_the_seed_draws_which_are_wrong(kind):
    assert captions(MANY, kind, 0.5, seed=1) == captions(MANY, kind, 0.5, seed=1)
    wrong = [{c.clip for c in captions(MANY, kind, 0.5, seed=s) if c.noise} for s in (1, 2)]
    assert wrong[0] != wrong[1]


@pytest.mark.parametrize(
    ("kind", "rate", "said"),
    [
        ("wrong-actr", 0.5, "Did you mean wrong-actor"),
        ("", 0.5, "no such caption noise"),
        ("wrong-actor", 1.01, "between 0 and 1"),
        ("wrong-actor", -0.01, "between 0 and 1"),
        ("wrong-actor", float("nan"), "between 0 and 1"),
    ],
)
def test_what_cannot_be_planted_is_one_line(kind, rate, said):
    with pytest.raises(InputError, match=said) as error:
        captions(MANY, kind, rate)
    assert "\n" not in str(error.value)


def test_one_clip_has_no_other():
    with pytest.raises(InputError, match="two clips or more"):
        captions(MANY[:1], "other-clip", 1.0)
    assert captions([], "other-clip", 1.0) == []
