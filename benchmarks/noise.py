"""Texts of which 40% are another clip's, and four losses to learn from them; asked about clean clips of another world:

    flyreel train toyvlm -o toyvlm --seed 1
    python benchmarks/noise.py --begin toyvlm --seeds 5 --steps 200 --work noise

A toyvlm that has learnt from clean texts is trained further on scenes of another world whose texts are noisy, and is
asked about a third. A seed decides the order and whose texts are wrong; within a seed these are the same for every
loss, so losses are compared in pairs. Two intervals are given for each difference from maximum likelihood: over seeds
(Student's t), and over scenes of the test with the seeds taken as they are. Whatever is finished in --work is not done
again.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from common import head, table
from scipy import stats

LOSSES = ("mle", "tailr", "adatailr-bias-variance", "adatailr-sample-noise")
WORLD, TEST_WORLD = 30_001, 20_001


def learnt(loss: str, seed: int, asked: argparse.Namespace) -> Path:
    """The folder of a run, with what it answered right, by scene, in its result."""
    import torch

    from flyreel.train.recipes import toyvlm
    from flyreel.train.runs import open_run, read
    from flyreel.train.toyvlm.model import ToyVlm, right

    torch.set_num_threads(1)
    settings = toyvlm.Settings(
        seed=seed, begin=asked.begin, pool=asked.pool, world=WORLD, steps=asked.steps, batch=32, told=0, loss=loss,
        noise=asked.noise, wrong=asked.wrong, rate=1e-3,
    )  # fmt: skip
    key = hashlib.sha256(f"{settings} {_digest(asked.begin)}".encode()).hexdigest()[:8]
    folder = asked.work / f"{loss}-{seed}-{key}"
    if (folder / "run.json").is_file() and read(folder)["finished"]:
        return folder
    run = open_run(folder, "toyvlm", asdict(settings), {"begin": _digest(asked.begin)}, lambda line: None)
    before = toyvlm.load(Path(asked.begin))
    model = ToyVlm(before.eyes, *toyvlm.reader(settings, run, _pool(asked.begin, asked.work, asked.pool), before))
    found = right(model, _test(asked.begin))
    run.finish({"right": found}, f"Texts wrong: {asked.wrong:.0%}, loss {loss}.\n")
    print(f"  {loss}, seed {seed}: {np.mean([hit for row in found for hit in row]):.1%}", flush=True)
    return folder


@cache
def _digest(folder: str) -> str:
    from flyreel.models.hub import digest_of

    return str(digest_of([*Path(folder).glob("model/*.safetensors")]))


@cache
def _pool(begin: str, work: Path, size: int) -> Any:
    """As the eyes of that run see it."""
    from flyreel.train.recipes import toyvlm
    from flyreel.train.toyvlm.pool import pool

    return pool(toyvlm.load(Path(begin)).eyes, WORLD, size, work / f"seen-{size}-{_digest(begin)[:8]}.safetensors")


@cache
def _test(begin: str) -> Any:
    from flyreel.train.recipes import toyvlm
    from flyreel.train.toyvlm.model import test

    return test(toyvlm.load(Path(begin)).eyes, TEST_WORLD, 250)


def _before(begin: str) -> float:
    from flyreel.train.recipes import toyvlm
    from flyreel.train.toyvlm.model import right

    return float(np.mean([hit for row in right(toyvlm.load(Path(begin)), _test(begin)) for hit in row]))


def _rows(by_loss: dict[str, list[list[list[bool]]]]) -> list[list[str]]:
    """`by_loss`: by seed and scene which answers were right."""
    shares = {loss: np.array([[np.mean(row) for row in seed] for seed in seeds]) for loss, seeds in by_loss.items()}
    rows = []
    for loss, share in shares.items():
        by_seed = share.mean(1)
        over_seeds, over_scenes = "–", "–"
        if loss != "mle":
            difference = share - shares["mle"]
            over_seeds, over_scenes = _interval(difference.mean(1)), _interval(difference.mean(0))
        told = " ".join(f"{100 * x:.1f}" for x in by_seed)
        rows.append([loss, told, f"{100 * by_seed.mean():.1f}", over_seeds, over_scenes])
    return rows


def _interval(values: np.ndarray) -> str:
    if len(values) < 2:
        return f"{100 * values.mean():+.1f}"
    mean, half = values.mean(), stats.t.ppf(0.975, len(values) - 1) * stats.sem(values)
    return f"{100 * mean:+.1f} [{100 * (mean - half):+.1f}, {100 * (mean + half):+.1f}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--begin", required=True, help="a finished run of toyvlm")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--pool", type=int, default=2000)
    parser.add_argument("--wrong", type=float, default=0.4)
    parser.add_argument("--noise", default="other-clip")
    parser.add_argument("--work", type=Path, required=True)
    asked = parser.parse_args()
    head("Noisy texts", **{name: value for name, value in vars(asked).items() if name != "work"})
    asked.work.mkdir(parents=True, exist_ok=True)
    print(f"  before: {_before(asked.begin):.1%}", flush=True)
    by_loss: dict[str, list[list[list[bool]]]] = {}
    for seed in range(1, asked.seeds + 1):
        for loss in LOSSES:
            facts = json.loads((learnt(loss, seed, asked) / "run.json").read_text())
            by_loss.setdefault(loss, []).append(facts["result"]["right"])
    table(("loss", "right %, by seed", "mean", "more than mle, over seeds", "over scenes"), _rows(by_loss))


if __name__ == "__main__":
    main()
