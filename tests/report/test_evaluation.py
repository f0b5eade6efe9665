"""The evaluation page: what it says first, what it warns of, and that nothing in the data becomes markup."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from flyreel.evaluate import session
from flyreel.report.evaluation import verdict, write_report
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


@pytest.mark.parametrize("n", [1, 2])
def test_a_tiny_set(tmp_path: Path, n: int):
    assert write_report(evaluated(tmp_path, lambda i, v: "A", n=n)).stat().st_size > 4000
