"""From films made here to keyframes, projects, pictures in a report and weights, with the installed program."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from flyreel.toybox.make import Plan, make
from flyreel.video import decode

Flyreel = Any
"""Runs the installed program in tmp_path; `Program` in conftest.py."""

CLIP = "box/clips/toybox-7-0000.gif"


@pytest.fixture(scope="module")
def made_box(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "box"
    make(Plan(clips=2, kind="gif", width=96, questions=8, faults=1.0, kinds=("longest-choice",)), folder)
    return folder


@pytest.fixture
def box(made_box: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made_box, tmp_path / "box"))


def said(flyreel: Flyreel, *words: str) -> Any:
    """What `--json` prints, which is all that may stand on stdout."""
    ran = flyreel(*words, "--json")
    assert ran.code == 0, ran.err
    return json.loads(ran.out)


def refused(ran: Any, says: str) -> None:
    assert (ran.code, ran.out) == (2, ""), (ran.code, ran.err)
    assert ran.err.startswith("flyreel: ") and ran.err.count("\n") == 1, ran.err
    assert says in ran.err


def test_a_toybox_is_made_and_told_of(flyreel: Flyreel, tmp_path: Path) -> None:
    ran = flyreel("toybox", "-o", "box", "--clips", "2", "--gif")
    assert ran.code == 0, ran.err
    assert sorted(p.name for p in (tmp_path / "box" / "clips").iterdir()) == ["toybox-7-0000.gif", "toybox-7-0001.gif"]
    assert ran.out.startswith("2 clips, ") and "box/questions.jsonl" in ran.out and "box/captions.jsonl" in ran.out
    assert all(line.startswith("  clips ") for line in ran.err.splitlines()), "more than progress on stderr"
    told = said(flyreel, "toybox", "-o", "again", "--clips", "1", "--questions", "3", "--faults", "1")
    assert (told["clips"], told["questions"], told["faults"]) == (1, 3, 3)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--width", "50"], "96 to 160 pixels wide, not 50"),
        (["--fault", "positon"], "Did you mean position"),
        (["--noise", "wrong-actress"], "Did you mean wrong-actor"),
        (["--clips", "0"], "--clips"),
    ],
)
def test_a_slip_in_a_toybox_is_one_line_and_no_box(
    flyreel: Flyreel, tmp_path: Path, words: list[str], says: str
) -> None:
    refused(flyreel("toybox", "-o", "box", *words), says)
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_while_clips_are_made_leaves_no_half_of_one(flyreel: Flyreel, tmp_path: Path) -> None:
    process = flyreel.start("toybox", "-o", "box", "--clips", "500", "--width", "96")
    clips = tmp_path / "box" / "clips"
    for _ in range(1000):
        if len(list(clips.glob("*.mp4"))) >= 2:
            break
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.05)
            break
    process.send_signal(signal.SIGINT)
    ran = flyreel.end(process)
    assert (ran.code, ran.out) == (130, "")
    *earlier, last = ran.err.splitlines()
    assert last.startswith("stopped.") and all(line.startswith("  clips ") for line in earlier), ran.err
    left = sorted(p.name for p in clips.iterdir())
    assert 2 <= len(left) < 500
    assert left == [f"toybox-7-{i:04d}.mp4" for i in range(len(left))], "a part of a clip is left"
    assert decode.inspect(clips / left[-1]).frames > 0
    assert not (tmp_path / "box" / "clips.jsonl").exists(), "a stopped toybox looks like a finished one"


def test_keyframes_in_json(flyreel: Flyreel, box: Path) -> None:
    ran = flyreel("keyframes", CLIP, "--query", "who jumps?", "-k", "4", "--json")
    assert (ran.code, ran.err) == (0, "")
    found = json.loads(ran.out)
    assert list(found) == ["video", "query", "selector", "embedder", "frames"]
    assert (found["video"], found["query"], found["selector"]) == (CLIP, "who jumps?", "flyreel")
    assert re.fullmatch(r"toyclip:[0-9a-f]{16}", found["embedder"])
    assert [list(f) for f in found["frames"]] == [["frame", "time", "score"]] * 4
    numbers = [f["frame"] for f in found["frames"]]
    assert numbers == sorted(set(numbers))
    times = decode.inspect(box.parent / CLIP).times
    assert [f["time"] for f in found["frames"]] == [round(float(times[n]), 4) for n in numbers]
    assert all(-1 <= f["score"] <= 1 for f in found["frames"])
    assert said(flyreel, "keyframes", CLIP, "--query", "who jumps?", "-k", "4") == found, (
        "another answer the second time"
    )


@pytest.mark.parametrize("k", [1, 1000])
def test_one_keyframe_and_more_than_there_are(flyreel: Flyreel, box: Path, k: int) -> None:
    found = said(flyreel, "keyframes", CLIP, "--query", "who jumps?", "-k", str(k))
    assert len(found["frames"]) == min(k, decode.inspect(box.parent / CLIP).frames)


def test_keyframes_as_pictures(flyreel: Flyreel, box: Path, tmp_path: Path) -> None:
    found = said(flyreel, "keyframes", CLIP, "--query", "who jumps?", "-k", "3", "-o", "out/pictures")
    names = [f"frame-{f['frame']:04d}.png" for f in found["frames"]]
    assert sorted(p.name for p in (tmp_path / "out" / "pictures").iterdir()) == [*names, "sheet.png"]
    assert found["pictures"] == [f"out/pictures/{name}" for name in [*names, "sheet.png"]]
    for name in names:
        with Image.open(tmp_path / "out" / "pictures" / name) as image:
            assert (image.format, image.size) == ("PNG", (96, 72))


def test_people_get_a_line_a_frame_and_are_told_what_toyclip_is(flyreel: Flyreel, box: Path) -> None:
    ran = flyreel("keyframes", CLIP, "--query", "who jumps?", "-k", "2")
    assert ran.code == 0
    assert re.match(r"2 of \d+ frames, \d+\.\d\d s, 96 × 72\n", ran.out) and ran.out.count("  frame ") == 2
    assert ran.err.count("\n") == 1 and "toybox" in ran.err


@pytest.mark.parametrize(
    ("video", "words", "says"),
    [
        ("nothing.gif", [], "nothing.gif: missing"),
        ("box", [], "box: "),
        ("text.mp4", [], "text.mp4: not-media"),
        ("empty.mp4", [], "empty.mp4: empty"),
        (CLIP, ["--selector", "mnr"], "Did you mean mmr"),
        (CLIP, ["--embedder", "toyclop"], "Did you mean toyclip"),
        (CLIP, ["--embedder", "toyclip:none.safetensors"], "none.safetensors: cannot read"),
        (CLIP, ["--embedder", "toyclip:text.mp4"], "not a safetensors file"),
        (CLIP, ["-k", "0"], "at least one frame"),
        (CLIP, ["-k", "-3"], "at least one frame"),
        (CLIP, ["-k", "four"], "-k"),
        (CLIP, ["--query", ""], "query is empty"),
        (CLIP, ["--query", " \n "], "query is empty"),
        (CLIP, ["-o", "text.mp4"], "text.mp4: cannot write"),
    ],
)
@pytest.mark.parametrize("json_", [[], ["--json"]], ids=["text", "json"])
def test_a_slip_in_keyframes_is_one_line_and_leaves_nothing(
    flyreel: Flyreel, box: Path, tmp_path: Path, video: str, words: list[str], says: str, json_: list[str]
) -> None:
    (tmp_path / "text.mp4").write_text("no film, only words\n" * 20)
    (tmp_path / "empty.mp4").touch()
    out = [] if "-o" in words else ["-o", "out"]
    refused(flyreel("keyframes", video, "--query", "who?", *out, *words, *json_), says)
    assert sorted(p.name for p in tmp_path.iterdir() if p.name != "cache") == ["box", "empty.mp4", "text.mp4"]


def test_keyframes_need_a_query(flyreel: Flyreel, box: Path) -> None:
    refused(flyreel("keyframes", CLIP), "--query")


def test_a_folder_of_clips_is_measured_on_its_way_into_a_project(flyreel: Flyreel, box: Path, tmp_path: Path) -> None:
    (box / "clips" / "broken.mp4").write_text("no film")
    done = said(flyreel, "import", "folder", "box/clips", "--into", "p")
    assert (done["imported_clips"], done["measured"]) == (3, 2)
    assert [(c["clip"], c["reason"]) for c in done["unreadable"]] == [("broken", "not-media")]
    media = [decode.inspect(path) for path in sorted((box / "clips").glob("*.gif"))]
    found = said(flyreel, "stats", "p")
    assert found["clips"] == 3
    assert found["measured_clips"] == 2
    assert found["mean_frames"] == pytest.approx(sum(m.frames for m in media) / 2)
    assert found["mean_duration"] == pytest.approx(sum(m.duration for m in media) / 2, abs=0.01)
    assert "mean frames" in flyreel("stats", "p").out


@pytest.mark.parametrize("format", ["clips", "auto"])
def test_a_list_of_clips_goes_into_a_project(flyreel: Flyreel, box: Path, format: str) -> None:
    done = said(flyreel, "import", format, "box/clips.jsonl", "--into", "p2")
    assert (done["format"], done["imported_clips"], done["problems"]) == ("clips", 2, [])
    assert done["unreadable"] == []


def pictures(page: Path) -> list[str]:
    return re.findall(
        r'<img src="(data:image/jpeg;base64,[A-Za-z0-9+/=]+)" alt="frame \d+ at [\d.]+ s">', page.read_text()
    )


@pytest.mark.parametrize("words", [[], ["--embedder", "toyclip"]])
def test_an_audit_shows_the_clips_of_its_questions(
    flyreel: Flyreel, box: Path, tmp_path: Path, words: list[str]
) -> None:
    ran = flyreel("audit", "box/questions.jsonl", "--probe", "surface", *words)
    assert ran.code == 0, ran.err
    page = tmp_path / "questions.audit" / "report.html"
    text = page.read_text()
    cards = text.count('class="card"')
    assert cards and len(pictures(page)) == text.count("<img") == 4 * cards
    assert ("keyframes for the question" in text) == bool(words)
    assert not re.search(r"""(src|href)=["'](?!data:)""", text), "the page loads something"


