"""What is read from a reply. The cases stand in replies.jsonl, by kind: choices, reply, index or failure."""

from __future__ import annotations

import json
import string
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flyreel.evaluate import parse_answer
from flyreel.replies.parsing import read_reply

CASES = [json.loads(line) for line in Path(__file__).with_name("replies.jsonl").read_text("utf-8").splitlines()]
DRESSES = [
    *("{}", "{})", "({})", "[{}]", "{}.", "**{}**", "`{}`", "{}:", '"{}"', "<{}>", "- {})", "**({})**", "```\n{}\n```"),
    *(
        "Answer: {}",
        "**Answer:** {}",
        "Answer: ({})",
        "Answer: <{}>",
        "The answer is {}.",
        "Option {}",
        "Final answer: {}",
    ),
    *("The correct answer is {}.", "Option {} is correct.", "$\\boxed{{{}}}$", "\\boxed{{\\text{{{}}}}}"),
    *("<answer>{}</answer>", '{{"answer": "{}"}}', "<think>Z, or A.</think>\n{}", "I choose {}."),
]
FAILURES = set(
    "empty unfinished-thought refused negated hedged several-answers echo letter-out-of-range number-out-of-range "
    "letter-or-text number-or-text letter-and-text-disagree ambiguous-text bare-number no-answer".split()
)
NOUNS = "kettle violin ladder planet button window harbour lantern bicycle carpet tunnel saddle pillow trumpet".split()


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['kind']}: {case['reply'][:40]!r}")
def test_the_reply_is_read_as_a_person_would(case):
    parsed = read_reply(case["reply"], case["choices"])
    assert (parsed.failure if parsed.index is None else parsed.index) == case["expect"]
    assert (parsed.failure is None) == (parsed.index is not None)
    assert parse_answer(case["reply"], case["choices"]) == parsed.index


def test_there_are_cases_of_every_failure():
    """A failure that no case shows is one that nobody has seen the parser give."""
    assert len(CASES) >= 170
    assert {case["expect"] for case in CASES if isinstance(case["expect"], str)} == FAILURES


def options(n: int) -> list[str]:
    """Texts that hold no letter and no number of an option."""
    return [f"{NOUNS[i % len(NOUNS)]} {NOUNS[(i * 3 + 5) % len(NOUNS)]} nr{i}" for i in range(n)]


@pytest.mark.parametrize("dress", DRESSES)
def test_a_letter_is_read_in_every_dress_for_every_number_of_options(dress):
    """Wrong here is wrong on every reply of a model that has this habit."""
    for n in range(2, 27):
        for i, letter in enumerate(string.ascii_uppercase[: n + 1]):
            reply = dress.format(letter)
            parsed = read_reply(reply, options(n))
            if i < n:
                assert parsed.index == i, (reply, n)
            else:
                assert parsed.index is None, (reply, n)


@pytest.mark.parametrize("between", [") ", ". ", ": ", " - ", "\n", " (", ", "])
def test_a_letter_with_its_own_text_is_read_and_with_another_refused(between):
    choices = options(6)
    for i, letter in enumerate("ABCDEF"):
        for j, text in enumerate(choices):
            parsed = read_reply(letter + between + text, choices)
            assert (parsed.index, parsed.failure) == ((i, None) if i == j else (None, "letter-and-text-disagree"))


@pytest.mark.parametrize(
    ("reply", "strict"),
    [
        *(
            (r, True)
            for r in ("B", "(B)", "B)", "B.", " B\n", "**B**", "**Answer:** B", "Answer: B", "Answer: (B)", "`B`")
        ),
        *(
            (r, False)
            for r in ("b", "B because", "The answer is B", "Option B", "B) the car", "<think>x</think>B", "[B]")
        ),
        *(
            (r, False)
            for r in ("the car", '{"answer": "B"}', "Final answer: B", "B\n\nWhy: it moves", "\\boxed{B}", "Ｂ")
        ),
    ],
)
def test_strict_is_the_form_that_was_asked_for_and_nothing_else(reply, strict):
    parsed = read_reply(reply, ["the dog", "the car", "the boat"])
    assert (parsed.index, parsed.strict) == (1, strict)


