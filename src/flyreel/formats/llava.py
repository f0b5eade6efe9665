"""LLaVA's conversations: a turn of a person and a turn of the model for every question.

Choices are lines of the person's turn, so anything that is not one line (a choice with a line break, a question with a
line that looks like a choice) could not be told apart again. Where what is written would not read back as it was, the
wording stands a second time beside the conversation, under `flyreel`, and that is what is read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from flyreel.formats.base import Broken, Draft, checked, formats, text_of
from flyreel.formats.clip_names import names, told
from flyreel.formats.containers import Record, Sample
from flyreel.formats.export import Parcel, exporter
from flyreel.tables import write_text

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
ASK = "Answer with the letter of the right choice."
WORDING = ("question", "choices", "answer")
PERSON, MODEL = ("human", "user"), ("gpt", "assistant", "model")

_TOKEN = re.compile(r"<(?:video|image)>", re.I)
_OPTION = re.compile(r"\s*(?:\((?P<a>[A-Z])\)|(?P<b>[A-Z])[.):])\s+(?P<text>\S.*?)\s*", re.S)
_LETTER = re.compile(r"\s*\(?([A-Z])[.):]*\s*")
_HEADING = re.compile(r"(?:the )?(?:options|choices|candidates)\s*(?:are\s*)?:", re.I)


@formats.add("llava")
class Llava:
    """LLaVA conversations (JSON list: id, video, conversations of human and gpt; choices as lines `A. …`)."""

    unique_ids = False

    def recognises(self, sample: Sample) -> bool:
        return sample.has("conversations")

    def drafts(self, record: Record) -> Iterable[Draft]:
        """A draft to a turn. All that give a question come first; only then is the row called broken for the others."""
        v = record.values
        shared = {"clip": v.get("clip") or v.get("video"), **{n: v.get(n) for n in ("group", "split", "category")}}
        id = text_of(v.get("id")) or f"{text_of(v.get('video'))}-{record.row}"
        turns = list(_turns(v.get("conversations")))
        broken: list[tuple[int, Broken]] = []
        for number, (asked, answered) in enumerate(turns, 1):
            mine = id if len(turns) == 1 else f"{id}-{number}"
            try:
                beside = v.get("flyreel") if len(turns) == 1 else None
                read = beside if isinstance(beside, dict) else parse(asked, answered)
                wording = {name: read.get(name) for name in WORDING}
                yield checked({"id": mine, **shared, **wording}, mine)
            except Broken as error:
                broken.append((number, error))
        if broken:
            which = ", ".join(str(number) for number, _ in broken)
            first = broken[0][1]
            raise Broken(first.reason, f"turn {which} of {len(turns)}: {first.detail}".rstrip(": "))


def _turns(conversations: Any) -> Iterator[tuple[str, str]]:
    """What a person asked with what the model answered; a text that has no counterpart stands alone."""
    if not isinstance(conversations, list) or not conversations:
        raise Broken("no-conversation")
    asked: str | None = None
    for turn in conversations:
        speaker = str(turn.get("from", "")).lower() if isinstance(turn, dict) else ""
        text = turn.get("value") if isinstance(turn, dict) else None
        text = text if isinstance(text, str) else ""
        if speaker in PERSON:
            if asked is not None:
                yield asked, ""
            asked = text
        elif speaker in MODEL:
            yield asked or "", text
            asked = None
        elif speaker != "system":
            raise Broken("unknown-speaker", speaker)
    if asked is not None:
        yield asked, ""


def parse(asked: str, answered: str) -> Draft:
    """The question that a turn puts. Without lettered lines it is open-ended; a letter needs lines to choose among."""
    if not answered.strip():
        raise Broken("no-answer")
    lines = _TOKEN.sub("", asked).strip().split("\n")
    found = [m if (m := _OPTION.fullmatch(line)) else None for line in lines]
    marks = [(i, m["a"] or m["b"]) for i, m in enumerate(found) if m]
    letters = [letter for _, letter in marks]
    options = [m["text"] for m in found if m]
    between = [line for line in lines[marks[0][0] : marks[-1][0]] if line.strip()] if marks else []
    clear = len(marks) > 1 and letters == list(LETTERS[: len(marks)]) and len(between) == len(marks) - 1
    if not clear:
        if _LETTER.fullmatch(answered) or (marks and _OPTION.fullmatch(answered)):
            raise Broken("options-not-clear", f"the answer is {answered.strip()!r}"[:60])
        return {"question": "\n".join(lines), "answer": answered}
    before = lines[: marks[0][0]]
    while before and (not before[-1].strip() or _HEADING.fullmatch(before[-1].strip())):
        before.pop()
    return {"question": "\n".join(before), "choices": options, "answer": _picked(answered, options)}


def _picked(answered: str, options: list[str]) -> int | str:
    """A letter names a position here, whatever the options read. Text that repeats an option is left to be found."""
    letter = _LETTER.fullmatch(answered)
    if letter:
        return LETTERS.index(letter[1])
    both = _OPTION.fullmatch(answered)
    if both and answered.strip() not in options:
        at = LETTERS.index(both["a"] or both["b"])
        if at < len(options) and both["text"].rstrip(".") == options[at].rstrip("."):
            return at
    if answered.strip().isdecimal() and answered.strip() not in options:
        raise Broken("answer-not-among-choices", answered.strip())
    return answered


@exporter("llava", holds=("clip", "category", "group", "split"), suffix=".json", open_ended=True)
def llava(parcel: Parcel, path: Path) -> Sequence[str]:
    """LLaVA conversations, as its trainers read them; choices are lettered lines."""
    called = names(parcel.files)
    rows, doubled = [], 0
    for row in parcel.rows:
        clip = row.get("clip", "")
        video = called.get(clip, clip)
        wording = {name: row[name] for name in WORDING if name in row}
        asked, answered = said(wording)
        beside = None if _reads_back(asked, answered, wording) else wording
        doubled += beside is not None
        written = {
            "id": row["id"],
            "video": video or None,
            "conversations": [
                {"from": "human", "value": f"<video>\n{asked}" if video else asked},
                {"from": "gpt", "value": answered},
            ],
            "category": row.get("category"),
            "clip": clip if clip != video else None,
            "group": row["group"],
            "split": row.get("split"),
            "flyreel": beside,
        }
        rows.append({name: value for name, value in written.items() if value is not None})
    write_text(path, json.dumps(rows, indent=1, ensure_ascii=False) + "\n")
    notes = told(parcel.files, (row.get("clip", "") for row in parcel.rows))
    if doubled:
        notes.append(f"{doubled:,} questions hold line breaks or lettered lines; their wording also stands in flyreel")
    return notes


def said(wording: dict[str, Any]) -> tuple[str, str]:
    """What the person and the model say. A trainer counts `<video>`, so one in the text itself is spaced out."""
    if "choices" not in wording:
        return _spaced(wording["question"]), _spaced(wording["answer"])
    choices = [f"{letter}. {' '.join(text.split())}" for letter, text in zip(LETTERS, wording["choices"], strict=False)]
    return _spaced("\n".join([wording["question"], *choices, ASK])), LETTERS[wording["answer"]]


def _spaced(text: str) -> str:
    return _TOKEN.sub(lambda token: f"< {token[0][1:-1]} >", text)


def _reads_back(asked: str, answered: str, wording: dict[str, Any]) -> bool:
    try:
        row = checked(parse(asked, answered), "")
    except Broken:
        return False
    return all(row[name] == wording.get(name) for name in WORDING)
