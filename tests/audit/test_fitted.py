"""The control and the report that every fitted probe shares."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from flyreel.audit.fitted import control, folds_of, hits_of, result, shuffled_keys
from flyreel.audit.probe import Setting
from flyreel.questions import Questions


def drawn(n: int, seed: int, sizes: tuple[int, ...]) -> Questions:
    random = np.random.default_rng(seed)
    rows: list[dict[str, Any]] = []
    for i in range(n):
        k = int(random.choice(sizes))
        choices = [f"choice {i} {c}" for c in range(k)]
        rows.append(
            {"id": str(i), "question": "?", "choices": choices, "answer": int(random.integers(k)), "group": str(i)}
        )
    return Questions.from_rows(rows)


@pytest.mark.parametrize(("n", "asked", "made"), [(30, 5, 5), (3, 5, 3), (1, 5, None), (30, 1, None)])
def test_there_are_as_many_folds_as_asked_for_or_as_groups_allow_and_none_is_empty(
    n: int, asked: int, made: int | None
) -> None:
    fold = folds_of(drawn(n, 1, (3,)), Setting(folds=asked))
    assert (None if fold is None else np.unique(fold).tolist()) == (None if made is None else list(range(made)))


def test_shuffled_keys_are_one_a_question_and_each_choice_as_likely():
    questions = drawn(3000, 7, (2, 4))
    flags = shuffled_keys(questions, 0)
    assert np.bincount(questions.owner, weights=flags).tolist() == [1] * 3000
    four = questions.sizes == 4
    at = (np.flatnonzero(flags) - questions.offsets[:-1])[four]
    assert np.bincount(at, minlength=4) / four.sum() == pytest.approx([0.25] * 4, abs=0.05)
    assert (flags & questions.is_key).sum() / 3000 == pytest.approx(questions.chance.mean(), abs=0.04)


def test_over_all_turns_the_control_of_a_solver_that_knows_nothing_is_chance_exactly() -> None:
    """Every choice is the key in one turn: whatever the solver prefers, it is right in one of K."""
    questions = drawn(50, 1, (4,))
    prefers = np.random.default_rng(2).random(200)
    found = control(questions, 0, 50, lambda keys: prefers)
    assert found["accuracy"] == pytest.approx(0.25) and found["shuffles"] == 4
    assert control(questions, 0, 49, lambda keys: prefers)["shuffles"] == 2


def test_a_solver_that_is_told_the_shuffled_keys_is_seen_in_the_control() -> None:
    assert control(drawn(50, 1, (4,)), 0, 50, lambda keys: keys.astype(float))["accuracy"] == 1.0


def test_weak_is_what_the_key_wins_alone_and_a_tie_is_half_a_hit() -> None:
    questions = drawn(2, 3, (2,))
    given = np.where(questions.is_key, 0.75, 0.25)
    given[:2] = 0.5
    found = result(questions, given, probe="p", solver="s", who="it gives", details={})
    assert found.verdicts.tolist() == ["strong", "weak"] and found.reasons == ["", "it gives the key 0.75"]
    assert hits_of(questions, given, questions.is_key).tolist() == [0.5, 1.0]
    assert found.estimate is not None and found.estimate.accuracy == 0.75
