"""Questions whose answer is a noun phrase: who, whom, which animal, what."""

from __future__ import annotations

from flyreel.generate.language import clauses
from flyreel.generate.language.clauses import Clause, NoQuestion, Page, Piece, inverted, noun_phrase, rest, stated
from flyreel.generate.language.inflect import noun_base, verb_base
from flyreel.generate.language.lexicon import CLOTHES, LIGHTS, STATIC, TIMES
from flyreel.generate.language.living import words as living_words
from flyreel.generate.language.tree import counted


def ask_noun(page: Page, noun: int, is_living: bool) -> list[Piece]:
    """By what the phrase is to its clause; one of several joined by *and* is asked for beside the others."""
    tree = page.tree
    root = noun
    while tree.deps[root] == "conj" and not tree.is_verb(tree.heads[root]):
        root = tree.heads[root]
    others = [n for n in _joined(page, root) if n != noun]
    if any(o in (page.things if is_living else page.living) for o in others):
        raise NoQuestion("no-rule", "joined to something else")
    if tree.deps[root] == "appos":
        return _apposition(page, root, is_living)
    if len(others) > 0 and root != noun and not any(tree.deps[o] == "conj" or o == root for o in others):
        raise NoQuestion("no-rule", "joined to something else")
    asked = _by_role(page, root, _Asked(page, noun, is_living))
    return [*asked, "besides", *_series(page, others)] if others else asked


class _Asked:
    """The words a phrase is asked for with."""

    def __init__(self, page: Page, noun: int, is_living: bool) -> None:
        """A flock of birds is neither who nor an animal."""
        word = noun_base(page.tree.words[noun])
        of = counted(page.tree, noun)
        beast = is_living and noun not in page.names
        herd = beast and of is not None and _is_animal(noun_base(page.tree.words[of]))
        self.animal = beast and not herd and _is_animal(word)
        is_living = is_living and not herd
        self.many = self.animal and page.tree.tags[noun] in ("NNS", "NNPS")
        animal = "which animals" if self.many else "which animal"
        self.subject = animal if self.animal else "who" if is_living else "what"
        self.object = animal if self.animal else "whom" if is_living else "what"


def _is_animal(word: str) -> bool:
    return word in living_words("animals") and word not in living_words("people")


def _joined(page: Page, root: int) -> list[int]:
    found, todo = [], [root]
    while todo:
        i = todo.pop(0)
        found.append(i)
        todo += [c for c in page.tree.children(i, "conj") if not page.tree.is_verb(c)]
    return found


def _series(page: Page, nouns: list[int]) -> list[Piece]:
    said: list[Piece] = []
    for k, noun in enumerate(nouns):
        said += [] if k == 0 else ["and"] if k == len(nouns) - 1 else [","]
        said += noun_phrase(page, noun, more=False, alone=True)
    return said


def _apposition(page: Page, noun: int, is_living: bool) -> list[Piece]:
    """ "Pip, the small red circle," says what Pip is."""
    tree = page.tree
    named = tree.heads[noun]
    first = min(page.below(noun)[0], tree.left_edge(noun))
    if (
        not tree.is_noun(named)
        or named > noun
        or tree.words[first - 1] != ","
        or any(tree.deps[j] not in ("punct", "prep", "pobj", "det") for j in range(named + 1, first))
    ):
        raise NoQuestion("no-rule", "an apposition out of place")
    who = "who" if is_living and noun_base(tree.words[noun]) in living_words("people") else "what"
    return [who, "are" if clauses.is_many(page, named) else "is", *noun_phrase(page, named, more=False)]


