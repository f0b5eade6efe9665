"""Answers in the model's own words, held against the one that is written down.

Four measures, because none is right alone: the same words (after case, punctuation and articles are gone), shared
words (F1, Rajpurkar et al. 2016), BLEU over all of them with sacreBLEU's signature (Post 2018), and what a judge says.
BLEU counts runs of four words, so of answers shorter than that it says nothing and is not given. Where the answer is a
whole number the question is a count and is scored by squared error, as TGIF-QA does (Jang et al. 2017): three for four
is nearer than nine. The error is over the replies that say a number, and so is what it is held against.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from flyreel.audit.statistics import Estimate, estimate
from flyreel.errors import MissingExtra
from flyreel.questions import Questions
from flyreel.replies.chat import cleaned
from flyreel.schema import Prediction

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans(dict.fromkeys(string.punctuation + "“”‘’…–—", " "))

LARGEST = 1e6
"""A number beyond this counts nothing that is seen in a video: one slip of a pen would be the whole squared error."""

BLEU_WORDS = 4

NUMBERS = {
    word: n
    for n, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
        "seventeen eighteen nineteen twenty".split()
    )
} | {"once": 1, "twice": 2, "thrice": 3}
_NUMBER = re.compile(r"(?<![\w.-])-?\d+(?:\.\d+)?(?![\w-]|\.\d)|\b(?:" + "|".join(NUMBERS) + r")\b", re.I)


def normalised(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold().translate(_PUNCTUATION)
    return " ".join(_ARTICLES.sub(" ", folded).split())


def exact(said: str, right: str) -> bool:
    return normalised(said) == normalised(right)


def token_f1(said: str, right: str) -> float:
    """Harmonic mean of the shares of words that the two have in common; 1 where both say nothing."""
    a, b = normalised(said).split(), normalised(right).split()
    if not a or not b:
        return float(a == b)
    common = sum((Counter(a) & Counter(b)).values())
    return 2 * common / (len(a) + len(b))


def number(text: str) -> float | None:
    """The number a reply says, in digits or in words up to twenty; None where it says none, one beyond `LARGEST`, or
    two that differ."""
    found = {float(NUMBERS[m.lower()]) if m.lower() in NUMBERS else float(m) for m in _NUMBER.findall(text)}
    said = found.pop() if len(found) == 1 else None
    return said if said is not None and abs(said) <= LARGEST else None


def taken(reply: str) -> dict[str, Any]:
    """What a reply to an open question comes to: it is the answer itself, if it says anything."""
    said = cleaned(reply)
    return {"answer": said or None, "failure": None if said else "empty"}


def bleu(said: Sequence[str], right: Sequence[str]) -> dict[str, Any]:
    """Corpus BLEU by sacreBLEU, as it defines it, with the signature that says which."""
    try:
        from sacrebleu.metrics import BLEU
    except ImportError:
        raise MissingExtra("BLEU", "text") from None
    metric = BLEU()
    score = metric.corpus_score(list(said), [list(right)])
    return {"score": round(float(score.score), 4), "signature": str(metric.get_signature())}


def _bleu(said: Sequence[str], right: Sequence[str]) -> tuple[dict[str, Any] | None, str | None]:
    """BLEU, or why it is not given. The replies are paid for by now: what is missing is said and is no error."""
    if not right:
        return None, None
    words = float(np.mean([len(text.split()) for text in right]))
    if words < BLEU_WORDS:
        return None, f"answers average {words:.1f} words: BLEU says nothing of them"
    try:
        return bleu(said, right), None
    except MissingExtra as missing:
        return None, str(missing)


@dataclass(frozen=True)
class OpenScores:
    """Over the questions that were asked; `counts` over those of them whose answer is a number. `bleu_note` says why
    there is no BLEU, `unjudged` how many answers the judge gave no verdict on."""

    questions: int
    asked: int
    answered: int
    unasked: dict[str, int]
    exact: Estimate | None
    token_f1: Estimate | None
    bleu: dict[str, Any] | None
    bleu_note: str | None
    judge: Estimate | None
    unjudged: int
    counts: dict[str, Any] | None

    def json(self) -> dict[str, Any]:
        told = {name: e.json() if e else None for name in ("exact", "token_f1", "judge") for e in [getattr(self, name)]}
        coverage = {"questions": self.questions, "asked": self.asked, "answered": self.answered}
        return {"coverage": coverage, "unasked": self.unasked, **told, "bleu": self.bleu,
                "bleu_note": self.bleu_note, "unjudged": self.unjudged, "counts": self.counts}  # fmt: skip


def score(
    questions: Questions, said: Sequence[Prediction | None], judged: Mapping[str, bool | None] | None = None
) -> OpenScores:
    """`said` is in the order of `questions`; those with choices are passed over."""
    right = questions.strings("answer_text")
    rows = [i for i in range(len(questions)) if questions.sizes[i] == 0]
    asked = [i for i in rows if (p := said[i]) is not None and p.asked]
    unasked = Counter(p.failure or "unknown" if p else "no-prediction" for i in rows if i not in set(asked)
                      for p in [said[i]])  # fmt: skip
    replies = {i: text_of(said[i]) for i in asked}
    counts = [i for i in asked if re.fullmatch(r"\d+", right[i].strip()) and float(right[i]) <= LARGEST]
    worded = sorted({*asked} - {*counts})
    scored, note = _bleu([replies[i] for i in worded], [right[i] for i in worded])
    votes = {i: judged[questions.ids[i]] for i in asked if judged and judged.get(questions.ids[i]) is not None}
    return OpenScores(
        questions=len(rows),
        asked=len(asked),
        answered=sum(bool(replies[i]) for i in asked),
        unasked=dict(unasked),
        exact=_mean(questions, {i: float(exact(replies[i], right[i])) for i in asked}),
        token_f1=_mean(questions, {i: token_f1(replies[i], right[i]) for i in asked}),
        bleu=scored,
        bleu_note=note,
        judge=_mean(questions, {i: float(bool(v)) for i, v in votes.items()}),
        unjudged=len(asked) - len(votes) if judged is not None else 0,
        counts=_counts([replies[i] for i in counts], [float(right[i]) for i in counts]),
    )


def text_of(prediction: Prediction | None) -> str:
    """What was answered; nothing where there is no answer."""
    return str(prediction.answer).strip() if prediction and prediction.answer is not None else ""


def _mean(questions: Questions, by_row: Mapping[int, float]) -> Estimate | None:
    """Chance is nothing here: nobody guesses words."""
    if not by_row:
        return None
    rows = np.array(list(by_row))
    return estimate(np.array(list(by_row.values())), np.zeros(len(rows)), questions.groups[rows])


def _counts(said: Sequence[str], right: Sequence[float]) -> dict[str, Any] | None:
    """Whole numbers from zero up, as TGIF-QA rounds them. A reply without one number is in no mean, and is counted.
    `baseline` is the error of the mean right answer, over the same rows."""
    if not right:
        return None
    pairs = [(max(0.0, float(round(n))), r) for s, r in zip(said, right, strict=True) if (n := number(s)) is not None]
    keys = np.array([r for _, r in pairs])
    return {
        "n": len(right),
        "unread": len(right) - len(pairs),
        "mse": round(float(np.mean([(a - b) ** 2 for a, b in pairs])), 6) if pairs else None,
        "exact": round(float(np.mean([a == b for a, b in pairs])), 6) if pairs else None,
        "baseline": round(float(np.mean((keys - np.round(keys.mean())) ** 2)), 6) if pairs else None,
    }
