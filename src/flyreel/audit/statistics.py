"""Every number that a probe reports, computed once.

- `wilson`: Wilson (1927), score interval for a proportion.
- `accuracy`: a mean of hits with an interval that knows about groups. Questions on one film are not independent, so
  the sample size in Wilson's formula is divided by the design effect, the cluster-robust variance over the binomial
  one (Kish 1965), and the normal quantile gives way to Student's with one degree of freedom less than there are groups.
  The effect is never taken below one: grouping can widen an interval here and never narrow it.
- `p_above_chance`: one-sided, against each question's own 1/K. The larger of the exact Poisson-binomial tail, which
  knows the chances but not the groups, and the t-test on group sums, which knows the groups.
- `paired`: how much more often the same questions are answered after than before, with a t interval whose error is
  clustered by group (Liang and Zeger 1986, times G / (G - 1)) and never below the one without groups.
- `benjamini_hochberg`: Benjamini and Hochberg (1995), adjusted p-values.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

LEVEL = 0.95


@dataclass(frozen=True)
class Estimate:
    """An accuracy beside what it is compared to. `excess` is 0 at chance and 1 at all right."""

    accuracy: float
    ci95: tuple[float, float]
    chance: float
    excess: float
    excess_ci95: tuple[float, float]
    p_value: float
    n: int
    groups: int

    def json(self) -> dict[str, Any]:
        """Rounded for people; enough digits that nothing anyone compares is lost."""
        return {k: _rounded(v) for k, v in asdict(self).items()}


def _rounded(value: Any) -> Any:
    if isinstance(value, (tuple, list)):
        return [_rounded(v) for v in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value


def wilson(rate: float, n: float, level: float = LEVEL, df: int | None = None) -> tuple[float, float]:
    """Wilson's interval; with `df`, Student's quantile in place of the normal one."""
    from scipy.special import ndtri, stdtrit

    if n <= 0:
        return 0.0, 1.0
    z = float(ndtri(0.5 + level / 2) if df is None else stdtrit(df, 0.5 + level / 2))
    centre = (rate + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))
    return float(max(0.0, min(rate, centre - half))), float(min(1.0, max(rate, centre + half)))


def design_effect(hits: np.ndarray, groups: np.ndarray) -> float:
    """Cluster-robust variance of the mean over the variance it would have without groups, at least one.

    Where all hits are alike there is no variance to compare: then each group is taken as one observation.
    """
    n = len(hits)
    _, group = np.unique(groups, return_inverse=True)
    g = int(group.max()) + 1 if n else 0
    if g in (0, n):
        return 1.0
    plain = float(np.var(hits))
    if plain == 0.0 or g == 1:
        return n / g
    sums = np.bincount(group, weights=hits - hits.mean())
    robust = g / (g - 1) * float(np.sum(sums**2)) / n**2
    return max(1.0, robust / (plain / n))


def poisson_binomial_tail(hits: float, chances: np.ndarray) -> float:
    """P(X >= hits) for independent trials with their own chances, exactly.

    By the binomial where all chances are one, else by the characteristic function (Hong 2013), whose transform is
    exact up to rounding. Shared hits (ties) make `hits` fractional; it is rounded down, which can only raise p.
    """
    from scipy.stats import binom

    need = int(np.floor(hits + 1e-9))
    n = len(chances)
    if need <= 0:
        return 1.0
    if n and np.all(chances == chances[0]):
        return float(binom.sf(need - 1, n, chances[0]))
    kinds, counts = np.unique(chances, return_counts=True)
    mass = np.ones(1)
    for chance, count in zip(kinds, counts, strict=True):  # K takes few values, so few convolutions of binomials
        mass = np.convolve(mass, binom.pmf(np.arange(count + 1), count, chance))
    return float(min(1.0, mass[need:].sum()))


def p_above_chance(hits: np.ndarray, chances: np.ndarray, groups: np.ndarray) -> float:
    from scipy.stats import t

    exact = poisson_binomial_tail(float(hits.sum()), chances)
    _, group = np.unique(groups, return_inverse=True)
    g = int(group.max()) + 1 if len(hits) else 0
    if g < 2 or g == len(hits):
        return exact
    excess = hits - chances
    sums = np.bincount(group, weights=excess - excess.mean())
    error = np.sqrt(g / (g - 1) * np.sum(sums**2))
    if error == 0.0:
        return exact
    return max(exact, float(t.sf(excess.sum() / error, g - 1)))


def estimate(hits: np.ndarray, chances: np.ndarray, groups: np.ndarray, level: float = LEVEL) -> Estimate:
    """`hits` is 1, 0 or a shared hit per question; `level` other than 95% serves simultaneous intervals."""
    hits = np.asarray(hits, dtype=float)
    rate, chance = float(hits.mean()), float(chances.mean())
    n_groups = len(np.unique(groups))
    df = n_groups - 1 if 1 < n_groups < len(hits) else None
    low, high = wilson(rate, len(hits) / design_effect(hits, groups), level, df)
    above = lambda r: (r - chance) / (1 - chance)  # noqa: E731
    return Estimate(
        accuracy=rate,
        ci95=(low, high),
        chance=chance,
        excess=above(rate),
        excess_ci95=(above(low), above(high)),
        p_value=p_above_chance(hits, chances, groups),
        n=len(hits),
        groups=n_groups,
    )


def paired(
    before: np.ndarray, after: np.ndarray, groups: np.ndarray, level: float = LEVEL
) -> tuple[float, tuple[float, float]]:
    """Mean of after - before per question, and its interval within [-1, 1].

    Where every difference is alike the error is zero and says nothing. Then at most a share u of all groups is
    different, (1 - u)^G = (1 - level) / 2 (Clopper and Pearson 1934), and those may be as different as can be.
    """
    from scipy.special import stdtrit

    change = np.asarray(after, dtype=float) - np.asarray(before, dtype=float)
    n, mean = len(change), float(change.mean())
    _, group = np.unique(groups, return_inverse=True)
    g = int(group.max()) + 1
    if np.all(change == change[0]):
        u = 1 - ((1 - level) / 2) ** (1 / g)
        return mean, (mean - u * (mean + 1), mean + u * (1 - mean))
    if g < 2:
        return mean, (-1.0, 1.0)
    sums = np.bincount(group, weights=change - mean)
    clustered = g / (g - 1) * float(np.sum(sums**2)) / n**2
    error = np.sqrt(max(clustered, float(np.var(change, ddof=1)) / n))
    half = float(stdtrit(g - 1, 0.5 + level / 2) * error)
    return mean, (max(-1.0, mean - half), min(1.0, mean + half))


def benjamini_hochberg(p: np.ndarray) -> np.ndarray:
    """Adjusted p-values, in the order given."""
    p = np.asarray(p, dtype=float)
    if len(p) == 0:
        return p
    order = np.argsort(p)
    scaled = p[order] * len(p) / np.arange(1, len(p) + 1)
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(1.0, np.minimum.accumulate(scaled[::-1])[::-1])
    return adjusted


def chi_square_uniform(counts: np.ndarray, expected: np.ndarray) -> tuple[float, float]:
    """Pearson's χ² and its p-value for counts against expected counts of the same total."""
    from scipy.stats import chi2

    kept = expected > 0
    if kept.sum() < 2:
        return 0.0, 1.0
    statistic = float(np.sum((counts[kept] - expected[kept]) ** 2 / expected[kept]))
    return statistic, float(chi2.sf(statistic, int(kept.sum()) - 1))
