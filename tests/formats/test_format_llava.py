"""LLaVA conversations: one turn is one question, and a letter means a position."""

from __future__ import annotations

import json

import pytest

from flyreel.clips import Clips
from flyreel.errors import InputError
from flyreel.formats.base import read
from flyreel.formats.export import Parcel, write
from flyreel.questions import Questions


def row(*turns, **more):
    said = [{"from": "human" if i % 2 == 0 else "gpt", "value": text} for i, text in enumerate(turns)]
    return {"id": "r", "video": "v.mp4", "conversations": said, **more}


def reading(tmp_path, *rows):
    path = tmp_path / "train.json"
    path.write_text(json.dumps(rows), encoding="utf-8")
    return read(path)


def exported(tmp_path, *rows, files=None):
    out = tmp_path / "out.json"
    done = write("llava", Parcel("x", "x", Questions.from_rows(rows), Clips.from_rows([]), files or {}), out)
    return json.loads(out.read_text(encoding="utf-8")), done


COLOUR = {"id": "q1", "question": "Which colour?", "choices": ["red", "blue"], "answer": 1, "clip": "c"}


def test_an_export_is_what_a_trainer_reads(tmp_path):
    video = tmp_path / "clips" / "c.mp4"
    video.parent.mkdir()
    video.write_bytes(b"film")
    (written,), done = exported(tmp_path, COLOUR, files={"c": video})
    assert written == {
        "id": "q1",
        "video": "c.mp4",
        "conversations": [
            {
                "from": "human",
                "value": "<video>\nWhich colour?\nA. red\nB. blue\nAnswer with the letter of the right choice.",
            },
            {"from": "gpt", "value": "B"},
        ],
        "clip": "c",
        "group": "c",
    }
    assert done.notes == [f"The videos lie in {video.parent}; each is named by its path below it"]


def test_a_question_without_a_clip_has_no_video_token(tmp_path):
    (written,), _ = exported(tmp_path, {"id": "q", "question": "What is said?", "answer": "Nothing."})
    assert "video" not in written
    assert [turn["value"] for turn in written["conversations"]] == ["What is said?", "Nothing."]


def test_a_video_token_in_the_text_is_not_counted_by_a_trainer_and_still_comes_back(tmp_path):
    asked = "Is <video> or <IMAGE> a tag?"
    (written,), _ = exported(tmp_path, {**COLOUR, "question": asked})
    assert written["conversations"][0]["value"].count("<video>") == 1
    assert "<IMAGE>" not in written["conversations"][0]["value"]
    assert read(tmp_path / "out.json").questions.texts == [asked]


def test_a_choice_of_two_lines_stands_on_one_and_is_kept_as_it_was_beside_it(tmp_path):
    (written, plain), done = exported(tmp_path, {**COLOUR, "choices": ["red\nwine", "blue"]}, {**COLOUR, "id": "q2"})
    assert "A. red wine\nB. blue\n" in written["conversations"][0]["value"]
    assert written["flyreel"] == {"question": "Which colour?", "choices": ["red\nwine", "blue"], "answer": 1}
    assert "flyreel" not in plain, "wording that reads back from the conversation needs no second copy"
    assert any(note.startswith("1 questions hold line breaks") for note in done.notes)


@pytest.mark.parametrize(
    "asked",
    [
        "<video>\nWhich?\nA. red\nB. blue\nAnswer with the option's letter.",
        "Which?\n\nOptions:\n(A) red\n(B) blue\n\n<video>",
        "<image>\nWhich?\nA) red\n\nB) blue",
        "<video>Which?\nChoices:\n A: red\n B: blue\n",
    ],
)
@pytest.mark.parametrize("answered", ["B", "B.", "(B)", "B. blue", "blue", "Blue.", " B) blue"])
def test_lettered_lines_of_other_peoples_files(tmp_path, asked, answered):
    (found,) = reading(tmp_path, row(asked, answered)).questions.to_rows()
    assert (found["question"], found["choices"], found["answer"]) == ("Which?", ["red", "blue"], 1)
    assert (found["id"], found["clip"]) == ("r", "v.mp4")


