"""What refinement costs: flyreel's loop beside the published one, over the same solver and the same rewriter.

    python benchmarks/refine_calls.py
    python benchmarks/refine_calls.py --questions 200 --latency 0

1,000 five-choice questions, four in ten of them weak, with a scripted solver that goes by content and has a mild taste
for early letters. A weak question needs one to five revisions before its key is no longer preferred, or is beyond
help; the version stands in the question, the rewriter counts it up, and each version takes a little from the key. With
the published rule (three orderings of five) both loops must come to the truth on every question, before and after. The
script leaves out what the published loop gets wrong (tests/refine/test_published_defects.py has that): its first,
unrotated call never misses a weak question, none needs a sixth revision, and no call fails.

Every loop has a server of its own and as many requests in flight; the published loop works on that many questions, one
call after another in each. A reply takes as long however long it is, which is kind to the published loop. Tokens are
those in the server's usage: a letter is one, a rationale about 90 where the published prompt asks for it and about 40
where flyreel asks for one or two short sentences. Bars: 1.5 times fewer calls, and 10 times fewer output
tokens, the rewriter's among them: flyreel's says what changes and nothing else.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import random
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from common import bars, head, stats, table
from published_loop import Item, Published

from flyreel.engine.budget import Budget
from flyreel.engine.calls import Caller, Limits
from flyreel.models.call import Call, Model, Reply
from flyreel.models.endpoint import Endpoint
from flyreel.models.fake import FakeReply, FakeServer, options, prefer
from flyreel.models.ledger import Ledger
from flyreel.models.scoring import cyclic
from flyreel.questions import Questions
from flyreel.refine.loop import Refined, Setting, refine
from flyreel.refine.rationale import TOKENS

FEWER_CALLS, FEWER_TOKENS = 1.5, 10.0
K = 5
NEVER = 99
STEP = 0.5
"""What a revision takes from the key's score."""
BIAS = (0.2, 0.1, 0.0, -0.1, -0.2)

_VERSION = re.compile(r"in clip (\d+), version (\d+)")
_RATIONALE = (
    "Nothing of the video is needed here. The question speaks of a person who puts something away before leaving, and "
    "of the options this one alone gives a reason that people usually have for it; the others would need something out "
    "of the ordinary to happen first, and questions of this kind are seldom about that."
)
_SHORT = (
    "The question asks why somebody puts a box away before leaving, which speaks for something urgent. Only this "
    "option gives a reason that people usually have."
)
"""The same in one or two short sentences, which is what flyreel asks for."""

_REASONS = (
    "her brother is already waiting at the door",
    "the train to the coast leaves in an hour",
    "it belonged to the old owner",
    "she has promised not to open it",
    "the rain has come through the roof",
    "nobody else knows where the key is",
    "the neighbours have complained about the noise",
    "she wants the guests to find it later",
    "the doctor told her to rest",
    "there is no room left in the suitcase",
    "the dog has been scratching at the wall",
    "her hands are cold and wet",
    "it is evidence in a case that is still open",
    "a letter from the bank lies under it",
    "the light has just gone out",
    "he asked for it back in front of everyone",
    "the floor beneath the table is giving way",
    "she hears steps on the stairs",
)


@dataclass(frozen=True)
class Scripted:
    """`needs` is how many revisions it takes until the key is no longer preferred; 0 is strong from the start."""

    number: int
    choices: tuple[str, ...]
    answer: int
    scores: tuple[float, ...]
    needs: int

    def text(self, version: int = 0) -> str:
        return f"Why does the woman in clip {self.number}, version {version}, put the box away before she leaves?"

    def logits(self, shown: Sequence[str], version: int) -> dict[str, float]:
        key = self.choices[self.answer]
        by_text = dict(zip(self.choices, self.scores, strict=True))
        return {text: by_text[text] - STEP * version * (text == key) for text in shown}

    def right(self, version: int) -> list[bool]:
        """By ordering."""
        found = []
        for ordering in cyclic(K):
            logits = self.logits([self.choices[c] for c in ordering], version)
            at = max(range(K), key=lambda i, o=ordering, s=logits: s[self.choices[o[i]]] + BIAS[i])
            found.append(ordering[at] == self.answer)
        return found

    @property
    def fair(self) -> bool:
        """The published vote sees it as it is meant, and the unrotated call does not miss where it is weak."""
        first = [sum(self.right(v)) >= 3 for v in range(7)]
        return first == [v < self.needs for v in range(7)] and (self.needs == 0 or self.right(0)[0])


