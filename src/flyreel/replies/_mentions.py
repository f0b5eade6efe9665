"""Where a reply names options: by letter, by number, by text, and all of these side by side.

A capital is an option only between words that leave no other reading: `A man` is an article, `vitamin C` a vitamin,
`A because` and `option C` are options.
"""

from __future__ import annotations

from flyreel.replies import _vocabulary as say
from flyreel.replies._dress import Mark, Piece
from flyreel.replies._options import Options, mark_texts, marked

_SENTENCE_ENDS = (".", "!", "?", ";")
_OR = frozenset("or nor oder ou o 或 または か или 还是 또는 / vs versus".split())
_JOINERS = _OR | frozenset("⇒ as well to through then and plus und et y e 和 与 と や и 와 과".split())


def mentions(text: list[Piece], options: Options) -> list[Piece]:
    """The pieces with every mention of options made one piece of the kind `mark`."""
    return _groups(_pairs(_letters_and_numbers(mark_texts(text, options), options), options))


def _letters_and_numbers(text: list[Piece], options: Options) -> list[Piece]:
    out: list[Piece] = []
    i = 0
    while i < len(text):
        mark, used = _letter(text, i, out, options) or _number(text, i, out, options) or (None, 1)
        if mark is None:
            out.append(text[i])
        else:
            noun = _noun_before(out)
            del out[len(out) - noun :]
            out.append(marked(mark, text[i]))
        i += used
    return out


def _noun_before(out: list[Piece]) -> int:
    """How many pieces before a letter belong to it: `option`, `option number`, `option #`."""
    size = 1 if out and (out[-1].low in ("number", "no") or out[-1].text == "#") else 0
    return size + 1 if len(out) > size and out[-1 - size].low in say.OPTION_NOUNS else 0


def _starts(out: list[Piece]) -> bool:
    return (
        not out or out[-1].kind == "line" or out[-1].text in _SENTENCE_ENDS or bool(out[-1].mark and out[-1].mark.lead)
    )


def _letter(text: list[Piece], i: int, out: list[Piece], options: Options) -> tuple[Mark, int] | None:
    piece = text[i]
    letter = piece.letter
    if letter is None:
        return None
    noun = _noun_before(out) > 0
    after = text[i + 1] if i + 1 < len(text) else None
    if len(out) > 1 and out[-1].text == "." and (out[-2].letter or out[-2].low in say.TITLES):
        return None
    starts = _starts(out) and not (piece.glued and out and out[-1].text == ".")
    used, lead = 1, starts and piece.kind == "dressed"
    if piece.kind == "dressed":
        if letter == "i" and after is not None:
            return None
        if starts and after is not None and after.glued and after.text in (".", ":", ")"):
            used = 2
    elif starts and after is not None and after.kind == "sign" and after.glued and after.text in (")", ".", ":"):
        if after.text == "." and _initials(text, i):
            return None
        used, lead = 2, True
    elif not _bare_letter(letter, text, i, out, noun):
        return None
    elif after is not None and after.text == ")" and after.glued and not _open_bracket(out):
        used = 2
    return _letter_mark(letter.upper(), noun, lead, options), used


def _initials(text: list[Piece], i: int) -> bool:
    """`D. H. Lawrence`, `e.g.`, `U.S.`; but `A. B. C.` is a list on one line."""
    after = text[i + 2] if i + 2 < len(text) else None
    if after is None or (not after.glued and not (i + 3 < len(text) and text[i + 3].text == ".")):
        return False
    if after.letter is None:
        return after.glued and text[i].text.islower()
    return after.glued or ord(after.letter) - ord(text[i].text) not in (0, 1)


def _open_bracket(out: list[Piece]) -> bool:
    for piece in reversed(out[-30:]):
        if piece.kind == "line" or piece.text == ")":
            return False
        if piece.text == "(":
            return True
    return False


