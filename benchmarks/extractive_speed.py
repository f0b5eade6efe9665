"""How fast `flyreel generate --method extractive` is on captions, how much memory it holds, and what a kill costs.

    python benchmarks/extractive_speed.py
    python benchmarks/extractive_speed.py --captions 5000

Captions of one sentence are told from toybox scenes: who does what, now with looks, now with the place and the light.
The command runs with `rules` in as many processes as there are cores; the memory of all of them together is read four
times a second, and the rate is that of the whole command, from reading the file to the last line written. Then a
twentieth as many captions are made twice: once in peace, and once killed (SIGKILL, with all its processes) when a third
of the parts is there, and gone on with; both must end with the same bytes. Bars: 200 descriptions a second, and memory
in the last quarter of the run at most a tenth above that in the second.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
from common import bars, head, table

from flyreel.tables import write_jsonl
from flyreel.toybox import world

FLYREEL = str(Path(sys.executable).with_name("flyreel"))
RATE, GROWTH = 200.0, 1.1
EVERY = 0.25


def captions(count: int, seed: int) -> Iterator[str]:
    for scene in world.scenes(seed, count):
        random_ = random.Random(scene.id)
        for event in scene.events:
            text, shot = event.told, scene.shot_at(event.start)
            if random_.random() < 0.4:
                text = text.replace(event.actor, f"{event.actor}, the {scene.character(event.actor).looks},", 1)
            if random_.random() < 0.5:
                text += f" {world.AT[shot.place]} {shot.place} {world.LIT[shot.light]}"
            yield f"{text}."


def rows(count: int, seed: int) -> Iterator[dict[str, Any]]:
    for i, text in zip(range(count), captions(count, seed), strict=False):
        cue = {"start": 0, "end": 0, "kind": "caption", "text": text}
        yield {"id": f"clip-{i:06d}", "source": f"toybox:{i}", "group": f"film-{i // 8}", "cues": [cue]}


def memory(process: psutil.Process) -> float:
    """Of it and of all that it started, in MB."""
    total = 0
    for one in [process, *process.children(recursive=True)]:
        try:
            total += one.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total / 1e6


def start(folder: Path, file: str, out: str) -> subprocess.Popen[bytes]:
    words = ["generate", file, "--method", "extractive", "-o", out, "--json"]
    with (folder / f"{out}.log").open("wb") as log:
        return subprocess.Popen(
            [FLYREEL, *words], cwd=folder, stdout=(folder / f"{out}.told").open("wb"), stderr=log,
            start_new_session=True,
        )  # fmt: skip


def watched(process: subprocess.Popen[bytes]) -> list[tuple[float, float]]:
    """(seconds, MB) until it ends."""
    begun, seen = time.monotonic(), []
    looked = psutil.Process(process.pid)
    while process.poll() is None:
        try:
            seen.append((time.monotonic() - begun, memory(looked)))
        except psutil.NoSuchProcess:
            break
        time.sleep(EVERY)
    if process.wait():
        sys.exit(f"exit {process.returncode}")
    return seen


def killed(folder: Path, count: int, file: str, out: str) -> int:
    """Kill it when a third of the parts is there, then let it end; how many parts were there."""
    process = start(folder, file, out)
    parts = folder / f"{out.removesuffix('.jsonl')}.generate" / "parts"
    wanted = max(count // 500 // 3, 1)
    while process.poll() is None and len(list(parts.glob("*.json"))) < wanted:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    kept = len(list(parts.glob("*.json")))
    watched(start(folder, file, out))
    return kept


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--captions", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args()
    head("extractive questions from captions", captions=given.captions, seed=given.seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_jsonl(folder / "clips.jsonl", rows(given.captions, given.seed))
        begun = time.monotonic()
        seen = watched(start(folder, "clips.jsonl", "out.jsonl"))
        seconds = time.monotonic() - begun
        told = json.loads((folder / "out.jsonl.told").read_text())
        few = max(given.captions // 20, 1_500)
        write_jsonl(folder / "few.jsonl", rows(few, given.seed + 1))
        watched(start(folder, "few.jsonl", "whole.jsonl"))
        kept = killed(folder, few, "few.jsonl", "again.jsonl")
        same = digest(folder / "whole.jsonl") == digest(folder / "again.jsonl")
    rate = given.captions / seconds
    quarters = [[mb for t, mb in seen if q * seconds / 4 <= t < (q + 1) * seconds / 4] for q in range(4)]
    means = [sum(q) / max(len(q), 1) for q in quarters]
    table(
        ("captions", "questions", "seconds", "captions/s", "mean MB by quarter", "most MB"),
        [(f"{given.captions:,}", f"{told['questions']:,}", f"{seconds:.0f}", f"{rate:.0f}",
          " ".join(f"{m:.0f}" for m in means), f"{max(mb for _, mb in seen):.0f}")],
    )  # fmt: skip
    print(f"  dropped {told['dropped']}\n")
    return bars(
        (f"{rate:.0f} descriptions a second (bar {RATE:.0f})", rate >= RATE),
        (f"memory in the last quarter {means[3] / means[1]:.2f} times that in the second (bar {GROWTH})",
         means[3] <= GROWTH * means[1]),
        (f"killed with {kept} of {-(-few // 500)} parts there and gone on with: "
         f"{'the same bytes' if same else 'OTHER BYTES'}", same),
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
