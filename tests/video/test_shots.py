"""Cuts that were put there are found, and none that were not."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flyreel.errors import InputError
from flyreel.schema import Span
from flyreel.video.shots import detect, shot_of


def film(*lengths: int, noise: int = 2) -> np.ndarray:
    """One plain scene after another, each of another colour, with a block that moves and some noise."""
    rng = np.random.default_rng(0)
    colours = [(200, 120, 40), (30, 90, 200), (230, 230, 60), (60, 30, 90), (90, 200, 120)]
    frames = []
    for shot, length in enumerate(lengths):
        for i in range(length):
            frame = np.empty((60, 80, 3), dtype=np.int16)
            frame[:] = colours[shot % len(colours)]
            frame[10:26, (3 * i) % 60 : (3 * i) % 60 + 16] = 128
            frames.append(np.clip(frame + rng.integers(-noise, noise + 1, frame.shape), 0, 255))
    return np.asarray(frames, dtype=np.uint8)


def firsts(shots: list[Span], times: np.ndarray) -> list[int]:
    return [int(np.flatnonzero(times == shot.start)[0]) for shot in shots]


@pytest.mark.parametrize("method", ["content", "adaptive"])
@pytest.mark.parametrize(
    ("fps", "lengths"), [(7.14, (12, 9, 14)), (7.14, (29, 3)), (10, (6, 5, 4, 20)), (30, (40, 30, 50))]
)
def test_known_cuts_are_found_at_the_rate_of_gifs_and_of_films(method: str, fps: float, lengths: tuple) -> None:
    frames = film(*lengths)
    times = np.arange(len(frames)) / fps
    assert firsts(detect(frames, times, method), times) == [0, *np.cumsum(lengths)[:-1]]


def test_uneven_times_move_no_cut() -> None:
    frames = film(10, 12)
    times = np.cumsum(np.random.default_rng(1).uniform(0.01, 0.5, len(frames)))
    assert firsts(detect(frames, times), times) == [0, 10]


def test_a_flash_is_no_shot() -> None:
    """One white frame at 30 a second is 33 ms of lightning."""
    frames = film(40, noise=0)
    frames[20] = 255
    assert len(detect(frames, np.arange(40) / 30, min_frames=9)) <= 2
    assert len(detect(film(40), np.arange(40) / 30)) == 1


@pytest.mark.parametrize("method", ["content", "adaptive"])
@pytest.mark.parametrize("n", [1, 2, 3, 30])
def test_frames_that_do_not_change_are_one_shot(method: str, n: int) -> None:
    (shot,) = detect(np.full((n, 8, 8, 3), 90, np.uint8), np.arange(n) / 10, method)
    assert (shot.start, shot.end) == (0, pytest.approx(n / 10 if n > 1 else 0))


def test_no_frames_are_no_shots_and_the_end_can_be_given() -> None:
    assert detect(np.zeros((0, 8, 8, 3), np.uint8), np.zeros(0)) == []
    assert detect(film(5), np.arange(5) / 10, end=0.7)[-1].end == 0.7
    assert detect(film(5), np.arange(5) / 10, end=0.1)[-1].end == 0.4


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.integers(1, 12), min_size=1, max_size=5), st.sampled_from(["content", "adaptive"]), st.integers(1, 30)
)
def test_shots_follow_each_other_and_every_frame_is_in_one(lengths: list[int], method: str, fps: int) -> None:
    frames = film(*lengths)
    times = np.arange(len(frames)) / fps
    shots = detect(frames, times, method)
    assert shots[0].start == times[0] and shots[-1].end >= times[-1]
    assert all(a.end == b.start and a.start < b.start for a, b in pairwise(shots))
    owner = shot_of(times, shots)
    assert all(shots[s].start <= t <= shots[s].end for s, t in zip(owner, times, strict=True))
    assert sorted(set(owner.tolist())) == list(range(len(shots)))


def test_a_time_on_a_cut_belongs_to_the_shot_that_begins() -> None:
    shots = [Span(start=0, end=1), Span(start=1, end=2)]
    assert shot_of(np.array([0, 0.99, 1, 2, 9]), shots).tolist() == [0, 0, 1, 1, 1]
    assert shot_of(np.array([0.0, 1.0]), []).tolist() == [0, 0]


def test_a_misspelt_method_is_one_line_with_the_right_name() -> None:
    with pytest.raises(InputError, match="Did you mean adaptive"):
        detect(film(3), np.arange(3) / 10, "adaptiv")
