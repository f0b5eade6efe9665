"""What a project's clips are, measured in the files: right where there is a file, untouched where there is none."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from flyreel.clips import Clips
from flyreel.tables import Project
from flyreel.toybox import world
from flyreel.toybox.render import render
from flyreel.video import decode
from flyreel.video.survey import facts, survey


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "flyreel.toml").touch()
    return Project(tmp_path / "p")


def hold(project: Project, **paths: Any) -> None:
    rows = [{"id": id, "path": str(path) if path else None, "meta": {"of": id}} for id, path in paths.items()]
    project.table("clips").write(Clips.from_rows(rows).table, stage="import", parameters={})


def held(project: Project) -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in Clips(project.table("clips").read()).to_rows()}


@pytest.mark.parametrize("name", ["a.mp4", "a.gif"])
def test_the_facts_are_those_of_the_file_and_the_shots_tile_it(tmp_path: Path, name: str) -> None:
    scene = next(s for s in world.scenes(3, 20) if len(s.shots) > 1)
    path = render(scene, tmp_path / name)
    media, found = decode.inspect(path), facts(path)
    assert found["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    for fact in ("duration", "fps", "frames", "width", "height"):
        assert found[fact] == getattr(media, fact), fact
    shots = found["shots"]
    assert shots[0]["start"] == 0 and shots[-1]["end"] == pytest.approx(media.duration)
    assert [s["end"] for s in shots[:-1]] == [s["start"] for s in shots[1:]], "a gap or an overlap between shots"
    assert all(s["start"] < s["end"] for s in shots)
    frame = 1 / scene.fps + 0.011
    true = [s.start for s in scene.shots]
    assert all(min(abs(t - s["start"]) for s in shots) <= frame for t in true), "a cut of the script is not found"


def test_a_still_picture_is_one_shot(make: Any) -> None:
    found = facts(make.gif(frames=1))
    assert (found["frames"], len(found["shots"])) == (1, 1)


def test_broken_and_missing_files_are_named_and_the_others_measured(project: Project, make: Any) -> None:
    hold(
        project, good=make.video("good.mp4"), gone=make.folder / "gone.mp4", text=make.file("text.mp4", b"no film"),
        empty=make.file("empty.gif", b""), folder=make.folder, address=None, last=make.gif("last.gif"),
    )  # fmt: skip
    seen: list[tuple[int, int]] = []
    found = survey(project, lambda done, total: seen.append((done, total)))
    assert found.measured == 2
    reasons = {p["clip"]: p["reason"] for p in found.problems}
    assert reasons.keys() == {"gone", "text", "empty", "folder"}
    assert (reasons["gone"], reasons["empty"]) == ("missing", "empty")
    assert all("\n" not in p["detail"] for p in found.problems)
    assert seen == [(i, 6) for i in range(1, 7)], "progress does not count every clip that has a file to look at"
    rows = held(project)
    assert list(rows) == ["good", "gone", "text", "empty", "folder", "address", "last"]
    assert {id for id, row in rows.items() if row.get("frames")} == {"good", "last"}
    assert all(row["meta"] == {"of": id} for id, row in rows.items()), "what was known before is lost"


def test_the_new_version_says_what_it_was_made_from(project: Project, make: Any) -> None:
    hold(project, a=make.gif())
    survey(project)
    first, second = project.table("clips").versions()
    assert (first.stage, second.stage, second.parents) == ("import", "survey", (f"clips/v{first.number}",))
    assert Clips(project.table("clips").read(first.number)).to_rows()[0].get("frames") is None, "history was rewritten"


def test_a_second_run_measures_nothing_and_writes_nothing(
    project: Project, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold(project, a=make.gif(), gone=make.folder / "gone.mp4")
    survey(project)
    looked: list[Path] = []
    inspect = decode.inspect

    def watched(path: Path) -> decode.Media:
        looked.append(path)
        return inspect(path)

    monkeypatch.setattr(decode, "inspect", watched)
    again = survey(project)
    assert (again.measured, [p["clip"] for p in again.problems]) == (0, ["gone"])
    assert [p.name for p in looked] == ["gone.mp4"], "what was measured is measured again"
    assert len(project.table("clips").versions()) == 2


def test_only_what_is_new_is_looked_at(project: Project, make: Any) -> None:
    hold(project, a=make.gif("a.gif"))
    survey(project)
    rows = [*held(project).values(), {"id": "b", "path": str(make.gif("b.gif", frames=4))}]
    project.table("clips").write(Clips.from_rows(rows).table, stage="import", parameters={})
    assert survey(project).measured == 1
    assert {id: row["frames"] for id, row in held(project).items()} == {"a": 10, "b": 4}


def test_a_relative_path_counts_from_the_project(project: Project, make: Any) -> None:
    (project.folder / "a.gif").write_bytes(make.gif().read_bytes())
    hold(project, a="a.gif")
    assert survey(project).measured == 1


def test_a_project_without_clips_stays_as_it_is(project: Project) -> None:
    found = survey(project)
    assert (found.measured, found.problems, project.table("clips").versions()) == (0, [], [])
