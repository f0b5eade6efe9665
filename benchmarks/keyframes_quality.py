"""Which selector's frames show what a question is about: recall of evidence on toybox clips nobody was trained on.

    python benchmarks/keyframes_quality.py                           # toyclip scores
    python benchmarks/keyframes_quality.py --embedder hf:FOLDER      # the same with any CLIP or SigLIP

Real MP4 files of a world that toyclip was not trained on, read back through the decoder. Questions whose evidence is
to be seen for more than half of the clip are left out: any frame would do. A question's recall is the share of its
evidence spans that hold at least one of the frames chosen. Intervals know which questions share a film; differences to
the default are paired by question.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from common import bars, head, table
from scipy.stats import t as student

from flyreel.audit.statistics import design_effect, wilson
from flyreel.questions import Questions
from flyreel.toybox import world
from flyreel.toybox.questions import questions
from flyreel.toybox.render import render
from flyreel.video.embed.base import Embedder, open_embedder
from flyreel.video.keyframes.base import Candidates, select, selectors
from flyreel.video.pick import DEFAULT_SELECTOR, Looked

Item = tuple[Candidates, list[tuple[float, float]], str]


def items(embedder: Embedder, seed: int, count: int, folder: Path, shuffled: bool) -> list[Item]:
    """Candidates, evidence and film of each question. `shuffled` scores frames for another clip's question."""
    found: list[Item] = []
    number = 0
    other = "Who was here before?"
    while len(found) < count:
        scene = world.scene(seed, number)
        asked: Questions = questions(seed, 1, per_scene=8, faults=0.0, first=number)
        number += 1
        path = render(scene, folder / f"{scene.id}.mp4")
        looked = Looked(path, embedder, 1024, folder / "vectors")
        texts = embedder.texts([*asked.texts, other])
        for i, row in enumerate(asked.to_rows()):
            spans = [(e["start"], e["end"]) for e in row["evidence"]]
            if sum(b - a for a, b in spans) <= scene.duration / 2 and len(found) < count:
                scores = looked.vectors @ texts[-1 if shuffled else i]
                found.append((Candidates(looked.times, looked.vectors, scores, looked.shots), spans, scene.film))
        other = asked.texts[0]
        path.unlink()
    return found


def recall(item: Item, selector: str, k: int) -> float:
    candidates, spans, _ = item
    times = candidates.times[select(selector, candidates, k)]
    return float(np.mean([np.any((times >= a) & (times <= b)) for a, b in spans]))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--embedder", default="toyclip")
    parser.add_argument("--questions", type=int, default=500)
    parser.add_argument("--seed", type=int, default=2001, help="The world; toyclip was trained on another.")
    parser.add_argument("--k", type=int, nargs="+", default=[4, 8])
    parser.add_argument("--shuffled", action="store_true", help="Control: every clip is asked another clip's question.")
    asked = parser.parse_args()
    embedder = open_embedder(asked.embedder)
    head("Recall of evidence by selector", questions=asked.questions, seed=asked.seed, embedder=embedder.id,
         query="another clip's question (control)" if asked.shuffled else "the question")  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        data = items(embedder, asked.seed, asked.questions, Path(folder), asked.shuffled)
    films = np.unique([film for _, _, film in data], return_inverse=True)[1]
    share = np.mean([sum(b - a for a, b in spans) / c.duration for c, spans, _ in data])
    frames = np.mean([len(c) for c, _, _ in data])
    spans = np.mean([len(s) for _, s, _ in data])
    print(f"  {len(data)} questions on {films.max() + 1} films; {frames:.0f} frames a clip; evidence to be seen for "
          f"{100 * share:.0f}% of a clip, in {spans:.2f} spans\n")  # fmt: skip
    checks = []
    for k in asked.k:
        got = {name: np.array([recall(item, name, k) for item in data]) for name in selectors.names()}
        default = got[DEFAULT_SELECTOR]
        rows = []
        for name in sorted(got, key=lambda n: -got[n].mean()):
            low, high = interval(got[name], films)
            less, half = paired(got[name] - default, films)
            versus = "" if name == DEFAULT_SELECTOR else f"{100 * less:+.1f} ± {100 * half:.1f}"
            rows.append((name, f"{100 * got[name].mean():.1f}", f"{100 * low:.1f}–{100 * high:.1f}", versus))
        table((f"k = {k}", "recall %", "95%", "against the default"), rows)
        best = max(got[name].mean() for name in got if name != DEFAULT_SELECTOR)
        checks.append((f"k = {k}: the default is above every other", bool(default.mean() > best)))
    return 0 if asked.shuffled else bars(*checks)


def interval(values: np.ndarray, films: np.ndarray) -> tuple[float, float]:
    return wilson(float(values.mean()), len(values) / design_effect(values, films), df=int(films.max()))


def paired(difference: np.ndarray, films: np.ndarray) -> tuple[float, float]:
    """The mean difference and half of its interval, films as the unit."""
    sums = np.bincount(films, difference - difference.mean())
    n = len(sums)
    error = np.sqrt((sums**2).sum() * n / (n - 1)) / len(difference)
    return float(difference.mean()), float(student.ppf(0.975, n - 1) * error)


if __name__ == "__main__":
    raise SystemExit(main())
