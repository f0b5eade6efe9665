"""Questions from the parse alone: the clause an answer stands in, with a question word in its place.

Fast and free, and it asks only what the sentence says. Where the parse is doubtful, the subject a pronoun, or the
question would have two answers in its own description, there is none: a question too few costs nothing, one that reads
badly or that two answers fit costs whoever trains or tests on it.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Sequence

from flyreel.engine.stage import Drop
from flyreel.generate.askers._colours import ask_colour
from flyreel.generate.askers._nouns import ask_noun
from flyreel.generate.askers._phrases import ask_prepositional, ask_verb
from flyreel.generate.askers.base import Sheet, asker
from flyreel.generate.language.candidates import Candidate
from flyreel.generate.language.clauses import NoQuestion, Page, Piece, is_pronoun
from flyreel.generate.language.inflect import SAME_IN_PAST, verb_base
from flyreel.generate.language.living import is_alive, is_name
from flyreel.generate.language.repairs import make_verb, repaired
from flyreel.generate.language.stretches import straighten
from flyreel.generate.language.tree import Tree
from flyreel.generate.method import Setting

LONGEST = 24
"""Words of a question; a longer one is a sentence that was not understood."""
_ODD = re.compile(r"[^\w\s,.?'’&%$£€+/#-]|[?].|[_]|https?:|www\.|\.\.")
_WORD = re.compile(r"[^\W_]+")
_ARTICLES = frozenset(("a", "an", "the"))


@asker("rules", pure=True)
async def rules(sheets: Sequence[Sheet], setting: Setting) -> list[list[str | Drop]]:
    """Rules of English on spaCy's parse: no model beyond it."""
    return [asked(sheet) for sheet in sheets]


def asked(sheet: Sheet) -> list[str | Drop]:
    if not sheet.candidates:
        return []
    page = _page(sheet)
    if page is None:
        return [Drop("no-rule", "no tree")] * len(sheet.candidates)
    found = [_ask(page, candidate) for candidate in sheet.candidates]
    answers: dict[str, set[str]] = {}
    for candidate, question in zip(sheet.candidates, found, strict=True):
        if isinstance(question, str):
            answers.setdefault(question, set()).add(candidate.text.lower())
    return [
        Drop("ambiguous", "several answers of this description fit")
        if isinstance(question, str) and len(answers[question]) > 1
        else question
        for question in found
    ]


def _page(sheet: Sheet) -> Page | None:
    doc = sheet.doc
    if doc is None:
        from flyreel.generate.language.model import english

        doc = english()(sheet.text.encode("utf-8", "replace").decode())  # half a surrogate pair is no text to spaCy
    tree = repaired(doc)
    starts = [token.idx for token in doc]
    single = _names(sheet, tree, starts)
    heads = {c: _head(tree, w, c) for c in sheet.candidates if (w := _inside(starts, c))}
    alive = {i for c, i in heads.items() if c.kind == "living"}
    for candidate in heads:
        if candidate.kind == "verb":
            _as_verb(tree, _inside(starts, candidate)[0], alive)
    straighten(tree, single)
    _hang_on_the_living(tree, alive)
    _retag(tree)
    if not _grounded(tree):
        return None
    page = Page(tree, starts, things={i for c, i in heads.items() if c.kind == "noun"})
    for candidate in sheet.candidates:
        if candidate.kind == "living":
            inside = _inside(starts, candidate)
            if inside:
                page.living.add(_head(tree, inside, candidate) if len(inside) > 1 else inside[0])
            if candidate.start in single and inside:
                page.names.add(inside[0])
    return page


def _as_verb(tree: Tree, verb: int, alive: set[int]) -> None:
    """A candidate was read with more care than the parser has: where that made a noun of a verb, it is hung anew."""
    if tree.tags[verb] not in ("NN", "NNS", "VBG") or not tree.words[verb].islower():
        return
    if not tree.words[verb].endswith("ing"):
        if tree.tags[verb] != "VBG":
            make_verb(tree, verb)
        return
    who = [i for i in alive if tree.sentence(verb)[0] <= i < verb]
    if tree.tags[verb] == "VBG" or not who or tree.children(verb, "det", "poss"):
        return
    doer = max(who)
    tree.tags[verb] = "VBG"
    if verb in tree.above(doer):
        top = next((i for i in (doer, *tree.above(doer)) if tree.heads[i] == verb), doer)
        tree.heads[top], tree.deps[top] = (
            (top, "ROOT") if tree.heads[verb] == verb else (tree.heads[verb], tree.deps[verb])
        )
        tree._children = None
        doer = top if tree.is_noun(top) else doer
    tree.move(verb, doer, "acl")


def _retag(tree: Tree) -> None:
    """By their ending: "singing" is a participle, and "squat" no past that shows."""
    for i, tag in enumerate(tree.tags):
        if tag in ("VB", "VBP", "VBD"):
            word = tree.lower(i)
            base = verb_base(word)
            if word.endswith("ing") and any(c in "aeiouy" for c in base) and base != word:
                tree.tags[i] = "VBG"
            elif tag == "VBD" and base == word and word not in SAME_IN_PAST and not word.endswith("ed"):
                tree.tags[i] = "VBP"


