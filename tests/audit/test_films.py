"""What the report reads of a saved audit's clips."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from flyreel.audit import films


def test_what_is_saved_is_what_the_report_reads(tmp_path: Path) -> None:
    films.save({"wer hüpft": "/films/a.mp4"}, "toyclip", tmp_path / "new" / films.NAME)
    kept: Any = json.loads((tmp_path / "new" / films.NAME).read_text(encoding="utf-8"))
    assert kept == {"embedder": "toyclip", "files": {"wer hüpft": "/films/a.mp4"}}
