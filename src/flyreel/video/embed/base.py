"""An embedder: frames and texts to unit vectors of one space.

`id` names everything that a vector depends on (weights by digest, size, preprocessing), so that a cached vector is
never taken for one of another model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from flyreel.registry import Registry


class Embedder(Protocol):
    @property
    def id(self) -> str: ...

    @property
    def size(self) -> tuple[int, int]:
        """Height and width that frames are brought to before `images` sees them; the decoder may do it."""
        ...

    def images(self, frames: np.ndarray) -> np.ndarray:
        """(n, height, width, 3) uint8 to (n, d) float32 of unit length."""
        ...

    def texts(self, texts: Sequence[str]) -> np.ndarray:
        """m texts to (m, d) float32 of unit length."""
        ...


embedders: Registry[Callable[[str], Embedder]] = Registry("embedder", "flyreel.video.embed")
"""By kind: `toyclip` takes an optional path of other weights, `hf` the name or the folder of a hub model."""


def open_embedder(name: str) -> Embedder:
    """`toyclip`, or `hf:openai/clip-vit-base-patch32`, or `hf:FOLDER`."""
    kind, _, rest = name.partition(":")
    return embedders.get(kind).make(rest)
