"""Questions of two hops: their wording by hand, and their one right answer by going through every table anew."""

from __future__ import annotations

import re
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyreel.generate.language.chains import Fact, Thing, asked_of, in_words, worded
from flyreel.generate.language.links import Verb

CHASE, CARRY, HUG = Verb("chases", "chase"), Verb("carries", "carry"), Verb("hugs", "hug")
PUT = Verb("puts", "put", preposition="on", between="a hat")


def someone(name: str) -> Thing:
    return Thing(name.lower(), name, living=True)


def thing(text: str, many: bool = False) -> Thing:
    return Thing(text.removeprefix("the ").removeprefix("a "), text, many=many)


PIP, MO, ZED, GUS = map(someone, ("Pip", "Mo", "Zed", "Gus"))
BALL, KITE, BOX, TENT = map(thing, ("the ball", "the kite", "a box", "the tent"))


def kept(*facts: Fact) -> dict[str, str]:
    return {worded(hop): hop.answer.text for hop, why in asked_of(facts) if why is None}


def dropped(*facts: Fact) -> dict[str, str]:
    return {worded(hop): why.reason for hop, why in asked_of(facts) if why is not None}


def test_a_chain_is_asked_from_both_ends() -> None:
    facts = (
        Fact(PIP, CHASE, MO), Fact(MO, CARRY, BALL),
        Fact(ZED, CHASE, GUS), Fact(GUS, CARRY, KITE),
    )  # fmt: skip
    assert kept(*facts) == {
        "Who chases the one who carries the ball?": "Pip",
        "What does the one whom Pip chases carry?": "the ball",
        "Who chases the one who carries the kite?": "Zed",
        "What does the one whom Zed chases carry?": "the kite",
    }


def test_what_needs_no_clue_is_no_question_of_two_hops() -> None:
    """Only Pip chases anybody, so "who chases" is enough; only Mo carries anything."""
    assert kept(Fact(PIP, CHASE, MO), Fact(MO, CARRY, BALL)) == {}
    assert dropped(Fact(PIP, CHASE, MO), Fact(MO, CARRY, BALL)) == {
        "Who chases the one who carries the ball?": "one-hop",
        "What does the one whom Pip chases carry?": "one-hop",
    }


def test_a_thing_that_does_the_same_is_no_rival_for_who() -> None:
    lorry = thing("the lorry")
    facts = (Fact(PIP, CHASE, MO), Fact(MO, CARRY, BALL), Fact(lorry, CHASE, GUS))
    assert dropped(*facts)["Who chases the one who carries the ball?"] == "one-hop"


def test_two_right_answers_are_none() -> None:
    facts = (Fact(PIP, CHASE, MO), Fact(ZED, CHASE, MO), Fact(MO, CARRY, BALL))
    assert dropped(*facts)["Who chases the one who carries the ball?"] == "ambiguous"


def test_the_one_must_be_one() -> None:
    """Mo and Gus both carry the ball: nobody is "the one who carries the ball"."""
    facts = (
        Fact(PIP, CHASE, MO),
        Fact(MO, CARRY, BALL),
        Fact(GUS, CARRY, BALL),
        Fact(ZED, HUG, GUS),
        Fact(ZED, CHASE, PIP),
    )
    assert dropped(*facts)["Who chases the one who carries the ball?"] == "ambiguous"


def test_nobody_knows_who_is_meant_where_there_are_two() -> None:
    facts = (Fact(PIP, CHASE, MO), Fact(MO, CARRY, BALL), Fact(ZED, CHASE, GUS), Fact(GUS, CARRY, KITE))
    found = {worded(hop): why and why.reason for hop, why in asked_of(facts, shared={MO.key})}
    assert found == {
        "Who chases the one who carries the ball?": "ambiguous",
        "What does the one whom Pip chases carry?": "ambiguous",
        "Who chases the one who carries the kite?": None,
        "What does the one whom Zed chases carry?": None,
    }


@pytest.mark.parametrize(("verb", "shared"), [(HUG, set()), (CHASE, {"pip"})])
def test_what_is_wrong_whatever_the_clue_is_told_once(verb: Verb, shared: set[str]) -> None:
    """Pip does one thing that is asked about and hundreds that are clues: one drop, and not hundreds."""
    clues = [Fact(PIP, CARRY, thing(f"the thing{i}")) for i in range(300)]
    facts = [*clues, Fact(PIP, verb, MO), Fact(ZED, CHASE, GUS), Fact(GUS, CHASE, ZED)]
    about = [why for hop, why in asked_of(facts, shared) if hop.asked == facts[300] and hop.side == "object"]
    assert [why and why.reason for why in about] == ["ambiguous" if shared else "one-hop"]


def test_the_answer_is_not_in_the_question() -> None:
    facts = (Fact(PIP, CHASE, MO), Fact(PIP, HUG, MO), Fact(ZED, CHASE, GUS))
    assert dropped(*facts)["Who chases the one whom Pip hugs?"] == "answer-in-question"


