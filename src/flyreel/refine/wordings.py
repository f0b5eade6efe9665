"""Between `Questions` in bulk and one `Wording` at a time."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from flyreel.questions import SCHEMA, Questions
from flyreel.schema import Wording


def wording_of(questions: Questions, row: int) -> Wording:
    return Wording(
        question=questions.texts[row],
        choices=tuple(questions.choices_of(row)),
        answer=int(questions.answer[row]),
    )


def reworded(questions: Questions, changes: Mapping[int, Wording]) -> Questions:
    """The same questions, those of `changes` (by position) in another wording."""
    columns = {
        "question": questions.table.column("question").to_pylist(),
        "choices": questions.table.column("choices").to_pylist(),
        "answer": questions.table.column("answer").to_pylist(),
    }
    for row, wording in changes.items():
        columns["question"][row] = wording.question
        columns["choices"][row] = list(wording.choices)
        columns["answer"][row] = wording.answer
    table = questions.table
    for name, values in columns.items():
        at = table.schema.get_field_index(name)
        table = table.set_column(at, SCHEMA.field(name), pa.array(values, type=SCHEMA.field(name).type))
    return Questions(table)
