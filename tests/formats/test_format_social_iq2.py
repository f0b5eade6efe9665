"""Social-IQ 2.0: two columns name the key outright and must not travel along."""

from __future__ import annotations

import json

import pytest

from flyreel.formats.base import read


def row(number, key, choices=("He is glad.", "He is sad.", "He is cross.", "He is calm.")):
    return {
        "qid": f"v{number}_q1_0",
        "q": "How does he feel?",
        "vid_name": f"v{number}",
        "ts": "0.00-60.0",
        "ans_corr": "LEAK of the key",
        "answer_idx": key,
        "idx_types": ["corr", "LEAK", "rewrite", "matched"],
    } | {f"a{i}": c for i, c in enumerate(choices)}


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "val.jsonl"
    path.write_text("\n".join(map(json.dumps, [row(1, 0), row(2, 3), row(3, 4), row(4, 0, ("a", "", "c", "d"))])))
    return path


@pytest.mark.parametrize("name", [None, "social-iq2"])
def test_fields_land_where_they_belong(path, name):
    reading = read(path, name)
    assert reading.format == "social-iq2"
    assert reading.questions.to_rows()[1] == {
        "id": "v2_q1_0",
        "question": "How does he feel?",
        "choices": ["He is glad.", "He is sad.", "He is cross.", "He is calm."],
        "answer": 3,
        "clip": "v2",
        "group": "v2",
        "meta": {"ts": "0.00-60.0"},
    }


def test_what_names_the_key_is_nowhere_in_the_rows(path):
    assert "LEAK" not in json.dumps(read(path).questions.table.to_pylist())


def test_broken_rows_are_named(path):
    assert [(p.row, p.reason) for p in read(path).problems] == [(3, "answer-out-of-range"), (4, "empty-choice")]
