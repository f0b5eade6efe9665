"""From descriptions to the table of links and to questions of two hops: what is made of a clip, and what is dropped."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flyreel.generate.language import model
from flyreel.generate.method import Made, Setting
from flyreel.generate.methods.triples import LISTED, triples
from flyreel.generate.scene import Scene
from flyreel.schema import Question
from flyreel.toybox import telling, world

OPEN = Setting(choices=0)


def scene(clip: str, *texts: str, kind: str = "description", **more: Any) -> Scene:
    """One cue a second."""
    cues = tuple({"start": i + 1.0, "end": i + 2.0, "kind": kind, "text": text} for i, text in enumerate(texts))
    return Scene(clip, clip, cues, **more)


CHASE = ("Pip chases Mo.", "Mo carries the ball.", "Zed chases Gus.", "Gus carries the kite.")


def answers(made: Made) -> dict[str, str]:
    return {row["question"]: row["answer"] for row in made.questions}


def reasons(made: Made) -> Counter[str]:
    return Counter(dropped.reason for dropped in made.dropped)


async def test_every_link_is_a_row_with_the_cue_and_the_sentence_that_say_it() -> None:
    made = await triples([scene("c", "A man puts a hat on the table. The dog barks.", "Pip chases Mo.")], OPEN)
    common = {"clip": "c", "start": 1.0, "end": 2.0, "sentence": "A man puts a hat on the table."}
    assert made.tables["triples"] == [
        {**common, "subject": "A man", "predicate": "puts", "lemma": "put", "object": "a hat"},
        {**common, "subject": "A man", "predicate": "puts on", "lemma": "put", "object": "the table"},
        {
            "clip": "c", "start": 2.0, "end": 3.0, "sentence": "Pip chases Mo.",
            "subject": "Pip", "predicate": "chases", "lemma": "chase", "object": "Mo",
        },
    ]  # fmt: skip


async def test_a_chain_is_asked_from_both_ends() -> None:
    assert answers(await triples([scene("c", *CHASE)], OPEN)) == {
        "Who chases the one who carries the ball?": "Pip",
        "What does the one whom Pip chases carry?": "the ball",
        "Who chases the one who carries the kite?": "Zed",
        "What does the one whom Zed chases carry?": "the kite",
    }


async def test_a_row_says_what_it_rests_on_and_what_made_it() -> None:
    made = await triples([scene("c", *CHASE, split="train")], Setting(choices=0, seed=7))
    first = made.questions[0]
    assert first == {
        "id": "c-t001",
        "clip": "c",
        "group": "c",
        "split": "train",
        "question": "Who chases the one who carries the ball?",
        "answer": "Pip",
        "template": "two-hop",
        "rationale": "Mo carries the ball; Pip chases Mo.",
        "evidence": [{"start": 1.0, "end": 2.0}, {"start": 2.0, "end": 3.0}],
        "cues": [
            {"start": 1.0, "end": 2.0, "kind": "description", "text": "Pip chases Mo."},
            {"start": 2.0, "end": 3.0, "kind": "description", "text": "Mo carries the ball."},
        ],
        "origin": {
            "name": "generate", "parameters": {"method": "triples", "seed": 7, "language": model.name()},
        },
    }  # fmt: skip
    for row in made.questions:
        Question.model_validate(row)


async def test_two_links_of_one_cue_rest_on_that_cue_alone() -> None:
    text = "Pip chases Mo and Mo carries the ball. Zed chases Gus and Gus carries the kite."
    made = await triples([scene("c", text)], OPEN)
    assert [len(row["evidence"]) for row in made.questions] == [1] * 4
    assert [len(row["cues"]) for row in made.questions] == [1] * 4


async def test_a_caption_of_the_whole_clip_is_no_evidence_of_a_moment() -> None:
    cues = tuple({"start": 0.0, "end": 0.0, "kind": "caption", "text": text} for text in CHASE)
    made = await triples([Scene("c", "c", cues)], OPEN)
    assert made.questions and not any("evidence" in row for row in made.questions)


async def test_captions_alone_are_read_where_there_are_captions() -> None:
    told = scene("c", *CHASE)
    captioned = Scene(
        "c", "c", (*told.cues, {"start": 9.0, "end": 9.5, "kind": "caption", "text": "A dog eats a bone."})
    )
    made = await triples([captioned], OPEN)
    assert [row["object"] for row in made.tables["triples"]] == ["a bone"]


async def test_a_clip_without_descriptions_and_a_description_without_links_are_named() -> None:
    made = await triples([scene("a", "Hello.", kind="dialogue"), scene("b", "The forest at dawn.")], OPEN)
    assert [(d.clip, d.reason, d.detail) for d in made.dropped] == [
        ("a", "no-description", "no cue is of kind caption, description, tag"),
        ("b", "no-link", "The forest at dawn."),
    ]


async def test_what_is_said_of_nobody_else_needs_one_hop() -> None:
    made = await triples([scene("c", "Pip chases Mo.", "Mo carries the ball.")], OPEN)
    assert not made.questions
    assert reasons(made) == {"one-hop": 2}
    assert {d.question for d in made.dropped} == {
        "Who chases the one who carries the ball?",
        "What does the one whom Pip chases carry?",
    }


async def test_two_right_answers_are_dropped_as_ambiguous() -> None:
    made = await triples([scene("c", *CHASE, "Wren chases Mo.")], OPEN)
    dropped = {d.question: d.reason for d in made.dropped}
    assert dropped["Who chases the one who carries the ball?"] == "ambiguous"
    assert answers(made)["Who chases the one who carries the kite?"] == "Zed"


async def test_clips_do_not_share_their_things() -> None:
    """Mo of one clip is not Mo of another."""
    made = await triples([scene("a", CHASE[0], CHASE[2]), scene("b", CHASE[1], CHASE[3])], OPEN)
    assert not made.questions


async def test_the_man_is_the_young_man_where_there_is_one_man() -> None:
    rivals = ("A boy kicks a can.", "A boy carries a bag.")
    one = await triples([scene("c", "A young man kicks a ball.", "The man carries a ladder.", *rivals)], OPEN)
    assert answers(one)["What does the one who kicks a ball carry?"] == "a ladder"
    old = "An old man reads a paper."
    two = await triples([scene("c", "A young man kicks a ball.", "The man carries a ladder.", old, *rivals)], OPEN)
    assert "What does the one who kicks a ball carry?" not in answers(two)


RIVALS = ("A boy holds a kite.", "A girl kicks a can.")
HOLDS = "What does the one who kicks a ball hold?"


def whole(*texts: str) -> Scene:
    return Scene("c", "c", tuple({"start": 0.0, "end": 0.0, "kind": "caption", "text": text} for text in texts))


@pytest.mark.parametrize(
    "told",
    [
        scene("c", "A man holds a guitar while a man kicks a ball.", *RIVALS),
        whole("A man holds a guitar while a man kicks a ball. A boy holds a kite. A girl kicks a can."),
        scene("c", "A man holds a guitar.", "A man kicks a ball.", *RIVALS),
        scene("c", "The man holds a guitar.", "A man kicks a ball.", *RIVALS),
    ],
)
async def test_a_man_told_of_a_second_time_is_another_man(told: Scene) -> None:
    """The man with the guitar kicks nothing."""
    made = await triples([told], OPEN)
    assert HOLDS not in answers(made)
    assert {d.question: d.reason for d in made.dropped}[HOLDS] == "ambiguous"


@pytest.mark.parametrize(
    "told",
    [
        scene("c", "A man holds a guitar while the man kicks a ball.", *RIVALS),
        scene("c", "A man holds a guitar.", "The man kicks a ball.", *RIVALS),
        whole("A man holds a guitar.", "A man kicks a ball.", *RIVALS),
    ],
)
async def test_the_man_is_a_man_and_captions_of_the_whole_clip_tell_of_one(told: Scene) -> None:
    """Without this the test above would also pass where nothing is asked at all."""
    assert answers(await triples([told], OPEN))[HOLDS] == "a guitar"


async def test_a_thing_of_which_there_are_two_may_be_the_answer() -> None:
    texts = ("A man kicks a ball.", "A man hugs a dog.", "The dog wears a hat.", "A girl hugs a cat.")
    assert answers(await triples([scene("c", *texts)], OPEN))["Who hugs the one who wears a hat?"] == "a man"


async def test_a_clip_of_many_cues_does_not_write_out_every_pair_of_them() -> None:
    verbs, things = "kicks holds lifts throws".split(), "ball kite bag can lamp box chair hat".split()
    texts = [f"{'Pip Mo Zed'.split()[i % 3]} {verbs[i % 4]} the {things[i % 8]}." for i in range(300)]
    made = await triples([scene("c", *texts)], Setting(choices=0, count=0))
    counts = reasons(made)
    assert counts and max(counts.values()) <= LISTED + 1
    more = [d for d in made.dropped if d.detail.startswith("and ")]
    assert {d.reason for d in more} == {reason for reason, count in counts.items() if count > LISTED} != set()
    assert not any(d.question for d in more)


async def test_a_capital_from_the_start_of_a_sentence_is_left_behind_and_a_name_keeps_its_own() -> None:
    texts = ("The dog chases the cat.", "The cat carries a shoe.", "Bix chases Lulu.", "Lulu carries a bone.")
    made = await triples([scene("c", *texts)], OPEN)
    assert answers(made)["Who chases the one who carries a shoe?"] == "the dog"
    assert answers(made)["Who chases the one who carries a bone?"] == "Bix"
    assert "What does the one whom the dog chases carry?" in answers(made)


async def test_the_passive_is_asked_in_the_active() -> None:
    texts = ("A boy is chased by a dog.", "The boy carries a bag.", "Pip chases Mo.", "Mo carries the kite.")
    made = await triples([scene("c", *texts)], OPEN)
    assert answers(made)["Who chases the one who carries a bag?"] == "a dog"


async def test_no_clip_has_more_questions_than_it_was_asked_for() -> None:
    every = await triples([scene("c", *CHASE)], OPEN)
    two = await triples([scene("c", *CHASE)], Setting(choices=0, count=2))
    again = await triples([scene("c", *CHASE)], Setting(choices=0, count=2))
    assert len(two.questions) == 2
    assert reasons(two)["enough-of-this-clip"] == 2
    assert two.questions == again.questions
    assert {row["id"] for row in two.questions} <= {row["id"] for row in every.questions}


def toybox(count: int) -> list[Scene]:
    rows = ((s.id, tuple(c.model_dump(exclude_none=True) for c in telling.cues(s))) for s in world.scenes(3, count))
    return [Scene(id, id, cues) for id, cues in rows]


async def test_wrong_choices_are_things_of_the_same_kind_that_the_clip_does_not_tell_of() -> None:
    scenes = toybox(60)
    made = await triples(scenes, Setting(choices=4))
    assert len(made.questions) > 20
    told = {s.clip: " ".join(cue["text"] for cue in s.cues if cue["kind"] == "description") for s in scenes}
    for row in made.questions:
        Question.model_validate(row)
        assert len(row["choices"]) == 4
        wrong = [c for i, c in enumerate(row["choices"]) if i != row["answer"]]
        assert not any(choice in told[row["clip"]] for choice in wrong)
        named = [choice in world.NAMES for choice in row["choices"]]
        assert all(named) if row["question"].startswith("Who") else not any(named)


async def test_too_few_answers_elsewhere_are_too_few_choices() -> None:
    made = await triples([scene("c", *CHASE)], Setting(choices=5))
    assert not made.questions
    assert reasons(made) == {"too-few-choices": 4}


async def test_no_question_of_the_toybox_is_asked_twice_or_names_its_answer() -> None:
    made = await triples(toybox(40), OPEN)
    asked = Counter((row["clip"], row["question"]) for row in made.questions)
    assert asked and max(asked.values()) == 1
    assert not any(row["answer"] in row["question"] for row in made.questions)
    assert len({row["id"] for row in made.questions}) == len(made.questions)


async def test_the_same_scenes_make_the_same_questions_in_any_company() -> None:
    scenes = toybox(12)
    together = await triples(scenes, OPEN)
    apart = [await triples([one], OPEN) for one in reversed(scenes)]
    assert sorted(map(str, together.questions)) == sorted(str(row) for made in apart for row in made.questions)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40),
            st.sampled_from(
                ["Pip chases Mo.", "Mo hugs Pip", "the dog is", "A man, a man, a man", "\n", "who who who"]
            ),
        ),
        max_size=4,
    )
)
async def test_no_description_can_make_it_fail(texts: list[str]) -> None:
    made = await triples([scene("c", *texts)], OPEN)
    for row in made.questions:
        Question.model_validate(row)
    assert all(d.reason == d.reason.lower() and " " not in d.reason for d in made.dropped)


@pytest.mark.parametrize("length", [model.LONGEST + 50])
async def test_a_book_is_read_to_its_limit(length: int) -> None:
    text = ("Pip chases Mo. " * (length // 15 + 1))[:length]
    made = await triples([scene("c", text)], OPEN)
    assert reasons(made)["description-too-long"] == 1
    assert made.tables["triples"]


async def test_white_space_before_a_description_is_not_read() -> None:
    blank = " " * (model.LONGEST + 50)
    made = await triples([scene("c", f"{blank}Pip chases Mo.")], OPEN)
    assert [row["object"] for row in made.tables["triples"]] == ["Mo"]
    assert not reasons(made)["description-too-long"]
