"""The demo: toybox questions with planted faults, audited and refined for real, and held against the truth."""

from __future__ import annotations

import asyncio
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
from flyreel.engine.local import Progress, stops_at_once
from flyreel.errors import FlyreelError
from flyreel.formats.base import Reading, read
from flyreel.models import catalog
from flyreel.models.catalog import Say
from flyreel.models.ledger import Ledger
from flyreel.models.local import IN_FLIGHT, open_local
from flyreel.questions import Questions
from flyreel.refine import session as refining
from flyreel.refine.loop import Setting as Refining
from flyreel.review.queue import WAITING
from flyreel.toybox import oracle
from flyreel.toybox.make import Plan, make
from flyreel.video.pick import keyframes

SCENES, PER_SCENE, FAULTS = 12, 4, 0.3
ATTEMPTS = 3


@dataclass(frozen=True)
class Demo:
    saved: session.Done
    audit: Audit
    planted: np.ndarray
    found: np.ndarray
    refined: refining.Done
    wrong: tuple[int, int]
    """Of the questions that changed: how many the oracle finds wrong, and how many there are."""
    frames: str
    with_model: bool
    seconds: float

    def lines(self) -> list[str]:
        """The lines that matter."""
        by_probe = {r.probe: r for r in self.audit.results}
        clean = self.planted == ""
        at = self.planted == "position"
        n_faulty, n_clean = int((~clean).sum()), int(clean.sum())
        return [
            f"questions {len(self.planted)} on {SCENES} scenes, {n_faulty} with a planted fault",
            f"faults    {int(self.found[~clean & ~at].sum())} of {n_faulty - int(at.sum())} that one question can show "
            f"are found, and {int(self.found[clean].sum())} of {n_clean} clean ones; {int(at.sum())} keys put third on "
            "purpose show only over a larger set",
            f"surface   {self._told(by_probe.get('surface'))}",
            f"blind     {self._told(by_probe.get('blind'))}",
            f"cues      {self._cues(by_probe)}",
            *self._refined(),
            f"keyframes {self.frames}",
        ]

    def _refined(self) -> list[str]:
        told, (wrong, changed) = self.refined.summary, self.wrong
        n = told["outcomes"]
        queued = ", ".join(f"{n[name]} {name}" for name in WAITING if n.get(name))
        proof = [
            f"{a['name']} {percent(a['before']['accuracy'])} → {percent(a['after']['accuracy'])}"
            for a in told["proof"]
            if a["role"] in ("loop", "heldout") and a["before"] and a["after"]
        ]
        return [
            f"refine    {told['weak']} weak: {n.get('stronger', 0)} stronger, {told['queued']} to review"
            + (f" ({queued})" if queued else ""),
            f"prove     {', '.join(proof)} (chance {percent(told['chance'])}); oracle: {wrong} wrong of "
            f"{changed} that changed",
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
            "refined": {"outcomes": self.refined.summary["outcomes"], "changed": self.wrong[1], "wrong": self.wrong[0]},
        }


def run_demo(out: Path, seed: int, *, say: Say, progress: Callable[[str], Progress]) -> Demo:
    start = time.monotonic()
    say(f"flyreel demo · {catalog.DEFAULT.title} (local, {catalog.DEFAULT.bytes / 1e6:.0f} MB) · toybox seed {seed}")
    counts = make(Plan(seed=seed, clips=SCENES, questions=PER_SCENE, faults=FAULTS), out / "toybox")
    path = out / "toybox" / "questions.jsonl"
    made = read(path).questions
    say(f"  make      {SCENES} clips, {counts['seconds']:.0f} s of film, {len(made)} questions: {path.parent}")
    try:
        model = open_local("default", lambda line: say(f"  {line}"))
    except FlyreelError as error:
        say(f"flyreel: {error}. Going on without it")
        model = None
    with Ledger(out / "audit" / "calls") as ledger:
        callers = [Caller(model, Limits(IN_FLIGHT), ledger, Budget())] if model else []
        setting = Setting(seed=seed, callers=callers, progress=progress)
        done = _audit(path, made, setting, say)
        refined, wrong = _refine(read(path), out, callers, setting, say)
    planted = np.array([(row.get("meta") or {}).get("fault", "") for row in made.to_rows()])
    weak = {id for r in done.results if r.probe == "giveaway" for id, v in _verdicts(r) if v == "weak"}
    found = np.array([id in weak for id in made.ids])
    asked = session.Request(file=path, out=out / "audit", embedder="toyclip")
    saved = session.saved(asked, done)
    frames = _keyframes(made, path.parent)
    return Demo(saved, done, planted, found, refined, wrong, frames, model is not None, time.monotonic() - start)


