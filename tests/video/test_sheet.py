"""The pictures that keyframes are written as: the right pixels, whole files, and a sheet that any video fits on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from flyreel.errors import InputError
from flyreel.video import decode, sheet
from flyreel.video.pick import Keyframes

PAPER = (250, 250, 248)


def chosen(video: Path, numbers: list[int], query: str = "who jumps?") -> Keyframes:
    media = decode.inspect(video)
    which = np.array(numbers)
    return Keyframes(
        str(video),
        query,
        "flyreel",
        "toyclip:0123",
        media,
        which,
        media.times[which],
        np.linspace(-0.5, 0.9, len(which)),
    )


def plain(folder: Path, size: tuple[int, int], frames: int = 3) -> Path:
    """A GIF of (width, height) in one colour a frame."""
    images = [Image.new("RGB", size, (40 + 60 * i, 200, 30)) for i in range(frames)]
    path = folder / "plain.gif"
    images[0].save(path, "GIF", save_all=True, append_images=images[1:], duration=100)
    return path


def test_every_frame_is_a_picture_of_its_own_with_the_pixels_of_that_frame(make: Any, tmp_path: Path) -> None:
    video = make.gif(frames=10)
    paths = sheet.write_pictures(chosen(video, [0, 3, 9]), tmp_path / "out")
    assert [p.name for p in paths] == ["frame-0000.png", "frame-0003.png", "frame-0009.png", "sheet.png"]
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == sorted(p.name for p in paths), "something is left"
    for path, number in zip(paths, (0, 3, 9), strict=False):
        with Image.open(path) as image:
            assert image.size == (64, 48), "not the size of the video"
            assert np.array_equal(np.asarray(image.convert("RGB")), make.picture(number)), f"not frame {number}"


def test_the_sheet_shows_the_frames_in_order_in_rows_of_four(make: Any) -> None:
    found = chosen(make.gif(frames=10), list(range(10)))
    page = np.asarray(sheet.sheet(found, found.pictures()))
    boxes = cells(page, 10, 320, 240)
    assert [make.number_in(box) for box in boxes] == list(range(10))
    assert page.shape[1] == 4 * (320 + 14) + 14, "four stand side by side"


def cells(page: np.ndarray, count: int, width: int, height: int) -> list[np.ndarray]:
    """Where the frames are, found by the first row and column that they blot out: text never fills a row so."""
    found: list[np.ndarray] = []
    y = 0
    while len(found) < count and y < page.shape[0]:
        inked = [
            x for x in range(14, page.shape[1] - width, width + 14) if (page[y, x : x + width] != PAPER).any(1).all()
        ]
        for x in inked:
            found.append(page[y : y + height, x : x + width])
        y += height if inked else 1
    return found


@pytest.mark.parametrize(("count", "columns"), [(1, 1), (2, 2), (4, 4), (5, 3), (9, 3), (13, 4)])
def test_the_page_is_as_wide_as_its_frames_and_no_taller_than_its_rows(make: Any, count: int, columns: int) -> None:
    found = chosen(make.gif(frames=14), list(range(count)))
    page = np.asarray(sheet.sheet(found, found.pictures()))
    assert len(cells(page, count, 320, 240)) == count
    assert page.shape[1] == columns * (320 + 14) + 14
    rows = -(-count // 4)
    assert rows * 240 < page.shape[0] < rows * (240 + 40) + 80


@pytest.mark.parametrize(
    "size", [(1, 1), (2, 7), (16, 16), (100, 3), (160, 120), (161, 90), (320, 180), (900, 20), (2, 600), (90, 160)]
)
def test_tiny_wide_and_tall_videos_fit(tmp_path: Path, size: tuple[int, int]) -> None:
    found = chosen(plain(tmp_path, size), [0, 1, 2])
    page = sheet.sheet(found, found.pictures())
    assert page.width <= 3 * (320 + 14) + 14, "a frame is wider than its place"
    assert page.height <= 320 + 120, "a narrow video makes a sheet that nobody can look at"
    paths = sheet.write_pictures(found, tmp_path / "out")
    with Image.open(paths[0]) as image:
        assert image.size == size


def test_small_pixels_stay_sharp(make: Any) -> None:
    """64 pixels on 320 are five each: a resampled edge would have colours that the frame has not."""
    found = chosen(make.gif(frames=3), [1])
    box = cells(np.asarray(sheet.sheet(found, found.pictures())), 1, 320, 240)[0]
    assert np.array_equal(box, make.picture(1).repeat(5, axis=0).repeat(5, axis=1))


@pytest.mark.parametrize(
    "query", ["word " * 400, "x" * 5000, "two\nlines\tand a tab", "  ", "wer hüpft? 谁在跳 \u202e", "a"]
)
@pytest.mark.parametrize("count", [1, 4])
def test_a_query_of_any_length_stays_on_the_page(make: Any, query: str, count: int) -> None:
    found = chosen(make.gif(frames=4), list(range(count)), query)
    page = np.asarray(sheet.sheet(found, found.pictures()))
    assert (page[:, -14:] == PAPER).all(), "text runs over the margin"


def test_what_is_cut_ends_with_an_ellipsis_and_what_fits_is_whole() -> None:
    pen = ImageDraw.Draw(Image.new("RGB", (10, 10)))
    assert sheet._fitted(pen, "who jumps?", 16, 400) == "who jumps?"
    assert sheet._fitted(pen, "two\n lines", 16, 400) == "two lines"
    cut = sheet._fitted(pen, "who jumps? " * 30, 16, 400)
    assert cut.endswith("…") and cut.startswith("who jumps?") and pen.textlength(cut, font=sheet._font(16)) <= 400


def test_nothing_half_written_is_left_where_saving_fails(
    make: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = chosen(make.gif(frames=4), [0, 2])
    whole = Image.Image.save

    def torn(self: Image.Image, path: Path, **options: Any) -> None:
        if "0002" in path.name:
            path.write_bytes(b"\x89PNG half of it")
            raise OSError(28, "No space left on device")
        whole(self, path, **options)

    monkeypatch.setattr(Image.Image, "save", torn)
    with pytest.raises(InputError, match="No space left") as caught:
        sheet.write_pictures(found, tmp_path / "out")
    assert "\n" not in str(caught.value)
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["frame-0000.png"]


def test_a_folder_that_cannot_be_written_is_one_line(make: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(InputError, match="cannot write there") as caught:
        sheet.write_pictures(chosen(make.gif(), [0]), tmp_path / "file" / "out")
    assert "\n" not in str(caught.value)
