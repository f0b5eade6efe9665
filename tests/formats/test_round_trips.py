"""What an exporter says that it holds comes back equal, whatever the text: every exporter, by its name in the registry.

A new exporter is covered by being registered. If one fails here it either loses what it claims to hold, or writes what
its reader takes for something else.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from flyreel.clips import Clips
from flyreel.formats.base import Broken, checked, read
from flyreel.formats.export import Parcel, exporters, unfit, write
from flyreel.questions import Questions

NOT_READ_BACK: dict[str, str] = {}
"""Exporters whose files are not made to be read, each with the reason."""

KEPT_TOGETHER = {"huggingface": "split", "webdataset": "clip"}
"""Formats that lay the questions out by a field; their order is that of the set within each value of it."""

HOSTILE = [
    'He said "no", then left', "it's", "a, b; c", "tab\there", "line\nbreak", "line\r\nbreak", "a | b | c", "<b>x</b>",
    "A. red\nB. blue", "B. second", "(C) third", "D) fourth", "A", "B", "c", "0", "1", "2.0", "-1", "True", "None",
    "nan", "null", "$5", "$question", "<video>", "<video>\nA. x\nB. y\nAnswer", "{{ x }}", "{% raw %}", "%s %d",
    "\\n", "\\", "[1, 2]", "['A. x', 'B. y']", '{"a": 1}', "=SUM(A1)", "# title", "---", "```", "\u2028", "\u00a0x",
    "\ufeffx", "e\u0301", "é", "\\t", "ﬁ", "日本語", "🎬", "\u202eabc", "x" * 3000, "Options:", "Answer: B", "a\x0bb",
    "a\x85b", "x=1,y=2", "C:\\clips\\a.mp4", "'", '"', "''", '""', "A: x", "&amp;", "&", "I. think", "A.\tx", "  A.  x",
]  # fmt: skip

plain = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12)
any_text = st.sampled_from(HOSTILE) | plain | st.lists(st.sampled_from(HOSTILE), min_size=2, max_size=3).map(" ".join)
word = st.text("abcXYZ019_-. /é#", min_size=1, max_size=12)
numbers = st.floats(0, 1e4, allow_nan=False).map(lambda x: round(x, 3))
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**31), 2**31) | any_text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(plain, inner, max_size=3),
    max_leaves=6,
)
spans = st.lists(st.tuples(numbers, numbers).map(lambda p: {"start": min(p), "end": max(p)}), max_size=2)


@st.composite
def cues(draw):
    found = draw(spans)
    kinds = st.sampled_from(["dialogue", "description", "caption", "asr", "tag"])
    return [
        {**span, "kind": draw(kinds), "text": draw(any_text), "speaker": draw(st.none() | any_text)} for span in found
    ]


@st.composite
def drafts(draw):
    """A question as a file may have it; whether it is one is decided by the reader's own check."""
    optional = {name: draw(st.none() | any_text) for name in ("category", "template", "rationale", "parent")}
    row = {
        "id": draw(word | any_text),
        "question": draw(any_text),
        "clip": draw(st.none() | word | any_text),
        "group": draw(st.none() | word | any_text),
        "split": draw(st.none() | st.sampled_from(["train", "val", "test"])),
        **optional,
        "cues": draw(cues()),
        "evidence": draw(spans),
        "meta": draw(st.none() | st.dictionaries(plain, values, min_size=1, max_size=3)),
        "origin": draw(st.none() | st.fixed_dictionaries({"name": any_text, "parameters": st.just({"k": 1})})),
        "round": draw(st.integers(0, 3)),
    }
    if draw(st.integers(0, 4)) == 0:
        return {**row, "answer": draw(any_text)}
    choices = draw(st.lists(any_text, min_size=2, max_size=8, unique_by=str.strip))
    return {**row, "choices": choices, "answer": draw(st.integers(0, len(choices) - 1))}


def accepted(made):
    """The rows that a reader accepts, each id once, as canonical JSONL has them."""
    rows = {}
    for number, draft in enumerate(made):
        try:
            row = checked(draft, f"q-{number}")
        except Broken:
            continue
        rows.setdefault(row["id"], row)
    return Questions.from_rows(rows.values())


def read_back(format, out):
    """What was written, read by the path that it was written to: a folder of ours is a set like any other."""
    reading = read(out)
    assert not reading.problems, f"{format} wrote rows that its reader refuses"
    return reading.questions.to_rows()


