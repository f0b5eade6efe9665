"""What `flyreel build` does: forecast, the steps that are not done yet, and the card."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flyreel.audit.run import versions
from flyreel.build import card
from flyreel.build.journal import Incomplete, Journal
from flyreel.build.plan import read
from flyreel.build.steps import Hands, check, forecast, steps
from flyreel.engine.budget import Forecast, parse_budget
from flyreel.engine.local import Progress
from flyreel.errors import InputError
from flyreel.models.catalog import Say
from flyreel.questions import Questions
from flyreel.tables import Project, writable, write_text


@dataclass(frozen=True)
class Done:
    told: dict[str, Any]
    card: Path | None
    failures: list[str]


def project_at(folder: Path) -> Project:
    if project := Project.at(folder):
        return project
    raise InputError(f"{folder}: not a project (no flyreel.toml in it); flyreel import … --into {folder} makes one")


def forecast_of(folder: Path, say: Say) -> dict[str, Forecast]:
    project = project_at(folder)
    plan = read(folder)
    check(project, plan)
    return forecast(project, plan, say)


def run(
    folder: Path, budget: str | None, *, say: Say, progress: Callable[[str], Progress],
    counting: Callable[[int, int], None], told: Callable[[str, dict[str, Any], bool], None],
) -> Done:  # fmt: skip
    """`told` hears of each step as it ends: its name, what it says, and whether it was done before."""
    project = project_at(folder)
    plan = read(folder)
    purse = parse_budget(budget)
    check(project, plan)
    writable(project.reports / "build")
    hands = Hands(say, progress, counting, purse)
    todo = list(steps(project, plan, hands))
    journal = Journal.open(project)
    if journal.standing(todo) < len(plan.methods) and (expected := forecast(project, plan, say)):
        say(f"forecast: {sum(expected.values(), start=Forecast())} (at most, but for what refinement asks)")
    found: dict[str, dict[str, Any]] = {}
    failures: list[str] = []
    for number, step in enumerate(todo):
        if number == len(plan.methods) and not _some(project):
            line = f"no question came through; what was dropped and what waits: {project.reports / 'generate'}"
            return Done(_summary(folder, found, None), None, [*failures, line])
        try:
            entry, before = journal.take(number, step)
        except Incomplete as why:
            return Done(_summary(folder, found, None), None, [*failures, f"{why}. Run the same command to go on"])
        found[step.name] = entry.told
        failures += [f"{step.name}: {line}" for line in entry.told.get("failures", ())]
        told(step.name, entry.told, before)
    page = write_text(
        project.reports / "build" / "card.md", card.write(project, plan, found, journal.entries[-1].after["questions"])
    )
    return Done(_summary(folder, found, page), page, failures)


def _some(project: Project) -> bool:
    """Are there questions with choices, which is what the rest of a build is about?"""
    table = project.table("questions")
    return bool(table.versions()) and len(Questions(table.read()).choice_rows) > 0


def _summary(folder: Path, found: dict[str, dict[str, Any]], page: Path | None) -> dict[str, Any]:
    return {"project": str(folder), "steps": found, "card": str(page) if page else None, "how": versions()}
