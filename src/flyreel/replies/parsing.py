"""What a reply commits to. Reading a wrong choice is worse than reading none: where two readings are left, it is none.

A reply is cut (thoughts, made-up turns), its mentions of options are found, every clause is read as a commitment, a
denial, a doubt or a mere mention, and then it is decided. Decided here, since no reply says it: the last commitment in
so many words counts where something is said of the change, else two commitments are two answers. A mention in
reasoning is no commitment, however late it stands. `probably B` commits, `maybe B` and `it could be B` do not. Letters
name positions; a letter that is also the text of another choice names neither. A number is an option's only as
`option 2`, `2)` or `the second option`, never in `Answer: 2` or in JSON, which may count from 0. A choice's text counts
where it is the only one that a short reply speaks of.

Failures: empty, unfinished-thought, refused, negated, hedged, several-answers, echo (all the options and no more),
letter-out-of-range, number-out-of-range, letter-or-text, number-or-text, letter-and-text-disagree, ambiguous-text (two
choices that differ by articles or punctuation only), bare-number, no-answer.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from flyreel.replies._claims import Claim, claims, sentences
from flyreel.replies._data import answers_in, find_json
from flyreel.replies._decide import decide
from flyreel.replies._dress import Piece, pieces, plain, without_thoughts
from flyreel.replies._mentions import mentions
from flyreel.replies._options import Options, options_of
from flyreel.replies._turns import parts, turns
from flyreel.replies.chat import given_back, without_mark


@dataclass(frozen=True)
class Parsed:
    """`index` of the choice, or None and why in one machine-readable word. `strict`: in the form asked for."""

    index: int | None
    strict: bool = False
    failure: str | None = None


_ASKED_FOR = re.compile(r"(?:[Aa]nswer\s*:\s*)?(?:\(([A-Z])\)|([A-Z])[).]?)")


def parse_answer(reply: str, choices: Sequence[str]) -> int | None:
    return read_reply(reply, choices).index


def read_reply(reply: str, choices: Sequence[str]) -> Parsed:
    if not reply.strip():
        return Parsed(None, failure="empty")
    said = without_thoughts(reply)
    if said is None:
        return Parsed(None, failure="unfinished-thought")
    if not said.strip():
        return Parsed(None, failure="empty")
    parsed = _of_turns(said.replace("\r\n", "\n"), choices, options_of(tuple(choices)))
    return replace(parsed, strict=parsed.index is not None and _is_strict(reply))


def _is_strict(reply: str) -> bool:
    """A capital alone, as the prompt asks: what a harness reads that takes no more than that."""
    return _ASKED_FOR.fullmatch(re.sub(r"[*_`]+", "", reply).strip()) is not None


def _of_turns(said: str, choices: Sequence[str], options: Options) -> Parsed:
    """The first turn that says anything counts; the turn of the one who asks, said again, says nothing."""
    exact = _exact(said, choices)
    if len(exact) == 1:
        return _of_exact(exact[0], said, options)
    first = Parsed(None, failure="empty")
    spoken = False
    for turn in turns(_after_prompt(said, choices), choices):
        if not turn.strip():
            continue
        text = mentions(pieces(plain(turn)), options)
        if spoken and not _echoes(text, options):
            break
        parsed = _of_parts(turn, choices, options)
        if parsed.failure not in ("no-answer", "echo", "empty") or _says_other(text):
            return parsed
        first = parsed if first.failure in ("empty", "no-answer") else first
        spoken = spoken or not (_echoes(text, options) or _asks_only(turn))
    return first


def _after_prompt(said: str, choices: Sequence[str]) -> str:
    """Without the prompt where it is given back; a chat about other choices is made up, and no prompt."""
    found = given_back(said)
    if found is None:
        return without_mark(said)
    prompt = _squash(found[0])
    return found[1] if all(_squash(choice) in prompt for choice in choices) else said


def _asks_only(turn: str) -> bool:
    """A label and a question, a token, a heading: nothing that answers."""
    bare = re.sub(r"<[^<>\n]{0,40}>|\[/?INST\]", "", turn).strip()
    return (
        not bare
        or bare.endswith((":", "?"))
        or re.match(r"(?i)[#*_ ]{0,4}(?:question|options|user|human|q)\b", bare) is not None
    )


def _echoes(text: list[Piece], options: Options) -> bool:
    """Whether our own options are listed here."""
    listed = {
        i for p in text if p.mark and p.mark.by == "pair" and p.mark.lead and not p.mark.problem for i in p.mark.options
    }
    return len(listed) > 1 or len(listed) == options.count


def _says_other(text: list[Piece]) -> bool:
    return any(claim.kind == "unread" for claim in claims(text))


def _of_parts(turn: str, choices: Sequence[str], options: Options) -> Parsed:
    """Ruled lines part a reply; parts that commit to different options commit to none, unless a question is between."""
    read = _of_text(turn, choices, options)
    sections = [s for s in parts(turn) if s.strip()]
    if len(sections) < 2 or read.index is None:
        return read
    head = _of_text(sections[0], choices, options)
    if head.index is None or head.index == read.index:
        return read
    return Parsed(None, failure="several-answers")


def _of_text(turn: str, choices: Sequence[str], options: Options) -> Parsed:
    data, around = find_json(turn)
    if data is None:
        return _read(turn, choices, options)
    parsed = _of_data(data, choices, options)
    beside = _read(around, choices, options)
    if parsed.index is not None and beside.index not in (None, parsed.index):
        return Parsed(None, failure="several-answers")
    return parsed


def _of_data(data: Any, choices: Sequence[str], options: Options, depth: int = 0) -> Parsed:
    if isinstance(data, str):
        return _read(data, choices, options, "answer: ") if data.strip() else Parsed(None, failure="empty")
    if isinstance(data, bool | float | int):
        exact = _exact(str(data), choices)
        return Parsed(exact[0]) if len(exact) == 1 else Parsed(None, failure="bare-number")
    values = answers_in(data) if isinstance(data, dict | list) else []
    if not values or depth > 2:
        return Parsed(None, failure="no-answer")
    read = [_of_data(value, choices, options, depth + 1) for value in values]
    if len({parsed.index for parsed in read}) > 1:
        return Parsed(None, failure="several-answers")
    return read[0]


def _squash(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _exact(said: str, choices: Sequence[str]) -> list[int]:
    if len(said) > 4 * max(map(len, choices), default=0) + 20:
        return []
    return [i for i, choice in enumerate(choices) if _squash(choice) == _squash(said)]


def _of_exact(index: int, said: str, options: Options) -> Parsed:
    text = mentions(pieces(plain(said)), options)
    other = [p.mark for p in text if p.mark and p.mark.by == "letter" and p.mark.options not in ((), (index,))]
    return Parsed(None, failure="letter-or-text") if other and not other[0].joined else Parsed(index)


def _read(said: str, choices: Sequence[str], options: Options, frame: str = "") -> Parsed:
    exact = _exact(said, choices)
    if len(exact) == 1:
        return _of_exact(exact[0], said, options)
    text = mentions(pieces(plain(frame + said)), options)
    found: list[Claim] = claims(text)
    index, failure = decide(found, text, options.count, len(sentences(text)))
    return Parsed(index, failure=failure)
