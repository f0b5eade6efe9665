"""The demo: toybox questions with planted faults, audited for real, and the findings held against the truth."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from flyreel.audit import session
from flyreel.audit.probe import Result, Setting
from flyreel.audit.run import Audit, audit
from flyreel.audit.summary import percent
from flyreel.engine.budget import Budget
from flyreel.engine.calls import Caller, Limits
from flyreel.engine.local import Progress
from flyreel.errors import FlyreelError
from flyreel.models import catalog
from flyreel.models.catalog import Say
from flyreel.models.ledger import Ledger
from flyreel.models.local import IN_FLIGHT, open_local
from flyreel.questions import Questions
from flyreel.tables import write_jsonl
from flyreel.toybox.questions import questions as toybox_questions

SCENES, PER_SCENE = 12, 4


@dataclass(frozen=True)
class Demo:
    saved: session.Done
    audit: Audit
    planted: np.ndarray
    found: np.ndarray
    with_model: bool
    seconds: float

    def lines(self) -> list[str]:
        """The five lines that matter."""
        by_probe = {r.probe: r for r in self.audit.results}
        clean = self.planted == ""
        n_faulty, n_clean = int((~clean).sum()), int(clean.sum())
        return [
            f"questions {len(self.planted)} on {SCENES} scenes, {n_faulty} with a planted fault",
            f"faults    {int(self.found[~clean].sum())} of {n_faulty} planted ones found weak by some probe, and "
            f"{int(self.found[clean].sum())} of {n_clean} clean ones (each probe picks one key in five by luck)",
            f"surface   {self._told(by_probe.get('surface'))}",
            f"blind     {self._told(by_probe.get('blind'))}",
            f"cues      {self._cues(by_probe)}",
        ]

    def _told(self, result: Result | None) -> str:
        if result is None or result.estimate is None:
            return "not asked: the embedded model could not be had"
        e = result.estimate
        interval = f"{100 * e.ci95[0]:.0f} to {100 * e.ci95[1]:.0f}"
        return f"{percent(e.accuracy)} of keys by {result.solver} (95% CI {interval}, chance {percent(e.chance)})"

    def _cues(self, by_probe: dict[str, Result]) -> str:
        heard, seen = by_probe.get("dialogue"), by_probe.get("evidence")
        if not (heard and seen and heard.estimate and seen.estimate):
            return "not asked: the embedded model could not be had"
        return (
            f"answerable from dialogue alone {percent(heard.estimate.accuracy)}, with every cue "
            f"{percent(seen.estimate.accuracy)} (one question a scene)"
        )

    def json(self) -> dict[str, Any]:
        kinds = sorted(set(self.planted) - {""})
        return {
            "with_model": self.with_model,
            "seconds": round(self.seconds, 1),
            "planted": {kind: int((self.planted == kind).sum()) for kind in kinds},
            "found": {kind: int(self.found[self.planted == kind].sum()) for kind in kinds},
            "clean": int((self.planted == "").sum()),
            "clean_found_weak": int(self.found[self.planted == ""].sum()),
        }


def run_demo(out: Path, seed: int, *, say: Say, progress: Callable[[str], Progress]) -> Demo:
    start = time.monotonic()
    say(f"flyreel demo · {catalog.DEFAULT.title} (local, {catalog.DEFAULT.bytes / 1e6:.0f} MB) · toybox seed {seed}")
    made = toybox_questions(seed, SCENES, PER_SCENE)
    path = write_jsonl(out / "questions.jsonl", made.to_rows())
    say(f"  make      {SCENES} scenes, {len(made)} questions: {path}")
    try:
        model = open_local("default", lambda line: say(f"  {line}"))
    except FlyreelError as error:
        say(f"flyreel: {error}. Going on without it")
        model = None
    with Ledger(out / "audit" / "calls") as ledger:
        callers = [Caller(model, Limits(IN_FLIGHT), ledger, Budget())] if model else []
        setting = Setting(seed=seed, callers=callers, progress=progress)
        done = _audit(path, made, setting, say)
    planted = np.array([(row.get("meta") or {}).get("fault", "") for row in made.to_rows()])
    weak = {id for r in done.results if r.probe != "evidence" for id, v in _verdicts(r) if v == "weak"}
    found = np.array([id in weak for id in made.ids])
    asked = session.Request(file=path, out=out / "audit")
    saved = session.saved(asked, done)
    return Demo(saved, done, planted, found, model is not None, time.monotonic() - start)


def _audit(path: Path, made: Questions, setting: Setting, say: Say) -> Audit:
    """All questions to the probes that are quick, one a scene to those that read it: long prompts take long."""
    after = lambda r: say(f"  {r.probe:<9} {r.seconds:.0f} s")  # noqa: E731
    names = ["surface", "shortcut", "leakage", *(["blind"] if setting.callers else [])]
    done = audit(str(path), made, asked=names, setting=setting, after=after)
    if not setting.callers:
        return done
    few = made.take(np.arange(0, len(made), PER_SCENE))
    heard = audit(str(path), few, asked=["dialogue", "evidence"], setting=setting, after=after)
    models = [{"name": c.model.name, "label": c.model.label, "identity": c.model.identity} for c in setting.callers]
    how = {**done.how, "command": "flyreel demo", "models": models, "asked_with_cues": len(few)}
    return replace(done, results=[*done.results, *heard.results], how=how)


def _verdicts(result: Result) -> list[tuple[str, str]]:
    return list(zip(result.ids, result.verdicts.tolist(), strict=True))