@cache
def world(n: int) -> tuple[Scripted, ...]:
    draw = random.Random(0)
    kinds = [[1, 2, 3, 4, 5, NEVER][i // 2 % 6] if i % 5 < 2 else 0 for i in range(n)]
    made = []
    for number, needs in enumerate(kinds):
        while not (one := _drawn(draw, number, needs)).fair:
            pass
        made.append(one)
    return tuple(made)


def _drawn(draw: random.Random, number: int, needs: int) -> Scripted:
    choices, answer = tuple(draw.sample(_REASONS, K)), draw.randrange(K)
    scores = [draw.uniform(0.0, 1.5) for _ in range(K)]
    rival = max(s for i, s in enumerate(scores) if i != answer)
    margin = {0: -draw.uniform(0.1, 1.5), NEVER: 6.0}.get(needs, STEP * (needs - 0.5))
    scores[answer] = rival + margin
    return Scripted(number, choices, answer, tuple(scores), needs)


def script(n: int, messages: list[dict[str, Any]]) -> FakeReply:
    """Solver and rewriter of both loops, told apart by what they are asked for."""
    asked = "\n".join(str(m["content"]) for m in messages)
    named = _VERSION.search(asked)
    if not named:  # flyreel finds out whether there are log-probabilities
        return prefer(len)(messages)
    one, version = world(n)[int(named[1])], int(named[2])
    if messages[-2:-1] and messages[-2]["role"] == "assistant":
        return FakeReply(_SHORT)
    if shown := options(messages):
        letter = prefer(one.logits(shown, version).__getitem__, BIAS)(messages)
        return FakeReply(f"**Answer:** {letter.text}\n**Rationale:** {_RATIONALE}") if "**" in asked else letter
    question, wrong = one.text(version + 1), [c for i, c in enumerate(one.choices) if i != one.answer]
    if "distractors" in asked:
        return _json(question=question, answer=one.choices[one.answer], distractors=wrong)
    return _json(change="question", question=question)


def _json(**reply: Any) -> FakeReply:
    return FakeReply(json.dumps(reply))


@dataclass
class Metered:
    """A model that counts what it sends and receives, by who is asked and for how much."""

    model: Model
    role: str
    calls: Counter[str] = field(default_factory=Counter)
    tokens: Counter[str] = field(default_factory=Counter)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model, name)

    async def send(self, call: Call) -> Reply:
        reply = await self.model.send(call)
        kind = (
            self.role
            if self.role != "solver"
            else f"solver, {'a letter' if reply.output_tokens == 1 else 'a rationale'}"
        )
        self.calls[kind] += 1
        self.tokens[kind] += reply.output_tokens
        return reply


@dataclass
class Ran:
    """`weak` and `fixed` are the questions' numbers; `calls` and `tokens` are by kind."""

    weak: set[int]
    fixed: set[int]
    calls: Counter[str]
    tokens: Counter[str]
    seconds: float
    widest: int = 0


async def published(url: str, items: Sequence[Scripted], in_flight: int, folder: Path) -> Ran:
    solver, rewriter = (Metered(Endpoint(url, "fake"), role) for role in ("solver", "rewriter"))
    start = time.perf_counter()
    loop = Published(solver, rewriter)
    asked = [Item(str(s.number), s.text(), s.choices, s.answer) for s in items]
    rows = await loop.run(asked, folder / "published.jsonl", in_flight)
    seconds = time.perf_counter() - start
    await solver.close()
    await rewriter.close()
    weak = {int(row.item.id) for row in rows if row.weak}
    fixed = {int(row.item.id) for row in rows if row.outcome == "fixed"}
    return Ran(weak, fixed, solver.calls + rewriter.calls, solver.tokens + rewriter.tokens, seconds)


async def flyreel(url: str, items: Sequence[Scripted], in_flight: int, folder: Path, rule: str) -> Ran:
    solver, rewriter = (Metered(Endpoint(url, "fake"), role) for role in ("solver", "rewriter"))
    limits = Limits(concurrency=in_flight)
    rows = [{"id": str(s.number), "question": s.text(), "choices": s.choices, "answer": s.answer} for s in items]
    start = time.perf_counter()
    with Ledger(folder) as ledger:
        blind, writer = (Caller(model, limits, ledger, Budget()) for model in (solver, rewriter))
        setting = Setting(strategy="rewrite", rule=rule, blind=[blind], rewriter=writer, luck=False)
        refined: Refined = await refine(Questions.from_rows(rows), setting)
        await solver.close()
        await rewriter.close()
    seconds = time.perf_counter() - start
    weak = {int(walk.id) for walk in refined.walks if walk.outcome != "strong"}
    fixed = {int(walk.id) for walk in refined.walks if walk.outcome == "stronger"}
    return Ran(weak, fixed, solver.calls + rewriter.calls, solver.tokens + rewriter.tokens, seconds)


def _serve(pipe: Any, n: int, latency: float) -> None:
    async def serve() -> None:
        async with FakeServer(lambda messages: script(n, messages), latency=latency) as server:
            pipe.send(server.url)
            await asyncio.Event().wait()

    asyncio.run(serve())


@contextmanager
def served(n: int, latency: float) -> Iterator[str]:
    """The script in a process of its own; its address."""
    spawn = multiprocessing.get_context("spawn")
    mine, theirs = spawn.Pipe()
    process = spawn.Process(target=_serve, args=(theirs, n, latency), daemon=True)
    process.start()
    try:
        yield mine.recv()
    finally:
        process.terminate()
        process.join()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=1000)
    parser.add_argument("--in-flight", type=int, default=64)
    parser.add_argument("--latency", type=float, default=0.05)
    given = parser.parse_args()
    n, width = given.questions, given.in_flight
    head("refine_calls", questions=f"{n:,}", in_flight=width, latency=f"{given.latency:g} s")
    items = world(n)

    runs: dict[str, Ran] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with served(n, given.latency) as url:
            runs["published"] = asyncio.run(published(url, items, width, folder))
            runs["published"].widest = stats(url)["most_in_flight"]
        for rule in ("vote", "averaged"):
            with served(n, given.latency) as url:
                ours = runs[f"flyreel, {rule}"] = asyncio.run(flyreel(url, items, width, folder / rule, rule))
                ours.widest = stats(url)["most_in_flight"]
                again = runs[f"flyreel, {rule}, again"] = asyncio.run(flyreel(url, items, width, folder / rule, rule))
                again.widest = 0
    return _report(items, runs)


