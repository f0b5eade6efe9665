"""What each clause of a reply claims of the options named in it.

A clause commits only in a wording of `_vocabulary`; a mention in any other wording claims nothing. That is what keeps
`option A shows a dog`, `some would pick B` and a text that was cut off from being read as answers, at the price of
missing rare phrasings.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from flyreel.replies import _vocabulary as say
from flyreel.replies._dress import Piece
from flyreel.replies._rows import verdicts

_ENDS = (".", "!", "?", ";")
_SILENT = frozenset("\"'[]{}<>#|~^\\/*\u2713\u2717")
_OPENERS = say.ASIDES | say.RESULTS | say.COMPARED | {"and", "or", "if", "unless", "otherwise", "alternatively"}


@dataclass(frozen=True)
class Claim:
    """`kind`: affirms, points (weak evidence), doubts, several, denies, mentions, asks, cancels, unread (an answer that
    is no option), gives-up, unsure, problem (`why` says which).

    `firm` claims are made in so many words: the last of them counts. `start` and `end` are positions among the pieces.
    `place` is set for a mark that stands as an item: `head` of the reply, `line` (alone on it), `listed`. `comment`
    says that more follows an item than its own text. `last`: nothing more is said after it.
    """

    kind: str
    options: tuple[int, ...]
    firm: bool
    start: int
    end: int
    why: str = ""
    by: str = ""
    place: str = ""
    comment: bool = False
    last: bool = False


@dataclass(frozen=True)
class Sentence:
    pieces: list[Piece]
    start: int
    asks: bool
    first: bool
    last: bool
    heads_line: bool
    ends_line: bool
    line: int
    closed: bool
    framed: bool = False

    @property
    def end(self) -> int:
        return self.start + len(self.pieces)


@dataclass(frozen=True)
class Clause:
    """`opener` is the word or sign that it was cut at."""

    opener: str
    pieces: list[Piece]
    start: int
    said: str


@dataclass(frozen=True)
class Around:
    """Of the clauses before one: whether they only lead up to it, whether they name an option. Of those after it:
    whether they only explain. `first`, `last`: whether there are none."""

    leads: bool
    named: bool
    explains: bool
    first: bool
    last: bool


def claims(text: list[Piece]) -> list[Claim]:
    found: list[Claim] = []
    spoken_of = tuple[int, ...]()
    rows = verdicts(text)
    taken = {start for start, _, _, _ in rows}
    for sentence in sentences(text):
        if sentence.line in taken:
            continue
        for claim in _of_sentence(sentence):
            if claim.kind == "denies" and not claim.options:
                claim = replace(claim, options=spoken_of)
            spoken_of = claim.options or spoken_of
            found.append(claim)
    return sorted([*found, *_of_rows(rows)], key=lambda claim: claim.start) if rows else found


def _of_rows(rows: list[tuple[int, int, tuple[int, ...], bool]]) -> list[Claim]:
    start, end = rows[-1][:2]
    ticked = tuple(dict.fromkeys(i for _, _, options, verdict in rows if verdict for i in options))
    denied = tuple(dict.fromkeys(i for _, _, options, verdict in rows if not verdict for i in options))
    out = [Claim("denies", denied, True, start, start + 1)] if denied else []
    if set(ticked) & set(denied) or len(ticked) > 1:
        return [*out, Claim("several", ticked, True, start + 1, end, "several-answers")]
    return [*out, Claim("affirms", ticked, True, start + 1, end)] if ticked else out


def sentences(text: list[Piece]) -> list[Sentence]:
    """Cut at ends of sentences and lines. What ends with `answer:` or `answer is` goes on in the next line."""
    out: list[Sentence] = []
    start, line, heads, framed = 0, 0, True, False
    for i in range(len(text) + 1):
        end = i == len(text) or text[i].kind == "line"
        if not end and text[i].text not in _ENDS:
            continue
        part = text[start:i]
        if any(p.kind != "sign" for p in part):
            asks = not end and text[i].text == "?" and not (i + 1 < len(text) and text[i + 1].text in ('"', "'"))
            frame = framed and part[0].mark is not None
            tail = all(p.kind in ("sign", "line") for p in text[i : i + 40])
            ends_line = end or i + 1 >= len(text) or text[i + 1].kind == "line" or tail
            out.append(
                Sentence(
                    part, start, asks, not out, tail and i + 40 >= len(text), heads, ends_line, line, not end, frame
                )
            )
            said = _said(part)
            framed = not asks and "@" not in said and say.OPEN_FRAME.fullmatch(said) is not None
        heads = end if any(p.kind != "sign" for p in part) or end else heads
        start = i + 1
        line = start if end else line
    return out


def _said(part: list[Piece]) -> str:
    words = []
    for p in part:
        if p.mark is not None:
            words.append("@")
        elif p.text in ("=", "⇒", ":"):
            words.append(":")
        elif p.text not in _SILENT:
            words.append(p.low)
    return " ".join(words)


def _clauses(sentence: Sentence) -> list[Clause]:
    """Cut where another claim can begin."""
    body, out = sentence.pieces, list[Clause]()
    opener, start = "", 0

    def close(end: int, then: str) -> None:
        nonlocal opener, start
        said = _said(body[start:end]).strip(" -:.")
        if said:
            out.append(Clause(opener, body[start:end], sentence.start + start, said))
        opener, start = (then, end + 1) if said or not opener.isalpha() or then.isalpha() else (opener, end + 1)

    for i, piece in enumerate(body):
        after = body[i + 1].low if i + 1 < len(body) else ""
        before = body[i - 1].low if i else ""
        sign = piece.text in (",", "(", ")", "—") or (piece.text == "-" and not piece.glued)
        if piece.text == ":" and i and body[i - 1].mark is not None:
            sign = True
        if piece.low == "but" and before in ("anything", "everything", "all", "nothing", "any", "none"):
            continue
        if piece.low == "as" and (before in ("such", "well") or after in ("well", "for", "an")):
            continue
        if piece.low in say.ASIDES and not after[:1].isalnum() and i + 1 < len(body) and not body[i + 1].mark:
            continue
        if sign or piece.low in _OPENERS or (piece.kind == "sign" and piece.text == "⇒" and i and body[i - 1].mark):
            close(i, piece.low)
    close(len(body), "")
    return out


def _of_sentence(sentence: Sentence) -> list[Claim]:
    body = sentence.pieces
    whole = _said(body)
    lead = body[0].mark
    out = _refusals(sentence, whole)
    clauses = _clauses(sentence)
    if lead is not None and not lead.joined and sentence.heads_line and not sentence.asks:
        item = _item(sentence)
        if item:
            return out + item
    doubted = _conditional(whole)
    stray = _has_stray(body)
    for clause, around in zip(clauses, _around(clauses), strict=True):
        made = _of_clause(clause, sentence, around)
        if made is None or (made.kind == "unread" and out):
            continue
        affirms = made.kind in ("affirms", "points")
        if (affirms and (doubted or (stray and made.firm))) or (made.kind == "mentions" and doubted):
            made = replace(made, kind="doubts", why="hedged")
        out.append(made)
    return out


def _around(clauses: list[Clause]) -> list[Around]:
    explained = [True]
    for clause in reversed(clauses[1:]):
        explained.append(explained[-1] and _explains(clause))
    out, leads, named = [], True, False
    for i, clause in enumerate(clauses):
        out.append(Around(leads, named, explained[-1 - i], i == 0, i + 1 == len(clauses)))
        back = say.TAKES_BACK.fullmatch(clause.said) is not None
        leads, named = back or (leads and _leads(clause)), not back and (named or "@" in clause.said)
    return out


def _item(sentence: Sentence) -> list[Claim]:
    """A mark at the head of a line: `B`, `B) the car`, `B. He drives`. Empty where it is the subject of a clause.

    What follows after a dash or a colon judges the item, what follows it as a sentence explains it.
    """
    body = sentence.pieces
    mark = body[0].mark
    assert mark is not None
    rest = next((p for p in body[1:] if p.kind != "sign"), None)
    judged = len(body) > 1 and body[1].text in (":", "-")
    if (mark.by == "text" and not mark.lead) or (rest and not (mark.lead or judged)):
        return []
    if rest and rest.low in say.STARTS_VERDICT and not judged:
        if mark.by == "letter" and rest.low not in ("not", "wrong", "incorrect", "false"):
            return []
        judged = True
    clauses = _clauses(replace(sentence, pieces=body[1:], start=sentence.start + 1))
    told = f" {' '.join(c.said for c in clauses)} "
    place = "head" if sentence.first else "line" if not rest and sentence.ends_line else "listed"
    kind = "problem" if mark.problem else "affirms"
    if _has_stray(body[1:]):
        kind = "doubts"
    elif (judged or place != "head") and say.denies(told):
        kind = "denies"
    elif (judged or place != "head") and (say.NO_VERDICT.search(told) or _conditional(told)):
        kind = "doubts"
    firm = sentence.framed or (place == "line" and mark.by in ("letter", "number"))
    comment = bool(rest) or not sentence.ends_line
    item = Claim(
        kind, mark.options, firm, sentence.start, sentence.start + 1, mark.problem or "hedged", mark.by, place, comment,
        sentence.last and not rest,
    )  # fmt: skip
    said_of = replace(sentence, first=False, framed=False)
    others = [_of_clause(c, said_of, a) for c, a in zip(clauses, _around(clauses), strict=True)]
    return [item, *(c for c in others if c is not None and (c.options or c.kind == "cancels"))]


def _refusals(sentence: Sentence, whole: str) -> list[Claim]:
    at = sentence.start
    if say.ALL_OF_THEM.search(whole):
        return [Claim("several", (), True, at, sentence.end, "several-answers")]
    for kind, pattern in (("gives-up", say.GIVES_UP), ("unsure", say.UNSURE)):
        if pattern.search(whole):
            return [Claim(kind, (), kind == "gives-up", at, at, "refused")]
    return []


def _conditional(whole: str) -> bool:
    """`B if he smiles`, `assuming he lies, B`; what hangs on a reason (`because`, `even if`) is no condition."""
    return say.CONDITION.search(say.REASON.sub(" ", say.FORCED.sub(" ", f" {whole} "))) is not None


def _has_stray(part: list[Piece]) -> bool:
    """A capital that was not taken for an option, in a sentence that commits to one: `C followed by D`."""
    for piece, after in zip(part, [*part[1:], None], strict=False):
        if piece.letter and piece.text in "BCDEFGH":
            return True
        if piece.text == "A" and (after is None or not (after.is_word or after.mark)):
            return True
    return False


def _of_clause(clause: Clause, sentence: Sentence, around: Around) -> Claim | None:
    at = [i for i, p in enumerate(clause.pieces) if p.mark is not None]
    start, end = clause.start, clause.start + len(clause.pieces)
    said = clause.said
    if not at:
        if clause.opener == "or" and around.named and around.last:
            return Claim("doubts", (), True, start, end, "hedged")
        if (say.TAKES_BACK.fullmatch(said) and not sentence.asks) or say.LOOKS_AGAIN.match(said):
            return Claim("cancels", (), True, start, end, "hedged")
        if say.IT_IS_WRONG.match(said) or (around.named and clause.opener in (")", "-", ":") and say.denies(said)):
            return Claim("denies", (), True, start, end)
        if not sentence.asks and say.UNREAD.match(said) and clause.opener not in say.ASIDES:
            return Claim("unread", (), True, start, end, "no-answer")
        return None
    marks = [p.mark for p in clause.pieces if p.mark is not None]
    named = tuple(dict.fromkeys(i for m in marks for i in m.options))
    mark = marks[0]
    by_text = mark.by == "text"
    joined = next((m.joined for m in marks if m.joined), "")
    problem = next((m.problem for m in marks if m.problem), None)

    def claim(kind: str, firm: bool = True, why: str = "") -> Claim:
        last = sentence.last and around.last
        return Claim(kind, named, firm, start, start + at[-1] + 1, why, mark.by, last=last)

    if clause.opener in say.COMPARED or (by_text and clause.opener in say.ASIDES):
        return claim("mentions", False)
    if say.reported(said):
        return claim("doubts" if say.POSSIBLE.search(f" {said} ") else "mentions", False, "hedged")
    frame = _frame(clause, sentence, around, by_text)
    cjk = "".join(p.text for p in clause.pieces if not p.text.isascii() and p.is_word)
    if say.denies(said) or any(c in cjk for c in say.CJK_NEGATIONS):
        firm = not by_text or bool(say.ABOUT_ANSWERS.search(f" {said} "))
        if by_text or len(at) == 1 or say.BOTH_DENIED.search(said) or joined:
            return claim("denies", firm)
        return claim("several", False, "several-answers")
    if not by_text and say.DISOWNED.search(f" {said} "):
        return claim("denies")
    if sentence.asks and by_text:
        return replace(claim("asks", False, "hedged"), options=())
    if sentence.asks:
        return claim("doubts", frame == "bare" and not by_text and len(clause.pieces) < 3, "hedged")
    if say.POSSIBLE.search(f" {said} ") or clause.opener in say.OTHERWISE or say.CJK_MAYBE.search(cjk):
        return claim(
            "doubts",
            not by_text and bool(frame or clause.opener in say.OTHERWISE or say.ALSO_MAYBE.search(said)),
            "hedged",
        )
    if joined:
        return claim("several", bool(frame) or by_text, "hedged" if joined == "or" else "several-answers")
    if len(named) > 1:
        return (
            claim("several", bool(frame) and problem is None, "several-answers")
            if not problem
            else claim("problem", bool(frame), problem)
        )
    if not by_text and clause.opener in ("and", "so", "") and say.AS_WELL.search(said):
        return claim("several", True, "several-answers")
    if problem:
        return claim("problem", bool(frame), problem)
    if frame == "points":
        return claim("points", False)
    if frame == "also":
        return claim("several", True, "several-answers")
    if frame:
        return claim("affirms")
    if by_text and say.STARTS_ANSWER.match(said):
        return claim("unread", True, "no-answer")
    if by_text and not say.LOOKED_AT.search(f" {said} ") and clause.opener not in ("although", "though", "while"):
        return claim("affirms", False)
    return claim("mentions", False)


def _frame(clause: Clause, sentence: Sentence, around: Around, by_text: bool) -> str:
    """The wording by which a clause commits, or nothing."""
    said = clause.said
    framed = sentence.framed and around.first
    told = f"answer : {said}" if framed else said
    if clause.opener in say.ASIDES or say.SHIFTED.search(f" {said} "):
        return ""
    if say.announced(told):
        return "announced" if not by_text or say.TEXT_ENDS.search(told) else ""
    if (say.VERDICT_ON_TEXT if by_text else say.VERDICT).match(said):
        return "" if say.DOWNGRADED.search(f" {said} ") else "verdict"
    if say.REMAINS.match(said):
        return "remains"
    if by_text:
        return ""
    if say.POINTS.match(said):
        return "" if say.DOWNGRADED.search(f" {said} ") else "points"
    if not say.BARE.fullmatch(said):
        return ""
    if clause.opener == "and" and said == "@":
        return "also"
    if clause.opener in say.RESULTS or (around.leads and (said != "@" or not around.first)):
        return "bare"
    if not around.named and said != "@":
        return "bare"
    mark = clause.pieces[0].mark
    item = mark is not None and mark.lead
    alone = sentence.heads_line and not item
    if sentence.last and sentence.closed and len(sentence.pieces) == 1:
        alone = mark is not None and mark.by == "letter"
    return "bare" if around.first and (framed or sentence.first or (alone and around.explains)) else ""


def _leads(clause: Clause) -> bool:
    """Whether a clause only leads up to what follows it: `therefore`, `by elimination`, `not A`."""
    if "@" in clause.said:
        return bool(say.denies(clause.said)) or clause.opener in say.COMPARED
    return clause.opener in say.ASIDES or say.LEADS_UP.fullmatch(f"{clause.said} ") is not None


def _explains(clause: Clause) -> bool:
    return clause.opener in say.ASIDES | say.COMPARED | {"but"} or ("@" in clause.said and say.denies(clause.said))
