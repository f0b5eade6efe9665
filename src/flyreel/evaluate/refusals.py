"""Why a submission is refused: other questions, answers that fit none, scores that its replies do not give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from flyreel.errors import InputError, did_you_mean
from flyreel.evaluate._strict_json import printable
from flyreel.evaluate.scores import Scores
from flyreel.evaluate.submission import Submission, digest
from flyreel.questions import Questions

EXACT = 1e-6
"""How far a claimed score may be from what the replies give: scores are rounded to six digits where they are saved."""


def check_questions(sent: Submission, questions: Questions, path: Path, source: str) -> None:
    """By the digest, and in words by the ids, which say more about what went wrong. `questions` have choices."""
    mine = digest(questions)
    if sent.questions.digest == mine:
        if sent.questions.count != len(questions):
            raise InputError(
                f"{path}: at questions.count: {sent.questions.count:,}, and the digest is of {len(questions):,}"
            )
        return
    known, given = set(questions.ids), {id for by_id in sent.answers.values() for id in by_id}
    unknown, missing = len(given - known), len(known - given)
    if not unknown and not missing:
        why = "the ids are the same, so questions or choices are worded otherwise"
    else:
        why = f"{unknown:,} of its ids are unknown here, {missing:,} of the ids here are missing in it"
    raise InputError(
        f"{path}: answers {sent.questions.name} (digest {sent.questions.digest[:12]}), "
        f"not {source} (digest {mine[:12]}): {why}"
    )


def check_answers(sent: Submission, questions: Questions, path: Path) -> None:
    full = sent.answers.get("full")
    if not full or all(answer is None for answer in full.values()):
        raise InputError(f"{path}: at answers.full: no question is answered there, and the board ranks by that view")
    sizes = dict(zip(questions.ids, questions.sizes.tolist(), strict=True))
    for view, by_id in sent.answers.items():
        if unknown := [id for id in by_id if id not in sizes]:
            raise InputError(f"{path}: at answers.{view}: {_listed(unknown)} not in the question set")
        for id, answer in by_id.items():
            if isinstance(answer, int) and not 0 <= answer < sizes[id]:
                raise InputError(
                    f"{path}: at answers.{view}.{id}: index {answer} of {sizes[id]} choices, which count from 0"
                )


def _listed(ids: Sequence[str], shown: int = 3) -> str:
    more = f" and {len(ids) - shown:,} more" if len(ids) > shown else ""
    return f"{', '.join(map(repr, ids[:shown]))}{more} {'is' if len(ids) == 1 else 'are'}"


def check_claims(sent: Submission, scored: Mapping[str, Scores], path: Path) -> None:
    """Nothing that was claimed and cannot be checked is let through either."""
    given = {f"{view}.{name}": value for view, one in scored.items() for name, value in _claimable(one).items()}
    given |= {name.removeprefix("full."): value for name, value in given.items() if name.startswith("full.")}
    for name, claimed in (sent.scores or {}).items():
        if name not in given:
            raise InputError(
                f"{path}: at scores.{printable(name)}: nothing of that name is scored.{did_you_mean(name, given)}"
            )
        value = given[name]
        if value is None or not abs(value - claimed) <= EXACT:
            found = "none" if value is None else f"{value:.6f}"
            raise InputError(
                f"{path}: at scores.{name}: claims {claimed:.6f}, and the replies give {found}; "
                "leave the scores out, or send the replies they come from"
            )


def _claimable(one: Scores) -> dict[str, float | None]:
    return {
        "accuracy": one.accuracy.accuracy if one.accuracy else None,
        "strict": one.strict.accuracy if one.strict else None,
        "of_answered": one.of_answered,
        "of_all": one.of_all,
        "unread_rate": one.unread_rate,
    }
