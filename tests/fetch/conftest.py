"""Small whole clips, and a project whose clips are links to a host on loopback."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from flyreel.clips import Clips
from flyreel.fetch.fake import Host
from flyreel.tables import Project


@pytest.fixture(scope="session")
def mp4(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The index comes first, as on the web: half of the file can be opened, and does not look broken at once."""
    return encoded(tmp_path_factory.mktemp("made") / "clip.mp4", {"movflags": "faststart"})


@pytest.fixture(scope="session")
def ts(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return encoded(tmp_path_factory.mktemp("made") / "clip.ts", {})


def encoded(path: Path, options: dict[str, str]) -> bytes:
    """30 frames of noise, so that the pictures outweigh the header."""
    random = np.random.default_rng(0)
    with av.open(str(path), "w", options=options) as container:
        codec, rate = ("mpeg4", 15) if path.suffix == ".mp4" else ("mpeg2video", 25)
        stream = container.add_stream(codec, rate=rate)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(30):
            picture = random.integers(0, 255, (48, 64, 3), dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return path.read_bytes()


@pytest.fixture(scope="session")
def gif() -> bytes:
    random = np.random.default_rng(1)
    frames = [Image.fromarray(random.integers(0, 255, (24, 32, 3), dtype=np.uint8)) for _ in range(8)]
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:], duration=100)
    return out.getvalue()


@pytest.fixture
def host() -> Iterator[Host]:
    with Host() as running:
        yield running


@pytest.fixture
def project_of(tmp_path: Path) -> Callable[[dict[str, str | None]], Project]:
    """A project whose clips are these ids with these sources."""

    def make(sources: dict[str, str | None]) -> Project:
        folder = tmp_path / "project"
        folder.mkdir()
        (folder / "flyreel.toml").write_text("")
        project = Project(folder)
        rows = [{"id": id, "source": source} for id, source in sources.items()]
        project.table("clips").write(Clips.from_rows(rows).table, stage="import", parameters={})
        return project

    return make
