"""What all claims of a reply together commit to.

Firm claims go first, the last of them counts. Without one, weaker evidence counts only where nothing else is spoken of.
"""

from __future__ import annotations

from dataclasses import replace

from flyreel.replies import _vocabulary as say
from flyreel.replies._claims import Claim
from flyreel.replies._dress import Piece

Decision = tuple[int | None, str | None]
_SHORT = 3


def decide(found: list[Claim], text: list[Piece], count: int, sentences: int) -> Decision:
    found = _items(found)
    firm = [c for c in found if c.firm and c.kind not in ("denies", "cancels", "mentions")]
    if firm:
        return _last(firm, found, text, count)
    problem = next((c for c in found if c.kind == "problem" and (c.place or c.by == "text")), None)
    if problem and not any(c.place for c in found if c is not problem):
        return None, problem.why
    return _soft(found, count, sentences)


def _soft(found: list[Claim], count: int, sentences: int) -> Decision:
    denied = {i for c in found if c.kind == "denies" for i in c.options}
    spoken = {i for c in found for i in c.options}
    affirmed = {i for c in found if c.kind in ("affirms", "points") and not c.place for i in c.options}
    doubts = [c for c in found if c.kind in ("doubts", "several", "problem")]
    named = [c for c in found if c.options]
    points = bool(named) and named[-1].kind == "points" and named[-1].options[0] not in denied
    if points and named[-1].last and not doubts and not _taken_back(found, named[-1]):
        return named[-1].options[0], None
    listed = {i for c in found if c.place and c.kind != "denies" for i in c.options}
    one = affirmed - denied
    if len(one) == 1 and spoken - denied == one and not (affirmed & denied) and not doubts and sentences <= _SHORT:
        return None if _taken_back(found, named[-1]) else next(iter(one)), "hedged" if _taken_back(
            found, named[-1]
        ) else None
    if len(affirmed | listed) > 1 or any(c.why == "several-answers" for c in doubts):
        every = affirmed | listed | {i for c in doubts for i in c.options}
        return None, "echo" if len(every) == count > 2 else "several-answers"
    if any(c.kind == "unsure" for c in found) and not doubts:
        return None, "refused"
    if doubts or any(c.kind == "asks" for c in found):
        return None, "hedged"
    return None, "negated" if denied and not affirmed else "no-answer"


def _items(found: list[Claim]) -> list[Claim]:
    """Marks at the heads of lines: one of them is an answer, several are a list that commits to nothing.

    One that stands first and without a comment is an answer also where every other is denied; one that ends the reply
    is an answer where no other option is spoken of.
    """
    items = [c for c in found if c.place]
    if not items:
        return found
    denied = {i for c in found if c.kind == "denies" for i in c.options}
    spoken = {i for c in found for i in c.options}
    head = items[0] if items[0].place == "head" and items[0].kind in ("affirms", "problem") else None
    out = list(found)
    others = {i for c in items for i in c.options} - set(head.options if head else ())
    listing = len({c.options for c in items if not (c.place == "line" and c.firm)}) > 1
    listed = {i for c in items for i in c.options}
    seen = set[int]()
    before: Claim | None = None
    for i, c in enumerate(out):
        if not c.place:
            continue
        if c is head:
            if c.comment:
                others |= {i for x in found if x.kind in ("affirms", "mentions") and x.by != "text" for i in x.options}
                others -= set(c.options)
            fits = not others - denied and not (set(c.options) & denied)
            bare_head = not c.comment and c.by != "pair"
            firm = fits or (bare_head and not (len(items) > 1 and items[1].comment and _goes_on(c, items[1])))
            out[i] = replace(c, firm=c.firm or firm)
        elif c.firm and c.place == "line" and before is not None and _goes_on(before, c):
            if c.options[0] not in seen and (len(items) > 2 or before.comment or before.by == "pair"):
                out[i] = replace(c, kind="several", options=tuple(sorted(listed)), why="several-answers")
        elif c.place == "listed" and c.last and not c.comment and not listing and spoken <= set(c.options):
            out[i] = replace(c, firm=True)
        before = c
        seen.update(c.options)
    return out


def _goes_on(before: Claim, item: Claim) -> bool:
    """Whether an item is the next one of a list: `B` after `A`."""
    if not before.options or not item.options:
        return False
    return item.options[0] == before.options[0] + 1


def _taken_back(found: list[Claim], last: Claim) -> bool:
    return any(c.kind == "cancels" and c.start >= last.end for c in found)


def _last(firm: list[Claim], found: list[Claim], text: list[Piece], count: int) -> Decision:
    last = firm[-1]
    if last.kind != "affirms":
        whole = last.kind == "several" and len(last.options) == count > 2
        return None, "echo" if whole else last.why
    later = [c for c in found if c.start >= last.end]
    if any(c.kind == "denies" and c.firm and set(c.options) & set(last.options) for c in later):
        return None, "negated"
    if _taken_back(found, last):
        return None, "hedged"
    before = [c for c in firm if c.kind in ("affirms", "several") and c.options and c.options != last.options]
    if before and not _changed(before[-1], last, found, text):
        every = {i for c in firm if c.kind in ("affirms", "several") for i in c.options}
        return None, "echo" if len(every) == count > 2 else "several-answers"
    return last.options[0], None


def _changed(before: Claim, last: Claim, found: list[Claim], text: list[Piece]) -> bool:
    """Whether anything is said of the change: without it two answers are two answers."""
    if any(c.kind in ("denies", "cancels") and before.end <= c.start < last.end for c in found):
        return True
    already = {piece.low for piece in text[before.start : before.end]}
    return any(piece.low in say.CHANGES - already for piece in text[before.end : last.end])
