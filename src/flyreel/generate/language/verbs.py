"""What is done: verbs with their particles and objects."""

from __future__ import annotations

from dataclasses import dataclass

from flyreel.generate.language.phrases import Phrase
from flyreel.generate.language.words import ADJECTIVES, BE, DO, HAVE, PRONOUNS, Word, base

PARTICLES = frozenset(
    "up down off on in out over away back around round about through along apart aside by past".split()
)
_ADVERBS = frozenset("away back apart aside".split())
"""Particles that are never prepositions."""

_PHRASAL = {
    verb: frozenset(particles.split())
    for verb, particles in (
        pair.split(":")
        for pair in """
pick:up out off|take:off out up down away over apart|put:on down up away off out back together
turn:on off up down over|throw:away up out down back off over|hold:up out down back
pull:off out up down back over apart aside on|knock:over down off out|blow:out up off|cut:off up out down open
lift:up off|set:down up off|hand:over out back in|give:up back away out|open:up|clean:up off out
wipe:off down up away|tear:off up down out apart|kick:off out over down|roll:up out over|fold:up|wrap:up
fill:up in out|drop:off|bring:in out up back down over|lay:down out|stick:out up|let:out in down|show:off|spit:out
try:on|wake:up|shake:off out|push:over away back out down aside up|switch:on off|hang:up out|tie:up down
chop:up down|mix:up in|beat:up|break:off down up|bite:off|peel:off back|rip:off up out apart|strip:off
wash:off out up away|dry:off|brush:off away|dust:off|point:out|light:up|burn:down|smash:up down|eat:up|drink:up down
finish:off up|gulp:down|warm:up|heat:up|pour:out in|squeeze:out|scoop:up out|gather:up|dig:up out|slam:down|zip:up
button:up|do:up|make:up|look:up|carry:out away off|drag:out away off|send:off out away back|call:up off|cheer:on up
lock:up|pack:up away|pass:out around on|shut:off down|start:up|stir:in|toss:out away back up aside|fling:off open
slip:off|swing:open|wave:off|whip:out up|cross:out|write:down|help:up out|back:up|block:off|close:up down|cover:up
flip:over off|hook:up|mess:up|pin:down|raise:up|read:out|reel:in|rinse:off out|screw:on off|shave:off|snap:off
suck:in up|swallow:down|sweep:up away|tuck:in|unroll:out|wind:up|act:out|add:in|grab:up|hoist:up|lower:down|stack:up
tip:over|use:up|work:out|spread:out|shoot:down|shove:aside away|stretch:out|mop:up|straighten:out up|bend:back
lick:off up|sort:out|sign:up|chase:away off|fight:off|scare:away off
""".replace("\n", "|").split("|")
        if pair
    )
}
"""Which particles a verb may have in front of an object; with any other verb they are prepositions there."""

