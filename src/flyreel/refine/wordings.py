"""Between `Questions` in bulk and one `Wording` at a time."""

from __future__ import annotations

from collections.abc import Mapping

from flyreel.questions import Questions
from flyreel.schema import Wording


def wording_of(questions: Questions, row: int) -> Wording:
    return Wording(
        question=questions.texts[row],
        choices=tuple(questions.choices_of(row)),
        answer=int(questions.answer[row]),
    )


def reworded(questions: Questions, changes: Mapping[int, Wording]) -> Questions:
    """The same questions, those of `changes` (by position) in another wording."""
    columns = {name: questions.table.column(name).to_pylist() for name in ("question", "choices", "answer")}
    for row, wording in changes.items():
        columns["question"][row] = wording.question
        columns["choices"][row] = list(wording.choices)
        columns["answer"][row] = wording.answer
    return questions.with_columns(**columns)
