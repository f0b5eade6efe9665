"""R@k and median rank against a count by hand and against every order that ties allow."""

from __future__ import annotations

from itertools import pairwise, permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyreel.evaluate.retrieval import score


def test_by_hand():
    similarity = np.array([[0.9, 0.1, 0.2], [0.5, 0.4, 0.6], [0.3, 0.2, 0.1]])
    found = score(similarity, [0, 1, 2], ks=(1, 2))
    assert found.at == {1: pytest.approx(1 / 3), 2: pytest.approx(1 / 3)}
    assert found.median_rank == 3
    assert found.chance == {1: pytest.approx(1 / 3), 2: pytest.approx(2 / 3)} and found.chance_median == 2


@given(st.lists(st.integers(0, 2), min_size=1, max_size=5), st.data())
def test_ties_are_worth_the_mean_over_every_order_they_allow(row, data):
    right = data.draw(st.integers(0, len(row) - 1))
    k = data.draw(st.integers(1, 5))
    hits = []
    for order in permutations(range(len(row))):
        if all(row[a] >= row[b] for a, b in pairwise(order)):
            hits.append(order.index(right) < k)
    found = score(np.array([row], dtype=float), [right], ks=(k,))
    assert found.at[k] == pytest.approx(np.mean(hits))


def test_saying_the_same_of_everything_is_worth_chance():
    found = score(np.zeros((20, 20)), range(20))
    assert found.at == pytest.approx(found.chance) and found.median_rank == found.chance_median


def test_a_right_one_that_could_not_be_scored_comes_last():
    found = score(np.array([[np.nan, 0.1]]), [0])
    assert found.at[1] == 0.0 and found.median_rank == 2


@given(st.lists(st.integers(0, 2), min_size=1, max_size=5), st.data())
def test_with_several_right_the_first_of_them_counts(row, data):
    mask = data.draw(st.lists(st.booleans(), min_size=len(row), max_size=len(row)).filter(any))
    k = data.draw(st.integers(1, 5))
    places = []
    for order in permutations(range(len(row))):
        if all(row[a] >= row[b] for a, b in pairwise(order)):
            places.append(min(order.index(i) for i, right in enumerate(mask) if right))
    found = score(np.array([row], dtype=float), np.array([mask]), ks=(k,))
    assert found.at[k] == pytest.approx(np.mean([p < k for p in places]))
    assert found.median_rank == np.median(places) + 1


def test_the_median_rank_of_a_random_order_is_what_chance_says():
    """The middle of the expected ranks is another number: that of the first of many is not spread evenly."""
    many = np.array([1, 3, 9] * 400)
    mask = np.arange(30)[None, :] < many[:, None]
    rng = np.random.default_rng(0)
    drawn = np.array([[rng.permutation(30)[:k].min() + 1 for k in many] for _ in range(40)])
    assert score(np.zeros(mask.shape), mask).chance_median == np.median(drawn) == 6
    assert np.median(31 / (many + 1)) > 7, "which is what it was taken for"
    assert score(rng.random(mask.shape), mask).median_rank == pytest.approx(6, abs=0.5), "who knows nothing gets it"


def test_saying_the_same_is_worth_chance_also_where_several_are_right():
    mask = np.arange(30)[None, :] < np.array([[2], [3], [7]])
    found = score(np.zeros(mask.shape), mask)
    assert found.median_rank == found.chance_median and found.at == pytest.approx(found.chance)


def test_chance_with_several_right_is_that_of_a_blind_draw():
    mask = np.zeros((400, 30), dtype=bool)
    mask[:, :3] = True
    found = score(np.random.default_rng(0).random((400, 30)), mask)
    for k in (1, 5, 10):
        assert found.at[k] == pytest.approx(found.chance[k], abs=0.08)
