"""Wrong choices picked over the whole set: planted artefacts go, keys stay, and what was even stays even."""

from __future__ import annotations

import asyncio
from functools import lru_cache
from typing import Any

import numpy as np

from flyreel.audit.fitted import hits_of
from flyreel.audit.probe import Setting as Probing
from flyreel.audit.shortcut import probabilities
from flyreel.audit.statistics import Estimate, chi_square_uniform, estimate
from flyreel.audit.surface import key_positions, surface
from flyreel.questions import Questions
from flyreel.refine.balance import balanced
from flyreel.refine.loop import Setting, refine
from flyreel.refine.offers import Offers
from flyreel.refine.strategy import Task
from flyreel.refine.wordings import reworded, wording_of
from flyreel.schema import Wording

N, K = 160, 5
COLOURS = ("red", "green", "blue", "white", "yellow", "brown", "grey", "pink")
THINGS = ("hat", "ball", "door", "lamp", "boat", "chair", "knife", "cup", "book", "coat", "box", "key")
PLACES = ("in the hall", "by the wall", "on the bed", "at the gate", "in the barn", "on the roof")


def planted(first: bool = False) -> Questions:
    """Keys are the longest in every third question, and wrong choices say "quite" in most; otherwise all by one lot."""
    random = np.random.default_rng(8)
    rows: list[dict[str, Any]] = []
    for i in range(N):
        texts: list[str] = []
        while len(texts) < K:
            text = f"the {random.choice(COLOURS)} {random.choice(THINGS)} {random.choice(PLACES)}"
            if text not in texts:
                texts.append(text)
        at = 0 if first else i % K
        for c in range(K):
            if c != at and random.random() < 0.6:
                texts[c] = texts[c].replace("the ", "the quite ", 1)
        if i % 3 == 0:
            texts[at] = f"{texts[at]} behind the {random.choice(THINGS)} and the {random.choice(THINGS)}"
        rows.append({"id": f"q{i}", "question": f"What does guest {i} take?", "choices": texts, "answer": at})
    return Questions.from_rows(rows)


def tasks(questions: Questions, rows: range) -> list[Task]:
    return [Task(row, questions.ids[row], w := wording_of(questions, row), w, 1) for row in rows]


@lru_cache
def mended(first: bool = False) -> tuple[Questions, dict[int, Wording], Questions]:
    before = planted(first)
    given = tasks(before, range(N))
    found = balanced(before, given, Offers(before, given, {}, 5), 5)
    return before, found, reworded(before, found)


def text_model(questions: Questions) -> Estimate:
    given = probabilities(questions, Probing())
    assert given is not None
    return estimate(hits_of(questions, given, questions.is_key), questions.chance, questions.groups)


def test_one_pass_takes_most_of_what_a_text_model_fitted_anew_can_find_and_does_not_turn_it_about() -> None:
    before, _, after = mended()
    was, is_now = text_model(before), text_model(after)
    assert was.accuracy > 0.45
    assert is_now.excess < was.excess / 2 and is_now.ci95[1] > 1 / K, is_now


def test_no_rule_of_length_or_likeness_that_told_the_keys_does_so_afterwards_nor_its_opposite() -> None:
    before, _, after = mended()
    was, is_now = (surface(q, Probing()).details["rules"] for q in (before, after))
    for name in ("longest", "shortest", "most like the other choices", "least like the other choices"):
        low, high = was[name]["ci95"]
        assert not low <= 1 / K <= high, f"{name} was to be planted"
        assert abs(is_now[name]["accuracy"] - 1 / K) < 0.12 < abs(was[name]["accuracy"] - 1 / K), (name, is_now[name])


def test_questions_and_keys_are_as_they_were_to_the_letter() -> None:
    before, found, after = mended()
    assert len(found) > N / 2 and after.ids == before.ids and after.texts == before.texts
    for row in range(N):
        assert wording_of(after, row).key == wording_of(before, row).key
        assert len(set(after.choices_of(row))) == K


def test_the_same_seed_picks_the_same() -> None:
    before = planted().take(np.arange(50))
    runs = [balanced(before, given := tasks(before, range(30)), Offers(before, given, {}, 2), 2) for _ in range(2)]
    assert runs[0] == runs[1] and set(runs[0]) <= set(range(30))


def test_keys_that_stood_where_they_should_stay_and_bunched_ones_are_spread() -> None:
    _, found, _ = mended()
    assert all(w.answer == row % K for row, w in found.items())
    before, moved, spread = mended(first=True)
    assert chi_square_uniform(*key_positions(before))[1] < 1e-9
    assert chi_square_uniform(*key_positions(spread))[1] > 0.05
    assert len({w.answer for w in moved.values()}) == K


def test_questions_with_two_to_eight_choices_are_balanced_together() -> None:
    random = np.random.default_rng(1)
    rows = []
    for i in range(60):
        k = 2 + i % 7
        texts = [f"the {c} {t}" for c in COLOURS for t in THINGS]
        choices = [texts[j] for j in random.choice(len(texts), k, replace=False)]
        rows.append({"id": f"q{i}", "question": f"What is it {i}?", "choices": choices, "answer": k - 1})
    made = Questions.from_rows(rows)
    given = tasks(made, range(60))
    for row, wording in balanced(made, given, Offers(made, given, {}, 0), 0).items():
        assert len(wording.choices) == 2 + row % 7 and wording.key == wording_of(made, row).key


def test_after_the_loop_the_text_model_is_at_chance_and_not_below() -> None:
    is_now = text_model(asyncio.run(refine(planted(), Setting("distractors"))).questions)
    assert is_now.ci95[0] <= 1 / K <= is_now.ci95[1], is_now
