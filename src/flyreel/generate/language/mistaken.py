"""Verbs that the parser took for nouns and names that it took for verbs, and what is to be done about them.

Short sentences about what is seen are full of verbs that are nouns elsewhere ("chases", "dances", "waves"), and the
parser makes one noun phrase of them and what stands before. Where number or a sentence left without a verb leaves no
doubt, the noun is made the verb it is, and what hung on it is hung anew.
"""

from __future__ import annotations

from functools import cache

from flyreel.generate.language.inflect import noun_base, verb_base
from flyreel.generate.language.living import is_alive, is_name
from flyreel.generate.language.model import dictionary
from flyreel.generate.language.tree import Tree
from flyreel.generate.language.words import actions

MORE = frozenset(
    "bang boil bounce bury button carry charge chase cheer clutch coil comb curl dig dip dump dust escape fetch "
    "fire grill groom hammer heave hoist hurl iron light lock loop march mash mix nibble order perform photograph "
    "polish rake rattle repair rescue ring roam sand scatter scoop season shell shovel shred sketch skewer slice "
    "smear snatch soak sort spill split spray spread sprinkle stack stamp steal steer stick sting store strap "
    "strike string study swallow swat tackle tear tie tilt trace trade treat trim tuck unwrap vault visit warm "
    "water win wind write".split()
)
"""Further ones, beside the list of actions; verbs that are never nouns need no list."""
ONE = frozenset("a an this that each every one another".split())
COMPOUND = ("compound", "nmod")


@cache
def stem(word: str) -> str | None:
    """The verb that this is a form of, where it tells what is done more often than it names a thing."""
    word = word.lower()
    forms = {word} | {
        word.removesuffix(end) + new for end, new in (("s", ""), ("es", ""), ("ies", "y")) if word.endswith(end)
    }
    forms = {
        f for f in forms if f in actions() or f in MORE or (f in dictionary("verb") and f not in dictionary("noun"))
    }
    return max(forms, key=len, default=None)


def taken_for_noun(tree: Tree, i: int) -> bool:
    """Is this a verb that was hung, or taken, like a noun? In doubt it is not."""
    word = tree.words[i]
    if tree.children(i, "nsubj") and tree.deps[i] in COMPOUND and word.endswith("s"):
        return True
    if tree.tags[i] == "VBZ" and not tree.children(i, "nsubj", "nsubjpass"):
        if tree.deps[i] in ("dobj", "pobj", "appos", "npadvmod") and tree.is_noun(tree.heads[i]):
            return True
        return _noun_beside(tree, i)
    if tree.tags[i] not in ("NN", "NNS", "NNP", "NNPS") or not word.islower():
        return False
    third = word.endswith("s")
    if (tree.children(i, "nsubj", "nsubjpass") or (third and tree.children(i, "dobj"))) and _bare(tree, i):
        return True
    if i == tree.sentence(i)[0]:
        return False
    if tree.tags[i] == "NNS" and _noun_beside(tree, i) and any(tree.lower(j) in ONE for j in tree.children(i) if j < i):
        return True  # "a red dress walks": one dress
    joined = _bare(tree, i) and _joined(tree, i)
    if third and joined and _article_follows(tree, i):
        return True
    if stem(word) is None:
        return False
    return _third_person(tree, i, joined) if third else _plain_form(tree, i, joined)


def _third_person(tree: Tree, i: int, joined: bool) -> bool:
    before = _before(tree, i)
    if joined or (tree.deps[i] in COMPOUND and tree.tags[i] == "NNS" and tree.tags[before] in ("NN", "NNP")):
        return True
    if tree.deps[i] == "nsubj" and tree.tags[tree.heads[i]] == "VBZ" and tree.tags[before] == "NNP":
        return True  # "Pip waits, then pushes": several waits would push
    if tree.deps[before] == "relcl" and _bare(tree, i):
        return not _has_finite(tree, i)
    return tree.tags[before] in ("NN", "NNP", "CD") and not _has_finite(tree, i)


def _plain_form(tree: Tree, i: int, joined: bool) -> bool:
    if joined and stem(tree.words[i]) == tree.lower(i):
        above = verb_above(tree, i)
        of_many = above is not None and tree.tags[above] in ("VBP", "VB")
        return of_many and tree.deps[i] == "conj" and not tree.is_verb(tree.heads[i])
    before = _before(tree, i)
    if (not tree.tags[before].startswith("NN") and tree.tags[before] != "CD") or _has_finite(tree, i):
        return False
    several = any(tree.tags[j] == "CC" for j in range(tree.sentence(i)[0], i))
    return several or tree.tags[before] in ("NNS", "NNPS")


def _before(tree: Tree, i: int) -> int:
    start = tree.sentence(i)[0]
    i -= 1
    while i > start and tree.words[i] in (",", "'", '"'):
        i -= 1
    return i