def test_what_is_shared_is_not_named_by_the_clue() -> None:
    of_mo = thing("the ball of Mo")
    facts = (Fact(PIP, CHASE, MO), Fact(MO, CARRY, of_mo), Fact(ZED, CHASE, GUS))
    assert dropped(*facts)["Who chases the one who carries the ball of Mo?"] == "shared-thing-named"


def test_tense_does_not_make_another_fact() -> None:
    was = Verb("chasing", "chase", tense="past progressive")
    facts = (Fact(PIP, was, MO), Fact(ZED, CHASE, MO), Fact(MO, CARRY, BALL))
    assert "ambiguous" in dropped(*facts).values() and not kept(*facts)


def test_what_is_mutual_has_two_ends() -> None:
    """Pip collides with Zed, so Zed collides with Pip: "whom does Zed collide with" is Nora and Pip."""
    collide = Verb("collides", "collide", preposition="with")
    nora = someone("Nora")
    facts = (Fact(PIP, collide, ZED), Fact(ZED, collide, nora), Fact(ZED, CARRY, BALL))
    assert dropped(*facts)["Whom does the one who carries the ball collide with?"] == "ambiguous"


def test_half_of_what_is_mutual_is_no_clue() -> None:
    swap = Verb("swaps", "swap")
    places, whom = thing("places", many=True), Verb("swaps", "swap", preposition="with", between="places")
    facts = (Fact(PIP, swap, places), Fact(PIP, whom, MO), Fact(PIP, CHASE, ZED), Fact(GUS, CHASE, MO))
    assert not any("swaps places?" in q or "swaps places chase" in q for q in (*kept(*facts), *dropped(*facts)))


@pytest.mark.parametrize("tense", ["infinitive", "modal"])
def test_what_is_only_wanted_is_not_asked(tense: str) -> None:
    wish = Verb("chase", "chase", tense=tense)  # type: ignore[arg-type]
    facts = (Fact(PIP, wish, MO), Fact(ZED, CHASE, GUS), Fact(MO, CARRY, BALL))
    assert not any("Pip" in text for text in (*kept(*facts), *dropped(*facts)))


def test_an_indirect_object_and_a_pronoun_are_not_asked() -> None:
    give = Verb("gives", "give")
    to = Verb("gives", "give", preposition="to", between="it")
    facts = (Fact(PIP, give, MO, "indirect"), Fact(ZED, to, MO), Fact(MO, CARRY, BALL))
    assert (kept(*facts), dropped(*facts)) == ({}, {})


def test_what_something_is_can_be_a_clue_and_is_never_asked() -> None:
    be = Verb("is", "be")
    circle = thing("a red circle")
    facts = (Fact(MO, be, circle, "attribute"), Fact(PIP, CHASE, MO), Fact(ZED, CHASE, GUS))
    assert kept(*facts)["Who chases the one who is a red circle?"] == "Pip"
    assert not any(q.startswith(("Who is the one", "Whom is")) for q in (*kept(*facts), *dropped(*facts)))


@pytest.mark.parametrize(
    ("verb", "who", "whom"),
    [
        (CHASE, "Who chases the thing that Mo carries?", "What does the one who carries a box chase?"),
        (
            Verb("takes", "take", particle="off"),
            "Who takes off the thing that Mo carries?", "What does the one who carries a box take off?",
        ),
        (
            Verb("hides", "hide", preposition="behind"),
            "Who hides behind the thing that Mo carries?", "What does the one who carries a box hide behind?",
        ),
        (PUT, "Who puts a hat on the thing that Mo carries?", "What does the one who carries a box put a hat on?"),
        (
            Verb("is", "be", preposition="behind"),
            "Who is behind the thing that Mo carries?", "What is the one who carries a box behind?",
        ),
        (
            Verb("broke", "break", tense="past"),
            "Who broke the thing that Mo carries?", "What did the one who carries a box break?",
        ),
        (
            Verb("riding", "ride", tense="progressive"),
            "Who is riding the thing that Mo carries?", "What is the one who carries a box riding?",
        ),
        (
            Verb("riding", "ride", tense="past progressive"),
            "Who was riding the thing that Mo carries?", "What was the one who carries a box riding?",
        ),
        (
            Verb("broken", "break", tense="perfect"),
            "Who has broken the thing that Mo carries?", "What has the one who carries a box broken?",
        ),
        (
            Verb("parked", "park", preposition="near", tense="past passive"),
            "Who was parked near the thing that Mo carries?", "What was the one who carries a box parked near?",
        ),
        (
            Verb("kicked", "kick", tense="present"),
            "Who kicks the thing that Mo carries?", "What does the one who carries a box kick?",
        ),
    ],
)  # fmt: skip
def test_a_question_has_the_verb_s_own_tense_and_all_that_belongs_to_it(verb: Verb, who: str, whom: str) -> None:
    facts = (
        Fact(PIP, verb, BALL), Fact(MO, CARRY, BALL), Fact(PIP, CARRY, BOX),
        Fact(ZED, verb, KITE), Fact(GUS, CARRY, KITE),
    )  # fmt: skip
    questions = kept(*facts) | dropped(*facts)
    assert who in questions
    assert whom in questions


