"""toyclip on clips it has not seen: which of 1,000 a caption is about, and which of 1,000 captions a clip has.

    python benchmarks/toyclip_retrieval.py
    python benchmarks/toyclip_retrieval.py --embedder hf:FOLDER

Clips are rendered to MP4 and decoded again, eight frames each; a clip's vector is the mean of its frames'. Equal scores
share the places they stand on. The last row is the control: captions dealt to other clips.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from pathlib import Path

import numpy as np
from common import bars, head, table

from flyreel.evaluate.retrieval import score
from flyreel.toybox import world
from flyreel.toybox.render import render
from flyreel.toybox.telling import caption
from flyreel.video import decode
from flyreel.video.embed.base import open_embedder


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--embedder", default="toyclip")
    parser.add_argument("--clips", type=int, default=1000)
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--seed", type=int, default=3001, help="The world; toyclip was trained on another.")
    asked = parser.parse_args()
    embedder = open_embedder(asked.embedder)
    head(
        "Retrieval on unseen toybox clips",
        clips=asked.clips,
        frames=asked.frames,
        seed=asked.seed,
        embedder=embedder.id,
    )
    clips, captions = [], []
    with tempfile.TemporaryDirectory() as folder:
        for scene in world.scenes(asked.seed, asked.clips):
            path = render(scene, Path(folder) / "clip.mp4")
            seen = embedder.images(decode.load(path, count=asked.frames, size=embedder.size).images).mean(axis=0)
            clips.append(seen / np.linalg.norm(seen))
            captions.append(caption(scene))
    similarity = embedder.texts(captions) @ np.array(clips).T
    dealt = list(range(asked.clips))
    random.Random(0).shuffle(dealt)
    right = range(asked.clips)
    rows, found = [], {}
    for name, scores, keys in (
        ("text → clip", similarity, right), ("clip → text", similarity.T, right),
        ("control: captions dealt anew", similarity, dealt),
    ):  # fmt: skip
        found[name] = got = score(scores, keys)
        rows.append((name, *(f"{100 * got.at[k]:.1f}" for k in (1, 5, 10)), f"{got.median_rank:g}"))
    chance = found["text → clip"]
    rows.append(("chance", *(f"{100 * chance.chance[k]:.1f}" for k in (1, 5, 10)), f"{chance.chance_median:g}"))
    table(("", "R@1 %", "R@5 %", "R@10 %", "median rank"), rows)
    return bars(("text → clip R@1 above chance", chance.at[1] > chance.chance[1]))


if __name__ == "__main__":
    raise SystemExit(main())
