"""Wrong choices that text alone does not tell from the key: not by form, nor by the clip's words, nor by use."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flyreel.audit.likeness import Form, near
from flyreel.engine.stage import Drop
from flyreel.generate import matching
from flyreel.generate.language.candidates import Kind
from flyreel.generate.language.model import english
from flyreel.generate.matching import Hand, Said, Slot, deal, form_of

K = 5


def slots_of(scenes: Sequence[Sequence[str]], form: tuple[str, ...] = ("noun",)) -> list[Slot]:
    """A question for every text of every scene."""
    found = []
    for i, texts in enumerate(scenes):
        said = Said(tuple(map(Form.of, texts)), tuple(map(Form.of, texts)))
        found += [Slot(f"{form}-{i}-{j}", text, form, said) for j, text in enumerate(texts)]
    return found


def synthetic(seed: int, skew: float) -> list[Slot]:
    """500 scenes with three answers each out of 400 words, some of them in every fifth scene and longer than others."""
    rng = np.random.default_rng(seed)
    parts = [c + v for c in "bcdfglmnprtvz" for v in "aeiou"]
    words = sorted({"".join(rng.choice(parts, rng.integers(2, 7))) for _ in range(440)})[:400]
    rng.shuffle(words)
    words[0] = "unusuallylongword"
    share = 1 / np.arange(1, len(words) + 1) ** skew
    drawn = [rng.choice(words, size=3, replace=False, p=share / share.sum()) for _ in range(500)]
    return slots_of([[f"the {word}" for word in some] for some in drawn])


def rule(hands: Sequence[Hand | Drop], score: Callable[[str], float]) -> float:
    """Standard errors above chance of the choice with the highest score; ties share the hit."""
    hits = []
    for hand in hands:
        if isinstance(hand, Hand):
            scores = np.array([score(c) for c in hand.choices])
            best = scores == scores.max()
            hits.append(best[hand.answer] / best.sum())
    return float((np.mean(hits) - 1 / K) / np.sqrt((1 / K) * (1 - 1 / K) / len(hits)))


@pytest.mark.parametrize(("seed", "skew"), [(0, 1.0), (1, 1.4), (2, 0.7), (3, 1.0)])
def test_neither_the_commonest_nor_the_longest_choice_is_the_key_more_often_than_chance(seed: int, skew: float) -> None:
    slots = synthetic(seed, skew)
    hands = deal(slots, K, seed)
    kept = [h for h in hands if isinstance(h, Hand)]
    assert len(kept) > 0.75 * len(slots)
    right = Counter(slot.key for slot in slots)
    offered = Counter(c for h in kept for c in h.choices)
    rules: dict[str, Callable[[str], float]] = {
        "commonest": lambda c: right[c], "rarest": lambda c: -right[c], "most offered": lambda c: offered[c],
        "longest": len, "shortest": lambda c: -len(c),
    }  # fmt: skip
    found = {name: rule(hands, score) for name, score in rules.items()}
    assert all(abs(errors) < 3 for errors in found.values()), found


@pytest.mark.parametrize("skew", [1.0, 1.4])
def test_drawn_by_how_often_they_are_right_alone_they_would_be(skew: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control of the test above: without the weights it fails."""
    monkeypatch.setattr(matching, "ROUNDS", 0)
    monkeypatch.setattr(matching, "PASSES", 0)
    slots = synthetic(1, skew)
    right = Counter(slot.key for slot in slots)
    assert rule(deal(slots, K, 0), lambda c: right[c]) > 4


def test_the_key_stands_in_all_places_alike() -> None:
    hands = [h for h in deal(synthetic(4, 1.0), K, 4) if isinstance(h, Hand)]
    counts = Counter(h.answer for h in hands)
    expected = len(hands) / K
    assert sum((counts[i] - expected) ** 2 / expected for i in range(K)) < 18.5, "chi-square with 4 degrees, p = 0.001"


words = st.sampled_from("dog cat owl horse frog duck goat".split())
phrases = st.builds(lambda a, w: " ".join(("a", *a, w)), st.lists(st.sampled_from(("red", "big")), max_size=1), words)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(phrases, min_size=1, max_size=3, unique=True), max_size=12), st.integers(2, 5), st.integers())
def test_a_wrong_choice_is_a_key_elsewhere_and_wrong_here(scenes: list[list[str]], choices: int, seed: int) -> None:
    slots = slots_of(scenes)
    for slot, hand in zip(slots, deal(slots, choices, seed), strict=True):
        if isinstance(hand, Drop):
            assert hand.reason in ("too-few-choices", "answer-too-common")
            continue
        assert len(hand.choices) == choices and hand.choices[hand.answer] == slot.key
        for i, text in enumerate(hand.choices):
            if i != hand.answer:
                assert text in {s.key for s in slots if s.said is not slot.said}
                assert not slot.said.states(text)
        assert not any(near(a, b) for a, b in combinations(hand.choices, 2))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(phrases, min_size=1, max_size=3, unique=True), max_size=12), st.randoms())
