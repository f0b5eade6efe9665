"""If these fail, questions that give their answer away or say the same twice reach the file, or good ones are lost."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flyreel.audit.likeness import Form, same
from flyreel.generate.sieve import Sieve, _read


def reason(sieve: Sieve, question: str, key: str) -> str | None:
    drop = sieve.refuse(question, key)
    return drop.reason if drop else None


@pytest.mark.parametrize(
    "question, key", [("", "a man"), ("  ?", "a man"), ("Who jumps?", ""), ("Who jumps?", " \u200b")]
)
def test_a_question_or_an_answer_of_nothing_is_empty(question: str, key: str) -> None:
    assert reason(Sieve(), question, key) == "empty"


@pytest.mark.parametrize(
    "question, key",
    [
        ("What does the man with the red hat wear?", "a red hat"),
        ("Where does the woman on the beach walk?", "on the beach"),
        ("How does the man jump over the fence?", "jumping"),
        ("Who drives the automobile?", "The car."),
        ("Who, at Bob's, sees 2.5 dogs?", "2.5"),
        ("Was sieht der Mann mit dem größeren Hut?", "größeren Hut"),
    ],
)
def test_a_question_that_names_its_answer(question: str, key: str) -> None:
    drop = Sieve().refuse(question, key)
    assert drop is not None and (drop.reason, drop.detail) == ("answer-in-question", key)


@pytest.mark.parametrize(
    "question, key",
    [
        ("Who sits next to B?", "B"),
        ("What is it?", "it is"),
        ("Is he there?", "he"),
        ("Who holds the red hat?", "a blue hat"),
    ],
)
def test_a_letter_grammar_or_part_of_the_answer_gives_nothing_away(question: str, key: str) -> None:
    assert reason(Sieve(), question, key) is None


def test_the_same_question_is_a_duplicate_whatever_its_answer() -> None:
    """With two answers one of them is wrong, so the second is no new question."""
    sieve = Sieve(near=False)
    assert sieve.refuse("Who picks up the ball?", "a man") is None
    for key in ("a man", "two dogs"):
        drop = sieve.refuse("who picks up a  ball", key)
        assert drop is not None and (drop.reason, drop.detail) == ("duplicate", "Who picks up the ball?")


def test_words_in_another_order_with_another_answer_are_another_question() -> None:
    sieve = Sieve()
    assert reason(sieve, "What does Pip throw at Dot?", "a stone") is None
    assert reason(sieve, "What does Dot throw at Pip?", "a pillow") is None
    assert reason(sieve, "At Dot what does Pip throw?", "a chair") == "duplicate"


def test_one_word_is_a_difference_where_the_answers_differ() -> None:
    sieve = Sieve()
    long = "What does the tall man in the long grey coat put into the brown {} before the train leaves the station?"
    assert reason(sieve, long.format("bag"), "a letter") is None
    assert reason(sieve, long.format("box"), "an apple") is None
    assert reason(sieve, long.format("basket"), "the letter") == "near-duplicate"


def test_a_question_with_trimmings_is_near_only_where_near_is_asked_for() -> None:
    asked = [("Where does the tall man go?", "to the door"), ("Where does the tall man go at night?", "up the hill")]
    strict, loose = Sieve(), Sieve(near=False)
    assert [reason(strict, *a) for a in asked] == [None, "near-duplicate"]
    assert [reason(loose, *a) for a in asked] == [None, None]


def test_what_was_refused_is_not_remembered() -> None:
    """If it were, one bad wording would cost every good one that is like it."""
    sieve = Sieve()
    assert reason(sieve, "What does the man with the ball throw?", "the ball") == "answer-in-question"
    assert reason(sieve, "What does the man with the ball throw?", "a stick") is None


WORDS = st.sampled_from("the a what no some just dog dogs red runs don't cannot 1.5 2 , . ? ! - _ it's the".split())
TEXTS = st.one_of(st.lists(WORDS, min_size=1, max_size=6).map(" ".join), st.text(max_size=20))


@given(TEXTS, TEXTS)
@example("I", "ı")
@example("-", "_")
def test_the_fast_reading_finds_the_same_questions_as_likeness(a: str, b: str) -> None:
    assert (sorted(_read(a)[0]) == sorted(_read(b)[0])) == same(a, b)


@given(st.lists(WORDS, min_size=1, max_size=6).map(" ".join))
def test_the_fast_reading_finds_what_a_form_is_about(text: str) -> None:
    trimmings = {"no", "som", "just"}  # "som" is the stem of "some"
    assert _read(text)[1] - trimmings == Form.of(text).content - trimmings


@given(TEXTS, TEXTS)
def test_nothing_passes_twice(question: str, key: str) -> None:
    sieve = Sieve()
    first = sieve.refuse(question, key)
    second = sieve.refuse(question, key)
    assert second is not None and (first is None or second.reason == first.reason)
