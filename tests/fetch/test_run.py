"""A fetch against a host that misbehaves: each clip gets its status, and what is whole is fetched once."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from flyreel.errors import InputError, Stopped
from flyreel.fetch import coverage
from flyreel.fetch.fake import Host
from flyreel.fetch.job import Row, Settings
from flyreel.fetch.pool import Worker
from flyreel.fetch.run import Fetched, fetch
from flyreel.fetch.shelf import Shelf
from flyreel.questions import Questions
from flyreel.tables import Project

Make = Callable[[dict[str, str | None]], Project]


def run(project: Project, **settings: Any) -> Fetched:
    return fetch(project, Settings(**{"workers": 1, "timeout": 60.0, **settings}))


def statuses(got: Fetched) -> dict[str, str]:
    return {row["clip"]: row["status"] for row in got.coverage.missing}


def clip_rows(project: Project) -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in project.table("clips").read().to_pylist()}


def media(project: Project) -> list[str]:
    return sorted(p.name for p in (project.folder / "clips" / "media").rglob("*"))


def test_every_way_to_go_wrong_has_its_status(host: Host, project_of: Make, mp4: bytes, gif: bytes) -> None:
    """One run over a host with everything on it. A wrong status means a clip retried for ever, or never."""
    png = io.BytesIO()
    Image.new("RGB", (8, 8)).save(png, "PNG")
    two = b"<html><title>t</title><video src='/a.mp4'></video><video src='/b.mp4'></video></html>"
    expected = {
        "404": (host.refuses("/404.mp4", 404), "dead", "HTTP Error 404: Not Found"),
        "410": (host.refuses("/410.gif", 410), "dead", "HTTP Error 410: Gone"),
        "page": (host.gives("/page.gif", b"<html><title>gone</title></html>", "text/html"), "dead", "a web page"),
        "still": (host.gives("/still.gif", png.getvalue(), "image/gif"), "dead", "still-picture"),
        "403": (host.refuses("/403.mp4", 403), "blocked", "HTTP Error 403: Forbidden"),
        "429": (host.refuses("/429.mp4", 429), "blocked", "HTTP Error 429: Too Many Requests"),
        "500": (host.refuses("/500.mp4", 500), "failed", "HTTP Error 500"),
        "several": (host.gives("/several", two, "text/html"), "failed", "several videos"),
        "empty": (host.gives("/empty.mp4", b""), "truncated", "data blocks"),
        "short": (
            host.breaks_off("/short.mp4", mp4),
            "truncated",
            "expected",
        ),  # more bytes, in the words of whichever library
        "cut": (host.gives("/cut.mp4", mp4[: len(mp4) // 2]), "truncated", ""),
        "cut-gif": (host.gives("/cut.gif", gif[: len(gif) // 2], "image/gif"), "truncated", ""),
        "huge": (host.floods("/huge.mp4", mp4, stated=10**9), "too-large", "1,000,000,000 bytes"),
        "endless": (host.floods("/endless.mp4", mp4), "too-large", "length not stated"),
    }
    project = project_of({id: source for id, (source, _, _) in expected.items()})
    got = run(project, max_size=200_000, workers=3)
    assert statuses(got) == {id: status for id, (_, status, _) in expected.items()}
    for row in got.coverage.missing:
        assert expected[row["clip"]][2] in row["reason"], row
    assert not got.coverage.complete and got.coverage.here == 0
    assert media(project) == [], "a file that is not whole was left where whole ones are"


def test_whole_files_are_kept_hashed_and_measured(host: Host, project_of: Make, mp4: bytes, gif: bytes) -> None:
    page = b"<html><title>t</title><video src='/inside.mp4'></video></html>"
    host.gives("/inside.mp4", mp4)
    served = {
        "a.mp4": (host.gives("/a.mp4", mp4), mp4, "clips/media/a.mp4.mp4"),
        "tumblr": (host.gives("/x/y.gif", gif, "image/gif"), gif, "clips/media/tumblr.gif"),
        "bare": (host.gives("/noending", gif, "image/gif"), gif, "clips/media/bare.gif"),
        "moved": (host.moves("/moved.mp4", "/a.mp4"), mp4, "clips/media/moved.mp4"),
        "embedded": (host.gives("/page", page, "text/html"), mp4, "clips/media/embedded.mp4"),
    }
    project = project_of({id: source for id, (source, _, _) in served.items()})
    got = run(project)
    assert (got.coverage.missing, got.coverage.complete, got.coverage.here) == ([], True, 5)
    for id, row in clip_rows(project).items():
        _, body, path = served[id]
        assert row["path"] == path
        assert (project.folder / path).read_bytes() == body
        assert row["sha256"] == hashlib.sha256(body).hexdigest()
        assert row["frames"] == (30 if body is mp4 else 8)
        assert (row["width"], row["height"]) == ((64, 48) if body is mp4 else (32, 24))
        assert row["duration"] == pytest.approx(2.0 if body is mp4 else 0.8)
    version = project.table("clips").versions()[-1]
    assert (version.stage, version.parents) == ("fetch", ("clips/v1",))
    assert version.parameters["yt-dlp"]


@pytest.mark.parametrize("way", ["stalls", "drips"])
def test_a_clip_has_so_long_and_no_longer(host: Host, project_of: Make, mp4: bytes, way: str) -> None:
    """A host that says nothing, and one that drips so that no socket ever times out: both end."""
    slow = host.stalls("/slow.mp4") if way == "stalls" else host.drips("/slow.mp4", mp4)
    project = project_of({"slow": slow})
    got = run(project, timeout=1.0)
    assert statuses(got) == {"slow": "timeout"}
    assert media(project) == []


def test_after_a_late_download_a_new_process_takes_the_next(host: Host, tmp_path: Path, mp4: bytes) -> None:
    settings, worker = Settings().sent(), Worker()
    try:
        late = {"url": host.stalls("/slow.mp4"), "folder": str(tmp_path), "settings": settings}
        assert worker.do(late, timeout=0.1) == {"status": "timeout", "reason": "not done after 0.1 s"}
        good = {"url": host.gives("/good.mp4", mp4), "folder": str(tmp_path), "settings": settings}
        assert worker.do(good, timeout=60)["status"] == "ok"
    finally:
        worker.kill()


def test_a_process_that_dies_costs_its_clip(host: Host, tmp_path: Path, mp4: bytes) -> None:
    """The kernel ends what takes too much memory, and media libraries crash; neither may end the run."""
    worker = Worker()
    job = {"url": host.gives("/a.mp4", mp4), "folder": str(tmp_path), "settings": Settings().sent()}
    try:
        assert worker.do(job, timeout=60)["status"] == "ok"
        worker.end()
        assert worker.do(job, timeout=60)["status"] == "failed"
    finally:
        worker.kill()


def test_nothing_is_fetched_twice(host: Host, project_of: Make, mp4: bytes) -> None:
    """Two clips of one source cost one download, and another run asks for nothing that is settled."""
    one, gone, busy = host.gives("/one.mp4", mp4), host.refuses("/gone.mp4", 404), host.refuses("/busy.mp4", 429)
    project = project_of({"a": one, "b": one, "gone": gone, "busy": busy})
    first = run(project)
    rows = clip_rows(project)
    assert rows["a"]["path"] == rows["b"]["path"] == "clips/media/a.mp4"
    assert first.tried == 3
    asked = {path: host.asked(path) for path in ("/one.mp4", "/gone.mp4", "/busy.mp4")}

    again = run(project)
    assert again.tried == 1
    assert host.asked("/one.mp4") == asked["/one.mp4"], "a file that is there was fetched again"
    assert host.asked("/gone.mp4") == asked["/gone.mp4"], "a dead link was tried again"
    assert host.asked("/busy.mp4") > asked["/busy.mp4"], "a refusal that may have passed was not tried again"
    assert statuses(again) == {"gone": "dead", "busy": "blocked"}, "what was not tried again is still not there"
    assert len(project.table("clips").versions()) == 2, "a run that brought nothing wrote a version"

    assert run(project, retry=()).tried == 0
    assert run(project, retry=("dead",)).tried == 1
    assert host.asked("/gone.mp4") > asked["/gone.mp4"]


def test_a_lost_or_shortened_file_is_fetched_again(host: Host, project_of: Make, mp4: bytes) -> None:
    project = project_of({"lost": host.gives("/lost.mp4", mp4), "cut": host.gives("/cut.mp4", mp4)})
    run(project)
    files = project.folder / "clips" / "media"
    (files / "lost.mp4").unlink()
    (files / "cut.mp4").write_bytes(mp4[:100])
    got = run(project)
    assert (got.tried, got.coverage.complete) == (2, True)
    for row in clip_rows(project).values():
        assert (project.folder / row["path"]).read_bytes() == mp4


def test_a_higher_limit_is_a_reason_to_try_again(host: Host, project_of: Make, mp4: bytes) -> None:
    project = project_of({"big": host.gives("/big.mp4", mp4)})
    assert statuses(run(project, max_size=1000)) == {"big": "too-large"}
    assert run(project, max_size=1000).tried == 0
    assert run(project, max_size=10**6).coverage.complete


def test_a_users_own_file_is_left_alone(host: Host, project_of: Make, tmp_path: Path, mp4: bytes) -> None:
    own = tmp_path / "own.mp4"
    own.write_bytes(mp4)
    project = project_of({"mine": host.gives("/mine.mp4", mp4), "other": host.gives("/other.mp4", mp4)})
    table = project.table("clips")
    rows = table.read().to_pylist()
    rows[0]["path"] = str(own)
    table.write(type(table.read()).from_pylist(rows, schema=table.read().schema), stage="import", parameters={})
    got = run(project)
    assert host.asked("/mine.mp4") == 0
    assert clip_rows(project)["mine"]["path"] == str(own)
    assert got.coverage.statuses == {"ok": 1, "local": 1}


def test_a_kill_between_row_and_file_costs_no_download(host: Host, project_of: Make, mp4: bytes) -> None:
    """The row is written before the file is renamed; what a kill leaves there is finished and not fetched again."""
    project = project_of({"a": host.gives("/a.mp4", mp4)})
    run(project)
    asked = host.asked("/a.mp4")
    files = project.folder / "clips" / "media"
    (files / ".part").mkdir(exist_ok=True)
    (files / "a.mp4").rename(files / ".part" / "a.mp4")
    assert run(project).coverage.complete
    assert host.asked("/a.mp4") == asked
    assert media(project) == ["a.mp4"]


def test_a_file_left_in_part_without_a_row_is_not_taken(host: Host, project_of: Make, mp4: bytes) -> None:
    project = project_of({"a": host.gives("/a.mp4", mp4)})
    part = project.folder / "clips" / "media" / ".part"
    part.mkdir(parents=True)
    (part / "a.mp4").write_bytes(mp4[:500])
    assert run(project).coverage.complete
    assert (project.folder / "clips" / "media" / "a.mp4").read_bytes() == mp4


def test_another_source_for_the_same_clip(host: Host, project_of: Make, mp4: bytes, gif: bytes) -> None:
    """The old file may be another clip's too, so the new one does not take its place."""
    old, new = host.gives("/old.mp4", mp4), host.gives("/new.mp4", mp4 + b"\0\0\0\x08free")
    project = project_of({"a": old, "b": old})
    run(project)
    table = project.table("clips")
    rows = table.read().to_pylist()
    rows[0]["source"] = new
    table.write(type(table.read()).from_pylist(rows, schema=table.read().schema), stage="import", parameters={})
    got = run(project)
    assert got.coverage.complete
    after = clip_rows(project)
    assert after["b"]["path"] == "clips/media/a.mp4"
    assert (project.folder / after["a"]["path"]).read_bytes() == mp4 + b"\0\0\0\x08free"
    assert (project.folder / after["b"]["path"]).read_bytes() == mp4


