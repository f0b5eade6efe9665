"""Two links of a clip made into one question: the thing they share is not named but told by the other link.

From "Pip chases Mo" and "Mo carries the ball": "Who chases the one who carries the ball?" and "What does the one whom
Pip chases carry?". One of the links is asked about, the other is the clue. A question is kept only if

- the clue fits exactly one thing of the clip, or "the one" would be a lie, and exactly one thing answers;
- what is not named is one thing: where two men are spoken of, nobody knows whom a mention of "the man" means;
- without the clue more than one would: if nobody else chases anybody, "who chases" is enough and the rest is for show;
- neither the answer nor what the clue stands for is named in it.

Links with the same verb, particle and preposition say the same, in whatever tense. Nothing here knows of spaCy.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from flyreel.audit.choices import content_words
from flyreel.engine.stage import Drop
from flyreel.generate.language.inflect import singular, third
from flyreel.generate.language.links import Role, Verb

Side = Literal["subject", "object"]
OTHER: dict[Side, Side] = {"subject": "object", "object": "subject"}
SIDES: tuple[Side, Side] = ("subject", "object")
PRONOUNS = frozenset("it them him her me us you himself herself itself themselves this that these those".split())
UNSURE = frozenset(("infinitive", "modal"))
"""What somebody wants to do or can do has not been seen."""
MUTUAL = frozenset("meet marry face resemble".split())
BESIDE = frozenset(("next to", "beside", "near", "opposite", "close to"))
PLURAL_OF = {"is": "are", "was": "were", "has": "have", "does": "do"}


@dataclass(frozen=True)
class Thing:
    """Two mentions are of one thing if their keys are equal; `text` is a mention as it reads inside a sentence."""

    key: str
    text: str
    living: bool = False
    many: bool = False


@dataclass(frozen=True)
class Fact:
    """A link between things of a clip; `cue` is the number of the description that says it."""

    subject: Thing
    verb: Verb
    object: Thing
    role: Role = "object"
    cue: int = 0

    def side(self, side: Side) -> Thing:
        return self.subject if side == "subject" else self.object

    @cached_property
    def same(self) -> tuple[str, ...]:
        """Equal for facts that say the same of other things."""
        verb = self.verb
        between = content_words(verb.between) if verb.preposition else ()
        return verb.lemma, verb.particle.lower(), verb.preposition.lower(), *sorted(between)


Board = dict[tuple[tuple[str, ...], Side, str], dict[str, Thing]]
"""By what facts say, a side, and the key of the other side's thing: what stands on this side."""


@dataclass(frozen=True)
class Hop:
    """`side` is where the answer stands in the fact that is asked about, `shared` where the hidden thing stands in the
    clue; in the fact that is asked about it stands on the other side."""

    asked: Fact
    side: Side
    clue: Fact
    shared: Side

    @property
    def answer(self) -> Thing:
        return self.asked.side(self.side)

    @property
    def hidden(self) -> Thing:
        return self.clue.side(self.shared)


def asked_of(facts: Sequence[Fact], shared: Collection[str] = ()) -> Iterator[tuple[Hop, Drop | None]]:
    """Every two facts that share a thing, asked every way that can be asked, with what is wrong with it.

    What is wrong with the fact that is asked about, whatever the clue is, is told once. `shared` are keys of several
    things. What somebody does twice is no clue to itself: "what does the one who chases Mo chase?".
    """
    half = {(f.subject.key, f.verb.lemma, f.verb.between) for f in facts if is_mutual(f)}
    told = [fact for fact in facts if can_be_told(fact) and not _half_said(fact, half)]
    holding: dict[str, list[tuple[Fact, Side]]] = {}
    for fact in told:
        for side in SIDES:
            if fact.role != "attribute" or side == "subject":
                holding.setdefault(fact.side(side).key, []).append((fact, side))
    rivals: dict[tuple[tuple[str, ...], Side, bool], set[str]] = {}
    for fact in facts:
        for side in SIDES:
            thing = fact.side(side)
            rivals.setdefault((fact.same, side, thing.living), set()).add(thing.key)
    board = by_verb(facts)
    for asked in told:
        if asked.verb.lemma == "be" and not asked.verb.preposition:
            continue  # "Who is the one who …?" asks for a name, and a thing may have several
        for side in SIDES:
            hops = _hops(asked, side, holding.get(asked.side(OTHER[side]).key, ()))
            answer, hidden = asked.side(side), asked.side(OTHER[side])
            why = None
            if len(rivals[asked.same, side, answer.living]) < 2:
                why = Drop("one-hop", f"without the clue only {answer.text} fits")
            elif hidden.key in shared:
                why = Drop("ambiguous", f"more than one is {hidden.text}")
            if why is None:
                yield from ((hop, judged(board, hop)) for hop in hops)
            elif (first := next(hops, None)) is not None:
                yield first, why


def _hops(asked: Fact, side: Side, clues: Sequence[tuple[Fact, Side]]) -> Iterator[Hop]:
    for clue, shared in clues:
        twice = clue.verb.lemma == asked.verb.lemma and (shared, side) == ("subject", "object")
        if not twice and not _say_the_same(asked, clue):
            yield Hop(asked, side, clue, shared)


def _say_the_same(one: Fact, other: Fact) -> bool:
    return one.same == other.same and (one.subject.key, one.object.key) == (other.subject.key, other.object.key)


