"""The pictures of a report: inside the page, described, and never in the way of it."""

from __future__ import annotations

import base64
import io
import json
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from flyreel.audit import films, store
from flyreel.audit.run import audit
from flyreel.questions import Questions
from flyreel.report.frames import COUNT, WIDTH, Films
from flyreel.report.page import write_report
from flyreel.toybox import world
from flyreel.toybox.render import render
from flyreel.video import decode


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return render(world.scene(3, 0), tmp_path_factory.mktemp("clips") / "a.mp4")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLYREEL_CACHE", str(tmp_path / "cache"))


class Page(HTMLParser):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self.pictures: list[dict[str, str | None]] = []
        self.addresses: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "img":
            self.pictures.append(dict(attrs))
        self.addresses += [
            v or "" for name, v in attrs if name in ("src", "href", "srcset", "action", "poster", "data")
        ]


def saved(folder: Path, n: int = 12) -> Path:
    """An audit whose questions are about the clips c0, c1 and c2 in turn, all of them weak."""
    rows = [
        {
            "id": f"q{i}", "question": f"Who jumps in scene {i}?", "clip": f"c{i % 3}", "group": f"film {i}",
            "choices": [f"the longest choice of all, {i}", f"short {i}", f"brief {i}"], "answer": 0,
        }
        for i in range(n)
    ]  # fmt: skip
    store.save(audit("file", Questions.from_rows(rows), asked=("surface",)), folder)
    return folder


def pixels(source: str) -> np.ndarray:
    kind, _, data = source.partition(",")
    assert kind == "data:image/jpeg;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data, validate=True))).convert("RGB"))


def test_frames_are_spread_evenly_and_are_those_of_the_clip(clip: Path) -> None:
    shown = Films({"c": clip}).of("c", "who jumps?")
    assert shown is not None and shown["said"] == "evenly spaced frames"
    media = decode.inspect(clip)
    numbers = [p["number"] for p in shown["pictures"]]
    assert len(numbers) == COUNT and numbers == sorted(set(numbers))
    assert np.abs(np.array(numbers) - (np.arange(COUNT) + 0.5) * media.frames / COUNT).max() <= 1
    true = decode.load(media, numbers=numbers, size=decode.fit(media, WIDTH))
    for picture, image, time in zip(shown["pictures"], true.images, true.times, strict=True):
        seen = pixels(picture["source"])
        assert seen.shape == image.shape and seen.shape[1] <= WIDTH
        assert np.abs(seen.astype(int) - image).mean() < 6, "not the frame that it is said to be"
        assert picture["time"] == f"{time:.1f} s"


def test_with_an_embedder_the_question_chooses_the_frames(clip: Path) -> None:
    shown = Films({"c": clip}, "toyclip").of("c", "who jumps?")
    assert shown is not None and shown["said"].startswith("keyframes for the question (flyreel, toyclip:")
    numbers = [p["number"] for p in shown["pictures"]]
    assert len(numbers) == COUNT and numbers == sorted(set(numbers))


def test_a_clip_of_fewer_frames_shows_what_it_has(tmp_path: Path) -> None:
    Image.new("RGB", (8, 6), (200, 30, 30)).save(tmp_path / "a.gif")
    shown = Films({"c": tmp_path / "a.gif"}).of("c", "what?")
    assert shown is not None and len(shown["pictures"]) == 1


