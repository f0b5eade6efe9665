"""What the text-only solver may look at: nothing of the key, and nothing of the question where it is told so."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from flyreel.audit.features import encode
from flyreel.questions import Questions

ROWS = [
    ("why did the boy run", ["to catch the ball", "to catch the bus", "he is tired"], 0),
    ("what does the dog do", ["barks at the ball", "sits down.", "Runs to the boy", "no, nothing"], 2),
    ("how many boys", ["2", "3"], 1),
    ("what is red", ["the ball is red", "the bus is not red", "may be the boy"], 0),
]


def made(rows=ROWS):
    return Questions.from_rows(
        {"id": str(i), "question": q, "choices": list(c), "answer": a} for i, (q, c, a) in enumerate(rows)
    )


def same(a, b):
    alike = a.sparse.shape == b.sparse.shape and (a.sparse != b.sparse).nnz == 0
    return alike and np.array_equal(a.dense, b.dense) and a.names == b.names


def test_the_key_leaves_no_trace_in_the_features():
    """Were anything computed from the answers, the held-out fold would be told its keys."""
    moved = made([(q, c, (a + 1) % len(c)) for q, c, a in ROWS])
    assert same(encode(made()), encode(moved))


def test_without_the_question_nothing_of_the_question_is_seen():
    other = made([("something else altogether, the ball", c, a) for _, c, a in ROWS])
    assert same(encode(made(), with_question=False), encode(other, with_question=False))
    assert not same(encode(made()), encode(other))
    assert not any("question" in n for n in encode(made(), with_question=False).names)
    assert not any("question" in n for n in encode(made(), with_question=False).blocks)


def test_there_is_a_row_for_every_choice_and_a_name_for_every_dense_column():
    questions = made()
    features = encode(questions)
    assert features.sparse.shape[0] == len(questions.flat_choices) == features.dense.shape[0]
    assert features.dense.shape[1] == len(features.names) == len(set(features.names))
    assert np.isfinite(features.dense).all()
    assert sorted((s.start, s.stop) for s in features.blocks.values())[-1][1] == features.sparse.shape[1]


def test_the_rows_of_each_sparse_block_have_unit_length_or_none():
    features = encode(made())
    for name, columns in features.blocks.items():
        lengths = np.sqrt(np.asarray(features.sparse[:, columns].power(2).sum(axis=1))).ravel()
        assert np.all(np.isclose(lengths, 1.0, atol=1e-5) | (lengths == 0)), name


def test_a_column_of_one_choice_only_is_left_out():
    features = encode(made())
    assert np.bincount(features.sparse.indices, minlength=features.sparse.shape[1]).min() >= 2


def test_dense_columns_are_centred_within_each_question():
    """A softmax over one question cannot see what all its choices share; only differences may be left."""
    questions = made()
    features = encode(questions)
    for name, column in zip(features.names, features.dense.T, strict=True):
        if name.startswith(("shortest but", "longest but", "position")):
            continue  # shares of one point: the same total in every question
        sums = np.bincount(questions.owner, weights=column, minlength=len(questions))
        np.testing.assert_allclose(sums, 0, atol=1e-4, err_msg=name)


def test_shares_and_positions_give_each_question_at_most_one_point():
    questions = made()
    features = encode(questions)
    for name, column in zip(features.names, features.dense.T, strict=True):
        if not name.startswith(("shortest but", "longest but", "position")):
            continue
        sums = np.bincount(questions.owner, weights=column, minlength=len(questions))
        assert np.all(np.isclose(sums, 1.0) | ((sums == 0) & name.startswith("position"))), name


def test_reordering_choices_reorders_their_features_and_changes_only_position():
    turned = made([(q, c[::-1], 0) for q, c, _ in ROWS])
    before, after = encode(made()), encode(turned)
    sizes = [len(c) for _, c, _ in ROWS]
    starts = np.cumsum([0, *sizes])
    back = np.concatenate([np.arange(a, b)[::-1] for a, b in pairwise(starts)])
    kept = [i for i, n in enumerate(before.names) if not n.startswith("position")]
    np.testing.assert_allclose(after.dense[back][:, kept], before.dense[:, kept], atol=1e-5)
    gram = (before.sparse @ before.sparse.T).toarray()
    np.testing.assert_allclose((after.sparse @ after.sparse.T).toarray()[np.ix_(back, back)], gram, atol=1e-5)


def column(questions, name):
    features = encode(questions)
    return features.dense[:, features.names.index(name)]


def test_words_shared_with_the_question_are_counted_for_their_own_question_only():
    questions = made([("where is the cat", ["a cat", "a dog"], 0), ("where is the dog", ["a cat", "a dog"], 1)])
    assert column(questions, "words shared with the question").tolist() == [0.5, -0.5, -0.5, 0.5]


def test_words_of_its_own_are_those_no_other_choice_of_the_question_has():
    questions = made([("what", ["red ball", "red hat high", "red"], 0)])
    assert column(questions, "words of its own").tolist() == pytest.approx([0, 1, -1])


def test_a_shared_beginning_is_a_run_from_the_first_word():
    questions = made([("what", ["he runs far", "he runs away", "she runs far"], 0)])
    assert column(questions, "shared beginning").tolist() == pytest.approx([1 / 3, 1 / 3, -2 / 3], abs=1e-6)
    assert column(questions, "shared ending").tolist() == pytest.approx([1 / 3, -2 / 3, 1 / 3], abs=1e-6)


@pytest.mark.parametrize(
    "rows",
    [
        [("?", ["♥", "♦"], 0), ("…", ["♣", "♠", "★"], 1)],
        [("who", ["♥", "a man"], 0)],
        [("", ["a", "the"], 0), ("the", ["of", "♥"], 0)],
    ],
    ids=["no-words-at-all", "one-without", "grammar-only"],
)
@pytest.mark.parametrize("with_question", [True, False])
def test_choices_without_words_are_features_and_not_a_crash(rows, with_question):
    questions = made(rows)
    features = encode(questions, with_question)
    assert features.sparse.shape[0] == len(questions.flat_choices)
    assert np.isfinite(features.dense).all()
