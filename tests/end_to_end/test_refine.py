"""`flyreel refine` and what follows it, as commands: killed and gone on with, walked back, divided into splits."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from flyreel.models import fake
from flyreel.models.fake import FakeReply, FakeServer
from flyreel.tables import write_jsonl
from flyreel.toybox.questions import questions

FLYREEL = str(Path(sys.executable).with_name("flyreel"))
PATIENCE = 120
"""Seconds after which a process counts as hung; no test is about how long anything takes."""
QUICK = ("--folds", "2", "--attempts", "2")
SAME = ("out.jsonl", "out.refine/revisions.jsonl", "out.refine/queue.jsonl")
"""What must be the same to the byte, however the work was interrupted."""
AT_ONCE = 6


@dataclass(frozen=True)
class Made:
    """A folder in which `flyreel refine in.jsonl -o out.jsonl` has run."""

    folder: Path
    ran: subprocess.CompletedProcess[str]

    @property
    def told(self) -> dict[str, Any]:
        return dict(json.loads(self.ran.stdout))


def flyreel(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([FLYREEL, *words], cwd=folder, capture_output=True, encoding="utf-8", timeout=PATIENCE)


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def key(row: dict[str, Any]) -> str:
    return str(row["choices"][row["answer"]])


def waiting(folder: Path) -> set[str]:
    return {case["question"]["id"] for case in rows(folder / "out.refine" / "queue.jsonl")}


def wording(row: dict[str, Any]) -> tuple[Any, ...]:
    return row["question"], row["choices"], row["answer"]


def refuses(ran: subprocess.CompletedProcess[str], *cause: str) -> None:
    """One line, exit 2, and nothing on stdout that a script could take for a result."""
    assert (ran.returncode, ran.stdout) == (2, ""), ran.stderr
    assert ran.stderr.count("\n") == 1, ran.stderr
    for part in cause:
        assert part in ran.stderr


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Refined once for every test that only reads what came of it."""
    folder = tmp_path_factory.mktemp("made")
    write_jsonl(folder / "in.jsonl", questions(5, 6, 4, 0.6).to_rows())
    words = ["refine", "in.jsonl", "-o", "out.jsonl", "--strategy", "distractors", *QUICK, "--json"]
    return Made(folder, flyreel(folder, *words))


@pytest.fixture
def some(tmp_path: Path) -> Path:
    """A folder with a small file in it."""
    write_jsonl(tmp_path / "in.jsonl", questions(5, 6, 4, 0.6).to_rows())
    return tmp_path


def test_other_distractors_leave_question_key_and_order_as_they_were(made: Made) -> None:
    assert made.ran.returncode == 0, made.ran.stderr
    before, after = rows(made.folder / "in.jsonl"), rows(made.folder / "out.jsonl")
    assert [r["id"] for r in after] == [r["id"] for r in before]
    assert [(r["question"], key(r)) for r in after] == [(r["question"], key(r)) for r in before]
    assert all(len(set(r["choices"])) == len(r["choices"]) == 5 for r in after)
    changed = [b["id"] for b, a in zip(before, after, strict=True) if wording(b) != wording(a)]
    assert len(changed) == made.told["edits"]["questions_changed"] > 0


def test_the_numbers_on_stdout_agree_with_each_other_and_with_the_files(made: Made) -> None:
    told = made.told
    outcomes = Counter(told["outcomes"])
    queue = rows(made.folder / "out.refine" / "queue.jsonl")
    assert sum(outcomes.values()) == told["questions"] == 24
    assert 0 < told["weak"] <= told["tried"] == told["resolved"] + told["queued"] == len(told["first"])
    assert told["queued"] == len(queue) == sum(outcomes[name] for name in ("unfixable", "unknown", "spoken"))
    assert Counter(case["reason"] for case in queue) == {name: outcomes[name] for name in ("unfixable", "spoken")}
    assert all(case["detail"] and case["state"] == "open" for case in queue)
    revisions = rows(made.folder / "out.refine" / "revisions.jsonl")
    assert told["edits"]["revisions"] == len(revisions)
    assert told["edits"]["accepted"] == sum(r["accepted"] for r in revisions)
    assert {a["role"] for a in told["proof"]} >= {"loop", "heldout", "rules"}
    assert (made.folder / told["folder"] / "report.html").stat().st_size > 10_000