def test_neither_the_order_of_the_clips_nor_questions_of_another_form_change_a_hand(
    scenes: list[list[str]], order: random.Random
) -> None:
    slots = slots_of(scenes)
    before = dict(zip((s.id for s in slots), deal(slots, 3, 7), strict=True))
    more = [*slots, *slots_of(scenes, form=("living",))]
    order.shuffle(more)
    after = dict(zip((s.id for s in more), deal(more, 3, 7), strict=True))
    assert before == {id: after[id] for id in before}


def test_another_seed_deals_other_hands() -> None:
    slots = slots_of([[f"a {word}"] for word in "dog cat owl horse frog duck goat hen cow".split()])
    assert deal(slots, K, 0) == deal(slots, K, 0) != deal(slots, K, 1)


def test_what_has_too_few_answers_beside_it_is_dropped_and_lends_none() -> None:
    slots = slots_of([["a dog"], ["a cat"], ["an owl", "a dog"], ["a horse"]])
    assert {h.reason for h in deal(slots, 5, 0) if isinstance(h, Drop)} == {"too-few-choices"}
    assert all(isinstance(h, Hand) for h in deal(slots, 3, 0))


@pytest.mark.parametrize("general", ["a person", "Two people", "the other animals", "with somebody", "a thing"])
def test_what_is_true_of_most_others_is_neither_key_nor_wrong_choice(general: str) -> None:
    """ "Who plays a guitar?": "a man", and "a person" beside it is no mistake."""
    slots = slots_of([["a dog"], ["a cat"], [general], ["an owl"], ["a horse"]])
    hands = deal(slots, 3, 0)
    assert hands[2] == Drop("answer-too-general", general)
    assert not any(general in hand.choices for hand in hands if isinstance(hand, Hand))
    assert sum(isinstance(hand, Hand) for hand in hands) == 4


@pytest.mark.parametrize("special", ["an old person", "a man", "a group of people", "two", "what"])
def test_what_says_more_than_a_general_word_is_a_key(special: str) -> None:
    slots = slots_of([["a dog"], ["a cat"], [special], ["an owl"]])
    assert not any(isinstance(h, Drop) and h.reason == "answer-too-general" for h in deal(slots, 3, 0))


def test_what_a_cue_says_is_no_wrong_choice_though_it_is_no_candidate() -> None:
    said = Said((Form.of("a dog"),), (Form.of("the horses watch"), Form.of("a dog barks")))
    assert said.states("a horse") and said.states("a dog") and said.states("a big dog") and not said.states("a cat")


def form(kind: Kind, sentence: str, stretch: str, question: str = "What is it?") -> tuple[str, ...]:
    doc: Any = english()(sentence)
    start = sentence.index(stretch)
    return form_of(kind, doc.char_span(start, start + len(stretch), alignment_mode="expand"), question)


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        ("living", ("A man feeds the cat.", "A man"), ("Two women feed the cat.", "Two women")),
        ("living", ("Julia feeds the cat.", "Julia"), ("A man feeds the cat.", "A man")),
        ("noun", ("A man drops a plate.", "a plate"), ("A man drops three plates.", "three plates")),
        ("verb", ("A man drops a plate.", "drops a plate"), ("A man is dropping a plate.", "dropping a plate")),
        ("verb", ("A man drops a plate.", "drops a plate"), ("A man sleeps.", "sleeps")),
        ("verb", ("A man dropped a plate.", "dropped a plate"), ("A man drops a plate.", "drops a plate")),
        ("prepositional", ("A man sits on a chair.", "on a chair"), ("A man runs into a house.", "into a house")),
        ("prepositional", ("A man cuts it with a knife.", "with a knife"), ("A man sits on a bed.", "on a bed")),
    ],
)
def test_grammar_keeps_two_answers_apart(kind: Kind, one: tuple[str, str], other: tuple[str, str]) -> None:
    assert form(kind, *one) != form(kind, *other)


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        ("living", ("A man feeds the cat.", "A man"), ("A dog eats his meal.", "A dog")),
        ("living", ("Julia feeds the cat.", "Julia"), ("Henry sleeps.", "Henry")),
        ("noun", ("A man drops a plate.", "a plate"), ("She opens the blue door.", "the blue door")),
        ("verb", ("A man drops a plate.", "drops a plate"), ("A girl picks up a ball.", "picks up a ball")),
        ("prepositional", ("A man sits on a chair.", "on a chair"), ("He waits near the door.", "near the door")),
        ("colour", ("The red car stops.", "red"), ("A dark blue car stops.", "dark blue")),
    ],
)
def test_grammar_lets_two_answers_stand_together(kind: Kind, one: tuple[str, str], other: tuple[str, str]) -> None:
    assert form(kind, *one) == form(kind, *other)


def test_the_word_that_asks_is_of_the_form() -> None:
    told = ("A man feeds the cat.", "A man")
    assert form("living", *told, "Who feeds it?") != form("living", *told, "What feeds it?")
    assert form("living", *told, "Whom does she see?") == form("living", *told, "Who feeds it?")
    looks = ("A man looks at his phone.", "at his phone")
    assert form("prepositional", *looks, "At what does he look?")[-1] == "at"
    assert form("prepositional", *looks, "Where does he look?")[-1] == "place"
    assert form("living", *told, "Which animal feeds it?")[1] == "which animal"
