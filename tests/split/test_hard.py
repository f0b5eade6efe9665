"""The hard questions: all three of blind, dialogue and evidence must have been shown, and unknown shows nothing."""

from __future__ import annotations

import json
from itertools import product

import pyarrow as pa
import pytest

from flyreel.audit.probe import Setting
from flyreel.audit.run import audit
from flyreel.audit.store import save
from flyreel.engine.budget import Budget
from flyreel.engine.calls import Caller, Limits
from flyreel.errors import InputError
from flyreel.models import fake
from flyreel.models.fake import FakeModel
from flyreel.questions import Questions
from flyreel.split import hard
from flyreel.tables import FINDINGS, write_parquet

MISS, HIT, TIE = [0.1, 0.7, 0.2], [0.7, 0.1, 0.2], [0.4, 0.4, 0.2]


def question(id="q", spoken=False, **more):
    cue = {"start": 0, "end": 1, "kind": "dialogue" if spoken else "description", "text": "So it is."}
    return {"id": id, "question": "Which?", "choices": ["a", "b", "c"], "answer": 0, "cues": [cue], **more}


def finding(probe, verdict="strong", id="q", **models):
    return {"question": id, "probe": probe, "solver": "m", "verdict": verdict, "computed_from": json.dumps(models)}


def picks(probabilities):
    return {"probabilities": probabilities, "orderings": []}


def audited(folder, *findings):
    rows = [{"score": None, "reason": "", **f} for f in findings]
    write_parquet(folder / "findings.parquet", pa.Table.from_pylist(rows, schema=FINDINGS))
    return hard.load(folder)


def standing(folder, *findings, missed_by=(), **row):
    found = audited(folder, *findings)
    (told,) = hard.judge(Questions.from_rows([question(**row)]), found, hard.named(missed_by, found))
    return told


@pytest.mark.parametrize("verdicts", list(product(["strong", "weak", "unknown"], repeat=2)))
@pytest.mark.parametrize("picked", [picks(MISS), picks(HIT), {"failed": "timeout", "detail": ""}])
def test_a_question_is_hard_only_if_every_test_says_so_and_settled_if_one_says_the_opposite(tmp_path, verdicts, picked):
    blind, dialogue = verdicts
    told, why = standing(
        tmp_path, finding("blind", blind), finding("dialogue", dialogue), finding("evidence", m=picked), spoken=True
    )
    if "weak" in verdicts or picked == picks(HIT):
        assert told == "not hard"
    elif "unknown" in verdicts or "failed" in picked:
        assert (told, why.endswith("failed")) == ("undecided", True)
    else:
        assert (told, why) == ("hard", "")


def test_without_dialogue_nothing_can_be_answered_from_it(tmp_path):
    """The dialogue probe is put every question with cues; what it guesses where nobody speaks is no reading."""
    findings = [finding("blind"), finding("dialogue", "weak"), finding("evidence", m=picks(MISS))]
    assert standing(tmp_path, *findings)[0] == "hard"
    assert standing(tmp_path, *findings, spoken=True)[0] == "not hard"


@pytest.mark.parametrize("left", ["blind", "dialogue", "evidence"])
def test_what_was_never_asked_is_undecided(tmp_path, left):
    findings = [finding("blind"), finding("dialogue"), finding("evidence", m=picks(MISS))]
    kept = [f if f["probe"] != left else {**f, "question": "another"} for f in findings]
    assert standing(tmp_path, *kept, spoken=True) == ("undecided", f"{left} not asked")


def test_a_tie_with_the_key_is_no_miss(tmp_path):
    assert standing(tmp_path, finding("blind"), finding("evidence", m=picks(TIE)))[0] == "not hard"


def test_every_named_model_must_have_missed_and_the_others_do_not_count(tmp_path):
    findings = [finding("blind"), finding("evidence", big=picks(MISS), small=picks(HIT))]
    assert standing(tmp_path, *findings)[0] == "not hard"
    assert standing(tmp_path, *findings, missed_by=["big"])[0] == "hard"
    assert standing(tmp_path, *findings, missed_by=["big", "small"])[0] == "not hard"


def test_a_vote_says_too_little_to_be_a_miss(tmp_path):
    told = standing(tmp_path, finding("blind"), finding("evidence", m={"weak": False, "calls": 3}))
    assert told == ("undecided", "evidence without probabilities")


def test_a_model_that_was_not_asked_is_named_with_what_was_meant(tmp_path):
    found = audited(tmp_path, finding("evidence", qwen=picks(MISS)))
    with pytest.raises(InputError, match=r"--missed-by qwem: .* Did you mean qwen\?"):
        hard.named(["qwem"], found)


def test_what_an_audit_lacks_is_said(tmp_path):
    assert audited(tmp_path, finding("blind")).lacks == f"{tmp_path} has no findings of evidence"
    assert audited(tmp_path, finding("surface")).lacks == f"{tmp_path} has no findings of blind or evidence"
    assert audited(tmp_path, finding("blind"), finding("evidence", m=picks(MISS))).lacks == ""


def test_findings_that_are_missing_or_damaged_are_one_line(tmp_path):
    with pytest.raises(InputError, match=r"no findings\.parquet"):
        hard.load(tmp_path)
    (tmp_path / "findings.parquet").write_text("no parquet")
    with pytest.raises(InputError, match="damaged findings"):
        hard.load(tmp_path)


def saved_audit(folder):
    """Both models miss the odd questions; the second finds the even ones and is outvoted there by the first."""
    rows = [
        {
            "id": f"q{i}",
            "question": f"Which, in case {i}?",
            "choices": [f"grey {i}", f"dim {i}", f"{'dull' if i % 2 else 'plain'} {i}", f"drab {i}"],
            "answer": 2,
            "cues": [{"start": 0, "end": 1, "kind": "dialogue", "text": "I say nothing."}],
        }
        for i in range(6)
    ]
    first = fake.prefer(lambda text: 3.0 * text.startswith("grey"))
    second = fake.prefer(lambda text: {"plain": 2.0, "dull": -1.0}.get(text.split()[0], 0.0))
    callers = [
        Caller(FakeModel(script, name=name), Limits(tries=1), None, Budget())
        for name, script in (("first", first), ("second", second))
    ]
    done = audit("rows", Questions.from_rows(rows), asked=("blind", "dialogue", "evidence"),
                 setting=Setting(callers=callers))  # fmt: skip
    save(done, folder)
    return rows, hard.load(folder)


def test_an_audit_as_it_is_saved_gives_the_hard_questions(tmp_path):
    rows, found = saved_audit(tmp_path)
    q = Questions.from_rows(rows)
    assert found.models == ["first", "second"]
    assert [told for told, _ in hard.judge(q, found, found.models)] == ["not hard", "hard"] * 3
    assert [told for told, _ in hard.judge(q, found, ["first"])] == ["hard"] * 6


def test_findings_on_an_earlier_wording_say_nothing_of_this_one(tmp_path):
    """The probabilities are by position: after choices were shuffled the key stands elsewhere."""
    rows, found = saved_audit(tmp_path)
    rows[1] = {**rows[1], "choices": rows[1]["choices"][::-1], "answer": 1}
    told = hard.judge(Questions.from_rows(rows), found, ["first"])
    assert told[1] == ("undecided", "reworded since the audit")
    assert [t for i, (t, _) in enumerate(told) if i != 1] == ["hard"] * 5
