"""Labels that a new wording may have made untrue: computed again where that can be done, taken away where it cannot.

`meta.visual_reliance` is 0 where a model picks the key from dialogue alone and 1 where none does; `meta.hard` is true
where every model misses the key with every cue. As in the split, unknown is neither: a model that failed leaves a
label open unless another has settled it. A stale label is worse than none.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from flyreel.audit.asking import answers, gives_logprobs
from flyreel.engine.calls import Caller
from flyreel.engine.local import Progress, Silent, run
from flyreel.engine.stage import Context, Drop
from flyreel.models.prompts import load, quote
from flyreel.models.scoring import LETTERS, Evidence, choose
from flyreel.questions import Questions
from flyreel.refine.proof import standing
from flyreel.schema import SPOKEN

CATEGORIES = 20
"""As many letters as there are log-probabilities of; among more, a model is not asked."""

SPELLINGS = {"visualreliance": "visual_reliance", "hard": "hard", "hardsplit": "hard"}
"""What a data set may call these labels in `meta`, without case and punctuation."""


def label_called(name: str) -> str | None:
    """The label that a key of `meta` stands for, however it is spelled, or None."""
    return SPELLINGS.get(re.sub(r"[\W_]", "", name.casefold()))


@dataclass(frozen=True)
class Labelling:
    """`first` is the set as it came in, in the same order. All models answer for the two labels; the category is chosen
    by the first of them that can say."""

    models: Sequence[Caller]
    first: Questions
    progress: Callable[[str], Progress] = field(default=lambda label: Silent())


@dataclass
class Counts:
    """`kept`: still carries what it came with. `open`: why a changed question has no label, or no longer one."""

    computed: int = 0
    removed: int = 0
    kept: int = 0
    open: Counter[str] = field(default_factory=Counter)

    def json(self) -> dict[str, Any]:
        return {"computed": self.computed, "removed": self.removed, "kept": self.kept, "open": dict(self.open)}


async def relabel(
    questions: Questions, changed: Sequence[int], labelling: Labelling
) -> tuple[Questions, dict[str, Any]]:
    """The set with the labels of its changed rows made true, and counts by label."""
    assert questions.ids == labelling.first.ids, f"{len(questions)} questions, {len(labelling.first)} at first"
    rows = sorted(set(changed))
    metas = [json.loads(m) if m else {} for m in questions.table.column("meta").to_pylist()]
    reliance = await _judged(questions, rows, "dialogue", _spoken(questions, rows), "no dialogue", _reliance, labelling)
    cued = [row for row in rows if questions.has_cues()[row]]
    hard = await _judged(questions, rows, "evidence", cued, "no cues", _hard, labelling)
    counts = {
        "visual_reliance": _put(metas, rows, "visual_reliance", reliance),
        "hard": _put(metas, rows, "hard", hard),
    }
    categories, counts["category"] = await _categories(questions, rows, labelling)
    told = [json.dumps(m, ensure_ascii=False, sort_keys=True) if m else None for m in metas]
    kept = questions.table.column("meta").to_pylist()
    again = set(rows)
    meta = [told[i] if i in again else kept[i] for i in range(len(kept))]
    return questions.with_columns(meta=meta, category=categories), {name: c.json() for name, c in counts.items()}


Label = int | bool | str
"""A computed label, or in words why there is none."""


async def _judged(
    questions: Questions,
    rows: Sequence[int],
    probe: str,
    usable: Sequence[int],
    otherwise: str,
    judge: Callable[[Sequence[Evidence | Drop], int], Label],
    labelling: Labelling,
) -> dict[int, Label]:
    if not labelling.models:
        return dict.fromkeys(rows, "no model")
    found: dict[int, Label] = dict.fromkeys(rows, otherwise)
    if not usable:
        return found
    some = questions.take(np.array(usable))
    by_model = [
        await answers(c, some, probe, labelling.progress(f"labels, {probe}, {c.model.label}"))
        for c in labelling.models
    ]  # fmt: skip
    for i, row in enumerate(usable):
        found[row] = judge([values[i] for values in by_model], int(some.answer[i]))
    return found


def _reliance(values: Sequence[Evidence | Drop], key: int) -> Label:
    if any(isinstance(v, Evidence) and v.picked == key for v in values):
        return 0
    return _failed(values) or 1


def _hard(values: Sequence[Evidence | Drop], key: int) -> Label:
    """A tie between the key and another choice is no miss."""
    if any(isinstance(v, Evidence) and standing(v, key) > 0 for v in values):
        return False
    return _failed(values) or True


def _failed(values: Sequence[Evidence | Drop]) -> str:
    reasons = sorted({v.reason for v in values if isinstance(v, Drop)})
    return f"model failed: {', '.join(reasons)}" if reasons else ""


def _spoken(questions: Questions, rows: Sequence[int]) -> list[int]:
    cues = questions.table.column("cues").take(pa.array(rows, pa.int64())).to_pylist()
    return [row for row, said in zip(rows, cues, strict=True) if any(c["kind"] in SPOKEN for c in said or ())]


def _put(metas: list[dict[str, Any]], rows: Sequence[int], name: str, found: dict[int, Label]) -> Counts:
    """Also a foreign spelling goes: beside a new label it would be the old one under another name."""
    counts = Counts()
    for row, meta in enumerate(metas):
        old = [k for k in meta if label_called(k) == name]
        if row not in found:
            counts.kept += bool(old)
            continue
        for key in old:
            del meta[key]
        label = found[row]
        if isinstance(label, str):
            counts.removed += bool(old)
            counts.open[label] += 1
        else:
            counts.computed += 1
            meta[name] = label
    return counts


async def _categories(
    questions: Questions, rows: Sequence[int], labelling: Labelling
) -> tuple[list[str | None], Counts]:
    """A category goes with the text of the question; other choices leave it as it is."""
    now: list[str | None] = questions.table.column("category").to_pylist()
    names = sorted({c for c in (*labelling.first.table.column("category").to_pylist(), *now) if c})
    first = labelling.first.texts
    asked = [r for r in rows if now[r] and questions.texts[r].split() != first[r].split()]
    counts = Counts(kept=sum(c is not None for c in now) - len(asked))
    if len(names) < 2:  # the only category there is
        counts.kept += len(asked)
        return now, counts
    why = f"more than {CATEGORIES} categories" if len(names) > CATEGORIES else "no model"
    chosen: dict[int, str | Drop] = {row: Drop(why) for row in asked}
    for caller in labelling.models if len(names) <= CATEGORIES else ():
        left = [row for row in asked if isinstance(chosen[row], Drop)]
        if left:
            chosen |= await _sorted_by(caller, questions, left, names, labelling)
    for row, value in chosen.items():
        if isinstance(value, Drop):
            now[row] = None
            counts.removed += 1
            counts.open[f"stale: {value.reason}"] += 1
        else:
            now[row] = value
            counts.computed += 1
    return now, counts


async def _sorted_by(
    caller: Caller, questions: Questions, rows: Sequence[int], names: Sequence[str], labelling: Labelling
) -> dict[int, str | Drop]:
    prompt = load("flyreel.refine", "category")
    logprobs = await gives_logprobs(caller)
    lines = [" ".join(n.split()) for n in names]

    async def put(row: int, context: Context) -> str | Drop:
        shown = {"question": questions.texts[row], "letters": LETTERS, "quote": quote}
        answer = questions.choices_of(row)[questions.answer[row]] if questions.answer[row] >= 0 else ""

        def messages(order: Sequence[str]) -> tuple[dict[str, str], ...]:
            return prompt.messages(**shown, answer=answer, categories=order)

        evidence = await choose(context.ask, messages, lines, logprobs=logprobs)
        if evidence.probabilities is None:
            return Drop(f"model failed: {evidence.reason}")
        return Drop("no category above the others") if evidence.picked is None else names[evidence.picked]

    progress = labelling.progress(f"labels, category, {caller.model.label}")
    return {o.item: o.value for o in await run(put, list(rows), Context(caller), progress)}