def _keyframes(made: Questions, folder: Path) -> str:
    """The frames of the question about somebody's doing whose evidence is shortest, and whether they show it."""
    rows = [row for row in made.to_rows() if "meta" not in row and row["question"].startswith("Who")]
    if not rows:
        return "none of the questions asks who did something"
    row = min(rows, key=lambda row: (sum(e["end"] - e["start"] for e in row["evidence"]), row["id"]))
    found = keyframes(folder / "clips" / f"{row['clip']}.mp4", row["question"], 4)
    shown = [any(e["start"] <= t <= e["end"] for e in row["evidence"]) for t in found.times]
    where = ", ".join(f"{t:.1f}" for t in found.times)
    share = sum(e["end"] - e["start"] for e in row["evidence"]) / found.media.duration
    return (
        f"“{row['question']}” at {where} s: {sum(shown)} of {len(shown)} frames show it, "
        f"which is to be seen for {percent(share)} of the clip"
    )


def _audit(path: Path, made: Questions, setting: Setting, say: Say) -> Audit:
    """All questions to the probes that are quick, one a scene to those that read it: long prompts take long."""
    after = lambda r: say(f"  {r.probe:<9} {r.seconds:.0f} s")  # noqa: E731
    names = ["giveaway", "surface", "shortcut", "leakage", *(["blind"] if setting.callers else [])]
    done = audit(str(path), made, asked=names, setting=setting, after=after)
    if not setting.callers:
        return done
    few = made.take(np.arange(0, len(made), PER_SCENE))
    heard = audit(str(path), few, asked=["dialogue", "evidence"], setting=setting, after=after)
    models = [{"name": c.model.name, "label": c.model.label, "identity": c.model.identity} for c in setting.callers]
    how = {**done.how, "command": "flyreel demo", "models": models, "asked_with_cues": len(few)}
    return replace(done, results=[*done.results, *heard.results], how=how)


def _refine(
    reading: Reading, out: Path, callers: list[Caller], setting: Setting, say: Say
) -> tuple[refining.Done, tuple[int, int]]:
    """The whole loop. A small model cannot vouch for a new question, and nobody asks it to: its rewrites of question
    or key are refused as unproved, other wrong choices are held against the cues by their words."""
    start = time.monotonic()
    roles = {"blind": tuple(callers), "rewriter": tuple(callers[:1]), "heldout": (), "verifier": ()}
    how = Refining(
        blind=roles["blind"], rewriter=next(iter(callers), None), attempts=ATTEMPTS, seed=setting.seed,
        progress=setting.progress,
    )  # fmt: skip
    closed = reading.questions
    with stops_at_once():
        worked = asyncio.run(refining.work(closed, how, roles, None, say))
    asked = refining.Request(file=Path(reading.source), out=out / "stronger.jsonl")
    done = refining.finish(asked, reading, closed, how, roles, worked, time.monotonic() - start)
    right = oracle.answers(worked.refined.questions)
    changed = [w for w in worked.refined.walks if w.changed]
    return done, (sum(right[w.row] != w.best.answer for w in changed), len(changed))


def _verdicts(result: Result) -> list[tuple[str, str]]:
    return list(zip(result.ids, result.verdicts.tolist(), strict=True))
