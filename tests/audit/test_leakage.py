"""Films on both sides of a split, and the same question twice."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from flyreel.audit.leakage import jaccard, leakage, near_duplicates
from flyreel.audit.probe import Setting
from flyreel.questions import Questions

SENTENCES = [
    "Why does the tall man in the grey coat leave the house before the others wake",
    "How many birds are sitting on the fence when the camera turns to the garden",
    "What does the girl put into the box after she has closed the kitchen window",
    "Which of the players stands nearest to the ball at the end of the first scene",
]


def row(id, text, group=None, split=None, choices=("a red ball", "a blue kite", "a green hat"), answer=0):
    return {
        "id": id,
        "question": text,
        "choices": list(choices),
        "answer": answer,
        "group": group or id,
        "split": split,
    }


def audited(*rows):
    return leakage(Questions.from_rows(rows), Setting())


def test_a_group_on_both_sides_of_a_split_makes_its_questions_weak():
    result = audited(
        row("1", SENTENCES[0], "film", "train"),
        row("2", SENTENCES[1], "film", "test"),
        row("3", SENTENCES[2], "other", "test"),
    )
    assert result.verdicts.tolist() == ["weak", "weak", "strong"]
    assert (result.details["groups_in_two_splits"], result.details["questions_crossing"]) == (1, 2)
    assert result.details["splits"] == ["test", "train"]
    assert result.reasons[0] and not result.reasons[2]
    (line,) = result.why
    assert line.startswith("2 ") and "in another split" in line
    assert result.not_checked == []


def test_a_group_within_one_split_is_no_leak():
    result = audited(
        row("1", SENTENCES[0], "film", "train"),
        row("2", SENTENCES[1], "film", "train"),
        row("3", SENTENCES[2], "other", "test"),
    )
    assert result.count("weak") == 0
    assert result.why == []


def test_a_copy_with_shuffled_choices_is_an_exact_copy():
    result = audited(
        row("1", SENTENCES[0], split="train"),
        row("2", SENTENCES[0].upper(), split="test", choices=("a green hat", "a red ball.", "a blue kite")),
        row("3", SENTENCES[2], split="test"),
    )
    assert (result.details["exact_duplicates"], result.details["near_duplicates"]) == (1, 0)
    assert result.details["examples"] == [["1", "2"]]
    assert result.verdicts.tolist() == ["weak", "weak", "strong"]


def test_the_same_question_with_other_choices_is_another_question():
    choices = ("walking slowly", "running away quickly", "sitting down to eat breakfast")
    result = audited(row("1", "What happens?"), row("2", "What happens?", choices=choices))
    assert (result.details["exact_duplicates"], result.details["near_duplicates"]) == (0, 0)


@pytest.mark.parametrize("splits", [(None, None), ("test", "test"), ("test", None)])
def test_without_two_splits_nothing_is_called_checked_but_copies_are_still_counted(splits):
    result = audited(*[row(str(i), SENTENCES[0], "film", s) for i, s in enumerate(splits)])
    assert result.not_checked == ["leakage between splits: the rows name fewer than two splits"]
    assert result.count("weak") == 0
    assert result.details["questions_crossing"] == 0
    assert result.details["exact_duplicates"] == 1
    assert result.reasons == ["", ""]
    assert result.estimate is None
    (line,) = result.why
    assert line.startswith("1 ") and "near copies" in line


def test_the_commonest_keys_are_counted_as_read():
    result = audited(*[row(str(i), s, answer=i // 3) for i, s in enumerate(SENTENCES)])
    assert [list(pair) for pair in result.details["commonest_keys"]] == [["a red ball", 3], ["a blue kite", 1]]


def test_jaccard_is_over_sets_of_five_characters():
    assert jaccard("abcdef", "abcdef") == 1.0
    assert jaccard("abcdef", "bcdefg") == pytest.approx(1 / 3)
    assert jaccard("abc", "abc") == 1.0
    assert jaccard("abc", "abd") == 0.0


def mutated(seed, n=60):
    """Random texts, two thirds of which are copies of earlier ones with some words changed."""
    random = np.random.default_rng(seed)
    vocabulary = ["".join(random.choice(list("abcdefghijklmnop"), random.integers(3, 9))) for _ in range(300)]
    texts = [list(random.choice(vocabulary, 30)) for _ in range(n // 3)]
    while len(texts) < n:
        copy = list(texts[random.integers(n // 3)])
        for _ in range(random.integers(0, 5)):
            copy[random.integers(30)] = str(random.choice(vocabulary))
        texts.append(copy)
    return [" ".join(t) for t in texts]


@pytest.mark.parametrize("seed", range(3))
def test_near_copies_are_those_that_brute_force_finds(seed):
    """Bands may miss a pair near the threshold; they may not miss a clear one nor join what is not alike."""
    texts = mutated(seed)
    label = near_duplicates(texts)
    likeness = {(i, j): jaccard(texts[i], texts[j]) for i, j in combinations(range(len(texts)), 2)}
    assert sum(v >= 0.85 for v in likeness.values()) > 10
    for (i, j), value in likeness.items():
        if value >= 0.85:
            assert label[i] == label[j], value
    linked = np.arange(len(texts))
    for (i, j), value in likeness.items():
        if value >= 0.8:
            linked[linked == linked[j]] = linked[i]
    for i, j in likeness:
        assert label[i] != label[j] or linked[i] == linked[j], "joined without a chain of near copies"


def test_a_label_is_the_position_of_the_first_copy():
    assert near_duplicates([SENTENCES[0], SENTENCES[1], SENTENCES[0], SENTENCES[1]]).tolist() == [0, 1, 0, 1]


@pytest.mark.parametrize("texts", [["", ""], ["é", "ééé"], ["a", "b", "a"], ["日本語の質問", "日本語の質問"]])
def test_texts_shorter_than_a_shingle_or_beyond_ascii_do_not_crash(texts):
    label = near_duplicates(texts)
    assert [label[i] == label[j] for i in range(len(texts)) for j in range(len(texts))] == [
        a == b for a in texts for b in texts
    ]


def test_a_near_copy_across_splits_is_weak_though_its_group_is_not():
    result = audited(
        row("1", SENTENCES[0], split="train"),
        row("2", SENTENCES[0].replace("tall", "Tall").replace("wake", "wakes"), split="test"),
        row("3", SENTENCES[3], split="test"),
    )
    assert result.verdicts.tolist() == ["weak", "weak", "strong"]
    assert (result.details["exact_duplicates"], result.details["near_duplicates"]) == (0, 1)
