"""Any question file to `Questions` and `Problem`s.

A format turns one record into a draft: the fields of canonical JSONL, with the answer however the format writes it.
What makes a draft a question is decided here, once, for all of them.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from flyreel.errors import InputError
from flyreel.formats.containers import Record, Sample, sample
from flyreel.questions import Questions
from flyreel.registry import Registry
from flyreel.schema import Cue, Problem, Span

Draft = dict[str, Any]


class Format(Protocol):
    """One foreign format. `recognises` looks at field names only; `drafts` yields one draft, or more, per record."""

    unique_ids: bool

    def recognises(self, sample: Sample) -> bool: ...

    def drafts(self, record: Record) -> Iterable[Draft]: ...


formats: Registry[type[Format]] = Registry("format", "flyreel.formats")


class Broken(Exception):
    """Raised inside a format or a check: this row is a problem, for this reason."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True)
class Reading:
    source: str
    format: str
    questions: Questions
    problems: list[Problem] = field(default_factory=list)


def read(path: str | Path, format: str | None = None, map: dict[str, str] | None = None) -> Reading:
    """Read a question file. Broken rows become problems; a file with no usable row at all is an `InputError`."""
    path = Path(path)
    looked = sample(path)
    name, chosen = _choose(looked, format, map)
    rows: list[Draft] = []
    problems: list[Problem] = []
    seen: set[str] = set()
    for record in looked.records():
        if isinstance(record, Problem):
            problems.append(record)
            continue
        try:
            for draft in chosen.drafts(record):
                row = checked(draft, f"{clean(path.stem)}-{record.row}")
                row["id"] = _distinct(row["id"], seen, chosen.unique_ids)
                rows.append(row)
        except Broken as broken:
            problems.append(Problem(row=record.row, line=record.line, reason=broken.reason, detail=broken.detail[:200]))
    if not rows:
        more = f" (and {len(problems) - 1:,} more problems)" if len(problems) > 1 else ""
        first = f" {problems[0]}{more}" if problems else " It has a header and no rows."
        raise InputError(f"{path}: no usable question, read as {name}.{first}")
    return Reading(str(path), name, Questions.from_rows(rows), problems)


def _distinct(id: str, seen: set[str], must_be: bool) -> str:
    """An id the file itself vouches for may not repeat; one that a format put together gets a suffix."""
    if id in seen and must_be:
        raise Broken("duplicate-id", id)
    base, copy = id, 2
    while id in seen:
        id, copy = f"{base}~{copy}", copy + 1
    seen.add(id)
    return id


def _choose(looked: Sample, format: str | None, map: dict[str, str] | None) -> tuple[str, Format]:
    if map:
        from flyreel.formats.mapped import Mapped

        return "map", Mapped(map, looked)
    if format:
        return format, formats.get(format).make()
    for entry in formats:
        made = entry.make()
        if made.recognises(looked):
            return entry.name, made
    if not looked.fields:
        problem = next((r for r in looked.records() if isinstance(r, Problem)), None)
        hint = f" First problem: {problem}" if problem else ""
        hint += ". JSON needs one object a line, or one list of objects" if looked.container == "jsonl" else ""
        raise InputError(f"{looked.path}: no usable row.{hint}")
    columns = ", ".join(str(f)[:40] for f in looked.fields[:12])
    raise InputError(
        f"{looked.path}: no known format has these columns: {columns}. Name its format with --format (for export, "
        "--from), or the columns with --map question=…,choices=…,answer=…,group=…"
    )


def checked(draft: Draft, default_id: str) -> Draft:
    """The draft as a row of canonical JSONL, or `Broken` with the reason."""
    question = draft.get("question")
    if not isinstance(question, str) or not question.strip():
        raise Broken("empty-question")
    row: Draft = {
        "id": text_of(draft.get("id")) or default_id,
        "question": clean(question).strip(),
        **{name: text_of(draft.get(name)) for name in ("clip", "group", "split", "category", "template", "rationale")},
        "cues": spans(draft.get("cues"), Cue, "bad-cue"),
        "evidence": spans(draft.get("evidence"), Span, "bad-evidence"),
        "meta": plain(draft["meta"]) if isinstance(draft.get("meta"), dict) else None,
        "origin": plain(draft["origin"]) if isinstance(draft.get("origin"), dict) else None,
        "parent": text_of(draft.get("parent")),
        "round": draft["round"] if isinstance(draft.get("round"), int) and 0 <= draft["round"] < 1 << 31 else 0,
    }
    answer = draft.get("answer")
    if draft.get("choices") is None and isinstance(answer, str):
        text = clean(answer).strip()
        if text and text.lower() != "nan":
            return {**row, "choices": None, "answer": text}
    row["choices"] = _choices(draft.get("choices"))
    row["answer"] = answer_index(answer, row["choices"])
    return row


