"""The page of a refinement: it says what was proved and what was not, and shows hostile text without running it."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from flyreel.audit.statistics import Estimate
from flyreel.engine.budget import Budget
from flyreel.engine.calls import Caller, Limits
from flyreel.errors import InputError
from flyreel.models.fake import FakeModel, FakeReply
from flyreel.questions import Questions
from flyreel.refine import store, summary
from flyreel.refine.loop import Refined, Setting, refine
from flyreel.refine.proof import Auditor
from flyreel.refine.wordings import reworded
from flyreel.report.refinement import CARDS, verdict, write_report
from flyreel.review import queue
from flyreel.review.queue import Case
from flyreel.schema import Revision, Wording
from flyreel.toybox.questions import questions

HOSTILE = '<script>alert("x")</script><img src=x onerror=alert(1)>&amp;\u202e{{ 7 * 7 }}{% raise %}'


def estimate(accuracy: float, chance: float = 0.2, half: float = 0.05, n: int = 120) -> Estimate:
    low, high = max(0.0, accuracy - half), min(1.0, accuracy + half)
    excess = [(x - chance) / (1 - chance) for x in (accuracy, low, high)]
    return Estimate(accuracy, (low, high), chance, excess[0], (excess[1], excess[2]), 0.04, n, 30)


def auditor(name: str, role: Any, before: float | None, after: float | None, note: str = "") -> Auditor:
    if before is None or after is None:
        return Auditor(name, role, None, None, None, None, 120, note or "http-400 (120)")
    apart = after - before
    return Auditor(name, role, estimate(before), estimate(after), apart, (apart - 0.06, apart + 0.06), 120, note)


PROOF = [
    auditor("trees", "heldout", 0.47, 0.22),
    auditor("big-model", "heldout", 0.61, 0.24),
    auditor("shortcut", "loop", 0.52, 0.19),
    auditor("surface", "rules", 0.44, 0.21, "the longest choice"),
    auditor("verifier", "cues", 0.97, 0.96),
]


def rewritten(messages: list[dict[str, Any]]) -> FakeReply:
    """Proposes other wrong choices, with a text that a page must not take for its own."""
    shown = re.search(r"^The question as it stands: (.*)$", str(messages[-1]["content"]), re.M)
    now = json.loads(shown[1]) if shown else {"question": "?", "choices": ["a", "b"], "answer": 0}
    choices = [
        c if i == now["answer"] else f"somebody else, {i} of {len(now['choices'])}"
        for i, c in enumerate(now["choices"])
    ]
    return FakeReply(
        json.dumps(
            {"change": "both", "question": f"{now['question']} Say so.", "choices": choices, "answer": now["answer"]}
        )
    )


@cache
def toybox() -> tuple[Questions, Refined]:
    made = questions(seed=5, scenes=15, per_scene=4, faults=0.6)
    rewriter = Caller(FakeModel(rewritten), Limits(), None, Budget())
    return made, asyncio.run(refine(made, Setting(strategy="distractors", rewriter=rewriter, attempts=2)))


def saved(folder: Path, auditors: list[Auditor], **more: Any) -> Path:
    before, refined = toybox()
    return finished(folder, before, refined, auditors, **more)


def finished(
    folder: Path, before: Questions, refined: Refined, auditors: list[Auditor], source: str = "toys.jsonl", **more: Any
) -> Path:
    revisions = [r for w in refined.walks for r in w.revisions]
    rows = {row["id"]: row for row in refined.questions.to_rows()}
    waits = [w for w in refined.walks if w.outcome in queue.WAITING]
    cases = [Case(question=rows[w.id], reason=w.outcome, detail=w.reason, tried=tuple(w.revisions)) for w in waits]
    told = summary.told(refined, before, refined.questions, auditors, Setting(strategy="distractors"))
    store.save(folder, before, refined.questions, revisions, cases)
    store.save_summary(folder, {"source": source, **told, "how": {"command": f"flyreel refine {source}"}, **more})
    return folder


def by_hand(text: str = "plain") -> tuple[Questions, Refined]:
    """Six questions, one of every outcome, whatever a solver would have said."""
    before = Questions.from_rows(
        {"id": f"q{i} {text}", "question": f"What falls in scene {i}? {text}",
         "choices": [f"{w} {i} {text}" for w in "abc"], "answer": i % 3, "group": f"g{i}"}
        for i in range(6)
    )  # fmt: skip
    refined = asyncio.run(refine(before, Setting(strategy="distractors")))
    outcomes = ("strong", "spared", "stronger", "unfixable", "spoken", "unknown")
    walks = []
    for walk, outcome in zip(refined.walks, outcomes, strict=True):
        made: list[Revision] = []
        best = walk.first
        if outcome in ("stronger", "unfixable"):
            new = Wording(
                question=walk.first.question, choices=(f"x {text}", *walk.first.choices[1:]), answer=walk.first.answer
            )
            gates = {"schema": "passed", "solvable": f"refused: not-solvable: {text}"}
            tried = Revision(
                question=walk.id, attempt=1, base=0, strategy="rewrite", before=walk.first, after=new, gates=gates,
                rationale=f"it gives it away {text}", accepted=False, reason=f"not-solvable {text}",
            )  # fmt: skip
            none = {"attempt": 2, "after": None, "gates": {}, "rationale": None, "reason": f"no-json {text}"}
            made = [tried, tried.model_copy(update=none)]
        if outcome == "stronger":
            kept = {"schema": "passed", "solvable": f"not checked: no-verifier {text}", "no-longer-weak": "passed"}
            made.append(made[0].model_copy(update={"attempt": 3, "gates": kept, "accepted": True, "reason": "",
                                                   "score": 0.2, "verdict": "strong"}))  # fmt: skip
            assert made[0].after is not None
            best = made[0].after
        walks.append(replace(walk, outcome=outcome, reason=f"because {text}", revisions=made, best=best))
    after = reworded(before, {w.row: w.best for w in walks if w.changed})
    return before, Refined(after, walks, 3)


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes += attrs


def parsed(text: str) -> Tags:
    tags = Tags()
    tags.feed(text)
    return tags


def read(folder: Path) -> str:
    return write_report(folder).read_text(encoding="utf-8")


def test_hostile_text_is_shown_and_never_run(tmp_path: Path) -> None:
    proof = [auditor(HOSTILE, "heldout", 0.5, 0.2, HOSTILE), auditor(HOSTILE, "loop", None, None, HOSTILE)]
    calls = {HOSTILE: {"sent": 1, "from_ledger": 0, "retried": 0, "input_tokens": 9, "output_tokens": 1, "money": 0.5,
                       "failures": {HOSTILE: 1}, "roles": [HOSTILE]}}  # fmt: skip
    labels = {HOSTILE: {"computed": 1, "removed": 0, "kept": 0, "open": {HOSTILE: 1}}}
    first = {f"q2 {HOSTILE}": {"score": 0.9, "weak_to": [HOSTILE]}}
    problems = [{"row": 7, "reason": "one-choice", "detail": HOSTILE}]
    page = read(
        finished(
            tmp_path, *by_hand(HOSTILE), proof, HOSTILE, calls=calls, labels=labels, first=first, problems=problems
        )
    )
    tags = parsed(page)
    assert not {"script", "img", "iframe", "link", "object", "a"} & set(tags.names)
    assert not [name for name, _ in tags.attributes if name.startswith("on")]
    assert "&lt;script&gt;" in page and "{{ 7 * 7 }}" in page and "{% raise %}" in page


def test_text_that_turns_the_reading_order_round_turns_only_itself(tmp_path: Path) -> None:
    """A right-to-left override that is not isolated would mirror the numbers beside it."""
    page = read(finished(tmp_path, *by_hand("\u202eabc"), PROOF))
    body = page[page.index("<main>") : page.index("How to repeat")]
    turning = [line for line in body.splitlines() if "\u202e" in line]
    assert len(turning) > 20
    for line in turning:
        assert "dir=" in line or "<bdi>" in line, line


def test_nothing_is_loaded_from_anywhere(tmp_path: Path) -> None:
    page = read(saved(tmp_path, PROOF))
    assert not [value for name, value in parsed(page).attributes if name in ("src", "href", "srcset", "action")]
    assert "default-src 'none'" in page and "url(" not in page and "@import" not in page


def test_the_verdict_is_that_of_the_solver_that_took_no_part_and_knows_most(tmp_path: Path) -> None:
    """Quoting the kindest of several held-out solvers, or one that the loop was bent to, would prove nothing."""
    page = read(saved(tmp_path, PROOF))
    title = re.search(r"<h1>(.*?)</h1>", page, re.S)
    assert title and title[1] == (
        "big-model, which took no part, finds the key of 61.0% of the questions before and of 24.0% after "
        "(95% interval 19.0 to 29.0%), where chance is 20.0%."
    )


def test_a_solver_that_is_still_above_chance_or_now_below_it_is_named_at_the_top(tmp_path: Path) -> None:
    proof = [
        auditor("trees", "heldout", 0.6, 0.35),
        auditor("shortcut", "loop", 0.5, 0.05),
        auditor("v", "cues", 0.9, 0.6),
    ]
    page = read(saved(tmp_path, proof))
    top = page[page.index("</h1>") : page.index("The proof</h2>")]
    assert "<b>Still above chance.</b> <bdi>trees (held out) finds the key of 35.0%" in top
    assert "<b>Below chance.</b> <bdi>shortcut (of the loop) is right only 5.0%" in top
    assert "<b>Harder with every cue.</b> <bdi>v: −30.0 points (−36.0 to −24.0) from 90.0% before" in top


def test_a_fall_that_may_be_luck_is_not_passed_off_as_one(tmp_path: Path) -> None:
    page = read(saved(tmp_path, [auditor("trees", "heldout", 0.26, 0.22), auditor("shortcut", "loop", 0.26, 0.22)]))
    assert "<b>No fall shown.</b> <bdi>trees (held out): −4.0 points (−10.0 to +2.0) from 26.0% before</bdi>." in page
    assert page.count("No fall shown") == 1


def test_without_a_solver_that_took_no_part_nothing_is_proved(tmp_path: Path) -> None:
    page = read(saved(tmp_path / "a", [a for a in PROOF if a.role == "loop"]))
    assert re.search(r"<h1>Nothing is proved: \d+ of 60 questions changed, and no solver that took no part", page)
    assert "Took no part" not in page and "so their fall proves nothing" in page
    failed = read(saved(tmp_path / "b", [auditor("big", "heldout", None, None)]))
    assert (
        "<h1>Nothing is proved" in failed
        and "<b>Shows nothing.</b> <bdi>big (held out): http-400 (120)</bdi>." in failed
    )
    assert "No auditor was run" in read(saved(tmp_path / "c", []))


def test_a_set_without_a_weak_question_is_said_to_be_unchanged(tmp_path: Path) -> None:
    before, _ = by_hand()
    strong = asyncio.run(refine(before, Setting(strategy="distractors")))
    strong = Refined(before, [replace(w, outcome="strong", revisions=[], best=w.first) for w in strong.walks], 0)
    page = read(finished(tmp_path, before, strong, PROOF))
    assert "<h1>Nothing was changed: of 6 questions none was found weak beyond luck.</h1>" in page
    assert "No revision was made" in page and "Nothing waits." in page and 'class="card"' not in page
    assert "0 calls" in page


def test_a_set_without_questions_has_a_page_too(tmp_path: Path) -> None:
    nothing = Questions.from_rows([])
    before, _ = by_hand()
    strong = Refined(before, [], 0)
    finished(tmp_path, before, strong, [], questions=0, groups=0, chance=None)
    store.save(tmp_path, nothing, nothing, [], [])
    page = read(tmp_path)
    assert "<h1>The set holds no question with choices: nothing was refined.</h1>" in page
    assert "There was no question to work on." in page


def test_every_outcome_is_counted_and_those_that_wait_are_shown(tmp_path: Path) -> None:
    page = read(finished(tmp_path, *by_hand(), PROOF))
    for words in ("strong from the start", "left to luck", "made stronger", "cues speak", "no solver could judge"):
        assert words in page
    assert 'aria-label="Of 6 questions: 1 strong, 1 spared, 1 stronger, 1 unfixable, 1 spoken, 1 unknown"' in page
    assert "3 questions of 6: 1 unfixable, 1 spoken, 1 unknown" in page
    assert page.count('class="card"') == 4
    assert "not-solvable: plain (2)" in page and "not checked: no-verifier plain (1)" in page
    assert "2 of 3 attempts refused" in page and "“it gives it away plain”" in page


def test_a_probability_of_the_key_stands_beside_the_one_before_and_chance(tmp_path: Path) -> None:
    page = read(finished(tmp_path / "a", *by_hand(), PROOF, first={"q2 plain": {"score": 0.71, "weak_to": ["text"]}}))
    assert "probability of the key 71.0% → 20.0%, chance 33.3%" in page and "Prompted by: weak to text" in page
    alone = read(finished(tmp_path / "b", *by_hand(), PROOF, first={}))
    assert "probability of the key 20.0% now, chance 33.3%" in alone


def test_cards_are_bounded_and_those_whose_key_fell_furthest_come_first(tmp_path: Path) -> None:
    page = read(saved(tmp_path, PROOF))
    cards = page[page.index("Changed questions</h2>") : page.index("For a person to look at</h2>")]
    shown = re.findall(r"probability of the key ([\d.]+)% → ([\d.]+)%", cards)
    falls = [float(before) - float(after) for before, after in shown]
    assert 1 < len(falls) <= CARDS and all(a >= b - 0.11 for a, b in pairwise(falls))  # as rounded on the page


def test_the_page_is_the_same_each_time_and_names_no_folder(tmp_path: Path) -> None:
    folder = saved(tmp_path / "deep", PROOF, out=str(tmp_path / "deep.jsonl"))
    assert read(folder) == write_report(folder, tmp_path / "b.html").read_text(encoding="utf-8")
    assert str(tmp_path) not in read(folder)


def test_no_refinement_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no finished refinement there"):
        write_report(tmp_path)


def test_what_could_not_be_judged_is_not_called_strong() -> None:
    told = {"questions": 3, "weak": 0, "outcomes": {"unknown": 3}, "edits": {"questions_changed": 0}, "proof": []}
    assert verdict(told) == "Nothing was changed: 3 of 3 questions could not be judged."


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs Debian's chromium: apt-get install chromium")
def test_a_browser_renders_it_without_scrolling_sideways(tmp_path: Path) -> None:
    page = write_report(finished(tmp_path, *by_hand("averylongword" * 30), PROOF))
    probe = tmp_path / "probe.html"
    text = page.read_text(encoding="utf-8").replace("default-src 'none'; ", "").replace("<details>", "<details open>")
    # a headless window is never narrower than 500 pixels, a frame is
    script = (
        "<script>const f = document.createElement('iframe'); f.style.width = '380px'; f.style.border = 0; "
        "const page = document.documentElement.outerHTML.replace(/<script>[^]*?<.script>/, ''); f.srcdoc = page; "
        "f.onload = () => { const root = f.contentDocument.documentElement; "
        "document.title = root.scrollWidth + '/' + f.contentWindow.innerWidth }; "
        "document.body.append(f)</script></body>"
    )
    probe.write_text(text.replace("</body>", script), encoding="utf-8")
    seen = subprocess.run(
        ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         f"--user-data-dir={tmp_path / 'profile'}", "--window-size=900,900", "--dump-dom", probe.as_uri()],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    match = re.search(r"<title>(\d+)/(\d+)</title>", seen.stdout)
    assert match and int(match[2]) == 380, "the page was not measured at the width of a phone"
    assert int(match[1]) <= int(match[2]), "the page is wider than a phone"
