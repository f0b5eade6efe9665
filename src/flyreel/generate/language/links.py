"""Every link that a sentence states between two of its things: subject, predicate, object.

The subject of a verb is often not beside it: verbs joined by *and*, infinitives and participles have that of the verb
they hang on, a relative pronoun stands for its noun, and in a passive the one who acts comes last. The predicate takes
the preposition along ("jumps over"), so that both ends of a link are things. What is denied ("does not jump over") is
no link.

After Jivani, Jadhav, Gandhi, Bhatt and Kansara, "The multi-liaison algorithm", IJACSA 2(5), 2011.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from flyreel.generate.language.repairs import TIMES, repaired
from flyreel.generate.language.subjects import conjoined, is_passive, seen_doing, subjects
from flyreel.generate.language.tree import Tree, phrase

Tense = Literal[
    "present", "past", "progressive", "past progressive", "perfect", "passive", "past passive", "infinitive", "modal"
]
Role = Literal["object", "indirect", "attribute", "preposition"]

PLACES = frozenset("in front|on top|in middle|in center|in centre|in midst|at end".split("|"))
"""With *of*, one preposition: "in the middle of the street" is about the street."""
ALONE = frozenset(
    "sit stand walk run jump dance smile laugh lie stop turn come go kneel sleep wake bend lean talk speak cry swim "
    "fall stay wait yawn sneeze cheer hop crawl arrive appear nod yell scream".split()
)
"""Verbs that do not share the object of a verb after them: "sits and eats an apple"."""
BE = frozenset("be become remain".split())
LEADING = ("IN", "TO", "RB", "RP", "JJ", "VBG")
RELATIVES = ("WDT", "WP", "IN")


@dataclass(frozen=True)
class Verb:
    """`word` as it stands in the text; a preposition has the verb's own object before it in `between`, if there is one
    ("puts | a hat | on"). The tense is that of the active where the text has a passive with an agent."""

    word: str
    lemma: str
    particle: str = ""
    preposition: str = ""
    between: str = ""
    tense: Tense = "present"


@dataclass(frozen=True)
class Link:
    """Spans are characters of the text: `subject == text[slice(*subject_span)]`."""

    subject: str
    object: str
    subject_span: tuple[int, int]
    object_span: tuple[int, int]
    verb: Verb
    role: Role = "object"

    @property
    def predicate(self) -> str:
        return " ".join(filter(None, (self.verb.word, self.verb.particle, self.verb.preposition)))

    @property
    def lemma(self) -> str:
        return self.verb.lemma


@dataclass(frozen=True)
class _Reached:
    """A noun that a verb leads to, and the words of the preposition that leads there."""

    noun: int
    role: Role = "object"
    words: tuple[int, ...] = ()


def links(doc: Any) -> list[Link]:
    """In the order of the text, each once."""
    tree = repaired(doc)
    found: dict[tuple[Any, ...], Link] = {}
    for i in range(len(tree.words)):
        for link in _appositions(tree, i) if tree.deps[i] == "appos" else _of_verb(tree, i):
            found.setdefault((link.subject_span, link.predicate, link.object_span), link)
    return list(found.values())


def _appositions(tree: Tree, i: int) -> Iterator[Link]:
    """ "Pip, the small red circle," says what Pip is."""
    named = tree.heads[i]
    if named < i and _are_two(tree, named, i):
        yield _link(tree, named, Verb("is", "be"), _Reached(i, "attribute"))


def _of_verb(tree: Tree, v: int) -> Iterator[Link]:
    if not tree.is_verb(v) or any(tree.deps[j] == "neg" or tree.lower(j) == "never" for j in tree.children(v)):
        return
    said = _said(tree, v)
    doers = [i for i in subjects(tree, v) if phrase(tree, i)]
    reached = list(_reached(tree, v))
    if is_passive(tree, v):
        agents = [i for by in tree.children(v, "agent") for i in conjoined(tree, tree.children(by, "pobj"))]
        agents = [i for i in agents if phrase(tree, i)]
        if agents:
            said = replace(said, tense=_active(said))
            stranded = [j for j in tree.children(v, "prep") if j == v + 1 and not tree.children(j)]
            particle = " ".join(filter(None, (said.particle, _text(tree, stranded))))
            patients = [_Reached(i) for i in doers]
            reached = [replace(r, words=()) for r in reached if r.role != "preposition"] + [
                r for r in reached if r.role == "preposition"
            ]
            yield from _links(tree, agents, replace(said, particle=particle), patients)
            yield from _links(tree, agents, replace(said, between=_phrases(tree, doers)), reached)
            return
        reached = [r for r in reached if r.role == "preposition"]
    direct = [r.noun for r in reached if r.role == "object"] or _unnamed(tree, v)
    yield from _links(tree, doers, replace(said, between=_phrases(tree, direct)), reached)


def _links(tree: Tree, doers: Sequence[int], said: Verb, reached: Sequence[_Reached]) -> Iterator[Link]:
    """What stands between verb and preposition is not said where there is no preposition."""
    for doer in doers:
        for end in reached:
            if _are_two(tree, doer, end.noun):
                words = _text(tree, end.words)
                verb = replace(said, preposition=words) if words else replace(said, between="")
                yield _link(tree, doer, verb, end)


def _link(tree: Tree, subject: int, verb: Verb, end: _Reached) -> Link:
    one, other = phrase(tree, subject), phrase(tree, end.noun)
    assert one and other
    text = tree.doc.text
    return Link(text[slice(*one)], text[slice(*other)], one, other, verb, end.role)


def _are_two(tree: Tree, one: int, other: int) -> bool:
    """Two things, neither of which is a pronoun."""
    first, second = phrase(tree, one), phrase(tree, other)
    return first is not None and second is not None and (first[1] <= second[0] or second[1] <= first[0])


def _text(tree: Tree, words: Sequence[int]) -> str:
    return " ".join(tree.words[j] for j in sorted(words))


def _phrases(tree: Tree, nouns: Sequence[int]) -> str:
    """From the first to the last of them; a pronoun as it is."""
    spans = [phrase(tree, i) or (tree.doc[i].idx, tree.doc[i].idx + len(tree.words[i])) for i in nouns]
    return tree.doc.text[min(s for s, _ in spans) : max(e for _, e in spans)] if spans else ""


def _said(tree: Tree, v: int) -> Verb:
    particle = [j for j in tree.children(v, "prt") if j > v and not tree.children(j, "prep")]
    return Verb(tree.words[v], tree.lemmas[v], _text(tree, particle), tense=_tense(tree, v))


def _tense(tree: Tree, v: int) -> Tense:
    tag, helpers = tree.tags[v], tree.children(v, "aux", "auxpass")
    words = {tree.lower(j) for j in helpers}
    top = v
    while not helpers and tree.deps[top] == "conj" and tree.is_verb(tree.heads[top]) and tag in ("VBG", "VBN", "VB"):
        top = tree.heads[top]
        helpers = tree.children(top, "aux", "auxpass")
        words = {tree.lower(j) for j in helpers}
    if any(tree.tags[j] == "MD" for j in helpers):
        return "modal"
    if tag == "VB" and "to" in words:
        return "infinitive"
    past = bool(words & {"was", "were", "had"})
    if is_passive(tree, v):
        return "past passive" if past else "passive"
    if tag == "VBG":
        return "past progressive" if past else "progressive"
    if tag == "VBN" and words & {"has", "have", "had", "'ve", "having"}:
        return "perfect"
    return "past" if tag in ("VBD", "VBN") or "did" in words else "present"


def _active(verb: Verb) -> Tense:
    """ "was broken by a boy" can only be told with the participle: "a boy has broken"."""
    if verb.tense != "past passive":
        return "present"
    return "past" if verb.word.endswith("ed") else "perfect"


def _unnamed(tree: Tree, v: int) -> list[int]:
    """An object that is a pronoun or a clause; it stands between verb and preposition all the same."""
    return [j for j in tree.children(v, "dobj", "dative") if not tree.children(j, "pobj")]


def _reached(tree: Tree, v: int) -> Iterator[_Reached]:
    there = bool(tree.children(v, "expl"))
    if not there:
        direct = [j for j in tree.children(v, "dobj", "obj", "oprd") if tree.tags[j] not in RELATIVES]
        direct = direct or _shared(tree, v)
        indirect = [j for j in tree.children(v, "dative") if tree.tags[j] not in ("IN", "TO")]
        yield from (_Reached(j, "indirect") for j in conjoined(tree, indirect))
        yield from (_Reached(j) for j in conjoined(tree, direct + seen_doing(tree, v)))
        if tree.lemmas[v] in BE:
            yield from (_Reached(j, "attribute") for j in conjoined(tree, tree.children(v, "attr")))
        yield from _relative(tree, v, bool(direct))
    for host in (v, *(tree.children(v, "attr") if there else ())):
        for j in tree.children(host, "prep", "dative", "prt", "advmod"):
            particle = tree.deps[j] == "prt" and not tree.children(j, "prep")
            if j > host and tree.tags[j] in LEADING and tree.lower(j) not in ("of", "than") and not particle:
                yield from _through(tree, (), j)


def _through(tree: Tree, words: tuple[int, ...], j: int) -> Iterator[_Reached]:
    """Down one preposition, or several that work as one: out → of → the car."""
    for noun in tree.children(j, "pobj"):
        of = [k for k in tree.children(noun, "prep") if tree.lower(k) == "of" and k == noun + 1]
        if of and f"{tree.lower(j)} {tree.lower(noun)}" in PLACES:
            yield from _through(tree, (*words, j, *range(tree.left_edge(noun), noun + 1)), of[0])
        elif tree.lemmas[noun] not in TIMES or tree.tags[noun] == "NNP":
            for k in conjoined(tree, [noun]):
                yield _Reached(k, "preposition", (*words, j))
    for k in tree.children(j, "prep"):
        yield from _through(tree, (*words, j), k)
    for k in tree.children(j, "conj"):
        if tree.tags[k] in ("IN", "TO", "RP", "RB"):
            yield from _through(tree, words, k)


def _shared(tree: Tree, v: int) -> list[int]:
    """ "push and pull a cart": a verb that ends at *and* has the object of the next, unless it takes none."""
    if tree.lemmas[v] in ALONE or tree.children(v, "prep", "prt", "acomp", "advmod", "dobj"):
        return []
    for j in tree.children(v, "conj"):
        between = {tree.lower(k) for k in range(v + 1, j)}
        if tree.is_verb(j) and between and between <= {"and", "or", ",", "then"}:
            return tree.children(j, "dobj") or _shared(tree, j)
    return []


def _relative(tree: Tree, v: int, has: bool) -> Iterator[_Reached]:
    """The noun that a relative clause without an object of its own is about: "the ball (that) the girl throws"."""
    own = tree.children(v, "nsubj", "nsubjpass")
    if tree.deps[v] != "relcl" or not own or tree.tags[own[-1]] in ("WDT", "WP"):
        return
    if any(tree.tags[j] == "WRB" for j in tree.children(v, "advmod")):
        return
    noun = tree.heads[v]
    for j in tree.children(v, "prep"):
        objects = tree.children(j, "pobj")
        if (not objects and not tree.children(j)) or any(tree.tags[k] in ("WDT", "WP") for k in objects):
            yield _Reached(noun, "preposition", (j,))
            return
    relative = [j for j in tree.children(v, "dobj") if tree.tags[j] in RELATIVES]
    if relative or (not has and not tree.children(v, "auxpass", "acomp", "attr", "xcomp", "ccomp")):
        yield _Reached(noun)
