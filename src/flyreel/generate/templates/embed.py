"""Questions as points: near means asked alike.

TF-IDF keeps question words and other grammar, which a topic model would throw away: here they are the topic. Words and
pairs of words, reduced to a few dimensions and set to length one. Few dimensions, because what returns in thousands of
questions is how they are asked; with a hundred dimensions objects come in, and clusters that another seed does not
find again (docs/templates.md).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from flyreel.errors import InputError, MissingExtra, did_you_mean

DIMENSIONS = 16
RARE = 3
"""A word or pair in fewer questions than this says nothing about kinds; in a set of a few dozen everything counts."""
SMALL = 300

Matrix = Any
"""Rows of length one, dense or sparse."""


@dataclass(frozen=True)
class Space:
    """`points` is what is clustered; `encode` gives rows for any texts, whose products say how alike two are.

    For TF-IDF they differ: sixteen dimensions tell kinds apart, but not one question from the next.
    """

    name: str
    points: np.ndarray
    encode: Callable[[Sequence[str]], Matrix]
    alike: float
    """From this product on two templates are the same one."""


def embed(texts: Sequence[str], embedder: str = "tfidf") -> Space:
    kind, _, rest = embedder.partition(":")
    if kind == "tfidf" and not rest:
        return tfidf(texts)
    if kind == "st" and rest:
        return sentences(texts, rest)
    raise InputError(f"--embedder {embedder}: no such embedder.{did_you_mean(kind, ('tfidf', 'st:FOLDER', 'st:NAME'))}")


def tfidf(texts: Sequence[str]) -> Space:
    from scipy.sparse.linalg import svds
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.preprocessing import normalize

    def fitted(rare: int) -> tuple[TfidfVectorizer, Matrix]:
        counter = TfidfVectorizer(ngram_range=(1, 2), min_df=rare, sublinear_tf=True, token_pattern=r"[^\W_]+|\?")
        return counter, counter.fit_transform(texts)

    try:
        counter, weights = fitted(RARE if len(texts) >= SMALL else 1)
    except ValueError:  # no word comes three times, as in scripts that do not part words
        counter, weights = fitted(1)
    most = min(weights.shape) - 1
    if most < 2:
        points = weights.toarray()
    else:  # the exact decomposition: a random one would be one more thing that another seed changes
        start = np.random.default_rng(0).normal(size=min(weights.shape))
        left, scale, _ = svds(weights, min(DIMENSIONS, most), v0=start)
        points = left * scale
    return Space("tfidf", np.ascontiguousarray(normalize(points)), counter.transform, alike=0.8)


def sentences(texts: Sequence[str], model: str) -> Space:
    """A sentence-transformers model, from a folder or by its name on the hub."""
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError:
        raise MissingExtra(f"--embedder st:{model}", "models") from None
    if model.startswith((".", "/", "~")) and not Path(model).expanduser().is_dir():
        raise InputError(f"--embedder st:{model}: no such folder")
    try:
        loaded = SentenceTransformer(str(Path(model).expanduser()) if Path(model).expanduser().is_dir() else model)
    except Exception as error:  # the library raises whatever the hub, the file or the tokeniser raised
        cause = re.sub(r"\s+", " ", str(error)).strip()[:160]
        raise InputError(f"--embedder st:{model}: cannot be loaded: {type(error).__name__}: {cause}") from None

    def encode(given: Sequence[str]) -> np.ndarray:
        found = loaded.encode(list(given), normalize_embeddings=True, show_progress_bar=False, convert_to_numpy=True)
        return np.asarray(found, dtype=np.float64)

    return Space(f"st:{model}", encode(texts), encode, alike=0.9)


def products(a: Matrix, b: Matrix) -> np.ndarray:
    found = a @ b.T
    return found.toarray() if hasattr(found, "toarray") else np.asarray(found)
