"""Candidate answers in a description: living things, nouns, verbs, prepositional phrases, colours.

What counts is defined in docs/generate.md. spaCy's tags are put right first (words), and phrases are cut by tags and
word lists rather than along its tree: a caption's tree is wrong more often than its tags, and a phrase that is cut at
its head needs no tree.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import Any, Literal

from flyreel.generate.language import colours, phrases, somebody, tagging, verbs
from flyreel.generate.language.words import FINITE, PRONOUNS, Word, words_of

Kind = Literal["living", "noun", "verb", "prepositional", "colour"]
KINDS: tuple[Kind, ...] = ("living", "noun", "verb", "prepositional", "colour")

_PREPOSITIONS = frozenset(
    "about above across after against along alongside amid amidst among amongst around as at atop before behind below "
    "beneath beside besides between beyond by despite down during for from in inside into like near off on onto "
    "opposite out outside over past round since through throughout till to toward towards under underneath until up "
    "upon via with within without aboard except".split()
)
_CLAUSES = frozenset("as before after since until till like for".split())
"""Prepositions that may begin a clause instead."""


@dataclass(frozen=True)
class Candidate:
    """`start` and `end` are characters of the description: `text == description[start:end]`."""

    text: str
    kind: Kind
    start: int
    end: int


def candidates(doc: Any) -> list[Candidate]:
    """In order of place; of those that begin together the longest first."""
    text = doc.text
    words = words_of(doc)
    tagging.put_right(words)
    taken = phrases.fixed(words)
    found = phrases.phrases(words, taken)
    somebody.mark(words, found)
    surnames = {
        words[phrase.head].end for phrase in found if phrase.head > phrase.first and words[phrase.head].tag == "NNP"
    }
    coloured = [span for span in colours.colours(text, _modifiers(words, found)) if span[1] not in surnames]
    found = [phrase for phrase in found if not _only_colour(words, phrase, coloured)]
    done = verbs.actions(words, found, taken)
    spans: list[tuple[int, int, Kind]] = [(start, end, "colour") for start, end in coloured]
    for phrase in found:
        start, end = words[phrase.first].start, words[phrase.last].end
        if not phrase.adverb:
            spans.append((start, end, "living" if phrase.living else "noun"))
    spans += [(words[action.first].start, words[action.last].end, "verb") for action in done]
    for first, last in _prepositional(words, found, done, taken, coloured):
        spans.append((words[first].start, words[last].end, "prepositional"))
    spans = sorted(set(spans), key=lambda span: (span[0], -span[1], KINDS.index(span[2])))
    return [Candidate(text[start:end], kind, start, end) for start, end, kind in spans]


def _modifiers(words: list[Word], found: list[phrases.Phrase]) -> set[int]:
    """Where "orange" or "silver" is a colour: in front of a noun, or where something turns to it."""
    places = set()
    inside = set()
    for phrase in found:
        for i in range(phrase.first, phrase.last + 1):
            inside.add(i)
            if i < phrase.last:
                places.add(words[i].start)
    for i, word in enumerate(words):
        if word.low not in colours.SHARED:
            continue
        before = words[i - 1].low if i else ""
        if i not in inside or before in (
            "to",
            "is",
            "are",
            "turns",
            "turn",
            "turned",
            "from",
            "into",
            "in",
            "was",
            "and",
        ):
            places.add(word.start)
    return places


def _only_colour(words: list[Word], phrase: phrases.Phrase, coloured: list[tuple[int, int]]) -> bool:
    """A colour as a phrase of its own is a colour and no noun."""
    head = words[phrase.head]
    k = bisect_right(coloured, head.start, key=lambda span: span[0]) - 1
    if k < 0:
        return False
    start, end = coloured[k]
    return start <= head.start and head.end <= end and words[phrase.first].end >= start - 1


def _prepositional(
    words: list[Word],
    found: list[phrases.Phrase],
    done: list[verbs.Action],
    taken: dict[int, tuple[int, str]],
    coloured: list[tuple[int, int]],
) -> list[tuple[int, int]]:
    starts = {phrase.first: phrase for phrase in found}
    inside = {i for phrase in found for i in range(phrase.first, phrase.last + 1)}
    inside.update(i for action in done for i in (action.at, *action.particles))
    colour_ends = dict(coloured)
    made, i = [], 0
    while i < len(words):
        length, kind = taken.get(i, (1, "preposition"))
        several = i in taken
        if kind == "preposition" and (several or (i not in inside and words[i].low in _PREPOSITIONS)):
            last = _object(words, i + length, starts, taken, colour_ends)
            if last is not None and (several or _is_preposition(words, i, last, starts)):
                made.append((i, last))
        i += length
    return made


def _object(
    words: list[Word],
    k: int,
    starts: dict[int, phrases.Phrase],
    taken: dict[int, tuple[int, str]],
    colour_ends: dict[int, int],
) -> int | None:
    if k >= len(words):
        return None
    if k in starts:
        return None if starts[k].adverb else starts[k].last
    if k in taken:
        several = " ".join(word.low for word in words[k : k + taken[k][0]])
        return k + taken[k][0] - 1 if several in ("each other", "one another") else None
    if words[k].start in colour_ends:
        end = colour_ends[words[k].start]
        while k + 1 < len(words) and words[k + 1].end <= end:
            k += 1
        return k
    pronoun = words[k].tag in ("PRP", "PRP$") or words[k].low in PRONOUNS
    return k if pronoun and words[k].low not in ("i", "he", "she", "we", "they", "who", "that", "what") else None


def _is_preposition(words: list[Word], i: int, last: int, starts: dict[int, phrases.Phrase]) -> bool:
    word = words[i]
    if word.verb or word.tag in ("NN", "NNS", "MD", "CC"):
        return False
    after = words[last + 1] if last + 1 < len(words) else None
    if word.low == "to" and word.tag == "TO" and words[i + 1].tag == "VB":
        return False
    if word.low in _CLAUSES and _opens_clause(words, i, after):
        return False
    return word.low != "by" or not _names_doer(words, i, starts.get(i + 1))


def _opens_clause(words: list[Word], i: int, after: Word | None) -> bool:
    """A finite verb after the phrase is this clause's own, unless the clause before still waits for one."""
    if after is None or after.tag not in ("VBZ", "VBP", "MD", "VBD"):
        return words[i].dep == "mark" and not (i and words[i - 1].tag in ("VBN", "VBG"))
    for k in range(i - 1, max(-1, i - 30), -1):
        if words[k].text in (",", ".", ";", ":"):
            break
        if words[k].tag in FINITE:
            return True
    return i == 0 or words[i - 1].tag not in ("VBN", "VBG")


def _names_doer(words: list[Word], i: int, who: phrases.Phrase | None) -> bool:
    """The "by" of a passive."""
    if words[i].dep == "agent":
        return True
    if who is not None and not who.living:
        return i > 0 and words[i - 1].tag == "VBN" and words[i - 1].low in ("surrounded", "covered", "caused", "hit")
    for k in range(i - 1, max(-1, i - 12), -1):
        if words[k].verb:
            return words[k].tag == "VBN"
    return False
