"""What a new wording must pass before anyone asks whether it is stronger: cheap gates first, calls to models last.

A model's word counts only where it has shown that it can judge: a verifier that cannot answer the first wording, or
says yes (or no) to everything, has shown nothing about a new one. Where question and key stand as they were that is
`not checked`; where either changed nothing else vouches for the wording, and it is refused as unproved.

A gate is an async function from a `Case` to `PASSED`, `refused: …` or `not checked: …` under `@gate(name)`; they run
in the order in which they stand here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any

from flyreel.audit.judging import accepts, pick, shown
from flyreel.audit.likeness import Form, near, told
from flyreel.engine.calls import Caller
from flyreel.errors import ModelError
from flyreel.models.call import Call
from flyreel.models.prompts import load, quote
from flyreel.models.scoring import Evidence
from flyreel.refine.strategy import Task
from flyreel.schema import Wording

PASSED = "passed"
QUESTION_TIMES = 3
QUESTION_ALWAYS = 60
"""A question may grow threefold; one as short as "Why?" up to this."""
KEY_TIMES = 1.5
KEY_CHARACTERS = 12
OPEN_TOKENS = 24


@dataclass(frozen=True)
class Checking:
    """Who verifies. `seed` draws the verifiers' replies anew."""

    verifiers: Sequence[Caller] = ()
    seed: int = 0


@dataclass(frozen=True)
class Case:
    """One new wording beside the first: what changed is told from that, never from the last attempt."""

    task: Task
    after: Wording
    checking: Checking

    @property
    def first(self) -> Wording:
        return self.task.first

    @cached_property
    def key_kept(self) -> bool:
        """The same words in the same order, whole or up to a comma. Another order can be another claim."""
        before, after = self.first.key, Form.of(self.after.key).ordered
        ends = [len(before), *(m.start() for m in re.finditer(r",\s", before))]
        return any(Form.of(before[:end]).ordered == after for end in ends if before[:end].strip())

    @cached_property
    def changed(self) -> bool:
        """Is it, as far as the words go, another question or another key?"""
        return not self.key_kept or _plain(self.first.question) != _plain(self.after.question)

    @cached_property
    def new(self) -> list[str]:
        """The distractors that the first wording did not have."""
        old = {Form.of(c).ordered for c in self.first.distractors}
        return [c for c in self.after.distractors if Form.of(c).ordered not in old]

    @cached_property
    def scene(self) -> list[dict[str, Any]]:
        return shown(self.task.cues, self.task.evidence)

    def doubt(self, why: str) -> str:
        """What a verifier without a verdict comes to."""
        return f"refused: unproved: {why}" if self.changed else f"not checked: {why}"

    def failed(self, verifier: Caller, reason: str) -> str:
        name = verifier.model.label
        return (
            f"refused: verifier failed: {name}: {reason}" if self.changed else f"not checked: {name} failed: {reason}"
        )


Gate = Callable[[Case], Awaitable[str]]
_gates: dict[str, Gate] = {}


def gate(name: str) -> Callable[[Gate], Gate]:
    def add(made: Gate) -> Gate:
        _gates[name] = made
        return made

    return add


async def check(task: Task, after: Wording, checking: Checking) -> dict[str, str]:
    """Every gate that was tried, in order; the first refusal is the last entry."""
    case, done = Case(task, after, checking), dict[str, str]()
    for name, look in _gates.items():
        done[name] = await look(case)
        if done[name].startswith("refused: "):
            break
    return done


def refused(gates: Mapping[str, str]) -> str | None:
    """`gate: reason` of the refusal, if there is one."""
    return next((f"{g}: {v.removeprefix('refused: ')}" for g, v in gates.items() if v.startswith("refused: ")), None)


