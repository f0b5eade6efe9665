"""The same thing on both sides of a split, and the same question twice.

Splits are checked by group (film or upload) and by text. Near-duplicates are found as is usual for training corpora:
5-character n-grams, MinHash in 20 bands of 13 rows, then the true Jaccard similarity at 0.8 on what the bands propose.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

import numpy as np

from flyreel.audit.choices import words
from flyreel.audit.probe import Result, Setting, probe, weak_where
from flyreel.questions import Questions

SHINGLE, BANDS, ROWS, NEAR = 5, 20, 13, 0.8
_BATCH = 5_000


@probe("leakage", reads=("question", "choices", "group", "split"))
def leakage(questions: Questions, setting: Setting) -> Result:
    """Groups and questions shared between splits, exact and near-duplicates, choices that repeat."""
    texts = [text_of(questions, i) for i in range(len(questions))]
    copies = near_duplicates(texts)
    exact = _same(texts)
    splits = np.array(questions.strings("split"), dtype=object)
    named = sorted({s for s in splits if s})
    shared_groups = _crossing(questions.groups, splits)
    crossing = np.isin(questions.groups, shared_groups) | np.isin(copies, _crossing(copies, splits))
    keys = [questions.flat_choices[i] for i in np.flatnonzero(questions.is_key)]
    reasons = [
        "its group or a near copy of it stands in another split" if c else "" for c in (crossing if named else [])
    ] or [""] * len(questions)
    n_near, n_exact = _extra(copies), _extra(exact)
    why = []
    if named and crossing.any():
        why.append(f"{int(crossing.sum()):,} questions have their group or a near copy in another split")
    if n_near:
        why.append(f"{n_near:,} of the questions are exact or near copies of another one")
    return Result(
        probe="leakage",
        solver="groups and MinHash",
        ids=questions.ids,
        verdicts=weak_where(crossing if len(named) > 1 else np.zeros(len(questions), dtype=bool)),
        scores=np.full(len(questions), np.nan),
        estimate=None,
        reasons=reasons,
        details={
            "splits": named,
            "groups_in_two_splits": len(shared_groups),
            "questions_crossing": int(crossing.sum()) if len(named) > 1 else 0,
            "exact_duplicates": n_exact,
            "near_duplicates": n_near - n_exact,
            "examples": [[questions.ids[i] for i in pair] for pair in _examples(copies)],
            "commonest_keys": Counter(" ".join(words(k)) for k in keys).most_common(5),
        },
        why=why,
        not_checked=[] if len(named) > 1 else ["leakage between splits: the rows name fewer than two splits"],
    )


def text_of(questions: Questions, i: int) -> str:
    """Question and choices in an order of their own, so that shuffled choices do not hide a copy."""
    return " ".join([" ".join(words(questions.texts[i])), *sorted(" ".join(words(c)) for c in questions.choices_of(i))])


def _crossing(labels: np.ndarray, splits: np.ndarray) -> list[int]:
    seen: dict[int, set[str]] = defaultdict(set)
    for label, split in zip(labels.tolist(), splits, strict=True):
        if split:
            seen[label].add(split)
    return [label for label, found in seen.items() if len(found) > 1]


def _same(texts: list[str]) -> np.ndarray:
    first: dict[str, int] = {}
    return np.array([first.setdefault(t, i) for i, t in enumerate(texts)])


def _extra(labels: np.ndarray) -> int:
    """How many rows would go if one of each kind stayed."""
    return len(labels) - len(np.unique(labels))


def _examples(labels: np.ndarray, most: int = 5) -> Iterator[tuple[int, int]]:
    first: dict[int, int] = {}
    for i, label in enumerate(labels.tolist()):
        if label in first and most > 0:
            most -= 1
            yield first[label], i
        first.setdefault(label, i)


def near_duplicates(texts: list[str]) -> np.ndarray:
    """A label per text, shared by near-duplicates: the position of the first of them."""
    label = np.arange(len(texts))
    for bucket in buckets(texts):
        first = bucket[0]
        for other in bucket[1:]:
            a, b = _root(label, first), _root(label, other)
            if a != b and jaccard(texts[first], texts[other]) >= NEAR:
                label[max(a, b)] = min(a, b)
    return np.array([_root(label, i) for i in range(len(texts))], dtype=np.int64)


def _root(label: np.ndarray, i: int) -> int:
    while label[i] != i:
        i = int(label[i])
    return i


def jaccard(a: str, b: str) -> float:
    x, y = ({t[i : i + SHINGLE] for i in range(max(1, len(t) - SHINGLE + 1))} for t in (a, b))
    return len(x & y) / len(x | y)


def buckets(texts: list[str]) -> Iterator[list[int]]:
    """Texts that agree in at least one band."""
    signatures = np.concatenate([minhash(texts[i : i + _BATCH]) for i in range(0, len(texts), _BATCH)])
    mix = np.random.default_rng(ROWS).integers(1, 2**63, ROWS, dtype=np.uint64)
    for band in range(BANDS):
        keys = (signatures[:, band * ROWS : (band + 1) * ROWS].astype(np.uint64) * mix).sum(axis=1)
        order = np.argsort(keys, kind="stable")
        starts = np.flatnonzero(np.concatenate([[True], keys[order][1:] != keys[order][:-1]]))
        for start, end in zip(starts, [*starts[1:], len(order)], strict=True):
            if end - start > 1:
                yield order[start:end].tolist()


def minhash(texts: list[str]) -> np.ndarray:
    """BANDS × ROWS minima per text, over multiply-shift hashes of its 5-byte windows."""
    shingles, starts = _shingles(texts)
    random = np.random.default_rng(20_13)
    multipliers = random.integers(1, 2**63, BANDS * ROWS, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    out = np.empty((len(texts), BANDS * ROWS), dtype=np.uint32)
    for i, multiplier in enumerate(multipliers):
        hashed = ((shingles * multiplier) >> np.uint64(32)).astype(np.uint32)
        out[:, i] = np.minimum.reduceat(hashed, starts)
    return out


def _shingles(texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
    encoded = [t.encode()[: 1 << 16].ljust(SHINGLE) for t in texts]
    sizes = np.array([len(e) for e in encoded])
    flat = np.frombuffer(b"".join(encoded), dtype=np.uint8).astype(np.uint64)
    windows = np.zeros(len(flat), dtype=np.uint64)
    for i in range(SHINGLE):
        windows[: len(flat) - i] += flat[i:] << np.uint64(8 * i)
    ends = np.cumsum(sizes)
    keep = np.ones(len(flat), dtype=bool)
    for i in range(1, SHINGLE):
        keep[ends - i] = False  # a window that would run into the next text
    kept_sizes = sizes - (SHINGLE - 1)
    return windows[keep] * np.uint64(0x9E3779B97F4A7C15), np.concatenate([[0], np.cumsum(kept_sizes)[:-1]])
