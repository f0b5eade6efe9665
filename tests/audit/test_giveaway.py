"""What gives one answer away is found and said in words; what only looks like it is left in peace."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flyreel.audit.choices import content_words
from flyreel.audit.giveaway import giveaway, in_a_row, said_in
from flyreel.audit.probe import Setting
from flyreel.audit.run import plan
from flyreel.questions import Questions
from flyreel.toybox.questions import questions as toybox

THINGS = "cat dog tree house river stone bird cloud lamp chair road boat glass paper field horse".split()
CHAFF = ["nine kinds of nothing", "a loud Tuesday", "the colour of tax", "soup by post"]


def plain(n, seed=0, k=5):
    """Rows that give nothing away: things drawn by lot, the key among them by lot, each of another group."""
    random = np.random.default_rng(seed)
    return [
        {
            "id": str(i),
            "question": "What does she hold?",
            "choices": random.choice(THINGS, k, replace=False).tolist(),
            "answer": int(random.integers(k)),
        }
        for i in range(n)
    ]


def key(row):
    return row["choices"][row["answer"]]


def with_key(row, text):
    row["choices"][row["answer"]] = text


def probed(rows):
    return giveaway(Questions.from_rows(rows), Setting())


def weak(rows):
    return np.flatnonzero(probed(rows).verdicts == "weak").tolist()


def said(text, *choices):
    at, _ = said_in(in_a_row(text), [(in_a_row(c), content_words(c)) for c in choices])
    return choices[at] if at >= 0 else None


def line(text, kind="dialogue"):
    return {"start": 0.0, "end": 1.0, "kind": kind, "text": text}


def test_a_question_that_says_its_key_is_found_even_if_it_is_the_only_one():
    rows = plain(40)
    rows[7]["question"] += f" Think of the {key(rows[7])}."
    result = probed(rows)
    assert np.flatnonzero(result.verdicts == "weak").tolist() == [7]
    assert result.reasons[7] == f'the question says the key, "{key(rows[7])}", and no other choice'
    assert list(result.computed_from[7]) == ["in-question"]
    assert result.scores[7] == 1.0


def test_a_choice_is_said_only_where_no_other_is():
    assert said("Why does the boy with the red ball run?", "red ball", "blue car") == "red ball"
    assert said("Is it the red ball there, or the blue car?", "red ball", "blue car") is None
    assert said("Does she look at the red ball and at the blue car?", "red ball", "blue car") is None


def test_a_choice_that_holds_another_is_the_one_meant():
    assert said("Where does she put the red ball?", "ball", "red ball", "car") == "red ball"


def test_a_question_that_offers_its_choices_says_none():
    """The other choice may be worded differently; what is offered is no answer yet."""
    assert said("Does he walk or ride a bike?", "ride a bike", "goes on foot") is None
    assert said("Is it yes or no?", "yes", "no") is None


def test_a_choice_that_denies_the_question_is_not_said_by_it():
    assert said("How did the man change her plan?", "The man did not change her plan", "She left") is None
    assert said("Who didn't change the plan?", "Did not change the plan", "She left") == "Did not change the plan"


def test_scattered_words_count_only_where_there_are_several():
    assert said("After the ball he picks up a stick", "pick the ball", "he picks the stick") == "he picks the stick"
    assert said("After the ball rolls, who laughs?", "the ball, again", "a man") is None


def test_grammar_alone_is_never_said():
    assert said("What is it that she has?", "it is", "she has that") is None


def far_longer(rows, places, which=lambda row: row["answer"]):
    for i in places:
        rows[i]["choices"][which(rows[i])] += ", which is to be seen in the middle of the picture"
    return rows


def test_keys_far_longer_than_every_other_choice_are_found_and_measured():
    rows = far_longer(plain(100), range(12))
    result = probed(rows)
    assert np.flatnonzero(result.verdicts == "weak").tolist() == list(range(12))
    others = max(len(c) for i, c in enumerate(rows[3]["choices"]) if i != rows[3]["answer"])
    assert result.reasons[3] == f"the key has {len(key(rows[3]))} characters and the longest other choice {others}"
    assert result.why == [
        "12 of 100 questions have a key far longer than every other choice "
        "(12 of the 12 choices that stand out so are keys)"
    ]


def test_length_is_no_evidence_where_wrong_choices_stand_out_as_often():
    rows = far_longer(plain(200), range(12))
    for wrong in range(1, 5):
        far_longer(rows, range(12 * wrong, 12 * wrong + 12), lambda row, w=wrong: (row["answer"] + w) % 5)
    assert weak(rows) == []


def test_two_long_choices_hide_each_other():
    rows = far_longer(far_longer(plain(100), range(12)), range(12), lambda row: (row["answer"] + 1) % 5)
    assert weak(rows) == []


def test_the_longest_choice_is_no_outlier_by_being_the_longest():
    rows = plain(200)
    for row in rows[:60]:
        with_key(row, "aeroplanes")
    assert weak(rows) == []


def test_one_long_key_in_a_set_is_no_evidence():
    assert weak(far_longer(plain(100), [5])) == []


def recycled(rows, places):
    """Wrong choices that come again and again, whatever is asked."""
    for i in places:
        right = key(rows[i])
        rows[i]["choices"] = [*CHAFF[: i % 5], right, *CHAFF[i % 5 :]]
        rows[i]["answer"] = i % 5
    return rows


def test_wrong_choices_that_come_again_and_are_never_right_leave_the_key():
    rows = recycled(plain(200), range(10))
    result = probed(rows)
    assert np.flatnonzero(result.verdicts == "weak").tolist() == list(range(10))
    assert result.reasons[0].endswith("other questions and are right in none")
    assert result.computed_from[0]["never-right"]["p_value"] < 0.01


def test_wrong_choices_known_from_the_same_film_only_prove_nothing():
    """A solver who has not seen the film's other questions has not seen them either."""
    rows = recycled(plain(200), range(10))
    for row in rows[:10]:
        row["group"] = "one film"
    assert weak(rows) == []


