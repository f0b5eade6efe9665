"""The model that watches is right when it is shown the clip, and not when it is not: evaluations are tested on that."""

from __future__ import annotations

from pathlib import Path

import pytest

from flyreel.evaluate.answering import items
from flyreel.evaluate.pictures import Choosing, Pictures, pictures
from flyreel.evaluate.showing import Item, show
from flyreel.evaluate.views import VIEWS
from flyreel.formats.base import read
from flyreel.formats.clip_files import files
from flyreel.questions import Questions
from flyreel.toybox.make import Plan, make
from flyreel.toybox.watcher import DRESSES, Watcher


@pytest.fixture(scope="module")
def toybox(tmp_path_factory: pytest.TempPathFactory) -> tuple[Questions, dict[str, Path]]:
    folder = tmp_path_factory.mktemp("toybox")
    make(Plan(seed=5, clips=4, questions=5), folder)
    questions = read(folder / "questions.jsonl").questions
    return questions, {id: Path(p) for id, p in files(questions, folder / "questions.jsonl", None).items()}


def right(toybox: tuple[Questions, dict[str, Path]], view: str, watcher: Watcher, shift: int = 0) -> float:
    """Share of letters that are the key's; `shift` shows the pictures of another clip."""
    questions, found = toybox
    asked = items(questions, found, {})
    seen: list[Pictures] = [pictures(item.video, item.question, Choosing(k=6)) for item in asked if item.video]
    assert len(seen) == len(asked)
    hits = [said(watcher, item, view, seen[(i + shift) % len(seen)]) == key
            for i, (item, key) in enumerate(zip(asked, questions.answer, strict=True))]  # fmt: skip
    return sum(hits) / len(hits)


def said(watcher: Watcher, item: Item, view: str, seen: Pictures) -> int | None:
    """By the dress it was said in, so that no parser is trusted here."""
    reply = watcher(show(item, VIEWS[view], seen).call.body("m")["messages"]).text
    for i, text in enumerate(item.choices):
        if reply in {dress.format(letter="ABCDEFGH"[i], text=text) for dress in DRESSES}:
            return i
    return None


def test_it_needs_the_clip_and_its_order(toybox: tuple[Questions, dict[str, Path]]) -> None:
    watcher = Watcher(*toybox, single=0.5)
    assert right(toybox, "full", watcher) == 1.0
    assert right(toybox, "reversed", watcher) < 0.5
    assert right(toybox, "blind", watcher) < 0.5
    assert 0.2 < right(toybox, "middle", watcher) < 0.9
    assert right(toybox, "full", watcher, shift=7) < 0.5, "another clip's pictures tell nothing"


def test_it_mumbles_as_often_as_it_says(toybox: tuple[Questions, dict[str, Path]]) -> None:
    assert right(toybox, "full", Watcher(*toybox, mumbles=1.0)) == 0.0


def test_an_open_question_gets_a_word(toybox: tuple[Questions, dict[str, Path]]) -> None:
    """There is no choice to choose, and the server is to answer."""
    call = show(Item("o", "How many?", ()), VIEWS["blind"], None).call
    assert Watcher(*toybox)(call.body("m")["messages"]).text.isalpha()
