"""What a written question must show before it counts: choices that differ and look alike, and evidence that is there.

Whether the answer is right nobody can tell here, only whether the words of question and answer are to be found where
its evidence is said to lie. Paraphrases share no word with what they tell, so a lack of words there proves nothing. It
does where the words stand in another place, or where a question names several things and no line has one of them.
"""

from __future__ import annotations

import re
from itertools import combinations
from statistics import median

from flyreel.audit.choices import content_words, words
from flyreel.audit.likeness import Form, compatible, near
from flyreel.engine.stage import Drop
from flyreel.generate.windows import Line, Window
from flyreel.generate.writing import Written

TIMES, FLOOR = 2.0, 12
"""How many times as long or short as the others the answer may be, and by how many characters in any case."""
ROUNDED = 0.1
SLACK = 1.0
"""Seconds: times are shown with one decimal; a stretch may end a little beyond the last line."""
STEM = 5
ELSEWHERE = 2
"""Words more that a line far from the evidence has in common with question and answer."""
NAMED = 3
"""Words of a question that name something; of fewer a paraphrase may well keep none."""

_LABEL = re.compile(r"\W*(?:(?:option|choice|answer) )?[a-h1-8](?:\)|[.:]\s)", re.I)
"""A letter or number of a list. The choices are shuffled: whatever it was when it was written, it is wrong now."""
_ABOVE = re.compile(r"\b(?:all|any|both|either|neither|none|some|two|three)(?: of)?(?: the)? above\b", re.I)
_OTHERS = re.compile(
    r"(?:all|any|both|either|neither|none)(?: of)? (?:(?:the|these|those) )?"
    r"(?:these|those|(?:other )?(?:choices|options|answers))|(?:both|neither) [a-h] (?:and|n?or) [a-h]"
)
_QUOTE = re.compile("[\"“”„«»]|^['‘’]")
_STOP = re.compile(r"[.!?…。！？]\W*$")
_SHORT = re.compile(r"\w\.\w\.\W*$")
"""The stop of "5 p.m." ends no sentence."""
_LETTERS = re.compile(r"[^\W\d_]+")
_INSIDE = re.compile(r"(?:(?<=\w )|(?<=[,;] ))[^\W\d_]+")
"""A word that does not begin its sentence, so that a capital is its own."""
_SPEAKER = re.compile(r"[\w.'-]+(?: [\w.'-]+){0,2}:")

_ABSTRACT = """
scene clip video moment part beginning middle end start first last before after during finally overall main whole most
likely probably character person people man woman boy girl child friend someone somebody they one other two
mood tone atmosphere theme message value meaning lesson topic subject genre style setting place location time day
relationship dynamic conflict tension emotion feeling attitude intention motivation motive purpose goal reason cause
effect consequence result role action behaviour behavior reaction response situation event plot story development change
happen take occur feel think react respond lead reveal convey suggest imply show express describe characterize best kind
sort type does make become seem appear contribute create drive run go come let leave left must between through once
over near during everything anything something nothing thing else say said speak talk tell told ask see seen hear heard
"""
"""What a question can be made of that names nothing of its scene."""


def refused(made: Written, window: Window, choices: int) -> Drop | None:
    """The first of the checks that it fails."""
    if not made.question or not made.answer:
        return Drop("empty", "the question" if not made.question else "the answer")
    return _choices(made, choices) or _form(made, window) or _evidence(made, window)


def _choices(made: Written, count: int) -> Drop | None:
    if 1 + len(made.distractors) != count:
        return Drop("choices-alike", f"{1 + len(made.distractors)} choices instead of {count}")
    for choice in (made.answer, *made.distractors):
        if _LABEL.match(choice):
            return Drop("labelled", choice)
        if _ABOVE.search(choice) or _OTHERS.fullmatch(" ".join(words(choice))):
            return Drop("above", choice)
    for a, b in combinations((made.answer, *made.distractors), 2):
        if not b or near(a, b):
            return Drop("choices-alike", f"{a} / {b}")
    return None


def _form(made: Written, window: Window) -> Drop | None:
    """Does the answer stand out from the others, by length, by its form or by how it is set?"""
    key, usual = len(made.answer), median(len(d) for d in made.distractors)
    if abs(key - usual) > FLOOR and not usual / TIMES <= key <= usual * TIMES:
        return Drop("not-parallel", f"{key} characters where the others have {usual:g}")
    if not any(compatible(made.answer, d) for d in made.distractors):
        return Drop("not-parallel", f"{made.answer} / {made.distractors[0]}")
    names = _names(window)
    mine = _setting(made.answer, names)
    if not any(_matches(mine, _setting(d, names)) for d in made.distractors):
        return Drop("not-parallel", f"set otherwise: {made.answer} / {made.distractors[0]}")
    return None


