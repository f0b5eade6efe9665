"""The TSVs for VLMEvalKit: read back equal, safe to read with eval, and no option lost to a reader that guesses.

The generated class itself stands on VLMEvalKit's; benchmarks/interop/vlmevalkit.py runs it there. Here are its code as
text and what it shares with the task of lmms-eval.
"""

from __future__ import annotations

import ast
import csv
import importlib.util
import sys
import types

import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from flyreel.clips import Clips
from flyreel.formats.base import read
from flyreel.formats.export import Parcel, write
from flyreel.formats.lettered import misread
from flyreel.formats.vlmevalkit import candidates, video_name
from flyreel.questions import Questions

HOSTILE = [
    "'] + [__import__('os').getcwd()] + ['", '"""', "it's", 'both \' and "', "\\", "\\'", "tab\there", "line\nbreak",
    "a\rb", "line\r\nbreak", "None", "nan", "1.50", "007", "True", "A. x", "{{ x }}", "x\u2028y", "a\x0bb", "é🎬", "%s",
]  # fmt: skip


def row(number, **more):
    return {
        "id": f"q{number}",
        "question": f"Which, {number}?",
        "choices": ["red", "green", "blue"],
        "answer": 1,
    } | more


def export(folder, rows, clips=(), files=None, name="toy"):
    return write(
        "vlmevalkit", Parcel(name, "T", Questions.from_rows(rows), Clips.from_rows(clips), files or {}), folder
    )


def cells(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def test_the_three_files_and_the_columns_that_the_kit_reads(tmp_path):
    done = export(tmp_path / "made", [row(1, clip="c", category="colour"), row(2, choices=["x", "y"], answer=0)])
    read = {f for f in done.files if f.parent.name == "flyreel_replies"}
    assert {"__init__.py", "parsing.py"} <= {f.name for f in read}
    assert {f.name for f in set(done.files) - read} == {
        "flyreel_toy.tsv",
        "flyreel_toy_blind.tsv",
        "flyreel_toy_dataset.py",
        "export.json",
    }
    seen, blind = cells(done.out / "flyreel_toy.tsv"), cells(done.out / "flyreel_toy_blind.tsv")
    assert seen[0]["candidates"] == "['A. red', 'B. green', 'C. blue']"
    assert [r["answer"] for r in seen] == [r["answer"] for r in blind] == ["B", "A"]
    assert [(r["A"], r["B"], r["C"]) for r in blind] == [("red", "green", "blue"), ("x", "y", "")]
    assert not {"image", "image_path", "video", "hint"} & set(blind[0]), "with any of these it is no text dataset"
    assert {r["category"] for r in blind} == {"colour", "uncategorised"}, "the kit sorts them; a missing one stops it"


def test_what_it_holds_reads_back_and_what_it_loses_is_said(tmp_path):
    full = row(1, clip="c/1", group="film", split="test", category="colour", rationale="On the wall.", meta={"k": 1})
    done = export(tmp_path / "made", [full, row(2)])
    assert done.lost == {"rationale": 1, "meta": 1}
    back = read(done.out / "flyreel_toy.tsv")
    assert back.format == "video-mme" and not back.problems
    kept = {k: v for k, v in full.items() if k not in ("rationale", "meta")}
    assert back.questions.to_rows() == [kept, row(2, group="q2")]


def test_no_text_breaks_a_row_or_becomes_more_than_a_string_under_eval(tmp_path):
    rows = [
        row(i, question=t, choices=[t, "x", "y"], answer=i % 3, clip=f"c{i}", category=t) for i, t in enumerate(HOSTILE)
    ]
    done = export(tmp_path / "made", rows)
    plain = export(tmp_path / "plain", [row(1)])
    assert (done.out / "flyreel_toy_dataset.py").read_bytes() == (plain.out / "flyreel_toy_dataset.py").read_bytes()
    back = read(done.out / "flyreel_toy.tsv").questions.to_rows()
    assert [(b["question"], b["choices"], b["answer"], b["clip"]) for b in back] == [
        (r["question"], r["choices"], r["answer"], r["clip"]) for r in rows
    ]
    for before, line in zip(rows, cells(done.out / "flyreel_toy.tsv"), strict=True):
        assert eval(line["candidates"], {"__builtins__": {}}) == [
            f"{letter}. {choice}" for letter, choice in zip("ABC", before["choices"], strict=True)
        ]


@settings(deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=12), min_size=2, max_size=6, unique=True))
@example(["'", '"', "\\", "\n"])
def test_candidates_are_a_list_of_plain_strings_whatever_they_say(choices):
    """One list of nothing but string constants."""
    tree = ast.parse(candidates(choices), mode="eval").body
    assert isinstance(tree, ast.List)
    assert all(isinstance(e, ast.Constant) and isinstance(e.value, str) for e in tree.elts)
    assert [e.value[3:] for e in tree.elts] == choices


