"""What a ruler finds: planted artefacts are found and named, and random choices are left in peace."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chisquare

from flyreel.audit.probe import Setting
from flyreel.audit.statistics import benjamini_hochberg, estimate
from flyreel.audit.surface import key_positions, rules, surface
from flyreel.questions import Questions

WORDS = "cat dog tree house river stone bird cloud lamp chair road boat glass paper field horse".split()


def random_questions(n, seed, keys=None, sizes=(5,), longest_key=0.0):
    """Questions whose key is drawn by lot; with probability `longest_key` the key is made the longest choice."""
    random = np.random.default_rng(seed)
    rows = []
    for i in range(n):
        k = int(random.choice(sizes))
        words = random.choice(WORDS, (k, 3))
        choices = [f"{' '.join(w)} {j}{random.integers(10**6):06d}" for j, w in enumerate(words)]
        answer = int(random.integers(k)) if keys is None else keys[i]
        if random.random() < longest_key:
            choices[answer] += " and more of it still"
        rows.append({"id": str(i), "question": "What is seen?", "choices": choices, "answer": answer})
    return Questions.from_rows(rows)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("sizes", [(5,), (2, 3, 6)], ids=["five", "ragged"])
def test_random_keys_are_all_strong_and_no_rule_is_named(seed, sizes):
    result = surface(random_questions(300, seed, sizes=sizes), Setting())
    assert result.count("strong") == 300
    assert result.why == []
    assert result.reasons == [""] * 300
    assert result.estimate.ci95[0] <= result.estimate.chance <= result.estimate.ci95[1]
    assert result.estimate.p_value > 0.05


def test_a_planted_longest_key_is_found_named_and_marked():
    questions = random_questions(200, 1, longest_key=0.6)
    result = surface(questions, Setting())
    assert result.details["rule"] == "longest"
    assert result.solver == "the longest choice"
    assert result.why[0].startswith("the longest choice is right ")
    assert result.why[0].endswith("of the time (chance 20%)")
    longest = [max(questions.choices_of(i), key=len) for i in range(200)]
    for i in range(200):
        right = longest[i] == questions.choices_of(i)[questions.answer[i]]
        if right and "and more" in longest[i]:
            assert result.verdicts[i] == "weak"
            assert "the longest choice" in result.reasons[i]
    assert result.estimate.accuracy == pytest.approx(
        np.mean([questions.choices_of(i)[questions.answer[i]] == longest[i] for i in range(200)]), abs=0.03
    )


def test_a_key_that_always_comes_first_is_found_by_its_position():
    result = surface(random_questions(60, 2, keys=[0] * 60), Setting())
    assert result.details["rule"] == "first"
    assert result.solver == "the first choice"
    assert result.estimate.accuracy == 1.0
    assert result.count("weak") == 60


def test_a_choice_that_is_never_the_key_is_named_as_ruled_out():
    random = np.random.default_rng(0)
    result = surface(random_questions(400, 3, keys=random.integers(1, 5, 400)), Setting())
    assert "the first choice is right only 0% of the time (chance 20%): it can be ruled out" in result.why


def test_a_question_is_weak_only_where_a_telling_rule_picks_the_key_alone():
    """In the last question two choices tie for longest: half a hit is no proof."""
    rows = [
        {"id": str(i), "question": "What?", "choices": ["longest by far", f"a{i}", f"b{i}"], "answer": 0}
        for i in range(40)
    ]
    for i, row in enumerate(rows):
        row["choices"] = row["choices"][i % 3 :] + row["choices"][: i % 3]
        row["choices"] = [c + str(i) * (c[0] == "l") for c in row["choices"]]
        row["answer"] = next(j for j, c in enumerate(row["choices"]) if c[0] == "l")
    rows.append({"id": "tie", "question": "What?", "choices": ["xxxxx", "yyyyy", "zz"], "answer": 0})
    result = surface(Questions.from_rows(rows), Setting())
    assert result.verdicts[:40].tolist() == ["weak"] * 40
    assert "the longest choice" not in result.reasons[40]
    assert result.details["rules"]["longest"]["accuracy"] == pytest.approx(40.5 / 41, abs=1e-6)


def test_p_values_are_adjusted_over_all_rules_and_the_interval_is_simultaneous():
    questions = random_questions(150, 4, longest_key=0.3)
    result = surface(questions, Setting())
    tried = rules(questions)
    owner, key = questions.owner, questions.is_key
    hits = {n: np.bincount(owner, weights=c * key, minlength=150) for n, c in tried.items()}
    level = 1 - 0.05 / len(tried)
    expected = {n: estimate(h, questions.chance, questions.groups, level) for n, h in hits.items()}
    adjusted = benjamini_hochberg(np.array([e.p_value for e in expected.values()]))
    for (name, e), p in zip(expected.items(), adjusted, strict=True):
        got = result.details["rules"][name]
        assert got["p_adjusted"] == pytest.approx(p, rel=1e-2)
        assert got["p_adjusted"] >= e.p_value * 0.99
        assert got["ci95"] == pytest.approx(e.ci95, rel=1e-4)
    assert result.estimate.p_value == pytest.approx(adjusted.min())
    plain = estimate(hits["longest"], questions.chance, questions.groups)
    low, high = result.details["rules"]["longest"]["ci95"]
    assert low < plain.ci95[0] and high > plain.ci95[1]


def test_key_positions_are_those_of_a_hand_count():
    """Keys at 0, 0, 1, 2. Two questions of two choices and two of four: 1 + ½ expected at 0 and 1, ½ at 2 and 3."""
    sizes, answers = [2, 2, 4, 4], [0, 1, 0, 2]
    questions = Questions.from_rows(
        {"id": str(i), "question": "What?", "choices": [f"{i}{j}" for j in range(k)], "answer": a}
        for i, (k, a) in enumerate(zip(sizes, answers, strict=True))
    )
    counts, expected = key_positions(questions)
    assert counts.tolist() == [2, 1, 1, 0]
    assert expected.tolist() == [1.5, 1.5, 0.5, 0.5]


def test_chi_square_of_key_positions_agrees_with_scipy():
    keys = [0] * 30 + [1] * 10 + [2] * 10 + [3] * 5 + [4] * 5
    positions = surface(random_questions(60, 5, keys=keys), Setting()).details["key_positions"]
    statistic, p = chisquare([30, 10, 10, 5, 5])
    assert positions["counts"] == [30, 10, 10, 5, 5]
    assert positions["expected"] == [12.0] * 5
    assert positions["chi2"] == pytest.approx(statistic, abs=1e-3)
    assert positions["p_value"] == pytest.approx(p, rel=1e-2)


def test_one_question_is_audited_without_a_crash():
    result = surface(random_questions(1, 6), Setting())
    assert result.verdicts.tolist() == ["strong"]
