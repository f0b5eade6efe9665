"""Which noun phrases are somebody: by their head, a name by where it stands, and what is put beside a name."""

from __future__ import annotations

from itertools import pairwise

from flyreel.generate.language.living import TITLES, is_alive, is_food, is_name, singular
from flyreel.generate.language.phrases import Phrase
from flyreel.generate.language.words import DETERMINERS, JOINTS, STOPS, Word


def mark(words: list[Word], found: list[Phrase]) -> None:
    """Sets `living` of each phrase."""
    for phrase in found:
        phrase.living = _is_living(words, phrase)
    _appositions(words, found)


_SOMEWHERE = frozenset("in of through across into outside inside".split())
_PERHAPS = frozenset("at to from on near around".split())
_TRAVEL = frozenset(
    "go goes going went gone travel travels travelling traveling fly flies flying flew sail sails sailing drive drives "
    "driving move moves moving arrive arrives arriving land lands stay stays live lives living train come comes coming "
    "return returns returning way trip road streets".split()
)


def _is_living(words: list[Word], phrase: Phrase) -> bool:
    head = words[phrase.head]
    before = words[phrase.head - 1] if phrase.head > phrase.first else None
    if head.low in ("one", "ones", "two", "three", "four"):
        return head.tag == "CD"
    if head.tag in ("NNP", "NNPS") and head.text[:1].isupper():
        return is_alive(head.low, before.low if before else "") or _is_somebody(words, phrase)
    if not is_alive(head.low, before.low if before else ""):
        return False
    if is_food(head.low) and singular(head.low) == head.low:
        verb = words[phrase.first - 1] if phrase.first else None
        bare = words[phrase.first].tag not in DETERMINERS and words[phrase.first].tag != "CD"
        return not (verb and verb.low.rstrip("s") in _KITCHEN) and not (bare and phrase.first > 0)
    return True


_KITCHEN = frozenset(
    "eat eating fry frying cook cooking grill grilling chop chopping slice slicing cut cutting roast roasting bake "
    "baking season seasoning".split()
)


def _is_somebody(words: list[Word], phrase: Phrase) -> bool:
    """A name is somebody's, unless an article or a place's preposition stands before it."""
    start = words[phrase.first]
    names = [w for w in words[phrase.first : phrase.last + 1] if w.tag == "NNP"]
    if any(is_name(w.low) or w.low.rstrip(".") in TITLES for w in names):
        return start.tag not in DETERMINERS or start.tag == "PRP$" or len(names) == 1
    if start.tag in DETERMINERS or len(names) < phrase.last - phrase.first + 1:
        return False
    if names[-1].low in _PLACES:
        return False
    before = words[phrase.first - 1] if phrase.first else None
    if before is None or before.low not in _SOMEWHERE | _PERHAPS:
        return True
    return before.low in _PERHAPS and phrase.first > 1 and words[phrase.first - 2].low not in _TRAVEL


_PLACES = frozenset(
    "monday tuesday wednesday thursday friday saturday sunday january february march april july august september "
    "october november december christmas easter halloween street avenue road bridge tower park city river lake "
    "mountain mountains island islands beach hall house hotel station airport university college church cathedral "
    "palace castle london paris york america england france germany italy spain china japan india russia canada "
    "mexico africa europe berlin rome madrid tokyo moscow chicago boston texas california florida hollywood vegas "
    "angeles francisco dublin sydney toronto brazil egypt greece turkey scotland ireland wales britain korea "
    "vietnam thailand poland sweden norway switzerland holland vienna venice amsterdam brooklyn manhattan "
    "broadway niagara everest states kingdom asia australia earth mars moon tv wifi internet coke pepsi facebook "
    "youtube google iphone lego english french spanish chinese".split()
)


def _opens_clause(words: list[Word], phrase: Phrase) -> bool:
    before = words[phrase.first - 1] if phrase.first else None
    return before is None or before.text in STOPS or before.low in JOINTS


def _closed(words: list[Word], one: Phrase, after: Word | None) -> bool:
    """ "the small red circle, Pip,": a name between commas behind what it names."""
    return words[one.first].tag in DETERMINERS and after is not None and after.text == ","


def _appositions(words: list[Word], found: list[Phrase]) -> None:
    """ "Pip, the small red circle," is somebody, and so is that circle from there on."""
    alive: set[str] = set()
    for one, other in pairwise(found):
        gap = words[one.last + 1 : other.first]
        name = words[one.head].tag == "NNP" and one.living
        after = words[other.last + 1] if other.last + 1 < len(words) else None
        closes = after is None or after.text in STOPS or after.verb or after.low in ("who", "in", "with", "on")
        definite = words[other.first].tag in DETERMINERS
        comma = len(gap) == 1 and gap[0].text == ","
        beside = not gap and words[other.first].low == "the" and _opens_clause(words, one)
        being = bool(gap) and definite and all(w.low in ("is", "was", "'s") for w in gap)
        if name and ((comma and definite and closes) or beside or being):
            other.living = True
        elif comma and closes and words[other.head].tag == "NNP" and other.living and _closed(words, one, after):
            one.living = True
        if other.living and name and not is_alive(words[other.head].low):
            alive.add(words[other.head].low)
    for phrase in found:
        if words[phrase.head].low in alive and words[phrase.first].low == "the":
            phrase.living = True
