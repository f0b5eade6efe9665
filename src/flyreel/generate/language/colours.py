"""The words for colours, and where a text has them. Some are also fruit and metal: they count in front of a noun."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator

PLAIN = frozenset(
    "red blue green yellow purple pink brown black white grey gray turquoise beige maroon magenta crimson scarlet teal "
    "indigo mauve cyan azure khaki aqua burgundy fuchsia lilac auburn aquamarine vermilion ochre sepia".split()
)
SHARED = frozenset("orange gold golden silver violet tan navy lavender ivory bronze cream".split())
"""Things by the same name: an orange, a medal, a flower. A colour only where `shared` says so."""

WORDS = PLAIN | SHARED

_ISH = "(?:redd|blu|green|yellow|purpl|pink|brown|black|whit|grey|gray|orang)ish"
_SHADES = "light dark bright pale deep pastel neon vivid dull medium fluorescent".split()
OWN = {
    colour: words.split()
    for colour, words in {
        "blue": "navy sky baby royal midnight electric steel powder ice",
        "green": "lime olive forest emerald mint sea army bottle",
        "yellow": "lemon mustard",
        "pink": "hot baby rose",
        "red": "blood cherry ruby brick",
        "black": "jet pitch",
        "white": "off snow",
        "orange": "burnt",
        "gold": "rose",
    }.items()
}
_names = "|".join(sorted(WORDS, key=len, reverse=True))
_own = "|".join(rf"(?:{'|'.join(words)})[ -](?={colour}\b)" for colour, words in OWN.items())
_COLOUR = re.compile(
    rf"\b(?:(?:{'|'.join(_SHADES)})[ -]){{0,3}}(?:{_own})?(?:{_ISH}[ -])?(?:(?:{_names})-)?"
    rf"(?:({_names})|{_ISH})\b(?!['’]\w)",
    re.IGNORECASE,
)


def is_colour(word: str) -> bool:
    return word in WORDS or bool(re.fullmatch(_ISH, word))


def colours(text: str, shared: Container[int]) -> Iterator[tuple[int, int]]:
    """Stretches of the text; a word that is also a thing counts where its first character is among `shared`."""
    for found in _COLOUR.finditer(text):
        word = (found[1] or "").lower()
        if word not in SHARED or found.start(1) in shared:
            yield found.span()
