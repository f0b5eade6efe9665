"""What could be offered beside a key: its own wrong choices, trimmed or cut; twins of the key and of them that differ
in one word; wrong choices of questions that ask alike; and what a language model proposed.

A twin of the key alone would make the key the choice that all others resemble. So twins come in pairs (of the key and
of a wrong choice) or in squares (two words exchanged, each alone and both together), in which no corner is the middle.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import numpy as np
import scipy.sparse as sp

from flyreel.audit.choices import words
from flyreel.audit.likeness import Form, compatible, near, told
from flyreel.questions import Questions
from flyreel.refine.edits import Editor, Exchange, exchanged
from flyreel.refine.strategy import Task
from flyreel.refine.usage import Usage, folded, quotas

DONORS = 5_000
"""Questions whose choices are looked at, at most; more make the search slower and not better."""

ALIKE, LEAST, FEWEST = 0.7, 0.4, 8
"""Questions ask alike from this cosine of their plain word counts; failing that, the few
nearest do, if they are not too far."""

Set = tuple[str, ...]
T = TypeVar("T")


class Offers:
    """Sets of wrong choices for weak questions, drawn anew at every call."""

    def __init__(
        self, questions: Questions, tasks: Sequence[Task], proposed: Mapping[int, Sequence[str]], seed: int
    ) -> None:
        self._questions, self._seed, self._proposed = questions, seed, proposed
        self._editor = Editor(questions)
        keys = Counter(folded(questions.flat_choices[i]) for i in np.flatnonzero(questions.is_key))
        offered = Counter(folded(questions.flat_choices[i]) for i in np.flatnonzero(~questions.is_key))
        self.repeated = sum(n for n in keys.values() if n > 1) / max(len(questions), 1)
        """Share of questions whose key is the key of another one too: how closed the vocabulary of answers is."""
        twins = self._twins(questions, keys, offered) if self.repeated else {}
        likely = _like_keys(keys, offered)
        spare = sorted({*offered, *twins} - {*keys}, key=lambda t: (-likely(t), t))
        spoken = {folded(t): t for t in questions.flat_choices} | {name: text for name, (text, _) in twins.items()}
        wrong = [questions.flat_choices[i] for i in np.flatnonzero(~questions.is_key)]
        self.usage = Usage(quotas(questions, spare, seed), wrong)
        self._texts = [spoken.get(name, name) for name in self.usage.number]
        number = self.usage.number.get
        flat = np.array([number(folded(t), -1) for t in questions.flat_choices], dtype=int)
        self._numbers = [flat[a:b] for a, b in zip(questions.offsets, questions.offsets[1:], strict=False)]
        for name, (_, row) in twins.items():
            if (at := number(name)) is not None:
                self._numbers[row] = np.append(self._numbers[row], at)
        self._donors = _Donors(questions, seed)
        self._exchanges: dict[tuple[int, str], list[Exchange]] = {}
        self._fits: dict[tuple[int, str], bool] = {}
        self._pool: dict[int, np.ndarray] = {}
        self._tasks = {t.row: t for t in tasks}

    def _twins(self, questions: Questions, keys: Counter[str], offered: Counter[str]) -> dict[str, tuple[str, int]]:
        """New texts in the words of keys, and whose key each is like: some sets have too few that are never right."""
        found: dict[str, tuple[str, int]] = {}
        for row in range(len(questions)):
            key = questions.choices_of(row)[questions.answer[row]]
            random = np.random.default_rng([self._seed, row, 7])
            for exchange in self._editor.exchanges(key, (), (), random)[:2]:
                text = exchanged(key, [exchange])
                if not keys[folded(text)] and not offered[folded(text)]:
                    found.setdefault(folded(text), (text, row))
        return found

    def fresh(self, row: int, current: Set, count: int, random: np.random.Generator) -> list[Set]:
        """Up to `count` sets, none of them twice."""
        task = self._tasks[row]
        found: dict[Set, None] = {}
        for _ in range(count):
            closed = random.random() < self.repeated
            made = self._from_pool(task, current, random) if closed else self._reworded(task, random)
            if made and (checked := self._distinct(task, made)):
                found[checked] = None
        return list(found)

    def _from_pool(self, task: Task, current: Set, random: np.random.Generator) -> list[str]:
        """The current set, with what is offered too often and something by lot replaced from what is not."""
        kept = [t for t in current if random.random() > max(0.3, self.usage.share_over(t)) and self._may(task, t)]
        pool = self._alike(task)
        if not len(pool):
            return kept
        room = self.usage.room(pool) + 0.02
        drawn = random.choice(pool, min(len(pool), 3 * len(task.best.choices)), replace=False, p=room / room.sum())
        texts = [self._editor.in_form_of(self._texts[d], task.best.key) for d in drawn]
        return [*kept, *(t for t in texts if compatible(t, task.best.key))]

    def _alike(self, task: Task) -> np.ndarray:
        """Numbers of the choices of questions that ask alike, and of the new ones made from such choices."""
        if task.row not in self._pool:
            alike = [self._numbers[d] for d in self._donors.of(task.row)]
            found = np.unique(np.concatenate([np.zeros(0, dtype=int), *alike]))
            found = found[found >= 0]
            self._pool[task.row] = found[self.usage.allowed(found)]
        return self._pool[task.row]

    def _reworded(self, task: Task, random: np.random.Generator) -> list[str]:
        key, size = task.best.key, len(task.best.choices)
        own = [
            self._editor.in_form_of(_any(self._editor.variants(t), random), key)
            for t in _mixed(task.first.distractors, random)
        ]
        mine = self._of(task, key)
        lot = random.random()
        made = own
        if lot < 0.35 and mine:
            made = [exchanged(key, [_any(mine, random)]), *self._twin(task, own[0], random), *own]
        elif lot < 0.6 and len({e.start for e in mine}) > 1:
            a = _any(mine, random)
            b = _any([e for e in mine if e.start != a.start], random)
            made = [exchanged(key, [a]), exchanged(key, [b]), exchanged(key, [a, b]), *own]
        elif lot < 0.7 and mine:
            made = [*own[: size - 2], exchanged(key, [_any(mine, random)]), *own[size - 2 :]]
        elif lot < 0.85:
            others = _mixed(self._others(task), random)
            made = [
                *(self._editor.in_form_of(self._editor.trimmed(t), key) for t in others[: random.integers(1, size)]),
                *own,
            ]
        if (proposed := self._proposed.get(task.row)) and random.random() < 0.6:
            texts = [self._editor.in_form_of(t, key) for t in _mixed(proposed, random)]
            made = [*texts[: random.integers(1, len(texts) + 1)], *made]
        return made

    def _others(self, task: Task) -> list[str]:
        found = [t for d in self._donors.of(task.row, topic=True) for t in self._wrong(d)]
        return [t for t in found if compatible(t, task.best.key)]

    def _wrong(self, row: int) -> list[str]:
        return [c for i, c in enumerate(self._questions.choices_of(row)) if i != self._questions.answer[row]]

    def _of(self, task: Task, text: str) -> list[Exchange]:
        """What could be exchanged in this text: nothing that the question names, best what its wrong choices say."""
        if (task.row, text) not in self._exchanges:
            asked = frozenset(words(task.best.question))
            told_wrong = {w for t in task.first.distractors for w in words(t)} - set(words(task.first.key))
            favoured = told_wrong if text == task.best.key else set(words(task.best.key))
            random = np.random.default_rng([self._seed, task.row, len(text)])
            self._exchanges[task.row, text] = self._editor.exchanges(text, asked, favoured, random)
        return self._exchanges[task.row, text]

    def _twin(self, task: Task, text: str, random: np.random.Generator) -> list[str]:
        found = self._of(task, text)
        return [exchanged(text, [_any(found, random)])] if found else []

    def _may(self, task: Task, text: str) -> bool:
        """Neither the key in other words, nor what the cues say, unless the author of the question offered it."""
        if (task.row, text) not in self._fits:
            form = Form.of(text)
            own = any(Form.of(d).ordered == form.ordered for d in task.first.distractors)
            said = [] if own else [Form.of(str(c["text"])) for c in task.cues]
            spoken = told(form, Form.of(task.best.question), said) is not None
            self._fits[task.row, text] = not spoken and (own or not near(text, task.first.key))
        return self._fits[task.row, text]

    def _distinct(self, task: Task, texts: Sequence[str]) -> Set | None:
        """The first that are enough, no two of them the same or nearly; None if there are too few."""
        kept: list[str] = []
        for text in texts:
            if not text or folded(text) == folded(task.best.key) or not self._may(task, text):
                continue
            if any(folded(text) == folded(k) or near(text, k) for k in kept):
                continue
            kept.append(text)
            if len(kept) == len(task.best.choices) - 1:
                return tuple(kept)
        return None


def _like_keys(keys: Counter[str], offered: Counter[str]) -> Callable[[str], float]:
    """How much likelier the words of a text are in a key than in a wrong choice; naive Bayes, mean over its words."""
    right, wrong = Counter[str](), Counter[str]()
    for counts, into in ((keys, right), (offered, wrong)):
        for text, n in counts.items():
            for word in set(text.split()):
                into[word] += n

    def likely(text: str) -> float:
        found = text.split()
        return sum(math.log((right[w] + 0.25) / (wrong[w] + 1.0)) for w in found) / max(len(found), 1)

    return likely


class _Donors:
    """Which questions ask alike: by their plain words (the same frame), or by their rare ones (the same topic)."""

    def __init__(self, questions: Questions, seed: int) -> None:
        from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer
        from sklearn.preprocessing import normalize

        n = len(questions)
        self._rows = np.sort(np.random.default_rng(seed).permutation(n)[:DONORS])
        counts = CountVectorizer(token_pattern=r"\w+", dtype=np.float64).fit_transform(questions.texts)
        self._frame: sp.csr_matrix = normalize(counts)
        self._topic: sp.csr_matrix = TfidfTransformer(sublinear_tf=True).fit_transform(counts)
        self._templates = np.array(questions.strings("template"), dtype=object)

    def of(self, row: int, topic: bool = False) -> list[int]:
        space = self._topic if topic else self._frame
        alike = np.asarray((space[self._rows] @ space[row].T).todense()).ravel()
        alike[self._rows == row] = -1.0
        if not topic and self._templates[row]:
            same = np.flatnonzero(self._templates[self._rows] == self._templates[row])
            if len(same) > FEWEST:
                return self._rows[same[same != row]].tolist()
        ranked = np.argsort(-alike, kind="stable")
        if topic:
            return self._rows[ranked[:12]].tolist()
        many = max(int((alike >= ALIKE).sum()), min(FEWEST, int((alike >= LEAST).sum())))
        return self._rows[ranked[:many]].tolist()


def _any(items: Sequence[T], random: np.random.Generator) -> T:
    return items[int(random.integers(len(items)))]


def _mixed(texts: Sequence[str], random: np.random.Generator) -> list[str]:
    return [texts[i] for i in random.permutation(len(texts))]
