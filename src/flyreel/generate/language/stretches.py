"""Plain stretches about somebody named, read word by word where the parser is lost.

"The forest at dawn: Pip, the small red circle, chases Mo, then Mo jumps." The model has never met Pip, takes what he
does for a noun and hangs half the sentence on it. Such a stretch has one shape, and whatever has that shape from end to
end, between two of ":", ";" and ", then", is hung as its shape says, whatever the parser made of it:

    name [, noun phrase,] verb-s [noun phrase] [preposition noun phrase …] [and verb-s …]
"""

from __future__ import annotations

from collections.abc import Collection

from flyreel.generate.language.colours import is_colour
from flyreel.generate.language.tree import Tree, full_stop

_INSIDE = ("DT", "PRP$", "CD", "JJ", "JJR", "JJS", "NN", "NNS", "NNP", "NNPS", "VBG", "VBN")
_BREAKS = frozenset((":", ";", "."))


def straighten(tree: Tree, names: Collection[int]) -> None:
    """Hang anew every plain stretch. `names` are characters at which somebody's one-word name begins."""
    if names:
        for start, end in list(tree.sentences):
            verb = None
            for first, last in _stretches(tree, start, end):
                verb = _Reading(tree, names, first, last).hang(verb)


def _stretches(tree: Tree, start: int, end: int) -> list[tuple[int, int]]:
    found, first = [], start
    for i in range(start, end):
        then = tree.lower(i) in ("then", "and") and i > start and tree.words[i - 1] == ","
        if tree.words[i] in _BREAKS or then:
            found.append((first, i - 1 if then else i))
            first = i + 1
            if then and tree.lower(i) == "and" and first < end and tree.lower(first) == "then":
                first += 1
    found.append((first, end))
    return [(a, b) for a, b in found if a < b]