def _by_role(page: Page, noun: int, asked: _Asked) -> list[Piece]:
    tree = page.tree
    dep, head = tree.deps[noun], tree.heads[noun]
    if dep in ("nsubj", "nsubjpass") and tree.is_verb(head):
        if tree.deps[head] == "ccomp" and clauses.top_of(tree, head) != head:
            return _object(page, noun, clauses.clause_of(page, head), asked)
        return _subject(page, noun, clauses.clause(page, head), asked)
    if dep in ("dobj", "attr") and tree.is_verb(head):
        clause = clauses.clause_of(page, head)
        if dep == "dobj" and any(o > noun for o in tree.children(head, "dobj")):
            return _receiver(page, noun, clause, asked)
        if clause.there and clause.subject == noun:
            return _found(page, noun, asked)
        if dep == "attr":
            return _predicate(page, noun, clause, asked)
        return _object(page, noun, clause, asked)
    if dep == "dative" and tree.is_verb(head):
        return _receiver(page, noun, clauses.clause_of(page, head), asked)
    if dep == "pobj":
        return _after_preposition(page, noun, head, asked)
    if head == noun:
        return _found(page, noun, asked)
    raise NoQuestion("no-rule", dep)


def _subject(page: Page, noun: int, clause: Clause, asked: _Asked) -> list[Piece]:
    if clause.subject != noun:
        raise NoQuestion("no-rule", "a doubtful subject")
    after = _alone(page, rest(page, clause), asked.many)
    question = stated(page, clause, asked.subject, after, asked.many)
    for verb in page.tree.children(clause.top, "conj"):
        if verb_above_is_plain(page, verb):
            more = clauses.clause(page, verb)
            if more.shared and len(question) < 14 and not _has_pronoun(page, rest(page, more)):
                said = stated(page, more, "and", _alone(page, rest(page, more), asked.many), asked.many)
                own = page.tree.children(verb, "aux", "auxpass")
                question += said if own else ["and", *said[1 + len(more.auxiliaries or (more.lent and [1]) or ()) :]]
    return question


def _alone(page: Page, words: list[Piece], many: bool) -> list[Piece]:
    """One asks who dances, not who dances together; and nobody hugs each other alone."""
    tree = page.tree
    if not many and any(isinstance(i, int) and tree.words[i : i + 2] == ["each", "other"] for i in words):
        raise NoQuestion("no-rule", "each other")
    return [i for i in words if not (isinstance(i, int) and tree.lower(i) == "together")]


def _has_pronoun(page: Page, words: list[Piece]) -> bool:
    tree = page.tree
    return any(isinstance(i, int) and clauses.is_pronoun(tree, i) for i in words)


def verb_above_is_plain(page: Page, verb: int) -> bool:
    tree = page.tree
    return tree.is_verb(verb) and not tree.children(verb, "nsubj", "nsubjpass", "expl") and tree.tags[verb] != "VB"


def _object(page: Page, noun: int, clause: Clause, asked: _Asked) -> list[Piece]:
    """What is said of the object's place stays, as it mostly tells where it all happens."""
    tree = page.tree
    if verb_base(tree.words[tree.heads[noun]]) == "do":
        raise NoQuestion("no-rule", "what is done is asked for by the verb")
    gap = set(page.below(noun))
    for c in tree.children(noun, "prep"):
        if tree.lower(c) in STATIC and counted(tree, noun) is None:
            gap -= set(page.below(c))
    head = tree.heads[noun]
    return inverted(
        page, clause, asked.object, rest(page, clause, gap, keep=(noun, *_kept(gap, page, noun, head))), without=gap
    )


def _kept(gap: set[int], page: Page, noun: int, head: int) -> list[int]:
    return [i for i in page.below(noun) if i not in gap]


def _is_place(page: Page, preposition: int) -> bool:
    nouns = page.tree.children(preposition, "pobj")
    return bool(nouns) and page.tree.is_noun(nouns[0]) and noun_base(page.tree.words[nouns[0]]) not in TIMES


def _predicate(page: Page, noun: int, clause: Clause, asked: _Asked) -> list[Piece]:
    if not page.tree.children(noun, "det", "poss", "nummod"):
        raise NoQuestion("no-rule", "a doubtful predicate")
    if verb_base(page.tree.words[clause.top]) != "be" or noun not in page.tree.children(clause.top):
        return _object(page, noun, clause, asked)
    return inverted(page, clause, "what", rest(page, clause, page.below(noun)), without=page.below(noun))


