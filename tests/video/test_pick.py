"""From a file to keyframes: the promise, the cache, and that each different picture is looked at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from flyreel.errors import InputError
from flyreel.toybox import world
from flyreel.toybox.render import render
from flyreel.video import pick
from flyreel.video.keyframes.base import selectors
from flyreel.video.pick import keyframes


class Colours:
    """An embedder whose vectors are mean colours, and which counts what it is shown."""

    id = "colours"
    size = (24, 32)

    def __init__(self) -> None:
        self.seen = 0

    def images(self, frames: np.ndarray) -> np.ndarray:
        self.seen += len(frames)
        means = frames.reshape(len(frames), -1, 3).mean(axis=1) + 1.0
        return (means / np.linalg.norm(means, axis=1, keepdims=True)).astype(np.float32)

    def texts(self, texts: list[str]) -> np.ndarray:
        vectors = np.array([[1.0, 0.0, 0.0] if "red" in t else [0.0, 0.0, 1.0] for t in texts])
        return vectors.astype(np.float32)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return render(world.scene(3, 0), tmp_path / "clip.gif")


def film(path: Path, colours: list[tuple[int, int, int]], each: int = 6) -> Path:
    import av

    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for colour in colours:
            for _ in range(each):
                picture = np.full((48, 64, 3), colour, dtype=np.uint8)
                out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        out.mux(stream.encode())
    return path


@pytest.mark.parametrize("selector", selectors.names())
@pytest.mark.parametrize("k", [1, 5, 1000])
def test_exactly_k_or_all_distinct_and_in_order(clip: Path, tmp_path: Path, selector: str, k: int):
    found = keyframes(clip, "who jumps?", k, selector=selector, cache=tmp_path / "cache")
    assert found.numbers.tolist() == sorted(set(found.numbers.tolist()))
    assert len(found.numbers) == min(k, found.media.frames)
    assert found.times.tolist() == found.media.times[found.numbers].tolist()


def test_the_query_is_what_is_found_and_a_description_counts_only_if_it_is_given(tmp_path: Path):
    video = film(tmp_path / "a.mp4", [(20, 20, 200), (200, 20, 20), (20, 200, 20)])
    plain = keyframes(video, "red", 1, selector="top-k", embedder=Colours(), cache=tmp_path / "c")
    assert 6 <= plain.numbers[0] < 12
    blue = keyframes(video, "sky", 1, selector="top-k", embedder=Colours(), cache=tmp_path / "c")
    assert blue.numbers[0] < 6
    both = keyframes(video, "sky", 1, description="red", selector="top-k", embedder=Colours(), cache=tmp_path / "c")
    assert both.scores[0] != blue.scores[0]


def test_a_picture_that_stays_is_looked_at_once_and_a_video_once(tmp_path: Path):
    video = film(tmp_path / "a.mp4", [(20, 20, 200), (200, 20, 20), (20, 200, 20)])
    embedder = Colours()
    first = keyframes(video, "red", 4, embedder=embedder, cache=tmp_path / "cache")
    assert embedder.seen <= 6 < first.media.frames
    looked = embedder.seen
    keyframes(video, "another question", 2, embedder=embedder, cache=tmp_path / "cache")
    assert embedder.seen == looked, "the second question decoded and embedded the same video again"


def test_another_video_under_the_same_name_is_looked_at(tmp_path: Path):
    embedder = Colours()
    video = film(tmp_path / "a.mp4", [(20, 20, 200), (200, 20, 20)])
    before = keyframes(video, "red", 1, selector="top-k", embedder=embedder, cache=tmp_path / "cache")
    film(tmp_path / "a.mp4", [(200, 20, 20), (20, 20, 200)])
    after = keyframes(video, "red", 1, selector="top-k", embedder=embedder, cache=tmp_path / "cache")
    assert before.numbers[0] >= 6 > after.numbers[0]


def test_every_shot_has_a_frame_while_k_allows(tmp_path: Path):
    video = film(tmp_path / "a.mp4", [(20, 20, 200), (200, 20, 20), (20, 200, 20), (200, 200, 20)], each=10)
    found = keyframes(video, "red", 4, embedder=Colours(), cache=tmp_path / "cache")
    assert sorted(n // 10 for n in found.numbers.tolist()) == [0, 1, 2, 3]


def test_a_long_video_is_sampled_evenly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pick, "MOST", 12)
    video = film(tmp_path / "a.mp4", [(20, 20, 200), (200, 20, 20), (20, 200, 20)], each=20)
    looked = pick.Looked(video, Colours(), 12, tmp_path / "cache")
    assert len(looked.numbers) == 12 and set(np.diff(looked.numbers).tolist()) == {5}
    found = keyframes(video, "red", 20, embedder=Colours(), cache=tmp_path / "cache")
    assert len(found.numbers) == 20, "k above the sample still gives k frames"


@pytest.mark.parametrize(
    ("changes", "says"),
    [({"k": 0}, "at least one frame"), ({"query": " "}, "query is empty"), ({"selector": "mnr"}, "Did you mean mmr"),
     ({"embedder": "toyclop"}, "Did you mean toyclip")],
)  # fmt: skip
def test_wrong_use_is_one_line(clip: Path, changes: dict, says: str):
    given = {"query": "who?", "k": 3, **changes}
    with pytest.raises(InputError, match=says):
        keyframes(clip, given.pop("query"), given.pop("k"), **given)
