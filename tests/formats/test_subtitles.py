"""Subtitles as they are found in the wild: what is read, what is said about the rest, and no cue lost in silence."""

from __future__ import annotations

import html

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flyreel.formats.subtitles import parse_cues, read_cues
from flyreel.formats.timed_text import OPEN_END, seconds
from flyreel.schema import Cue

WORD = st.text(st.characters(exclude_categories=("Cs", "Cc", "Z")), min_size=1, max_size=8)
SENTENCE = st.lists(WORD, min_size=1, max_size=4).map(" ".join)
MS = st.integers(0, 360_000_000)


@st.composite
def cues(draw, sentence):
    times = draw(st.lists(st.tuples(MS, MS), min_size=1, max_size=6))
    spoken = [(min(t), max(t), draw(sentence), draw(st.one_of(st.none(), WORD))) for t in times]
    return [Cue(start=a / 1000, end=b / 1000, text=t, speaker=s) for a, b, t, s in sorted(spoken, key=lambda c: c[0])]


def stamp(value, mark, hours=True):
    ms = round(value * 1000)
    h, m, s, rest = ms // 3_600_000, ms // 60_000 % 60, ms // 1000 % 60, ms % 1000
    short = f"{m:02}:{s:02}{mark}{rest:03}"
    return f"{h:02}:{short}" if hours or h else short


PLAIN = SENTENCE.filter(lambda t: not set(t) & set("<>{}[]()♪♫#") and "-->" not in t)
"""Without what SRT takes for markup, or flyreel for a sound."""


@given(cues(PLAIN), st.booleans())
@settings(max_examples=80, deadline=None)
def test_srt_comes_back_as_it_was_written(written, counted):
    """A number as the only text of a cue must not be taken for the count of the next."""
    written = [cue.model_copy(update={"speaker": None}) for cue in written]
    blocks = [
        (f"{i}\n" if counted else "") + f"{stamp(c.start, ',')} --> {stamp(c.end, ',')}\n{c.text}\n"
        for i, c in enumerate(written, 1)
    ]
    assert parse_cues("\n".join(blocks).split("\n")) == (written, [])


VOICED = SENTENCE.filter(lambda t: not set(t) & set("[]()♪♫#"))


@given(cues(VOICED), st.booleans())
@settings(max_examples=80, deadline=None)
def test_webvtt_comes_back_as_it_was_written_with_its_speakers(written, hours):
    blocks = ["WEBVTT\n"]
    for cue in written:
        voice = f"<v {html.escape(cue.speaker, quote=False)}>" if cue.speaker else ""
        text = html.escape(cue.text, quote=False)
        blocks.append(f"{stamp(cue.start, '.', hours)} --> {stamp(cue.end, '.', hours)}\n{voice}{text}\n")
    assert parse_cues("\n".join(blocks).split("\n")) == (written, [])


def read(tmp_path, data, kind=None):
    path = tmp_path / "subtitles"
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return read_cues(path, kind)


def texts(tmp_path, data):
    found, problems = read(tmp_path, data)
    assert problems == []
    return [cue.text for cue in found]


SRT = "1\n00:00:01,000 --> 00:00:02,500\n{}\n\n2\n00:00:03,000 --> 00:00:04,000\nBye.\n"


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        ("<i>Hi</i> <font color='#ff0000'>there</font>", "Hi there"),
        ("{\\an8}Hi", "Hi"),
        ("one\ntwo", "one two"),
        ("one<br/>two", "one two"),
        ("a < b and I <3 you", "a < b and I <3 you"),
        ("ANNA: Hi", "ANNA: Hi"),
        ("- Hi.\n- Ho.", "- Hi. - Ho."),
        ("one\n\ntwo", "one two"),
        ("1984", "1984"),
        ("Dialogue: none", "Dialogue: none"),
        ("WEBVTT", "WEBVTT"),
        ("caf\u00e9 \u4f60\u597d", "caf\u00e9 \u4f60\u597d"),
        ("one\u2028two", "one two"),
    ],
)
def test_markup_goes_and_words_stay(tmp_path, written, read_as):
    assert texts(tmp_path, SRT.format(written)) == [read_as, "Bye."]


def test_srt_without_blank_lines_between_cues(tmp_path):
    text = "1\n00:00:01,000 --> 00:00:02,000\nHi\n2\n00:00:03,000 --> 00:00:04,000\nBye\n"
    assert texts(tmp_path, text) == ["Hi", "Bye"]


