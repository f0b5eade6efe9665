"""What gives a single answer away: question by question, with the evidence in words, and nearly always silent.

A rule names at most one choice of a question, with a strength. A rule that named keys would be worth nothing alone, as
it may name wrong choices as often. So the wrong choices of the same set are the control: where w of them are named at
some strength, and each question has K - 1 wrong choices for its one key, about w / (K - 1) keys are named by luck. A
rule speaks only from the strength on where that is at most 5% of the keys that it names, and, where the evidence lies
in the set rather than in the question's own text, where so many keys in so many named are significant.

A key that always stands at one position gives nothing away in any single question: that is a finding about the set,
which `surface` has.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from flyreel.audit.choices import content_words, words
from flyreel.audit.fitted import shuffled_keys
from flyreel.audit.probe import Result, Setting, probe, weak_where
from flyreel.audit.statistics import poisson_binomial_tail
from flyreel.questions import Questions
from flyreel.schema import SPOKEN

LUCK = 0.05
SIGNIFICANT = 0.01
FAR, FAR_CHARACTERS = 1.5, 10
"""A length stands out from so many times the next one on, and by so many characters at least."""

COVERED = 2 / 3
"""Share of a question's content words that a line must use to be about it."""

MOST_LOOKED_UP = 64
"""Of so many places where a choice stands elsewhere: more cannot make it plainer that it is never right."""

FAINTEST, MARGIN = 1.0, 0.3
"""Powers of ten: evidence that a choice is the only one left, and its lead over the next one."""

EXAMPLES = 3
_DENIALS = frozenset("no not never none nobody nothing cannot without".split())

Because = Callable[[int], tuple[str, dict[str, Any]]]


@dataclass(frozen=True)
class Rule:
    """Strength per flat choice, 0 where not named, and what to say of a question whose key it names.

    `alone` says that the question's own text is the evidence: it needs no other question like it.
    """

    name: str
    strengths: np.ndarray
    because: Because
    alone: bool = False


@dataclass(frozen=True)
class Heard:
    """A rule held against the wrong choices: the questions it gives away, and how often it named what."""

    weak: np.ndarray
    keys: int
    named: int
    luck: float | None
    """How many keys luck would name for each that is named; None where none is."""

    def json(self) -> dict[str, Any]:
        luck = None if self.luck is None else round(self.luck, 4)
        return {"weak": int(self.weak.sum()), "named": self.named, "keys": self.keys, "luck": luck}


Read = Sequence[tuple[str, frozenset[str]]]
"""Each choice as its words in a row and what it is about."""


@probe("giveaway", reads=("question", "choices", "group"))
def giveaway(questions: Questions, setting: Setting) -> Result:
    """Questions whose key stands in their own text, in a spoken line, or apart from choices that are never right."""
    known = {text: (in_a_row(text), content_words(text)) for text in set(questions.flat_choices)}
    choices = [known[text] for text in questions.flat_choices]
    fixed = [in_question(questions, choices), spoken(questions, choices), *lengths(questions)]
    rules = [*fixed, never_right(questions, choices, questions.is_key)]
    heard = {r.name: hear(questions, r, questions.is_key) for r in rules}
    weak = np.any([h.weak for h in heard.values()], axis=0)
    scores = np.full(len(questions), np.nan)
    reasons = [""] * len(questions)
    sources: list[dict[str, Any]] = [{} for _ in range(len(questions))]
    for rule in rules:
        found = heard[rule.name]
        for i in np.flatnonzero(found.weak).tolist():
            says, numbers = rule.because(i)
            reasons[i] = f"{reasons[i]}; {says}" if reasons[i] else says
            sources[i][rule.name] = {**numbers, "set": {"named": found.named, "keys": found.keys}}
            scores[i] = np.nanmax([scores[i], 1 - (found.luck or 0.0)])
    examples = {
        name: [{"id": questions.ids[i], "reason": reasons[i]} for i in np.flatnonzero(h.weak)[:EXAMPLES].tolist()]
        for name, h in heard.items()
    }
    return Result(
        probe="giveaway",
        solver="rules that seldom speak",
        ids=questions.ids,
        verdicts=weak_where(weak),
        scores=scores,
        estimate=None,
        reasons=reasons,
        computed_from=sources,
        details={
            "rules": {name: {**h.json(), "examples": examples[name]} for name, h in heard.items()},
            "shuffled": shuffled(questions, choices, fixed, setting.seed),
        },
        why=[_words(name, h, len(questions)) for name, h in heard.items() if h.weak.any()],
    )


