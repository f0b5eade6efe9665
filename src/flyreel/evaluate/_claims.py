"""What each clause of a reply claims of the options named in it.

A claim is made by a closed list of wordings; a mention in any other wording claims nothing. That is what keeps
`option A shows a dog` and `unlike A, …` from being read as answers, at the price of missing rare phrasings.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from flyreel.evaluate import _vocabulary as say
from flyreel.evaluate._dress import Mark, Piece

_COMPARED = frozenset(("over", "than", "unlike"))
_CUTS = _COMPARED | {"and", "or", "if", "unless", "otherwise", "alternatively"}
_ENDS = (".", "!", "?", ";")
_STAND = (say.ANSWER_NOUNS - say.OPTION_NOUNS) | frozenset(("option", "choice", "letter"))


@dataclass(frozen=True)
class Claim:
    """`kind`: affirms, denies, doubts, several, unread, gives-up, unsure, cancels, or problem (`why` says which).

    `firm` claims are made in so many words, the last of them counts; others only where no firm one is made and all of
    them agree. `start` and `end` are positions among the pieces.
    `place` is where a mark stands that is a whole item: head, line, listed; empty for a claim made in a clause.
    """

    kind: str
    options: tuple[int, ...]
    firm: bool
    start: int
    end: int
    place: str = ""
    bare: bool = False
    why: str = ""


@dataclass(frozen=True)
class Sentence:
    pieces: list[Piece]
    start: int
    asks: bool
    first: bool
    heads_line: bool
    ends_line: bool
    framed: bool


def claims(text: list[Piece]) -> list[Claim]:
    found: list[Claim] = []
    for sentence in _sentences(text):
        found += _of_sentence(sentence)
    return found


def _sentences(text: list[Piece]) -> list[Sentence]:
    """Cut at ends of sentences and lines. What ends with `answer:` or `answer is` goes on in the next line."""
    out: list[Sentence] = []
    start, heads, framed = 0, True, False
    for i in range(len(text) + 1):
        end = i == len(text) or text[i].kind == "line"
        stop = end or text[i].text in _ENDS
        if not stop:
            continue
        part = text[start:i]
        if any(p.kind != "sign" for p in part) or (part and not end):
            asks = not end and text[i].text == "?"
            last = end or (all(p.kind == "sign" for p in text[i : i + 2]) and i + 1 >= len(text))
            last = last or text[i + 1].kind == "line"
            if framed and part and part[0].mark is None and not _frames(part):
                part = [Piece("word", "answer", "answer", False), Piece("sign", ":", ":", False), *part]
                start -= 2
            out.append(Sentence(part, start, asks, not out, heads, last, framed))
            framed = _frames(part) and not asks
        heads = end
        start = i + 1
    return out


def _frames(part: list[Piece]) -> bool:
    """Whether an answer is announced and not given here: `Answer:`, `## Final answer`, `The correct option is`."""
    words = [p.low for p in part if p.is_word]
    if any(p.mark for p in part) or not words or not any(w in say.ANSWER_NOUNS for w in words):
        return False
    tail = next(p for p in reversed(part) if p.is_word or p.text == ":")
    known = all(w in say.LEADING for w in words)
    return known and (tail.text == ":" or tail.low in say.COPULAS or words[-1] in _STAND)


def _of_sentence(sentence: Sentence) -> list[Claim]:
    body = sentence.pieces
    words = [p.low for p in body if p.is_word]
    out = _refusals(sentence, words)
    lead = body[0].mark if body else None
    alone = lead is not None and all(p.kind == "sign" for p in body[1:])
    if lead is not None and (lead.lead or alone) and (sentence.heads_line or lead.lead) and not sentence.asks:
        comment = next((p for p in body[1:] if p.kind != "sign"), None)
        speaks = comment is not None and comment.low in say.STARTS_VERDICT
        verdict = _of_clause(_clauses(body)[0], sentence) if speaks else []
        rest = [c for clause in _conditioned(_clauses(body[1:], 1)) for c in _of_clause(clause, sentence)]
        if verdict:
            return out + verdict + rest
        if not lead.joined and not (alone and not sentence.ends_line and not lead.lead):
            place = "head" if sentence.first else "line" if alone else "listed"
            return [*out, _item(lead, sentence, alone, place), *rest]
    clauses = _conditioned(_clauses(body))
    stray = any(_has_stray(clause.pieces) for clause in clauses if clause.opener not in say.ASIDES)
    for clause in clauses:
        made = [c for c in _of_clause(clause, sentence) if c.kind != "unread" or not out]
        out += [_hedged(c) if stray and c.firm else c for c in made]
        if out and not any(p.mark for p in clause.pieces):
            out[-1:] = _looking_back(out[-1], clause, sentence)
    if not any(p.mark for p in body):
        out += _without_marks(sentence, words)
    return out


def _hedged(claim: Claim) -> Claim:
    return replace(claim, kind="several", why="hedged") if claim.kind == "affirms" else claim


def _looking_back(made: Claim, clause: Clause, sentence: Sentence) -> list[Claim]:
    """A clause without a mark may still speak of the one before: `or something`, `but it is wrong`, `no`."""
    words = [p.low for p in clause.pieces if p.is_word]
    if clause.opener == "or":
        return [_hedged(made)]
    end = sentence.start + clause.start + len(clause.pieces)
    if words and all(w in say.EMPTY_CHANGES for w in words):
        return [made, Claim("cancels", (), False, end, end, why="hedged")]
    wrong = any(w in ("wrong", "incorrect", "false") for w in words) or ("not" in words and "correct" in words)
    if words[:1] and words[0] in say.PRONOUNS and wrong:
        return [made, Claim("denies", made.options, True, end, end)]
    return [made]


def _has_stray(part: list[Piece]) -> bool:
    """A capital that was not taken for an option, in a sentence that commits to one: `C followed by D`."""
    for piece, after in zip(part, [*part[1:], None], strict=False):
        if piece.letter and piece.text in "BCDEFGH":
            return True
        if piece.text == "A" and (after is None or not (after.is_word or after.mark)):
            return True
    return False


def _item(mark: Mark, sentence: Sentence, alone: bool, place: str) -> Claim:
    bare = (alone and sentence.ends_line and sentence.heads_line and mark.by in ("letter", "number")) or sentence.framed
    kind = "problem" if mark.problem else "affirms"
    return Claim(kind, mark.options, bare, sentence.start, sentence.start + 1, place, bare, mark.problem or "")


def _refusals(sentence: Sentence, words: list[str]) -> list[Claim]:
    line = f" {' '.join(words)} "
    end = sentence.start + len(sentence.pieces)
    for kind, phrases in (("gives-up", say.GIVES_UP), ("unsure", say.UNSURE)):
        if any(f" {phrase} " in line for phrase in phrases):
            return [Claim(kind, (), kind == "gives-up", sentence.start, sentence.start, why="refused")]
    if any(f" {phrase} " in line for phrase in say.ALL_OF_THEM):
        return [Claim("several", (), True, sentence.start, end, why="several-answers")]
    return []


@dataclass(frozen=True)
class Clause:
    """`opener` is the word or sign that it was cut at, `maybe` where a condition hangs on it."""

    opener: str
    pieces: list[Piece]
    start: int


def _clauses(body: list[Piece], offset: int = 0) -> list[Clause]:
    """Cut where another claim can begin."""
    out: list[Clause] = []
    part: list[Piece] = []
    opener, start = "", 0
    for i, piece in enumerate(body):
        after = next((p for p in body[i + 1 : i + 3] if p.kind != "sign"), None)
        cut = piece.low in say.ASIDES | say.RESULTS | _CUTS
        if piece.low == "but" and i and body[i - 1].low in ("anything", "everything", "all", "nothing", "any", "none"):
            cut, piece = False, Piece("word", "not", "not", False)
        if piece.low in ("rather", "instead") and after is not None and after.low in ("than", "of"):
            out.append(Clause(opener, part, start + offset))
            part, opener, start = [Piece("word", "not", "not", False)], piece.low, i
            continue
        if piece.low in ("if", "though") and i and body[i - 1].low in ("as", "even"):
            cut = True
        sign = piece.text in (",", "(", ")") or (piece.text == "-" and not piece.glued)
        if sign and after is not None and after.low in say.STARTS_VERDICT - {"correct"} and after.low != "not":
            sign = False
        if sign and not part and opener.isalpha():
            continue
        if cut or sign:
            out.append(Clause(opener, part, start + offset))
            part, opener, start = [], piece.low, i + 1
        else:
            part.append(piece)
    out.append(Clause(opener, part, start + offset))
    return [clause for clause in out if clause.pieces or clause.opener in say.CONDITIONS]


def _conditioned(clauses: list[Clause]) -> list[Clause]:
    """A clause with a condition, and the one it holds for, are doubted: `B if he smiles`, `if he smiles, B`."""
    out = list(clauses)
    for i, clause in enumerate(clauses):
        opener, words = clause.opener, [p.low for p in clause.pieces]
        if opener not in ("if", "unless", "otherwise") and not any(w in say.CONDITIONS | say.SUPPOSED for w in words):
            continue
        forced = opener == "if" and words[:3] in (["i", "had", "to"], ["i", "have", "to"], ["i", "were", "to"])
        forced = forced or (opener == "if" and words[:2] == ["i", "must"]) or words[:1] == ["forced"]
        if forced or (i and clauses[i - 1].opener in ("as", "even", *say.ASIDES)):
            continue
        out[i] = replace(clause, opener="maybe")
        for near in (i - 1, i + 1):
            if 0 <= near < len(out) and opener in ("if", "unless", "otherwise"):
                out[near] = replace(out[near], opener="maybe")
        if any(w in say.SUPPOSED for w in words) and i + 1 < len(out):
            out[i + 1] = replace(out[i + 1], opener="maybe")
    return out


def _of_clause(clause: Clause, sentence: Sentence) -> list[Claim]:
    part, opener = clause.pieces, clause.opener
    at = [i for i, p in enumerate(part) if p.mark is not None]
    if not at:
        return _unread(part, sentence)
    marks = [part[i].mark for i in at]
    named = tuple(dict.fromkeys(i for m in marks if m for i in m.options))
    before = [p.low for p in part[: at[0]] if p.is_word or p.text in (":", "=")]
    after = [p.low for p in part[at[0] + 1 :] if p.is_word]
    every = [p.low for p in part if p.is_word]
    start = sentence.start + clause.start

    def claim(kind: str, firm: bool, why: str = "") -> Claim:
        return Claim(kind, named, firm, start + at[0], start + at[-1] + 1, why=why)

    mark = marks[0]
    assert mark is not None
    by_text = mark.by == "text"
    firm = _announced(before, by_text) or (_verdict(after, by_text) and not (by_text and before))
    alone = not after and all(w in say.LEADING or w in (":", "=") for w in before) and not by_text
    reported = any(w in say.REPORTED for w in before) and not any(w in say.FIRST_PERSON for w in before)
    alone = alone and not (before and before[-1] in ("for", "with", "on", "to"))
    if opener in _COMPARED or (reported and not by_text):
        return []
    if len(at) > 1 and len(named) > 1:
        return (
            [claim("denies", not by_text)]
            if _negated(every) and not by_text
            else [claim("several", False, "several-answers")]
        )
    if before and before[-1] == "no" and not by_text:
        return [claim("several", True, "hedged")]
    if any(c in "".join(p.text for p in part if not p.text.isascii()) for c in say.CJK_NEGATIONS) and not by_text:
        return [claim("denies", not by_text)]
    disowned = (not by_text or any(w in say.ANSWER_NOUNS for w in every)) and any(w in say.DISOWNING for w in every)
    if _negated(before + after) or disowned:
        return [claim("denies", not by_text)]
    if mark.problem and (firm or alone):
        return [claim("problem", True, mark.problem)]
    if not by_text and before and before[-1] in say.COMPARISONS and not firm:
        return []
    possible = _possible(before, after) or opener in ("maybe", "otherwise", "alternatively", "or")
    if sentence.asks and by_text:
        return [claim("asks", False)]
    if sentence.asks or possible:
        return [claim("doubts", (firm or alone) and not by_text, "hedged")]
    if mark.joined:
        why = "hedged" if mark.joined == "or" else "several-answers"
        return [claim("several", firm or alone, why)]
    so_is = opener == "so" and before[:1] == ["is"]
    if so_is or (opener == "and" and alone and not before) or any(w in say.ALSO for w in (*before, *after[:4])):
        return [claim("several", not by_text, "several-answers")]
    if opener in say.ASIDES and not firm:
        return [claim("affirms", False)] if by_text else []
    if firm or alone:
        return [claim("affirms", True)]
    if by_text or _points(before, after):
        return [claim("problem", False, mark.problem)] if mark.problem else [claim("affirms", False)]
    return []


def _announced(before: list[str], by_text: bool) -> bool:
    """`the answer … is`, `answer:`, `I choose`, `I would go with`; and the same in Chinese or Japanese."""
    if not before:
        return False
    if say.is_cjk_answer(before[-1]) or (before[-1] == ":" and any(say.is_cjk_answer(w) for w in before)):
        return True
    last = (
        before[-1]
        if before[-1] not in ("likely", "probably", "definitely", "clearly") or len(before) < 2
        else before[-2]
    )
    nouns = any(w in say.ANSWER_NOUNS for w in before)
    if last in (":", "="):
        return nouns and all(w in say.LEADING or w in (":", "=") or len(before) > 3 for w in before[-3:])
    if last in say.COPULAS:
        return nouns
    if last == "to" and before[-2:-1] and before[-2] in say.ALTERED:
        return True
    mine = before[0] in say.CHOOSING or any(w in say.FIRST_PERSON for w in before)
    if last in say.CHOOSING:
        return mine
    if last in ("with", "for", "on"):
        return mine and any(w in ("go", "going", "went", "opt", "opting", "settle", "vote") for w in before[-3:])
    return False


def _verdict(after: list[str], by_text: bool) -> bool:
    """`is correct`, `is the best answer`, `best describes …`"""
    if not after or any(w in say.DOWNGRADES for w in after[:8]):
        return False
    if after[0] in ("best", "correct") and not by_text:
        return True
    copula = after[0] in say.COPULAS or after[:2] in (["must", "be"], ["would", "be"], ["should", "be"])
    return (copula or after[:2] == ["which", "is"]) and any(
        w in (say.TEXT_VERDICTS if by_text else say.VERDICTS) for w in after[:8]
    )


def _points(before: list[str], after: list[str]) -> bool:
    """Weak evidence for a letter: `which matches option B`, `option B fits`."""
    if after and after[0] in say.WEAK_EVIDENCE and not any(w in say.DOWNGRADES for w in after):
        return not before or all(w in say.LEADING for w in before)
    return not after and any(w in say.POINTERS for w in before[-3:])


def _negated(words: list[str]) -> bool:
    line = f" {' '.join(words)} "
    for idiom in (" no doubt ", " without doubt ", " without a doubt ", " no question ", " not only "):
        line = line.replace(idiom, " ")
    return any(w in say.NEGATIONS for w in line.split())


def _possible(before: list[str], after: list[str]) -> bool:
    if any(w in say.POSSIBLE for w in before) or (before[-2:] and before[-1] == "be" and "can" in before[-3:]):
        return True
    modal = bool(after) and after[0] in ("could", "might", "may", "can", "maybe", "perhaps", "possibly")
    return (
        modal and (len(after) == 1 or "be" in after[1:3]) and (len(after) < 4 or any(w in say.VERDICTS for w in after))
    )


def _unread(part: list[Piece], sentence: Sentence) -> list[Claim]:
    """An answer is given in so many words and it is none of the options: what was said before no longer holds."""
    words = [p.low for p in part if p.is_word or p.text == ":"]
    for i, word in enumerate(words[:-1]):
        if word not in _STAND - {"pick", "guess", "assistant", "output", "option", "choice", "letter"}:
            continue
        said = words[i + 1]
        told = words[i + 2 : i + 32]
        if said not in say.COPULAS and said != ":":
            continue
        if not told or told[0] in say.SOFT_COMPLEMENTS or all(w in say.LEADING or w == ":" for w in told):
            continue
        return [Claim("unread", (), True, sentence.start, sentence.start + len(sentence.pieces), why="no-answer")]
    return []


def _without_marks(sentence: Sentence, words: list[str]) -> list[Claim]:
    if words and all(w in say.EMPTY_CHANGES for w in words) and not sentence.asks:
        end = sentence.start + len(sentence.pieces)
        return [Claim("cancels", (), False, sentence.start, end, why="hedged")]
    return []
