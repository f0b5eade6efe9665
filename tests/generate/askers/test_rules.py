"""Questions by rule: sentences with what is asked for in them, by hand.

`BEFORE` was written before it was first run; `AFTER` was read and judged beside the code. In both, what has a capital
is the question, and a word in small letters the reason why there is none.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from flyreel.engine.stage import Drop
from flyreel.generate.askers.base import Sheet, askers
from flyreel.generate.language.candidates import KINDS, Candidate
from flyreel.generate.language.model import english
from flyreel.generate.method import Setting

Cases = dict[str, list[tuple[str, str, str]]]

GOLD = Path(__file__).parent.parent / "gold" / "questions.jsonl"


def cases_of(part: str) -> Cases:
    rows = [json.loads(line) for line in GOLD.read_text(encoding="utf-8").splitlines()]
    return {row["text"]: [tuple(asked) for asked in row["asked"]] for row in rows if row["part"] == part}


BEFORE, AFTER = cases_of("before"), cases_of("after")


def asked(text: str, answers: list[tuple[str, str]]) -> list[str | Drop]:
    """As the asker answers; the n-th mention of an answer is the n-th place it stands."""
    found, past = [], {}
    for answer, kind in answers:
        start = text.index(answer, past.get((answer, kind), -1) + 1)
        past[answer, kind] = start
        found.append(Candidate(answer, kind, start, start + len(answer)))  # type: ignore[arg-type]
    return ask(Sheet(text, tuple(found), english()(text)))


def ask(*sheets: Sheet) -> list[str | Drop]:
    """What is made of the first sheet."""
    return asyncio.run(askers.get("rules").make(sheets, Setting()))[0]


def wordings(cases: Cases) -> Iterator[tuple[str, int, str]]:
    return ((text, i, row[2]) for text, rows in cases.items() for i, row in enumerate(rows))


@pytest.mark.parametrize(("text", "place", "expected"), [*wordings(BEFORE), *wordings(AFTER)])
def test_an_answer_gets_the_question_a_person_would_ask_of_its_clause(text: str, place: int, expected: str) -> None:
    cases = BEFORE if text in BEFORE else AFTER
    question = asked(text, [(answer, kind) for answer, kind, _ in cases[text]])[place]
    assert (question.reason if isinstance(question, Drop) else question) == expected


def test_there_are_enough_cases_to_mean_anything() -> None:
    assert len(list(wordings(BEFORE))) >= 30
    assert len(list(wordings(BEFORE))) + len(list(wordings(AFTER))) >= 120


def test_a_sheet_without_a_parse_is_parsed() -> None:
    text = "Nora pushes the drum."
    sheet = Sheet(text, (Candidate("the drum", "noun", 12, 20),))
    assert ask(sheet) == ["What does Nora push?"]


def test_half_a_surrogate_pair_does_not_end_the_run() -> None:
    text = "Nora pushes the drum \ud83d in the hall."
    made = ask(Sheet(text, (Candidate("Nora", "living", 0, 4), Candidate("the drum", "noun", 12, 20))))
    assert len(made) == 2


def test_every_sheet_has_its_own_answers_in_their_order() -> None:
    one = Sheet("Pip jumps.", (Candidate("Pip", "living", 0, 3), Candidate("jumps", "verb", 4, 9)))
    two = Sheet("Mo waits.", (Candidate("Mo", "living", 0, 2),))
    none = Sheet("Nothing here.", ())
    made = asyncio.run(askers.get("rules").make([one, none, two], Setting()))
    assert made == [["Who jumps?", "What does Pip do?"], [], ["Who waits?"]]


def test_two_right_answers_in_one_description_are_no_question() -> None:
    """Whoever reads that Pip jumps and that Mo jumps cannot tell which of the two is asked for."""
    assert [q.reason for q in asked("Pip jumps. Mo jumps.", [("Pip", "living"), ("Mo", "living")])] == ["ambiguous"] * 2


def test_the_answer_never_stands_in_its_question() -> None:
    first, second = asked("A boy waves at a boy.", [("A boy", "living"), ("a boy", "living")])
    assert isinstance(first, Drop) and first.reason == "answer-in-question"
    assert isinstance(second, Drop) and second.reason == "answer-in-question"


def test_a_pronoun_is_not_resolved_across_sentences() -> None:
    text = "A woman comes in. She opens a box."
    assert [q.reason for q in asked(text, [("a box", "noun"), ("opens a box", "verb")])] == ["no-rule", "no-rule"]


def test_the_place_of_another_sentence_is_left_out() -> None:
    text = "A man sits on a bench. A dog sleeps under a tree."
    assert asked(text, [("A dog", "living")]) == ["Which animal sleeps under a tree?"]


WORDS = st.sampled_from(
    "a the man woman two dogs Pip Mo . , : ; ? and then is are was chases sitting on in with of by to who that which "
    "red blue his it not n't 's ( ) <b> &amp; \x00 \u202e \u200f \U0001f600 \n \t - \" ' there be been".split(" ")
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.one_of(st.lists(WORDS, max_size=30).map(" ".join), st.text(max_size=80)), st.data())
@example("", None)
@example("\x00\x00", None)
@example("<script>alert(1)</script> a man eats <b>an apple</b>", None)
@example("\u202ea man\u202c eats \u200fan apple", None)
@example("a man sees " * 400, None)
@example("(" * 300, None)
@example("( a a a a there is on ( ? is", None)
def test_whatever_the_text_it_is_a_whole_question_or_a_reason(text: str, data: st.DataObject | None) -> None:
    spans = [(k, min(k + 6, len(text))) for k in range(0, min(len(text), 60), 5)]
    if data is not None and text:
        start = data.draw(st.integers(0, len(text)))
        spans.append((start, data.draw(st.integers(start, len(text) + 3))))
    spans.append((0, 0))
    candidates = tuple(Candidate(text[a:b], kind, a, b) for a, b in spans for kind in KINDS)
    made = ask(Sheet(text, candidates, english()(text)))
    assert len(made) == len(candidates)
    for candidate, question in zip(candidates, made, strict=True):
        if isinstance(question, Drop):
            assert question.reason in ("no-rule", "ambiguous", "answer-in-question")
            continue
        assert re.fullmatch(r"[A-Z][^?\n]*[^\s,?]\?", question), question
        assert "  " not in question and " ," not in question and ",?" not in question
        assert f" {candidate.text.lower()} " not in f" {question[:-1].lower()} "
