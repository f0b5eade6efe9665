"""One number per choice, and the rules that pick a choice by it.

A rule gives each question one point to share among the choices it picks: ties share it, and a rule that cannot decide
shares it among all, so that it scores chance and not zero.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

import numpy as np

from flyreel.questions import Questions

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?")
_EMPTY_WORDS = frozenset(
    "a an the and or but of to in on at by for from with as is are was were be been being am do does did has have had "
    "he she it they them his her its their him i you we us our your my this that these those there here what which who "
    "whom whose when where why how not no than then so if while because after before into out up down over under about "
    "s t c".split()
)


def words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def content_words(text: str) -> frozenset[str]:
    """What a text is about: its words without the grammar."""
    return frozenset(w for w in words(text) if w not in _EMPTY_WORDS)


@dataclass(frozen=True)
class PerChoice:
    """A value for every flat choice of a set of questions."""

    questions: Questions
    values: np.ndarray

    def _credit(self, picked: np.ndarray) -> np.ndarray:
        """Points per flat choice from a mask of picked ones; where nothing is picked all share."""
        q = self.questions
        n_picked = np.bincount(q.owner, weights=picked, minlength=len(q))
        undecided = (n_picked == 0)[q.owner]
        share = np.where(n_picked > 0, n_picked, q.sizes)[q.owner]
        return np.where(picked | undecided, 1.0 / share, 0.0)

    def _padded(self) -> np.ndarray:
        """Questions × most choices, with infinity where there is no choice."""
        q = self.questions
        grid = np.full((len(q), int(q.sizes.max(initial=0))), np.inf)
        grid[q.owner, np.arange(len(q.owner)) - q.offsets[q.owner]] = self.values
        return grid

    def argmax_share(self) -> np.ndarray:
        return PerChoice(self.questions, -self.values).rank_share(0)

    def argmin_share(self) -> np.ndarray:
        return self.rank_share(0)

    def rank_share(self, rank: int) -> np.ndarray:
        """Picks the choice at that rank from below; choices of equal value share, too few choices share among all."""
        ordered = np.sort(self._padded(), axis=1)
        if rank >= ordered.shape[1]:
            return self._credit(np.zeros(len(self.values), dtype=bool))
        wanted = ordered[:, rank]
        return self._credit((self.values == wanted[self.questions.owner]) & np.isfinite(wanted)[self.questions.owner])


def hits(questions: Questions, credit: np.ndarray) -> np.ndarray:
    """Per question, the points that its key got."""
    return np.bincount(questions.owner, weights=credit * questions.is_key, minlength=len(questions))


def lengths(questions: Questions) -> PerChoice:
    return PerChoice(questions, np.array([len(c) for c in questions.flat_choices], dtype=float))


def position(questions: Questions) -> np.ndarray:
    """0 for the first choice of each question, 1 for the second …"""
    return np.arange(len(questions.owner)) - questions.offsets[questions.owner]


def question_overlap(questions: Questions) -> PerChoice:
    """Share of a choice's content words that its question uses too."""
    asked = [content_words(t) for t in questions.texts]
    values = []
    for owner, choice in zip(questions.owner, questions.flat_choices, strict=True):
        own = content_words(choice)
        values.append(len(own & asked[owner]) / len(own) if own else 0.0)
    return PerChoice(questions, np.array(values))


def likeness_to_others(questions: Questions) -> PerChoice:
    """Mean Jaccard similarity of a choice's words to those of the other choices: low is the odd one out."""
    values = np.zeros(len(questions.owner))
    for i in range(len(questions)):
        sets = [frozenset(words(c)) for c in questions.choices_of(i)]
        for a, mine in enumerate(sets):
            others = [len(mine & o) / len(mine | o) if mine | o else 1.0 for b, o in enumerate(sets) if b != a]
            values[questions.offsets[i] + a] = sum(others) / len(others)
    return PerChoice(questions, values)


def repetitions(questions: Questions) -> PerChoice:
    """How many choices of the whole set read the same."""
    folded = [" ".join(words(c)) for c in questions.flat_choices]
    counts = Counter(folded)
    return PerChoice(questions, np.array([counts[c] for c in folded], dtype=float))
