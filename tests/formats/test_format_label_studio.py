"""Label Studio: what people are shown, and what they say comes back without moving a key."""

from __future__ import annotations

import json
import xml.etree.ElementTree as xml
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from flyreel.clips import Clips
from flyreel.errors import InputError
from flyreel.formats.base import read
from flyreel.formats.export import Parcel, write
from flyreel.questions import Questions

COLOUR = {
    "id": "q1", "question": "Which colour?", "choices": ["red", "blue", "green"], "answer": 1, "clip": "c",
    "group": "film", "meta": {"round": {"of": [1]}},
}  # fmt: skip
SAID = {"id": "q2", "question": "What is said?", "answer": "Nothing.", "clip": "d", "group": "film"}


def exported(tmp_path, *rows, files=None, clips=()):
    out = tmp_path / "out"
    done = write("label-studio", Parcel("x", "x", Questions.from_rows(rows), Clips.from_rows(clips), files or {}), out)
    return json.loads((out / "tasks.json").read_text(encoding="utf-8")), done


def reviewed(tmp_path, *annotations, row=COLOUR, **task):
    """The task of one question with these annotations, as a JSON export has it."""
    (made,), _ = exported(tmp_path, row)
    path = tmp_path / "export.json"
    path.write_text(json.dumps([{"id": 1, **made, "annotations": list(annotations), **task}]), encoding="utf-8")
    return read(path)


def said(by, pick=None, verdict=None, note=None, more=(), **facts):
    result = [
        {"from_name": name, "to_name": "question", "type": "choices", "value": {"choices": [value]}}
        for name, value in (("pick", pick), ("verdict", verdict))
        if value
    ]
    if note:
        result.append({"from_name": "note", "to_name": "question", "type": "textarea", "value": {"text": [note]}})
    return {"completed_by": by, "result": [*result, *more], "was_cancelled": False, **facts}


def review(tmp_path, *annotations, **more):
    (row,) = reviewed(tmp_path, *annotations, **more).questions.to_rows()
    return row["meta"]["review"]


def test_a_task_shows_the_choices_and_names_them_by_letter(tmp_path):
    (task,), _ = exported(tmp_path, COLOUR)
    assert task["data"] == {
        "video": "c",
        "question": "Which colour?",
        "choices": [{"alias": "A", "value": "red"}, {"alias": "B", "value": "blue"}, {"alias": "C", "value": "green"}],
        "flyreel": Questions.from_rows([COLOUR]).to_rows()[0],
    }
    (prediction,) = task["predictions"]
    assert prediction["result"][0]["value"] == {"choices": ["B"]}
    assert (prediction["model_version"], prediction["score"]) == ("key", 1.0)


def test_a_dollar_sign_is_shown_rather_than_replaced(tmp_path):
    """The editor would look up `$5` among the task's data and show nothing."""
    (task,), _ = exported(tmp_path, {**COLOUR, "choices": ["$5 <b>", "£5"], "answer": 0})
    assert task["data"]["choices"] == [
        {"alias": "A", "value": "$5 <b>", "html": "$5 &lt;b&gt;"},
        {"alias": "B", "value": "£5"},
    ]


@pytest.mark.parametrize("rows", [[COLOUR], [COLOUR, SAID]])
def test_the_interface_has_a_control_for_every_name_that_a_result_may_have(tmp_path, rows):
    tasks, _ = exported(tmp_path, *rows)
    root = xml.parse(tmp_path / "out" / "config.xml").getroot()
    tags = {tag.get("name"): tag for tag in root.iter() if tag.get("name")}
    used = {part["from_name"] for task in tasks for p in task["predictions"] for part in p["result"]}
    assert set(tags) == {"video", "question", "pick", "verdict", "note"} | used
    assert {tag.get("toName") for tag in tags.values()} == {None, "question"}
    for tag in tags.values():
        if (tag.get("value") or "").startswith("$"):
            assert all(tag.get("value")[1:] in task["data"] for task in tasks)
    assert [choice.get("alias") for choice in tags["verdict"]] == [
        "keep", "wrong-key", "ambiguous", "no-answer", "unwatchable",
    ]  # fmt: skip


