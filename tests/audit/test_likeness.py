"""Whether two answers say the same: the pairs that a person would be angry about, and what holds for any pair."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyreel.audit.likeness import Form, compatible, near, same

texts = st.one_of(
    st.text(max_size=30),
    st.lists(st.sampled_from("the a man guy not no opens door red big two 2 , He's".split()), max_size=8).map(" ".join),
)


@given(texts, texts)
def test_likeness_is_symmetric_and_every_text_is_like_itself(a: str, b: str) -> None:
    for alike in (same, near, compatible):
        assert alike(a, a)
        assert alike(a, b) == alike(b, a)
        assert alike(Form.of(a), Form.of(b)) == alike(a, b)
    assert not same(a, b) or near(a, b)


@given(texts)
def test_case_punctuation_and_stray_space_never_make_another_answer(text: str) -> None:
    assert same(text, f"  {text} ") and same(text, f"\u200f{text}")
    assert same("The Red, ball!", "red ball") and same("He isn’t in", "he is not in")


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("Two men", "2 guys"),
        ("opens the door", "opened a door."),
        ("a big red ball", "the large red ball"),
        ("the red ball", "the red ball on the kitchen floor"),
        ("children are playing", "kids play"),
        ("No", "No, he left"),
        ("begin to run", "starts to run"),
        ("the dog and the cat and the bird ran to the old barn", "dog, cat, bird ran to the barn"),
    ],
)
def test_what_would_be_right_or_wrong_together_is_near(a: str, b: str) -> None:
    assert near(a, b)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("into a bowl", "into a plate"),
        ("before the meal", "after the meal"),
        ("walks to the house", "walks from the house"),
        ("he is happy", "he is not happy"),
        ("he opens the door", "he doesn't open the door"),
        ("Yes", "No"),
        ("3.5", "5.3"),
        ("-5", "5"),
        ("+", "-"),
        ("he", "he laughs"),
        ("his hat", "her hat"),
        (
            "the tall man in the red hat walks slowly into the old house by the sea today",
            "the tall man in the red hat walks slowly into the old barn by the sea today",
        ),
        ("狗在跑", "猫在跑"),
    ],
)
def test_a_pair_that_makes_the_best_distractor_is_not_near(a: str, b: str) -> None:
    assert not near(a, b) and not same(a, b)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Yes, he does", "yes-no"),
        ("no.", "yes-no"),
        ("no one", "open"),
        ("two dogs", "number"),
        ("3", "number"),
        ("walking away", "gerund"),
        ("morning light", "open"),
        ("to eat", "infinitive"),
        ("to the door", "preposition"),
        ("because it rains", "reason"),
        ("under the table", "preposition"),
        ("walk away", "base"),
        ("pushes the car", "third"),
        ("the red ball", "noun"),
        ("He sits down", "sentence"),
        ("the man is sad", "sentence"),
    ],
)
def test_the_form_of_an_answer_is_told_from_how_it_begins(text: str, kind: str) -> None:
    found = Form.of(text).kind
    assert found == kind or (kind == "preposition" and found == "open")


def test_answers_of_marked_forms_go_only_with_their_like() -> None:
    assert compatible("walking away", "sitting down") and not compatible("walking away", "walk away")
    assert compatible("red", "the ball") and not compatible("red", "3")
    assert not compatible("yes", "the ball") and not compatible("walk away", "walks away")
