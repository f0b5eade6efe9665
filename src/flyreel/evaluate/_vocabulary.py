"""The words that a reply is read by. Whatever is in none of these sets is only prose."""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


ARTICLES = _words("a an the")

JOINING = _words("and or nor is was are plus und oder et ou")
"""After one of these, or before it, a lone A is a name and not an article."""

OPTION_NOUNS = _words("option options choice choices letter letters opción opcion")
"""Nouns after which a letter or a number can only be that of an option."""

ANSWER_NOUNS = OPTION_NOUNS | _words(
    "answer answers ans solution response prediction selection selected output pick guess conclusion assistant "
    "réponse reponse antwort respuesta risposta resposta ответ odpowiedź svar antwoord cevap jawaban vastaus"
)

COPULAS = _words("is was be it's that's = est ist es è é är er answer's looks seems appears remains")

PRONOUNS = _words("it it's that that's this")

LEADING = (
    ANSWER_NOUNS
    | COPULAS
    | PRONOUNS
    | ARTICLES
    | _words(
        "i i'd i'm i'll i've we we'd we'll me my our your you think believe guess say conclude feel suppose "
        "assume would will must should to likely probably definitely certainly clearly obviously surely most best "
        "correct right final finally final-answer therefore so thus hence actually wait no yes ok okay sure hmm "
        "oh sorry then now only just simply well rather instead correction revised leaves leaving in conclusion "
        "summary overall going go with opt for choose chose choosing pick picked picking select selecting "
        "selected settle on here letter number one have has still again but indeed really more precisely let's "
        "both either neither nor and or not question thought fairly certain confident quite isn't wasn't maybe "
        "perhaps possibly also additionally could might may nicht pas ne non nie inte niet la le el il die der "
        "das correcta correcte richtige richtig"
    )
)
"""What may stand before a lone capital for it to be an option, and before an option that is committed to."""

FOLLOWING = _words(
    "to through then remain is was isn't wasn't are aren't were because since as and or nor but so which would "
    "must should could might may can cannot can't does doesn't did didn't seems seem appears looks fits matches "
    "best most rather instead over than though although while whereas due given based with for if unless not "
    "correct wrong incorrect right however therefore only also too either per according shows describes mentions "
    "states says has fails makes represents corresponds aligns contains includes involves plus und oder et ou y "
    "vs versus"
)
"""What may stand after a lone capital for it to be an option."""

AFTER_A = FOLLOWING - _words("not so with for over most best correct wrong incorrect right rather only y may can given")
"""The same for A, which before other words is an article."""

NEGATIONS = _words(
    "not no never neither nor none without isn't wasn't aren't weren't don't doesn't didn't won't wouldn't can't "
    "cannot couldn't shouldn't mustn't ain't hasn't haven't wrong incorrect incorrectly false eliminate "
    "eliminates eliminated eliminating exclude excludes excluded excluding reject rejects rejected discard "
    "discarded dismiss ruled rule rules unlikely hardly fails failed lacks doubt doubtful excepting impossible "
    "untrue contradicts contradicted nicht kein pas ne non nie niet inte ikke не nem"
)

DISOWNING = _words(
    "least worst far disagree disagrees refuse refused almost used opposite avoid contrary nearly elsewhere hate"
)
"""Words that deny an option which is named by its letter, or as an answer; in a scene they say nothing of it."""

CJK_NEGATIONS = "不非没沒无無错錯误誤否"
CJK_ANSWERS = "答选選择択정案は是为為"

POSSIBLE = _words("thought could might may maybe perhaps possibly possible potentially either")

CONDITIONS = _words("if unless otherwise except assuming depending depends provided suppose whether vs versus")

SUPPOSED = _words("assuming suppose supposing provided example instance")
REPORTED = _words("says said tells told claims claimed thinks believes answers picks argues replies states")
"""What someone in the clip says is no commitment of the one who tells it."""

