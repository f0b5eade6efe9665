# ruff: noqa: E501
"""The words that a reply is read by. Whatever is in none of these sets and patterns is only prose.

Patterns are met in a clause that is written as lower-case words with `@` for every mention of an option. They are
anchored or bounded: none of them costs more than the length of the clause.
"""

from __future__ import annotations

import re


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _any(words: str) -> str:
    """One of these; `_` stands for a space."""
    return "(?:" + "|".join(re.escape(w.replace("_", " ")).replace(r"\ ", " ") for w in words.split()) + ")"


def _met(words: str) -> re.Pattern[str]:
    """Any of these anywhere in a clause that has spaces around it."""
    return re.compile(f" {_any(words)} ")


# Words on which the finding of options hangs.

ARTICLES = _words("a an the")

JOINING = _words("and or nor is was are plus und oder et ou")
"""After one of these, or before it, a lone A is a name and not an article."""

OPTION_NOUNS = _words("option options choice choices letter letters l'option opción opcion opção opzione letra 选项")
"""Nouns after which a letter or a number can only be that of an option."""

_FOREIGN_NOUNS = (
    "réponse reponse antwort respuesta risposta resposta ответ odpowiedź svar antwoord cevap jawaban vastaus válasz "
    "án उत्तर الإجابة الجواب 정답 정답은 답 답은"
)
ANSWER_NOUNS = OPTION_NOUNS | _words(
    f"answer answers ans solution response prediction selection selected output pick guess conclusion assistant "
    f"{_FOREIGN_NOUNS}"
)

COPULAS = _words("is was be it's that's = est ist es è é er är are answer's looks seems appears remains — هي")

CHANGES = _words(
    "no wait actually but however correction sorry instead rather changed change final finally so therefore thus hence "
    "revised now hmm oh scratch conclusion reconsider reconsidering meant mistake switch switching overall thought reflection"
)
"""With one of these a second commitment takes the place of the first."""

CHOOSING = _words("choose chose pick picked select selected choosing picking selecting meant")

LEADING = (
    ANSWER_NOUNS
    | COPULAS
    | ARTICLES
    | CHANGES
    | CHOOSING
    | _words(
        "i i'd i'm i'll i've we we'd we'll me my our your it this that you think believe say conclude feel suppose "
        "assume would will must should to likely probably definitely certainly clearly obviously surely most best "
        "correct right final-answer yes ok okay sure then just only simply well leaves leaving makes in summary going "
        "go with opt for settle on here number one have has still again indeed really more precisely let's both "
        "either neither nor and or not question thought fairly certain confident quite isn't wasn't maybe perhaps "
        "possibly also additionally could might may nicht pas ne non nie inte niet la le el il die der das correcta "
        "correcte richtige richtig là"
    )
)
"""What may stand before a lone capital for it to be an option."""

FOLLOWING = _words(
    "to through then remain is was isn't wasn't are aren't were because since as and or nor but so which would "
    "must should could might may can cannot can't does doesn't did didn't seems seem appears looks fits matches "
    "best most rather instead over than though although while whereas due given based with for if unless not it "
    "correct wrong incorrect right however therefore only also too either per according shows describes mentions "
    "states says answer has fails makes represents corresponds aligns contains includes involves plus und oder et ou y o e "
    "vs versus remains contradicts happens lacks needs without wins"
)
"""What may stand after a lone capital for it to be an option."""

AFTER_A = _words("not so with for over most best correct wrong incorrect right rather only y o e may can given without")
AFTER_A = FOLLOWING - AFTER_A
"""The same for A, which before other words is an article."""

COMPARISONS = _words("than over unlike like between of from in about regarding versus among pick says")

FUNCTION_WORDS = _words(
    "yes no not none true false correct right wrong it he she they we you i both all neither either before after "
    "up down on in out off at by to of for with from and or is was this that these those here there never always "
    "maybe unknown other others one some any nothing something same his her their its him them me so as"
)
"""An option made of these alone is met in any prose: it counts only where it stands as an answer."""

TITLES = _words("mr mrs ms dr st prof vs")

NUMBERED_THINGS = _words(
    "frame frames second seconds scene scenes option options choice choices minute minutes step steps line lines "
    "number question part act episode shot shots clip image figure at timestamp chapter page version point no "
    "reason"
)

ORDINALS = {
    word: i for i, word in enumerate("first second third fourth fifth sixth seventh eighth ninth tenth".split(), 1)
}

