"""python benchmarks/losses.py

The losses over a vocabulary against F.cross_entropy: seconds and memory of forward and backward in one run.

Seconds: in one process all sides take turns on the same logits, in one order and then in the other; the median counts.
Memory: each side in a process of its own, how far the peak rises (resource.getrusage) above what it was with the logits
there. On a GPU, where there is one, both are told by CUDA. Bars for each AdaTaiLr: 1.15 times the seconds and 1.1 times
the memory. `--busy N` keeps N processes counting meanwhile, as data loaders do. Gradients are compared as well: that of
`mle` with F.cross_entropy's, relative to the largest.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Any

from common import bars, head, table

# Nothing heavy is imported here: a child sets its threads first.
SECONDS, MEMORY = 1.15, 1.1
PLAIN = "F.cross_entropy"
SIDES = (PLAIN, "mle", "tailr", "adatailr-constant", "adatailr-bias-variance", "adatailr-sample-noise")


class Bench:
    def __init__(self, shape: tuple[int, int, int], kind: str, device: str) -> None:
        import torch

        random = torch.Generator(device).manual_seed(0)
        dtype = getattr(torch, kind)
        self.device = device
        self.logits = torch.randn(shape, generator=random, device=device, dtype=dtype).mul_(2).requires_grad_()
        self.labels = torch.randint(shape[2], shape[:2], generator=random, device=device)
        self.noise = torch.linspace(0.01, 0.4, shape[0], device=device)
        self.sources = [("human", "asr")[i % 2] for i in range(shape[0])]

    def side(self, name: str) -> Callable[[], Any]:
        import torch.nn.functional as F

        from flyreel.train.losses import Discrepancy, criterion

        if name == PLAIN:
            return lambda: F.cross_entropy(self.logits.flatten(0, 1), self.labels.flatten())
        loss = criterion(name, discrepancy=Discrepancy())
        return lambda: loss(self.logits, self.labels, self.sources, self.noise).value

    def step(self, loss: Callable[[], Any]) -> tuple[float, float]:
        """Seconds of forward and of backward."""
        self.logits.grad = None
        start = self.now()
        value = loss()
        middle = self.now()
        value.backward()
        return middle - start, self.now() - middle

    def now(self) -> float:
        if self.device == "cuda":
            import torch

            torch.cuda.synchronize()
        return perf_counter()

    def seconds(self, rounds: int) -> dict[str, Any]:
        runs: dict[str, list[tuple[float, float]]] = {name: [] for name in SIDES}
        ways = [(name, self.side(name)) for name in SIDES]
        grads = {}
        for name, loss in ways:
            self.step(loss)
            if name in (PLAIN, "mle"):
                grads[name] = self.logits.grad.float()
        apart = (grads["mle"] - grads[PLAIN]).abs().max() / grads[PLAIN].abs().max()
        grads.clear()
        for i in range(rounds):
            for name, loss in ways if i % 2 else ways[::-1]:
                runs[name].append(self.step(loss))
        return {"runs": runs, "apart": float(apart), "load": os.getloadavg()[0]}

    def memory(self, name: str) -> float:
        """MiB above what was there with the logits."""
        import torch

        loss = self.side(name)
        if self.device == "cuda":
            before = torch.cuda.memory_allocated()
            torch.cuda.reset_peak_memory_stats()
            self.step(loss)
            return (torch.cuda.max_memory_allocated() - before) / 2**20
        small = Bench((1, 1, 8), "float32", "cpu")
        small.step(small.side(name))  # what a first call loads is not the loss's
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        self.step(loss)
        return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 2**10


def one(given: argparse.Namespace) -> Any:
    """In a process of its own."""
    import torch

    torch.set_num_threads(given.threads)
    bench = Bench(tuple(given.shape), given.dtype, given.one[0])
    return bench.seconds(given.rounds) if given.one[1] == "seconds" else bench.memory(given.one[1])


def asked(given: argparse.Namespace, device: str, what: str) -> Any:
    environment = {**os.environ, "OMP_NUM_THREADS": str(given.threads)}
    command = [sys.executable, *sys.argv, "--one", device, what]
    found = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(found.stdout)


def count() -> None:
    while True:
        sum(range(10**6))


@contextmanager
def busy(processes: int) -> Iterator[None]:
    others = [multiprocessing.Process(target=count, daemon=True) for _ in range(processes)]
    for other in others:
        other.start()
    try:
        yield
    finally:
        for other in others:
            other.terminate()


def compare(given: argparse.Namespace, device: str) -> list[tuple[str, bool]]:
    with busy(given.busy):
        timed = asked(given, device, "seconds")
    memory = {name: asked(given, device, name) for name in SIDES}
    whole = {name: statistics.median(f + b for f, b in runs) for name, runs in timed["runs"].items()}
    rows, checks = [], []
    for name, runs in timed["runs"].items():
        forward, backward = (statistics.median(part) for part in zip(*runs, strict=True))
        slower, larger = whole[name] / whole[PLAIN], memory[name] / memory[PLAIN]
        times = (f"{forward:.4f}", f"{backward:.4f}", f"{whole[name]:.4f}", f"{slower:.2f}")
        rows.append((name, *times, f"{memory[name]:,.0f}", f"{larger:.2f}"))
        if name.startswith("adatailr"):
            place = f"{device}, {name}"
            checks.append((f"{place}: {slower:.2f} of the seconds, at most {SECONDS:g}", slower <= SECONDS))
            checks.append((f"{place}: {larger:.2f} of the memory, at most {MEMORY:g}", larger <= MEMORY))
    print(f"{device}; load {timed['load']:.1f} when the times were taken; ratios to {PLAIN}")
    table(("", "forward s", "backward s", "both s", "ratio", "peak MiB", "ratio"), rows)
    print(f"  gradient of mle, furthest from {PLAIN}'s: {timed['apart']:.1e} of the largest\n")
    return checks


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", type=int, nargs=3, default=(8, 512, 32000), metavar=("CLIPS", "TOKENS", "WORDS"))
    parser.add_argument("--dtype", choices=["float32", "bfloat16", "float16"], default="float32")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--busy", type=int, default=0, help="processes that keep a core busy while times are taken")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(one(given)))
        return 0
    import torch

    shape = " × ".join(map(str, given.shape))
    settings = {"threads": given.threads, "rounds": given.rounds, "busy": given.busy, "torch": torch.__version__}
    head("losses", logits=f"{shape} {given.dtype}", **settings)
    devices = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    return bars(*(check for device in devices for check in compare(given, device)))


if __name__ == "__main__":
    sys.exit(main())
