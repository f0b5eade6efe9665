"""What is in a set of clips: the table that TGIF was published with, counted again, by split and in all.

Sentences are captions and descriptions; what is said in a clip is not about it, and is counted under cues only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np

from flyreel.audit.choices import words
from flyreel.clips import Clips
from flyreel.formats.base import Reading
from flyreel.formats.clip_source import ClipReading
from flyreel.report.stats import describe, table
from flyreel.schema import Problem

TOKENS = "lower-cased words; the published TGIF table counted with another tokenizer, so its numbers differ"
NOT_MEASURED = "frames, shots and duration: the clips are not fetched, or nobody looked into them yet"
_SPLITS = ("train", "val", "test")
_ABOUT = ("caption", "description")


def describe_clips(clips: Clips, problems: Iterable[Problem] = ()) -> dict[str, Any]:
    """`by_split` is empty where no split is known; a clip in none of them stands under `none`.

    `measured_clips` counts the clips whose frames are known.
    """
    cues, splits = clips.cues, clips.strings("split", "none")
    sentences = [[words(c["text"]) for c in own if c["kind"] in _ABOUT] for own in cues]
    measured = {name: clips.numbers(name) for name in ("frames", "duration")}
    # a clip that was decoded has at least one shot: none at all means that nobody looked
    shots = clips.counts("shots").astype(float)
    measured["shots"] = np.where(shots > 0, shots, np.nan)
    known = sorted(set(splits), key=lambda s: (_SPLITS.index(s) if s in _SPLITS else len(_SPLITS) + (s == "none"), s))
    by_split = {
        split: _measures(sentences, measured, [i for i, own in enumerate(splits) if own == split]) for split in known
    }
    vocabulary = Counter(w for own in sentences for sentence in own for w in sentence)
    return {
        **_measures(sentences, measured, range(len(clips))),
        "commonest_words": vocabulary.most_common(10),
        "tokenization": TOKENS if vocabulary else None,
        "groups": len(set(clips.strings("group"))),
        "cues": dict(Counter(c["kind"] for own in cues for c in own).most_common()),
        "not_measured": NOT_MEASURED if all(np.isnan(values).all() for values in measured.values()) else None,
        "by_split": by_split if known != ["none"] else {},
        "problems": dict(Counter(p.reason for p in problems)),
    }


def _measures(sentences: list[list[list[str]]], measured: dict[str, np.ndarray], at: Iterable[int]) -> dict[str, Any]:
    chosen = np.array([*at], dtype=int)
    texts = [sentence for i in chosen for sentence in sentences[i]]
    vocabulary = Counter(w for sentence in texts for w in sentence)
    tokens = vocabulary.total()
    return {
        "clips": len(chosen),
        "sentences": len(texts),
        "sentences_per_clip": _ratio(len(texts), len(chosen)),
        "tokens": tokens,
        "mean_tokens_per_sentence": _ratio(tokens, len(texts)),
        "unique_tokens": len(vocabulary),
        "average_term_frequency": _ratio(tokens, len(vocabulary)),
        "measured_clips": int((~np.isnan(measured["frames"][chosen])).sum()),
        **{f"mean_{name}": _mean(values[chosen]) for name, values in measured.items()},
    }


def _ratio(many: int, of: int) -> float | None:
    return round(many / of, 2) if of else None


def _mean(values: np.ndarray) -> float | None:
    known = values[~np.isnan(values)]
    return round(float(known.mean()), 2) if len(known) else None


def clip_table(described: dict[str, Any]) -> list[str]:
    """The same, a line each; with splits, a column for each of them and one for all."""
    by_split = described["by_split"]
    if not by_split:
        return table(described)
    measures = next(iter(by_split.values()))
    columns = {**by_split, "all": {name: described[name] for name in measures}}
    head = f"  {'':<26}" + "".join(f"{name:>14}" for name in columns)
    grid = [
        f"  {name.replace('_', ' '):<26}" + "".join(f"{_shown(column[name]):>14}" for column in columns.values())
        for name in measures
        if any(column[name] is not None for column in columns.values())
    ]
    rest = {name: value for name, value in described.items() if name not in measures and name != "by_split"}
    return [head, *grid, *table(rest)]


def _shown(value: float | None) -> str:
    return "" if value is None else f"{value:,}"


def describe_all(reading: Reading | None, clips: ClipReading | None) -> dict[str, Any]:
    """Questions and clips side by side; clips stand under `clip_stats` where there are questions too."""
    counted = describe_clips(clips.clips, [] if reading else clips.problems) if clips else None
    if reading:
        described = {"source": reading.source, "format": reading.format, **describe(reading)}
        return {**described, "clip_stats": counted} if counted else described
    assert clips and counted
    return {"source": clips.source, "format": clips.format, **counted}


def table_all(described: dict[str, Any]) -> list[str]:
    if "by_split" in described:
        head = {name: described[name] for name in ("source", "format")}
        return [*table(head), *clip_table({k: v for k, v in described.items() if k not in head})]
    rest = {name: value for name, value in described.items() if name != "clip_stats"}
    counted = described.get("clip_stats")
    return [*table(rest), *(["", *clip_table(counted)] if counted else [])]
