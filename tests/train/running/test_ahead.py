"""Batches made in threads: in their order, errors where they are due, and no thread that is left."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyreel.errors import InputError

pytest.importorskip("torch")
pytest.importorskip("accelerate")

from flyreel.train.running.ahead import ahead


@given(st.integers(0, 4), st.integers(0, 9))
def test_batches_come_in_order_whatever_the_threads_do(count: int, batches: int) -> None:
    with ahead(lambda number: number * number, range(batches), count) as made:
        assert list(made) == [number * number for number in range(batches)]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("batch")]


@given(st.integers(0, 4), st.integers(0, 8))
def test_an_error_is_raised_where_its_batch_is_due_and_leaves_no_thread(count: int, bad: int) -> None:
    def make(number: int) -> int:
        if number == bad:
            raise InputError(f"batch {number}")
        return number

    seen = []
    with pytest.raises(InputError, match=f"batch {bad}"), ahead(make, range(9), count) as made:
        for one in made:
            seen.append(one)
    assert seen == list(range(bad))
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("batch")]


def test_batches_are_made_while_others_are_learnt_from() -> None:
    """The second is begun although nobody has taken the first: else the threads are no use."""
    begun = threading.Event()

    def make(number: int) -> int:
        if number == 1:
            begun.set()
        else:
            assert number != 0 or begun.wait(60)
        return number

    with ahead(make, range(3), 2) as made:
        assert next(made) == 0
