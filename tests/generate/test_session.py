"""`flyreel generate` around its methods: what is refused, what is kept, and what a killed run need not do again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flyreel.clips import Clips
from flyreel.engine.local import Silent
from flyreel.errors import InputError
from flyreel.formats.project import import_
from flyreel.generate import parts, session
from flyreel.generate.method import Dropped, Made, Setting, methods
from flyreel.generate.scene import Scene, scenes
from flyreel.questions import Questions
from flyreel.review import queue
from flyreel.tables import Project, write_jsonl


@pytest.fixture(autouse=True)
def echo(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """A method that asks what each clip says; the list holds the clips of every call."""
    called: list[list[str]] = []
    methods.names()

    async def echo(some: Sequence[Scene], setting: Setting) -> Made:
        called.append([s.clip for s in some])
        made = Made()
        for scene in some:
            if not scene.cues:
                made.dropped.append(Dropped(scene.clip, "no-words"))
                continue
            text = scene.cues[0]["text"]
            row = scene.row(f"{scene.clip}-e000", question=f"What of {text}?", answer=f"{text} {setting.seed}",
                            template="echo", origin={"name": "generate", "parameters": {"method": "echo"}})  # fmt: skip
            made.questions.append(row)
            made.tables.setdefault("said", []).append({"clip": scene.clip, "text": text})
        return made

    entry = replace(methods.get("mcq"), name="echo", make=echo, facts={"letter": "e"})
    monkeypatch.setitem(methods._entries, "echo", entry)
    return called


def clips_file(tmp_path: Path, count: int = 3) -> Path:
    rows = [
        {"id": f"c{i}", "source": f"http://localhost/{i}", "group": f"g{i // 2}",
         "cues": [{"start": 0, "end": 1, "kind": "caption", "text": f"text {i}"}]}
        for i in range(count)
    ]  # fmt: skip
    return write_jsonl(tmp_path / "clips.jsonl", rows)


def run(asked: session.Request) -> session.Done:
    return session.run(asked, say=lambda line: None, progress=lambda label: Silent(), steps=lambda done, total: None)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_file_of_clips_becomes_a_file_of_questions(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    done = run(session.Request(file=clips_file(tmp_path), method="echo", out=out))
    assert [row["id"] for row in lines(out)] == ["c0-e000", "c1-e000", "c2-e000"]
    assert {row["group"] for row in lines(out)} == {"g0", "g1"}
    assert done.summary["questions"] == 3 and done.summary["tables"] == {"said": 3}
    assert len(lines(tmp_path / "out.generate" / "said.jsonl")) == 3
    assert not (tmp_path / "out.generate" / "parts").exists()


def test_a_part_that_is_there_is_not_made_again(
    tmp_path: Path, echo: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "CLIPS", 2)
    asked = session.Request(file=clips_file(tmp_path, 5), method="echo", out=tmp_path / "out.jsonl", processes=1)
    saved = parts.save
    seen: list[Path] = []

    def save(path: Path, made: Made) -> None:
        saved(path, made)
        seen.append(path)
        if len(seen) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(parts, "save", save)
    with pytest.raises(Exception, match="stopped: 2 of 5 clips done"):
        run(asked)
    run(asked)
    assert echo == [["c0", "c1"], ["c2", "c3"], ["c4"]]
    assert [row["clip"] for row in lines(tmp_path / "out.jsonl")] == ["c0", "c1", "c2", "c3", "c4"]


def test_another_seed_or_text_is_another_part() -> None:
    some = list(
        scenes(Clips.from_rows([{"id": "a", "cues": [{"start": 0, "end": 1, "kind": "caption", "text": "x"}]}]))
    )
    other = [replace(some[0], cues=({**some[0].cues[0], "text": "y"},))]
    names = {parts.part_name("echo", Setting(seed=s), t, {}) for s in (0, 1) for t in (some, other)}
    assert len(names) == 4


def test_a_project_gets_a_version_in_the_place_of_what_the_method_made_before(tmp_path: Path) -> None:
    project = Project(tmp_path / "p")
    import_(clips_file(tmp_path), project.folder, None, None)
    run(session.Request(file=project.folder, method="echo"))
    table = project.table("questions")
    foreign = Questions.from_rows([{"id": "mine", "question": "Why?", "answer": "so", "clip": "c0"}]).table
    both = Questions(table.read()).to_rows() + Questions(foreign).to_rows()
    refined = [{**row, "origin": {"name": "refine", "parameters": {}}} for row in both]
    table.write(Questions.from_rows(refined).table, stage="refine", parameters={})
    run(session.Request(file=project.folder, method="echo", seed=1))
    rows = Questions(table.read()).to_rows()
    assert sorted(row["id"] for row in rows) == ["c0-e000", "c1-e000", "c2-e000", "mine"]
    assert {row["answer"] for row in rows} == {"so", "text 0 1", "text 1 1", "text 2 1"}
    assert table.versions()[-1].parents == ("clips/v1", "questions/v2")
    assert project.table("said").read().num_rows == 3


def test_what_waits_for_another_reason_goes_on_waiting(tmp_path: Path) -> None:
    project = Project(tmp_path / "p")
    import_(clips_file(tmp_path), project.folder, None, None)
    case = queue.Case(question={"id": "else", "question": "Why?", "answer": "so"}, reason="unfixable")
    stale = queue.Case(
        question={"id": "c0-e007", "clip": "c0", "question": "Why?", "answer": "so"}, reason="unsupported"
    )
    queue.save_version(project, [case, stale], stage="test", parameters={})
    run(session.Request(file=project.folder, method="echo"))
    assert [c.id for c in queue.load(project)] == ["else"]


def test_nothing_is_dropped_without_a_reason(tmp_path: Path) -> None:
    path = clips_file(tmp_path)
    write_jsonl(path, [*lines(path), {"id": "mute", "source": "http://localhost/mute"}])
    done = run(session.Request(file=path, method="echo", out=tmp_path / "out.jsonl"))
    assert done.summary["dropped"] == {"no-words": 1}
    (dropped,) = lines(tmp_path / "out.generate" / "dropped.jsonl")
    assert (dropped["clip"], dropped["reason"]) == ("mute", "no-words")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"method": "ecko"}, "ecko: no such method. Did you mean echo"),
        ({"asker": "rulez"}, "rulez: no such question writer. Did you mean rules"),
        ({"out": None}, "generate needs -o OUT.jsonl"),
        ({"choices": 1}, "--choices 1: 0 for open-ended questions, or 2 to 26"),
        ({"choices": 27}, "--choices 27"),
        ({"read": ("captions",)}, "--read captions: no such kind of cue"),
        ({"budget": "much"}, "--budget much"),
        ({"method": "mcq"}, "--method mcq needs a model that writes"),
        ({"method": "mcq", "choices": 0}, "--choices 0: mcq writes questions with choices"),
        ({"method": "extractive", "asker": "model"}, "--method extractive --asker model needs a model that writes"),
    ],
)
def test_a_mistake_is_one_line(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    asked = session.Request(file=clips_file(tmp_path), method="echo", out=tmp_path / "out.jsonl")
    with pytest.raises(InputError) as caught:
        run(replace(asked, **changes))
    assert said in str(caught.value) and "\n" not in str(caught.value)
    assert not (tmp_path / "out.jsonl").exists()


def test_questions_are_not_clips_and_clips_without_words_are_not_enough(tmp_path: Path) -> None:
    asked = write_jsonl(tmp_path / "q.jsonl", [{"id": "a", "question": "Why?", "choices": ["x", "y"], "answer": 0}])
    with pytest.raises(InputError, match="not a list of clips; generate reads clips with cues"):
        run(session.Request(file=asked, method="echo", out=tmp_path / "out.jsonl"))
    with pytest.raises(InputError, match="no such file"):
        run(session.Request(file=tmp_path / "clip.jsonl", method="echo", out=tmp_path / "out.jsonl"))
    mute = write_jsonl(tmp_path / "mute.jsonl", [{"id": "a", "source": "http://localhost/a"}])
    with pytest.raises(InputError, match="no clip has cues"):
        run(session.Request(file=mute, method="echo", out=tmp_path / "out.jsonl"))


def test_scenes_come_in_parts_with_their_cues_in_order() -> None:
    rows = [
        {
            "id": f"c{i}",
            "cues": [{"start": t, "end": t + 1, "kind": "caption", "text": str(t)} for t in (2.0, 0.0, 1.0)],
        }
        for i in range(7)
    ]
    clips = Clips.from_rows(rows)
    assert [s.clip for start in range(0, 7, 3) for s in scenes(clips, start, 3)] == [f"c{i}" for i in range(7)]
    for scene in scenes(clips):
        assert np.all(np.diff([cue["start"] for cue in scene.cues]) > 0)
