"""What the parser gets wrong again and again on captions, put right by general rules.

Each rule is a sentence that it was written for; it looks at number, articles, order and what hangs on what, and at
words only where nothing else decides (which verbs put a thing somewhere, which take a person and a thing).
"""

from __future__ import annotations

from typing import Any

from flyreel.generate.language.inflect import verb_base
from flyreel.generate.language.living import is_alive
from flyreel.generate.language.mistaken import make_verb, name, stem, taken_for_noun, verb_above
from flyreel.generate.language.model import dictionary
from flyreel.generate.language.tree import Tree, grow

TIMES = frozenset(
    "time moment while day night morning evening afternoon second minute hour week year way order".split()
)
"""No things, whatever leads to them."""
COLOURS = frozenset(
    "red blue green yellow orange purple pink brown black white grey gray gold silver violet turquoise beige".split()
)
PUTTING = frozenset(
    "put place set lay drop throw toss pour hang spread stick rest load pack insert plant sit park seat locate "
    "position dip soak dunk bury hide spray smear draw paint write apply".split()
)
LIVELY = frozenset(
    "hold wear read carry look eat drink talk sing smile watch laugh speak wave point chew smoke listen text type "
    "write clap cheer yell shout scream cry sleep use try drag pull push".split()
)
"""What no thing does."""
GIVING = frozenset("give feed throw show hand offer bring teach tell pass serve send lend buy sell read".split())
MOVING = frozenset(
    "into onto to toward towards through across off out over past along down up around toward towards from".split()
)
"""Prepositions that tell where something is moved, and so belong to the verb even behind its object."""
ALONG = frozenset("into onto along across towards toward through off".split())
PLACES = frozenset(("on", "in", "under", "behind", "inside", "near", "between", "at", "against", "above", "beside"))


def repaired(doc: Any) -> Tree:
    tree = grow(doc)
    for i in range(len(tree.words)):
        name(tree, i)
    for i in range(len(tree.words)):
        if taken_for_noun(tree, i):
            make_verb(tree, i)
    for i in range(len(tree.words)):
        _noun_after_all(tree, i)
        _new_clause(tree, i)
        _subject_of_its_own(tree, i)
        _bare_verb(tree, i)
        _one_of_many(tree, i)
        _one_of_one(tree, i)
        _swallowed_subject(tree, i)
        _second_object(tree, i)
        _hidden_agent(tree, i)
        _place_of_object(tree, i)
        _purpose(tree, i)
        _doing(tree, i)
    return tree


def _noun_after_all(tree: Tree, i: int) -> None:
    """What has an article is a noun ("does a flip"), and so is a colour that something changes to."""
    word, head = tree.lower(i), tree.heads[i]
    article = tree.children(i, "poss") or any(tree.lower(j) in ("a", "an", "the") for j in tree.children(i, "det"))
    hung = tree.deps[i] in ("dobj", "pobj", "attr", "nsubj", "conj")
    if article and hung and tree.tags[i] in ("VB", "VBP", "VBG", "JJ"):
        tree.tags[i] = "NN"
    if word in ("colour", "colours") and tree.tags[i] in ("RB", "JJ", "VBP") and head == i - 1:
        tree.tags[i], tree.deps[i] = "NN", "dobj"
    if word in COLOURS and tree.deps[i] == "pobj":
        tree.tags[i] = "NN"
    if word in COLOURS and i and tree.lower(i - 1) == "to" and tree.deps[i - 1] == "aux" and head < i - 1:
        tree.tags[i] = "NN"
        tree.move(i - 1, head, "prep")
        tree.move(i, i - 1, "pobj")


def _new_clause(tree: Tree, i: int) -> None:
    """ "gives the kite to Lulu and Lulu gives": the noun between *and* and a verb is the subject of the verb.

    Also what follows a verb at once with no other role is its object, and an adjective with both is a verb.
    """
    if tree.tags[i] == "JJ" and tree.children(i, "nsubj") and tree.children(i, "dobj"):
        tree.tags[i] = "VB"
    if tree.deps[i] in ("appos", "npadvmod", "dep") and tree.is_noun(i) and tree.lemmas[i] not in TIMES:
        verb = tree.heads[i]
        if tree.is_verb(verb) and tree.left_edge(i) == verb + 1 and not tree.children(verb, "dobj", "attr"):
            tree.deps[i] = "dobj"
    if tree.deps[i] == "dobj" and tree.is_verb(tree.heads[i]) and tree.children(tree.heads[i], "auxpass"):
        for j in tree.children(tree.heads[i], "prep"):
            if j == tree.left_edge(i) - 1 and not tree.children(j):
                tree.move(i, j, "pobj")
    verb = i + 1
    if tree.deps[i] != "conj" or not tree.is_noun(i) or verb >= tree.sentence(i)[1] or not tree.is_verb(verb):
        return
    first = tree.left_edge(i)
    begins = tree.deps[verb] == "conj" and tree.tags[verb] in ("VBZ", "VBD", "VBP") and tree.tags[first - 1] == "CC"
    if begins and not tree.children(verb, "nsubj", "nsubjpass"):
        tree.move(i, verb, "nsubj")


