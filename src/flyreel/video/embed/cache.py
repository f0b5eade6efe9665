"""Vectors kept on disk: a video that was looked at once is not looked at again.

The key is what the vectors depend on: the content of the file, the embedder's id and the frames taken. The name of
the file is not part of it, so a copy is recognised; a changed byte, model or sampling is another key, and no old
vector is ever taken for a new one. A damaged entry is computed again.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from flyreel.models.catalog import cache_folder
from flyreel.tables import atomic


def default_folder() -> Path:
    return cache_folder() / "vectors"


def cached(
    folder: Path, source_sha256: str, embedder_id: str, numbers: np.ndarray, compute: Callable[[], np.ndarray]
) -> np.ndarray:
    """The vectors of these frames of this source, float32, one row a frame; computed where they are not kept."""
    path = folder / f"{_key(source_sha256, embedder_id, numbers)}.npy"
    kept = _read(path, len(numbers))
    if kept is not None:
        with contextlib.suppress(OSError):  # a read-only cache only loses track of what was used last
            os.utime(path)
        return kept
    vectors = np.ascontiguousarray(compute(), dtype=np.float32)
    if vectors.ndim != 2 or len(vectors) != len(numbers):
        raise ValueError(f"{embedder_id}: vectors of shape {vectors.shape} for {len(numbers)} frames")
    array = io.BytesIO()
    np.save(array, vectors, allow_pickle=False)
    with atomic(path) as temporary:
        temporary.write_bytes(array.getvalue() + hashlib.sha256(array.getvalue()).digest())
    return vectors


def prune(folder: Path, limit_bytes: int) -> int:
    """Delete what was used longest ago until the rest fits; the bytes freed."""
    entries = []
    for path in folder.glob("*.npy"):
        with contextlib.suppress(OSError):  # another run prunes at the same time
            seen = path.stat()
            entries.append((seen.st_mtime_ns, path, seen.st_size))
    excess = sum(size for _, _, size in entries) - limit_bytes
    freed = 0
    for _, path, size in sorted(entries):
        if freed >= excess:
            break
        path.unlink(missing_ok=True)
        freed += size
    return freed


def _key(source_sha256: str, embedder_id: str, numbers: np.ndarray) -> str:
    """Lengths stand before the parts, so that no two lists of parts run together into the same bytes."""
    key = hashlib.sha256()
    for part in (source_sha256.encode(), embedder_id.encode(), np.asarray(numbers, dtype="<i8").tobytes()):
        key.update(len(part).to_bytes(8, "little") + part)
    return key.hexdigest()


def _read(path: Path, rows: int) -> np.ndarray | None:
    """None where there is no such entry, or where the digest at its end is not that of the array before it."""
    try:
        data = path.read_bytes()
        array, digest = data[:-32], data[-32:]
        if hashlib.sha256(array).digest() != digest:
            return None
        vectors = np.load(io.BytesIO(array), allow_pickle=False)
    except (OSError, ValueError):
        return None
    return vectors if vectors.dtype == np.float32 and vectors.ndim == 2 and len(vectors) == rows else None