def _bare_letter(letter: str, text: list[Piece], i: int, out: list[Piece], noun: bool) -> bool:
    before = out[-1] if out and out[-1].kind != "line" else None
    after = text[i + 1] if i + 1 < len(text) and text[i + 1].kind != "line" else None
    if before is None and after is None:
        return True
    if before is not None and before.kind == "sign" and before.text in ("'", "&", "@", "\\", ".") and text[i].glued:
        return False
    if after is not None and after.glued and after.text in ("+", "-") and not _joins(text, i + 1):
        return False
    closed = after is None or (after.kind == "sign" and not _continues(text, i + 1))
    if letter.islower():
        return _lowercase(letter, before, after, closed, out, noun)
    if letter == "I":
        if _lone_i(text, i, out):
            return True
        is_option = noun and after is not None and after.low in say.COPULAS
        return is_option or (
            closed and (noun or (before is not None and before.low in say.CHOOSING | {":", "is"})) and not _comma(after)
        )
    listed = before is not None and before.low in _JOINERS and len(out) > 1 and out[-2].mark is not None
    follows = say.AFTER_A if letter == "A" and not noun and not listed else say.FOLLOWING
    after_ok = (
        closed
        or (after is not None and after.low in follows)
        or (after is not None and after.mark is not None and letter != "A")
        or (after is not None and after.low in ("rather", "instead") and _low(text, i + 2) in ("than", "of"))
        or (after is not None and after.low in ("over", "not", "o", "y", "e") and len(_low(text, i + 2)) == 1)
        or (before is not None and before.low in ("makes", "making") and after is not None)
        or (after is not None and after.kind == "word" and not after.low.isascii() and not after.low[0].islower())
        or (after is not None and after.letter is not None and after.letter.isupper() and _runs(text, i))
        or (after is not None and after.letter is not None and after.letter.isupper() and letter != "A")
        or (noun and after is not None and after.is_word)
    )
    if not after_ok:
        return False
    if before is None or noun or before.mark is not None or _starts(out):
        return True
    if before.is_word:
        if before.low in ("a", "an", "i"):
            return False
        return (
            before.low in say.LEADING
            or before.low in _JOINERS
            or before.low in say.COMPARISONS | say.ASIDES
            or say.is_cjk_answer(before.low)
        )
    return before.text not in ("'", "@")


def _low(text: list[Piece], i: int) -> str:
    return text[i].low if i < len(text) else ""


def _runs(text: list[Piece], i: int) -> bool:
    """`A A A`, `A B C D`: letters and no more."""
    return all(p.letter or p.kind == "line" or p.mark for p in text[i : i + 4])


def _lone_i(text: list[Piece], i: int, out: list[Piece]) -> bool:
    """`A and I`, `H, I`, `I or J`, `I I I`, or nothing but an I: here it is no pronoun."""
    near = text[i + 1 : i + 3]
    stops = not near or near[0].kind in ("line", "sign")
    behind = [p for p in out[-3:] if p.kind != "dressed"]
    if len(text) < 4 and not any(p.is_word for p in text if p is not text[i]):
        return True
    joined = len(behind) > 1 and (behind[-1].low in _JOINERS or behind[-1].text in (",", "/", "&", "+", "-", ";"))
    named = joined and behind[-2].mark is not None and behind[-2].mark.by in ("letter", "pair")
    if named and (stops or near[0].low in ("are", "is", "seem", "both")):
        return True
    if len(near) > 1 and (near[0].low in _JOINERS or near[0].text in (",", "/", "&", "+")):
        return (near[1].letter or "a").isupper()
    after = near[0].letter if near else None
    if stops and near and near[0].text == "." and behind and behind[-1].low in say.RESULTS:
        return True
    return after == "I" or (stops and bool(behind) and behind[-1].mark is not None and behind[-1].mark.by == "letter")


def _comma(piece: Piece | None) -> bool:
    return piece is not None and piece.text in (",", "-")


def _joins(text: list[Piece], i: int) -> bool:
    """`A-C`, `A+C`; but `B-` and `B+` are marks of a school."""
    return i + 1 < len(text) and text[i + 1].letter is not None


def _continues(text: list[Piece], i: int) -> bool:
    """`B-movie`, `A's`, `B&B`, `A.M.`: a sign glued on both sides is inside a word."""
    joined = text[i].glued and i + 1 < len(text) and text[i + 1].glued and text[i + 1].kind in ("word", "number")
    if not joined or text[i].text in ',/:();"' or (text[i].text == "-" and (text[i + 1].letter or "").isupper()):
        return False
    return text[i].text != "." or text[i + 1].letter is not None