def test_files_are_served_from_one_folder_up_and_addresses_stand_as_they_are(tmp_path):
    """A storage of Label Studio may not be the root itself, so the root is the parent of the folder of videos."""
    video = tmp_path / "clips" / "a b#1.mp4"
    video.parent.mkdir()
    video.write_bytes(b"film")
    clips = [{"id": "c", "source": "https://example.org/c.mp4"}, {"id": "d", "source": "https://example.org/d.gif"}]
    rows = [COLOUR, SAID, {**COLOUR, "id": "q3", "clip": "e"}, {**SAID, "id": "q4", "clip": None}]
    tasks, done = exported(tmp_path, *rows, files={"c": video}, clips=clips)
    first, *others = [task["data"]["video"] for task in tasks]
    assert first.startswith("/data/local-files/?d=clips/")
    assert parse_qs(urlsplit(first).query)["d"] == ["clips/a b#1.mp4"]
    assert others == ["https://example.org/d.gif", "e", ""]
    told = "\n".join(done.notes)
    assert "LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED=true" in told
    assert any(line.endswith(f"LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT={tmp_path}") for line in done.notes)
    assert f"add {tmp_path / 'clips'} to the project" in told
    assert "1 clips play from their address" in told
    assert "1 clips have neither a file nor an address" in told
    assert "1 .gif" in told
    assert "The key stands as a prediction" in told


def test_tasks_that_nobody_annotated_give_the_questions_back(tmp_path):
    exported(tmp_path, COLOUR, SAID)
    back = read(tmp_path / "out" / "tasks.json")
    assert (back.format, back.problems) == ("label-studio", [])
    assert back.questions.to_rows() == Questions.from_rows([COLOUR, SAID]).to_rows()
    assert reviewed(tmp_path).questions.to_rows() == Questions.from_rows([COLOUR]).to_rows()


def test_what_people_say_stands_beside_the_question_and_the_key_stays(tmp_path):
    reading = reviewed(tmp_path, said(1, "C", "wrong-key", "It is green."), said(2, "C"), said(3, "B", "keep"))
    (row,) = reading.questions.to_rows()
    found = row["meta"].pop("review")
    assert row == Questions.from_rows([COLOUR]).to_rows()[0]
    assert found == {
        "people": [
            {"by": "1", "choice": 2, "verdict": "wrong-key", "note": "It is green."},
            {"by": "2", "choice": 2},
            {"by": "3", "choice": 1, "verdict": "keep"},
        ],
        "answer": 2,
        "agreement": pytest.approx(1 / 3),
    }


@pytest.mark.parametrize(
    ("picks", "answer", "agreement"),
    [("B", 1, None), ("BB", 1, 1.0), ("AB", None, 0.0), ("AAB", 0, 1 / 3), ("ABC", None, 0.0), ("AABB", None, 1 / 3)],
)
def test_the_majority_is_more_than_half_and_agreement_is_over_pairs(tmp_path, picks, answer, agreement):
    found = review(tmp_path, *(said(by, pick) for by, pick in enumerate(picks)))
    assert (found.get("answer"), found.get("agreement")) == (answer, agreement and pytest.approx(agreement))
    assert found.get("verdict") is None


def test_who_skips_says_nothing_and_is_counted(tmp_path):
    found = review(tmp_path, said(1, "A"), said(2, "B", was_cancelled=True), {"completed_by": 3, "skipped": True})
    assert (found["skipped"], found["answer"], len(found["people"])) == (2, 0, 1)


def test_one_person_has_one_voice_and_the_last_word_counts(tmp_path):
    later, sooner = "2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z"
    found = review(tmp_path, said(1, "A", created_at=later), said(1, "B", created_at=sooner), said(2, "A"))
    assert sorted((p["by"], p["choice"]) for p in found["people"]) == [("1", 0), ("2", 0)]


def test_names_and_addresses_of_people_stay_out_where_there_is_a_number(tmp_path):
    who = {"id": 4, "email": "ann@example.org", "first_name": "Ann"}
    people = review(tmp_path, said(who, "A"), said({"email": "bob@example.org"}, "A"), said(None, "A"))["people"]
    assert [p.get("by") for p in people] == ["4", "bob@example.org", None]


def test_ground_truth_and_controls_of_ones_own_are_kept(tmp_path):
    stars = {"from_name": "stars", "to_name": "question", "type": "rating", "value": {"rating": 4}}
    relation = {"from_id": "a", "to_id": "b", "type": "relation", "direction": "right"}
    (person,) = review(tmp_path, said(1, "A", ground_truth=True, more=[stars, relation]))["people"]
    assert person == {"by": "1", "ground_truth": True, "choice": 0, "other": {"stars": {"rating": 4}}}


