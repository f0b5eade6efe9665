"""spaCy's tags put right where captions mislead it.

The model learnt from news: it takes "Mo jumps" for several jumps of a Mo, "Cut the carrots" for a carrot's cut, and a
name it never saw for anything. What is put right here depends on the words beside and on whether the clause has another
verb, never on a whole sentence.
"""

from __future__ import annotations

from flyreel.generate.language.colours import is_colour
from flyreel.generate.language.living import is_alive, is_name
from flyreel.generate.language.model import dictionary
from flyreel.generate.language.words import (
    ADJECTIVES,
    DETERMINERS,
    FINITE,
    JOINTS,
    NOUNS,
    PRONOUNS,
    REACH,
    STOPS,
    VERBS,
    Word,
    actions,
    base,
)

_SUBJECTS = frozenset("he she it who that someone somebody everyone everybody nobody".split())
_ALSO_NOUNS = frozenset(
    "light square human female male adult patient native individual criminal professional blonde "
    "redhead drunk liquid chief official animal oval diamond star".split()
)
_MAKING = frozenset(
    "make makes made making let lets letting help helps helped helping watch watches watched watching "
    "see sees saw seeing hear hears heard".split()
)


def put_right(words: list[Word]) -> None:
    """In place. A text that was never tagged is left alone."""
    if any(word.tag for word in words):
        _names(words)
        _slips(words)
        _verbs(words)


def _names(words: list[Word]) -> None:
    """What is written with a capital within a sentence is a name; in front of one, what no dictionary has."""
    letters = [w for w in words if w.text[:1].isalpha()]
    capital = [w for w in letters if w.text[0].isupper()]
    told = len(capital) <= 0.6 * len(letters) or len(letters) <= 4
    within = {w.low for w in capital if not w.first}
    for i, word in enumerate(words):
        if not word.text[:1].isupper() or word.low == "i" or word.tag in ("NNP", "NNPS") or len(word.text) < 2:
            continue
        if word.low in PRONOUNS or word.tag in DETERMINERS or word.text.isupper():
            continue
        following = words[i + 1] if i + 1 < len(words) else None
        if word.first and following is not None and following.tag in DETERMINERS and word.low in dictionary("verb"):
            continue
        unknown = word.first and not _known(word) and word.text.isalpha() and word.tag not in ("IN", "TO", "MD", "CC")
        inner = not word.first and told and word.tag not in ("IN", "TO", "CC", "MD")
        again = word.first and word.low in within and word.tag in ("NN", "JJ", "VB", "UH", "NNS", "RB")
        if inner or unknown or again or is_name(word.low):
            word.tag = "NNP"


def _known(word: Word) -> bool:
    """Nothing is unknown where there is no dictionary."""
    if not dictionary("noun") or word.tag in ("VBG", "VBN", "VBD", "RB", "RBR", "WRB", "WP", "EX", "PRP", "NNS"):
        return True
    return any(word.low in dictionary(part) for part in ("noun", "verb", "adj", "adv"))


def _slips(words: list[Word]) -> None:
    """A verb straight after an article is none; a colour is no verb and no adverb."""
    for i, word in enumerate(words):
        before = words[i - 1] if i else None
        if word.tag == "JJ" and is_alive(word.low) and word.low not in dictionary("adj"):
            word.tag = "NN"
        elif word.low == "her" and before and before.low in _MAKING and _does(words, i + 1):
            word.tag, words[i + 1].tag = "PRP", "VB"
        if is_colour(word.low) and word.tag not in ("JJ", "NN", "NNP"):
            word.tag = "JJ"
        elif word.tag in ("VB", "VBP", "VBZ") and before and (before.tag == "PRP$" or before.low in ("a", "an", "the")):
            word.tag = "NNS" if word.tag == "VBZ" and base(word.low) != word.low else "NN"
        elif word.tag in ("VBZ", "VBP", "VB") and i > 1 and before and before.tag in ADJECTIVES and _own(words, i):
            word.tag = "NNS" if word.low.endswith("s") else "NN"
        elif (
            word.tag in ("VBD", "VBN")
            and i > 1
            and before
            and word.low in dictionary("noun")
            and before.tag in ADJECTIVES
        ):
            if words[i - 2].low in ("a", "an", "the") and not (i + 1 < len(words) and words[i + 1].noun):
                word.tag = "NN"
        elif (
            word.low == "up"
            and i > 1
            and before
            and before.low in ("close", "-")
            and "close" in (before.low, words[i - 2].low)
        ):
            if words[i - 2].tag in (*DETERMINERS, *ADJECTIVES) or words[i - 2].low == "close":
                word.tag = "NN"
        elif word.low == "her" and word.tag == "PRP" and _side_follows(words, i):
            word.tag = "PRP$"
        elif word.low in ("colour", "color") and before and before.low not in ("to", "and", ","):
            word.tag = "NN"
        elif word.tag == "VBZ" and before and base(word.low) in dictionary("noun") and _is_deed(words, i - 1):
            before.tag, word.tag = "VBZ", "NNS"