def _lowercase(
    letter: str, before: Piece | None, after: Piece | None, closed: bool, out: list[Piece], noun: bool
) -> bool:
    """`answer: b`, `option b`, `the answer is b.`; an `a` that a cut-off reply ends with may have begun a text."""
    if noun:
        return closed or (after is not None and after.low in say.COPULAS)
    if not closed or before is None:
        return False
    if before.text == ":" or (before.text in "([\"'" and len(out) > 1 and out[-2].text == ":"):
        return any(p.low in say.ANSWER_NOUNS for p in out[-4:])
    if before.low in ("answer", "ans") and after is None and letter != "a":
        return True
    stops = after is not None and after.text in _SENTENCE_ENDS
    return before.low in ("is", "be") and stops and any(p.low in say.ANSWER_NOUNS for p in out[-4:])


def _letter_mark(letter: str, noun: bool, lead: bool, options: Options) -> Mark:
    own = ord(letter) - 65
    texts = options.letter_texts.get(letter, frozenset())
    if own < options.letters:
        clash = bool(texts - {own}) and not noun
        return Mark((own,), "letter", "letter-or-text" if clash else None, lead=lead)
    if len(texts) == 1 and not noun:
        return Mark(tuple(texts), "text", lead=lead)
    return Mark((), "letter", "letter-out-of-range", lead=lead)


def _number(text: list[Piece], i: int, out: list[Piece], options: Options) -> tuple[Mark, int] | None:
    """`option 2`, `2)` and `(2)` alone, `the second option`. A number alone may count from 0 or be a text."""
    piece = text[i]
    after = text[i + 1] if i + 1 < len(text) else None
    if piece.low in say.ORDINALS and after is not None and after.low in ("option", "choice"):
        return _number_mark(say.ORDINALS[piece.low], options, False), 2
    digits = piece.low.removeprefix("#")
    if piece.kind != "number" or not digits.isdecimal() or len(digits) > 3:
        return None
    value = int(digits)
    before = out[-1] if out else None
    if _noun_before(out) and not (after is not None and after.text == "-"):
        return _number_mark(value, options, False), 1
    head = before is None or before.kind == "line"
    framed = head or (before is not None and before.text in (":", "("))
    ends = i + 1 == len(text) or text[i + 1].kind == "line"
    if after is not None and after.text == ")" and after.glued and framed:
        named = i + 2 < len(text) and text[i + 2].mark
        if named and head and named.options == (value - 1,):
            return Mark((value - 1,), "number", "number-or-text" if options.numbered else None, lead=True), 2
        if i + 2 == len(text) or text[i + 2].kind == "line":
            return _number_mark(value, options, head), 2
    says = before is not None and before.low in ("is", ":") and any(p.low in say.ANSWER_NOUNS for p in out[-5:])
    stops = ends or (after is not None and after.text in (".", "}", ",") and (i + 2 == len(text) or says))
    if (head or says) and stops and value <= options.count:
        return Mark((), "number", "bare-number"), 1
    return None


def _number_mark(value: int, options: Options, lead: bool) -> Mark:
    if not 1 <= value <= options.count:
        return Mark((), "number", "number-out-of-range", lead=lead)
    return Mark((value - 1,), "number", "number-or-text" if options.numbered else None, lead=lead)


def _pairs(text: list[Piece], options: Options) -> list[Piece]:
    """A letter with a text right after it, or a text with a letter in brackets after it, is one mention.

    A text that goes on as a sentence (`B. The dog is chased by the car`) explains the letter and is no second answer.
    """
    out: list[Piece] = []
    i = 0
    denied = False
    while i < len(text):
        piece = text[i]
        if piece.kind == "line" or piece.text in _SENTENCE_ENDS:
            denied = False
        denied = denied or piece.low in say.NEGATIONS
        mark = piece.mark
        if mark is not None and mark.by in ("letter", "number", "text"):
            other = _next_mark(text, i, mark, denied)
            found = _pair(mark, text, other, options) if other else None
            if found is not None:
                out.append(marked(found, piece))
                i = other + 1
                while i < len(text) and text[i].text in (")", "]", '"', "'") and i - other < 3:
                    i += 1
                continue
        out.append(piece)
        i += 1
    return out


