"""What is to be fetched, how, and what can come of it.

A source is fetched once however many clips name it, so the unit of work is the source and not the clip.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flyreel.errors import InputError, did_you_mean

STATUSES: dict[str, str] = {
    "ok": "the whole file is there",
    "dead": "no video at that address: removed, private, 404, 410, a web page in its place",
    "blocked": "there, but not for this caller: 401, 403, 429, another country, sign-in, a check for robots",
    "timeout": "not done in time",
    "truncated": "fewer bytes than promised, or media that ends before it should",
    "too-large": "over --max-size",
    "failed": "anything else; the reason says what",
}
RETRIED = ("blocked", "timeout", "truncated", "failed")
"""What another run tries again by default: what may have passed by then."""

# One file with sound where the site has one, because two files need ffmpeg to become one; else the picture alone.
FORMAT = "b/bv*"


@dataclass(frozen=True)
class Settings:
    format: str | None = None
    sort: str | None = None
    height: int = 360
    cookies: Path | None = None
    proxy: str | None = None
    rate: int | None = None
    workers: int = 4
    timeout: float = 120.0
    max_size: int = 500_000_000
    retry: tuple[str, ...] = RETRIED
    limit: int | None = None

    def __post_init__(self) -> None:
        for option, value in (("--height", self.height), ("--workers", self.workers), ("--limit", self.limit)):
            if value is not None and value < 1:
                raise InputError(f"{option} {value}: must be 1 or more")
        if not (math.isfinite(self.timeout) and self.timeout > 0):
            raise InputError(f"--timeout {self.timeout:g}: must be a number of seconds above 0")
        if self.proxy and not urlsplit(self.proxy).netloc:
            raise InputError(
                f"--proxy {self.proxy}: not an address; write it as http://HOST:PORT or socks5://HOST:PORT"
            )
        if self.cookies and not self.cookies.is_file():
            raise InputError(f"--cookies {self.cookies}: no such file; it is a Netscape cookies.txt")

    def sent(self) -> dict[str, Any]:
        """What a worker needs, as JSON can hold it. The rate is the whole run's; each worker gets its part."""
        share = self.rate and max(1, self.rate // self.workers)
        return {**asdict(self), "cookies": str(self.cookies) if self.cookies else None, "rate": share}

    def recorded(self) -> dict[str, Any]:
        """What made the files, for the manifest. Proxy and cookies stay out: they may hold a password."""
        return {"format": self.format or FORMAT, "sort": self.sort, "height": self.height, "max_size": self.max_size}


@dataclass(frozen=True)
class Job:
    """One source and the clips that are cut from it or equal to it; `name` is the file's, without its ending."""

    source: str
    clips: tuple[str, ...]
    name: str


@dataclass(frozen=True)
class Row:
    """What came of one clip. A line of status.jsonl; the last one about a source is what counts."""

    clip: str
    source: str
    status: str
    reason: str = ""
    path: str | None = None
    sha256: str | None = None
    bytes: int | None = None
    media: dict[str, Any] = field(default_factory=dict)
    limit: int | None = None
    at: str = ""


def retries(text: str | None) -> tuple[str, ...]:
    """`blocked,timeout`, `all` (everything that is not ok), or `none`."""
    if text is None:
        return RETRIED
    if text == "all":
        return tuple(s for s in STATUSES if s != "ok")
    if text == "none":
        return ()
    named = tuple(part.strip() for part in text.split(","))
    for name in named:
        if name not in STATUSES or name == "ok":
            known = {"all", "none", *STATUSES} - {"ok"}
            raise InputError(f"--retry {name}: not a status to try again.{did_you_mean(name, known)}")
    return named


def size(text: str, option: str) -> int:
    """`2M`, `1.5G`, `800K` or plain bytes; K is 1,000, as in a price list and not as in memory."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMG]?)B?", text.strip(), re.IGNORECASE)
    value = int(float(found[1]) * {"": 1, "K": 10**3, "M": 10**6, "G": 10**9}[found[2].upper()]) if found else 0
    if value < 1:
        raise InputError(f"{option} {text}: not a size; write bytes, or 800K, 2M, 1.5G")
    return value


def safe_name(id: str) -> str:
    """A file name for any clip id. What had to be changed, or differs from another id in case only, gets a digest."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", id).lstrip(".-")[:80] or "clip"
    return plain if plain == id and plain == plain.lower() else f"{plain}-{digest(id)}"


def digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", errors="surrogatepass")).hexdigest()[:8]


def jobs(clips: Iterable[Mapping[str, Any]]) -> list[Job]:
    """One job for each different source, in the order of the clips."""
    by_source: dict[str, list[str]] = {}
    for clip in clips:
        by_source.setdefault(clip["source"], []).append(clip["id"])
    return [Job(source, tuple(ids), safe_name(ids[0])) for source, ids in by_source.items()]


def is_link(source: str | None) -> bool:
    return source is not None and source.lower().startswith(("http://", "https://"))
