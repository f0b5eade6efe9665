"""The task folder for lmms-eval: its data reads back, its code reads replies, and no text becomes code or YAML."""

from __future__ import annotations

import ast
import importlib.util
import json
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from flyreel.clips import Clips
from flyreel.evaluate import parse_answer
from flyreel.formats.base import read
from flyreel.formats.export import Parcel, write
from flyreel.formats.lmms_eval import MOST_CATEGORIES, category_metrics
from flyreel.questions import Questions

HOSTILE = [
    "null\0character",
    "!function os.system",
    "{{ 7 * 7 }}",
    '"""',
    "'] + [x",
    "2001-01-01",
    "a: b\n- c",
    "é\u2028🎬",
    "A. x",
]


def row(number, **more):
    return {
        "id": f"q{number}",
        "question": f"Which, {number}?",
        "choices": ["red", "green", "blue"],
        "answer": 1,
    } | more


def parcel(rows, clips=(), files=None, name="toy"):
    return Parcel(name, "Toy", Questions.from_rows(rows), Clips.from_rows(clips), files or {})


@pytest.fixture
def made(tmp_path):
    def make(rows, clips=(), files=None):
        return write("lmms-eval", parcel(rows, clips, files), tmp_path / "made")

    return make


class Loader(yaml.SafeLoader):
    """YAML as the harness reads it, with the names of functions as text."""


Loader.add_constructor("!function", lambda loader, node: ("function", loader.construct_scalar(node)))


def config(folder, task="flyreel_toy"):
    return yaml.load((folder / f"{task}.yaml").read_text(encoding="utf-8"), Loader)


