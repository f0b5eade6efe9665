"""Clauses as a question needs them: who does it, in which form, and what follows, each word by its number in the tree.

A question is the clause itself with one part taken out, its auxiliary before its subject, and all that hangs on it only
to tell more (relative clauses, appositions, other clauses) left away.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from flyreel.generate.language.inflect import singular, spelt_out, third, verb_base
from flyreel.generate.language.lexicon import LINKS, PEOPLES, SAYING
from flyreel.generate.language.tree import Tree, full_stop

Piece = int | str
"""A word of the tree by its number, or one that the question brings along."""

ASIDE = frozenset(("relcl", "acl", "appos", "parataxis", "punct", "mark", "intj", "dep", "meta", "npadvmod", "preconj"))
FINITE = frozenset(("VBZ", "VBP", "VBD"))
MEANWHILE = frozenset("while whilst when because although though".split())
RELATIVES = frozenset(("who", "which", "that"))


class NoQuestion(Exception):
    """Why there is none, as a Drop says it."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason, detail)
        self.reason, self.detail = reason, detail


@dataclass
class Page:
    """A description's tree with what the candidates tell about it: the heads of living things, and names."""

    tree: Tree
    starts: list[int]
    """The first character of each word."""
    living: set[int] = field(default_factory=set)
    things: set[int] = field(default_factory=set)
    names: set[int] = field(default_factory=set)
    _below: dict[int, list[int]] = field(default_factory=dict)

    def below(self, i: int) -> list[int]:
        """The word and all that hangs on it, in order."""
        if i not in self._below:
            found, todo = [], [i]
            while todo:
                j = todo.pop()
                found.append(j)
                todo += self.tree.children(j)
            self._below[i] = sorted(found)
        return self._below[i]

    def first_of_sentence(self, i: int) -> bool:
        start = self.tree.sentence(i)[0]
        while start < i and not any(c.isalnum() for c in self.tree.words[start]):
            start += 1
        return start == i

    def word(self, i: int) -> str:
        """As it stands inside a sentence."""
        tree = self.tree
        text = tree.words[i]
        if full_stop(tree, i):
            text = text[:-1]
        if tree.deps[i] in ("aux", "auxpass", "neg") or tree.is_verb(i):
            text = self.auxiliary(i)
        kept = tree.tags[i] in ("NNP", "NNPS") and i not in self.living
        if text == "I" or i in self.names or kept or not self.first_of_sentence(i):
            return text
        if tree.lower(i) in PEOPLES:
            return text
        return text[:1].lower() + text[1:] if text[1:].islower() or len(text) == 1 else text

    def auxiliary(self, i: int) -> str:
        text = self.tree.words[i].replace("’", "'")
        if text == "'s":
            done = self.tree.tags[self.tree.heads[i]] == "VBN" and self.tree.deps[i] == "aux"
            return "has" if done else "is"
        return spelt_out(text.lower() if text.lower() in ("is", "are", "was", "were", "do", "does", "did") else text)

    def say(self, pieces: Iterable[Piece]) -> str:
        """With the spaces of the text between words that stand side by side in it, and one elsewhere."""
        said, before = "", None
        for piece in pieces:
            word = self.word(piece) if isinstance(piece, int) else piece
            close = word == "not" and said.endswith(" can")
            if isinstance(piece, int):
                beside = isinstance(before, int) and piece == before + 1
                glued = beside and not self.tree.doc[before].whitespace_ and word not in ("not", "is", "are", "has")
                close = (
                    close or self.tree.tags[piece] == "POS" or word == "," or (glued and self.tree.tags[piece] != "PRP")
                )
            said += word if close or not said or not word else " " + word
            before = piece
        return said


@dataclass(frozen=True)
class Clause:
    """`top` carries the finite form. Where it is a participle alone, `lent` is the auxiliary it would have."""

    top: int
    subject: int | None
    auxiliaries: tuple[int, ...]
    lent: str = ""
    there: bool = False
    shared: bool = False
    """Whether the subject is that of the verb it is joined to."""


def is_pronoun(tree: Tree, i: int) -> bool:
    """One that stands for somebody the question has not named: not "himself", not the "her" of "her hat"."""
    return tree.tags[i] == "PRP" and tree.deps[i] != "poss" and not tree.lower(i).endswith(("self", "selves"))


