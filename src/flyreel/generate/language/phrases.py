"""Noun phrases, from determiner to head."""

from __future__ import annotations

from dataclasses import dataclass

from flyreel.generate.language.colours import OWN, is_colour
from flyreel.generate.language.living import is_alive, is_name
from flyreel.generate.language.model import dictionary
from flyreel.generate.language.words import ADJECTIVES, DETERMINERS, NOUNS, PRONOUNS, STOPS, Word

AMOUNTS = frozenset(
    "group pair couple crowd bunch lot lots cup glass bottle bowl plate piece slice pack packet herd flock team "
    "row stack pile bag sack box can jar jug mug pot pan bucket basket tray handful set series kind type sort "
    "number dozen dozens hundreds thousands majority half rest plenty variety pinch spoonful teaspoon tablespoon "
    "dash drop splash sip bite bit chunk lump scoop sheet roll strip bar loaf pint litre liter gallon kilo pound "
    "ounce load heap bundle bouquet swarm school litter pride gang band army sea line queue crate carton case tub "
    "tube tin barrel layer cloud stream puddle gathering collection pitcher wedge clump cluster tuft bale shot "
    "mouthful string troop troupe mob ball patch block cube pool".split()
)
"""What counts something else, so that both are one phrase: "a cup of tea"."""

_COUNTERS = frozenset(
    "one two three four five six seven eight nine ten some all both each many several half most few any another".split()
)
_TIMES = frozenset(
    "day days time times moment morning night week weeks month year evening afternoon minute second while".split()
)
_WHEN = frozenset("one this that every each next last all another some any once the".split())
_MANNERS = frozenset(
    ("a bit", "a little", "a lot", "a while", "a little bit", "a moment", "home", "a few times", "all the time")
)
_SIDES = frozenset("left right".split())

WIDEST = 20
"""Words of one phrase: a list of words that are all nouns is no phrase."""

DEEPEST = 3
"""Counts within counts: "two of a pair of bags of flour"."""

FIXED = {
    tuple(words.split()): kind
    for kind, lines in {
        "preposition": "in front of|on top of|next to|out of|in the middle of|in the center of|in the centre of|"
        "at the end of|because of|instead of|in spite of|outside of|inside of|off of|close to|along with|together with|"
        "due to|across from|in between|on board|at the beginning of|at the start of|in back of|in the midst of|"
        "in the direction of|from behind|from under|from underneath|from inside|from beneath|from within|from between|"
        "from above|from below|from across|from out of|out from behind|out from under|in and out of|up and down|"
        "on to|in to|as well as",
        "adverb": "at the same time|side by side|hand in hand|face to face|back and forth|step by step|one by one|"
        "over and over|again and again|up and down|at once|at first|at last|at all|upside down|in order to|arm in arm|"
        "each other|one another|all the way|no one|from side to side|one at a time|one after another|such as|"
        "of course|for example|a few times|a couple of times|as if|as though|in order|kind of|sort of|all of a sudden",
    }.items()
    for words in lines.split("|")
}
_LONGEST = max(map(len, FIXED))


@dataclass(slots=True)
class Phrase:
    """Words `first` to `last`. A count and what it counts have the head of the latter."""

    first: int
    last: int
    head: int
    living: bool = False
    adverb: bool = False


def fixed(words: list[Word]) -> dict[int, tuple[int, str]]:
    """Where several words work as one: from the place of the first to their number and kind."""
    found: dict[int, tuple[int, str]] = {}
    i = 0
    while i < len(words):
        for length in range(min(_LONGEST, len(words) - i), 1, -1):
            kind = FIXED.get(tuple(word.low for word in words[i : i + length]))
            if kind == "preposition" and not _opens(words, i + length):
                kind = "adverb" if (words[i].low, words[i + 1].low) == ("up", "and") else None
            if words[i].low in ("kind", "sort") and i and words[i - 1].tag in (*DETERMINERS, "CD", *ADJECTIVES):
                kind = None
            if kind:
                found[i] = (length, kind)
                i += length - 1
                break
        i += 1
    return found


