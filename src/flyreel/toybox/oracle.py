"""Who knows the script: answers any toybox question, of any choices, by reading what happened.

A revised question is still answered as long as it asks one of the kinds in `asking`; a choice is right if it says what
is true, with whatever trimming after a comma. Where no choice is right, or more than one is, the oracle says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from flyreel.questions import Questions
from flyreel.toybox import world
from flyreel.toybox.asking import ASKS, Ask, Slots
from flyreel.toybox.world import Scene

_ID = re.compile(r"toybox-(-?\d+)-(\d+)")


def scene_of(clip: str) -> Scene | None:
    """The scene behind a clip id, made again from its seed and number."""
    match = _ID.fullmatch(clip)
    return world.scene(int(match[1]), int(match[2])) if match else None


def truths(scene: Scene, question: str) -> set[str] | None:
    """Every right answer, or None for a question of no kind the script could settle."""
    for ask, slots in _read(question):
        return set(ask.truth(scene, slots))
    return None


def answer(scene: Scene, question: str, choices: Sequence[str]) -> int | None:
    """The only right choice, or None where there is none or not only one."""
    right = truths(scene, question) or set()
    fits = [i for i, choice in enumerate(choices) if says(choice, right)]
    return fits[0] if len(fits) == 1 else None


def answers(questions: Questions) -> list[int | None]:
    scenes = [scene_of(clip) for clip in questions.strings("clip")]
    return [
        answer(scene, questions.texts[i], questions.choices_of(i)) if scene else None for i, scene in enumerate(scenes)
    ]


def says(choice: str, right: Iterable[str]) -> bool:
    return any(choice == r or choice.startswith(f"{r},") for r in right)


def _read(question: str) -> list[tuple[Ask, Slots]]:
    found = []
    for ask, pattern in _patterns():
        if match := pattern.match(question.strip()):
            found.append((ask, match.groupdict()))
    return found


@lru_cache(1)
def _patterns() -> list[tuple[Ask, re.Pattern[str]]]:
    """The wordings as expressions; the longest first, so that "Who …?" takes only what nothing else does."""

    def expression(wording: str) -> str:
        return re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^?]+?)", re.escape(wording))

    ordered = sorted(ASKS, key=lambda ask: -len(ask.wording))
    return [(ask, re.compile(expression(ask.wording), re.IGNORECASE)) for ask in ordered]
