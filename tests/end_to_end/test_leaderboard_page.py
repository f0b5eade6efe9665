"""The leaderboard from submissions to a page, and the page in a browser, with a mouse or a keyboard."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from flyreel.cli.leaderboard import leaderboard
from flyreel.evaluate.published import load
from flyreel.evaluate.submission import digest
from flyreel.questions import Questions
from flyreel.tables import write_jsonl

NAMES = ("alpha", "beta", "gamma-with-a-name-that-goes-on-and-on-" + "for-a-long-time-" * 4, "delta")
RIGHT = (70, 20, 50, 45)
N = 90
LABEL = "[...document.querySelector('table.ranked').tHead.rows[0].cells].find(h => h.dataset.label === {label!r})"
SHOWN = (
    "[...document.querySelectorAll('table.ranked')[0].tBodies[0].querySelectorAll('tr.entry')]"
    ".filter(r => !r.hidden).map(r => r.dataset.name.slice(0, 5))"
)
CONTRAST = """
(() => {
  const channel = v => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; };
  const parse = text => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const behind = e => {
    for (; e; e = e.parentElement) {
      const c = parse(getComputedStyle(e).backgroundColor);
      if (c.length < 4 || c[3] > 0) return c;
    }
    return [255, 255, 255];
  };
  let worst = [99, ""];
  for (const e of document.querySelectorAll("body *")) {
    const own = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    if (!own || !e.checkVisibility() || e.closest(".hidden, script")) continue;
    const [a, b] = [light(parse(getComputedStyle(e).color)), light(behind(e))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < worst[0]) worst = [ratio, e.outerHTML.slice(0, 80)];
  }
  return { worst, page: behind(document.body), seen: document.querySelectorAll("body *").length };
})()
"""


def questions() -> Questions:
    categories = load("cinepile").categories
    return Questions.from_rows(
        {
            "id": f"q{i}",
            "question": f"What is in scene {i}?",
            "choices": ["a thing", "a place", "a word", "a sound"],
            "answer": i % 4,
            "category": categories[i % 5],
            "group": f"film {i // 3}",
        }
        for i in range(N)
    )


def submission(name: str, right: int) -> dict[str, Any]:
    said = {f"q{i}": "ABCD"[(i + (i >= right)) % 4] for i in range(N)}
    return {
        "schema": "flyreel-submission/1",
        "model": {"name": name, "kind": "scripted"},
        "questions": {"name": "toy", "digest": digest(questions()), "count": N},
        "answers": {"full": said, **({"blind": {"q1": "A", "q2": "C"}} if name == "alpha" else {})},
    }


def command(*words: str) -> str:
    ran = CliRunner().invoke(leaderboard, list(words), catch_exceptions=False)
    assert ran.exit_code == 0, ran.output
    return ran.stdout


@pytest.fixture
def page(tmp_path: Path) -> Path:
    file = write_jsonl(tmp_path / "toy.jsonl", questions().to_rows())
    for name, right in zip(NAMES, RIGHT, strict=True):
        sent = tmp_path / "submission.json"
        sent.write_text(json.dumps(submission(name, right)), encoding="utf-8")
        told = command("add", str(sent), "--questions", str(file), "--board", str(tmp_path / "board"), "--json")
        assert json.loads(told)["views"]["full"]["accuracy"]["n"] == N
    out = tmp_path / "page.html"
    assert command("build", str(tmp_path / "board"), "-o", str(out), "--published", "cinepile") == f"{out}\n"
    return out


def test_the_line_says_what_was_not_asked_and_what_it_costs(tmp_path: Path) -> None:
    """Or 40% looks like a model that is wrong more often than not."""
    file = write_jsonl(tmp_path / "toy.jsonl", questions().to_rows())
    sent = submission("alpha", 36)
    sent["answers"] = {"full": {id: reply for id, reply in sent["answers"]["full"].items() if int(id[1:]) < 45}}
    (tmp_path / "submission.json").write_text(json.dumps(sent), encoding="utf-8")
    words = ("add", str(tmp_path / "submission.json"), "--questions", str(file), "--board", str(tmp_path / "board"))
    told = command(*words).splitlines()[0]
    assert told.startswith("alpha: 40.0% (95% CI ")
    assert told.endswith("45 of 90 asked and the rest wrong, 80.0% of those asked, 0.0% of them cannot be read")


def head(label: str) -> str:
    return LABEL.format(label=label)


async def test_a_click_sorts_and_a_second_click_turns_it_round(browser: Any, page: Path) -> None:
    await browser.open(page)
    assert await browser.run(SHOWN) == ["alpha", "gamma", "delta", "beta"]
    await browser.click(f"{head('Accuracy')}.querySelector('button')")
    assert await browser.run(f"{head('Accuracy')}.ariaSort") == "descending"
    assert await browser.run(f"{head('Rank')}.ariaSort") is None, "two columns claim to sort the table"
    assert await browser.run("document.getElementById('status').textContent") == "Sorted by Accuracy, highest first."
    await browser.click(f"{head('Accuracy')}.querySelector('button')")
    assert await browser.run(f"{head('Accuracy')}.ariaSort") == "ascending"
    assert await browser.run(SHOWN) == ["beta", "delta", "gamma", "alpha"]


async def test_the_keyboard_sorts_too(browser: Any, page: Path) -> None:
    await browser.open(page)
    await browser.run(f"{head('Model')}.querySelector('button').focus()")
    await browser.press("Enter")
    assert await browser.run(SHOWN) == ["alpha", "beta", "delta", "gamma"]
    await browser.press(" ")
    assert await browser.run(SHOWN) == ["gamma", "delta", "beta", "alpha"]
    assert await browser.run(f"{head('Model')}.ariaSort") == "descending"
    await browser.press("Tab")
    assert await browser.run("document.activeElement.closest('th').dataset.label") == "Accuracy"


async def test_what_has_no_value_is_last_both_ways(browser: Any, page: Path) -> None:
    await browser.open(page)
    for _ in range(2):
        await browser.click(f"{head('Blind')}.querySelector('button')")
        assert (await browser.run(SHOWN))[0] == "alpha"


async def test_published_rows_stay_below_whatever_sorts(browser: Any, page: Path) -> None:
    await browser.open(page)
    await browser.click(f"{head('Accuracy')}.querySelector('button')")
    bodies = "[...document.querySelector('table.ranked').tBodies].map(b => b.querySelectorAll('tr.entry').length)"
    assert await browser.run(bodies) == [4, 21]
    first = "document.querySelector('[data-published] tr.entry').dataset.name"
    assert await browser.run(first) == "human (authors)"
    assert await browser.run("document.querySelector('[data-published]').rows[0].className") == "parts"


async def test_the_filter_hides_rows_and_says_how_many(browser: Any, page: Path) -> None:
    await browser.open(page)
    await browser.run("document.getElementById('filter').focus()")
    await browser.send("Input.insertText", text="ALPHA")
    assert await browser.run(SHOWN) == ["alpha"]
    assert await browser.run("document.getElementById('status').textContent") == "1 of 25 rows are shown."
    await browser.run("filter.value = ''; filter.dispatchEvent(new Event('input'))")
    await browser.click("document.getElementById('published')")
    assert await browser.run("document.getElementById('status').textContent") == "All 4 rows are shown."
    assert not await browser.run("document.querySelector('[data-published]').checkVisibility()")


async def test_details_open_and_stay_with_their_row(browser: Any, page: Path) -> None:
    await browser.open(page)
    button = "document.querySelector('tr.entry[data-name=alpha] .more')"
    below = "document.querySelector('tr.entry[data-name=alpha]').nextElementSibling"
    assert await browser.run(f"[{button}.ariaExpanded, {below}.checkVisibility()]") == ["false", False]
    await browser.click(button)
    await browser.click(f"{head('Model')}.querySelector('button')")
    await browser.click(f"{head('Model')}.querySelector('button')")
    assert await browser.run(f"[{button}.ariaExpanded, {below}.checkVisibility()]") == ["true", True]
    assert "alpha" in await browser.run(f"{below}.textContent")


async def test_both_colours_can_be_read_and_the_choice_lasts(browser: Any, page: Path) -> None:
    seen = {}
    for theme in ("light", "dark"):
        await browser.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": theme}])
        await browser.open(page)
        seen[theme] = await browser.run(CONTRAST)
        assert seen[theme]["worst"][0] >= 4.5, f"{theme}: {seen[theme]['worst']}"
    assert seen["light"]["page"] != seen["dark"]["page"]
    await browser.click("document.getElementById('theme')")
    assert (await browser.run(CONTRAST))["page"] == seen["light"]["page"], "the switch does not win over the system"
    assert (await browser.run(CONTRAST))["worst"][0] >= 4.5
    await browser.reload()
    assert (await browser.run(CONTRAST))["page"] == seen["light"]["page"]


@pytest.mark.parametrize("width", [390, 1280])
async def test_it_fits_and_asks_nobody_for_anything(browser: Any, page: Path, width: int) -> None:
    await browser.open(page, width=width)
    assert await browser.run("document.documentElement.scrollWidth") <= width, "the page scrolls sideways"
    await browser.run("document.querySelector('.wide').scrollLeft = 300")
    cell = "document.querySelector('tr.entry th').getBoundingClientRect()"
    assert await browser.run(f"{cell}.left >= 0 && {cell}.right <= innerWidth * 0.6"), "the names scroll away"
    assert browser.requested == [page.as_uri()]
    assert browser.errors == []


async def test_the_headings_stay_while_the_rows_scroll(browser: Any, page: Path) -> None:
    """Thirty rows of numbers say little when their headings are gone, downwards or sideways."""
    await browser.open(page, width=1280)
    await browser.run("document.getElementById('wide').scrollIntoView()")
    await browser.run("document.getElementById('wide').scrollTo(200, 600)")
    assert await browser.run("document.getElementById('wide').scrollTop") > 300
    top = "document.getElementById('wide').getBoundingClientRect().top"
    assert await browser.run(f"Math.abs({head('Accuracy')}.getBoundingClientRect().top - {top})") < 2
    over = f"(() => {{ const r = {head('Model')}.getBoundingClientRect();"
    over += " return document.elementFromPoint(r.left + 8, r.bottom - 8).closest('th').dataset.label; })()"
    assert await browser.run(over) == "Model", "another cell lies over the heading"


async def test_without_scripts_it_is_a_sorted_table(browser: Any, page: Path) -> None:
    await browser.open(page, scripts=False)
    await browser.send("Emulation.setScriptExecutionDisabled", value=False)
    assert await browser.run(SHOWN) == ["alpha", "gamma", "delta", "beta"]
    assert await browser.run("document.querySelectorAll('button:not(.theme)').length") == 0, (
        "a button that does nothing"
    )
    assert not await browser.run("document.querySelector('.tools').checkVisibility()")
    assert await browser.run("document.querySelector('tr.detail').checkVisibility()"), "details nobody can open"
