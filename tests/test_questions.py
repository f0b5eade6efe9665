"""The bulk view: what goes in as canonical rows comes out as the same rows, and ragged arrays line up."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flyreel.questions import SCHEMA, Questions
from flyreel.schema import Question

TEXT = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=12)
SECONDS = st.floats(0, 1e4, allow_nan=False)
SPAN = st.tuples(SECONDS, SECONDS).map(lambda t: {"start": min(t), "end": max(t)})
CUE = st.builds(
    lambda span, kind, text, speaker: {**span, "kind": kind, "text": text, **speaker},
    SPAN,
    st.sampled_from(["dialogue", "description", "caption", "asr", "tag"]),
    TEXT,
    st.one_of(st.just({}), TEXT.map(lambda s: {"speaker": s})),
)
JSON = st.recursive(st.one_of(st.booleans(), st.integers(-5, 5), TEXT), lambda s: st.lists(s, max_size=3), max_leaves=4)
OPTIONAL = {
    "clip": TEXT,
    "split": TEXT,
    "category": TEXT,
    "template": TEXT,
    "rationale": TEXT,
    "parent": TEXT,
    "evidence": st.lists(SPAN, min_size=1, max_size=2),
    "cues": st.lists(CUE, min_size=1, max_size=2),
    "round": st.integers(1, 9),
    "meta": st.dictionaries(TEXT, JSON, min_size=1, max_size=2),
    "origin": st.fixed_dictionaries({"name": TEXT, "parameters": st.dictionaries(TEXT, JSON, max_size=2)}),
}


@st.composite
def rows(draw):
    row = draw(st.fixed_dictionaries({"id": TEXT, "question": TEXT, "group": TEXT}, optional=OPTIONAL))
    if draw(st.booleans()):
        choices = draw(st.lists(TEXT.map(str.strip).filter(bool), min_size=2, max_size=6, unique=True))
        return {**row, "choices": choices, "answer": draw(st.integers(0, len(choices) - 1))}
    return {**row, "answer": draw(TEXT)}


@given(st.lists(rows(), max_size=5))
@settings(max_examples=60, deadline=None)
def test_rows_come_back_from_the_table_as_they_went_in(given_rows):
    assert Questions.from_rows(given_rows).to_rows() == given_rows


@given(st.lists(rows(), min_size=1, max_size=4))
@settings(max_examples=40, deadline=None)
def test_models_and_rows_say_the_same(given_rows):
    models = [Question.model_validate(row) for row in given_rows]
    assert Questions.from_rows(given_rows).to_models() == models
    assert Questions.from_models(models).to_models() == models


ROWS = [
    {"id": "1", "question": "a?", "choices": ["w", "x", "y"], "answer": 2, "clip": "c1", "group": "film"},
    {"id": "2", "question": "b?", "answer": "a cat", "clip": "c2"},
    {"id": "3", "question": "c?", "choices": ["p", "q"], "answer": 0},
    {"id": "4", "question": "d?", "choices": ["k", "l", "m", "n"], "answer": 3, "group": "film"},
]


def test_group_falls_back_to_the_clip_and_then_to_the_id():
    assert Questions.from_rows(ROWS).strings("group") == ["film", "c2", "3", "film"]


def test_groups_are_numbered_by_first_appearance():
    questions = Questions.from_rows(ROWS)
    assert questions.groups.tolist() == [0, 1, 2, 0]
    assert questions.n_groups == 3


def test_an_open_ended_row_has_no_key_among_the_flat_choices():
    questions = Questions.from_rows(ROWS)
    assert questions.answer.tolist() == [2, -1, 0, 3]
    assert questions.choice_rows.tolist() == [0, 2, 3]
    assert questions.is_key.sum() == 3
    assert questions.to_rows()[1]["answer"] == "a cat"
    assert "choices" not in questions.to_rows()[1]


def test_ragged_views_line_up_with_their_questions():
    questions = Questions.from_rows(ROWS)
    assert questions.sizes.tolist() == [3, 0, 2, 4]
    assert questions.offsets.tolist() == [0, 3, 3, 5, 9]
    assert questions.owner.tolist() == [0, 0, 0, 2, 2, 3, 3, 3, 3]
    assert questions.flat_choices == list("wxypqklmn")
    assert [c for c, key in zip(questions.flat_choices, questions.is_key, strict=True) if key] == ["y", "p", "n"]
    assert questions.choices_of(2) == ["p", "q"]
    assert questions.choices_of(1) == []


def test_chance_is_one_over_the_choices_of_each_question():
    closed = Questions.from_rows(ROWS).with_choices()
    assert closed.chance.tolist() == pytest.approx([1 / 3, 1 / 2, 1 / 4])
    assert closed.ids == ["1", "3", "4"]


def test_with_choices_gives_the_same_object_where_nothing_is_open_ended():
    questions = Questions.from_rows([ROWS[0], ROWS[2]])
    assert questions.with_choices() is questions


def test_take_keeps_choices_with_their_question_in_the_order_asked():
    taken = Questions.from_rows(ROWS).take(np.array([3, 0]))
    assert taken.flat_choices == list("klmnwxy")
    assert taken.answer.tolist() == [3, 2]
    assert taken.groups.tolist() == [0, 0]


def test_views_are_right_on_a_slice_of_a_larger_table():
    """Arrow slices share buffers: a view that ignored the offset would show another question's choices."""
    sliced = Questions(Questions.from_rows(ROWS).table.slice(2))
    assert sliced.flat_choices == list("pqklmn")
    assert sliced.offsets.tolist() == [0, 2, 6]
    assert sliced.is_key.tolist() == [True, False, False, False, False, True]


def test_no_questions_at_all_is_not_a_crash():
    none = Questions.from_rows([])
    assert (len(none), none.n_groups, none.flat_choices, none.offsets.tolist()) == (0, 0, [], [0])
    assert none.table.schema == SCHEMA
    assert none.to_rows() == []


def test_has_cues_marks_only_rows_with_cues():
    cue = {"start": 0, "end": 1, "kind": "dialogue", "text": "hi"}
    questions = Questions.from_rows([{**ROWS[0], "cues": [cue]}, {**ROWS[2], "cues": []}, ROWS[3]])
    assert questions.has_cues().tolist() == [True, False, False]


def test_a_row_that_breaks_the_noun_is_refused_on_the_way_to_models():
    with pytest.raises(ValueError, match="not an index"):
        Questions.from_rows([{**ROWS[2], "answer": 7}]).to_models()
