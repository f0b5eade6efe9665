"""What a reply commits to. Reading a wrong choice is worse than reading none: where two readings are left, it is none.

Decided here, since no reply says it. The last commitment made in so many words counts. `probably B` commits, `maybe B`
and `it could be B` do not. Letters name positions; a letter that is also the text of another choice names neither. A
number is an option's only as `option 2`, `2)` or `the second option`, never in `Answer: 2` or in JSON, which may count
from 0. A choice's text counts where it is the only one that the reply affirms.

Failures: empty, unfinished-thought, refused, negated, hedged, several-answers, echo (all the options and no more),
letter-out-of-range, number-out-of-range, letter-or-text, number-or-text, letter-and-text-disagree, ambiguous-text (two
choices that differ by articles or punctuation only), bare-number, no-answer.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from flyreel.evaluate import _vocabulary as say
from flyreel.evaluate._claims import Claim, claims
from flyreel.evaluate._dress import Piece, own_turn, pieces, plain, without_thoughts
from flyreel.evaluate._mentions import mentions
from flyreel.evaluate._options import Options, options_of


@dataclass(frozen=True)
class Parsed:
    """`index` of the choice, or None and why in one machine-readable word. `strict`: in the form asked for."""

    index: int | None
    strict: bool = False
    failure: str | None = None


_ASKED_FOR = re.compile(r"(?:[Aa]nswer\s*:\s*)?(?:\(([A-Z])\)|([A-Z])[).]?)")
_FENCED = re.compile(r"```[a-zA-Z]{0,12}\s*([\[{].*[\]}])\s*```", re.DOTALL)
_ANSWER_KEYS = (
    "answer",
    "final_answer",
    "choice",
    "option",
    "letter",
    "selected",
    "selection",
    "prediction",
    "response",
)


def parse_answer(reply: str, choices: Sequence[str]) -> int | None:
    return read_reply(reply, choices).index


def read_reply(reply: str, choices: Sequence[str]) -> Parsed:
    if not reply.strip():
        return Parsed(None, failure="empty")
    said = without_thoughts(reply)
    if said is None:
        return Parsed(None, failure="unfinished-thought")
    said = own_turn(said)
    if not said.strip():
        return Parsed(None, failure="empty")
    options = options_of(tuple(choices))
    data = _json(said)
    parsed = _from_json(data, choices, options) if data is not None else _from_text(said, choices, options)
    return replace(parsed, strict=parsed.index is not None and _is_strict(reply))


def _is_strict(reply: str) -> bool:
    """A capital alone, as the prompt asks: what a harness reads that takes no more than that."""
    return _ASKED_FOR.fullmatch(re.sub(r"[*_`]+", "", reply).strip()) is not None


def _json(said: str) -> Any:
    """The value that the whole reply is, fenced or not; None where it is text."""
    said = said.strip()
    fenced = _FENCED.fullmatch(said) if said.startswith("```") else None
    body = fenced[1] if fenced else said
    if body[:1] not in ("{", "["):
        return None
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict | list) else None


def _from_json(data: Any, choices: Sequence[str], options: Options, depth: int = 0) -> Parsed:
    if isinstance(data, str):
        return _from_text(data, choices, options, "answer: ") if data.strip() else Parsed(None, failure="empty")
    if isinstance(data, bool | float | int):
        exact = [i for i, choice in enumerate(choices) if _squash(choice) == _squash(str(data))]
        return Parsed(exact[0]) if len(exact) == 1 else Parsed(None, failure="bare-number")
    if isinstance(data, dict):
        values = [v for k, v in data.items() if k.strip().casefold().replace(" ", "_") in _ANSWER_KEYS]
    else:
        values = data if isinstance(data, list) else []
    if not values or depth > 2:
        return Parsed(None, failure="no-answer")
    read = [_from_json(value, choices, options, depth + 1) for value in values]
    if len({parsed.index for parsed in read}) > 1:
        return Parsed(None, failure="several-answers")
    return read[0]


def _squash(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _from_text(said: str, choices: Sequence[str], options: Options, frame: str = "") -> Parsed:
    exact = [i for i, choice in enumerate(choices) if _squash(choice) == _squash(said)]
    text = mentions(pieces(plain(frame + said)), options)
    if len(exact) == 1:
        other = [p.mark for p in text if p.mark and p.mark.by == "letter" and p.mark.options not in ((), (exact[0],))]
        return Parsed(None, failure="letter-or-text") if other and not other[0].joined else Parsed(exact[0])
    return _decide(claims(text), text, options)


def _decide(found: list[Claim], text: list[Piece], options: Options) -> Parsed:
    found = _items(found)
    firm = [c for c in found if c.firm and c.kind != "denies"]
    if firm:
        return _last(firm, found, text, options)
    soft = [c for c in found if c.kind == "affirms"]
    denied = {i for c in found if c.kind == "denies" for i in c.options}
    named = {i for c in soft for i in c.options}
    if any(c.kind == "problem" for c in found):
        return Parsed(None, failure=next(c.why for c in found if c.kind == "problem"))
    doubts = [c for c in found if c.kind in ("doubts", "several")]
    if len(named - denied) == 1 and not doubts and not (named & denied) and not _taken_back(found, soft[-1]):
        return Parsed(next(iter(named - denied)))
    if len(named) > 1 or any(c.kind == "several" and c.why == "several-answers" for c in doubts):
        every = named | {i for c in doubts for i in c.options}
        return Parsed(None, failure="echo" if len(every) == options.count > 2 else "several-answers")
    if doubts or any(c.kind == "asks" for c in found) or (named and not denied):
        return Parsed(None, failure="hedged")
    if any(c.kind == "unsure" for c in found):
        return Parsed(None, failure="refused")
    return Parsed(None, failure="negated" if denied else "no-answer")


def _items(found: list[Claim]) -> list[Claim]:
    """Letters at the heads of lines: one of them is an answer, several are a list that commits to nothing.

    A letter that has a line to itself is an answer even beside a list.
    """
    items = [c for c in found if c.place and not c.bare and c.kind == "affirms"]
    single = len({c.options for c in items}) == 1
    return [
        replace(c, firm=c.place in ("head", "line") or c.firm) if c.place and not c.bare and single else c
        for c in found
    ]


def _taken_back(found: list[Claim], last: Claim) -> bool:
    return any(c.kind == "cancels" and c.start >= last.end and c is found[-1] for c in found)


def _last(firm: list[Claim], found: list[Claim], text: list[Piece], options: Options) -> Parsed:
    last = firm[-1]
    if last.kind != "affirms":
        whole = last.kind == "several" and len(last.options) == options.count > 2
        return Parsed(None, failure="echo" if whole else last.why)
    if any(c.kind == "denies" and c.firm and set(c.options) & set(last.options) and c.start >= last.end for c in found):
        return Parsed(None, failure="negated")
    if _taken_back(found, last):
        return Parsed(None, failure="hedged")
    before = [c for c in firm if c.kind == "affirms" and c.options != last.options]
    if before and not _prose(text[before[-1].end : last.start]):
        every = {i for c in firm if c.kind == "affirms" for i in c.options}
        return Parsed(None, failure="echo" if len(every) == options.count > 2 else "several-answers")
    return Parsed(last.options[0])


def _prose(between: list[Piece]) -> bool:
    """Whether anything is said there: without it two answers side by side are two answers."""
    frames = say.LEADING - say.CHANGES
    return any(piece.kind == "word" and piece.low not in frames for piece in between)
