"""Other wrong choices first, which needs no language model; a rewrite for what stays weak, where there is one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from flyreel.engine.stage import Drop
from flyreel.refine.strategies.distractors import distractors
from flyreel.refine.strategies.rewrite import rewrite
from flyreel.refine.strategy import Bench, Proposal, Task, strategy

BY_DISTRACTORS = 2
"""Attempts before the rewriter is asked about a question that distractors were found for."""


@strategy("auto", reads_why=lambda attempt: attempt > BY_DISTRACTORS)
async def auto(tasks: Sequence[Task], bench: Bench) -> list[Proposal]:
    """Distractors first, then a rewrite of what stays weak."""
    alone = replace(bench, rewriter=None)
    if bench.rewriter is None:
        return await distractors(tasks, alone)
    found: list[Proposal] = [Drop("later")] * len(tasks)
    if tasks[0].attempt <= BY_DISTRACTORS:
        found = await distractors(tasks, alone)
    left = [i for i, proposal in enumerate(found) if isinstance(proposal, Drop)]
    for i, proposal in zip(left, await rewrite([tasks[i] for i in left], bench), strict=True):
        found[i] = proposal
    return found