# Words at which a clause begins.

ASIDES = _words("because since as although though while whereas given considering despite due")
RESULTS = _words("⇒ so therefore thus hence but however yet then consequently accordingly leaving instead rather")
COMPARED = _words("over than unlike")
OTHERWISE = _words("alternatively otherwise or")

# Wordings that commit. GOOD is what may be said of an answer, ADVERB what may stand anywhere in them.

_ADVERB = _any(
    "probably likely most_likely very_likely definitely clearly certainly obviously surely indeed really actually simply "
    "just only still now therefore thus hence then again fairly quite very pretty rather finally ultimately simply most "
    "almost_certainly without_a_doubt without_doubt no_doubt : —"
)
_LEAD = (
    "(?:"
    + _any(
        "i_suppose i_assume so therefore thus hence well okay ok yes sure no wait actually hmm oh sorry then now finally ultimately overall "
        "clearly obviously definitely certainly indeed instead rather correction i we i'm think believe guess say feel "
        "think_that believe_that say_that conclude_that conclude 'd i'd we'd would am are fairly quite very pretty confident "
        "certain sure if_i_had_to_guess had_to_guess in_conclusion in_summary in_short to_conclude to_sum_up "
        "by_elimination by_process_of_elimination on_second_thought on_reflection it_follows_that this_means this_means_that "
        "which_means which_means_that meaning let_me_think and but yeah alright great here_is here's — : step"
    )
    + r" (?:\d+ : )?)*+"
)
_PRAISED = _any(
    "final correct right best single likely likeliest actual proper true appropriate accurate suitable fitting logical "
    "plausible selected chosen new revised corrected updated reasonable"
)
_GOOD = rf"(?:(?:(?:most|only|very|single) )?{_PRAISED} )"
_ANSWER = _any("answer ans answers solution response prediction conclusion assistant model output final_answer")
_OPTION = _any("option choice letter selection pick guess one answer_choice answer_option answer_letter")
_BE = (
    r"(?:is|was|'s|are|would be|must be|has to be|have to be|should be|will be|seems to be|appears to be|looks to be|"
    r"ought to be|remains|becomes|:|- )"
)
_THEN = rf"(?: (?:{_ADVERB}|that of|given by|going to be|indeed|to be|in fact|with|the|a|an|option|choice|letter|{_PRAISED}|answer|one|it|it's|is|:|-|number|no|be)(?= ))*+"
_ABOUT = r"(?:(?:to|for|that|which|here|based|given|according|in|from|of|as|among|per) (?:[\w'’]+ ){0,12}?)?"
_ANNOUNCED = re.compile(
    rf"{_LEAD}(?:(?:based on|according to|given|from|considering|judging by|looking at|after|in|of|among) "
    rf"(?:[\w']+ ){{1,12}}?)?(?:(?:the|my|our|your|this|its) )?"
    rf"(?:{_GOOD}*(?:best |good |educated |final )?{_ANSWER}(?: {_OPTION})?|(?:my |the )?{_GOOD}+{_OPTION}"
    rf"|(?<=my ){_OPTION}|(?:selected |chosen )?{_OPTION}(?= :)) "
    rf"{_ABOUT}(?:{_ADVERB} )*{_BE}{_THEN} ?@"
)
_SHORT = re.compile(rf"{_LEAD}(?:{_GOOD}*{_ANSWER}|{_GOOD}+{_OPTION})(?: (?:-|to|is))* @")
_CHOSEN = re.compile(
    rf"{_LEAD}(?:(?:i|we|i'd|i'll|i'm|we'd|we'll|let's|i've|let us|let me) )?"
    rf"(?:(?:would|will|am|are|must|have to|had to|'d|'ll|going to|now|{_ADVERB}|finally|rather|inclined to) )*"
    r"(?:choose|chose|choosing|chosen|pick|picked|picking|select|selected|selecting|go with|going with|go for|going for|"
    r"went with|opt for|opting for|settle on|settle for|vote for|say|answer|answer with|guess|conclude|stick with|"
    r"stay with|lock in|mean|meant|change my answer to|changed my answer to|changing my answer to|changed to|"
    r"change to|change it to|switch to|switching to|switch my answer to|revise my answer to|correct my answer to)"
    rf"{_THEN} @"
)
_FOREIGN = re.compile(
    rf"(?:[^\W\d]+['’]?,? ){{0,3}}(?:(?:la|le|el|il|a|o|die|der|das|de|het|det|den|c'est|è|é|es|ist|là|the) )*"
    rf"(?:\w+ )?(?:{_any(_FOREIGN_NOUNS)}|richtige|đáp án)(?: \w+)?"
    rf"(?: {_any('es est ist è é er är on to jest is adalah là هي = : — - के')}| ?:)*"
    rf"(?: {_any('la le el il die der das a_letra letra lettre opción option opzione opção buchstabe litera буква')}| l'option)* @"
)
_CJK = re.compile(
    r"(?:[^ ]* ){0,6}[^ ]*(?:答案|答案是|答案为|答案為|答案选|答案選|答えは|正解は|正解|答え|回答|回答は|选|選|选择|選択|"
    r"选项|應選|应选|정답|정답은|답은|답)(?: ?:)? @(?: [^ ]*)?"
)


