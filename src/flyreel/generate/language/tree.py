"""A parse as lists that can be corrected: spaCy's own tree cannot be changed without making it again.

Tokens are numbers, those of the doc. A correction moves a token to another head or says what it is; nothing moves in
the text, so that every stretch cut from the tree is still a stretch of the text.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flyreel.generate.language.inflect import noun_base, verb_base

QUANTITIES = frozenset(
    "group pair couple bunch crowd lot number piece slice bit cup glass bottle bowl plate jar can bucket bag box "
    "pile stack heap row line set series herd flock pack team swarm school class band troop gang army litter crew "
    "dozen handful mouthful spoonful sheet strip loaf bar bouquet bundle basket tray pinch ball crate sack pot "
    "tub cart drop kind type sort variety hundred thousand part half rest all some most many several few both "
    "each one two three four five six seven eight nine ten".split()
)
"""What counts or measures what *of* brings: "a group of people" is one thing, "the door of a car" is two."""

INDEFINITE = frozenset(
    "someone somebody something anyone anybody anything everyone everybody everything nobody nothing none other "
    "others one ones each another both all some".split()
)
TITLES = frozenset("mr. mrs. ms. dr. st. prof. jr. sr. gen. col. lt. sgt. capt. rev. hon. vs. etc. no.".split())
BEFORE_HEAD = frozenset(("det", "amod", "poss", "nummod", "compound", "nmod", "quantmod", "predet", "punct", "case"))


@dataclass
class Tree:
    doc: Any
    words: list[str]
    tags: list[str]
    lemmas: list[str]
    deps: list[str]
    heads: list[int]
    sentences: list[tuple[int, int]]
    _children: list[list[int]] | None = None

    def children(self, i: int, *deps: str) -> list[int]:
        """In order; of these deps only, where some are named."""
        if self._children is None:
            self._children = [[] for _ in self.heads]
            for j, head in enumerate(self.heads):
                if head != j:
                    self._children[head].append(j)
        return [j for j in self._children[i] if self.deps[j] in deps] if deps else self._children[i]

    def move(self, i: int, head: int, dep: str) -> None:
        """Unless that would close a circle."""
        if head == i or i not in self.above(head):
            self.heads[i], self.deps[i] = head, dep
            self._children = None

    def settled(self) -> None:
        """After heads were changed by hand."""
        self._children = None

    def sentence(self, i: int) -> tuple[int, int]:
        return next((s, e) for s, e in self.sentences if s <= i < e)

    def above(self, i: int) -> Iterator[int]:
        """Its head, the head of that, and so on to the root."""
        while self.heads[i] != i:
            i = self.heads[i]
            yield i

    def left_edge(self, i: int) -> int:
        """First token of what hangs on it and stands before it."""
        while (children := self.children(i)) and children[0] < i:
            i = children[0]
        return i

    def is_verb(self, i: int) -> bool:
        return self.tags[i].startswith("VB") and self.deps[i] not in ("aux", "auxpass", "amod", "compound")

    def is_noun(self, i: int) -> bool:
        word = self.words[i]
        return self.tags[i].startswith("NN") and word.lower() not in INDEFINITE and any(map(str.isalnum, word))

    def is_quantity(self, i: int) -> bool:
        return self.words[i].lower() in QUANTITIES or self.lemmas[i] in QUANTITIES

    def lower(self, i: int) -> str:
        return self.words[i].lower()


def grow(doc: Any) -> Tree:
    tree = Tree(
        doc,
        [t.text for t in doc],
        [t.tag_ for t in doc],
        [verb_base(t.text, t.tag_) if t.tag_.startswith("VB") else noun_base(t.text) for t in doc],
        [t.dep_ for t in doc],
        [t.head.i for t in doc],
        [part for s in doc.sents for part in _parts(doc, s.start, s.end)],
    )
    for start, end in tree.sentences:
        for i in range(start, end):
            if not start <= tree.heads[i] < end:
                tree.heads[i], tree.deps[i] = i, "ROOT"
    return tree


def _parts(doc: Any, start: int, end: int) -> list[tuple[int, int]]:
    """A sentence ends where one of its own begins that the parser cannot see: after a colon, before ", then Mo", and at
    "Mo." too, which the tokenizer takes for Missouri."""
    cuts = [i + 1 for i in range(start, end - 1) if _ends(doc, i, end)]
    return list(zip([start, *cuts], [*cuts, end], strict=True))


def _ends(doc: Any, i: int, end: int) -> bool:
    text, after = doc[i].text, doc[i + 1]
    if text in (":", ";"):
        return bool(doc[i].whitespace_) and after.is_alpha
    if text == "," and after.lower_ == "then" and i + 2 < end:
        subject = doc[i + 2]
        return subject.is_title or subject.tag_ in ("DT", "PRP$", "PRP", "CD", "NNP")
    named = len(text) > 2 and text[-1] == "." and text[:-1].isalpha() and text.lower() not in TITLES
    return named and after.text[:1].isupper()


def counted(tree: Tree, head: int) -> int | None:
    """The noun that a quantity counts: people, for the group in "a group of people"."""
    if not tree.is_quantity(head):
        return None
    for of in tree.children(head, "prep"):
        if tree.lower(of) == "of" and of == head + 1:
            nouns = [n for n in tree.children(of, "pobj") if tree.is_noun(n)]
            return nouns[0] if nouns else None
    return None


def phrase(tree: Tree, head: int) -> tuple[int, int] | None:
    """Characters of the noun phrase from its determiner to its head; None where it is a pronoun, or no noun."""
    counts = counted(tree, head)
    if counts is None and not tree.is_noun(head):
        return None
    first = head
    for j in reversed([j for j in tree.children(head) if j < head]):
        if tree.deps[j] not in BEFORE_HEAD:
            break
        edge = tree.left_edge(j)
        if edge > first or (tree.deps[j] == "punct" and tree.words[j] not in ",-\"'“”‘’"):
            break
        first = edge
    if any(tree.tags[j] in ("WP$", "WP", "WDT") for j in range(first, head)):
        return None
    while first < head and (tree.deps[first] == "punct" or tree.deps[first] == "cc"):
        first += 1
    while first >= 2 and tree.words[first - 1] == "-" and not tree.doc[first - 1].whitespace_:
        first -= 2 if not tree.doc[first - 2].whitespace_ else 1
    last = head if counts is None else counts
    start = tree.doc[first].idx
    end = tree.doc[last].idx + len(tree.words[last])
    return start, end - full_stop(tree, last)


def full_stop(tree: Tree, i: int) -> int:
    """1 where the token ends in the full stop of its sentence: "Mo." at the end is taken for Missouri."""
    word = tree.words[i]
    last = i == len(tree.words) - 1 or i == tree.sentence(i)[1] - 1 or not "".join(tree.words[i + 1 :]).strip()
    return int(last and len(word) > 1 and word.endswith(".") and "." not in word[:-1])