def test_a_small_set_shows_nothing_to_be_always_wrong():
    assert weak(recycled(plain(20), range(2))) == []


def test_a_closed_list_whose_right_answer_repeats_is_no_giveaway():
    """The same five choices, the same one right in each of six questions: it may well be, and proves nothing."""
    rows = plain(100)
    for row in rows[:6]:
        row["choices"], row["answer"] = [*CHAFF, "plain chance"], 4
    assert weak(rows) == []


def test_a_line_that_answers_the_question_is_found_and_quoted():
    rows = plain(40)
    rows[3]["question"] = "What does Nora carry home?"
    rows[3]["cues"] = [line("Fine weather."), line(f"Did Nora carry the {key(rows[3])} home?", "asr")]
    result = probed(rows)
    assert np.flatnonzero(result.verdicts == "weak").tolist() == [3]
    assert result.reasons[3] == f'a line says it: "Did Nora carry the {key(rows[3])} home?"'


@pytest.mark.parametrize(
    "cues",
    [
        lambda right, wrong: [line(f"Nora will carry the {right} home.", "description")],
        lambda right, wrong: [line(f"The {right} is mine."), line("Nora will carry it home.")],
        lambda right, wrong: [line(f"Nora will carry the {right} and the {wrong} home.")],
        lambda right, wrong: [line(f"Nora, carry the {right} home."), line(f"Nora, carry the {wrong} home.")],
    ],
    ids=["described, not spoken", "said of something else", "two in one line", "lines that differ"],
)
def test_what_is_not_one_spoken_answer_is_left_in_peace(cues):
    rows = plain(40)
    rows[3]["question"] = "What does Nora carry home?"
    rows[3]["cues"] = cues(key(rows[3]), rows[3]["choices"][(rows[3]["answer"] + 1) % 5])
    assert weak(rows) == []


@pytest.mark.parametrize("seed", [2000, 2001, 2002])
def test_planted_faults_are_found_and_clean_questions_are_not(seed):
    made = toybox(seed, scenes=50, per_scene=4, faults=0.3)
    result = giveaway(made, Setting())
    fault = np.array([(row.get("meta") or {}).get("fault", "") for row in made.to_rows()])
    found = result.verdicts == "weak"
    assert found[(fault != "") & (fault != "position")].mean() >= 0.95
    assert found[fault == ""].mean() <= 0.05
    assert result.details["shuffled"]["share"] <= 0.01


def test_without_planted_faults_and_with_random_keys_next_to_nothing_is_found():
    assert giveaway(toybox(2003, scenes=100, faults=0.0), Setting()).count("weak") <= 4
    for k in (2, 3, 5):
        assert len(weak(plain(300, seed=k, k=k))) == 0


@settings(max_examples=20, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_order_of_questions_and_of_choices_changes_no_verdict(random):
    rows = recycled(far_longer(plain(80), range(40, 50)), range(10))
    rows[20]["question"] += f" It is the {key(rows[20])}."
    before = probed(rows)
    moved = [{**row, "choices": [*row["choices"]]} for row in rows]
    for row in moved:
        right = key(row)
        random.shuffle(row["choices"])
        row["answer"] = row["choices"].index(right)
    random.shuffle(moved)
    after = probed(moved)
    assert dict(zip(after.ids, after.verdicts, strict=True)) == dict(zip(before.ids, before.verdicts, strict=True))
    assert before.count("weak") == 21


def test_every_verdict_has_its_reason_and_its_numbers_and_the_rest_has_none():
    rows = recycled(far_longer(plain(80), range(40, 50)), range(10))
    result = probed(rows)
    for verdict, reason, source, score in zip(
        result.verdicts, result.reasons, result.computed_from, result.scores, strict=True
    ):
        assert (verdict == "weak") == bool(reason) == bool(source) == (not np.isnan(score))
    json.dumps([result.computed_from, result.details], allow_nan=False)
    assert result.details["rules"]["far-longer"]["weak"] == 10
    assert len(result.details["rules"]["never-right"]["examples"]) == 3


def test_it_runs_where_there_are_no_cues_and_has_no_accuracy():
    """It is silent on most questions: a share of right answers would say nothing."""
    made = Questions.from_rows(plain(10))
    assert plan(["giveaway"], made, has_model=False) == (["giveaway"], [])
    assert giveaway(made, Setting()).estimate is None


def test_one_question_is_looked_at_without_a_crash():
    assert probed(plain(1)).verdicts.tolist() == ["strong"]
