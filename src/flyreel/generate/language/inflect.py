"""The little English a question needs to bend words: everything else it takes from the sentence as it stands.

The model is loaded without its lemmatiser, which takes longer than all the questions of a description do.
"""

from __future__ import annotations

import re
from functools import lru_cache

_THIRD = {"be": "is", "have": "has", "do": "does", "go": "goes"}
_SINGULAR = {"are": "is", "were": "was", "have": "has", "do": "does", "'re": "is", "'ve": "has", "am": "is", "'m": "is"}
_SPELT_OUT = {
    "n't": "not", "ca": "can", "wo": "will", "sha": "shall", "'ll": "will", "'re": "are", "'ve": "have", "'m": "am",
    "cant": "can", "'d": "would",
}  # fmt: skip
_VOWELS = "aeiou"
_IRREGULAR = {
    form: line.split()[0]
    for line in """
be is are was were am been being 's 're 'm|have has had having 've|do does did done|go went gone|take took taken
give gave given|come came|see saw seen|say said|tell told|fall fell fallen|hold held|make made|throw threw thrown
catch caught|begin began begun|speak spoke spoken|get got gotten getting|eat ate eaten|drink drank drunk
drive drove driven|write wrote written|break broke broken|bring brought|buy bought|think thought|feel felt|keep kept
sleep slept|run ran running|sit sat sitting|stand stood|lead led|leave left leaving|lie lay lain lying
die dies died dying|tie ties tied tying|ride rode ridden|rise rose risen|sing sang sung|swim swam swum swimming
ring rang rung|shake shook shaken|shoot shot|show showed shown|shut shutting|put putting|cut cutting|hit hitting
let letting|set setting|hurt|bite bit bitten|blow blew blown|build built|burn burnt|choose chose chosen|cling clung
creep crept|deal dealt|dig dug digging|draw drew drawn|dream dreamt|feed fed|fight fought|find found
fly flew flown flies|forget forgot forgotten|freeze froze frozen|grind ground|grow grew grown|hang hung|hear heard
hide hid hidden|kneel knelt|know knew known|lay laid|lean leant|leap leapt|lend lent|light lit|lose lost|mean meant
meet met|pay paid|read|seek sought|sell sold|send sent|sew sewn|shine shone|shrink shrank|slide slid|sling slung
spend spent|spill spilt|spin spun spinning|spit spat|spread|spring sprang sprung|steal stole stolen|stick stuck
sting stung|strike struck|string strung|swear swore|sweep swept|swing swung|teach taught|tear tore torn
wake woke woken|wear wore worn|weave wove|weep wept|win won winning|wind wound|withdraw withdrew|wrap wrapped
bend bent|bind bound|breed bred|flee fled fleeing|fling flung|agree agreed agreeing|free freed|see seeing
dye dyed dyeing|taste tasted tasting tastes|paste pasted pasting pastes|waste wasted wasting wastes|ache aches ached
open opened opening|hover hovered hovering|change changed changing|exchange exchanged exchanging
invite invited inviting|ignite ignited igniting|combine combined combining|examine examined examining
imagine imagined imagining|admire admired admiring|explore explored exploring|prepare prepared preparing
compare compared comparing|share shared sharing|stare stared staring|score scored scoring|care cared caring
adore adored adoring|ignore ignored ignoring|retire retired retiring|require required requiring
inspire inspired inspiring|measure measured measuring|injure injured injuring|figure figured figuring
picture pictured picturing|capture captured capturing|decorate decorated decorating|create created creating
celebrate celebrated celebrating|demonstrate demonstrated demonstrating|imitate imitated imitating
rotate rotated rotating|meditate meditated meditating|operate operated operating|levitate levitated
separate separated separating|skate skated skating|illustrate illustrated illustrating|hesitate hesitated hesitating
navigate navigated|decide decided deciding|collide collided colliding|provide provided providing
divide divided dividing|guide guided guiding|delete deleted deleting|compete competed competing
complete completed completing|promote promoted promoting|execute executed|describe described describing
overtake overtook|pursue pursued pursuing|rescue rescued rescuing|continue continued continuing|glue glued gluing
argue argued arguing|queue queued queuing|escape escaped escaping|scrape scraped scraping|inhale inhaled inhaling
exhale exhaled exhaling|apologize apologized|crochet crocheted|plunge plunged plunging|arrange arranged arranging
lunge lunged lunging|lounge lounged lounging|bathe bathed bathing|breathe breathed breathing|clothe clothed
age aged aging|massage massaged massaging|manage managed managing|damage damaged damaging|bandage bandaged
engage engaged engaging|use used using|add added adding|ski skied skiing|bike biked biking|hike hiked hiking
""".replace("\n", "|").split("|")
    for form in line.split()
}  # fmt: skip
SAME_IN_PAST = frozenset(
    "put cut hit let set hurt read shut spread cost burst cast split shed bet quit rid beat".split()
)
_PLURALS = dict(
    pair.split()
    for pair in "men man|women woman|children child|people person|feet foot|teeth tooth|mice mouse|geese goose|oxen ox|"
    "knives knife|wolves wolf|calves calf|leaves leaf|shelves shelf|wives wife|scarves scarf|halves half|lives life|"
    "loaves loaf|policemen policeman|firemen fireman|sheep sheep|deer deer|fish fish|dice die".split("|")
)
_DOUBLED = re.compile(r"([bdgkmnprtv])\1$")
_ONE_SHORT_VOWEL = re.compile(r"[^aeiou]*(?:qu)?[aeiouy][bdgklmnprstvz]$")
_SILENT_E = re.compile(
    r"(?:[^s]s|[cvzu]|dg|rg|[aeiou][aeiou]?(?:[vz])|[bcdfgkptz]l|ag|[^aeiou]i|[^aeiou]at)$"
)  # fmt: skip


