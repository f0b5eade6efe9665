"""The files of a saved audit's clips, for the report: `clips.json` beside it."""

from __future__ import annotations

import json
from pathlib import Path

from flyreel.tables import write_text

NAME = "clips.json"


def save(found: dict[str, str], embedder: str | None, path: Path) -> None:
    write_text(path, json.dumps({"embedder": embedder, "files": found}, indent=1, ensure_ascii=False) + "\n")
