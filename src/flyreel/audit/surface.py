"""Longest, shortest, second-shortest …: what the look of the choices alone gives away.

A dataset whose keys are the longest choice half the time is answered by a ruler. Nothing is trained: each rule picks
one choice per question. Many rules are tried, so the p-values are adjusted (Benjamini–Hochberg), and the interval of
the best rule is simultaneous over all of them: the best of twenty coin-flippers is no finding.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from flyreel.audit import choices as per
from flyreel.audit.probe import Result, Setting, probe, weak_where
from flyreel.audit.statistics import LEVEL, Estimate, benjamini_hochberg, chi_square_uniform, estimate
from flyreel.questions import Questions

ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth")
SIGNIFICANT = 0.05


def rules(questions: Questions) -> dict[str, np.ndarray]:
    """Credit per flat choice, by the name a person would give the rule."""
    length, overlap = per.lengths(questions), per.question_overlap(questions)
    likeness, repeated = per.likeness_to_others(questions), per.repetitions(questions)
    at = per.position(questions)
    found = {
        "longest": length.argmax_share(),
        "shortest": length.argmin_share(),
        "second-shortest": length.rank_share(1),
        "second-longest": per.PerChoice(questions, -length.values).rank_share(1),
        "most like the question": overlap.argmax_share(),
        "least like the question": overlap.argmin_share(),
        "most like the other choices": likeness.argmax_share(),
        "least like the other choices": likeness.argmin_share(),
        "most repeated in the set": repeated.argmax_share(),
        "least repeated in the set": repeated.argmin_share(),
        "wholly in its question": per.PerChoice(questions, (overlap.values == 1.0).astype(float)).argmax_share(),
    }
    for i in range(min(int(questions.sizes.max()), len(ORDINALS))):
        found[ORDINALS[i]] = per.PerChoice(questions, (at == i).astype(float)).argmax_share()
    return found


@probe("surface", reads=("question", "choices"))
def surface(questions: Questions, setting: Setting) -> Result:
    """Rules that need no reading: length, position, likeness to the question and to the other choices."""
    tried = rules(questions)
    scored = {name: per.hits(questions, credit) for name, credit in tried.items()}
    simultaneous = 1 - (1 - LEVEL) / len(tried)
    estimates = {n: estimate(h, questions.chance, questions.groups, simultaneous) for n, h in scored.items()}
    adjusted = dict(zip(tried, benjamini_hochberg(np.array([e.p_value for e in estimates.values()])), strict=True))
    best = max(tried, key=lambda name: (-adjusted[name], estimates[name].excess))
    telling = [n for n in tried if adjusted[n] < SIGNIFICANT]
    ruled_out = [n for n, e in estimates.items() if e.ci95[1] < e.chance and n not in telling]

    # One rule decides, so that as many questions are weak by luck as for any other solver that picks one choice.
    weak = (scored[best] == 1.0) & (best in telling)
    picks = [[n for n in telling if scored[n][i] == 1.0] for i in range(len(questions))]
    counts, expected = key_positions(questions)
    chi2, p_chi2 = chi_square_uniform(counts, expected)
    top = estimates[best]
    return Result(
        probe="surface",
        solver=named(best),
        ids=questions.ids,
        verdicts=weak_where(weak),
        scores=scored[best],
        estimate=replace(top, p_value=float(adjusted[best])),
        reasons=[f"the key is {_and(names)}" if names else "" for names in picks],
        details={
            "rule": best,
            "ci95_is": f"simultaneous over {len(tried)} rules",
            "rules": {n: {**e.json(), "p_adjusted": float(f"{adjusted[n]:.3g}")} for n, e in estimates.items()},
            "key_positions": {
                "counts": counts.astype(int).tolist(),
                "expected": np.round(expected, 2).tolist(),
                "chi2": round(chi2, 3),
                "p_value": float(f"{p_chi2:.3g}"),
            },
        },
        why=[_words(n, estimates[n]) for n in [*sorted(telling, key=lambda n: -estimates[n].excess), *ruled_out]],
    )


def key_positions(questions: Questions) -> tuple[np.ndarray, np.ndarray]:
    """How often the key stands at each position, and how often it would if every position were as good."""
    most = int(questions.sizes.max())
    counts = np.bincount(questions.answer, minlength=most).astype(float)
    expected = np.array([(questions.chance * (questions.sizes > i)).sum() for i in range(most)])
    return counts, expected


def named(rule: str) -> str:
    return f"the choice {rule}" if " " in rule else f"the {rule} choice"


def _and(names: list[str]) -> str:
    phrases = [named(n) for n in names]
    return phrases[0] if len(phrases) == 1 else f"{', '.join(phrases[:-1])} and {phrases[-1]}"


def _words(name: str, e: Estimate) -> str:
    chance = f"(chance {100 * e.chance:.0f}%)"
    if e.accuracy < e.chance:
        return f"{named(name)} is right only {100 * e.accuracy:.0f}% of the time {chance}: it can be ruled out"
    return f"{named(name)} is right {100 * e.accuracy:.0f}% of the time {chance}"
