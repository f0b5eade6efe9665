"""EgoSchema: five numbered options, the key in `CA`, as JSONL or one JSON list."""

from __future__ import annotations

import json

import pytest

from flyreel.formats.base import read


def row(id, key, options=("C cooks.", "C reads.", "C sleeps.", "C runs.", "C sings.")):
    return {"q_uid": id, "google_drive_id": "secret", "question": f"What does {id} show?", "CA": key} | {
        f"option {i}": option for i, option in enumerate(options)
    }


ROWS = [row("u1", 3), row("u2", "1"), row("u3", 5), row("u4", None)]


@pytest.mark.parametrize("name", [None, "egoschema"])
@pytest.mark.parametrize("whole", [False, True], ids=["jsonl", "json"])
def test_options_and_key_land_and_broken_rows_are_named(tmp_path, name, whole):
    path = tmp_path / "subset.txt"
    path.write_text(json.dumps(ROWS) if whole else "\n".join(map(json.dumps, ROWS)))
    reading = read(path, name)
    assert reading.format == "egoschema"
    assert reading.questions.to_rows() == [
        {
            "id": "u1",
            "question": "What does u1 show?",
            "choices": ["C cooks.", "C reads.", "C sleeps.", "C runs.", "C sings."],
            "answer": 3,
            "clip": "u1",
            "group": "u1",
        },
        {
            "id": "u2",
            "question": "What does u2 show?",
            "choices": ["C cooks.", "C reads.", "C sleeps.", "C runs.", "C sings."],
            "answer": 1,
            "clip": "u2",
            "group": "u2",
        },
    ]
    assert [(p.row, p.reason) for p in reading.problems] == [(3, "answer-out-of-range"), (4, "no-answer")]