def _report(items: Sequence[Scripted], runs: dict[str, Ran]) -> int:
    weak = {s.number for s in items if s.needs}
    fixable = {s.number for s in items if s.needs and s.needs != NEVER}
    kinds = sorted({kind for run in runs.values() for kind in run.calls})
    rows = []
    for name, run in runs.items():
        wrong = len(run.weak ^ weak) + len(run.fixed ^ fixable)
        by_kind = [f"{run.calls[kind]:,}" for kind in kinds]
        sums = (f"{run.calls.total():,}", f"{run.tokens.total():,}", f"{run.seconds:.1f}", run.widest)
        rows.append((name, len(run.weak), len(run.fixed), wrong, *by_kind, *sums))
    table(("calls", "weak", "fixed", "wrong", *kinds, "all", "tokens out", "s", "in flight"), rows)
    rows = [(name, *(f"{run.tokens[kind]:,}" for kind in kinds)) for name, run in runs.items()]
    table(("output tokens", *kinds), rows)

    theirs, ours, again = runs["published"], runs["flyreel, vote"], runs["flyreel, vote, again"]
    calls = theirs.calls.total() / ours.calls.total()
    solved = {name: _solver(run.tokens) for name, run in runs.items()}
    tokens = theirs.tokens.total() / ours.tokens.total()
    kind = "solver, a rationale"
    longest = solved["flyreel, vote"] - ours.tokens[kind] + TOKENS * ours.calls[kind]
    print(f"  output tokens of the solver: {solved['published'] / solved['flyreel, vote']:.1f} times fewer")
    print(f"  the same, were every rationale as long as allowed: {solved['published'] / longest:.1f} times fewer\n")
    same = (theirs.weak, theirs.fixed) == (ours.weak, ours.fixed) == (weak, fixable)
    return bars(
        (f"both loops find the {len(weak)} weak questions and fix the {len(fixable)} that can be", same),
        (f"{calls:.2f} times fewer calls, at least {FEWER_CALLS}", calls >= FEWER_CALLS),
        (f"{tokens:.1f} times fewer output tokens, at least {FEWER_TOKENS:g}", tokens >= FEWER_TOKENS),
        (f"{again.calls.total()} calls where the ledger has them, none", again.calls.total() == 0),
    )


def _solver(tokens: Counter[str]) -> int:
    return sum(n for kind, n in tokens.items() if kind.startswith("solver"))


if __name__ == "__main__":
    sys.exit(main())
