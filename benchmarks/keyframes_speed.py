"""Keyframes end to end, against a plain CLIP-Cut with the same weights; and decoding alone, against a bare PyAV loop.

    python benchmarks/keyframes_speed.py FOLDER_OF_GIFS

Every GIF of the folder, and a film-like H.264 clip made here. For each number of threads one process, held to that many
cores, runs both sides in turn on each clip; the best of several rounds counts. Timed is from the file's path to the
numbers of k frames, the file read and hashed, with an empty vector cache; loading the models is not. Bars: 3 times the
plain frames a second with what flyreel does by default, and decoding of every frame at full size in at most 1.2 times
the bare loop's time.

The weights are random, so what they find says nothing about the query: `keyframes_quality.py` measures recall. Here
it is measured whether batches, half precision and frames skipped as copies change what the same weights find: the
share of the plain run's frames that are found (that frame, or one that looks the same), and the fit of what is found,
its mean score by the plain run's own vectors, where 1 is what the plain run finds and 0 the mean of the clip (bar:
0.95). For this the plain run is given the pictures that flyreel's decoder gives. How far another way of resizing
changes what is found, and how far cutting off the sides does, is shown beside it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from time import perf_counter
from typing import Any
from unittest.mock import patch

from common import bars, head, table
from keyframes_watch import Watch, Watched

# Nothing heavy is imported here: a child sets its cores first.
FASTER, DECODING, FOUND = 3.0, 1.2, 0.95
PLAIN, OURS, EXACT, EVERY = "plain", "flyreel", "flyreel, float32", "flyreel, no frame skipped"
PARTS = ("inspect", "hash", "decode+resize", "copies", "embedder", "shots", "query", "selection", "rest")
PLAIN_PARTS = ("decode", "processor", "model", "query", "index")


class Bench:
    def __init__(self, work: Path, k: int) -> None:
        from clip_cut_plain import Plain
        from keyframes_material import QUERIES

        from flyreel.video.embed.base import embedders

        model = work / "model"
        self.work, self.k, self.queries = work, k, QUERIES
        self.plain, self.whole = Plain(model), Plain(model, squeeze=True)
        opened: Any = embedders.get("hf").make
        self.default, self.exact = opened(str(model)), opened(str(model), precision="float32")
        self._vectors: dict[Path, Any] = {}

    def warm(self) -> None:
        """First calls compile and allocate."""
        import numpy as np
        from PIL import Image

        blank = np.zeros((16, *self.default.size, 3), np.uint8)
        for embedder in (self.default, self.exact):
            embedder.images(blank)
            embedder.texts(self.queries[:1])
        self.plain.image(Image.fromarray(blank[0]))
        self.plain.text(self.queries[0])

    def ours(self, clip: Path, embedder: Any, same: float | None = None) -> tuple[float, dict[str, float], int]:
        """Seconds in all and by part, and how many frames the embedder saw. `same` below 0: no two frames are alike."""
        from flyreel.video import pick

        watch = Watch()
        with tempfile.TemporaryDirectory(dir=self.work) as empty, ExitStack() as stack:
            stack.enter_context(watch.on_pick())
            if same is not None:
                stack.enter_context(patch.object(pick, "SAME", same))
            with_, query, cache = Watched(embedder, watch), self.queries[0], Path(empty)
            start = perf_counter()
            pick.keyframes(clip, query, self.k, selector="clip-cut", embedder=with_, cache=cache)
            seconds = perf_counter() - start
        return seconds, {**watch.took, "rest": seconds - sum(watch.took.values())}, watch.embedded

    def plainly(self, clip: Path) -> tuple[float, dict[str, float], int]:
        start = perf_counter()
        _, self._vectors[clip], took = self.plain.keyframes(clip, self.queries[0], self.k)
        return perf_counter() - start, took, len(self._vectors[clip])

    def speed(self, clip: Path, rounds: int) -> dict[str, Any]:
        sides: dict[str, Callable[[], tuple[float, dict[str, float], int]]] = {
            PLAIN: lambda: self.plainly(clip),
            OURS: lambda: self.ours(clip, self.default),
            EXACT: lambda: self.ours(clip, self.exact),
            EVERY: lambda: self.ours(clip, self.default, same=-1.0),
        }
        runs: dict[str, list[tuple[float, dict[str, float], int]]] = {side: [] for side in sides}
        for _ in range(rounds):
            for side, run in sides.items():
                runs[side].append(run())
        found = {}
        for side, seen in runs.items():
            seconds, parts, embedded = min(seen, key=lambda run: run[0])
            found[side] = {"seconds": seconds, "parts": parts, "embedded": embedded}
        return found

    def found(self, clip: Path) -> dict[str, Any]:
        """Means over the queries, of flyreel's frames and of as many frames taken evenly."""
        import numpy as np
        from clip_cut_plain import search
        from PIL import Image

        from flyreel.video import decode, pick

        looks, vectors = [], []
        for _, _, image in decode.stream(clip, size=self.default.size):
            looks.append(pick.thumbnail(image))
            vectors.append(self.whole.image(Image.fromarray(image)))
        seen, n = np.stack(looks), len(looks)
        every = {"same": np.concatenate(vectors), "cut": self._vectors[clip]}
        every["whole"] = self.whole.keyframes(clip, self.queries[0], self.k)[1]
        rows: dict[str, list[tuple[float, float, float]]] = defaultdict(list)
        with tempfile.TemporaryDirectory(dir=self.work) as cache:

            def picked(query: str, embedder: Any) -> Any:
                found = pick.keyframes(clip, query, self.k, selector="clip-cut", embedder=embedder, cache=Path(cache))
                return found.numbers

            for query in self.queries:
                text = self.plain.text(query)
                sides = {OURS: picked(query, self.default), EXACT: picked(query, self.exact)}
                with patch.object(pick, "SAME", -1.0):
                    sides[EVERY] = picked(query, self.default)
                sides["evenly"] = ((np.arange(self.k) + 0.5) * n / self.k).astype(int)
                for name, known in every.items():
                    wanted, scores = search(known, text, self.k), (known @ text.T)[:, 0]
                    best = scores[wanted].mean() - scores.mean()
                    for side, chosen in sides.items():
                        apart = np.abs(seen[wanted][:, None] - seen[chosen][None]).max(axis=(2, 3, 4))
                        fit = (scores[chosen].mean() - scores.mean()) / best if best > 0 else 1.0
                        alike = float((apart <= pick.SAME).any(1).mean())
                        rows[f"{side}|{name}"].append((float(np.isin(wanted, chosen).mean()), alike, float(fit)))
        return {key: np.mean(values, axis=0).tolist() for key, values in rows.items()}