def test_a_reader_that_guesses_finds_every_option_of_the_blind_form(tmp_path):
    """pandas as the kit calls it: "None" would be missing, "007" seven and "1.50" one and a half."""
    sets = [
        ["None", "one", "two"],
        ["1", "2", "3"],
        ["007", "1.50", "1e3"],
        ["True", "False", "x"],
        ["nan", "NA", "inf"],
    ]
    rows = [row(i, choices=choices, answer=0) for i, choices in enumerate(sets)]
    found = pd.read_csv(export(tmp_path / "made", rows).out / "flyreel_toy_blind.tsv", sep="\t")
    for choices, (_, line) in zip(sets, found.iterrows(), strict=True):
        assert [line[letter] for letter in "ABC"] == [f'"{choice}"' for choice in choices]


def test_all_options_of_a_question_are_marked_or_none_is(tmp_path):
    """Quotation marks on the odd one out would give it away."""
    rows = [row(1, choices=["red", "None", "blue"]), row(2)]
    done = export(tmp_path / "made", rows)
    blind = cells(done.out / "flyreel_toy_blind.tsv")
    assert [blind[0][letter] for letter in "ABC"] == ['"red"', '"None"', '"blue"']
    assert [blind[1][letter] for letter in "ABC"] == ["red", "green", "blue"]
    assert any(note.startswith("1 blind questions have their options in quotation marks") for note in done.notes)
    assert read(done.out / "flyreel_toy.tsv").questions.to_rows()[0]["choices"] == ["red", "None", "blue"], (
        "and only there"
    )


@settings(deadline=None)
@given(st.sampled_from(["None", "0x10", "1_000", "+1", " 2 ", "-inf", "nan%", "12:30", "50%", "N/A", "yes"]) | st.text(
    "0123456789.eE+-naNIf/ tTrueFals", min_size=1, max_size=5))  # fmt: skip
def test_what_is_not_marked_is_read_by_pandas_as_it_is(tmp_path_factory, text):
    if misread(text):
        return
    path = tmp_path_factory.mktemp("cell") / "x.tsv"
    path.write_text(f'"a"\n"{text}"\n', encoding="utf-8")
    assert pd.read_csv(path, sep="\t")["a"].tolist() == [text]


def test_the_folder_of_a_clip_s_frames_is_no_path_and_no_number_and_its_own():
    """The kit joins it to a path, and sorts these names: numbers among them would stop it."""
    clips = ["../../etc", "/x", "12345", "1e5", "None", "", "a/b", "a_b", "谁", "x" * 300, "x" * 301]
    called = [video_name(clip, "same") for clip in clips]
    assert len(set(called)) == len(clips)
    assert all(name.isascii() and "/" not in name and "." not in name and len(name) < 60 for name in called)
    assert not any(map(misread, called))
    assert video_name("a", "x") == video_name("a", "x")


def test_videos_by_their_path_below_the_common_folder_and_unknown_ones_by_their_id(tmp_path):
    for place in ("a/x.mp4", "b/x.mp4"):
        (tmp_path / place).parent.mkdir()
        (tmp_path / place).write_bytes(b"film")
    files = {"one": tmp_path / "a/x.mp4", "two": tmp_path / "b/x.mp4"}
    done = export(tmp_path / "made", [row(1, clip="one"), row(2, clip="two"), row(3, clip="gone"), row(4)], (), files)
    assert [r["video_path"] for r in cells(done.out / "flyreel_toy.tsv")] == ["a/x.mp4", "b/x.mp4", "gone", ""]
    assert any("1 clips have no file" in note for note in done.notes)
    assert any("1 questions name no clip" in note for note in done.notes)


@given(st.text("0123456789_eE", min_size=1, max_size=8), st.text())
def test_no_digest_makes_the_name_a_number(clip, content):
    assert not misread(video_name(clip, content))


