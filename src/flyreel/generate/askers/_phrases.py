"""Questions whose answer is a prepositional phrase or a verb."""

from __future__ import annotations

from flyreel.generate.askers._nouns import be, the, twice
from flyreel.generate.language import clauses, lexicon, living
from flyreel.generate.language.clauses import (
    Clause,
    NoQuestion,
    Page,
    Piece,
    inverted,
    noun_phrase,
    rest,
    stated,
    wider,
)
from flyreel.generate.language.colours import is_colour
from flyreel.generate.language.inflect import noun_base, singular, verb_base
from flyreel.generate.language.lexicon import MOVING, STATIC
from flyreel.generate.language.tree import INDEFINITE, counted

_NO_PLACES = lexicon.CLOTHES | lexicon.TIMES | lexicon.MANNER | lexicon.NOT_PLACES


def ask_prepositional(page: Page, root: int, inside: list[int]) -> list[Piece]:
    tree = page.tree
    target = _target(page, inside)
    words = _preposition(page, inside)
    gap = set(inside) | set(page.below(root))
    owner = tree.heads[root]
    while tree.deps[owner] in ("prep", "advmod", "prt") and not tree.is_noun(owner) and tree.heads[owner] != owner:
        owner = tree.heads[owner]
    if owner == root:
        raise NoQuestion("no-rule", "nothing it hangs on")
    verb = clauses.verb_above(tree, owner)
    if tree.is_noun(owner):
        swapped = words in ("with", "for", "to", "from") and target in page.living and tree.deps[owner] == "dobj"
        lifted = tree.deps[owner] in ("dobj", "dative") and (
            words in STATIC or words in MOVING or words in lexicon.FROM
        )
        lifted = lifted or (words == "at" and verb is not None and verb_base(tree.words[verb]) in lexicon.AT_SOMETHING)
        lifted = lifted or (words == "with" and tree.deps[owner] == "dobj" and _is_tool(page, target))
        moved = tree.deps[owner] == "pobj" and words in (MOVING | lexicon.FROM) - STATIC
        if not (swapped or lifted or moved) or verb is None or _is_had(page, verb, owner):
            return _where_is(page, owner, words, target, gap)
    if verb is None:
        raise NoQuestion("no-rule", "no verb")
    clause = clauses.clause_of(page, verb)
    if clause.there:
        if clause.subject is None or words not in STATIC:
            raise NoQuestion("no-rule", "there is")
        return _where_is(page, clause.subject, words, target, gap)
    asked = question_word(page, verb, words, target)
    if (
        clause.subject is not None
        and root in page.below(clause.subject)
        and clause.subject not in tree.above(clause.top)
    ):
        raise NoQuestion("no-rule", "part of the subject")
    return inverted(page, clause, asked, rest(page, clause, gap, until=_until(page, clause, gap, inside)), without=gap)


def _until(page: Page, clause: Clause, gap: set[int], inside: list[int]) -> int | None:
    """What follows the phrase may tell of it, and goes with it; one in front leaves all the rest."""
    return min(inside) if min(inside) > clause.top else None


def _is_tool(page: Page, noun: int) -> bool:
    return noun_base(page.tree.words[noun]) in lexicon.TOOLS


def _is_had(page: Page, verb: int, noun: int) -> bool:
    return verb_base(page.tree.words[verb]) == "have" and page.tree.deps[noun] == "dobj"


def _target(page: Page, inside: list[int]) -> int:
    """The noun that the phrase ends in."""
    tree = page.tree
    nouns = [
        i
        for i in inside
        if tree.deps[i] == "pobj" and (tree.is_noun(i) or tree.tags[i] in ("PRP", "CD", "JJ", "VBG", "VB"))
    ]
    outside = [i for i in nouns if tree.lower(tree.heads[i]) != "of" or not _counts(page, i)]
    return (outside or nouns or inside)[-1]


