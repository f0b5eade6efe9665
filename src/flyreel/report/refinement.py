"""The refinement report: from what a refinement saved to one HTML file that loads nothing.

It is drawn as the audit page is: plots are HTML and CSS, and all text from data goes through Jinja's autoescape.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import numpy as np

from flyreel.audit.summary import counted, percent
from flyreel.refine import store
from flyreel.refine.history import diff
from flyreel.refine.summary import moved
from flyreel.refine.wordings import wording_of
from flyreel.report.page import environment, points
from flyreel.review.queue import Case
from flyreel.schema import Revision, Wording
from flyreel.tables import write_text

CARDS = 40
CASES = 40
BINS = 10
REASONS = 5

QUOTED = re.compile(r"“.*?”|(?<![\w.-])\d+(?:\.\d+)?(?![\w.-])")
"""What a reason says of one question alone; without it, alike reasons are counted together."""

OUTCOMES = {
    "strong": "strong from the start",
    "spared": "left to luck: picked no more often than by chance",
    "stronger": "made stronger",
    "unfixable": "to review: no wording that passed made it strong",
    "spoken": "to review: the cues speak the answer out",
    "unknown": "to review: no solver could judge it",
}

GROUPS = (
    ("heldout", "Took no part: these prove", "Solvers that the loop never asked."),
    ("loop", "Took part in the loop", "The questions were changed until these failed, so their fall proves nothing."),
    ("rules", "The rule that tells most", "Of those that look at the choices only; all intervals hold at once."),
    ("cues", "With every cue: should stay", "Who is given the cues should still find the key; a fall here is damage."),
)  # fmt: skip


def write_report(folder: Path, output: Path | None = None) -> Path:
    """Render a saved refinement; the path of the page."""
    return write_text(output or folder / "report.html", render(store.load(folder)))


def render(saved: store.Saved) -> str:
    found = saved.summary
    by_question: dict[str, list[Revision]] = defaultdict(list)
    for revision in saved.revisions:
        by_question[revision.question].append(revision)
    changed = _changed(saved, by_question)
    return environment().get_template("refine.html.jinja").render(
        refine=found,
        source=found.get("source", saved.folder.name),
        verdict=verdict(found),
        lede=_lede(found),
        warnings=_warnings(found),
        auditors=_auditors(found),
        outcomes=_outcomes(found),
        gates=_gates(found, saved.revisions),
        calls=_calls(found),
        moved=_histogram([moved(first, kept) for _, first, kept in changed]),
        cards=_cards(found, changed, by_question),
        cases=[_case(case) for case in saved.cases[:CASES]],
        waiting=len(saved.cases),
        reasons=Counter(case.reason for case in saved.cases).most_common(),
        labels=found.get("labels") or {},
        problems=found.get("problems") or [],
        how=json.dumps(found.get("how", {}), indent=1, ensure_ascii=False),
    )  # fmt: skip


def verdict(summary: dict[str, Any]) -> str:
    """Of several that took no part, by the one that finds most of the set as it is now: not by the kindest."""
    n, changed = summary["questions"], summary["edits"]["questions_changed"]
    if not n:
        return "The set holds no question with choices: nothing was refined."
    if not changed:
        if summary["weak"]:
            weak = f"{summary['weak']:,} of {counted(n, 'question')} weak"
            return f"Nothing was changed: {weak}, and no new wording passed."
        if summary["outcomes"].get("unknown"):
            unknown = f"{summary['outcomes']['unknown']:,} of {counted(n, 'question')}"
            return f"Nothing was changed: {unknown} could not be judged."
        return f"Nothing was changed: of {counted(n, 'question')} none was found weak beyond luck."
    proved = [a for a in summary["proof"] if a["role"] == "heldout" and a["before"] and a["after"]]
    if not proved:
        many = f"{changed:,} of {counted(n, 'question')}"
        return f"Nothing is proved: {many} changed, and no solver that took no part has judged the result."
    a = max(proved, key=lambda a: a["after"]["excess"])
    before, after = a["before"], a["after"]
    return (
        f"{a['name']}, which took no part, finds the key of {percent(before['accuracy'])} of the questions before "
        f"and of {percent(after['accuracy'])} after ({_interval(after)}), where chance is {percent(after['chance'])}."
    )


def _lede(summary: dict[str, Any]) -> str:
    outcomes, queued = summary["outcomes"], summary["queued"]
    if not summary["questions"]:
        return ""
    found = f"{summary['weak']:,} of {counted(summary['questions'], 'question')} weak at first"
    if summary["weak_to"]:
        found += f" (to {', '.join(f'{name} {n:,}' for name, n in summary['weak_to'].items())})"
    stronger, spared = (outcomes.get(name, 0) for name in ("stronger", "spared"))
    return f"{found}; {stronger:,} made stronger, {queued:,} left for a person, {spared:,} left to luck."


def _warnings(summary: dict[str, Any]) -> list[tuple[str, str]]:
    """What a reader who stops at the top must not miss: what it is, and the numbers."""
    found = []
    for a in summary["proof"]:
        who, after, apart = f"{a['name']} ({WHO.get(a['role'], a['role'])})", a["after"], a["difference_ci95"]
        if not (a["before"] and after):
            found.append(("Shows nothing", f"{who}: {a['note'] or 'it did not answer'}"))
            continue
        by = f"{points(a['difference'])} points ({points(apart[0])} to {points(apart[1])})" if apart else ""
        if a["role"] in ("heldout", "loop") and after["ci95"][0] > after["chance"]:
            share = f"{percent(after['accuracy'])} ({_interval(after)}), chance {percent(after['chance'])}"
            found.append(("Still above chance", f"{who} finds the key of {share}"))
        if a["role"] == "heldout" and apart and apart[1] >= 0 and summary["edits"]["questions_changed"]:
            found.append(("No fall shown", f"{who}: {by} from {percent(a['before']['accuracy'])} before"))
        if a["role"] == "cues" and apart and apart[1] < 0:
            found.append(("Harder with every cue", f"{a['name']}: {by} from {percent(a['before']['accuracy'])} before"))
    found += [("Below chance", line) for line in summary["below_chance"]]
    return found + [("Rule that still tells", line) for line in summary["rules_outside"]]


WHO = {"loop": "of the loop", "heldout": "held out", "cues": "with every cue", "rules": "rules"}


def _auditors(summary: dict[str, Any]) -> list[dict[str, Any]]:
    found = []
    for role, title, means in GROUPS:
        rows = [a for a in summary["proof"] if a["role"] == role]
        if rows:
            found.append({"role": role, "title": title, "means": means, "rows": rows})
    return found


def _outcomes(summary: dict[str, Any]) -> dict[str, Any]:
    counts = {name: summary["outcomes"].get(name, 0) for name in (*OUTCOMES, *summary["outcomes"])}
    total = sum(counts.values())
    rows = [
        {"name": name, "means": OUTCOMES.get(name, name), "n": n, "share": n / total} for name, n in counts.items() if n
    ]
    return {"total": total, "rows": rows}


def _gates(summary: dict[str, Any], revisions: list[Revision]) -> list[dict[str, Any]]:
    """Counts as summed up, and why each gate refused, from the revisions themselves."""
    why: dict[str, Counter[str]] = defaultdict(Counter)
    for revision in revisions:
        for name, value in revision.gates.items():
            if value.startswith("refused"):
                why[name][QUOTED.sub("…", value.removeprefix("refused: "))] += 1
    rows = []
    for name, g in summary["gates"].items():
        tried = g["passed"] + g["refused"] + g["not_checked"]
        reasons = [f"{reason} ({n:,})" for reason, n in why[name].most_common(REASONS)]
        skipped = [f"not checked: {reason} ({n:,})" for reason, n in g["because"].items()]
        rows.append({"name": name, "tried": tried, **g, "why": [*reasons, *skipped]})
    return rows


def _calls(summary: dict[str, Any]) -> list[dict[str, Any]]:
    rows = [{"model": label, **tally} for label, tally in (summary.get("calls") or {}).items()]
    if len(rows) > 1:
        names = ("sent", "from_ledger", "retried", "input_tokens", "output_tokens", "money")
        total: dict[str, Any] = {name: sum(row[name] for row in rows) for name in names}
        rows.append({"model": "all", "roles": [], "failures": {}, **total})
    return rows


Change = tuple[str, Wording, Wording]


def _changed(saved: store.Saved, by_question: dict[str, list[Revision]]) -> list[Change]:
    """Those whose wording is another now: id, first and kept. Attempts on the rest are told in the queue."""
    before, after = ({id: i for i, id in enumerate(q.ids)} for q in (saved.before, saved.after))
    pairs = (
        (id, wording_of(saved.before, before[id]), wording_of(saved.after, after[id]))
        for id in by_question
        if id in before and id in after
    )
    return [pair for pair in pairs if pair[1] != pair[2]]


def _histogram(shares: list[float]) -> dict[str, Any] | None:
    if not shares:
        return None
    counts, edges = np.histogram(shares, bins=BINS, range=(0, 1))
    bins = [{"low": float(a), "high": float(b), "n": int(n), "height": float(n / counts.max())}
            for n, a, b in zip(counts, edges, edges[1:], strict=False)]  # fmt: skip
    return {"bins": bins, "n": len(shares), "median": float(np.median(shares))}


def _cards(
    summary: dict[str, Any], changed: list[Change], by_question: dict[str, list[Revision]]
) -> list[dict[str, Any]]:
    """Those whose key fell furthest first. Where the first probability was not kept, by the last one alone."""
    first_found = summary.get("first") or {}
    cards = []
    for id, first, kept in changed:
        revisions = by_question[id]
        accepted = [r for r in revisions if r.accepted]
        known = first_found.get(id, {})
        was, now = known.get("score"), accepted[-1].score if accepted else None
        prompted = [f"weak to {', '.join(known['weak_to'])}"] if known.get("weak_to") else []
        prompted += list(dict.fromkeys(f"“{r.rationale}”" for r in revisions if r.rationale))
        cards.append(
            {
                "id": id, "was": was, "now": now, "chance": 1 / len(kept.choices) if kept.choices else None,
                "fall": (1.0 if was is None else was) - (1.0 if now is None else now),
                "sides": _sides(first, kept),
                "prompted": prompted, "strategy": revisions[0].strategy, "attempts": len(revisions),
                "still_weak": bool(accepted) and accepted[-1].verdict != "strong",
                "refused": [_attempt(r) for r in revisions if not r.accepted],
            }
        )  # fmt: skip
    return sorted(cards, key=lambda card: (-card["fall"], card["id"]))[:CARDS]


def _sides(first: Wording, kept: Wording) -> list[dict[str, Any]]:
    """Both wordings, each with what the other has not."""
    a, b = first.question.split(), kept.question.split()
    questions: tuple[list[dict[str, Any]], list[dict[str, Any]]] = ([], [])
    for tag, i, j, k, m in SequenceMatcher(a=a, b=b, autojunk=False).get_opcodes():
        for side, part in zip(questions, (a[i:j], b[k:m]), strict=True):
            if part:
                side.append({"changed": tag != "equal", "text": " ".join(part)})
    return [
        {
            "title": title,
            "gone": mine is first,
            "question": pieces,
            "choices": [
                {"text": text, "key": i == mine.answer, "changed": text not in other.choices}
                for i, text in enumerate(mine.choices)
            ],
        }
        for title, mine, other, pieces in (
            ("first wording", first, kept, questions[0]),
            ("kept wording", kept, first, questions[1]),
        )
    ]


def _attempt(r: Revision) -> dict[str, Any]:
    return {
        "attempt": r.attempt,
        "accepted": r.accepted,
        "reason": r.reason or "no reason given",
        "score": r.score,
        "diff": diff(r.before, r.after) if r.after else [],
    }


def _case(case: Case) -> dict[str, Any]:
    row = case.question
    choices = row.get("choices") or ()
    return {
        "id": case.id, "reason": case.reason, "means": OUTCOMES.get(case.reason, "").removeprefix("to review: "),
        "detail": case.detail, "state": case.state, "question": row["question"],
        "choices": [{"text": text, "key": i == row["answer"]} for i, text in enumerate(choices)],
        "tried": [_attempt(r) for r in case.tried],
    }  # fmt: skip


def _interval(estimate: dict[str, Any]) -> str:
    low, high = estimate["ci95"]
    return f"95% interval {100 * low:.1f} to {100 * high:.1f}%"
