"""What asking over all orderings changes: one ordering, the average over the cyclic ones, the three-of-five vote.

    python benchmarks/blind_rotations.py FILE --model local: --n 100 --ledger FOLDER

On n random five-choice questions of a file, with no video. The three read the same replies. Beside each its interval
and what a guesser gets: one in five for the first two, 5.8% for three of five independent tries. No bar on accuracy,
which is the model's and the file's; exit code 1 if a question went unanswered.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from common import bars, head, table
from scipy.stats import binom

from flyreel.audit.asking import NEED
from flyreel.audit.probe import Setting
from flyreel.audit.run import run_probes
from flyreel.audit.statistics import estimate
from flyreel.engine.budget import Budget
from flyreel.engine.calls import Caller, Limits
from flyreel.formats.project import open_questions
from flyreel.models import roles
from flyreel.models.ledger import Ledger
from flyreel.models.scoring import LETTERS

K = 5


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--model", default="local:")
    parser.add_argument("--n", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--ledger", type=Path, help="kept, so that a second run asks nothing; temporary if left out")
    given = parser.parse_args()

    everything = open_questions(given.file).questions.with_choices()
    five = np.flatnonzero(everything.sizes == K)
    if not len(five):
        sys.exit(f"{given.file}: no question with {K} choices")
    drawn = np.random.default_rng(given.seed).permutation(five)[: given.n]
    questions = everything.take(np.sort(drawn))
    head("blind_rotations", file=given.file.name, questions=f"{len(questions)} of {len(five):,}", seed=given.seed)

    spec = roles.parse(given.model, roles.Settings())
    with ExitStack() as stack:
        folder = given.ledger or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        ledger = stack.enter_context(Ledger(folder))
        model = asyncio.run(roles.connect(spec, say=lambda line: print(f"  {line}", flush=True)))
        caller = Caller(model, Limits(concurrency=spec.in_flight), ledger, Budget())
        start = time.perf_counter()
        (result,) = run_probes(["blind"], questions, Setting(callers=[caller]))
        seconds = time.perf_counter() - start

    known = result.verdicts != "unknown"
    assert result.computed_from is not None
    answered = [
        (source[model.label], int(questions.answer[i])) for i, source in enumerate(result.computed_from) if known[i]
    ]
    if not answered:
        sys.exit(f"nothing was answered: {result.details['failures']}")
    # Rows are questions, columns the orderings; an ordering that failed or tied is not right.
    right = np.array([[o["picked"] == key for o in source["orderings"]] for source, key in answered])
    averaged = np.array([np.argmax(source["probabilities"]) == key for source, key in answered])
    groups, guess = questions.groups[known], np.full(len(answered), 1 / K)
    vote_guess = np.full(len(answered), binom.sf(NEED - 1, K, 1 / K))
    rows = [_row(f"ordering {r + 1} alone", right[:, r], guess, groups) for r in range(K)]
    rows.append(_row("averaged over the orderings", averaged, guess, groups))
    rows.append(_row(f"right in {NEED} of {K} orderings", right.sum(axis=1) >= NEED, vote_guess, groups))
    table(("", "share", "95%", "a guesser"), rows)
    letters = Counter(
        o["order"].index(o["picked"]) for s, _ in answered for o in s["orderings"] if o["picked"] is not None
    )
    total = max(1, sum(letters.values()))
    print(f"  model    {model.label}")
    print("  letters  " + ", ".join(f"{LETTERS[i]} {100 * letters[i] / total:.0f}%" for i in range(K)))
    print(f"  calls    {caller.tally.sent:,} sent, {caller.tally.from_ledger:,} from the ledger, {seconds:.1f} s\n")
    return bars((f"{len(answered)} of {len(questions)} questions answered", len(answered) == len(questions)))


def _row(name: str, hits: np.ndarray, chance: np.ndarray, groups: np.ndarray) -> tuple[str, ...]:
    found = estimate(hits, chance, groups)
    return name, f"{found.accuracy:.3f}", f"{found.ci95[0]:.3f}-{found.ci95[1]:.3f}", f"{found.chance:.3f}"


if __name__ == "__main__":
    sys.exit(main())