def _counts(page: Page, noun: int) -> bool:
    tree = page.tree
    above = tree.heads[tree.heads[noun]]
    return counted(tree, above) == noun


def _preposition(page: Page, inside: list[int]) -> str:
    """The longest beginning that is known to work as one."""
    words = [page.tree.lower(i) for i in inside[:5]]
    known = (" ".join(words[:n]) for n in range(len(words), 1, -1))
    return next((k for k in known if k in STATIC or k in MOVING or k in lexicon.FROM), words[0])


def question_word(page: Page, verb: int, words: str, target: int) -> str:
    """Where, when, how, or the preposition with what or whom: whatever it was, the phrase answers it."""
    tree = page.tree
    noun, base = noun_base(tree.words[target]), verb_base(tree.words[verb], tree.tags[verb])
    person = target in page.living or tree.tags[target] == "PRP"
    animal = person and target not in page.names and noun in living.words("animals")
    beast = "which animals" if tree.tags[target] == "NNS" else "which animal"
    something = f"{words} {beast if animal else 'whom' if person else 'what'}"
    last = words.split(" ")[-1] if words else ""
    if not words:
        raise NoQuestion("no-rule", "no preposition")
    if noun in lexicon.TIMES and words not in ("like", "with", "of", "about", "behind"):
        if last == "for":
            return "how long"
        if last in ("in", "at", "on", "during", "after", "before", "by", "until", "till", "throughout", "around"):
            return "when"
        if words not in STATIC and words not in MOVING:
            raise NoQuestion("no-rule", "a time")
    if tree.lower(target) in INDEFINITE:
        raise NoQuestion("no-rule", "a pronoun")
    if words in ("during", "after", "before", "until", "till"):
        return "when" if words == "during" or noun in lexicon.EVENTS else something
    if (
        words in ("in", "with", "at", "on")
        and noun in lexicon.MANNER
        and noun not in ("line", "row", "circle", "position")
    ):
        return "how"
    if words == "by" and noun in lexicon.VEHICLES and not tree.children(target, "det", "poss"):
        return "how"
    if words in ("in", "on") and noun in (
        "line",
        "row",
        "circle",
        "position",
        "order",
        "way",
        "fire",
        "time",
        "purpose",
    ):
        raise NoQuestion("no-rule", "neither place nor time")
    if words in ("in", "inside", "on", "into") and (noun in lexicon.CLOTHES or is_colour(noun)):
        raise NoQuestion("no-rule", "what is worn")
    if base in lexicon.INTO_OTHER and words in ("into", "in", "to"):
        return something
    if (words == "at" and base in lexicon.AT_SOMETHING and noun not in lexicon.SPOTS) or (
        base in lexicon.WORKED and tree.tags[verb] == "VBN"
    ):
        return something
    if words in ("to", "towards", "toward") and (person or base in lexicon.TO_SOMETHING or noun in lexicon.SOUNDS):
        return something
    if noun in lexicon.NOT_PLACES and words in ("in", "on", "at", "into", "to"):
        if words in ("in", "on", "into"):
            raise NoQuestion("no-rule", "neither place nor time")
        return something
    if words in ("from", "out of") and (
        person or base in ("drink", "eat", "read", "make", "sip", "pour", "take", "get", "remove")
    ):
        return something
    if words in lexicon.FROM:
        if base in ("get", "come") and words != "from":
            raise NoQuestion("no-rule", "no place without it")
        return "from where"
    if words == "by" and (person or tree.tags[verb] == "VBN"):
        return something
    if words == "against" and person:
        return something
    if words == "as" and base not in ("dress", "work", "pose", "serve", "use"):
        raise NoQuestion("no-rule", "perhaps another clause")
    if words == "like":
        return something
    if words in STATIC or words in MOVING:
        return "where"
    if last in (
        "with",
        "without",
        "for",
        "about",
        "as",
        "like",
        "against",
        "to",
        "at",
        "on",
        "in",
        "into",
        "from",
        "by",
        "over",
        "after",
        "around",
    ):
        return something
    raise NoQuestion("no-rule", f"no question for {words}")


