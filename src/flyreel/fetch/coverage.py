"""How much of the project can be watched: by clips and by questions, with every clip that is missing and why.

A score on the questions whose clips happened to be there is not a score on the set; so the numbers are kept in
fetch/coverage.json, and whatever is reported later can cite them.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from flyreel.errors import InputError
from flyreel.fetch.job import STATUSES
from flyreel.questions import Questions
from flyreel.tables import Project, write_text

HERE = ("ok", "local")
OTHER = {
    "local": "a file of the user's own",
    "no-source": "neither a file nor a link",
    "not-tried": "not asked for yet",
}


@dataclass(frozen=True)
class Coverage:
    """`here` is ok and local together. `questions` counts those that name a clip, and is None without questions."""

    clips: int
    here: int
    statuses: dict[str, int]
    missing: list[dict[str, Any]] = field(default_factory=list)
    questions: int | None = None
    questions_here: int | None = None
    clips_version: int | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    at: str = ""

    @property
    def of_clips(self) -> float:
        return self.here / self.clips if self.clips else 0.0

    @property
    def of_questions(self) -> float | None:
        return self.questions_here / self.questions if self.questions and self.questions_here is not None else None

    @property
    def complete(self) -> bool:
        """Nothing that was tried is missing; what --limit left for later is no failure."""
        return all(row["status"] == "not-tried" for row in self.missing)

    def summary(self) -> str:
        counts = ", ".join(f"{n:,} {status}" for status, n in self.statuses.items())
        share = f"coverage {self.of_clips:.1%} of clips"
        if self.of_questions is not None:
            share += f", {self.of_questions:.1%} of questions"
        return f"{self.here:,} of {self.clips:,} clips: {counts}; {share}"

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "coverage": {"clips": self.of_clips, "questions": self.of_questions}}


def measure(
    clips: Iterable[Mapping[str, Any]],
    states: Mapping[str, tuple[str, str]],
    questions: Questions | None,
    *,
    clips_version: int,
    parameters: Mapping[str, Any],
    at: str,
) -> Coverage:
    """`states` gives status and reason by clip id. A question may name its clip by id or by path."""
    counts: Counter[str] = Counter()
    missing, names = [], set()
    total = 0
    for clip in clips:
        total += 1
        status, reason = states[clip["id"]]
        counts[status] += 1
        if status in HERE:
            names |= {clip["id"], clip.get("path")}
        else:
            missing.append({"clip": clip["id"], "source": clip.get("source"), "status": status, "reason": reason})
    named = [name for name in questions.strings("clip") if name] if questions is not None else []
    return Coverage(
        clips=total,
        here=sum(counts[status] for status in HERE),
        statuses={s: counts[s] for s in [*STATUSES, *OTHER] if counts[s]},
        missing=missing,
        questions=len(named) or None,
        questions_here=sum(name in names for name in named) if named else None,
        clips_version=clips_version,
        parameters=dict(parameters),
        at=at,
    )


def _file(project: Project) -> Path:
    return project.folder / "fetch" / "coverage.json"


def save(project: Project, coverage: Coverage) -> Path:
    return write_text(_file(project), json.dumps(coverage.to_json(), indent=1, ensure_ascii=False) + "\n")


def read(project: Project) -> Coverage | None:
    """What the last fetch found, or None where nothing was ever fetched."""
    path = _file(project)
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        found.pop("coverage", None)
        return Coverage(**found)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: not a coverage file: {error}. Run flyreel fetch again") from None
