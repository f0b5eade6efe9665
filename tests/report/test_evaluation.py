"""The evaluation page: what it says first, what it warns of, and that nothing in the data becomes markup."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest

from flyreel.evaluate import session, store
from flyreel.report.evaluation import render, verdict, write_report
from flyreel.tables import write_jsonl

HOSTILE = '<script>alert("x")</script><img src=x onerror=alert(1)>&amp;\u202e{{ 7 * 7 }}'


class Quiet:
    def advance(self, *_: Any) -> None:
        pass


def evaluated(folder: Path, reply: Any, text: str = "plain", n: int = 40, views: tuple[str, ...] = ("full",)) -> Path:
    """An evaluation of replies from a file; `reply(i, view)` is None where nothing was asked."""
    rows = [
        {"id": f"q{i}", "question": f"Who waves in {i}? {text}", "choices": [f"Anna {text}", "Ben", "Cleo", "Dan"],
         "answer": i % 4, "group": f"g{i // 2}", "category": f"kind {i % 2} {text}", "meta": {"hard": i % 5 == 0}}
        for i in range(n)
    ]  # fmt: skip
    write_jsonl(folder / "set.jsonl", rows)
    said = [{"question": f"q{i}", "model": f"model {text}", "view": v, "reply": r} for i in range(n) for v in views
            if (r := reply(i, v)) is not None]  # fmt: skip
    write_jsonl(folder / "said.jsonl", said)
    asked = session.Request(folder / "set.jsonl", predictions=(folder / "said.jsonl",), out=folder / "out")
    return session.run(asked, say=lambda line: None, progress=lambda label: Quiet()).folder


def test_the_verdict_and_the_warnings(tmp_path: Path):
    def reply(i: int, view: str) -> str | None:
        if view == "blind":
            return "ABCD"[i % 4] if i % 2 else "ABCD"[(i + 1) % 4]
        return None if i < 4 else "A or B" if i < 8 else "ABCD"[i % 4]

    page = write_report(evaluated(tmp_path, reply, views=("full", "blind"))).read_text()
    assert "model plain answers 88.9% of 36 of 40 questions" in page
    assert "full 4 of 40 (no-prediction 4)" in page
    assert re.search(r"Replies that cannot be read</b>model plain: full 11\.1%", page)
    assert "gets 50.0% from the question alone, chance 25.0%" in page
    assert "hard questions" in page and "not read:" in page


def test_nothing_answered_says_so(tmp_path: Path):
    page = write_report(evaluated(tmp_path, lambda i, v: "A" if i == 0 else None, views=("blind",))).read_text()
    assert "nothing here says how well a model watches" in page


def test_hostile_text_stays_text(tmp_path: Path):
    page = write_report(evaluated(tmp_path, lambda i, v: HOSTILE, HOSTILE)).read_text()
    assert "<script" not in page and "onerror=alert(1)>" not in page and "{{ 7 * 7 }}" in page
    assert not re.search(r'(?:src|href)="(?!data:)', page), "the page loads nothing"


def test_the_best_model_is_named_by_its_number():
    def about(rate: float) -> dict[str, Any]:
        return {"views": {"full": {"accuracy": {"accuracy": rate, "ci95": [0.1, 0.9], "chance": 0.2, "n": 5}}}}

    told = {"models": {"a": about(0.3), "b": about(0.6)}, "with_choices": 5}
    assert verdict(told).startswith("b answers 60.0% of all 5 questions")


def test_what_watching_adds_is_said_of_the_model_in_the_verdict(tmp_path: Path):
    """Said of another, the second sentence would take the first one's number for its own."""
    rows = [{"id": f"q{i}", "question": "Who?", "choices": ["Anna", "Ben"], "answer": i % 2} for i in range(20)]
    write_jsonl(tmp_path / "set.jsonl", rows)
    right = ["AB"[i % 2] for i in range(20)]
    files = []
    for name, full, blind in (("poor", ["A"] * 20, ["A"] * 20), ("good", right, ["A"] * 20), ("odd", right, None)):
        said = [{"question": f"q{i}", "view": view, "reply": reply[i]}
                for view, reply in (("full", full), ("blind", blind)) if reply for i in range(20)]  # fmt: skip
        files.append(write_jsonl(tmp_path / f"{name}.jsonl", said))

    def page(*files: Path) -> str:
        asked = session.Request(tmp_path / "set.jsonl", predictions=files, out=tmp_path / "out")
        return write_report(
            session.run(asked, say=lambda line: None, progress=lambda label: Quiet()).folder
        ).read_text()

    assert "For good, watching adds +50.0 points" in page(*files[:2])
    alone = page(files[0], files[2])
    assert "odd answers 100.0%" in alone and "Whether that is due to watching was not measured" in alone