def _where_is(page: Page, noun: int, words: str, target: int, gap: set[int]) -> list[Piece]:
    """A place that is told of a thing: "a stick in his hand" gives "Where is the stick?"."""
    tree = page.tree
    name = noun_base(tree.words[target])
    if (
        tree.heads[noun] == noun
        and (name in lexicon.TIMES or name in lexicon.LIGHTS)
        and words in ("at", "in", "during")
    ):
        asked = "when" if name in lexicon.TIMES else "in what light"
        return [asked, be(page, noun), *the(page, noun, False, gap), "seen"]
    if words == "in" and name in lexicon.CLOTHES and noun in page.living and min(gap) > noun:
        if twice(page, noun) or tree.children(noun, "conj"):
            raise NoQuestion("ambiguous", tree.words[noun])
        return ["how", be(page, noun), *the(page, noun, False, gap), "dressed"]
    if words not in STATIC or name in _NO_PLACES or is_colour(name):
        raise NoQuestion("no-rule", "no place")
    if noun_base(tree.words[noun]) in lexicon.CLOTHES | lexicon.BODY and noun not in page.living:
        raise NoQuestion("no-rule", "where something is that is worn")
    several = counted(tree, noun) is not None and noun not in page.living
    if min(gap) < noun or tree.tags[noun] in ("NNP", "NNPS") or several:
        raise NoQuestion("no-rule", "a doubtful place")
    verb = tree.heads[noun]
    if tree.deps[noun] in ("nsubj", "nsubjpass") and tree.is_verb(verb):
        clause = clauses.clause(page, verb)
        after = rest(page, clause)
        if len(after) < 8 and noun in page.living and not tree.children(noun, "conj"):
            return [
                "where",
                be(page, noun),
                *the(page, noun, False, gap),
                *stated(page, clause, "who", after, clauses.is_many(page, noun)),
            ]
    if tree.children(noun, "conj") or twice(page, noun):
        raise NoQuestion("ambiguous", tree.words[noun])
    return ["where", be(page, noun), *the(page, noun, False, gap)]


def ask_verb(page: Page, verb: int) -> list[Piece]:
    """What somebody does; only where the description has them do nothing else that would answer it as well."""
    tree = page.tree
    if not tree.is_verb(verb):
        raise NoQuestion("no-rule", "no verb by its parse")
    top = clauses.top_of(tree, verb)
    clause = clauses.clause(page, top)
    if clause.subject is None or clause.there:
        raise NoQuestion("no-rule", "there is")
    told_of = (
        tree.deps[top] in ("acl", "relcl") and tree.tags[top] == "VBG" and tree.deps[clause.subject] in ("pobj", "dobj")
    )
    if clause.subject not in page.living and told_of:
        raise NoQuestion("no-rule", "a thing that does nothing")
    if clause.subject not in page.living and verb_base(tree.words[verb], tree.tags[verb]) in lexicon.RESTING:
        raise NoQuestion("no-rule", "a thing does nothing by being somewhere")
    if verb != top:
        done = "doing" if tree.tags[verb] == "VBG" else "do" if tree.tags[verb] == "VB" else ""
        own = tree.children(verb, "nsubj")
        said = rest(page, clause, keep=(verb,), until=verb)
        between = [i for i in said if isinstance(i, int) and i <= verb]
        led = verb_base(tree.words[top], tree.tags[top]) in lexicon.LEADING or tree.deps[verb] == "ccomp"
        if not done or not led or tree.deps[verb] == "advcl" or (tree.deps[verb] == "ccomp" and not own):
            raise NoQuestion("no-rule", "a purpose")
        gap = set(page.below(verb)) - {j for o in own for j in page.below(o)} - set(tree.children(verb, "aux"))
        if any(i in gap for i in between if i != verb) or _does_more(page, clause, verb):
            raise NoQuestion("ambiguous", "does several things")
        return inverted(page, clause, "what", [*[i for i in between if i not in gap], done])
    places = _adverbials(page, verb)
    if _does_more(page, clause, verb) and not (places and not clause.shared and not _joined(page, verb)):
        raise NoQuestion("ambiguous", "does several things")
    if tree.tags[top] == "VBN" and (clause.lent or tree.children(top, "auxpass") or _passive_help(page, clause)):
        agent = [i for a in tree.children(top, "agent") for i in page.below(a)]
        being: list[Piece] = [page.auxiliary(a) for a in clause.auxiliaries] or [clause.lent]
        done_to = noun_phrase(page, clause.subject, wider(page, clause))
        to: list[Piece] = ["done", "to", *done_to, *(agent if len(agent) < 6 else [])]
        being[0] = singular(str(being[0]))
        return ["what", *being, *to]
    return inverted(page, clause, "what", [*places], done="do")


