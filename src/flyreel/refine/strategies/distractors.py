"""Other wrong choices, no language model needed: the question and its key stay as they are to the letter."""

from __future__ import annotations

from collections.abc import Sequence

from flyreel.engine.stage import Drop
from flyreel.refine.balance import balanced
from flyreel.refine.offers import Offers
from flyreel.refine.propose import propose
from flyreel.refine.strategy import Bench, Proposal, Task, strategy

FEWEST = 20
"""Questions below which there is nothing to draw from and nothing to learn."""


@strategy("distractors")
async def distractors(tasks: Sequence[Task], bench: Bench) -> list[Proposal]:
    """Wrong choices taken over the whole set, until the text model no longer knows the key."""
    if len(bench.questions) < FEWEST:
        return [Drop("set-too-small", f"fewer than {FEWEST} questions to draw from")] * len(tasks)
    proposed = await propose(tasks, bench) if bench.rewriter else {}
    seed = bench.seed + 1000 * max(t.attempt for t in tasks)
    found = balanced(bench.questions, tasks, Offers(bench.questions, tasks, proposed, seed), seed)
    return [found.get(t.row, Drop("no-candidates")) for t in tasks]
