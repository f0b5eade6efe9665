"""The task folder for lmms-eval: its data reads back, its code reads replies, and no text becomes code or YAML."""

from __future__ import annotations

import ast
import importlib.util
import json
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from flyreel.clips import Clips
from flyreel.formats.base import read
from flyreel.formats.export import Parcel, write
from flyreel.formats.lmms_eval import MOST_CATEGORIES, category_metrics
from flyreel.questions import Questions

HOSTILE = ["!function os.system", "{{ 7 * 7 }}", '"""', "'] + [x", "2001-01-01", "a: b\n- c", "é\u2028🎬", "A. x"]


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


def config(folder, task="toy"):
    return yaml.load((folder / f"{task}.yaml").read_text(encoding="utf-8"), Loader)


def code(folder):
    """The generated file as the harness imports it, by its path."""
    spec = importlib.util.spec_from_file_location("utils", folder / "utils.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def docs(folder):
    (file,) = (folder / "data").glob("*.jsonl")
    return [json.loads(line) for line in file.read_text(encoding="utf-8").split("\n") if line]


def test_a_task_with_videos_and_one_without_on_the_same_data(made):
    folder = made([row(1, split="val")]).out
    seen, blind = config(folder), config(folder, "toy_blind")
    assert (seen["task"], blind["task"]) == ("toy", "toy_blind")
    assert seen["dataset_kwargs"] == blind["dataset_kwargs"] == {"data_files": {"test": "data/val.jsonl"}}
    assert (folder / "data/val.jsonl").is_file(), "a path that counts from the YAML moves with the folder"
    assert seen["doc_to_visual"] == ("function", "utils.doc_to_visual")
    assert blind["doc_to_visual"] == ("function", "utils.no_visual")
    assert seen["cluster_key"] == "group"
    named = [v[1].removeprefix("utils.") for c in (seen, blind) for v in c.values() if isinstance(v, tuple)]
    assert all(callable(getattr(code(folder), name)) for name in named)


def test_every_value_is_text_or_a_whole_number_in_every_row(made):
    """The harness guesses types from the first rows: a field that only the last row has would stop the run."""
    full = row(2, clip="c", category="x", cues=[{"start": 0, "end": 1, "kind": "asr", "text": "hi", "speaker": "Al"}])
    found = docs(made([row(1), full]).out)
    assert [set(doc) for doc in found] == [set(found[0])] * 2
    assert {name: type(value) for doc in found for name, value in doc.items()} == {
        name: int if name in ("answer", "round") else str for name in found[0]
    }


def test_what_it_holds_reads_back_and_what_it_loses_is_said(made):
    cues = [{"start": 0.0, "end": 1.5, "kind": "dialogue", "text": 'He said "no"', "speaker": "Al"}]
    plain = {"clip": "c", "group": "film", "split": "test", "category": "colour", "rationale": "So.", "parent": "q0"}
    lists = {"round": 2, "cues": cues, "evidence": [{"start": 0.0, "end": 3.0}]}
    full = row(1, **plain, **lists, meta={"k": 1}, origin={"name": "x"})
    done = made([full, row(2)])
    assert done.lost == {"meta": 1, "origin": 1}
    (file,) = (done.out / "data").glob("*.jsonl")
    back = read(file).questions.to_rows()
    assert back == [{k: v for k, v in full.items() if k not in ("meta", "origin")}, row(2, group="q2")]


def test_text_from_the_data_is_in_no_code_and_in_no_yaml_as_anything_but_text(made):
    rows = [row(i, question=t, category=t, group=t, clip=t, choices=[t, "x"], answer=0) for i, t in enumerate(HOSTILE)]
    folder = made(rows).out
    plain = write("lmms-eval", parcel([row(1)]), folder.parent / "plain").out
    assert (folder / "utils.py").read_bytes() == (plain / "utils.py").read_bytes()
    functions = [v for v in config(folder).values() if isinstance(v, tuple)]
    assert all(name.startswith("utils.") for _, name in functions)
    utils = code(folder)
    for before, doc in zip(rows, docs(folder), strict=True):
        text = utils.doc_to_text(doc)
        assert f"Question: {before['question']}\nA. {before['choices'][0]}\nB. x\n" in text
        assert utils.process_results(doc, ["A"])["accuracy"]["score"] == 1.0


def test_the_generated_code_stands_without_flyreel(made):
    tree = ast.parse((made([row(1)]).out / "utils.py").read_text(encoding="utf-8"))
    assert {n.names[0].name for n in ast.walk(tree) if isinstance(n, ast.Import)} == {"json", "os", "re"}
    assert not [n for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]


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
REPLIES = [
    ("B", 1), ("b", 1), (" (B) ", 1), ("B.", 1), ("**B**", 1), ("B. a blue car", 1), ("B) because", 1), ("B: x", 1),
    ("The answer is B.", 1), ("**Answer:** C", 2), ("answer: (D)", 3), ("Option D", 3), ("The answer is A because", 0),
    ("I think it is C", 2), ("First A, no. The answer is B", 1), ("a blue car", 1), ("A blue car.", 1), ("none", 2),
    ("<think>A or B? A it is</think> C", 2), ("<think>the answer is A", None), ("", None), ("hard to say", None),
    ("A dog runs away", None), ("E", None), ("The answer is E", None), ("A or B", None), ("answer is not here", None),
    ("I see a man. A man runs.", None), ("Neither", None), ("B it is", 1),
    ("The answer is B and not C", None), ("The answer is B or C", None), ("A man runs, so B", None),
    ("Answer: it's gone", None), ("nan", None),
]  # fmt: skip


@pytest.mark.parametrize(("reply", "index"), REPLIES, ids=[repr(r) for r, _ in REPLIES])
def test_the_letter_that_a_reply_commits_to(made, reply, index):
    assert code(made([row(1)]).out).chosen(reply, FOUR) == index


@pytest.fixture(scope="module")
def utils(tmp_path_factory):
    return code(write("lmms-eval", parcel([row(1)]), tmp_path_factory.mktemp("code") / "made").out)


@settings(deadline=None)
@given(st.text(max_size=80), st.integers(2, 26))
@example("answer " * 2000, 4)
def test_no_reply_breaks_the_reader_or_makes_a_letter_that_was_not_offered(utils, reply, n):
    index = utils.chosen(reply, [f"choice {i}" for i in range(n)])
    assert index is None or 0 <= index < n


@given(st.integers(2, 26), st.data())
def test_each_letter_in_each_form_is_read(utils, n, data):
    index = data.draw(st.integers(0, n - 1))
    form = data.draw(st.sampled_from(["{}", "({})", "{}.", "**{}**", "The answer is {}.", "**Answer:** {}"]))
    assert utils.chosen(form.format(chr(65 + index)), [f"choice {i}" for i in range(n)]) == index


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


def test_questions_of_several_splits_are_said_to_be_one_task(made):
    done = made([row(1, split="train"), row(2, split="test")])
    assert any("2 splits are in one task" in note for note in done.notes)
    assert (done.out / "data/test.jsonl").is_file()


def test_a_split_that_is_a_path_names_no_file(made):
    assert sorted(Path(f).name for f in made([row(1, split="../../x")]).files if f.suffix == ".jsonl") == ["test.jsonl"]
