"""A method makes questions from scenes: one async function per file under `@method(name)`.

It is given some scenes at a time and returns what it made of them and what it dropped, each with a machine-readable
reason. It must be a function of the scenes, the setting and the replies in the ledger, so that a killed run goes on
where it stood. Facts: `letter` stands in the ids of its questions; one that `asks` needs a model that writes, and
`calls` forecasts what that model will be asked.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

from flyreel.engine.calls import Caller
from flyreel.engine.local import Progress, Silent
from flyreel.generate.scene import TOLD, Scene
from flyreel.generate.templates.store import Template
from flyreel.registry import Registry


@dataclass(frozen=True)
class Dropped:
    """A question, or a chance of one, that goes no further."""

    clip: str
    reason: str
    detail: str = ""
    question: str = ""


@dataclass
class Made:
    """`questions` are canonical rows; `tables` what else was made, by name, as rows."""

    questions: list[dict[str, Any]] = field(default_factory=list)
    dropped: list[Dropped] = field(default_factory=list)
    tables: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def add(self, other: Made) -> None:
        self.questions += other.questions
        self.dropped += other.dropped
        for name, rows in other.tables.items():
            self.tables.setdefault(name, []).extend(rows)


@dataclass(frozen=True)
class Setting:
    """`choices` is how many each question gets, 0 for open-ended ones; `count` how many questions a clip is asked for;
    `read` the kinds of cue that count as descriptions."""

    seed: int = 0
    choices: int = 5
    count: int = 32
    read: tuple[str, ...] = TOLD
    templates: tuple[Template, ...] = ()
    asker: str = "rules"
    qa: str | None = None
    tokens: int = 3000
    """Of a scene's text that a model is shown at once."""
    generator: Caller | None = None
    verifier: Caller | None = None
    progress: Callable[[str], Progress] = field(default=lambda label: Silent())


Method = Callable[[Sequence[Scene], Setting], Coroutine[Any, Any, Made]]
methods: Registry[Method] = Registry("method", "flyreel.generate.methods")
method = methods.add