@gate("schema")
async def schema(case: Case) -> str:
    first, after = case.first, case.after
    if not after.question.strip():
        return "refused: empty question"
    if len(after.choices) != len(first.choices):
        return f"refused: {len(after.choices)} choices instead of {len(first.choices)}"
    if not 0 <= after.answer < len(after.choices):
        return f"refused: answer {after.answer} is out of range"
    if not all(c.strip() for c in after.choices):
        return "refused: empty choice"
    if strange := _controls(after) - _controls(first):
        return f"refused: control character U+{ord(min(strange)):04X}"
    if len(after.question) > max(QUESTION_TIMES * len(first.question), QUESTION_ALWAYS):
        return f"refused: question grew from {len(first.question)} to {len(after.question)} characters"
    if after in (first, case.task.best):
        return "refused: nothing changed"
    return PASSED


def _controls(wording: Wording) -> set[str]:
    """Control characters, those that turn the direction of text about, and halves of characters."""
    text = wording.question + "".join(wording.choices)
    turning = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
    return {c for c in text if unicodedata.category(c) in ("Cc", "Cs") or c in turning}


@gate("distinct-choices")
async def distinct_choices(case: Case) -> str:
    """A pair that the first wording had is its author's; the same text twice is nobody's."""
    for a, b in combinations(case.after.choices, 2):
        if near(a, b) and (_plain(a) == _plain(b) or not {a, b} <= set(case.first.choices)):
            return f"refused: {_short(a)} and {_short(b)} say the same"
    return PASSED


@gate("length-parity")
async def length_parity(case: Case) -> str:
    """The key is not told by a ruler. One that stood out in the first wording may go on to, if not by more."""
    side, by = _stands_out(case.after)
    side_first, by_first = _stands_out(case.first)
    if not side or (case.key_kept and side == side_first and by <= by_first):
        return PASSED
    key, others = len(case.after.key), [len(c) for c in case.after.distractors]
    nearest = max(others) if side == "longest" else min(others)
    return f"refused: the key is by far the {side}: {key} characters, the next {nearest}"


def _stands_out(wording: Wording) -> tuple[str, float]:
    """On which side, and how many times as long or as short as the choice next to it."""
    key, others = max(1, len(wording.key)), [max(1, len(c)) for c in wording.distractors]
    if not others:
        return "", 1.0
    for side, more, less in (("longest", key, max(others)), ("shortest", min(others), key)):
        if more > KEY_TIMES * less and more - less > KEY_CHARACTERS:
            return side, more / less
    return "", 1.0


@gate("key-kept")
async def key_kept(case: Case) -> str:
    """Another key has to be derived again, by open-answer; without cues and a verifier nobody can."""
    if case.key_kept:
        return PASSED
    if not case.scene or not case.checking.verifiers:
        missing = "cues" if not case.scene else "verifier"
        return f"refused: the key changed to {_short(case.after.key)} and no {missing} can confirm it"
    return "not checked: the key changed; open-answer must find it"


@gate("answer-hidden")
async def answer_hidden(case: Case) -> str:
    asked, key = Form.of(case.after.question).content, Form.of(case.after.key).content
    others = [Form.of(c).content for c in case.after.distractors]
    if key and key <= asked and not any(c and c <= asked for c in others):
        return "refused: the question names the key and no other choice"
    return PASSED


@gate("cues-silent")
async def cues_silent(case: Case) -> str:
    """A new wrong answer must not be what the cues say. All cues are read: words are free."""
    if not case.task.cues:
        return "not checked: no cues"
    asked = Form.of(case.after.question)
    said = [Form.of(str(cue.get("text") or "")) for cue in case.task.cues]
    for choice in case.new:
        if (at := told(Form.of(choice), asked, said)) is not None:
            return f"refused: {_short(choice)} stands in the cue {_short(str(case.task.cues[at]['text']))}"
    return PASSED