def shuffled(questions: Questions, choices: Read, fixed: Sequence[Rule], seed: int) -> dict[str, Any]:
    """The same rules where the keys are drawn by lot: the share of questions that they still call given away."""
    turns = int(questions.sizes.max()) if len(questions) <= 20_000 else 1
    weak = 0
    for turn in range(turns):
        keys = shuffled_keys(questions, seed, turn)
        rules = [*fixed, never_right(questions, choices, keys)]
        weak += int(np.any([hear(questions, r, keys).weak for r in rules], axis=0).sum())
    return {"weak": round(weak / turns, 3), "share": round(weak / turns / len(questions), 6), "shuffles": turns}


def hear(questions: Questions, rule: Rule, keys: np.ndarray) -> Heard:
    """From the lowest strength on where luck explains little enough of the keys that the rule names."""
    named = np.flatnonzero(rule.strengths > 0)
    named = named[np.argsort(-rule.strengths[named], kind="stable")]
    strength, asked = rule.strengths[named], questions.owner[named]
    right = keys[named]
    n_keys = np.cumsum(right)
    by_luck = np.cumsum(np.where(right, 0.0, 1.0 / np.maximum(questions.sizes[asked] - 1, 1)))
    last = np.flatnonzero(np.append(strength[1:] != strength[:-1], True)) if len(named) else np.array([], int)
    for end in last[::-1].tolist():
        if not n_keys[end] or by_luck[end] > LUCK * n_keys[end]:
            continue
        if rule.alone or poisson_binomial_tail(n_keys[end], questions.chance[asked[: end + 1]]) < SIGNIFICANT:
            weak = np.zeros(len(questions), dtype=bool)
            weak[asked[: end + 1][right[: end + 1]]] = True
            return Heard(weak, int(n_keys[end]), end + 1, float(by_luck[end] / n_keys[end]))
    total = int(n_keys[-1]) if len(named) else 0
    return Heard(np.zeros(len(questions), dtype=bool), total, len(named), float(by_luck[-1] / total) if total else None)


def in_a_row(text: str) -> str:
    """The words between spaces, so that what a text says in its own words is a part of the string."""
    return f" {' '.join(words(text))} "


def said_in(run: str, choices: Read) -> tuple[int, float]:
    """The only choice that a text says, and how strongly: in its own words in a row, or with others in between.

    A choice said in a row may hold others ("a red ball", "ball"): then it is the one meant. Nothing is said by a text
    that offers it ("cats or dogs"), nor by one that it denies.
    """
    bag = frozenset(run.split())
    whole = [i for i, (own, about) in enumerate(choices) if about and about <= bag and _denials(own) <= _denials(run)]
    together = [i for i in whole if choices[i][0] in run]
    if together:
        most = max(together, key=lambda i: len(choices[i][0]))
        offered = f"or{choices[most][0]}" in run or f"{choices[most][0]}or " in run
        only = all(choices[i][0] in choices[most][0] for i in together)
        return (most, 1.0 + len(choices[most][1])) if only and not offered else (-1, 0.0)
    if len(whole) == 1 and len(choices[whole[0]][1]) > 1 and "or" not in bag:
        return whole[0], 1.0
    return -1, 0.0


def _denials(run: str) -> frozenset[str]:
    return _DENIALS & {"not" if w.endswith("n't") else w for w in run.split()}


def in_question(questions: Questions, choices: Read) -> Rule:
    strengths = np.zeros(len(choices))
    offsets = questions.offsets.tolist()
    for i, text in enumerate(questions.texts):
        at, strength = said_in(in_a_row(text), choices[offsets[i] : offsets[i + 1]])
        if at >= 0:
            strengths[offsets[i] + at] = strength
    return Rule(
        "in-question",
        strengths,
        lambda i: (f'the question says the key, "{_short(_key(questions, i))}", and no other choice', {}),
        alone=True,
    )


