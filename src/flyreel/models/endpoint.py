"""The one client: a JSON POST to any OpenAI-compatible endpoint, over aiohttp.

One call in, one reply or one typed error out. Retries, rates and budgets belong to the engine.
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from flyreel.errors import InputError, Refused, Retryable
from flyreel.models.call import Call, Price, Reply, whole

_AGAIN = {408, 409, 425, 429, 500, 502, 503, 504, 520, 522, 524, 529}


class Endpoint:
    sees = True

    def __init__(
        self,
        url: str,
        name: str,
        *,
        key: str | None = None,
        identity: str | None = None,
        price: Price | None = None,
        timeout: float = 120.0,
    ) -> None:
        try:
            parts = urlsplit(url)
        except ValueError:  # http://[::1
            parts = urlsplit("")
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise InputError(f"{url}: not an http(s) address of a model, such as http://localhost:8000/v1")
        self.url = url.rstrip("/")
        self.name = name
        self.identity = identity or self.url
        self.price = price
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._session: aiohttp.ClientSession | None = None

    @property
    def label(self) -> str:
        return self.name

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=0, ttl_dns_cache=300)
            self._session = aiohttp.ClientSession(connector=connector, headers=self._headers, timeout=self._timeout)
        return self._session

    async def send(self, call: Call) -> Reply:
        start = time.monotonic()
        body = json.dumps(call.body(self.name), ensure_ascii=False).encode("utf-8", errors="replace")
        status, headers, raw = await self._exchange("POST", "/chat/completions", body)
        if status in _AGAIN:
            raise Retryable(f"http-{status}", _brief(raw), after=_retry_after(headers))
        if status != 200:
            raise Refused(f"http-{status}", _brief(raw))
        used_in, used_out = whole(raw)
        money = self.price.of(used_in, used_out) if self.price else None
        return Reply(raw, used_in, used_out, time.monotonic() - start, money)

    async def _exchange(self, method: str, path: str, body: bytes | None = None) -> tuple[int, Any, str]:
        headers = {"Content-Type": "application/json"} if body is not None else None
        try:
            async with self._open().request(method, self.url + path, data=body, headers=headers) as response:
                return response.status, response.headers, (await response.read()).decode("utf-8")
        except TimeoutError:
            raise Retryable("timeout", f"no reply within {self._timeout.total:g} s") from None
        except aiohttp.ClientConnectorError as error:
            raise Retryable("unreachable", str(error.os_error.strerror or error.os_error)) from None
        except aiohttp.ClientPayloadError as error:
            raise Retryable("truncated-reply", str(error)[:120]) from None
        except UnicodeDecodeError:
            raise Retryable("malformed-reply", "not UTF-8") from None
        except (aiohttp.ClientError, ConnectionError, asyncio.IncompleteReadError) as error:
            raise Retryable("connection-lost", f"{type(error).__name__}: {error}"[:120]) from None

    async def models(self) -> list[str]:
        """What the endpoint says it serves; empty where it does not list models. `ModelError` where nobody answers."""
        status, _, raw = await self._exchange("GET", "/models")
        if status in (401, 403):
            raise Refused(f"http-{status}", "the key was refused; set FLYREEL_API_KEY")
        try:
            return [str(m["id"]) for m in json.loads(raw)["data"]] if status == 200 else []
        except (ValueError, KeyError, TypeError):
            return []

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None


def _retry_after(headers: Any) -> float | None:
    try:
        return max(0.0, float(headers.get("Retry-After")))
    except (TypeError, ValueError):
        return None


def _brief(raw: str) -> str:
    """The message inside an error body, in one short line."""
    try:
        error = json.loads(raw)["error"]
        raw = str(error["message"] if isinstance(error, dict) else error)
    except (ValueError, KeyError, TypeError):
        pass
    return " ".join(raw.split())[:160]