def _subject_of_its_own(tree: Tree, verb: int) -> None:
    """Where a sentence was cut in two: the noun that hung over the cut is the subject of the verb that did."""
    if tree.heads[verb] != verb or not tree.is_verb(verb) or tree.tags[verb] in ("VB", "VBG", "VBN"):
        return
    if tree.children(verb, "nsubj", "nsubjpass", "expl"):
        return
    start, _ = tree.sentence(verb)
    for j in range(start, verb):
        if tree.heads[j] == j and tree.is_noun(j):
            tree.move(j, verb, "nsubj")
            return


def _one_of_many(tree: Tree, verb: int) -> None:
    """ "A girl wearing glasses and a boy cross the street": a plural verb has both, whatever *and* joins."""
    many = tree.tags[verb] in ("VBP", "VB") or any(
        tree.lower(j) in ("are", "were", "have") for j in tree.children(verb)
    )
    subjects = tree.children(verb, "nsubj", "nsubjpass")
    if not (many and tree.is_verb(verb) and subjects and tree.tags[subjects[-1]] in ("NN", "NNP")):
        return
    subject = subjects[-1]
    if (
        (tree.tags[verb] == "VB" and tree.children(verb, "aux"))
        or tree.deps[verb] == "ccomp"
        or tree.is_quantity(subject)
    ):
        return
    if tree.children(subject, "conj"):
        return
    for j in range(subject + 1, verb):
        if tree.deps[j] == "conj" and tree.is_noun(j) and tree.children(j, "det") and subject in tree.above(j):
            tree.move(j, subject, "conj")
            return


def _one_of_one(tree: Tree, verb: int) -> None:
    """ "Zed chases Gus and Gus carries the kite": two do not carries."""
    if tree.tags[verb] != "VBZ":
        return
    for told in tree.children(verb, "nsubj", "csubj"):
        if tree.tags[told] == "VBZ" and tree.children(told, "nsubj"):
            tree.heads[told], tree.deps[told] = (
                (told, "ROOT") if tree.heads[verb] == verb else (tree.heads[verb], "conj")
            )
            tree.heads[verb], tree.deps[verb] = told, "ccomp"
            tree.settled()
            break
    up, subjects = tree.heads[verb], tree.children(verb, "nsubj")
    if tree.deps[verb] != "ccomp" or not subjects or not tree.is_verb(up):
        return
    first = subjects[-1]
    joined = [j for j in tree.children(first, "conj") if tree.is_noun(j) and j < verb]
    if joined and tree.left_edge(first) == up + 1 and not tree.children(up, "dobj"):
        tree.move(joined[0], verb, "nsubj")
        tree.move(first, up, "dobj")
        tree.deps[verb] = "conj"


def _bare_verb(tree: Tree, i: int) -> None:
    """ "watches a woman slice a cucumber": the plain form before a new determiner."""
    if tree.tags[i] != "NN" or stem(tree.words[i]) != tree.words[i] or not verb_above(tree, i):
        return
    before = [j for j in tree.children(i, "compound") if j == i - 1 and tree.is_noun(j)]
    after = [j for j in (*tree.children(i), *tree.children(tree.heads[i])) if j > i and tree.left_edge(j) == i + 1]
    objects = [j for j in after if tree.is_noun(j) and tree.left_edge(j) < j]
    if not before or not objects or tree.deps[objects[0]] not in ("npadvmod", "appos", "dep", "dobj"):
        return
    subject, up, dep = before[0], tree.heads[i], tree.deps[i]
    for j in list(tree.children(i)):
        if j < subject:
            tree.move(j, subject, tree.deps[j])
    tree.tags[i] = "VB"
    tree.lemmas[i] = tree.words[i]
    tree.move(subject, up, dep)
    tree.move(i, up, "ccomp")
    tree.move(objects[0], i, "dobj")


def _swallowed_subject(tree: Tree, i: int) -> None:
    """ "shows a man playing drums": the man is no kind of drums where a verb stands between them."""
    if not tree.is_noun(i):
        return
    for j in tree.children(i, "compound", "nmod"):
        verbs = [v for v in range(j + 1, i) if tree.tags[v] == "VBG" and tree.heads[v] == j]
        if not verbs and _does(tree, j + 1, i) and is_alive(tree.lower(j)):
            tree.tags[j + 1], tree.lemmas[j + 1] = "VBG", verb_base(tree.words[j + 1], "VBG")
            tree.move(j + 1, j, "acl")
            verbs = [j + 1]
        if verbs and not tree.children(verbs[0], "dobj"):
            for k in list(tree.children(i)):
                if k < j:
                    tree.move(k, j, tree.deps[k])
            up, dep = tree.heads[i], tree.deps[i]
            if up == i:
                tree.heads[j], tree.deps[j] = j, "ROOT"
                tree.settled()
            else:
                tree.move(j, up, dep)
            tree.deps[verbs[0]] = "acl"
            tree.move(i, verbs[0], "dobj")
            return


