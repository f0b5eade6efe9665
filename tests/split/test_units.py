"""What may not be divided."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from flyreel.audit.leakage import jaccard
from flyreel.questions import Questions
from flyreel.split.units import text_of, units

SENTENCES = [
    "Why does the tall man in the grey coat leave the house before the others wake",
    "How many birds are sitting on the fence when the camera turns to the garden",
    "What does the girl put into the box after she has closed the kitchen window",
    "Which of the players stands nearest to the ball at the end of the first scene",
]


def row(id, text, group=None, clip=None, choices=("a red ball", "a blue kite", "a green hat")):
    return {"id": id, "question": text, "choices": list(choices), "answer": 0, "group": group or id, "clip": clip}


def labels(*rows, **how):
    return units(Questions.from_rows(rows), **how).label.tolist()


def test_a_group_is_one_unit():
    assert labels(row("1", SENTENCES[0], "film"), row("2", SENTENCES[1]), row("3", SENTENCES[2], "film")) == [0, 1, 0]


def test_groups_that_share_a_clip_are_one_unit():
    """Two names for one film: a clip of it must not be seen on both sides."""
    rows = [row("1", SENTENCES[0], "a", "clip"), row("2", SENTENCES[1], "b", "clip"), row("3", SENTENCES[2], "c")]
    found = units(Questions.from_rows(rows))
    assert found.label.tolist() == [0, 0, 1]
    assert (found.joined_by_clip, found.joined_by_copy) == (1, 0)


def test_questions_without_a_clip_do_not_share_one():
    assert labels(row("1", SENTENCES[0]), row("2", SENTENCES[1])) == [0, 1]


def test_near_copies_are_one_unit_even_with_shuffled_choices():
    copy = row("2", SENTENCES[0].upper().replace("TALL", "tall"), choices=("a green hat", "a red ball", "a blue kite"))
    assert labels(row("1", SENTENCES[0]), copy, row("3", SENTENCES[1])) == [0, 0, 1]
    assert labels(row("1", SENTENCES[0]), copy, row("3", SENTENCES[1]), copies_may_cross=True) == [0, 1, 2]


def test_joining_is_passed_on():
    """a and b share a clip, b and c a copy: a and c must not be divided though they have nothing in common."""
    rows = [row("1", SENTENCES[0], "a", "clip"), row("2", SENTENCES[1], "b", "clip"), row("3", SENTENCES[1], "c")]
    found = units(Questions.from_rows(rows))
    assert found.label.tolist() == [0, 0, 0]
    assert len(found) + found.joined_by_clip + found.joined_by_copy == 3


@pytest.mark.parametrize("seed", range(3))
def test_copies_are_found_in_every_order_of_the_rows(seed):
    """Chains of likeness: a is like b and b like c, but a is not like c; whoever comes first, all are together."""
    random = np.random.default_rng(seed)
    words = ["".join(random.choice(list("abcdefghijkl"), 6)) for _ in range(60)]
    texts = [[str(w) for w in random.choice(words, 30)] for _ in range(5)]
    for _ in range(25):
        drifted = list(texts[random.integers(len(texts))])
        drifted[random.integers(30)] = str(random.choice(words))
        texts.append(drifted)
    rows = [row(f"{i:02}", " ".join(t)) for i, t in enumerate(texts)]
    q = Questions.from_rows(rows)
    told = units(q)
    order = random.permutation(len(rows))
    shuffled = units(q.take(order)).label
    for i, j in combinations(range(len(rows)), 2):
        assert (told.label[order[i]] == told.label[order[j]]) == (shuffled[i] == shuffled[j])
        if jaccard(text_of(q, i), text_of(q, j)) >= 0.9:
            assert told.label[i] == told.label[j]
    assert 5 <= len(told) < 15
