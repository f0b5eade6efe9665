"""Bending words: a wrong base form makes every question about the past read as if a machine had written it."""

from __future__ import annotations

import pytest

from flyreel.generate.language.inflect import noun_base, possessive, singular, third, verb_base

BASES = """
carries carried carrying carry|chases chased chasing chase|hides hid hidden hiding hide|pushes pushed pushing push
stops stopped stopping stop|falls fell fallen falling fall|dances danced dancing dance|opens opened opening open
passes passed passing pass|gazes gazed gazing gaze|floats floated floating float|climbs climbed climbing climb
plays played playing play|mixes mixed mixing mix|slices sliced slicing slice|rides rode ridden riding ride
lies lain lying lie|ties tied tying tie|swims swam swum swimming swim|collides collided colliding collide
swings swung swinging swing|brings brought bringing bring|juggles juggled juggling juggle|rolls rolled rolling roll
"""
ROWS = [(form, row.split()[-1]) for row in BASES.replace("\n", "|").split("|") for form in row.split()]


@pytest.mark.parametrize(("form", "base"), ROWS)
def test_every_form_of_a_verb_has_the_same_base(form: str, base: str) -> None:
    assert verb_base(form) == base


@pytest.mark.parametrize("base", sorted({base for _, base in ROWS}))
def test_third_person_comes_back_to_its_base(base: str) -> None:
    assert verb_base(third(base)) == base


def test_a_plain_form_is_not_taken_for_a_past() -> None:
    assert verb_base("feed", "VBP") == "feed" and verb_base("sing", "VB") == "sing"


def test_who_takes_the_singular() -> None:
    assert [singular(word) for word in ("are", "were", "have", "can")] == ["is", "was", "has", "can"]


def test_nouns_are_looked_up_by_their_singular() -> None:
    assert [noun_base(w) for w in ("puppies", "men", "firemen", "boxes", "glass", "wolves")] == [
        "puppy", "man", "fireman", "box", "glass", "wolf",
    ]  # fmt: skip


def test_possessives_of_plurals_take_no_second_s() -> None:
    assert possessive("the men", True) == "the men's"
    assert possessive("the girls", True) == "the girls'"
