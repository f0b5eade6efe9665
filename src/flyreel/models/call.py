"""One call to a model and its reply, and the key that makes two calls the same call."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from flyreel.errors import Retryable


@dataclass(frozen=True)
class Media:
    """A picture or a video. In messages it stands as `address`; its bytes are put there when the call is sent.

    `digest` is of what is to be seen (the pixels, or the video file), not of the bytes sent: another version of a JPEG
    encoder does not make another call. `tokens` is what it may cost, for forecasts.
    """

    digest: str
    kind: str
    data: bytes = field(repr=False)
    tokens: int = 0

    @property
    def address(self) -> str:
        return f"sha256:{self.digest}"

    @property
    def inline(self) -> str:
        return f"data:{self.kind};base64,{base64.b64encode(self.data).decode()}"

    @property
    def part(self) -> dict[str, Any]:
        """As it stands in the content of a message."""
        name = "video_url" if self.kind.startswith("video/") else "image_url"
        return {"type": name, name: {"url": self.address}}


@dataclass(frozen=True)
class Call:
    """What is asked. `sample` tells repeated draws of the same prompt apart; everything here is part of the key, media
    by their digest."""

    messages: tuple[dict[str, Any], ...]
    parameters: dict[str, Any] = field(default_factory=dict)
    schema: dict[str, Any] | None = None
    sample: int = 0
    media: tuple[Media, ...] = ()

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
        """What is sent."""
        inline = {m.address: m.inline for m in self.media}
        return self.recorded(model) | {"messages": [_filled(m, inline) for m in self.messages]}

    def recorded(self, model: str) -> dict[str, Any]:
        """What is sent, with media as their digests: what the ledger keeps."""
        body = {"model": model, "messages": list(self.messages), **self.parameters}
        if self.schema is not None:
            body["response_format"] = {"type": "json_schema", "json_schema": {"name": "reply", "schema": self.schema}}
        return body

    @property
    def input_tokens_guess(self) -> int:
        """For forecasts only: four bytes to a token and a few for each message's frame."""
        text = sum(len(content_of(m).encode()) // 4 + 4 for m in self.messages) + 1
        return text + sum(m.tokens for m in self.media)

    @property
    def output_tokens_most(self) -> int:
        return int(self.parameters.get("max_tokens", 256))


def content_of(message: Mapping[str, Any]) -> str:
    """The text of a message, whether or not pictures stand beside it."""
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    return "\n".join(str(part.get("text", "")) for part in content if part.get("type") == "text")


def _filled(message: dict[str, Any], inline: Mapping[str, str]) -> dict[str, Any]:
    if not inline or isinstance(message.get("content"), str):
        return message
    return {**message, "content": [_filled_part(part, inline) for part in message["content"]]}


def _filled_part(part: dict[str, Any], inline: Mapping[str, str]) -> dict[str, Any]:
    kind = part["type"]
    return part if kind == "text" else {"type": kind, kind: {"url": inline[part[kind]["url"]]}}


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
    sees: bool
    """Whether pictures may stand in a message. Of an endpoint nobody knows before it is asked: it may refuse them."""

    @property
    def label(self) -> str: ...

    async def send(self, call: Call) -> Reply: ...

    async def close(self) -> None:
        """Let go of connections, at the end of an event loop; the model may be asked again in another."""