def _hang_on_the_living(tree: Tree, alive: set[int]) -> None:
    """ "a girl with pigtails painting": it is the girl who paints."""
    for i in range(len(tree.words)):
        noun = tree.heads[i]
        if tree.deps[i] != "acl" or tree.tags[i] != "VBG" or noun in alive or tree.deps[noun] != "pobj":
            continue
        owner = tree.heads[tree.heads[noun]]
        if owner in alive and owner < noun:
            tree.move(i, owner, "acl")


def _names(sheet: Sheet, tree: Tree, starts: list[int]) -> set[int]:
    """Where somebody's name begins. At the start of a sentence "Wren" is one if it is written so elsewhere, or is no
    word for a living thing ("Dog running")."""
    single = [c for c in sheet.candidates if c.kind == "living" and c.text.isalpha() and c.text.istitle()]
    found: set[str] = set()
    for c in single:
        i = bisect_left(starts, c.start)
        low = c.text.lower()
        if i < len(starts) and (is_name(low) or not is_alive(low) or starts[tree.sentence(i)[0]] != c.start):
            found.add(c.text)
    return {c.start for c in single if c.text in found}


def _grounded(tree: Tree) -> bool:
    """Every word hangs on a root: there is no circle."""
    done: set[int] = set()
    for i in range(len(tree.heads)):
        path: list[int] = []
        while i not in done:
            path.append(i)
            done.add(i)
            i = tree.heads[i]
        if i in path and tree.heads[i] != i:
            return False
    return True


def _inside(starts: list[int], candidate: Candidate) -> list[int]:
    return list(range(bisect_left(starts, candidate.start), bisect_left(starts, candidate.end)))


def _head(tree: Tree, inside: list[int], candidate: Candidate) -> int:
    """The word of the answer that hangs on something outside it."""
    span = set(inside)
    heads = [i for i in inside if tree.heads[i] not in span or tree.heads[i] == i]
    if candidate.kind in ("living", "noun"):
        heads = [i for i in heads if tree.is_noun(i)] or heads[-1:]
        return heads[-1] if heads else inside[-1]
    return heads[0] if heads else inside[0]


def _ask(page: Page, candidate: Candidate) -> str | Drop:
    tree = page.tree
    inside = _inside(page.starts, candidate)
    if not inside or not candidate.text.strip():
        return Drop("no-rule", "not in the text")
    head = _head(tree, inside, candidate)
    try:
        if candidate.kind in ("living", "noun"):
            pieces = ask_noun(page, head, candidate.kind == "living")
        elif candidate.kind == "prepositional":
            pieces = ask_prepositional(page, head, inside)
        elif candidate.kind == "verb":
            pieces = ask_verb(page, head)
        else:
            pieces = ask_colour(page, head, inside)
        return _checked(page, pieces, candidate, set(inside))
    except NoQuestion as why:
        return Drop(why.reason, why.detail)


def _checked(page: Page, pieces: list[Piece], candidate: Candidate, inside: set[int]) -> str:
    """The pieces as a question, if they make one."""
    tree = page.tree
    for piece in pieces:
        if isinstance(piece, int):
            tag = tree.tags[piece]
            if is_pronoun(tree, piece):
                raise NoQuestion("no-rule", "a pronoun")
            if (tag == "PRP$" or (tag == "PRP" and tree.deps[piece] == "poss")) and not _owned(page, pieces, piece):
                raise NoQuestion("no-rule", "a pronoun")
            if tree.sentence(piece) != tree.sentence(min(inside)):
                raise NoQuestion("no-rule", "a doubtful parse")
    text = " ".join(page.say(pieces).split())
    if "?" in text or _ODD.search(text) or any(unicodedata.category(c)[0] == "C" for c in text):
        raise NoQuestion("no-rule", "odd characters")
    words = _WORD.findall(text.lower())
    if len(words) > LONGEST:
        raise NoQuestion("no-rule", "too long")
    answer = [w for w in _WORD.findall(candidate.text.lower()) if w not in _ARTICLES]
    plain = [w for w in words if w not in _ARTICLES]
    if not answer:
        raise NoQuestion("no-rule", "no word")
    if any(plain[k : k + len(answer)] == answer for k in range(len(plain) - len(answer) + 1)):
        raise NoQuestion("answer-in-question", text)
    if len(words) < 2 or words[-1] in ("and", "or"):
        raise NoQuestion("no-rule", "nothing to ask with")
    return text[0].upper() + text[1:].rstrip(" ,.") + "?"


def _owned(page: Page, pieces: list[Piece], owner: int) -> bool:
    """Whether the question names whose it is: by somebody before it, or by the who that does something."""
    tree = page.tree
    if pieces[0] == "who":
        return True
    return any(isinstance(p, int) and (tree.is_noun(p) or tree.is_verb(p)) for p in pieces[: pieces.index(owner)])