class _Reading:
    """One stretch, read from left to right; `links` are what to hang where, once all of it is read."""

    def __init__(self, tree: Tree, names: Collection[int], first: int, last: int) -> None:
        self.tree, self.names, self.at, self.last = tree, names, first, last
        self.links: list[tuple[int, int, str]] = []
        self.tags: dict[int, str] = {}

    def hang(self, before: int | None) -> int | None:
        """The last verb of the stretch, which one without a subject may go on from; None where it has another shape."""
        first = self.at
        subject = self._named()
        if subject is None:
            verb = self._verb() if before is not None else None
            if verb is not None and before is not None:
                self.links.append((verb, before, "conj"))
        else:
            verb = self._verb()
            if verb is not None:
                self.links += [(verb, verb, "ROOT"), (subject, verb, "nsubj")]
        top = verb
        while verb is not None:
            self._rest_of(verb)
            if self.at >= self.last or self._word() not in ("and", ","):
                break
            joint, self.at = self.at, self.at + 1
            again = self._verb()
            if again is None:
                return None
            self.links += [(joint, verb, "cc" if self.tree.lower(joint) == "and" else "punct"), (again, verb, "conj")]
            verb = again
        if top is None or self.at < self.last:
            return None
        self._apply(first, top)
        return verb

    def _apply(self, first: int, top: int) -> None:
        tree = self.tree
        hung = {i for i, _, _ in self.links}
        for i in range(len(tree.heads)):  # what was hung into the stretch from outside, or out of it, stands alone
            if i in hung:
                continue
            inside, above = first <= i < self.last, first <= tree.heads[i] < self.last
            if inside:
                tree.heads[i], tree.deps[i] = top, "punct" if tree.words[i] == "," else "dep"
            elif above:
                tree.heads[i], tree.deps[i] = i, "ROOT"
        for i, head, dep in self.links:
            tree.heads[i], tree.deps[i] = head, dep
        for i, tag in self.tags.items():
            tree.tags[i] = tag
        tree._children = None

    def _word(self) -> str:
        return self.tree.lower(self.at) if self.at < self.last else ""

    def _named(self) -> int | None:
        """A name, with what it is told to be between commas."""
        tree, at = self.tree, self.at
        if at >= self.last or tree.doc[at].idx not in self.names:
            return None
        self.tags[at], self.at = "NNP", at + 1
        if self._word() == ",":
            self.at += 1
            noun = self._noun_phrase(of=at, dep="appos")
            if noun is None or tree.lower(self._first(noun)) not in ("a", "an", "the"):
                self.at = at + 1
                self.links = [link for link in self.links if link[0] <= at]
            else:
                self.links.append((at + 1, at, "punct"))
                if self._word() == ",":
                    self.links.append((self.at, at, "punct"))
                    self.at += 1
        return at

    def _first(self, noun: int) -> int:
        return min([i for i, head, _ in self.links if head == noun], default=noun)

    def _verb(self) -> int | None:
        tree, at = self.tree, self.at
        if at >= self.last or not tree.words[at].islower() or not tree.words[at].endswith("s"):
            return None
        if not tree.tags[at].startswith(("NN", "VB")) or tree.words[at].endswith("ss") or len(tree.words[at]) < 4:
            return None
        self.tags[at], self.at = "VBZ", at + 1
        return at

    def _rest_of(self, verb: int) -> None:
        """An object, then prepositional phrases; adverbs and particles wherever they stand."""
        tree, open_ = self.tree, True
        while self.at < self.last:
            at, tag = self.at, tree.tags[self.at]
            to_colour = self._word() == "to" and at + 1 < self.last and is_colour(tree.lower(at + 1))
            if tag in ("IN", "TO", "RP") and (tag != "TO" or to_colour or tree.tags[at + 1 : at + 2] != ["VB"]):
                self.at += 1
                target = self._target(at, "pobj", to_colour)
                self.links.append((at, verb, "prep" if target is not None else "prt"))
                self.tags[at] = "IN" if target is not None else "RP"
                open_ = open_ and target is None
            elif tag in ("RB", "RBR") and not is_colour(self._word()) and self._word() not in ("colour", "color"):
                self.links.append((at, verb, "advmod"))
                self.at += 1
            elif not open_ or self._target(verb, "dobj", False) is None:
                return
            else:
                open_ = False

    def _target(self, head: int, dep: str, colour: bool) -> int | None:
        at = self.at
        named = self._named()
        if named is not None:
            self.links.append((named, head, dep))
            return named
        if at < self.last and (colour or self._word() in ("colour", "color", "places")):
            self.tags[at], self.at = "NN", at + 1
            self.links.append((at, head, dep))
            return at
        return self._noun_phrase(head, dep)

    def _noun_phrase(self, of: int, dep: str) -> int | None:
        """A determiner and what follows it that can stand before a noun, to the last noun; names stay outside."""
        tree, first, head = self.tree, self.at, None
        i = first
        while i < self.last and tree.tags[i] in _INSIDE and (i == first or tree.doc[i].idx not in self.names):
            if i > first and tree.tags[i] in ("DT", "PRP$"):
                break
            if tree.tags[i].startswith("NN"):
                head = i
            i += 1
        if head is None or tree.tags[first] not in ("DT", "PRP$", "CD", "NNS"):
            return None
        self.links += [(j, head, _before(tree, j)) for j in range(first, head)]
        self.links.append((head, of, dep))
        self.tags[head] = "NNS" if tree.tags[head] in ("NNS", "NNPS") else "NN"
        if full_stop(tree, head):
            self.tags[head] = "NN"
        self.at = head + 1
        return head


def _before(tree: Tree, i: int) -> str:
    tag = tree.tags[i]
    if tag == "PRP$":
        return "poss"
    if tag == "CD":
        return "nummod"
    if tag == "DT":
        return "det"
    return "amod" if tag.startswith("JJ") or is_colour(tree.lower(i)) else "compound"
