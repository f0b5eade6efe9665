"""What each selector takes where the right frames are known, and what holds for all of them on any input."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from flyreel.video.keyframes.aks import aks
from flyreel.video.keyframes.base import Candidates, select, selectors
from flyreel.video.keyframes.bolt import bolt
from flyreel.video.keyframes.clip_cut import clip_cut
from flyreel.video.keyframes.cuts import cuts
from flyreel.video.keyframes.dpp import greedy, greedy_map
from flyreel.video.keyframes.mdp3 import mdp3
from flyreel.video.keyframes.mmr import mmr
from flyreel.video.keyframes.scale import unit_range
from flyreel.video.keyframes.top_k import top_k
from flyreel.video.keyframes.uniform import uniform

NAMES = selectors.names()


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def scored(scores: list[float] | np.ndarray) -> Candidates:
    """Frames of which only the score matters: no two alike, one a second, one shot."""
    n = len(scores)
    return Candidates(np.arange(n, dtype=float), np.eye(n), np.asarray(scores, dtype=float), np.zeros(n, dtype=int))


def generic(seed: int, n: int, d: int = 16) -> tuple[Candidates, np.ndarray]:
    """Frames that drift through space, as a clip's do, and the query they are scored against."""
    rng = np.random.default_rng(seed)
    vectors = unit(rng.normal(size=d) + np.cumsum(rng.normal(size=(n, d)), 0) / 2)
    query = unit(rng.normal(size=d))
    return Candidates(np.arange(n) / 5, vectors, vectors @ query, np.sort(rng.integers(0, 3, n))), query


@st.composite
def anything(draw: st.DrawFn) -> Candidates:
    n = draw(st.integers(1, 60))
    scores = draw(
        st.one_of(
            hnp.arrays(np.float64, n, elements=st.floats(allow_nan=True, allow_infinity=True)),
            hnp.arrays(np.float32, n, elements=st.floats(-1, 1, width=32)),
            st.sampled_from([0.0, 0.3, -1.0, np.nan, np.inf, -np.inf, 1e308, 5e-324]).map(lambda s: np.full(n, s)),
        )
    )
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    distinct = unit(rng.normal(size=(draw(st.integers(1, n)), 4)))
    vectors = distinct[rng.integers(0, len(distinct), n)]
    if draw(st.booleans()):
        vectors[rng.integers(0, n)] = draw(st.sampled_from([np.nan, 0.0, np.inf]))
    times = np.sort(rng.choice(draw(st.sampled_from([1, 5, 1000])), n).astype(float))
    labels = [np.zeros(n, dtype=int), np.arange(n), rng.integers(0, 4, n), np.sort(rng.integers(-9, 9, n))]
    shots = labels[draw(st.integers(0, 3))]
    return Candidates(times, vectors, scores, shots)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=60, deadline=None)
@given(candidates=anything(), k=st.integers(0, 80))
def test_whatever_comes_in_exactly_min_k_n_frames_come_out_in_time_order(
    name: str, candidates: Candidates, k: int
) -> None:
    with np.errstate(all="raise", under="ignore"):
        chosen = select(name, candidates, k)
    assert np.issubdtype(chosen.dtype, np.integer)
    assert len(chosen) == min(k, len(candidates))
    assert all(np.diff(chosen) > 0)
    assert all((chosen >= 0) & (chosen < len(candidates)))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("seed", "n", "k"), [(0, 41, 8), (1, 120, 16), (2, 10, 9), (3, 33, 1), (4, 2, 1), (5, 70, 35)])
def test_a_selector_names_k_frames_itself_and_leaves_nothing_to_the_filling(
    name: str, seed: int, n: int, k: int
) -> None:
    wanted = selectors.get(name).make(generic(seed, n)[0], k)
    assert len(wanted) == len({int(i) for i in wanted}) == k
    assert min(wanted) >= 0
    assert max(wanted) < n


