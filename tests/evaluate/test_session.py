"""A whole evaluation in this process: what is asked, what is kept, and which runs end with an error."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from flyreel.engine.budget import Budget
from flyreel.engine.calls import Caller, Limits
from flyreel.errors import InputError, Refused
from flyreel.evaluate import pictures, session, store
from flyreel.evaluate.session import Request, command, run
from flyreel.evaluate.summary import lines
from flyreel.models.call import Call, Reply
from flyreel.models.fake import FakeModel, FakeReply, always
from flyreel.tables import write_jsonl

OPEN = {"id": "o", "question": "How many wave?", "answer": "3"}
CLOSED = {"id": "c", "question": "Who waves?", "choices": ["Anna", "Ben"], "answer": 1}


class Quiet:
    def advance(self, *_: Any) -> None:
        pass


class Closing(FakeModel):
    closed = 0

    async def close(self) -> None:
        self.closed += 1


class Down(Closing):
    """Nothing is answered there."""

    async def send(self, call: Call) -> Reply:
        raise Refused("http-400", "no")


class Wrong(Closing):
    """What is wrong with it is wrong for every question."""

    async def send(self, call: Call) -> Reply:
        raise InputError("the disk is full")


@pytest.fixture
def file(tmp_path: Path) -> Callable[..., Path]:
    def put(*rows: dict[str, Any]) -> Path:
        return write_jsonl(tmp_path / "set.jsonl", rows)

    return put


@pytest.fixture
def models(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """These models by role, in place of what the command line names."""

    def use(**by_role: FakeModel) -> None:
        made = {role: (Caller(m, Limits(4, tries=1), None, Budget()),) for role, m in by_role.items()}
        monkeypatch.setattr(session, "open_callers", lambda *a, **k: {"model": (), "judge": (), **made})

    return use


def evaluated(file: Path, views: Iterable[str] = ("blind",), **more: Any) -> session.Done:
    more = {"models": ("http://127.0.0.1:1/v1#m",), "out": file.parent / "out", **more}
    return run(Request(file, views=tuple(views), **more), say=lambda line: None, progress=lambda label: Quiet())


def test_a_set_of_open_questions_is_scored_and_makes_no_submission(file: Any, models: Any, tmp_path: Path):
    """A board scores choices. The crash came after every reply was paid for."""
    models(model=FakeModel(always("three")))
    done = evaluated(file(OPEN), views=("blind", "dialogue"))
    about = done.summary["models"]["fake"]
    assert about["open"]["view"] == "blind" and about["open"]["counts"]["mse"] == 0.0 and not done.failures
    assert not list(tmp_path.rglob("submission-*"))


def test_open_calls_that_failed_are_a_failure(file: Any, models: Any):
    models(model=Down(always("")))
    assert evaluated(file(OPEN)).failures == ["fake, blind, open-ended: 1 of 1 were not asked: http-400 (1)"]


def test_answers_without_a_verdict_are_a_failure(file: Any, models: Any):
    models(model=FakeModel(always("three")), judge=FakeModel(always("perhaps")))
    done = evaluated(file(OPEN, CLOSED), judge="http://127.0.0.1:1/v1#j")
    assert done.failures == ["fake: the judge gave no verdict on 1 of 1"]
    assert any("unjudged" in line for line in lines(done.summary))


def test_answers_in_a_file_are_scored_in_the_view_that_has_them(file: Any, tmp_path: Path):
    rows = [{"question": "o", "reply": "3", "view": "dialogue"}, {"question": "c", "reply": "B", "view": "full"}]
    theirs = write_jsonl(tmp_path / "theirs.jsonl", rows)
    told = evaluated(file(OPEN, CLOSED), views=(), models=(), predictions=(theirs,)).summary["models"]["theirs"]
    assert told["open"]["view"] == "dialogue" and told["open"]["exact"]["accuracy"] == 1.0
    assert told["views"]["full"]["accuracy"]["accuracy"] == 1.0


@pytest.mark.parametrize("role", ["model", "judge"])
def test_models_are_closed_also_where_a_run_ends_badly(file: Any, models: Any, role: str):
    there = {"model": Closing(always("three")), role: Wrong(always(""))}
    models(**there)
    with pytest.raises(InputError, match="the disk is full"):
        evaluated(file(OPEN), judge="http://127.0.0.1:1/v1#j")
    assert all(model.closed for model in there.values())


def test_a_long_name_and_the_folder_one_is_in_are_names(file: Any, models: Any, monkeypatch: pytest.MonkeyPatch):
    models(model=FakeModel(always("B")))
    path = file(CLOSED).rename(file(CLOSED).with_name("n" * 230 + ".jsonl"))
    done = evaluated(path)
    assert done.summary["name"] == "n" * 200
    project = path.parent / "a project"
    project.mkdir()
    monkeypatch.chdir(project)
    assert session._name(Path()) == "a project"
    assert store.folder_of(Path(), None) == Path("a project.evaluate")


def test_given_predictions_stay_as_they_are(file: Any, tmp_path: Path):
    """Also in the folder that the run writes to, where an evaluation before it put them."""
    (tmp_path / "out").mkdir()
    rows = [{"question": id, "model": "m", "reply": "B"} for id in ("c", "gone")]
    theirs = write_jsonl(tmp_path / "out" / "predictions-m.jsonl", rows)
    before = theirs.read_text()
    for _ in range(2):
        evaluated(file(CLOSED), models=(), predictions=(theirs,))
        assert theirs.read_text() == before
    assert len(store.load(tmp_path / "out").predictions) == 1
    assert json.loads((tmp_path / "out" / "submission-m-2.json").read_text())["model"]["name"] == "m"


def test_rows_that_are_counted_are_not_said_to_be_left_out(file: Any, tmp_path: Path):
    rows = [{"question": "c", "answer": 7, "view": v} for v in ("full", "camera")]
    theirs = write_jsonl(tmp_path / "theirs.jsonl", rows)
    done = evaluated(file(CLOSED), views=(), models=(), predictions=(theirs,))
    assert done.summary["models"]["theirs"]["views"]["full"]["coverage"]["asked"] == 1
    last = lines(done.summary)[-1]
    assert last.endswith("2 rows with problems: answer-out-of-range, unknown-view") and "left out" not in last


def test_the_embedder_is_opened_before_anything_is_asked(file: Any, models: Any):
    model = FakeModel(always("B"))
    models(model=model)
    with pytest.raises(InputError, match="no such embedder"):
        evaluated(file(CLOSED), views=("full",), selector="top-k", embedder="toyclp")
    assert model.calls == 0
    assert evaluated(file(CLOSED), selector="top-k", embedder="toyclp").summary["questions"] == 1, "blind chooses none"
    with pytest.raises(InputError, match="no such keyframe selector"):
        evaluated(file(CLOSED), selector="unifrom")


def test_an_embedder_is_opened_once(monkeypatch: pytest.MonkeyPatch):
    """Opened again for every question, loading it would be most of a run."""
    opened: list[str] = []
    monkeypatch.setattr(pictures, "open_embedder", opened.append)
    pictures.opened.cache_clear()
    for _ in range(3):
        pictures.opened("hf:any")
    pictures.opened.cache_clear()
    assert opened == ["hf:any"]


def test_the_command_can_be_run_as_it_stands():
    asked = Request(
        Path("my set.jsonl"), models=("hf:org/a model",), predictions=(Path("x/their answers.csv"),), split="a b",
        selector="top-k", embedder="hf:org/clip", map="question=q,choices=a+b",
    )  # fmt: skip
    words = shlex.split(command(asked))
    for name, value in [("--model", "hf:org/a model"), ("--predictions", "their answers.csv"), ("--split", "a b"),
                        ("--embedder", "hf:org/clip"), ("--map", "question=q,choices=a+b")]:  # fmt: skip
        assert words[words.index(name) + 1] == value
    assert words[:3] == ["flyreel", "evaluate", "my set.jsonl"]


def test_what_is_wrong_with_the_list_of_clips_is_said(file: Any, models: Any):
    models(model=FakeModel(lambda messages: FakeReply("B")))
    path = file({**CLOSED, "clip": "k"})
    (path.parent / "clips.jsonl").write_text('{"id": "k", "path": "k.mp4"}\nnot json\n')
    said: list[str] = []
    asked = Request(path, models=("http://127.0.0.1:1/v1#m",), views=("blind",), out=path.parent / "out")
    run(asked, say=said.append, progress=lambda label: Quiet())
    assert any("clips.jsonl" in line and "cannot be read" in line for line in said)
