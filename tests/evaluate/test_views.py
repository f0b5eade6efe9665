"""What each view shows, and that frames out of order are out of order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyreel.errors import InputError
from flyreel.evaluate.views import ADDS, CONTROLS, VIEWS, chosen, order


def test_the_default_is_the_full_view_and_controls_add_to_it():
    assert [v.name for v in chosen((), False)] == ["full"]
    assert [v.name for v in chosen((), True)] == list(VIEWS)
    assert [v.name for v in chosen(("blind",), False)] == ["blind"]
    assert [v.name for v in chosen(("reversed", "full"), False)] == ["full", "reversed"], "always in one order"


def test_a_view_that_is_not_there_is_named():
    with pytest.raises(InputError, match=r"--view blnd: no such view\. Did you mean blind"):
        chosen(("blnd",), False)


def test_every_control_is_what_something_is_held_against():
    """Else a view is asked and paid for, and no column says what came of it."""
    assert {without for without, _ in ADDS.values()} == set(CONTROLS)


@given(st.integers(2, 60), st.text())
def test_shuffled_no_frame_stays_and_none_is_lost(n, id):
    places = order(VIEWS["shuffled"], n, id)
    assert sorted(places) == list(range(n)) and all(i != p for i, p in enumerate(places))
    assert places == order(VIEWS["shuffled"], n, id), "another run would ask another question"


@given(st.integers(1, 60))
def test_reversed_and_full(n):
    assert order(VIEWS["reversed"], n, "q") == list(range(n))[::-1]
    assert order(VIEWS["full"], n, "q") == list(range(n))


def test_shuffles_differ_between_questions():
    assert len({tuple(order(VIEWS["shuffled"], 8, f"q{i}")) for i in range(50)}) > 40
