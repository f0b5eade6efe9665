"""Kinds of question mined from a file: how many, how well separated, and whether another seed finds the same ones.

    python benchmarks/template_mining.py FILE
    python benchmarks/template_mining.py FILE --embedder st:FOLDER --k 30

For TF-IDF, and for a second embedder where one is named: silhouette and adjusted Rand index between five seeds at
every k of the grid, and the k that is chosen. Beside the chosen one, at the same k: the best of 100 plain starts, the
same from the raw words (who is asked about left in), and points drawn by lot, which have no kinds and set the floor.
Agreement with the categories of the file is shown where it has any (normalised mutual information; nothing else looks
at them). Bars, for TF-IDF: mean index at the chosen k 0.9 or more, and above that of the points drawn by lot by 0.3.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np
from common import bars, head, table
from sklearn.cluster import KMeans
from sklearn.metrics import normalized_mutual_info_score
from threadpoolctl import threadpool_limits

from flyreel.formats.project import open_questions
from flyreel.generate.templates import cluster
from flyreel.generate.templates.embed import embed
from flyreel.generate.templates.roles import cleaned, frame, normal, unnamed

PLAIN = 100
ENOUGH, ABOVE = 0.9, 0.3


def distinct(file: Path) -> tuple[list[str], list[str]]:
    """Questions without names, once each, and their categories."""
    questions = open_questions(file).questions
    texts = unnamed([cleaned(text) for text in questions.texts])[0]
    found = {normal(text): (text, kind) for text, kind in zip(texts, questions.strings("category"), strict=True)}
    found.pop("", None)
    return [text for text, _ in found.values()], [kind for _, kind in found.values()]


def agreement(kinds: list[str], labels: np.ndarray) -> str:
    return f"{normalized_mutual_info_score(kinds, labels):.2f}" if len(set(kinds)) > 1 else "-"


def plain(points: np.ndarray, k: int, seed: int) -> tuple[list[np.ndarray], float]:
    """What KMeans(n_init=100) does, from five seeds: labels, and seconds a seed."""
    start = time.perf_counter()
    with threadpool_limits(1):
        fits = [KMeans(k, n_init=PLAIN, random_state=1000 * seed + i).fit(points) for i in range(cluster.SEEDS)]
    return [fit.labels_ for fit in fits], (time.perf_counter() - start) / cluster.SEEDS


def at_every_k(name: str, points: np.ndarray, kinds: list[str], given: argparse.Namespace) -> cluster.Clusters:
    grid = (given.k,) if given.k else cluster.GRID
    chosen, scores = cluster.choose(points, given.seed, grid)
    print(f"{name}: {len(points):,} points of {points.shape[1]} dimensions, k {chosen.k} chosen, "
          f"agreement with the file's categories {agreement(kinds, chosen.labels)}")  # fmt: skip
    rows = [[s.k, f"{s.silhouette:.3f}", f"{s.ari:.3f}", f"{s.lowest:.3f}"] for s in scores]
    table(["k", "silhouette", "ARI mean", "ARI lowest"], rows)
    return chosen


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--embedder", help="a second one, such as st:FOLDER")
    parser.add_argument("--k", type=int)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    texts, kinds = distinct(given.file)
    head(f"templates from {given.file.name}", distinct_questions=len(texts), seed=given.seed, starts=cluster.STARTS)
    frames = [frame(text) for text in texts]
    if given.embedder:
        at_every_k(given.embedder, embed(frames, given.embedder).points, kinds, given)
    points = embed(frames).points
    ours = at_every_k("tfidf", points, kinds, given)
    k = ours.k
    start = time.perf_counter()
    cluster.cluster(points, k, given.seed)
    seconds = (time.perf_counter() - start) / cluster.SEEDS
    labels, plain_seconds = plain(points, k, given.seed)
    raw = cluster.cluster(embed([normal(text) for text in texts]).points, k, given.seed)
    lot = np.random.default_rng(given.seed).normal(size=points.shape)
    floor = cluster.cluster(lot / np.linalg.norm(lot, axis=1, keepdims=True), k, given.seed)
    rows = [["as shipped", *_indices(ours.score), agreement(kinds, ours.labels), f"{seconds:.1f}"],
            [f"best of {PLAIN} plain starts", *_shown(*cluster.stability(labels)), agreement(kinds, labels[0]),
             f"{plain_seconds:.1f}"],
            ["raw words", *_indices(raw.score), agreement(kinds, raw.labels), "-"],
            ["points drawn by lot", *_indices(floor.score), agreement(kinds, floor.labels), "-"]]  # fmt: skip
    table([f"tfidf, k {k}", "ARI mean", "ARI lowest", "agreement", "s a seed"], rows)
    return bars(
        (f"mean index between seeds {ours.score.ari:.3f}, bar {ENOUGH}", ours.score.ari >= ENOUGH),
        (f"above points drawn by lot by {ours.score.ari - floor.score.ari:.3f}, bar {ABOVE}",
         ours.score.ari - floor.score.ari >= ABOVE),
    )  # fmt: skip


def _indices(score: cluster.Score) -> tuple[str, str]:
    return _shown(score.ari, score.lowest)


def _shown(mean: float, lowest: float) -> tuple[str, str]:
    return f"{mean:.3f}", f"{lowest:.3f}"


if __name__ == "__main__":
    sys.exit(main())
