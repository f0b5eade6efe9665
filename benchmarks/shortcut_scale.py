"""Time and memory of the shortcut probe at 10,000 and at 100,000 five-choice questions.

    python benchmarks/shortcut_scale.py

Synthetic: words by Zipf's law from a vocabulary of 20,000, groups of five, and a planted artefact (a word that stands
in a third of the keys and in few distractors). Each size runs in a process of its own; its time is the probe's alone,
its peak memory is the process's, questions included. Bars: 4 GiB at the largest size, and time that grows by at most
1.2 times the growth in questions (12 for ten times as many).
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from typing import Any

from common import bars, head, table

# Nothing heavy is imported here: a child's peak memory starts at what its parent had when it was started.
VOCABULARY = 20_000
GIB = 4.0
GROWTH = 1.2


def questions(n: int, seed: int) -> Any:
    import numpy as np

    from flyreel.questions import Questions

    random = np.random.default_rng(seed)
    weights = 1.0 / np.arange(1, VOCABULARY + 1)
    words = np.array([_word(i) for i in range(VOCABULARY)])

    def texts(count: int, shortest: int, longest: int) -> list[str]:
        lengths = random.integers(shortest, longest + 1, count)
        drawn = words[random.choice(VOCABULARY, int(lengths.sum()), p=weights / weights.sum())]
        return [" ".join(part) for part in np.split(drawn, np.cumsum(lengths)[:-1])]

    asked, choices = texts(n, 6, 14), texts(5 * n, 3, 10)
    answers = random.integers(0, 5, n)
    planted = random.random((n, 5)) < np.where(np.arange(5) == answers[:, None], 1 / 3, 0.05)
    rows = []
    for i in range(n):
        drawn = [choices[5 * i + j] + " indeed" * bool(planted[i, j]) for j in range(5)]
        kept = [f"{t} {_word(j)}" if t in drawn[:j] else t for j, t in enumerate(drawn)]
        row = {"id": f"q{i}", "question": f"{asked[i]}?", "choices": kept, "answer": int(answers[i])}
        rows.append({**row, "group": f"g{i // 5}"})
    return Questions.from_rows(rows)


def _word(number: int) -> str:
    """A pronounceable word for every number."""
    syllables = [c + v for c in "bdfgklmnprstvz" for v in "aeiou"]
    made = ""
    number += len(syllables)
    while number:
        number, rest = divmod(number, len(syllables))
        made += syllables[rest]
    return made


def one(n: int, seed: int) -> dict[str, float]:
    from flyreel.audit.probe import Setting
    from flyreel.audit.run import run_probes

    asked = questions(n, seed)
    start = time.perf_counter()
    (result,) = run_probes(["shortcut"], asked, Setting(seed=seed))
    seconds = time.perf_counter() - start
    assert result.estimate is not None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    control = result.details["control"]["accuracy"]
    return {"seconds": seconds, "gib": peak, "accuracy": result.estimate.accuracy, "control": control}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs=2, default=(10_000, 100_000), metavar="N")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(one(given.one, given.seed)))
        return 0
    head("shortcut_scale", vocabulary=f"{VOCABULARY:,}", folds=5, seed=given.seed)
    found = []
    for n in given.sizes:
        command = [sys.executable, __file__, "--one", str(n), "--seed", str(given.seed)]
        found.append(json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout))
    table(
        ("questions", "s", "peak GiB", "accuracy", "control", "chance"),
        [
            (f"{n:,}", f"{f['seconds']:.1f}", f"{f['gib']:.2f}", f"{f['accuracy']:.3f}", f"{f['control']:.3f}", "0.200")
            for n, f in zip(given.sizes, found, strict=True)
        ],
    )
    small, large = found
    growth, most = large["seconds"] / small["seconds"], GROWTH * given.sizes[1] / given.sizes[0]
    return bars(
        (f"peak at {given.sizes[1]:,}: {large['gib']:.2f} GiB, at most {GIB:g}", large["gib"] <= GIB),
        (f"time grows {growth:.1f} times, at most {most:g}", growth <= most),
    )


if __name__ == "__main__":
    sys.exit(main())
