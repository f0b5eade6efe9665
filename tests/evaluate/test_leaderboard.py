"""What gets on a board, what is refused and why, and who may be ranked above whom."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyreel.errors import InputError
from flyreel.evaluate import leaderboard
from flyreel.evaluate.leaderboard import Added, add, load, ranks
from flyreel.evaluate.submission import digest
from flyreel.questions import Questions

N = 120
KEYS = [i * 7 % 4 for i in range(N)]
SECRET = "the key of this one"


def questions(keys: list[int] = KEYS, choice: str = "thing") -> Questions:
    return Questions.from_rows(
        {
            "id": f"q{i}",
            "question": f"What is in scene {i}?",
            "choices": [f"{choice} {i} {j}" for j in range(4)],
            "answer": keys[i],
            "group": f"film {i // 2}",
            "category": f"kind {i % 3}",
            "rationale": SECRET,
            "meta": {"hard_split": str(i % 5 == 0)},
        }
        for i in range(N)
    )


def answers(right: float, shift: int = 1) -> dict[str, int]:
    """The first share of the questions rightly, the rest wrongly."""
    return {f"q{i}": k if i < right * N else (k + shift) % 4 for i, k in enumerate(KEYS)}


def send(folder: Path, name: str = "m", **changes: Any) -> Path:
    made = {
        "schema": "flyreel-submission/1",
        "model": {"name": name, "kind": "scripted"},
        "questions": {"name": "toy", "digest": digest(questions()), "count": N},
        "answers": {"full": answers(0.75)},
        **changes,
    }
    path = folder / f"{name}.json"
    path.write_text(json.dumps(made), encoding="utf-8")
    return path


def put(folder: Path, name: str = "m", asked: Questions | None = None, **changes: Any) -> Added:
    replace = changes.pop("replace", False)
    path = send(folder, name, **changes)
    return add(path, asked or questions(), "toy.jsonl", folder / "board", replace=replace)


def test_a_submission_is_scored_from_its_answers(tmp_path: Path) -> None:
    row = put(tmp_path, answers={"full": answers(0.75), "blind": answers(0.25), "shuffled": answers(0.5)}).row
    assert row["views"]["full"]["accuracy"]["accuracy"] == 0.75
    assert row["views"]["full"]["hard"]["n"] == N / 5
    assert sum(row["views"]["full"]["letters"].values()) == N
    assert row["adds"]["blind"]["difference"] == 0.5
    assert row["adds"]["shuffled"]["difference"] == 0.25
    board = load(tmp_path / "board")
    assert board.rows == [row]
    assert board.about["questions"] == {"name": "toy.jsonl", "digest": digest(questions()), "count": N}
    assert board.about["chance"] == 0.25


def test_replies_are_read_and_indices_stand(tmp_path: Path) -> None:
    """Or a board would score another thing than an evaluation of the same replies."""
    letters = {id: f"Answer: {'ABCD'[k]}" for id, k in answers(0.75).items()}
    row = put(tmp_path, answers={"full": {**letters, "q0": "I would rather not say.", "q1": KEYS[1]}}).row
    full = row["views"]["full"]
    assert full["accuracy"]["accuracy"] == pytest.approx(0.75 - 1 / N, abs=1e-6)
    assert full["unread_rate"] == pytest.approx(1 / N, abs=1e-6)


def test_the_submission_stays_as_it_came(tmp_path: Path) -> None:
    row = put(tmp_path).row
    kept = tmp_path / "board" / "submissions" / f"{row['slug']}.json"
    assert kept.read_bytes() == (tmp_path / "m.json").read_bytes()


def test_no_key_is_in_the_folder(tmp_path: Path) -> None:
    """A board is public. The submission here is all wrong, so that its own answers are not the keys either."""
    put(tmp_path, answers={"full": answers(0.0)})
    files = [p for p in (tmp_path / "board").rglob("*") if p.is_file()]
    text = "\n".join(p.read_text(encoding="utf-8") for p in files)
    assert {p.name for p in files} >= {"board.json"}
    assert SECRET not in text
    assert "thing 0" not in text
    for p in files:
        if p.parent.name != "submissions":
            assert '"q0"' not in p.read_text(encoding="utf-8")


def test_missing_answers_are_allowed_and_counted(tmp_path: Path) -> None:
    some = {id: k for id, k in answers(1.0).items() if int(id[1:]) < N // 2}
    full = put(tmp_path, answers={"full": {**some, "q100": None}}).row["views"]["full"]
    assert full["coverage"] == {"questions": N, "asked": N // 2, "answered": N // 2}
    assert full["accuracy"]["accuracy"] == 1.0
    assert sum(full["unasked"].values()) == N // 2


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"answers": {"full": {}}}, "answers.full: no question is answered"),
        ({"answers": {"full": {"q1": None}}}, "answers.full: no question is answered"),
        ({"answers": {"blind": {"q1": 0}}}, "answers.full: no question is answered"),
        ({"answers": {"full": {"q1": 0, "x": 0, "y": 1}}}, "'x', 'y' are not in the question set"),
        ({"answers": {"full": {"q1": 4}}}, r"answers\.full\.q1: index 4 of 4 choices"),
        ({"answers": {"full": {"q1": 0}, "blind": {"q2": -1}}}, r"answers\.blind\.q2: index -1"),
        ({"scores": {"accuracy": 0.76}}, r"scores\.accuracy: claims 0\.760000, and the replies give 0\.750000"),
        ({"scores": {"accuracy": 75}}, r"claims 75\.000000"),
        ({"scores": {"acuracy": 0.75}}, "nothing of that name is scored. Did you mean accuracy"),
        ({"scores": {"blind.accuracy": 0.2}}, "nothing of that name"),
        ({"questions": {"name": "toy", "digest": digest(questions()), "count": 3}}, "questions.count"),
    ],
)
def test_a_submission_is_refused_in_one_line_and_leaves_nothing(tmp_path: Path, change: Any, why: str) -> None:
    with pytest.raises(InputError, match=why) as refused:
        put(tmp_path, **change)
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "board").exists()


def test_a_true_claim_is_let_through(tmp_path: Path) -> None:
    put(tmp_path, scores={"accuracy": 0.75, "strict": 0.75, "of_all": 0.75, "full.unread_rate": 0.0})


def test_other_questions_are_refused_with_names_and_counts(tmp_path: Path) -> None:
    others = {"name": "films", "digest": "0" * 64, "count": 2}
    given = {"q0": 0, "q1": 1, "z": 2}
    with pytest.raises(InputError, match=r"answers films .* not toy\.jsonl .*: 1 of its ids are unknown here, 118 of"):
        put(tmp_path, questions=others, answers={"full": given})
    reworded = questions(choice="object")
    with pytest.raises(InputError, match="the ids are the same, so questions or choices are worded otherwise"):
        put(tmp_path, asked=reworded)


def test_the_same_model_and_settings_come_once_unless_replaced(tmp_path: Path) -> None:
    put(tmp_path, settings={"k": 8})
    with pytest.raises(InputError, match=r"on the board already .*--replace"):
        put(tmp_path, settings={"k": 8}, note="again")
    assert not put(tmp_path, settings={"k": 16}).replaced
    done = put(tmp_path, settings={"k": 8}, answers={"full": answers(0.5)}, replace=True)
    assert done.replaced
    assert len(load(tmp_path / "board").rows) == 2


def test_names_that_look_alike_as_files_stay_apart(tmp_path: Path) -> None:
    slugs = {put(tmp_path, name).row["slug"] for name in ("A b", "a-b", "a.b", "…", "漢字")}
    assert len(slugs) == 5


def test_a_board_is_of_one_question_set(tmp_path: Path) -> None:
    put(tmp_path)
    other = questions(choice="object")
    path = send(tmp_path, "n", questions={"name": "o", "digest": digest(other), "count": N})
    with pytest.raises(InputError, match=r"the board of toy\.jsonl .* name another folder"):
        add(path, other, "object.jsonl", tmp_path / "board")


def test_scores_under_two_sets_of_keys_do_not_meet(tmp_path: Path) -> None:
    """The digest says nothing of keys; a corrected key would otherwise change one row and not the others."""
    put(tmp_path)
    with pytest.raises(InputError, match="keys, groups or the reading of replies have changed"):
        put(tmp_path, "n", asked=questions([(k + 1) % 4 for k in KEYS]))


def test_ranks_follow_the_paired_comparisons(tmp_path: Path) -> None:
    put(tmp_path, "best", answers={"full": answers(0.9)})
    put(tmp_path, "same", answers={"full": answers(0.9, shift=2)})
    put(tmp_path, "worst", answers={"full": answers(0.3)})
    rows = load(tmp_path / "board").rows
    found = {row["model"]["name"]: rank for row, rank in zip(rows, ranks(rows), strict=True)}
    assert found == {"best": (1, 2), "same": (1, 2), "worst": (3, 3)}


def test_a_replaced_submission_takes_its_comparisons_along(tmp_path: Path) -> None:
    put(tmp_path, "a", answers={"full": answers(0.3)})
    put(tmp_path, "b", answers={"full": answers(0.9)})
    put(tmp_path, "a", answers={"full": answers(1.0)}, replace=True)
    rows = load(tmp_path / "board").rows
    assert dict(zip([r["model"]["name"] for r in rows], ranks(rows), strict=True)) == {"a": (1, 1), "b": (2, 2)}


def row(i: int, compared: dict[str, Any]) -> dict[str, Any]:
    return {"slug": f"s{i}", "submission_sha256": str(i), "compared": compared}


@given(st.integers(1, 6), st.randoms())
def test_every_model_has_a_place(n: int, chance: Any) -> None:
    """Places stay within the table, and of a decided pair one is above the other."""
    rows = [row(i, {}) for i in range(n)]
    decided = []
    for i, j in combinations(range(n), 2):
        low, high = sorted(chance.uniform(-1, 1) for _ in range(2))
        p = chance.choice([1e-9, 0.9])
        rows[j]["compared"][f"s{i}"] = {"ci95": [low, high], "p_value": p, "submission_sha256": str(i)}
        if p < 0.5 and (low > 0 or high < 0):
            decided.append((j, i) if low > 0 else (i, j))
    found = ranks(rows)
    assert all(low >= 1 and high <= n for low, high in found)
    assert sum(low - 1 for low, _ in found) == sum(n - high for _, high in found) == len(decided)


def test_ties_on_many_pairs_are_not_called_differences() -> None:
    """Twenty equal models: one p-value in twenty is below 5% by luck, and none may be called a difference."""
    rng = np.random.default_rng(0)
    rows = [row(i, {}) for i in range(20)]
    for i, j in combinations(range(20), 2):
        p = float(rng.uniform())
        ci95 = [0.01, 0.2] if p < 0.05 else [-0.1, 0.1]
        rows[j]["compared"][f"s{i}"] = {"ci95": ci95, "p_value": p, "submission_sha256": str(i)}
    assert ranks(rows) == [(1, 20)] * 20


def test_a_comparison_with_a_replaced_submission_decides_nothing() -> None:
    told = {"ci95": [0.1, 0.2], "p_value": 1e-9, "submission_sha256": "an older one"}
    assert ranks([row(0, {}), row(1, {"s0": told})]) == [(1, 2), (1, 2)]


def test_a_folder_without_a_board_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no board there"):
        load(tmp_path)
    put(tmp_path)
    board = tmp_path / "board"
    (board / "board.json").write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match=r"board\.json: damaged"):
        load(board)


def test_questions_without_choices_make_no_board(tmp_path: Path) -> None:
    opened = Questions.from_rows([{"id": "q0", "question": "Why?", "answer": "because"}])
    with pytest.raises(InputError, match="no question there has choices"):
        add(send(tmp_path), opened, "open.jsonl", tmp_path / "board")


def test_one_slug_names_a_model_and_its_settings() -> None:
    from flyreel.evaluate.submission import Submission

    def made(note: str, k: int) -> Submission:
        return Submission.model_validate(
            {
                "schema": "flyreel-submission/1",
                "model": {"name": "M/x", "kind": "k"},
                "settings": {"k": k},
                "questions": {"name": "t", "digest": "0" * 64, "count": 1},
                "answers": {"full": {"q": 0}},
                "note": note,
            }
        )

    assert leaderboard.slug_of(made("a", 8)) == leaderboard.slug_of(made("b", 8)) != leaderboard.slug_of(made("a", 9))
