"""flyreel fetch as a person runs it: what it prints, how it ends, and what a stop or a kill costs."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from PIL import Image

from flyreel.clips import Clips
from flyreel.fetch.fake import Host
from flyreel.tables import Project

Flyreel = Any
"""Runs the installed program in tmp_path; `Program` in conftest.py."""
PATIENCE = 60


@pytest.fixture
def host() -> Iterator[Host]:
    with Host() as running:
        yield running


@pytest.fixture(scope="module")
def gif() -> bytes:
    frames = [Image.fromarray(np.full((24, 32, 3), 30 * i, dtype=np.uint8)) for i in range(6)]
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:], duration=100)
    return out.getvalue()


def made(folder: Path, sources: dict[str, str | None]) -> Project:
    folder.mkdir()
    (folder / "flyreel.toml").write_text("")
    rows = [{"id": id, "source": source} for id, source in sources.items()]
    Project(folder).table("clips").write(Clips.from_rows(rows).table, stage="import", parameters={})
    return Project(folder)


def started(flyreel: Flyreel, host: Host, until: str, *words: str) -> subprocess.Popen[str]:
    """The program, once it has asked the host for `until`."""
    process: subprocess.Popen[str] = flyreel.start(*words)
    for _ in range(20 * PATIENCE):
        if host.asked(until):
            break
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.05)
            break
    return process


def test_all_there_is_exit_0_and_the_counts(flyreel: Flyreel, tmp_path: Path, host: Host, gif: bytes) -> None:
    made(tmp_path / "p", {c: host.gives(f"/{c}.gif", gif, "image/gif") for c in "ab"})
    ran = flyreel("fetch", "p", "--workers", "2")
    assert (ran.code, ran.out) == (0, "2 of 2 clips: 2 ok; coverage 100.0% of clips\n"), ran.err
    assert "fetch 2/2" in ran.err
    assert sorted(f.name for f in (tmp_path / "p" / "clips" / "media").iterdir()) == ["a.gif", "b.gif"]


def test_what_is_missing_is_exit_1_and_named(flyreel: Flyreel, tmp_path: Path, host: Host, gif: bytes) -> None:
    gone = host.refuses("/gone.gif", 404)
    made(tmp_path / "p", {"a": host.gives("/a.gif", gif, "image/gif"), "gone": gone})
    ran = flyreel("fetch", "p", "--json", "--workers", "1")
    found = json.loads(ran.out)
    assert ran.code == 1, ran.err
    assert found["coverage"] == {"clips": 0.5, "questions": None}
    [missing] = found["missing"]
    assert (missing["clip"], missing["source"], missing["status"]) == ("gone", gone, "dead")
    assert json.loads((tmp_path / "p" / "fetch" / "coverage.json").read_text())["here"] == 1
    again = flyreel("fetch", "p")
    assert again.code == 1, "a link that is not tried again is still not there"
    assert again.err.splitlines()[-1].startswith("  gone: dead: ")


@pytest.mark.parametrize("ending", ["kill", "ctrl-c"])
def test_what_is_finished_is_never_fetched_again(
    flyreel: Flyreel, tmp_path: Path, host: Host, gif: bytes, ending: str
) -> None:
    """Ended in the middle of the third clip: two are kept, no process stays behind, the same command does the rest."""
    sources = {c: host.gives(f"/{c}.gif", gif, "image/gif") for c in "abcd"}
    host.stalls("/c.gif")
    project = made(tmp_path / "p", dict(sources))
    process = started(flyreel, host, "/c.gif", "fetch", "p", "--workers", "1", "--timeout", "500")
    children = psutil.Process(process.pid).children(recursive=True)
    assert children, "nothing was downloading when it was ended"
    os.kill(process.pid, signal.SIGKILL if ending == "kill" else signal.SIGINT)
    ran = flyreel.end(process)
    assert psutil.wait_procs(children, timeout=PATIENCE)[1] == [], "a download went on behind the run that was ended"
    if ending == "ctrl-c":
        told = "stopped: 2 of 4 done. Run the same command to go on; nothing is fetched twice."
        assert (ran.code, ran.err.splitlines()[-1], ran.out) == (130, told, "")
    asked = {c: host.asked(f"/{c}.gif") for c in "ab"}
    assert all(asked.values())

    host.gives("/c.gif", gif, "image/gif")
    again = flyreel("fetch", "p", "--workers", "2", "--json")
    assert again.code == 0, again.err
    assert json.loads(again.out)["tried"] == 2
    assert {c: host.asked(f"/{c}.gif") for c in "ab"} == asked, "a finished clip was asked for again"
    for row in project.table("clips").read().to_pylist():
        assert (project.folder / row["path"]).read_bytes() == gif


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere"], "nowhere: not a project"),
        (["p", "--workers", "0"], "--workers 0: must be 1 or more"),
        (["p", "--rate", "quick"], "--rate quick: not a size"),
        (["p", "--retry", "dad"], "--retry dad: not a status to try again. Did you mean dead?"),
        (["p", "--format", "b["], "--format b[: not a yt-dlp format expression"),
        (["p"], "none of its 1 clips has a link"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_2(flyreel: Flyreel, tmp_path: Path, words: list[str], said: str) -> None:
    made(tmp_path / "p", {"a": None if words == ["p"] else "http://127.0.0.1:9/a.mp4"})
    ran = flyreel("fetch", *words)
    assert (ran.code, ran.out) == (2, ""), ran.err
    assert said in ran.err and ran.err.count("\n") == 1


def test_export_downloads_nothing(flyreel: Flyreel, tmp_path: Path, host: Host) -> None:
    made(tmp_path / "p", {"a": host.stalls("/a.mp4")})
    ran = flyreel("fetch", "p", "--export-video2dataset", "out", "--json")
    assert ran.code == 0, ran.err
    assert sorted(f.name for f in (tmp_path / "out").iterdir()) == ["config.yaml", "urls.parquet"]
    assert json.loads(ran.out)["links"] == 1
    assert host.asked("/a.mp4") == 0
