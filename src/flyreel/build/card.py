"""The dataset card: what the set is worth, how it was made, what was dropped and why, and what nobody checked.

Every number comes from the steps' own summaries. What only a person can know (licences, sources) is taken from
flyreel.toml, and an empty field is said to be empty.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from flyreel.audit.run import versions
from flyreel.audit.summary import counted, percent
from flyreel.build.plan import Plan
from flyreel.clips import Clips
from flyreel.formats import markdown
from flyreel.formats.markdown import plain
from flyreel.generate import summary as generating
from flyreel.questions import Questions
from flyreel.refine import summary as refining
from flyreel.review import queue
from flyreel.tables import Project

Found = dict[str, dict[str, Any]]
NOT_STATED = "not stated"


def write(project: Project, plan: Plan, found: Found, version: int | None = None) -> str:
    """`version` of the questions is what the steps came to; without it the last."""
    table = project.table("questions")
    questions = Questions(table.read(version))
    last = table.versions()[-1].number
    name = plan.name or project.folder.resolve().name
    parts = [
        _front(name, plan, len(questions)),
        f"# {plain(name)}",
        _opening(questions, plan, found),
        _section("What it is worth without watching", _worth(found)),
        _section("How it was made", _made(found)),
        _section("What was dropped, and what waits for a person", _dropped(project, found)),
        _section("Labels", _labels(found)),
        _section("Splits", _splits(found)),
        _section("Sources and licences", _sources(project, plan)),
        _section("What was not checked", _unchecked(found, last if version not in (None, last) else None)),
        _section("To make it again", _again(project, plan, found, version or last)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def step_lines(name: str, told: dict[str, Any]) -> list[str]:
    """One step as a terminal shows it."""
    if name.startswith("generate"):
        return generating.lines(told)[:-1]
    if name == "audit":
        return [told["verdict"], f"page: {told['page']}"]
    if name == "label":
        return _labels({"label": told}) or ["no model, so no labels"]
    if name == "refine":
        return [*refining.lines(told), f"page: {told['page']}"]
    return [*_splits({"split": told}), *([f"written to {told['folder']}"] if "folder" in told else [])]


def _front(name: str, plan: Plan, n: int) -> str:
    """What catalogues of data sets read."""
    sizes = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
    size = next((word for limit, word in sizes if n < limit), "n>1M")
    facts = {
        "pretty_name": name, "language": [plan.card.language], "license": plan.card.licence or "unknown",
        "task_categories": ["visual-question-answering", "multiple-choice"], "size_categories": [size],
        "tags": ["video", "flyreel"],
    }  # fmt: skip
    lines = [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in facts.items()]
    return "\n".join(["---", *lines, "---"])


def _opening(questions: Questions, plan: Plan, found: Found) -> str:
    clips = len(set(questions.strings("clip")) - {""})
    closed = questions.with_choices()
    told = (
        f"{counted(len(questions), 'question')} on {counted(clips, 'clip')} of {counted(questions.n_groups, 'group')}"
    )
    if len(closed):
        told += f", chance {percent(float(closed.chance.mean()))}"
    about = f"{plain(plan.card.about)}\n\n" if plan.card.about else ""
    verdict = found["audit"]["verdict"] if "audit" in found else ""
    before = "Before refinement: " if "refine" in found else ""
    return f"{about}{told}. {before}{verdict}"


def _worth(found: Found) -> list[str]:
    """After refinement where there was one, by who took part in it and who did not; else the audit's own numbers."""
    if "refine" in found:
        proved = [
            (
                plain(a["name"]), refining.ROLES[a["role"]], percent(a["before"]["accuracy"]),
                percent(a["after"]["accuracy"]), _interval(a["after"]["ci95"]), percent(a["after"]["chance"]),
            )
            for a in found["refine"]["proof"] if a["before"] and a["after"]
        ]  # fmt: skip
        return _table(("solver", "in refinement", "before", "after", "95% interval", "chance"), proved)
    probes = found["audit"]["probes"] if "audit" in found else {}
    rows = [
        (name, plain(p["solver"]), percent(p["accuracy"]), _interval(p["ci95"]), percent(p["chance"]))
        for name, p in probes.items()
        if p["accuracy"] is not None
    ]
    return _table(("probe", "solver", "accuracy", "95% interval", "chance"), rows)


def _made(found: Found) -> list[str]:
    rows = []
    for name, told in found.items():
        if name.startswith("generate"):
            who = [f"{label} ({', '.join(c['roles'])})" for label, c in told["calls"].items()]
            models = plain("; ".join(who) or "no model")
            prompts = plain(", ".join(told["prompts"]) or "none")
            rows.append((name, models, prompts, f"{told['questions']:,}", f"{told['seconds']:g}"))
    lines = _table(("step", "models", "prompt versions", "questions", "seconds"), rows)
    if "refine" in found:
        r = found["refine"]
        lines += ["", f"Refinement ({r['strategy']}): {r['weak']:,} of {r['questions']:,} questions were weak; "
                  f"{r['edits']['questions_changed']:,} changed, {r['queued']:,} wait for a person."]  # fmt: skip
    spent = Counter[str]()
    for told in found.values():
        for tally in told.get("calls", {}).values() if isinstance(told.get("calls"), dict) else ():
            spent.update({n: tally[n] for n in ("sent", "from_ledger", "money")})
    if spent["sent"] or spent["from_ledger"]:
        lines += ["", f"{spent['sent']:,.0f} calls were sent and {spent['from_ledger']:,.0f} taken from the ledger, "
                  f"for {spent['money']:,.2f} in money."]  # fmt: skip
    return lines