def test_an_audit_of_a_project_shows_its_clips(flyreel: Flyreel, box: Path, tmp_path: Path) -> None:
    said(flyreel, "import", "auto", "box/clips.jsonl", "--into", "p")
    said(flyreel, "import", "auto", "box/questions.jsonl", "--into", "p")
    said(flyreel, "audit", "p", "--probe", "surface")
    assert pictures(tmp_path / "p" / "reports" / "audit" / "report.html")


def test_an_audit_without_clips_forgets_those_of_the_audit_before(flyreel: Flyreel, box: Path, tmp_path: Path) -> None:
    said(flyreel, "audit", "box/questions.jsonl", "--probe", "surface")
    page = tmp_path / "questions.audit" / "report.html"
    assert pictures(page)
    shutil.copy(box / "questions.jsonl", tmp_path / "questions.jsonl")
    said(flyreel, "audit", "questions.jsonl", "--probe", "surface")
    assert pictures(page) == [], "pictures of another file's clips"


@pytest.fixture(scope="module")
def torch_there() -> Iterator[None]:
    pytest.importorskip("torch")
    yield


def test_weights_are_trained_and_used(flyreel: Flyreel, box: Path, tmp_path: Path, torch_there: None) -> None:
    ran = flyreel("train", "toyclip", "-o", "w.safetensors", "--steps", "2", "--scenes", "4", "--json")
    assert ran.code == 0, ran.err
    made = json.loads(ran.out)
    assert made == json.loads((tmp_path / "w.json").read_text())
    assert [row["step"] for row in made["curve"]] == [1, 2]
    assert all(line.startswith("  ") for line in ran.err.splitlines()), "more than progress on stderr"
    own = said(flyreel, "keyframes", CLIP, "--query", "who?", "-k", "2", "--embedder", "toyclip:w.safetensors")
    packaged = said(flyreel, "keyframes", CLIP, "--query", "who?", "-k", "2")
    assert own["embedder"].startswith("toyclip:") and own["embedder"] != packaged["embedder"]
    assert [f["score"] for f in own["frames"]] != [f["score"] for f in packaged["frames"]]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["toyclop", "-o", "w.safetensors"], "Did you mean toyclip"),
        (["toyclip", "-o", "w.bin"], "end the name so"),
        (["toyclip"], "--out"),
        (["toyclip", "-o", "w.safetensors", "--steps", "0"], "--steps"),
    ],
)
def test_a_slip_in_training_is_one_line(
    flyreel: Flyreel, tmp_path: Path, words: list[str], says: str, torch_there: None
) -> None:
    refused(flyreel("train", *words), says)
    assert list(tmp_path.iterdir()) == []
