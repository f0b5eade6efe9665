"""Questions whose answer is a colour: of what, named closely enough that there is but one."""

from __future__ import annotations

from flyreel.generate.askers._nouns import be, the, twice
from flyreel.generate.language import clauses, lexicon
from flyreel.generate.language.clauses import NoQuestion, Page, Piece, inverted, noun_phrase, rest
from flyreel.generate.language.colours import is_colour
from flyreel.generate.language.inflect import possessive, verb_base


def ask_colour(page: Page, head: int, inside: list[int]) -> list[Piece]:
    tree = page.tree
    before = min(inside) - 1
    turning = _turned(page, before)
    if turning is not None:
        clause = clauses.clause_of(page, turning)
        dropped = {i for i in page.below(turning) if tree.lower(i) in ("colour", "color", "colours", "colors")}
        after = [i for i in range(turning + 1, before) if i not in dropped]
        return inverted(page, clause, "what colour", [*after, "to"], without=set(inside))
    root = head
    while tree.deps[root] == "conj" and _is_colour(page, tree.heads[root]):
        root = tree.heads[root]
    others = [
        i for i in page.below(root) if _is_colour(page, i) and i not in inside and (i == root or tree.deps[i] == "conj")
    ]
    noun = tree.heads[root]
    dep = tree.deps[root]
    while tree.deps[noun] in ("compound", "nmod") and tree.is_noun(tree.heads[noun]) and tree.heads[noun] > noun:
        noun = tree.heads[noun]
    question: list[Piece]
    if dep in ("acomp", "attr", "oprd", "dobj") and tree.is_verb(noun):
        clause = clauses.clause_of(page, noun)
        gap = set(inside)
        question = inverted(page, clause, "what colour", rest(page, clause, gap, until=root), without=gap)
    elif dep == "pobj":
        question = _worn(page, root)
    elif (
        dep in ("amod", "compound", "nmod", "conj", "det", "npadvmod", "quantmod")
        and tree.is_noun(noun)
        and noun > head
    ):
        others = _other_colours(page, noun, inside)
        question = ["what colour", *_of_thing(page, noun, inside)]
    else:
        raise NoQuestion("no-rule", f"a colour as {dep}")
    if others:
        listed: list[Piece] = []
        for k, i in enumerate(others):
            listed += ["and"] if k else []
            listed.append(i)
        return [*question, "besides", *listed]
    return question


def _turned(page: Page, before: int) -> int | None:
    """The verb of "changes colour to blue", whatever the parser made of it."""
    tree = page.tree
    if before < 1 or tree.lower(before) not in ("to", "from"):
        return None
    for v in range(before - 1, max(before - 5, -1), -1):
        if tree.tags[v].startswith("VB") and verb_base(tree.words[v]) in lexicon.RECOLOURING:
            return v if tree.lower(before) == "to" else None
    return None


def _is_colour(page: Page, i: int) -> bool:
    return is_colour(page.tree.lower(i).split("-")[-1])


def _other_colours(page: Page, noun: int, inside: list[int]) -> list[int]:
    tree = page.tree
    return [
        i
        for i in page.below(noun)
        if i < noun
        and i not in inside
        and _is_colour(page, i)
        and tree.deps[i] in ("amod", "conj", "compound", "nmod", "det")
    ]


def _worn(page: Page, colour: int) -> list[Piece]:
    """ "a woman in red": what colour is the woman in?"""
    tree = page.tree
    preposition = tree.heads[colour]
    owner = tree.heads[preposition]
    if tree.is_verb(owner):
        clause = clauses.clause_of(page, owner)
        gap = {colour, *page.below(colour)}
        return inverted(
            page, clause, "what colour", rest(page, clause, gap, keep=(preposition,), until=preposition), without=gap
        )
    if not tree.is_noun(owner) or twice(page, owner):
        raise NoQuestion("no-rule", "a colour of nothing")
    gap = set(page.below(preposition))
    return ["what colour", be(page, owner), *the(page, owner, False, gap), tree.lower(preposition)]


def _of_thing(page: Page, noun: int, inside: list[int]) -> list[Piece]:
    """ "is the man's hat": by a name, by whose it is, or by itself where there is but one."""
    tree = page.tree
    head = tree.heads[noun]
    root = noun
    while tree.deps[root] == "conj" and tree.is_noun(tree.heads[root]):
        root = tree.heads[root]
        head = tree.heads[root]
    is_are = _be_alone(page, noun)
    if tree.deps[noun] == "appos" and (head in page.names or tree.tags[head] == "NNP"):
        return ["is", head]
    if tree.deps[noun] == "attr" and tree.is_verb(head) and verb_base(tree.words[head]) == "be":
        clause = clauses.clause_of(page, head)
        if not clause.there and clause.subject is not None:
            return [page.auxiliary(head), *noun_phrase(page, clause.subject, more=False)]
    colours = {i for i in page.below(noun) if i < noun and (i in inside or _is_colour(page, i))}
    joints = {
        i for i in page.below(noun) if i < noun and tree.deps[i] in ("cc", "punct") and i > min(colours, default=0)
    }
    without = colours | joints
    owner = _owner(page, root, head)
    own = tree.children(noun, "poss")
    if owner is not None and (not own or tree.tags[own[0]] == "PRP$"):
        dropped = {*without, *tree.children(noun, "det"), *own}
        whose = page.say(the(page, owner, False)).strip()
        thing = noun_phrase(page, noun, dropped, more=False, alone=True)
        return [is_are, possessive(whose, clauses.is_many(page, owner)), *thing]
    if twice(page, noun):
        raise NoQuestion("ambiguous", tree.words[noun])
    if own and tree.tags[own[0]] == "PRP$":
        raise NoQuestion("no-rule", "a pronoun")
    return [is_are, *_alone(page, noun, without)]


def _be_alone(page: Page, noun: int) -> str:
    tree = page.tree
    if any(tree.lower(d) in ("a", "an", "one") for d in tree.children(noun, "det", "nummod")):
        return "is"
    return "are" if tree.tags[noun] in ("NNS", "NNPS") else "is"


def _alone(page: Page, noun: int, without: set[int]) -> list[Piece]:
    tree = page.tree
    pieces = noun_phrase(page, noun, without, more=False, alone=True)
    first = tree.lower(pieces[0]) if pieces and isinstance(pieces[0], int) else pieces[0] if pieces else ""
    if first in ("a", "an", "one", "some", "the", "another"):
        pieces = pieces[1:]
    return pieces if tree.children(noun, "poss") else ["the", *pieces]


def _owner(page: Page, root: int, head: int) -> int | None:
    """Who wears it, or has it on or with them; or the one doer of a clause that calls it his."""
    tree = page.tree
    if tree.deps[root] == "pobj" and tree.lower(head) in ("with", "in"):
        above = tree.heads[head]
        if tree.is_noun(above) and (above in page.living) and not tree.children(above, "conj"):
            return above
    if tree.deps[root] == "dobj" and tree.is_verb(head):
        try:
            clause = clauses.clause_of(page, head)
        except NoQuestion:
            return None
        wears = verb_base(tree.words[head], tree.tags[head]) in lexicon.WEARING
        his = any(tree.tags[p] == "PRP$" for p in tree.children(root, "poss"))
        if clause.subject in page.living and (wears or his) and clause.subject is not None:
            return None if tree.children(clause.subject, "conj") else clause.subject
    return None
