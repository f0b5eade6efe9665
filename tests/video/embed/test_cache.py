"""Kept vectors: found again where nothing changed, never where anything did."""

from __future__ import annotations

import hashlib
import io
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flyreel.errors import InputError
from flyreel.video.embed.cache import cached, default_folder, prune

NUMBERS = np.arange(0, 12, 3)


class Counting:
    """Vectors made from its own count, so that a fresh answer can be told from a kept one."""

    calls = 0

    def __call__(self) -> np.ndarray:
        self.calls += 1
        return np.full((len(NUMBERS), 5), self.calls, dtype=np.float64)


@pytest.fixture
def compute() -> Counting:
    return Counting()


def sha(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_second_time_nothing_is_computed(tmp_path: Path, compute: Counting) -> None:
    first = cached(tmp_path / "new", "a" * 64, "toy", NUMBERS, compute)
    again = cached(tmp_path / "new", "a" * 64, "toy", NUMBERS.astype(np.int32), compute)
    assert compute.calls == 1, "the same numbers in another integer type are the same frames"
    assert first.dtype == again.dtype == np.float32
    assert np.array_equal(first, again)


def test_one_changed_byte_of_the_video_is_another_video_and_another_name_is_not(
    tmp_path: Path, compute: Counting
) -> None:
    video, copy = tmp_path / "a.mp4", tmp_path / "b.mp4"
    video.write_bytes(b"frames frames")
    copy.write_bytes(video.read_bytes())
    cached(tmp_path, sha(video), "toy", NUMBERS, compute)
    cached(tmp_path, sha(copy), "toy", NUMBERS, compute)
    assert compute.calls == 1
    video.write_bytes(b"frames framez")
    cached(tmp_path, sha(video), "toy", NUMBERS, compute)
    assert compute.calls == 2


def test_another_embedder_or_other_frames_are_never_given_old_vectors(tmp_path: Path, compute: Counting) -> None:
    for source, embedder, numbers in [
        ("ab", "c", NUMBERS),
        ("a", "bc", NUMBERS),  # the same letters in a row
        ("ab", "d", NUMBERS),
        ("ab", "c", NUMBERS + 1),
        ("ab", "c", NUMBERS[::-1]),
    ]:
        cached(tmp_path, source, embedder, numbers, compute)
    assert compute.calls == 5


def test_no_frames_are_kept_as_no_vectors(tmp_path: Path) -> None:
    for _ in range(2):
        assert cached(tmp_path, "a", "toy", np.arange(0), lambda: np.empty((0, 5))).shape == (0, 5)


@settings(max_examples=60, deadline=None)
@given(at=st.integers(0, 400), new=st.binary(max_size=4), cut=st.booleans())
def test_a_damaged_entry_is_computed_again_and_mended(
    tmp_path_factory: pytest.TempPathFactory, at: int, new: bytes, cut: bool
) -> None:
    folder, compute = tmp_path_factory.mktemp("cache"), Counting()
    good = cached(folder, "a", "toy", NUMBERS, compute)
    (entry,) = folder.iterdir()
    sound = entry.read_bytes()
    broken = sound[:at] + new + (b"" if cut else sound[at + len(new) :])
    entry.write_bytes(broken)
    read = cached(folder, "a", "toy", NUMBERS, compute)
    assert np.array_equal(read, good) or compute.calls == 2, "what was damaged was taken for the truth"
    assert np.array_equal(cached(folder, "a", "toy", NUMBERS, compute), read)


def test_a_pickle_in_the_cache_is_not_run(tmp_path: Path, compute: Counting) -> None:
    cached(tmp_path, "a", "toy", NUMBERS, compute)
    (entry,) = tmp_path.iterdir()
    array = io.BytesIO()
    np.save(array, np.array([{"any": "object"}], dtype=object), allow_pickle=True)
    entry.write_bytes(array.getvalue() + hashlib.sha256(array.getvalue()).digest())
    assert cached(tmp_path, "a", "toy", NUMBERS, compute).shape == (4, 5)
    assert compute.calls == 2


def test_nothing_is_kept_of_a_computation_that_failed(tmp_path: Path, compute: Counting) -> None:
    def fails() -> np.ndarray:
        raise InputError("no frames in it")

    with pytest.raises(InputError):
        cached(tmp_path, "a", "toy", NUMBERS, fails)
    with pytest.raises(ValueError, match=r"vectors of shape \(2, 5\) for 4 frames"):
        cached(tmp_path, "a", "toy", NUMBERS, lambda: np.ones((2, 5)))
    assert list(tmp_path.iterdir()) == []


def test_pruning_deletes_what_was_used_longest_ago(tmp_path: Path, compute: Counting) -> None:
    for age, source in enumerate("abc"):
        before = set(tmp_path.iterdir())
        cached(tmp_path, source, "toy", NUMBERS, compute)
        (entry,) = set(tmp_path.iterdir()) - before
        os.utime(entry, (1000 + age, 1000 + age))
    size = entry.stat().st_size
    cached(tmp_path, "a", "toy", NUMBERS, compute)  # used now: b is the oldest
    assert prune(tmp_path, 2 * size) == size
    for source in "acb":
        cached(tmp_path, source, "toy", NUMBERS, compute)
    assert compute.calls == 4, "a and c were still there, b was not"
    assert prune(tmp_path, 10**9) == 0
    assert prune(tmp_path / "missing", 0) == 0


def test_vectors_live_in_the_cache_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FLYREEL_CACHE", str(tmp_path))
    assert default_folder() == tmp_path / "vectors"
