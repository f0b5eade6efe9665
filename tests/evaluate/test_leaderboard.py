"""What gets on a board, what is refused and why, and who may be ranked above whom."""

from __future__ import annotations

import hashlib
import json
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flyreel.errors import InputError
from flyreel.evaluate import leaderboard
from flyreel.evaluate.leaderboard import Added, add, load, ranks
from flyreel.evaluate.scores import sheet
from flyreel.evaluate.submission import digest
from flyreel.questions import Questions
from flyreel.schema import Prediction
from flyreel.tables import write_text

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
    """Byte for byte, whatever its lines end with, and the digest is of that."""
    path = send(tmp_path)
    path.write_bytes(json.dumps(json.loads(path.read_bytes()), indent=1).encode().replace(b"\n", b"\r\n"))
    row = add(path, questions(), "toy.jsonl", tmp_path / "board").row
    kept = tmp_path / "board" / "submissions" / f"{row['slug']}.json"
    assert kept.read_bytes() == path.read_bytes()
    assert row["submission_sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()


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


def test_missing_answers_are_allowed_and_count_as_wrong(tmp_path: Path) -> None:
    some = {id: k for id, k in answers(1.0).items() if int(id[1:]) < N // 2}
    full = put(tmp_path, answers={"full": {**some, "q100": None}}).row["views"]["full"]
    assert full["coverage"] == {"questions": N, "asked": N // 2, "answered": N // 2}
    assert (full["accuracy"]["accuracy"], full["accuracy"]["n"]) == (0.5, N)
    assert (full["of_asked"]["accuracy"], full["of_asked"]["n"]) == (1.0, N // 2)
    assert full["strict"]["accuracy"] == full["hard"]["accuracy"] == 0.5
    assert {e["accuracy"] for e in full["categories"].values()} == {0.5}
    assert sum(full["unasked"].values()) == N // 2
    assert full["unread_rate"] == 0.0


@settings(deadline=None)
@given(st.lists(st.sampled_from(["right", "wrong", "null", "absent"]), min_size=N, max_size=N))
def test_nothing_is_won_by_leaving_answers_out(said: list[str]) -> None:
    """Whatever is left out, the number is the one of the same replies with nonsense in the gaps."""
    made, asked = {}, questions()
    for i, (key, one) in enumerate(zip(KEYS, said, strict=True)):
        if one != "absent":
            answer = key if one == "right" else (key + 1) % 4 if one == "wrong" else None
            made[f"q{i}"] = Prediction(question=f"q{i}", model="m", asked=one != "null", answer=answer)
    every = leaderboard.everything(sheet("m", "full", asked, made))
    assert every.asked.all()
    assert every.hits.sum() == said.count("right")


def test_one_answer_does_not_lead_a_board(tmp_path: Path) -> None:
    put(tmp_path, "all", answers={"full": answers(0.9)})
    put(tmp_path, "one", answers={"full": {"q0": KEYS[0]}})
    put(tmp_path, "nulls", answers={"full": {**dict.fromkeys(answers(0)), "q0": KEYS[0]}})
    rows = load(tmp_path / "board").rows
    found = {row["model"]["name"]: rank for row, rank in zip(rows, ranks(rows), strict=True)}
    assert found == {"all": (1, 1), "one": (2, 3), "nulls": (2, 3)}
    later = next(row for row in rows if row["model"]["name"] == "one")["compared"]
    assert [told["questions"] for told in later.values()] == [N]


def test_what_a_view_adds_is_over_what_was_asked_in_both(tmp_path: Path) -> None:
    """Or a view that was shown for few questions would seem to add as much as was left out of the other."""
    few = {id: k for id, k in answers(1.0).items() if int(id[1:]) < 12}
    row = put(tmp_path, answers={"full": answers(1.0), "blind": few}).row
    assert (row["adds"]["blind"]["questions"], row["adds"]["blind"]["difference"]) == (12, 0.0)
    assert row["views"]["blind"]["of_asked"]["accuracy"] == 1.0


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
        ({"scores": {"\x1b[2J": 0.2}}, r"scores\.\\u001b\[2J: nothing of that name"),
        ({"settings": {"x": "\ud800"}}, "half a character"),
        ({"versions": {"x": "\ud800"}}, "half a character"),
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
    with pytest.raises(InputError, match="so keys, groups, categories or the reading of replies have changed"):
        put(tmp_path, "n", asked=questions([(k + 1) % 4 for k in KEYS]))


@pytest.mark.parametrize("won", [100, 101], ids=["in another category", "in another film"])
def test_keys_that_changed_are_found_though_the_accuracy_stays(tmp_path: Path, won: int) -> None:
    """One hit less and one more are the same accuracy, and every number of the row was found with the old keys."""
    full, keys = answers(0.75), list(KEYS)
    keys[2], keys[won] = (KEYS[2] + 1) % 4, full[f"q{won}"]
    put(tmp_path)
    with pytest.raises(InputError, match="its scores in the view full are not what they were"):
        put(tmp_path, "n", asked=questions(keys))


def test_keys_that_changed_are_found_in_any_view(tmp_path: Path) -> None:
    """The key that changed is one that the model never picked with all in sight, and picked blind."""
    keys = list(KEYS)
    keys[100] = (KEYS[100] + 2) % 4
    put(tmp_path, answers={"full": answers(0.75), "blind": answers(1.0)})
    with pytest.raises(InputError, match="its scores in the view blind are not what they were"):
        put(tmp_path, "n", asked=questions(keys))


def test_groups_and_categories_that_changed_are_found_before_any_row_is_read(tmp_path: Path) -> None:
    """A single row that is replaced would otherwise stand beside the old count of groups."""
    put(tmp_path)
    other = [{**row, "category": "one kind", "group": "one film"} for row in questions().to_rows()]
    with pytest.raises(InputError, match="groups and categories of the questions have changed"):
        put(tmp_path, asked=Questions.from_rows(other), replace=True)


def test_a_submission_that_was_changed_on_the_board_is_found(tmp_path: Path) -> None:
    kept = tmp_path / "board" / "submissions" / f"{put(tmp_path).row['slug']}.json"
    kept.write_bytes(kept.read_bytes().replace(b", ", b",\r\n"))
    with pytest.raises(InputError, match="scored from another file than submissions/"):
        put(tmp_path, "n")


@pytest.mark.parametrize("broken", ["scores", "board.json"])
def test_what_broke_off_can_be_added_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    """A full disk in the middle leaves no board that cannot be read, and none that refuses the same submission."""

    def full(path: Path, text: str) -> Path:
        if broken in (path.name, path.parent.name):
            raise InputError(f"{path}: cannot write: No space left on device")
        return write_text(path, text)

    with monkeypatch.context() as patched:
        patched.setattr(leaderboard, "write_text", full)
        with pytest.raises(InputError, match="No space left"):
            put(tmp_path)
    assert not (tmp_path / "board" / "board.json").exists()
    assert not put(tmp_path).replaced
    with monkeypatch.context() as patched:
        patched.setattr(leaderboard, "write_text", full)
        with pytest.raises(InputError, match="No space left"):
            put(tmp_path, "n")
    put(tmp_path, "o")
    assert {row["model"]["name"] for row in load(tmp_path / "board").rows} >= {"m", "o"}


def test_questions_without_keys_make_no_board(tmp_path: Path) -> None:
    keyless = [{name: value for name, value in row.items() if name != "answer"} for row in questions().to_rows()]
    with pytest.raises(InputError, match=r"toy\.jsonl: 120 of its questions have no key"):
        put(tmp_path, asked=Questions.from_rows(keyless))


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


@settings(deadline=None)
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
