"""Sets of wrong choices: of the right size, without the key, without a text that says the same as another."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest

from flyreel.audit.likeness import Form, near, told
from flyreel.questions import Questions
from flyreel.refine.offers import Offers
from flyreel.refine.strategy import Task
from flyreel.refine.usage import folded
from flyreel.refine.wordings import wording_of
from flyreel.toybox.questions import questions

COLOURS = ("red", "green", "old", "wet")


def task(made: Questions, row: int) -> Task:
    first = wording_of(made, row)
    cues = made.table.column("cues")[row].as_py() or ()
    return Task(row, made.ids[row], first, first, 1, tuple(cues))


def ragged() -> Questions:
    """Two to eight choices, texts of every kind, choices that the author wrote twice."""
    random = np.random.default_rng(4)
    nouns = ["ball", "hat", "door", "lamp", "horse", "boat", "\U0001f3a5", "שלום", "...", "chair", "knife", "song"]
    rows: list[dict[str, Any]] = []
    for i in range(40):
        k = 2 + i % 7
        texts = [f"The {c} {n}." for c in COLOURS for n in nouns]
        choices = [texts[j] for j in random.choice(len(texts), k, replace=False)]
        if i % 10 == 3:
            choices[-1] = choices[0]
        cues = [{"start": 0.0, "end": 1.0, "kind": "dialogue", "text": f"look at the {choices[-1].lower()}"}]
        rows.append(
            {"id": f"q{i}", "question": f"What falls in scene {i}?", "choices": choices, "answer": 0, "cues": cues}
        )
    return Questions.from_rows(rows)


SETS = {"toybox": questions(5, 15, 4), "ragged": ragged()}


@pytest.mark.parametrize("name", SETS)
def test_a_set_is_whole_and_holds_neither_the_key_nor_a_text_twice_nor_what_the_cues_say(name: str) -> None:
    made = SETS[name]
    tasks = [task(made, row) for row in range(len(made))]
    proposed = {
        t.row: [t.first.key, f"{t.first.key.upper()} ", "a paper kite", "", "a paper kite!"] for t in tasks[::2]
    }
    offers = Offers(made, tasks, proposed, seed=1)
    seen = 0
    for t in tasks:
        own = {Form.of(d).ordered for d in t.first.distractors}
        said = [Form.of(str(c["text"])) for c in t.cues]
        for turn in range(4):
            found = offers.fresh(t.row, t.first.distractors, 5, np.random.default_rng([t.row, turn]))
            assert len(set(found)) == len(found) <= 5
            for texts in found:
                seen += 1
                assert len(texts) == len(t.first.choices) - 1 and all(x.strip() for x in texts)
                assert folded(t.first.key) not in map(folded, texts)
                assert not any(near(a, b) or folded(a) == folded(b) for a, b in combinations(texts, 2))
                for text in texts:
                    if Form.of(text).ordered not in own:
                        assert told(Form.of(text), Form.of(t.first.question), said) is None
                        assert not near(text, t.first.key)
    assert seen > 5 * len(made)


def test_the_same_lot_draws_the_same_sets() -> None:
    made = SETS["toybox"]
    tasks = [task(made, row) for row in range(20)]
    drawn = [
        [
            Offers(made, tasks, {}, 3).fresh(t.row, t.first.distractors, 4, np.random.default_rng(t.row))
            for t in tasks[:5]
        ]
        for _ in range(2)
    ]
    assert drawn[0] == drawn[1] and any(drawn[0])


def test_no_twin_of_the_key_is_the_key_again_with_another_clause_after_the_comma() -> None:
    random = np.random.default_rng(2)
    who, what = ("man", "woman", "child", "sailor", "baker", "guard"), ("holds", "sells", "breaks", "paints", "drops")
    things = ("hat", "lamp", "boat", "door", "cup", "knife", "coat")
    rows = []
    for i in range(60):
        heads = random.choice(things, 4, replace=False)
        texts = [f"a {random.choice(COLOURS)} {h}, which the {random.choice(who)} {random.choice(what)}" for h in heads]
        rows.append({"id": f"q{i}", "question": f"What lies on table {i}?", "choices": texts, "answer": i % 4})
    made = Questions.from_rows(rows)
    tasks = [task(made, row) for row in range(60)]
    offers = Offers(made, tasks, {}, 1)
    for t in tasks:
        head = t.first.key.split(",")[0]
        for texts in offers.fresh(t.row, t.first.distractors, 20, np.random.default_rng(t.row)):
            assert head not in [text.split(",")[0] for text in texts], (t.first.key, texts)
