"""Edits without a language model: words go or are exchanged, and nothing else happens to a text."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flyreel.questions import Questions
from flyreel.refine.edits import Editor, exchanged
from flyreel.toybox.questions import questions

TOKEN = re.compile(r"\w+(?:'\w+)?|[^\w\s]")
TOYBOX = questions(3, 12, 4)
EDITOR = Editor(TOYBOX)
PADDED = Editor(
    Questions.from_rows(
        {
            "id": f"q{i}",
            "question": "What is it?",
            "choices": [f"a ball and hat {i}", f"a very really ball. And really a hat {i}", f"A quite red ball {i}"],
            "answer": 0,
        }
        for i in range(30)
    )
)

anything = st.one_of(
    st.text(max_size=40),
    st.lists(
        st.sampled_from(["a", "very", "really", "ball", "quite", "And", "hat", ".", "red", "3", "\u202e", "'"])
    ).map(" ".join),
)


def is_part_of(short: list[str], long: list[str]) -> bool:
    rest = iter(long)
    return all(word in rest for word in short)


def test_padding_is_what_wrong_choices_have_and_keys_avoid() -> None:
    assert PADDED.padding == {"very", "really", "quite"}
    assert PADDED.trimmed("A quite red ball 3") == "A quite red ball 3", "what would be left was never seen"
    assert PADDED.trimmed("a very ball") == "a ball" and PADDED.trimmed("really a hat") == "really a hat"


@given(anything)
def test_a_trimmed_text_is_never_empty_and_has_no_word_of_its_own(text: str) -> None:
    after = PADDED.trimmed(text)
    assert bool(after.strip()) == bool(text.strip())
    assert is_part_of(TOKEN.findall(after), TOKEN.findall(text))
    assert PADDED.padding >= {w.lower() for w in TOKEN.findall(text)} - {w.lower() for w in TOKEN.findall(after)}


@given(anything)
def test_the_text_itself_is_the_first_of_its_variants_and_none_comes_twice(text: str) -> None:
    found = PADDED.variants(text)
    assert found[0] == text and len(set(found)) == len(found)
    assert all(is_part_of(TOKEN.findall(v), TOKEN.findall(text)) for v in found)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(set(TOYBOX.flat_choices))), st.integers(0, 9))
def test_an_exchange_changes_one_word_for_one_that_a_key_uses_and_nothing_else(text: str, seed: int) -> None:
    before = TOKEN.findall(text)
    banned = {before[-1].lower()}
    keys = {w.lower() for i in np.flatnonzero(TOYBOX.is_key) for w in TOKEN.findall(TOYBOX.flat_choices[i])}
    for one in EDITOR.exchanges(text, banned, (), np.random.default_rng(seed)):
        after = TOKEN.findall(exchanged(text, [one]))
        apart = [(a, b) for a, b in zip(before, after, strict=True) if a != b]
        assert apart == [(text[one.start : one.end], one.new)]
        assert one.new.lower() in keys and not banned & {one.new.lower(), apart[0][0].lower()}


def test_there_are_exchanges_in_a_set_that_repeats_itself() -> None:
    found = [EDITOR.exchanges(t, (), (), np.random.default_rng(0)) for t in sorted(set(TOYBOX.flat_choices))]
    assert sum(map(bool, found)) > len(found) / 3


@given(anything, anything)
def test_a_text_in_the_form_of_the_key_is_in_that_form(text: str, key: str) -> None:
    after = EDITOR.in_form_of(text, key)
    assert EDITOR.in_form_of(after, key) == after == after.strip()


@pytest.mark.parametrize(
    ("text", "key", "after"),
    [
        ("A ball.", "she sleeps", "a ball"),
        ("a ball", "She sleeps.", "A ball."),
        ("why?", "She sleeps.", "Why?"),
        ("TV is on", "a dog", "TV is on"),
        ("I run", "a dog", "I run"),
        ("I'm late", "a dog", "I'm late"),
        ("3 dogs", "A dog.", "3 dogs."),
        ("a ball .", "a dog", "a ball"),
        ("Tom runs", "a dog", "Tom runs"),
        ("", "a dog", ""),
    ],
)
def test_capital_and_stop_are_the_keys_own(text: str, key: str, after: str) -> None:
    assert PADDED.in_form_of(text, key) == after


FAMILY = "\U0001f3a5\U0001f468\u200d\U0001f469\u200d\U0001f467"
HOSTILE = ("", " ", FAMILY, "\u202eשלום עולם\u202c", "...!?", "—", "a ball " * 1429, "x" * 10_000, "\x00")


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_goes_through(text: str) -> None:
    random = np.random.default_rng(0)
    for editor in (EDITOR, PADDED):
        assert editor.variants(text)[0] == text
        for one in editor.exchanges(text, (), (), random):
            assert exchanged(text, [one]) != text
    assert isinstance(EDITOR.in_form_of(text, "A dog."), str) and isinstance(EDITOR.in_form_of("a dog", text), str)
