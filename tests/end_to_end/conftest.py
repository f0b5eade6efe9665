"""The installed program as a person runs it: a process in a folder of its own, and a fake model on loopback."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

PROGRAM = Path(sys.executable).with_name("flyreel")
PATIENCE = 120
"""Seconds after which a process counts as hung; no test is about how long anything takes."""


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Program:
    """`flyreel WORDS` in a folder, without whatever would let a test see the caller's models, keys or proxies."""

    here: Path

    def start(self, *words: str, **environment: str) -> subprocess.Popen[str]:
        theirs = ("FLYREEL_", "OPENAI_", "PYTHON", "HTTP_PROXY", "http_proxy")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(theirs)}
        mine = {"FLYREEL_CACHE": str(self.here / "cache"), "OMP_NUM_THREADS": "1", "PYTHONUTF8": "1"}
        return subprocess.Popen(
            [str(PROGRAM), *words], cwd=self.here, env={**kept, **mine, **environment}, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
        )  # fmt: skip

    def end(self, process: subprocess.Popen[str], patience: float = PATIENCE) -> Ran:
        with process:
            try:
                out, err = process.communicate(timeout=patience)
            finally:
                process.kill()
        return Ran(process.returncode, out, err)

    def __call__(self, *words: str, **environment: str) -> Ran:
        return self.end(self.start(*words, **environment))


@pytest.fixture
def flyreel(tmp_path: Path) -> Program:
    return Program(tmp_path)


@contextmanager
def serving(*words: str, module: str = "flyreel.models.fake") -> Iterator[str]:
    """`python -m MODULE WORDS` while the block runs; its URL."""
    command = [sys.executable, "-m", module, "--port", "0", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8") as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip()
        finally:
            server.terminate()


@pytest.fixture(scope="session")
def model_url() -> Iterator[str]:
    with serving() as url:
        yield url


@pytest.fixture
def slow_model_url() -> Iterator[str]:
    """Its own server for each test, because /stats counts from the start."""
    with serving("--latency", "0.2") as url:
        yield url


@pytest.fixture
def scripted_url() -> Iterator[str]:
    """Knows the scenes of `flyreel toybox --seed 3 --clips 6`; one key in five that it writes is wrong."""
    with serving("--seed", "3", "--clips", "6", "--errs", "0.2", module="flyreel.toybox.scripted") as url:
        yield url


@pytest.fixture
def slow_scripted_url() -> Iterator[str]:
    """The same, slowly enough to be interrupted."""
    words = ("--seed", "3", "--clips", "6", "--errs", "0.2", "--latency", "0.05")
    with serving(*words, module="flyreel.toybox.scripted") as url:
        yield url


@pytest.fixture(scope="session")
def closed_url() -> str:
    """An address on loopback where nobody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    return f"http://127.0.0.1:{port}/v1"