def test_many_are_asked_for_as_many() -> None:
    kids = Thing("two kids", "two kids", living=True, many=True)
    drums = thing("the drums", many=True)
    riding = Verb("riding", "ride", tense="progressive")
    facts = (
        Fact(kids, CARRY, drums), Fact(kids, riding, BOX), Fact(PIP, riding, TENT), Fact(PIP, CARRY, BALL),
        Fact(MO, CHASE, kids), Fact(ZED, CHASE, PIP), Fact(GUS, HUG, drums), Fact(GUS, HUG, BALL),
    )  # fmt: skip
    questions = kept(*facts)
    assert questions["Who chases those who carry the drums?"] == "Mo"
    assert questions["What are those whom Mo chases riding?"] == "a box"
    assert questions["What do those who are riding a box carry?"] == "the drums"
    assert "Who hugs the things that two kids carry?" in dropped(*facts)


def test_a_fact_is_told_in_words() -> None:
    assert in_words(Fact(PIP, PUT, BOX)) == "Pip puts a hat on a box"


NAMES = ("Pip", "Mo", "Zed", "Gus")
VERBS = {"chases": CHASE, "hugs": HUG, "carries": CARRY}
BASES = {verb.lemma: verb for verb in VERBS.values()}
ASKED = (
    (re.compile(r"Who (\w+) the one who (\w+) (\w+)\?"), "subject", "subject"),
    (re.compile(r"Who (\w+) the one whom (\w+) (\w+)\?"), "subject", "object"),
    (re.compile(r"Whom does the one who (\w+) (\w+) (\w+)\?"), "object", "subject"),
    (re.compile(r"Whom does the one whom (\w+) (\w+) (\w+)\?"), "object", "object"),
)
ROWS = [(a, verb, b) for a, verb, b in product(NAMES, sorted(VERBS), NAMES)]
tables = st.sets(st.sampled_from(ROWS), max_size=8)


def right_answers(question: str, table: set[tuple[str, str, str]]) -> set[str]:
    """Who is it, by trying everybody for the one who is asked for and for the one who is not named."""
    for pattern, side, shared in ASKED:
        if match := pattern.fullmatch(question):
            a, b, c = match.groups()
            if side == "subject":
                verb, (clue, known) = a, ((b, c) if shared == "subject" else (c, b))
            else:
                verb, (clue, known) = third(c), ((a, b) if shared == "subject" else (b, a))
            return {
                x
                for x, y in product(NAMES, NAMES)
                if ((x, verb, y) if side == "subject" else (y, verb, x)) in table
                and ((y, clue, known) if shared == "subject" else (known, clue, y)) in table
            }
    raise AssertionError(f"no such question: {question}")


def third(base: str) -> str:
    return next(form for form, verb in VERBS.items() if verb.lemma == base)


@given(tables)
def test_every_question_has_exactly_one_right_answer_and_needs_its_clue(table: set[tuple[str, str, str]]) -> None:
    facts = [Fact(someone(a), VERBS[verb], someone(b)) for a, verb, b in sorted(table)]
    for hop, why in asked_of(facts):
        question = worded(hop)
        right = right_answers(question, table)
        assert hop.answer.text in right
        if why is None:
            assert right == {hop.answer.text}
            assert hop.answer.text not in question and hop.hidden.text not in question
            verb = next(form for form, v in VERBS.items() if v == hop.asked.verb)
            anybody = {a if hop.side == "subject" else b for a, v, b in table if v == verb}
            assert len(anybody) > 1
        elif why.reason == "ambiguous":
            named = {hop.clue.subject.text, hop.clue.object.text} - {hop.hidden.text}
            fits = [f for f in facts if f.verb == hop.clue.verb and named & {f.subject.text, f.object.text}]
            assert len(right) > 1 or len(fits) > 1


@given(st.sets(st.sampled_from([row for row in ROWS if row[0] != row[2]]), min_size=2, max_size=10))
def test_no_question_with_one_right_answer_is_lost(table: set[tuple[str, str, str]]) -> None:
    """Every wording there is, tried on the table: whatever is sound is offered, if its two facts are two."""
    facts = [Fact(someone(a), VERBS[verb], someone(b)) for a, verb, b in sorted(table)]
    offered = kept(*facts)
    for verb, clue, known in product(VERBS, VERBS, NAMES):
        for shared in ("subject", "object"):
            told = f"who {clue} {known}" if shared == "subject" else f"whom {known} {clue}"
            fits = {x for x in NAMES if ((x, clue, known) if shared == "subject" else (known, clue, x)) in table}
            for side in ("subject", "object"):
                question = (
                    f"Who {verb} the one {told}?"
                    if side == "subject"
                    else f"Whom does the one {told} {VERBS[verb].lemma}?"
                )
                right = right_answers(question, table)
                anybody = {a if side == "subject" else b for a, v, b in table if v == verb}
                twice = verb == clue and (shared, side) == ("subject", "object")
                if len(fits) != 1 or len(right) != 1 or len(anybody) < 2 or twice or right == {known}:
                    continue
                assert offered.get(question) == next(iter(right)), question