def test_no_file_shows_nothing_and_a_broken_one_says_so(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("no film")
    films_ = Films({"text": tmp_path / "text.mp4", "gone": tmp_path / "gone.mp4"})
    assert films_.of("unheard of", "?") is None and films_.of("", "?") is None
    for id, reason in (("text", "text.mp4: not-media"), ("gone", "gone.mp4: missing")):
        shown = films_.of(id, "who?")
        assert shown is not None and shown["pictures"] == []
        assert reason in shown["said"] and "\n" not in shown["said"]


def test_an_unknown_embedder_is_said_and_stops_nothing(clip: Path) -> None:
    shown = Films({"c": clip}, "toyclop").of("c", "who?")
    assert shown is not None and shown["pictures"] == [] and "Did you mean toyclip" in shown["said"]


@pytest.mark.parametrize("embedder", [None, "toyclip"])
def test_the_page_shows_them_inside_itself_and_describes_them(tmp_path: Path, clip: Path, embedder: str | None) -> None:
    folder = saved(tmp_path / "a")
    films.save({"c0": str(clip)}, embedder, folder / films.NAME)
    path = write_report(folder)
    page = Page(path)
    assert len(page.pictures) == COUNT * 4, "four of the twelve questions are about that clip"
    assert all((p["src"] or "").startswith("data:image/jpeg;base64,") for p in page.pictures)
    assert all((p["alt"] or "").startswith("frame ") and "at" in (p["alt"] or "") for p in page.pictures)
    assert all(address.startswith("data:") for address in page.addresses), "something is loaded from elsewhere"
    text = path.read_text(encoding="utf-8")
    policy = text[text.index("Content-Security-Policy") :].split(">")[0]
    assert "default-src 'none'" in policy and "img-src data:" in policy, "a browser would not show the pictures"
    assert "http" not in policy


def test_a_broken_clip_says_so_and_the_rest_of_the_page_is_there(tmp_path: Path, clip: Path) -> None:
    folder = saved(tmp_path / "a")
    (tmp_path / "cut.mp4").write_bytes(clip.read_bytes()[:600])
    (tmp_path / "<b>&.mp4").write_text("no film")
    broken = {"c0": str(tmp_path / "cut.mp4"), "c1": str(tmp_path / "<b>&.mp4"), "c2": str(clip)}
    films.save(broken, None, folder / films.NAME)
    path = write_report(folder)
    text = path.read_text(encoding="utf-8")
    assert len(Page(path).pictures) == COUNT * 4
    assert "cut.mp4: " in text and "&lt;b&gt;&amp;.mp4: not-media" in text and "<b>" not in text
    assert text.count('class="card"') == 12 and "How to repeat" in text


def test_a_clip_that_is_gone_by_the_time_of_the_report_says_so(tmp_path: Path, clip: Path) -> None:
    folder = saved(tmp_path / "a")
    copy = Path(shutil.copy(clip, tmp_path / "gone.mp4"))
    films.save({"c0": str(copy)}, None, folder / films.NAME)
    copy.unlink()
    assert "gone.mp4: missing" in write_report(folder).read_text(encoding="utf-8")


def test_without_clips_the_page_is_as_it_was(tmp_path: Path, clip: Path) -> None:
    folder = saved(tmp_path / "a")
    before = write_report(folder)
    text = before.read_text(encoding="utf-8")
    assert Page(before).pictures == [] and 'class="film"' not in text
    films.save({}, "toyclip", folder / films.NAME)
    assert write_report(folder).read_text(encoding="utf-8") == text
    films.save({"another": str(clip)}, None, folder / films.NAME)
    assert write_report(folder).read_text(encoding="utf-8") == text


DAMAGED: list[Any] = [
    "",
    "{",
    "[]",
    "null",
    "3",
    '{"files": []}',
    '{"files": {"c0": 3}}',
    '{"files": {"c0": null}}',
    "\0",
]


@pytest.mark.parametrize("text", DAMAGED)
def test_a_damaged_list_of_clips_costs_the_pictures_and_not_the_report(tmp_path: Path, text: str) -> None:
    folder = saved(tmp_path / "a", n=3)
    (folder / films.NAME).write_text(text)
    assert Page(write_report(folder)).pictures == []


def test_the_page_is_the_same_each_time(tmp_path: Path, clip: Path) -> None:
    folder = saved(tmp_path / "a", n=3)
    films.save({"c0": str(clip)}, "toyclip", folder / films.NAME)
    first = write_report(folder).read_text(encoding="utf-8")
    assert write_report(folder).read_text(encoding="utf-8") == first
    assert json.loads((folder / films.NAME).read_text())["embedder"] == "toyclip"
