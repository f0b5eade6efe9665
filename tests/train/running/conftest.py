"""A run that is killed or parted among processes, for those who test what becomes of it."""

from __future__ import annotations

import importlib.util
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

LEARNER = Path(__file__).with_name("learner.py")

Elsewhere = Callable[..., list[int]]


@pytest.fixture(scope="session")
def learner() -> Any:
    """The module, in this process."""
    spec = importlib.util.spec_from_file_location("learner", LEARNER)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def elsewhere() -> Iterator[Elsewhere]:
    """The learner in a process for each rank; the exit codes. Torch is imported once for all of them."""
    words = [sys.executable, "-W", "error", "-W", "ignore::DeprecationWarning", str(LEARNER)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(words, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin and server.stdout

        def run(folder: Path, changes: dict[str, Any], *kill_at: int | None, **given: Any) -> list[int]:
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                port = free.getsockname()[1]
            ranks = {"ranks": len(kill_at), "kill_at": kill_at, "port": port}
            server.stdin.write(json.dumps({"folder": str(folder), "changes": changes, "given": given, **ranks}) + "\n")
            server.stdin.flush()
            return list(json.loads(server.stdout.readline()))

        yield run
        server.stdin.close()


@pytest.fixture(scope="session", name="same")
def _same() -> Callable[[Mapping[str, Any], Mapping[str, Any]], bool]:
    import torch

    def same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
        return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)

    return same
