"""If these fail, a model's questions are lost, let through with a fault, or not made again by the same command."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from flyreel.engine.budget import Budget
from flyreel.engine.calls import Caller, Limits
from flyreel.errors import InputError, Refused
from flyreel.generate.method import Made, Setting, methods
from flyreel.generate.methods.mcq import calls, mcq
from flyreel.generate.scene import Scene
from flyreel.generate.templates.store import Template
from flyreel.models.fake import FakeModel, FakeReply, Script
from flyreel.schema import Question

TEMPLATES = tuple(Template(f"Kind {i}", f"Who does thing number {i}?", f"Category {i % 3}") for i in range(30))
NAMES = (
    "Ada Bela Cyril Dora Ebbe Fanny Georg Hilda Ivor Jana Knut Lotte Milos Nadia Otto Petra Quirin Rosa Sven Tilda "
    "Ugo Vera Wim Xenia Yann Zora Alma Boris Clara Dmitri Elsa Franz Greta Hugo Ines Jonas Kira Lars Mona Nils"
).split()
THINGS = (
    "apple basket candle drum engine feather guitar hammer icicle jacket kettle ladder mirror needle onion pillow "
    "quilt ribbon saddle trumpet umbrella violin wagon yoke zither anchor bottle carpet dagger easel flute goblet "
    "helmet inkwell jigsaw keyring lantern magnet napkin oar"
).split()
LINE = re.compile(r'^\[([\d.]+)-([\d.]+)\] \(described\) "(\w+) takes the (\w+)\."$', re.M)
KIND = re.compile(r'^(\d+)\. "Kind (\d+)"', re.M)


def scene(clip: str = "c", n: int = 40, **values: Any) -> Scene:
    said = zip(NAMES[:n], THINGS, strict=False)
    cues = [
        {"start": 2.0 * i, "end": 2.0 * i + 2, "kind": "description", "text": f"{who} takes the {what}."}
        for i, (who, what) in enumerate(said)
    ]
    return Scene(clip, "film", tuple(cues), **values)


def good(number: int, line: Sequence[str], others: Sequence[str]) -> dict[str, Any]:
    start, end, who, what = line
    return {
        "template": number,
        "question": f"What does {who} take?",
        "answer": f"the {what}",
        "distractors": [f"the {o}" for o in others],
        "rationale": f"{who} is seen with it.",
        "evidence": [{"start": float(start), "end": float(end)}],
    }


Change = Callable[[dict[str, Any]], Any]


def writer(change: Change = lambda made: made, picks: Any = tuple(range(1, 21)), wrong: int = 4) -> Script:
    """Picks templates and writes of each kind a question of its own; `change` spoils every third."""
    count = 0

    def script(messages: list[dict[str, Any]]) -> FakeReply:
        nonlocal count
        system, user = messages[0]["content"], messages[-1]["content"]
        if system.startswith("You plan"):
            return FakeReply(json.dumps({"templates": picks}) if not isinstance(picks, str) else picks)
        lines, found = LINE.findall(user), []
        for number, _ in KIND.findall(user):
            line = lines[count % len(lines)]
            others = [other[3] for other in lines if other != line][:wrong]
            made = good(int(number), line, others)
            found.append(change(made) if count % 3 == 2 else made)
            count += 1
        return FakeReply(json.dumps({"questions": found}))

    return script


def setting(script: Script, **values: Any) -> Setting:
    caller = Caller(FakeModel(script), Limits(tries=1), None, Budget())
    return Setting(**{"templates": TEMPLATES, "generator": caller, **values})


async def make(script: Script, *scenes: Scene, **values: Any) -> Made:
    return await mcq(scenes or (scene(),), setting(script, **values))


def reasons(made: Made) -> Counter[str]:
    return Counter(d.reason for d in made.dropped)


async def test_a_clip_gets_the_questions_that_were_asked_for() -> None:
    made = await make(writer(), scene(split="train", duration=80.0))
    assert len(made.questions) == 32 and not made.dropped
    rows = [Question.model_validate(row) for row in made.questions]
    assert [row.id for row in rows] == [f"c-m{n:03d}" for n in range(1, 33)]
    by_name = {t.name: t.category for t in TEMPLATES}
    for row in rows:
        (who,) = re.findall("What does (.*) take", row.question)
        (span,) = row.evidence
        assert row.choices[int(row.answer)] == f"the {THINGS[NAMES.index(who)]}" and len(row.choices) == 5
        assert span.start == 2.0 * NAMES.index(who) and row.rationale == f"{who} is seen with it."
        assert row.category == by_name[str(row.template)] and int(str(row.template).split()[1]) < 20, (
            "one that was picked"
        )
        assert (row.clip, row.group, row.split, len(row.cues)) == ("c", "film", "train", 40)
        assert row.origin is not None and row.origin.name == "generate"
        assert row.origin.parameters == {"method": "mcq", "seed": 0}
        assert (row.origin.model, row.origin.prompt_version) == ("fake", "select 1, write 2")


async def test_the_answer_stands_at_every_position_equally_often() -> None:
    """A model that likes the letter A, or knows where a generator puts its answers, must win nothing by it."""
    for choices, n in ((5, 32), (4, 31), (2, 7)):
        made = await make(writer(wrong=choices - 1), choices=choices, count=n)
        places = Counter(row["answer"] for row in made.questions)
        assert len(made.questions) == n and set(places) == set(range(choices))
        assert max(places.values()) - min(places.values()) <= 1
    orders = [[row["answer"] for row in (await make(writer(), count=30, seed=seed)).questions] for seed in (0, 1)]
    assert orders[0] != orders[1], "an order of chance, not one that is the same for every clip"


FAULTS: list[tuple[str, Change]] = [
    ("malformed", lambda q: {**q, "extra": 1}),
    ("wrong-template", lambda q: {**q, "template": 7}),
    ("wrong-template", lambda q: {**q, "template": 0}),
    ("wrong-template", lambda q: {**q, "template": 10**300}),
    ("empty", lambda q: {**q, "question": " "}),
    ("answer-in-question", lambda q: {**q, "question": f"{q['question'][:-1]} beside {q['answer']}?"}),
    ("duplicate", lambda q: {**q, "question": f"What does {NAMES[0]} take?"}),
    ("near-duplicate", lambda q: {**q, "question": f"What does {NAMES[0]} take up quickly?"}),
    ("choices-alike", lambda q: {**q, "distractors": q["distractors"][:3]}),
    ("choices-alike", lambda q: {**q, "distractors": [*q["distractors"][:3], f"{q['answer']} indeed"]}),
    ("not-parallel", lambda q: {**q, "answer": f"{q['answer']}, and then one more thing"}),
    ("not-parallel", lambda q: {**q, "answer": q["answer"].capitalize()}),
    ("labelled", lambda q: {**q, "answer": f"A. {q['answer']}"}),
    ("above", lambda q: {**q, "distractors": [*q["distractors"][:3], "none of the above"]}),
    ("no-evidence", lambda q: {**q, "evidence": []}),
    ("evidence-outside", lambda q: {**q, "evidence": [{"start": 500, "end": 510}]}),
    (
        "evidence-silent",
        lambda q: {**q, "evidence": [{"start": (q["evidence"][0]["start"] + 40) % 80, "end": 79.9}][:1]},
    ),
]


@pytest.mark.parametrize("reason, change", FAULTS, ids=[f"{i}-{f[0]}" for i, f in enumerate(FAULTS)])
async def test_every_fault_is_dropped_with_its_reason_and_nothing_else_is(reason: str, change: Change) -> None:
    made = await make(writer(change), count=12)
    assert reasons(made) == {reason: 4} and len(made.questions) == 8
    assert all(d.clip == "c" for d in made.dropped)
    assert all(bool(d.question) == (reason not in ("malformed", "empty")) for d in made.dropped)


@pytest.mark.parametrize("picks", ["I cannot choose", [], [99, "x", None], '{"templates": [1'])
async def test_without_a_selection_templates_of_every_category_are_drawn(picks: Any) -> None:
    made = await make(writer(picks=picks))
    assert reasons(made) == {"no-selection": 1} and len(made.questions) == 32
    assert {row["category"] for row in made.questions} == {"Category 0", "Category 1", "Category 2"}


async def test_one_pick_is_filled_up_for_a_call() -> None:
    made = await make(writer(picks=[5]), count=6)
    assert not made.dropped and len({row["template"] for row in made.questions}) == 6
    assert "Kind 4" in {row["template"] for row in made.questions}


async def test_few_templates_need_no_selection() -> None:
    asked = setting(writer(), templates=TEMPLATES[:3], count=7)
    made = await mcq([scene()], asked)
    assert len(made.questions) == 7 and asked.generator is not None
    assert asked.generator.tally.sent == 3, "three calls that write, and none that picks"


async def test_a_model_that_fails_every_call_leaves_reasons_and_no_question() -> None:
    def script(messages: Any) -> FakeReply:
        raise Refused("http-400", "no such model")

    made = await make(script, scene("a"), scene("b"))
    assert made.questions == [] and reasons(made) == {"no-selection": 2, "http-400": 12}
    assert "no such model" in made.dropped[0].detail and "questions were asked for" in made.dropped[1].detail


async def test_a_model_that_says_nothing_of_use_leaves_reasons() -> None:
    made = await make(lambda messages: FakeReply("As a language model"))
    assert reasons(made) == {"no-selection": 1, "malformed": 6}


async def test_a_call_that_fails_costs_its_own_questions_only() -> None:
    script, n = writer(), 0

    def failing(messages: Any) -> FakeReply:
        nonlocal n
        n += 1
        if n == 3:
            raise Refused("http-500")
        return script(messages)

    made = await make(failing)
    assert reasons(made) == {"http-500": 1} and len(made.questions) in (26, 27)


async def test_a_silent_clip_is_a_drop() -> None:
    made = await make(writer(), Scene("quiet", "film", ()), scene())
    assert [(d.clip, d.reason) for d in made.dropped] == [("quiet", "no-cues")] and len(made.questions) == 32


async def test_a_long_scene_is_asked_about_in_all_its_parts() -> None:
    made = await make(writer(), tokens=150, count=12)
    starts = sorted(row["evidence"][0]["start"] for row in made.questions)
    assert len(made.questions) == 12 and starts[0] < 14 and starts[-1] > 66
    assert len({row["id"] for row in made.questions}) == 12


async def test_a_question_carries_the_cues_of_its_own_window() -> None:
    """All of a film with every question is a film 32 times; without those of its evidence nobody can check the key."""
    whole = {"start": 0.0, "end": 0.0, "kind": "caption", "text": "Forty people take forty things."}
    told = scene()
    long = Scene("c", "film", (whole, *told.cues, {**told.cues[-1], "text": " "}))
    made = await make(writer(), long, tokens=150, count=12)
    assert len(made.questions) == 12
    seen = set()
    for row in made.questions:
        cues = row["cues"]
        assert cues[0] == whole and len(cues) <= 16 and cues == [c for c in long.cues if c in cues], "in order, once"
        assert all(any(c["start"] <= e["start"] and e["end"] <= c["end"] for c in cues[1:]) for e in row["evidence"])
        assert set(re.findall("What does (.*) take", row["question"])) <= {c["text"].split()[0] for c in cues}
        seen.update(c["text"] for c in cues)
    assert seen == {whole["text"], *(c["text"] for c in told.cues)}, "no window is left out, and no empty line is in"


async def test_the_same_question_from_two_windows_is_asked_once() -> None:
    def twice(made: dict[str, Any]) -> dict[str, Any]:
        return {**made, "question": "What is taken first of all?"}

    made = await make(writer(twice), tokens=150, count=12)
    assert set(reasons(made)) == {"duplicate"}
    assert sum(row["question"] == "What is taken first of all?" for row in made.questions) == 1


@pytest.mark.parametrize("picks", [tuple(range(1, 21)), [2], "nothing"])
@pytest.mark.parametrize("values", [{}, {"tokens": 150}, {"count": 3}, {"templates": TEMPLATES[:4]}, {"choices": 3}])
async def test_a_forecast_counts_the_calls_of_the_run(picks: Any, values: dict[str, Any]) -> None:
    asked = setting(writer(picks=picks), **values)
    scenes = [scene("a"), scene("b", 5), Scene("quiet", "film", ())]
    told = list(calls(scenes, asked))
    await mcq(scenes, asked)
    assert asked.generator is not None and asked.generator.tally.sent == len(told)
    if picks == "nothing":
        guess, sent = sum(c.input_tokens_guess for c in told), asked.generator.tally.input_tokens
        assert abs(guess - sent) < 0.05 * sent


async def test_clips_do_not_depend_on_their_neighbours_nor_on_how_many_are_under_way() -> None:
    def steady(messages: list[dict[str, Any]]) -> FakeReply:
        return writer()(messages)

    both = await make(steady, scene("a"), scene("b", 20))
    alone = [await make(steady, s) for s in (scene("a"), scene("b", 20))]
    assert (
        both.questions == alone[0].questions + alone[1].questions
        and both.dropped == alone[0].dropped + alone[1].dropped
    )
    slow = setting(steady)
    assert slow.generator is not None
    slow.generator.limits = replace(slow.generator.limits, concurrency=1)
    assert (await mcq([scene("a"), scene("b", 20)], slow)).questions == both.questions


@pytest.mark.parametrize(
    "values, message",
    [
        ({"generator": None}, "--model"),
        ({"choices": 0}, "--choices 0"),
        ({"count": 0}, "--count 0"),
        ({"tokens": 3}, "--tokens 3"),
    ],
)
async def test_what_the_user_left_out_is_one_line(values: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        await make(writer(), **values)


def test_the_registry_knows_that_it_asks_and_what() -> None:
    facts = methods.get("mcq").facts
    assert facts["asks"] and facts["calls"] is calls
