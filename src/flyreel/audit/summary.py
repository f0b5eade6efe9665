"""The findings in words: the verdict in one sentence, why, what to do next, and the weakest questions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from flyreel.audit.probe import Result, probes

if TYPE_CHECKING:
    from flyreel.audit.run import Audit

SIGNIFICANT = 0.05


def leaks(audit: Audit) -> list[Result]:
    """The probes that must not see the scene and have an accuracy, the one that found most first."""
    found = [r for r in audit.results if r.estimate and probes.get(r.probe).facts["leak"]]
    return sorted(found, key=lambda r: -r.estimate.excess_ci95[0] if r.estimate else 0.0)


def percent(rate: float) -> str:
    return f"{100 * rate:.1f}%"


def counted(n: int, noun: str) -> str:
    return f"{n:,} {noun}" + ("" if n == 1 else "s")


def verdict(audit: Audit) -> str:
    """By the probes that read no cue; what dialogue gives away is told further down."""
    found = [r for r in leaks(audit) if "cues" not in probes.get(r.probe).facts["reads"]]
    if not found:
        return "Nothing was measured that says whether these questions can be guessed."
    beating = [r for r in found if r.estimate and r.estimate.p_value < SIGNIFICANT]
    top = (beating or found)[0]
    e = top.estimate
    assert e is not None
    interval = f"95% CI {100 * e.ci95[0]:.1f} to {100 * e.ci95[1]:.1f}, chance {percent(e.chance)}"
    if beating:
        return f"{percent(e.accuracy)} of the keys can be picked without watching ({top.probe}; {interval})."
    return f"No probe that ran beats chance; the best of them is {top.probe} at {percent(e.accuracy)} ({interval})."


def why(audit: Audit) -> list[str]:
    return [line for r in leaks(audit) for line in r.why] + [
        line for r in audit.results if not r.estimate for line in r.why
    ]


def over(audit: Audit, max_excess: float) -> list[str]:
    """Probes that beat chance by more than that with their whole interval, in words."""
    return [
        f"{r.probe}: excess over chance {r.estimate.excess:.3f} (95% CI from {r.estimate.excess_ci95[0]:.3f})"
        for r in leaks(audit)
        if r.estimate and r.estimate.excess_ci95[0] > max_excess
    ]


def next_steps(audit: Audit) -> list[str]:
    steps = []
    if audit.problems:
        steps.append(f"Mend or drop the {counted(len(audit.problems), 'broken row')} listed below.")
    names = {r.probe: r for r in audit.results}
    given = names["giveaway"].count("weak") if "giveaway" in names else 0
    if given:
        steps.append(f"Mend the {counted(given, 'question')} that give their key away; the reason stands beside each.")
    for r in leaks(audit):
        if r.probe == "surface" and r.why:
            steps.append(f"Balance the choices over the whole set so that no rule works: {r.why[0]}.")
        if r.probe == "shortcut" and r.estimate and r.estimate.ci95[0] > r.estimate.chance:
            steps.append(
                f"Rewrite the distractors of the {r.count('weak'):,} questions that the text model picks, "
                "then audit the result with solvers that took no part."
            )
        if r.probe == "blind" and r.estimate and r.estimate.ci95[0] > r.estimate.chance:
            steps.append(f"Replace choices in the {r.count('weak'):,} questions that the language model guesses.")
    unknown = sum(r.count("unknown") for r in audit.results if not r.skipped)
    if unknown:
        steps.append(f"Run the same command again: {unknown:,} verdicts are unknown because a solver failed.")
    if "blind" not in names:
        steps.append("Ask a language model too: --model http://localhost:8000/v1, or --model local: for a small one.")
    if not steps:
        steps.append("Nothing to mend was found; keep the audit in your data's own tests with --max-excess.")
    return steps


def weakest(results: list[dict[str, Any]], limit: int = 50) -> list[str]:
    """Ids from finding rows, those that most probes found weak first, then by the probability of the key."""
    count: dict[str, int] = {}
    score: dict[str, float] = {}
    for row in results:
        if row["verdict"] == "weak" and probes.get(row["probe"]).facts["leak"]:
            count[row["question"]] = count.get(row["question"], 0) + 1
            if row["score"] is not None and not np.isnan(row["score"]):
                score[row["question"]] = score.get(row["question"], 0.0) + row["score"]
    return sorted(count, key=lambda q: (-count[q], -score.get(q, 0.0), q))[:limit]


def lines(audit: Audit) -> list[str]:
    """The findings as a terminal shows them: one line a probe, each number beside what it is compared to."""
    found = []
    for r in sorted(
        audit.results, key=lambda r: "giveaway shortcut trees surface blind dialogue evidence leakage".find(r.probe)
    ):
        if r.skipped:
            continue
        found.append(_line(r.probe, r.estimate.accuracy, r.estimate.ci95, _says(r)) if r.estimate else _plain(r))
        control = r.details.get("control")
        if control:
            low, high = control["ci95"]
            fair = low <= control["chance"] <= high
            says = "as it should be" if fair else f"NOT at chance, do not trust {r.probe} here"
            found.append(_line("control", control["accuracy"], (low, high), f"same model, shuffled keys: {says}"))
    n = len(audit.problems)
    kinds = sorted({p.reason for p in audit.problems})
    found.append(f"  {'problems':<12} " + (f"{counted(n, 'broken row')} left out: {', '.join(kinds)}" if n else "none"))
    found += [f"  {'not checked':<12} {line}" for line in audit.not_checked]
    return found


def _line(name: str, rate: float, ci: tuple[float, float], says: str) -> str:
    return f"  {name:<12} {percent(rate):>6}  [{100 * ci[0]:.1f}, {100 * ci[1]:.1f}]   {says}"


def _plain(r: Result) -> str:
    return f"  {r.probe:<12} {'; '.join(r.why) if r.why and r.probe != 'giveaway' else _says(r)}"


def _says(r: Result) -> str:
    unknown = f"; {r.count('unknown'):,} unknown" if r.count("unknown") else ""
    if r.probe == "surface":
        return f"pick {r.solver}; the best of {len(r.details['rules'])} rules"
    if r.probe == "giveaway":
        control = percent(r.details["shuffled"]["share"])
        return f"{r.count('weak'):,} of {len(r.ids):,} questions give their key away ({control} with shuffled keys)"
    if r.probe == "shortcut":
        return "a text model trained on the other folds, without the video"
    if r.probe == "leakage":
        return "no group or near copy in two splits" if r.details["splits"] else "no near copies"
    told = {
        "trees": "boosted trees trained on the other folds, without the video",
        "blind": "without video or dialogue",
        "dialogue": "with the dialogue only",
        "evidence": "with every cue; high is good",
    }
    return f"{r.solver} {told.get(r.probe, '')}{unknown}"