def verb_above(tree: Tree, i: int) -> int | None:
    return i if tree.is_verb(i) else next((j for j in tree.above(i) if tree.is_verb(j)), None)


def top_of(tree: Tree, verb: int) -> int:
    """From a verb that only completes another ("tries to catch", "makes a dog jump") to the one that is inflected."""
    while True:
        dep, head = tree.deps[verb], tree.heads[verb]
        helped = any(tree.tags[a] != "TO" for a in tree.children(verb, "aux", "auxpass"))
        bare = not helped and tree.tags[verb] in ("VB", "VBG")
        to = any(tree.tags[a] == "TO" for a in tree.children(verb, "aux"))
        if dep == "pcomp":
            raise NoQuestion("no-rule", "a verb after a preposition")
        if not (dep == "xcomp" or (dep == "ccomp" and bare) or (dep == "advcl" and to)):
            if dep == "conj" and tree.deps[head] in ("xcomp", "pcomp") and not tree.children(verb, "nsubj"):
                raise NoQuestion("no-rule", "one of several verbs that complete another")
            return verb
        above = verb_above(tree, head)
        if above is None:
            return verb
        verb = above


def clause_of(page: Page, i: int) -> Clause:
    """The clause that this word stands in."""
    verb = verb_above(page.tree, i)
    if verb is None:
        raise NoQuestion("no-rule", "no verb")
    return clause(page, top_of(page.tree, verb))


def clause(page: Page, top: int, depth: int = 0) -> Clause:
    tree = page.tree
    dep, head = tree.deps[top], tree.heads[top]
    if (dep == "ccomp" and verb_base(tree.words[head]) in SAYING) or depth > 8:
        raise NoQuestion("no-rule", "said or thought, not told")
    auxiliaries = tuple(a for a in tree.children(top, "aux", "auxpass") if a < top and tree.tags[a] != "TO")
    own = tree.children(top, "nsubj", "nsubjpass")
    there = bool(tree.children(top, "expl"))
    subject = own[0] if own else None
    shared = False
    if there:
        subject = next(iter(tree.children(top, "attr", "dobj", "nsubj")), None)
    elif _of_noun(tree, top, subject):
        subject = head
    elif subject is None and dep in ("conj", "advcl", "dep") and head != top and tree.is_verb(head):
        if dep != "conj" and tree.tags[top] != "VBG":
            raise NoQuestion("no-rule", "a clause without a subject")
        if dep == "conj" and any(tree.lower(j) in MEANWHILE for j in range(head, top)):
            raise NoQuestion("no-rule", "perhaps somebody else's verb")
        other = clause(page, head if dep == "conj" else top_of(tree, head), depth + 1)
        subject, shared = other.subject, True
        if dep == "conj" and not auxiliaries and tree.tags[top] == tree.tags[head]:
            return Clause(top, subject, other.auxiliaries, other.lent, other.there, True)
        if dep == "conj" and not auxiliaries and tree.tags[top] == "VB" and other.auxiliaries:
            return Clause(top, subject, other.auxiliaries, other.lent, other.there, True)
    if subject is None:
        raise NoQuestion("no-rule", "no subject")
    if tree.tags[subject] in ("PRP", "WDT", "WP", "DT", "EX", "WRB") or tree.lower(subject) in RELATIVES:
        raise NoQuestion("no-rule", "the sentence does not name who")
    if own and not there and subject in own and (subject > top or tree.deps[own[0]] == "dep"):
        raise NoQuestion("no-rule", "the subject stands after its verb")
    if tree.lower(subject) == "one" and not tree.children(subject, "prep"):
        raise NoQuestion("no-rule", "the sentence does not name who")
    if tree.children(top, "det", "amod", "nummod", "poss"):
        raise NoQuestion("no-rule", "a verb that is none")
    if len(own) > 1:
        raise NoQuestion("no-rule", "two subjects")
    lent = ""
    if not auxiliaries and tree.tags[top] in ("VBG", "VBN"):
        past = any(
            tree.tags[t] == "VBD"
            for t in range(*tree.sentence(top))
            if tree.children(t, "nsubj") or tree.deps[t] in ("aux", "auxpass")
        )
        many = is_many(page, subject)
        lent = ("were" if many else "was") if past else ("are" if many else "is")
    elif not auxiliaries and tree.tags[top] not in FINITE and not (tree.tags[top] == "VB" and own):
        raise NoQuestion("no-rule", "a verb without a finite form")
    return Clause(top, subject, auxiliaries, lent, there, shared)