_LEADING = frozenset("start begin try continue keep stop seem appear want like".split())
_LEADING_TO = _LEADING | frozenset("attempt proceed manage fail happen tend need love use".split())
_LEADING_ING = _LEADING | frozenset("finish resume".split())
_LINKING = frozenset("look seem appear feel sound smell taste become remain get".split())
_GIVING = frozenset(
    "give show hand throw pass bring offer send tell teach feed buy make pour toss cook read ask lend serve write sell "
    "promise get award deal slip build draw sing play fetch pay grant blow".split()
)
_SUBJECTS = frozenset("i he she we they who".split())
_IRREGULAR = {
    form: verb
    for verb, forms in (
        line.split(":")
        for line in (
            "begin:began begun beginning|keep:kept keeping|stop:stopped stopping|try:tried trying|"
            "get:got gotten getting|feel:felt feeling|become:became becoming|give:gave given giving|"
            "throw:threw thrown|bring:brought|send:sent|tell:told|teach:taught|feed:fed|buy:bought|"
            "make:made making|write:wrote written writing|sell:sold|lend:lent|put:putting|take:took taken taking|"
            "hold:held|blow:blew blown|cut:cutting|set:setting|tear:tore torn|lay:laid|stick:stuck|let:letting|"
            "spit:spat spitting|wake:woke woken waking|shake:shook shaken shaking|hang:hung|tie:tying tied|"
            "beat:beaten|break:broke broken|bite:bit bitten biting|strip:stripped stripping|light:lit|"
            "eat:ate eaten|drink:drank drunk|dig:dug digging|do:did done doing|make:made making|knock:knocked|"
            "use:used using|rip:ripped ripping|wrap:wrapped wrapping|chop:chopped chopping|slip:slipped slipping|"
            "zip:zipped zipping|drag:dragged dragging|shut:shutting|swing:swung|whip:whipped whipping|"
            "flip:flipped flipping|pin:pinned pinning|spread:spreading|shoot:shot|mop:mopped mopping|"
            "drop:dropped dropping|grab:grabbed grabbing|sweep:swept|wind:wound|carry:carried|dry:dried|"
            "fling:flung|continue:continued continuing|like:liked liking|smell:smelt|come:came|pour:poured|"
            "show:shown|deal:dealt|pay:paid|sing:sang sung|draw:drew drawn|build:built"
        ).split("|")
    )
    for form in forms.split()
}


@dataclass(slots=True)
class Action:
    """Words `first` to `last`; `particles` are places of words that are no prepositions for that."""

    at: int
    first: int
    last: int
    particles: tuple[int, ...] = ()


def lemma(low: str) -> str:
    """Enough of one for the lists here."""
    if low in _IRREGULAR:
        return _IRREGULAR[low]
    for ending in ("ing", "ed"):
        stem = low.removesuffix(ending)
        if stem != low and len(stem) > 2:
            if base(stem + "s") == stem:
                return stem
            return stem + "e" if base(stem + "es") == stem + "e" or ending == "ed" else stem
    return base(low)


def actions(words: list[Word], found: list[Phrase], taken: dict[int, tuple[int, str]]) -> list[Action]:
    starts = {phrase.first: phrase for phrase in found}
    inside = {i for phrase in found for i in range(phrase.first, phrase.last + 1)}
    inside.update(k for i, (length, _) in taken.items() for k in range(i, i + length))
    made = []
    for i, word in enumerate(words):
        if word.verb and i not in inside and not _is_helper(words, i):
            made.append(_action(words, i, starts, taken))
    return made


def _next(words: list[Word], i: int) -> int:
    """The place after this one, past adverbs and "not"."""
    i += 1
    while i < len(words) and words[i].tag in ("RB", "RBR") and words[i].low not in _ADVERBS:
        i += 1
    return i


def _is_helper(words: list[Word], i: int) -> bool:
    word = words[i]
    if word.low in BE or word.low in HAVE or word.text in ("'d", "’d") or not word.text[:1].isalpha():
        return True
    k = _next(words, i)
    after = words[k] if k < len(words) else None
    if word.low in DO:
        return after is not None and (after.tag == "VB" or words[i + 1].low in ("not", "n't", "n’t"))
    one = lemma(word.low)
    if one == "let" and after is not None and after.low in ("'s", "’s"):
        return True
    if after is None:
        return False
    if one in _LINKING and after.tag in (*ADJECTIVES, "VBN"):
        return True
    if (
        after.low in PARTICLES
        and after.tag in ("RP", "IN", "RB")
        and k + 1 < len(words)
        and one in ("keep", "start", "go")
    ):
        after, k = words[k + 1], k + 1
        return after.tag == "VBG"
    if after.low == "to":
        k = _next(words, k)
        to = k < len(words) and words[k].tag == "VB"
        return to and (one in _LEADING_TO or word.low == "going")
    return after.tag == "VBG" and one in _LEADING_ING


