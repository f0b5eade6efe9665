"""Who is asked about, made general: a kind of question does not depend on what somebody is called.

Three steps, the last one for comparison only:
- data sets' own markup (<PERSON>, [PERSON_2], #C, SOMEONE) becomes "the person";
- names become "the person", a second name in the question "the other person", a third "another person". spaCy finds
  them where the extra `text` is installed. Without it a capital letter inside a sentence is a name, which takes "New
  York" for one and misses a name that begins the question;
- `frame` also makes every man, girl in blue and dog "someone", every number 0, every did and does "do", and drops
  articles: otherwise clusters are about dogs, girls and tenses and not about reasons and order (docs/templates.md).

Only what has a capital letter counts as a name: in sets that are all in lower case spaCy finds next to none, and those
it finds are mostly none.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from flyreel.errors import MissingExtra

PERSONS = ("the person", "the other person", "another person")

CAPITALS = "capital letters"

_MARKUP = re.compile(
    r"<\s*/?\s*(?:PERSON|PER|NAME|CHARACTER)[\s_-]?\d*\s*>|\[\s*(?:PERSON|PER|NAME|CHARACTER)[\s_-]?\d*\s*\]"
    r"|\bPERSON[_-]?\d+\b|\bSOMEONE\b|#\s?(?:C|O|unsure)\b(?:\s+[CO]\b)?"
)
_WEARER = re.compile(r"(?<!\w)(?<!vitamin )(?<!option )(?<!letter )[cC](?=(?:['’]s)?(?:\s+[a-z]|[,.;?]|$))(?![.]\w)")
"""First-person sets call who wears the camera C, in question after question; elsewhere C is a language or a note."""
WEARER_FROM = 0.05
"""Share of a file's questions above which the letter alone is who wears the camera."""

_TITLE = re.compile(
    r"\b(?:Mr|Mrs|Ms|Miss|Dr|Prof|Professor|Doctor|Uncle|Aunt|Captain|Sir|Lady|Detective|Officer)\.?\s+$"
)
_CAPITAL = re.compile(r"[A-Z][a-z]+(?:[-'’][A-Z][a-z]+)*(?:\s+[A-Z][a-z]+(?:[-'’][A-Z][a-z]+)*)*")
_NO_NAMES = frozenset(
    "monday tuesday wednesday thursday friday saturday sunday january february march april may june july august "
    "september october november december christmas easter halloween english french german spanish chinese japanese "
    "italian russian american british european indian african mexican god internet".split()
)
_ASKS = frozenset(
    "what which who whom whose when where why how is are was were do does did can could would will should has have had "
    "if in on at after before while during the a an of from based considering given taking as describe name explain "
    "summarize identify analyze discuss compare by to for with and or".split()
)

_LIVING = (
    "person people man men woman women boy boys girl girls child children kid kids baby babies toddler toddlers infant "
    "infants lady ladies guy guys gentleman adult adults teenager teenagers youth player players friend friends mother "
    "mom mum father dad daughter son sister brother parent parents couple family group crowd audience "
    "host hostess guest interviewer interviewee speaker dancer dancers singer singers performer performers character "
    "characters protagonist actor actress dog dogs puppy puppies cat cats kitten kittens bird birds animal animals "
    "horse horses he she they him them"
)
_SOMEONE = re.compile(rf"\b(?:{'|'.join(_LIVING.split())})\b")
_COLOURS = "red|blue|green|yellow|white|black|pink|purple|orange|brown|gr[ae]y|stripes|plaid|dark|light"
_CLOTHED = re.compile(
    rf"\bsomeone (?:in|wearing|with) (?:(?:a|the) )?(?:(?:{_COLOURS}) ?)+(?:shirt|dress|jacket|hat|cap)?"
)
_SEVERAL = re.compile(
    r"\b(?:(?:two|three|four|some|other|another|first|second) )*someone(?: (?:and|or|s)? ?someone)*\b"
)
_SAME = {
    "do": "does did doing done", "be": "is are was were being been am", "have": "has had having", "end": "ending",
    "start": "beginning begins begin starts", "someone": "someone's",
    "": "the a an his her their its my your this these those that there video",
}  # fmt: skip
_PLAIN = {word: base for base, words in _SAME.items() for word in words.split()}
_NUMBER = re.compile(r"\d+(?:[:.,]\d+)*")
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")


