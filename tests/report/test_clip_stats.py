"""Counts of clips that a person can check by eye."""

from __future__ import annotations

import pytest

from flyreel.clips import Clips
from flyreel.formats.base import Reading
from flyreel.formats.clip_source import ClipReading
from flyreel.questions import Questions
from flyreel.report.clip_stats import clip_table, describe_all, describe_clips, table_all
from flyreel.schema import Problem


def clip(id, *sentences, **more):
    cues = [{"start": 0, "end": 0, "kind": "caption", "text": text} for text in sentences]
    return {"id": id, **more, "cues": [*cues, *more.get("cues", [])]}


FOUR = [
    clip("a", "A cat sits.", "The cat, it sits down", split="train"),  # 3 + 5 words
    clip("b", "a dog runs", split="train"),  # 3 words
    clip("c", "a cat runs away", split="test"),  # 4 words
    clip("d", split="test", cues=[{"start": 1, "end": 2, "kind": "dialogue", "text": "not about the picture"}]),
]


def test_the_table_in_all_and_by_split():
    found = describe_clips(Clips.from_rows(FOUR), [Problem(row=1, reason="bad-url"), Problem(row=2, reason="bad-url")])
    in_all = {name: found[name] for name in found["by_split"]["train"]}
    assert in_all == {
        "clips": 4,
        "sentences": 4,
        "sentences_per_clip": 1.0,
        "tokens": 15,
        "mean_tokens_per_sentence": 3.75,
        "unique_tokens": len({"a", "cat", "sits", "the", "it", "down", "dog", "runs", "away"}),
        "average_term_frequency": 1.67,
        "measured_clips": 0,
        "mean_frames": None,
        "mean_shots": None,
        "mean_duration": None,
    }
    train, test = found["by_split"]["train"], found["by_split"]["test"]
    assert (train["clips"], train["sentences"], train["tokens"], train["unique_tokens"]) == (2, 3, 11, 8)
    assert (train["sentences_per_clip"], train["mean_tokens_per_sentence"]) == (1.5, 3.67)
    assert (train["average_term_frequency"], test["average_term_frequency"]) == (1.38, 1.0)
    assert (test["clips"], test["sentences"], test["tokens"]) == (2, 1, 4)
    assert found["commonest_words"][:2] == [("a", 3), ("cat", 3)]
    assert found["cues"] == {"caption": 4, "dialogue": 1}
    assert found["problems"] == {"bad-url": 2}
    assert "tokenizer" in found["tokenization"]


def test_splits_add_up_and_are_in_the_usual_order_with_none_last():
    rows = [clip(str(i), "x y", split=split) for i, split in enumerate(["test", None, "hard", "val", "train", "test"])]
    found = describe_clips(Clips.from_rows(rows))
    assert list(found["by_split"]) == ["train", "val", "test", "hard", "none"]
    for name in ("clips", "sentences", "tokens"):
        assert sum(split[name] for split in found["by_split"].values()) == found[name]


def test_without_splits_there_is_nothing_by_split():
    found = describe_clips(Clips.from_rows([clip("a", "x")]))
    assert found["by_split"] == {}
    assert not any("none" in line for line in clip_table(found))


def test_media_facts_are_means_over_the_clips_that_have_them():
    """An unknown length counted as nought would halve the mean."""
    rows = [
        clip("a", frames=40, duration=4.0, shots=[{"start": 0, "end": 1}, {"start": 1, "end": 4}]),
        clip("b", frames=20, duration=1.0, shots=[{"start": 0, "end": 1}]),
        clip("c"),
    ]
    found = describe_clips(Clips.from_rows(rows))
    assert (found["measured_clips"], found["mean_frames"], found["mean_shots"], found["mean_duration"]) == (
        2,
        30,
        1.5,
        2.5,
    )
    assert found["not_measured"] is None
    assert "duration" in describe_clips(Clips.from_rows(rows[2:]))["not_measured"]


@pytest.mark.parametrize("rows", [[], [clip("a")]])
def test_nothing_to_count_is_not_a_division_by_nought(rows):
    found = describe_clips(Clips.from_rows(rows))
    assert (found["clips"], found["sentences"], found["mean_tokens_per_sentence"]) == (len(rows), 0, None)
    assert (found["average_term_frequency"], found["tokenization"]) == (None, None)


def test_the_printed_table_has_a_column_for_each_split_and_one_for_all():
    lines = clip_table(describe_clips(Clips.from_rows(FOUR)))
    columns = {line[:28].strip(): line[28:].split() for line in lines}
    assert columns[""] == ["train", "test", "all"]
    assert columns["sentences"] == ["3", "1", "4"]
    assert columns["average term frequency"] == ["1.38", "1.0", "1.67"]
    assert "mean frames" not in columns
    assert any("not measured" in line for line in lines)


def test_questions_and_clips_stand_side_by_side():
    questions = Questions.from_rows([{"id": "1", "question": "Who runs?", "choices": ["x", "y"], "answer": 0}])
    reading = Reading("p", "project", questions)
    clips = ClipReading("p", "project", Clips.from_rows(FOUR))
    both = describe_all(reading, clips)
    assert both["questions"] == 1
    assert both["clips"] == 0, "the clips that questions name: a key of question counts, which must stay what it was"
    assert both["clip_stats"]["clips"] == 4
    assert "clip_stats" not in describe_all(reading, None)
    alone = describe_all(None, clips)
    assert (alone["source"], alone["clips"], "questions" in alone) == ("p", 4, False)
    assert any("sentences per clip" in line for line in table_all(both))
    assert any(line.split() == ["questions", "1"] for line in table_all(both))