def test_a_letter_is_a_position_even_where_a_choice_is_called_by_it(tmp_path):
    found = reading(tmp_path, row("Which grade?\nA. B\nB. A", "A"), row("How many?\nA. 1\nB. 0", "0")).questions
    assert found.answer.tolist() == [0, 1]


def test_every_turn_of_a_conversation_is_a_question(tmp_path):
    found = reading(tmp_path, row("<video>\nWhat is it?", "A cat.", "Which?\nA. red\nB. blue", "A")).questions
    assert found.ids == ["r-1", "r-2"]
    assert found.strings("clip") == ["v.mp4", "v.mp4"]
    assert [r["answer"] for r in found.to_rows()] == ["A cat.", 0]


@pytest.mark.parametrize(
    ("turns", "reason"),
    [
        (["What?", ""], "no-answer"),
        (["What?"], "no-answer"),
        (["<video>\n", "A cat."], "empty-question"),
        (["Which: A. red B. blue", "B"], "options-not-clear"),
        (["Which?\nA. red\nC. blue", "C"], "options-not-clear"),
        (["Which?\nA. red\nand white\nB. blue", "B"], "options-not-clear"),
        (["Which?\nA. red\nB. blue\nOr:\nA. up\nB. down", "A"], "options-not-clear"),
        (["Which?\nA. red\nB. blue", "D"], "answer-out-of-range"),
        (["Which?\nA. red\nB. blue", "B. red"], "answer-not-among-choices"),
        (["Which?\nA. red\nB. blue", "1"], "answer-not-among-choices"),
        (["Which?\nA. red\nB. red", "B"], "duplicate-choices"),
    ],
)
def test_a_turn_that_is_no_question_is_a_problem_and_its_neighbours_are_read(tmp_path, turns, reason):
    """Half a set of options, or a letter that names none, would be a question with another key."""
    found = reading(tmp_path, row("Who?", "Ann.", *turns), row("Where?", "There."))
    assert found.questions.texts == ["Who?", "Where?"]
    assert [(p.row, p.reason) for p in found.problems] == [(1, reason)]
    assert found.problems[0].detail.startswith("turn 2 of 2")


def test_after_a_broken_turn_the_later_ones_are_still_read(tmp_path):
    found = reading(tmp_path, row("Which?\nA. red\nB. red", "B", "Who?", "Ann."))
    assert found.questions.ids == ["r-2"]
    assert [p.reason for p in found.problems] == ["duplicate-choices"]


def test_the_model_speaking_first_or_a_person_twice_is_a_problem(tmp_path):
    said = [("gpt", "Hello."), ("human", "Who?"), ("human", "Where?"), ("gpt", "There.")]
    turns = [{"from": who, "value": text} for who, text in said]
    found = reading(tmp_path, {"id": "r", "conversations": turns})
    assert found.questions.texts == ["Where?"]
    assert [(p.reason, p.detail) for p in found.problems] == [("empty-question", "turn 1, 2 of 3")]


@pytest.mark.parametrize(
    ("conversations", "reason"),
    [
        (None, "no-conversation"),
        ([], "no-conversation"),
        ("text", "no-conversation"),
        ([{"from": "narrator", "value": "x"}], "unknown-speaker"),
        (["x"], "unknown-speaker"),
    ],
)
def test_a_row_without_a_conversation_is_a_problem(tmp_path, conversations, reason):
    with pytest.raises(InputError, match=reason):
        reading(tmp_path, {"id": "r", "conversations": conversations})


def test_what_the_system_says_is_no_turn(tmp_path):
    turns = [{"from": "system", "value": "Be brief."}, *row("Who?", "Ann.")["conversations"]]
    assert reading(tmp_path, {"id": 7, "conversations": turns}).questions.ids == ["7"]