def _opens(words: list[Word], i: int) -> bool:
    """Whether a noun phrase or a pronoun may begin here."""
    return i < len(words) and (
        words[i].tag in DETERMINERS
        or words[i].noun
        or words[i].tag in (*ADJECTIVES, "CD", "PRP", "VBG", "VBN", "RB")
        or words[i].low in PRONOUNS
    )


def phrases(words: list[Word], taken: dict[int, tuple[int, str]]) -> list[Phrase]:
    """In order, none within another."""
    found: list[Phrase] = []
    i = 0
    while i < len(words):
        if i in taken:
            i += taken[i][0]
            continue
        phrase = _counted(words, i, taken)
        if phrase is None:
            i += 1
        else:
            found.append(phrase)
            i = phrase.last + 1
    for phrase in found:
        phrase.adverb = _is_adverb(words, phrase)
    return found


def _counted(words: list[Word], i: int, taken: dict[int, tuple[int, str]]) -> Phrase | None:
    """A phrase, with what it counts: "a group of people", "two of the dogs"."""
    phrase = _phrase(words, i, taken)
    first = i
    for _ in range(DEEPEST):
        at = phrase.last + 1 if phrase else i + 1
        head = words[phrase.head if phrase else i].low
        counts = _is_amount(head) if phrase else head in _COUNTERS or words[i].tag == "CD"
        if not counts or at + 1 >= len(words) or words[at].low != "of" or at in taken:
            break
        what = _phrase(words, at + 1, taken)
        if what is None:
            break
        phrase = Phrase(first, what.last, what.head)
        i = what.first
    return phrase


def _is_amount(low: str) -> bool:
    return low in AMOUNTS or low.removesuffix("s") in AMOUNTS or low.removesuffix("es") in AMOUNTS


def _phrase(words: list[Word], i: int, taken: dict[int, tuple[int, str]]) -> Phrase | None:
    n = len(words)
    j, head, started = i, -1, False
    if (
        words[j].low in _BEFORE
        and j + 1 < n
        and (words[j + 1].low in ("a", "an") or (words[j].low in _ALL and words[j + 1].tag in DETERMINERS | {"CD"}))
    ):
        j += 1
    if words[j].tag in DETERMINERS or words[j].low in ("a", "an", "the", "another") or _somebodys(words, j):
        j, started = j + 1, True
    end = i - 1  # the last word that is surely inside
    while j < min(n, i + WIDEST) and j not in taken:
        word = words[j]
        if _is_noun(words, j, started):
            if head >= 0 and _parts(words, head, j):
                break
            head = end = j
            j += 1
        elif word.tag == "POS" and head == j - 1:
            head, started, j = -1, True, j + 1
        elif head >= 0 and not (_hyphen(words, j) and j + 1 < n) and not _shade(words, head, j):
            break
        elif word.tag in ADJECTIVES or word.tag == "CD" or is_colour(word.low) or (j > i and _hyphen(words, j)):
            if head >= 0:
                head = -1
            started, j = True, j + 1
        elif _stands_before(words, j, i, started) or _degree(words, j, started):
            started, j = True, j + 1
        elif _between_adjectives(words, j, i):
            j += 1
        else:
            break
    if end < i:
        return None
    return Phrase(i, end, end)


_ALL = frozenset(("all", "both", "half"))
_BEFORE = _ALL | {"such", "what", "quite"}


def _somebodys(words: list[Word], i: int) -> bool:
    """ "someone's" works as a determiner."""
    return words[i].low in PRONOUNS and i + 1 < len(words) and words[i + 1].tag == "POS"