def _is_deed(words: list[Word], i: int) -> bool:
    """ "swaps" in "Mo swaps places": a name's verb, however it is tagged."""
    word, before = words[i], words[i - 1] if i else None
    one = base(word.low)
    return one != word.low and one in actions() and before is not None and before.tag == "NNP" and word.text.islower()


def _does(words: list[Word], i: int) -> bool:
    """ "smile" in "makes her smile"."""
    return i < len(words) and words[i].low in actions() and (i + 1 == len(words) or _boundary(words[i + 1]))


def _own(words: list[Word], i: int) -> bool:
    """ "his greasy hands": an adjective between a determiner and what can be a noun."""
    low = words[i].low
    return words[i - 2].tag in ("PRP$", "DT") and (low in dictionary("noun") or base(low) in dictionary("noun"))


def _side_follows(words: list[Word], i: int) -> bool:
    """ "to her left"."""
    return i + 1 < len(words) and words[i + 1].low in ("left", "right") and words[i + 1].tag not in VERBS


def _verbs(words: list[Word]) -> None:
    n = len(words)
    for i, word in enumerate(words):
        if word.verb or word.tag not in (*NOUNS, *ADJECTIVES, "RB", "IN", "UH", "FW") or not word.text.isalpha():
            continue
        if word.tag == "IN" and word.low != "like":
            continue
        before = words[i - 1] if i else None
        after = words[i + 1] if i + 1 < n else None
        clothed = i > 1 and before is not None and is_colour(before.low) and words[i - 2].low == "in"
        clothed = clothed or (before is not None and before.tag in ADJECTIVES and before.low in _ALSO_NOUNS)
        if before is not None and before.low == "to" and i > 1 and word.low in actions() and _leads(words[i - 2]):
            word.tag, before.tag = "VB", "TO"
            continue
        if before is not None and not clothed and before.tag in (*DETERMINERS, *ADJECTIVES, "CD", "POS", "IN"):
            continue
        one = base(word.low)
        if one != word.low:
            if word.tag == "NNP" and not word.first and word.text[:1].isupper():
                continue
            if _singular_verb(words, i, one, before, after):
                word.tag = "VBZ"
                if before is not None and before.tag in ADJECTIVES and not is_colour(before.low):
                    before.tag = "NN"
        elif (word.first or word.text[:1].islower()) and _base_verb(words, i, before, after):
            word.tag = "VB" if word.first or before is None or before.low in ("then", "and", ",") else "VBP"


def _ends(word: Word | None) -> bool:
    """A verb may stand in front of this, a noun that is a subject's head hardly."""
    return (
        word is None
        or word.text in STOPS
        or word.tag in DETERMINERS
        or word.tag in ("IN", "TO", "RP", "CC", "RB", "PRP", "CD", "NNP", "EX", "VBG")
        or word.low in ("then", "who", "while", "what")
    )


