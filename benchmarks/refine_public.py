"""Public sets refined without a language model, and what text probes find before and after.

    python benchmarks/refine_public.py DATA_FOLDER
    python benchmarks/refine_public.py DATA_FOLDER --borrowed      # beside it: other questions' keys, drawn at random

Probes: shortcut and net (took part), trees (in the package, took no part), words, letters and forest
(benchmarks/refine_probes.py, took no part); all fitted anew on five folds by group. Bars: on TGIF-QA action, words and
trees at 24% or less, every rule of surface within its interval of chance, no probe significantly below chance, at most
600 s; on the others the excess over chance of every probe falls by 30% or more.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
from common import bars, head, table
from refine_probes import PROBES
from threadpoolctl import threadpool_limits

from flyreel.audit import listwise, net, shortcut, trees
from flyreel.audit.fitted import hits_of
from flyreel.audit.probe import Setting as Probing
from flyreel.audit.statistics import Estimate, estimate
from flyreel.formats.base import read
from flyreel.questions import Questions
from flyreel.refine.loop import Setting, refine
from flyreel.refine.proof import rules_outside
from flyreel.refine.wordings import reworded, wording_of

SETS = ("tgif_qa_test_action.csv", "egoschema_500.jsonl", "social_iq2_val.jsonl")
FALL, SECONDS, WORDS_MOST = 0.3, 600.0, 0.24


def found_by(questions: Questions) -> dict[str, Estimate]:
    fold = listwise.folds(questions.groups, 5, 0)
    given = {
        "shortcut": shortcut.probabilities(questions, Probing()),
        "net": net.probabilities(questions, Probing()),
        "trees": trees.probabilities(questions, Probing()),
    }
    with threadpool_limits(1):
        given |= {name: probe(questions, fold) for name, probe in PROBES.items()}
    hits = {name: hits_of(questions, p, questions.is_key) for name, p in given.items() if p is not None}
    return {name: estimate(h, questions.chance, questions.groups) for name, h in hits.items()}


def borrowed(questions: Questions) -> Questions:
    """Every distractor another question's key, by lot."""
    random = np.random.default_rng(0)
    keys = [questions.choices_of(i)[questions.answer[i]] for i in range(len(questions))]
    changes = {}
    for i in range(len(questions)):
        wording, wrong = wording_of(questions, i), list[str]()
        while len(wrong) < len(wording.choices) - 1:
            text = keys[random.integers(len(keys))]
            if text != wording.key and text not in wrong:
                wrong.append(text)
        at = wording.answer
        changes[i] = wording.model_copy(update={"choices": (*wrong[:at], wording.key, *wrong[at:])})
    return reworded(questions, changes)


def shown(e: Estimate) -> str:
    return f"{100 * e.accuracy:.1f} [{100 * e.ci95[0]:.1f}, {100 * e.ci95[1]:.1f}]"


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--borrowed", action="store_true")
    given = parser.parse_args()
    there = [name for name in SETS if (given.folder / name).is_file()]
    if not there:
        print(f"{given.folder}: none of {', '.join(SETS)}")
        return 1
    head("refine_public")
    checks: list[tuple[str, bool]] = []
    for name in there:
        questions = read(given.folder / name).questions.with_choices()
        start = time.perf_counter()
        refined = asyncio.run(refine(questions, Setting(strategy="distractors")))
        seconds = time.perf_counter() - start
        before, after = found_by(questions), found_by(refined.questions)
        outcomes = ", ".join(f"{n:,} {o}" for o, n in Counter(w.outcome for w in refined.walks).most_common())
        print(f"  {name}: {len(questions):,} questions, {seconds:.0f} s; {outcomes}")
        rows = [
            (p, shown(before[p]), shown(after[p]), f"{100 * (1 - after[p].excess / before[p].excess):.0f}%")
            for p in before
        ]
        table((f"probe, chance {100 * questions.chance.mean():.0f}", "before", "after", "excess falls by"), rows)
        if given.borrowed:
            table(("borrowed keys instead", ""), [(p, shown(e)) for p, e in found_by(borrowed(questions)).items()])
        outside = rules_outside(refined.questions)
        print("\n".join(f"  rule: {line}" for line in outside) or "  every rule within its interval of chance", "\n")
        same = all(w.first.key == w.best.key and len(set(w.best.choices)) == len(w.best.choices) for w in refined.walks)
        low = [p for p, e in after.items() if e.ci95[1] < e.chance]
        checks += [
            (f"{name}: keys unchanged, choices distinct", same),
            (f"{name}: no probe below chance {', '.join(low)}", not low),
        ]
        if name == SETS[0]:
            most = f"{name}: words at {100 * after['words'].accuracy:.1f}, at most {100 * WORDS_MOST:.0f}"
            checks += [
                (most, after["words"].accuracy <= WORDS_MOST),
                (f"{name}: trees at {100 * after['trees'].accuracy:.1f}, at most {100 * WORDS_MOST:.0f}",
                 after["trees"].accuracy <= WORDS_MOST),
                (f"{name}: rules within their intervals of chance", not outside),
                (f"{name}: {seconds:.0f} s, at most {SECONDS:.0f}", seconds <= SECONDS),
            ]  # fmt: skip
        else:
            checks += [
                (f"{name}: excess of {p} falls by {FALL:.0%} or more", after[p].excess <= (1 - FALL) * before[p].excess)
                for p in before
            ]
    return bars(*checks)


if __name__ == "__main__":
    sys.exit(main())
