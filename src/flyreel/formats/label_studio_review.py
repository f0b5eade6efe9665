"""What people said in Label Studio, as `meta.review` of a question.

    people      in the order they first spoke: by, choice (an index), reply (where there are no choices), verdict,
                note; what an interface with more controls asked for stands under the control's name in `other`
    skipped     how many passed the task by
    answer      the index that more than half of those who chose agree on
    verdict     the verdict that more than half of those who gave one agree on
    agreement   the share of pairs of people who chose the same

One person has one voice: who annotated a task twice is counted as they said it last. An annotation that cannot be
understood makes the whole task a problem, for a majority without it would be another majority.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

from flyreel.formats.base import Broken

PICK, REPLY, VERDICT, NOTE = "pick", "reply", "verdict", "note"
"""The controls of the interface. None is called as a field of a question: some exports lay them beside the data, where
a control called `answer` would be taken for the key."""

VERDICTS = ("keep", "wrong-key", "ambiguous", "no-answer", "unwatchable")


def review(task: Mapping[str, Any]) -> dict[str, Any] | None:
    """None where nobody has said anything yet."""
    listed = task.get("annotations") if task.get("annotations") is not None else task.get("completions")
    if not listed:
        return None
    if not isinstance(listed, list) or not all(isinstance(a, dict) for a in listed):
        raise Broken("bad-annotation", "annotations are not a list of objects")
    known = _choices(task["data"])
    skipped = [a for a in listed if a.get("was_cancelled") or a.get("skipped")]
    people: dict[Any, dict[str, Any]] = {}
    for number, annotation in enumerate(sorted((a for a in listed if a not in skipped), key=_when)):
        by = _who(annotation)
        people[number if by is None else by] = _said(annotation, by, known)
    voices = list(people.values())
    picks = [said["choice"] for said in voices if "choice" in said]
    found = {
        "people": voices,
        "skipped": len(skipped) or None,
        "answer": _majority(picks),
        "verdict": _majority([said["verdict"] for said in voices if "verdict" in said]),
        "agreement": _agreement(picks),
    }
    return {name: value for name, value in found.items() if value is not None}


def _choices(data: Mapping[str, Any]) -> list[str]:
    """What results call the choices, in order: the alias where there is one, as in the editor."""
    listed = data.get("choices")
    if not isinstance(listed, list):
        return []
    return [str(c.get("alias") or c.get("value")) if isinstance(c, dict) else str(c) for c in listed]


def _when(annotation: Mapping[str, Any]) -> str:
    """ISO times in one zone sort as text; without them the order in the file stands."""
    return str(annotation.get("created_at") or "")


def _who(annotation: Mapping[str, Any]) -> str | None:
    """The number of the account. A name or an address is nobody's business in a data set, unless it is all there is."""
    by = annotation.get("completed_by")
    if isinstance(by, dict):
        by = by.get("id") if by.get("id") is not None else by.get("email")
    return None if by is None else str(by)


def _said(annotation: Mapping[str, Any], by: str | None, known: Sequence[str]) -> dict[str, Any]:
    result = annotation.get("result")
    if not isinstance(result, list):
        raise Broken("bad-annotation", "the result is not a list")
    said: dict[str, Any] = {} if by is None else {"by": by}
    if annotation.get("ground_truth"):
        said["ground_truth"] = True
    for part in result:
        name = part.get("from_name") if isinstance(part, dict) else None
        value = part.get("value") if isinstance(part, dict) else None
        if not isinstance(part, dict) or (part.get("type") != "relation" and not isinstance(value, dict)):
            raise Broken("bad-annotation", "a result without a value")
        if name == PICK:
            said["choice"] = _index(value, known)
        elif name == VERDICT:
            said["verdict"] = _one(value, "choices")
        elif name in (NOTE, REPLY):
            said[name] = "\n".join(_texts(value))
        elif isinstance(name, str):
            said.setdefault("other", {})[name] = value
    return said


def _index(value: Any, known: Sequence[str]) -> int:
    picked = _one(value, "choices")
    if picked not in known:
        raise Broken("pick-not-among-choices", picked)
    return list(known).index(picked)


def _one(value: Any, name: str) -> str:
    listed = value.get(name) if isinstance(value, dict) else None
    if not isinstance(listed, list) or len(listed) != 1 or not isinstance(listed[0], str):
        raise Broken("bad-annotation", f"{name} should be one text, not {listed!r}")
    return listed[0]


def _texts(value: Any) -> list[str]:
    """A text area gives a list of what was submitted, or the bare text where an older version wrote it."""
    listed = value.get("text")
    listed = [listed] if isinstance(listed, str) else listed
    if not isinstance(listed, list) or not all(isinstance(text, str) for text in listed):
        raise Broken("bad-annotation", f"text should be a list of texts, not {listed!r}")
    return listed


def _majority(voices: Sequence[Any]) -> Any:
    top = Counter(voices).most_common(1)
    return top[0][0] if top and 2 * top[0][1] > len(voices) else None


def _agreement(picks: Sequence[int]) -> float | None:
    pairs = list(combinations(picks, 2))
    return sum(a == b for a, b in pairs) / len(pairs) if pairs else None
