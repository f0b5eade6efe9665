"""One point a question, shared fairly: the rules every probe that picks a choice rests on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flyreel.audit import choices as per
from flyreel.audit.surface import rules
from flyreel.questions import Questions


def made(*sets, answers=None, texts=None):
    return Questions.from_rows(
        {
            "id": str(i),
            "question": texts[i] if texts else f"Question {i}?",
            "choices": list(choices),
            "answer": answers[i] if answers else 0,
        }
        for i, choices in enumerate(sets)
    )


def shares(questions, credit):
    return [credit[a:b].tolist() for a, b in zip(questions.offsets, questions.offsets[1:], strict=False)]


def test_the_longest_choice_takes_the_point_and_ties_share_it():
    questions = made(["a", "bbb", "cc"], ["aa", "bb", "c"], ["a", "b"])
    assert shares(questions, per.lengths(questions).argmax_share()) == [[0, 1, 0], [0.5, 0.5, 0], [0.5, 0.5]]


def test_the_shortest_choice_takes_the_point_and_ties_share_it():
    questions = made(["a", "bbb", "cc"], ["aa", "b", "c"])
    assert shares(questions, per.lengths(questions).argmin_share()) == [[1, 0, 0], [0, 0.5, 0.5]]


def test_second_shortest_is_the_second_in_order_where_the_shortest_two_tie():
    """Lengths 1, 1, 3: first and second place are both of length 1, so the tied two share, and 3 gets nothing."""
    questions = made(["a", "bbb", "cc"], ["a", "b", "ccc"], ["aaa", "b", "ccc"])
    assert shares(questions, per.lengths(questions).rank_share(1)) == [[0, 0, 1], [0.5, 0.5, 0], [0.5, 0, 0.5]]


def test_a_rank_that_a_question_does_not_have_scores_chance_and_not_zero():
    questions = made(["a", "bb"], ["a", "bb", "ccc", "dddd"])
    assert shares(questions, per.lengths(questions).rank_share(2)) == [[0.5, 0.5], [0, 0, 1, 0]]
    assert shares(questions, per.lengths(questions).rank_share(7)) == [[0.5, 0.5], [0.25] * 4]


def test_a_rule_that_cannot_decide_scores_chance():
    questions = made(["aa", "bb", "cc", "dd"], answers=[2])
    credit = per.lengths(questions).argmax_share()
    assert per.hits(questions, credit).tolist() == [0.25]


def test_hits_are_the_points_of_the_key():
    questions = made(["a", "bbb", "cc"], ["aa", "bb", "c"], ["a", "bb"], answers=[1, 0, 0])
    assert per.hits(questions, per.lengths(questions).argmax_share()).tolist() == [1, 0.5, 0]


@st.composite
def sets_of_choices(draw):
    word = st.sampled_from(["red", "a red car", "cars", "the", "", "no one", "it is red.", "♥", "x y z", "RED"])
    sets = draw(st.lists(st.lists(st.tuples(word, st.integers(0, 9)), min_size=2, max_size=8), min_size=1, max_size=6))
    return made(*[[f"{w} {n}".strip() for w, n in choices] for choices in sets])


@given(sets_of_choices())
@settings(max_examples=60, deadline=None)
def test_every_rule_gives_each_question_exactly_one_point(questions):
    """Where credits do not sum to one, a rule's accuracy is not comparable to chance."""
    for name, credit in rules(questions).items():
        points = np.bincount(questions.owner, weights=credit, minlength=len(questions))
        np.testing.assert_allclose(points, 1.0, err_msg=name)
        assert credit.min() >= 0


@given(st.lists(st.lists(st.integers(0, 3), min_size=2, max_size=6), min_size=1, max_size=5), st.integers(0, 7))
@settings(max_examples=60, deadline=None)
def test_rank_share_over_random_values_agrees_with_sorting_by_hand(values, rank):
    questions = made(*[[f"c{i}" for i in range(len(v))] for v in values])
    credit = shares(questions, per.PerChoice(questions, np.concatenate(values).astype(float)).rank_share(rank))
    for given_values, got in zip(values, credit, strict=True):
        if rank >= len(given_values):
            assert got == pytest.approx([1 / len(given_values)] * len(given_values))
            continue
        wanted = sorted(given_values)[rank]
        expected = [(v == wanted) / given_values.count(wanted) for v in given_values]
        assert got == pytest.approx(expected)


def test_overlap_counts_content_words_only():
    questions = made(
        ["the man on the chair", "a man and a dog", "of the", "dog cat"], texts=["What does the man do to the chair?"]
    )
    assert per.question_overlap(questions).values.tolist() == [1.0, 0.5, 0.0, 0.0]


def test_the_odd_one_out_is_least_like_the_others():
    questions = made(["a red car", "a red bus", "a red van", "blue skies"], ["x", "y"])
    values = per.likeness_to_others(questions).values
    assert values[3] == 0.0
    assert values[:3].tolist() == pytest.approx([(0.5 + 0.5 + 0) / 3] * 3)


def test_choices_without_words_are_alike_and_no_crash():
    assert per.likeness_to_others(made(["♥", "♦", "!!"])).values.tolist() == [1.0, 1.0, 1.0]


def test_repetitions_count_over_the_whole_set_without_case_or_stops():
    questions = made(["Yes.", "No"], ["yes", "maybe"], ["Yes!", "no"])
    assert per.repetitions(questions).values.tolist() == [3, 2, 3, 1, 3, 2]


def test_position_starts_again_with_every_question():
    assert per.position(made(["a", "b", "c"], ["d", "e"])).tolist() == [0, 1, 2, 0, 1]


def test_words_keep_apostrophes_and_drop_marks():
    assert per.words("Don't stop_me, O'Neil: 3 times!") == ["don't", "stop", "me", "o'neil", "3", "times"]