def announced(said: str) -> bool:
    """`the answer is @`, `best option : @`, `I would go with @`, and the same in some other languages."""
    if any(pattern.match(said) for pattern in (_ANNOUNCED, _SHORT, _CHOSEN, _FOREIGN)):
        return True
    return not said.isascii() and _CJK.fullmatch(said) is not None


_PRAISE = (
    r"(?:the )?(?:only )?(?:(?:clearly|obviously|definitely|most|very|single|indeed) )*(?:correct|right|best|answer|only "
    r"(?:one|option|choice|answer|remaining|plausible|correct|possible|possibility)|likeliest|most likely|"
    r"likely(?= answer| choice| option)|most \w+|one that (?:best )?(?:fits|matches)|(?:my|our) (?:final )?"
    r"(?:answer|choice|pick|guess)|winner|true)\b"
)
_IS = r"(?:is|was|must be|has to be|should be|seems|seems to be|appears|appears to be|remains|looks|stands out as|stands as)"
_TAIL_VERBS = (
    r"(?:describes|matches|fits|captures|answers|reflects|aligns|represents|explains|suits|corresponds|summarizes)"
)
VERDICT = re.compile(
    rf"{_LEAD}(?:only |the )?@ (?:(?:{_ADVERB}|which) )*(?:{_IS}(?: {_ADVERB})* {_PRAISE}"
    rf"|(?:best|most \w+|clearly best) {_TAIL_VERBS}|(?:fits|matches|works)(?: \w+){{0,6}} best\b|makes the most sense"
    r"|it is$|for sure$|for certain$|wins$|correct$|right$|best$|是(?:正确|对)|が正解|입니다|です)"
)
VERDICT_ON_TEXT = re.compile(
    rf"{_LEAD}@ {_IS}(?: {_ADVERB})* (?:(?:the )?(?:final )?{_GOOD}*(?:answer|option|choice)\b|correct$)"
)
REMAINS = re.compile(
    rf"{_LEAD}(?:only|just) @ (?:{_ADVERB} )*(?:remains|is|fits|works|matches|can be|stays|survives|makes sense|stands)\b"
    rf"|{_LEAD}(?:(?:that|this|which|it|elimination|and) )?(?:only |just )?(?:leaves|leaving|leave)(?: us| me)?(?: with)?"
    rf"(?: only| just)? @$"
    rf"|{_LEAD}(?:we are|we're|i am|i'm) left with(?: only| just)? @$"
    rf"|{_LEAD}(?:(?:that|this|which|it|all of this) )?(?:makes|making) @ (?:the )?(?:{_ADVERB} )*{_PRAISE}"
)
POINTS = re.compile(
    rf"{_LEAD}(?:this|that|which|it|all of this|everything)(?: {_ADVERB}| best| closely)* "
    r"(?:matches|match|corresponds to|corresponds with|points to|points at|aligns with|is consistent with|leads to|"
    r"fits|supports)(?: with)? @$|"
    rf"{_LEAD}@ (?:(?:best|clearly|also) )?(?:fits|matches|aligns with|is consistent with|is most consistent with)\b"
)
BARE = re.compile(
    rf"{_LEAD}(?:(?:it|it's|its|is|that|this|that's|must|has to|have to|will|would|should|be|seems to|appears to|"
    rf"likely|probably|definitely|certainly|only|i'd|i'll|for sure|best|option|choice|my|answer|the|first|{_ADVERB}) )*"
    rf"@(?: (?:for sure|it is|for certain|definitely|certainly|obviously|probably|clearly|likely|then|instead|after all|here|"
    r"です|입니다|sure|ok|okay|imo|indeed|please|thanks|because|final|finally))?"
)
LEADS_UP = re.compile(
    rf"{_LEAD}(?:(?:based on|according to|given|from|after|considering|looking at) (?:\w+ ){{1,12}}"
    rf"|(?:{_any('answer final_answer the_answer scratch_that my_mistake my_bad apologies hold_on let_me_correct_myself most_likely')}"
    rf"|{_any('i_had_to_guess i_had_to_choose i_have_to_choose i_had_to_pick forced_to_choose as_a_guess guess no_no')}) )?"
)
"""A clause that only leads up to the next; met with a space at its end."""
OPEN_FRAME = re.compile(
    rf"{_LEAD}(?:(?:the|my|our|your) )?(?:{_GOOD}*{_ANSWER}(?: {_OPTION})?|{_GOOD}+{_OPTION}|{_any(_FOREIGN_NOUNS)})"
    rf"(?: to [\w ]{{1,60}}?)?(?: ?(?:is|would be|:|therefore|thus))*"
)
"""An answer is announced here and given on the next line: `Answer:`, `## Final answer`, `The correct option is`."""