def _receiver(page: Page, noun: int, clause: Clause, asked: _Asked) -> list[Piece]:
    """ "gives the boy a book": whom does she give a book to?"""
    tree = page.tree
    objects = [o for o in tree.children(clause.top, "dobj") if o > noun]
    if not objects or page.tree.heads[noun] != clause.top:
        raise NoQuestion("no-rule", "a receiver without an object")
    after = rest(page, clause, page.below(noun), until=max(page.below(objects[0])))
    return [*inverted(page, clause, asked.object, after, without=page.below(noun)), "to"]


def _after_preposition(page: Page, noun: int, preposition: int, asked: _Asked) -> list[Piece]:
    """ "hides behind the tree": what does he hide behind?"""
    tree = page.tree
    if tree.deps[preposition] == "agent":
        clause = clauses.clause_of(page, preposition)
        after = rest(page, clause, page.below(preposition), until=preposition)
        return inverted(page, clause, f"by {asked.object}", after, without=page.below(noun))
    if tree.lower(preposition) == "as" or noun_base(tree.words[noun]) in TIMES:
        raise NoQuestion("no-rule", "neither place nor thing")
    dressed = tree.lower(preposition) == "in" and noun_base(tree.words[noun]) in CLOTHES
    outer = preposition
    while tree.deps[outer] in ("prep", "pobj", "advmod", "dative", "pcomp") and not tree.is_verb(tree.heads[outer]):
        above = tree.heads[outer]
        if above == outer:
            break
        loose = tree.is_noun(above) and tree.deps[outer] == "prep" and tree.lower(outer) != "of"
        if loose and tree.deps[above] not in ("dobj", "pobj"):
            break
        if loose and dressed:
            break
        if loose and tree.deps[above] == "pobj" and tree.lower(outer) not in STATIC:
            raise NoQuestion("no-rule", "inside another phrase")
        outer = above
    head = tree.heads[outer]
    if tree.is_noun(head) and not tree.is_verb(outer) and tree.deps[outer] == "dobj":
        head = tree.heads[outer]
    if tree.is_verb(head) and outer < head and tree.deps[outer] == "prep":
        clause = clauses.clause_of(page, head)
        gap = page.below(noun)
        last = max((max(page.below(o)) for o in tree.children(clause.top, "dobj", "prt")), default=clause.top)
        words = [i for i in page.below(outer) if i not in gap]
        return inverted(page, clause, asked.object, [*rest(page, clause, until=last), *(page.word(i) for i in words)])
    if head == outer or not tree.is_verb(head) or outer < head:
        return _part_of_noun(page, noun, preposition, asked)
    clause = clauses.clause_of(page, head)
    gap = page.below(noun)
    after = rest(page, clause, gap, keep=(preposition, noun), until=max(preposition, noun))
    after = _one_place(page, after, preposition)
    if preposition not in after:
        raise NoQuestion("no-rule", "a preposition out of place")
    return inverted(page, clause, asked.object, after, without=gap)


def _one_place(page: Page, after: list[Piece], preposition: int) -> list[Piece]:
    """Before a preposition at the end there is no second place: "What does she sit on a chair in?" is no English.
    The other place goes, unless the two could not be told apart without it."""
    tree = page.tree
    whole, head = preposition, tree.heads[preposition]
    if tree.is_noun(head):
        whole = tree.heads[head] if tree.lower(preposition) == "of" else preposition
    elif not tree.is_verb(head):
        whole = head
    own = set(page.below(whole))
    phrases = (i for i in after if isinstance(i, int) and tree.deps[i] in ("prep", "dative") and i < preposition)
    before = [i for i in phrases if tree.lower(i) != "of" and i not in own and not tree.is_noun(i)]
    where = tree.lower(preposition) in STATIC or whole != preposition
    if len(before) < 2 and not (where and before) and not any(tree.lower(i) in STATIC for i in before):
        return after
    if any(tree.lower(i) == tree.lower(whole) for i in before):
        raise NoQuestion("no-rule", "a second place")
    wholes = [tree.heads[i] if tree.deps[tree.heads[i]] == "advmod" else i for i in before]
    gone = {j for i in wholes for j in page.below(i)} - own
    return [i for i in after if i not in gone]


