"""Other wordings of a choice without a language model: padding taken out, one word exchanged, form made like the key's.

A word is exchanged only for one that the set itself has seen between the same neighbours, and that some key uses: what
comes out reads like the set, and is as near to the original as two answers can be that say different things.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from flyreel.audit.choices import words
from flyreel.audit.likeness import near
from flyreel.audit.shortcut import word_keys
from flyreel.questions import Questions

_TOKEN = re.compile(r"\w+(?:'\w+)?|[^\w\s]")
_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_FIXED = frozenset(
    "a an the of to in on at and or is are was were be been being do does did it its that this with for by as from he "
    "she they his her their him them what why how who where when which not no never none nobody nothing one two three "
    "four five six first second third last i you we my your our us me man men woman women boy girl person people but "
    "if then than so because while into onto over under up down out off about after before between both each other "
    "another some any all more most very too just also only own same such will would can could should may might must "
    "himself herself themselves itself yes".split()
)
_PADDING = frozenset(
    "entire various quite however nearby significant specific crucial essential overall certain particular primary "
    "initial subsequent ultimate distinct notable necessary different really very rather actually somewhat "
    "genuine substantial prominent".split()
)
REPLACEMENTS = 3
FAVOUR = 8.0
"""How much likelier a word is taken that a wrong choice of the same question has: its author says it is false."""


@dataclass(frozen=True)
class Exchange:
    """A word of a text, by its place, and what could stand there instead."""

    start: int
    end: int
    new: str


def exchanged(text: str, exchanges: Collection[Exchange]) -> str:
    for e in sorted(exchanges, key=lambda e: -e.start):
        text = text[: e.start] + e.new + text[e.end :]
    return text


class Editor:
    """What one set of questions says about how its choices may be put."""

    def __init__(self, questions: Questions) -> None:
        self._between: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        self._after: dict[str, Counter[str]] = defaultdict(Counter)
        self._before: dict[str, Counter[str]] = defaultdict(Counter)
        self._pairs: Counter[tuple[str, str]] = Counter()
        self._threes: set[tuple[str, str, str]] = set()
        for text in questions.flat_choices:
            found = ["^", *(t.lower() for t in _TOKEN.findall(text)), "$"]
            for a, b, c in zip(found, found[1:], found[2:], strict=False):
                self._between[a, c][b] += 1
                self._threes.add((a, b, c))
                self._after[a][b] += 1
                self._before[c][b] += 1
            self._pairs.update(pairwise(found))
        self._lower = {
            t for text in [*questions.flat_choices, *questions.texts] for t in _TOKEN.findall(text) if t[0].islower()
        }
        keys = [questions.flat_choices[i] for i in np.flatnonzero(questions.is_key)]
        self._in_keys = Counter(w for key in keys for w in set(words(key)))
        self.padding = {w for w in _depleted(questions) if (w.endswith("ly") and len(w) > 5) or w in _PADDING}

    def trimmed(self, text: str) -> str:
        """Without the padding that only wrong choices have, where what is left has been seen to follow."""
        tokens = list(_TOKEN.finditer(text))
        low = [t.group().lower() for t in tokens]
        gone: list[int] = []
        for i, word in enumerate(low):
            if i == 0 or word not in self.padding or i - 1 in gone:
                continue
            if self._pairs[low[i - 1], low[i + 1] if i + 1 < len(low) else "$"] > 1:
                gone.append(i)
        for i in reversed(gone):
            text = text[: tokens[i].start()].rstrip() + text[tokens[i].end() :]
        return text

    def variants(self, text: str) -> list[str]:
        """As it stands, trimmed, and cut after each of its sentences."""
        short = self.trimmed(text)
        parts = _SENTENCE.split(short)
        return list(dict.fromkeys([text, short, *(" ".join(parts[:n]) for n in range(1, len(parts)))]))

    def exchanges(
        self, text: str, banned: Collection[str], favoured: Collection[str], random: np.random.Generator
    ) -> list[Exchange]:
        """Words that could be exchanged, in random order; `banned` are left alone and never put in."""
        tokens = list(_TOKEN.finditer(text))
        low = ["^", "^", *(t.group().lower() for t in tokens), "$", "$"]
        found = []
        for i, token in enumerate(tokens if len(tokens) > 1 else []):
            word = low[i + 2]
            if not _open(word) or word in banned:
                continue
            weights = self._fitting(word, low[i : i + 5], banned, favoured)
            if not weights:
                continue
            names = sorted(weights)
            p = np.array([weights[n] for n in names])
            for n in random.choice(len(names), min(REPLACEMENTS, len(names)), replace=False, p=p / p.sum()):
                new = names[n].capitalize() if token.group()[0].isupper() else names[n]
                made = Exchange(token.start(), token.end(), new)
                if not near(text, exchanged(text, [made])):
                    found.append(made)
        random.shuffle(found)
        return found

    def _fitting(
        self, word: str, around: Sequence[str], banned: Collection[str], favoured: Collection[str]
    ) -> dict[str, float]:
        """Words that stand between the same neighbours, and after (or before) the same two, somewhere in the set."""
        before2, before, _, after, after2 = around
        counts: Counter[str] = Counter({w: 3 * n for w, n in self._between[before, after].items()})
        left, right = self._after[before], self._before[after]
        few, many = (left, right) if len(left) < len(right) else (right, left)
        counts.update(w for w in few if w in many and few[w] > 1 and many[w] > 1)
        return {
            w: (1 + n) * self._in_keys[w] ** 0.5 * (FAVOUR if w in favoured else 1.0)
            for w, n in counts.items()
            if _open(w) and w not in banned and self._in_keys[w] and _ending(w) == _ending(word) and w[:4] != word[:4]
            if (before2, before, w) in self._threes or (w, after, after2) in self._threes
        }

    def in_form_of(self, text: str, key: str) -> str:
        """Capital and full stop as the key has them; a word that the set only knows with a capital keeps it."""
        text = text.strip()
        if key[-1:] in (".", "!", "?"):
            text = text if text[-1:] in (".", "!", "?") else f"{text}."
        else:
            text = text.rstrip(" .")
        first = _TOKEN.match(text)
        if not first or not text[0].isalpha() or not key[:1].isalpha():
            return text
        if key[0].isupper():
            return text[0].upper() + text[1:]
        lower = first.group()[0].lower() + first.group()[1:]
        return text[0].lower() + text[1:] if lower in self._lower else text


def _open(word: str) -> bool:
    return len(word) > 2 and word.isalpha() and word not in _FIXED


def _ending(word: str) -> str:
    return next((e for e in ("ing", "ed", "ly", "s") if word.endswith(e) and len(word) > len(e) + 2), "")


def _depleted(questions: Questions, z: float = -1.5, seen: int = 5) -> set[str]:
    """Words of wrong choices that keys avoid."""
    return {row.word for row in word_keys(questions, seen) if row.z < z}
