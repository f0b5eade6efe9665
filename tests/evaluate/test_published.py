"""Printed tables, and what their averages can be made from."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flyreel.errors import InputError
from flyreel.evaluate import published
from flyreel.evaluate.published import TOLERANCE, Printed, Row, check, load


def by_version() -> dict[str, published.Check]:
    return {table.version: check(table) for table in load("cinepile").tables}


def test_every_row_has_an_average_and_all_categories() -> None:
    found = load("cinepile")
    assert [len(t.rows) for t in found.tables] == [13, 8]
    assert all(len(row.categories) == len(found.categories) == 5 for t in found.tables for row in t.rows)
    assert all(min(row.categories) <= row.average <= max(row.categories) for t in found.tables for row in t.rows)


def test_the_plain_mean_of_the_categories_is_no_printed_average() -> None:
    assert not any(row.by_plain for c in by_version().values() for row in c.rows)


def test_one_set_of_weights_gives_all_models_of_v2_and_all_but_one_of_v1() -> None:
    """The documentation says so, with these numbers."""
    found = by_version()
    assert found["v2"].without == () and found["v2"].only
    assert found["v2"].closest == pytest.approx(0.0070, abs=5e-5)
    assert found["v1"].without == ("Video-ChatGPT",) and found["v1"].only
    assert found["v1"].closest == pytest.approx(0.0152, abs=5e-5)
    odd = next(r for r in found["v1"].rows if r.row.name == "Video-ChatGPT")
    assert odd.possible == pytest.approx((14.581, 14.598), abs=5e-4)
    assert [r.row.name for c in found.values() for r in c.rows if not r.agrees] == [
        "Human", "Human (authors)", "Video-ChatGPT"
    ]  # fmt: skip


def test_least_squares_alone_would_blame_three_more_rows() -> None:
    """The odd row pulls the fit: why the page says more than one thing."""
    missed = [r.row.name for r in by_version()["v1"].rows if r.row.kind == "model" and not r.by_fitted]
    assert missed == ["Gemini 1.5 Pro", "Claude 3 Opus", "Video-ChatGPT", "mPLUG-Owl", "MovieChat"]


def made(seed: int, n: int = 7) -> Printed:
    """Averages by known weights, everything rounded to two decimals."""
    rng = np.random.default_rng(seed)
    weights = rng.dirichlet(np.ones(4))
    exact = rng.uniform(5, 90, (n, 4))
    return Printed(
        "v",
        tuple(
            Row(f"m{i}", "model", round(float(own @ weights), 2), tuple(np.round(own, 2).tolist()))
            for i, own in enumerate(exact)
        ),
    )


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_rounding_is_never_called_an_error(seed: int) -> None:
    found = check(made(seed))
    assert found.without == ()
    assert found.closest <= TOLERANCE + 1e-6
    assert all(r.agrees for r in found.rows)
    assert sum(found.weights) == pytest.approx(1.0) and min(found.weights) >= 0


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 6))
def test_a_wrong_average_is_seen(seed: int, at: int) -> None:
    """With seven rows and four weights; it may be any of the sets that leave one out, but not all rows together."""
    table = made(seed)
    rows = list(table.rows)
    wrong = rows[at]
    rows[at] = Row(wrong.name, wrong.kind, round(max(wrong.categories) + 5, 2), wrong.categories)
    found = check(Printed("v", tuple(rows)))
    assert found.without == (wrong.name,)
    assert [r.row.name for r in found.rows if not r.agrees] == [wrong.name]


def test_an_unknown_table_is_one_line() -> None:
    with pytest.raises(InputError, match=r"--published cinepil: no such table. Did you mean cinepile"):
        load("cinepil")
