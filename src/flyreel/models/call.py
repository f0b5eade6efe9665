"""One call to a model and its reply, and the key that makes two calls the same call."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any, Protocol

from flyreel.errors import Retryable


@dataclass(frozen=True)
class Call:
    """What is asked. `sample` tells repeated draws of the same prompt apart; everything here is part of the key."""

    messages: tuple[dict[str, Any], ...]
    parameters: dict[str, Any] = field(default_factory=dict)
    schema: dict[str, Any] | None = None
    sample: int = 0

    def key(self, identity: str, model: str) -> bytes:
        asked = {
            "endpoint": identity,
            "model": model,
            "messages": self.messages,
            "parameters": self.parameters,
            "schema": self.schema,
            "sample": self.sample,
        }
        text = json.dumps(asked, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode("utf-8", errors="surrogatepass")).digest()

    def body(self, model: str) -> dict[str, Any]:
        body = {"model": model, "messages": list(self.messages), **self.parameters}
        if self.schema is not None:
            body["response_format"] = {"type": "json_schema", "json_schema": {"name": "reply", "schema": self.schema}}
        return body

    @property
    def input_tokens_guess(self) -> int:
        """For forecasts only: four bytes to a token and a few for each message's frame."""
        return sum(len(str(m.get("content", "")).encode()) // 4 + 4 for m in self.messages) + 1

    @property
    def output_tokens_most(self) -> int:
        return int(self.parameters.get("max_tokens", 256))


@dataclass(frozen=True)
class Reply:
    """The raw body of a successful reply. Nothing has been parsed beyond what shows that it is whole."""

    raw: str
    input_tokens: int = 0
    output_tokens: int = 0
    seconds: float = 0.0
    money: float | None = None
    from_ledger: bool = False

    @property
    def message(self) -> dict[str, Any]:
        return json.loads(self.raw)["choices"][0]

    @property
    def text(self) -> str:
        return self.message.get("message", {}).get("content") or ""

    @property
    def first_token(self) -> dict[str, float] | None:
        """Log-probabilities of the first token's candidates, or None where the endpoint gives none."""
        content = (self.message.get("logprobs") or {}).get("content") or []
        if not content:
            return None
        listed = content[0].get("top_logprobs") or []
        return {t["token"]: float(t["logprob"]) for t in listed if isinstance(t.get("logprob"), (int, float))} or None


def whole(raw: str) -> tuple[int, int]:
    """(input tokens, output tokens) of a reply body that is what the protocol says it is; `Retryable` otherwise."""
    try:
        body = json.loads(raw)
        if not isinstance(body["choices"][0]["message"], dict):
            raise TypeError("message is not an object")
        usage = body.get("usage") or {}
        return int(usage.get("prompt_tokens") or 0), int(usage.get("completion_tokens") or 0)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError) as error:
        raise Retryable("malformed-reply", f"{type(error).__name__}: {error}"[:120]) from None


@dataclass(frozen=True)
class Price:
    """Money per million tokens."""

    input: float
    output: float

    def of(self, input_tokens: int, output_tokens: int) -> float:
        return (input_tokens * self.input + output_tokens * self.output) / 1e6


FREE = Price(0.0, 0.0)


class Model(Protocol):
    """Anything that answers calls: an endpoint, the embedded model, the fake one.

    `identity` stands for the endpoint in ledger keys. It must not change between runs where the model has not, so
    for the embedded model it is the weights' digest and not a loopback port.
    """

    identity: str
    name: str
    price: Price | None

    @property
    def label(self) -> str: ...

    async def send(self, call: Call) -> Reply: ...

    async def close(self) -> None:
        """Let go of connections, at the end of an event loop; the model may be asked again in another."""
