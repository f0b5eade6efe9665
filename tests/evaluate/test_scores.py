"""Scores against scipy and statsmodels, and what belongs into which number."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.proportion import proportion_confint

from flyreel.audit import statistics
from flyreel.evaluate.scores import Sheet, compare, hard, letters, score, sheet
from flyreel.questions import Questions
from flyreel.schema import Prediction


def made(n: int, sizes: tuple[int, ...] = (4,), per_group: int = 1, **more: list[Any]) -> Questions:
    rows = []
    for i in range(n):
        k = sizes[i % len(sizes)]
        row = {"id": f"q{i}", "question": f"What of {i}?", "choices": [f"{i} {j}" for j in range(k)], "answer": i % k}
        own = {name: values[i] for name, values in more.items() if values[i] is not None}
        rows.append({**row, "group": f"film {i // per_group}", **own})
    return Questions.from_rows(rows)


RIGHT, LOOSE, WRONG, UNREAD, UNASKED, NOTHING = "right", "loose", "wrong", "unread", "unasked", "nothing"
KINDS = (RIGHT, LOOSE, WRONG, UNREAD, UNASKED, NOTHING)


def answered(questions: Questions, kinds: list[str], model: str = "m", view: str = "full") -> Sheet:
    """A sheet with that said to each question; LOOSE is right, in another form than was asked for."""
    predictions = {}
    for i, kind in enumerate(kinds):
        key, id = int(questions.answer[i]), questions.ids[i]
        about: dict[str, dict[str, Any]] = {
            RIGHT: {"answer": key, "strict": True},
            LOOSE: {"answer": key},
            WRONG: {"answer": (key + 1) % int(questions.sizes[i]), "strict": True},
            UNREAD: {"failure": "nothing-chosen"},
            UNASKED: {"asked": False, "failure": "no-clip"},
        }
        if kind != NOTHING:
            predictions[id] = Prediction(question=id, model=model, view=view, **about[kind])
    return sheet(model, view, questions, predictions)


kinds = st.lists(st.sampled_from(KINDS), min_size=1, max_size=40)


def test_each_kind_of_answer_is_counted_where_it_belongs() -> None:
    given = answered(made(12), [RIGHT] * 3 + [LOOSE] + [WRONG] * 2 + [UNREAD] * 2 + [UNASKED] + [NOTHING] * 3)
    found = score(given)
    assert (found.questions, found.asked, found.answered) == (12, 8, 6)
    assert found.accuracy and found.strict
    assert found.accuracy.accuracy == 4 / 8 and found.strict.accuracy == 3 / 8
    assert (found.of_answered, found.of_all, found.unread_rate) == (4 / 6, 4 / 12, 2 / 8)
    assert found.unread == {"nothing-chosen": 2}
    assert list(found.unasked.items()) == [("no-prediction", 3), ("no-clip", 1)], "the most frequent first"
    assert np.isnan(given.hits).tolist() == [False] * 8 + [True] * 4
    assert given.strict_hits[:8].tolist() == [1, 1, 1, 0, 0, 0, 0, 0] and np.isnan(given.strict_hits[8:]).all()


def test_json_is_plain_and_has_the_numbers_where_readers_look() -> None:
    import json

    found = score(answered(made(6, category=["b", None, "a", "a", "b", None]), [RIGHT, WRONG, UNREAD, *[UNASKED] * 3]))
    told = json.loads(json.dumps(found.json()))
    assert set(told) == {
        "accuracy", "strict", "of_answered", "of_all", "unread_rate", "coverage", "unread", "unasked", "categories",
        "hard",
    }  # fmt: skip
    assert told["coverage"] == {"questions": 6, "asked": 3, "answered": 2}
    assert told["accuracy"]["n"] == 3 and told["accuracy"]["chance"] == 0.25
    assert told["categories"]["b"]["accuracy"] == 1.0 and told["hard"] is None


def test_nothing_asked_is_no_accuracy_and_not_an_accuracy_of_zero() -> None:
    found = score(answered(made(3), [UNASKED, UNASKED, NOTHING]))
    assert (found.accuracy, found.strict, found.of_answered, found.unread_rate, found.hard) == (None,) * 5
    assert found.of_all == 0.0 and found.json()["accuracy"] is None
    empty = score(answered(made(3).take(np.array([], dtype=np.int64)), []))
    assert empty.questions == 0 and empty.categories == {} and empty.of_all == 0.0


@given(kinds)
def test_hits_add_up_and_no_stricter_number_is_higher(said: list[str]) -> None:
    given = answered(made(len(said), (2, 4, 5), 3), said)
    found = score(given)
    assert sum(found.unread.values()) == found.asked - found.answered
    assert sum(found.unasked.values()) == found.questions - found.asked
    if found.accuracy is None or found.strict is None:
        assert found.asked == 0
        return
    assert found.accuracy.accuracy * found.asked == pytest.approx(np.nansum(given.hits))
    assert found.strict.accuracy <= found.accuracy.accuracy
    assert found.of_all <= found.accuracy.accuracy
    assert found.of_answered is None or found.of_answered >= found.accuracy.accuracy


@given(kinds)
def test_an_unreadable_reply_lowers_accuracy_and_a_missing_clip_does_not(said: list[str]) -> None:
    said = [RIGHT, *said]
    questions = made(len(said) + 1)
    before, unread, unasked = (score(answered(questions, [*said, last])) for last in (NOTHING, UNREAD, UNASKED))
    assert before.accuracy and unread.accuracy and unasked.accuracy
    assert unread.accuracy.accuracy < before.accuracy.accuracy, "one that says nothing readable was still asked"
    assert unasked.accuracy == before.accuracy
    assert unread.of_all == unasked.of_all == before.of_all


@given(kinds)
def test_without_groups_the_interval_is_the_one_of_wilson_by_statsmodels(said: list[str]) -> None:
    found = score(answered(made(len(said)), said)).accuracy
    if found is None:
        return
    right = round(found.accuracy * found.n)
    assert found.ci95 == pytest.approx(proportion_confint(right, found.n, method="wilson"), abs=1e-9)


def test_questions_on_one_film_count_for_less_than_as_many_on_films_of_their_own() -> None:
    said = ([RIGHT] * 5 + [WRONG] * 5) * 6
    apart, together = (score(answered(made(60, per_group=n), said)).accuracy for n in (1, 5))
    assert apart and together and apart.accuracy == together.accuracy
    assert together.ci95[0] < apart.ci95[0] and apart.ci95[1] < together.ci95[1]
    assert (apart.groups, together.groups) == (60, 12)


def test_chance_is_each_questions_own() -> None:
    found = score(answered(made(6, (2, 5, 8)), [RIGHT, WRONG, UNREAD, UNASKED, WRONG, WRONG])).accuracy
    assert found and found.chance == pytest.approx(np.mean([1 / 2, 1 / 5, 1 / 8, 1 / 5, 1 / 8]))


def test_random_answers_score_at_chance_within_the_interval_in_nineteen_of_twenty_seeds() -> None:
    """An interval that misses chance more often sells luck as skill; one that never misses it sells nothing."""
    questions = made(240, (2, 4, 5), 4)
    covered = 0
    for seed in range(300):
        random = np.random.default_rng(seed)
        picks = random.integers(0, questions.sizes)
        said = {
            id: Prediction(question=id, model="m", answer=int(p)) for id, p in zip(questions.ids, picks, strict=True)
        }
        found = score(sheet("m", "full", questions, said)).accuracy
        assert found
        covered += found.ci95[0] <= found.chance <= found.ci95[1]
    assert 275 <= covered <= 299


def test_categories_are_by_name_and_hold_what_has_none_apart() -> None:
    questions = made(7, category=["why", "how", None, "why", None, "how", "when"])
    found = score(answered(questions, [RIGHT, WRONG, RIGHT, UNREAD, WRONG, UNASKED, NOTHING])).categories
    assert list(found) == ["(none)", "how", "why"], "nothing was asked about when"
    assert {name: (e.accuracy, e.n) for name, e in found.items()} == {
        "(none)": (0.5, 2),
        "how": (0, 1),
        "why": (0.5, 2),
    }
    assert score(answered(made(2), [RIGHT, RIGHT])).categories == {}


@pytest.mark.parametrize(
    "meta", [{"hard": True}, {"hard_split": "True"}, {"hardSplit": 1}, {"Hard-Split": "1"}, {"HARD": " true "},
             {"hard": False, "hard split": True}, {"hard": 1.0}]
)  # fmt: skip
def test_a_question_is_hard_however_a_data_set_spells_it(meta: dict[str, Any]) -> None:
    questions = made(2, meta=[meta, None])
    assert hard(questions).tolist() == [True, False]
    found = score(answered(questions, [RIGHT, WRONG])).hard
    assert found and (found.accuracy, found.n) == (1.0, 1)


@pytest.mark.parametrize(
    "meta",
    [{"hard": False}, {"hard": "False"}, {"hard": 0}, {"hard": "0"}, {"hard": None}, {"hardness": 1}, {"x": True}],
)
def test_what_does_not_say_hard_is_not(meta: dict[str, Any]) -> None:
    assert score(answered(made(1, meta=[meta]), [RIGHT])).hard is None


def test_hard_questions_that_were_not_asked_are_in_no_accuracy() -> None:
    questions = made(4, meta=[{"hard": True}, {"hard": True}, {"hard": True}, None])
    found = score(answered(questions, [RIGHT, UNASKED, NOTHING, WRONG])).hard
    assert found and (found.accuracy, found.n) == (1.0, 1)
    assert score(answered(questions, [UNASKED, UNASKED, NOTHING, WRONG])).hard is None


def test_an_answer_that_no_choice_has_cannot_come_this_far() -> None:
    questions = made(1)
    for answer in (4, -1, "1 1"):
        with pytest.raises(AssertionError, match="q0: answer"):
            sheet("m", "full", questions, {"q0": Prediction(question="q0", model="m", answer=answer)})


def test_open_ended_questions_are_not_on_the_sheet() -> None:
    rows = [*made(2).to_rows(), {"id": "open", "question": "Why?", "answer": "because", "group": "film"}]
    said = {"open": Prediction(question="open", model="m", answer="because")}
    assert score(sheet("m", "full", Questions.from_rows(rows), said)).questions == 2


def test_letters_count_what_was_picked_and_not_what_could_not_be_read() -> None:
    questions = made(6, (2, 3, 5))
    said = {
        id: Prediction(question=id, model="m", answer=a) for id, a in zip("q0 q1 q2".split(), (1, 1, 4), strict=True)
    }
    said["q3"] = Prediction(question="q3", model="m", failure="nothing-chosen")
    said["q4"] = Prediction(question="q4", model="m", asked=False, answer=0)
    assert letters(sheet("m", "full", questions, said)) == {"A": 0, "B": 2, "C": 0, "D": 0, "E": 1}


pairs = st.lists(st.tuples(st.sampled_from(KINDS), st.sampled_from(KINDS)), min_size=1, max_size=40)


@given(pairs, st.integers(1, 4))
def test_turned_about_a_comparison_is_its_own_mirror(said: list[tuple[str, str]], per_group: int) -> None:
    questions = made(len(said), per_group=per_group)
    a, b = (
        answered(questions, list(column), model) for model, column in zip("ab", zip(*said, strict=True), strict=True)
    )
    there, back = compare(a, b), compare(b, a)
    if there is None or back is None:
        assert there is back and not (a.asked & b.asked).any()
        return
    assert there.questions == int((a.asked & b.asked).sum())
    assert there.difference == pytest.approx(-back.difference)
    assert there.difference == pytest.approx(there.accuracy_b - there.accuracy_a)
    assert there.difference == pytest.approx((there.only_b - there.only_a) / there.questions)
    assert there.ci95 == pytest.approx((-back.ci95[1], -back.ci95[0]))
    assert (there.only_a, there.only_b, there.p_value) == (back.only_b, back.only_a, back.p_value)
    assert (there.a, there.b) == (back.b, back.a) == ("a", "b")


@given(pairs)
def test_the_p_value_is_the_exact_one_of_mcnemar_by_statsmodels(said: list[tuple[str, str]]) -> None:
    questions = made(len(said))
    a, b = (answered(questions, list(column)) for column in zip(*said, strict=True))
    found = compare(a, b)
    if found is None:
        return
    both = ~np.isnan(a.hits) & ~np.isnan(b.hits)
    table = np.zeros((2, 2), dtype=int)
    np.add.at(table, (a.hits[both].astype(int), b.hits[both].astype(int)), 1)
    assert found.p_value == pytest.approx(mcnemar(table, exact=True).pvalue)
    assert (found.only_a, found.only_b) == (table[1, 0], table[0, 1])


def test_the_interval_of_a_difference_agrees_with_clustered_least_squares() -> None:
    import statsmodels.api as sm

    random = np.random.default_rng(4)
    tendency = np.repeat(random.beta(1, 2, 50), 4)
    questions = made(200, per_group=4)
    a, b = (
        answered(questions, np.where(random.random(200) < p, RIGHT, WRONG).tolist()) for p in (tendency, tendency**3)
    )
    change = b.hits - a.hits
    fitted = sm.OLS(change, np.ones(200)).fit(
        cov_type="cluster", cov_kwds={"groups": questions.groups, "use_correction": False, "df_correction": False}
    )
    clustered = float(fitted.bse[0]) * np.sqrt(50 / 49)
    assert clustered > float(np.std(change, ddof=1)) / np.sqrt(200), "else the groups are not what is tested here"
    half = stats.t.ppf(0.975, 49) * clustered
    found = compare(a, b)
    assert found and found.difference == pytest.approx(float(fitted.params[0]))
    assert found.ci95 == pytest.approx((found.difference - half, found.difference + half))


def test_two_of_equal_skill_differ_significantly_in_one_of_twenty_seeds_at_most() -> None:
    questions, eager, outside = made(120, per_group=3), 0, 0
    for seed in range(200):
        random = np.random.default_rng(seed)
        a, b = (answered(questions, np.where(random.random(120) < 0.6, RIGHT, WRONG).tolist()) for _ in "ab")
        found = compare(a, b)
        assert found
        eager += found.p_value < 0.05
        outside += not found.ci95[0] <= 0 <= found.ci95[1]
    assert eager <= 16 and 0 < outside <= 20


def test_only_questions_put_to_both_are_compared() -> None:
    """A model whose clips are missing is not held against the other's easy questions."""
    questions = made(4)
    a = answered(questions, [RIGHT, WRONG, RIGHT, UNASKED], "a")
    b = answered(questions, [RIGHT, UNREAD, NOTHING, RIGHT], "b")
    found = compare(a, b)
    assert found and (found.questions, found.accuracy_a, found.accuracy_b, found.p_value) == (2, 0.5, 0.5, 1.0)
    assert compare(answered(questions, [RIGHT] + [NOTHING] * 3), answered(questions, [NOTHING] + [RIGHT] * 3)) is None


def test_questions_are_matched_by_id_where_the_sets_are_not_the_same() -> None:
    a = answered(made(6, per_group=2), [RIGHT, WRONG, RIGHT, WRONG, RIGHT, WRONG])
    turned = made(6, per_group=2).take(np.array([5, 3, 1]))
    found = compare(a, answered(turned, [RIGHT] * 3))
    assert found and (found.questions, found.only_a, found.only_b, found.p_value) == (3, 0, 3, 0.25)


def test_one_model_in_two_views_is_told_apart() -> None:
    questions = made(2)
    found = compare(*(answered(questions, [RIGHT, WRONG], "m", view) for view in ("blind", "full")))
    assert found and found.json()["a"] == "m (blind)" and found.json()["b"] == "m (full)"
    assert isinstance(found.json()["ci95"], list)


def test_the_interval_of_a_comparison_is_that_of_the_audit() -> None:
    questions = made(30, per_group=3)
    a, b = (answered(questions, [RIGHT if i % n else WRONG for i in range(30)]) for n in (2, 3))
    found = compare(a, b)
    assert found and (found.difference, found.ci95) == statistics.paired(a.hits, b.hits, questions.groups)
