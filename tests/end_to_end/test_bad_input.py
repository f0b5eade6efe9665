"""The bad-input table: what a person may get wrong, and the one line that each mistake is answered with.

A row that fails here means that somebody's mistake ends in a traceback, in silence, in a line that does not help, or
in files that look like a result.
"""

from __future__ import annotations

import gzip
import io
import json
import random
import shlex
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from flyreel.models.catalog import DEFAULT

Flyreel = Any
"""Runs the installed program in tmp_path; `Program` in conftest.py."""


def row(i: int = 1, **changes: Any) -> dict[str, Any]:
    choices = [f"opens door {i}", f"closes window {i} slowly", f"sits down {i} times"]
    return {"id": f"q{i}", "question": f"What happens in scene {i}?", "choices": choices, "answer": i % 3, **changes}


def jsonl(*rows: Any) -> bytes:
    return b"".join(json.dumps(r).encode() + b"\n" for r in rows)


def zipped(data: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("questions.jsonl", data)
    return packed.getvalue()


GOOD = jsonl(*(row(i) for i in range(1, 9)))
LONG_LINE = jsonl(row(question="x" * (10 << 20)))


def every(**changes: Any) -> bytes:
    """A file whose rows are all wrong in the same way."""
    return jsonl(*(row(i, **changes) for i in range(1, 4)))


BAD_FILES = [
    # what it is, its name, its bytes, what is said about it
    ("empty", "q.jsonl", b"", "q.jsonl … empty"),
    ("white space only", "q.csv", b" \n\t\r\n  \n", "q.csv … empty"),
    ("byte-order mark only", "q.csv", b"\xef\xbb\xbf", "q.csv … empty"),
    ("random bytes", "q.jsonl", random.Random(0).randbytes(4096), "q.jsonl … binary"),
    ("NUL bytes", "q.jsonl", GOOD.replace(b"door", b"do\0r"), "q.jsonl … binary"),
    ("gzip", "q.jsonl.gz", gzip.compress(GOOD), "gzip … gunzip -k q.jsonl.gz"),
    ("zip", "q.zip", zipped(GOOD), "zip … unzip q.zip"),
    ("UTF-16", "q.jsonl", GOOD.decode().encode("utf-16"), "UTF-16 … save it as UTF-8"),
    ("semicolons", "q.csv", b"id;question;answer\n1;Why?;2\n", "separated by ';' … commas or tabs"),
    ("header only", "q.csv", b"id,question,choices,answer\n", "no usable question … no rows"),
    ("unknown columns", "q.csv", b"colour,size\nred,3\n", "colour, size … --format … --map"),
    ("broken Parquet", "q.parquet", b"PAR1" + b"junk" * 99, "broken Parquet"),
    ("pretty-printed object", "q.json", json.dumps(row(), indent=2).encode(), "row 1 … one object a line"),
    ("array of numbers", "q.json", b"[1, 2, 3]", "row 1 … not-an-object"),
    ("truncated array", "q.json", json.dumps([row(), row(2)])[:-9].encode(), "not valid JSON … column"),
    ("array nested 100,000 deep", "q.json", b"[" * 100_000, "not valid JSON … too deeply"),
    ("truncated line", "q.jsonl", jsonl(row())[:60], "row 1 … not-json … column"),
    ("scalars", "q.jsonl", b"1\n2\n3\n", "neither CSV, TSV, JSONL, JSON nor Parquet"),
    ("one line of 10 MB", "q.jsonl", LONG_LINE, "row 1 … line-too-long … 8 MB"),
    ("answers NaN", "q.jsonl", every(answer=float("nan")), "row 1 … no-answer … 2 more"),
    ("answers null", "q.jsonl", every(answer=None), "row 1 … no-answer … 2 more"),
    ("answers out of range", "q.jsonl", every(answer=3), "row 1 … answer-out-of-range: 3 with 3 choices"),
    ("answers not among choices", "q.jsonl", every(answer="flies"), "row 1 … answer-not-among-choices: flies"),
    ("one choice", "q.jsonl", every(choices=["runs"], answer=0), "row 1 … one-choice: runs"),
    ("no choices", "q.jsonl", every(choices=[]), "row 1 … no-choices"),
    ("duplicate choices", "q.jsonl", every(choices=["a", "b", "a"]), "row 1 … duplicate-choices: a"),
    ("questions empty", "q.jsonl", every(question="  "), "row 1 … empty-question"),
    ("all open-ended", "q.jsonl", every(choices=None, answer="a dog"), "open-ended … choices"),
]


AUDIT = "audit good.jsonl --probe surface"

BAD_WORDS = [
    # what it is, what was typed (good.jsonl is in the folder), what is said about it
    ("missing file", "audit egoshema.jsonl", "no such file … Nearby: egoschema.jsonl"),
    ("directory", "audit .", "a folder without flyreel.toml"),
    ("symlink loop", "audit loop.jsonl", "loop.jsonl … cannot read … symbolic links"),
    ("missing argument", "audit", "Missing argument … flyreel audit --help"),
    ("unknown verb", "audti good.jsonl", "No such command 'audti'"),
    ("unknown option", "audit good.jsonl --prob surface", "No such option … --prob"),
    ("unknown --format", "audit good.jsonl --format egoshema", "egoshema: no such format … Did you mean egoschema?"),
    ("wrong --format", "audit good.jsonl --format next-qa", "read as next-qa … row 1 … no-choices"),
    (
        "--map: unknown field",
        "audit good.jsonl --map questoin=q,answer=a",
        "--map … 'questoin' … Did you mean question",
    ),
    (
        "--map: missing column",
        "audit good.jsonl --map question=question,choices=choices,answer=anwser",
        "'anwser' … Did you mean answer?",
    ),
    ("--map: no answer", "audit good.jsonl --map question=question", "--map … no answer … answer=COLUMN"),
    ("unknown --probe", "audit good.jsonl --probe surfce", "surfce: no such probe … Did you mean surface?"),
    ("blind without a model", "audit good.jsonl --probe blind", "--probe blind … no model … --model"),
    ("evidence without cues", "audit good.jsonl --probe evidence --model {model}", "--probe evidence … no cues"),
    ("bad --budget", f"{AUDIT} --budget lots", "--budget lots … 5usd … 2000calls"),
    (
        "--budget without price",
        "audit good.jsonl --probe blind --model {model} --budget 5usd",
        "no price known … --budget 1000calls",
    ),
    ("bad --rule", f"{AUDIT} --rule averagd", "--rule averagd … Did you mean averaged?"),
    ("--model: not one", f"{AUDIT} --model banana", "--model banana … http://host:port/v1 … local:NAME"),
    ("--model: broken address", f"{AUDIT} --model http://[::1", "http://[::1 … not an http(s) address"),
    (
        "--model: no such port",
        f"{AUDIT} --model http://127.0.0.1:99999/v1",
        "http://127.0.0.1:99999/v1 … no model answers there",
    ),
    ("--model: unreachable", f"{AUDIT} --model {{closed}}", "{closed} … no model answers there … Start it"),
    ("--model: second of two", f"{AUDIT} --model {{model}} --model {{closed}}", "{closed} … no model answers there"),
    ("--model: no model there", f"{AUDIT} --model {{model}}/nothing", "name the model … #NAME"),
    (
        "--model: unknown local",
        f"{AUDIT} --model local:qwen2.5-coder",
        "no such model … Did you mean qwen2.5-coder-0.5b?",
    ),
    ("--model: no such file", f"{AUDIT} --model local:here/m.gguf", "local:here/m.gguf … no such file"),
    ("--model: not GGUF", f"{AUDIT} --model local:./plain", "plain … not a GGUF file"),
    ("--model: broken GGUF", f"{AUDIT} --model local:broken.gguf", "broken.gguf … cannot load"),
    ("--out below a file", f"{AUDIT} --out plain/audit", "plain/audit … cannot write … Not a directory"),
    ("--report below a file", f"{AUDIT} --report plain/page.html", "plain … cannot write"),
    ("--report is a folder", f"{AUDIT} --report other", "other … cannot write … directory"),
    ("report: no audit there", "report other", "other … no audit there"),
    ("cost: no ledger", "cost other", "other … no ledger there"),
    ("import: not a project", "import auto good.jsonl --into other", "other … no flyreel.toml … name a new one"),
    ("import: into a file", "import auto good.jsonl --into plain", "plain … a file stands there"),
    ("import: below a file", "import auto good.jsonl --into plain/p", "plain/p … cannot write"),
]


def put(files: Mapping[str, bytes]) -> Callable[[Path], None]:
    def into(here: Path) -> None:
        for name, data in files.items():
            (here / name).parent.mkdir(parents=True, exist_ok=True)
            (here / name).write_bytes(data)

    return into


def settings(text: str) -> Callable[[Path], None]:
    return put({"flyreel.toml": text.encode()})


def without_llama(here: Path) -> None:
    """None in sys.modules makes the import raise ImportError."""
    put({"site/sitecustomize.py": b"import sys\nsys.modules['xllamacpp'] = None\n"})(here)


BLIND = f"{AUDIT} --model blind"
LOCAL = f"{AUDIT} --model local:"
LOST = {
    "number": 1,
    "shards": ["v1.parquet"],
    "rows": 8,
    "stage": "import",
    "parameters": {},
    "parents": [],
    "created": "",
}
LOST_SHARD = {
    "p/flyreel.toml": b"",
    "p/questions/manifest.json": json.dumps({"versions": [LOST]}).encode(),
}

BAD_PLACES = [
    # what stands in the folder, how it got there, what was typed, what is said about it
    ("extra not installed", without_llama, LOCAL, "pip install 'flyreel[local]'"),
    ("model of another digest", put({f"cache/models/{DEFAULT.file}": b"GGUF junk"}), LOCAL, "wrong digest … delete it"),
    ("toml: broken", settings("[models.blind\nurl = 3"), BLIND, "flyreel.toml … line 1"),
    (
        "toml: unknown role",
        settings('[models.blnid]\nurl = "{model}"'),
        BLIND,
        "flyreel.toml … [models.blnid] … Did you mean blind?",
    ),
    (
        "toml: unknown setting",
        settings('[models.blind]\nulr = "{model}"'),
        BLIND,
        "flyreel.toml … 'ulr' … Did you mean url?",
    ),
    ("toml: models is a word", settings('models = "blind"'), BLIND, "flyreel.toml … models"),
    ("toml: prices is a word", settings('prices = "high"'), BLIND, "flyreel.toml … prices"),
    ("toml: url is a number", settings("[models.blind]\nurl = 3"), BLIND, "flyreel.toml … url"),
    ("toml: url is no address", settings('[models.blind]\nurl = "banana"'), BLIND, "banana … not an http(s) address"),
    (
        "toml: concurrency is a word",
        settings('[models.blind]\nurl = "http://h/v1"\nconcurrency = "many"'),
        BLIND,
        "flyreel.toml … concurrency",
    ),
    ("report: half an audit", put({"a/audit.json": b'{"probes": '}), "report a", "a … damaged audit"),
    ("report: parts are missing", put({"a/audit.json": b"{}"}), "report a", "a … questions.parquet is missing"),
    (
        "ledger: damaged, audit",
        put({"a/calls/calls-0001.sqlite": b"junk" * 999}),
        "audit good.jsonl --probe blind --model {model} --out a",
        "calls … ledger … not a database",
    ),
    (
        "ledger: another one damaged",
        put({"a/calls/calls-0007.sqlite": b"junk" * 999}),
        "cost a",
        "calls-0007.sqlite … damaged ledger … move it away",
    ),
    ("project: no questions yet", put({"p/flyreel.toml": b""}), "audit p", "p/questions … nothing written there yet"),
    ("project: a shard is lost", put(LOST_SHARD), "audit p", "p/questions … v1.parquet"),
]


@pytest.mark.parametrize(
    ("name", "data", "says"), [case[1:] for case in BAD_FILES], ids=[case[0] for case in BAD_FILES]
)
def test_a_bad_file_is_one_line(flyreel: Flyreel, tmp_path: Path, name: str, data: bytes, says: str) -> None:
    (tmp_path / name).write_bytes(data)
    refused(flyreel, tmp_path, f"audit {name} --probe surface", says)


@pytest.mark.parametrize(("command", "says"), [case[1:] for case in BAD_WORDS], ids=[case[0] for case in BAD_WORDS])
def test_a_slip_on_the_command_line_is_one_line(
    flyreel: Flyreel, tmp_path: Path, command: str, says: str, request: pytest.FixtureRequest
) -> None:
    for name in ("good.jsonl", "egoschema.jsonl", "other/notes.txt"):
        put({name: GOOD})(tmp_path)
    put({"plain": b"a file\n", "broken.gguf": b"GGUF" + b"junk" * 99})(tmp_path)
    (tmp_path / "loop.jsonl").symlink_to("loop.jsonl")
    addresses = _addresses(request, command)
    refused(flyreel, tmp_path, _filled(command, addresses), _filled(says, addresses))


@pytest.mark.parametrize(
    ("prepare", "command", "says"), [case[1:] for case in BAD_PLACES], ids=[case[0] for case in BAD_PLACES]
)
def test_a_bad_place_is_one_line(
    flyreel: Flyreel,
    tmp_path: Path,
    prepare: Callable[[Path], None],
    command: str,
    says: str,
    request: pytest.FixtureRequest,
) -> None:
    put({"good.jsonl": GOOD})(tmp_path)
    prepare(tmp_path)
    refused(flyreel, tmp_path, _filled(command, _addresses(request, command)), says)


def _addresses(request: pytest.FixtureRequest, command: str) -> dict[str, str]:
    """A server is started only for the rows that name one."""
    wanted = {"{model}": "model_url", "{closed}": "closed_url"}
    return {mark: request.getfixturevalue(fixture) for mark, fixture in wanted.items() if mark in command}


def _filled(text: str, addresses: dict[str, str]) -> str:
    for mark, url in addresses.items():
        text = text.replace(mark, url)
    return text


def refused(flyreel: Flyreel, here: Path, command: str, says: str) -> None:
    """Exit 2, one line that helps, nothing on stdout, and the folder as it was. `…` in `says` stands for anything."""
    before = standing(here)
    ran = flyreel(*shlex.split(command), PYTHONPATH=str(here / "site"))
    assert "Traceback" not in ran.err, ran.err
    assert ran.err.count("\n") == 1 and ran.err.endswith("\n"), f"not exactly one line: {ran.err!r}"
    assert ran.err.startswith("flyreel: "), ran.err
    assert "This is a bug in flyreel" not in ran.err, ran.err
    missing = [word for word in says.split(" … ") if word not in ran.err]
    assert not missing, f"the line does not say {missing}: {ran.err}"
    assert ran.code == 2, f"exit {ran.code}: {ran.err}"
    assert ran.out == ""
    assert standing(here) == before, "something was written though the input was refused"


def standing(here: Path) -> set[str]:
    """Every file and folder below, but for locks, and the stamps that spare hashing a model again."""
    skip = (".lock", ".verified")
    return {str(p.relative_to(here)) for p in here.rglob("*") if not p.name.endswith(skip) and "site" not in p.parts}