UNREAD = re.compile(
    rf"{_LEAD}(?:the |my )?(?:{_GOOD}*{_ANSWER}|{_GOOD}+{_OPTION}) (?:{_ADVERB} )*(?:is|:|would be|must be|has to be) "
    rf"(?!(?:: )?(?:clear|based|found|given|evident|obvious|derived|consistent|determined|supported|explained|visible|here|as|"
    r"below|following|straightforward|correct|in|on|from|right|shown|also|wrong|incorrect|not|that|the following|one of|"
    r"the option|likely|probably|therefore|thus)\b)\w"
)
"""An answer is given in so many words and it is no option: what was said before no longer holds."""

TEXT_ENDS = re.compile(
    r"@(?:$| (?:did|does|is|was|as|indeed|here|in the (?:video|clip|scene|film|end|frames?)|at the end|-)(?: |$))"
)
"""After a text that goes on (`the answer is a man with a hat`) it may be another text that is meant."""

# Wordings that deny, doubt, or take back.

NEGATIONS = _words(
    "not no never neither nor none without isn't wasn't aren't weren't don't doesn't didn't won't wouldn't can't cannot "
    "couldn't shouldn't mustn't ain't hasn't haven't wrong incorrect incorrectly false eliminate eliminates eliminated "
    "eliminating exclude excludes excluded excluding reject rejects rejected discard discarded dismiss dismissed ruled "
    "rules rule unlikely hardly fails failed lacks doubt doubtful excepting except impossible untrue contradicts "
    "contradicted contradict implausible unsupported nothing irrelevant mistake mistaken inaccurate absent misses "
    "nicht kein keine pas ne non nie niet inte ikke не nem"
)
_DENYING = re.compile(rf" {_any(' '.join(sorted(NEGATIONS)) + ' anything_but everything_but all_but')} ")
_NO_DENIAL = re.compile(
    r" (?:no doubt|without (?:a |any )?doubt|no question|not only|not sure but|no wait|beyond doubt|no sorry|no it is|no it's|no) "
)


def denies(said: str) -> bool:
    before, at, after = f" {said} ".rpartition("@")
    return _DENYING.search(_NO_DENIAL.sub(" ", before) + at + after) is not None


DISOWNED = _met(
    "least worst far disagree disagrees refuse refused almost used_to opposite avoid contrary nearly elsewhere hate "
    "instead_of less weaker worse"
)
"""Words that deny an option which is named by its letter; in a scene they say nothing of it."""

