"""Wrong choices for extractive questions: the answers to other clips' questions, in the same form.

Text alone must not tell the key, so nothing about a wrong choice may differ from a key. A word that is often right and
seldom offered otherwise gives itself away; and that comes by itself: drawn by how often they are right, common answers
still stand as wrong choices too seldom, since none can stand beside itself, nor in a clip that says it. So weights are
found by which every answer is offered wrong `choices - 1` times for each time that it is right. For some there are
none: what is right more than once in `choices` has too few questions to be wrong in, and some of those go.

An answer that says no more than "a person" is right wherever "a man" is: it is no key here and no wrong choice.

One thing balance cannot hide. An answer that is right once in the set is right nowhere else, and the answers lent to it
are; who has the keys of the other questions sees that. Only texts that are never right would mend it, at `choices - 1`
of them for each question: that is for refinement, which proposes some.

A hand depends on the seed, the question's id, and the answers of its form in this call; not on the order of the clips,
nor on questions of another form. It does depend on which clips are in the call, since the answers are theirs.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from flyreel.audit.choices import content_words
from flyreel.audit.likeness import Form, near
from flyreel.engine.stage import Drop
from flyreel.generate.language.candidates import Kind

ROUNDS, LATER, PASSES = 10, 2, 5
"""Steps of the weights, at first and after some keys have gone; and how often keys go for being too common."""

DRAWS = 64
"""A slot draws from the weights so many times before it goes through all that is left in random order."""
SOFT, SPARE = 6.0, 2
"""Luck with answers that are right once or twice is not mended, and so many keys above balance tell nobody anything."""
MOST = 3.0
"""Weight of one answer over all others together: it stands in nearly every hand then."""

_PREPOSITIONS = {
    "place": "in on at under over above below behind beside between near by against inside outside within among upon "
    "beneath underneath amid atop next close around along alongside",
    "way": "into onto to toward towards through across from out off up down past away",
    "time": "before after during until till since while",
    "with": "with without",
}
_CLASSES = {word: name for name, words in _PREPOSITIONS.items() for word in words.split()}
_GENERAL = frozenset(
    "person persons people human humans someone somebody something thing things object objects animal animals creature "
    "creatures being beings figure figures".split()
)
"""Words that include most others: true of nearly whatever is seen."""
_COUNTS = frozenset("one two three four five six seven eight nine ten several many some few other another".split())
_ASKING = {w: w for w in "who what which where when why how whose".split()} | {"whom": "who"}
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, eq=False)
class Said:
    """What a clip's own text states, its candidates of one kind and every cue. None of it is a wrong choice there."""

    candidates: tuple[Form, ...]
    cues: tuple[Form, ...]

    def states(self, text: str) -> bool:
        form = Form.of(text)
        return any(near(form, c) for c in self.candidates) or (
            bool(form.content) and any(form.content <= cue.content for cue in self.cues)
        )


@dataclass(frozen=True)
class Slot:
    """A question that waits for wrong choices. Only slots of one form draw from each other."""

    id: str
    key: str
    form: tuple[str, ...]
    said: Said


@dataclass(frozen=True)
class Hand:
    choices: tuple[str, ...]
    answer: int


def form_of(kind: Kind, span: Any, question: str) -> tuple[str, ...]:
    """What a wrong choice must share with the key, or grammar tells them apart: "two dogs" is no answer beside "a cat".

    `span` is spaCy's. The word that asks counts too: beside a person an animal is no answer to "who".
    """
    root = span.root
    asked = _WORD.findall(question.lower())
    asking = _asking(asked)
    if kind == "living":
        name = root.pos_ == "PROPN" and span[0].pos_ != "DET"
        return kind, asking, _number(root), "name" if name else "common"
    if kind == "noun":
        return kind, asking, _number(root)
    if kind == "verb":
        objects = any(child.dep_ in ("dobj", "obj", "dative", "iobj") and child in span for child in root.children)
        return kind, asking, _inflection(root), "transitive" if objects else "intransitive"
    if kind == "prepositional":
        first = span[0].lower_
        named = asked[:1] == [first]  # "At what …?"
        return kind, asking, first if named else _CLASSES.get(first, first)
    return kind, asking