def test_the_same_command_gives_the_same_bytes(made: Made) -> None:
    words = ["refine", "in.jsonl", "-o", "out.jsonl", "--strategy", "distractors", *QUICK]
    first = {name: (made.folder / name).read_bytes() for name in SAME}
    again = flyreel(made.folder, *words)
    assert again.returncode == 0, again.stderr
    assert "proof\n" in again.stdout and "report.html" in again.stdout
    assert {name: (made.folder / name).read_bytes() for name in SAME} == first


def test_history_shows_the_first_wording_every_attempt_and_what_stands(made: Made) -> None:
    revisions = rows(made.folder / "out.refine" / "revisions.jsonl")
    one = next(r for r in revisions if r["accepted"] and set(r["after"]["choices"]) - set(r["before"]["choices"]))
    id, attempts = one["question"], [r for r in revisions if r["question"] == one["question"]]
    first = next(r for r in rows(made.folder / "in.jsonl") if r["id"] == id)
    shown = flyreel(made.folder, "history", id, "out.jsonl")
    assert shown.returncode == 0, shown.stderr
    lines = shown.stdout.splitlines()
    assert lines[:2] == [f"{id}@0  first wording", f"    {first['question']}"]
    assert lines[2:7] == [f"    {'*' if i == first['answer'] else ' '} {c}" for i, c in enumerate(first["choices"])]
    heads = [line for line in lines if re.match(rf"{id}@\d+  distractors on @\d", line)]
    assert [head.split()[0] for head in heads] == [f"{id}@{r['attempt']}" for r in attempts]
    assert [head.endswith(": accepted") for head in heads] == [r["accepted"] for r in attempts]
    came = set(one["after"]["choices"]) - set(one["before"]["choices"])
    assert came <= {line.removeprefix("    +   ") for line in lines}
    assert lines[-1].startswith(f"stands: {id}@{max(r['attempt'] for r in attempts if r['accepted'])}")


def test_history_of_an_unknown_question_offers_one_that_is_there(made: Made) -> None:
    refuses(flyreel(made.folder, "history", "toybox-5-0000-q001", "out.jsonl"), "Did you mean toybox-5-0000-q0001")


def test_rollback_gives_back_the_first_wording_of_one_question_and_of_all(made: Made) -> None:
    before, after = rows(made.folder / "in.jsonl"), rows(made.folder / "out.jsonl")
    changed = [b["id"] for b, a in zip(before, after, strict=True) if wording(b) != wording(a)]
    one = flyreel(made.folder, "rollback", "out.jsonl", "--question", changed[0], "-o", "one.jsonl")
    assert one.stdout == "1 back to their first wording: one.jsonl\n", one.stderr
    expected = [b if b["id"] == changed[0] else a for b, a in zip(before, after, strict=True)]
    assert rows(made.folder / "one.jsonl") == expected
    every = flyreel(made.folder, "rollback", "out.jsonl", "-o", "all.jsonl", "--json")
    assert json.loads(every.stdout) == {"rolled_back": len(changed), "written": "all.jsonl"}
    assert (made.folder / "all.jsonl").read_bytes() == (made.folder / "in.jsonl").read_bytes()


