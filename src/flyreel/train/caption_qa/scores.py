"""How often the reader is right about questions that it did not learn from, and what captions add to that.

The baseline reads neither captions nor dialogue, so where dialogue is read too, the difference is of both together and
is called so: what captions alone add is told by a run with dialogue=false."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from flyreel.audit.statistics import estimate, paired
from flyreel.evaluate.answering import read
from flyreel.evaluate.open_ended import exact
from flyreel.schema import Prediction
from flyreel.tables import write_jsonl
from flyreel.train.caption_qa.reader import Example, Reader, written
from flyreel.train.caption_qa.text import reply


@dataclass(frozen=True)
class Score:
    """A row a held-out question: its id, its group, its chance, and whether it was answered rightly, where an open
    question is if the words are the same. Choices and open questions are counted together."""

    rows: Sequence[Mapping[str, Any]]

    def json(self) -> dict[str, Any]:
        if not self.rows:
            return {"accuracy": None}
        hits, chances, groups = (np.array([row[name] for row in self.rows]) for name in ("hit", "chance", "group"))
        return {"accuracy": estimate(hits.astype(float), chances.astype(float), groups).json()}

    @classmethod
    def read(cls, folder: Path) -> Score:
        """As `score` wrote it."""
        return cls([json.loads(line) for line in (folder / "held.jsonl").read_text(encoding="utf-8").splitlines()])


def score(folder: Path, reader: Reader, held: Sequence[Example]) -> Score:
    """Every answer stands in held.jsonl, read as `evaluate` reads one."""
    rows = []
    for example, said in zip(held, written(reader, [e.given for e in held]), strict=True):
        sample, choices = example.sample, example.sample.item.choices
        found = read(reply(said.text, choices), choices, question=sample.item.id, model=folder.name)
        rows.append({
            "question": sample.item.id, "group": sample.group, "chance": 1 / len(choices) if choices else 0.0,
            "hit": _right(found, sample.key, sample.answer), "written": said.text, "answer": found.answer,
            "failure": found.failure,
        })  # fmt: skip
    write_jsonl(folder / "held.jsonl", rows)
    return Score(rows)


def _right(found: Prediction, key: int | None, answer: str) -> int:
    return int(found.answer == key if key is not None else exact(str(found.answer or ""), answer))


def added(baseline: Score, with_captions: Score, reads: str) -> dict[str, Any] | None:
    """The paired difference over the same questions. `reads` is what the baseline did not."""
    assert [r["question"] for r in baseline.rows] == [r["question"] for r in with_captions.rows]
    if not baseline.rows:
        return None
    before, after = (np.array([row["hit"] for row in s.rows], dtype=float) for s in (baseline, with_captions))
    difference, (low, high) = paired(before, after, np.array([row["group"] for row in baseline.rows]))
    return {
        "by": reads, "difference": round(difference, 6), "ci95": [round(low, 6), round(high, 6)],
        "questions": len(before), "only_with_them": int((after > before).sum()),
        "only_baseline": int((before > after).sum()),
    }  # fmt: skip


def card(settings: Any, result: Mapping[str, Any]) -> str:
    kind = result["reads"]
    lines = [
        f"# Answers from {kind}", "",
        f"{settings.model}, trained {settings.steps:,} steps on {result['trained_on']:,} questions with the loss "
        f"{settings.loss}, to write the answer after {kind}.",
    ]  # fmt: skip
    if captioner := result.get("captioner"):
        counts = result["captions"]
        failed = ", ".join(f"{n:,} {reason}" for reason, n in counts["failed"].items())
        lines += [
            "", f"Captions by {captioner['label']} ({captioner['identity']}): {counts['captioned']:,} of "
            f"{counts['pictures']:,} pictures{f' ({failed})' if failed else ''}.",
        ]  # fmt: skip
    if result["accuracy"] is None:
        return "\n".join([*lines, "", "Nothing was held out, so nothing is known of how good it is."])
    lines += ["", "## Held-out questions", "", "| read | right | 95% | questions | groups |", "|---|---|---|---|---|",
              _row(kind, result["accuracy"])]  # fmt: skip
    if other := result.get("baseline"):
        lines.append(_row("question and options alone, same start and steps", other["accuracy"]))
        lines += ["", adds(result["added"])]
    elif not settings.blind:
        lines += ["", "Trained without its baseline: how much of this needs no video is not known."]
    left = result.get("left_out")
    if left:
        lines += ["", "Left out: " + ", ".join(f"{n:,} {reason}" for reason, n in sorted(left.items())) + "."]
    return "\n".join(lines)


def adds(told: Mapping[str, Any]) -> str:
    low, high = told["ci95"]
    says = (
        "the interval holds zero: what it gets right may need no video" if low <= 0 <= high
        else "what else it gets right needs no video" if low > 0 else "it does better without them"
    )  # fmt: skip
    apart = "; dialogue=false tells what captions alone add" if "dialogue" in told["by"] else ""
    return (
        f"{told['by'].capitalize()} add {100 * told['difference']:+.1f} points [{100 * low:+.1f}, {100 * high:+.1f}] "
        f"on the same {told['questions']:,} questions; {says}{apart}."
    )


def _row(name: str, told: Mapping[str, Any]) -> str:
    low, high = told["ci95"]
    return (f"| {name} | {100 * told['accuracy']:.1f}% | {100 * low:.1f}–{100 * high:.1f} | {told['n']:,} "
            f"| {told['groups']:,} |")  # fmt: skip
