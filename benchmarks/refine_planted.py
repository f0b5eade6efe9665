"""Toybox questions with planted faults refined without a language model, every kept wording judged by the oracle.

    python benchmarks/refine_planted.py

Bar: no question, changed or not, ends with a wrong key or a second right choice.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter

from common import bars, head, table

from flyreel.refine.loop import Setting, refine
from flyreel.toybox import oracle
from flyreel.toybox.questions import questions

SEEDS = (5, 1000, 1001, 1002, 1003)


def main() -> int:
    head("refine_planted", scenes=50, questions=200, faults=0.3)
    rows, wrong_in_all = [], 0
    for seed in SEEDS:
        refined = asyncio.run(refine(questions(seed, 50, 4, 0.3), Setting(strategy="auto")))
        right = oracle.answers(refined.questions)
        changed = [w for w in refined.walks if w.changed]
        wrong = sum(right[w.row] != w.best.answer for w in refined.walks)
        outcomes = Counter(w.outcome for w in refined.walks)
        rows.append((seed, len(changed), sum(right[w.row] != w.best.answer for w in changed), wrong,
                     *(outcomes[o] for o in ("stronger", "unfixable", "spoken", "spared", "strong"))))  # fmt: skip
        wrong_in_all += wrong
    table(("seed", "changed", "wrong of these", "wrong", "stronger", "unfixable", "spoken", "spared", "strong"), rows)
    return bars((f"{wrong_in_all} questions without exactly one right choice, none", wrong_in_all == 0))


if __name__ == "__main__":
    sys.exit(main())
