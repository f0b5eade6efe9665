"""What a question offers, made ready to be found in a reply, and its texts found there.

Text is met as whole words, the longest option first, so that an option inside another one is not found where the other
one stands.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from flyreel.replies import _vocabulary as say
from flyreel.replies._dress import Mark, Piece, content, pieces, plain

_LEAF = ""
_BREAKS = frozenset('.!?;:,)]}-"(')


@dataclass(frozen=True)
class Options:
    """What can be named. `letter_texts` are options whose own text is a letter; `numbered` that one's is a number."""

    count: int
    trie: dict[str, Any]
    letter_texts: dict[str, frozenset[int]]
    numbered: bool
    weak: frozenset[int]

    @property
    def letters(self) -> int:
        return min(self.count, 26)


@lru_cache(maxsize=64)
def options_of(choices: tuple[str, ...]) -> Options:
    texts = _without_own_letters([pieces(plain(choice)) for choice in choices])
    trie: dict[str, Any] = {}
    letters: dict[str, set[int]] = {}
    numbered, weak = False, set()
    for i, text in enumerate(texts):
        words = [text[at].low for at in content(text)]
        named = [w for w in words if w not in say.ANSWER_NOUNS] or words
        bare = [p for p in text if (p.is_word or p.kind == "dressed") and p.low not in say.ANSWER_NOUNS]
        if len(bare) == 1 and bare[0].letter:
            letters.setdefault(bare[0].letter.upper(), set()).add(i)
            continue
        numbered |= len(named) == 1 and named[0].isdecimal()
        if words and all(w in say.FUNCTION_WORDS for w in words):
            weak.add(i)
        node = trie
        for word in words:
            node = node.setdefault(word, {})
        if words:
            node.setdefault(_LEAF, []).append(i)
    return Options(len(texts), trie, {k: frozenset(v) for k, v in letters.items()}, numbered, frozenset(weak))


def _without_own_letters(texts: list[list[Piece]]) -> list[list[Piece]]:
    """Choices that were written with their letters (`A) a dog`) are known by what comes after."""
    bare = []
    for i, text in enumerate(texts):
        own = text[0].letter if text else None
        signs = 1 if own and text[0].kind == "dressed" else 2 if own and len(text) > 2 and text[1].text in ").:" else 0
        if not signs or own != chr(65 + i % 26) or len(text) <= signs:
            return texts
        bare.append(text[signs:])
    return bare


def marked(mark: Mark, first: Piece) -> Piece:
    return Piece("mark", "", "", first.glued, mark)


def mark_texts(text: list[Piece], options: Options) -> list[Piece]:
    words = content(text)
    line, lines = 0, []
    for piece in text:
        line += piece.kind == "line"
        lines.append(line)
    out: list[Piece] = []
    done = at = 0
    while at < len(words):
        node: dict[str, Any] | None = options.trie
        last, found = -1, tuple[int, ...]()
        for step in range(at, len(words)):
            i = words[step]
            node = node.get(text[i].low) if node and lines[i] == lines[words[at]] else None
            if node is None:
                break
            if _LEAF in node and _stands(text, words[at], i, node[_LEAF], options):
                last, found = step, tuple(node[_LEAF])
        if last < 0:
            at += 1
            continue
        start = words[at]
        if start > done and text[start - 1].low in say.ARTICLES and text[start - 1].kind == "word":
            start -= 1
        out += text[done:start]
        out.append(marked(Mark(found, "text", "ambiguous-text" if len(found) > 1 else None), text[start]))
        done = words[last] + 1
        done += _ends_inside(text, done)
        at = last + 1
    return out + text[done:]


def _ends_inside(text: list[Piece], at: int) -> bool:
    """Whether the sign after a text is its own and ends no sentence: `at 3 p.m. is wrong`, `"Who's there?": no`."""
    if at + 1 >= len(text) or text[at].text not in (".", "?", "!") or not text[at].glued:
        return False
    after = text[at + 1]
    return after.text in ('"', "'") if after.kind == "sign" else after.kind == "word" and after.text[:1].islower()


def _stands(text: list[Piece], first: int, last: int, found: list[int], options: Options) -> bool:
    """Whether these words can be the option here: a number is not one in `frame 2`, `no` is not one in `no car`."""
    before = text[first - 1] if first else None
    after = text[last + 1] if last + 1 < len(text) else None
    starts = (
        before is None or before.kind == "line" or not (before.is_word or (before.text in "#/'-" and text[first].glued))
    )
    ends = after is None or after.kind == "line" or (after.kind == "sign" and after.text in _BREAKS)
    if first == last and text[first].low.lstrip("+-")[:1].isdecimal():
        bullet = (before is None or before.kind == "line") and after is not None and after.text in (".", ")")
        if bullet and last + 2 < len(text) and text[last + 2].kind != "line":
            return False
        if before is not None and (before.low in say.NUMBERED_THINGS or (before.text in "#/" and text[first].glued)):
            return False
        return after is None or after.text not in "/%" or not after.glued
    ends = ends or bool(starts and after and after.low in ("and", "or"))
    item = after is not None and after.letter is not None and after.text.isupper()
    ends = (
        ends
        or bool(after and after.kind == "dressed")
        or bool(item and last + 2 < len(text) and text[last + 2].text in (".", ":", ")", "-"))
    )
    if found[0] in options.weak:
        return ends and (starts or (before is not None and before.low in say.COPULAS | {"and", "or"}))
    return True