def _dropped(project: Project, found: Found) -> list[str]:
    rows: list[tuple[str, str, str]] = []
    for name, told in found.items():
        if name.startswith("generate"):
            rows += [(name, reason, f"{n:,}") for reason, n in told["dropped"].items()]
            checked = told["verified"] or {"reasons": {}}
            rows += [(f"{name}, verified", reason, f"{n:,}") for reason, n in checked["reasons"].items()]
    lines = _table(("step", "reason", "questions"), rows)
    waiting = Counter(case.reason for case in queue.load(project) if case.state == "open")
    if waiting:
        lines += ["", f"In the review queue: {generating.listed(dict(waiting.most_common()))}."]
    if out := found.get("split", {}).get("left_out", {}).get("questions"):
        lines += ["", f"{counted(out, 'question')} of them stay out of val and test until somebody has decided."]
    return lines


def _labels(found: Found) -> list[str]:
    standing = found.get("label", {}).get("standing", {})
    said = {"visual_reliance": {"1": "need the picture", "0": "are answered from dialogue alone"},
            "hard": {"True": "are missed with every cue", "False": "are not"}}  # fmt: skip
    lines = []
    for label, counts in standing.items():
        if counts:
            told = ", ".join(f"{n:,} {said[label].get(value, value)}" for value, n in counts.items())
            lines.append(f"`{label}`: {told} (by {plain(', '.join(found['label']['by']))})")
    return [f"- {line}" for line in lines]


def _splits(found: Found) -> list[str]:
    split = found.get("split")
    if not split:
        return []
    if not split["splits"]:
        return [f"None were made: {plain(split['why'])}."]
    rows = [(name, f"{p['questions']:,}", f"{p['groups']:,}") for name, p in split["splits"].items()]
    hard = split["hard"]
    told = f"hard: {hard['questions']:,}" if hard["made"] else f"hard: {hard['why']}"
    return [
        *_table(("split", "questions", "groups"), rows),
        "",
        f"No group, clip or near copy is in two splits; {told}.",
    ]


def _sources(project: Project, plan: Plan) -> list[str]:
    clips = project.table("clips")
    imports = [v for v in clips.versions() if v.stage == "import"]
    cues = Counter(cue["kind"] for row in Clips(clips.read()).cues for cue in row)
    words = ", ".join(f"{n:,} {kind}" for kind, n in cues.most_common())
    return [
        f"- Clips: {plain(', '.join(plan.card.sources) or NOT_STATED)}; imported from "
        f"{plain(', '.join(sorted({str(v.parameters.get('source')) for v in imports})) or NOT_STATED)}",
        f"- Cues: {words or 'none'}",
        f"- Licence of the questions: {plain(plan.card.licence or NOT_STATED)}",
        f"- Licence of the clips: {plain(plan.card.clips_licence or NOT_STATED)}",
        f"- Contact: {plain(plan.card.contact or NOT_STATED)}",
    ]


def _unchecked(found: Found, later: int | None) -> list[str]:
    lines = [f"the project's questions have changed since: this is not about version {later}"] if later else []
    if n := found.get("label", {}).get("not_made_here"):
        lines.append(f"{counted(n, 'question')} came with the project: no model was asked whether their keys are right")
    for name, told in found.items():
        if name.startswith("generate") and not told["verified"]:
            lines.append(f"{name}: no model was asked whether the keys are right")
        elif name.startswith("generate") and told["verified"]["keys_accepted"] is None:
            lines.append(f"{name}: each choice alone: the verifier said neither yes nor no")
        elif name.startswith("generate") and not told["verified"]["yes_and_no_counted"]:
            lines.append(f"{name}: each choice alone: the verifier's yes and no did not tell keys from wrong choices")
        lines += [f"{name}: {plain(line)}" for line in told.get("not_checked", ())]
    return [f"- {line}" for line in lines]


def _again(project: Project, plan: Plan, found: Found, version: int) -> list[str]:
    """Everything but secrets: addresses of models stay in the project's own flyreel.toml."""
    kept = plan.model_dump(exclude={"card", "name", "blind"}, exclude_defaults=True)
    software = next((told["made_by"] for told in found.values() if "made_by" in told), versions())
    made = ", ".join(f"{name} {number}" for name, number in software.items() if isinstance(number, str))
    clips = project.table("clips").versions()[-1].number
    lines = ["`flyreel build` with " + plain(json.dumps(kept, ensure_ascii=False)) if kept else "`flyreel build`"]
    return [f"- {line}" for line in (*lines, f"clips version {clips}, questions version {version}", plain(made))]


def _section(title: str, lines: Sequence[str]) -> str:
    return "\n".join([f"## {title}", "", *lines]) if lines else ""


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Nothing where there is nothing to list."""
    rows = list(rows)
    return markdown.table(head, rows) if rows else []


def _interval(ci95: Sequence[float]) -> str:
    return f"{100 * ci95[0]:.1f} to {100 * ci95[1]:.1f}"