def spoken(questions: Questions, choices: Read) -> Rule:
    """A line that is about what is asked and says one choice; where lines say different ones, none is named."""
    strengths = np.zeros(len(choices))
    offsets = questions.offsets.tolist()
    lines: dict[int, str] = {}
    said: dict[int, set[int]] = {}
    for i, line, shared in _lines_about(questions):
        at, strength = said_in(in_a_row(line), choices[offsets[i] : offsets[i + 1]])
        if at < 0:
            continue
        said.setdefault(i, set()).add(at)
        if strength + shared > strengths[offsets[i] + at]:
            strengths[offsets[i] + at] = strength + shared
            lines[i] = line
    for i, named in said.items():
        if len(named) > 1:
            strengths[offsets[i] : offsets[i + 1]] = 0.0
    return Rule(
        "spoken", strengths, lambda i: (f'a line says it: "{_short(lines[i])}"', {"line": lines[i]}), alone=True
    )


def _lines_about(questions: Questions) -> Iterator[tuple[int, str, int]]:
    """Lines that use most of their question's content words, with its position and how many. No row becomes an object,
    and few lines are taken apart: films have thousands."""
    cues = questions.table.column("cues").combine_chunks()
    flat = pc.list_flatten(cues)
    heard = pc.is_in(pc.struct_field(flat, "kind"), value_set=pa.array(SPOKEN))
    owners = pc.filter(pc.list_parent_indices(cues), heard).to_pylist()
    lines = pc.filter(pc.struct_field(flat, "text"), heard).to_pylist()
    about: dict[int, frozenset[str]] = {}
    for i, line in zip(owners, lines, strict=True):
        if i not in about:
            about[i] = content_words(questions.texts[i])
        folded = (line or "").lower()
        if about[i] and sum(w in folded for w in about[i]) >= COVERED * len(about[i]):
            shared = len(about[i].intersection(words(folded)))
            if shared >= COVERED * len(about[i]):
                yield i, line, shared


def lengths(questions: Questions) -> tuple[Rule, Rule]:
    """The choice that is far longer, or far shorter, than every other of its question.

    "Every other" is why one long choice among four hides another: two that stand out give neither away.
    """
    n = np.array([len(c) for c in questions.flat_choices], dtype=float)
    order = np.lexsort((n, questions.owner))
    first, last = questions.offsets[:-1], questions.offsets[1:] - 1
    ordered = n[order]
    next_long, next_short = np.maximum(last - 1, first), np.minimum(first + 1, last)
    longest, shortest = ordered[last], ordered[first]
    above, below = longest - ordered[next_long], ordered[next_short] - shortest
    far_above = longest >= FAR * ordered[next_long]
    far_below = ordered[next_short] >= FAR * shortest
    # Half the spread of the others: where lengths lie wide apart, one more step is no outlier.
    outlier_above = above >= np.maximum(FAR_CHARACTERS, (ordered[next_long] - shortest) / 2)
    outlier_below = below >= np.maximum(FAR_CHARACTERS, (longest - ordered[next_short]) / 2)
    longer, shorter = np.zeros(len(n)), np.zeros(len(n))
    longer[order[last]] = np.where(far_above & outlier_above, above, 0.0)
    shorter[order[first]] = np.where(far_below & outlier_below, below, 0.0)

    def because(which: str, other: np.ndarray) -> Because:
        def says(i: int) -> tuple[str, dict[str, Any]]:
            key, next_ = len(_key(questions, i)), int(other[i])
            numbers = {"key_characters": key, f"{which}_other": next_}
            return f"the key has {key} characters and the {which} other choice {next_}", numbers

        return says

    return (
        Rule("far-longer", longer, because("longest", ordered[next_long])),
        Rule("far-shorter", shorter, because("shortest", ordered[next_short])),
    )