def code(folder):
    """The generated file as the harness imports it, by its path."""
    spec = importlib.util.spec_from_file_location("utils", folder / "utils.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def docs(folder):
    (file,) = (folder / "data").glob("*.parquet")
    return pq.read_table(file).to_pylist()


def test_a_task_with_videos_and_one_without_on_the_same_data(made):
    folder = made([row(1, split="val")]).out
    seen, blind = config(folder), config(folder, "flyreel_toy_blind")
    assert (seen["task"], blind["task"]) == ("flyreel_toy", "flyreel_toy_blind")
    assert seen["dataset_path"] == blind["dataset_path"] == "parquet"
    assert seen["dataset_kwargs"] == blind["dataset_kwargs"] == {"data_files": {"test": "data/val.parquet"}}
    assert (folder / "data/val.parquet").is_file(), "a path that counts from the YAML moves with the folder"
    assert seen["doc_to_visual"] == ("function", "utils.doc_to_visual")
    assert blind["doc_to_visual"] == ("function", "utils.no_visual")
    assert seen["cluster_key"] == "group"
    named = [v[1].removeprefix("utils.") for c in (seen, blind) for v in c.values() if isinstance(v, tuple)]
    assert all(callable(getattr(code(folder), name)) for name in named)


@pytest.mark.parametrize("name", ["egoschema", "mvbench", "flyreel_mine"])
def test_no_task_is_called_as_one_of_the_harness_s_own(tmp_path, name):
    """The harness takes its own first and says nothing: the numbers would be of another benchmark."""
    done = write("lmms-eval", parcel([row(1)], name=name), tmp_path / "made")
    called = "flyreel_" + name.removeprefix("flyreel_")
    assert {f.stem for f in done.files if f.suffix == ".yaml"} == {called, f"{called}_blind"}
    assert any(f"--tasks {called},{called}_blind" in note for note in done.notes)


def test_every_column_has_the_type_that_its_file_says_whatever_stands_in_it(made):
    """Of a file without types the harness makes times of dates, and stops at a field that only later rows have."""
    dates = {name: f"2024-05-0{1 + i}" for i, name in enumerate(("clip", "group", "category", "split"))}
    full = row(2, **dates, cues=[{"start": 0, "end": 1, "kind": "asr", "text": "hi", "speaker": "Al"}])
    rows = [row(1), full | {"id": "2001-01-01"}]
    (file,) = (made(rows).out / "data").glob("*.parquet")
    types = {field.name: str(field.type) for field in pq.read_schema(file)}
    assert types == {name: "int64" if name in ("answer", "round") else "string" for name in types}
    bare, dated = pq.read_table(file).to_pylist()
    assert None not in bare.values()
    assert {name: dated[name] for name in dates} == dates


def test_what_it_holds_reads_back_and_what_it_loses_is_said(made):
    cues = [{"start": 0.0, "end": 1.5, "kind": "dialogue", "text": 'He said "no"', "speaker": "Al"}]
    plain = {"clip": "c", "group": "film", "split": "test", "category": "colour", "rationale": "So.", "parent": "q0"}
    lists = {"round": 2, "cues": cues, "evidence": [{"start": 0.0, "end": 3.0}]}
    full = row(1, **plain, **lists, meta={"k": 1}, origin={"name": "x"})
    done = made([full, row(2)])
    assert done.lost == {"meta": 1, "origin": 1}
    back = read(done.out).questions.to_rows()
    assert back == [{k: v for k, v in full.items() if k not in ("meta", "origin")}, row(2, group="q2")]


def test_text_from_the_data_is_in_no_code_and_in_no_yaml_as_anything_but_text(made):
    rows = [row(i, question=t, category=t, group=t, clip=t, choices=[t, "x"], answer=0) for i, t in enumerate(HOSTILE)]
    folder = made(rows).out
    plain = write("lmms-eval", parcel([row(1)]), folder.parent / "plain").out
    assert (folder / "utils.py").read_bytes() == (plain / "utils.py").read_bytes()
    for file in (plain / "flyreel_replies").glob("*.py"):
        assert (folder / "flyreel_replies" / file.name).read_bytes() == file.read_bytes()
    functions = [v for v in config(folder).values() if isinstance(v, tuple)]
    assert all(name.startswith("utils.") for _, name in functions)
    utils = code(folder)
    for before, doc in zip(rows, docs(folder), strict=True):
        text = utils.doc_to_text(doc)
        assert f"Question: {before['question']}\nA. {before['choices'][0]}\nB. x\n" in text
        assert utils.process_results(doc, ["A"])["accuracy"]["score"] == 1.0


def test_the_generated_code_stands_without_flyreel(made):
    files = list(made([row(1)]).out.rglob("*.py"))
    assert len(files) > 5
    for file in files:
        tree = ast.parse(file.read_text(encoding="utf-8"))
        named = {alias.name for n in ast.walk(tree) if isinstance(n, ast.Import) for alias in n.names}
        named |= {n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and not n.level}
        assert {name.partition(".")[0] for name in named} <= set(sys.stdlib_module_names), file


def test_two_exports_in_one_run_read_replies_with_their_own_reader(made):
    """The harness opens every folder in one process; a module of the same name would be imported once."""
    folder = made([row(1)]).out
    other = write("lmms-eval", parcel([row(1)], name="other"), folder.parent / "other").out
    (other / "flyreel_replies" / "__init__.py").write_text(
        "def read(reply, choices):\n    return 2\n", encoding="utf-8"
    )
    ours, theirs, again = code(folder), code(other), code(folder)
    assert [utils.read_reply("A", FOUR) for utils in (ours, theirs, again)] == [0, 2, 0]
    assert str(other) not in sys.path and "flyreel_replies" not in sys.modules


def test_a_reader_may_be_a_package_of_several_files(made):
    """They import one another, and a dataclass with postponed annotations looks its module up by name."""
    folder = made([row(1)]).out
    (folder / "pack").mkdir()
    (folder / "pack" / "__init__.py").write_text("from ._parsed import Parsed\ndef read(reply, choices):\n"
                                                 "    return Parsed(1).index\n", encoding="utf-8")  # fmt: skip
    (folder / "pack" / "_parsed.py").write_text(
        "from __future__ import annotations\nfrom dataclasses import dataclass\n"
        "@dataclass\nclass Parsed:\n    index: int | None\n", encoding="utf-8")  # fmt: skip
    assert code(folder).beside("pack/__init__.py").read("x", FOUR) == 1


def test_the_dialogue_is_shown_and_not_to_the_blind_and_never_a_description(made):
    cues = [{"start": 1, "end": 2, "kind": kind, "text": f"a {kind}"} for kind in ("asr", "description", "caption")]
    clips = [
        {"id": "c", "cues": [{"start": 0, "end": 1, "kind": "dialogue", "text": 'so "he"\nsaid', "speaker": "Al"}]}
    ]
    done = made([row(1, cues=cues, clip="c"), row(2, clip="c"), row(3)], clips)
    utils, found = code(done.out), docs(done.out)
    own, of_clip, none = [utils.doc_to_text(doc) for doc in found]
    assert '[1.0-2.0] "a asr"\n\nQuestion' in own
    assert "description" not in own and "caption" not in own
    assert '[0.0-1.0] "Al: so \\"he\\"\\nsaid"' in of_clip, "a line that what it quotes cannot end"
    assert none == utils.blind_text(found[0]).replace("Which, 1?", "Which, 3?"), "nothing but question and options"
    assert any(note.startswith("2 questions show their dialogue") for note in done.notes)


def test_prompts_of_a_model_stand_around_ours(made):
    utils, (doc,) = (lambda folder: (code(folder), docs(folder)))(made([row(1)]).out)
    framed = utils.doc_to_text(doc, {"pre_prompt": "Look. ", "post_prompt": "\nLetter:"})
    assert framed.startswith("Look. Question") and framed.endswith("C. blue\nLetter:")


@pytest.fixture
def films(tmp_path):
    """Two files of one name in two folders, and one that the questions name by its id alone."""
    for place in ("films/a/x.mp4", "films/b/x.mp4", "films/loose.webm"):
        path = tmp_path / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"film")
    return tmp_path / "films"