def test_ctrl_c_says_how_far_it_came(host: Host, project_of: Make, mp4: bytes) -> None:
    """Stopped after the first clip, that clip is in the table, the stalled one is not, and no process is left."""
    project = project_of({"a": host.gives("/a.mp4", mp4), "b": host.stalls("/b.mp4")})

    def stop(done: int, total: int, row: Row) -> None:
        raise KeyboardInterrupt

    with pytest.raises(Stopped, match=r"^stopped: 1 of 2 done\. .*nothing is fetched twice\.$"):
        fetch(project, Settings(workers=1, timeout=60), stop)
    assert clip_rows(project)["a"]["path"] == "clips/media/a.mp4"
    assert media(project) == ["a.mp4"]


def test_ctrl_c_between_row_and_file(host: Host, project_of: Make, mp4: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one moment when a row speaks of a file that is not in its place yet."""
    project = project_of({"a": host.gives("/a.mp4", mp4)})
    place = Shelf.place

    def interrupted(shelf: Shelf, row: Row) -> None:
        monkeypatch.setattr(Shelf, "place", place)
        raise KeyboardInterrupt

    monkeypatch.setattr(Shelf, "place", interrupted)
    with pytest.raises(Stopped):
        run(project)
    assert (project.folder / "clips" / "media" / "a.mp4").read_bytes() == mp4
    assert run(project).tried == 0


def test_a_stream_with_a_piece_missing_is_no_whole_clip(host: Host, project_of: Make, ts: bytes) -> None:
    """yt-dlp leaves out a piece it cannot have and calls the rest a success, unless told otherwise."""
    third = len(ts) // 188 // 3 * 188  # a stream is made of packets of 188 bytes
    pieces = {"/1.ts": ts[:third], "/2.ts": ts[third : 2 * third], "/3.ts": ts[2 * third :]}
    lines = "".join(f"#EXTINF:0.4,\n{piece}\n" for piece in pieces)
    listed = f"#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:1\n{lines}#EXT-X-ENDLIST\n".encode()
    for path, piece in pieces.items():
        host.gives(path, piece, "video/mp2t")
    host.refuses("/2.ts", 404)
    project = project_of({"a": host.gives("/a.m3u8", listed, "application/vnd.apple.mpegurl")})
    got = run(project)
    assert statuses(got) == {"a": "truncated"}
    assert "404" in got.coverage.missing[0]["reason"], "found out from the pictures; a cut between two would be missed"
    host.gives("/2.ts", pieces["/2.ts"], "video/mp2t")
    assert run(project).coverage.complete
    [row] = clip_rows(project).values()
    assert (project.folder / row["path"]).read_bytes() == ts


def test_limit_leaves_the_rest_for_later(host: Host, project_of: Make, mp4: bytes) -> None:
    project = project_of({c: host.gives(f"/{c}.mp4", mp4) for c in "abc"})
    got = run(project, limit=2)
    assert (got.tried, got.coverage.complete, got.coverage.statuses) == (2, True, {"ok": 2, "not-tried": 1})
    assert run(project).tried == 1


def test_coverage_counts_clips_and_questions_and_is_kept(host: Host, project_of: Make, mp4: bytes) -> None:
    """Three of the four questions hang on one dead clip: half the clips are there, and a quarter of the questions."""
    project = project_of({"a": host.gives("/a.mp4", mp4), "b": host.refuses("/b.mp4", 410), "c": None})
    asked = [("q1", "a"), ("q2", "b"), ("q3", "b"), ("q4", "never-imported"), ("q5", None)]
    rows = [{"id": q, "question": "?", "choices": ["x", "y"], "answer": 0, "clip": clip} for q, clip in asked]
    project.table("questions").write(Questions.from_rows(rows).table, stage="import", parameters={})
    got = run(project).coverage
    assert got.statuses == {"ok": 1, "dead": 1, "no-source": 1}
    assert (got.here, got.clips, got.questions_here, got.questions) == (1, 3, 1, 4)
    assert got.summary() == ("1 of 3 clips: 1 ok, 1 dead, 1 no-source; coverage 33.3% of clips, 25.0% of questions")
    assert coverage.read(project) == got


def test_no_coverage_before_the_first_fetch(project_of: Make) -> None:
    assert coverage.read(project_of({"a": None})) is None


def test_cookies_are_sent_and_never_written(host: Host, project_of: Make, tmp_path: Path, mp4: bytes) -> None:
    """yt-dlp writes its cookie file back when it closes; four workers would overwrite the user's."""
    cookies = tmp_path / "cookies.txt"
    text = "# Netscape HTTP Cookie File\n127.0.0.1\tFALSE\t/\tFALSE\t4102444800\tsession\tsecret\n"
    cookies.write_text(text)
    project = project_of({"a": host.gives("/a.mp4", mp4)})
    assert run(project, cookies=cookies, proxy=None).coverage.complete
    assert cookies.read_text() == text
    found = coverage.read(project)
    assert found is not None
    assert host.cookies("/a.mp4") == {"session=secret"}
    kept = (project.folder / "clips" / "manifest.json").read_text() + json.dumps(found.to_json())
    assert "cookies" not in kept and "secret" not in kept


def test_two_fetches_of_one_project_at_once_are_refused(host: Host, project_of: Make, mp4: bytes) -> None:
    project = project_of({"a": host.gives("/a.mp4", mp4)})

    def second(done: int, total: int, row: Row) -> None:
        with pytest.raises(InputError, match="another flyreel fetch"):
            run(project)

    fetch(project, Settings(workers=1, timeout=60), second)


def test_a_project_without_links_has_nothing_to_fetch(project_of: Make) -> None:
    with pytest.raises(InputError, match=r"none of its 2 clips has a link"):
        run(project_of({"a": None, "b": "file:///etc/passwd"}))
