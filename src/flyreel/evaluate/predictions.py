"""Files of answers, our own and those of other tools, matched to questions by id and never by their place in the file.

Many tools write the key beside the reply and call it `answer`. So in another tool's file the reply decides, and
`answer` is what the model chose only where no row of the file has a reply. A row of our own has the fields of a
`Prediction` and no other; it is taken as it is.

One field of a file names the questions, the same in every row: the first of `IDS` in which any question is found. A
row that has another id there is about another question, whatever its counter says.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from flyreel.errors import InputError
from flyreel.evaluate.open_ended import taken
from flyreel.evaluate.views import VIEWS
from flyreel.formats.base import Broken, plain, text_of
from flyreel.formats.containers import Record, Sample, sample
from flyreel.questions import Questions
from flyreel.replies.parsing import read_reply
from flyreel.schema import Prediction, Problem
from flyreel.tables import write_jsonl

IDS = ("question_id", "id", "qid", "q_uid", "question")
"""`question` is the id in our own files, and in many others the text: it is looked at last."""

REPLIES = ("reply", "response", "prediction", "pred", "output", "model_output", "filtered_resps", "resps")
"""In order: lmms-eval writes what it scored (`filtered_resps`) and where that differs what it was cut from."""

CHOICES = ("choices", "options", "candidates")

CALL_FAILED = "Failed to obtain answer"
"""So begins what VLMEvalKit writes where its model gave no reply."""

OUT_OF_RANGE = "answer-out-of-range"

Row = dict[str, Any]


@dataclass(frozen=True)
class Predictions:
    """By view and by question. `problems` are rows that say nothing here, and answers that no choice has."""

    by_view: dict[str, dict[str, Prediction]]
    model: str
    problems: list[Problem] = field(default_factory=list)


@dataclass(frozen=True)
class _Said:
    """A row and the question it is about, by its position where it is known."""

    record: Record
    id: str | None
    at: int | None

    @property
    def values(self) -> Row:
        return self.record.values

    @property
    def model(self) -> str | None:
        return text_of(self.values.get("model"))

    def problem(self, reason: str, detail: str) -> Problem:
        return Problem(row=self.record.row, line=self.record.line, reason=reason, detail=detail[:200])


def write_predictions(path: Path, predictions: Iterable[Prediction]) -> Path:
    return write_jsonl(path, (plain(p.model_dump(exclude_defaults=True)) for p in predictions))


def read_predictions(path: str | Path, questions: Questions, model: str | None = None) -> Predictions:
    """`model` picks one of several that the file names; where it names one or none, it is what that is called."""
    path = Path(path)
    said, problems = _said(path, questions)
    chosen, name = _of_one_model(path, said, model)
    replies = any(not _OURS.issuperset(one.values) and not set(REPLIES).isdisjoint(one.values) for one in chosen)
    by_view: dict[str, dict[str, Prediction]] = {}
    views = [text_of(one.values.get("view")) or "full" for one in chosen]
    if not VIEWS.keys() & {*views}:
        raise InputError(f"{path}: view {views[0][:80]!r} in every row, which is none of {', '.join(VIEWS)}")
    for one, seen in zip(chosen, views, strict=True):
        if seen not in VIEWS:
            problems.append(one.problem("unknown-view", seen))
            continue
        if one.id is None or one.at is None:
            problems.append(one.problem("unknown-question", one.id or "no id"))
            continue
        try:
            found = _prediction(one.values, questions, one.at, name, replies)
        except Broken as broken:
            problems.append(one.problem(broken.reason, f"{one.id} {broken.detail}".strip()))
            continue
        view = by_view.setdefault(found.view, {})
        if one.id in view:
            problems.append(one.problem("duplicate-prediction", f"{one.id}, {found.view}"))
            continue
        if found.failure == OUT_OF_RANGE:
            problems.append(one.problem(OUT_OF_RANGE, f"{found.reply} for {one.id}"))
        view[one.id] = found
    if not by_view:
        raise InputError(f"{path}: no usable answer. First problem: {problems[0]}")
    return Predictions(by_view, name, sorted(problems, key=lambda p: p.row))


def _said(path: Path, questions: Questions) -> tuple[list[_Said], list[Problem]]:
    """Every row with its question, and what is no row. `InputError` where it is about none of the questions."""
    known = {id: i for i, id in enumerate(questions.ids)}
    records = list(_records(path))
    problems = [record for record in records if isinstance(record, Problem)]
    rows = [record for record in records if not isinstance(record, Problem)]
    given = _ids([row.values for row in rows], known.keys())
    said = [_Said(row, id, None if id is None else known.get(id)) for row, id in zip(rows, given, strict=True)]
    if not said:
        raise InputError(f"{path}: no usable row.{f' First problem: {problems[0]}' if problems else ''}")
    fields = dict.fromkeys(str(name)[:40] for one in said for name in one.values)
    columns = ", ".join(list(fields)[:12])
    if all(one.at is None for one in said):
        theirs = next((one.id for one in said if one.id), None)
        if theirs is None:
            raise InputError(f"{path}: no field is the id of a question ({', '.join(IDS)}). It has {columns}")
        ours = f"one here is {questions.ids[0][:80]!r}" if len(questions) else "there are no questions here"
        raise InputError(
            f"{path}: answers to other questions: an id there is {theirs[:80]!r}, {ours}. Name the file asked"
        )
    if "answer" in fields and not fields.keys().isdisjoint(CHOICES) and fields.keys().isdisjoint(REPLIES):
        raise InputError(
            f"{path}: a question file, whose answers are the keys, not what a model said: it has {columns}. "
            f"Put the replies in a field called {REPLIES[0]}"
        )
    return said, problems


def _of_one_model(path: Path, said: list[_Said], model: str | None) -> tuple[list[_Said], str]:
    named = sorted({one.model for one in said if one.model})
    if len(named) < 2:
        return said, model or (named[0] if named else path.stem)
    if model not in named:
        why = f"and none of {model}" if model else "which are not one"
        raise InputError(f"{path}: answers of {', '.join(named)}, {why}; put those of each in a file of its own")
    return [one for one in said if one.model in (None, model)], model


def _records(path: Path) -> Iterable[Record | Problem]:
    looked = sample(path)
    if looked.container == "jsonl" and (pairs := _mapping(looked)) is not None:
        return [Record(i, None, {"id": id, "reply": reply}) for i, (id, reply) in enumerate(pairs, 1)]
    if looked.container in ("csv", "tsv"):
        return map(_typed, looked.records())
    return looked.records()


def _mapping(looked: Sample) -> list[tuple[str, Any]] | None:
    """The pairs of a file that is one object from id to reply, or None. Pairs, as an id may stand there twice."""
    try:
        pairs = json.loads(looked.path.read_text(encoding="utf-8-sig"), object_pairs_hook=list)
    except (ValueError, RecursionError):
        return None
    return None if {name for name, _ in pairs} & {*IDS, *REPLIES, "answer"} else pairs


def _typed(record: Record | Problem) -> Record | Problem:
    """A table without types writes an index in digits, and what is not there as nothing. An empty reply is a reply."""
    if isinstance(record, Problem):
        return record
    values = {k: v for k, v in record.values.items() if v != "" or k in REPLIES}
    if re.fullmatch(r"-?\d{1,4}(\.0+)?", values.get("answer", "")):
        values["answer"] = int(float(values["answer"]))
    return Record(record.row, record.line, values)


def _ids(rows: Sequence[Row], known: Container[str]) -> list[str | None]:
    """What each row calls its question. Where no field has the id of one, by the first field that has any id."""
    columns = [[_id(row, place, name, known) for row in rows] for place in _PLACES for name in IDS]
    matching = [ids for ids in columns if any(id in known for id in ids if id)]
    return next(iter(matching or (ids for ids in columns if any(ids))), [None] * len(rows))


def _id(row: Row, place: str, name: str, known: Container[str]) -> str | None:
    holder = next((h for h in _holders(row, place) if name in h), {})
    value = holder.get(name)
    number = int(value) if isinstance(value, float) and value.is_integer() else value
    forms = [form for form in (plain(value) if isinstance(value, str) else None, text_of(number)) if form]
    return next((form for form in forms if form in known), forms[0] if forms else None)


_PLACES = ("row", "doc", "metric")
"""A row's own fields, `doc` of a log of lmms-eval, and what a metric there says of the question: saved logs leave `doc`
out and number the questions by their place."""


def _holders(row: Row, place: str) -> list[Row]:
    if place == "row":
        return [row]
    if place == "doc":
        return [doc] if isinstance(doc := row.get("doc"), dict) else []
    return [value for value in row.values() if isinstance(value, dict)] if "doc_id" in row or "doc" in row else []


def _prediction(values: Row, questions: Questions, at: int, model: str, replies: bool) -> Prediction:
    """Of a row about the question at that position. `replies`: the file has them, and `answer` may be the key."""
    row = {k: v for k, v in values.items() if v is not None and not (isinstance(v, float) and math.isnan(v))}
    row |= {"question": questions.ids[at], "model": model}
    choices = questions.choices_of(at)
    settled = {"answer", "failure"} & set(row)  # what flyreel has read says one or the other
    if {"question", "model"} <= set(values) <= _OURS and settled and (own := _own(row, choices)):
        return own
    given = _given(row)
    said = _first(next((row[name] for name in REPLIES if name in row), None if replies else row.get("answer")))
    if not given.get("asked", True):
        return Prediction(**given, reply=said if isinstance(said, str) else "")
    if isinstance(said, str) and said.startswith(CALL_FAILED):
        return Prediction(**{**given, "asked": False, "failure": "call-failed"}, reply=said)
    if said is None:
        if "failure" in given:
            return Prediction(**given)
        raise Broken("no-reply")
    if not choices:
        return Prediction(**{**taken(str(said)), **given}, reply=str(said))
    if isinstance(said, int):
        return _indexed(said, choices, {"strict": True, **given})
    read = read_reply(said, choices)
    why = {"failure": None} if read.index is not None else {"failure": given.get("failure") or read.failure}
    return Prediction(**{"strict": read.strict, **given, **why}, reply=said, answer=read.index)


_OURS = frozenset(Prediction.model_fields)


def _own(row: Row, choices: list[str]) -> Prediction | None:
    """A row that `write_predictions` wrote, as it was; None where it cannot have."""
    if isinstance(row.get("answer"), bool):
        return None
    try:
        found = Prediction.model_validate(row)
    except ValidationError:
        return None
    if isinstance(found.answer, int) and choices:
        return found if 0 <= found.answer < len(choices) else _indexed(found.answer, choices, _given(row))
    return found if found.answer is None or (not choices and isinstance(found.answer, str)) else None


def _indexed(answer: int, choices: list[str], given: Row) -> Prediction:
    """An index that no choice has is a reply that nobody can read."""
    if not 0 <= answer < len(choices):
        return Prediction(**{**given, "strict": False, "failure": OUT_OF_RANGE}, reply=str(answer))
    return Prediction(**{**given, "failure": None}, answer=answer)


def _given(row: Row) -> Row:
    """What a row says beside its answer, as far as it can be read."""
    given = {"question": row["question"], "model": row["model"]}
    given |= {name: text for name in ("view", "failure") if (text := text_of(row.get(name)))}
    given |= {name: flag for name in ("asked", "strict") if (flag := _flag(row.get(name))) is not None}
    frames = row.get("frames")
    if isinstance(frames, list) and all(isinstance(f, int) for f in frames):
        given["frames"] = tuple(frames)
    return given


def _flag(value: Any) -> bool | None:
    return {"true": True, "1": True, "false": False, "0": False}.get(str(value).strip().casefold())


def _first(value: Any) -> str | int | None:
    """A reply, out of the brackets that it stands in; the first of several to one prompt. An integer is an index."""
    while isinstance(value, list) and (len(value) == 1 or (value and isinstance(value[0], str))):
        value = value[0]
    if isinstance(value, str):
        return str(plain(value))
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
