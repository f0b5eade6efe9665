"""The refinement loop that came with CinePile, written out from its description to compare with and not to be used.

Isolation asks a solver every question in five cyclic rotations, a letter and a rationale each time; right in three or
more is weak. A weak question is rewritten, with the solver's rationale in hand, until the solver is right in half of
the rotations or fewer. The faults of the description are kept on purpose and are numbered where they are made:

1. up to six rewrites, where five were meant
2. where every call fails, the mean of nothing is not a number, which is not above 0.5: fixed
3. one unrotated call comes first; where that one misses, the question is fixed without an edit
4. the rationale handed on is that of the last rotation, right or wrong
5. nothing checks a rewrite: not that the key still holds, nor that the choices differ
6. each rewrite is made from the one before it, and there is no best so far
7. the solver that found a question weak is the one that says it no longer is
8. one call after another, no cache, no seed; rows after the last full checkpoint are not written

`tests/refine/test_published_defects.py` shows each of them; `benchmarks/refine_calls.py` counts what it costs.
Prompts and code are this file's own.
"""

from __future__ import annotations

import asyncio
import json
import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from flyreel.errors import ModelError
from flyreel.models.call import Call, Model

ROTATIONS = 5
ATTEMPTS = 5
LETTERS = "ABCDE"
MOST_CALLS = ROTATIONS + 1 + (ATTEMPTS + 1) * (1 + ROTATIONS)
"""For one weak question that is never fixed: 42."""

SOLVER = """You answer a multiple-choice question about a video that you can neither see nor hear.

Question: {question}
{options}

Give the letter of the most plausible option and your rationale for it, in this form:
**Answer:** <letter>
**Rationale:** <why a person who has not seen the video would choose it>"""

REWRITER = """A model that never saw the video answered this question correctly. Make it need the video: change the
question, the choices or both, or write a new question about the scene.

Scene: {scene}
Question: {question}
Correct answer: {key}
Wrong answers: {distractors}
The model's rationale: {rationale}

Reply in JSON: {{"question": "…", "answer": "…", "distractors": ["…", "…", "…", "…"]}}"""

_ANSWER = re.compile(r"\*\*Answer:\*\* ([A-E])")
_RATIONALE = re.compile(r"\*\*Rationale:\*\* (.*)", re.S)


@dataclass(frozen=True)
class Item:
    id: str
    question: str
    choices: tuple[str, ...]
    answer: int
    scene: str = ""


@dataclass(frozen=True)
class Row:
    """`outcome` is strong (was not weak), fixed or unfixable. `item` is the last wording."""

    item: Item
    weak: bool
    outcome: str
    rewrites: int = 0


@dataclass(frozen=True)
class Said:
    right: bool
    rationale: str


@dataclass
class Published:
    """One run. The counts are by kind of call: isolation, first, rewrite, certify."""

    solver: Model
    rewriter: Model
    checkpoint: int = 100
    calls: Counter[str] = field(default_factory=Counter)
    output_tokens: Counter[str] = field(default_factory=Counter)

    async def run(self, items: Sequence[Item], output: Path, concurrency: int = 1) -> list[Row]:
        """All rows, in the order in which they were finished; in the file, those up to the last full checkpoint."""
        rows: list[Row] = []
        waiting = iter(items)

        async def work() -> None:
            for item in waiting:
                rows.append(await self.settle(item))
                if len(rows) % self.checkpoint == 0:  # 8: what comes after the last multiple is never written
                    output.write_text("".join(json.dumps(asdict(row)) + "\n" for row in rows), encoding="utf-8")

        await asyncio.gather(*(work() for _ in range(concurrency)))
        return rows

    async def settle(self, item: Item) -> Row:
        answers = await self._rotations("isolation", item)
        if sum(said.right for said in answers) < 3:
            return Row(item, False, "strong")
        return await self._fix(item)

    async def _fix(self, item: Item) -> Row:
        first = await self._solve("first", item, 0)
        if first is None or not first.right:  # 3
            return Row(item, True, "fixed")
        rationale, attempts = first.rationale, 0
        while attempts <= ATTEMPTS:  # 1
            item = await self._rewrite(item, rationale)  # 6
            answers = await self._rotations("certify", item)  # 7
            attempts += 1
            if not mean([said.right for said in answers]) > 0.5:  # 2
                return Row(item, True, "fixed", attempts)
            rationale = answers[-1].rationale  # 4
        return Row(item, True, "unfixable", attempts)

    async def _rotations(self, kind: str, item: Item) -> list[Said]:
        """The rotations that were answered; a call that failed is left out."""
        answers = [await self._solve(kind, item, rotation) for rotation in range(ROTATIONS)]
        return [said for said in answers if said is not None]

    async def _solve(self, kind: str, item: Item, rotation: int) -> Said | None:
        """A reply in any other form than the one that was asked for is a wrong answer."""
        k = len(item.choices)
        shown = [item.choices[(rotation + i) % k] for i in range(k)]
        options = "\n".join(f"{letter}) {text}" for letter, text in zip(LETTERS, shown, strict=False))
        text = await self._ask(kind, self.solver, SOLVER.format(question=item.question, options=options), 0.1)
        if text is None:
            return None
        letter, rationale = _ANSWER.search(text), _RATIONALE.search(text)
        key = LETTERS[(item.answer - rotation) % k]
        return Said(letter is not None and letter[1] == key, rationale[1] if rationale else text)

    async def _rewrite(self, item: Item, rationale: str) -> Item:
        """5: whatever can be read is taken. A reply that cannot be read leaves the wording as it was."""
        wrong = [c for i, c in enumerate(item.choices) if i != item.answer]
        prompt = REWRITER.format(
            scene=item.scene,
            question=item.question,
            key=item.choices[item.answer],
            distractors=json.dumps(wrong, ensure_ascii=False),
            rationale=rationale,
        )
        text = await self._ask("rewrite", self.rewriter, prompt, 0.8)
        try:
            new = json.loads(text or "")
            choices = [str(c) for c in new["distractors"]]
            choices.insert(item.answer, str(new["answer"]))
            return replace(item, question=str(new["question"]), choices=tuple(choices))
        except (ValueError, KeyError, TypeError):
            return item

    async def _ask(self, kind: str, model: Model, prompt: str, temperature: float) -> str | None:
        call = Call(({"role": "user", "content": prompt},), {"max_tokens": 512, "temperature": temperature})
        self.calls[kind] += 1
        try:
            reply = await model.send(call)
        except ModelError:
            return None
        self.output_tokens[kind] += reply.output_tokens
        return reply.text


def mean(values: Sequence[bool]) -> float:
    return sum(values) / len(values) if values else math.nan