BOTH_DENIED = re.compile(r"^(?:so )?(?:is|are|it is|it's)? ?not @|^neither|both")
ABOUT_ANSWERS = _met("answer option choice correct wrong incorrect")
IT_IS_WRONG = re.compile(
    rf"{_LEAD}(?:it|that|this|that's|it's|which|my answer)(?: was| is| isn't|'s| would be| can't be)? (?:\w+ )?"
    r"(?:wrong|incorrect|false|a mistake|not right|not correct|not it|right(?<=isn't right)|correct(?<=isn't correct)|mistaken|"
    r"not the (?:answer|right|correct)|be right|be correct)|no longer"
)
TAKES_BACK = re.compile(
    rf"(?:{_any('no wait actually hmm oh sorry scratch_that scratch that correction let_me_reconsider let_me_think_again hold_on my_mistake not_quite nope nevermind never_mind')} ?)+"
)
LOOKS_AGAIN = re.compile(rf"{_LEAD}let me (?:double check|check|verify|look|see|re|compare|think|confirm)")
STARTS_ANSWER = re.compile(rf"{_LEAD}(?:the |my )?(?:{_GOOD}*{_ANSWER}|{_GOOD}+{_OPTION}) (?:{_ADVERB} )*(?:is|:) ")
POSSIBLE = _met(
    "could might may maybe perhaps possibly potentially either candidate candidates thought tempting "
    "arguably can_be might_be at_first initially considered possibility guess_a toss-up torn unsure equally leaning partly "
    "partially glance could've might've conceivably originally"
)
NO_VERDICT = _met(
    "possible plausible could might may maybe perhaps possibly potentially glance sight tempting candidate likely check"
)
"""What an item is said to be when nothing is decided of it."""
ALSO_MAYBE = re.compile(
    r"(?:it|answer|this|that|well|also) (?:could|might|may|can)|^(?:could|might|may|maybe|perhaps|possibly|either)\b"
)
CJK_NEGATIONS = "不非没沒无無错錯误誤否"
CJK_MAYBE = re.compile("可能|也许|也許|或许|大概|かもしれ|아마")
CJK_ANSWERS = "答选選択择정案是は為为项"


def is_cjk_answer(word: str) -> bool:
    return not word.isascii() and any(c in word for c in CJK_ANSWERS)


STARTS_VERDICT = _words(
    "is isn't was wasn't not wrong incorrect correct false doesn't does cannot can't seems could might may would which"
)
CONDITION = _met(
    "if unless otherwise except assuming depending depends provided suppose supposing whether had_he had_she had_they had_it for_example for_instance "
    "e.g. such_as were first_half say_for"
)
FORCED = re.compile(
    r" if (?:i|we) (?:had|have|were|must|am|are|was) ?(?:to|forced)?(?: to)? ?(?:guess|choose|pick|answer|decide|say)?"
    r"| if forced(?: to \w+)?| if anything| if you look \w+| as if| even if"
)
REASON = re.compile(r" (?:because|since|although|though|even though|while|whereas) [^,@]*")
_REPORTED = re.compile(
    r" (?<!i )(?<!we )(?<!i would )(?<!would )(?<!i'd )(?:says|said|tells|told|claims|claimed|thinks|believes|picks|argues|replies|"
    r"people|some|many|others|someone|somebody|one might) "
)


def reported(said: str) -> bool:
    """What someone else says is no commitment of the one who tells it."""
    return _REPORTED.search(f" {said}".rpartition("@")[0]) is not None


SHIFTED = _met("for_the_first for_the_second in_the_first in_the_second at_first initially previous next_question")
LOOKED_AT = _met(
    "consider considering option options choose_between question asks says would_need check let_me choices"
)
DOWNGRADED = _met(
    "different another partially partly close nearly almost tempting second less sometimes somewhat equally too also as_well "
    "first_part half wrong about"
)
AS_WELL = re.compile(r"^(?:also|too|equally)\b|^(?:is|does|are) @|@ (?:\w+ )?(?:too|also|as well|equally)\b")


def _phrases(text: str) -> str:
    return "|".join(line.strip() for line in text.strip().splitlines())


GIVES_UP = re.compile(
    r"\b(?:(?:cannot|can't|can not|could not|couldn't|unable to|not able to|impossible to|not possible to) (?:be )?(?:\w+ly )?"
    r"(?:determine|answer|tell|decide|choose|say|know|identify|confirm|provide|select)(?:d|ed|n)?|not enough (?:information|context)|"
    r"insufficient information|(?:don't|do not) know|none of (?:the|these|them|those)(?! @)|no (?:correct|right) (?:answer|option)|"
    r"must decline|nothing decides)\b"
)
UNSURE = re.compile(
    r"\b(?:(?:cannot|can't|can not|could not|couldn't|unable to|not able to) (?:see|view|access|watch|assist|help)|not sure|unsure|"
    r"uncertain|unclear|unknown|sorry|not provided|no video|none)\b"
)
ALL_OF_THEM = re.compile(
    r"\b(?:(?:all|each|any|both) of (?:the )?(?:above|them|options|these|choices)|all options|both options|each option)\b"
)
