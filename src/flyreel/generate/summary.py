"""What a generation came to, as a terminal shows it."""

from __future__ import annotations

from typing import Any

from flyreel.audit.summary import counted, percent
from flyreel.generate.windows import plain

SHOWN = 8
"""Reasons and kinds in a line."""


def lines(told: dict[str, Any]) -> list[str]:
    found = [
        f"{counted(told['questions'], 'question')} on {told['clips_with_questions']:,} of "
        f"{counted(told['clips'], 'clip')} by {told['method']}"
    ]
    by = told["by_category"] or told["by_template"]
    if by:
        found.append(f"  {'kinds':<10} {listed(by)}")
    if told["dropped"]:
        found.append(f"  {'dropped':<10} {sum(told['dropped'].values()):,}: {listed(told['dropped'])}")
    if checked := told["verified"]:
        found.append(
            f"  {'verified':<10} {checked['passed']:,} passed, {checked['refused']:,} wait for a person"
            + (f": {listed(checked['reasons'])}" if checked["reasons"] else "")
        )
        if not checked["yes_and_no_counted"]:
            found.append(f"  {'':<10} {_uncounted(checked)}")
    else:
        found.append(f"  {'verified':<10} nothing: no model was asked whether the keys are right (--verifier)")
    found += [f"  {name:<10} {n:,} rows" for name, n in told["tables"].items()]
    where = told["out"] or f"version {told['version']} of the project's questions"
    return [*found, f"written to {where}; what was dropped and what waits: {told['folder']}"]


def _uncounted(checked: dict[str, Any]) -> str:
    if checked["keys_accepted"] is None:
        return "one answer at a time was not judged"
    return (
        f"its yes and no did not count: it accepts {percent(checked['keys_accepted'])} of keys and "
        f"{percent(checked['others_accepted'])} of wrong choices by themselves"
    )


def listed(counts: dict[str, int]) -> str:
    shown = [f"{plain(name)} {n:,}" for name, n in list(counts.items())[:SHOWN]]
    more = len(counts) - SHOWN
    return ", ".join(shown) + (f" and {more:,} more kinds" if more > 0 else "")
