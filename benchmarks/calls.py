"""How much of an endpoint's speed reaches the user: 10,000 calls, 256 in flight, a server that takes 0.2 s a reply.

    python benchmarks/calls.py
    python benchmarks/calls.py --peer-python V/bin/python

Ideal is calls / in flight * latency (7.8 s). Bar: the best of three fresh runs, ledger opened, filled and closed,
within 1.15 of it. Beside it, against the same server: a bare aiohttp loop with no ledger, retries or outcomes (the
lower bound for this client library), the same calls replayed from the ledger, and with --peer-python the same number
of calls through bespokelabs-curator, which needs an environment of its own:

    python3 -m venv V && V/bin/pip install bespokelabs-curator==0.1.31
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import aiohttp
from common import bars, fake_server, head, prompt, stats, table

from flyreel.engine.budget import Budget
from flyreel.engine.calls import Caller, Limits
from flyreel.engine.local import run
from flyreel.engine.stage import Context
from flyreel.models.endpoint import Endpoint
from flyreel.models.ledger import Ledger
from flyreel.models.scoring import letter_call

BAR = 1.15


async def letter(number: int, context: Context) -> str:
    return (await context.ask(letter_call(prompt(number)))).text


async def through_flyreel(url: str, calls: int, in_flight: int, folder: Path) -> tuple[float, int]:
    """(seconds, calls that reached the server); every item must come back with a letter."""
    start = time.perf_counter()
    with Ledger(folder) as ledger:
        caller = Caller(Endpoint(url, "fake"), Limits(concurrency=in_flight), ledger, Budget())
        outcomes = await run(letter, range(calls), Context(caller))
        await caller.model.close()
    seconds = time.perf_counter() - start
    lost = [o for o in outcomes if not isinstance(o.value, str)]
    assert len(outcomes) == calls and not lost, f"{len(outcomes)} outcomes, {len(lost)} without a reply: {lost[:1]}"
    return seconds, caller.tally.sent


async def through_aiohttp(url: str, calls: int, in_flight: int) -> float:
    waiting = iter(range(calls))
    texts: list[str] = []

    async def work(session: aiohttp.ClientSession) -> None:
        for number in waiting:
            async with session.post(f"{url}/chat/completions", json=letter_call(prompt(number)).body("fake")) as reply:
                texts.append((await reply.json())["choices"][0]["message"]["content"])

    start = time.perf_counter()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        await asyncio.gather(*(work(session) for _ in range(in_flight)))
    assert len(texts) == calls, f"{len(texts)} replies to {calls} calls"
    return time.perf_counter() - start


def through_curator(python: str, url: str, calls: int, in_flight: int) -> dict[str, Any]:
    script = Path(__file__).with_name("peer_curator.py")
    command = [python, str(script), "--url", url, "--calls", str(calls), "--in-flight", str(in_flight)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120 + calls / 10)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stdout[-1000:]}{done.stderr[-1000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--in-flight", type=int, default=256)
    parser.add_argument("--latency", type=float, default=0.2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--peer-python", help="the Python of an environment with bespokelabs-curator")
    given = parser.parse_args()
    n, width = given.calls, given.in_flight
    head("calls", calls=f"{n:,}", in_flight=width, latency=f"{given.latency:g} s", best_of=given.repeats)

    ours, replays, bare, peer = [], [], [], []
    with tempfile.TemporaryDirectory() as folder, fake_server(latency=given.latency) as url:
        for i in range(given.repeats):  # in turns, so that a busy minute of the machine meets all of them
            seconds, sent = asyncio.run(through_flyreel(url, n, width, Path(folder, str(i))))
            assert sent == n, f"{sent} of {n} calls sent with an empty ledger"
            ours.append(seconds)
            seconds, sent = asyncio.run(through_flyreel(url, n, width, Path(folder, str(i))))
            assert sent == 0, f"{sent} calls sent although all are in the ledger"
            replays.append(seconds)
            bare.append(asyncio.run(through_aiohttp(url, n, width)))
            if given.peer_python:
                peer.append(through_curator(given.peer_python, url, n, width))
        widest = stats(url)["most_in_flight"]

    ideal = n / width * given.latency
    rows = [_row("ideal", [ideal], n, ideal), _row("bare aiohttp, no ledger", bare, n, ideal)]
    rows += [_row("flyreel, ledger on", ours, n, ideal), _row("flyreel, from the ledger", replays, n, ideal)]
    if peer:
        name = f"{peer[0]['library']} {peer[0]['version']}"
        rows.append(_row(f"{name}, cache on", [p["seconds"] for p in peer], n, ideal))
    table(("", "best s", "all s", "calls/s", "of ideal"), rows)
    print(f"  most requests at the server at once: {widest}")
    if peer:
        print(f"  {name}: its constructor (not counted above) took {min(p['setup_seconds'] for p in peer):.1f} s more")
    ratio = min(ours) / ideal
    return bars((f"best of {given.repeats} is {ratio:.3f} of ideal, at most {BAR}", ratio <= BAR))


def _row(name: str, seconds: list[float], calls: int, ideal: float) -> tuple[str, ...]:
    best = min(seconds)
    every = " ".join(f"{s:.2f}" for s in seconds)
    return name, f"{best:.2f}", every, f"{calls / best:,.0f}", f"{best / ideal:.3f}"


if __name__ == "__main__":
    sys.exit(main())
