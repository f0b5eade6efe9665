"""A wrong key must not pass, and a reader that says yes to everything must not be believed."""

from __future__ import annotations

from typing import Any

import pytest

from flyreel.engine.budget import Budget
from flyreel.engine.calls import Caller, Limits
from flyreel.engine.local import Silent
from flyreel.errors import Refused
from flyreel.generate.verify import FEWEST, Vote, decide, votes
from flyreel.models.call import Call, Reply
from flyreel.models.fake import FakeModel
from flyreel.toybox import world
from flyreel.toybox.questions import questions
from flyreel.toybox.scripted import Scripted

SCENES = tuple(world.scenes(5, 12))


def rows(count: int = 24) -> list[dict[str, Any]]:
    return questions(5, 12, per_scene=count // 12, faults=0.0).to_rows()


def reader(misreads: float = 0.0) -> Caller:
    return Caller(FakeModel(Scripted(SCENES, misreads=misreads)), Limits(4), None, Budget())


async def refused(some: list[dict[str, Any]], who: Caller) -> dict[str, str]:
    return {id: reason for id, (reason, _) in decide(await votes(some, who, Silent())).refused.items()}


async def test_true_questions_pass() -> None:
    assert await refused(rows(), reader()) == {}


async def test_another_choice_called_the_key_is_refused_and_no_other() -> None:
    some = rows()
    some[3] = {**some[3], "answer": (some[3]["answer"] + 1) % 5}
    assert await refused(some, reader()) == {some[3]["id"]: "unsupported"}


async def test_a_question_about_another_scene_is_refused_though_its_key_is_picked() -> None:
    """None of the choices is right; whichever is picked in their place may be the key by luck."""
    some = rows()
    (who,) = [r for r in some if r["question"].startswith("Who ")][:1]
    caller = reader()
    nobody = {**who, "id": "none", "question": "Who wears a hat of seven feathers?"}
    tried = [{**nobody, "id": f"none-{i}", "answer": i} for i in range(5)]
    found = await refused([*some, *tried], caller)
    assert set(found) == {f"none-{i}" for i in range(5)}
    assert sorted(found.values()) == ["no-right-answer", *["unsupported"] * 4]


async def test_two_right_choices_are_refused() -> None:
    some = rows()
    mutual = next(
        r for r in questions(5, 12, per_scene=20, faults=0.0).to_rows()
        if r["template"] in ("after", "before") and "collides with" in r["choices"][r["answer"]]
    )  # fmt: skip
    actor, _, other = mutual["choices"][mutual["answer"]].partition(" collides with ")
    choices = list(mutual["choices"])
    choices[(mutual["answer"] + 1) % 5] = f"{other} collides with {actor}"
    two = {**mutual, "id": "two", "choices": choices}
    assert set(await refused([*some, two], reader())) == {"two"}


def cast(keys: list[bool], others: list[bool]) -> dict[str, Vote]:
    return {f"q{i}": Vote(0, 0, (k, o, o)) for i, (k, o) in enumerate(zip(keys, others, strict=True))}


@pytest.mark.parametrize("word", [True, False])
def test_who_says_the_same_to_everything_is_not_counted(word: bool) -> None:
    judged = decide(cast([word] * 50, [word] * 50))
    assert not judged.counted and not judged.refused and judged.passed == 50


def test_who_tells_keys_from_wrong_choices_is_counted() -> None:
    judged = decide(cast([True] * 38 + [False] * 2, [False] * 39 + [True]))
    assert judged.counted
    assert judged.reasons == {"no-right-answer": 2}, "the last of them accepts others, but not its key"


def test_a_coin_is_not_counted() -> None:
    """Known truth: yes and no by turns, whatever the choice."""
    judged = decide(cast([i % 2 == 0 for i in range(200)], [i // 2 % 2 == 0 for i in range(200)]))
    assert not judged.counted


def test_too_few_questions_say_nothing_about_a_reader() -> None:
    assert not decide(cast([True] * (FEWEST - 1), [False] * (FEWEST - 1))).counted
    assert decide(cast([True] * FEWEST, [False] * FEWEST)).counted


def test_a_tie_is_no_support() -> None:
    assert decide({"q": Vote(0, None, ())}).refused == {"q": ("unsupported", "no choice above the others")}


async def test_a_reader_that_fails_leaves_the_question_unverified() -> None:
    class Broken(FakeModel):
        async def send(self, call: Call) -> Reply:
            raise Refused("http-404")

    who = Caller(Broken(Scripted(SCENES)), Limits(4, tries=1), None, Budget())
    assert set((await refused(rows(), who)).values()) == {"unverified"}


async def test_a_reader_that_fails_halfway_leaves_the_rest_unverified() -> None:
    """It picked the key before it failed: that is half of what was to be shown."""

    class Broken(FakeModel):
        async def send(self, call: Call) -> Reply:
            if "Proposed answer" in str(call.messages) and self.calls > 200:
                raise Refused("http-402")
            return await super().send(call)

    some = questions(5, 12, per_scene=6, faults=0.0).to_rows()
    who = Caller(Broken(Scripted(SCENES)), Limits(1, tries=1), None, Budget())
    out = await refused(some, who)
    assert set(out.values()) == {"unverified"} and 0 < len(out) < len(some)


async def test_open_ended_questions_are_not_put() -> None:
    assert await votes([{"id": "open", "question": "Who?", "answer": "Pip"}], reader(), Silent()) == {}


async def test_of_wrong_keys_that_a_misreading_reader_sees_few_pass() -> None:
    """One key in five is wrong and one question in ten misread: under 2% of what passes is wrong."""
    some = questions(5, 12, per_scene=20, faults=0.0).to_rows()
    bad = {r["id"] for r in some[::5]}
    put = [{**r, "answer": (r["answer"] + 1) % 5} if r["id"] in bad else r for r in some]
    out = await refused(put, reader(misreads=0.1))
    passed = [r["id"] for r in put if r["id"] not in out]
    assert len(passed) > 0.6 * len(put)
    assert sum(id in bad for id in passed) <= 0.02 * len(passed)
