"""kill -9 in the middle: what was recorded is not asked again, and what is asked again was in flight.

    python benchmarks/kill.py
    python benchmarks/kill.py --calls 10000 --seed 1

A run in a process of its own is killed three times, each time a random moment after a random number of its requests
has arrived, and is then left to finish. The server remembers every body, so that each call recorded before a kill can
be shown to have arrived no more afterwards. In flight at a kill: what the server received of that run less what the
ledger kept of it, so a reply on its way to the disk is in flight too.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import random
import sqlite3
import sys
import tempfile
import time
from pathlib import Path

from common import bars, head, prompt, table

from flyreel.engine.budget import Budget
from flyreel.engine.calls import Caller, Limits
from flyreel.engine.local import run
from flyreel.engine.stage import Context
from flyreel.models.endpoint import Endpoint
from flyreel.models.fake import FakeServer, noise, prefer
from flyreel.models.ledger import Ledger
from flyreel.models.scoring import letter_call

KILLS = 3


async def letter(number: int, context: Context) -> str:
    return (await context.ask(letter_call(prompt(number)))).text


async def work(url: str, folder: Path, calls: int, in_flight: int) -> None:
    """What is killed: prints its tally if it lives to the end."""
    with Ledger(folder) as ledger:
        # Not by its address: the port is new every time the benchmark runs, and a kept folder should be known again.
        model = Endpoint(url, "fake", identity="fake")
        caller = Caller(model, Limits(concurrency=in_flight), ledger, Budget())
        outcomes = await run(letter, range(calls), Context(caller))
        await model.close()
    answered = sum(isinstance(o.value, str) for o in outcomes)
    print(json.dumps({"answered": answered, "sent": caller.tally.sent, "from_ledger": caller.tally.from_ledger}))


def recorded(folder: Path) -> set[bytes]:
    """Digests of the request bodies that the ledger holds, read by another process than the one that wrote them."""
    found: set[bytes] = set()
    for path in folder.glob("calls-*.sqlite"):
        db = sqlite3.connect(path)
        found |= {hashlib.sha256(request.encode()).digest() for (request,) in db.execute("SELECT request FROM calls")}
        db.close()
    return found


async def start(server: FakeServer, folder: Path, given: argparse.Namespace) -> asyncio.subprocess.Process:
    words = [__file__, "--worker", server.url, "--ledger", str(folder), "--calls", str(given.calls)]
    words += ["--in-flight", str(given.in_flight)]
    return await asyncio.create_subprocess_exec(sys.executable, *words, stdout=asyncio.subprocess.PIPE)


async def bench(folder: Path, given: argparse.Namespace) -> int:
    dice = random.Random(given.seed)
    rows: list[tuple[object, ...]] = []
    lost: list[int] = []
    again = 0  # arrivals of calls that were on disk when they arrived
    async with FakeServer(prefer(noise()), latency=given.latency) as server:
        kept: set[bytes] = set()
        for number in range(1, KILLS + 2):
            arrived, before, seen = server.requests, kept, dict(server.bodies)
            point = arrived + dice.randint(1, max(1, (given.calls - len(kept)) // 2))
            process = await start(server, folder, given)
            begun = time.perf_counter()
            if number <= KILLS:
                while server.requests < point and process.returncode is None:
                    await asyncio.sleep(0.001)
                # Requests come in waves, all at once; the kill should find replies on their way to the ledger too.
                await asyncio.sleep(dice.uniform(0.0, 1.5 * given.latency))
                process.kill()
            out, _ = await process.communicate()
            seconds = time.perf_counter() - begun
            await asyncio.sleep(0.1)  # what the dead process had written to its sockets still arrives
            while server.in_flight:
                await asyncio.sleep(0.01)
            kept = recorded(folder)
            again += sum(server.bodies[digest] > seen.get(digest, 0) for digest in before)
            in_flight = (server.requests - arrived) - (len(kept) - len(before))
            lost.append(in_flight)
            name = f"kill {number}" if number <= KILLS else "finished"
            rows.append((name, len(before), server.requests - arrived, len(kept), in_flight, f"{seconds:.1f}"))
            if number <= KILLS and process.returncode != -9:
                sys.exit(f"the run ended by itself ({process.returncode}) before kill {number}; use more --calls")
    tally = json.loads(out)
    repeated = server.requests - len(server.bodies)
    table(("", "kept before", "requests", "kept after", "in flight", "s"), rows)
    print(
        f"  server: {server.requests:,} requests, {len(server.bodies):,} distinct, {repeated} repeated, "
        f"at most {server.most_in_flight} at once"
    )
    print(f"  last run: {tally['from_ledger']:,} from the ledger, {tally['sent']:,} sent\n")
    expected = rows[-1][1]
    return bars(
        (f"all {given.calls:,} answered in the end", tally["answered"] == len(kept) == given.calls),
        (f"calls recorded before a kill and sent after it: {again}, at most 0", again == 0),
        (f"the last run had {tally['from_ledger']:,} from the ledger, {expected:,} were in it",
         tally["from_ledger"] == expected),
        (f"{repeated} repeats, at most the {sum(lost[:KILLS])} in flight at the kills", repeated <= sum(lost[:KILLS])),
        (f"most in flight at a kill: {max(lost)}, at most {given.in_flight}", max(lost) <= given.in_flight),
    )  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=3_000)
    parser.add_argument("--in-flight", type=int, default=256)
    parser.add_argument("--latency", type=float, default=0.2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--ledger", type=Path, help="an empty folder; a temporary one if left out")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.worker:
        asyncio.run(work(given.worker, given.ledger, given.calls, given.in_flight))
        return 0
    settings = {"calls": f"{given.calls:,}", "in_flight": given.in_flight, "latency": f"{given.latency:g} s"}
    head("kill", **settings, seed=given.seed)
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.ledger or Path(temporary)
        if list(folder.glob("calls-*.sqlite")):
            sys.exit(f"{folder}: has a ledger in it already; name an empty folder")
        return asyncio.run(bench(folder, given))


if __name__ == "__main__":
    sys.exit(main())
