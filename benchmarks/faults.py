"""A faulty endpoint loses no question and invents no verdict.

    python benchmarks/faults.py

The blind probe on 2,000 five-choice questions, 128 calls in flight, a client that waits 2 s, against a server where 5%
of requests get a 429, 5% a 500, 2% hang, 2% are malformed and 1% reset. Once with the usual five tries, and once with
a single try, so that questions do end unknown. Each run has a server and a ledger of its own. Bars: every question
ends weak, strong or unknown; unknown has a reason; a question without evidence is never anything else; and whatever
is decided is decided as it is without faults.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

from common import bars, fake_server, head, stats, table

from flyreel.audit.probe import Result, Setting
from flyreel.audit.run import run_probes
from flyreel.engine.budget import Budget
from flyreel.engine.calls import Caller, Limits
from flyreel.models.endpoint import Endpoint
from flyreel.models.ledger import Ledger
from flyreel.questions import Questions

FAULTS = {"rate_limit": 0.05, "server_error": 0.05, "hang": 0.02, "malformed": 0.02, "reset": 0.01}


def questions(n: int, seed: int) -> Questions:
    dice = random.Random(seed)
    rows = []
    for i in range(n):
        choices = [f"answer {number}" for number in dice.sample(range(10**6), 5)]
        rows.append({"id": f"q{i}", "question": f"What is {i}?", "choices": choices, "answer": dice.randrange(5)})
    return Questions.from_rows(rows)


def probe(asked: Questions, faults: dict[str, float], limits: Limits, timeout: float) -> tuple[Result, Caller, dict]:
    with tempfile.TemporaryDirectory() as folder, fake_server(**faults) as url, Ledger(Path(folder)) as ledger:
        caller = Caller(Endpoint(url, "fake", timeout=timeout), limits, ledger, Budget())
        start = time.perf_counter()
        (result,) = run_probes(["blind"], asked, Setting(callers=[caller]))
        return result, caller, {"seconds": time.perf_counter() - start, **stats(url)}


def evidence(result: Result) -> list[bool]:
    """Whether each question was answered, from the raw answers rather than from the verdicts."""
    assert result.computed_from is not None
    return ["failed" not in next(iter(source.values())) for source in result.computed_from]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=2_000)
    parser.add_argument("--in-flight", type=int, default=128)
    parser.add_argument("--timeout", type=float, default=2.0)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    shares = ", ".join(f"{100 * share:g}% {name.replace('_', ' ')}" for name, share in FAULTS.items())
    settings = {"items": f"{given.items:,}", "in_flight": given.in_flight, "client_waits": f"{given.timeout:g} s"}
    head("faults", **settings, seed=given.seed, faults=shares)

    asked = questions(given.items, given.seed)
    usual = Limits(concurrency=given.in_flight)
    once = Limits(concurrency=given.in_flight, tries=1)
    runs = {
        "no faults": probe(asked, {}, usual, given.timeout),
        f"faults, {usual.tries} tries": probe(asked, FAULTS, usual, given.timeout),
        "faults, 1 try": probe(asked, FAULTS, once, given.timeout),
    }
    truth = runs["no faults"][0].verdicts
    rows, checks, why = [], [], []
    for name, (result, caller, seen) in runs.items():
        unknown = result.verdicts == "unknown"
        known = (result.verdicts == "weak") | (result.verdicts == "strong")
        reasoned = all(result.reasons[i] for i in unknown.nonzero()[0])
        changed = int((known & (result.verdicts != truth)).sum())
        invented = sum(k and not there for k, there in zip(known, evidence(result), strict=True))
        counts = (result.count(v) for v in ("weak", "strong", "unknown"))
        tally = caller.tally
        rows.append(
            (name, *counts, changed, f"{seen['requests']:,}", f"{tally.retried:,}", f"{sum(tally.failures.values()):,}",
             f"{seen['seconds']:.1f}")
        )  # fmt: skip
        complete = result.ids == asked.ids and len(result.verdicts) == len(asked) and bool((known | unknown).all())
        checks += [
            (f"{name}: all {len(asked):,} questions are weak, strong or unknown", complete),
            (f"{name}: every one of {int(unknown.sum())} unknown has its reason", reasoned),
            (f"{name}: {invented} decided without evidence, {changed} otherwise than without faults, at most 0",
             invented == changed == 0),
        ]  # fmt: skip
        why += [f"  {name}: unknown for {reason}: {n}" for reason, n in result.details["failures"].items()]
        why += [f"  {name}: calls given up: {dict(tally.failures)}"] if tally.failures else []
    checks.append(("faults, 1 try: some questions do end unknown", rows[-1][3] > 0))
    table(("", "weak", "strong", "unknown", "changed", "requests", "retried", "given up", "s"), rows)
    print("\n".join([*why, ""]))
    return bars(*checks)


if __name__ == "__main__":
    sys.exit(main())
