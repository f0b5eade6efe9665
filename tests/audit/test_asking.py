"""Blind, dialogue and evidence, with models whose mind is known."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flyreel.audit.probe import Result, Setting
from flyreel.audit.run import audit, plan, run_probes
from flyreel.engine.budget import Budget
from flyreel.engine.calls import Caller, Limits
from flyreel.errors import InputError, Refused
from flyreel.models import fake
from flyreel.models.call import Call, Reply
from flyreel.models.fake import FakeModel, Script
from flyreel.questions import Questions


def questions(n: int = 40, cues: bool = False) -> Questions:
    """The key of every other question is called "plain"; the rest are called after nothing a model could like."""
    rows = []
    for i in range(n):
        key = f"plain {i}" if i % 2 == 0 else f"dull {i}"
        row: dict[str, Any] = {
            "id": f"q{i}",
            "question": f"Which, in case {i}?",
            "choices": [f"grey {i}", f"dim {i}", key, f"drab {i}"],
            "answer": 2,
        }
        if cues:
            row["cues"] = [
                {"start": 0, "end": 1, "kind": "dialogue", "text": f"I say grey {i}."},
                {"start": 1, "end": 2, "kind": "description", "text": f"It is {key}."},
            ]
        rows.append(row)
    return Questions.from_rows(rows)


def caller(script: Script, name: str = "fake", tries: int = 1) -> Caller:
    return Caller(FakeModel(script, name=name), Limits(tries=tries), None, Budget())


def ask(probe: str, asked: Questions, *callers: Caller, rule: str = "averaged") -> Result:
    (result,) = run_probes([probe], asked, Setting(callers=callers, rule=rule))
    return result


def likes_plain(text: str) -> float:
    return 3.0 if text.startswith("plain") else 0.0


def test_weak_is_what_the_averaged_distribution_picks_however_biased_the_letters() -> None:
    found = ask("blind", questions(), caller(fake.prefer(likes_plain, letter_bias=[0, 6, 0, 0])))
    assert found.verdicts.tolist() == ["weak", "strong"] * 20
    assert found.scores[0] == pytest.approx(np.exp(3) / (np.exp(3) + 3), abs=1e-3)
    about = found.details["models"]["fake"]
    assert about["letters_picked"] == {"B": 120, "C": 20, "A": 10, "D": 10} or about["letters_picked"]["B"] > 100
    assert found.estimate is not None and found.estimate.accuracy == pytest.approx(0.5 + 0.5 / 4)


def test_a_tie_is_not_weak_and_shares_its_hit() -> None:
    found = ask("blind", questions(4), caller(fake.prefer(lambda text: 0.0)))
    assert found.verdicts.tolist() == ["strong"] * 4
    assert found.estimate is not None and found.estimate.accuracy == pytest.approx(0.25)


def test_an_uninformed_but_consistent_guesser_is_at_chance() -> None:
    found = ask("blind", questions(400), caller(fake.prefer(fake.noise())))
    assert found.estimate is not None
    assert found.estimate.ci95[0] <= 0.25 <= found.estimate.ci95[1]


class Broken(FakeModel):
    async def send(self, call: Call) -> Reply:
        raise Refused("http-403", "no")


def test_a_model_that_fails_is_unknown_and_never_strong() -> None:
    broken = Caller(Broken(fake.always("A")), Limits(tries=1), None, Budget())
    found = ask("blind", questions(6), broken)
    assert found.verdicts.tolist() == ["unknown"] * 6
    assert found.estimate is None
    assert found.details["failures"] == {"http-403": 6}


def test_replies_without_a_letter_are_unknown() -> None:
    found = ask("blind", questions(3), caller(fake.always("I would rather not say")))
    assert found.verdicts.tolist() == ["unknown"] * 3
    assert found.details["failures"] == {"no-letter": 3}


def test_without_log_probabilities_letters_are_sampled() -> None:
    found = ask("blind", questions(), caller(fake.prefer(likes_plain, logprobs=False)))
    assert found.verdicts.tolist()[0] == "weak"
    assert found.scores[0] == 1.0


@pytest.mark.parametrize("rule", ["vote", "all-models"])
def test_the_other_rules(rule: str) -> None:
    knows = caller(fake.prefer(likes_plain), "knows")
    errs = caller(fake.prefer(lambda text: 3.0 if text.startswith("grey") else 0.0), "errs")
    alone = ask("blind", questions(), knows, rule=rule)
    assert alone.verdicts.tolist()[0] == "weak" and "weak" not in alone.verdicts.tolist()[1::2]
    both = ask("blind", questions(), knows, errs, rule=rule)
    assert both.verdicts.tolist()[0] == "strong", "one model that is wrong is enough against it"


def test_all_models_is_unknown_where_one_failed_and_none_was_wrong() -> None:
    broken = Caller(Broken(fake.always("A"), name="broken"), Limits(tries=1), None, Budget())
    found = ask("blind", questions(2), caller(fake.prefer(likes_plain)), broken, rule="all-models")
    assert found.verdicts.tolist() == ["unknown", "strong"]


def test_a_failed_model_does_not_silence_one_that_answered() -> None:
    broken = Caller(Broken(fake.always("A"), name="broken"), Limits(tries=1), None, Budget())
    found = ask("blind", questions(2), caller(fake.prefer(likes_plain)), broken)
    assert found.verdicts.tolist() == ["weak", "strong"]


def reads(kinds: Sequence[str]) -> Callable[[list[dict[str, Any]]], fake.FakeReply]:
    """A model that picks whichever choice the transcript names, and remembers what it was shown."""

    def script(messages: list[dict[str, Any]]) -> fake.FakeReply:
        text = messages[-1]["content"]
        transcript = text.split("Question:")[0] if "Transcript:" in text else ""
        kinds.append(transcript)  # type: ignore[attr-defined]
        return fake.prefer(lambda choice: 5.0 if choice in transcript else 0.0)(messages)

    return script


def test_each_probe_sees_its_own_cues_and_no_others() -> None:
    seen: list[str] = []
    asked = questions(4, cues=True)
    blind = ask("blind", asked, caller(reads(seen)))
    assert not any(seen) and "weak" not in blind.verdicts
    seen.clear()
    dialogue = ask("dialogue", asked, caller(reads(seen)))
    assert "weak" not in dialogue.verdicts and not any("described" in s for s in seen)
    evidence = ask("evidence", asked, caller(reads(seen)))
    assert set(evidence.verdicts) == {"weak"} or set(evidence.verdicts) == {"strong"}
    assert any("(described) It is" in s for s in seen)


def test_questions_without_cues_are_not_asked_with_them() -> None:
    some = Questions.from_rows([*questions(2, cues=True).to_rows(), {**questions(1).to_rows()[0], "id": "bare"}])
    assert ask("evidence", some, caller(fake.prefer(len))).ids == ["q0", "q1"]


def test_what_a_finding_was_computed_from_is_kept() -> None:
    found = ask("blind", questions(1), caller(fake.prefer(likes_plain)))
    assert found.computed_from is not None
    kept = json.loads(json.dumps(found.computed_from[0]))["fake"]
    assert len(kept["orderings"]) == 4 and sum(kept["probabilities"]) == pytest.approx(1, abs=1e-3)


def test_what_cannot_run_is_said_and_what_was_asked_by_name_is_an_error() -> None:
    names, left = plan([], questions(), has_model=False)
    assert names == ["giveaway", "surface", "shortcut", "leakage"]
    assert left == ["blind, dialogue, evidence: no model was given"]
    with pytest.raises(InputError, match="--probe blind: no model was given"):
        plan(["blind"], questions(), has_model=False)
    with pytest.raises(InputError, match="--probe evidence: the rows carry no cues"):
        plan(["evidence"], questions(), has_model=True)


def test_an_audit_of_open_ended_questions_only_says_so(tmp_path: Path) -> None:
    open_ended = Questions.from_rows([{"id": "a", "question": "What colour?", "answer": "red"}])
    with pytest.raises(InputError, match="all 1 questions are open-ended"):
        audit("file", open_ended)
