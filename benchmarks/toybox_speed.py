"""How fast toybox films are made: drawn, encoded and on disk, in one process held to one core.

python benchmarks/toybox_speed.py
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

from common import bars, head, table

from flyreel.toybox import world
from flyreel.toybox.render import render, size_of

BAR = 5.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    head("Toybox films a second, one core", clips=asked.clips, seed=asked.seed)
    scenes = list(world.scenes(asked.seed, asked.clips))
    rows, default = [], 0.0
    with tempfile.TemporaryDirectory() as folder:
        for kind in ("mp4", "gif"):
            for width in (96, 128, 160):
                render(scenes[0], Path(folder) / f"warm.{kind}", size_of(width))
                start = time.perf_counter()
                for scene in scenes:
                    render(scene, Path(folder) / f"{scene.id}.{kind}", size_of(width))
                rate = asked.clips / (time.perf_counter() - start)
                seconds = sum(s.duration for s in scenes)
                rows.append((f"{kind}, {width} wide", f"{rate:.1f}", f"{rate * seconds / asked.clips:.0f}"))
                default = rate if (kind, width) == ("mp4", 128) else default
    table(("", "clips/s", "times real time"), rows)
    return bars((f"MP4 at the default width: at least {BAR:g} clips/s", default >= BAR))


if __name__ == "__main__":
    raise SystemExit(main())
