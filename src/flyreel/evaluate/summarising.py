"""What every model said, as the numbers that are kept: scores by view, what each view adds, models against each other.

Open-ended answers are scored in one view only: `full`, or else the first in which any was given. Which one it was
stands beside the scores.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

from flyreel.evaluate import open_ended, submission
from flyreel.evaluate.scores import Sheet, compare, letters, score, sheet
from flyreel.evaluate.views import ADDS, VIEWS
from flyreel.questions import Questions
from flyreel.schema import Prediction, Problem

ByView = Mapping[str, Mapping[str, Prediction]]
"""One model's predictions, by view and by question."""


def summarised(
    questions: Questions,
    found: Mapping[str, ByView],
    judged: Mapping[str, Mapping[str, bool | None]],
    problems: Sequence[Problem],
) -> dict[str, Any]:
    closed = questions.with_choices()
    sheets = {
        name: {view: sheet(name, view, closed, by_id) for view, by_id in by_view.items()}
        for name, by_view in found.items()
    }
    told: dict[str, Any] = {
        "questions": len(questions),
        "with_choices": len(closed),
        "groups": questions.n_groups,
        "chance": float(closed.chance.mean()) if len(closed) else None,
        "question_digest": submission.digest(questions),
        "models": {},
        "problems": [p.model_dump(exclude_none=True) for p in problems],
    }
    for name, by_view in found.items():
        about: dict[str, Any] = {"views": {}, "adds": {}}
        if len(closed):
            about["views"] = {v: {**score(s).json(), "letters": letters(s)} for v, s in sheets[name].items()}
            about["adds"] = _adds(sheets[name])
        if (questions.sizes == 0).any():
            about["open"] = _open(questions, by_view, judged.get(name))
        told["models"][name] = about
    told["comparisons"] = _compared(sheets) if len(closed) else []
    return told


def _open(questions: Questions, by_view: ByView, judged: Mapping[str, bool | None] | None) -> dict[str, Any]:
    view = open_view(questions, by_view)
    said = [by_view.get(view, {}).get(id) for id in questions.ids]
    return {"view": view, **open_ended.score(questions, said, judged).json()}


def open_view(questions: Questions, by_view: ByView) -> str:
    """The view whose answers to open-ended questions are scored."""
    ids = [id for id, size in zip(questions.ids, questions.sizes, strict=True) if size == 0]
    return next((v for v in VIEWS if any(id in by_view.get(v, {}) for id in ids)), "full")


def _adds(views: Mapping[str, Sheet]) -> dict[str, Any]:
    """What is gained over the view that lacks it, on the questions that were put in both."""
    added = {}
    for what, (without, says) in ADDS.items():
        if "full" in views and without in views and (found := compare(views[without], views["full"])):
            added[what] = {"over": without, "says": says, **found.json()}
    return added


def _compared(sheets: Mapping[str, Mapping[str, Sheet]]) -> list[dict[str, Any]]:
    """Every two models, in the first view that both were shown."""
    found = []
    for a, b in combinations(sheets, 2):
        view = next((v for v in sheets[a] if v in sheets[b]), None)
        if view and (compared := compare(sheets[a][view], sheets[b][view])):
            found.append({"view": view, **compared.json()})
    return found


def failures(summary: Mapping[str, Any]) -> list[str]:
    """Why the exit code is 1, a line each: what was not put to a model, or to the judge, is in no number."""
    found = []
    for name, about in summary["models"].items():
        parts = dict(about["views"])
        if free := about.get("open"):
            parts[f"{free['view']}, open-ended"] = free
        for what, told in parts.items():
            if missing := {why: n for why, n in told["unasked"].items() if why != "one-frame"}:
                why = ", ".join(f"{reason} ({n:,})" for reason, n in missing.items())
                total = sum(missing.values())
                found.append(f"{name}, {what}: {total:,} of {told['coverage']['questions']:,} were not asked: {why}")
        if free and free["unjudged"]:
            found.append(f"{name}: the judge gave no verdict on {free['unjudged']:,} of {free['coverage']['asked']:,}")
    return found
