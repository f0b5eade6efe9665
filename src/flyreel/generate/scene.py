"""What a clip says, as questions are made from it: its cues in order, and the stretches a model can read at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from flyreel.clips import Clips

TOLD = ("caption", "description", "tag")
"""Kinds of cue that tell what is to be seen; the others are heard."""


@dataclass(frozen=True)
class Scene:
    """One clip in words. `cues` are rows of canonical JSONL, by start."""

    clip: str
    group: str
    cues: tuple[Mapping[str, Any], ...]
    duration: float | None = None
    split: str | None = None

    def row(self, id: str, **values: Any) -> dict[str, Any]:
        """A question about this scene as a canonical row, but for who made it."""
        made = {"id": id, "clip": self.clip, "group": self.group, **values}
        return {**made, "split": self.split} if self.split else made


def scenes(clips: Clips, start: int = 0, count: int | None = None) -> Iterator[Scene]:
    """Those of the clips `start` to `start + count`: a part at a time, so that memory holds one part."""
    stop = len(clips) if count is None else min(start + count, len(clips))
    for row in clips.take(np.arange(start, stop)).to_rows():
        cues = tuple(sorted(row.get("cues") or (), key=lambda cue: (cue["start"], cue["end"])))
        yield Scene(row["id"], row["group"], cues, row.get("duration"), row.get("split"))