def _of_noun(tree: Tree, verb: int, subject: int | None) -> bool:
    """Whether the noun that the verb hangs on is who does it: "a man dancing", "a man who dances"."""
    if subject is None:
        return tree.deps[verb] == "acl" and tree.tags[verb] in ("VBG", "VBN")
    return tree.deps[verb] == "relcl" and tree.lower(subject) in RELATIVES


def is_many(page: Page, noun: int) -> bool:
    tree = page.tree
    if any(tree.lower(c) == "and" for c in tree.children(noun, "cc")) and tree.children(noun, "conj"):
        return True
    if any(tree.lower(d) in ("a", "an", "one", "this", "that") for d in tree.children(noun, "det", "nummod")):
        return False
    return tree.tags[noun] in ("NNS", "NNPS") or tree.lower(noun) == "people"


def noun_phrase(
    page: Page, noun: int, without: Collection[int] = (), more: bool = True, alone: bool = False
) -> list[Piece]:
    """From its first word to its last, without what only tells more about it. `more` keeps short prepositional phrases,
    `alone` leaves out what it is joined to by *and*."""
    tree = page.tree
    left: set[int] = set(without)
    todo = [noun]
    while todo:
        i = todo.pop()
        for c in tree.children(i):
            dep = tree.deps[c]
            comma = dep == "punct" and not (
                tree.words[c] in "-–" or (tree.words[c] == "," and not alone and _listed(tree, c, i))
            )
            wordy = dep == "prep" and (not more or len(page.below(c)) > 5) and tree.lower(c) != "of"
            joined = alone and i == noun and dep in ("conj", "cc")
            wordy = wordy or (
                c > i and (tree.is_verb(c) or (dep == "prep" and any(is_pronoun(tree, j) for j in page.below(c))))
            )
            later = dep in ("advmod", "amod") and c > i and tree.is_noun(i)
            later = later or (dep == "cc" and not any(j > c and not tree.is_verb(j) for j in tree.children(i, "conj")))
            if comma or wordy or joined or later or (dep in ASIDE and dep != "punct" and not _before(tree, c, i)):
                left.update(page.below(c))
            else:
                todo.append(c)
    kept: list[Piece] = [i for i in page.below(noun) if i not in left]
    return determined(page, noun, kept)


def _before(tree: Tree, child: int, head: int) -> bool:
    return tree.deps[child] in ("npadvmod",) and child < head


def _listed(tree: Tree, comma: int, noun: int) -> bool:
    """A comma of "a, b and c"."""
    return comma > noun and any(j > comma for j in tree.children(noun, "conj"))


def determined(page: Page, noun: int, kept: list[Piece]) -> list[Piece]:
    """ "Woman dancing" is short for a woman; inside a question it needs an article."""
    tree = page.tree
    bare = tree.tags[noun] in ("NN", "NNP") and noun in page.living and noun not in page.names
    bare = bare and (tree.tags[noun] == "NN" or page.first_of_sentence(noun))
    if bare and not tree.children(noun, "det", "poss", "nummod", "predet"):
        return ["the", *kept]
    return kept


def rest(
    page: Page, clause: Clause, without: Collection[int] = (), keep: Collection[int] = (), until: int | None = None
) -> list[Piece]:
    """What follows the verb, in order: objects, complements and adverbials. `keep` are words that must not be lost with
    the clause they stand in; nothing after `until` is said."""
    tree, left = page.tree, set(without)
    kept_above = {a for k in keep for a in (k, *tree.above(k))}
    todo = [clause.top]
    while todo:
        i = todo.pop()
        verb = tree.is_verb(i)
        for c in tree.children(i):
            dep, word = tree.deps[c], tree.lower(c)
            aside = (
                dep in ASIDE
                and not (dep == "npadvmod" and i != clause.top and c < i)
                and not (
                    dep == "punct"
                    and (tree.words[c] in "-–" or (tree.words[c] == "," and _listed(tree, c, i) and not verb))
                )
            )
            clausal = (
                verb
                and dep in ("conj", "cc", "advcl", "nsubj", "nsubjpass", "expl", "aux", "auxpass", "neg")
                and i == clause.top
            )
            joined = verb and i != clause.top and dep in ("conj", "cc", "advcl")
            loose = (
                dep == "advmod"
                and ((word in LINKS and not tree.children(c)) or (c < i and i == clause.top))
                and not (clause.there and word != "there")
            )
            lost = dep == "prep" and bool(tree.children(c, "pcomp"))
            lost = lost or (dep in ("prep", "advmod") and any(is_pronoun(tree, j) for j in page.below(c)))
            said = dep == "ccomp" and c > i and (tree.tags[c] in FINITE and not tree.children(c, "mark"))
            loose = loose or (dep == "cc" and not any(j > c for j in tree.children(i, "conj")))
            early = i == clause.top and c < i
            later = not verb and dep == "advmod" and c > i and tree.is_noun(i)
            if (aside or clausal or joined or loose or lost or said or early or later) and c not in kept_above:
                left.update(page.below(c))
            else:
                todo.append(c)
    end = len(tree.words) if until is None else until + 1
    return [i for i in page.below(clause.top) if clause.top < i < end and i not in left]