def text_of(value: Any) -> str | None:
    if value is None or (isinstance(value, float) and math.isnan(value)) or isinstance(value, (dict, list)):
        return None
    return " ".join(clean(str(value)).split()) or None


def clean(text: str) -> str:
    """Lone surrogates (JSON and the names of files may smuggle them in) cannot be written back as UTF-8."""
    return text.encode("utf-8", errors="replace").decode("utf-8")


def plain(value: Any) -> Any:
    """Only what JSON and UTF-8 can hold: Parquet has dates, and JSON as Python reads it lone surrogates and NaN."""
    return json.loads(clean(json.dumps(value, ensure_ascii=False, default=str)), parse_constant=_nothing)


def _nothing(constant: str) -> None:
    """In place of NaN and the infinities, which no other reader of JSON takes."""


def _choices(value: Any) -> list[str]:
    if value is None or value == [] or value == "":
        raise Broken("no-choices")
    if not isinstance(value, (list, tuple)):
        raise Broken("choices-not-a-list", type(value).__name__)
    choices = []
    for choice in value:
        if isinstance(choice, (dict, list)) or choice is None or (isinstance(choice, float) and math.isnan(choice)):
            raise Broken("bad-choice", f"a choice is {choice!r}"[:80])
        choices.append(clean(str(choice)).strip())
    if len(choices) == 1:
        raise Broken("one-choice", choices[0])
    if not all(choices):
        raise Broken("empty-choice")
    if len(set(choices)) < len(choices):
        twice = next(c for i, c in enumerate(choices) if c in choices[:i])
        raise Broken("duplicate-choices", twice)
    return choices


def answer_index(answer: Any, choices: list[str]) -> int:
    """An index, a letter, or the text of a choice. Text wins: a choice may itself be called "B" or "2"."""
    if answer is None or isinstance(answer, bool) or (isinstance(answer, float) and math.isnan(answer)):
        raise Broken("no-answer", repr(answer) if answer is not None else "")
    if isinstance(answer, float) and answer.is_integer():
        answer = int(answer)
    if isinstance(answer, str):
        text = answer.strip()
        if text in choices:
            return choices.index(text)
        folded = [c.casefold().rstrip(".") for c in choices]
        if folded.count(text.casefold().rstrip(".")) == 1:
            return folded.index(text.casefold().rstrip("."))
        if not text or text.lower() == "nan":
            raise Broken("no-answer")
        if re.fullmatch(r"\(?[A-Za-z][).]?", text):
            answer = ord(text.strip("().").upper()) - ord("A")
        elif re.fullmatch(r"-?\d{1,4}(\.0)?", text):
            answer = int(float(text))
        else:
            raise Broken("answer-not-among-choices", text)
    if not isinstance(answer, int):
        raise Broken("answer-not-among-choices", repr(answer))
    if not 0 <= answer < len(choices):
        raise Broken("answer-out-of-range", f"{answer} with {len(choices)} choices")
    return answer


def spans(value: Any, noun: type[Span], reason: str) -> list[dict[str, Any]]:
    if value is None or value == []:
        return []
    if not isinstance(value, (list, tuple)):
        raise Broken(reason, "not a list")
    try:
        found = [noun.model_validate(v) for v in value]
        if not all(math.isfinite(span.end) for span in found):
            raise Broken(reason, "a time without end")
        return [plain(span.model_dump()) for span in found]
    except ValueError as error:
        raise Broken(reason, str(error).splitlines()[-2].strip() if "\n" in str(error) else str(error)) from None
