"""Options, names and the log: what may come in, and what may never come out."""

from __future__ import annotations

import string
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyreel.errors import InputError, MissingExtra
from flyreel.fetch.job import RETRIED, Row, Settings, jobs, retries, safe_name, size
from flyreel.fetch.log import Log
from flyreel.fetch.ydl import options, ready

SAFE = set(string.ascii_letters + string.digits + "._-")


@given(st.lists(st.text(min_size=1, max_size=200), unique=True, max_size=8))
def test_every_id_gets_a_file_name_of_its_own(ids: list[str]) -> None:
    """Two clips under one name would overwrite each other, also where the disk does not tell A from a."""
    names = [safe_name(id) for id in ids]
    assert len({name.lower() for name in names}) == len(ids)
    for name in names:
        assert set(name) <= SAFE and 0 < len(name) < 100 and name[0] not in ".-"


def test_a_plain_id_is_its_own_name() -> None:
    assert safe_name("tumblr_na6doqocba1ekg5vi") == "tumblr_na6doqocba1ekg5vi"
    assert safe_name("../../etc/passwd") != "../../etc/passwd"


@pytest.mark.parametrize(
    ("text", "bytes"), [("2M", 2_000_000), ("800k", 800_000), ("1.5G", 1_500_000_000), ("70", 70), ("5MB", 5_000_000)]
)
def test_sizes(text: str, bytes: int) -> None:
    assert size(text, "--rate") == bytes


@pytest.mark.parametrize("text", ["", "fast", "-1", "0", "2T", "1e6"])
def test_a_size_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="--rate"):
        size(text, "--rate")


def test_retries() -> None:
    assert retries(None) == RETRIED
    assert "ok" not in retries("all") and "dead" in retries("all")
    assert retries("none") == ()
    assert retries("dead, blocked") == ("dead", "blocked")
    with pytest.raises(InputError, match="Did you mean blocked"):
        retries("blokced")
    with pytest.raises(InputError, match="--retry ok"):
        retries("ok")


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"workers": 0}, "--workers 0"), ({"height": -1}, "--height -1"), ({"limit": 0}, "--limit 0"),
        ({"timeout": 0.0}, "--timeout 0"), ({"timeout": float("nan")}, "--timeout nan"),
        ({"proxy": "localhost:1"}, "--proxy localhost:1"), ({"cookies": Path("none.txt")}, "--cookies none.txt"),
    ],
)  # fmt: skip
def test_settings_that_cannot_be_are_refused(setting: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=f"^{said}"):
        Settings(**setting)


def test_what_yt_dlp_cannot_read_is_refused_before_the_first_request(tmp_path: Path) -> None:
    """Each of these would otherwise fail once for every clip."""
    with pytest.raises(InputError, match=r"^--format b\[: not a yt-dlp format"):
        ready(Settings(format="b["))
    with pytest.raises(InputError, match=r"^--sort \?\?: not a yt-dlp order"):
        ready(Settings(sort="??"))
    (tmp_path / "cookies.txt").write_text("{}")
    with pytest.raises(InputError, match="not a Netscape"):
        ready(Settings(cookies=tmp_path / "cookies.txt"))
    assert ready(Settings(format="bv*+ba/b", sort="res:224,ext:mp4:m4a"))


def test_without_yt_dlp_the_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "yt_dlp", None)
    with pytest.raises(MissingExtra, match=r"flyreel fetch needs .* pip install 'flyreel\[fetch\]'"):
        ready(Settings())


def test_what_is_asked_of_yt_dlp(tmp_path: Path) -> None:
    """The options whose default would lose something without a word."""
    folder = tmp_path / "50% off"
    asked = options(Settings(height=224, rate=4000, workers=4).sent(), "https://example.org/v", folder)
    assert asked["format_sort"] == ["height:224", "ext:mp4:m4a"]
    assert asked["skip_unavailable_fragments"] is False, "fragments that fail would be left out of the file"
    assert asked["ratelimit"] == 1000, "four workers share the run's rate"
    assert asked["outtmpl"] % {"ext": "mp4"} == str(folder / "clip.mp4")
    assert asked["proxy"] is None, "the environment's proxy counts, as for any program"
    assert options(Settings().sent(), "http://127.0.0.1:1/v", folder)["proxy"] == "", "but not for loopback"
    assert options(Settings(proxy="http://h:1").sent(), "http://127.0.0.1:1/v", folder)["proxy"] == "http://h:1"


def test_one_job_for_each_source() -> None:
    made = jobs([{"id": "a", "source": "u"}, {"id": "b", "source": "v"}, {"id": "c", "source": "u"}])
    assert [(job.source, job.clips, job.name) for job in made] == [("u", ("a", "c"), "a"), ("v", ("b",), "b")]


def test_a_line_cut_by_a_power_loss_costs_that_line(tmp_path: Path) -> None:
    log = Log(tmp_path / "status.jsonl")
    assert log.rows() == []
    first, second, third = (Row(clip=c, source=f"http://h/{c}", status="ok", media={"frames": 8}) for c in "abc")
    log.add([first, second])
    text = log.path.read_bytes()
    log.path.write_bytes(text[:-9])
    log.add([third])
    assert log.rows() == [first, third]


@given(st.binary(max_size=200))
def test_a_log_of_rubbish_is_a_log_without_rows(tmp_path_factory: pytest.TempPathFactory, rubbish: bytes) -> None:
    path = tmp_path_factory.mktemp("log") / "status.jsonl"
    path.write_bytes(rubbish)
    log = Log(path)
    before = log.rows()
    row = Row(clip="a", source="http://h/a", status="dead", reason="gone")
    log.add([row])
    assert log.rows() == [*before, row]