def _noun_beside(tree: Tree, i: int) -> bool:
    return any(j == i - 1 and tree.is_noun(j) for j in tree.children(i, *COMPOUND))


def _clause(tree: Tree, i: int) -> tuple[int, int]:
    """From the *and* that a noun phrase follows, up to the next verb with a subject of its own."""
    start, end = tree.sentence(i)
    first = min((j for j in range(start, i) if tree.heads[j] == i or j == i - 1), default=i)
    first = min(first, tree.left_edge(i - 1)) if i > start else first
    if first > start and tree.lower(first - 1) in ("and", "but", "while", "then", ";"):
        start = first
    for j in range(i + 1, end):
        if tree.is_verb(j) and any(k > i for k in tree.children(j, "nsubj", "nsubjpass")):
            return start, min(tree.left_edge(j), *tree.children(j, "nsubj", "nsubjpass"))
    return start, end


def _has_finite(tree: Tree, i: int) -> bool:
    """Whether the clause has its verb, not counting those of clauses about a noun: "a man who wears a hat" has none."""
    return any(
        (tree.is_verb(j) and tree.tags[j] in ("VBZ", "VBP", "VBD", "VB") and tree.deps[j] not in ("relcl", "acl"))
        or (tree.deps[j] in ("aux", "auxpass") and tree.deps[tree.heads[j]] not in ("relcl", "acl"))
        for j in range(*_clause(tree, i))
    )


def _bare(tree: Tree, i: int) -> bool:
    return not any(tree.deps[j] in ("det", "poss", "amod", "nummod") for j in tree.children(i) if j < i)


def _joined(tree: Tree, i: int) -> bool:
    """Bare after *and*, where what it would be joined to is one thing, or is a verb: "the phone and leaves"."""
    if tree.lower(i - 1) not in ("and", "then", "but", "or"):
        return False
    other = tree.heads[i] if tree.deps[i] == "conj" else next((j for j in tree.children(i) if j < i - 1), i)
    if tree.is_verb(other):
        return True
    one = tree.tags[other] in ("NN", "NNP") or any(tree.deps[j] in ("det", "poss") for j in tree.children(other))
    return other < i and one and verb_above(tree, other) is not None


def _article_follows(tree: Tree, i: int) -> bool:
    """No noun stands right in front of an article: "lights a candle and rings a bell"."""
    return tree.lower(i + 1) in ("a", "an", "the", "his", "her", "its", "their") if i + 1 < len(tree.words) else False


def verb_above(tree: Tree, i: int) -> int | None:
    return next((j for j in tree.above(i) if tree.is_verb(j)), None)


def make_verb(tree: Tree, v: int) -> None:
    """Make this noun a verb, with the nouns before it as subject and those after it as object."""
    start, end = tree.sentence(v)
    tree.tags[v] = "VBZ" if tree.words[v].endswith("s") else "VBP"
    tree.lemmas[v] = verb_base(tree.words[v], tree.tags[v])
    if tree.children(v, "nsubj", "nsubjpass"):
        above = tree.heads[v]
        if tree.deps[v] in ("compound", "nmod") and above > v:
            tree.heads[v], tree.deps[v] = (v, "ROOT") if tree.heads[above] == above else (tree.heads[above], "conj")
            tree.heads[above], tree.deps[above] = v, "dobj"
            tree.settled()
        return
    up, dep = tree.heads[v], tree.deps[v]
    joined = tree.lower(v - 1) in ("and", "then", "but", "or")
    cut = [j for j in range(start, v) if tree.heads[j] == v or (tree.heads[j] > v and not tree.is_verb(tree.heads[j]))]
    across = {tree.heads[j] for j in (*cut, v)}
    landing = next((r for r in range(v + 1, end) if tree.heads[r] < v and r in across), None)
    tree.heads[v] = v
    tree.deps[v] = "ROOT"
    tree.settled()
    nouns = [j for j in cut if tree.is_noun(j) or tree.tags[j] in ("CD", "PRP")]
    main = nouns[-1] if nouns else None
    if main is not None and up < v and tree.is_verb(up) and dep == "conj":
        for j in cut:
            if j < main and tree.deps[j] in ("det", "amod", "poss", "nummod", "compound", "predet"):
                tree.move(j, main, tree.deps[j])
        tree.move(main, v, "nsubj")
        tree.move(v, up, "conj")
        _take_objects(tree, v, start, end)
        return
    if main is not None:
        old, old_dep = (up, dep) if up < v else (v, "nsubj")
        if landing is not None:
            old, old_dep = tree.heads[landing], tree.deps[landing]
        for j in cut:
            if j >= main or tree.deps[j] == "npadvmod":
                continue
            if j in nouns and any(tree.tags[k] == "CC" or tree.words[k] == "," for k in range(j, main)):
                old, old_dep = j, "conj"
            elif tree.deps[j] in ("det", "amod", "poss", "nummod", "compound", "predet"):
                tree.move(j, main, tree.deps[j])
        tree.move(main, old if old != v else main, old_dep)
        anchor = main
    elif landing is not None:
        anchor = tree.heads[landing]
    else:
        anchor = up if up < v else max(start, v - 1)
    for j in cut:
        if j != main and tree.heads[j] > v and tree.deps[j] in ("advmod", "punct", "npadvmod"):
            tree.move(j, v, tree.deps[j])
    _hang(tree, v, anchor, joined)
    _take_objects(tree, v, start, end)
    if up > v and dep == "nsubj" and tree.is_verb(up):
        tree.move(up, v, "conj")
    for j in cut:
        if tree.tags[j] == "CC" and tree.heads[j] >= v:
            tree.move(j, v, "cc")


