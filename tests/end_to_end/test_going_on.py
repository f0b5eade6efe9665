"""What goes on all the same: the good rows of a file with broken ones, and a run that was stopped half-way."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

Flyreel = Any
"""Runs the installed program in tmp_path; `Program` in conftest.py."""


def row(i: int = 1, **changes: Any) -> dict[str, Any]:
    choices = [f"opens door {i}", f"closes window {i} slowly", f"sits down {i} times"]
    return {"id": f"q{i}", "question": f"What happens in scene {i}?", "choices": choices, "answer": i % 3, **changes}


def jsonl(*rows: Any) -> bytes:
    return b"".join(json.dumps(r).encode() + b"\n" for r in rows)


def csv_row(i: int) -> bytes:
    choices = [f"opens door {i}", f"closes window {i}", "sits down"]
    return f'q{i},What happens in scene {i}?,"{choices}",{i % 3}\n'.encode()


BROKEN_JSONL = [
    # the reason that is given, a row of JSONL
    ("no-choices", jsonl(row(choices=[]))),
    ("one-choice", jsonl(row(choices=["runs"], answer=0))),
    ("duplicate-choices", jsonl(row(choices=["runs", "sits", "runs"]))),
    ("answer-out-of-range", jsonl(row(answer=3))),
    ("answer-out-of-range", jsonl(row(answer=-1))),
    ("answer-not-among-choices", jsonl(row(answer="flies"))),
    ("no-answer", jsonl(row(answer=None))),
    ("no-answer", jsonl(row(answer=float("nan")))),
    ("empty-question", jsonl(row(question=""))),
    ("not-utf8", jsonl(row()).replace(b"scene", b"sc\xe8ne")),
    ("not-json", jsonl(row())[:40] + b"\n"),
    ("not-an-object", b"[1, 2]\n"),
    ("line-too-long", jsonl(row(question="x" * (10 << 20)))),
]
BROKEN_CSV = [
    ("wrong-column-count", b"q0,What happens in scene 0?,1\n"),
    ("not-utf8", csv_row(0).replace(b"scene", b"sc\xe8ne")),
    ("no-answer", b"q0,What happens in scene 0?,\"['a', 'b']\",\n"),
    ("no-choices", b"q0,What happens in scene 0?,,1\n"),
]


def mixed_jsonl() -> bytes:
    """A good row, a broken one, a good one …: the broken ones are the even rows."""
    return b"".join(jsonl(row(100 + i)) + bad for i, (_, bad) in enumerate(BROKEN_JSONL))


def mixed_csv() -> bytes:
    rows = b"".join(csv_row(100 + i) + bad for i, (_, bad) in enumerate(BROKEN_CSV))
    return b"id,question,choices,answer\n" + rows


@pytest.mark.parametrize(
    ("name", "data", "broken", "first_line"),
    [("q.jsonl", mixed_jsonl(), BROKEN_JSONL, 1), ("q.csv", mixed_csv(), BROKEN_CSV, 2)],
    ids=["JSONL", "CSV"],
)
def test_good_rows_go_on(
    flyreel: Flyreel, tmp_path: Path, name: str, data: bytes, broken: list[tuple[str, bytes]], first_line: int
) -> None:
    """A broken row costs that row and nothing else, and is named by its number, its line and one word."""
    (tmp_path / name).write_bytes(data)
    ran = flyreel("audit", name, "--probe", "surface", "--json")
    assert (ran.code, ran.err) == (0, "")
    found = json.loads(ran.out)
    expected = [(2 * i, reason) for i, (reason, _) in enumerate(broken, 1)]
    assert [(p["row"], p["reason"]) for p in found["problems"]] == expected
    assert [p.get("line") for p in found["problems"]] == [number - 1 + first_line for number, _ in expected]
    assert found["questions"] == len(broken)


def test_strict_names_the_broken_rows_and_exits_1(flyreel: Flyreel, tmp_path: Path) -> None:
    """`--strict` is what a release script relies on; the result is printed all the same."""
    (tmp_path / "q.jsonl").write_bytes(mixed_jsonl())
    ran = flyreel("audit", "q.jsonl", "--probe", "surface", "--json", "--strict")
    assert ran.code == 1, ran.err
    assert ran.err == f"flyreel: --strict: {len(BROKEN_JSONL)} broken rows; the first is row 2: no-choices\n"
    assert len(json.loads(ran.out)["problems"]) == len(BROKEN_JSONL)


def test_ctrl_c_keeps_what_was_paid_for(flyreel: Flyreel, tmp_path: Path, slow_model_url: str) -> None:
    """Stopped half-way, the run says how far it came; the same command finishes from there."""
    (tmp_path / "q.jsonl").write_bytes(jsonl(*(row(i) for i in range(90))))
    command = ["audit", "q.jsonl", "--probe", "blind", "--model", slow_model_url, "--concurrency", "16"]
    ran = _interrupted(flyreel, command, slow_model_url, after=120)
    *earlier, last = ran.err.splitlines()
    assert ran.code == 130, ran.err
    assert ran.out == ""
    assert all(line.startswith("  ") for line in earlier), f"more than progress before the last line: {ran.err}"
    told = re.fullmatch(r"stopped: (\d+) of 90 done, (\d+) calls kept\. .*nothing is paid for twice\.", last)
    assert told, last
    done, kept = map(int, told.groups())
    assert 0 < done < 90 and kept >= 3 * done
    assert not (tmp_path / "q.audit" / "audit.json").exists(), "a stopped run looks like a finished one"

    again = flyreel(*command)
    assert again.code == 0, again.err
    sent, from_ledger = map(int, re.findall(r"90/90 +(\d+) calls, (\d+) from the ledger", again.err)[-1])
    assert kept <= from_ledger <= kept + 16, "a call that was kept was not used, or one came from nowhere"
    assert sent + from_ledger == 90 * 3 + 1, "three orderings a question, and one call to see what the model can do"
    assert _stats(slow_model_url)["repeated"] <= 16, "more was asked again than was in flight at the stop"


def _interrupted(flyreel: Any, command: list[str], url: str, after: int) -> Any:
    """The command, with Ctrl-C once its model has seen `after` requests."""
    process = flyreel.start(*command)
    for _ in range(1000):
        if _stats(url)["requests"] >= after:
            break
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.05)
            break
    process.send_signal(signal.SIGINT)
    return flyreel.end(process)


def _stats(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(url.removesuffix("/v1") + "/stats") as reply:
        return dict(json.load(reply))
