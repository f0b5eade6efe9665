"""Counts that a person can check by eye."""

from __future__ import annotations

from flyreel.formats.base import Reading
from flyreel.questions import Questions
from flyreel.report.stats import describe, table


def test_counts_of_three_questions() -> None:
    rows = [
        {
            "id": "a",
            "question": "Who runs?",
            "choices": ["the dog", "a cat"],
            "answer": 0,
            "clip": "c1",
            "category": "x",
        },
        {"id": "b", "question": "Who sits?", "choices": ["the dog", "a cat", "me"], "answer": 2, "clip": "c1"},
        {"id": "c", "question": "What colour?", "answer": "red"},
    ]
    found = describe(Reading("f", "canonical", Questions.from_rows(rows)))
    assert (found["questions"], found["open_ended"], found["groups"], found["clips"]) == (3, 1, 2, 1)
    assert found["choices_per_question"] == {"2": 1, "3": 1}
    assert found["key_positions"] == {"0": 1, "2": 1}
    assert found["distinct_choices"] == 3
    assert found["question_words"]["mean"] == 2.0
    assert found["vocabulary"] == len({"who", "runs", "sits", "what", "colour", "the", "dog", "a", "cat", "me"})
    assert any("choices per question" in line and "2 1, 3 1" in line for line in table(found))