@lru_cache(maxsize=1 << 14)
def verb_base(form: str, tag: str = "") -> str:
    """The form after do and to: carries, carried and carrying give carry. The tag saves "feed" from being a past."""
    form = form.lower().replace("’", "'")
    if form in _IRREGULAR:
        return _IRREGULAR[form]
    if tag in ("VB", "VBP"):
        return form
    if form.endswith(("ies", "ied")) and len(form) > 4:
        return form[:-3] + "y"
    if form.endswith("ing") and len(form) > 5:
        return _unsuffixed(form[:-3])
    if form.endswith("ed") and len(form) > 4:
        return _unsuffixed(form[:-2])
    if form.endswith(("sses", "ches", "shes", "xes", "zzes", "tzes", "oes")):
        return form[:-2]
    return form[:-1] if form.endswith("s") and not form.endswith("ss") and len(form) > 2 else form


def _unsuffixed(stem: str) -> str:
    """runn gives run, danc gives dance, jump stays; what follows no rule stands in the list of irregular verbs."""
    if _DOUBLED.search(stem):
        return stem[:-1]
    if stem.endswith(("ss", "ll", "zz", "ff", "w", "x", "y", "sh", "ch", "ee")):
        return stem
    return stem + "e" if _ONE_SHORT_VOWEL.fullmatch(stem) or _SILENT_E.search(stem) else stem


@lru_cache(maxsize=1 << 14)
def noun_base(form: str) -> str:
    """The singular, well enough to look it up in a list."""
    form = form.lower()
    if form in _PLURALS:
        return _PLURALS[form]
    if form.endswith("men") and len(form) > 4:
        return form[:-2] + "an"
    if form.endswith("ies") and len(form) > 4:
        return form[:-3] + "y"
    if form.endswith(("ches", "shes", "xes", "sses")):
        return form[:-2]
    return form[:-1] if form.endswith("s") and not form.endswith(("ss", "us", "is")) and len(form) > 3 else form


def third(base: str) -> str:
    """The form for who, what and she: carry gives carries."""
    if base in _THIRD:
        return _THIRD[base]
    if base.endswith(("s", "x", "z", "ch", "sh", "o")):
        return base + "es"
    if base.endswith("y") and base[-2:-1] not in _VOWELS:
        return base[:-1] + "ies"
    return base + "s"


def singular(auxiliary: str) -> str:
    """As it stands after who: two girls are, who is."""
    return _SINGULAR.get(auxiliary, auxiliary)


def spelt_out(word: str) -> str:
    """Contractions cannot be turned round: "isn't he" would have to become "is he not"."""
    return _SPELT_OUT.get(word.replace("’", "'"), word)


def possessive(phrase: str, plural: bool) -> str:
    return phrase + ("'" if plural and phrase.endswith("s") else "'s")
