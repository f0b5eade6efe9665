"""Finding a clip by its caption, and a caption by its clip: how well an embedder joins the two.

A clip stands for the mean of its frames' vectors. Each caption looks for its clip among all clips; each clip looks for
one of its captions among all captions.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from flyreel.audit.run import versions
from flyreel.audit.statistics import estimate
from flyreel.errors import InputError
from flyreel.evaluate import store
from flyreel.evaluate.retrieval import Retrieval, score
from flyreel.formats.project import open_all
from flyreel.tables import Project, writable, write_text
from flyreel.video import decode
from flyreel.video.embed.base import Embedder, open_embedder
from flyreel.video.limits import BadMedia

CAPTIONS = ("caption", "description")
RESULTS = "retrieval.json"


@dataclass(frozen=True)
class Request:
    file: Path
    embedder: str
    k: int = 8
    format: str | None = None
    out: Path | None = None

    @property
    def folder(self) -> Path:
        return store.folder_of(self.file, self.out)


@dataclass
class Gallery:
    """Clips that could be seen and read about: a vector and a group each, and captions with the clip they are of."""

    vectors: list[np.ndarray] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    captions: list[str] = field(default_factory=list)
    owner: list[int] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)


def alone(others: Iterable[str]) -> None:
    """Options about questions say nothing about a search; left unread they would seem to have been followed."""
    if other := next(iter(others), None):
        raise InputError(f"{other} is about questions and --retrieval about clips: give one of the two")


def run(asked: Request, steps: Callable[[int, int], None]) -> dict[str, Any]:
    if asked.k < 1:
        raise InputError(f"-k {asked.k}: at least one frame")
    _, found = open_all(asked.file, asked.format)
    if found is None:
        raise InputError(f"{asked.file}: lists no clips; --retrieval needs clips with captions")
    embedder = open_embedder(asked.embedder)
    writable(asked.folder)
    project = Project.at(asked.file)
    base = project.folder if project else asked.file if asked.file.is_dir() else asked.file.parent
    gallery = _gallery(found.clips.to_rows(), base, embedder, asked.k, steps)
    if not gallery.captions:
        why = ", ".join(f"{reason} ({n:,})" for reason, n in gallery.left_out.items())
        raise InputError(f"{asked.file}: no clip with both a file and a caption: {why}")
    told = {
        "source": str(asked.file),
        "embedder": embedder.id,
        "frames": asked.k,
        "clips": len(gallery.vectors),
        "captions": len(gallery.captions),
        "left_out": dict(gallery.left_out),
        **both_ways(np.stack(gallery.vectors), embedder.texts(gallery.captions), gallery),
        "how": versions(),
    }
    write_text(asked.folder / RESULTS, json.dumps(told, indent=1, ensure_ascii=False) + "\n")
    return told


def both_ways(clips: np.ndarray, texts: np.ndarray, gallery: Gallery) -> dict[str, Any]:
    similarity = np.asarray(texts, dtype=np.float64) @ np.asarray(clips, dtype=np.float64).T
    own = np.asarray(gallery.owner)[:, None] == np.arange(len(clips))[None, :]
    groups = np.unique(gallery.groups, return_inverse=True)[1]
    return {
        "text_to_video": _told(score(similarity, own), groups[gallery.owner]),
        "video_to_text": _told(score(similarity.T, own.T), groups),
    }


def _told(found: Retrieval, groups: np.ndarray) -> dict[str, Any]:
    at = {f"R@{k}": estimate(found.hits[k], np.minimum(found.chances[k], 1 - 1e-12), groups).json() for k in found.at}
    return {"queries": found.n, "candidates": found.candidates, **at, "median_rank": found.median_rank,
            "chance_median_rank": found.chance_median}  # fmt: skip


def _gallery(
    rows: Sequence[dict[str, Any]], base: Path, embedder: Embedder, k: int, steps: Callable[[int, int], None]
) -> Gallery:
    gallery = Gallery()
    for done, row in enumerate(rows, start=1):
        texts = _texts(row.get("cues") or ())
        vector = _seen(base / row["path"], embedder, k) if texts and row.get("path") else None
        if vector is None:
            gallery.left_out["no-caption" if not texts else "missing-clip" if not _there(base, row) else
                             "unreadable-clip"] += 1  # fmt: skip
        else:
            gallery.owner += [len(gallery.vectors)] * len(texts)
            gallery.captions += texts
            gallery.vectors.append(vector)
            gallery.groups.append(row.get("group") or row["id"])
        steps(done, len(rows))
    return gallery


def _texts(cues: Sequence[dict[str, Any]]) -> list[str]:
    """Captions where there are any, else what describes the clip piece by piece."""
    by_kind = {kind: [c["text"] for c in cues if c["kind"] == kind] for kind in CAPTIONS}
    return by_kind["caption"] or by_kind["description"]


def _there(base: Path, row: dict[str, Any]) -> bool:
    return bool(row.get("path")) and (base / row["path"]).is_file()


def _seen(path: Path, embedder: Embedder, k: int) -> np.ndarray | None:
    try:
        mean = embedder.images(decode.load(path, count=k, size=embedder.size).images).mean(axis=0)
    except (BadMedia, OSError):
        return None
    return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-12))


def lines(told: dict[str, Any]) -> list[str]:
    left = ", ".join(f"{reason} {n:,}" for reason, n in told["left_out"].items())
    found = [
        f"{told['clips']:,} clips, {told['captions']:,} captions, {told['embedder']}"
        + (f"; left out: {left}" if left else "")
    ]
    for name in ("text_to_video", "video_to_text"):
        way = told[name]
        found.append(f"  {name.replace('_', ' ')}: {way['queries']:,} among {way['candidates']:,}")
        for at in (k for k in way if k.startswith("R@")):
            low, high = way[at]["ci95"]
            found.append(
                f"    {at:<5} {100 * way[at]['accuracy']:5.1f}%  [{100 * low:.1f}, {100 * high:.1f}]   "
                f"chance {100 * way[at]['chance']:.1f}%"
            )
        found.append(f"    median rank {way['median_rank']:g}; by chance {way['chance_median_rank']:g}")
    return found
