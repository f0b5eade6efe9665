"""Who certifies a refined set: the same auditors before and after, and whether each took part in refining it.

A set made hard for one solver is hard for that solver; that proves nothing about others. So text models are fitted
again from scratch, language models that were held out are asked beside those of the loop, and verifiers show whether
the questions can still be answered by somebody who is given every cue.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from flyreel.audit import choices as per
from flyreel.audit import surface, trees
from flyreel.audit.asking import answers
from flyreel.audit.fitted import hits_of
from flyreel.audit.probe import Setting as Probing
from flyreel.audit.statistics import LEVEL, Estimate, benjamini_hochberg, estimate, p_above_chance, paired
from flyreel.engine.calls import Caller
from flyreel.engine.local import Progress, Silent
from flyreel.engine.stage import Drop
from flyreel.models.scoring import Evidence
from flyreel.questions import Questions
from flyreel.refine.solvers import TEXT_MODELS
from flyreel.refine.wordings import wording_of

Role = Literal["loop", "heldout", "cues", "rules"]
UNKNOWN = np.nan
"""The hit of a question that an auditor failed on."""


@dataclass(frozen=True)
class Auditor:
    """`before` and `after` are None where the auditor failed: it has shown nothing. `asked` counts questions of the
    set, those it failed on among them; the difference is over those that it answered before and after."""

    name: str
    role: Role
    before: Estimate | None
    after: Estimate | None
    difference: float | None
    difference_ci95: tuple[float, float] | None
    asked: int
    note: str = ""

    def json(self) -> dict[str, Any]:
        interval = self.difference_ci95
        return {
            "name": self.name,
            "role": self.role,
            "before": self.before.json() if self.before else None,
            "after": self.after.json() if self.after else None,
            "difference": None if self.difference is None else _rounded(self.difference),
            "difference_ci95": None if interval is None else [_rounded(x) for x in interval],
            "asked": self.asked,
            "note": self.note,
        }


@dataclass(frozen=True)
class Proving:
    """`most` bounds the questions that a language model is put, before and after each. They are drawn by whole groups,
    only the last of them in part."""

    blind: Sequence[Caller] = ()
    heldout: Sequence[Caller] = ()
    verifiers: Sequence[Caller] = ()
    text_in_loop: bool = True
    folds: int = 5
    seed: int = 0
    most: int | None = None
    progress: Callable[[str], Progress] = field(default=lambda label: Silent())


async def prove(before: Questions, after: Questions, proving: Proving) -> list[Auditor]:
    """Every auditor on both sets, which hold the same questions in the same order."""
    assert before.ids == after.ids, f"{len(before)} and {len(after)} questions that are not the same"
    before, after = before.with_choices(), after.with_choices()
    if not len(after):
        return []
    found = [*_text_models(before, after, proving), _rules(before, after)]
    everything = _drawn(after, np.ones(len(after), dtype=bool), proving)
    for caller, role, note in _blind(proving):
        found.append(await _asked(caller, role, "blind", before, after, everything, proving, note))
    cued = _drawn(after, after.has_cues() & before.has_cues(), proving)
    for caller in proving.verifiers:
        found.append(await _asked(caller, "cues", "evidence", before, after, cued, proving))
    return found


def below_chance(auditors: Sequence[Auditor]) -> list[str]:
    """A set that is wrong on purpose is as guessable as one that is right: who knows rules out the usual guess."""
    found = []
    for a in auditors:
        if a.after is None or a.after.ci95[1] >= a.after.chance:
            continue
        if a.role == "cues":
            means = "with every cue in sight it takes other choices for right"
        else:
            means = "its pick can be ruled out, which is a shortcut as well"
        high, chance = 100 * a.after.ci95[1], 100 * a.after.chance
        found.append(
            f"{_who(a)} is right only {100 * a.after.accuracy:.1f}% of the time, "
            f"at most {high:.1f}%, where chance is {chance:.1f}%: {means}"
        )
    return found


def rules_outside(questions: Questions) -> list[str]:
    """Every rule about the look of the choices whose interval, simultaneous over all rules, excludes chance."""
    closed = questions.with_choices()
    if not len(closed):
        return []
    _, estimates, _ = _scored(closed)
    outside = [(n, e) for n, e in estimates.items() if not e.ci95[0] <= e.chance <= e.ci95[1]]
    return [
        f"{surface.named(n)} is right {100 * e.accuracy:.1f}% of the time (chance {100 * e.chance:.1f}%)"
        for n, e in sorted(outside, key=lambda pair: -abs(pair[1].excess))
    ]


def standing(evidence: Evidence, key: int) -> float:
    """1 where the key stands alone on top, its share of the top where others stand beside it, 0 below."""
    p = np.array(evidence.probabilities)
    best = np.isclose(p, p.max(), rtol=1e-9)
    return float(best[key] / best.sum())


def _text_models(before: Questions, after: Questions, proving: Proving) -> Iterator[Auditor]:
    probing = Probing(folds=proving.folds, seed=proving.seed)
    for name, fitted in {**TEXT_MODELS, "trees": trees.probabilities}.items():
        role: Role = "loop" if proving.text_in_loop and name in TEXT_MODELS else "heldout"
        hits = []
        for questions in (before, after):
            given = fitted(questions, probing)
            none = np.full(len(questions), UNKNOWN)
            hits.append(none if given is None else hits_of(questions, given, questions.is_key))
        note = "too-few-groups" if np.isnan(hits[1]).all() else ""
        yield _compared(name, role, before, after, hits[0], hits[1], note)


def _scored(questions: Questions) -> tuple[dict[str, np.ndarray], dict[str, Estimate], str]:
    """Hits and estimates of every rule, and the name of the one furthest from chance on either side.

    Unlike the surface probe's, the p-values are two-sided, since a rule that is never right tells the key as well.
    """
    tried = surface.rules(questions)
    hits = {name: per.hits(questions, credit) for name, credit in tried.items()}
    level = _simultaneous(len(tried))
    estimates = {n: estimate(h, questions.chance, questions.groups, level) for n, h in hits.items()}
    below = [p_above_chance(1 - h, 1 - questions.chance, questions.groups) for h in hits.values()]
    p = np.minimum(1.0, 2 * np.minimum([e.p_value for e in estimates.values()], below))
    adjusted = dict(zip(hits, benjamini_hochberg(p), strict=True))
    raw = dict(zip(hits, p, strict=True))
    furthest = min(hits, key=lambda n: (adjusted[n], raw[n], -abs(estimates[n].excess)))
    return hits, {n: replace(e, p_value=float(adjusted[n])) for n, e in estimates.items()}, furthest


def _simultaneous(rules: int) -> float:
    return 1 - (1 - LEVEL) / rules


def _rules(before: Questions, after: Questions) -> Auditor:
    """The difference is that of one rule; between two different ones there is none to speak of."""
    (was, known, first), (now, found, last) = _scored(before), _scored(after)
    note = surface.named(last) if first == last else f"{surface.named(first)} before, {surface.named(last)} after"
    difference: float | None = None
    interval: tuple[float, float] | None = None
    if first == last:
        difference, interval = paired(was[first], now[last], after.groups, _simultaneous(len(now)))
    note += f"; intervals and p-values (two-sided) over all {len(now)} rules"
    return Auditor("surface", "rules", known[first], found[last], difference, interval, len(after), note)


def _blind(proving: Proving) -> Iterator[tuple[Caller, Role, str]]:
    """A model that was in the loop is not held out, whatever it is called."""
    inside = {(c.model.identity, c.model.name) for c in proving.blind}
    for caller in proving.blind:
        yield caller, "loop", ""
    for caller in proving.heldout:
        if (caller.model.identity, caller.model.name) in inside:
            yield caller, "loop", "not held out: it was in the loop"
        else:
            yield caller, "heldout", ""


def _drawn(questions: Questions, usable: np.ndarray, proving: Proving) -> np.ndarray:
    rows = np.flatnonzero(usable)
    if proving.most is None or len(rows) <= proving.most:
        return rows
    random = np.random.default_rng([proving.seed, 3])
    turn = random.permutation(questions.n_groups)[questions.groups]
    order = np.lexsort((random.random(len(questions)), turn))
    return np.sort(order[usable[order]][: proving.most])


async def _asked(
    caller: Caller, role: Role, probe: str, before: Questions, after: Questions, rows: np.ndarray, proving: Proving,
    note: str = "",
) -> Auditor:  # fmt: skip
    """A question in the same words before and after is asked once."""
    if not len(rows):
        why = "no question with cues" if probe == "evidence" else "no questions"
        return Auditor(caller.model.label, role, None, None, None, None, 0, _joined([note, why]))
    before, after = before.take(rows), after.take(rows)
    label = f"{caller.model.label}, {probe}"
    first = await answers(caller, before, probe, proving.progress(f"{label} before"))
    new = [i for i in range(len(rows)) if wording_of(before, i) != wording_of(after, i)]
    again = await answers(caller, after.take(np.array(new)), probe, proving.progress(f"{label} after")) if new else []
    last = [*first]
    for i, value in zip(new, again, strict=True):
        last[i] = value
    notes = [note, _failures(first, "before"), _failures(last, "after")]
    was, now = _hits(before, first), _hits(after, last)
    return _compared(caller.model.label, role, before, after, was, now, _joined(notes))


def _hits(questions: Questions, values: Sequence[Evidence | Drop]) -> np.ndarray:
    keys = questions.answer.tolist()
    return np.array([UNKNOWN if isinstance(v, Drop) else standing(v, k) for v, k in zip(values, keys, strict=True)])


def _failures(values: Sequence[Evidence | Drop], when: str) -> str:
    reasons = Counter(v.reason for v in values if isinstance(v, Drop))
    if not reasons:
        return ""
    told = ", ".join(f"{reason} ({n:,})" for reason, n in reasons.most_common())
    return f"{when}, {sum(reasons.values()):,} of {len(values):,} not answered: {told}"


def _compared(
    name: str, role: Role, before: Questions, after: Questions, was: np.ndarray, now: np.ndarray, note: str
) -> Auditor:
    both = ~np.isnan(was) & ~np.isnan(now)
    difference: float | None = None
    interval: tuple[float, float] | None = None
    if both.any():
        difference, interval = paired(was[both], now[both], after.groups[both])
    return Auditor(name, role, _over(before, was), _over(after, now), difference, interval, len(after), note)


def _over(questions: Questions, hits: np.ndarray) -> Estimate | None:
    known = ~np.isnan(hits)
    return estimate(hits[known], questions.chance[known], questions.groups[known]) if known.any() else None


def _who(auditor: Auditor) -> str:
    if auditor.role == "rules":
        rule = auditor.note.split(";")[0]
        return rule.split(" before, ")[-1].removesuffix(" after")
    kind = {"loop": "of the loop", "heldout": "held out", "cues": "with every cue"}[auditor.role]
    return f"{auditor.name} ({kind})"


def _joined(notes: Sequence[str]) -> str:
    return "; ".join(n for n in notes if n)


def _rounded(value: float) -> float:
    return float(f"{value:.6g}")