def _singular_verb(words: list[Word], i: int, one: str, before: Word | None, after: Word | None) -> bool:
    """`one` in -s, which spaCy takes for several things."""
    if before is None:
        return False
    if before.low in _SUBJECTS or before.low == "then":
        return True
    if (
        one not in dictionary("noun")
        and one in dictionary("verb")
        and (before.noun or before.low in ("and", "but", ","))
    ):
        return True
    if before.tag == "VBZ" and one in actions() and _ends(after) and _object_relative(words, i - 1):
        return True
    follows = _ends(after) or (after is not None and (after.tag in ADJECTIVES or after.noun))
    name = before.tag == "NNP" and before.text[:1].isupper()
    if name or before.text == ",":
        return follows and not _finite_beside(words, i) and (name or one in actions())
    article = after is not None and after.tag in DETERMINERS
    if before.low in ("and", "but", ",") and article and one in dictionary("verb") and _verb_before(words, i):
        return not _finite_beside(words, i)
    if before.noun and _after_one(words, i) and (one in dictionary("verb")):
        return _ends(after) and not _finite_beside(words, i)
    if before.low in ("and", "but") and i > 1:
        return one in actions() and (_ends(after) or (after is not None and after.noun)) and _verb_before(words, i)
    if (before.noun or before.tag in ADJECTIVES) and one in actions() and _ends(after):
        return not _finite_beside(words, i)
    if before.tag in ("NN", "NNP") and article:
        return not _finite_beside(words, i)
    if before.tag == "RB" and one in actions():
        return not _finite_beside(words, i)
    return False


def _leads(word: Word) -> bool:
    return word.verb and word.low.rstrip("s") in (
        "start",
        "begin",
        "trie",
        "try",
        "continue",
        "want",
        "like",
        "seem",
        "need",
    )


def _after_one(words: list[Word], i: int) -> bool:
    """Whether "a" or "an" opens the phrase that ends here: it cannot end in several things."""
    k = i - 1
    while k >= max(0, i - REACH) and (words[k].noun or words[k].tag in ADJECTIVES):
        k -= 1
    return k >= 0 and words[k].low in ("a", "an")


def _base_verb(words: list[Word], i: int, before: Word | None, after: Word | None) -> bool:
    word = words[i]
    if word.low not in dictionary("verb"):
        return False
    article = after is not None and after.tag in DETERMINERS
    if word.first or before is None or before.low == "then":
        return article and not _finite_beside(words, i) and not (is_alive(word.low) and word.low not in actions())
    if before.low in ("and", ",") and article and not is_alive(word.low):
        return not _finite_beside(words, i) and (_verb_before(words, i) or before.low == ",")
    if before.low == "and" and word.low in actions() and i > 1 and words[i - 2].tag in ("VB", "VBP") and _ends(after):
        return True
    acts = before.noun and is_alive(before.low) and word.low in actions() and not (after and after.tag == "NN")
    if acts and any(w.low in _MAKING for w in words[max(0, i - 6) : i]):
        return True
    if article and before.noun and any(w.tag == "NNS" for w in words[max(0, i - 6) : i - 1]):
        return not _finite_beside(words, i)
    plural = before.tag in ("NNS", "NNPS") or (before.noun and is_alive(before.low) and before.low.endswith("n"))
    joined = before.noun and _joined(words, i - 1)
    if (plural or joined) and (article or (word.low in actions() and (_ends(after) or (after and after.noun)))):
        return not _finite_beside(words, i)
    return False


def _joined(words: list[Word], i: int) -> bool:
    """Whether the noun here ends "… and …"."""
    k = i
    while k >= max(0, i - REACH) and (words[k].noun or words[k].tag in DETERMINERS or words[k].tag in ADJECTIVES):
        k -= 1
    return k > 0 and words[k].low == "and" and words[k - 1].noun


def _boundary(word: Word) -> bool:
    return word.text in STOPS or word.low in JOINTS


def _finite_beside(words: list[Word], i: int) -> bool:
    """Whether the clause around has a finite verb already. Commas around an apposition do not end it to the left."""
    k = i - 1
    while k >= max(0, i - REACH) and not _boundary(words[k]):
        if words[k].tag in FINITE:
            return True
        k -= 1
    k = i + 1
    while k < min(len(words), i + REACH) and not _boundary(words[k]):
        if words[k].tag in FINITE and words[k].dep not in ("relcl",):
            return True
        k += 1
    return False


def _object_relative(words: list[Word], i: int) -> bool:
    """Whether the verb here ends "that Bix carries", which takes no object after it."""
    k = i - 1
    while k > i - 5 and k > 0 and (words[k].noun or words[k].tag in DETERMINERS or words[k].tag in ADJECTIVES):
        k -= 1
    return 0 < k < i - 1 and words[k].low in ("that", "which", "whom", "who") and words[k - 1].noun


def _verb_before(words: list[Word], i: int) -> bool:
    k = i - 1
    while k >= max(0, i - REACH) and words[k].text not in (".", ";", "!", "?"):
        if words[k].verb:
            return True
        k -= 1
    return False
