"""CinePile as the Hugging Face columns hold it, in Parquet or JSONL: questions, and the clips they are about.

The key stands there twice, as text and as a position. Where the two disagree nobody can say which is right, so the
row is a problem. Category names carry a newline in the stored strings; it is read as a space.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from flyreel.clips import Clips
from flyreel.errors import InputError
from flyreel.formats.base import Broken, Draft, formats, read, text_of
from flyreel.formats.clip_source import ClipReading, checked, clip_sources
from flyreel.formats.containers import Record, Sample, literal_list, sample
from flyreel.formats.fields import scene_cues


@formats.add("cinepile")
class CinePile:
    """CinePile (Parquet or JSONL: movie_name, question, choices, answer_key, answer_key_position, subtitles …)."""

    unique_ids = False

    def recognises(self, sample: Sample) -> bool:
        return sample.has("question", "choices", "answer_key")

    def drafts(self, record: Record) -> Iterable[Draft]:
        v = record.values
        choices = v.get("choices")
        if isinstance(choices, str):
            choices = literal_list(choices) or choices
        clip = _clip(v)
        yield {
            "id": f"{clip}-{record.row}" if clip else None,
            "question": v.get("question"),
            "choices": choices,
            "answer": _key(v.get("answer_key"), v.get("answer_key_position"), choices),
            "clip": clip,
            "group": v.get("movie_name") or clip,
            "category": v.get("question_category"),
            "cues": _cues(v),
            "meta": {k: v[k] for k in ("year", "genre", "hard_split", "visual_reliance") if v.get(k) is not None},
        }


@clip_sources.add("cinepile")
class CinePileClips:
    """CinePile's clips, once each, with the scene text as cues and the film as their group; and its questions."""

    def recognises(self, path: Path) -> bool:
        try:
            return CinePile().recognises(sample(path))
        except InputError:
            return False

    def read(self, path: Path) -> ClipReading:
        """A clip is known by any row about it, also by one whose question is broken."""
        reading = read(path, "cinepile")
        rows: dict[str, dict[str, Any]] = {}
        for record in sample(path).records():
            clip = text_of(_clip(record.values)) if isinstance(record, Record) else None
            if isinstance(record, Record) and clip and clip not in rows:
                v = record.values
                rows[clip] = checked(
                    {
                        "id": clip,
                        "source": v.get("yt_clip_link"),
                        "group": v.get("movie_name") or clip,
                        "cues": _cues(v),
                        "meta": {name: v[name] for name in ("yt_clip_title", "year", "genre") if v.get(name)},
                    },
                    clip,
                )
        clips = Clips.from_rows(rows.values())
        return ClipReading(str(path), "cinepile", clips, reading.questions, reading.problems)


def _clip(v: dict[str, Any]) -> Any:
    return v.get("videoID") or v.get("yt_clip_link") or v.get("yt_clip_title")


def _cues(v: dict[str, Any]) -> list[dict[str, Any]]:
    cues = list(scene_cues(v.get("movie_scene"), "description"))
    if not any(cue["kind"] == "dialogue" for cue in cues):
        cues += scene_cues(v.get("subtitles"))
    return sorted(cues, key=lambda cue: cue["start"])


def _key(text: object, position: object, choices: object) -> object:
    if position is None or position != position or not isinstance(choices, list):
        return text
    whole = str(position).removesuffix(".0")
    at = int(whole) if whole.isdecimal() else None
    if at is None or at >= len(choices):
        raise Broken("answer-out-of-range", f"answer_key_position {position!r} with {len(choices)} choices")
    if text is not None and str(text).strip() != str(choices[at]).strip():
        raise Broken("answer-text-and-position-disagree", f"{text!r} is not choice {at}, {choices[at]!r}")
    return at
