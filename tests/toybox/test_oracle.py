"""Who knows the script: right about every question there is, not taken in by a wrong key, silent where nothing fits."""

from __future__ import annotations

import random

import numpy as np
import pytest

from flyreel.questions import Questions
from flyreel.toybox import oracle, world
from flyreel.toybox.asking import ASKS
from flyreel.toybox.questions import questions


@pytest.fixture(scope="module")
def scene() -> world.Scene:
    """Pip is red and turns blue; Mo chases Pip; both clash, then each jumps."""
    cast = (world.Character("Pip", "star", "red", "small"), world.Character("Mo", "circle", "green", "large"))
    shots = (
        world.Shot(0.0, 4.0, "beach", "noon", ("tree", "rock"), ("ball", "drum")),
        world.Shot(4.0, 8.0, "city", "dusk", ("tent", "rock"), ("kite", "drum")),
    )
    events = (
        world.Event(0.5, 1.5, "Pip", "changes colour", "blue"),
        world.Event(2.0, 3.0, "Mo", "chases", "Pip"),
        world.Event(4.5, 5.5, "Pip", "collides with", "Mo"),
        world.Event(6.0, 6.5, "Pip", "jumps"),
        world.Event(7.0, 7.5, "Mo", "jumps"),
    )
    return world.Scene("toybox-hand", "film", cast, ("Pip", "Mo"), shots, events, 8.0, 10)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("faults", [0.0, 1.0])
def test_every_question_is_answered_right(seed, faults):
    made = questions(seed, 25, per_scene=20, faults=faults)
    assert oracle.answers(made) == made.answer.tolist()


def test_with_keys_permuted_agreement_is_chance():
    """Known truth: what agrees by knowing must not agree with keys drawn by lot."""
    made = questions(31, 200, faults=0.0)
    keys = np.random.default_rng(0).integers(0, 5, len(made))
    share = float(np.mean(np.array(oracle.answers(made)) == keys))
    assert abs(share - 0.2) < 4 * (0.16 / len(made)) ** 0.5


def test_every_wrong_key_is_caught():
    rows = questions(32, 40).to_rows()
    for row in rows:
        row["answer"] = (row["answer"] + 1) % 5
    wrong = Questions.from_rows(rows)
    assert not any(a == k for a, k in zip(oracle.answers(wrong), wrong.answer, strict=True))


def test_the_place_of_the_key_does_not_matter():
    rows = questions(33, 30, faults=0.5).to_rows()
    for row in rows:
        key = row["choices"][row["answer"]]
        random.Random(row["id"]).shuffle(row["choices"])
        row["answer"] = row["choices"].index(key)
    moved = Questions.from_rows(rows)
    assert oracle.answers(moved) == moved.answer.tolist()


ASKED = [
    ("Who chases Pip?", "Mo"),
    ("Who collides with Pip?", "Mo"),
    ("Who collides with Mo?", "Pip"),
    ("Whom does Mo collide with?", "Pip"),
    ("Whom does Mo chase?", "Pip"),
    ("What shape is Mo?", "circle"),
    ("What colour is Pip at first?", "red"),
    ("What colour is Pip at the end?", "blue"),
    ("Where does the scene open?", "on the beach"),
    ("Where does the scene end?", "in the city"),
    ("What is the light like at the end?", "dusk"),
    ("Where does it happen that Mo collides with Pip?", "in the city"),
    ("What happens right after Pip changes colour to blue?", "Mo chases Pip"),
    ("What happens right before Pip jumps?", "Mo collides with Pip"),
    ("What happens right after Mo chases Pip?", "Pip collides with Mo"),
]


@pytest.mark.parametrize(("asked", "right"), ASKED)
def test_a_scene_that_can_be_read_by_eye(scene, asked, right):
    assert oracle.answer(scene, asked, ["nobody", right, "soup", "a spoon"]) == 1
    assert oracle.answer(scene, f"{asked} The answer has to do with soup.", [right, "soup"]) == 0
    assert oracle.answer(scene, f" {asked.lower()}".replace("pip", "Pip").replace("mo ", "Mo ").replace(
        "mo?", "Mo?"), ["soup", right]) == 1  # fmt: skip
    assert oracle.answer(scene, asked, ["nobody", f"{right}, as one can see", "soup"]) == 1


@pytest.mark.parametrize(("asked", "right"), ASKED)
def test_none_right_and_two_right_are_no_answer(scene, asked, right):
    assert oracle.answer(scene, asked, ["nobody", "soup"]) is None
    assert oracle.answer(scene, asked, [right, f"{right}, as one can see"]) is None
    assert oracle.answer(scene, asked, []) is None


def test_a_choice_that_only_begins_like_the_truth_is_not_it(scene):
    assert oracle.answer(scene, "What colour is Pip at first?", ["redder", "blue"]) is None


def test_two_who_did_it_are_both_right(scene):
    assert oracle.truths(scene, "Who jumps?") == {"Pip", "Mo"}
    assert oracle.answer(scene, "Who jumps?", ["Pip", "Mo", "Zed"]) is None
    assert oracle.answer(scene, "Who jumps?", ["Zed", "Mo", "Gus"]) == 1


@pytest.mark.parametrize("asked", ["", "Why does Pip jump?", "How many jump?", "Who", "Tell me: Who jumps?"])
def test_a_question_of_no_known_kind_is_not_answered(scene, asked):
    assert oracle.truths(scene, asked) is None
    assert oracle.answer(scene, asked, ["Pip", "Mo", "red"]) is None


@pytest.mark.parametrize(
    "asked", ["Who spins?", "What shape is Gus?", "What colour is Gus at the end?", "What does Pip carry?",
              "What happens right after Gus jumps?", "What happens right after Mo jumps?",
              "What happens right before Pip changes colour to blue?"]
)  # fmt: skip
def test_what_did_not_happen_has_no_answer(scene, asked):
    assert oracle.truths(scene, asked) == set()
    assert oracle.answer(scene, asked, ["Pip", "Mo", "red", "star"]) is None


def test_a_revised_question_with_other_choices_is_answered():
    rows = questions(34, 30, faults=0.0).to_rows()
    random_ = random.Random(0)
    for row in rows:
        key = row["choices"][row["answer"]]
        others = [f"something else, number {i}" for i in range(random_.randint(1, 6))]
        row["choices"] = [*others, key]
        row["answer"] = len(others)
    revised = Questions.from_rows(rows)
    assert oracle.answers(revised) == revised.answer.tolist()


@pytest.mark.parametrize("clip", ["", "v_123", "toybox-1", "toybox-1-film-000", "toybox-x-0001", "a/toybox-1-0001"])
def test_a_clip_from_elsewhere_is_not_answered(clip):
    assert oracle.scene_of(clip) is None
    row = {"id": "q", "question": "Who jumps?", "choices": ["Pip", "Mo"], "answer": 0, "clip": clip}
    assert oracle.answers(Questions.from_rows([row])) == [None]


@pytest.mark.parametrize(("seed", "number"), [(0, 0), (-3, 12), (10**9, 12345)])
def test_a_scene_is_found_again_by_its_id(seed, number):
    made = world.scene(seed, number)
    assert oracle.scene_of(made.id) == made


def test_every_wording_is_read_as_the_kind_it_is():
    """Two wordings that fit one question would be answered by whichever comes first."""
    met = set()
    for scene in world.scenes(35, 60):
        for ask in ASKS:
            for slots in ask.slots(scene):
                assert oracle.truths(scene, ask.wording.format(**slots)) == set(ask.truth(scene, slots))
                met.add(ask.name)
    assert met == {ask.name for ask in ASKS}
