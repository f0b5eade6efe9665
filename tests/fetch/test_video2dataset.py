"""The export: every link once, and a configuration that YAML readers take."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from flyreel.errors import InputError
from flyreel.fetch.job import Settings
from flyreel.fetch.video2dataset import export
from flyreel.tables import Project

Make = Callable[[dict[str, str | None]], Project]


def test_links_once_and_the_published_settings(project_of: Make, tmp_path: Path) -> None:
    project = project_of({"a": "https://h/1", "b": "https://h/1", "c": None, "d": "http://h/2"})
    made = export(project, tmp_path / "out", Settings(height=480))
    rows = pq.read_table(made["urls"]).to_pylist()
    assert [(row["url"], row["id"]) for row in rows] == [("https://h/1", "a"), ("http://h/2", "d")]
    assert made["links"] == 2
    text = Path(made["config"]).read_text()
    settings = dict(line.split("#")[0].strip().split(": ", 1) for line in text.splitlines()[2:] if ": " in line)
    assert {name: settings[name] for name in ("threshold", "min_scene_len", "cuts_are_clips", "timeout")} == {
        "threshold": "30", "min_scene_len": "15", "cuts_are_clips": "False", "timeout": "60",
    }  # fmt: skip
    assert (settings["download_size"], settings["download_audio_rate"]) == ("480", "44100")
    assert settings["number_sample_per_shard"] == "100"
    assert "{" not in text, "a placeholder was left unfilled"


def test_the_configuration_is_yaml(project_of: Make, tmp_path: Path) -> None:
    yaml = pytest.importorskip("yaml")
    made = export(project_of({"a": "https://h/1"}), tmp_path / "out", Settings())
    read = yaml.safe_load(Path(made["config"]).read_text())
    assert set(read) == {"subsampling", "reading", "storage", "distribution"}
    assert read["subsampling"]["CutDetectionSubsampler"]["cuts_are_clips"] is False


def test_nothing_to_export(project_of: Make, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="none of its 1 clips"):
        export(project_of({"a": None}), tmp_path / "out", Settings())
    assert not (tmp_path / "out").exists()
