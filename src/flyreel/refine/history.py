"""The walk of one question: its first wording, every attempt on it, and the wording that stands."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

from flyreel.errors import InputError, did_you_mean
from flyreel.refine import store
from flyreel.schema import Revision, Wording


@dataclass(frozen=True)
class History:
    id: str
    first: Wording | None
    revisions: list[Revision]
    waits: str

    def json(self) -> dict[str, Any]:
        return {
            "question": self.id,
            "first": self.first.model_dump(mode="json") if self.first else None,
            "revisions": [
                {**r.model_dump(mode="json", exclude_none=True), "diff": diff(r.before, r.after) if r.after else []}
                for r in self.revisions
            ],
            "review": self.waits or None,
        }

    def lines(self) -> list[str]:
        if self.first is None:
            return [f"{self.id}: open-ended; nothing was tried on it"]
        found = [f"{self.id}@0  first wording", f"    {self.first.question}"]
        found += [f"    {'*' if i == self.first.answer else ' '} {c}" for i, c in enumerate(self.first.choices)]
        for r in self.revisions:
            score = "" if r.score is None else f", key at {r.score:.2f}"
            word = "accepted" if r.accepted else f"refused: {r.reason}"
            found += ["", f"{self.id}@{r.attempt}  {r.strategy} on @{r.base}{score}: {word}"]
            found += [f"    {line}" for line in (diff(r.before, r.after) if r.after else ["no wording"])]
            found += [f"    because: {r.rationale}"] if r.rationale else []
            found += [f"    {name}: {value}" for name, value in r.gates.items() if value != "passed"]
        kept = max((r.attempt for r in self.revisions if r.accepted), default=0)
        found += ["", f"stands: {self.id}@{kept}" + (f"; waits for a person: {self.waits}" if self.waits else "")]
        return found


def of(question: str, where: Path) -> History:
    saved = store.load(store.find(where))
    ids = saved.before.ids
    if question not in ids:
        raise InputError(f"{question}: no such question there.{did_you_mean(question, ids)}")
    row = ids.index(question)
    first = None
    if saved.before.answer[row] >= 0:
        first = Wording(
            question=saved.before.texts[row], choices=tuple(saved.before.choices_of(row)),
            answer=int(saved.before.answer[row]),
        )  # fmt: skip
    case = next((c for c in saved.cases if c.id == question), None)
    waits = f"{case.reason}: {case.detail}" if case else ""
    return History(question, first, [r for r in saved.revisions if r.question == question], waits)


def diff(before: Wording, after: Wording) -> list[str]:
    """What went (-), what came (+) and where the key stands, choice by choice."""
    found = []
    if before.question != after.question:
        found += [f"- {before.question}", f"+ {after.question}"]
    for tag, a, b, c, d in SequenceMatcher(a=before.choices, b=after.choices, autojunk=False).get_opcodes():
        if tag != "equal":
            found += [f"- {_mark(before, i)}" for i in range(a, b)] + [f"+ {_mark(after, i)}" for i in range(c, d)]
    if before.choices == after.choices and before.answer != after.answer:
        found += [f"- key: {before.key}", f"+ key: {after.key}"]
    return found or ["nothing changed"]


def _mark(wording: Wording, i: int) -> str:
    return f"{'* ' if i == wording.answer else '  '}{wording.choices[i]}"
