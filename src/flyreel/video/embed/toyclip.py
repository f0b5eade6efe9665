"""toyclip: a small dual encoder of our own, trained on toybox, that ships with the package and runs on numpy alone.

It knows the toybox world and little else: for real film, name a CLIP or SigLIP with `hf:`. Weights are half precision
on disk and single precision in use. The network is written once more in torch in `train/recipes/toyclip.py`, where it
is trained; a test holds the two against each other.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.resources import files
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from flyreel.errors import InputError
from flyreel.video.embed.base import embedders

SIZE = (72, 96)
WORDS = 64
"""Words of a text that are read, at most; a caption of a toybox scene has twenty to fifty."""

VOCABULARY = 1024
_KEY = b"156916"
"""Found by trying: under it no two words of toybox's captions, queries and questions fall together."""

BATCH = 32
STRIDES = (2, 2, 2, 1)
_WEIGHTS = "weights/toyclip.safetensors"


def tokens(text: str) -> list[int]:
    """Words by hash, 1 to 1023, so that there is no list of words to keep; 0 is for padding."""
    return [_hashed(word) for word in re.findall(r"[a-z]+", text.lower())[:WORDS]] or [0]


@lru_cache(4096)
def _hashed(word: str) -> int:
    digest = hashlib.blake2b(word.encode(), digest_size=4, key=_KEY).digest()
    return 1 + int.from_bytes(digest, "big") % (VOCABULARY - 1)


def padded(texts: Sequence[str]) -> np.ndarray:
    rows = [tokens(t) for t in texts]
    width = max((len(r) for r in rows), default=1)
    return np.array([r + [0] * (width - len(r)) for r in rows], dtype=np.int64).reshape(len(rows), width)


@dataclass(frozen=True)
class ToyClip:
    weights: dict[str, np.ndarray]
    digest: str

    @property
    def id(self) -> str:
        return f"toyclip:{self.digest[:16]}"

    @property
    def size(self) -> tuple[int, int]:
        return SIZE

    @cached_property
    def parameters(self) -> int:
        return sum(w.size for w in self.weights.values())

    def images(self, frames: np.ndarray) -> np.ndarray:
        # small products: a thread that waits for a busy core costs more than it brings
        with threadpool_limits(1):
            parts = [self._images(frames[i : i + BATCH]) for i in range(0, len(frames), BATCH)]
        return np.concatenate(parts) if parts else np.empty((0, len(self.weights["image.head.bias"])), np.float32)

    def _images(self, frames: np.ndarray) -> np.ndarray:
        w = self.weights
        x = frames.astype(np.float32) / 127.5 - 1.0
        for i, stride in enumerate(STRIDES):
            x = np.maximum(_conv(x, w[f"image.conv{i}.weight"], w[f"image.conv{i}.bias"], stride), 0.0)
        x = x.reshape(len(x), -1, x.shape[-1]) + w["image.place"]
        x = np.maximum(x @ w["image.mix.weight"].T + w["image.mix.bias"], 0.0)
        x = np.concatenate([x.max(axis=1), x.mean(axis=1)], axis=1)
        return _unit(x @ w["image.head.weight"].T + w["image.head.bias"])

    def texts(self, texts: Sequence[str]) -> np.ndarray:
        w = self.weights
        ids = padded(texts)
        if not len(ids):
            return np.empty((0, len(w["text.head.bias"])), np.float32)
        there = (ids > 0)[:, :, None]
        x = w["text.words"][ids] * there
        for i in range(2):
            wide = np.pad(x, ((0, 0), (2, 2), (0, 0)))
            seen = np.concatenate([wide[:, j : j + x.shape[1]] for j in range(5)], axis=2)
            x = x + np.maximum(seen @ w[f"text.conv{i}.weight"].T + w[f"text.conv{i}.bias"], 0.0) * there
        most = np.where(there, x, -np.inf).max(axis=1)
        mean = x.sum(axis=1) / np.maximum(there.sum(axis=1), 1)
        x = np.concatenate([np.where(np.isfinite(most), most, 0.0), mean], axis=1)
        return _unit(x @ w["text.head.weight"].T + w["text.head.bias"])


def _conv(x: np.ndarray, weight: np.ndarray, bias: np.ndarray, stride: int) -> np.ndarray:
    """3 × 3 with a border of one, over (n, height, width, channels), as one matrix product."""
    wide = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    h, w = -(-x.shape[1] // stride), -(-x.shape[2] // stride)
    seen = [wide[:, i : i + stride * h : stride, j : j + stride * w : stride] for i in range(3) for j in range(3)]
    columns = np.concatenate(seen, axis=3)
    return (columns.reshape(-1, columns.shape[3]) @ weight.T + bias).reshape(len(x), h, w, -1)


def _unit(x: np.ndarray) -> np.ndarray:
    return (x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)).astype(np.float32)


@embedders.add("toyclip")
def toyclip(path: str = "") -> ToyClip:
    """The embedded dual encoder for toybox; `toyclip:PATH` takes other weights of the same form."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    source = Path(path) if path else files("flyreel.video.embed") / _WEIGHTS
    try:
        raw = source.read_bytes()
        weights = {name: w.astype(np.float32) for name, w in load(raw).items()}
    except OSError as error:
        raise InputError(f"toyclip:{path}: cannot read: {error.strerror or error}") from None
    except KeyError as error:  # a number format that numpy has not
        raise InputError(f"toyclip:{path}: safetensors of another model, not toyclip's ({error})") from None
    except (SafetensorError, ValueError) as error:
        raise InputError(f"toyclip:{path}: not a safetensors file: {error}") from None
    if not _fits(weights):
        raise InputError(f"toyclip:{path}: safetensors of another model, not toyclip's")
    return ToyClip(weights, hashlib.sha256(raw).hexdigest())


def _fits(weights: dict[str, np.ndarray]) -> bool:
    """Whether a picture and a word go through it, which a missing or misshapen weight would stop half-way."""
    tried = ToyClip(weights, "")
    try:
        return tried.images(np.zeros((1, *SIZE, 3), np.uint8)).shape == tried.texts(["word"]).shape
    except (KeyError, ValueError, IndexError):
        return False
