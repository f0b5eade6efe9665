"""One download through yt-dlp, as a library and not as a program whose exit code someone forgets to look at.

`max_filesize` is not used: yt-dlp skips such a file without an error and cannot see one whose length is not declared.
The progress hook does both. Fragments that fail are errors here; by default yt-dlp leaves them out without a word.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flyreel.errors import InputError, MissingExtra
from flyreel.fetch.job import FORMAT, Settings
from flyreel.fetch.reasons import plain, status_of


@dataclass(frozen=True)
class Got:
    """`file` is there only with status ok, and ok means that yt-dlp was content; whole.py has yet to look."""

    status: str
    reason: str = ""
    file: Path | None = None
    ending: str = ""
    promised: float | None = None


class Silent:
    def debug(self, message: str) -> None: ...

    info = warning = error = debug


def options(settings: Mapping[str, Any], url: str, folder: Path) -> dict[str, Any]:
    loopback = (urlsplit(url).hostname or "") in ("127.0.0.1", "localhost", "::1")
    cookies = settings["cookies"]
    return {
        "format": settings["format"] or FORMAT,
        "format_sort": (settings["sort"] or f"height:{settings['height']},ext:mp4:m4a").split(","),
        "outtmpl": str(folder / "clip.%(ext)s").replace("%(ext)s", "\0").replace("%", "%%").replace("\0", "%(ext)s"),
        # a stream, because yt-dlp writes cookies back to a file, and several workers share this one
        "cookiefile": io.StringIO(Path(cookies).read_text(encoding="utf-8")) if cookies else None,
        "proxy": settings["proxy"] or ("" if loopback else None),
        "ratelimit": settings["rate"],
        "socket_timeout": min(20.0, settings["timeout"]),
        "retries": 1,
        "fragment_retries": 2,
        "skip_unavailable_fragments": False,
        "noplaylist": True,
        "playlist_items": "1",
        "overwrites": True,
        "continuedl": False,
        "nopart": True,
        "updatetime": False,
        "cachedir": False,
        "ignoreerrors": False,
        "logger": Silent(),
        "quiet": True,
        "noprogress": True,
        "color": "never",
    }


def download(url: str, folder: Path, settings: Mapping[str, Any]) -> Got:
    """Into `folder`, which is this download's own and empty."""
    import yt_dlp
    from yt_dlp.utils import DownloadCancelled, DownloadError

    class TooLarge(DownloadCancelled):
        """The one kind of exception that yt-dlp lets through from a hook as it is."""

    limit, sizes, refused = settings["max_size"], dict[str, int](), list[str]()

    def weigh(progress: dict[str, Any]) -> None:
        here, whole = progress.get("downloaded_bytes") or 0, progress.get("total_bytes") or 0
        sizes[progress.get("filename", "")] = max(here, whole)
        if sum(sizes.values()) > limit:
            known = f"{sum(sizes.values()):,} bytes" if whole else f"more than {limit:,} bytes, length not stated"
            raise TooLarge(f"{known}; --max-size is {limit:,}")

    def single(info: Mapping[str, Any], *, incomplete: bool = False) -> str | None:
        several = (info.get("playlist_count") or info.get("n_entries") or 1) > 1
        why = "a page of several videos; name one" if several else "a live stream" if info.get("is_live") else None
        if why:
            refused.append(why)
        return why

    try:
        chosen = {**options(settings, url, folder), "progress_hooks": [weigh], "match_filter": single}
        with yt_dlp.YoutubeDL(chosen) as ydl:
            info = ydl.extract_info(url) or {}
    except TooLarge as error:
        return Got("too-large", error.msg)
    except DownloadError as error:
        status = status_of(str(error))
        if status == "dead" and any(sizes.values()):  # a piece of it is not there; the video was
            status = "truncated"
        return Got(status, plain(str(error)))
    if refused:
        return Got("failed", refused[0])
    while info.get("_type") == "playlist":
        info = next((entry for entry in info.get("entries") or () if entry), {})
    written = [Path(d["filepath"]) for d in info.get("requested_downloads") or () if d.get("filepath")]
    if not written or not written[-1].is_file():
        return Got("failed", "yt-dlp ended without an error and without a file")
    if written[-1].stat().st_size > limit:  # what another program downloaded for yt-dlp passes no hook
        return Got("too-large", f"{written[-1].stat().st_size:,} bytes; --max-size is {limit:,}")
    return Got("ok", "", written[-1], written[-1].suffix.lstrip("."), info.get("duration"))


def warm() -> None:
    """Load what yt-dlp would load with its first clip, so that the first clip has as long as any other."""
    from yt_dlp.extractor import gen_extractor_classes, get_info_extractor

    for extractor in gen_extractor_classes():  # each of them is asked whether it knows a link
        extractor.suitable("http://127.0.0.1/")
    get_info_extractor("Generic")


def ready(settings: Settings) -> str:
    """The version of yt-dlp, once everything that can be checked before the first request has been."""
    try:
        import yt_dlp
        from yt_dlp.cookies import YoutubeDLCookieJar
        from yt_dlp.utils import FormatSorter
    except ImportError:
        raise MissingExtra("flyreel fetch", "fetch") from None
    import re

    try:
        yt_dlp.YoutubeDL({"format": settings.format or FORMAT, "logger": Silent(), "cachedir": False}).close()
    except SyntaxError:
        raise InputError(f"--format {settings.format}: not a yt-dlp format expression, such as 'b/bv*'") from None
    for part in (settings.sort or "height").split(","):
        if not re.match(FormatSorter.regex, part.strip()):
            raise InputError(f"--sort {settings.sort}: not a yt-dlp order, such as 'height:360,ext:mp4:m4a'")
    if settings.cookies:
        try:
            YoutubeDLCookieJar(str(settings.cookies)).load()
        except (OSError, ValueError) as error:  # http.cookiejar.LoadError is an OSError
            why = str(error).splitlines()[0][:120]
            raise InputError(f"--cookies {settings.cookies}: not a Netscape cookies.txt: {why}") from None
    return str(yt_dlp.version.__version__)
