"""Opening a file nobody vouches for: what it is by its content, whether its end is there, and nothing else touched.

FFmpeg gets a file object without a name: a name can choose a demuxer (`img%03d.png`, `x.m3u8`) or a protocol. Playlists
and other demuxers that open further files or the network are not on the list below, and nested opens are refused.
"""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import Any, BinaryIO

from flyreel.video.limits import BadMedia, Clock, Limits

_VIDEO = "gif,apng,mov,mp4,matroska,webm,avi,flv,mpegts,mpeg,ogg,asf,ivf,nut,mxf,rm,dv"
_AUDIO = "mp3,wav,w64,flac,aac,aiff,caf,amr,au"  # opened so that the reason can be no-video
_STILL = {b"\x89PNG": "png", b"\xff\xd8\xff": "jpeg", b"BM": "bmp", b"II*\0": "tiff", b"MM\0*": "tiff"}


@contextmanager
def opened(path: str | Path) -> Iterator[BufferedReader]:
    """The file itself. A pipe or a device is refused before it is opened, where it could block for ever."""
    try:
        mode = Path(path).stat().st_mode
        if not stat.S_ISREG(mode):
            what = "a folder" if stat.S_ISDIR(mode) else "not a plain file"
            raise BadMedia(path, "cannot-read", what)
        file = Path(path).open("rb")  # noqa: SIM115
    except FileNotFoundError:
        raise BadMedia(path, "missing", "no such file") from None
    except (OSError, ValueError) as error:
        raise BadMedia(path, "cannot-read", getattr(error, "strerror", None) or str(error)) from None
    with file:
        yield file


def kind(path: str | Path, file: BinaryIO) -> str:
    """gif, webp, mov, matroska, avi, apng or "other", by the first bytes; never by the name."""
    head = file.read(64)
    file.seek(0)
    if not head:
        raise BadMedia(path, "empty", "the file has no bytes")
    if head[:4] == b"GIF8":
        return "gif"
    if head[:4] == b"RIFF" and head[8:12] in (b"WEBP", b"AVI "):
        return "webp" if head[8:12] == b"WEBP" else "avi"
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return "matroska"
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot"):
        return "mov"
    if head[:8] == b"\x89PNG\r\n\x1a\n" and b"acTL" in _start(file, 4096):
        return "apng"
    for magic, name in _STILL.items():
        if head.startswith(magic):
            raise BadMedia(path, "still-picture", f"a {name} picture, not a video")
    return "other"


def _start(file: BinaryIO, size: int) -> bytes:
    start = file.read(size)
    file.seek(0)
    return start


def cut_short(file: BinaryIO, kind: str) -> str:
    """Why the file cannot be whole, or "". Reads lengths only; formats that do not write theirs cannot tell."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    try:
        return {"webp": _riff, "avi": _riff, "mov": _mov, "matroska": _matroska}[kind](file, size)
    except KeyError:
        return ""
    except (struct.error, IndexError):
        return "it ends inside a header"
    finally:
        file.seek(0)


def _riff(file: BinaryIO, size: int) -> str:
    stated = struct.unpack("<I", file.read(8)[4:])[0] + 8
    return f"{size:,} of {stated:,} bytes are there" if stated > size and stated != 0xFFFFFFFF + 8 else ""


def _mov(file: BinaryIO, size: int) -> str:
    at, seen = 0, set()
    while at + 8 <= size:
        file.seek(at)
        length, name = struct.unpack(">I4s", file.read(8))
        if length == 1:
            length = struct.unpack(">Q", file.read(8))[0]
        elif length == 0:
            length = size - at
        seen.add(name)
        if length < 8 or at + length > size:
            return f"the {_word(name)} box ends {at + length - size:,} bytes after the file" if length >= 8 else ""
        at += length
    return "" if b"moov" in seen else "the index (moov) is not there; the recording was not finished or the end is lost"


def _word(name: bytes) -> str:
    return "".join(chr(c) if 32 < c < 127 else "?" for c in name)


def _matroska(file: BinaryIO, size: int) -> str:
    """The segment states its length, unless it was written live; then nobody can tell."""
    file.seek(4)
    file.seek(_vint(file)[0], os.SEEK_CUR)
    if file.read(4) != b"\x18\x53\x80\x67":
        return ""
    length, unknown = _vint(file)
    end = file.tell() + length
    return f"{size:,} of {end:,} bytes are there" if end > size and not unknown else ""


def _vint(file: BinaryIO) -> tuple[int, bool]:
    first = file.read(1)[0]
    width = 9 - first.bit_length()
    value = first & ((1 << 8 - width) - 1) if width <= 8 else 0
    for byte in struct.unpack(f"{width - 1}B", file.read(width - 1)) if width <= 8 else ():
        value = value << 8 | byte
    return value, width > 8 or value == (1 << 7 * width) - 1


def _refuse(url: str, flags: int, options: dict[str, str]) -> Any:
    raise PermissionError(f"a video may not open {url}")


@contextmanager
def demuxed(path: str | Path, file: BinaryIO, limits: Limits, clock: Clock) -> Iterator[tuple[Any, Any]]:
    """The open container and its first video stream that is not a cover picture, within the limits."""
    import av

    options = {
        "format_whitelist": f"{_VIDEO},{_AUDIO}",
        "protocol_whitelist": "none",
        "max_pixels": str(limits.pixels),
        "max_streams": "100",
    }
    file.seek(0)
    try:
        container = av.open(_Nameless(file, clock), options=options, io_open=_refuse, buffer_size=1 << 18)
    except BadMedia:
        raise
    except (av.FFmpegError, OSError, ValueError) as error:
        raise BadMedia(path, "not-media", f"no video format is recognised in it ({said(error)})") from None
    with container:
        stream = _video(path, container)
        context = stream.codec_context
        if context.width * context.height > limits.pixels:
            raise too_large(path, context.width, context.height, limits)
        context.options = {"max_pixels": str(limits.pixels)}
        stream.thread_type = "AUTO"
        yield container, stream


def too_large(path: str | Path, width: int, height: int, limits: Limits) -> BadMedia:
    return BadMedia(path, "too-large", f"frames of {width} x {height}; at most {limits.pixels:,} pixels are taken")


def _video(path: str | Path, container: Any) -> Any:
    streams = container.streams  # a stream of no known type has a `type` that crashes releases before 17
    moving = [s for s in streams.video if not _is_cover(s)]
    if not moving:
        kinds = {"a cover picture": streams.video, "sound": streams.audio, "subtitles": streams.subtitles}
        others = " and ".join(kind for kind, found in kinds.items() if found) or "nothing that can be shown"
        raise BadMedia(path, "no-video", f"{container.format.name} with {others}")
    if moving[0].codec_context is None:
        raise BadMedia(path, "unknown-codec", "no decoder for its video stream")
    return moving[0]


def _is_cover(stream: Any) -> bool:
    disposition = getattr(stream, "disposition", 0)
    return bool(int(getattr(disposition, "value", disposition)) & 0x400)  # attached picture; a Flag in some releases


def said(error: BaseException) -> str:
    return getattr(error, "strerror", None) or str(error)


class _Nameless:
    """What FFmpeg reads from: no `name` to guess from, and every read looks at the clock."""

    def __init__(self, file: BinaryIO, clock: Clock) -> None:
        self._file, self._clock = file, clock

    def read(self, size: int) -> bytes:
        self._clock.check()
        return self._file.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()
