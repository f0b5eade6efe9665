"""Who writes a question for a given answer: one async function per file under `@asker(name)`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from flyreel.engine.stage import Drop
from flyreel.generate.language.candidates import Candidate
from flyreel.generate.method import Setting
from flyreel.registry import Registry


@dataclass(frozen=True)
class Sheet:
    """One description and the answers to ask for. `doc` is spaCy's reading of the very same text."""

    text: str
    candidates: tuple[Candidate, ...]
    doc: Any = None


Asker = Callable[[Sequence[Sheet], Setting], Awaitable[list[list["str | Drop"]]]]
"""For every sheet, for every candidate: the question, or why there is none."""

askers: Registry[Asker] = Registry("question writer", "flyreel.generate.askers")
asker = askers.add
