"""Is this file a whole video? A download that ended without an error may still be half of one, or something else.

Runs in the worker, where a crash of the media library costs one clip. What a file is and whether its end is there is
decided in `flyreel.video`; here its reasons become statuses.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

STATUS = {"truncated": "truncated", "corrupt": "truncated", "empty": "truncated", "no-frames": "truncated"}
STATUS |= {"still-picture": "dead"}  # what hosts send, with 200 OK, in the place of a video they removed
ENDINGS = {"gif": "gif", "mov": "mp4", "matroska": "mkv", "avi": "avi", "webp": "webp", "apng": "png"}
FACTS = ("width", "height", "fps", "frames", "duration")


class NotWhole(Exception):
    def __init__(self, status: str, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


def check(path: Path, promised: float | None = None) -> dict[str, Any]:
    """The media facts of a whole file, or `NotWhole`. `promised` is the length in seconds that the site stated."""
    from flyreel.video.decode import inspect
    from flyreel.video.limits import BadMedia

    try:
        found = inspect(path)
    except BadMedia as bad:
        status = STATUS.get(bad.reason, "failed")
        reason = str(bad).removeprefix(f"{path}: ").removeprefix(f"{status}: ")
        raise NotWhole(status, reason) from None
    facts = {name: getattr(found, name, None) for name in FACTS}
    length = facts["duration"]
    if promised and length and length < 0.9 * promised and promised - length > 2:
        raise NotWhole("truncated", f"{length:.1f} s of {promised:.1f} s are there")
    return facts


def ending(path: Path, given: str) -> str:
    """The file's ending: what the bytes are where that is known, else what the site said."""
    from flyreel.video.container import kind, opened

    with opened(path) as file:
        known = ENDINGS.get(kind(path, file))
    if known is None or (known, given) in (("mp4", "mov"), ("mp4", "m4v"), ("mkv", "webm")):
        return given.lower() if given.isalnum() and given != "unknown_video" else known or "video"
    return known


def sha256(path: Path) -> str:
    """Of the file as it is on the disk: it is flushed first, so that a row never speaks of bytes a power cut takes."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        return hashlib.file_digest(file, "sha256").hexdigest()