def _hang(tree: Tree, v: int, anchor: int, joined: bool) -> None:
    """Under the verb it is joined to, or over the noun that is its subject."""
    chain = [anchor, *tree.above(anchor)]
    verb = next((j for j in chain if tree.is_verb(j) and tree.deps[j] not in ("acl", "relcl")), None)
    if verb is not None and verb < v:
        tree.move(v, verb, "conj")
        return
    top = anchor
    for j in chain[1:]:
        if j > v or tree.words[j] == ":" or any(tree.words[k] in ":;" for k in range(j, top)):
            break
        top = j
    head = tree.heads[top]
    if head != top and head < v:
        tree.move(top, v, "nsubj")
        return
    if not tree.is_verb(top):
        if head > v and head != top:
            tree.move(head, v, "dobj" if tree.is_noun(head) else "conj")
        tree.move(top, v, "nsubj")
    else:
        tree.move(v, top, "conj")


def _take_objects(tree: Tree, v: int, start: int, end: int) -> None:
    """What stands after it and hung on something before it."""
    for r in range(v + 1, end):
        if tree.heads[r] >= v and tree.deps[r] not in ("appos", "dep", "npadvmod", "ROOT"):
            continue
        if tree.heads[r] > v and tree.heads[r] != r:
            continue
        if tree.is_noun(r) and tree.left_edge(r) == v + 1 and not tree.children(v, "dobj"):
            tree.move(r, v, "dobj")
        elif tree.heads[r] < v and tree.deps[r] in ("prep", "prt", "advmod", "punct", "agent", "dobj"):
            tree.move(r, v, tree.deps[r])


def name(tree: Tree, i: int) -> None:
    """What has a capital within a sentence is a name, and no verb: "pushes Bix off"."""
    start, end = tree.sentence(i)
    word = tree.words[i]
    if i == start:
        if (
            word.istitle()
            and word.isalpha()
            and tree.tags[i] in ("VB", "JJ", "NN", "UH", "FW", "NNS", "RB", "VBP")
            and (may_be_name(word))
        ):
            tree.tags[i] = "NNP"
            if tree.deps[i] in ("amod", "advmod", "intj"):
                tree.deps[i] = "compound"
        return
    if not (word.istitle() and word.isalpha() and len(word) > 1) or tree.tags[i][:2] not in ("VB", "JJ", "RB", "UH"):
        return
    if not any(tree.words[j].islower() for j in range(start, end) if tree.tags[j][:2] in ("NN", "VB")):
        return
    tree.tags[i] = "NNP"
    done = [j for j in tree.children(i) if j == i + 1 and tree.tags[j] in ("VBZ", "VBD", "VBP")]
    head, dep = tree.heads[i], tree.deps[i]
    if done:
        tree.heads[done[0]], tree.deps[done[0]] = (done[0], "ROOT") if head == i else (head, "conj")
        tree.heads[i], tree.deps[i] = done[0], "nsubj"
        tree.settled()
    elif tree.tags[i - 1].startswith("VB") and head != i and dep not in ("nsubj", "compound", "pobj"):
        tree.move(i, i - 1, "dobj")
        for j in list(tree.children(i)):
            if j > i and tree.deps[j] in ("prep", "prt", "advmod", "punct", "cc", "conj"):
                tree.move(j, i - 1, tree.deps[j])
    elif tree.tags[i - 1] in ("IN", "TO") and dep not in ("pobj", "nsubj", "compound", "conj"):
        if head not in (i, i - 1):
            tree.move(i - 1, head, "prep")
        tree.move(i, i - 1, "pobj")


@cache
def may_be_name(word: str) -> bool:
    """At the start of a sentence, where every word has a capital: what is in no dictionary, bent or not."""
    if is_name(word.lower()):
        return True
    parts = [dictionary(part) for part in ("noun", "verb", "adj", "adv")]
    forms = {word.lower(), noun_base(word), verb_base(word)}
    return bool(parts[0]) and not any(form in part for form in forms for part in parts) and not is_alive(word.lower())