def test_more_choices_than_letters_are_numbered(tmp_path: Path):
    many = [f"choice number {i}" for i in range(30)]
    row = {"id": "q", "question": "Who?", "choices": many, "answer": 29}
    write_jsonl(tmp_path / "set.jsonl", [row])
    said = [{"question": "q", "view": view, "answer": 28 if view == "full" else 29} for view in ("full", "blind")]
    write_jsonl(tmp_path / "said.jsonl", said)
    asked = session.Request(tmp_path / "set.jsonl", predictions=(tmp_path / "said.jsonl",), out=tmp_path / "out")
    done = session.run(asked, say=lambda line: None, progress=lambda label: Quiet())
    page = write_report(done.folder).read_text()
    assert "<span>27</span>" in page and "blind: 30" in page


def test_a_set_of_open_questions(tmp_path: Path):
    rows = [{"id": f"q{i}", "question": "How many?", "answer": a} for i, a in enumerate(["3", "2", "rain", "sun"])]
    write_jsonl(tmp_path / "set.jsonl", rows)
    write_jsonl(tmp_path / "said.jsonl", [{"question": f"q{i}", "reply": "lots"} for i in range(3)])
    asked = session.Request(tmp_path / "set.jsonl", predictions=(tmp_path / "said.jsonl",), out=tmp_path / "out")
    done = session.run(asked, say=lambda line: None, progress=lambda label: Quiet())
    page = write_report(done.folder).read_text()
    assert "4 open-ended questions: how near the answers come" in page
    assert "no number in any of 2 replies" in page and "BLEU says nothing of them" in page
    assert re.search(r"Not the whole set was asked</b>said: open-ended 1 of 4 \(no-prediction 1\)", page)


def test_the_page_says_how_many_counts_were_read(tmp_path: Path):
    rows = [{"id": f"q{i}", "question": "How many?", "answer": str(i)} for i in range(4)]
    write_jsonl(tmp_path / "set.jsonl", rows)
    replies = [{"question": f"q{i}", "reply": "lots" if i else "1"} for i in range(4)]
    write_jsonl(tmp_path / "said.jsonl", replies)
    asked = session.Request(tmp_path / "set.jsonl", predictions=(tmp_path / "said.jsonl",), out=tmp_path / "out")
    done = session.run(asked, say=lambda line: None, progress=lambda label: Quiet())
    assert "mean squared error 1.00 of 1 read of 4; always the mean: 0.00" in write_report(done.folder).read_text()


def test_a_question_set_of_a_folder_has_its_name(tmp_path: Path):
    saved = store.load(evaluated(tmp_path, lambda i, v: "A", n=2))
    told = {**saved.summary, "source": ".", "name": "my project"}
    assert "flyreel evaluation: my project" in render(dataclasses.replace(saved, summary=told))


@pytest.mark.parametrize("n", [1, 2])
def test_a_tiny_set(tmp_path: Path, n: int):
    assert write_report(evaluated(tmp_path, lambda i, v: "A", n=n)).stat().st_size > 4000