ASIDES = _words("because since as although though while whereas given considering despite due")
RESULTS = _words("⇒ so therefore thus hence but however yet then consequently accordingly leaving instead rather")

CHANGES = _words(
    "no wait actually but however correction sorry instead rather changed final finally so therefore thus hence "
    "revised now hmm oh scratch conclusion reconsider reconsidering"
)
"""With one of these a second commitment takes the place of the first."""

EMPTY_CHANGES = _words("no wait actually hmm oh sorry scratch that correction let me reconsider hold on")

VERDICTS = _words("correct right answer best accurate likeliest likely most true")
TEXT_VERDICTS = _words("correct answer")
"""`The car is right behind him` is no verdict on the car."""
DOWNGRADES = _words(
    "different another partially partly close nearly almost tempting second less sometimes more somewhat equally"
)
STARTS_VERDICT = _words(
    "is isn't was wasn't not wrong incorrect correct false doesn't does cannot can't seems could might may would which"
)
ALSO = _words("also too equally")

ALTERED = _words("changed change changing switched switch switching corrected revised updated")
CHOOSING = _words("choose chose pick picked select selected choosing picking selecting")
FIRST_PERSON = _words("i i'd i'll i'm we we'd we'll let's me i've")

WEAK_EVIDENCE = _words("matches fits aligns corresponds match fit supports supported")
POINTERS = _words(
    "corresponds correspond corresponding points pointing aligns aligned consistent leads matches supports"
)

SOFT_COMPLEMENTS = _words(
    "based clear clearly supported found given evident obvious derived consistent determined explained visible "
    "here as below following straightforward correct in on from right shown also"
)
"""`The answer is based on …` does not name an answer; `the answer is the guitar` does, and no option at all."""

COMPARISONS = _words("than over unlike like between of from in about regarding versus among")

FUNCTION_WORDS = _words(
    "yes no not none true false correct right wrong it he she they we you i both all neither either before after "
    "up down on in out off at by to of for with from and or is was this that these those here there none never "
    "always maybe unknown other others one some any nothing something same his her their its him them me so as"
)
"""An option made of these alone is met in any prose: it counts only where it stands as an answer."""

TITLES = _words("mr mrs ms dr st prof vs no")

NUMBERED_THINGS = _words(
    "frame frames second seconds scene scenes option options choice choices minute minutes step steps line lines "
    "number question part act episode shot shots clip image figure at timestamp chapter page version point no "
    "reason"
)

ORDINALS = {
    word: i for i, word in enumerate("first second third fourth fifth sixth seventh eighth ninth tenth".split(), 1)
}


def is_cjk_answer(word: str) -> bool:
    return not word.isascii() and any(c in word for c in CJK_ANSWERS)


def _phrases(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.strip().splitlines())


_CANNOT = (
    "cannot",
    "can't",
    "can not",
    "could not",
    "couldn't",
    "unable to",
    "not able to",
    "impossible to",
    "not possible to",
)
_SETTLE = ("determine", "answer", "tell", "decide", "choose", "say", "know", "identify", "confirm", "provide", "select")
_MORE = _phrases(
    """
    cannot be determined
    can't be determined
    cannot be answered
    can't be answered
    not enough information
    not enough context
    insufficient information
    don't know
    do not know
    none of the above
    none of the options
    none of the choices
    none of these
    none of them
    no correct answer
    no correct option
    not possible to determine
    """
)
GIVES_UP = (*(f"{can} {verb}" for can in _CANNOT for verb in _SETTLE), *_MORE)
UNSURE = (
    *(f"{can} {verb}" for can in _CANNOT for verb in ("see", "view", "access", "watch", "assist", "help")),
    *_phrases(
        """
        not sure
        unsure
        uncertain
        unclear
        unknown
        i'm sorry
        i am sorry
        sorry
        not provided
        no video
        none
        """
    ),
)
ALL_OF_THEM = ("all of the above", "all of them", "all options", "all of the options", "both options", "both of them")