def cleaned(text: str) -> str:
    """One line of what can be seen: no control characters, marks that turn text about, halves of characters."""
    seen = "".join(" " if unicodedata.category(c) in ("Cc", "Cf", "Cs") else c for c in text)
    return " ".join(seen.split())


def normal(text: str) -> str:
    """Two questions that are the same but for case and punctuation are one."""
    return " ".join(_WORD.findall(unicodedata.normalize("NFKC", text).casefold()))


def frame(text: str) -> str:
    """What clusters are made from: how a question is asked, without who it is about or when the set was written."""
    told = _NUMBER.sub("0", _SOMEONE.sub("someone", normal(text)))
    plain = " ".join(filter(None, (_PLAIN.get(word, word) for word in told.split())))
    return _SEVERAL.sub("someone", _CLOTHED.sub("someone ", plain)).strip() or "?"


def unnamed(texts: Sequence[str]) -> tuple[list[str], str]:
    """The texts of a file with persons in place of names, and who told the names: a spaCy model, or capital letters."""
    marked = [_MARKUP.sub(PERSONS[0], text) for text in texts]
    nlp = _reader()
    read = [i for i, text in enumerate(marked) if _may_name(text)]
    if nlp is None:
        found: Iterable[list[tuple[int, int]]] = (capitals(marked[i]) for i in read)
    else:
        docs = nlp.pipe((marked[i] for i in read), batch_size=256)
        found = ([(e.start_char, e.end_char) for e in doc.ents if e.label_ == "PERSON"] for doc in docs)
    out = list(marked)
    for i, spans in zip(read, found, strict=True):
        out[i] = _replaced(marked[i], spans)
    if sum(_WEARER.search(text) is not None for text in out) > WEARER_FROM * len(out):
        out = [_WEARER.sub(PERSONS[0], text) for text in out]
    return out, CAPITALS if nlp is None else f"spaCy {nlp.meta['lang']}_{nlp.meta['name']}"


def capitals(text: str) -> list[tuple[int, int]]:
    """Names by their capital letter, where the text does not write everything so."""
    found = []
    for match in _CAPITAL.finditer(text):
        if _starts_sentence(text, match.start()):  # may be a name, may be any word: the first one is let be
            first = match[0].split()[0]
            if " " not in match[0] or first.lower() not in _ASKS:
                continue
            found.append((match.start() + len(first) + 1, match.end()))
        elif match[0].lower() not in _NO_NAMES:
            found.append(match.span())
    shouted = sum(end - start for start, end in found) > len(text) / 2
    return [] if shouted else found


def _starts_sentence(text: str, at: int) -> bool:
    before = text[:at].rstrip(" \"'“‘(")
    return not before or before[-1] in ".?!:"


def _may_name(text: str) -> bool:
    """A capital letter in a word that does not merely begin the question. Reading only these saves most time."""
    words = text.split()
    return any(w[:1].isupper() for w in words[1:]) or (words[:1] != [] and words[0].lower() not in _ASKS)


def _replaced(text: str, spans: Sequence[tuple[int, int]]) -> str:
    parts, at, who = [], 0, dict[str, str]()
    for start, end in sorted(spans):
        start += len(text[start:end]) - len(text[start:end].lstrip())
        name = re.sub(r"['’]s?$", "", text[start:end])
        if start < at or not any(c.isupper() for c in name):
            continue
        role = who.setdefault(name.casefold(), PERSONS[min(len(who), len(PERSONS) - 1)])
        before = _TITLE.sub("", text[at:start])
        first = not (text[:at] + before).strip()
        parts += [before, role[0].upper() + role[1:] if first else role]
        at = start + len(name)
    return "".join(parts) + text[at:]


@cache
def _reader() -> Any:
    """spaCy with nothing but what finds names; None where it is not installed, or its model finds none."""
    from flyreel.generate.language import model

    try:
        module = model.name().split()[0]
    except (MissingExtra, ImportError):
        return None
    import warnings

    import spacy

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        nlp = spacy.load(module, exclude=["tagger", "parser", "lemmatizer", "attribute_ruler"])
    return nlp if "ner" in nlp.pipe_names else None
