"""A toybox on disk: every file is there, says what is true of the others, and is the same from the same seed."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from flyreel.errors import InputError
from flyreel.formats.base import read
from flyreel.formats.clip_source import read_clips
from flyreel.toybox import world
from flyreel.toybox.make import Plan, make
from flyreel.toybox.telling import caption
from flyreel.video import decode


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module", params=["mp4", "gif"])
def box(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any], Plan]:
    folder = tmp_path_factory.mktemp("box") / request.param
    plan = Plan(seed=5, clips=5, questions=3, kind=request.param, width=96)
    return folder, make(plan, folder), plan


def test_everything_is_there_and_counted(box: Any) -> None:
    folder, made, plan = box
    assert sorted(p.name for p in folder.iterdir()) == ["captions.jsonl", "clips", "clips.jsonl", "questions.jsonl"]
    names = [f"toybox-5-{i:04d}" for i in range(5)]
    assert sorted(p.name for p in (folder / "clips").iterdir()) == [f"{name}.{plan.kind}" for name in names]
    assert [c["id"] for c in lines(folder / "clips.jsonl")] == names
    assert [c["clip"] for c in lines(folder / "captions.jsonl")] == names
    assert (made["clips"], made["questions"], made["faults"], made["wrong_captions"]) == (5, 15, 0, 0)
    assert len(lines(folder / "questions.jsonl")) == 15
    assert made["seconds"] == pytest.approx(sum(c["duration"] for c in lines(folder / "clips.jsonl")), abs=5 * 0.1)


def test_the_list_of_clips_says_what_the_files_are(box: Any) -> None:
    folder, _, plan = box
    exact = 0.011 if plan.kind == "gif" else 1e-6  # a GIF counts in hundredths of a second
    for row in lines(folder / "clips.jsonl"):
        media = decode.inspect(folder / row["path"])
        assert (row["frames"], row["width"], row["height"]) == (media.frames, media.width, media.height)
        assert row["duration"] == pytest.approx(media.duration, abs=exact)
        assert row["fps"] == pytest.approx(media.fps, rel=exact)


def test_shots_tile_the_clip_and_cues_lie_in_it(box: Any) -> None:
    folder, _, _ = box
    for row, scene in zip(lines(folder / "clips.jsonl"), world.scenes(5, 5), strict=True):
        shots = row["shots"]
        assert shots[0]["start"] == 0
        assert [s["end"] for s in shots[:-1]] == [s["start"] for s in shots[1:]]
        for span in (*shots, *row["cues"]):
            assert span["end"] <= row["duration"] + 1 / scene.fps, "beyond the last frame of the file"
        assert [c["text"] for c in row["cues"] if c["kind"] == "caption"] == [caption(scene)]


def test_questions_and_captions_are_about_clips_that_exist(box: Any) -> None:
    folder, _, _ = box
    clips = {c["id"]: c for c in lines(folder / "clips.jsonl")}
    for row in lines(folder / "questions.jsonl"):
        assert row["group"] == clips[row["clip"]]["group"]
        assert all(e["end"] <= clips[row["clip"]]["duration"] + 0.13 for e in row["evidence"])
    assert {c["clip"] for c in lines(folder / "captions.jsonl")} == clips.keys()


def test_the_readers_take_what_was_written(box: Any) -> None:
    folder, _, _ = box
    found = read_clips(folder / "clips.jsonl")
    assert found is not None
    assert (found.format, found.problems, len(found.clips)) == ("clips", [], 5)
    assert all(Path(row["path"]).is_file() for row in found.clips.to_rows()), "paths do not lead to the clips"
    asked = read(folder / "questions.jsonl")
    assert (len(asked.questions), asked.problems) == (15, [])
    assert asked.questions.to_rows() == lines(folder / "questions.jsonl")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    plan = Plan(seed=9, clips=2, faults=0.5, noise="wrong-colour", noise_rate=0.5, width=96)
    make(plan, tmp_path / "a")
    make(plan, tmp_path / "b")
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    make(Plan(seed=10, clips=2, width=96), tmp_path / "c")
    assert contents(tmp_path / "c").keys().isdisjoint(k for k in contents(tmp_path / "a") if k.startswith("clips/"))


def test_faults_and_noise_are_planted_and_counted(tmp_path: Path) -> None:
    plan = Plan(clips=4, questions=3, faults=1.0, kinds=("position",), noise="wrong-place", noise_rate=0.5, width=96)
    made = make(plan, tmp_path)
    asked, told = lines(tmp_path / "questions.jsonl"), lines(tmp_path / "captions.jsonl")
    assert Counter(row["meta"]["fault"] for row in asked) == {"position": made["faults"]} == {"position": 12}
    assert [c.get("noise") for c in told].count("wrong-place") == made["wrong_captions"] == 2
    true = {scene.id: caption(scene) for scene in world.scenes(plan.seed, 4)}
    assert all((c["text"] == true[c["clip"]]) == ("noise" not in c) for c in told)
    for row in lines(tmp_path / "clips.jsonl"):
        assert true[row["id"]] in [cue["text"] for cue in row["cues"]], "the mistake is in the gold caption as well"


def test_progress_counts_every_clip(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    make(Plan(clips=3, questions=0, width=96), tmp_path, lambda done, total: seen.append((done, total)))
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert lines(tmp_path / "questions.jsonl") == []


@pytest.mark.parametrize("width", [96, 97, 128, 159, 160])
def test_a_width_is_kept_even_and_four_to_three(tmp_path: Path, width: int) -> None:
    make(Plan(clips=1, questions=1, width=width), tmp_path)
    (row,) = lines(tmp_path / "clips.jsonl")
    assert (row["width"] % 2, row["height"] % 2) == (0, 0)
    assert abs(row["width"] - width) <= 1 and abs(row["height"] - 0.75 * row["width"]) < 2


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"width": 50}, "96 to 160 pixels wide, not 50"),
        ({"width": 161}, "not 161"),
        ({"kinds": ("positon",)}, "Did you mean position"),
        ({"noise": "wrong-actress"}, "Did you mean wrong-actor"),
        ({"noise": "wrong-actor", "noise_rate": 1.5}, "between 0 and 1"),
    ],
)
def test_a_slip_is_one_line_and_leaves_no_folder(tmp_path: Path, changes: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says) as caught:
        make(Plan(clips=2, **changes), tmp_path / "box")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "box").exists(), "an empty box is left behind"


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(InputError, match="cannot write there"):
        make(Plan(clips=1), tmp_path / "file" / "box")
