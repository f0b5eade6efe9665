"""Times, order, shape and colour, against files whose truth is known because they were made here."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageSequence

from flyreel.errors import InputError
from flyreel.video.decode import BadMedia, Frames, Limits, fit, inspect, load, stream
from flyreel.video.sampling import choose

VFR = [0, 40, 50, 200, 210, 1000, 1033, 1500, 1501, 3000]


def drawn(make: Any, frames: Frames) -> list[int]:
    return [make.number_in(image) for image in frames.images]


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("a.mp4", "libx264", {"bf": "3", "g": "12"}),
        ("a.mkv", "libx264", {"bf": "3", "g": "12"}),
        ("a.mkv", "libx264", {"bf": "3", "g": "6", "x264-params": "open-gop=1:keyint=6:scenecut=0"}),
        ("a.webm", "libvpx-vp9", {"deadline": "realtime", "cpu-used": "8", "g": "6"}),
        ("a.webm", "libvpx", {"deadline": "good", "auto-alt-ref": "1", "lag-in-frames": "16", "g": "12"}),
        ("a.avi", "mpeg4", {"bf": "2", "g": "12"}),
        ("a.ts", "libx264", {"bf": "3"}),
        ("a.mp4", "mjpeg", {}),
    ],
)
def test_every_frame_comes_once_in_the_order_of_showing(make: Any, name: str, codec: str, options: dict) -> None:
    kind = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    frames = load(make.video(name, 40, codec=codec, options=options, pix_fmt=kind))
    assert drawn(make, frames) == list(range(40))
    assert frames.times == pytest.approx(np.arange(40) / 25, abs=1e-3)
    assert frames.media.duration == pytest.approx(40 / 25, abs=0.05)
    assert (frames.media.frames, frames.media.width, frames.media.height) == (40, 64, 48)


@pytest.mark.parametrize("name", ["v.mp4", "v.mkv", "v.webm"])
def test_uneven_times_are_kept_exactly(make: Any, name: str) -> None:
    codec = "libvpx-vp9" if name.endswith("webm") else "libx264"
    frames = load(make.video(name, 10, ms=VFR, codec=codec))
    assert frames.times.tolist() == pytest.approx([t / 1000 for t in VFR], abs=1e-9)
    assert drawn(make, frames) == list(range(10))


def test_a_late_start_is_brought_to_zero(make: Any) -> None:
    media = inspect(make.video("late.mkv", 5, ms=[5000, 5100, 5200, 5300, 5400]))
    assert media.times.tolist() == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])
    assert media.duration < 1


def test_what_an_edit_list_leaves_out_is_no_frame(make: Any) -> None:
    """A clip trimmed on a telephone keeps the packets that come before what is shown."""
    path = make.video("whole.mp4", 40, options={"bf": "2", "g": "50"})
    data = bytearray(path.read_bytes())
    at = data.index(b"elst") + 12
    length, start = struct.unpack(">2I", data[at : at + 8])
    data[at : at + 8] = struct.pack(">2I", length - 400, start + 10 * 512)
    frames = load(make.file("trimmed.mp4", bytes(data)))
    assert drawn(make, frames) == list(range(10, 40))
    assert frames.times == pytest.approx(np.arange(30) / 25)
    assert drawn(make, load(frames.media.path, numbers=[4, 29])) == [14, 39]


def test_a_damaged_picture_is_not_passed_off_as_whole(make: Any) -> None:
    path = make.video("whole.mp4", 40, options={"bf": "0", "g": "50"})
    data = bytearray(path.read_bytes())
    middle = data.index(b"mdat") + (data.index(b"moov") - data.index(b"mdat")) // 2
    data[middle : middle + 40] = bytes(40)
    bad = make.file("bad.mp4", bytes(data))
    with pytest.raises(BadMedia) as caught:
        load(bad)
    assert caught.value.reason == "corrupt"
    assert drawn(make, load(bad, numbers=[0, 1])) == [0, 1]
    assert len(load(bad, allow_truncated=True)) > 10


def test_a_frame_after_thirty_years_costs_nothing(make: Any) -> None:
    path = make.video("gap.mkv", 3, ms=[0, 40, 10**12])
    assert inspect(path).times[-1] == pytest.approx(1e9)
    assert load(path, fps=30).numbers.tolist() == [0, 1, 2]


@pytest.mark.parametrize(("ms", "seconds"), [(20, 0.02), (30, 0.03), (10, 0.1), (0, 0.1), (650_000, 650.0)])
def test_a_gif_delay_is_kept_unless_browsers_would_not(make: Any, ms: int, seconds: float) -> None:
    media = inspect(make.gif(frames=4, ms=ms))
    assert media.times.tolist() == pytest.approx([i * seconds for i in range(4)])
    assert media.duration == pytest.approx(4 * seconds)


def test_gif_delays_of_every_kind_in_one_file(make: Any) -> None:
    media = inspect(make.gif(frames=5, ms=[20, 0, 10, 500, 30]))
    assert media.times.tolist() == pytest.approx([0, 0.02, 0.12, 0.22, 0.72])
    assert media.duration == pytest.approx(0.75)


def gif_of(*parts: bytes) -> bytes:
    """A GIF of 2 x 1 pixels put together by hand from the blocks below."""
    return b"GIF89a\2\0\1\0\x80\0\0" + b"\xff\0\0\0\0\xff" + b"".join(parts) + b";"


DELAY, COMMENT = b"\x21\xf9\4\0\5\0\0\0", b"\x21\xfe\3abc\0"
RED_BLUE = b"\x2c\0\0\0\0\2\0\1\0\0" + b"\2\2\x44\x0a\0"


@pytest.mark.parametrize(
    ("parts", "times", "duration"),
    [
        ([RED_BLUE] * 5, [0, 0.1, 0.2, 0.3, 0.4], 0.5),
        ([DELAY, RED_BLUE, COMMENT] * 3, [0, 0.05, 0.1], 0.15),
        ([DELAY, COMMENT, RED_BLUE, RED_BLUE, DELAY, RED_BLUE], [0, 0.05, 0.15], 0.2),
        ([COMMENT, RED_BLUE], [0], 0.1),
    ],
)
def test_pictures_are_counted_whatever_stands_between_them(
    make: Any, parts: list, times: list, duration: float
) -> None:
    """FFmpeg makes one frame of the first file and four of the second."""
    frames = load(make.file("made.gif", gif_of(*parts)))
    assert frames.times.tolist() == pytest.approx(times)
    assert frames.media.duration == pytest.approx(duration)
    assert len(frames) == len(times)
    assert all((image == frames.images[0]).all() for image in frames.images)


@pytest.mark.parametrize("disposal", [0, 1, 2, 3])
def test_a_gif_looks_as_pillow_draws_it_over_white(make: Any, disposal: int) -> None:
    images = []
    for i in range(6):
        image = Image.new("RGBA", (40, 30), (0, 0, 0, 0))
        image.paste((40 * i, 255 - 40 * i, 90, 255), (4 * i, 3 * i, 4 * i + 12, 3 * i + 10))
        images.append(image)
    path = make.folder / "t.gif"
    images[0].save(path, save_all=True, append_images=images[1:], duration=100, disposal=disposal, loop=0)
    frames = load(path)
    with Image.open(path) as opened:
        for ours, theirs in zip(frames.images, ImageSequence.Iterator(opened), strict=True):
            white = Image.new("RGBA", theirs.size, "white")
            white.alpha_composite(theirs.convert("RGBA"))
            assert np.array_equal(ours, np.asarray(white)[..., :3])


def test_animated_webp_has_its_frames_times_and_colours(make: Any) -> None:
    delays = [40, 50, 120, 5, 300]
    frames = load(make.webp(frames=5, ms=delays))
    assert frames.times.tolist() == pytest.approx([0, 0.04, 0.09, 0.21, 0.31])
    assert frames.media.duration == pytest.approx(0.61)
    assert all(np.array_equal(image, make.picture(i)) for i, image in enumerate(frames.images))


@pytest.mark.parametrize("save", [{"lossless": True}, {"quality": 90}])
def test_a_still_webp_is_a_video_of_one_frame(make: Any, save: dict) -> None:
    Image.fromarray(make.picture(37)).save(make.folder / "s.webp", **save)
    frames = load(make.folder / "s.webp")
    assert drawn(make, frames) == [37]
    assert frames.media.fps == 0


@pytest.mark.parametrize(
    ("matrix", "rotation", "undo"),
    [
        ((1, 0, 0, 1), 0, lambda a: a),
        ((0, 1, -1, 0), 90, lambda a: np.rot90(a, 1)),
        ((-1, 0, 0, -1), 180, lambda a: np.rot90(a, 2)),
        ((0, -1, 1, 0), 270, lambda a: np.rot90(a, 3)),
        ((-1, 0, 0, 1), 0, lambda a: a[:, ::-1]),
    ],
)
def test_a_display_matrix_turns_the_picture(make: Any, matrix: tuple, rotation: int, undo: Any) -> None:
    """`undo` takes what is seen back to what was drawn; a matrix may mirror, which an angle cannot say."""
    path = make.turned(make.video("plain.mp4", 4), "turned.mp4", matrix)
    frames = load(path)
    assert frames.media.rotation == rotation
    assert frames.images.shape[1:3] == (frames.media.height, frames.media.width)
    assert frames.images.shape[1:3] == ((64, 48) if rotation in (90, 270) else (48, 64))
    assert [make.number_in(undo(image)) for image in frames.images] == [0, 1, 2, 3]
    stored = undo(frames.images[0])
    assert stored[40, 8].argmax() == 0 and stored[40, 56].argmax() == 2
    small = load(path, size=(30, 20))
    assert small.images.shape == (4, 30, 20, 3)


@pytest.mark.parametrize(("aspect", "seen"), [(Fraction(2, 1), (48, 128)), (Fraction(1, 2), (96, 64))])
@pytest.mark.parametrize("name", ["wide.mp4", "wide.mkv"])
def test_pixels_that_are_not_square_are_stretched_and_none_is_lost(
    make: Any, name: str, aspect: Fraction, seen: tuple[int, int]
) -> None:
    frames = load(make.video(name, 3, aspect=aspect))
    assert (frames.media.height, frames.media.width) == seen
    assert frames.images.shape == (3, *seen, 3)
    assert drawn(make, frames) == [0, 1, 2]


def test_size_is_height_then_width_and_fit_keeps_the_shape(make: Any) -> None:
    path = make.video("a.mp4", 3)
    assert load(path, size=(12, 40)).images.shape == (3, 12, 40, 3)
    assert fit(inspect(path), 32) == (24, 32)
    assert fit(inspect(path), 999) == (48, 64)
    for wrong in ((0, 5), (5, -1), (10**6, 10**6)):
        with pytest.raises(InputError, match="height, width"):
            load(path, size=wrong)


@pytest.mark.parametrize("name", ["a.mp4", "b.mkv", "open.mkv", "c.webm", "d.gif", "e.webp", "f.avi"])
@pytest.mark.parametrize("chosen", [[0], [59], [3, 17, 18, 41], [55, 2, 2], list(range(0, 60, 7)), []])
def test_a_chosen_frame_is_the_frame_that_decoding_them_all_gives(made_once: Any, name: str, chosen: list[int]) -> None:
    """Decoding jumps to the key frame before a chosen one; it must not change a single pixel."""
    make, path = made_once, made_once.folder / name
    if not path.exists():
        _sixty(make, name)
    everything = load(path)
    assert drawn(make, everything) == list(range(60))
    some = load(path, numbers=chosen)
    assert some.numbers.tolist() == sorted(set(chosen))
    assert np.array_equal(some.images, everything.images[some.numbers])
    assert np.array_equal(load(everything.media, numbers=chosen).images, some.images)


def _sixty(make: Any, name: str) -> Path:
    x264 = {"bf": "3", "g": "10"}
    return {
        "a.mp4": lambda: make.video(name, 60, options=x264),
        "b.mkv": lambda: make.video(name, 60, options=x264, ms=[i * i for i in range(60)]),
        "open.mkv": lambda: make.video(
            name, 60, options={"bf": "3", "x264-params": "open-gop=1:keyint=8:min-keyint=8:scenecut=0"}
        ),
        "c.webm": lambda: make.video(name, 60, codec="libvpx-vp9", options={"g": "8", "cpu-used": "8"}),
        "d.gif": lambda: make.gif(name, 60),
        "e.webp": lambda: make.webp(name, 60),
        "f.avi": lambda: make.video(name, 60, codec="mpeg4", options={"bf": "2", "g": "8"}),
    }[name]()


@pytest.fixture
def fed(monkeypatch: pytest.MonkeyPatch) -> list:
    """The time stamps of the packets that were decoded."""
    from flyreel.video.source import Source

    stamps: list = []
    real = Source._decode
    monkeypatch.setattr(Source, "_decode", lambda self, p, done: stamps.append(p.pts) or real(self, p, done))
    return stamps


def test_what_is_between_two_chosen_frames_is_not_decoded(make: Any, fed: list) -> None:
    path = make.video("long.mp4", 200, options={"g": "10", "keyint_min": "10", "bf": "0", "tune": "zerolatency"})
    assert load(path, numbers=[5, 195]).numbers.tolist() == [5, 195]
    assert len(fed) < 60


def test_a_large_file_is_read_again_rather_than_held(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from flyreel.video import source

    path = make.video("a.mp4", 60, options={"bf": "3", "g": "10"})
    kept = load(path, numbers=[3, 50])
    monkeypatch.setattr(source, "KEPT", 100)
    again = load(path, numbers=[3, 50])
    assert np.array_equal(kept.images, again.images)
    assert drawn(make, load(path)) == list(range(60))


def test_the_name_says_nothing(make: Any) -> None:
    gif = make.gif("img%03d.png", 5)
    avi = make.video("x.avi", 5, codec="mpeg4")
    webp = make.webp("w.gif", 5)
    assert inspect(gif).container == "gif"
    assert inspect(avi.rename(make.folder / "x.mp4")).container == "avi"
    assert inspect(webp).container == "webp"


def test_stream_stops_decoding_after_the_last_chosen_frame(make: Any, fed: list) -> None:
    assert [n for n, _, _ in stream(make.gif(frames=20), numbers=[0, 3])] == [0, 3]
    assert len(fed) < 10


times_of = st.lists(st.floats(0.001, 5), min_size=1, max_size=60).map(lambda gaps: np.cumsum([0.0, *gaps]))


@given(times_of, st.floats(0.05, 60))
def test_each_tick_shows_the_last_frame_at_or_before_it(ends: np.ndarray, fps: float) -> None:
    times, duration = ends[:-1], float(ends[-1])
    chosen = choose(times, duration, fps=fps)
    ticks = np.arange(0, int(np.ceil(duration * fps))) / fps
    clear = ticks[np.abs(ends[None, :] - ticks[:, None]).min(axis=1) > 1e-4]  # not where rounding could decide
    expected = {int(np.searchsorted(times, tick, side="right")) - 1 for tick in clear}
    assert expected <= set(chosen.tolist())
    assert len(chosen) <= len(ticks) + 1
    assert (np.diff(chosen) > 0).all() and chosen[0] == 0


@given(st.integers(1, 400), st.integers(1, 500))
def test_count_takes_the_middles_of_equal_parts(n: int, k: int) -> None:
    chosen = choose(np.arange(n) / 25, n / 25, count=k)
    assert len(chosen) == min(n, k)
    if k <= n:
        assert chosen.tolist() == [(2 * i + 1) * n // (2 * k) for i in range(k)]


@given(st.integers(1, 400), st.integers(1, 500))
def test_every_takes_the_first_and_each_nth_after_it(n: int, step: int) -> None:
    assert choose(np.arange(n) / 25, n / 25, every=step).tolist() == list(range(0, n, step))


@pytest.mark.parametrize(
    "asked",
    [
        {"every": 0},
        {"every": 1.5},
        {"fps": 0},
        {"fps": float("nan")},
        {"fps": float("inf")},
        {"count": -1},
        {"numbers": [24]},
        {"numbers": [-1]},
        {"every": 2, "fps": 3},
    ],
)
def test_an_impossible_choice_is_one_line(make: Any, asked: dict) -> None:
    with pytest.raises(InputError) as caught:
        load(make.gif(frames=3), **asked)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (Limits(pixels=64 * 48 - 1), "too-large"),
        (Limits(frames=9), "too-many-frames"),
        (Limits(seconds=-1), "too-slow"),
        (Limits(memory=10 * 64 * 48 * 3 - 1), "too-much-memory"),
    ],
)
@pytest.mark.parametrize("name", ["a.gif", "a.webp", "a.mp4"])
def test_no_file_passes_a_limit(make: Any, name: str, limits: Limits, reason: str) -> None:
    path = {"a.gif": make.gif, "a.webp": make.webp}.get(name, lambda: make.video("a.mp4", 10))()
    with pytest.raises(BadMedia) as caught:
        load(path, limits=limits)
    assert caught.value.reason == reason
    assert len(load(path, limits=Limits(pixels=64 * 48, frames=10, memory=10 * 64 * 48 * 3))) == 10


def test_time_the_caller_takes_is_not_the_files(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("flyreel.video.limits.time.monotonic", lambda: now[0])
    for _ in stream(make.gif(frames=5), limits=Limits(seconds=1)):
        now[0] += 100