def _adverbs(page: Page, clause: Clause) -> list[Piece]:
    """Between subject and verb: "slowly", "not"."""
    tree = page.tree
    first = max(clause.auxiliaries, default=-1)
    own = tree.children(clause.top, "nsubj", "nsubjpass")
    first = max([first, *own])
    found = []
    for c in tree.children(clause.top, "advmod", "neg"):
        if (
            c < clause.top
            and (c > first or tree.deps[c] == "neg")
            and len(page.below(c)) == 1
            and tree.lower(c) not in LINKS
        ):
            found.append(c)
    return list(found)


def _is_be(page: Page, verb: int) -> bool:
    return verb_base(page.tree.words[verb]) == "be" and page.tree.tags[verb] in (*FINITE, "VB")


def stated(page: Page, clause: Clause, what: str, after: Sequence[Piece], many: bool = False) -> list[Piece]:
    """ "Who" + the clause as it stands, the finite form made to agree."""
    tree = page.tree
    auxiliaries: list[Piece] = [page.auxiliary(a) for a in clause.auxiliaries] or ([clause.lent] if clause.lent else [])
    verb: Piece = clause.top
    if not many:
        if auxiliaries:
            auxiliaries[0] = singular(str(auxiliaries[0]))
        elif _is_be(page, clause.top):
            verb = singular(page.auxiliary(clause.top))
        elif tree.tags[clause.top] in ("VBP", "VB"):
            verb = third(verb_base(tree.words[clause.top], "VBP"))
    return [what, *auxiliaries, *_adverbs(page, clause), verb, *after]


def inverted(
    page: Page, clause: Clause, what: str, after: Sequence[Piece], done: str = "", without: Collection[int] = ()
) -> list[Piece]:
    """ "What" + auxiliary + subject + verb. `done` is "do" where the verb itself is asked for."""
    tree, top = page.tree, clause.top
    assert clause.subject is not None
    if clause.there:
        raise NoQuestion("no-rule", "there is")
    if tree.lower(clause.subject) in ("something", "anything", "nothing", "everything"):
        raise NoQuestion("no-rule", "the sentence does not name what")
    subject = noun_phrase(page, clause.subject, {*without, *wider(page, clause)})
    adverbs = _adverbs(page, clause)
    auxiliaries: list[Piece] = [page.auxiliary(a) for a in clause.auxiliaries] or ([clause.lent] if clause.lent else [])
    form: Piece
    if auxiliaries:
        form = (
            top
            if not done
            else "doing"
            if tree.tags[top] == "VBG"
            else "done"
            if tree.tags[top] in ("VBN", "VBD")
            else "do"
        )
        return [what, auxiliaries[0], *subject, *auxiliaries[1:], *adverbs, form, *after]
    if _is_be(page, top):
        return [what, page.auxiliary(top), *subject, *adverbs, *after]
    helper = {"VBZ": "does", "VBD": "did"}.get(tree.tags[top], "do")
    if tree.tags[top] == "VB" and not is_many(page, clause.subject):
        helper = "does"
    return [what, helper, *subject, *adverbs, done or verb_base(tree.words[top], tree.tags[top]), *after]


def wider(page: Page, clause: Clause) -> set[int]:
    """What hangs on the subject but is the clause itself."""
    above = clause.subject is not None and clause.subject in page.tree.above(clause.top)
    return set(page.below(clause.top)) if above else set()
