"""An audit from end to end: which probes can run, running them, and the result as one object.

Probes that need no model run first and outside the event loop, so that Ctrl-C reaches them at once.
"""

from __future__ import annotations

import asyncio
import inspect
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import flyreel
from flyreel.audit.probe import Result, Setting, probes
from flyreel.errors import InputError
from flyreel.questions import Questions
from flyreel.schema import Problem

ORDER = ("giveaway", "surface", "shortcut", "leakage", "blind", "dialogue", "evidence")

After = Callable[[Result], None]


@dataclass(frozen=True)
class Audit:
    """What was found in one set of questions. `questions` are those with choices; open-ended ones are counted."""

    source: str
    format: str
    questions: Questions
    problems: Sequence[Problem]
    results: Sequence[Result]
    not_checked: Sequence[str]
    how: dict[str, Any] = field(default_factory=dict)

    def json(self, findings: str) -> dict[str, Any]:
        from flyreel.audit import summary

        q = self.questions
        return {
            "source": self.source,
            "format": self.format,
            "questions": len(q),
            "groups": q.n_groups,
            "chance": round(float(q.chance.mean()), 6) if len(q) else None,
            "probes": {r.probe: _probe_json(r) for r in self.results},
            "problems": [p.model_dump(exclude_none=True) for p in self.problems],
            "findings": findings,
            "verdict": summary.verdict(self),
            "why": summary.why(self),
            "next": summary.next_steps(self),
            "not_checked": list(self.not_checked),
            "how": self.how,
        }


def _probe_json(result: Result) -> dict[str, Any]:
    estimate = result.estimate
    numbers = estimate.json() if estimate else dict.fromkeys(
        ("accuracy", "ci95", "chance", "excess", "excess_ci95", "p_value")
    )  # fmt: skip
    return {
        **numbers,
        "weak": result.count("weak"),
        "strong": result.count("strong"),
        "unknown": result.count("unknown"),
        "seconds": round(result.seconds, 2),
        "solver": result.solver,
        "why": result.why,
        **result.details,
    }


def with_choices(source: str, questions: Questions) -> Questions:
    """The questions that probes can be put to; none at all is a wrong input."""
    closed = questions.with_choices()
    if not len(closed):
        raise InputError(f"{source}: all {len(questions):,} questions are open-ended; the probes need choices")
    return closed


def plan(asked: Sequence[str], questions: Questions, has_model: bool) -> tuple[list[str], list[str]]:
    """(probes to run, what is left out and why). A probe asked for by name that cannot run is an error."""
    chosen = list(asked) or [name for name in ORDER if name in probes.names()]
    run: list[str] = []
    left: list[str] = []
    unasked: list[str] = []
    for name in dict.fromkeys(chosen):
        facts = probes.get(name).facts
        lacks = ""
        if facts["needs_model"] and not has_model:
            lacks = "no model was given; add --model http://localhost:8000/v1 or --model local:"
        elif "cues" in facts["reads"] and not questions.has_cues().any():
            lacks = "the rows carry no cues (dialogue or descriptions)"
        if lacks and name in asked:
            raise InputError(f"--probe {name}: {lacks}")
        if lacks and facts["needs_model"] and not has_model:
            unasked.append(name)
        elif lacks:
            left.append(f"{name}: {lacks}")
        else:
            run.append(name)
    if unasked:
        left.insert(0, f"{', '.join(unasked)}: no model was given")
    return sorted(run, key=lambda n: (probes.get(n).facts["needs_model"], ORDER.index(n) if n in ORDER else 99)), left


def run_probes(
    names: Sequence[str], questions: Questions, setting: Setting, after: After = lambda result: None
) -> list[Result]:
    results = []
    waiting = []
    for name in names:
        if inspect.iscoroutinefunction(make := probes.get(name).make):
            waiting.append(make)
            continue
        start = time.monotonic()
        results.append(replace(cast(Result, make(questions, setting)), seconds=time.monotonic() - start))
        after(results[-1])
    if waiting:
        results += asyncio.run(_ask(waiting, questions, setting, after))
    return results


async def _ask(waiting: Sequence[Any], questions: Questions, setting: Setting, after: After) -> list[Result]:
    results = []
    try:
        for make in waiting:
            start = time.monotonic()
            results.append(replace(await make(questions, setting), seconds=time.monotonic() - start))
            after(results[-1])
    finally:
        for caller in setting.callers:
            await caller.model.close()
    return results


def audit(
    source: str,
    questions: Questions,
    *,
    format: str = "canonical",
    problems: Sequence[Problem] = (),
    asked: Sequence[str] = (),
    setting: Setting = Setting(),
    how: dict[str, Any] | None = None,
    after: After = lambda result: None,
) -> Audit:
    """Run the probes that can run, and say which could not."""
    closed = with_choices(source, questions)
    left = []
    if len(closed) < len(questions):
        left.append(f"{len(questions) - len(closed):,} open-ended questions: the probes choose among choices")
    names, cannot = plan(asked, closed, bool(setting.callers))
    results = run_probes(names, closed, setting, after)
    left += cannot + [line for r in results for line in r.not_checked]
    return Audit(source, format, closed, problems, results, left, {**versions(), "folds": setting.folds,
                 "seed": setting.seed, "rule": setting.rule, **(how or {})})  # fmt: skip


def versions() -> dict[str, str]:
    from importlib.metadata import version

    found = {name: version(name) for name in ("numpy", "scipy", "scikit-learn", "pyarrow")}
    return {"flyreel": flyreel.__version__, "python": platform.python_version(), **found}