def decoding(clip: Path, rounds: int) -> dict[str, float]:
    """Every frame at full size, as RGB: the best seconds of each way."""
    import av
    import cv2

    from flyreel.video.decode import stream

    def ours() -> int:
        return sum(1 for _ in stream(clip))

    def bare() -> int:
        frames = 0
        with av.open(str(clip)) as container:
            container.streams.video[0].thread_type = "AUTO"
            for frame in container.decode(video=0):
                frame.to_ndarray(format="rgb24")
                frames += 1
        return frames

    def opencv() -> int:
        frames, capture = 0, cv2.VideoCapture(str(clip))
        while True:
            there, frame = capture.read()
            if not there:
                return frames
            cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
            frames += 1

    ways = {"flyreel": ours, "PyAV": bare, "OpenCV": opencv}
    best: dict[str, float] = dict.fromkeys(ways, float("inf"))
    for _ in range(rounds):
        counts = []
        for name, way in ways.items():
            start = perf_counter()
            counts.append(way())
            best[name] = min(best[name], perf_counter() - start)
        assert len(set(counts)) == 1, f"{clip.name}: {dict(zip(ways, counts, strict=True))} frames"
    return {**best, "frames": counts[0]}


def one(threads: int, given: argparse.Namespace) -> dict[str, Any]:
    """In a process of its own. FFmpeg starts as many threads as there are cores to run on; the others are told."""
    os.sched_setaffinity(0, set(sorted(os.sched_getaffinity(0))[:threads]))
    os.environ.update(OMP_NUM_THREADS=str(threads), CUDA_VISIBLE_DEVICES="", HF_HUB_OFFLINE="1")
    import cv2
    import faiss
    import torch
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)
    faiss.omp_set_num_threads(threads)
    bench = Bench(given.work, given.k)
    clips = [*sorted(given.folder.glob("*.gif")), given.work / "film.mp4"][-given.clips :]
    bench.warm()
    found = {}
    for clip in clips:
        found[clip.name] = {"decoding": decoding(clip, given.decodings), "speed": bench.speed(clip, given.rounds)}
        if threads == given.threads[0]:
            found[clip.name]["found"] = bench.found(clip)
    return {"clips": found, "embedder": bench.default.id, "exact": bench.exact.id}