def _setting(text: str, names: frozenset[str]) -> tuple[bool | None, ...]:
    """Begins with a capital, is all capitals, ends in a full stop, has quotes. Names, numbers and scripts without
    capitals leave the first two open."""
    own = [word for word in _LETTERS.findall(text) if word.lower() not in names]
    begins = _LETTERS.match(text.lstrip("\"'“”„«»‘’([ "))
    first = begins[0][0] if begins and begins[0].lower() not in names else ""
    return (
        first.isupper() if first.lower() != first.upper() else None,
        all(map(str.isupper, own)) if any(len(word) > 1 and word.lower() != word.upper() for word in own) else None,
        bool(_STOP.search(text)) and not _SHORT.search(text),
        bool(_QUOTE.search(text)),
    )


def _matches(one: tuple[bool | None, ...], other: tuple[bool | None, ...]) -> bool:
    return all(a is None or b is None or a == b for a, b in zip(one, other, strict=True))


def _names(window: Window) -> frozenset[str]:
    """Words that have a capital of their own in the scene: inside a sentence, or as who speaks."""
    told = [line.words for line in window.lines if not line.words.isupper()]
    inside = (word for text in told for word in _INSIDE.findall(text) if word[0].isupper())
    speakers = (
        word for line in window.lines if (who := _SPEAKER.match(line.words)) for word in _LETTERS.findall(who[0])
    )
    return content_words(" ".join((*inside, *speakers))) | {"i"}


def _evidence(made: Written, window: Window) -> Drop | None:
    if not made.evidence:
        return Drop("no-evidence")
    cited: set[int] = set()
    for start, end in _stretches(made):
        at = [i for i, line in enumerate(window.lines) if _touches(line, start, end)]
        if not at or (not _endless(window) and _beyond(window, start, end)):
            return Drop("evidence-outside", f"{start:.1f}-{end:.1f} in {window.start:.1f}-{window.end:.1f}")
        cited.update(at)
    beside = {j for i in cited for j in (i - 1, i, i + 1)}
    about = _about(f"{made.question} {made.answer}")
    common = [len(about & _about(line.words)) for line in window.lines]
    here = max(n for i, n in enumerate(common) if i in beside)
    there = max((n for i, n in enumerate(common) if i not in beside), default=0)
    if there >= here + ELSEWHERE:
        return Drop("evidence-silent", f"rather {window.lines[common.index(there)].shown[:100]}")
    if not any(common) and len(_about(made.question) - _WHOLE) >= NAMED:
        return Drop("evidence-silent", "no line has any of its words")
    return None


def spans(made: Written, window: Window, duration: float | None) -> list[dict[str, float]]:
    """The evidence as rows have it: within the clip, in order, without overlaps. Where the length of the clip is not
    known and the text is about all of it, so is the evidence: from 0 to 0. Nothing else is: a stretch of no length
    is the lines that it touches."""
    if _endless(window) and not any(
        _touches(line, *s) for line in window.lines if not line.whole for s in _stretches(made)
    ):
        return [{"start": 0.0, "end": 0.0}]
    most = duration or window.end
    merged: list[dict[str, float]] = []
    for start, end in sorted(_widened(a, b, window, most) for a, b in _stretches(made)):
        if merged and start <= merged[-1]["end"]:
            merged[-1]["end"] = max(merged[-1]["end"], end)
        else:
            merged.append({"start": start, "end": end})
    return merged


def _stretches(made: Written) -> list[tuple[float, float]]:
    """Small models write them backwards; the stretch is the same."""
    return [(min(span), max(span)) for span in made.evidence]


def _widened(start: float, end: float, window: Window, most: float) -> tuple[float, float]:
    if min(start, most) == min(end, most) and not (end == 0 and _endless(window)):
        at = [line for line in window.lines if _touches(line, start, end)]
        at = [line for line in at if not line.whole] or at
        start, end = min([start, *(line.start for line in at)]), max([end, *(line.end for line in at)])
    return min(start, most), min(end, most)


def _touches(line: Line, start: float, end: float) -> bool:
    return (line.whole and not line.end) or (line.start - ROUNDED <= end and start <= line.end + ROUNDED)


def _endless(window: Window) -> bool:
    """Is part of it about a whole clip of which nobody knows the length?"""
    return any(line.whole and not line.end for line in window.lines)


def _beyond(window: Window, start: float, end: float) -> bool:
    return start < window.start - SLACK or end > window.end + SLACK


def _about(text: str) -> frozenset[str]:
    """The beginnings of its content words: decides and decision, angry and anger are one."""
    return frozenset(stem[:STEM] for word in content_words(text) for stem in Form.of(word).content)


_WHOLE = _about(_ABSTRACT)
