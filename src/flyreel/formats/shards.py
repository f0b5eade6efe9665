"""Tar shards in the manner of webdataset, read: the JSON members, in turn, and never a video.

A member that holds `questions` is a clip with all that is asked about it; any other object is a row by itself.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flyreel.formats.containers import Record
from flyreel.schema import Problem

MEMBER_LIMIT = 64 << 20
"""A member with more than this about one clip is a problem row, not a way to fill the memory."""


def members(path: Path) -> Iterator[dict[str, Any] | tuple[str, str]]:
    """Each JSON object of the shard, or why there is none: a reason and a detail. What is before a break is read."""
    try:
        with tarfile.open(path, "r:") as tar:
            for member in tar:
                if member.isfile() and member.name.lower().endswith(".json"):
                    yield _object(tar, member)
    except (tarfile.TarError, OSError) as error:
        yield "broken-tar", f"{path.name}: {error}"[:120]


def _object(tar: tarfile.TarFile, member: tarfile.TarInfo) -> dict[str, Any] | tuple[str, str]:
    if member.size > MEMBER_LIMIT:
        return "member-too-large", f"{member.name}: over {MEMBER_LIMIT >> 20} MB"
    file = tar.extractfile(member)
    try:
        value = json.loads(file.read().decode("utf-8")) if file else None
    except UnicodeDecodeError:
        return "not-utf8", member.name
    except (ValueError, RecursionError) as error:
        return "not-json", f"{member.name}: {error}"[:120]
    return value if isinstance(value, dict) else ("not-an-object", f"{member.name}: a {type(value).__name__}")


def records(path: Path) -> Iterator[Record | Problem]:
    row = 0
    for found in members(path):
        asked = found.get("questions") if isinstance(found, dict) else None
        for value in asked if isinstance(asked, list) else [found]:
            row += 1
            if isinstance(value, dict):
                yield Record(row, None, value)
            elif isinstance(value, tuple):
                yield Problem(row=row, reason=value[0], detail=value[1])
            else:
                yield Problem(row=row, reason="not-an-object", detail=f"a {type(value).__name__}")
