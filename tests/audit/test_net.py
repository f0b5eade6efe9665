"""What a small net learns of keys: slopes that are those of its loss, planted topics found, nothing where none is."""

from __future__ import annotations

import numpy as np
import pytest

from flyreel.audit import net as module
from flyreel.audit.listwise import Choosing
from flyreel.audit.net import Seen, Space, look, net, probabilities
from flyreel.audit.probe import Setting
from flyreel.questions import Questions

KITCHEN = "pan pot stove knife spoon bowl oven plate".split()
GARDEN = "rake spade hedge flower lawn seed bush fence".split()


def made(n: int, seed: int, told: bool, sizes: tuple[int, ...] = (4,), a_group: int = 2) -> Questions:
    """Half of the questions ask of the kitchen. If `told`, their keys speak of the garden and the others' of the
    kitchen, while wrong choices keep to the place: no word marks a key, only a word beside a question does."""
    random = np.random.default_rng(seed)
    rows = []
    for i in range(n):
        here, there = (KITCHEN, GARDEN) if i % 2 else (GARDEN, KITCHEN)
        k = int(random.choice(sizes))
        at = int(random.integers(k))
        choices = [
            f"the {' '.join(random.choice(there if told and c == at else here, 3))} number {i} {c}" for c in range(k)
        ]
        question = f"who took the {random.choice(here)} and the {random.choice(here)}"
        rows.append({"id": str(i), "question": question, "choices": choices, "answer": at, "group": str(i // a_group)})
    return Questions.from_rows(rows)


@pytest.fixture(scope="module")
def planted():
    return net(made(160, 0, True, sizes=(2, 3, 5)), Setting())


def covers_chance(found) -> bool:
    return found["ci95"][0] <= found["chance"] <= found["ci95"][1]


def test_a_topic_that_is_right_only_beside_the_others_is_found(planted):
    assert planted.estimate.accuracy > 0.9
    assert covers_chance(planted.details["control"])
    assert planted.solver == "a small net over topics, trained on the other 4 folds"


def test_each_question_has_one_distribution_over_its_own_choices(planted):
    for verdict, score, kept in zip(planted.verdicts, planted.scores, planted.computed_from, strict=True):
        given = kept["probabilities"]
        assert sum(given) == pytest.approx(1, abs=1e-3)
        assert (verdict == "weak") == (score >= max(given) - 1e-4)


def test_without_a_signal_the_interval_covers_chance():
    result = net(made(160, 1, False), Setting())
    assert covers_chance(result.estimate.json()) and covers_chance(result.details["control"])


def test_the_same_seed_gives_the_same_bytes_and_is_what_the_probe_has():
    questions = made(60, 2, True)
    given = probabilities(questions, Setting(seed=3))
    assert given.tobytes() == probabilities(questions, Setting(seed=3)).tobytes()
    assert given.tobytes() != probabilities(questions, Setting(seed=4)).tobytes()
    assert net(questions, Setting(seed=3)).scores.tobytes() == given[questions.is_key].tobytes()


def test_slopes_are_those_of_the_mean_log_loss(monkeypatch):
    monkeypatch.setattr(module, "DROPPED_INPUT", 0.0)
    monkeypatch.setattr(module, "DROPPED_HIDDEN", 0.0)
    questions = made(12, 3, True, sizes=(2, 3, 5))
    seen, asked, random = look(questions, 0), np.array([7, 2, 5, 11]), np.random.default_rng(0)
    rows = seen.rows(asked)
    shown = seen.columns(asked, rows).astype(float)
    weights = [random.normal(size=(shown.shape[1], 6)) / 5, random.normal(size=6), random.normal(size=6)]

    def loss() -> float:
        scores = np.maximum(shown @ weights[0] + weights[1], 0) @ weights[2]
        log_p = Choosing.of(questions.sizes[asked]).log_softmax(scores)
        return float(-log_p[questions.is_key[rows]].mean())

    slopes = module._slopes(weights, seen, questions.is_key, asked, random)
    for weight, slope in zip(weights, slopes, strict=True):
        for at in list(np.ndindex(weight.shape))[:: max(1, weight.size // 25)]:
            was = weight[at]
            weight[at] = was + 1e-5
            up = loss()
            weight[at] = was - 1e-5
            numeric = (up - loss()) / 2e-5
            weight[at] = was
            assert slope[at] == pytest.approx(numeric, rel=1e-3, abs=1e-6)


def test_dropping_keeps_the_mean_and_the_share():
    dropped = module._dropped(np.ones((400, 500)), 0.25, np.random.default_rng(0))
    assert set(np.unique(dropped)) == {0.0, np.float32(4 / 3)}
    assert dropped.mean() == pytest.approx(1, abs=0.01)


def test_a_text_not_seen_before_is_placed_where_its_words_are():
    space = Space([f"{a} {b}" for a in KITCHEN for b in KITCHEN] + [f"{a} {b}" for a in GARDEN for b in GARDEN], 0)
    at = space.at(["oven pan, oven pot", "pan pot oven", "rake spade lawn"])
    new, kitchen, garden = space.points[at]
    assert new @ kitchen > 4 * abs(new @ garden)


def test_texts_without_a_word_are_no_trouble_and_one_group_is_said():
    rows = [
        {"id": str(i), "question": "?", "choices": ["!" * (c + 1) for c in range(3)], "answer": i % 3, "group": str(i)}
        for i in range(9)
    ]
    assert np.isfinite(probabilities(Questions.from_rows(rows), Setting())).all()
    one = Questions.from_rows([{**row, "group": "one"} for row in rows])
    assert probabilities(one, Setting()) is None
    assert net(one, Setting()).not_checked == ["net: fewer than two groups, nothing to hold out"]


def test_columns_are_made_for_the_questions_asked_alone():
    questions = made(10, 4, True, sizes=(2, 4))
    seen = look(questions, 0)
    whole = seen.columns(np.arange(10), np.arange(len(questions.flat_choices)))
    some = np.array([6, 1])
    assert np.array_equal(seen.columns(some, seen.rows(some)), whole[seen.rows(some)])
    assert isinstance(seen, Seen)
