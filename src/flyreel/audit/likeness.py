"""Do two answers say the same? By their words alone, and fast enough for every pair that a picker looks at.

Two wrong errors are possible. Calling different answers alike loses a distractor; calling like answers different makes
a question with two right answers. Only the second is hard to find later, so what is in doubt counts as alike, with one
exception: two answers that part in exactly one word ("into a bowl", "into a plate") are the best pair there is.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from flyreel.audit.choices import content_words

ALIKE = 0.8
"""Share of common words (Jaccard) from which two answers are near."""

_ARTICLES = frozenset(("a", "an", "the"))
_COMMENT = re.compile(r"\s*,\s*(?:just\s+)?(?:as|like|which|here|clearly|obviously|of course)\b[^,;.!?]*[.!?]?$")
"""A clause after a comma that says nothing of its own: "dawn, as can be seen" is the answer "dawn"."""
_WEAK = _ARTICLES | frozenset(
    "is are was were am be been being do does did has have had of that which there and also just very really "
    "some".split()
)
_NEGATORS = frozenset("not no never without neither nor".split())
_WORD = re.compile(r"(?<!\w)[-−](?=\d)\d+(?:[.,:]\d+)*|\d+(?:[.,:]\d+)+(?!\w)|[^\W_]+")
_NO = re.compile(r"\W*no\s*(?:[,.;:!]|$)")
_CONTRACTIONS = (
    ("can't", "can not"), ("cannot", "can not"), ("won't", "will not"), ("n't", " not"), ("'re", " are"),
    ("'ll", " will"), ("'ve", " have"), ("'m ", " am "), ("'s", ""),
)  # fmt: skip

_SYNONYMS = """
zero 0|one 1|two 2|three 3|four 4|five 5|six 6|seven 7|eight 8|nine 9|ten 10|eleven 11|twelve 12
man guy|woman lady|child kid|mother mom mum|father dad|people folks|big large|small little|begin start commence
end finish|close shut|shout yell|speak talk|look watch|hurry rush|quick fast rapid|happy glad joyful|angry mad
afraid scared frightened|sick ill|gift present|buy purchase|jump leap|cry weep|smile grin|throw toss|pull drag
hit strike|grab seize|help assist|answer reply|silent quiet|someone somebody|everyone everybody|movie film
shop store|rubbish trash garbage|sofa couch|rock stone|car automobile|bike bicycle|phone telephone
photo picture photograph|television tv|trousers pants|road street
"""
"""Groups of words that say the same in an answer about a video; not a thesaurus: a doubtful pair is left out."""

_IRREGULAR = """
men man|women woman|children child|person people|feet foot|teeth tooth|goes go|went go|gone go|ran run|sat sit
stood stand|took take|taken take|gave give|given give|came come|saw see|seen see|said say|told tell|fell fall
fallen fall|held hold|made make|threw throw|thrown throw|caught catch|began begin|begun begin|spoke speak
spoken speak|got get|ate eat|eaten eat|drank drink|drove drive|wrote write|broke break|brought bring|bought buy
thought think|felt feel|kept keep|slept sleep
"""
_VERBS = frozenset(
    "adjust answer ask bend blow bring carry catch check clap clean climb close come cook cry cut dance drink drive "
    "drop eat enter fall feed fix follow get give go grab hit hold hug jump keep kick kiss laugh lean leave lick lie "
    "lift look make move nod open pass pick place play point pour pull push put raise read remove ride run say scratch "
    "see shake shout show sing sit sleep smile speak spin stand start stay step stop swim take talk tell throw touch "
    "turn use wait walk wash watch wave wear wipe write".split()
)
_NUMBERS = frozenset("zero one two three four five six seven eight nine ten eleven twelve once twice none".split())
_NOT_GERUNDS = frozenset("thing something nothing anything everything morning evening during string spring".split())
_PREPOSITIONS = frozenset(
    "in on at by under over behind near beside inside outside into onto from with without before after during between "
    "through across against around above below towards toward along next upon".split()
)
_VOWEL = re.compile("[aeiouy]")
_SUBJECTS = frozenset("he she it they we i you there someone nobody everyone".split())
_DETERMINERS = _ARTICLES | frozenset("his her their my your our its this these those some".split())
_FINITE = frozenset("is are was were has have had does did will can could would do".split())


def _stem(word: str) -> str:
    """Enough that opens, opened and opening are one word; never shown to anyone."""
    if len(word) > 4 and word.endswith(("ies", "ied")):
        return word[:-3] + "i"
    if len(word) > 5 and word.endswith("ing") and _VOWEL.search(word[:-3]):
        word = _single(word[:-3])
    elif len(word) > 4 and word.endswith("ed") and word[-3] != "e" and _VOWEL.search(word[:-2]):
        word = _single(word[:-2])
    elif len(word) > 4 and word.endswith(("sses", "ches", "shes", "xes", "zes", "oes")):
        word = word[:-2]
    elif len(word) > 3 and word[-1] == "s" and word[-2] not in "sui":
        word = word[:-1]
    if len(word) > 3 and word[-1] == "e":
        return word[:-1]
    return word[:-1] + "i" if len(word) > 2 and word[-1] == "y" and word[-2] not in "aeiou" else word


def _single(stem: str) -> str:
    """running → run, but falling → fall."""
    return stem[:-1] if len(stem) > 2 and stem[-1] == stem[-2] and stem[-1] not in "lsz" else stem


_BASES = {pair.split()[0]: pair.split()[1] for line in _IRREGULAR.split("\n") for pair in line.split("|") if pair}
_LEADERS = {
    _stem(word): _stem(group.split()[0])
    for line in _SYNONYMS.split("\n")
    for group in line.split("|")
    for word in group.split()
}


@lru_cache(maxsize=1 << 16)
def _canonical(word: str) -> str:
    stem = _stem(_BASES.get(word, word))
    return _LEADERS.get(stem, stem)


@lru_cache(maxsize=1 << 16)
def _is_grammar(word: str) -> bool:
    return not content_words(word)


@dataclass(frozen=True, slots=True)
class Form:
    """One answer, taken apart once. `ordered` is its words as they stand, without articles; `words` and `content` are
    stemmed, with one word for all of a group of synonyms, and `content` is without grammar."""

    ordered: tuple[str, ...]
    sorted: tuple[str, ...]
    words: frozenset[str]
    content: frozenset[str]
    negations: int
    kind: str

    @staticmethod
    def of(text: str) -> Form:
        return _form(text)


@lru_cache(maxsize=1 << 16)
def _form(text: str) -> Form:
    plain = unicodedata.normalize("NFKC", text).casefold().replace("’", "'")
    if not plain.isascii():  # marks that nobody sees do not make two answers of one
        plain = "".join(c for c in plain if unicodedata.category(c) != "Cf")
    plain = " ".join(plain.split())
    plain = _COMMENT.sub("", plain) or plain
    no = _NO.match(plain) is not None
    for short, long in _CONTRACTIONS:
        plain = plain.replace(short, long)
    tokens = _WORD.findall(plain) or [plain]
    ordered = tuple(t for t in tokens if t not in _ARTICLES) or tuple(tokens)
    strong = [t for t in ordered if t not in _WEAK] or list(ordered)
    return Form(
        ordered=ordered,
        sorted=tuple(sorted(ordered)),
        words=frozenset(map(_canonical, strong)),
        content=frozenset(_canonical(t) for t in strong if not _is_grammar(t)) | ({"no"} if no else set()),
        negations=1 if no else sum(t in _NEGATORS for t in ordered),
        kind=_kind(tokens, no),
    )


def _kind(tokens: list[str], no: bool) -> str:
    first, n = tokens[0], len(tokens)
    if no or first in ("yes", "yeah", "yep"):
        return "yes-no"
    if n <= 3 and (first[-1:].isdigit() or first in _NUMBERS):
        return "number"
    if first == "to" and n > 1 and tokens[1] not in _DETERMINERS:
        return "infinitive"
    if first in ("because", "since", "so"):
        return "reason"
    if first in _PREPOSITIONS:
        return "preposition"
    if len(first) > 4 and first.endswith("ing") and first not in _NOT_GERUNDS and _VOWEL.search(first[:-3]):
        return "gerund"
    if n > 1 and (first in _SUBJECTS or (first in _DETERMINERS and not _FINITE.isdisjoint(tokens))):
        return "sentence"
    if first in _DETERMINERS and n <= 3:
        return "noun"
    if first in _VERBS:
        return "base"
    return "third" if first[-1:] == "s" and (first[:-1] in _VERBS or first[:-2] in _VERBS) else "open"


_LOOSE = frozenset(("open", "noun", "sentence", "base", "third"))


def same(a: str | Form, b: str | Form) -> bool:
    """Identical but for case, punctuation, articles and the order of the words."""
    return _of(a).sorted == _of(b).sorted


def near(a: str | Form, b: str | Form) -> bool:
    """The same, or so nearly that both would be right or both wrong; also where one is the other with trimmings."""
    a, b = _of(a), _of(b)
    if a.sorted == b.sorted:
        return True
    if a.negations != b.negations:
        return False
    only_a, only_b = a.words - b.words, b.words - a.words
    if not only_a and not only_b:
        return True
    if not only_a or not only_b:
        return bool((b if only_a else a).content)
    if len(only_a) == len(only_b) == 1 or len(a.content - b.content) == len(b.content - a.content) == 1:
        return False
    common = len(a.words) - len(only_a)
    return common >= ALIKE * (common + len(only_a) + len(only_b))


def compatible(a: str | Form, b: str | Form) -> bool:
    """The same kind of answer by its form. A kind that cannot be told is compatible with any that is not marked."""
    one, other = _of(a).kind, _of(b).kind
    return one == other or ("open" in (one, other) and one in _LOOSE and other in _LOOSE)


def told(choice: Form, asked: Form, said: Sequence[Form]) -> int | None:
    """The position of a cue that says this choice: with all its words, or as an echo of what is asked about."""
    for i, cue in enumerate(said):
        if (choice.content and choice.content <= cue.content) or (
            choice.words == cue.words and asked.content & cue.content
        ):
            return i
    return None


def _of(text: str | Form) -> Form:
    return text if isinstance(text, Form) else _form(text)