def test_videos_are_found_below_the_named_folder_wherever_it_is(made, films, monkeypatch):
    files = {"one": films / "a/x.mp4", "two": films / "b/x.mp4"}
    folder = made([row(i, clip=clip) for i, clip in enumerate(["one", "two", "loose"])] + [row(9)], (), files).out
    utils, found = code(folder), docs(folder)
    moved = films.rename(films.parent / "moved")
    monkeypatch.setenv("FLYREEL_VIDEO_ROOT", str(moved))
    assert [utils.doc_to_visual(doc) for doc in found] == [
        [str(moved / "a/x.mp4")], [str(moved / "b/x.mp4")], [str(moved / "loose.webm")], []
    ]  # fmt: skip
    assert utils.no_visual(found[0]) == []


@pytest.mark.parametrize("clip", ["gone", "../secret", "/etc/hostname", "a/../../secret", "a"])
def test_a_video_that_is_not_there_or_not_below_the_folder_stops_the_run(made, films, monkeypatch, clip):
    """Passed by in silence it would shrink the set, and its scores would be of another one."""
    (films.parent / "secret").write_bytes(b"x")
    folder = made([row(1, clip=clip)]).out
    (doc,) = docs(folder)
    monkeypatch.setenv("FLYREEL_VIDEO_ROOT", str(films))
    with pytest.raises((ValueError, FileNotFoundError), match="below"):
        code(folder).doc_to_visual(doc)
    monkeypatch.delenv("FLYREEL_VIDEO_ROOT")
    with pytest.raises(RuntimeError, match="FLYREEL_VIDEO_ROOT is not set"):
        code(folder).doc_to_visual(doc)


FOUR = ["a red car", "a blue car", "None", "it's gone"]


@pytest.fixture(scope="module")
def utils(tmp_path_factory):
    return code(write("lmms-eval", parcel([row(1)]), tmp_path_factory.mktemp("code") / "made").out)


