"""Statistics against independent sources: scipy, statsmodels, brute force, and simulation of a known truth."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from flyreel.audit import statistics as ours


@given(st.integers(1, 500), st.integers(0, 500), st.sampled_from([0.8, 0.95, 0.99]))
def test_wilson_agrees_with_statsmodels(n: int, right: int, level: float) -> None:
    right = min(right, n)
    expected = proportion_confint(right, n, alpha=1 - level, method="wilson")
    assert ours.wilson(right / n, n, level) == pytest.approx(expected, abs=1e-9)


@given(st.lists(st.sampled_from([2, 3, 4, 5, 6]), min_size=1, max_size=9), st.integers(0, 9))
def test_the_poisson_binomial_tail_agrees_with_enumeration(sizes: list[int], hits: int) -> None:
    chances = 1 / np.array(sizes)
    tail = sum(
        float(np.prod(np.where(outcome, chances, 1 - chances)))
        for outcome in itertools.product([0, 1], repeat=len(sizes))
        if sum(outcome) >= hits
    )
    assert ours.poisson_binomial_tail(hits, chances) == pytest.approx(tail, abs=1e-9)


def test_the_tail_is_the_binomial_where_all_chances_are_one() -> None:
    assert ours.poisson_binomial_tail(260, np.full(1000, 0.2)) == pytest.approx(stats.binom.sf(259, 1000, 0.2))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_benjamini_hochberg_agrees_with_statsmodels(p: list[float]) -> None:
    expected = multipletests(p, method="fdr_bh")[1]
    assert ours.benjamini_hochberg(np.array(p)) == pytest.approx(expected, abs=1e-12)


def test_chi_square_agrees_with_scipy() -> None:
    counts = np.array([30.0, 18, 22, 25, 5])
    expected = np.full(5, 20.0)
    assert ours.chi_square_uniform(counts, expected) == pytest.approx(tuple(stats.chisquare(counts, expected)))


def test_the_clustered_error_agrees_with_statsmodels() -> None:
    """The design effect times the plain variance is the cluster-robust variance of the mean."""
    import statsmodels.api as sm

    random = np.random.default_rng(0)
    groups = np.repeat(np.arange(60), 5)
    hits = (random.random(300) < np.repeat(random.beta(1, 2, 60), 5)).astype(float)
    fitted = sm.OLS(hits, np.ones(300)).fit(
        cov_type="cluster", cov_kwds={"groups": groups, "use_correction": False, "df_correction": False}
    )
    theirs = float(fitted.bse[0]) ** 2 * 60 / 59
    assert ours.design_effect(hits, groups) * np.var(hits) / 300 == pytest.approx(theirs)


def test_groups_widen_the_interval_and_never_narrow_it() -> None:
    hits = np.tile([1.0, 0.0], 100)
    alone = ours.estimate(hits, np.full(200, 0.2), np.arange(200))
    paired = ours.estimate(hits, np.full(200, 0.2), np.repeat(np.arange(100), 2))
    alike = ours.estimate(np.sort(hits), np.full(200, 0.2), np.repeat(np.arange(100), 2))
    assert paired.ci95[0] <= alone.ci95[0], "hits that cancel within groups are no licence for a narrower interval"
    assert alike.ci95[0] < alone.ci95[0] and alike.ci95[1] > alone.ci95[1]


def test_intervals_cover_a_known_truth_and_p_is_not_too_eager() -> None:
    """400 simulated grouped sets without signal: 95% of intervals hold 0.25, 5% of p-values are below 0.05."""
    random = np.random.default_rng(1)
    groups = np.repeat(np.arange(40), 6)
    covered = eager = 0
    for _ in range(400):
        rate = random.beta(5, 15, 40)
        hits = (random.random(240) < np.repeat(rate, 6)).astype(float)
        found = ours.estimate(hits, np.full(240, 0.25), groups)
        covered += found.ci95[0] <= 0.25 <= found.ci95[1]
        eager += found.p_value < 0.05
    assert covered >= 370
    assert eager <= 30


def test_interval_and_p_value_agree_about_two_groups() -> None:
    """Three in four right, but on two films: the p-value does not believe it, so the interval may not either."""
    hits = np.array([1.0] * 8 + [1.0] * 4 + [0.0] * 4)
    found = ours.estimate(hits, np.full(16, 0.2), np.repeat([0, 1], 8))
    assert found.p_value > 0.05
    assert found.ci95[0] < 0.2


def test_all_right_and_all_wrong_have_an_interval() -> None:
    for rate in (0.0, 1.0):
        found = ours.estimate(np.full(50, rate), np.full(50, 0.2), np.repeat(np.arange(10), 5))
        assert found.ci95[0] <= rate <= found.ci95[1] and found.ci95[1] - found.ci95[0] > 0.05


def test_excess_is_zero_at_chance_and_one_at_all_right() -> None:
    chance = np.array([0.5, 0.25, 0.25, 0.5])
    assert ours.estimate(np.ones(4), chance, np.arange(4)).excess == 1.0
    assert ours.estimate(np.full(4, 0.375), chance, np.arange(4)).excess == pytest.approx(0.0)


def test_the_paired_interval_agrees_with_clustered_least_squares() -> None:
    import statsmodels.api as sm

    random = np.random.default_rng(2)
    groups = np.repeat(np.arange(50), 4)
    tendency = np.repeat(random.beta(1, 2, 50), 4)
    before, after = ((random.random(200) < rate).astype(float) for rate in (tendency, tendency**2))
    fitted = sm.OLS(after - before, np.ones(200)).fit(
        cov_type="cluster", cov_kwds={"groups": groups, "use_correction": False, "df_correction": False}
    )
    error = float(fitted.bse[0]) * np.sqrt(50 / 49)
    half = stats.t.ppf(0.975, 49) * max(error, float(np.std(after - before, ddof=1)) / np.sqrt(200))
    mean, interval = ours.paired(before, after, groups)
    assert mean == pytest.approx(float(fitted.params[0]))
    assert interval == pytest.approx((mean - half, mean + half))


def test_copies_within_groups_tell_the_paired_interval_nothing_new() -> None:
    random = np.random.default_rng(3)
    before, after = random.integers(0, 2, (2, 30)).astype(float)
    once = ours.paired(before, after, np.arange(30))
    copied = ours.paired(np.repeat(before, 6), np.repeat(after, 6), np.repeat(np.arange(30), 6))
    assert copied[0] == pytest.approx(once[0]) and copied[1] == pytest.approx(once[1])
    assert once[1] == pytest.approx(stats.ttest_rel(after, before).confidence_interval(0.95))


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1), st.integers(0, 5)), min_size=1, max_size=40))
def test_the_paired_interval_holds_the_mean_and_turns_about_with_the_sets(rows: list[tuple[int, int, int]]) -> None:
    before, after, groups = (np.array(column) for column in zip(*rows, strict=True))
    mean, (low, high) = ours.paired(before, after, groups)
    assert -1 <= low <= mean + 1e-12 and mean - 1e-12 <= high <= 1
    back, (least, most) = ours.paired(after, before, groups)
    assert (back, least, most) == pytest.approx((-mean, -high, -low))


def test_differences_that_are_all_alike_are_not_taken_for_certain() -> None:
    _, (low, high) = ours.paired(np.zeros(10), np.zeros(10), np.arange(10))
    assert low == pytest.approx(-high) and high == pytest.approx(stats.beta.ppf(0.975, 1, 10))
    assert ours.paired(np.ones(9), np.zeros(9), np.repeat([0, 1, 2], 3))[1][0] == -1.0
    assert ours.paired(np.array([0, 1]), np.array([1, 1]), np.zeros(2))[1] == (-1.0, 1.0), "one group has no spread"
