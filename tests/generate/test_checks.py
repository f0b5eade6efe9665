"""If these fail, questions whose key sticks out or whose evidence is elsewhere get through, or paraphrases are lost."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyreel.generate.checks import _evidence, refused, spans
from flyreel.generate.scene import Scene
from flyreel.generate.windows import Window, windows
from flyreel.generate.writing import Written

TOLD = """
description||A courtroom. Rain runs down tall windows. The public gallery is packed.
dialogue|JUDGE|Counsel, call your next witness.
dialogue|ADLER|The defence calls Ruth Okafor.
description||An elderly woman with a cane makes her way to the stand. The defendant looks away.
dialogue|ADLER|Mrs Okafor, how long have you known my client?
dialogue|RUTH|Since the night he was born. I am his grandmother.
description||Murmurs in the gallery. The prosecutor flips through her notes in alarm.
dialogue|ADLER|And where was he on the evening of the fire?
dialogue|RUTH|At my table. He burned the rice, as he always does.
description||Laughter. Even the judge hides a smile. The defendant wipes his eyes.
"""


def scene(told: str = TOLD, duration: float | None = 52.0, first: float = 0.0) -> Scene:
    cues = []
    for i, line in enumerate(told.strip().splitlines()):
        kind, speaker, text = line.split("|")
        cue = {"start": first + 5.0 * i, "end": first + 5.0 * i + 5, "kind": kind, "text": text}
        cues.append({**cue, "speaker": speaker} if speaker else cue)
    return Scene("c", "c", tuple(cues), duration)


COURT = windows(scene(), 2000)[0]


def made(**changes: Any) -> Written:
    good: dict[str, Any] = {
        "template": 1,
        "question": "How are the witness and the accused related?",
        "answer": "She is his grandmother",
        "distractors": ("She is his neighbour", "She is his landlady", "She is his teacher", "She is his doctor"),
        "rationale": "She says so.",
        "evidence": ((20.0, 30.0),),
    }
    return Written(**{**good, **changes})


def reason(one: Written, window: Window = COURT, choices: int = 5) -> str | None:
    drop = refused(one, window, choices)
    return drop.reason if drop else None


def test_a_good_question_passes() -> None:
    assert reason(made()) is None


@pytest.mark.parametrize(
    "distractors",
    [
        ("She is his neighbour", "She is his landlady", "She is his teacher"),
        ("She is his neighbour", "She is his landlady", "She is his teacher", "She is his doctor", "She is his aunt"),
        ("she is the grandmother of his", "She is his landlady", "She is his teacher", "She is his doctor"),
        ("She is his landlady", "She is his landlady indeed", "She is his teacher", "She is his doctor"),
        ("", "She is his landlady", "She is his teacher", "She is his doctor"),
        (),
    ],
)
def test_choices_are_as_many_as_asked_for_and_all_different(distractors: tuple[str, ...]) -> None:
    assert reason(made(distractors=distractors)) == "choices-alike"


@pytest.mark.parametrize("changes", [{"question": ""}, {"answer": ""}])
def test_nothing_is_no_question(changes: Any) -> None:
    assert reason(made(**changes)) == "empty"


@pytest.mark.parametrize(
    "answer, fine",
    [
        ("She is his grandmother and has known him since the night on which he was born", False),
        ("Hi", False),
        ("Because she is his grandmother", False),
        ("She is his old grandmother", True),
        ("Gran", False),
        ("His grandmother is her", True),
    ],
)
def test_the_answer_does_not_stand_out_by_its_form(answer: str, fine: bool) -> None:
    assert reason(made(answer=answer)) == (None if fine else "not-parallel")


LOWER = ("sits on a chair", "waves at the crowd", "opens the window", "reads a letter")


@pytest.mark.parametrize(
    "answer, distractors, fine",
    [
        ("leaves the room", LOWER, True),
        ("Leaves the room", LOWER, False),
        ("leaves the room.", LOWER, False),
        ("LEAVES THE ROOM", LOWER, False),
        ('"leaves the room"', LOWER, False),
        ("“leaves the room”", LOWER, False),
        ("'leaves the room'", LOWER, False),
        ("leaves the room", tuple(d.capitalize() for d in LOWER), False),
        ("leaves the room", tuple(f"{d}." for d in LOWER), False),
        ("Leaves the room.", tuple(f"{d.capitalize()}." for d in LOWER), True),
        ("Leaves the room", ("Sits on a chair", *LOWER[1:]), True),
        ("LEAVES THE ROOM", tuple(d.capitalize() for d in LOWER), False),
        ("Leaves the room.", ("Sits on a chair", f"{LOWER[1]}.", *LOWER[2:]), False),
        ('"Get out"', ('"Come in"', "“Sit down”", '"Wait"', '"Stand up"'), True),
        ("at 5 p.m.", ("at noon", "at dawn", "at dusk", "at night"), True),
        ("3 men", ("Two dogs", "Four cats", "Five cows", "Six hens"), True),
        ("去公園", ("留在家", "去學校", "看電影", "吃晚飯"), True),
    ],
)
def test_the_answer_is_not_the_only_one_that_is_set_so(answer: str, distractors: tuple[str, ...], fine: bool) -> None:
    """A capital, a full stop or quotes on the key alone, and nobody needs the video."""
    assert reason(made(answer=answer, distractors=distractors)) == (None if fine else "not-parallel")


THINGS = ("a judge", "the clerk", "a guard", "the nurse")


@pytest.mark.parametrize(
    "answer, distractors, fine",
    [
        ("Okafor", THINGS, True),
        ("Adler", THINGS, True),
        ("ADLER", THINGS, True),
        ("Pip", THINGS, False),
        ("Pip", ("Tom", *THINGS[1:]), True),
        ("the clerk", ("Ruth", "Adler", "Pip", "Tom"), True),
        ("I know", ("we wait", "they run", "you ask", "he sits"), True),
        ("Rain", THINGS, False),
        ("Bell", THINGS, False),
    ],
)
def test_a_name_of_the_scene_keeps_its_capital(answer: str, distractors: tuple[str, ...], fine: bool) -> None:
    """As who speaks, or with a capital inside a sentence; at the beginning of one any word has it."""
    told = f"{TOLD.strip()}\ndescription||She greets Ruth and Mrs Okafor.\ndialogue||THE BELL RINGS."
    window = windows(scene(told, 65.0), 2000)[0]
    one = made(question="Who is meant by the witness?", answer=answer, distractors=distractors, evidence=((0.0, 55.0),))
    assert reason(one, window) == (None if fine else "not-parallel")


@pytest.mark.parametrize(
    "answer, distractor, expected",
    [
        ("A. leaves the room", "B. sits on a chair", "labelled"),
        ("leaves the room", "B) sits on a chair", "labelled"),
        ("(c) leaves the room", "sits on a chair", "labelled"),
        ("2. leaves the room", "sits on a chair", "labelled"),
        ("leaves the room", "Option D: sits on a chair", "labelled"),
        ("All of the above", "sits on a chair", "above"),
        ("leaves the room", "none of the above.", "above"),
        ("leaves the room", "None of these", "above"),
        ("leaves the room", "both A and B", "above"),
        ("leaves the room", "none of the other options", "above"),
        ("leaves all of the others", "looks at all of these dogs", None),
        ("leaves the flat above", "sits in all of the chairs", None),
        ("a cab stops", "a bus. A tram", None),
        ("1.5 metres of rope", "8:30 in the morning", None),
    ],
)
def test_no_choice_knows_where_the_others_stand(answer: str, distractor: str, expected: str | None) -> None:
    """They are shuffled afterwards: a letter would mark the key in every order, and "above" would mean nothing."""
    assert reason(made(answer=answer, distractors=(distractor, *LOWER[1:]))) == expected


def test_short_choices_may_differ_by_some_letters() -> None:
    assert reason(made(answer="A big umbrella", distractors=("A hat", "A pen", "A dog", "A cat"))) is None


@pytest.mark.parametrize(
    "evidence, expected",
    [
        ((), "no-evidence"),
        (((20.0, 30.0), (70.0, 80.0)), "evidence-outside"),
        (((80.0, 70.0),), "evidence-outside"),
        (((30.0, 20.0),), None),
        (((20.0, 54.0),), "evidence-outside"),
        (((20_000.0, 30_000.0),), "evidence-outside"),
        (((20.0, 52.9),), None),
        (((25.0, 25.0),), None),
    ],
)
def test_evidence_lies_where_something_is_told(evidence: Any, expected: str | None) -> None:
    assert reason(made(evidence=evidence)) == expected


def test_a_stretch_between_two_lines_is_no_evidence() -> None:
    early, late = (Scene("c", "c", scene(first=f).cues[4:6]) for f in (0.0, 100.0))
    window = windows(Scene("c", "c", early.cues + late.cues), 2000)[0]
    assert reason(made(evidence=((25.0, 27.0),)), window) is None
    assert reason(made(evidence=((60.0, 61.0),)), window) == "evidence-outside"


@pytest.mark.parametrize(
    "question, answer, evidence",
    [
        ("What does the elderly woman lean on?", "A cane", (40.0, 45.0)),
        ("What food did he burn?", "The rice", (0.0, 5.0)),
        ("What does the prosecutor flip through in alarm?", "Her notes", (5.0, 10.0)),
        ("What does the bailiff carry into the chapel?", "A sealed envelope", (0.0, 5.0)),
        ("Which newspaper reports on the verdict?", "The Herald", (45.0, 50.0)),
    ],
)
def test_evidence_in_another_place_or_for_another_scene_is_silent(
    question: str, answer: str, evidence: tuple[float, float]
) -> None:
    one = made(
        question=question, answer=answer, distractors=("A glove", "A ring", "A coin", "A comb"), evidence=(evidence,)
    )
    assert reason(one) == "evidence-silent"


@pytest.mark.parametrize(
    "question, answer, evidence",
    [
        ("What alibi does the old lady provide?", "He was having dinner at her home", (35.0, 45.0)),
        ("What breaks the tension in the hearing?", "A joke about bad cooking", (40.0, 50.0)),
        ("How does the young man feel at the end?", "Deeply moved", (45.0, 50.0)),
        ("What crime is the trial about?", "Arson", (35.0, 40.0)),
        ("What does the avoided eye contact suggest?", "Shame", (15.0, 20.0)),
        ("What is the overall mood?", "Tense, then relieved", (0.0, 50.0)),
        ("How does the magistrate respond to the remark?", "With concealed amusement", (45.0, 50.0)),
        ("Where does the scene take place?", "In a court of law", (0.0, 5.0)),
    ],
)
def test_a_paraphrase_has_its_evidence_without_a_word_in_common(
    question: str, answer: str, evidence: tuple[float, float]
) -> None:
    assert _evidence(made(question=question, answer=answer, evidence=(evidence,)), COURT) is None


def test_a_line_beside_the_evidence_speaks_for_it() -> None:
    """Models name the moment before or after; that is no other place."""
    one = made(question="What does the prosecutor flip through in alarm?", answer="Her notes")
    for start, silent in ((20.0, True), (25.5, False), (30.5, False), (35.5, False), (40.5, True)):
        found = _evidence(replace(one, evidence=((start, start + 4),)), COURT)
        assert (found is not None) == silent


def test_evidence_is_clipped_sorted_and_merged() -> None:
    one = made(evidence=((30.0, 40.0), (0.0, 5.0), (35.0, 45.0), (45.0, 45.5), (51.0, 52.9)))
    assert spans(one, COURT, 52.0) == [
        {"start": 0.0, "end": 5.0},
        {"start": 30.0, "end": 45.5},
        {"start": 51.0, "end": 52.0},
    ]


def test_evidence_written_backwards_is_the_same_stretch() -> None:
    assert spans(made(evidence=((30.0, 20.0), (4.0, 1.7))), COURT, 52.0) == [
        {"start": 1.7, "end": 4.0},
        {"start": 20.0, "end": 30.0},
    ]


@pytest.mark.parametrize("moment, start, end", [(0.0, 0.0, 5.0), (12.0, 10.0, 15.0), (25.0, 20.0, 30.0)])
@pytest.mark.parametrize("duration", [None, 52.0])
def test_a_moment_is_the_lines_that_it_touches(moment: float, start: float, end: float, duration: Any) -> None:
    """From 0 to 0 would be the whole of a clip whose length nobody knows."""
    window = windows(scene(duration=duration), 2000)[0]
    one = made(evidence=((moment, moment),))
    assert reason(one, window) is None
    assert spans(one, window, duration) == [{"start": start, "end": end}]


def test_a_moment_beyond_the_end_is_the_last_line() -> None:
    window = windows(scene(duration=48.0), 2000)[0]
    one = made(evidence=((49.0, 50.0),))
    assert reason(one, window) is None and spans(one, window, 48.0) == [{"start": 45.0, "end": 48.0}]


def test_a_moment_of_a_captioned_clip_is_its_line_rather_than_all_of_it() -> None:
    told = Scene("c", "c", (WHOLE, *scene().cues), 52.0)
    one = made(evidence=((0.0, 0.0),))
    assert spans(one, windows(told, 2000)[0], 52.0) == [{"start": 0.0, "end": 5.0}]
    alone = Scene("c", "c", (WHOLE,), 8.0)
    assert spans(one, windows(alone, 200)[0], 8.0) == [{"start": 0.0, "end": 8.0}]


WHOLE = {"start": 0.0, "end": 0.0, "kind": "caption", "text": "An old woman tells a court that she is a grandmother."}


def test_a_caption_of_a_whole_clip_is_evidence_from_end_to_end() -> None:
    """Where nobody knows the length, no second that a model names can be right: evidence is all of it, from 0 to 0."""
    known, unknown = (Scene("c", "c", (WHOLE,), duration) for duration in (8.0, None))
    one = made(evidence=((0.0, 8.0),))
    assert reason(one, windows(known, 200)[0]) is None and reason(one, windows(unknown, 200)[0]) is None
    assert reason(made(evidence=((20.0, 30.0),)), windows(known, 200)[0]) == "evidence-outside"
    assert spans(one, windows(known, 200)[0], 8.0) == [{"start": 0.0, "end": 8.0}]
    assert spans(one, windows(unknown, 200)[0], None) == [{"start": 0.0, "end": 0.0}]


TIMES = st.floats(0, 80)


@given(st.lists(st.tuples(TIMES, TIMES), max_size=4), st.one_of(st.none(), st.floats(1, 60)))
def test_accepted_evidence_is_within_the_clip_and_in_order(evidence: list[tuple[float, float]], duration: Any) -> None:
    window = windows(scene(duration=duration), 2000)[0]
    one = made(evidence=tuple(evidence))
    if refused(one, window, 5) is None:
        found = spans(one, window, duration)
        ends = [t for span in found for t in (span["start"], span["end"])]
        assert found and ends == sorted(ends) and ends[0] >= 0 and ends[-1] <= (duration or window.end)
        assert ends[-1] > 0, "all of a clip of unknown length, and nobody said so"
