"""What a text-only solver may look at: words, word parts and word pairs of a choice, its look, its place among others.

Encoding is done once for all questions and learns nothing: which columns count, their weights and their scales are
decided by `listwise.py` on training folds alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np
import scipy.sparse as sp

from flyreel.audit import choices as per
from flyreel.questions import Questions

RANKS = 3
POSITIONS = 8
EDGE_WORDS = 3
CROSSED_WORDS = 8
BUCKETS = 1 << 20
"""Crosses of question and choice words are hashed into so many columns; the rest have columns of their own."""

_TOKEN = re.compile(r"[^\W_]+(?:'[^\W_]+)?|[.,;:!?]")
_LISTS = {
    "negations": "no not never nothing none nobody without cannot can't don't doesn't didn't isn't wasn't aren't",
    "hedges": "may might could possibly perhaps probably maybe seem seems likely some various several different",
    "absolutes": "always never all every only completely entirely exclusively none must",
    "times and": "and",
    "commas": ",",
    "full stops": ".",
}
_GRAMMAR = frozenset(
    "a an the of to in on at and or is are was were be been being do does did it its that this with for by as from he "
    "she they his her their him them what why how who where when which there s . , ; : ! ?".split()
)


@dataclass(frozen=True)
class Features:
    """`sparse` blocks are binary with rows of unit length; `dense` values are centred within each question."""

    sparse: sp.csr_matrix
    blocks: dict[str, slice]
    dense: np.ndarray
    names: tuple[str, ...]

    def take(self, rows: np.ndarray) -> Features:
        return replace(self, sparse=self.sparse[rows], dense=self.dense[rows])


@dataclass(frozen=True)
class Tokens:
    """Words of many texts as integers: `ids[i]` stands in text `rows[i]`, in order."""

    ids: np.ndarray
    rows: np.ndarray
    counts: np.ndarray
    vocabulary: list[str]

    @cached_property
    def starts(self) -> np.ndarray:
        """For every word of the vocabulary a code of its first four letters: a stem, near enough, in most languages."""
        return _codes([w[:4] for w in self.vocabulary])


def tokens(texts: Sequence[str], vocabulary: dict[str, int]) -> Tokens:
    ids: list[int] = []
    counts = np.empty(len(texts), dtype=np.int64)
    for i, text in enumerate(texts):
        found = _TOKEN.findall(text.lower())
        counts[i] = len(found)
        ids.extend(vocabulary.setdefault(w, len(vocabulary)) for w in found)
    return Tokens(np.array(ids, np.int64), np.repeat(np.arange(len(texts)), counts), counts, list(vocabulary))


def encode(questions: Questions, with_question: bool = True) -> Features:
    """Features of every flat choice. Without the question, nothing that compares a choice to it is computed."""
    vocabulary: dict[str, int] = {}
    chosen = tokens(questions.flat_choices, vocabulary)
    parts = _parts(questions, chosen)
    dense = _look(questions, chosen) | _among_others(questions, chosen) | _edges_shared(questions, chosen)
    if with_question:
        asked = tokens(questions.texts, vocabulary)
        chosen = replace(chosen, vocabulary=asked.vocabulary)
        parts["words met with words of the question"] = _crosses(questions, chosen, asked)
        dense |= _beside_question(questions, chosen, asked)
    sparse, blocks = _stack(parts, len(questions.flat_choices))
    columns = {name: _centred(questions, values) for name, values in dense.items()} | _one_hots(questions, chosen)
    return Features(sparse, blocks, np.column_stack(list(columns.values())).astype(np.float32), tuple(columns))


Entries = tuple[np.ndarray, np.ndarray]
"""(rows, codes): which choice has which column, before columns are numbered."""


def _parts(questions: Questions, chosen: Tokens) -> dict[str, Entries]:
    v = len(chosen.vocabulary)
    first, last = _edges(chosen)
    previous = np.concatenate([[v], chosen.ids[:-1]]) if len(chosen.ids) else chosen.ids
    pairs = np.concatenate([np.where(first, v, previous) * (v + 1) + chosen.ids, chosen.ids[last] * (v + 1) + v])
    whole = _codes([" ".join(per.words(c)) for c in questions.flat_choices])
    return {
        "words": (chosen.rows, chosen.ids),
        "word starts": (chosen.rows, chosen.starts[chosen.ids]),
        "word endings": (chosen.rows, _codes([w[-3:] for w in chosen.vocabulary])[chosen.ids]),
        "word pairs": (np.concatenate([chosen.rows, chosen.rows[last]]), pairs),
        "whole choices": (np.arange(len(whole)), whole),
    }


def _crosses(questions: Questions, chosen: Tokens, asked: Tokens) -> Entries:
    """Every content word of the question with every content word of the choice, by their starts."""
    mine, theirs = _content(chosen), _content(asked)
    first = np.concatenate([[0], np.cumsum(theirs.counts)])
    question = questions.owner[mine.rows]
    times = theirs.counts[question]
    left = np.repeat(np.arange(len(mine.rows)), times)
    step = np.arange(len(left)) - np.repeat(np.cumsum(times) - times, times)
    right = theirs.ids[first[question[left]] + step]
    odd = np.uint64(0x9E3779B97F4A7C15)
    mixed = (chosen.starts[right].astype(np.uint64) * odd + chosen.starts[mine.ids[left]].astype(np.uint64)) * odd
    return mine.rows[left], (mixed >> np.uint64(44)).astype(np.int64)


def _content(found: Tokens) -> Tokens:
    """The first content words of every text."""
    kept = ~np.array([w in _GRAMMAR for w in found.vocabulary], dtype=bool)[found.ids]
    ids, rows = found.ids[kept], found.rows[kept]
    counts = np.bincount(rows, minlength=len(found.counts))
    place = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    few = place < CROSSED_WORDS
    return Tokens(ids[few], rows[few], np.minimum(counts, CROSSED_WORDS), found.vocabulary)


def _stack(parts: dict[str, Entries], n: int) -> tuple[sp.csr_matrix, dict[str, slice]]:
    made, blocks, at = [], {}, 0
    for name, (rows, codes) in parts.items():
        block = _block(rows, codes, n)
        blocks[name] = slice(at, at + block.shape[1])
        at += block.shape[1]
        made.append(block)
    return sp.hstack(made, format="csr", dtype=np.float32), blocks


def _codes(texts: list[str]) -> np.ndarray:
    seen: dict[str, int] = {}
    return np.array([seen.setdefault(t, len(seen)) for t in texts], dtype=np.int64)


def _edges(found: Tokens) -> tuple[np.ndarray, np.ndarray]:
    """Masks of the first and the last word of every text."""
    rows = found.rows
    if not len(rows):
        return np.zeros(0, bool), np.zeros(0, bool)
    change = rows[1:] != rows[:-1]
    return np.concatenate([[True], change]), np.concatenate([change, [True]])


def _block(rows: np.ndarray, codes: np.ndarray, n: int) -> sp.csr_matrix:
    """One binary block. Columns that stand in one choice only say nothing about another and are left out."""
    if int(codes.max(initial=0)) >= BUCKETS:
        codes = np.unique(codes, return_inverse=True)[1]
    width = int(codes.max(initial=0)) + 1
    block = sp.csr_matrix((np.ones(len(rows), np.float32), (rows.astype(np.int32), codes.astype(np.int32))), (n, width))
    block.sum_duplicates()
    block.data[:] = 1.0
    block = block[:, np.flatnonzero(np.bincount(block.indices, minlength=width) > 1)]
    lengths = np.diff(block.indptr)
    block.data = np.repeat(1.0 / np.sqrt(np.maximum(lengths, 1)), lengths).astype(np.float32)
    return block


def _look(questions: Questions, chosen: Tokens) -> dict[str, np.ndarray]:
    texts = questions.flat_choices
    n = len(texts)
    length = np.array([len(t) for t in texts], dtype=float)
    count = np.maximum(chosen.counts, 1)

    def times(of: Callable[[str], bool]) -> np.ndarray:
        flags = np.array([of(w) for w in chosen.vocabulary], dtype=float)
        return np.bincount(chosen.rows, weights=flags[chosen.ids], minlength=n)

    lists = {name: frozenset(words.split()) for name, words in _LISTS.items()}
    return {
        "length in characters": np.log1p(length),
        "length in words": np.log1p(chosen.counts),
        "length of its words": length / count,
        "share of grammar words": times(_GRAMMAR.__contains__) / count,
        **{name: times(words.__contains__) for name, words in lists.items()},
        **{f"words in -{end}": times(partial(_ends, end)) for end in ("ing", "ed", "ly", "s")},
        "digits": np.array([any(c.isdigit() for c in t) for t in texts], dtype=float),
        "capitals": np.array([sum(c.isupper() for c in t) for t in texts], dtype=float),
        "starts with a capital": np.array([t[:1].isupper() for t in texts], dtype=float),
        "ends a sentence": np.array([t.endswith((".", "!", "?")) for t in texts], dtype=float),
    }


def _ends(end: str, word: str) -> bool:
    return word.endswith(end)


def _incidence(found: Tokens, codes: np.ndarray, n: int, content_only: bool) -> sp.csr_matrix:
    kept = np.ones(len(found.ids), bool)
    if content_only:
        kept = ~np.array([w in _GRAMMAR for w in found.vocabulary], dtype=bool)[found.ids]
    columns = int(codes.max(initial=0)) + 1
    made = sp.csr_matrix((np.ones(kept.sum(), np.float32), (found.rows[kept], codes[found.ids][kept])), (n, columns))
    made.sum_duplicates()
    made.data[:] = 1.0
    return made


def _others(questions: Questions) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """For every flat choice another one of the same question, each in its turn, and whether there is one."""
    at, k = per.position(questions), questions.sizes[questions.owner]
    own = np.arange(len(at))
    for step in range(1, int(questions.sizes.max())):
        there = step < k
        yield np.where(there, questions.offsets[questions.owner] + (at + step) % k, own), there


def _among_others(questions: Questions, chosen: Tokens) -> dict[str, np.ndarray]:
    """Likeness of a choice to the other choices of its question: the odd one out, and the one they all copy."""
    n, others = len(questions.flat_choices), np.maximum(questions.sizes[questions.owner] - 1, 1)
    found: dict[str, np.ndarray] = {}
    for name, codes in (("words", np.arange(len(chosen.vocabulary))), ("word starts", chosen.starts)):
        bag = _incidence(chosen, codes, n, content_only=True)
        size = np.maximum(np.diff(bag.indptr), 1)
        most, least, total, inside = np.zeros(n), np.ones(n), np.zeros(n), np.zeros(n)
        for other, there in _others(questions):
            common = np.asarray(bag.multiply(bag[other]).sum(axis=1)).ravel()
            likeness = common / np.sqrt(size * size[other])
            most = np.where(there, np.maximum(most, likeness), most)
            least = np.where(there, np.minimum(least, likeness), least)
            total += np.where(there, likeness, 0.0)
            inside += np.where(there, common / size, 0.0)
        found |= {
            f"likest other choice, {name}": most,
            f"unlikest other choice, {name}": least,
            f"likeness to the others, {name}": total / others,
            f"share of {name} in the others": inside / others,
        }
    return found | _of_its_own(questions, chosen)


def _of_its_own(questions: Questions, chosen: Tokens) -> dict[str, np.ndarray]:
    """Words that no other choice of the question has."""
    n, v = len(questions.flat_choices), max(len(chosen.vocabulary), 1)
    in_choice = np.unique(chosen.rows * v + chosen.ids)
    row, word = in_choice // v, in_choice % v
    _, which, times = np.unique(questions.owner[row] * v + word, return_inverse=True, return_counts=True)
    alone = np.bincount(row, weights=times[which] == 1, minlength=n)
    total = np.maximum(np.bincount(row, minlength=n), 1)
    return {"words of its own": alone, "share of words of its own": alone / total}


def _edges_shared(questions: Questions, chosen: Tokens) -> dict[str, np.ndarray]:
    """How many words a choice begins and ends with that the others begin and end with too."""
    n = len(questions.flat_choices)
    first = np.concatenate([[0], np.cumsum(chosen.counts)])
    others = np.maximum(questions.sizes[questions.owner] - 1, 1)
    found = {}
    for name, forwards in (("shared beginning", True), ("shared ending", False)):
        edge = np.full((n, EDGE_WORDS), -1)
        for place in range(EDGE_WORDS):
            has = chosen.counts > place
            at = first[:-1] + place if forwards else first[1:] - 1 - place
            edge[has, place] = chosen.ids[at[has]]
        total = np.zeros(n)
        for other, there in _others(questions):
            same = np.cumprod((edge == edge[other]) & (edge >= 0), axis=1).sum(axis=1)
            total += np.where(there, same, 0)
        found[name] = total / others
    return found


def _beside_question(questions: Questions, chosen: Tokens, asked: Tokens) -> dict[str, np.ndarray]:
    """How much of the choice stands in the question, by words and by their starts."""
    v, has = len(asked.vocabulary), chosen.counts > 0
    first = np.full(len(questions.flat_choices), -1)
    first[has] = questions.owner[has] * v + chosen.ids[(np.cumsum(chosen.counts) - chosen.counts)[has]]
    found = {"its first word is in the question": np.isin(first, asked.rows * v + asked.ids).astype(float)}
    for name, codes in (("words", np.arange(v)), ("word starts", asked.starts)):
        mine = _incidence(chosen, codes, len(questions.flat_choices), content_only=True)
        theirs = _incidence(asked, codes, len(questions), content_only=True)
        common = np.asarray(mine.multiply(theirs[questions.owner]).sum(axis=1)).ravel()
        size, asked_size = (np.maximum(np.diff(m.indptr), 1) for m in (mine, theirs))
        found[f"{name} shared with the question"] = common
        found[f"share of {name} in the question"] = common / size
        found[f"likeness to the question, {name}"] = common / np.sqrt(size * asked_size[questions.owner])
    return found


def _centred(questions: Questions, values: np.ndarray) -> np.ndarray:
    mean = np.bincount(questions.owner, weights=values, minlength=len(questions)) / questions.sizes
    return values - mean[questions.owner]


def _one_hots(questions: Questions, chosen: Tokens) -> dict[str, np.ndarray]:
    """Rank of length from both ends (ties share), and position."""
    found = {}
    most = int(questions.sizes.max())
    for unit, length in (("characters", per.lengths(questions).values), ("words", chosen.counts.astype(float))):
        for rank in range(min(RANKS, most)):
            found[f"shortest but {rank} in {unit}"] = per.PerChoice(questions, length).rank_share(rank)
            found[f"longest but {rank} in {unit}"] = per.PerChoice(questions, -length).rank_share(rank)
    at = per.position(questions)
    for place in range(min(POSITIONS, most)):
        found[f"position {place + 1}"] = (at == place).astype(float)
    return found
