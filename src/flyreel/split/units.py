"""What may not be divided: questions of one group, of one clip, and near copies of each other are one unit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from flyreel.audit.leakage import NEAR, buckets, jaccard, text_of
from flyreel.questions import Questions


@dataclass(frozen=True)
class Units:
    """`label` is the unit of each question, numbered in order of first appearance.

    Groups that a clip and then a copy joined were that many more units before: groups = units + both counts.
    """

    label: np.ndarray
    joined_by_clip: int
    joined_by_copy: int

    def __len__(self) -> int:
        return int(self.label.max()) + 1

    @property
    def sizes(self) -> np.ndarray:
        return np.bincount(self.label)


def units(questions: Questions, copies_may_cross: bool = False) -> Units:
    texts = [text_of(questions, i) for i in range(len(questions))]
    sets = _Sets(len(questions))
    sets.join(_equal(questions.groups.tolist()))
    by_clip = sets.join(_equal(questions.strings("clip")))
    by_copy = 0 if copies_may_cross else sets.join(_equal(texts)) + _join_copies(sets, texts)
    _, first, label = np.unique([sets.root(i) for i in range(len(questions))], return_index=True, return_inverse=True)
    return Units(np.argsort(np.argsort(first))[label], by_clip, by_copy)


class _Sets:
    """Union-find."""

    def __init__(self, n: int) -> None:
        self.above = list(range(n))

    def root(self, i: int) -> int:
        while self.above[i] != i:
            self.above[i] = i = self.above[self.above[i]]
        return i

    def join(self, pairs: Iterable[tuple[int, int]]) -> int:
        """How many of the pairs were not together before."""
        new = 0
        for i, j in pairs:
            a, b = self.root(i), self.root(j)
            self.above[max(a, b)] = min(a, b)
            new += a != b
        return new


def _equal(values: Sequence[str | int]) -> Iterator[tuple[int, int]]:
    """Each row beside the first of its value; the empty text is no value."""
    first: dict[str | int, int] = {}
    for i, value in enumerate(values):
        if value != "" and first.setdefault(value, i) != i:
            yield first[value], i


def _join_copies(sets: _Sets, texts: list[str]) -> int:
    """Within a bucket everything is compared with everything that it is not with already.

    The probe compares with the first of a bucket only, and so may find other copies in another order of the rows; a
    split has to hold whatever order it is audited in.
    """
    rows = list({text: i for i, text in reversed(list(enumerate(texts)))}.values())
    new = 0
    for bucket in buckets([texts[i] for i in rows]):
        kinds: dict[int, list[int]] = {}
        for i in (rows[b] for b in bucket):
            for others in list(kinds.values()):
                if sets.root(others[0]) != sets.root(i):
                    copy = next((o for o in others if jaccard(texts[o], texts[i]) >= NEAR), None)
                    new += copy is not None and sets.join([(copy, i)])
            kinds.setdefault(sets.root(i), []).append(i)
    return new