def test_srt_without_hours_or_milliseconds_and_with_coordinates(tmp_path):
    found, problems = read(tmp_path, "00:01.5 --> 00:00:02 X1:40 X2:600\nHi\n\n75:00,250 --> 76:00,0\nBye\n")
    assert problems == []
    assert [(c.start, c.end) for c in found] == [(1.5, 2.0), (4500.25, 4560.0)]


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("[music]", "tag"),
        ("(DOOR SLAMS)", "tag"),
        ("♪ ♪", "tag"),
        ("♪ la la ♪", "dialogue"),
        ("[laughs] Hello.", "dialogue"),
        ("(sighs) Yes. (laughs)", "dialogue"),
        ("[one] [two]", "dialogue"),
    ],
)
def test_a_sound_is_no_speech(tmp_path, said, kind):
    found, _ = read(tmp_path, SRT.format(said))
    assert (found[0].kind, found[0].text) == (kind, said)


def test_what_is_asked_for_as_description_stays_one(tmp_path):
    found, _ = read(tmp_path, SRT.format("[A door opens]"), "description")
    assert {cue.kind for cue in found} == {"description"}


def test_cues_are_put_in_order_and_overlapping_ones_are_all_kept(tmp_path):
    text = "00:05.000 --> 00:09.000\nlate\n\n00:01.000 --> 00:06.000\nearly\n\n00:01.000 --> 00:02.000\ntoo\n"
    assert texts(tmp_path, text) == ["early", "too", "late"]


def test_a_broken_cue_is_a_problem_with_its_line_and_the_next_is_read(tmp_path):
    text = (
        "1\n00:00:05,000 --> 00:00:03,000\nbackwards\n\n2\n00:00:aa,000 --> 00:00:07,000\nno time\n\n"
        "3\n00:61:00,000 --> 00:62:00,000\nno such minute\n\n4\n00:00:08,000 --> 00:00:09,000\ngood\n\n"
        "5\n00:00:10,000 --> 00:00:11,000\n<i> </i>\n"
    )
    found, problems = read(tmp_path, text)
    assert [cue.text for cue in found] == ["good"]
    assert [(p.line, p.reason) for p in problems] == [(2, "ends-before-it-starts"), (6, "bad-time"), (10, "bad-time")]


def test_lines_count_as_in_an_editor_with_windows_line_ends(tmp_path):
    _, problems = read(
        tmp_path, b"1\r\n00:00:01,000 --> 00:00:02,000\r\nHi\r\n\r\n2\r\nnever --> 00:00:07,000\r\nx\r\n"
    )
    assert [(p.line, p.reason) for p in problems] == [(6, "bad-time")]


VTT = """WEBVTT - a title
Kind: captions

STYLE
::cue { color: red }

NOTE a remark
over two lines --- with no arrow

intro
00:01.000 --> 00:02.000 align:start line:0%
<v.loud Anna Lee>Hi <c.yellow>there</c> &amp; here<v Bob>Ho

01:00:03.000 --> 01:00:04.000
NOTE is a word here <00:00:03.500>too
"""


def test_webvtt_blocks_voices_and_entities(tmp_path):
    found, problems = read(tmp_path, VTT)
    assert problems == []
    assert [(c.start, c.speaker, c.text) for c in found] == [
        (1.0, "Anna Lee", "Hi there & here"),
        (1.0, "Bob", "Ho"),
        (3603.0, None, "NOTE is a word here too"),
    ]


def test_webvtt_of_kind_descriptions_is_audio_description(tmp_path):
    found, _ = read(tmp_path, "WEBVTT\nKind: descriptions\nLanguage: en\n\n00:01.000 --> 00:02.000\nA man runs.\n")
    assert [(c.kind, c.text) for c in found] == [("description", "A man runs.")]


def test_webvtt_without_the_blank_line_after_its_header_loses_no_cue(tmp_path):
    assert texts(tmp_path, "WEBVTT\n00:01.000 --> 00:02.000\nHi\n\n00:03.000 --> 00:04.000\nBye\n") == ["Hi", "Bye"]


def test_webvtt_text_without_a_time_is_named(tmp_path):
    found, problems = read(tmp_path, "WEBVTT\n\n00:01.000 --> 00:02.000\nHi\n\nand more\n")
    assert [c.text for c in found] == ["Hi"]
    assert [(p.line, p.reason, p.detail) for p in problems] == [(6, "text-without-time", "and more")]


ASS = r"""[Script Info]
ScriptType: v4.00+

[V4+ Styles]
Format: Name, Fontname
Style: Default,Arial

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Comment: 0,0:00:00.00,0:00:01.00,Default,,0,0,0,,not shown
Dialogue: 0,0:00:05.50,0:00:07.00,Default,Anna,0,0,0,,{\i1}Hi,{\i0} you\Nthere\hnow
Dialogue: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,[music]
Dialogue: 0,0:00:08.00,0:00:09.00,Default,,0,0,0,,{\p1}m 0 0 l 100 0{\p0}
Dialogue: 0,soon,0:00:09.00,Default,,0,0,0,,lost
Dialogue: 0,0:00:09.00
"""