def there_and_back(format, questions, clips=(), files=None):
    """Rows that fit with what came back of them."""
    facts = exporters.get(format).facts
    fitting = [row for row in questions.to_rows() if not unfit(row, facts)]
    if not fitting:
        return [], []
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "there" + facts["suffix"])
        parcel = Parcel("there", "There and back", questions, Clips.from_rows(clips), files or {}, "cc-by-4.0", "x")
        done = write(format, parcel, out)
        assert done.questions == len(fitting)
        assert len(done.left_out) == len(questions) - len(fitting)
        return fitting, read_back(format, out)


def assert_equal(format, wrote, back):
    holds = exporters.get(format).facts["holds"]
    assert in_order(format, back) == in_order(format, wrote)
    found = {row["id"]: row for row in back}
    for before in wrote:
        after = found[before["id"]]
        for name in holds:
            assert after.get(name) == before.get(name), f"{format}: {name} of {before['id']!r}"


def in_order(format, rows):
    """Ids, apart for each value of the field that the format lays them out by. Without a clip a row is by itself."""
    name = KEPT_TOGETHER.get(format)
    found = {}
    for row in rows:
        apart = (row.get(name) or (row["id"] if name == "clip" else None)) if name else None
        found.setdefault(apart, []).append(row["id"])
    return found


readable = pytest.mark.parametrize("format", [n for n in exporters.names() if n not in NOT_READ_BACK])


@readable
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(made=st.lists(drafts(), min_size=1, max_size=5))
@example(made=[{"id": "q", "question": "Which?", "choices": ["B", "A"], "answer": 0}])
@example(made=[{"id": "q", "question": "Which?", "choices": ["A. x", "B. y"], "answer": 1}])
@example(made=[{"id": "q", "question": "Which?", "choices": ["1", "0"], "answer": 0}])
@example(made=[{"id": "q", "question": "Which?", "answer": "B"}])
@example(made=[{"id": "q", "question": "Which?\nA. x\nB. y", "choices": ["u\nv", "w"], "answer": 1}])
def test_what_is_held_comes_back_equal(format, made):
    wrote, back = there_and_back(format, accepted(made))
    assert_equal(format, wrote, back)


@readable
def test_every_hostile_text_survives_as_question_choice_answer_and_clip(format):
    """The list above in one set, so that none is left to chance."""
    made = [
        {"id": f"q{i}", "question": t, "choices": [t, f"not {i}", "third"], "answer": i % 3, "clip": t, "category": t}
        for i, t in enumerate(HOSTILE)
    ]
    made += [{"id": f"o{i}", "question": "What is said?", "answer": t, "clip": "c"} for i, t in enumerate(HOSTILE)]
    wrote, back = there_and_back(format, accepted(made))
    assert len(wrote) >= len(HOSTILE) - 2
    assert_equal(format, wrote, back)


@readable
def test_a_clip_comes_back_by_its_id_though_its_file_is_called_otherwise(format, tmp_path):
    """Two folders with a file of one name, and a name that an address has to quote."""
    files = {}
    for id, place in {"c/1": "a/clip.mp4", "c/2": "b/clip.mp4", "three": "a/sm all#1?.webm"}.items():
        path = tmp_path / place
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"film " + id.encode())
        files[id] = path
    clips = [{"id": id, "path": str(path), "source": f"https://example.org/{id}.mp4"} for id, path in files.items()]
    rows = [
        {"id": f"q{i}", "question": "Which?", "choices": ["x", "y"], "answer": i % 2, "clip": clip, "group": "film"}
        for i, clip in enumerate([*files, "no-file", "c/1"])
    ]
    rows.append({"id": "q9", "question": "Which?", "choices": ["x", "y"], "answer": 0})
    wrote, back = there_and_back(format, Questions.from_rows(rows), clips, files)
    assert_equal(format, wrote, back)
    if "clip" in exporters.get(format).facts["holds"]:
        clips = {row["id"]: row.get("clip") for row in back}
        assert clips == dict(zip(("q0", "q1", "q2", "q3", "q4", "q9"), [*files, "no-file", "c/1", None], strict=True))


def test_the_check_can_fail():
    """A row whose answer moved, or whose order changed, is not equal."""
    rows = [
        {"id": "a", "question": "?", "choices": ["x", "y"], "answer": 0},
        {"id": "b", "question": "?", "answer": "x"},
    ]
    assert_equal("canonical", rows, rows)
    with pytest.raises(AssertionError, match="answer of 'a'"):
        assert_equal("canonical", rows, [{**rows[0], "answer": 1}, rows[1]])
    with pytest.raises(AssertionError):
        assert_equal("canonical", rows, rows[::-1])
