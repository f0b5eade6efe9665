"""Which steps of a build are done, and on what: a step is done again when anything it rests on is another.

A step is known by its parameters, by the models that it asks and by the versions of the tables that it began from. What
a killed step may have written beyond the last finished one is set aside: tables go back to the version that is noted.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flyreel.errors import InputError
from flyreel.review import queue
from flyreel.tables import Project, write_text

TABLES = ("clips", "questions", queue.TABLE)
Versions = dict[str, int]


@dataclass(frozen=True)
class Step:
    """`work` returns what the step has to tell, and `incomplete` why it cannot count as done."""

    name: str
    parameters: Mapping[str, Any]
    work: Callable[[], tuple[dict[str, Any], str]]


@dataclass(frozen=True)
class Entry:
    name: str
    key: str
    after: Versions
    told: dict[str, Any]


@dataclass
class Journal:
    """`began` is what there was before the first step: a later build begins there again, unless more was imported."""

    project: Project
    path: Path
    began: Versions
    entries: list[Entry]

    @classmethod
    def open(cls, project: Project) -> Journal:
        path = project.reports / "build" / "build.json"
        now = _versions(project)
        try:
            told = json.loads(path.read_text(encoding="utf-8"))
            began, entries = told["began"], [Entry(**entry) for entry in told["steps"]]
        except FileNotFoundError:
            return cls(project, path, now, [])
        except (ValueError, KeyError, TypeError, OSError) as error:
            raise InputError(f"{path}: damaged: {error}. Remove it to build from the start") from None
        if _imported_since(project, entries[-1].after if entries else began):
            return cls(project, path, now, [])
        return cls(project, path, {**began, "clips": now["clips"]}, entries)

    def standing(self, steps: Sequence[Step]) -> int:
        """How many steps, from the first, are done already."""
        before = self.began
        for number, (step, entry) in enumerate(zip(steps, self.entries, strict=False)):
            if not _done(entry, _key(step, before)):
                return number
            before = entry.after
        return min(len(steps), len(self.entries))

    def take(self, number: int, step: Step) -> tuple[Entry, bool]:
        """The step's entry, and whether it was done before. What followed another outcome of it is forgotten."""
        before = self.entries[number - 1].after if number else self.began
        key = _key(step, before)
        done = self.entries[number] if number < len(self.entries) else None
        if done and _done(done, key):
            return done, True
        self._back_to(before)
        if not number:
            self.entries = []
            self._save()  # where this build began, should it be killed before its first step is done
        told, incomplete = step.work()
        if incomplete:
            raise Incomplete(step.name, incomplete)
        entry = Entry(step.name, key, {**_versions(self.project), "clips": before["clips"]}, told)
        self.entries = [*self.entries[:number], entry]
        self._save()
        return entry, False

    def _back_to(self, wanted: Versions) -> None:
        now = _versions(self.project)
        for name in ("questions", queue.TABLE):
            if now[name] == wanted[name]:
                continue
            table = self.project.table(name)
            last = table.read()
            back = table.read(wanted[name]) if wanted[name] else last.slice(0, 0)
            if not last.equals(back):
                how = {"back_to": wanted[name]}
                table.write(back, stage="build", parameters=how, parents=[f"{name}/v{now[name]}"])

    def _save(self) -> None:
        told = {"began": self.began, "steps": [vars(entry) for entry in self.entries]}
        write_text(self.path, json.dumps(told, indent=1, ensure_ascii=False) + "\n")


def _versions(project: Project) -> Versions:
    """The last version of each table, 0 where nothing was written."""
    found = {}
    for name in TABLES:
        last = project.table(name).versions()[-1:]
        found[name] = last[0].number if last else 0
    return found


def _imported_since(project: Project, then: Versions) -> bool:
    later = [v for v in project.table("questions").versions() if v.number > then["questions"]]
    return any(v.stage == "import" for v in later)


class Incomplete(Exception):
    """A step ended without having done everything; the next run goes on with it."""

    def __init__(self, step: str, why: str) -> None:
        super().__init__(f"{step}: {why}")


def _done(entry: Entry, key: str) -> bool:
    """A step in which calls failed is tried again: what was answered is in the ledger."""
    return entry.key == key and not entry.told.get("failures")


def _key(step: Step, began: Versions) -> str:
    told = {"name": step.name, "parameters": step.parameters, "began": began}
    return hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()[:24]
