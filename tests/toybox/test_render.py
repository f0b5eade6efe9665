"""Real files: what was drawn, at the times it was drawn for, and the same bytes from the same seed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from flyreel.errors import InputError
from flyreel.toybox import draw, render, world
from flyreel.video.decode import inspect, load

KINDS = ("mp4", "gif")


def short(number: int = 0, fps: int = 10) -> world.Scene:
    """A scene of at most four seconds, so that files are written quickly."""
    scene = world.scene(8, number)
    events = tuple(e for e in scene.events if e.end < 3.9)
    last = min(scene.duration, 4.0)
    shots = tuple(replace(s, end=min(s.end, last)) for s in scene.shots if s.start < last)
    return replace(scene, events=events, shots=shots, duration=last, fps=fps)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fps", world.FPS)
def test_a_file_has_the_frames_times_size_and_length_of_its_scene(tmp_path, kind, fps):
    scene = short(1, fps)
    path = render.render(scene, tmp_path / f"a.{kind}")
    frames = round(scene.duration * fps)
    media = inspect(path)
    assert (media.frames, media.height, media.width) == (frames, 96, 128)
    exact = np.arange(frames) / fps
    allowed = 0.0051 if kind == "gif" else 1e-6  # a GIF counts in hundredths of a second
    assert np.abs(media.times - exact).max() <= allowed
    assert media.duration == pytest.approx(frames / fps, abs=0.011 if kind == "gif" else 1e-6)
    with av.open(str(path)) as file:
        decoded = list(file.decode(video=0))
    assert len(decoded) == frames, "frames that are equal were merged or dropped"
    assert {(f.width, f.height) for f in decoded} == {(128, 96)}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("number", range(3))
def test_what_is_read_back_looks_like_what_was_drawn(tmp_path, kind, number):
    scene = short(number)
    read = load(render.render(scene, tmp_path / f"a.{kind}")).images.astype(int)
    drawn = np.stack(list(draw.frames(scene, render.SIZE))).astype(int)
    assert np.abs(read - drawn).mean(axis=(1, 2, 3)).max() < 6
    if number == 0:  # known truth: frames in another order are further away
        assert np.abs(read[::-1] - drawn).mean() > 2 * np.abs(read - drawn).mean()


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_bytes_and_another_others(tmp_path, kind):
    one, two = (render.render(short(0), tmp_path / f"{name}.{kind}").read_bytes() for name in "ab")
    assert one == two
    assert render.render(short(1), tmp_path / f"c.{kind}").read_bytes() != one


def test_a_whole_scene_is_written(tmp_path):
    scene = world.scene(8, 2)
    assert inspect(render.render(scene, tmp_path / "whole.mp4")).duration == pytest.approx(
        round(scene.duration * scene.fps) / scene.fps
    )


@pytest.mark.parametrize("width", [96, 97, 110, 128, 131, 159, 160])
def test_every_width_allowed_can_be_written_and_read(tmp_path, width):
    height, wide = render.size_of(width)
    assert wide in (width, width - 1)
    assert abs(height / wide - 0.75) < 0.02
    for kind in KINDS:
        media = inspect(render.render(replace(short(), duration=0.5), tmp_path / f"{width}.{kind}", (height, wide)))
        assert (media.height, media.width) == (height, wide)


@pytest.mark.parametrize("width", [-1, 0, 95, 161, 10**6])
def test_another_width_is_one_line(width):
    with pytest.raises(InputError, match=f"96 to 160 pixels wide, not {width}") as error:
        render.size_of(width)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("name", "said"), [("a.avi", r"\.avi"), ("a.mp3", "mp4"), ("a", "Known: gif, mp4")])
def test_another_ending_is_one_line_and_leaves_nothing(tmp_path, name, said):
    with pytest.raises(InputError, match=said) as error:
        render.render(short(), tmp_path / name)
    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_the_ending_may_be_in_capitals(tmp_path):
    assert inspect(render.render(replace(short(), duration=0.5), tmp_path / "A.GIF")).container == "gif"


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_half_written_is_left_and_what_was_there_stays(tmp_path, kind, monkeypatch):
    path = tmp_path / f"a.{kind}"
    path.write_bytes(b"before")

    def breaks(scene: world.Scene, size: tuple[int, int]):
        yield from list(draw.frames(replace(scene, duration=0.5), size))
        raise RuntimeError("power cut")

    monkeypatch.setattr(render, "frames", breaks)
    with pytest.raises(RuntimeError, match="power cut"):
        render.render(short(), path)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    assert path.read_bytes() == b"before"


@pytest.mark.parametrize("kind", KINDS)
def test_a_folder_that_cannot_be_written_is_one_line(tmp_path, kind):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(InputError, match="cannot write"):
        render.render(short(), Path(tmp_path / "file" / f"a.{kind}"))


def test_the_same_bytes_whatever_the_memory_held_before(tmp_path: Path) -> None:
    """With its vector code x264 made other files of the same frames, one in ten at this size."""
    scene, size, seen = world.scene(9, 1), render.size_of(96), set()
    for _ in range(12):
        np.stack(list(draw.frames(scene, size)))  # stirs the memory, as making many clips does
        seen.add(render.render(scene, tmp_path / "clip.mp4", size).read_bytes())
    assert len(seen) == 1
