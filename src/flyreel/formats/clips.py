"""flyreel's own list of clips: one object a line (or the same columns as CSV, JSON or Parquet)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flyreel.clips import Clips
from flyreel.errors import InputError
from flyreel.formats.base import Broken
from flyreel.formats.clip_source import ClipReading, checked, clip_sources, problem
from flyreel.formats.containers import literal_list, sample
from flyreel.schema import Problem


@clip_sources.add("clips")
class ClipList:
    """One object a line: id, path or source, and optionally group, split, cues, duration, frames …

    A relative path counts from the list's own folder, so that a list and its clips can move together; it is stored
    absolute.
    """

    def recognises(self, path: Path) -> bool:
        try:
            looked = sample(path)
        except InputError:
            return False
        return looked.has("id") and (looked.has("path") or looked.has("source")) and not looked.has("question")

    def read(self, path: Path) -> ClipReading:
        rows: dict[str, dict[str, Any]] = {}
        problems: list[Problem] = []
        for record in sample(path).records():
            if isinstance(record, Problem):
                problems.append(record)
                continue
            try:
                row = checked(_parsed(record.values), f"{path.stem}-{record.row}")
                if row["id"] in rows:
                    raise Broken("duplicate-id", row["id"])
                if row["path"] and "://" not in row["path"]:
                    row["path"] = str((path.parent / row["path"]).resolve())
                if not row["path"] and not row["source"]:
                    raise Broken("no-video", "neither path nor source")
                rows[row["id"]] = row
            except Broken as broken:
                problems.append(problem(record.row, broken, record.line))
        if not rows:
            raise InputError(f"{path}: no usable clip.{f' {problems[0]}' if problems else ''}")
        return ClipReading(str(path), "clips", Clips.from_rows(rows.values()), None, problems)


def _parsed(values: dict[str, Any]) -> dict[str, Any]:
    """CSV holds lists as text."""
    lists = {name: values[name] for name in ("shots", "cues") if isinstance(values.get(name), str)}
    return {**values, **{name: literal_list(text) or text or None for name, text in lists.items()}}
