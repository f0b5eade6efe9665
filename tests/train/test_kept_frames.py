"""The frames of samples on disk: films of any kind, what cannot be read, what was damaged since, several threads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from flyreel.evaluate import pictures
from flyreel.evaluate.pictures import Choosing
from flyreel.evaluate.showing import Item
from flyreel.toybox.make import Plan, make
from flyreel.train.data import Frames, Sample
from flyreel.video import decode
from flyreel.video.keyframes.base import selectors


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    folder = tmp_path_factory.mktemp("films")

    def made(name: str, *, width: int = 64, height: int = 48, count: int = 20, turned: int = 0) -> Path:
        path = folder / name
        with av.open(str(path), "w") as out:
            stream = out.add_stream("libx264", rate=5)
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            for n in range(count):
                image = np.full((height, width, 3), 12 * n, dtype=np.uint8)
                frame = av.VideoFrame.from_ndarray(image, format="rgb24")
                out.mux(stream.encode(frame))
            out.mux(stream.encode())
        return path if not turned else _turned(path, turned)

    return made


def _turned(path: Path, degrees: int) -> Path:
    """As telephones write it: the pictures lie on their side, and the file says how to turn them."""
    turn = {90: [0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30]}[degrees]
    whole = path.read_bytes()
    plain = b"".join(n.to_bytes(4, "big", signed=True) for n in (65536, 0, 0, 0, 65536, 0, 0, 0, 1 << 30))
    at = whole.index(plain, whole.index(b"tkhd"))
    path.write_bytes(whole[:at] + b"".join(n.to_bytes(4, "big", signed=True) for n in turn) + whole[at + len(plain) :])
    return path


def of(video: Path | None, question: str = "what is red?") -> Sample:
    return Sample(Item("q", question, ("a", "b"), (), video), "a", 0, "film")


def frames(folder: Path, **how: Any) -> Frames:
    return Frames(Choosing(**{"k": 4, "longest": 32, **how}), folder / "frames")


@pytest.mark.parametrize(
    ("about", "shape"),
    [
        ({}, (4, 24, 32, 3)),
        ({"width": 48, "height": 64}, (4, 32, 24, 3)),
        ({"width": 18, "height": 320}, (4, 32, 2, 3)),
        ({"turned": 90}, (4, 32, 24, 3)),
        ({"count": 1}, (1, 24, 32, 3)),
        ({"count": 3}, (3, 24, 32, 3)),
    ],
    ids=["wide", "vertical", "a slit", "vertical by its own word", "one frame", "fewer frames than asked"],
)
def test_films_of_any_shape_are_shown_as_evaluate_shows_them(
    film: Any, tmp_path: Path, about: dict[str, Any], shape: tuple[int, ...]
) -> None:
    video = film("-".join(f"{k}{v}" for k, v in about.items()) + "-shape.mp4", **about)
    seen = frames(tmp_path)
    sample = of(video)
    for _ in range(2):  # chosen, then from the disk
        assert seen.of(sample) == pictures.pictures(video, sample.item.question, seen.choosing)
        assert seen.arrays(sample).shape == shape and seen.arrays(sample).dtype == np.uint8
    brightness = seen.arrays(sample).mean((1, 2, 3))
    assert all(np.diff(brightness) > 0), "out of order"
    assert seen.broken == {}


def test_a_gif_is_a_film(tmp_path: Path) -> None:
    shots = [Image.new("RGB", (40, 60), (50 * n, 0, 0)) for n in range(5)]
    shots[0].save(tmp_path / "a.gif", save_all=True, append_images=shots[1:], duration=100)
    found = frames(tmp_path).arrays(of(tmp_path / "a.gif"))
    assert found.shape == (4, 32, 21, 3) and all(np.diff(found[..., 0].mean((1, 2))) > 0)


def test_a_clip_that_cannot_be_read_is_noted_once_and_stops_nothing(
    film: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = film("cut.mp4").read_bytes()
    bad = {"empty.mp4": b"", "cut.mp4": whole[: len(whole) // 2], "text.mp4": b"not a film at all, but words"}
    for name, content in bad.items():
        (tmp_path / name).write_bytes(content)
    seen = frames(tmp_path)
    for name in (*bad, "gone.mp4"):
        assert seen.of(of(tmp_path / name)) is None and seen.arrays(of(tmp_path / name)) is None
    assert seen.of(of(None)) is None
    reasons = {Path(clip).name: why for clip, why in seen.broken.items()}
    assert reasons == {
        "empty.mp4": "empty", "cut.mp4": "truncated", "text.mp4": "not-media", "gone.mp4": "missing",
        "q": "missing-clip",
    }  # fmt: skip
    monkeypatch.setattr(pictures, "pictures", lambda *_: pytest.fail("looked at again"))
    assert seen.of(of(tmp_path / "cut.mp4", "another question")) is None


def test_the_second_epoch_decodes_nothing_and_a_changed_film_is_looked_at_again(
    film: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    inspect = decode.inspect
    monkeypatch.setattr(
        decode, "inspect", lambda path, *a, **k: (opened.append(Path(path).name), inspect(path, *a, **k))[1]
    )
    video = tmp_path / "a.mp4"
    video.write_bytes(film("x.mp4").read_bytes())
    first = frames(tmp_path).of(of(video))
    assert opened == ["a.mp4"]
    copy = tmp_path / "elsewhere.mp4"
    copy.write_bytes(video.read_bytes())
    for again in (of(video), of(video, "uniform looks at no question"), of(copy)):
        assert frames(tmp_path).of(again) == first
    assert opened == ["a.mp4"], "decoded again"
    video.write_bytes(film("y.mp4", count=11).read_bytes())
    assert frames(tmp_path).of(of(video)) != first
    assert frames(tmp_path, k=3).of(of(video)) != frames(tmp_path, longest=16).of(of(video))
    assert len(opened) == 4


def test_selectors_that_look_at_the_question_choose_for_each(film: Any, tmp_path: Path) -> None:
    """And those that are said not to, do not: for them one entry serves every question of a clip."""
    make(Plan(seed=4, clips=1, questions=1), tmp_path)
    (video,) = (tmp_path / "clips").iterdir()
    asked = ["a red circle", "who leaves?"]
    kept = {}
    for name in selectors.names():
        seen = Frames(Choosing(4, name, longest=32), tmp_path / name)
        found = [seen.of(of(video, question)) for question in asked]
        assert found == [pictures.pictures(video, question, seen.choosing) for question in asked]
        kept[name] = len([*(tmp_path / name).iterdir()])
    assert {name for name, entries in kept.items() if entries == 1} == {"uniform", "cuts"}
    assert max(kept.values()) == 2


@pytest.mark.parametrize("damage", ["cut", "flipped", "emptied", "replaced"])
def test_a_damaged_entry_is_made_again(film: Any, tmp_path: Path, damage: str) -> None:
    video, seen = film("entry.mp4"), frames(tmp_path)
    first = seen.of(of(video))
    (entry,) = seen.folder.iterdir()
    whole = entry.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    entry.write_bytes({"cut": whole[:-9], "flipped": bytes(flipped), "emptied": b"", "replaced": b"{}\n"}[damage])
    assert seen.of(of(video)) == first and entry.read_bytes() == whole
    assert seen.broken == {}


def test_threads_may_share_it(film: Any, tmp_path: Path) -> None:
    (tmp_path / "bad.mp4").write_bytes(b"")
    samples = [of(film(f"thread{n % 3}.mp4", count=9 + n % 3), f"question {n}") for n in range(6)] + [
        of(tmp_path / "bad.mp4")
    ]
    seen, alone = frames(tmp_path), frames(tmp_path / "alone")
    found: list[list[Any]] = [[], [], [], []]
    begin = threading.Barrier(4)

    def look(mine: list[Any]) -> None:
        begin.wait()
        mine += [seen.of(sample) for sample in samples]

    threads = [threading.Thread(target=look, args=(mine,)) for mine in found]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [[alone.of(sample) for sample in samples]] * 4
    assert len([*seen.folder.iterdir()]) == 3, "something half-written is left"
    assert seen.broken == {str(tmp_path / "bad.mp4"): "empty"}
