"""What text alone gives away: a planted word is found, and nothing is found where there is nothing."""

from __future__ import annotations

import numpy as np
import pytest

from flyreel.audit.probe import Setting
from flyreel.audit.shortcut import shortcut, telling_words
from flyreel.questions import Questions

WORDS = "cat dog tree house river stone bird cloud lamp chair road boat glass paper field horse".split()


def made(n, seed, sizes=(4,), key_red=0.0, other_red=0.0, groups=None):
    """Random words; the key has "red" in it with one probability, every other choice with another."""
    random = np.random.default_rng(seed)
    rows = []
    for i in range(n):
        k, answer = int(random.choice(sizes)), 0
        answer = int(random.integers(k))
        choices = []
        for j in range(k):
            words = [str(w) for w in random.choice(WORDS, random.integers(2, 4))]
            if random.random() < (key_red if j == answer else other_red):
                words.insert(0, "red")
            choices.append(" ".join([*words, f"n{i}c{j}"]))
        question = f"what about the {random.choice(WORDS)}"
        group = str(i // 2 if groups is None else groups[i])
        rows.append({"id": str(i), "question": question, "choices": choices, "answer": answer, "group": group})
    return Questions.from_rows(rows)


def interval(variant):
    return variant["ci95"]


@pytest.fixture(scope="module")
def planted():
    return shortcut(made(240, 0, sizes=(3, 4, 5), key_red=0.7, other_red=0.1), Setting())


def test_a_word_that_marks_the_key_is_found_well_above_chance(planted):
    e = planted.estimate
    assert e.ci95[0] > e.chance + 0.15
    assert e.p_value < 1e-6
    assert e.chance == pytest.approx(np.mean([1 / 3, 1 / 4, 1 / 5]), abs=0.02)


def test_the_word_is_named_with_its_rate_and_its_chance(planted):
    first = planted.details["telling_words"][0]
    assert first["word"] == "red"
    assert first["right"] > first["chance"] + 0.2
    assert planted.why[0].startswith('a choice with "red" is right ')


def test_shuffled_keys_stay_at_chance_beside_it(planted):
    """The control must fail where the probe succeeds, or the machinery itself leaks."""
    control = planted.details["control"]
    low, high = interval(control)
    assert low <= control["chance"] <= high


def test_the_question_was_not_needed_and_the_choices_alone_show_it(planted):
    alone = planted.details["variants"]["choices only"]
    assert interval(alone)[0] > alone["chance"] + 0.1


def test_weak_is_what_the_model_answered_and_probabilities_stand_beside_it(planted):
    assert planted.count("weak") + planted.count("strong") == 240
    assert planted.count("unknown") == 0
    for verdict, score, reason, kept in zip(
        planted.verdicts, planted.scores, planted.reasons, planted.computed_from, strict=True
    ):
        probabilities = kept["probabilities"]
        assert sum(probabilities) == pytest.approx(1, abs=1e-3)
        assert min(abs(score - p) for p in probabilities) < 1e-4
        assert (verdict == "weak") == bool(reason)
        if verdict == "weak":
            assert score >= max(probabilities) - 1e-4


def test_without_a_signal_the_interval_covers_chance_and_no_word_is_named():
    result = shortcut(made(240, 1, key_red=0.3, other_red=0.3), Setting())
    e = result.estimate
    assert e.ci95[0] <= e.chance <= e.ci95[1]
    assert result.why == []
    assert result.details["telling_words"] == []


def test_what_repeats_within_a_film_counts_only_where_folds_ignore_films():
    """Each film asks one question over and over, its key the same text. Across films nothing can be learned."""
    random = np.random.default_rng(2)
    rows = []
    for film in range(24):
        choices = [f"{a} {b} f{film}{c}" for c, (a, b) in zip("pqrs", random.choice(WORDS, (4, 2)), strict=True)]
        key = random.integers(4)
        for i in range(6):
            order = random.permutation(4)
            rows.append(
                {
                    "id": f"{film}-{i}",
                    "question": f"what about f{film}",
                    "choices": [choices[j] for j in order],
                    "answer": int(np.flatnonzero(order == key)[0]),
                    "group": f"film {film}",
                }
            )
    result = shortcut(Questions.from_rows(rows), Setting())
    loose = result.details["variants"]["folds without groups"]
    assert loose["accuracy"] > 0.9
    assert result.estimate.ci95[0] <= 0.25 <= result.estimate.ci95[1]
    assert result.estimate.accuracy < 0.5


def test_a_key_that_follows_from_the_question_is_found_only_with_the_question():
    """Every choice word is right as often as any other; only together with the question's word does it tell."""
    random = np.random.default_rng(3)
    pairs = dict(zip(WORDS[:8], WORDS[8:], strict=True))
    rows = []
    for i in range(240):
        asked = str(random.choice(WORDS[:8]))
        wrong = [w for w in WORDS[8:] if w != pairs[asked]]
        choices = [pairs[asked], *map(str, random.choice(wrong, 3, replace=False))]
        order = random.permutation(4)
        rows.append(
            {
                "id": str(i),
                "question": f"where is the {asked}",
                "choices": [choices[j] for j in order],
                "answer": int(np.flatnonzero(order == 0)[0]),
            }
        )
    result = shortcut(Questions.from_rows(rows), Setting())
    alone = result.details["variants"]["choices only"]
    assert result.estimate.accuracy > 0.8
    assert alone["accuracy"] < 0.45


def test_the_same_seed_gives_the_same_result():
    questions = made(60, 4, key_red=0.5)
    first, second = (shortcut(questions, Setting(seed=7)) for _ in range(2))
    assert np.array_equal(first.scores, second.scores)
    assert first.details == second.details


@pytest.mark.parametrize("n", [1, 5])
def test_one_group_leaves_everything_unknown_and_says_why(n):
    result = shortcut(made(n, 5, groups=["film"] * n), Setting())
    assert result.verdicts.tolist() == ["unknown"] * n
    assert result.reasons == ["too-few-groups"] * n
    assert result.estimate is None
    assert np.isnan(result.scores).all()
    assert result.not_checked == ["shortcut: fewer than two groups, nothing to hold out"]


@pytest.mark.parametrize("groups", [2, 3])
def test_a_handful_of_groups_is_enough_and_makes_no_noise(groups):
    result = shortcut(made(30, 6, groups=[i % groups for i in range(30)], key_red=0.9), Setting())
    assert result.details["folds"] == groups
    assert result.count("unknown") == 0
    assert np.isfinite(result.scores).all()


def test_choices_without_a_word_leave_the_model_at_chance_and_not_in_a_heap():
    rows = [{"id": str(i), "question": "?", "choices": ["♥", "♦", "♣"], "answer": i % 3} for i in range(30)]
    result = shortcut(Questions.from_rows(rows), Setting())
    assert result.count("unknown") == 0
    assert result.estimate.ci95[0] <= 1 / 3 <= result.estimate.ci95[1]


def test_a_word_is_compared_within_questions_only():
    """A word that stands in all choices of a question says nothing, however often; nor does one seen too seldom."""
    rows = [
        {"id": str(i), "question": "?", "choices": [f"same a{i}", f"same b{i}"], "answer": 0} for i in range(50)
    ] + [{"id": f"r{i}", "question": "?", "choices": [f"rare c{i}", f"d{i}"], "answer": 0} for i in range(7)]
    assert telling_words(Questions.from_rows(rows)) == []


def test_a_words_rate_and_z_are_those_of_a_hand_count():
    """The word is in one of two choices, 30 times, and always in the key: 30 against 15 expected, spread √(30·¼)."""
    rows = [{"id": str(i), "question": "?", "choices": [f"red a{i}", f"b{i}"], "answer": 0} for i in range(30)]
    (word,) = telling_words(Questions.from_rows(rows))
    assert word == {"word": "red", "questions": 30, "right": 1.0, "chance": 0.5, "z": round(15 / np.sqrt(7.5), 2)}
