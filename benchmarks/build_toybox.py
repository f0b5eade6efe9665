"""What `flyreel build` lets through of a writer that errs: every accepted question, scored by who knows the truth.

    python benchmarks/build_toybox.py
    python benchmarks/build_toybox.py --clips 6 --count 4 --model local: --refine off
    python benchmarks/build_toybox.py --clips 6 --method extractive --model local: --refine off

A toybox of drawn clips is imported into a project, and `flyreel build` runs as a command: generate, audit, label,
refine, split. The scripted writer puts a wrong key into one question in five (another choice, another scene, or two
right choices); the reader that verifies misreads a share of the questions, the same way in every ordering, so that
averaging is no help to it. The oracle reads the script of the scene and says which choice is right; a question of a
kind that it does not know is counted as not scored, never as right. Bar: 98 of 100 accepted keys are right, where the
reader misreads none and where it misreads one in ten. With `--model` a real model writes and reads, and its numbers
are printed as they are.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from common import bars, fake_server, head, table

from flyreel.formats.base import read
from flyreel.tables import write_text
from flyreel.toybox import oracle

FLYREEL = str(Path(sys.executable).with_name("flyreel"))
RIGHT, ERRS = 0.98, 0.2


def flyreel(folder: Path, *words: str) -> dict[str, Any]:
    done = subprocess.run([FLYREEL, *words, "--json"], cwd=folder, stdout=subprocess.PIPE, text=True)
    if done.returncode not in (0, 1):
        sys.exit(f"flyreel {' '.join(words)}: exit {done.returncode}")
    return dict(json.loads(done.stdout))


def settings(model: str, count: int, refine: str, method: str) -> str:
    spec = f'local = "{model.partition(":")[2] or "default"}"' if model.startswith("local") else f'url = "{model}"'
    roles = "".join(f"[models.{role}]\n{spec}\n" for role in ("generator", "verifier", "blind"))
    build = f'methods = ["{method}"]\ncount = {count}\ntokens = 1200\nrefine = "{refine}"\n'
    return f"{roles}[build]\n{build}[build.split]\ncopies_may_cross = true\n"


def scored(rows: list[dict[str, Any]]) -> tuple[int, int, int]:
    """Right, wrong, and of no kind that the oracle could settle."""
    right = wrong = unknown = 0
    for row in rows:
        scene = oracle.scene_of(row["clip"])
        assert scene is not None
        if oracle.truths(scene, row["question"]) is None:
            unknown += 1
        elif oracle.answer(scene, row["question"], row["choices"]) == row["answer"]:
            right += 1
        else:
            wrong += 1
    return right, wrong, unknown


def built(url: str, given: argparse.Namespace, folder: Path) -> tuple[Any, ...]:
    start = time.monotonic()
    flyreel(folder, "toybox", "-o", "toy", "--clips", str(given.clips), "--seed", str(given.seed), "--questions", "0")
    flyreel(folder, "import", "auto", "toy/clips.jsonl", "--into", "project")
    write_text(folder / "project" / "flyreel.toml", settings(url, given.count, given.refine, given.method))
    told = flyreel(folder, "build", "project")["steps"][f"generate {given.method}"]
    split = folder / "project" / "reports" / "split"
    parts = [split / f"{name}.jsonl" for name in ("train", "val", "test")]  # none where nothing was accepted
    accepted = [row for part in parts if part.is_file() for row in read(part).questions.to_rows()]
    waiting = folder / "project" / "reports" / "generate" / given.method / "queue.jsonl"
    refused = [json.loads(line)["question"] for line in waiting.read_text().splitlines()]
    return told, scored(accepted), scored(refused), time.monotonic() - start


def shares(counts: tuple[int, int, int]) -> tuple[str, ...]:
    right, wrong, unknown = counts
    known = right + wrong
    return f"{right:,}", f"{wrong:,}", f"{unknown:,}", f"{100 * right / known:.1f}%" if known else "-"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=40)
    parser.add_argument("--count", type=int, default=12, help="questions asked for, a clip")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--refine", default="auto")
    parser.add_argument("--method", default="mcq")
    parser.add_argument("--model", help="a real model in the place of the scripted one")
    given = parser.parse_args()
    head("what a build accepts", clips=given.clips, count=given.count, seed=given.seed, refine=given.refine)
    rows, checks = [], []
    for misreads in (None,) if given.model else (0.0, 0.1, 0.2):
        who = given.model or f"scripted, misreads {100 * (misreads or 0):.0f}%"
        script = fake_server(
            "flyreel.toybox.scripted", clips=given.clips, seed=given.seed, errs=ERRS, misreads=misreads or 0.0
        )  # fmt: skip
        with nullcontext(given.model) if given.model else script as url, tempfile.TemporaryDirectory() as folder:
            told, accepted, refused, seconds = built(url, given, Path(folder))
        rows.append((who, *shares(accepted), f"{seconds:.0f} s"))
        rows.append(("  refused by the reader", *shares(refused), ""))
        print(f"  {who}: dropped {told['dropped']}, verified {told['verified']}", flush=True)
        right, wrong, _ = accepted
        if not given.model and (misreads or 0) <= 0.1:
            checks.append((f"{who}: {100 * right / (right + wrong):.1f}% of accepted keys are right (bar 98)",
                           right >= RIGHT * (right + wrong)))  # fmt: skip
    print()
    table(("writer and reader", "right", "wrong", "not scored", "share right", "whole build"), rows)
    return bars(*checks)


if __name__ == "__main__":
    sys.exit(main())