def test_ass_events_with_names_commas_and_override_codes(tmp_path):
    found, problems = read(tmp_path, ASS)
    assert [(c.start, c.end, c.kind, c.speaker, c.text) for c in found] == [
        (1.0, 2.0, "tag", None, "[music]"),
        (5.5, 7.0, "dialogue", "Anna", "Hi, you there now"),
    ]
    assert [(p.line, p.reason) for p in problems] == [(14, "bad-time"), (15, "bad-time")]


def test_ssa_orders_its_fields_as_its_format_line_says(tmp_path):
    text = "[Events]\nFormat: Start, End, Name, Text\nDialogue: 0:00:01.00,0:00:02.00,Bob,Hi, you\n"
    found, _ = read(tmp_path, text)
    assert [(c.start, c.speaker, c.text) for c in found] == [(1.0, "Bob", "Hi, you")]


@pytest.mark.parametrize(
    "line",
    [
        "00:01:02 --> 00:01:05 A man runs.",
        "[00:01:02 - 00:01:05] A man runs.",
        "[00:01:02] --> [00:01:05] A man runs.",
        "01:02-01:05: A man runs.",
        "(1:02 to 1:05) A man runs.",
        "00:01:02,000 – 00:01:05.000 | A man runs.",
    ],
)
def test_the_ways_to_write_an_audio_description(tmp_path, line):
    found, problems = read(tmp_path, line + "\n")
    assert problems == []
    assert found == [Cue(start=62, end=65, kind="description", text="A man runs.")]


def test_an_end_that_is_not_written_is_the_next_start_but_not_minutes_later(tmp_path):
    found, _ = read(tmp_path, "[00:00:01] One.\n[00:00:04] Two\ngoes on.\n\n00:02:00 Three.\n00:02:00 Four.\n")
    assert [(c.start, c.end, c.text) for c in found] == [
        (1.0, 4.0, "One."),
        (4.0, 4.0 + OPEN_END, "Two goes on."),
        (120.0, 120.0 + OPEN_END, "Three."),
        (120.0, 120.0 + OPEN_END, "Four."),
    ]


def test_a_number_after_a_stamp_is_text(tmp_path):
    assert texts(tmp_path, "[00:01] 3 men run.\n00:05 12 to 14 more come.\n") == ["3 men run.", "12 to 14 more come."]


def test_a_title_above_the_descriptions_is_named_and_not_read(tmp_path):
    found, problems = read(tmp_path, "The Film\n\n[00:01] A man runs.\n[00:99] What time is this?\n")
    assert [c.text for c in found] == ["A man runs."]
    assert [(p.line, p.reason) for p in problems] == [(1, "text-without-time"), (4, "bad-time")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings_with_a_mark_are_read(tmp_path, encoding):
    assert texts(tmp_path, SRT.format("caf\u00e9").encode(encoding)) == ["caf\u00e9", "Bye."]


def test_an_encoding_that_was_guessed_is_said(tmp_path):
    found, problems = read(tmp_path, SRT.format("caf\u00e9").encode("cp1252"))
    assert found[0].text == "caf\u00e9"
    assert [(p.line, p.reason) for p in problems] == [(3, "not-utf8")]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "no-time-stamps"),
        (b"just words\n", "no-time-stamps"),
        (b"\x00\x01" * 9, "not-text"),
        (b"WEBVTT", None),
        (b"[Script Info]\n", None),
    ],
)
def test_a_file_without_cues_says_why_and_an_empty_track_is_no_mistake(tmp_path, data, reason):
    found, problems = read(tmp_path, data)
    assert found == []
    assert [p.reason for p in problems] == ([reason] if reason else [])


def test_a_file_that_cannot_be_read_is_a_problem_and_no_crash(tmp_path):
    found, problems = read_cues(tmp_path / "nothing.srt")
    assert (found, [p.reason for p in problems]) == ([], ["cannot-read"])


@pytest.mark.parametrize("stamp", ["1", "1:2:3:4", "-1:00", "00:60", "01:60:00", "00:00:1e3", "٠٠:٠١", "00:01.", ""])
def test_what_is_no_time_is_not_guessed_at(stamp):
    assert seconds(stamp) is None


@given(st.lists(st.one_of(st.text(max_size=30), st.sampled_from(["WEBVTT", "[Events]", "-->", "Dialogue:", ""]))))
@settings(max_examples=150, deadline=None)
def test_no_text_whatever_is_a_crash(lines):
    found, problems = parse_cues(lines or [""])
    assert all(c.text and 0 <= c.start <= c.end for c in found)
    assert all(p.line is None or 1 <= p.line <= max(len(lines), 1) for p in problems)
