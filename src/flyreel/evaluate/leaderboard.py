"""A leaderboard is a folder: what was sent, what it scores, and no key.

A question that was not asked counts as wrong here, or whoever answers the easiest one and no other would lead. Only
what a view shows to be added is over the questions asked in both views, and says how many they are.

Models are compared when a submission comes in, because the page is made where the keys may not be. So a row's scores
hold its comparison with every row that was there before it, each with the digest of the submission it is about: a
replaced one makes the old comparison void, and a void one decides nothing.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from flyreel.audit.statistics import benjamini_hochberg
from flyreel.errors import InputError
from flyreel.evaluate import submission
from flyreel.evaluate.refusals import check_answers, check_claims, check_questions
from flyreel.evaluate.scores import Scores, Sheet, compare, letters, score, sheet
from flyreel.evaluate.submission import Submission
from flyreel.questions import Questions
from flyreel.replies.parsing import read_reply
from flyreel.schema import Prediction
from flyreel.tables import atomic, writable, write_text

BOARD = "flyreel-board/1"
ROW = "flyreel-scores/1"
SIGNIFICANT = 0.05


@dataclass(frozen=True)
class Added:
    row: dict[str, Any]
    replaced: bool


@dataclass(frozen=True)
class Board:
    """What the page is made from: `about` is board.json, `rows` are the files of scores/, in order of their names."""

    about: dict[str, Any]
    rows: list[dict[str, Any]]


def add(
    path: Path, questions: Questions, source: str, folder: Path, *, title: str | None = None, replace: bool = False
) -> Added:
    """`source` is what the question set is called."""
    sent, came = submission.read(path)
    closed = submission.closed_of(questions)
    if not len(closed):
        raise InputError(f"{source}: no question there has choices, so there is nothing to score")
    if keyless := int((closed.answer < 0).sum()):
        raise InputError(f"{source}: {keyless:,} of its questions have no key, so nothing there can be scored")
    check_questions(sent, closed, path, source)
    check_answers(sent, closed, path)
    sheets: dict[str, Sheet] = {view: _sheet(sent, view, closed) for view in sent.answers}
    scored: dict[str, Scores] = {view: score(one) for view, one in sheets.items()}
    check_claims(sent, scored, path)
    slug = slug_of(sent)
    writable(folder)
    with _alone(folder):
        about = _about(folder, sent, closed, source, title)
        standing = (folder / "board.json").exists() and (folder / "scores" / f"{slug}.json").exists()
        if standing and not replace:
            raise InputError(
                f"{path}: {sent.model.name} with these settings is on the board already "
                f"(submissions/{slug}.json); --replace puts this one in its place"
            )
        row = {
            "schema": ROW,
            "slug": slug,
            **sent.model_dump(include={"model", "settings", "versions", "note"}, exclude_none=True),
            "added": datetime.now(UTC).date().isoformat(),
            "submission_sha256": _sha256(came),
            "views": _views(sheets),
            "adds": _adds(sheets),
            "compared": _compared(folder, slug, sheets["full"], closed, about),
        }
        # A row is there once its scores are, and a board once board.json is: what breaks off before can be added again.
        with atomic(folder / "submissions" / f"{slug}.json") as kept:
            kept.write_bytes(came)
        _write(folder / "scores" / f"{slug}.json", row)
        _write(folder / "board.json", about)
    return Added(row, standing)


def everything(asked: Sheet) -> Sheet:
    """The same with a reply that nobody can read wherever nothing was asked, so that it counts as wrong."""
    unread = (Prediction(question=id, model=asked.model, view=asked.view) for id in asked.questions.ids)
    pairs = zip(asked.predictions, asked.asked, unread, strict=True)
    return Sheet(asked.model, asked.view, asked.questions, [p if put else empty for p, put, empty in pairs])


def slug_of(sent: Submission) -> str:
    """One for a model and its settings, whatever else was sent with them."""
    named = re.sub(r"[^a-z0-9]+", "-", sent.model.name.lower()).strip("-")[:60].strip("-") or "model"
    same = [sent.model.name, sent.model.kind, sent.model.identity, sent.settings]
    return f"{named}-{_sha256(json.dumps(same, sort_keys=True).encode('ascii'))[:8]}"


def predictions(sent: Submission, view: str, questions: Questions) -> dict[str, Prediction]:
    """By id. An index stands as it is; a reply is read; null is a question that was never put."""
    given = sent.answers.get(view, {})  # type: ignore[call-overload]
    found = {}
    for i, id in enumerate(questions.ids):
        if id not in given:
            continue
        said: dict[str, Any] = {"question": id, "model": sent.model.name, "view": view}
        answer = given[id]
        if answer is None:
            said |= {"asked": False, "failure": "not-asked"}
        elif isinstance(answer, int):
            said |= {"answer": answer, "strict": True}
        else:
            read = read_reply(answer, questions.choices_of(i))
            said |= {"reply": answer, "answer": read.index, "strict": read.strict, "failure": read.failure}
        found[id] = Prediction(**said)
    return found


def load(folder: Path) -> Board:
    about = _json(folder / "board.json", BOARD)
    rows = [_json(path, ROW) for path in sorted((folder / "scores").glob("*.json"))]
    if not rows:
        raise InputError(f"{folder}: a board without submissions; flyreel leaderboard add puts one on it")
    return Board(about, rows)


def ranks(rows: Sequence[Mapping[str, Any]]) -> list[tuple[int, int]]:
    """Best and worst place that each row may have.

    One model is called better than another where McNemar's exact test on all questions stays below 5% after Benjamini
    and Hochberg's adjustment over all pairs, and the interval of the difference, whose error knows about groups,
    excludes zero. The best place of a row is one below all that are better, the worst is above all that are worse; two
    that were never compared decide nothing for each other.
    """
    pairs, p_values, signs = [], [], []
    for i, j in combinations(range(len(rows)), 2):
        told = _between(rows[i], rows[j])
        if told is not None:
            low, high = told["ci95"]
            pairs.append((i, j))
            p_values.append(told["p_value"])
            signs.append(1 if low > 0 else -1 if high < 0 else 0)
    better = np.zeros((len(rows), len(rows)), dtype=bool)
    for (i, j), p, sign in zip(pairs, benjamini_hochberg(np.array(p_values)), signs, strict=True):
        if p <= SIGNIFICANT and sign:
            better[(j, i) if sign > 0 else (i, j)] = True
    return [(1 + int(better[:, i].sum()), len(rows) - int(better[i].sum())) for i in range(len(rows))]


def _between(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, Any] | None:
    """The comparison of b with a (b - a), from whichever of the two came later."""
    for later, earlier, flip in ((b, a, False), (a, b, True)):
        told = later["compared"].get(earlier["slug"])
        if told and told["submission_sha256"] == earlier["submission_sha256"]:
            low, high = told["ci95"]
            return {**told, "ci95": [-high, -low] if flip else [low, high]}
    return None


def _sheet(sent: Submission, view: str, questions: Questions) -> Sheet:
    return sheet(sent.model.name, view, questions, predictions(sent, view, questions))


def _views(sheets: Mapping[str, Sheet]) -> dict[str, Any]:
    """By view. Accuracies are over all questions; `of_asked` and the rates of replies are over what was asked."""
    found = {}
    for view, one in sheets.items():
        asked, every = score(one).json(), score(everything(one)).json()
        over_all = {name: every[name] for name in ("accuracy", "strict", "categories", "hard")}
        found[view] = {**asked, **over_all, "of_asked": asked["accuracy"], "letters": letters(one)}
    return found


def _adds(sheets: Mapping[str, Sheet]) -> dict[str, Any]:
    """What the full view gains over each other one, on the questions that were put in both."""
    pairs = {view: compare(one, sheets["full"]) for view, one in sheets.items() if view != "full"}
    return {view: told.json() for view, told in pairs.items() if told is not None}


def _compared(folder: Path, slug: str, mine: Sheet, questions: Questions, about: Mapping[str, Any]) -> dict[str, Any]:
    """This one against every other on the board, as mine - theirs, on all questions."""
    found = {}
    for path in sorted((folder / "scores").glob("*.json")):
        if path.stem == slug:
            continue
        theirs, came = submission.read(folder / "submissions" / path.name)
        if theirs.questions.digest != about["questions"]["digest"]:
            raise InputError(f"{path}: about other questions than the board; take it away")
        sheets: dict[str, Sheet] = {view: _sheet(theirs, view, questions) for view in theirs.answers}
        _same_as_before(path, came, sheets)
        if told := compare(everything(sheets["full"]), everything(mine)):
            found[path.stem] = {**told.json(), "submission_sha256": _sha256(came)}
    return found


def _same_as_before(path: Path, came: bytes, sheets: Mapping[str, Sheet]) -> None:
    """The digest does not cover the keys, on purpose; but scores under two sets of keys must not stand on one board.

    No digest of the keys is kept to tell them by: whoever has it can try keys against it, few questions in a moment,
    and of many those that a good submission gets wrong.
    """
    row, again = _json(path, ROW), f"make the board again in a new folder from {path.parent.parent / 'submissions'}"
    if row["submission_sha256"] != _sha256(came):
        raise InputError(f"{path}: scored from another file than submissions/{path.name} is now; {again}")
    now = json.loads(json.dumps(_views(sheets)))
    if view := next((view for view in now if now[view] != row["views"].get(view)), None):
        raise InputError(
            f"{path}: its scores in the view {view} are not what they were when it was added, so keys, groups, "
            f"categories or the reading of replies have changed; {again}"
        )


def _about(folder: Path, sent: Submission, questions: Questions, source: str, title: str | None) -> dict[str, Any]:
    """board.json as it is, or as the first submission makes it."""
    made = {
        "schema": BOARD,
        "title": title or f"{source}: leaderboard",
        "questions": {"name": source, "digest": sent.questions.digest, "count": len(questions)},
        "groups": questions.n_groups,
        "chance": round(float(questions.chance.mean()), 6),
        "categories": sorted(set(questions.strings("category")) - {""}),
    }
    if not (folder / "board.json").exists():
        return made
    about = _json(folder / "board.json", BOARD)
    if about["questions"]["digest"] != sent.questions.digest:
        raise InputError(
            f"{folder}: the board of {about['questions']['name']} (digest {about['questions']['digest'][:12]}), and "
            f"the submission answers {source} (digest {sent.questions.digest[:12]}); name another folder"
        )
    if changed := [name for name in ("groups", "categories") if about[name] != made[name]]:
        raise InputError(
            f"{folder}: {' and '.join(changed)} of the questions have changed since the board was begun; "
            f"make it again in a new folder from {folder / 'submissions'}"
        )
    return {**about, "title": title} if title else about


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Two that add at once take turns, or each would miss the other in its comparisons."""
    with (folder / ".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _json(path: Path, schema: str) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path.parent}: no board there; flyreel leaderboard add makes one") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: damaged: {error}") from None
    if not isinstance(found, dict) or found.get("schema") != schema:
        raise InputError(f"{path}: not {schema}; flyreel leaderboard add writes it")
    return found


def _write(path: Path, value: Mapping[str, Any]) -> None:
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
