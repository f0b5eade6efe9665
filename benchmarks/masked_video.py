"""st-llm with masked video modelling and without, and what masking alone does:

    python benchmarks/masked_video.py --seeds 3 --steps 160 --work masked

Within a seed first weights, scenes and questions are the same for every variant, so variants are compared in pairs. All
answer the same five-choice questions about a world that none learnt from, unmasked, with its own frames and, as a
control, with the frames of another clip. The interval of each share is over scenes; of each difference one is over
scenes with the seeds taken as they are, and one over seeds (Student's t). What is finished in --work with the same
arguments is not done again.
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from common import head, table
from scipy import stats

from flyreel.audit.statistics import design_effect, paired, wilson

VARIANTS: dict[str, dict[str, Any]] = {
    "off": {"mvm": 0.0},
    "on": {"mvm": 1.0},
    "mask alone": {"mvm": 0.0, "mask": True},
    "cosine": {"mvm": 1.0, "form": "cosine"},
}
TEST_WORLD = 20_002
APART = 7
"""Clips between one and the one whose frames stand in for its own: not of the same film."""


def learnt(variant: str, seed: int, work: Path, asked: argparse.Namespace) -> dict[str, Any]:
    from flyreel.train import run
    from flyreel.train.st_llm import answer as answers
    from flyreel.train.st_llm import weights

    folder = work / f"{variant.replace(' ', '-')}-{seed}-{asked.steps}"
    done = work / f"{folder.name}.json"
    given = {"seed": seed, "steps": asked.steps, "batch": asked.batch, "source": "toybox", "vision": asked.vision,
             "bf16": True, "look_at": 8, **VARIANTS[variant]}  # fmt: skip
    by = {**given, "clips": asked.clips}
    if done.is_file() and (earlier := json.loads(done.read_text())).get("by") == by:
        return dict(earlier)
    shutil.rmtree(folder, ignore_errors=True)  # of other arguments, or cut off, where the time would be that of a part
    start = time.process_time()
    made = run.train("st-llm", folder, given, lambda line: None)
    seconds = time.process_time() - start
    net, words, _ = weights.load(folder / "model")
    clips = test(asked.vision, asked.clips)
    others = [replace(clip, features=clips[(i + APART) % len(clips)].features) for i, clip in enumerate(clips)]
    own, control = (answers.judged(net, words, some, net.room) for some in (clips, others))
    last = json.loads((folder / "log.jsonl").read_text().splitlines()[-1])
    found = {
        "right": own.each, "of": [i for i, clip in enumerate(clips) for _ in clip.asks], "told": own.told,
        "by_kind": own.by_kind, "control": control.each, "seconds": seconds,
        "last": last, "steps": made["result"]["steps"], "by": by,
    }  # fmt: skip
    done.write_text(json.dumps(found))
    print(f"  {variant}, seed {seed}: {np.mean(own.each):.1%} in {seconds:.0f} s of CPU", flush=True)
    return found


@cache
def test(vision: str, clips: int) -> Any:
    from flyreel.train.st_llm import data
    from flyreel.train.st_llm.vision import half, open_vision

    eyes = open_vision(vision)

    def seen(scene: Any) -> Any:
        return half(data.told([scene])[0] if eyes.kind == "script" else eyes.features(data.toy_frames(scene)))

    return [
        replace(clip, features=_once(clip.features))
        for clip in data.toy_held(TEST_WORLD - data.HELD_WORLD, clips, 8, seen)
    ]


def _once(make: Callable[[], Any]) -> Callable[[], Any]:
    return cache(make)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=160)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--clips", type=int, default=150)
    parser.add_argument("--vision", default="script")
    parser.add_argument("--variants", default="off,on")
    parser.add_argument("--work", type=Path, required=True)
    asked = parser.parse_args()
    head("Masked video modelling", **{n: v for n, v in vars(asked).items() if n != "work"})
    asked.work.mkdir(parents=True, exist_ok=True)
    variants = asked.variants.split(",")
    found: dict[str, list[dict[str, Any]]] = {variant: [] for variant in variants}
    for seed in range(1, asked.seeds + 1):
        for variant in variants:
            found[variant].append(learnt(variant, seed, asked.work, asked))
    print()
    _shares(found)
    _differences(found)
    _kinds(found)


def _shares(found: dict[str, list[dict[str, Any]]]) -> None:
    rows = []
    for variant, runs in found.items():
        for seed, one in enumerate(runs, 1):
            own, other = (_share(one[name], one["of"]) for name in ("right", "control"))
            terms = one["last"].get("mvm")
            rows.append((variant, seed, own, other, f"{one['told']['loss']:.3f}", f"{one['told']['perplexity']:.2f}",
                         "–" if terms is None else f"{terms:.3f}", f"{one['seconds']:.0f}"))  # fmt: skip
    columns = ("", "seed", "right %", "frames of another clip %", "loss", "perplexity", "last mvm", "seconds of CPU")
    table(columns, rows)


def _share(right: Sequence[bool], of: Sequence[int]) -> str:
    hits, groups = np.array(right, float), np.array(of)
    low, high = wilson(hits.mean(), len(hits) / design_effect(hits, groups), df=len(set(of)) - 1)
    return f"{100 * hits.mean():.1f} [{100 * low:.1f}, {100 * high:.1f}]"


def _differences(found: dict[str, list[dict[str, Any]]]) -> None:
    (base, plain), *others = found.items()
    rows = []
    for variant, runs in others:
        each = []
        for seed, (before, after) in enumerate(zip(plain, runs, strict=True), 1):
            mean, interval = paired(np.array(before["right"]), np.array(after["right"]), np.array(before["of"]))
            each.append(mean)
            rows.append((f"{variant}, seed {seed}", _told(mean, interval)))
        before, after = (np.mean([one["right"] for one in some], axis=0) for some in (plain, runs))
        rows.append((f"{variant}, over scenes", _told(*paired(before, after, np.array(plain[0]["of"])))))
        if len(each) > 1:
            half = stats.t.ppf(0.975, len(each) - 1) * stats.sem(each)
            rows.append((f"{variant}, over seeds", _told(np.mean(each), (np.mean(each) - half, np.mean(each) + half))))
    table(("", f"points more than {base}"), rows)


def _told(mean: Any, interval: tuple[Any, Any]) -> str:
    return f"{100 * mean:+.1f} [{100 * interval[0]:+.1f}, {100 * interval[1]:+.1f}]"


def _kinds(found: dict[str, list[dict[str, Any]]]) -> None:
    kinds = sorted({kind for runs in found.values() for one in runs for kind in one["by_kind"]})
    rows = []
    for kind in kinds:
        sums = [np.sum([one["by_kind"].get(kind, [0, 0]) for one in runs], axis=0) for runs in found.values()]
        rows.append((kind, int(sums[0][1]), *(f"{100 * right / max(1, asked):.0f}" for right, asked in sums)))
    table(("kind of question", "asked", *(f"{variant} %" for variant in found)), rows)


if __name__ == "__main__":
    main()
