"""Which questions video_chat could not learn from or be asked, and why; a run that goes on knows of those before."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass
class LeftOut:
    """By question, in one word why. Of several processes each knows of what it met itself."""

    train: dict[str, str] = field(default_factory=dict)
    held: dict[str, str] = field(default_factory=dict)

    def state_dict(self) -> dict[str, Any]:
        """Copies: threads that make batches note more in the meantime."""
        return {"train": dict(self.train), "held": dict(self.held)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.train.update(state["train"])
        self.held.update(state["held"])

    def counts(self) -> dict[str, dict[str, int]]:
        return {name: dict(Counter(noted.values()).most_common()) for name, noted in self.state_dict().items()}