def can_be_told(fact: Fact) -> bool:
    verb = fact.verb
    pronoun = verb.preposition and verb.between.lower() in PRONOUNS
    return verb.tense not in UNSURE and fact.role != "indirect" and not pronoun and fact.subject.key != fact.object.key


def is_mutual(fact: Fact) -> bool:
    """Whoever collides with Mo, Mo collides with."""
    verb = fact.verb
    both = fact.subject.living and fact.object.living and verb.tense not in ("passive", "past passive")
    return (both and (verb.preposition == "with" or verb.lemma in MUTUAL)) or verb.preposition in BESIDE


def _half_said(fact: Fact, mutual: Collection[tuple[str, str, str]]) -> bool:
    """ "Pip swaps places" is also true of the one he swaps them with."""
    return not fact.verb.preposition and (fact.subject.key, fact.verb.lemma, fact.object.text) in mutual


def by_verb(facts: Sequence[Fact]) -> Board:
    """What is mutual holds both ways."""
    board: Board = {}
    for fact in facts:
        ways = [fact, replace(fact, subject=fact.object, object=fact.subject)] if is_mutual(fact) else [fact]
        for way in ways:
            for side in SIDES:
                thing = way.side(side)
                board.setdefault((fact.same, side, way.side(OTHER[side]).key), {})[thing.key] = thing
    return board


def judged(board: Board, hop: Hop) -> Drop | None:
    """Why this hop has not one right answer, or gives it away; None if it is sound.

    Both ends of what is mutual are right answers; that there is more than one without the clue is seen elsewhere, on
    what was said, for the clue must not decide between the two ends.
    """
    known = hop.clue.side(OTHER[hop.shared])
    if known.key == hop.answer.key:
        return Drop("answer-in-question", known.text)
    fits = board[hop.clue.same, hop.shared, known.key]
    if len(fits) > 1:
        return Drop("ambiguous", f"the clue fits {_listed(fits)}")
    right = board[hop.asked.same, hop.side, hop.hidden.key]
    if len(right) > 1:
        return Drop("ambiguous", f"right are {_listed(right)}")
    words = content_words(" ".join((known.text, _tail(hop.asked.verb), _tail(hop.clue.verb))))
    if (hidden := content_words(hop.hidden.key)) and hidden <= words:
        return Drop("shared-thing-named", hop.hidden.text)
    return None


def _listed(things: dict[str, Thing]) -> str:
    texts = [thing.text for thing in things.values()]
    return ", ".join(texts[:5]) + (f" and {len(texts) - 5} more" if len(texts) > 5 else "")


def worded(hop: Hop) -> str:
    """The question in words."""
    asked, verb = hop.asked, hop.asked.verb
    one = _the_one(hop)
    who = "Who" if hop.answer.living else "What"
    if hop.side == "subject":
        return f"{who} {_finite(verb, False)} {one}?"
    auxiliary, rest = _parted(verb)
    auxiliary = PLURAL_OF.get(auxiliary, auxiliary) if asked.subject.many else auxiliary
    return f"{'Whom' if hop.answer.living else 'What'} {auxiliary} {one} {rest}?".replace(" ?", "?")


def in_words(fact: Fact) -> str:
    return f"{fact.subject.text} {_finite(fact.verb, fact.subject.many)} {fact.object.text}"


def _the_one(hop: Hop) -> str:
    """ "the one who carries the ball", "the thing that Mo carries"."""
    verb, hidden = hop.clue.verb, hop.hidden
    if hop.shared == "subject":
        start = ("those who" if hidden.many else "the one who") if hidden.living else _thing(hidden)
        return f"{start} {_finite(verb, hidden.many)} {hop.clue.object.text}"
    start = ("those whom" if hidden.many else "the one whom") if hidden.living else _thing(hidden)
    return f"{start} {hop.clue.subject.text} {_finite(verb, hop.clue.subject.many)}"


def _thing(hidden: Thing) -> str:
    return "the things that" if hidden.many else "the thing that"


def _finite(verb: Verb, many: bool) -> str:
    """The verb with all that belongs to it, as it stands after its subject."""
    auxiliary, rest = _parted(verb)
    if auxiliary == "does":
        base, tail = verb.lemma, _tail(verb)
        return f"{base if many else third(base)} {tail}".strip()
    if auxiliary == "did":
        return f"{verb.word.lower()} {_tail(verb)}".strip()
    return f"{PLURAL_OF.get(auxiliary, auxiliary) if many else singular(auxiliary)} {rest}".strip()


def _parted(verb: Verb) -> tuple[str, str]:
    """The auxiliary that goes before the subject in a question, and what goes behind it."""
    word, tail = verb.word.lower(), _tail(verb)
    past = verb.tense in ("past", "past progressive", "past passive")
    if verb.lemma == "be":
        return ("was" if past else "is"), tail
    if verb.tense in ("present", "past"):
        return ("did" if past else "does"), f"{verb.lemma} {tail}".strip()
    auxiliary = "has" if verb.tense == "perfect" else "was" if past else "is"
    return auxiliary, f"{word} {tail}".strip()


def _tail(verb: Verb) -> str:
    between = verb.between if verb.preposition else ""
    return " ".join(filter(None, (verb.particle.lower(), between, verb.preposition.lower())))