def _asking(words: Sequence[str]) -> str:
    at = next((i for i, word in enumerate(words) if word in _ASKING), None)
    if at is None:
        return ""
    return " ".join(words[at : at + 2]) if words[at] == "which" else _ASKING[words[at]]


def _number(root: Any) -> str:
    many = root.tag_ in ("NNS", "NNPS") or (root.tag_ == "CD" and root.lower_ not in ("one", "1"))
    return "plural" if many else "singular"


def _inflection(root: Any) -> str:
    passive = any(child.dep_ in ("auxpass", "nsubjpass") for child in root.children) or root.dep_ == "acl"
    by_tag = {"VBZ": "-s", "VBG": "-ing", "VBD": "past", "VBN": "passive" if passive else "past"}
    if root.tag_ in by_tag:
        return by_tag[root.tag_]
    if root.pos_ == "VERB":
        return "base"
    ending = next((e for e in ("ing", "ed", "s") if root.lower_.endswith(e)), "")  # a verb that was taken for a noun
    return {"ing": "-ing", "ed": "past", "s": "-s"}.get(ending, "base")


def deal(slots: Sequence[Slot], choices: int, seed: int) -> list[Hand | Drop]:
    """For every slot its choices in random order, all places alike for the key; or why it has none."""
    by_form: dict[tuple[str, ...], list[int]] = defaultdict(list)
    dealt: dict[int, Hand | Drop] = {}
    for i, slot in enumerate(slots):
        if _too_general(slot.key):
            dealt[i] = Drop("answer-too-general", slot.key)
        else:
            by_form[slot.form].append(i)
    for rows in by_form.values():
        rows.sort(key=lambda i: slots[i].id)
        dealt |= zip(rows, _Table([slots[i] for i in rows], choices, seed).deal(), strict=True)
    return [dealt[i] for i in range(len(slots))]


def _too_general(answer: str) -> bool:
    """ "A person", "two people", "with somebody"."""
    said = content_words(answer) - _COUNTS
    return bool(said) and said <= _GENERAL