def _passive_help(page: Page, clause: Clause) -> bool:
    return bool(clause.auxiliaries) and verb_base(page.tree.words[clause.auxiliaries[-1]]) in ("be", "get")


def _joined(page: Page, verb: int) -> bool:
    tree = page.tree
    return any(tree.is_verb(c) and not tree.children(c, "nsubj", "nsubjpass") for c in tree.children(verb, "conj"))


def _does_more(page: Page, clause: Clause, verb: int) -> bool:
    """Another verb of the same doer: of the same word, or of the same name."""
    tree = page.tree
    assert clause.subject is not None
    subject = clause.subject
    name = page.say(noun_phrase(page, subject, wider(page, clause), more=False)).lower()
    for v in range(len(tree.words)):
        if v in (verb, clause.top) or not tree.is_verb(v) or verb_base(tree.words[v], tree.tags[v]) in lexicon.STATIVE:
            continue
        if tree.deps[v] in ("xcomp", "ccomp") and clauses.verb_above(tree, tree.heads[v]) in (verb, clause.top):
            continue
        try:
            other = clauses.clause(page, v)
        except NoQuestion:
            continue
        if other.subject is None:
            continue
        if other.subject == subject:
            return True
        if name == page.say(noun_phrase(page, other.subject, wider(page, other), more=False)).lower():
            return True
    return False


def _adverbials(page: Page, verb: int) -> list[Piece]:
    """What may stay when the verb goes: where, when and with what, but not where to."""
    tree = page.tree
    kept: list[Piece] = []
    phrases = list(tree.children(verb, "prep"))
    for o in tree.children(verb, "dobj"):
        phrases += [
            p for p in tree.children(o, "prep") if tree.lower(p) in ("in", "on", "at", "with", "behind", "near")
        ]
    for p in sorted(phrases)[:1]:
        below = page.below(p)
        word = tree.lower(p)
        fine = word in (
            "in",
            "on",
            "behind",
            "near",
            "under",
            "beside",
            "outside",
            "inside",
            "during",
            "with",
            "next",
            "between",
        )
        target = tree.children(p, "pobj")
        if p < verb or not fine or len(below) > 7 or not (target or word == "next") or tree.children(p, "pcomp"):
            continue
        if target and noun_base(tree.words[target[0]]) in lexicon.CLOTHES | lexicon.NOT_PLACES | lexicon.BODY:
            continue
        if any(clauses.is_pronoun(tree, j) for j in below):
            continue
        if tree.heads[p] != verb and word != "with" and not target:
            continue
        if tree.heads[p] != verb and word == "with" and target[0] not in page.living and not _is_tool(page, target[0]):
            continue
        if any(tree.deps[j] in ("relcl", "acl", "appos", "punct") for j in below):
            below = sorted({p, *(j for t in target for j in noun_phrase(page, t, more=False) if isinstance(j, int))})
        kept += below
    return kept