@gate("solvable")
async def solvable(case: Case) -> str:
    """With every cue in sight each verifier picks the key, averaged over the orderings."""

    async def one(verifier: Caller) -> str:
        found = await _pick(case, verifier, case.after)
        if found.probabilities is None:
            return case.failed(verifier, found.reason)
        if found.picked == case.after.answer:
            return PASSED
        name = verifier.model.label
        first = await _pick(case, verifier, case.first)
        if first.probabilities is None:
            return case.failed(verifier, first.reason)
        if first.picked != case.first.answer:
            return case.doubt(f"{name} could not answer the first wording")
        picked = "no choice above the others" if found.picked is None else _short(case.after.choices[found.picked])
        return f"refused: {name} picks {picked}"

    return await _by_each(case, one)


@gate("distractors-rejected")
async def distractors_rejected(case: Case) -> str:
    """Exactly one answer is right. The key is asked about too: who says no to that as well has rejected nothing."""
    if not case.new:
        return PASSED

    async def one(verifier: Caller) -> str:
        name = verifier.model.label
        try:
            for choice in case.new:
                if await _accepts(case, verifier, case.after.question, choice):
                    for old in case.first.distractors:
                        if await _accepts(case, verifier, case.first.question, old):
                            return case.doubt(f"{name} accepts wrong answers of the first wording too")
                    return f"refused: {name} accepts {_short(choice)}"
            if not await _accepts(case, verifier, case.after.question, case.after.key):
                return case.doubt(f"{name} rejects the key too")
        except ModelError as error:
            return case.failed(verifier, error.reason)
        return PASSED

    return await _by_each(case, one)


@gate("open-answer")
async def open_answer(case: Case) -> str:
    """Without choices to lean on the cues lead to the key; where question or key changed, they must."""

    async def one(verifier: Caller) -> str:
        values = {"cues": case.scene, "question": case.after.question, "quote": quote}
        messages = load("flyreel.refine", "open_answer").messages(**values)
        parameters = {"max_tokens": OPEN_TOKENS, "temperature": 0.0}
        try:
            reply = await verifier.ask(Call(messages, parameters, sample=case.checking.seed))
        except ModelError as error:
            return case.failed(verifier, error.reason)
        said = reply.text.strip().split("\n")[0]
        if _gives(said, case.after):
            return PASSED
        found = f"{verifier.model.label} answers {_short(said)}" if said else f"{verifier.model.label} answers nothing"
        return f"refused: {found}" if case.changed else f"not checked: {found}"

    return await _by_each(case, one)


GATES = tuple(_gates)
"""Their names, in order."""


async def _pick(case: Case, verifier: Caller, wording: Wording) -> Evidence:
    return await pick(verifier, case.scene, wording.question, wording.choices)


async def _accepts(case: Case, verifier: Caller, question: str, answer: str) -> bool:
    return await accepts(verifier, case.scene, question, answer, case.checking.seed)


async def _by_each(case: Case, one: Callable[[Caller], Awaitable[str]]) -> str:
    """A refusal by any verifier is one; otherwise one that could judge is enough. Nobody is asked after a refusal."""
    if not case.scene:
        return "not checked: no cues"
    if not case.checking.verifiers:
        return case.doubt("no verifier")
    found = []
    for verifier in case.checking.verifiers:
        found.append(await one(verifier))
        if found[-1].startswith("refused: "):
            return found[-1]
    if PASSED in found:
        return PASSED
    return "not checked: " + "; ".join(f.removeprefix("not checked: ") for f in found)


def _gives(said: str, wording: Wording) -> bool:
    """Does a free reply come to the key and to no other choice?"""
    reply = Form.of(said)

    def names(choice: str) -> bool:
        form = Form.of(choice)
        words, within = (form.content, reply.content) if form.content else (form.words, reply.words)
        return near(form, reply) or (words <= within and form.negations == reply.negations)

    return bool(said) and names(wording.key) and not any(names(c) for c in wording.distractors)


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def _short(text: str) -> str:
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return f"“{text if len(text) <= 60 else text[:59] + '…'}”"
