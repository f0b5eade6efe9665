"""A refinement in numbers and in words: outcomes, edits, gates, proof."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from flyreel.audit.choices import words
from flyreel.audit.summary import counted, percent
from flyreel.questions import Questions
from flyreel.refine.gates import GATES
from flyreel.refine.loop import Refined, Setting, Walk
from flyreel.refine.proof import Auditor, below_chance, rules_outside
from flyreel.refine.solvers import TEXT_MODELS
from flyreel.review.queue import WAITING
from flyreel.schema import Wording


def told(
    refined: Refined, before: Questions, after: Questions, auditors: list[Auditor], setting: Setting
) -> dict[str, Any]:
    tried = [w for w in refined.walks if w.revisions or w.outcome in WAITING]
    queued = [w for w in refined.walks if w.outcome in WAITING]
    return {
        "questions": len(before),
        "groups": before.n_groups,
        "chance": round(float(before.chance.mean()), 6) if len(before) else None,
        "strategy": setting.strategy,
        "rule": setting.rule,
        "weak": refined.weak,
        "tried": len(tried),
        "resolved": len(tried) - len(queued),
        "queued": len(queued),
        "outcomes": dict(Counter(w.outcome for w in refined.walks)),
        "weak_to": dict(Counter(name for w in refined.walks for name in w.weak_to)),
        "first": {w.id: {"score": w.before, "weak_to": list(w.weak_to)} for w in tried},
        "edits": _edits(refined.walks),
        "gates": _gates(refined.walks),
        "proof": [a.json() for a in auditors],
        "below_chance": below_chance(auditors),
        "rules_outside": rules_outside(after),
        "not_checked": _not_checked(refined, auditors),
    }


def _edits(walks: list[Walk]) -> dict[str, Any]:
    """How many questions changed, in how many steps, and how far their words moved."""
    changed = [w for w in walks if w.changed]
    n = max(len(changed), 1)
    return {
        "questions_changed": len(changed),
        "revisions": sum(len(w.revisions) for w in walks),
        "accepted": sum(r.accepted for w in walks for r in w.revisions),
        "accepted_per_changed": round(sum(r.accepted for w in changed for r in w.revisions) / n, 3),
        "choices_changed_per_changed": round(sum(_choices_changed(w) for w in changed) / n, 3),
        "question_text_changed": sum(w.first.question != w.best.question for w in changed),
        "key_text_changed": sum(w.first.key != w.best.key for w in changed),
        "words_moved": round(sum(moved(w.first, w.best) for w in changed) / n, 4),
    }


def _choices_changed(walk: Walk) -> int:
    return len(set(walk.best.choices) - set(walk.first.choices))


def moved(first: Wording, kept: Wording) -> float:
    """One less the share of words, of question and choices, that the first and the last wording have in common."""
    a, b = (Counter(words(" ".join([w.question, *w.choices]))) for w in (first, kept))
    total = max(sum(a.values()), sum(b.values()), 1)
    return 1 - sum((a & b).values()) / total


def _gates(walks: list[Walk]) -> dict[str, Any]:
    """For each gate: how often it let pass, refused, could not check, and why not."""
    found: dict[str, Any] = {
        name: {"passed": 0, "refused": 0, "not_checked": 0, "because": Counter()} for name in (*GATES, "no-longer-weak")
    }
    for walk in walks:
        for revision in walk.revisions:
            for name, value in revision.gates.items():
                kind, _, why = value.partition(": ")
                kind = kind.replace(" ", "_")
                found[name][kind] += 1
                if kind == "not_checked":
                    found[name]["because"][why] += 1
    return {name: {**v, "because": dict(v["because"].most_common(5))} for name, v in found.items()}


def _not_checked(refined: Refined, auditors: list[Auditor]) -> list[str]:
    lines = []
    by_gate: dict[str, Counter[str]] = defaultdict(Counter)
    for walk in refined.walks:
        for r in walk.revisions:
            if r.accepted:
                for name, value in r.gates.items():
                    if value.startswith("not checked: "):
                        by_gate[name][value.removeprefix("not checked: ")] += 1
    for name, why in by_gate.items():
        reason, _ = why.most_common(1)[0]
        lines.append(
            f"{name}: {counted(sum(why.values()), 'accepted wording')} ({reason}{', …' if len(why) > 1 else ''})"
        )
    if not any(a.role in ("loop", "heldout") and a.name not in (*TEXT_MODELS, "trees") for a in auditors):
        lines.append("no language model took part: add --model, and --heldout for one that proves the result")
    return [line for line in lines if line]


def one_line(refined: Refined) -> str:
    n = Counter(w.outcome for w in refined.walks)
    queued = sum(n[o] for o in WAITING)
    return (
        f"{refined.weak:,} weak of {len(refined.walks):,}: {n['stronger']:,} stronger, {queued:,} to review, "
        f"{n['spared']:,} left to luck"
    )


def lines(summary: dict[str, Any]) -> list[str]:
    """The refinement as a terminal shows it."""
    o, e = summary["outcomes"], summary["edits"]
    found = [
        f"  {'weak':<10} {summary['weak']:,} of {summary['questions']:,} at first; "
        f"{counted(summary['tried'], 'question')} worked on",
        f"  {'stronger':<10} {o.get('stronger', 0):,}   {e['accepted_per_changed']:.2f} revisions each, "
        f"{e['choices_changed_per_changed']:.2f} choices changed, {percent(e['words_moved'])} of their words moved",
        f"  {'to review':<10} {summary['queued']:,}   "
        + (", ".join(f"{o[name]:,} {name}" for name in WAITING if o.get(name)) or "nothing waits"),
        f"  {'to luck':<10} {o.get('spared', 0):,}   picked no more often than by chance; without them the set "
        "would be wrong on purpose",
    ]
    refused = {name: g["refused"] for name, g in summary["gates"].items() if g["refused"]}
    if refused:
        found.append(f"  {'refused':<10} " + ", ".join(f"{name} {n:,}" for name, n in refused.items()))
    found.append("proof")
    for a in summary["proof"]:
        found.append(_auditor(a))
    for line in summary["rules_outside"]:
        found.append(f"  {'rule':<10} {line}")
    for line in summary["below_chance"]:
        found.append(f"  {'below':<10} {line}")
    found += [f"  {'not checked':<10} {line}" for line in summary["not_checked"]]
    return found


def _auditor(a: dict[str, Any]) -> str:
    b, c = a["before"], a["after"]
    if not b or not c:
        return f"  {a['name']:<10} {a['role']}: {a['note'] or 'nobody answered'}"
    low, high = c["ci95"]
    return (
        f"  {a['name']:<10} {percent(b['accuracy']):>6} → {percent(c['accuracy']):>6}  "
        f"[{100 * low:.1f}, {100 * high:.1f}], chance {percent(c['chance'])}   {ROLES[a['role']]}"
        + (f"; {a['note']}" if a["note"] else "")
    )


ROLES = {
    "loop": "took part in the loop",
    "heldout": "took no part",
    "cues": "with every cue; should stay",
    "rules": "the rule that tells most",
}
