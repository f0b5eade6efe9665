"""The promises of a split, on sets that were made to break them."""

from __future__ import annotations

from collections import defaultdict
from itertools import combinations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from flyreel.audit.leakage import NEAR, jaccard
from flyreel.errors import InputError
from flyreel.questions import Questions
from flyreel.split.assign import EVALUATED
from flyreel.split.division import check, describe, split
from flyreel.split.units import text_of

THREE = {"train": 0.6, "val": 0.2, "test": 0.2}
SCENES = [
    f"What does {who} do in the {place} before {whom} comes back with the {thing}"
    for who, place, whom, thing in zip(
        "Anna Bert Carla Dirk Edith Frank Gerda Hugo Irma Jakob".split(),
        "kitchen garden cellar attic harbour forest library station market tower".split(),
        "grandmother nobody policeman neighbour teacher children doctor stranger captain gardener".split(),
        "lantern umbrella telescope newspaper violin suitcase bicycle wheelbarrow typewriter teapot".split(),
        strict=True,
    )
]


def row(id, scene, group, clip=None, copy=0, category=None):
    """Copies of a scene differ in their last letter; two scenes have little in common."""
    number = f"{id:03}"
    return {
        "id": number,
        "question": SCENES[scene] + "?s"[:copy],
        "choices": [f"{SCENES[scene].split()[2]} sings", "digs a hole", f"waits for the {SCENES[scene].split()[-1]}"],
        "answer": 0,
        "group": group,
        "clip": clip,
        "category": category,
    }


@st.composite
def sets(draw):
    n = draw(st.integers(6, 30))
    rows = []
    for i in range(n):
        group = draw(st.integers(0, 9))
        rows.append(
            row(
                i,
                draw(st.sampled_from([group, group, group, draw(st.integers(0, 9))])),
                f"film{group}",
                draw(st.sampled_from([None, f"clip{group}", f"clip{group}", "clip0"])),
                draw(st.integers(0, 2)),
                draw(st.sampled_from(["plot", "place", None])),
            )
        )
    waiting = draw(st.dictionaries(st.sampled_from([r["id"] for r in rows]), st.sampled_from(["unfixable", "spoken"])))
    return rows, waiting


def made_of(rows, **how):
    try:
        return split(Questions.from_rows(rows), THREE, **how)
    except InputError:  # too few units: another test's concern
        assume(False)


def homes(made):
    return {
        id: "left out" if why else name
        for id, name, why in zip(made.questions.ids, made.placed, made.why_out, strict=True)
    }


@settings(max_examples=80, deadline=None)
@given(sets(), st.integers(0, 3), st.booleans())
def test_no_group_clip_or_near_copy_stands_on_both_sides(drawn, seed, by_category):
    rows, waiting = drawn
    made = made_of(rows, seed=seed, by_category=by_category, waiting=waiting)
    q = made.questions
    for field in ("group", "clip"):
        where = defaultdict(set)
        for value, name in zip(q.strings(field), made.placed, strict=True):
            where[value].add(name)
        assert all(len(names) == 1 for value, names in where.items() if value)
    for i, j in combinations(range(len(q)), 2):
        if jaccard(text_of(q, i), text_of(q, j)) >= NEAR:
            assert made.placed[i] == made.placed[j]
    assert set(check(made).values()) == {0}


@settings(max_examples=60, deadline=None)
@given(sets(), st.integers(0, 3))
def test_every_question_is_in_one_place_and_none_that_waits_in_val_or_test(drawn, seed):
    rows, waiting = drawn
    made = made_of(rows, seed=seed, waiting=waiting)
    parts = [made.questions.take(made.rows(name)).ids for name in THREE]
    out = [made.questions.ids[i] for i in np.flatnonzero(made.out)]
    assert sorted([*parts[0], *parts[1], *parts[2], *out]) == [r["id"] for r in rows]
    for name, ids in zip(THREE, parts, strict=True):
        assert name == "train" or not set(ids) & set(waiting)
    assert set(out) <= set(waiting)
    told = describe(made, THREE)["splits"]
    assert [told[name]["questions"] for name in THREE] == [len(ids) for ids in parts]
    assert sum(part["left_out"] for part in told.values()) == len(out)


@settings(max_examples=60, deadline=None)
@given(sets(), st.integers(0, 3), st.booleans(), st.randoms())
def test_the_order_of_the_rows_changes_nothing(drawn, seed, by_category, random):
    rows, waiting = drawn
    made = made_of(rows, seed=seed, by_category=by_category, waiting=waiting)
    random.shuffle(rows)
    assert homes(made_of(rows, seed=seed, by_category=by_category, waiting=waiting)) == homes(made)


def films(n, each=4, **more):
    """Every film has questions of its own; numbers keep them from being copies."""
    random = np.random.default_rng(n)
    words = ["".join(random.choice(list("abcdefghijklmnop"), 8)) for _ in range(400)]
    return [
        {**row(f * each + i, 0, f"film{f}", **more), "question": " ".join(random.choice(words, 8))}
        for f in range(n)
        for i in range(each)
    ]


def test_what_waits_is_kept_in_train_where_whole_films_of_it_fit_there():
    rows = films(30)
    waiting = {r["id"]: "unfixable" for r in rows[:24]}
    made = split(Questions.from_rows(rows), THREE, waiting=waiting)
    assert not made.out.any()
    assert all(homes(made)[id] == "train" for id in waiting)


def test_a_waiting_question_of_a_test_film_is_left_out_and_does_not_move_to_train():
    rows = films(10)
    waiting = {r["id"]: "spoken" for r in rows[::4]}
    made = split(Questions.from_rows(rows), THREE, waiting=waiting)
    out = np.flatnonzero(made.out)
    assert len(out) == 4
    assert all(made.placed[i] in EVALUATED and made.why_out[i] == "spoken" for i in out)


def test_by_category_holds_the_shares_within_each():
    """Films of one category each, sizes apart: without the option chance decides."""
    rows = [{**r, "category": "plot" if int(r["id"]) < 80 else "place"} for r in films(40)]
    told = describe(split(Questions.from_rows(rows), THREE, by_category=True), THREE)["splits"]
    assert {name: part["categories"] for name, part in told.items()} == {
        "train": {"place": 48, "plot": 48},
        "val": {"place": 16, "plot": 16},
        "test": {"place": 16, "plot": 16},
    }


@pytest.mark.parametrize(("rows", "says"), [
    ([row(i, i, "one film") for i in range(5)], "1 group make 1 unit .* leave a split out"),
    ([row(i, 0, f"film{i}") for i in range(5)], "by near copies: 4.*--copies-may-cross"),
])  # fmt: skip
def test_too_few_units_say_what_joined_them(rows, says):
    with pytest.raises(InputError, match=says):
        split(Questions.from_rows(rows), THREE)


def test_copies_that_may_cross_are_counted_by_the_check():
    made = split(Questions.from_rows([row(i, 0, f"film{i}") for i in range(10)]), THREE, copies_may_cross=True)
    assert check(made) == {"groups_in_two_splits": 0, "clips_in_two_splits": 0, "near_copies_crossing": 10}