def test_an_open_ended_reply_is_kept_as_text(tmp_path):
    reply = {"from_name": "reply", "to_name": "question", "type": "textarea", "value": {"text": ["A", "song."]}}
    assert review(tmp_path, said(1, more=[reply]), row=SAID) == {"people": [{"by": "1", "reply": "A\nsong."}]}


def test_a_second_round_keeps_the_first(tmp_path):
    row = {**COLOUR, "meta": {"review": {"answer": 0}}}
    assert review(tmp_path, said(1, "A"), row=row)["earlier"] == {"answer": 0}


def test_choices_without_an_alias_are_known_by_their_text(tmp_path):
    (made,), _ = exported(tmp_path, COLOUR)
    data = {**made["data"], "choices": [{"value": "red"}, {"value": "blue"}, "green"]}
    assert [p["choice"] for p in review(tmp_path, said(1, "blue"), said(2, "green"), data=data)["people"]] == [1, 2]


@pytest.mark.parametrize(
    ("annotation", "reason"),
    [
        (said(1, "D"), "pick-not-among-choices"),
        ({"completed_by": 1, "result": None}, "bad-annotation"),
        ({"completed_by": 1, "result": [7]}, "bad-annotation"),
        ({"completed_by": 1, "result": [{"from_name": "pick", "value": {"choices": ["A", "B"]}}]}, "bad-annotation"),
        ({"completed_by": 1, "result": [{"from_name": "verdict", "value": {"text": ["A"]}}]}, "bad-annotation"),
        ({"completed_by": 1, "result": [{"from_name": "note", "value": {"text": 7}}]}, "bad-annotation"),
        ("keep", "bad-annotation"),
    ],
)
def test_an_annotation_that_cannot_be_understood_makes_the_task_a_problem(tmp_path, annotation, reason):
    """Left out in silence it would change the majority."""
    with pytest.raises(InputError, match=reason):
        reviewed(tmp_path, annotation, said(2, "A"))


def test_broken_tasks_are_problems_and_the_others_are_read(tmp_path):
    (made,), _ = exported(tmp_path, COLOUR)
    tasks = [
        {"data": {"question": "Another's?"}, "annotations": []},
        {"data": None, "annotations": []},
        {"data": {"flyreel": {**COLOUR, "id": "x", "answer": 9}}, "annotations": []},
        {**made, "annotations": []},
        {**made, "annotations": []},
    ]
    path = tmp_path / "export.json"
    path.write_text(json.dumps(tasks), encoding="utf-8")
    reading = read(path)
    assert reading.questions.ids == ["q1"]
    assert [(p.row, p.reason) for p in reading.problems] == [
        (1, "no-flyreel-row"), (2, "no-flyreel-row"), (3, "answer-out-of-range"), (5, "duplicate-id"),
    ]  # fmt: skip


def test_json_min_is_refused_with_what_to_do(tmp_path):
    """It lays every annotation out as a task of its own; read so, each of several people would be a question."""
    (made,), _ = exported(tmp_path, SAID)
    path = tmp_path / "min.json"
    path.write_text(json.dumps([{**made["data"], "id": 1, "reply": "A song.", "annotator": 1, "annotation_id": 3}]))
    with pytest.raises(InputError, match="json-min: export as JSON"):
        read(path)


@pytest.mark.parametrize(
    ("places", "folder"),
    [
        (("/films/a.mp4", "/clips/b.mp4"), "/"),
        (("/films/a.mp4", "/films/b.mp4"), "/films"),
        (("/films/one/a.mp4", "/films/two/b.mp4"), "/films"),
    ],
)
def test_the_whole_disk_is_never_served(tmp_path, places, folder):
    files = dict(zip("cd", map(Path, places), strict=True))
    clips = [{"id": "c", "source": "https://example.org/c.mp4"}]
    tasks, done = exported(tmp_path, COLOUR, SAID, files=files, clips=clips)
    assert [task["data"]["video"] for task in tasks] == ["https://example.org/c.mp4", "d"]
    told = "\n".join(done.notes)
    assert "DOCUMENT_ROOT" not in told
    assert f"the folder that holds all of the videos is {folder}, and the one above it is the whole disk" in told
    assert "1 clips play from their address" in told
    assert "1 clips have neither a file nor an address" in told


def test_the_tasks_are_json_where_a_question_has_a_number_that_is_none(tmp_path):
    exported(tmp_path, {**COLOUR, "meta": {"score": float("nan")}})
    assert "NaN" not in (tmp_path / "out" / "tasks.json").read_text(encoding="utf-8")