def never_right(questions: Questions, choices: Read, keys: np.ndarray) -> Rule:
    """The choice that is left when those go that stand in other groups' questions too and are never right there.

    Where m of another question's K choices are among these, none of them is its key with chance 1 - m / K by luck. The
    strength is -log10 of the product over those questions, from 1 on: one question may have few others like it, and
    whether the evidence is enough is decided over the set. Where no choice was ever right, the strongest is named.
    """
    found = _Elsewhere(questions, choices, keys)
    strengths = np.zeros(len(choices))
    places: dict[int, int] = {}
    for i in np.flatnonzero(found.left <= 1).tolist():
        flat = range(int(questions.offsets[i]), int(questions.offsets[i + 1]))
        tried = [at for at in flat if found.left[i] == 0 or not found.never[at]]
        ranked = sorted(((*found.without(at, flat), at) for at in tried), reverse=True)
        strength, n, at = ranked[0]
        if strength >= FAINTEST and (len(ranked) == 1 or strength - ranked[1][0] >= MARGIN):
            strengths[at], places[at] = strength, n

    def because(i: int) -> tuple[str, dict[str, Any]]:
        at = int(questions.offsets[i] + questions.answer[i])
        numbers = {"other_questions": places[at], "p_value": float(f"{10 ** -strengths[at]:.3g}")}
        return f"the other choices stand in {_other(places[at])} and are right in none", numbers

    return Rule("never-right", strengths, because)


class _Elsewhere:
    """How choices fare in the questions of other groups. `left` counts, per question, those not known as never right.

    Choices are the same where their words are.
    """

    def __init__(self, questions: Questions, choices: Read, keys: np.ndarray) -> None:
        numbers: dict[str, int] = {}
        self.code = np.array([numbers.setdefault(run, len(numbers)) for run, _ in choices], dtype=np.int64)
        self.owner, self.sizes, self.groups = questions.owner, questions.sizes, questions.groups
        group = self.groups[self.owner].astype(np.int64)
        _, here = np.unique(group * len(numbers) + self.code, return_inverse=True)
        seen = np.bincount(self.code)[self.code] - np.bincount(here)[here]
        right = np.bincount(self.code, weights=keys)[self.code] - np.bincount(here, weights=keys)[here]
        self.never = (seen > 0) & (right == 0)
        self.left = np.bincount(self.owner, weights=~self.never, minlength=len(questions))
        self._by_code = np.argsort(self.code, kind="stable")
        self._codes = [set(c.tolist()) for c in np.split(self.code, questions.offsets[1:-1])]
        self._starts = np.concatenate([[0], np.cumsum(np.bincount(self.code))])

    def without(self, at: int, flat: Sequence[int]) -> tuple[float, int]:
        """Strength of the evidence against all choices of a question but one, and in how many others it stands.

        Those where that one stands too do not count: from a closed list one answer may be right a few times running.
        """
        mine, met = self.groups[self.owner[at]], Counter[int]()
        for code in self.code[[other for other in flat if other != at]].tolist():
            stands = self._questions_with(code)
            met.update(stands[self.groups[stands] != mine].tolist())
        apart = {j: m for j, m in met.items() if self.code[at] not in self._codes[j]}
        by_luck = [max(1 - m / self.sizes[j], 1e-3) for j, m in apart.items()]
        return -float(np.log10(by_luck).sum()), len(apart)

    def _questions_with(self, code: int) -> np.ndarray:
        end = min(self._starts[code + 1], self._starts[code] + MOST_LOOKED_UP)
        return self.owner[self._by_code[self._starts[code] : end]]


_TOLD = {
    "in-question": "say their key and no other choice",
    "spoken": "have their key told by a spoken line that is about what they ask",
    "far-longer": "have a key far longer than every other choice",
    "far-shorter": "have a key far shorter than every other choice",
    "never-right": "have, beside their key, only choices that are never right elsewhere",
}


def _words(name: str, heard: Heard, n: int) -> str:
    return (
        f"{int(heard.weak.sum()):,} of {n:,} questions {_TOLD[name]} "
        f"({heard.keys:,} of the {heard.named:,} choices that stand out so are keys)"
    )


def _other(n: int) -> str:
    return f"{n:,} other question" + ("" if n == 1 else "s")


def _key(questions: Questions, i: int) -> str:
    return questions.flat_choices[questions.offsets[i] + questions.answer[i]]


def _short(text: str, most: int = 120) -> str:
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"
