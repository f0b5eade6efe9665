"""Frames that were chosen once, kept as files. An entry carries the digest of what it holds; one that does not fit its
digest, or that another version wrote, is made again."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path

import numpy as np
from PIL import Image

from flyreel.evaluate import pictures as chosen
from flyreel.evaluate.pictures import QUALITY, Choosing, Pictures
from flyreel.models.call import Media
from flyreel.tables import atomic
from flyreel.video.limits import BadMedia

LAYOUT = 1
ASKS_NOTHING = ("uniform", "cuts")
"""Selectors that choose the same frames whatever is asked."""


class Unreadable(Exception):
    """The one word why there are no frames."""


def pictures(video: Path, content: str, query: str, how: Choosing, folder: Path) -> Pictures:
    """As evaluate chooses them; from the folder where they are there."""
    place = folder / f"{_key(content, query, how)}.frames"
    try:
        return _unpacked(place.read_bytes())
    except (OSError, ValueError):
        pass
    try:
        made = chosen.pictures(video, query, how)
    except BadMedia as bad:
        raise Unreadable(bad.reason) from None
    except OSError:
        raise Unreadable("cannot-read") from None
    with atomic(place) as temporary:
        temporary.write_bytes(_packed(made))
    return made


def pixels(media: Media) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(media.data)).convert("RGB"))


def _key(content: str, query: str, how: Choosing) -> str:
    parts = [LAYOUT, content, how.k, how.selector, how.longest, QUALITY]
    if how.selector != "uniform":
        parts.append(how.embedder)
    if how.selector not in ASKS_NOTHING:
        parts.append(query)
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _packed(seen: Pictures) -> bytes:
    number, time, middle = seen.middle
    media = [*seen.media, middle]
    about = {
        "numbers": [*seen.numbers, number],
        "times": [*seen.times, time],
        "media": [[m.digest, m.kind, len(m.data), m.tokens] for m in media],
    }
    body = json.dumps(about).encode() + b"\n" + b"".join(m.data for m in media)
    return hashlib.sha256(body).digest() + body


def _unpacked(entry: bytes) -> Pictures:
    """ValueError where it is not whole."""
    digest, body = entry[:32], entry[32:]
    if hashlib.sha256(body).digest() != digest:
        raise ValueError("damaged")
    head, _, rest = body.partition(b"\n")
    about = json.loads(head)
    media, at = [], 0
    for name, kind, size, tokens in about["media"]:
        media.append(Media(name, kind, rest[at : at + size], tokens))
        at += size
    *numbers, number = about["numbers"]
    *times, time = about["times"]
    return Pictures(tuple(numbers), tuple(times), tuple(media[:-1]), (number, time, media[-1]))
