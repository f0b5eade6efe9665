"""What is in a set of questions: counts, lengths, vocabulary, choices per question."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from flyreel.audit.choices import words
from flyreel.formats.base import Reading


def describe(reading: Reading) -> dict[str, Any]:
    q = reading.questions
    asked = [words(t) for t in q.texts]
    offered = [words(c) for c in q.flat_choices]
    vocabulary = Counter(w for text in (*asked, *offered) for w in text)
    return {
        "questions": len(q),
        "open_ended": len(q) - len(q.choice_rows),
        "groups": q.n_groups,
        "clips": len({c for c in q.strings("clip") if c}),
        "with_cues": int(q.has_cues().sum()),
        "splits": _counts(q.strings("split")),
        "categories": _counts(q.strings("category")),
        "choices_per_question": {str(k): n for k, n in sorted(Counter(q.sizes[q.choice_rows].tolist()).items())},
        "key_positions": {str(k): n for k, n in sorted(Counter(q.answer[q.choice_rows].tolist()).items())},
        "question_words": _spread([len(w) for w in asked]),
        "choice_words": _spread([len(w) for w in offered]),
        "key_words": _spread([len(offered[i]) for i in np.flatnonzero(q.is_key)]),
        "words": sum(vocabulary.values()),
        "vocabulary": len(vocabulary),
        "distinct_choices": len({" ".join(w) for w in offered}),
        "commonest_words": vocabulary.most_common(10),
        "problems": dict(Counter(p.reason for p in reading.problems)),
    }


def _counts(names: list[str]) -> dict[str, int]:
    return dict(Counter(n for n in names if n).most_common(30))


def _spread(lengths: list[int]) -> dict[str, float] | None:
    if not lengths:
        return None
    low, mid, high = np.percentile(lengths, [5, 50, 95])
    return {"mean": round(float(np.mean(lengths)), 2), "p5": float(low), "median": float(mid), "p95": float(high)}


def table(described: dict[str, Any]) -> list[str]:
    """The same, a line each."""
    lines = []
    for name, value in described.items():
        if value in (None, {}, []):
            continue
        if isinstance(value, dict):
            value = ", ".join(f"{k} {v:,}" for k, v in value.items())
        elif isinstance(value, list):
            value = ", ".join(f"{k} {v:,}" for k, v in value)
        elif isinstance(value, int):
            value = f"{value:,}"
        lines.append(f"  {name.replace('_', ' '):<22} {value}")
    return lines
