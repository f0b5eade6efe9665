"""The leaderboard page: whole, sorted without a script, and safe with whatever a submission holds."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

from flyreel.errors import InputError
from flyreel.evaluate.leaderboard import add
from flyreel.evaluate.leaderboard import load as load_board
from flyreel.evaluate.published import Printed, Published, Row, load
from flyreel.evaluate.submission import digest
from flyreel.questions import Questions
from flyreel.report.leaderboard import render, write_page

HOSTILE = '<script>alert("x")</script><img src=x onerror=alert(1)>&amp;{{ 7 * 7 }}'
N = 60


def questions(categories: tuple[str, ...] = ("one", "two"), hard: bool = False) -> Questions:
    return Questions.from_rows(
        {
            "id": f"q{i}",
            "question": f"What is in scene {i}?",
            "choices": ["a thing", "a place", "a word", "a sound"],
            "answer": i % 4,
            "category": categories[i % len(categories)],
            "meta": {"hard_split": "True"} if hard and i % 3 == 0 else {},
        }
        for i in range(N)
    )


def answers(right: int, of: int = N) -> dict[str, int]:
    return {f"q{i}": i % 4 if i < right else (i + 1) % 4 for i in range(of)}


def board(folder: Path, asked: Questions, **rows: dict[str, Any]) -> Path:
    for name, changes in rows.items():
        made = {
            "schema": "flyreel-submission/1",
            "model": {"name": name, "kind": "scripted"},
            "questions": {"name": "toy", "digest": digest(asked), "count": N},
            "answers": {"full": answers(30)},
            **changes,
        }
        path = folder / f"sent-{len(name)}.json"
        path.write_text(json.dumps(made), encoding="utf-8")
        add(path, asked, "toy.jsonl", folder / "board")
    return folder / "board"


def page(folder: Path, *published: str) -> str:
    return write_page(folder, None, published).read_text(encoding="utf-8")


def text_of(page: str) -> list[str]:
    """Cells and headings of the first table, row by row."""
    table = page[page.index("<table") : page.index("</table>")]
    rows = re.findall(r"<tr class=\"entry.*?</tr>", table, re.S)
    return [" ".join(re.sub(r"<[^>]+>", " ", row).split()) for row in rows]


THREE = {
    "low": {"answers": {"full": answers(10)}},
    "high": {"answers": {"full": answers(58), "blind": answers(20), "shuffled": answers(40)}},
    "middling": {"answers": {"full": answers(35, of=50)}},
}


def test_it_is_sorted_by_rank_before_any_script_runs(tmp_path: Path) -> None:
    rows = text_of(page(board(tmp_path, questions(), **THREE)))
    assert [row.split()[0] for row in rows] == ["1", "2", "3"]
    assert ["high" in rows[0], "middling" in rows[1], "low" in rows[2]] == [True] * 3
    assert "96.7%" in rows[0] and "50 of 60, 83.3%" in rows[1]


def test_what_was_not_asked_counts_as_wrong_and_the_page_says_so(tmp_path: Path) -> None:
    """In the order, the lead and the number; what was asked stands beside it and its accuracy in the details."""
    few = {"answers": {"full": answers(12, of=12), "blind": answers(6, of=12)}}
    text = page(board(tmp_path, questions(), some=few, everyone={"answers": {"full": answers(40)}}))
    plain = " ".join(re.sub(r"<[^>]+>", " ", text).split())
    rows = text_of(text)
    assert "everyone" in rows[0] and "some" in rows[1]
    assert "20.0%" in rows[1] and "12 of 60, 20.0%" in rows[1] and ", n 12" in rows[1]
    assert "First is everyone: 66.7%" in plain
    assert "of what was asked 100.0%" in plain
    top = plain[: plain.index("2 models, in order of rank")]
    assert "A question that a model was not asked counts as wrong" in top


def test_a_model_in_the_lead_that_was_not_asked_all_says_so(tmp_path: Path) -> None:
    text = page(board(tmp_path, questions(), m={"answers": {"full": answers(50, of=55)}}))
    assert "m: 83.3% (95% CI" in text and ", 55 of 60 asked). One model is no comparison." in text


def test_better_in_a_circle_has_no_first_and_still_a_page(tmp_path: Path) -> None:
    """The rows are files: whoever makes the page may have them from somebody else."""
    found = load_board(board(tmp_path, questions(), a={}, bb={"answers": {"full": answers(31)}}, ccc={}))
    slugs = {row["slug"]: row["submission_sha256"] for row in found.rows}
    beats = {"ci95": [0.1, 0.2], "p_value": 1e-9}
    for row, other in zip(found.rows, [*list(slugs)[1:], next(iter(slugs))], strict=True):
        row["compared"] = {other: {**beats, "submission_sha256": slugs[other]}}
    text = render(found)
    assert [row.split()[0] for row in text_of(text)] == ["2", "2", "2"]
    assert "No model is first, as each is beaten by another. The highest accuracy is bb: 51.7%" in text


def test_columns_are_those_that_somebody_has_something_in(tmp_path: Path) -> None:
    without = page(board(tmp_path / "a", questions(), m={})) if (tmp_path / "a").mkdir() is None else ""
    assert 'data-label="Hard"' not in without and 'data-label="Blind"' not in without
    assert "No submission has the view shuffled" in without
    (tmp_path / "b").mkdir()
    found = page(board(tmp_path / "b", questions(hard=True), **THREE))
    assert 'data-label="Hard"' in found and 'data-label="Scene adds"' in found and 'data-label="Time adds"' in found
    assert "2 submissions without the view shuffled" in found


def test_only_its_own_script_may_run(tmp_path: Path) -> None:
    """The policy names the script by its digest: one letter off, and the page would not sort."""
    text = page(board(tmp_path, questions(), m={}))
    script = re.search(r"<script>(.*?)</script>", text, re.S)
    assert script and text.count("<script") == 1
    held = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{held}'" in text


def test_hostile_text_is_shown_and_never_run(tmp_path: Path) -> None:
    sent = {
        "model": {
            "name": HOSTILE,
            "kind": HOSTILE[:60],
            "identity": HOSTILE,
            "url": 'https://x.test/"onload="alert(1)',
        },
        "settings": {HOSTILE: HOSTILE},
        "note": HOSTILE,
        "versions": {HOSTILE: HOSTILE},
    }
    text = page(board(tmp_path, questions((HOSTILE, "two")), m=sent))
    assert text.count("<script") == 1 and "<img" not in text and "49" not in re.findall(r"<dd>.*", text)
    assert "&lt;script&gt;" in text and 'href="https://x.test/&#34;onload' in text


def test_nothing_is_loaded_from_anywhere(tmp_path: Path) -> None:
    text = page(board(tmp_path, questions(), m={}), "cinepile")
    assert not re.search(r"(src|href)=|url\(|@import", text)


def test_published_rows_stand_apart_and_have_no_rank(tmp_path: Path) -> None:
    """In a body of their own where the categories are the same; never among what was measured."""
    five = load("cinepile").categories
    folder = board(tmp_path, questions(five), **THREE)
    assert "not re-run" not in page(folder)
    text = page(folder, "cinepile")
    measured = text[text.index("<tbody>") : text.index("<tbody data-published>")]
    assert "GPT-4o" not in measured
    printed = [row for row in text_of(text) if "not re-run" in row]
    assert len(printed) == 21 and all(row.startswith("– none") for row in printed)
    assert "Human (authors) CinePile v1, people, published, not re-run 86.00%" in printed[0]
    assert "no interval" in printed[0]
    assert "CinePile as published, not re-run</h2>" not in text


def test_published_rows_with_other_categories_get_a_table_of_their_own(tmp_path: Path) -> None:
    text = page(board(tmp_path, questions(), m={}), "cinepile")
    assert "CinePile as published, not re-run</h2>" in text
    assert len(text_of(text)) == 1


def test_the_page_says_which_published_averages_follow(tmp_path: Path) -> None:
    text = page(board(tmp_path, questions(), m={}), "cinepile")
    plain = " ".join(re.sub(r"<[^>]+>", " ", text).split())
    assert "One set of weights reproduces 10 of 11 models, all but Video-ChatGPT." in plain
    assert "One set of weights reproduces all 8 models. The plain mean reproduces none." in plain
    assert "Video-ChatGPT 14.55 −0.12 +0.023 +0.038 14.581 to 14.598 no" in plain


def test_where_either_of_two_models_may_be_the_odd_one_the_page_says_so(tmp_path: Path) -> None:
    two = Printed("v1", (Row("a", "model", 15.0, (10.0, 20.0)), Row("b", "model", 12.0, (10.0, 20.0))))
    table = Published("Toy", "Printed by nobody.", ("one", "two"), (two,))
    text = render(load_board(board(tmp_path, questions(), m={})), [table])
    assert "reproduces 1 of 2 models, all but b (or all but another). The plain mean" in text


def test_the_same_board_makes_the_same_page(tmp_path: Path) -> None:
    folder = board(tmp_path, questions(), **THREE)
    assert page(folder, "cinepile") == page(folder, "cinepile")


def test_every_table_can_be_told_by_a_screen_reader(tmp_path: Path) -> None:
    text = page(board(tmp_path, questions(load("cinepile").categories), **THREE), "cinepile")
    assert text.count("<caption") == text.count("<table")
    assert all('scope="' in head for head in re.findall(r"<th[ >][^>]*>", text))
    assert 'aria-live="polite"' in text and 'aria-sort="ascending"' in text


def test_a_folder_that_is_no_board_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no board there"):
        write_page(tmp_path)
    with pytest.raises(InputError, match="no such table"):
        write_page(board(tmp_path, questions(), m={}), None, ["unknown"])
