"""Who does what a verb says, wherever the sentence names them."""

from __future__ import annotations

from flyreel.generate.language.mistaken import verb_above
from flyreel.generate.language.tree import Tree, counted

OBJECT_CONTROL = frozenset(
    "ask tell help teach allow force order train invite let make watch see show hear notice film record catch "
    "encourage persuade beg command lead get want".split()
)
"""The object of these does what follows: "asks a student to open the window"."""
DEEP = 20


def conjoined(tree: Tree, heads: list[int]) -> list[int]:
    """These and what is joined to them: "a boy and a girl"; pronouns stay in, to be left out by who asks."""
    found: list[int] = []
    for i in heads:
        found.append(i)
        count = counted(tree, i)
        joined = tree.children(i, "conj") + (tree.children(count, "conj") if count is not None else [])
        found += conjoined(tree, [j for j in joined if not tree.is_verb(j)])
    return found


def subjects(tree: Tree, verb: int, depth: int = 0) -> list[int]:
    """Heads of what does it (in a passive, of what it is done to); a pronoun stays a pronoun."""
    own = tree.children(verb, "nsubj", "nsubjpass", "csubj")
    up, dep = tree.heads[verb], tree.deps[verb]
    if depth > DEEP:
        return []
    if own:
        nearest = own[-1]
        relative = tree.tags[nearest] in ("WDT", "WP") or (tree.lower(nearest) == "that" and dep == "relcl")
        return _modified(tree, verb) if relative else conjoined(tree, [nearest])
    if tree.children(verb, "expl"):
        return conjoined(tree, tree.children(verb, "attr"))
    if dep in ("acl", "relcl"):
        return _modified(tree, verb)
    if up == verb:  # "Martin leaves the house, locks the door": the first is hung on the second
        told = [j for j in tree.children(verb, "ccomp") if j < verb and tree.is_verb(j)]
        return subjects(tree, told[0], depth + 1) if told else []
    above = verb_above(tree, verb)
    if above is None or (above != up and dep not in ("pcomp", "conj", "advcl", "xcomp")):
        return []
    if above == up and dep in ("xcomp", "ccomp") and tree.lemmas[up] in OBJECT_CONTROL:
        objects = [j for j in tree.children(up, "dobj", "dative") if j < verb]
        if objects:
            return conjoined(tree, objects[-1:])
    return subjects(tree, above, depth + 1)


def _modified(tree: Tree, verb: int) -> list[int]:
    """The nouns that a relative clause or a participle is about."""
    noun = tree.heads[verb]
    of = tree.heads[noun]
    if tree.deps[noun] == "pobj" and counted(tree, tree.heads[of]) == noun:
        noun = tree.heads[of]
    joined = [noun]
    while (
        tree.deps[noun] == "conj" and tree.deps[tree.heads[noun]] in ("ROOT", "conj") and tree.is_noun(tree.heads[noun])
    ):
        noun = tree.heads[noun]
        if any(j < joined[0] for j in tree.children(noun, "acl", "relcl")):
            break
        joined.insert(0, noun)
    return joined


def is_passive(tree: Tree, verb: int) -> bool:
    if tree.children(verb, "auxpass", "nsubjpass", "agent"):
        return True
    if tree.tags[verb] != "VBN" or tree.children(verb, "aux"):
        return False
    up = tree.heads[verb]
    if tree.deps[verb] == "conj" and tree.is_verb(up):
        return not tree.children(verb, "nsubj") and is_passive(tree, up)
    return tree.deps[verb] in ("acl", "advcl") or (up == verb and not tree.children(verb, "dobj"))


def seen_doing(tree: Tree, verb: int) -> list[int]:
    """ "sees a mouse cross the roof" is also about seeing a mouse."""
    if tree.lemmas[verb] not in OBJECT_CONTROL:
        return []
    plain = [
        j
        for j in tree.children(verb, "ccomp")
        if tree.tags[j] in ("VB", "VBG", "VBP") and not tree.children(j, "aux", "mark")
    ]
    return [k for j in plain for k in tree.children(j, "nsubj")]