class _Table:
    """The slots of one form. What each draws is fixed by its id; the weights it is drawn by are not."""

    def __init__(self, slots: list[Slot], choices: int, seed: int) -> None:
        self.slots, self.seed = slots, seed
        self.wrong = choices - 1
        self.texts = sorted({slot.key for slot in slots})
        number = {text: i for i, text in enumerate(self.texts)}
        self.keys = np.array([number[slot.key] for slot in slots])
        self.rehearsed, self.draws = np.array(
            [_random(seed, "hand", slot.id).random((2, DRAWS)) for slot in slots]
        ).swapaxes(0, 1)
        self.orders: dict[int, np.ndarray] = {}
        self._near: dict[tuple[int, int], bool] = {}
        self._stated: dict[tuple[int, int], bool] = {}

    def deal(self) -> list[Hand | Drop]:
        live = np.arange(len(self.slots))
        drops: dict[int, Drop] = {}
        hands: dict[int, list[int]] = {}
        weights = np.bincount(self.keys).astype(float)
        passes = 0
        while len(live):
            weights, used = self._balanced(live, weights, LATER if passes else ROUNDS)
            hands = self._hands(live, weights, self.draws)
            gone = {
                i: Drop("too-few-choices", f"{len(hand)} of {self.wrong}")
                for i, hand in hands.items()
                if not self._full(hand)
            }
            if not gone and passes < PASSES:
                gone = self._too_common(live, used)
            if not gone:
                break
            passes += 1
            drops |= gone
            live = np.array([i for i in live.tolist() if i not in gone], dtype=int)
        return [drops[i] if i in drops else self._hand(i, hands[i]) for i in range(len(self.slots))]

    def _full(self, hand: list[int]) -> bool:
        return len(hand) == self.wrong

    def _balanced(self, live: np.ndarray, weights: np.ndarray, rounds: int) -> tuple[np.ndarray, np.ndarray]:
        """Weights under which each answer is wrong about as often as it should be, and how often that is.

        They are found on draws that are not used: fitted to those that are, each answer would be wrong exactly so many
        times, and who counts how often a choice is right in the other questions would find one too few for the key.
        """
        owed = self.wrong * np.bincount(self.keys[live], minlength=len(self.texts)).astype(float)
        weights = np.where(owed > 0, weights, 0.0)
        for turn in range(rounds + 1):
            hands = self._hands(live, weights, self.rehearsed).values()
            used = np.bincount([t for hand in hands for t in hand], minlength=len(self.texts))
            if turn < rounds:
                weights *= np.clip((owed + SOFT) / (used + SOFT), 0.5, 2.0)
                weights = np.minimum(weights, MOST * np.maximum(weights.sum() - weights, 1e-9))
        return weights, used

    def _hands(self, live: np.ndarray, weights: np.ndarray, draws: np.ndarray) -> dict[int, list[int]]:
        # By weight over texts, which is by occurrence where weights are counts, and never evenly over distinct texts:
        # common answers are often right, so they must be often wrong too, or the commonest choice would be the key.
        edges = np.cumsum(weights) / weights.sum()
        drawn = np.minimum(np.searchsorted(edges, draws[live], side="right"), len(weights) - 1)
        hands = {}
        for i, row in zip(live.tolist(), drawn.tolist(), strict=True):
            hand = self._taken(i, row, weights)
            hands[i] = hand if self._full(hand) else self._taken(i, [*row, *self._order(i)], weights)
        return hands

    def _order(self, i: int) -> list[int]:
        if i not in self.orders:
            self.orders[i] = _random(self.seed, "all", self.slots[i].id).permutation(len(self.texts))
        return self.orders[i].tolist()

    def _taken(self, i: int, drawn: Sequence[int], weights: np.ndarray) -> list[int]:
        hand: list[int] = []
        seen: set[int] = set()
        for text in drawn:
            if text in seen or not weights[text]:
                continue
            seen.add(text)
            if not self._states(i, text) and not any(self._alike(text, other) for other in (self.keys[i], *hand)):
                hand.append(text)
                if self._full(hand):
                    break
        return hand

    def _states(self, i: int, text: int) -> bool:
        said = self.slots[i].said
        at = (id(said), text)
        if at not in self._stated:
            self._stated[at] = said.states(self.texts[text])
        return self._stated[at]

    def _alike(self, a: int, b: int) -> bool:
        at = (int(a), b) if a < b else (b, int(a))
        if at not in self._near:
            self._near[at] = near(self.texts[a], self.texts[b])
        return self._near[at]

    def _too_common(self, live: np.ndarray, used: np.ndarray) -> dict[int, Drop]:
        """Of the answers that are right too often for the hands to make up for it, as many as are too many, by lot."""
        rows: dict[int, list[int]] = defaultdict(list)
        for i in live.tolist():
            rows[int(self.keys[i])].append(i)
        gone: dict[int, Drop] = {}
        for text, mine in rows.items():
            room = used[text] / self.wrong
            if len(mine) > room + SPARE:
                detail = f"right in {len(mine)} of {len(live)}, wrong in {used[text]}"
                lots = sorted(mine, key=lambda i: self.draws[i, -1])
                gone |= {i: Drop("answer-too-common", detail) for i in lots[max(round(room), 1) :]}
        return gone

    def _hand(self, i: int, hand: list[int]) -> Hand:
        texts = [self.slots[i].key, *(self.texts[t] for t in hand)]
        order = _random(self.seed, "place", self.slots[i].id).permutation(len(texts)).tolist()
        return Hand(tuple(texts[t] for t in order), order.index(0))


def _random(seed: int, what: str, id: str) -> np.random.Generator:
    digest = hashlib.sha256(f"{seed} {what} {id}".encode("utf-8", errors="surrogatepass")).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "little"))