def _is_noun(words: list[Word], j: int, started: bool) -> bool:
    word = words[j]
    if word.tag in NOUNS:
        return word.low not in PRONOUNS and any(c.isalnum() for c in word.text)
    after = words[j + 1] if j + 1 < len(words) else None
    ends = after is None or not (after.noun or after.tag in ADJECTIVES or after.tag in ("VBG", "HYPH", "CD"))
    if started and ends and j and word.low in _SIDES and words[j - 1].tag in DETERMINERS:
        return True
    if started and ends and word.low in ("one", "ones") and words[j - 1].tag in ADJECTIVES:
        return True
    if started and ends and j and word.tag == "VBG" and words[j - 1].tag in DETERMINERS:
        return after is None or after.tag not in DETERMINERS | {"PRP"}
    if started and ends and j and word.tag == "CD" and words[j - 1].low in ("the", "these", "those"):
        return after is not None and after.low != "of"
    if (
        started
        and j
        and word.tag == "JJ"
        and words[j - 1].tag == "JJ"
        and (after is None or after.text in STOPS or after.verb)
    ):
        return word.low in dictionary("noun") and not is_colour(word.low)
    return started and ends and j > 0 and word.tag in ADJECTIVES and is_alive(word.low) and not is_colour(word.low)


def _parts(words: list[Word], head: int, j: int) -> bool:
    """A name and a thing side by side are two phrases: "gives Tam flowers"."""
    one, other = words[head], words[j]
    if other.low == "goodbye":
        return True
    return one.tag == "NNP" and is_name(one.low) and other.tag != "NNP"


def _shade(words: list[Word], head: int, j: int) -> bool:
    """ "lime" in "a lime green beetle"."""
    return is_colour(words[j].low) and words[head].low in OWN.get(words[j].low, ())


def _hyphen(words: list[Word], j: int) -> bool:
    """A hyphen within a word, and the part after it."""
    if words[j].text == "-" and 0 < j < len(words) - 1:
        return words[j - 1].end == words[j].start and words[j].end == words[j + 1].start
    return j > 1 and words[j - 1].text == "-" and words[j - 1].end == words[j].start and words[j].text[:1].isalnum()


def _stands_before(words: list[Word], j: int, i: int, started: bool) -> bool:
    """A participle in front of its noun: "a smiling woman", "running water"."""
    if j + 1 >= len(words) or words[j].tag not in ("VBG", "VBN", "VBD"):
        return False
    after = words[j + 1]
    if not (after.noun or after.tag in ADJECTIVES or (after.tag in ("VBG", "VBN", "CD") and started)):
        return False
    if after.low in PRONOUNS:
        return False
    if started and j > i:
        return True
    noun = words[words[j].head]
    before = words[j - 1] if j else None
    leads = before is None or before.low in ("with", "of", "in", "into", "through", "on", "from")
    return (
        words[j].dep in ("amod", "compound")
        and noun.noun
        and j < words[j].head <= j + 3
        and (leads or bool(before and before.verb))
    )


def _degree(words: list[Word], j: int, started: bool) -> bool:
    """ "very" in "a very small dog"."""
    if not started or j + 1 >= len(words) or words[j].tag not in ("RB", "RBR", "RBS"):
        return False
    after = words[j + 1]
    return after.tag in ADJECTIVES or after.tag in ("VBN", "VBG") or is_colour(after.low)


def _between_adjectives(words: list[Word], j: int, i: int) -> bool:
    """ "and" in "a black and white dog", the comma in "a small, round ball"."""
    if j <= i or words[j].low not in (",", "and", "or") or j + 2 >= len(words):
        return False
    before, k = words[j - 1], j + 1
    if before.tag not in ADJECTIVES and not is_colour(before.low):
        return False
    if words[k].low == "and":
        k += 1
    while k < min(len(words), j + 5) and (words[k].tag in ADJECTIVES or is_colour(words[k].low)):
        k += 1
    return k > j + 1 and k < len(words) and words[k].noun


def _is_adverb(words: list[Word], phrase: Phrase) -> bool:
    """Times and manners that stand for themselves: "one day", "a bit"."""
    before = words[phrase.first - 1] if phrase.first else None
    if before is not None and before.tag in ("IN", "TO") and before.low not in ("as", "that", "while"):
        return False
    text = " ".join(word.low for word in words[phrase.first : phrase.last + 1])
    if text in _MANNERS:
        return True
    head = words[phrase.head]
    if head.low in _TIMES:
        return head.dep == "npadvmod" or (words[phrase.first].low in _WHEN and head.dep not in ("nsubj", "dobj"))
    return head.low in ("feet", "inches", "meters", "metres", "years", "miles") and head.dep == "npadvmod"