def test_a_reply_that_cannot_be_read_is_never_strict():
    assert not read_reply("F", ["the dog", "the car"]).strict
    assert not read_reply("B", ["B", "A"]).strict


@given(st.permutations(["a red car", "the blue boat", "nobody", "three men", "a car"]), st.data())
def test_an_answer_by_text_does_not_depend_on_the_order_of_the_choices(choices, data):
    text = data.draw(st.sampled_from(choices))
    frame = data.draw(
        st.sampled_from(["{}", "{}.", "The answer is {}.", "Answer: {}", "I can see {} at the end.", "**{}**"])
    )
    assert parse_answer(frame.format(text), choices) == choices.index(text)


@given(st.permutations(["a red car", "the blue boat", "nobody", "three men"]), st.data())
def test_two_texts_are_refused_in_any_order_of_the_choices(choices, data):
    one, other = data.draw(st.permutations(choices))[:2]
    joined = data.draw(st.sampled_from(["{} and {}", "{} or {}", "either {} or {}", "{}, {}", "{}. {}."]))
    assert parse_answer(joined.format(one, other), choices) is None


@given(st.lists(st.sampled_from("ABCDE"), min_size=2, max_size=2, unique=True), st.data())
def test_the_last_commitment_counts(letters, data):
    first, last = letters
    turn = data.draw(
        st.sampled_from(["No, actually", "Wait, it is", "So the answer is", "Correction:", "Final answer:"])
    )
    reply = f"The answer is {first} because of the light. {turn} {last}."
    assert parse_answer(reply, options(5)) == "ABCDE".index(last)


SCRAPS = st.sampled_from(
    [
        *(
            "A",
            "B",
            "C",
            "(",
            ")",
            "[",
            "{",
            "}",
            "<",
            ">",
            "**",
            "`",
            "```",
            "\n",
            ".",
            ",",
            ":",
            ";",
            "?",
            "-",
            "'",
            '"',
        ),
        *(
            " ",
            "answer",
            "is",
            "not",
            "or",
            "and",
            "option",
            "the",
            "red",
            "car",
            "so",
            "if",
            "1",
            "2",
            "-5",
            "\\boxed{",
        ),
        *(
            "<answer>",
            "</answer>",
            "<think>",
            "</think>",
            '{"answer":',
            "答案是",
            "none of the above",
            "wait",
            "e.g.",
            "I",
        ),
    ]
)


@settings(max_examples=400)
@given(st.lists(SCRAPS, max_size=40), st.lists(st.text(max_size=12), min_size=2, max_size=26))
def test_whatever_is_said_the_index_is_in_range_and_a_failure_has_a_name(scraps, choices):
    for reply in (" ".join(scraps), "".join(scraps)):
        parsed = read_reply(reply, choices)
        assert parsed.failure in FAILURES if parsed.index is None else 0 <= parsed.index < len(choices)
        assert parsed == read_reply(reply, choices)


@settings(max_examples=300)
@given(st.text(), st.lists(st.text(), max_size=6))
def test_no_text_crashes_it(reply, choices):
    parsed = read_reply(reply, choices)
    assert parsed.index is None or 0 <= parsed.index < len(choices)


@settings(max_examples=25, deadline=None)
@given(st.lists(SCRAPS, min_size=1, max_size=4), st.sampled_from(["", " "]))
def test_a_reply_of_a_hundred_kilobytes_is_read_to_its_end(scraps, between):
    """A pattern that backtracks does not come to an end here: the same scraps over and over are what it chokes on."""
    unit = between.join(scraps) + between
    parsed = read_reply(unit * (100_000 // len(unit)), options(5))
    assert parsed.index is None or 0 <= parsed.index < 5


@pytest.mark.parametrize(
    "unit", ['"', "'", "(", "[", "{", "<", "**", "`", "\\", "1.", "-", "\n", "\n- ", "a'", "<think>", " "]
)
def test_nested_and_repeated_signs_commit_to_nothing(unit):
    assert parse_answer(unit * (100_000 // len(unit)), options(5)) is None


def test_an_answer_after_a_very_long_thought_is_found():
    assert parse_answer("The dog runs. " * 8_000 + "So the answer is (C).", options(5)) == 2
    assert parse_answer("<think>" + "A or B? " * 12_000 + "</think>\n\nC", options(5)) == 2
