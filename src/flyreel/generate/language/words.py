"""A description word by word, as spaCy reads it, and the sets of words and tags that the rules ask for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from itertools import zip_longest
from typing import Any

from flyreel.generate.language.living import TITLES, is_name
from flyreel.generate.language.model import dictionary


@dataclass(slots=True)
class Word:
    """`start` and `end` are characters, `head` the place among the words of what spaCy hangs this one on."""

    text: str
    low: str
    tag: str
    dep: str
    head: int
    start: int
    end: int
    first: bool = False
    """Of its sentence."""

    @property
    def noun(self) -> bool:
        return self.tag in NOUNS

    @property
    def verb(self) -> bool:
        return self.tag in VERBS


NOUNS = frozenset(("NN", "NNS", "NNP", "NNPS"))
VERBS = frozenset(("VB", "VBD", "VBG", "VBN", "VBP", "VBZ"))
FINITE = frozenset(("VBD", "VBP", "VBZ", "MD"))
ADJECTIVES = frozenset(("JJ", "JJR", "JJS"))
DETERMINERS = frozenset(("DT", "PRP$", "PDT", "WP$"))
STOPS = frozenset(". , ; : ! ? ( ) - -- – — … \" '' `` “ ”".split())
REACH = 30
"""Words that a rule looks to either side, so that a text without a full stop costs no more than another."""
JOINTS = frozenset("and or but then while as who that which when where because if before after until so".split())

BE = frozenset("be am is are was were been being 's 're 'm ’s ’re ’m".split())
HAVE = frozenset("have has had having 've ’ve".split())
DO = frozenset("do does did".split())
PRONOUNS = frozenset(
    "i you he she it we they me him her us them himself herself itself themselves myself yourself ourselves oneself "
    "someone somebody something anyone anybody anything everyone everybody everything nobody nothing none who whom "
    "what this that these those mine yours hers ours theirs".split()
)

_PLAIN = re.compile(r"[^\W_]+(?:['’.,&/-][^\W_]+)*\.?|['’]\w*|[nN]['’][tT]|[.,;:!?()\"“”`–—…-]+")
"""What a word or a mark looks like. Anything else (markup, control characters, emoji) has no tag, and ends a phrase."""


@cache
def actions() -> frozenset[str]:
    lines = files(__package__).joinpath("actions.txt").read_text("utf-8").splitlines()
    return frozenset(word for line in lines if not line.startswith("#") for word in line.split())


@cache
def _deeds() -> frozenset[str]:
    return dictionary("verb") | actions()


@lru_cache(maxsize=1 << 14)
def base(low: str) -> str:
    """The verb that a form in -s belongs to, or the word itself."""
    verbs = _deeds()
    for ending, instead in (("ies", "y"), ("es", ""), ("s", "")):
        if low.endswith(ending) and not low.endswith("ss") and (one := low.removesuffix(ending) + instead) in verbs:
            return one
    return low


def words_of(doc: Any) -> list[Word]:
    """Spaces are no words, unless they break the line."""
    places: dict[int, int] = {}
    found: list[Word] = []
    tokens = []
    first = True
    for token in doc:
        text = token.text
        if text.isspace() and "\n" not in text:
            continue
        places[token.i] = len(found)
        tokens.append(token)
        tag = token.tag_ if _PLAIN.fullmatch(text) else ""
        found.append(Word(text, text.lower(), tag, token.dep_, 0, token.idx, token.idx + len(text), first))
        first = text in (".", "!", "?", ":", "…") or "\n" in text or (first and not text[:1].isalnum())
    for word, token in zip(found, tokens, strict=True):
        word.head = places.get(token.head.i, 0)
    for word, after in zip_longest(found, found[1:]):
        if _ends_sentence(word, after):
            word.text, word.low, word.end = word.text[:-1], word.low[:-1], word.end - 1
    return found


def _ends_sentence(word: Word, after: Word | None) -> bool:
    """A name taken for an abbreviation: "Mo." is Missouri to spaCy."""
    if not word.text.endswith(".") or not word.text[:-1].isalpha() or len(word.text) < 3 or word.low[:-1] in TITLES:
        return False
    return after is None or "\n" in after.text or is_name(word.low[:-1])
