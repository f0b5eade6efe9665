"""The ledger's promise: what somebody has seen is on disk, and what is on disk is never asked again."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from flyreel.errors import InputError
from flyreel.models.call import Call, Reply
from flyreel.models.ledger import GROUP_ROWS, Ledger, spent_in

REPLY = Reply(raw='{"choices": []}', input_tokens=7, output_tokens=1, seconds=0.5, money=0.25)


def key(n: int) -> bytes:
    return Call(messages=({"role": "user", "content": str(n)},)).key("e", "m")


async def put(ledger: Ledger, n: int, reply: Reply = REPLY) -> None:
    await ledger.put(key(n), "e", "m", "{}", reply)


async def test_a_stored_reply_comes_back_whole_and_says_where_it_is_from(tmp_path: Path) -> None:
    with Ledger(tmp_path) as ledger:
        await put(ledger, 1)
        found = ledger.get(key(1))
    assert found is not None and found.from_ledger
    assert (found.raw, found.input_tokens, found.output_tokens, found.money) == (REPLY.raw, 7, 1, 0.25)


async def test_what_put_returned_is_readable_by_another_connection_at_once(tmp_path: Path) -> None:
    """If `put` returned before the commit, a reply could be seen and then lost to kill -9."""
    with Ledger(tmp_path) as ledger:
        for n in range(5):
            await put(ledger, n)
            (path,) = tmp_path.glob("calls-*.sqlite")
            with sqlite3.connect(path) as other:
                assert other.execute("SELECT count(*) FROM calls").fetchone() == (n + 1,)
            other.close()


async def test_many_at_once_all_land(tmp_path: Path) -> None:
    n = 5 * GROUP_ROWS + 3
    with Ledger(tmp_path) as ledger:
        await asyncio.gather(*(put(ledger, i) for i in range(n)))
    with Ledger(tmp_path) as again:
        assert len(again) == n
        assert all(again.get(key(i)) for i in range(n))


async def test_the_same_call_stored_twice_is_one_row(tmp_path: Path) -> None:
    with Ledger(tmp_path) as ledger:
        await put(ledger, 1)
        await put(ledger, 1)
    assert [s.calls for s in spent_in(tmp_path)] == [1]


async def test_two_writers_at_once_use_two_files_and_a_later_reader_sees_the_union(tmp_path: Path) -> None:
    with Ledger(tmp_path) as one, Ledger(tmp_path) as two:
        await put(one, 1)
        await put(two, 2)
    assert len(list(tmp_path.glob("calls-*.sqlite"))) == 2
    with Ledger(tmp_path) as reader:
        assert key(1) in reader and key(2) in reader


async def test_files_do_not_pile_up_run_after_run(tmp_path: Path) -> None:
    for n in range(4):
        with Ledger(tmp_path) as ledger:
            await put(ledger, n)
    assert len(list(tmp_path.glob("calls-*.sqlite"))) == 1


def test_kill_9_loses_no_reply_that_put_returned(tmp_path: Path) -> None:
    """A child prints each call after `put` returned; it is killed; every printed call must be there."""
    program = """
import asyncio, sys
from pathlib import Path
from flyreel.models.call import Call, Reply
from flyreel.models.ledger import Ledger
async def main():
    with Ledger(Path(sys.argv[1])) as ledger:
        for n in range(100_000):
            key = Call(messages=({"role": "user", "content": str(n)},)).key("e", "m")
            await ledger.put(key, "e", "m", "{}", Reply("{}"))
            print(n, flush=True)
asyncio.run(main())
"""
    with subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        seen = [int(child.stdout.readline()) for _ in range(40)]
        os.kill(child.pid, signal.SIGKILL)
        seen += [int(line) for line in child.stdout.read().split("\n")[:-1] if line]
    with Ledger(tmp_path) as ledger:
        assert all(key(n) in ledger for n in seen)


async def test_totals_by_model_and_no_money_figure_where_a_price_is_missing(tmp_path: Path) -> None:
    with Ledger(tmp_path) as ledger:
        await put(ledger, 1)
        await put(ledger, 2)
        await ledger.put(key(3), "e", "other", "{}", Reply("{}", 1, 1, 0.1, None))
    m, other = spent_in(tmp_path)
    assert (m.calls, m.input_tokens, m.output_tokens, m.money) == (2, 14, 2, 0.5)
    assert other.money is None


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "calls-0007.sqlite").write_bytes(b"not a database, " * 500)
    with pytest.raises(InputError, match=r"calls-0007.sqlite: a damaged ledger"), Ledger(tmp_path):
        pass


def test_a_key_depends_on_everything_that_is_asked_and_on_nothing_else() -> None:
    base = Call(messages=({"role": "user", "content": "hi"},), parameters={"a": 1, "b": 2})
    same = Call(messages=({"content": "hi", "role": "user"},), parameters={"b": 2, "a": 1})
    assert base.key("e", "m") == same.key("e", "m")
    others = [
        Call(messages=({"role": "user", "content": "ho"},), parameters={"a": 1, "b": 2}),
        Call(messages=base.messages, parameters={"a": 1}),
        Call(messages=base.messages, parameters=base.parameters, sample=1),
        Call(messages=base.messages, parameters=base.parameters, schema={"type": "object"}),
    ]
    keys = {c.key("e", "m") for c in (base, *others)} | {base.key("f", "m"), base.key("e", "n")}
    assert len(keys) == 7
