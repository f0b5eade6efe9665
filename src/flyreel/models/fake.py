"""A model that answers by script, and a server that puts it behind the real protocol with real faults.

For tests, docs and benchmarks, yours included:

    async with FakeServer(prefer(len), faults=Faults(rate_limit=0.05, hang=0.02)) as server:
        endpoint = Endpoint(server.url, "fake")

or from a shell: `python -m flyreel.models.fake --port 8099 --latency 0.2 --rate-limit 0.05`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import json
import math
import re
import struct
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from aiohttp import web

from flyreel.models.call import FREE, Call, Price, Reply, content_of, whole
from flyreel.models.scoring import LETTERS

_OPTION = re.compile(r"^([A-Z])\) (.*)$", re.M)


@dataclass(frozen=True)
class FakeReply:
    """What the script says: a text, and log-probabilities for the first token if the model is to have any."""

    text: str
    first_token: dict[str, float] | None = None


Script = Callable[[list[dict[str, Any]]], FakeReply]


def options(messages: Sequence[dict[str, Any]]) -> list[str]:
    """The choices in the last message, in the order they were put."""
    return [text for _, text in _OPTION.findall(content_of(messages[-1]))] if messages else []


def always(text: str) -> Script:
    """The same reply whatever is asked, without log-probabilities."""
    return lambda messages: FakeReply(text)


def prefer(score: Callable[[str], float], letter_bias: Sequence[float] = (), logprobs: bool = True) -> Script:
    """Chooses among the options by a score of their text, plus a bias for letters such as real models have."""

    def script(messages: list[dict[str, Any]]) -> FakeReply:
        bias = [*letter_bias, *[0.0] * len(LETTERS)]
        logits = [score(text) + bias[i] for i, text in enumerate(options(messages))] or [0.0]
        total = math.log(sum(math.exp(x) for x in logits))
        by_letter = {LETTERS[i]: x - total for i, x in enumerate(logits)}
        return FakeReply(max(by_letter, key=by_letter.__getitem__), by_letter if logprobs else None)

    return script


def noise(seed: str = "") -> Callable[[str], float]:
    """A score that depends on the text alone: the uninformed but consistent guesser, for known-truth controls."""

    def score(text: str) -> float:
        (n,) = struct.unpack(">I", hashlib.sha256((seed + text).encode()).digest()[:4])
        return 4.0 * n / 2**32

    return score


@dataclass(frozen=True)
class Faults:
    """Shares of requests that go wrong, each in its own way. Which request is hit depends on its body and its try."""

    rate_limit: float = 0.0
    server_error: float = 0.0
    hang: float = 0.0
    malformed: float = 0.0
    truncated: float = 0.0
    reset: float = 0.0

    def strikes(self, body: bytes, attempt: int, seed: int) -> str | None:
        digest = hashlib.sha256(body + struct.pack(">qq", attempt, seed)).digest()
        at = int.from_bytes(digest[:8], "big") / 2**64
        for fault in fields(self):
            at -= getattr(self, fault.name)
            if at < 0:
                return fault.name
        return None


def _reply_body(reply: FakeReply, messages: list[dict[str, Any]], model: str, logprobs: bool) -> dict[str, Any]:
    choice: dict[str, Any] = {
        "index": 0,
        "finish_reason": "stop",
        "message": {"role": "assistant", "content": reply.text},
    }
    if logprobs and reply.first_token:
        top = [{"token": t, "logprob": p} for t, p in sorted(reply.first_token.items(), key=lambda x: -x[1])]
        choice["logprobs"] = {"content": [{**top[0], "top_logprobs": top}]}
    used = sum(len(content_of(m)) // 4 for m in messages)
    said = max(1, len(reply.text) // 4)
    usage = {"prompt_tokens": used, "completion_tokens": said, "total_tokens": used + said}
    return {"object": "chat.completion", "model": model, "choices": [choice], "usage": usage}


@dataclass
class FakeModel:
    """The same script without a server, as a `Model`."""

    script: Script
    name: str = "fake"
    identity: str = "fake"
    price: Price | None = FREE
    calls: int = 0
    sees: bool = True

    @property
    def label(self) -> str:
        return self.name

    async def send(self, call: Call) -> Reply:
        self.calls += 1
        messages = call.body(self.name)["messages"]
        body = _reply_body(self.script(messages), messages, self.name, bool(call.parameters.get("logprobs")))
        raw = json.dumps(body)
        used_in, used_out = whole(raw)
        return Reply(raw, used_in, used_out, 0.0, self.price.of(used_in, used_out) if self.price else None)

    async def close(self) -> None:
        pass


@dataclass
class FakeServer:
    """The script behind HTTP on loopback. `requests` counts what arrived, `bodies` how often each body did."""

    script: Script
    latency: float = 0.0
    faults: Faults = field(default_factory=Faults)
    retry_after: float = 0.05
    seed: int = 0
    name: str = "fake"
    port: int = 0
    key: str | None = None
    requests: int = 0
    in_flight: int = 0
    most_in_flight: int = 0
    struck: Counter[str] = field(default_factory=Counter)
    bodies: Counter[bytes] = field(default_factory=Counter)
    _runner: web.AppRunner | None = None
    _closing: asyncio.Event | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    async def __aenter__(self) -> FakeServer:
        app = web.Application(client_max_size=64 << 20)
        app.router.add_post("/v1/chat/completions", self._chat)
        app.router.add_get("/v1/models", self._models)
        app.router.add_get("/stats", self._stats)
        self._closing = asyncio.Event()
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, backlog=1024)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None and self._closing is not None
        self._closing.set()
        await self._runner.cleanup()

    async def _models(self, request: web.Request) -> web.Response:
        if self.key and request.headers.get("Authorization") != f"Bearer {self.key}":
            return web.json_response({"error": {"message": "wrong key"}}, status=401)
        return web.json_response({"object": "list", "data": [{"id": self.name, "object": "model"}]})

    async def _stats(self, request: web.Request) -> web.Response:
        repeated = sum(n - 1 for n in self.bodies.values())
        return web.json_response(
            {"requests": self.requests, "distinct": len(self.bodies), "repeated": repeated,
             "most_in_flight": self.most_in_flight, "faults": dict(self.struck)}
        )  # fmt: skip

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.requests += 1
        digest = hashlib.sha256(body).digest()
        attempt = self.bodies[digest]
        self.bodies[digest] += 1
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            fault = self.faults.strikes(body, attempt, self.seed)
            if fault:
                self.struck[fault] += 1
                return await self._fail(fault, request)
            if self.latency:
                await asyncio.sleep(self.latency)
            return web.Response(body=self._answer(body), content_type="application/json")
        finally:
            self.in_flight -= 1

    def _answer(self, body: bytes) -> bytes:
        asked = json.loads(body)
        reply = self.script(asked["messages"])
        return json.dumps(_reply_body(reply, asked["messages"], self.name, bool(asked.get("logprobs")))).encode()

    async def _fail(self, fault: str, request: web.Request) -> web.StreamResponse:
        if fault == "rate_limit":
            headers = {"Retry-After": f"{self.retry_after:g}"}
            return web.json_response({"error": {"message": "slow down"}}, status=429, headers=headers)
        if fault == "server_error":
            return web.json_response({"error": {"message": "something broke"}}, status=500)
        if fault == "malformed":
            return web.Response(text='{"choices": [{"message": ', content_type="application/json")
        if fault == "hang":
            assert self._closing is not None
            await self._closing.wait()  # ends with the client's time-out, which cancels this handler, or the server
            raise web.HTTPServiceUnavailable
        assert request.transport is not None
        if fault == "truncated":
            response = web.StreamResponse(headers={"Content-Length": "1000", "Content-Type": "application/json"})
            await response.prepare(request)
            await response.write(b'{"choices": [')
            request.transport.close()
            return response
        request.transport.abort()
        return web.Response()


def serve(server: FakeServer) -> None:
    """Until Ctrl-C; its address on stdout first."""

    async def forever() -> None:
        async with server:
            print(server.url, flush=True)
            await asyncio.Event().wait()

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(forever())


def main() -> None:
    parser = argparse.ArgumentParser(description="A fake OpenAI-compatible model on loopback.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each reply")
    parser.add_argument("--no-logprobs", action="store_true")
    for fault in fields(Faults):
        parser.add_argument(f"--{fault.name.replace('_', '-')}", type=float, default=0.0, help="share of requests")
    given = parser.parse_args()
    faults = Faults(**{f.name: getattr(given, f.name) for f in fields(Faults)})
    script = prefer(noise(), logprobs=not given.no_logprobs)
    serve(FakeServer(script, given.latency, faults, port=given.port))


if __name__ == "__main__":
    main()