def test_another_set_s_frames_are_never_taken_for_these(tmp_path):
    """The kit keeps them by the name of the set and of the video; both may be another set's too."""
    here, there = tmp_path / "one.mp4", tmp_path / "two.mp4"
    here.write_bytes(b"one")
    there.write_bytes(b"two")
    address = [{"id": "c", "source": "https://example.org/c.mp4"}]
    sets = [((), {"c": here}, ""), ((), {"c": there}, ""), ((), {}, "a.jsonl"), ((), {}, "b.jsonl"), (address, {}, "")]

    def name(number, clips, files, source):
        parcel = Parcel(
            "toy", "T", Questions.from_rows([row(1, clip="c")]), Clips.from_rows(clips), files, None, source
        )
        return cells(write("vlmevalkit", parcel, tmp_path / f"made{number}").out / "flyreel_toy.tsv")[0]["video"]

    assert len({name(i, *one) for i, one in enumerate(sets)}) == len(sets)
    moved = here.rename(tmp_path / "moved.mp4")
    assert name(8, (), {"c": moved}, "z.jsonl") == name(9, address, {"c": moved}, ""), "one film, one folder"


def test_the_generated_class_stands_on_the_kit_and_not_on_flyreel(tmp_path):
    text = (export(tmp_path / "made", [row(1)], name="my_set").out / "flyreel_my_set_dataset.py").read_text(
        encoding="utf-8"
    )
    tree = ast.parse(text)
    (made,) = (node for node in tree.body if isinstance(node, ast.ClassDef))
    assert (made.name, made.bases[0].id) == ("flyreel_my_setDataset", "VideoBaseDataset")
    assert {n.module.split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)} == {"PIL", "vlmeval"}
    methods = {node.name for node in made.body if isinstance(node, ast.FunctionDef)}
    assert {"prepare_dataset", "build_prompt", "evaluate"} <= methods, "or the kit's base class is abstract"
    assert "eval(" not in text.replace("literal_eval(", "")


@pytest.mark.parametrize("name", ["a b", "x(): pass", "é", "1a", ""])
def test_a_name_that_is_no_word_never_gets_into_the_code(tmp_path, name):
    with pytest.raises(AssertionError):
        export(tmp_path / "made", [row(1)], name=name)
    assert not (tmp_path / "made").exists()


@pytest.fixture
def generated(tmp_path, monkeypatch):
    """The generated file, imported where the kit is only its names."""
    for name, holds in {
        "vlmeval": (),
        "vlmeval.dataset": (),
        "vlmeval.dataset.video_base": ("VideoBaseDataset",),
        "vlmeval.smp": ("LMUDataRoot", "dump", "load"),
        "vlmeval.smp.file": ("get_intermediate_file_path",),
    }.items():
        module = types.ModuleType(name)
        vars(module).update(dict.fromkeys(holds, object))
        monkeypatch.setitem(sys.modules, name, module)
    path = export(tmp_path / "made", [row(1)]).out / "flyreel_toy_dataset.py"
    spec = importlib.util.spec_from_file_location("generated", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_category_called_as_a_rating_does_not_take_its_place(generated):
    said = [("Overall", "A", 1), ("unread", "", 0), ("failed", "B", 0), ("failed", "A", 1), ("Overall", "failed", 0)]
    scored = pd.DataFrame(said, columns=["category", "read", "hit"])
    assert generated.rated(scored, 10) == {
        "Overall": 0.5, "unread": 0.25, "failed": 0.6,
        "category: Overall": 1.0, "category: unread": 0.0, "category: failed": 0.5,
    }  # fmt: skip


def test_a_reply_is_scored_by_the_reader_beside_the_class(generated):
    line = {"index": 1, "question_id": "q", "category": "", "group": "", "answer": "B",
            "candidates": "['A. red', 'B. green']"}  # fmt: skip
    found = [generated.scored_line(line, reply, ["no reply"]) for reply in ("green", "A", "hm", "no reply")]
    assert [(f["read"], f["hit"]) for f in found] == [("B", 1), ("A", 0), ("", 0), ("failed", 0)]


def test_a_null_character_is_left_out_by_name_and_not_changed(tmp_path):
    """No text file holds it."""
    done = export(tmp_path / "made", [row(1, question="a\0b"), row(2)])
    assert done.left_out == [("q1", "nul-character")]
    for name in ("flyreel_toy.tsv", "flyreel_toy_blind.tsv"):
        assert [(q["id"], q["question"]) for q in read(done.out / name).questions.to_rows()] == [("q2", "Which, 2?")]


def test_dialogue_is_in_the_one_form_and_not_in_the_blind_one(tmp_path):
    cues = [{"start": 0, "end": 1, "kind": kind, "text": f"a {kind}"} for kind in ("dialogue", "description")]
    done = export(tmp_path / "made", [row(1, cues=cues)])
    assert cells(done.out / "flyreel_toy.tsv")[0]["subtitles"] == '["[0.0-1.0] \\"a dialogue\\""]'
    assert "dialogue" not in (done.out / "flyreel_toy_blind.tsv").read_text(encoding="utf-8")
