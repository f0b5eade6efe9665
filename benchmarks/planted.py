"""Planted faults are found question by question, and clean questions are left in peace.

    python benchmarks/planted.py
    python benchmarks/planted.py FILE ...

The giveaway probe, without any model, on 200 toybox questions of which exactly 60 have a fault, 12 of each kind, drawn
by lot; then on sets as toybox draws them, where kinds and numbers fall as they may. Ten seeds, none of which the rules
were written on (those were 0 to 19). Bars, for the worst seed of the exact sets and for all sets of each sort together:
at least 95% of the faults found that a question can show, at most 5% of the clean questions called given away, and at
most 1% of all with the same rules on shuffled keys.

The rules were written by who knew these kinds of fault. So the same kinds are also planted in other words, milder ones
among them, 30 in 200; there is no bar on these, and some are not found.

A key that is always third cannot be seen in one question. Those are counted apart, both totals are printed, and beside
them whether the chi-square test of the `surface` probe finds the set out.

With files, what the probe calls given away there is printed too, with three examples a rule: to be read, not counted.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from common import bars, head, table

from flyreel.audit.giveaway import giveaway
from flyreel.audit.probe import Result, Setting
from flyreel.audit.statistics import chi_square_uniform
from flyreel.audit.surface import key_positions
from flyreel.formats.base import read
from flyreel.questions import Questions
from flyreel.toybox import oracle
from flyreel.toybox.questions import FAULTS, questions

SCENES, PER_SCENE, EACH = 50, 4, 12
UNSEEN = "position"
LEAST, MOST, MOST_SHUFFLED = 0.95, 0.05, 0.01
EXAMPLES = 3

WORDED = 30

Counted = dict[str, Any]
Row = dict[str, Any]
Change = Callable[[Row, random.Random], None]


def exactly(seed: int) -> Questions:
    """The clean set with 60 of its questions put again, with a fault."""
    rows = questions(seed, SCENES, PER_SCENE, 0.0).to_rows()
    lot = random.Random(seed).sample(range(len(rows)), EACH * len(FAULTS))
    for n, kind in enumerate(FAULTS):
        planted = questions(seed, SCENES, PER_SCENE, 1.0, (kind,)).to_rows()
        for i in lot[n * EACH : (n + 1) * EACH]:
            assert planted[i]["id"] == rows[i]["id"]
            rows[i] = planted[i]
    return Questions.from_rows(rows)


def count(made: Questions) -> Counted:
    start = time.perf_counter()
    result = giveaway(made, Setting())
    seconds = time.perf_counter() - start
    weak = result.verdicts == "weak"
    fault = np.array([(row.get("meta") or {}).get("fault", "") for row in made.to_rows()])
    right = np.array([a == b for a, b in zip(oracle.answers(made), made.answer.tolist(), strict=True)])
    return {
        "planted": Counter(fault[fault != ""].tolist()),
        "found": Counter(fault[(fault != "") & weak].tolist()),
        "clean": int((fault == "").sum()),
        "alarms": int((weak & (fault == "")).sum()),
        "shuffled": result.details["shuffled"]["share"],
        "position": chi_square_uniform(*key_positions(made))[1],
        "gold": bool(right.all()),
        "seconds": seconds,
    }


def found(runs: Sequence[Counted], kinds: Sequence[str]) -> tuple[int, int]:
    return sum(r["found"][k] for r in runs for k in kinds), sum(r["planted"][k] for r in runs for k in kinds)


def of(pair: tuple[int, int]) -> str:
    return f"{pair[0]} of {pair[1]}"


def rate(pair: tuple[int, int]) -> float:
    return pair[0] / pair[1] if pair[1] else 1.0


def show(title: str, seeds: Sequence[int], runs: Sequence[Counted]) -> list[tuple[str, bool]]:
    seen = [k for k in FAULTS if k != UNSEEN]
    rows = []
    for name, some in [*zip(map(str, seeds), ([r] for r in runs), strict=True), ("all", list(runs))]:
        clean = (sum(r["alarms"] for r in some), sum(r["clean"] for r in some))
        shuffled = float(np.mean([r["shuffled"] for r in some]))
        chi = f"{some[0]['position']:.2g}" if len(some) == 1 else ""
        rows.append(
            (name, *(of(found(some, [k])) for k in seen), of(found(some, seen)), of(found(some, [UNSEEN])),
             of(found(some, FAULTS)), of(clean), f"{100 * shuffled:.2f}%", chi)
        )  # fmt: skip
    print(f"  {title}")
    columns = ("seed", *seen, "can be seen", UNSEEN, "with it", "clean", "shuffled keys", "position p")
    table(columns, rows)
    out = sum(r["position"] < 0.05 for r in runs)
    print(f"  with {UNSEEN} counted {100 * rate(found(runs, FAULTS)):.1f}% are found; chi-square over the positions is")
    print(f"  significant in {out} of {len(runs)} sets\n")
    share = rate(found(runs, seen))
    alarms = sum(r["alarms"] for r in runs) / sum(r["clean"] for r in runs)
    shuffled = float(np.mean([r["shuffled"] for r in runs]))
    return [
        (f"{title}: {100 * share:.1f}% of what a question can show found, at least {100 * LEAST:g}%", share >= LEAST),
        (f"{title}: {100 * alarms:.2f}% of clean questions called given away, at most {100 * MOST:g}%", alarms <= MOST),
        (f"{title}: {100 * shuffled:.2f}% with shuffled keys, at most {100 * MOST_SHUFFLED:g}%",
         shuffled <= MOST_SHUFFLED),
        (f"{title}: the key is the one right choice in every question, says the script", all(r["gold"] for r in runs)),
    ]  # fmt: skip


def hint(row: Row, lot: random.Random) -> None:
    asked = row["question"]
    row["question"] = f"Knowing about {row['choices'][row['answer']]}, {asked[0].lower()}{asked[1:]}"


def half_hint(row: Row, lot: random.Random) -> None:
    row["question"] += f" Hint: {row['choices'][row['answer']].split()[-1]}"


def longer(words: int) -> Change:
    def change(row: Row, lot: random.Random) -> None:
        more = lot.choices("in the very clear part of that scene here now".split(), k=words)
        row["choices"][row["answer"]] += f" {' '.join(more)}"

    return change


def odd(pool: Sequence[str], wrong: int = 4) -> Change:
    def change(row: Row, lot: random.Random) -> None:
        places = [i for i in range(len(row["choices"])) if i != row["answer"]][:wrong]
        for i, phrase in zip(places, lot.sample(pool, wrong), strict=True):
            row["choices"][i] = phrase

    return change


def line(row: Row, lot: random.Random) -> None:
    about = row["question"].rstrip("?").split(maxsplit=1)[1]
    text = f"You know, {row['choices'][row['answer']]} is what {about}."
    row["cues"] = [{"start": 0.0, "end": 1.0, "kind": "dialogue", "text": text}, *row["cues"]]


ODD = [f"{a} {b}" for a in "purple seventeen hollow quiet rusty folded borrowed electric damp invisible".split()
       for b in "Tuesdays soup arithmetic tax spoons umbrellas verbs gravity porridge Wednesdays".split()]  # fmt: skip
OTHERWISE: dict[str, Change] = {
    "the key before the question": hint,
    "the key's last word after it": half_hint,
    "the key 2 words longer": longer(2),
    "the key 4 words longer": longer(4),
    "the key 6 words longer": longer(6),
    "odd choices, 4 of 10": odd(ODD[:10]),
    "odd choices, 4 of 20": odd(ODD[:20]),
    "odd choices, 4 of 100": odd(ODD),
    "2 odd choices, of 10": odd(ODD[:10], 2),
    "a line in other words": line,
}


def show_otherwise(seeds: Sequence[int]) -> None:
    rows = []
    for name, change in OTHERWISE.items():
        hit = alarms = 0
        for seed in seeds:
            made, lot = questions(seed, SCENES, PER_SCENE, 0.0).to_rows(), random.Random(seed)
            places = lot.sample(range(len(made)), WORDED)
            for i in places:
                change(made[i], lot)
            weak = giveaway(Questions.from_rows(made), Setting()).verdicts == "weak"
            hit += int(weak[places].sum())
            alarms += int(weak.sum()) - int(weak[places].sum())
        n = SCENES * PER_SCENE
        rows.append((name, of((hit, WORDED * len(seeds))), of((alarms, (n - WORDED) * len(seeds)))))
    table(("worded otherwise", "found", "clean"), rows)


def show_file(path: Path) -> None:
    asked = read(path).questions.with_choices()
    start = time.perf_counter()
    result = giveaway(asked, Setting())
    seconds = time.perf_counter() - start
    share = 100 * result.count("weak") / len(asked)
    print(f"  {path.name}: {result.count('weak')} of {len(asked):,} given away ({share:.2f}%), {seconds:.1f} s")
    rules = result.details["rules"]
    table(("", "given away", "choices named", "of them keys"), [(k, r["weak"], r["named"], r["keys"])
          for k, r in rules.items()])  # fmt: skip
    for rule in rules:
        _examples(asked, result, rule)


def _examples(asked: Questions, result: Result, rule: str) -> None:
    assert result.computed_from is not None
    given = [i for i, source in enumerate(result.computed_from) if rule in source]
    for i in given[:: max(1, len(given) // EXAMPLES)][:EXAMPLES]:
        print(f"    {rule}, {asked.ids[i]}: {result.reasons[i]}\n      {asked.texts[i]}")
        for n, choice in enumerate(asked.choices_of(i)):
            print(f"      {'*' if n == asked.answer[i] else ' '} {choice}")
    if given:
        print()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", type=Path, nargs="*", metavar="FILE")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first-seed", type=int, default=1_000)
    given = parser.parse_args()
    head("planted", seeds=f"{given.first_seed} to {given.first_seed + given.seeds - 1}")
    seeds = range(given.first_seed, given.first_seed + given.seeds)
    seen = [k for k in FAULTS if k != UNSEEN]

    exact = [count(exactly(seed)) for seed in seeds]
    checks = show("60 of 200 planted", seeds, exact)
    worst = min(rate(found([r], seen)) for r in exact)
    most = max(r["alarms"] / r["clean"] for r in exact)
    checks += [
        (f"60 of 200 planted, worst seed: {100 * worst:.1f}% found, at least {100 * LEAST:g}%", worst >= LEAST),
        (f"60 of 200 planted, worst seed: {100 * most:.2f}% of clean ones, at most {100 * MOST:g}%", most <= MOST),
    ]
    checks += show("as toybox draws", seeds, [count(questions(s, SCENES, PER_SCENE, 0.3)) for s in seeds])
    show_otherwise(seeds)
    print(f"  slowest of the exact sets {max(r['seconds'] for r in exact):.2f} s\n")
    for path in given.files:
        show_file(path)
    return bars(*checks)


if __name__ == "__main__":
    sys.exit(main())
