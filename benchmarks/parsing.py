"""What a parser makes of replies whose truth is known: wrong choices, refusals, by the kind of reply.

    python benchmarks/parsing.py [--count 10000] [--seed 0]
    python benchmarks/parsing.py --found FILE

The replies are made by `replies`, by somebody who had not read the parser. Side by side on the same replies: flyreel's;
one with the behaviour that the published CinePile evaluation is described to have; the first capital letter that is an
option's; and the first such letter that stands alone. Wrong is an index that is not the truth, and any index where the
reply commits to none. Bar: flyreel is never wrong. A reply that it refuses though it commits is counted, not barred.
`--found` writes every reply that flyreel got wrong or refused.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

from common import bars, head, table
from replies.choices import LETTERS

from flyreel.evaluate import parse_answer
from flyreel.replies.parsing import read_reply
from replies import Case, cases

Parser = Callable[[str, Sequence[str]], "int | None"]
SHOWN = 30


def as_published(reply: str, choices: Sequence[str]) -> int | None:
    """The character after `Answer:`; without one, a reply that is one letter and nothing else."""
    answer = re.search(r"answer:\s*(\S)", reply.replace("*", ""), re.IGNORECASE)
    letter = answer.group(1) if answer else reply.strip()
    return LETTERS.find(letter) if len(letter) == 1 and letter in LETTERS[: len(choices)] else None


def first_capital(reply: str, choices: Sequence[str]) -> int | None:
    found = re.search(f"[A-{LETTERS[len(choices) - 1]}]", reply)
    return LETTERS.index(found.group()) if found else None


def first_lone_capital(reply: str, choices: Sequence[str]) -> int | None:
    found = re.search(rf"\b[A-{LETTERS[len(choices) - 1]}]\b", reply)
    return LETTERS.index(found.group()) if found else None


PARSERS: dict[str, Parser] = {
    "flyreel": parse_answer,
    "as published": as_published,
    "first capital": first_capital,
    "lone capital": first_lone_capital,
}


def outcome(truth: int | None, index: int | None) -> str:
    if index is not None:
        return "right" if index == truth else "wrong"
    return "right" if truth is None else "refused"


def shown(case: Case, index: int | None) -> str:
    told, truth = ("-" if i is None else LETTERS[i] for i in (index, case.truth))
    choices = " | ".join(f"{LETTERS[i]}: {choice}" for i, choice in enumerate(case.choices))
    return f"[{case.kind}] read {told}, truth {truth}\n    {choices}\n    {case.reply!r}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--found", type=Path, help="where to write every reply that was got wrong or refused")
    given = parser.parse_args()
    head("parsing", count=given.count, seed=given.seed)

    made = list(cases(given.count, given.seed))
    counts: dict[tuple[str, bool, str], Counter[str]] = defaultdict(Counter)
    missed: dict[str, list[str]] = {"wrong": [], "refused": []}
    reasons: Counter[str] = Counter()
    torn = 0
    for case in made:
        commits = case.truth is not None
        for name, parse in PARSERS.items():
            index = parse(case.reply, case.choices)
            how = outcome(case.truth, index)
            counts[name, commits, case.kind][how] += 1
            if name == "flyreel" and how != "right":
                missed[how].append(shown(case, index))
        reading = read_reply(case.reply, case.choices)
        reasons[reading.failure or "none"] += 1
        torn += (reading.index is None) != (reading.failure is not None) or (reading.strict and reading.index is None)

    summary(counts)
    by_kind(counts)
    print("  why flyreel gave no index: " + ", ".join(f"{name} {n:,}" for name, n in reasons.most_common()) + "\n")
    for how, every in missed.items():
        print(f"  {how}: {len(every):,}" + (f", the first {SHOWN}" if len(every) > SHOWN else ""))
        print("".join(f"  {line}\n" for line in every[:SHOWN]) if how == "wrong" else "")
    if given.found:
        given.found.write_text("\n\n".join(f"{how.upper()} {line}" for how in missed for line in missed[how]) + "\n")
    return bars(
        (f"flyreel gives no wrong index: {len(missed['wrong'])} of {len(made):,}", not missed["wrong"]),
        (f"a reading has an index or a failure, and a strict one an index: {torn} do not", not torn),
    )


def summary(counts: dict[tuple[str, bool, str], Counter[str]]) -> None:
    rows = []
    for name in PARSERS:
        total = {
            c: sum((v for (n, k, _), v in counts.items() if n == name and k == c), Counter()) for c in (True, False)
        }
        sizes = {c: total[c].total() or 1 for c in total}
        cells = [total[True]["right"], total[True]["wrong"], total[True]["refused"], total[False]["wrong"]]
        of = [sizes[True]] * 3 + [sizes[False]]
        rows.append([name, *(f"{n:,} ({n / size:.1%})" for n, size in zip(cells, of, strict=True))])
    print("  of replies that commit: right, wrong, refused; of those that do not: given a choice")
    table(["", "right", "wrong", "refused", "wrong, none meant"], rows)


def by_kind(counts: dict[tuple[str, bool, str], Counter[str]]) -> None:
    """`wrong/refused` of each parser; a kind that does not commit cannot be refused wrongly."""
    for commits, title in ((True, "commits to one: wrong / refused"), (False, "commits to none or several: wrong")):
        rows = []
        for kind in sorted({k for _, c, k in counts if c == commits}):
            each = [counts[name, commits, kind] for name in PARSERS]
            rows.append(
                [kind, each[0].total(), *(f"{c['wrong']} / {c['refused']}" if commits else c["wrong"] for c in each)]
            )
        table([title, "replies", *PARSERS], rows)


if __name__ == "__main__":
    sys.exit(main())