def _does(tree: Tree, i: int, noun: int) -> bool:
    """ "a toddler splashing water" has a word for a verb in it, where a living thing goes before."""
    word = tree.lower(i)
    verb = verb_base(word, "VBG")
    inside = i < noun and tree.heads[i] == noun and tree.deps[i] in ("compound", "amod", "nmod")
    return inside and word.endswith("ing") and verb != word and verb in dictionary("verb")


def _second_object(tree: Tree, i: int) -> None:
    """ "shows a woman a picture": what follows without a comma is what is shown, not another word for the woman."""
    first = tree.heads[i]
    beside = tree.deps[i] == "compound" and tree.tags[i] == tree.tags[first] == "NNS" and first == i + 1
    if beside and tree.deps[first] == "dobj" and tree.lemmas[tree.heads[first]] in GIVING:
        for j in [j for j in tree.children(first) if j < i]:
            tree.move(j, i, tree.deps[j])
        tree.move(i, tree.heads[first], "dative")
    if tree.deps[i] != "appos" or not tree.is_noun(i):
        return
    if tree.children(i, "conj") and tree.tags[first] != "NNP":
        tree.deps[i] = "conj"
        return
    verb = tree.heads[first]
    if tree.tags[first] != "NN" or tree.left_edge(i) != first + 1 or not tree.is_verb(verb):
        return
    if tree.deps[first] in ("dative", "dobj") and tree.left_edge(i) < i and tree.left_edge(first) < first:
        tree.deps[first] = "dative"
        tree.move(i, verb, "dobj")


def _hidden_agent(tree: Tree, i: int) -> None:
    """ "is given a present by her father": *by* after a passive names who did it, whatever stands between."""
    if tree.lower(i) != "by" or tree.deps[i] != "prep":
        return
    verb = tree.heads[i] if tree.is_verb(tree.heads[i]) else verb_above(tree, i)
    if verb is None or tree.tags[verb] != "VBN" or tree.lemmas[verb] in PUTTING:
        return
    if tree.children(verb, "auxpass") and not tree.children(verb, "agent"):
        tree.move(i, verb, "agent")


def _place_of_object(tree: Tree, i: int) -> None:
    """ "places a coin on the table": where it goes is said of the verb."""
    noun = tree.heads[i]
    where = tree.lower(i)
    if tree.deps[i] == "prep" and tree.deps[noun] == "pobj" and where in ALONG:
        verb = verb_above(tree, noun)
        if verb is not None and verb < i:
            tree.move(i, verb, "prep")
        return
    if tree.deps[i] != "prep" or tree.deps[noun] not in ("dobj", "dative") or i < noun:
        return
    verb = tree.heads[noun]
    bare = where == "with" and tree.left_edge(noun) == noun and tree.tags[noun] == "NNS"
    if where in MOVING or where == "for" or bare or (where in PLACES and tree.lemmas[verb] in PUTTING):
        tree.move(i, verb, "prep")


def _purpose(tree: Tree, i: int) -> None:
    """ "climbs a ladder to reach the roof": who climbs, reaches."""
    noun = tree.heads[i]
    if tree.tags[i] != "VB" or tree.deps[i] not in ("relcl", "acl") or tree.deps[noun] not in ("dobj", "pobj"):
        return
    if not any(tree.lower(j) == "to" for j in tree.children(i, "aux")) or not tree.children(i, "dobj", "prep"):
        return
    if tree.children(i, "nsubj", "nsubjpass"):
        return
    verb = verb_above(tree, noun) if not tree.is_verb(tree.heads[noun]) else tree.heads[noun]
    if verb is not None:
        tree.move(i, verb, "advcl")


def _doing(tree: Tree, i: int) -> None:
    """ "lies in a hammock reading a magazine", "a woman in a bikini carrying a board": no hammock reads."""
    noun = tree.heads[i]
    if tree.tags[i] != "VBG" or tree.deps[i] != "acl" or tree.deps[noun] not in ("pobj", "dobj"):
        return
    if tree.tags[noun] not in ("NN", "NNS") or is_alive(tree.lower(noun)) or tree.lemmas[i] not in LIVELY:
        return
    verb = verb_above(tree, noun)
    doer = next((j for j in tree.above(noun) if tree.is_noun(j)), None)
    if verb is not None:
        tree.move(i, verb, "advcl")
    elif doer is not None:
        tree.move(i, doer, "acl")
