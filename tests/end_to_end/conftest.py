"""The installed program as a person runs it: a process in a folder of its own, and a fake model on loopback."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
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


@pytest.fixture(name="serving")
def serving_() -> Any:
    """For tests with a server of their own."""
    return serving


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


CHROMIUM = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --remote-debugging-port=0 --remote-allow-origins=*"
).split()


@dataclass
class Browser:
    """One page of a real Chromium over its DevTools socket, with what it logged and what it asked a network for."""

    socket: aiohttp.ClientWebSocketResponse
    session: str = ""
    errors: list[str] = field(default_factory=list)
    requested: list[str] = field(default_factory=list)
    _events: list[str] = field(default_factory=list)
    _sent: int = 0

    async def send(self, method: str, **params: Any) -> dict[str, Any]:
        self._sent += 1
        mine = self._sent
        session = {"sessionId": self.session} if self.session else {}
        await self.socket.send_json({"id": mine, "method": method, "params": params, **session})
        while True:
            told = await self._next()
            if told.get("id") == mine:
                assert "error" not in told, f"{method}: {told['error']}"
                result: dict[str, Any] = told["result"]
                return result

    async def _next(self) -> dict[str, Any]:
        told: dict[str, Any] = await asyncio.wait_for(self.socket.receive_json(), PATIENCE)
        method, params = told.get("method", ""), told.get("params", {})
        self._events.append(method)
        if method == "Network.requestWillBeSent":
            self.requested.append(params["request"]["url"])
        elif method == "Runtime.exceptionThrown" or (
            method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning")
        ):
            self.errors.append(json.dumps(params)[:500])
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
            self.errors.append(json.dumps(params["args"])[:500])
        return told

    async def open(self, page: Path, width: int = 1280, height: int = 900, scripts: bool = True) -> None:
        await self.send("Emulation.setScriptExecutionDisabled", value=not scripts)
        await self.send(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        self._events.clear()
        await self.send("Page.navigate", url=page.as_uri())
        while "Page.loadEventFired" not in self._events:
            await self._next()

    async def reload(self) -> None:
        self._events.clear()
        await self.send("Page.reload")
        while "Page.loadEventFired" not in self._events:
            await self._next()

    async def run(self, script: str) -> Any:
        """The value of an expression on the page."""
        told = await self.send("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in told, f"{script}: {told['exceptionDetails']}"
        return told["result"].get("value")

    async def click(self, script: str) -> None:
        """With the mouse, in the middle of the element that the expression gives."""
        x, y = await self.run(
            f"(e => {{ e.scrollIntoView({{block: 'center', inline: 'center'}}); const r = e.getBoundingClientRect(); "
            f"return [r.x + r.width / 2, r.y + r.height / 2]; }})({script})"
        )
        for kind in ("mousePressed", "mouseReleased"):
            await self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    async def press(self, key: str) -> None:
        """On whatever has the focus."""
        code, text = {"Enter": (13, "\r"), " ": (32, " "), "Tab": (9, "")}[key]
        down: dict[str, Any] = {"text": text} if text else {}
        for kind, more in (("keyDown", down), ("keyUp", {})):
            await self.send("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code, **more)


@pytest.fixture
async def browser(tmp_path: Path) -> AsyncIterator[Browser]:
    """Debian's Chromium with a profile of its own; a test that asks for it is skipped where there is none."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("needs Debian's chromium: apt-get install chromium")
    profile = tmp_path / "profile"
    profile.mkdir()
    process = await asyncio.create_subprocess_exec(
        program, *CHROMIUM, f"--user-data-dir={profile}", "about:blank",
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr is not None
    try:
        address = ""
        while not address.startswith("ws://"):  # it says where it listens, once it does
            line = await asyncio.wait_for(process.stderr.readline(), PATIENCE)
            assert line, "chromium ended before it listened"
            address = line.decode(errors="replace").partition("DevTools listening on ")[2].strip()
        drain = asyncio.create_task(process.stderr.read())
        async with aiohttp.ClientSession() as client, client.ws_connect(address, max_msg_size=0) as connected:
            page = Browser(connected)
            target = (await page.send("Target.createTarget", url="about:blank"))["targetId"]
            page.session = (await page.send("Target.attachToTarget", targetId=target, flatten=True))["sessionId"]
            for domain in ("Page", "Runtime", "Log", "Network"):
                await page.send(f"{domain}.enable")
            yield page
            page.session = ""
            await page.send("Browser.close")
        await asyncio.wait_for(process.wait(), PATIENCE)
        await drain
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