def test_a_project_gets_versions_and_its_unfixable_questions_are_in_no_val_or_test(some: Path) -> None:
    project = some / "project"
    assert flyreel(some, "import", "auto", "in.jsonl", "--into", "project").returncode == 0
    done = flyreel(some, "refine", "project", "--strategy", "distractors", *QUICK, "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert [_newest(project, name) for name in ("questions", "revisions", "review")] == [2, 1, 1]

    revisions = rows(project / "reports" / "refine" / "revisions.jsonl")
    changed = next(r["question"] for r in revisions if r["accepted"])
    assert f"{changed}@0  first wording" in flyreel(some, "history", changed, "project").stdout
    back = flyreel(some, "rollback", "project", "--question", changed, "--json")
    assert json.loads(back.stdout) == {"rolled_back": 1, "written": "questions/v3"}

    words = ["--train", "0.4", "--val", "0.3", "--test", "0.3", "--copies-may-cross", "--json"]
    divided = flyreel(some, "split", "project", *words)
    assert divided.returncode == 0, divided.stderr
    assert _newest(project, "questions") == 4
    parts = {
        n: {r["id"] for r in rows(project / "reports" / "split" / f"{n}.jsonl")}
        for n in ("train", "val", "test", "left_out")
    }
    queue = {case["question"]["id"] for case in rows(project / "reports" / "refine" / "queue.jsonl")}
    assert len(queue) == told["queued"] > 0
    assert parts["val"] and parts["test"] and not queue & (parts["val"] | parts["test"])
    assert parts["left_out"] == queue - parts["train"]
    assert sum(map(len, parts.values())) == told["questions"], "a question is in two files or in none"


def _newest(project: Path, table: str) -> int:
    return int(json.loads((project / table / "manifest.json").read_text())["versions"][-1]["number"])


@pytest.mark.parametrize(
    ("words", "cause"),
    [
        (["in.jsonl"], ["needs -o OUT.jsonl"]),
        (["in.jsonl", "-o", "./in.jsonl"], ["in.jsonl: would be written over"]),
        (["in.jsonl", "-o", "out.jsonl", "--strategy", "distractor"], ["Did you mean distractors?"]),
        (["in.jsonl", "-o", "out.jsonl", "--strategy", "rewrite"], ["needs a model", "--rewriter http://"]),
        (["in.jsonl", "-o", "out.jsonl", "--model", "URL", "--heldout", "URL"], ["--heldout:", "took no part"]),
        (["in.jsonl", "-o", "out.jsonl", "--model", "URL", "--heldout", "URL#fake"], ["--heldout:", "took no part"]),
    ],
    ids=["no -o", "-o over the input", "no such strategy", "no rewriter", "heldout as model", "the same by its name"],
)
def test_wrong_use_is_one_line_and_writes_nothing(
    some: Path, model_url: str, words: list[str], cause: list[str]
) -> None:
    before = (some / "in.jsonl").read_bytes()
    refuses(flyreel(some, "refine", *(w.replace("URL", model_url) for w in words)), *cause)
    assert (some / "in.jsonl").read_bytes() == before
    assert not (some / "out.jsonl").exists()


async def test_a_forecast_asks_nothing(some: Path) -> None:
    words = ["refine", "in.jsonl", "-o", "out.jsonl", "--dry-run"]
    async with FakeServer(fake.prefer(fake.noise())) as server:
        done = await asyncio.to_thread(flyreel, some, *words, "--model", server.url)
        assert server.requests == 0
    assert done.returncode == 0, done.stderr
    assert "forecast: 120 calls" in done.stdout, "five orderings for each of 24 questions"
    assert not (some / "out.jsonl").exists()


async def test_ctrl_c_while_the_text_models_are_fitted_is_one_line(tmp_path: Path) -> None:
    """The blind model has answered, so what comes next is the text model, in which nothing is awaited."""
    write_jsonl(tmp_path / "in.jsonl", questions(5, 25, 4).to_rows())
    async with FakeServer(fake.prefer(fake.noise())) as server:
        words = ["refine", "in.jsonl", "-o", "out.jsonl", "--strategy", "distractors", "--model", server.url]
        running = await _start(tmp_path, *words)
        assert running.stderr is not None
        async with asyncio.timeout(PATIENCE):
            while not (line := await running.stderr.readline()).startswith(b"  blind 100/100"):
                assert line, "it ended before the blind model was through"
            running.send_signal(signal.SIGINT)
            out, err = await running.communicate()
    assert (running.returncode, out) == (130, b""), err
    assert err.startswith(b"stopped") and err.count(b"\n") == 1, err
    assert not (tmp_path / "out.jsonl").exists()
    assert not (tmp_path / "out.refine" / "refine.json").exists(), "a stopped run looks like a finished one"


async def test_a_killed_run_goes_on_to_the_same_bytes_and_pays_for_nothing_twice(tmp_path: Path) -> None:
    """Killed two thirds of the way, then the same command again; beside it a run that nobody disturbed."""
    for name in ("killed", "unbroken"):
        write_jsonl(tmp_path / name / "in.jsonl", questions(7, 5, 4, 0.6, ("longest-choice",)).to_rows())
    killed, unbroken = tmp_path / "killed", tmp_path / "unbroken"
    async with FakeServer(everybody) as server:
        done = await asyncio.to_thread(flyreel, unbroken, *_by_models(server))
        assert done.returncode == 0, done.stderr
        assert server.requests == len(server.bodies), "an unbroken run asks for the same thing twice"
        asked = set(server.bodies)
    told = json.loads(done.stdout)
    assert told["edits"]["accepted"] and told["queued"], "a run in which nothing happens proves nothing"
    dropped = {r["id"] for r in rows(unbroken / "in.jsonl")} - {r["id"] for r in rows(unbroken / "out.jsonl")}
    assert dropped == waiting(unbroken), "--drop-unfixable leaves out what waits for a person, and nothing else"

    reached = asyncio.Event()

    def counted(messages: list[dict[str, Any]]) -> FakeReply:
        if server.requests >= len(asked) * 2 // 3:
            reached.set()
        return everybody(messages)

    async with FakeServer(counted, latency=0.02) as server:
        running = await _start(killed, *_by_models(server))
        async with asyncio.timeout(PATIENCE):
            await reached.wait()
            running.kill()
            await running.communicate()
        assert running.returncode == -signal.SIGKILL
        assert not (killed / "out.jsonl").exists()
        kept, before = _recorded(killed / "out.refine" / "calls"), dict(server.bodies)
        again = await asyncio.to_thread(flyreel, killed, *_by_models(server))
        assert again.returncode == 0, again.stderr
        assert kept and all(server.bodies[digest] == before[digest] for digest in kept), "a kept call was sent again"
        assert server.requests - len(server.bodies) <= AT_ONCE, "more was asked again than was in flight at the kill"
        assert set(server.bodies) == asked
    for name in SAME:
        assert (killed / name).read_bytes() == (unbroken / name).read_bytes(), name


def _by_models(server: FakeServer) -> list[str]:
    roles = [word for role in ("--model", "--rewriter", "--verifier") for word in (role, server.url)]
    # Three attempts: the rewriter is told of the last three refusals, so that no two of its prompts are the same.
    words = ["--strategy", "rewrite", "--folds", "2", "--attempts", "3", "--concurrency", str(AT_ONCE)]
    return ["refine", "in.jsonl", "-o", "out.jsonl", *roles, *words, "--drop-unfixable", "--json"]


def everybody(messages: list[dict[str, Any]]) -> FakeReply:
    """Blind it picks the longest choice, as a verifier it judges badly, and it mends all questions but some."""
    last = str(messages[-1]["content"])
    if stands := re.search(r"^The question as it stands: (.*)$", last, re.M):
        return FakeReply(json.dumps(_mended(json.loads(stands[1]))))
    if "Transcript" in last:
        return fake.prefer(fake.noise())(messages) if fake.options(messages) else FakeReply("no")
    return fake.prefer(len)(messages)


def _mended(first: dict[str, Any]) -> dict[str, Any]:
    """Every wrong choice gets the tail that made the key the longest; one question in four gets the same one twice."""
    choices, answer = first["choices"], first["answer"]
    tail = ", which nobody could have told from the words alone, whatever they say"
    new = [c if i == answer else c + tail[: 30 + 9 * i] for i, c in enumerate(choices)]
    if hashlib.sha256(first["question"].encode()).digest()[0] % 4 == 0:
        new = [c if i == answer else choices[0] for i, c in enumerate(choices)]
    return {"change": "choices", "question": first["question"], "choices": new, "answer": answer}


async def _start(folder: Path, *words: str) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(FLYREEL, *words, cwd=folder, stdout=pipe, stderr=pipe)


def _recorded(folder: Path) -> set[bytes]:
    """Digests of the request bodies that the ledger holds."""
    found: set[bytes] = set()
    for path in folder.glob("calls-*.sqlite"):
        with closing(sqlite3.connect(path)) as db:
            found |= {
                hashlib.sha256(request.encode()).digest() for (request,) in db.execute("SELECT request FROM calls")
            }
    return found