def _next_mark(text: list[Piece], i: int, mark: Mark, denied: bool) -> int:
    """Position of a mark with only signs in between, or 0. A text may also stand on the line after its letter."""
    passable = (",", "(", "[", '"', "'", "=", "-", ":", ")") if mark.by != "text" else (",", "(", "[", "-", '"', "'")
    lines = 0
    for j in range(i + 1, min(i + 6, len(text))):
        piece = text[j]
        if piece.mark is not None:
            return j
        crosses = mark.by != "text" and not denied and (piece.kind == "line" or piece.text == ".")
        lines += piece.kind == "line"
        if lines > 2 or not (crosses or piece.text in passable):
            return 0
    return 0


def _pair(mark: Mark, text: list[Piece], at: int, options: Options) -> Mark | None:
    other = text[at].mark
    if other is None or mark.joined or other.joined:
        return None
    after = text[at + 1] if at + 1 < len(text) else None
    if mark.by == "text":
        bracketed = (
            text[at].kind == "mark" and other.by in ("letter", "number") and text[at - 1].text in ("(", ",", "-")
        )
        dressed = other.by in ("letter", "number") and text[at - 1].mark is mark
        if not (bracketed or dressed) or not other.options:
            return None
        ends = after is None or not after.is_word
        if other.options[0] in mark.options:
            return Mark(other.options, "text", other.problem, lead=mark.lead)
        return Mark(mark.options + other.options, "pair", "letter-and-text-disagree") if dressed and ends else None
    if other.by == "letter" and mark.options and mark.lead and options.letter_texts and not other.lead:
        texts = frozenset().union(*(v for k, v in options.letter_texts.items() if other.options == (ord(k) - 65,)))
        if mark.options[0] in texts:
            return Mark(mark.options, "pair", lead=True)
        return Mark(mark.options + other.options, "pair", "letter-and-text-disagree") if texts else None
    if other.by != "text" or not mark.options:
        return None
    if mark.options[0] in other.options:
        return Mark(mark.options, "pair", None if mark.problem == "letter-or-text" else mark.problem, lead=mark.lead)
    complete = after is None or not after.is_word or after.low in say.ASIDES | say.RESULTS | {"and", "or"}
    return Mark(mark.options + other.options, "pair", "letter-and-text-disagree") if complete else None


def _groups(text: list[Piece]) -> list[Piece]:
    """`A and C`, `A, B`, `either the dog or the cat`: options named in one breath are one mention of them all."""
    out: list[Piece] = []
    i = 0
    while i < len(text):
        if text[i].mark is None:
            out.append(text[i])
            i += 1
            continue
        members, joined, end, j = [m for m in (text[i].mark,) if m], "and", i + 1, i + 1
        while j < len(text) and j - end < 5:
            mark = text[j].mark
            if mark is not None:
                if j == end and members[-1].by == "letter" and members[-1].lead and not mark.lead:
                    break
                members.append(mark)
                between = [p.low for p in text[end:j]]
                joined = "or" if joined == "or" or any(w in _OR for w in between) else "and"
                end = j + 1
            elif not (
                text[j].low in _JOINERS or text[j].text in (",", "/", "&", "+", "-", '"', "'", "(", ")", "{", "}", ";")
            ):
                break
            j += 1
        out.append(marked(_together(members, joined), text[i]))
        i = end
    return out


def _together(members: list[Mark], joined: str) -> Mark:
    if len(members) == 1:
        return members[0]
    named = tuple(dict.fromkeys(i for m in members for i in m.options))
    problem = next((m.problem for m in members if m.problem), None)
    by = members[0].by if len({m.by for m in members}) == 1 else "pair"
    if len(named) == 1:
        return Mark(named, by, problem, lead=members[0].lead)
    return Mark(named, by, problem, joined, members[0].lead)
