"""The shortcut probe on public question sets, where they lie in a folder.

    python benchmarks/public_sets.py DATA_FOLDER
    python benchmarks/public_sets.py DATA_FOLDER --seeds 5

Bars, a set each: accuracy at least what is written below, the interval of the shuffled-key control around chance, at
most 60 s. With --seeds the folds are drawn again and the mean and the range are printed; the bars are on seed 0. A set
that is not in the folder is named and left out; none at all is a failure.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from common import bars, head, table

from flyreel.audit.probe import Result, Setting
from flyreel.audit.run import run_probes
from flyreel.formats.base import read
from flyreel.questions import Questions

BARS = {
    "egoschema_500.jsonl": 0.60,
    "tgif_qa_test_action.csv": 0.58,
    "next_qa_val.csv": 0.30,
    "social_iq2_val.jsonl": 0.58,
}
MOST_SECONDS = 60.0


def probe(questions: Questions, seed: int) -> tuple[Result, float]:
    start = time.perf_counter()
    (result,) = run_probes(["shortcut"], questions, Setting(seed=seed))
    return result, time.perf_counter() - start


def interval(low: float, high: float) -> str:
    return f"{low:.3f}-{high:.3f}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, default=1, help="how many seeds for the folds, from 0")
    parser.add_argument("--only", default="", help="sets whose file name contains this")
    given = parser.parse_args()
    head("public_sets", folds=5, seeds=given.seeds)

    rows, spread, checks = [], [], []
    for name, least in BARS.items():
        path = given.folder / name
        if given.only not in name:
            continue
        if not path.is_file():
            print(f"  {name}: not in the folder, left out")
            continue
        questions = read(path).questions.with_choices()
        runs = [probe(questions, seed) for seed in range(given.seeds)]
        result, seconds = runs[0]
        found, control, variants = result.estimate, result.details["control"], result.details["variants"]
        assert found is not None
        rows.append(
            (name, f"{found.n:,}", f"{found.groups:,}", f"{found.chance:.3f}", f"{found.accuracy:.3f}",
             interval(*found.ci95), f"{least:.2f}", f"{variants['choices only']['accuracy']:.3f}",
             f"{variants['folds without groups']['accuracy']:.3f}", f"{control['accuracy']:.3f}",
             interval(*control["ci95"]), f"{seconds:.1f}")
        )  # fmt: skip
        accuracies = [r.estimate.accuracy for r, _ in runs if r.estimate]
        mean = sum(accuracies) / len(accuracies)
        covered = sum(
            r.details["control"]["ci95"][0] <= found.chance <= r.details["control"]["ci95"][1] for r, _ in runs
        )
        spread.append(
            (name, f"{mean:.3f}", interval(min(accuracies), max(accuracies)), f"{covered} of {len(runs)}",
             f"{max(s for _, s in runs):.1f}")
        )  # fmt: skip
        low, high = control["ci95"]
        checks += [
            (f"{name}: accuracy {found.accuracy:.3f}, at least {least:.2f}", found.accuracy >= least),
            (f"{name}: control's interval {interval(low, high)} covers chance", low <= found.chance <= high),
            (f"{name}: {seconds:.1f} s, at most {MOST_SECONDS:g}", seconds <= MOST_SECONDS),
        ]
    columns = (
        "",
        "n",
        "groups",
        "chance",
        "accuracy",
        "95%",
        "bar",
        "choices only",
        "no groups",
        "control",
        "95%",
        "s",
    )
    table(columns, rows)
    if given.seeds > 1:
        table((f"over {given.seeds} seeds", "mean", "range", "control covers chance", "slowest s"), spread)
    return bars(*checks, (f"{len(rows)} sets were there", bool(rows)))


if __name__ == "__main__":
    sys.exit(main())
