"""A column an option, A, B, C …, and the letter of the right one, as VLMEvalKit's text questions have them.

VLMEvalKit reads such a TSV with pandas' guesses: an option "None" is missing, "1.50" is 1.5. So what flyreel writes has
quotation marks around what would be misread, and around all options of a question or none: marks on one of them would
point at it. They are taken off again here, and nothing else is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress

from flyreel.formats.base import Draft, formats
from flyreel.formats.containers import Record, Sample
from flyreel.formats.fields import numbered

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

MISREAD = frozenset(
    "#N/A|#N/A N/A|#NA|-1.#IND|-1.#QNAN|-NaN|-nan|1.#IND|1.#QNAN|<NA>|N/A|NA|NULL|NaN|None|n/a|nan|null|true|false"
    "|True|False|TRUE|FALSE".split("|")
)
"""What pandas takes for a missing or a truth value, beside numbers."""

WITHOUT = "uncategorised"
"""VLMEvalKit sorts the categories; a missing one would stop it."""


@formats.add("lettered")
class Lettered:
    """A column an option: question, A, B, …, answer, the letter of one; as VLMEvalKit's text TSV."""

    unique_ids = False

    def recognises(self, sample: Sample) -> bool:
        listed = {"choices", "options", "candidates"} & set(sample.fields)
        return sample.has("question", "A", "B", "answer") and not listed

    def drafts(self, record: Record) -> Iterable[Draft]:
        v = record.values
        id, question, category = (
            unmarked([value])[0] if isinstance(value, str) else value
            for value in (v.get("question_id") or v.get("id") or v.get("index"), v.get("question"), v.get("category"))
        )
        yield {
            "id": id,
            "question": question,
            "choices": unmarked(numbered(v, LETTERS)),
            "answer": _position(v.get("answer")),
            **{name: v.get(name) for name in ("clip", "group", "split")},
            "category": None if category == WITHOUT else category,
        }


def _position(answer: object) -> object:
    """The letter names a column even where some option is itself a single letter."""
    letter = str(answer).strip()
    return LETTERS.index(letter) if len(letter) == 1 and letter in LETTERS else answer


def misread(text: str) -> bool:
    """Whether pandas, left to guess, would read this cell as something else than the text."""
    stripped = text.strip()
    if not stripped or text in MISREAD or stripped.casefold() in ("true", "false"):
        return True
    with suppress(ValueError):
        float(stripped)
        return True
    return False


def marked(texts: Sequence[str]) -> list[str]:
    """All of them between quotation marks where one would be misread, or where they look as if this had been done."""
    needed = any(map(misread, texts)) or _looks_marked(texts)
    return [f'"{text}"' for text in texts] if needed else list(texts)


def unmarked(texts: Sequence[str]) -> list[str]:
    """What was given to `marked`."""
    return [text[1:-1] for text in texts] if _looks_marked(texts) else list(texts)


def _looks_marked(texts: Sequence[object]) -> bool:
    """Pair after pair of marks is looked under: what had marks of its own got another pair."""
    under = [text for text in texts if isinstance(text, str)]
    if len(under) < len(texts):
        return False
    while under and all(len(text) > 1 and text[0] == text[-1] == '"' for text in under):
        under = [text[1:-1] for text in under]
        if any(map(misread, under)):
            return True
    return False
