"""What trees learn about keys: planted artefacts are found, and nothing is told to the question it was counted on."""

from __future__ import annotations

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from flyreel.audit.fitted import hits_of
from flyreel.audit.probe import Setting
from flyreel.audit.trees import describe, told_apart, trees
from flyreel.questions import Questions

WORDS = "cat dog tree house river stone bird cloud lamp chair road boat glass paper field horse".split()
MARKS = "sofa brick plant snake".split()


def made(n, seed, choices, sizes=(4,), groups=None, asks=lambda random: f"what about the {random.choice(WORDS)}"):
    """Questions whose choices are made by `choices(random, question, k)`, the key first; then they are shuffled."""
    random = np.random.default_rng(seed)
    rows = []
    for i in range(n):
        question, k = asks(random), int(random.choice(sizes))
        texts, order = choices(random, question, k), random.permutation(k)
        rows.append(
            {
                "id": str(i),
                "question": question,
                "choices": [f"{texts[j]} n{i}c{j}" for j in order],
                "answer": int(np.flatnonzero(order == 0)[0]),
                "group": str(i // 2 if groups is None else groups[i]),
            }
        )
    return Questions.from_rows(rows)


def drawn(random, low=3, high=6):
    return " ".join(map(str, random.choice(WORDS, random.integers(low, high))))


def nothing(random, question, k):
    return [drawn(random) for _ in range(k)]


def a_word(random, question, k):
    """One of four words that look like any other, so that only having seen them elsewhere helps."""
    marked = random.random(k) < np.where(np.arange(k) == 0, 0.9, 0.1)
    return [f"{drawn(random, 2, 3)} {random.choice(MARKS if m else WORDS)}" for m in marked]


def second_longest(random, question, k):
    lengths = np.sort(random.choice(np.arange(2, 14), k, replace=False))[::-1]
    lengths[[0, 1]] = lengths[[1, 0]]
    return [drawn(random, n, n + 1) for n in lengths]


def overlap(random, question, k):
    return [f"{drawn(random)} {question.split()[-1]}", *(drawn(random) for _ in range(k - 1))]


def at_chance(result):
    e = result.estimate
    return e.ci95[0] <= e.chance <= e.ci95[1]


def control_at_chance(result):
    control = result.details["control"]
    return control["ci95"][0] <= control["chance"] <= control["ci95"][1]


@pytest.fixture(scope="module")
def planted():
    return trees(made(200, 0, a_word, sizes=(2, 3, 5, 8)), Setting())


@pytest.mark.parametrize("artefact", [second_longest, overlap])
def test_a_rank_of_length_and_an_overlap_with_the_question_are_found(artefact):
    result = trees(made(160, 1, artefact), Setting())
    assert result.estimate.ci95[0] > result.estimate.chance + 0.1
    assert control_at_chance(result)


def test_a_word_that_marks_the_key_is_found_whatever_the_number_of_choices(planted):
    e = planted.estimate
    assert e.chance == pytest.approx(np.mean([1 / 2, 1 / 3, 1 / 5, 1 / 8]), abs=0.04)
    assert e.ci95[0] > e.chance + 0.1
    assert control_at_chance(planted)


def test_what_told_the_key_is_named(planted):
    """A vocabulary of twenty words has as many topics as words: there the two are the same."""
    assert planted.why[0].startswith("topics: ")
    assert planted.details["telling"]["topics"] > 0.1


def test_words_that_were_right_in_other_groups_are_told_for_themselves():
    questions = made(200, 0, a_word)
    evidence = told_apart(describe(questions, 0), questions, questions.is_key, np.ones(200, bool), 0)[:, 0]
    assert hits_of(questions, evidence, questions.is_key).mean() > 0.6


def test_each_question_has_one_distribution_over_its_own_choices(planted):
    assert planted.count("weak") + planted.count("strong") == 200
    for verdict, score, reason, kept in zip(
        planted.verdicts, planted.scores, planted.reasons, planted.computed_from, strict=True
    ):
        probabilities = kept["probabilities"]
        assert sum(probabilities) == pytest.approx(1, abs=1e-3)
        assert min(abs(score - p) for p in probabilities) < 1e-4
        assert (verdict == "weak") == bool(reason)
        if verdict == "weak":
            assert score >= max(probabilities) - 1e-4


def test_without_a_signal_the_interval_covers_chance_and_nothing_is_named():
    result = trees(made(160, 2, nothing), Setting())
    assert at_chance(result)
    assert result.why == []


def test_a_group_that_repeats_itself_helps_nobody_outside_it():
    """Each film asks one question over and over, its key the same text: whoever saw the film knows, nobody else."""
    random = np.random.default_rng(3)
    films = [[f"{drawn(random)} f{film}{c}" for c in "pqrs"] for film in range(30)]
    rows = []
    for film, choices in enumerate(films):
        for i in range(6):
            order = random.permutation(4)
            rows.append(
                {
                    "id": f"{film}-{i}",
                    "question": f"what about f{film}",
                    "choices": [choices[j] for j in order],
                    "answer": int(np.flatnonzero(order == film % 4)[0]),
                    "group": f"film {film}",
                }
            )
    grouped = trees(Questions.from_rows(rows), Setting())
    alone = trees(Questions.from_rows([{**row, "group": row["id"]} for row in rows]), Setting())
    assert at_chance(grouped)
    assert alone.estimate.accuracy > 0.8


def test_a_key_changes_nothing_that_its_own_group_is_told():
    questions = made(60, 4, a_word)
    columns, train = describe(questions, 0), np.ones(60, bool)
    before = told_apart(columns, questions, questions.is_key, train, 0)
    mine = questions.groups == 7
    turned = questions.is_key.copy()
    for i in np.flatnonzero(mine):
        own = slice(questions.offsets[i], questions.offsets[i + 1])
        turned[own] = np.roll(turned[own], 1)
    after = told_apart(columns, questions, turned, train, 0)
    here = mine[questions.owner]
    assert np.array_equal(before[here], after[here])
    assert not np.array_equal(before[~here], after[~here])


def test_a_perfect_balance_is_no_shortcut():
    """Of every pair of texts each is the key equally often. That the rest of the set was right the other way says
    which is due, to somebody who has the keys; it must not make the set look guessable."""
    rows = []
    for pair in range(40):
        for i in range(6):
            choices = [f"{a} w{pair}{a}" for a in ("left", "right")]
            rows.append({"id": f"{pair}-{i}", "question": "which", "choices": choices, "answer": (i + pair) % 2})
    result = trees(Questions.from_rows(rows), Setting())
    assert result.estimate.ci95[0] <= 0.5


def test_the_same_seed_gives_the_same_result_on_one_thread_and_on_two():
    questions = made(60, 5, a_word)
    found = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            found.append(trees(questions, Setting(seed=7)))
    first, second = found
    assert np.array_equal(first.scores, second.scores)
    assert first.details == second.details


@pytest.mark.parametrize("n", [1, 5])
def test_one_group_leaves_everything_unknown_and_says_why(n):
    result = trees(made(n, 6, nothing, groups=["film"] * n), Setting())
    assert result.probe == "trees"
    assert result.verdicts.tolist() == ["unknown"] * n
    assert result.reasons == ["too-few-groups"] * n
    assert result.estimate is None
    assert result.not_checked == ["trees: fewer than two groups, nothing to hold out"]


@pytest.mark.parametrize("groups", [2, 3])
def test_a_handful_of_groups_is_enough_and_makes_no_noise(groups):
    result = trees(made(12, 7, a_word, groups=[i % groups for i in range(12)]), Setting())
    assert result.details["folds"] == groups
    assert result.count("unknown") == 0
    assert np.isfinite(result.scores).all()


@pytest.mark.parametrize("choices", [["♥", "♦", "♣"], ["yes", "no"], ["a b", "a b", "b a"]])
def test_choices_with_hardly_a_word_leave_the_trees_at_chance_and_not_in_a_heap(choices):
    random = np.random.default_rng(8)
    k = len(choices)
    rows = [{"id": str(i), "question": "?", "choices": choices, "answer": int(random.integers(k))} for i in range(40)]
    result = trees(Questions.from_rows(rows), Setting())
    assert result.count("unknown") == 0
    assert at_chance(result)
