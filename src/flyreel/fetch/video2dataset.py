"""The same links for video2dataset, with the settings that CinePile published: a list, and the file that configures it.

Nothing is downloaded here. The YAML is text: its few lines are fixed, and no parser of it is a dependency.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa

from flyreel.errors import InputError
from flyreel.fetch.job import Settings, is_link
from flyreel.fetch.run import linked
from flyreel.tables import Project, write_parquet, write_text

CONFIG = """\
# video2dataset, with CinePile's published settings: cuts found and kept as metadata, clips left whole.
# Run in this folder:  {command}
subsampling:
    CutDetectionSubsampler:
        args:
            cut_detection_mode: "all"
            framerates: null
            threshold: 30
            min_scene_len: 15
        cuts_are_clips: False

reading:
    yt_args:
        download_size: {height}
        download_audio_rate: 44100
        yt_metadata_args: null
    timeout: 60
    sampler: null

storage:
    number_sample_per_shard: 100
    oom_shard_count: 5
    captions_are_subtitles: False

distribution:
    processes_count: {workers}
    thread_count: 16
    subjob_size: 1000
    distributor: "multiprocessing"
"""
COMMAND = (
    "video2dataset --url_list urls.parquet --input_format parquet --url_col url --caption_col caption "
    "--save_additional_columns '[\"id\"]' --output_folder videos --output_format files --config config.yaml"
)


def export(project: Project, folder: Path, settings: Settings) -> dict[str, Any]:
    """urls.parquet (url, id, caption) and config.yaml in `folder`. Links are listed once; `id` is the first clip's."""
    first: dict[str, dict[str, Any]] = {}
    for clip in linked(project):
        if is_link(clip.get("source")):
            first.setdefault(clip["source"], clip)
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: a file stands there; the export is a folder")
    schema = pa.schema([("url", pa.string()), ("id", pa.string()), ("caption", pa.string())])
    rows = [{"url": source, "id": clip["id"], "caption": _caption(clip)} for source, clip in first.items()]
    urls = write_parquet(folder / "urls.parquet", pa.Table.from_pylist(rows, schema=schema))
    text = CONFIG.format(command=COMMAND, height=settings.height, workers=settings.workers)
    config = write_text(folder / "config.yaml", text)
    return {"links": len(rows), "urls": str(urls), "config": str(config), "command": COMMAND}


def _caption(clip: dict[str, Any]) -> str:
    """What the dataset says about the whole clip, or nothing; video2dataset wants the column to be there."""
    return next((cue["text"] for cue in clip.get("cues") or () if cue.get("kind") in ("caption", "description")), "")