@pytest.mark.parametrize("name", NAMES)
def test_the_same_clip_gives_the_same_frames(name: str) -> None:
    candidates, _ = generic(6, 50)
    assert list(select(name, candidates, 7)) == list(select(name, candidates, 7))


@pytest.mark.parametrize("name", ["aks", "bolt", "mmr", "top-k", "clip-cut"])
@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 500), shift=st.integers(-64, 64), power=st.integers(-8, 8))
def test_only_the_order_and_the_spread_of_scores_within_the_clip_count(
    name: str, seed: int, shift: int, power: int
) -> None:
    """Scores are eighths and factors powers of two, so that the arithmetic is exact and a tie stays a tie."""
    plain, _ = generic(seed, 40)
    eighths = np.round(plain.scores * 512) / 8
    chosen = [
        select(name, Candidates(plain.times, plain.vectors, scores, plain.shots), 6)
        for scores in (eighths, eighths * 2.0**power + shift)
    ]
    assert list(chosen[0]) == list(chosen[1])


def test_uniform_takes_the_centres_of_equal_parts() -> None:
    assert list(uniform(scored(np.zeros(12)), 4)) == [1, 4, 7, 10]
    assert list(uniform(scored(np.zeros(5)), 1)) == [2]


def in_shots(*lengths: int) -> Candidates:
    n = sum(lengths)
    return Candidates(np.arange(n) / 5, np.eye(n), np.zeros(n), np.repeat(np.arange(len(lengths)), lengths))


def test_cuts_takes_first_frames_of_shots_at_an_even_stride() -> None:
    assert list(cuts(in_shots(3, 5, 4), 3)) == [0, 3, 8]
    assert list(cuts(in_shots(2, 2, 2, 2, 2, 2), 3)) == [0, 4, 8]
    assert list(cuts(in_shots(2, 3, 2, 3, 2), 2)) == [0, 5]


def test_cuts_takes_equal_parts_where_there_are_fewer_shots_than_frames() -> None:
    few = in_shots(2, 9, 1)
    assert list(cuts(few, 4)) == list(uniform(few, 4)) == [1, 4, 7, 10]
    assert list(cuts(few, 3)) == [0, 2, 11], "as many shots as frames: nothing is missing"


def test_top_k_takes_the_k_best_and_the_earlier_of_equals() -> None:
    assert list(top_k(scored([0.1, 0.9, 0.5, 0.9, 0.2]), 3)) == [1, 3, 2]


def test_clip_cut_keeps_one_frame_of_three_then_the_next_nearest_of_all() -> None:
    candidates = scored([9, 8, 7, 1, 3, 2, 6, 5])
    assert list(clip_cut(candidates, 2)) == [0, 6], "1 and 2 score higher but share a group with 0"
    assert list(clip_cut(candidates, 3)) == [0, 6, 4]
    assert list(clip_cut(candidates, 5)) == [0, 6, 4, 1, 2], "beyond three groups: the nearest of what is left"


@pytest.mark.parametrize("seed", range(5))
def test_clip_cut_by_scores_is_the_search_of_l2_indexes_it_was_published_with(seed: int) -> None:
    faiss = pytest.importorskip("faiss")
    candidates, query = generic(seed, 116, 32)
    vectors, asked = candidates.vectors.astype(np.float32), query.astype(np.float32)[None]
    winners = []
    for start in range(0, 116, 3):
        index = faiss.IndexFlatL2(32)
        index.add(vectors[start : start + 3])
        winners.append(start + int(index.search(asked, 1)[1][0, 0]))
    index = faiss.IndexFlatL2(32)
    index.add(vectors[winners])
    nearest = [winners[i] for i in index.search(asked, 8)[1][0]]
    assert list(clip_cut(candidates, 8)) == nearest