def test_a_reply_is_read_there_as_it_is_here(utils):
    """Else one model has two scores."""
    lines = (Path(__file__).parents[1] / "replies" / "replies.jsonl").read_text(encoding="utf-8").splitlines()
    cases = [json.loads(line) for line in lines if line.strip()]
    assert len(cases) > 400
    for case in cases:
        assert utils.read_reply(case["reply"], case["choices"]) == parse_answer(case["reply"], case["choices"]), case


@settings(deadline=None)
@given(st.text(max_size=80), st.integers(2, 26))
@example("answer " * 2000, 4)
def test_no_reply_breaks_the_reader_or_makes_a_letter_that_was_not_offered(utils, reply, n):
    index = utils.read_reply(reply, [f"choice {i}" for i in range(n)])
    assert index is None or 0 <= index < n


@given(st.integers(2, 26), st.data())
def test_each_letter_in_each_form_is_read(utils, n, data):
    index = data.draw(st.integers(0, n - 1))
    form = data.draw(st.sampled_from(["{}", "({})", "{}.", "**{}**", "The answer is {}.", "**Answer:** {}"]))
    assert utils.read_reply(form.format(chr(65 + index)), [f"choice {i}" for i in range(n)]) == index


def test_an_unread_reply_is_wrong_and_counted_by_itself(made):
    folder = made([row(1, category="a b"), row(2, category="c"), row(3)]).out
    utils = code(folder)
    results = [utils.process_results(d, [r]) for d, r in zip(docs(folder), ["B", "hm", "A"], strict=True)]
    names = [m["metric"] for m in config(folder)["metric_list"]]
    assert names == ["accuracy", "unread", "accuracy_a_b", "accuracy_c"]
    assert all(list(result) == names for result in results), "an entry for each, or the harness counts them apart"
    assert {n: utils.share([r[n] for r in results]) for n in names} == {
        "accuracy": 1 / 3, "unread": 1 / 3, "accuracy_a_b": 1.0, "accuracy_c": 0.0
    }  # fmt: skip
    assert results[0]["accuracy"]["group"] == "q1", "the harness clusters errors by it"


def test_metrics_of_categories_are_words_all_different_and_not_too_many():
    metrics = category_metrics(["A b", "a-b", "a, b", "谁", "!", "?", None, ""])
    assert sorted(metrics.values()) == sorted(set(metrics.values()))
    assert all("," not in m and " " not in m for m in metrics.values())
    assert set(metrics) == {"A b", "a-b", "a, b", "谁", "!", "?"}
    many = [f"c{i}" for i in range(99)] + ["c98"]
    assert len(category_metrics(many)) == MOST_CATEGORIES
    assert "c98" in category_metrics(many), "the commonest are kept"


@given(st.lists(st.sampled_from(["a", "a__2", "a 2", "a__2__2", "A", "a__3", "b", "b stderr", "b_stderr_clt"])))
@example(["a__2"] * 3 + ["a"] * 2)
@example(["A", "a", "a__2"])
@example(["stderr", "stderr clustered", "b", "b stderr"])
def test_no_metric_is_another_s_or_its_error(categories):
    """The harness writes the error of NAME as NAME_stderr, NAME_stderr_clt and NAME_stderr_clustered."""
    metrics = category_metrics(categories)
    called = ["accuracy", "unread", *metrics.values()]
    assert set(metrics) == set(categories) and len(set(called)) == len(called)
    assert not [(a, b) for a in called for b in called if b.startswith(f"{a}_stderr")]


def test_questions_of_several_splits_are_said_to_be_one_task(made):
    done = made([row(1, split="train"), row(2, split="test")])
    assert any("2 splits are in one task" in note for note in done.notes)
    assert (done.out / "data/test.parquet").is_file()


def test_a_split_that_is_a_path_names_no_file(made):
    files = made([row(1, split="../../x")]).files
    assert [Path(f).name for f in files if f.suffix == ".parquet"] == ["test.parquet"]