def _action(words: list[Word], i: int, starts: dict[int, Phrase], taken: dict[int, tuple[int, str]]) -> Action:
    verb = lemma(words[i].low)
    k, particles = i + 1, list[int]()
    passive = words[i].tag == "VBN" and not any(word.low in HAVE for word in words[max(0, i - 3) : i])
    while k < len(words) and k not in taken and len(particles) < 2 and _is_particle(words, k, verb, passive, starts):
        particles.append(k)
        k += 1
    if k in taken and words[k].low == "up" and taken[k][1] == "adverb":
        k += taken[k][0]
    last = k - 1
    end = _object(words, i, k, starts, taken)
    if end is not None:
        last = end
        if verb in _GIVING:
            second = starts.get(end + 1)
            first = starts.get(k)
            person = first.living if first else words[k].low not in ("it", "themselves", "himself", "herself", "itself")
            if person and second is not None and not second.adverb and words[i].tag != "VBN":
                last = second.last
        if not particles and last + 1 < len(words) and last + 1 not in taken:
            after = last + 1
            if (
                words[after].low in PARTICLES
                and words[after].tag in ("RP", "RB", "IN")
                and not _follows(words, after + 1, starts)
            ):
                if words[after].low not in ("by", "past", "about"):
                    particles.append(after)
                    last = after
            elif words[after].low in _ADVERBS:
                particles.append(after)
                last = after
    return Action(i, i, last, tuple(particles))


def _follows(words: list[Word], k: int, starts: dict[int, Phrase]) -> bool:
    """Whether a preposition here would have an object."""
    if k >= len(words):
        return False
    phrase = starts.get(k)
    if phrase is not None:
        return not phrase.adverb
    return words[k].low in PRONOUNS or words[k].tag == "PRP" or words[k].low == "each"


def _is_particle(words: list[Word], k: int, verb: str, passive: bool, starts: dict[int, Phrase]) -> bool:
    word = words[k]
    if word.low not in PARTICLES or word.tag not in ("RP", "RB", "IN", "JJ", "NN"):
        return False
    if word.low in _ADVERBS:
        return True
    if _follows(words, k + 1, starts):
        return word.low in _PHRASAL.get(verb, ()) and not passive
    if word.low in ("about", "by", "past", "through", "in") and word.tag == "IN":
        return k + 1 >= len(words) or not words[k + 1].verb
    return True


def _object(
    words: list[Word], i: int, k: int, starts: dict[int, Phrase], taken: dict[int, tuple[int, str]]
) -> int | None:
    """The last word of the direct object that begins here, if one does."""
    if k >= len(words):
        return None
    if k in taken:
        other = " ".join(word.low for word in words[k : k + taken[k][0]])
        return k + taken[k][0] - 1 if other in ("each other", "one another") else None
    phrase = starts.get(k)
    if phrase is None:
        word = words[k]
        if (
            word.tag in ("PRP", "PRP$") or (word.low in PRONOUNS and word.tag not in ("IN", "WP", "WDT"))
        ) and word.low not in _SUBJECTS:
            after = words[k + 1] if k + 1 < len(words) else None
            clause = after is not None and after.tag in ("VBZ", "MD") and words[i].tag not in ("VBG", "VBN")
            return None if clause or (word.low == "that" and after is not None and _starts(starts, k + 1)) else k
        return None
    if phrase.adverb:
        return None
    after = words[phrase.last + 1] if phrase.last + 1 < len(words) else None
    if (
        after is not None
        and after.tag in ("VBZ", "MD")
        and words[i].tag not in ("VBG", "VBN")
        and not _relative(words, i)
    ):
        return None
    return phrase.last


def _starts(starts: dict[int, Phrase], k: int) -> bool:
    return k in starts


def _relative(words: list[Word], i: int) -> bool:
    """Whether this verb's clause hangs on a noun: "the man who holds a baby smiles"."""
    return any(word.low in ("who", "that", "which") for word in words[max(0, i - 3) : i])