def report(threads: int, clips: dict[str, Any]) -> None:
    rate = {c: {s: f["decoding"]["frames"] / run["seconds"] for s, run in f["speed"].items()} for c, f in clips.items()}
    print(f"frames a second from file to frames; threads: {threads}; in brackets times the plain run's")
    sides = (PLAIN, OURS, EXACT, EVERY)
    rows = []
    for clip, by in rate.items():
        cells = (f"{by[s]:.1f}" + ("" if s == PLAIN else f" ({by[s] / by[PLAIN]:.2f})") for s in sides)
        rows.append((clip, clips[clip]["decoding"]["frames"], *cells))
    table(("clip", "frames", *sides), rows)
    for side, parts in ((OURS, PARTS), (EXACT, PARTS), (PLAIN, PLAIN_PARTS)):
        print(f"milliseconds a frame, {side}; threads: {threads}")
        rows = []
        for clip, f in clips.items():
            n, run = f["decoding"]["frames"], f["speed"][side]
            spent = (f"{1000 * run['parts'].get(part, 0.0) / n:.2f}" for part in parts)
            rows.append((clip, f"{run['embedded']}/{n}", f"{1000 * run['seconds'] / n:.2f}", *spent))
        table(("clip", "embedded", "in all", *parts), rows)
    print(f"decoding alone, every frame at full size, milliseconds a frame; threads: {threads}")
    rows = []
    for clip, f in clips.items():
        took = f["decoding"]
        cells = (f"{1000 * took[way] / took['frames']:.3f}" for way in ("flyreel", "PyAV", "OpenCV"))
        rows.append((clip, *cells, f"{took['flyreel'] / took['PyAV']:.2f}"))
    table(("clip", "flyreel", "PyAV", "OpenCV", "flyreel / PyAV"), rows)


def agreement(clips: dict[str, Any]) -> None:
    given = {
        "same": "on the pictures that flyreel's decoder gives",
        "whole": "on whole frames, decoded by OpenCV and resized by PIL",
        "cut": "as timed, with CLIP's own processor, which cuts off the sides",
    }
    for name, what in given.items():
        print(f"of what the plain run chooses {what}: same frame found, same picture found, fit")
        sides = (OURS, EXACT, EVERY, "evenly")
        rows = []
        for clip, f in clips.items():
            rows.append((clip, *(" ".join(f"{v:.2f}" for v in f["found"][f"{side}|{name}"]) for side in sides)))
        table(("clip", *sides), rows)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="every .gif in it is a clip")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--decodings", type=int, default=7, help="rounds of decoding alone")
    parser.add_argument("-k", type=int, default=8)
    small = parser.add_argument_group("smaller, to see that it runs; the bars mean nothing then")
    small.add_argument("--seconds", type=float, default=30.0, help="of film")
    small.add_argument("--height", type=int, default=720)
    small.add_argument("--layers", type=int, default=12)
    small.add_argument("--clips", type=int, default=10**6, help="only the last of them")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        result = one(given.one, given)
        (given.work / f"{given.one}.json").write_text(json.dumps(result))
        return 0
    if not list(given.folder.glob("*.gif")):
        parser.error(f"{given.folder}: no .gif in it")
    if max(given.threads) > (cores := len(os.sched_getaffinity(0))):
        parser.error(f"--threads {max(given.threads)}: there are {cores} cores")
    return run(given)


def run(given: argparse.Namespace) -> int:
    from keyframes_material import FILM, clip, film

    size = f"{given.height} lines, {given.seconds:g} s, 30 frames a second"
    head("keyframes_speed", k=given.k, rounds=given.rounds, layers=given.layers, film=f"{size}: {FILM}")
    checks: list[tuple[str, bool]] = []
    with tempfile.TemporaryDirectory() as work:
        film(Path(work, "film.mp4"), given.seconds, given.height)
        clip(Path(work, "model"), given.layers)
        for threads in given.threads:
            subprocess.run([sys.executable, *sys.argv, "--one", str(threads), "--work", work], check=True)
            found = json.loads(Path(work, f"{threads}.json").read_text())
            clips = found["clips"]
            if threads == given.threads[0]:
                print(f"weights: {found['embedder']} and {found['exact']}\n")
                agreement(clips)
            report(threads, clips)
            many = "1 thread" if threads == 1 else f"{threads} threads"
            for name, f in clips.items():
                times = f["speed"][PLAIN]["seconds"] / f["speed"][OURS]["seconds"]
                slower = f["decoding"]["flyreel"] / f["decoding"]["PyAV"]
                place = f"{name}, {many}"
                checks.append((f"{place}: {times:.2f} times the plain run, at least {FASTER:g}", times >= FASTER))
                checks.append(
                    (f"{place}: decodes in {slower:.2f} of PyAV's time, at most {DECODING:g}", slower <= DECODING)
                )
                if "found" in f:
                    fit = f["found"][f"{OURS}|same"][2]
                    line = f"{name}: what is found fits {fit:.3f} as well as the plain run's, at least {FOUND:g}"
                    checks.append((line, fit >= FOUND))
    return bars(*checks)


if __name__ == "__main__":
    sys.exit(main())
