"""The loop: test, and where a question is weak propose, check, test again, five times at most.

What differs from the published loop, and why, is in docs/refine.md. The wording that is kept is the best that passed
every gate, judged by the blind probability of the key, and each attempt starts from it. A question that no solver could
judge is `unknown`: it is left as it is and goes to a person.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from flyreel.audit.probe import Setting as Probing
from flyreel.engine.calls import Caller
from flyreel.engine.local import Progress, Silent, run
from flyreel.engine.stage import Context, Drop
from flyreel.errors import ModelError
from flyreel.questions import Questions
from flyreel.refine import gates
from flyreel.refine.rationale import rationale
from flyreel.refine.solvers import TEXT_MODELS, Blind, Giveaway, Seen, Solver, Text, spared
from flyreel.refine.strategy import Bench, Proposal, Task, strategies
from flyreel.refine.wordings import reworded, wording_of
from flyreel.schema import Revision, Verdict, Wording

ATTEMPTS = 5
TEXT_FEWEST = 40
"""With fewer questions the text model is noise; a language model, where there is one, decides alone."""


@dataclass(frozen=True)
class Setting:
    """`luck` leaves each solver its share of lucky picks (solvers.py); without it every pick is a weak question."""

    strategy: str = "auto"
    rule: str = "averaged"
    attempts: int = ATTEMPTS
    seed: int = 0
    folds: int = 5
    luck: bool = True
    blind: Sequence[Caller] = ()
    rewriter: Caller | None = None
    verifiers: Sequence[Caller] = ()
    progress: Callable[[str], Progress] = field(default=lambda label: Silent())


@dataclass
class Walk:
    """One question from its first wording to the one that is kept.

    outcome: `strong` (nothing to do), `spared` (picked as luck would), `stronger`, `unfixable`,
    `spoken` (the cues speak the answer out, which no wording can mend), `unknown`.
    """

    row: int
    id: str
    first: Wording
    best: Wording
    outcome: str = "strong"
    reason: str = ""
    before: float | None = None
    after: float | None = None
    base: int = 0
    rationale: str | None = None
    weak_to: tuple[str, ...] = ()
    revisions: list[Revision] = field(default_factory=list)

    @property
    def changed(self) -> bool:
        return self.best != self.first


@dataclass(frozen=True)
class Refined:
    questions: Questions
    walks: list[Walk]
    weak: int
    """How many questions were found weak at first, and not left to luck."""


@dataclass
class _Found:
    """What all solvers together make of the set: the readings of each, and the verdict on each row."""

    seen: dict[str, dict[int, Seen]]
    verdict: dict[int, Verdict]
    score: dict[int, float | None]
    luck: set[int]
    by: dict[int, tuple[str, ...]]
    reason: dict[int, str]
    hopeless: set[int] = field(default_factory=set)


def solvers(setting: Setting, questions: Questions) -> list[Solver]:
    probing = Probing(folds=setting.folds, seed=setting.seed)
    found: list[Solver] = []
    if setting.blind:
        found.append(Blind(setting.blind, setting.rule, setting.progress))
    if setting.strategy != "rewrite" or not setting.blind:
        if (len(questions) >= TEXT_FEWEST and questions.n_groups > 1) or not setting.blind:
            found += [Text(probing, name) for name in TEXT_MODELS]
        found.append(Giveaway(probing))
    return found


async def refine(questions: Questions, setting: Setting) -> Refined:
    """Every question of the set, each in the best wording that was found for it."""
    if not len(questions):
        return Refined(questions, [], 0)
    entry = strategies.get(setting.strategy)
    who = solvers(setting, questions)
    walks = [Walk(i, questions.ids[i], w := wording_of(questions, i), w) for i in range(len(questions))]
    found = await _test(who, questions, range(len(questions)), setting, {})
    for walk in walks:
        walk.before = walk.after = found.score[walk.row]
        walk.weak_to = found.by[walk.row]
    weak = sum(verdict == "weak" for verdict in found.verdict.values())
    cues, evidence = (questions.table.column(n).to_pylist() for n in ("cues", "evidence"))
    checking = gates.Checking(setting.verifiers, setting.seed)
    now = questions
    for attempt in range(1, setting.attempts + 1):
        open_ = [walks[row] for row in sorted(_weak(found))]
        if not open_:
            break
        await _ask_why(open_, found, attempt, setting)
        tasks = [
            Task(
                w.row, w.id, w.first, w.best, attempt, tuple(cues[w.row] or ()), tuple(evidence[w.row] or ()),
                w.rationale, tuple(w.revisions),
            )
            for w in open_
        ]  # fmt: skip
        bench = Bench(now, setting.seed, setting.rewriter, setting.progress)
        proposals = await entry.make(tasks, bench)
        checked = await _check(tasks, proposals, checking, setting)
        passed = {
            t.row: p
            for t, p, gated in zip(tasks, proposals, checked, strict=True)
            if isinstance(p, Wording) and not gates.refused(gated or {})
        }
        tried = await _test(who, reworded(now, passed), sorted(passed), setting, found.seen) if passed else found
        for task, proposal, gated in zip(tasks, proposals, checked, strict=True):
            _record(walks[task.row], task, proposal, gated, tried, setting.strategy)
        kept = {w.row: w.best for w in open_ if w.base == attempt}
        now = reworded(now, kept)
        found = await _standing(who, found, tried, set(kept), set(passed), now, setting)
        for walk in walks:
            walk.after = found.score[walk.row]  # the text model has seen the whole set anew
        if not passed and all(isinstance(p, Drop) for p in proposals):
            break  # a strategy with nothing left to propose will not have more the next time
    for walk in walks:
        _conclude(walk, found)
    return Refined(now, walks, weak)


async def _test(
    who: Sequence[Solver], questions: Questions, rows: Sequence[int], setting: Setting,
    before: dict[str, dict[int, Seen]],
) -> _Found:  # fmt: skip
    seen = {s.name: {**before.get(s.name, {}), **(await s.look(questions, list(rows)))} for s in who}
    return _combined(who, seen, questions, setting)


def _combined(
    who: Sequence[Solver], seen: dict[str, dict[int, Seen]], questions: Questions, setting: Setting
) -> _Found:
    """Weak where any solver finds it so beyond luck; unknown where a solver that should have answered did not."""
    lucky = [s.name for s in who if s.lucky and setting.luck]
    left = spared({name: seen[name] for name in lucky}, questions.chance)
    found = _Found(seen, {}, {}, set(), {}, {})
    for row in range(len(questions)):
        readings = {s.name: seen[s.name][row] for s in who if row in seen[s.name]}
        weak = [n for n, r in readings.items() if r.weak and not (n in lucky and row in left)]
        failed = [r.reason for r in readings.values() if r.weak is None]
        scores = [r.score for r in readings.values() if r.score is not None]
        found.score[row] = float(np.mean(scores)) if scores else None
        found.verdict[row] = "unknown" if failed else "weak" if weak else "strong"
        found.reason[row] = ", ".join(failed) if failed else "; ".join(f"{n}: {readings[n].reason}" for n in weak)
        found.by[row] = tuple(weak)
        if any(readings[n].hopeless for n in weak):
            found.hopeless.add(row)
        if not weak and row in left:
            found.luck.add(row)
    return found


async def _standing(
    who: Sequence[Solver], found: _Found, tried: _Found, kept: set[int], passed: set[int], now: Questions,
    setting: Setting,
) -> _Found:  # fmt: skip
    """Readings of the wordings that stand. A solver that looks at the whole set saw it with the refused ones in, so it
    looks again where there were any."""
    seen = {}
    for s in who:
        if not s.whole:
            rows = found.seen[s.name]
            seen[s.name] = {row: (tried if row in kept else found).seen[s.name][row] for row in rows}
        elif kept == passed:
            seen[s.name] = tried.seen[s.name]
        else:
            seen[s.name] = await s.look(now, range(len(now))) if kept else found.seen[s.name]
    return _combined(who, seen, now, setting)


def _weak(found: _Found) -> set[int]:
    """Those that a new wording may mend."""
    return {row for row, verdict in found.verdict.items() if verdict == "weak"} - found.hopeless


async def _ask_why(open_: Sequence[Walk], found: _Found, attempt: int, setting: Setting) -> None:
    """One rationale a question, from a solver on an ordering that it got right, and only where somebody reads it."""
    if setting.rewriter is None or not strategies.get(setting.strategy).facts["reads_why"](attempt):
        return

    async def stage(walk: Walk, context: Context) -> str | Drop:
        seen = found.seen["blind"][walk.row]
        assert seen.caller is not None and seen.right is not None
        try:
            return await rationale(seen.caller, walk.best, seen.right)
        except ModelError as error:
            return Drop(error.reason)

    blind = found.seen.get("blind", {})
    asked = [w for w in open_ if w.rationale is None and w.row in blind and blind[w.row].right is not None]
    if asked:
        outcomes = await run(stage, asked, Context(setting.blind[0]), setting.progress("rationale"))
        for outcome in outcomes:
            outcome.item.rationale = None if isinstance(outcome.value, Drop) else outcome.value


async def _check(
    tasks: Sequence[Task], proposals: Sequence[Proposal], checking: gates.Checking, setting: Setting
) -> list[dict[str, str] | None]:
    """Every gate on every proposal; None where there was no proposal."""

    async def stage(pair: tuple[Task, Wording], context: Context | None) -> dict[str, str]:
        return await gates.check(pair[0], pair[1], checking)

    pairs = [(t, p) for t, p in zip(tasks, proposals, strict=True) if isinstance(p, Wording)]
    if setting.verifiers:
        outcomes = await run(stage, pairs, Context(setting.verifiers[0]), setting.progress("gates"))
        values: list[Any] = [o.value for o in outcomes]
    else:
        values = [await stage(pair, None) for pair in pairs]
    done = iter(values)
    return [_gated(next(done)) if isinstance(p, Wording) else None for p in proposals]


def _gated(value: dict[str, str] | Drop) -> dict[str, str]:
    return {"schema": f"refused: {value.reason}"} if isinstance(value, Drop) else value


def _record(walk: Walk, task: Task, proposal: Proposal, gated: dict[str, str] | None, tried: _Found, name: str) -> None:
    """One revision, and a new best where it is one."""
    after = proposal if isinstance(proposal, Wording) else None
    stopped = proposal.reason if isinstance(proposal, Drop) else gates.refused(gated or {})
    verdict: Verdict | None = None
    score, reason, accepted = None, stopped or "", False
    gate = dict(gated or {})
    if not stopped and after is not None:
        verdict, score = tried.verdict[walk.row], tried.score[walk.row]
        better = score is None or walk.after is None or score < walk.after
        accepted = verdict == "strong" or (verdict == "weak" and better)
        said = tried.reason[walk.row]
        still = f"refused: {said}" if verdict == "weak" else f"refused: unknown: {said}"
        gate["no-longer-weak"] = gates.PASSED if verdict == "strong" else still
        reason = "" if accepted else "no better than the best so far" if verdict == "weak" else said
    walk.revisions.append(
        Revision(
            question=walk.id, attempt=task.attempt, base=walk.base, strategy=name, before=task.best, after=after,
            rationale=task.rationale, gates=gate, score=score, verdict=verdict, accepted=accepted, reason=reason,
        )
    )  # fmt: skip
    if accepted and after is not None:
        walk.best, walk.base = after, task.attempt


def _conclude(walk: Walk, found: _Found) -> None:
    verdict = found.verdict[walk.row]
    if verdict == "unknown":
        walk.outcome, walk.reason = "unknown", found.reason[walk.row]
    elif walk.row in found.hopeless:
        walk.outcome, walk.reason = "spoken", found.reason[walk.row]
    elif verdict == "weak":
        last = walk.revisions[-1] if walk.revisions else None
        why = last.reason or "still weak" if last else "nothing was tried"
        walk.outcome, walk.reason = "unfixable", f"{found.reason[walk.row]}; last attempt: {why}"
    elif walk.changed:
        walk.outcome = "stronger"
    elif walk.row in found.luck:
        walk.outcome = "spared"
