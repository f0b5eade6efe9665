"""The fitted softmax against the formula written out, and the promise that no fold is scored by what it taught."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import log_softmax

from flyreel.audit import listwise
from flyreel.audit.features import encode
from flyreel.audit.listwise import LAMBDA_DENSE, LAMBDAS, Choosing, cross_fit, fit, folds, tune
from flyreel.questions import Questions

WORDS = "cat dog tree house river stone bird cloud lamp chair road boat glass paper field horse".split()


def made(n, seed, sizes=(3, 4, 5), groups=None, signal=0.0):
    """Choices of random words; with probability `signal` the key has the word "red" in it."""
    random = np.random.default_rng(seed)
    rows = []
    for i in range(n):
        k = int(random.choice(sizes))
        choices = [f"{' '.join(random.choice(WORDS, random.integers(1, 4)))} {'xyzuvw'[j]}" for j in range(k)]
        answer = int(random.integers(k))
        if random.random() < signal:
            choices[answer] += " red"
        question = f"what about the {random.choice(WORDS)}"
        group = str(groups[i]) if groups is not None else str(i // 2)
        rows.append({"id": str(i), "question": question, "choices": choices, "answer": answer, "group": group})
    return Questions.from_rows(rows)


@given(st.lists(st.lists(st.floats(-50, 50), min_size=2, max_size=6), min_size=1, max_size=5))
@settings(max_examples=60, deadline=None)
def test_log_softmax_is_that_of_each_question_alone_and_sums_to_one(scores):
    sizes = np.array([len(s) for s in scores])
    starts = np.cumsum(sizes) - sizes
    choosing = Choosing(np.repeat(np.arange(len(scores)), sizes), starts, sizes)
    got = choosing.log_softmax(np.concatenate([np.array(s, float) for s in scores]))
    np.testing.assert_allclose(got, np.concatenate([log_softmax(s) for s in scores]), atol=1e-9)
    np.testing.assert_allclose(np.add.reduceat(np.exp(got), starts), 1.0)


def written_out(features, questions, train, penalty):
    """The loss of the module's docstring, in float64 with no preconditioning; scores at its optimum."""
    rows = train[questions.owner]
    sparse, dense = features.sparse.toarray().astype(float), features.dense.astype(float)
    df = ((sparse > 0) & rows[:, None]).sum(axis=0)
    sparse = sparse * np.where(df >= 2, np.sqrt(np.log1p(rows.sum() / np.maximum(df, 1))), 0.0)
    spread = dense[rows].std(axis=0)
    dense = np.where(spread > 1e-6, dense / np.maximum(spread, 1e-6), 0.0)
    x = np.hstack([dense, sparse])
    ridge = np.concatenate([np.full(dense.shape[1], LAMBDA_DENSE), np.full(sparse.shape[1], penalty)])
    parts = [slice(questions.offsets[q], questions.offsets[q + 1]) for q in np.flatnonzero(train)]
    key = questions.is_key

    def loss(w):
        total, slope = 0.5 * (ridge * w) @ w, ridge * w
        for part in parts:
            logp = log_softmax(x[part] @ w)
            total -= logp[key[part]].sum()
            slope += x[part].T @ (np.exp(logp) - key[part])
        return total, slope

    found = minimize(loss, np.zeros(x.shape[1]), jac=True, method="L-BFGS-B",
                     options={"maxiter": 5000, "ftol": 1e-14, "gtol": 1e-8})  # fmt: skip
    return x @ found.x


@pytest.mark.parametrize("penalty", [10.0, 1.0])
def test_fit_finds_the_optimum_of_the_loss_as_written(penalty):
    questions = made(60, 0, signal=0.5)
    features, choosing = encode(questions), Choosing.of(questions.sizes)
    train = np.arange(60) % 4 != 0
    got = fit(features, choosing, questions.is_key, train, penalty).scores(features)
    expected = written_out(features, questions, train, penalty)
    np.testing.assert_allclose(np.exp(choosing.log_softmax(got)), np.exp(choosing.log_softmax(expected)), atol=1e-2)
    centre = lambda s: s - (np.bincount(questions.owner, weights=s) / questions.sizes)[questions.owner]  # noqa: E731
    np.testing.assert_allclose(centre(got), centre(expected), atol=1e-2)