def _part_of_noun(page: Page, noun: int, preposition: int, asked: _Asked) -> list[Piece]:
    """ "a cat on a chair": what is the cat on? Only where nothing else is told of the cat."""
    tree = page.tree
    owner = tree.heads[preposition]
    if owner in page.living and not twice(page, owner) and not tree.children(owner, "conj") and owner < preposition:
        if tree.lower(preposition) == "in" and noun_base(tree.words[noun]) in CLOTHES:
            return ["what", be(page, owner), *the(page, owner, more=False), "dressed", "in"]
        if tree.lower(preposition) == "with" and asked.object == "what":
            does = "do" if clauses.is_many(page, owner) else "does"
            return ["what", does, *the(page, owner, more=False), "have"]
    existential = tree.is_verb(owner) and clauses.clause_of(page, owner)
    if existential and existential.there and existential.subject is not None:
        owner = existential.subject
    elif not tree.is_noun(owner) or not _stands_alone(page, owner) or tree.children(owner, "acl", "relcl", "conj"):
        raise NoQuestion("no-rule", "inside another phrase")
    if noun_base(tree.words[noun]) in LIGHTS and tree.heads[owner] == owner:
        return [asked.object, "is", *the(page, owner, more=False), "seen", tree.lower(preposition)]
    if tree.lower(preposition) not in STATIC or not _is_place(page, preposition) or preposition < owner:
        raise NoQuestion("no-rule", "no place")
    return [asked.object, be(page, owner), *the(page, owner, more=False), tree.lower(preposition)]


def _stands_alone(page: Page, noun: int) -> bool:
    tree = page.tree
    head = tree.heads[noun]
    return head == noun or (tree.deps[noun] == "attr" and bool(tree.children(head, "expl")))


def be(page: Page, noun: int) -> str:
    return "are" if clauses.is_many(page, noun) else "is"


def twice(page: Page, noun: int) -> bool:
    """Whether the description has another thing of that name."""
    tree = page.tree
    name = noun_base(tree.words[noun])
    return sum(tree.is_noun(i) and noun_base(tree.words[i]) == name for i in range(len(tree.words))) > 1


def the(page: Page, noun: int, more: bool = True, without: set[int] | None = None) -> list[Piece]:
    """The phrase as that of a thing spoken of before."""
    tree = page.tree
    pieces = noun_phrase(page, noun, without or (), more)
    if pieces and pieces[0] == "the":
        return pieces
    first = pieces[0] if pieces else None
    if (
        isinstance(first, int)
        and tree.lower(first) in ("a", "an", "one", "some", "another")
        and tree.deps[first] != "pobj"
    ):
        return ["the", *pieces[1:]]
    if tree.children(noun, "det", "poss") or noun in page.names or tree.tags[noun] in ("NNP", "NNPS"):
        return pieces
    return ["the", *pieces]


def _found(page: Page, noun: int, asked: _Asked) -> list[Piece]:
    """No verb but a participle, "a man dancing on stage", or none at all, "a cup on the table"."""
    tree = page.tree
    for verb in tree.children(noun, "acl", "relcl"):
        if tree.tags[verb] in ("VBG", "VBN") or tree.deps[verb] == "relcl":
            clause = clauses.clause(page, verb)
            if clause.subject == noun:
                return _subject(page, noun, clause, asked)
    for c in tree.children(noun, "prep"):
        if (
            any(noun_base(tree.words[n]) in LIGHTS | TIMES for n in tree.children(c, "pobj"))
            and tree.heads[noun] == noun
        ):
            return [asked.subject, "is", "seen", *page.below(c)]
    places = [c for c in tree.children(noun, "prep") if tree.lower(c) in STATIC and _is_place(page, c)]
    verb = tree.heads[noun]
    if tree.is_verb(verb):
        places += [
            c for c in tree.children(verb, "prep") if tree.lower(c) in STATIC and _is_place(page, c) and c > verb
        ]
    if not places or tree.children(noun, "conj"):
        raise NoQuestion("no-rule", "nothing is told of it")
    return [asked.subject, "are" if asked.many else "is", *sorted(page.below(places[0]))]
