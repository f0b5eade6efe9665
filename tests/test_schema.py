"""The nouns refuse what no room downstream could make sense of."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from flyreel.schema import Clip, Cue, Finding, Prediction, Problem, Question, Revision, Span, Wording

WORDING = Wording(question="Who?", choices=("a", "b"), answer=0)

NOUNS = [
    Span(start=0, end=1),
    Cue(start=0, end=1, text="hello"),
    Clip(id="c"),
    Question(id="q", question="Who?", choices=("a", "b"), answer=0),
    WORDING,
    Finding(question="q", probe="p", solver="s", verdict="weak"),
    Revision(question="q", attempt=1, base=0, strategy="rewrite", before=WORDING, after=WORDING, accepted=True),
    Prediction(question="q", model="m", reply="A"),
    Problem(row=1, reason="no-answer"),
]


@pytest.mark.parametrize("noun", NOUNS, ids=lambda n: type(n).__name__)
def test_a_noun_cannot_be_changed_after_it_is_made(noun):
    with pytest.raises(ValidationError, match="frozen"):
        setattr(noun, next(iter(type(noun).model_fields)), "other")


@pytest.mark.parametrize("noun", NOUNS, ids=lambda n: type(n).__name__)
def test_a_misspelt_field_is_an_error_and_not_silently_lost(noun):
    with pytest.raises(ValidationError, match="Extra inputs"):
        type(noun).model_validate({**noun.model_dump(), "anser": 1})


@pytest.mark.parametrize("noun", NOUNS, ids=lambda n: type(n).__name__)
def test_a_noun_survives_its_own_json(noun):
    assert type(noun).model_validate_json(noun.model_dump_json()) == noun


@pytest.mark.parametrize(("start", "end"), [(2, 1), (-1, 1), (-2, -1), (float("nan"), 1), (0, float("nan"))])
def test_a_span_that_runs_backwards_or_starts_before_the_clip_is_refused(start, end):
    with pytest.raises(ValidationError, match="runs forwards"):
        Span(start=start, end=end)


def test_a_span_may_be_a_moment():
    assert Span(start=3, end=3).end == 3.0


def test_a_cue_is_dialogue_unless_said_otherwise_and_of_a_known_kind():
    assert Cue(start=0, end=1, text="x").kind == "dialogue"
    with pytest.raises(ValidationError):
        Cue(start=0, end=1, text="x", kind="rumour")


@pytest.mark.parametrize("answer", [2, -1, "b", "1"])
def test_an_answer_that_is_no_index_into_the_choices_is_refused(answer):
    with pytest.raises(ValidationError, match="not an index"):
        Question(id="q", question="Who?", choices=("a", "b"), answer=answer)


@pytest.mark.parametrize("choices", [("a",), ("a", "a"), ("a", " a ")])
def test_choices_that_leave_nothing_to_choose_are_refused(choices):
    with pytest.raises(ValidationError, match="all different"):
        Question(id="q", question="Who?", choices=choices, answer=0)


def test_an_open_ended_question_holds_its_answer_as_text_and_nothing_else():
    assert Question(id="q", question="Who?", answer="a cat").choices == ()
    with pytest.raises(ValidationError, match="as text"):
        Question(id="q", question="Who?", answer=0)


def test_an_empty_question_is_refused():
    with pytest.raises(ValidationError):
        Question(id="q", question="", answer="a")


def test_a_verdict_is_one_of_three_words():
    with pytest.raises(ValidationError):
        Finding(question="q", probe="p", solver="s", verdict="fixed")


def test_a_problem_reads_as_one_line_with_its_place():
    assert str(Problem(row=3, line=4, reason="no-answer", detail="None")) == "row 3 (line 4): no-answer: None"
    assert str(Problem(row=3, line=3, reason="no-answer")) == "row 3: no-answer"
