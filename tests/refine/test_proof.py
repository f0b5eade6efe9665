"""Known truths put to the proof: a planted artefact and its cure, a set wrong on purpose, and auditors that fail."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from flyreel.audit.statistics import estimate
from flyreel.engine.budget import Budget
from flyreel.engine.calls import Caller, Limits
from flyreel.errors import ModelError
from flyreel.models.call import Call, Reply
from flyreel.models.fake import FakeModel, Script, always, noise, prefer
from flyreel.questions import Questions
from flyreel.refine.proof import Auditor, Proving, below_chance, prove, rules_outside
from flyreel.refine.solvers import TEXT_MODELS

N = 120
WORDS = "cat dog tree house river stone bird cloud lamp chair road boat glass paper field horse".split()


def caller(script: Script, name: str) -> Caller:
    return Caller(FakeModel(script, name), Limits(tries=1), None, Budget())


class Silent(FakeModel):
    async def send(self, call: Call) -> Reply:
        raise ModelError("http-503")


def made(mark: str, seed: int = 0, cues: int = N) -> Questions:
    """Four choices of words by lot; one of them is the longest by far: the key, a wrong one, or whichever."""
    random = np.random.default_rng(seed)
    rows: list[dict[str, Any]] = []
    for i in range(N):
        answer = int(random.integers(4))
        choices = [" ".join(random.choice(WORDS, 3)) + f" n{i}c{c}" for c in range(4)]
        long = {"key": answer, "wrong": (answer + 1) % 4, "any": int(random.integers(4))}[mark]
        choices[long] += " " + " ".join(random.choice(WORDS, 4))
        cue = [{"start": 0, "end": 1, "kind": "dialogue", "text": "Nothing is said."}] if i < cues else []
        text = f"What about the {random.choice(WORDS)}?"
        rows.append({"id": str(i), "question": text, "choices": choices, "answer": answer, "group": f"g{i // 2}"}
                    | ({"cues": cue} if cue else {}))  # fmt: skip
    return Questions.from_rows(rows)


def by(auditors: list[Auditor], name: str, role: str) -> Auditor:
    (found,) = [a for a in auditors if (a.name, a.role) == (name, role)]
    return found


def spans(auditor: Auditor) -> bool:
    assert auditor.after is not None
    return auditor.after.ci95[0] <= auditor.after.chance <= auditor.after.ci95[1]


async def test_a_planted_artefact_is_seen_by_every_auditor_and_gone_after() -> None:
    ruler, guess = caller(prefer(len), "ruler"), caller(prefer(noise()), "guess")
    other = caller(prefer(lambda text: 0.5 * len(text), letter_bias=(3.0,), logprobs=False), "other")
    proving = Proving(blind=(ruler,), heldout=(other, guess), verifiers=(ruler,), text_in_loop=False)
    found = await prove(made("key"), made("any", 4), proving)
    assert [(a.name, a.role) for a in found] == [
        ("shortcut", "heldout"), ("net", "heldout"), ("trees", "heldout"), ("surface", "rules"),
        ("ruler", "loop"), ("other", "heldout"), ("guess", "heldout"), ("ruler", "cues"),
    ]  # fmt: skip
    for a in found:
        assert a.before is not None and a.after is not None
        assert a.asked == a.after.n == N
        assert spans(a), f"{a.name} is not at chance where there is nothing to find"
        if a.name != "guess":
            assert a.before.ci95[0] > a.before.chance + 0.1, f"{a.name} missed the longest choice"
        if a.role != "rules" and a.name != "guess":
            assert a.difference == pytest.approx(a.after.accuracy - a.before.accuracy)
            assert a.difference_ci95 is not None and a.difference_ci95[1] < 0
    assert below_chance(found) == [] and rules_outside(made("any", 4)) == []
    assert by(found, "surface", "rules").note.startswith("the longest choice before, ")


async def test_a_set_that_is_wrong_on_purpose_is_reported_below_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flyreel.audit.trees.probabilities", lambda questions, setting: None)
    ruler = caller(prefer(len), "ruler")
    found = await prove(made("key"), made("wrong", 1), Proving(blind=(ruler,), verifiers=(ruler,)))
    told = below_chance(found)
    assert len(told) == 3 and all("right only 0.0% of the time" in line for line in told)
    assert told[0].startswith("the longest choice is") and "shortcut as well" in told[0]
    assert told[1].startswith("ruler (of the loop) is") and told[2].endswith("takes other choices for right")
    rules = by(found, "surface", "rules")
    assert rules.note.startswith("the longest choice;")
    assert rules.difference == -1.0 and rules.after is not None and rules.after.p_value < 1e-6
    assert rules_outside(made("wrong", 1))[0] == "the longest choice is right 0.0% of the time (chance 25.0%)"
    assert by(found, "shortcut", "loop").after is not None and by(found, "trees", "heldout").after is None


@pytest.fixture
def no_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flyreel.audit.trees.probabilities", lambda questions, setting: None)
    for name in TEXT_MODELS:
        monkeypatch.setitem(TEXT_MODELS, name, lambda questions, setting: None)


async def test_an_auditor_that_fails_has_shown_nothing(no_text: None) -> None:
    silent = Caller(Silent(always("")), Limits(tries=1), None, Budget())
    vague = caller(always("Well, it depends."), "vague")
    found = await prove(made("key"), made("any", 1), Proving(blind=(silent,), heldout=(vague,), verifiers=(silent,)))
    failed = [a for a in found if a.role != "rules"]
    assert len(failed) == 6
    assert all((a.before, a.after, a.difference, a.difference_ci95) == (None,) * 4 for a in failed)
    assert [a.note for a in failed[:3]] == ["too-few-groups"] * 3
    assert failed[3].note == "before, 120 of 120 not answered: http-503 (120); after, " + (
        "120 of 120 not answered: http-503 (120)"
    )
    assert "no-letter (120)" in failed[4].note
    assert below_chance(failed) == []


async def test_where_a_model_answers_some_only_those_are_compared(no_text: None) -> None:
    class Halting(FakeModel):
        async def send(self, call: Call) -> Reply:
            if "cat" in str(call.messages[-1]["content"]).split("\n")[0]:
                raise ModelError("refused")
            return await super().send(call)

    halting = Caller(Halting(prefer(len)), Limits(tries=1), None, Budget())
    before, after = made("key"), made("any", 1)
    lost = [np.array(["the cat" in text for text in questions.texts]) for questions in (before, after)]
    (a,) = [a for a in await prove(before, after, Proving(blind=(halting,))) if a.role == "loop" and a.name == "fake"]
    assert a.before is not None and a.after is not None and a.difference is not None
    assert (a.before.n, a.after.n, a.asked) == (N - lost[0].sum(), N - lost[1].sum(), N)
    both = ~lost[0] & ~lost[1]
    longest = np.array([np.argmax([len(c) for c in after.choices_of(i)]) == after.answer[i] for i in range(N)])
    assert a.difference == pytest.approx(longest[both].mean() - 1.0)
    assert f"after, {lost[1].sum()} of 120 not answered: refused ({lost[1].sum()})" in a.note


async def test_the_same_whole_groups_are_drawn_before_and_after_and_for_every_model(no_text: None) -> None:
    shown: dict[str, set[str]] = {"one": set(), "two": set()}

    def noting(name: str) -> Script:
        def script(messages: list[dict[str, str]]) -> Any:
            lines = [line.split(" n")[-1] for line in messages[-1]["content"].split("\n") if line[1:3] == ") "]
            shown[name].update(line.split("c")[0] for line in lines if "c" in line)
            return prefer(len)(messages)

        return script

    one, two = caller(noting("one"), "one"), caller(noting("two"), "two")
    proving = Proving(blind=(one,), heldout=(two,), verifiers=(two,), most=21, seed=4)
    found = await prove(made("key"), made("any", 4), proving)
    assert {a.asked for a in found if a.role != "rules" and a.name in shown} == {21}
    assert shown["one"] == shown["two"] and len(shown["one"]) == 21
    sizes = np.unique([int(i) // 2 for i in shown["one"]], return_counts=True)[1]
    assert sorted(sizes) == [1] + [2] * 10, "only the last group is taken in part"


async def test_a_question_that_did_not_change_is_asked_once(no_text: None) -> None:
    ruler = caller(prefer(len), "ruler")
    same = made("key")
    found = await prove(same, same, Proving(blind=(ruler,)))
    assert ruler.model.calls == 4 * N + 1, "four orderings each, and one call for log-probabilities"  # type: ignore[attr-defined]
    assert by(found, "ruler", "loop").difference == 0.0


async def test_a_model_of_the_loop_is_not_held_out_whatever_it_is_called(no_text: None) -> None:
    found = await prove(made("key"), made("any"), Proving(blind=(caller(prefer(len), "a"),),
                        heldout=(caller(prefer(len), "a"), caller(prefer(len), "b")), most=8))  # fmt: skip
    assert [(a.name, a.role) for a in found[4:]] == [("a", "loop"), ("a", "loop"), ("b", "heldout")]
    assert found[5].note == "not held out: it was in the loop"


async def test_cues_are_asked_about_only_where_there_are_any(no_text: None) -> None:
    ruler = caller(prefer(len), "ruler")
    some = await prove(made("key", cues=10), made("any", cues=10), Proving(verifiers=(ruler,)))
    assert some[-1].role == "cues" and some[-1].asked == 10
    none = await prove(made("key", cues=0), made("any", cues=0), Proving(verifiers=(ruler,)))
    assert (none[-1].after, none[-1].asked, none[-1].note) == (None, 0, "no question with cues")
    assert await prove(Questions.from_rows([]), Questions.from_rows([]), Proving(blind=(ruler,))) == []


def test_json_holds_everything_a_page_needs() -> None:
    known = estimate(np.array([1.0, 0, 0, 1]), np.full(4, 0.25), np.arange(4))
    told = Auditor("m", "loop", known, None, -1 / 3, (-0.5, 1 / 3), 4, "why").json()
    assert told["before"] == known.json() and told["after"] is None
    assert (told["difference"], told["difference_ci95"]) == (-0.333333, [-0.5, 0.333333])
    assert (told["name"], told["role"], told["asked"], told["note"]) == ("m", "loop", 4, "why")
