"""Questions divided: which units they make, where each went, what is lost on the way, and whether it holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from flyreel.audit.leakage import leakage
from flyreel.audit.probe import Setting
from flyreel.audit.summary import counted
from flyreel.errors import InputError
from flyreel.questions import Questions
from flyreel.split.assign import assign
from flyreel.split.units import Units, units

NO_CATEGORY = "(none)"


@dataclass(frozen=True)
class Split:
    """Questions in order of their ids, the split that each fell to, and why it stays out of that one, or nothing."""

    questions: Questions
    units: Units
    placed: np.ndarray
    why_out: list[str]

    @property
    def out(self) -> np.ndarray:
        return np.array([bool(why) for why in self.why_out])

    def rows(self, name: str) -> np.ndarray:
        return np.flatnonzero((self.placed == name) & ~self.out)


def split(
    questions: Questions, wanted: dict[str, float], *, seed: int = 0, by_category: bool = False,
    copies_may_cross: bool = False, waiting: Mapping[str, str] | None = None,
) -> Split:  # fmt: skip
    """`waiting` is the reason, by id, why a question may not stand in val or test."""
    waiting = waiting or {}
    ordered = questions.take(np.array(sorted(range(len(questions)), key=questions.ids.__getitem__)))
    joined = units(ordered, copies_may_cross)
    if len(joined) < len(wanted):
        raise InputError(_too_few(ordered, joined, len(wanted)))
    keys = [ordered.ids[i] for i in np.unique(joined.label, return_index=True)[1]]
    unfixable = np.bincount(joined.label, weights=[id in waiting for id in ordered.ids])
    homes = assign(_counts(ordered, joined, by_category), unfixable, keys, wanted, seed)
    placed = np.array(homes, dtype=object)[joined.label]
    why = ["" if name == "train" else waiting.get(id, "") for id, name in zip(ordered.ids, placed, strict=True)]
    return Split(ordered, joined, placed, why)


def _too_few(questions: Questions, joined: Units, n: int) -> str:
    groups, units = (counted(k, noun) for k, noun in ((questions.n_groups, "group"), (len(joined), "unit")))
    if joined.joined_by_copy:
        way_out = "--copies-may-cross holds groups and clips only"
    else:
        way_out = "leave a split out with --val 0"
    return (
        f"{groups} make {units} that may not be divided (joined by a shared clip: {joined.joined_by_clip:,}, by near "
        f"copies: {joined.joined_by_copy:,}): too few for {n} splits; {way_out}"
    )


def _counts(questions: Questions, joined: Units, by_category: bool) -> np.ndarray:
    """Per unit: its questions, then its questions of each category where that is asked for."""
    if not by_category:
        return joined.sizes[:, None]
    names = questions.strings("category", NO_CATEGORY)
    columns = [np.array([n == name for n in names]) for name in sorted(set(names))]
    each = [np.bincount(joined.label, weights=column, minlength=len(joined)) for column in columns]
    return np.column_stack([joined.sizes, *each])


def describe(made: Split, wanted: dict[str, float]) -> dict[str, Any]:
    q, sizes = made.questions, made.units.sizes
    categories = np.array(q.strings("category", NO_CATEGORY), dtype=object)
    parts = {}
    for name, share in wanted.items():
        rows = made.rows(name)
        parts[name] = {
            "questions": len(rows),
            "share": round(len(rows) / len(q), 6),
            "asked": round(share, 6),
            "groups": len(np.unique(q.groups[rows])),
            "units": len(np.unique(made.units.label[rows])),
            "left_out": int(((made.placed == name) & made.out).sum()),
            "categories": dict(sorted(Counter(categories[rows]).items())),
        }
    return {
        "groups": q.n_groups,
        "units": len(made.units),
        "largest_unit": int(sizes.max()),
        "joined_by_clip": made.units.joined_by_clip,
        "joined_by_near_copy": made.units.joined_by_copy,
        "splits": parts,
    }


def check(made: Split) -> dict[str, int]:
    """Counted again on the result by the audit's own probe, as if somebody else had made it."""
    table = with_splits(made).table.filter(pa.array(~made.out))
    again = Questions(table)
    found = leakage(again, Setting()).details
    homes: dict[str, set[str]] = {}
    for clip, name in zip(again.strings("clip"), again.strings("split"), strict=True):
        homes.setdefault(clip, set()).add(name)
    return {
        "groups_in_two_splits": found["groups_in_two_splits"],
        "clips_in_two_splits": sum(len(names) > 1 for clip, names in homes.items() if clip),
        "near_copies_crossing": found["questions_crossing"],
    }


def with_splits(made: Split) -> Questions:
    names = [None if why else str(name) for name, why in zip(made.placed, made.why_out, strict=True)]
    return made.questions.with_columns(split=names)