def test_mmr_leaves_copies_of_the_best_frame_alone_and_top_k_does_not() -> None:
    a, b, c = np.eye(3)
    vectors = np.stack([a, a, a, b, c])
    candidates = Candidates(np.arange(5.0), vectors, np.array([1.0, 0.99, 0.98, 0.4, 0.3]), np.zeros(5, dtype=int))
    assert list(mmr(candidates, 3)) == [0, 3, 4]
    assert list(mmr(candidates, 3, balance=1.0)) == [0, 1, 2], "with all weight on relevance it is top-k"
    assert list(top_k(candidates, 3)) == [0, 1, 2]


def test_mmr_takes_at_each_step_what_its_formula_says() -> None:
    candidates, _ = generic(7, 30)
    relevance, alike = unit_range(candidates.scores), candidates.vectors @ candidates.vectors.T
    taken = [int(np.argmax(relevance))]
    while len(taken) < 6:
        value = {i: 0.7 * relevance[i] - 0.3 * max(alike[i, taken]) for i in range(30) if i not in taken}
        taken.append(max(value, key=value.__getitem__))
    assert list(mmr(candidates, 6, balance=0.7)) == taken


def test_aks_keeps_a_stretch_where_frames_stand_out_and_halves_one_where_none_does() -> None:
    peaked = np.zeros(64)
    peaked[10:14] = 1.0
    assert sorted(aks(scored(peaked), 4)) == [10, 11, 12, 13]
    flat = sorted(aks(scored(np.full(64, 0.3)), 4))
    assert [i // 16 for i in flat] == [0, 1, 2, 3], "a quarter of the frames to a quarter of the clip"
    assert all(4 <= i % 16 <= 11 for i in flat), "and not at its edge"


def test_aks_gives_every_frame_asked_for_where_the_published_one_gives_none() -> None:
    scores = np.linspace(0, 1, 40)
    assert len(aks(scored(scores), 3)) == 3, "int(3 / 2^5) is 0"
    assert len(aks(scored(scores), 7)) == 7, "and 7 frames are not 4 + 2"
    assert sorted(aks(scored([0.0, 0.2, 0.1, 0.3]), 3)) == [1, 2, 3]


def test_aks_with_no_depth_is_top_k() -> None:
    candidates, _ = generic(8, 50)
    assert list(aks(candidates, 5, depth=0)) == list(top_k(candidates, 5))


def test_bolt_takes_the_frames_where_the_sum_of_scores_passes_each_level() -> None:
    # Min-max leaves 0, 1, 0, 3/4, 1/4; sums 0, 1, 1, 1.75, 2; levels 1/8, 3/8, 5/8, 7/8 of 2.
    candidates = scored([0.0, 4.0, 0.0, 3.0, 1.0])
    assert list(bolt(candidates, 2, power=1)) == [1, 3], "levels 0.5 and 1.5 of 2"
    assert list(bolt(candidates, 4, power=1)) == [1, 3, 4, 0], "0.25 and 0.75 both meet 1; then the best one left"


def test_bolt_on_constant_scores_is_uniform() -> None:
    candidates = scored(np.full(12, 0.3))
    assert sorted(bolt(candidates, 4)) == list(uniform(candidates, 4))


@pytest.mark.parametrize("n", [1, 2, 3, 9])
def test_bolt_asked_for_one_frame_does_not_take_the_last(n: int) -> None:
    assert list(bolt(scored(np.ones(n)), 1)) == [(n - 1) // 2]


def kernel_of(seed: int, n: int, d: int) -> np.ndarray:
    rows = np.random.default_rng(seed).normal(size=(n, d))
    return rows @ rows.T


@pytest.mark.parametrize("seed", range(6))
def test_greedy_map_takes_at_each_step_what_numpy_says_raises_the_determinant_most(seed: int) -> None:
    kernel = kernel_of(seed, 14, 20)
    taken: list[int] = []
    while len(taken) < 6:
        value = {i: np.linalg.slogdet(kernel[np.ix_([*taken, i], [*taken, i])])[1] for i in range(14) if i not in taken}
        taken.append(max(value, key=value.__getitem__))
    order, gains = greedy(kernel, 6)
    assert greedy_map(kernel, 6) == order == taken
    assert sum(gains) == pytest.approx(np.linalg.slogdet(kernel[np.ix_(taken, taken)])[1])


@pytest.mark.parametrize("seed", range(6))
def test_greedy_map_comes_within_the_bound_of_the_best_set_there_is(seed: int) -> None:
    """1 − 1/e of the optimum, where log det only grows: eigenvalues above one."""
    kernel = kernel_of(seed, 9, 9) + np.eye(9)
    best = max(np.linalg.slogdet(kernel[np.ix_(s, s)])[1] for s in map(list, combinations(range(9), 4)))
    taken = greedy_map(kernel, 4)
    assert np.linalg.slogdet(kernel[np.ix_(taken, taken)])[1] >= (1 - 1 / np.e) * best


def test_greedy_map_stops_where_only_copies_are_left_whatever_the_scale() -> None:
    rows = np.repeat(np.random.default_rng(0).normal(size=(3, 8)), 4, axis=0)
    for scale in (1e-12, 1.0, 1e12):
        taken = greedy_map(scale * rows @ rows.T, 9)
        assert len(taken) == 3
        assert {i // 4 for i in taken} == {0, 1, 2}
    assert greedy_map(np.zeros((4, 4)), 2) == []


def test_greedy_after_given_frames_is_the_rest_of_the_whole_search() -> None:
    kernel = kernel_of(1, 12, 20)
    order, gains = greedy(kernel, 5)
    front = order[:2] + [i for i in range(12) if i not in order[:2]]
    rest, more = greedy(kernel[np.ix_(front, front)], 3, given=2)
    assert [front[i] for i in rest] == order[2:]
    assert more == pytest.approx(gains[2:])


def test_mdp3_within_one_segment_maximises_its_objective_greedily() -> None:
    candidates, query = generic(9, 20)
    squared = ((candidates.vectors[:, None] - candidates.vectors) ** 2).sum(-1)
    widths = [0.125, 0.25, 0.5, 1, 2]
    kernel = sum(np.exp(-squared / (2 * a)) for a in widths) / 5
    relevance = sum(np.exp(-((candidates.vectors - query) ** 2).sum(-1) / (2 * a)) for a in widths) / 5

    def objective(s: list[int]) -> float:
        return float(10 * np.log(relevance[s]).sum() + np.linalg.slogdet(kernel[np.ix_(s, s)])[1])

    taken: list[int] = []
    while len(taken) < 5:
        taken.append(max((i for i in range(20) if i not in taken), key=lambda i: objective([*taken, i])))
    assert sorted(mdp3(candidates, 5, lam=0.2)) == sorted(taken)


def test_mdp3_spends_its_frames_in_the_segment_that_has_something_to_show() -> None:
    rng = np.random.default_rng(3)
    vectors = unit(np.concatenate([np.tile(rng.normal(size=8), (8, 1)), rng.normal(size=(8, 8))]))
    candidates = Candidates(np.arange(16.0), vectors, np.zeros(16), np.zeros(16, dtype=int))
    chosen = mdp3(candidates, 5, segment=8)
    assert sum(chosen < 8) == 1, "eight copies of one frame are worth one"


def test_mdp3_prefers_relevant_frames_the_more_the_smaller_lambda_is() -> None:
    candidates, _ = generic(10, 64)
    means = [candidates.scores[mdp3(candidates, 6, lam=lam)].mean() for lam in (1e-4, 0.2, 1e4)]
    assert means[0] == pytest.approx(np.sort(candidates.scores)[-6:].mean())
    assert means[0] >= means[1] >= means[2]


def test_scores_too_far_apart_for_a_float_are_still_brought_to_one_range() -> None:
    assert list(unit_range(np.array([-1.7e308, 0.0, 1.7e308]))) == [0.0, 0.5, 1.0]
    assert list(unit_range(np.array([0.3, 0.3]))) == [0.0, 0.0]
