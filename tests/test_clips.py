"""Clips in bulk: what goes in as canonical rows comes out as the same rows, and unknown facts stay unknown."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from flyreel.clips import SCHEMA, Clips
from flyreel.schema import Clip

TEXT = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=12)
SECONDS = st.floats(0, 1e4, allow_nan=False)
SPAN = st.tuples(SECONDS, SECONDS).map(lambda t: {"start": min(t), "end": max(t)})
CUE = st.builds(
    lambda span, kind, text, speaker: {**span, "kind": kind, "text": text, **speaker},
    SPAN,
    st.sampled_from(["dialogue", "description", "caption", "asr", "tag"]),
    TEXT,
    st.one_of(st.just({}), TEXT.map(lambda s: {"speaker": s})),
)
OPTIONAL = {
    "source": TEXT,
    "path": TEXT,
    "sha256": TEXT,
    "duration": SECONDS,
    "fps": SECONDS,
    "frames": st.integers(0, 1 << 40),
    "width": st.integers(1, 1 << 14),
    "height": st.integers(1, 1 << 14),
    "shots": st.lists(SPAN, min_size=1, max_size=3),
    "cues": st.lists(CUE, min_size=1, max_size=2),
    "split": TEXT,
    "meta": st.dictionaries(TEXT, st.one_of(st.integers(-5, 5), TEXT, st.booleans()), min_size=1, max_size=2),
}
ROWS = st.lists(st.fixed_dictionaries({"id": TEXT, "group": TEXT}, optional=OPTIONAL), max_size=5)


@given(ROWS)
@settings(max_examples=60, deadline=None)
def test_rows_come_back_from_the_table_as_they_went_in(rows):
    assert Clips.from_rows(rows).to_rows() == rows


@given(ROWS)
@settings(max_examples=40, deadline=None)
def test_models_and_rows_say_the_same(rows):
    models = [Clip.model_validate(row) for row in rows]
    assert Clips.from_rows(rows).to_models() == models
    assert Clips.from_models(models).to_models() == models


THREE = [
    {"id": "a", "frames": 40, "cues": [{"start": 0, "end": 0, "kind": "caption", "text": "a cat"}]},
    {"id": "b", "group": "film", "shots": [{"start": 0, "end": 1}, {"start": 1, "end": 2}]},
    {"id": "c", "frames": 0, "group": "film"},
]


def test_every_model_field_has_its_column():
    """A field without one would be lost on the way through a project, without a word."""
    assert set(SCHEMA.names) == set(Clip.model_fields)


def test_group_falls_back_to_the_id():
    assert Clips.from_rows(THREE).strings("group") == ["a", "film", "film"]


def test_an_unknown_fact_is_nan_and_not_nought():
    assert np.array_equal(Clips.from_rows(THREE).numbers("frames"), [40, np.nan, 0], equal_nan=True)
    assert np.isnan(Clips.from_rows(THREE).numbers("duration")).all()


def test_counts_are_right_on_a_slice_of_a_larger_table():
    clips = Clips.from_rows(THREE)
    assert (clips.counts("shots").tolist(), clips.counts("cues").tolist()) == ([0, 2, 0], [1, 0, 0])
    assert Clips(clips.table.slice(1)).counts("shots").tolist() == [2, 0]


def test_take_gives_the_rows_in_the_order_asked():
    assert Clips.from_rows(THREE).take(np.array([2, 0])).ids == ["c", "a"]
    assert len(Clips.from_rows(THREE).take(np.array([]))) == 0


def test_no_clips_at_all_is_not_a_crash():
    none = Clips.from_rows([])
    assert (len(none), none.ids, none.cues, none.counts("cues").tolist()) == (0, [], [], [])
    assert none.table.schema == SCHEMA
