"""Sizes: as near to what was asked as units allow."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from flyreel.errors import InputError
from flyreel.split.assign import assign, shares

THREE = {"train": 0.8, "val": 0.1, "test": 0.1}


def placed(sizes, unfixable=None, asked=THREE, seed=0):
    counts = np.array(sizes)[:, None]
    keys = [f"{i:03}" for i in range(len(sizes))]
    return assign(counts, np.array(unfixable or [0] * len(sizes)), keys, asked, seed)


def questions_in(homes, sizes, name):
    return sum(n for home, n in zip(homes, sizes, strict=True) if home == name)


asked_shares = st.tuples(*[st.integers(1, 8)] * 3).map(
    lambda parts: {name: p / sum(parts) for name, p in zip(THREE, parts, strict=True)}
)
unit_list = st.lists(st.tuples(st.integers(1, 30), st.floats(0, 1)), min_size=3, max_size=40)


many_units = st.lists(st.tuples(st.integers(1, 6), st.floats(0, 1)), min_size=30, max_size=60)


@settings(max_examples=300, deadline=None)
@given(many_units, asked_shares, st.integers(0, 9))
def test_no_split_is_a_whole_unit_away_from_what_was_asked(units, asked, seed):
    sizes = [n for n, _ in units]
    assume(min(asked.values()) * sum(sizes) >= max(sizes))  # otherwise the last units go where nothing is yet
    homes = placed(sizes, [int(n * bad) for n, bad in units], asked, seed)
    for name, share in asked.items():
        assert abs(questions_in(homes, sizes, name) - share * sum(sizes)) < max(sizes)


@settings(max_examples=300, deadline=None)
@given(unit_list, asked_shares, st.integers(0, 9))
def test_no_split_stays_empty_and_none_gets_a_whole_unit_too_many(units, asked, seed):
    sizes = [n for n, _ in units]
    homes = placed(sizes, [int(n * bad) for n, bad in units], asked, seed)
    assert set(homes) == set(asked)
    for name, share in asked.items():
        assert questions_in(homes, sizes, name) - share * sum(sizes) < max(sizes)


def test_equal_units_meet_the_shares_exactly():
    homes = placed([8] * 100)
    assert [homes.count(name) for name in THREE] == [80, 10, 10]


def test_large_units_reach_the_small_splits_too():
    """Else every long film would stand in train, and the scores be those of short ones."""
    sizes = [*[20] * 30, *[2] * 300]
    found = [placed(sizes, seed=seed)[:30] for seed in range(40)]
    for name in ("val", "test"):
        assert 90 <= sum(homes.count(name) for homes in found) <= 150  # of 1,200, a tenth


@pytest.mark.parametrize("seed", range(5))
def test_most_units_stay_where_they_are_when_others_come(seed):
    """A test set that grows should still be the test set."""
    random = np.random.default_rng(seed)
    sizes = random.integers(1, 30, 300).tolist()
    before, after = placed(sizes[:270], seed=seed), placed(sizes, seed=seed)
    stays = [a == b for a, b in zip(before, after[:270], strict=True)]
    assert np.mean(stays) > 0.9
    assert np.mean([s for s, home in zip(stays, before, strict=True) if home == "test"]) > 0.6


def test_units_with_many_unfixable_questions_stand_in_train():
    unfixable = [8] * 5 + [4] * 10 + [0] * 85
    for seed in range(5):
        assert set(placed([8] * 100, unfixable, seed=seed)[:15]) == {"train"}


def test_where_train_is_too_small_those_with_the_most_unfixable_are_kept():
    homes = placed([8] * 10, [1] * 5 + [7] * 5, {"train": 0.5, "test": 0.5})
    assert homes == ["test"] * 5 + ["train"] * 5


def test_a_unit_larger_than_a_split_goes_where_there_is_room():
    """Even though train could be filled with units that have unfixable questions."""
    homes = placed([50, *[1] * 50], [0, *[1] * 50])
    assert homes[0] == "train"


def test_another_seed_is_another_split_and_the_same_seed_the_same():
    assert placed([5] * 50, seed=1) == placed([5] * 50, seed=1) != placed([5] * 50, seed=2)


@pytest.mark.parametrize(
    "given_", [(0.9, 0.1, 0.1), (0.5, 0.2, 0.2), (1.2, -0.1, -0.1), (float("nan"), 0.5, 0.5), (0, 0, 0)]
)
def test_shares_that_make_no_whole_are_refused_in_one_line(given_):
    with pytest.raises(InputError, match=r"--train .* --val .* --test"):
        shares(*given_)


def test_a_third_each_is_a_whole_and_a_share_of_nothing_is_no_split():
    assert sum(shares(0.333, 0.333, 0.333).values()) == pytest.approx(1)
    assert shares(0.9, 0, 0.1) == {"train": 0.9, "test": 0.1}
