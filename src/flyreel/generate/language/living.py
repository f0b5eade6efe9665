"""Who is alive: people by what they are to others, animals, bodies of people, and names."""

from __future__ import annotations

from functools import cache, lru_cache
from importlib.resources import files

TITLES = frozenset(
    "mr mrs ms miss mister dr doctor sir lady lord uncle aunt captain king queen prince princess".split()
)

_ENDINGS = (
    "man",
    "men",
    "woman",
    "women",
    "boy",
    "girl",
    "boys",
    "girls",
    "people",
    "person",
    "folk",
    "folks",
    "child",
    "children",
    "keeper",
    "keepers",
    "ologist",
    "ologists",
    "grapher",
    "graphers",
    "ician",
    "icians",
)
_NOT_ENDINGS = frozenset("snowman snowmen ottoman talisman".split())
_FOOD = frozenset(
    "chicken turkey duck lamb fish salmon tuna trout cod crab lobster shrimp prawn squid oyster clam mussel".split()
)
_FANS = frozenset("fan star".split())
_STARS = frozenset("movie film rock pop porn tv football basketball sports screaming cheering excited loyal".split())


@cache
def words(section: str) -> frozenset[str]:
    found: dict[str, set[str]] = {}
    for line in files(__package__).joinpath("living.txt").read_text("utf-8").splitlines():
        if line.startswith("["):
            into = found.setdefault(line.strip("[]"), set())
        elif line and not line.startswith("#"):
            into.update(line.split())
    return frozenset(found[section])


def is_name(word: str) -> bool:
    return word in words("names")


@cache
def _beings() -> frozenset[str]:
    return words("people") | words("animals") | words("bodies")


def is_food(word: str) -> bool:
    """Alive in the water, not on a plate."""
    return singular(word) in _FOOD


@lru_cache(maxsize=1 << 14)
def is_alive(head: str, before: str = "") -> bool:
    """By the last word of a phrase, and the word before it, both in small letters."""
    one = singular(head)
    if f"{before}-{one}" in words("things"):
        return False
    if one in _FANS:
        return before in _STARS or (one == "fan" and head == "fans")
    if one in _beings() or head in _beings():
        return True
    return head.endswith(_ENDINGS) and head not in _NOT_ENDINGS


@lru_cache(maxsize=1 << 14)
def singular(word: str) -> str:
    """The form that the lists have, if any."""
    for ending, instead in (
        ("ies", "y"),
        ("ves", "f"),
        ("ves", "fe"),
        ("es", ""),
        ("s", ""),
        ("men", "man"),
        ("i", "us"),
    ):
        if word.endswith(ending) and (one := word.removesuffix(ending) + instead) in _beings() | _FOOD | _FANS:
            return one
    return word