def test_a_warm_start_ends_where_a_cold_one_does():
    questions = made(60, 1, signal=0.5)
    features, choosing = encode(questions), Choosing.of(questions.sizes)
    train = np.ones(60, bool)
    cold = fit(features, choosing, questions.is_key, train, 3.0)
    warm = fit(features, choosing, questions.is_key, train, 3.0, fit(features, choosing, questions.is_key, train, 30.0))
    np.testing.assert_allclose(
        choosing.log_softmax(warm.scores(features)), choosing.log_softmax(cold.scores(features)), atol=2e-2
    )


@given(st.lists(st.integers(0, 12), min_size=1, max_size=80), st.integers(2, 6), st.integers(0, 3))
@settings(max_examples=80, deadline=None)
def test_folds_never_divide_a_group_and_are_as_even_as_the_largest_group_allows(groups, k, seed):
    groups = np.array(groups)
    fold = folds(groups, k, seed)
    for g in np.unique(groups):
        assert len(np.unique(fold[groups == g])) == 1
    sizes = np.bincount(fold, minlength=k)
    assert len(sizes) == k
    assert sizes.max() - sizes.min() <= np.bincount(groups).max()
    assert np.array_equal(fold, folds(groups, k, seed))


def test_singles_make_folds_of_even_size():
    assert np.ptp(np.bincount(folds(np.arange(103), 5, 0))) == 1


def test_another_seed_is_another_draw():
    assert not np.array_equal(folds(np.arange(50), 5, 0), folds(np.arange(50), 5, 1))


@pytest.fixture(scope="module")
def fitted():
    questions = made(120, 2, signal=0.4)
    fold = folds(questions.groups, 4, 0)
    features = encode(questions)
    return questions, features, fold, cross_fit(features, questions, questions.is_key, fold, questions.groups, 0)


def test_probabilities_sum_to_one_in_every_question(fitted):
    questions, _, _, probabilities = fitted
    np.testing.assert_allclose(np.bincount(questions.owner, weights=probabilities), 1.0, atol=1e-6)
    assert probabilities.min() >= 0


@pytest.mark.parametrize("held", [0, 3])
def test_the_labels_of_a_fold_have_no_part_in_its_own_scores(fitted, held):
    """Moving every key of one fold must leave that fold's probabilities bit for bit, and move the others'."""
    questions, features, fold, before = fitted
    moved = questions.is_key.copy()
    for q in np.flatnonzero(fold == held):
        part = slice(questions.offsets[q], questions.offsets[q + 1])
        moved[part] = np.roll(moved[part], 1)
    after = cross_fit(features, questions, moved, fold, questions.groups, 0)
    own = (fold == held)[questions.owner]
    assert np.array_equal(after[own], before[own])
    assert not np.array_equal(after[~own], before[~own])


def test_the_same_seed_gives_the_same_bits(fitted):
    questions, _, fold, before = fitted
    again = cross_fit(encode(questions), questions, questions.is_key, fold, questions.groups, 0)
    assert np.array_equal(again, before)


def test_the_penalty_is_chosen_on_training_labels_alone(fitted):
    questions, features, fold, _ = fitted
    train = fold != 0
    chosen = tune(features, questions.sizes, questions.is_key, train, questions.groups, 0)
    blanked = questions.is_key & train[questions.owner]
    assert tune(features, questions.sizes, blanked, train, questions.groups, 0) == chosen
    assert chosen in LAMBDAS


def test_noise_is_punished_harder_than_signal():
    def chosen(signal):
        questions = made(150, 3, signal=signal)
        everyone = np.ones(150, bool)
        return tune(encode(questions), questions.sizes, questions.is_key, everyone, questions.groups, 0)

    assert chosen(0.0) > chosen(1.0)


def test_tuning_takes_whole_groups_where_there_are_too_many_questions(monkeypatch):
    monkeypatch.setattr(listwise, "TUNING_QUESTIONS", 40)
    questions = made(120, 4, signal=0.8)
    everyone = np.ones(120, bool)
    assert tune(encode(questions), questions.sizes, questions.is_key, everyone, questions.groups, 0) in LAMBDAS


def test_a_training_side_of_one_group_only_is_fitted_without_a_warning():
    """Two films, two folds: nothing is left to hold out for λ, which is no reason to divide by nothing."""
    questions = made(40, 5, groups=[i % 2 for i in range(40)], signal=0.9)
    fold = folds(questions.groups, 2, 0)
    probabilities = cross_fit(encode(questions), questions, questions.is_key, fold, questions.groups, 0)
    assert np.isfinite(probabilities).all()
    np.testing.assert_allclose(np.bincount(questions.owner, weights=probabilities), 1.0, atol=1e-6)
