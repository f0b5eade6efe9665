"""How often a text may be offered: against sets whose truth is known because they were drawn from it."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flyreel.questions import Questions
from flyreel.refine.usage import Usage, folded, quotas

K = 5


def made(keys: list[str], wrong: list[list[str]]) -> Questions:
    rows: list[dict[str, Any]] = [
        {"id": f"q{i}", "question": f"Which is it in {i}?", "choices": [key, *others], "answer": 0}
        for i, (key, others) in enumerate(zip(keys, wrong, strict=True))
    ]
    return Questions.from_rows(rows)


def never_key(questions: Questions) -> list[str]:
    right = {folded(questions.flat_choices[i]) for i in np.flatnonzero(questions.is_key)}
    return sorted({folded(t) for t in questions.flat_choices} - right)


def drawn(
    seed: int, texts: int = 400, often: tuple[int, ...] = (1, 2, 5, 12, 30)
) -> tuple[Questions, np.ndarray, np.ndarray]:
    """A set in which text t is used T times and is right in Binomial(T, 1/K) of them, and both counts."""
    random = np.random.default_rng(seed)
    uses = random.choice(often, texts)
    right = random.binomial(uses, 1 / K)
    keys = [f"text{t}" for t in range(texts) for _ in range(right[t])]
    wrong = [f"text{t}" for t in range(texts) for _ in range(uses[t] - right[t])]
    random.shuffle(keys)
    random.shuffle(wrong)
    n = min(len(keys), len(wrong) // (K - 1))
    return made(keys[:n], [wrong[(K - 1) * i : (K - 1) * (i + 1)] for i in range(n)]), uses, right


@settings(max_examples=15, deadline=None)
@given(st.integers(3, 150), st.integers(2, 8), st.integers(0, 99))
def test_where_every_key_is_unique_nothing_is_borrowed(n: int, k: int, seed: int) -> None:
    questions = made([f"key {i}" for i in range(n)], [[f"wrong {i} {j}" for j in range(k - 1)] for i in range(n)])
    allowed = quotas(questions, never_key(questions), seed)
    assert not any(allowed[f"key {i}"] for i in range(n))
    assert {allowed[t] for t in never_key(questions)} == {1}


@pytest.mark.parametrize("different", [10, 40, 200, 700])
def test_nor_is_it_where_wrong_choices_come_back(different: int) -> None:
    random = np.random.default_rng(0)
    wrong = [[f"wrong {j}" for j in random.choice(different, K - 1, replace=False)] for _ in range(200)]
    questions = made([f"key {i}" for i in range(200)], wrong)
    allowed = quotas(questions, never_key(questions), 0)
    assert not sum(allowed[f"key {i}"] for i in range(200)), "a borrowed key is right elsewhere and never here"


def test_quotas_of_a_set_drawn_from_the_model_come_back_near() -> None:
    pairs: dict[int, list[tuple[float, float]]] = {}
    for seed in range(8):
        questions, uses, right = drawn(seed)
        allowed = quotas(questions, [f"text{t}" for t in range(len(uses)) if not right[t]], seed)
        found = np.array([allowed[f"text{t}"] for t in range(len(uses))], dtype=float)
        assert found.sum() == pytest.approx((uses - right).sum(), rel=0.1)
        for m in range(10):
            pairs.setdefault(m, []).extend(zip(found[right == m], (uses - right)[right == m], strict=True))
    means = np.array([np.mean(pairs[m], axis=0) for m in sorted(pairs)])
    assert np.abs(means[:, 0] - means[:, 1]).max() < 4, means
    assert np.corrcoef(means.T)[0, 1] > 0.9


def dealt(keys: list[str], allowed: Counter[str], seed: int) -> Questions:
    """Wrong choices dealt out so that each text is offered as often as it may be, none twice in a question."""
    random = np.random.default_rng(seed)
    left = Counter(allowed)
    wrong = []
    for key in keys:
        names = [t for t, n in left.items() if n > 0 and t != key]
        weights = np.array([left[t] for t in names], dtype=float)
        many = min(K - 1, len(names))
        took = random.choice(len(names), many, replace=False, p=weights / weights.sum()) if many else []
        wrong.append([*(names[i] for i in took), *(f"new {len(wrong)} {i}" for i in range(K - 1 - many))])
        left.subtract(wrong[-1])
    return made(keys, wrong)


def by_times_elsewhere(questions: Questions) -> dict[int, tuple[int, int]]:
    """How many choices are key so often in the other questions, and how many of those are key here."""
    right = Counter(folded(questions.flat_choices[i]) for i in np.flatnonzero(questions.is_key))
    found: dict[int, tuple[int, int]] = {}
    for text, is_key in zip(questions.flat_choices, questions.is_key, strict=True):
        m = right[folded(text)] - int(is_key)
        n, hits = found.get(m, (0, 0))
        found[m] = (n + 1, hits + int(is_key))
    return found


def signal(found: dict[int, tuple[int, int]]) -> float:
    """How far from chance a choice is on average, told only how often it was key elsewhere."""
    return sum(abs(hits - n / K) for n, hits in found.values()) / sum(n for n, _ in found.values())


@pytest.mark.parametrize("seed", range(3))
def test_having_seen_a_key_elsewhere_says_nothing_where_quotas_were_kept_and_much_where_keys_were_borrowed(
    seed: int,
) -> None:
    questions, _, right = drawn(seed, 1500, (1, 2, 3, 6, 12))
    keys = [questions.choices_of(i)[0] for i in range(len(questions))]
    as_often_as_right = Counter({t: (K - 1) * n + 1 for t, n in Counter(keys).items()})  # keys are all there is to draw
    borrowed = by_times_elsewhere(dealt(keys, as_often_as_right, seed))
    spare = [f"text{t}" for t in range(len(right)) if not right[t]]
    balanced = by_times_elsewhere(dealt(keys, quotas(questions, spare, seed), seed))
    assert borrowed[0][1] > 0.9 * borrowed[0][0], "what was right nowhere else is the key"
    assert signal(balanced) < 0.05 and signal(balanced) < signal(borrowed) / 3
    assert balanced[0][1] / balanced[0][0] == pytest.approx(1 / K, abs=0.06)


def test_what_is_offered_too_often_is_counted_however_it_is_written() -> None:
    usage = Usage(Counter({"a red ball": 1, "rain": 0}), ["A red ball.", "a new one"])
    assert usage.over("a  RED ball", 0) == 0 and usage.over("a red ball") == 1
    assert usage.over("rain") == 1 and usage.over("a new one", 0) == 0 and usage.over("A new one!") == 1
    usage.add(["a red ball"], -1)
    assert usage.over("a red ball") == 0 and usage.share_over("a red ball") == 0
    assert usage.room(np.array([0, 1])).tolist() == [1, 0] and usage.allowed(np.array([0, 1])).tolist() == [True, False]
