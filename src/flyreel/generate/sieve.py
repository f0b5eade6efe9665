"""Which questions about one clip go on: not empty, not giving the answer away, and not asked before.

Two questions in the same words with two answers are one question, and one of the answers is wrong; so the answer does
not save the second one. It does where the words come in another order ("What does Pip give Dot?") or where one word
differs. In doubt a question is lost: another is cheaper than two that say the same.
"""

from __future__ import annotations

from flyreel.audit.likeness import ALIKE, Form, near
from flyreel.engine.stage import Drop

_ARTICLES = frozenset(("a", "an", "the"))
_TRIMMINGS = frozenset("no also just very really some".split())
"""Words that a `Form` counts only where they stand alone."""
_ODD = "\0"
_PLAIN = str.maketrans({c: " " for c in map(chr, range(128)) if not c.isalnum()} | dict.fromkeys("',0123456789", _ODD))
"""Letters stay, what parts them becomes a space; where more is to be thought of (don't, 1.5) `Form` reads the text."""


class Sieve:
    """For one clip. With `near` a question that nearly says what an earlier one said is refused too."""

    def __init__(self, near: bool = True) -> None:
        self.near = near
        self._let_through: dict[tuple[str, ...], list[tuple[str, str, tuple[str, ...]]]] = {}
        """By their sorted words: question, key, and the words in order."""

    def refuse(self, question: str, key: str) -> Drop | None:
        """Why this question goes no further; None lets it through, and from then on it counts."""
        if not any(map(str.isalnum, question)) or not any(c.isprintable() and not c.isspace() for c in key):
            return Drop("empty", "the answer" if any(map(str.isalnum, question)) else "the question")
        ordered, asked = _read(question)
        _, answer = _read(key)
        if answer and answer <= asked and max(map(len, answer)) > 1:
            return Drop("answer-in-question", key)
        alike = self._let_through.setdefault(tuple(sorted(ordered)), [])
        for earlier, its_key, its_words in alike:
            if near(key, its_key) or _turned(ordered, its_words):
                return Drop("duplicate", earlier)
        if self.near and (said := self._nearly(question, key, alike)) is not None:
            return Drop("near-duplicate", said)
        alike.append((question, key, ordered))
        return None

    def _nearly(self, question: str, key: str, apart: list[tuple[str, str, tuple[str, ...]]]) -> str | None:
        form = Form.of(question)
        for known in self._let_through.values():
            if known is not apart:
                for earlier, its_key, _ in known:
                    other = Form.of(earlier)
                    if near(form, other) or (_overlap(form, other) >= ALIKE and near(key, its_key)):
                        return earlier
        return None


def _read(text: str) -> tuple[tuple[str, ...], frozenset[str]]:
    """The words in order, and what they are about, as `Form` has them; ten times as fast where the text is simple."""
    plain = text.casefold().translate(_PLAIN) if text.isascii() else _ODD
    if _ODD in plain or "cannot" in plain:
        form = Form.of(text)
        return form.ordered, form.content
    words = plain.split()
    about = frozenset().union(*(Form.of(w).content for w in words if w not in _TRIMMINGS))
    return tuple([w for w in words if w not in _ARTICLES] or words or [text]), about


def _turned(a: tuple[str, ...], b: tuple[str, ...]) -> bool:
    """The same order, but for an end that was moved to the front: "In the park, who runs?", "Who runs in the park?"."""
    return any(a[i:] + a[:i] == b for i in range(len(a)))


def _overlap(a: Form, b: Form) -> float:
    return len(a.words & b.words) / len(a.words | b.words)
