"""The report page: whole, self-contained, and safe with whatever the data holds."""

from __future__ import annotations

import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

from flyreel.audit import store
from flyreel.audit.run import audit
from flyreel.errors import InputError
from flyreel.questions import Questions
from flyreel.report.page import write_report
from flyreel.schema import Problem

HOSTILE = '<script>alert("x")</script><img src=x onerror=alert(1)>&amp;\u202e{{ 7 * 7 }}'


def saved(folder: Path, text: str = "plain", n: int = 60) -> Path:
    rows = [
        {
            "id": f"q{i} {text}",
            "question": f"What happens in scene {i}? {text}",
            "choices": [f"the longest choice of all, {i} {text}", f"short {i}", f"brief {i}", f"small {i}"],
            "answer": 0 if i % 3 else 1 + i % 4 % 3,
            "group": f"film {i // 2}",
            "category": f"kind {i % 3} {text}",
        }
        for i in range(n)
    ]
    problems = [Problem(row=61, reason="one-choice", detail=text)]
    done = audit(f"file {text}", Questions.from_rows(rows), problems=problems)
    store.save(done, folder)
    return folder


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes += attrs


def parsed(page: Path) -> Tags:
    tags = Tags()
    tags.feed(page.read_text(encoding="utf-8"))
    return tags


def test_hostile_text_is_shown_and_never_run(tmp_path: Path) -> None:
    tags = parsed(write_report(saved(tmp_path, HOSTILE)))
    assert not {"script", "img", "iframe", "link", "object"} & set(tags.names)
    assert not [name for name, _ in tags.attributes if name.startswith("on")]
    assert "&lt;script&gt;" in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "{{ 7 * 7 }}" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_nothing_is_loaded_from_anywhere(tmp_path: Path) -> None:
    tags = parsed(write_report(saved(tmp_path)))
    assert not [value for name, value in tags.attributes if name in ("src", "href", "srcset", "action")]
    assert "default-src 'none'" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_the_page_says_what_the_json_says(tmp_path: Path) -> None:
    page = write_report(saved(tmp_path)).read_text(encoding="utf-8")
    summary = store.load(tmp_path).summary
    assert summary["verdict"] in page
    assert "the longest choice is right" in page
    for name, probe in summary["probes"].items():
        assert name in page
        if probe["accuracy"] is not None:
            assert f"{100 * probe['accuracy']:.1f}%" in page
    assert "one-choice" in page and "kind 0" in page
    for heading in (
        "Why it leaks",
        "What to do next",
        "The weakest questions",
        "What was not checked",
        "How to repeat",
    ):
        assert heading in page


def test_at_most_fifty_cards_and_the_weakest_first(tmp_path: Path) -> None:
    page = write_report(saved(tmp_path, n=200)).read_text(encoding="utf-8")
    assert page.count('class="card"') == 50
    shown = [float(p) for p in re.findall(r'class="choice key">.*?class="p">([\d.]+)%', page, re.S)]
    assert shown[0] >= shown[-1]


def test_a_report_can_be_made_again_elsewhere(tmp_path: Path) -> None:
    folder = saved(tmp_path / "a")
    first = write_report(folder).read_text(encoding="utf-8")
    assert write_report(folder, tmp_path / "b.html").read_text(encoding="utf-8") == first


def test_no_audit_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no audit there"):
        write_report(tmp_path)


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs Debian's chromium: apt-get install chromium")
def test_a_browser_renders_it_without_scrolling_sideways(tmp_path: Path) -> None:
    page = write_report(saved(tmp_path, "averylongword" * 30))
    probe = tmp_path / "probe.html"
    text = page.read_text(encoding="utf-8").replace("default-src 'none'; ", "")
    script = "<script>document.title = document.documentElement.scrollWidth + '/' + innerWidth</script></body>"
    probe.write_text(text.replace("</body>", script), encoding="utf-8")
    seen = subprocess.run(
        ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         f"--user-data-dir={tmp_path / 'profile'}", "--window-size=500,900", "--dump-dom", probe.as_uri()],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    match = re.search(r"<title>(\d+)/(\d+)</title>", seen.stdout)
    assert match and int(match[1]) <= int(match[2]), "the page is wider than a phone"
