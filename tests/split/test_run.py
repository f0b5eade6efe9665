"""flyreel split from a file or a project to files, and to a terminal."""

from __future__ import annotations

import json
import random

import pyarrow as pa
import pytest
import typer
from typer.testing import CliRunner

from flyreel.cli.split import split as verb
from flyreel.errors import InputError
from flyreel.formats.base import read
from flyreel.formats.project import import_, open_questions
from flyreel.review import queue
from flyreel.review.queue import Case
from flyreel.schema import Question
from flyreel.split.run import Request, run
from flyreel.tables import FINDINGS, Project, write_jsonl, write_parquet

SAYS = ["sings", "digs a hole", "waits"]


def films(n):
    """Four questions a film, each of words of its own."""
    draw = random.Random(n)
    words = ["".join(draw.choices("abcdefghijklmnop", k=8)) for _ in range(400)]
    return [
        {
            "id": f"{i:03}",
            "question": " ".join(draw.choices(words, k=8)),
            "choices": SAYS,
            "answer": 0,
            "group": f"film{i // 4}",
        }
        for i in range(4 * n)
    ]


def finding(probe, id, verdict="strong", **models):
    return {
        "question": id, "probe": probe, "solver": "m", "verdict": verdict, "score": None, "reason": "",
        "computed_from": json.dumps(models),
    }  # fmt: skip


def audited(folder, *findings):
    return write_parquet(folder / "findings.parquet", pa.Table.from_pylist(findings, schema=FINDINGS))


@pytest.fixture
def file(tmp_path):
    return write_jsonl(tmp_path / "set.jsonl", films(20))


@pytest.fixture
def terminal(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    app = typer.Typer()
    app.command()(verb)
    return lambda *words: CliRunner().invoke(app, [str(w) for w in words], catch_exceptions=False)


def waiting(folder, *cases):
    rows = {r["id"]: r for r in films(20)}
    return queue.write(folder / queue.NAME, [Case(question=rows[id], reason=why, state=s) for id, why, s in cases])


def contents(folder):
    return {p.name: p.read_bytes() for p in folder.iterdir()}


def ids(path):
    return {json.loads(line)["id"] for line in path.read_text().splitlines()}


def test_every_file_is_canonical_and_names_its_split(file, tmp_path):
    done = run(Request(file=file, out=tmp_path / "out"))
    assert set(contents(done.folder)) == {"train.jsonl", "val.jsonl", "test.jsonl", "left_out.jsonl", "split.json"}
    for name, n in (("train", 64), ("val", 8), ("test", 8)):
        rows = [json.loads(line) for line in (done.folder / f"{name}.jsonl").read_text().splitlines()]
        assert [Question.model_validate(r).split for r in rows] == [name] * n
        assert read(done.folder / f"{name}.jsonl").questions.to_rows() == rows
    assert json.loads((done.folder / "split.json").read_text()) == done.told
    assert done.told["hard"] == {"made": False, "why": "not made: no audit was named (--audit FOLDER)"}
    assert done.told["check"] == {"groups_in_two_splits": 0, "clips_in_two_splits": 0, "near_copies_crossing": 0}


def test_the_same_rows_in_any_order_give_the_same_bytes_and_another_seed_does_not(file, tmp_path):
    first = contents(run(Request(file=file, out=tmp_path / "a")).folder)
    assert contents(run(Request(file=file, out=tmp_path / "a")).folder) == first
    rows = films(20)
    random.Random(3).shuffle(rows)
    (tmp_path / "other").mkdir()
    again = write_jsonl(tmp_path / "other" / "set.jsonl", rows)
    assert contents(run(Request(file=again, out=tmp_path / "b")).folder) == first
    assert contents(run(Request(file=file, out=tmp_path / "c", seed=1)).folder)["test.jsonl"] != first["test.jsonl"]


def test_open_cases_that_nothing_could_settle_stay_out_of_val_and_test(file, tmp_path):
    every = [(r["id"], "unfixable", "open") for r in films(20)]
    chosen = [*every[::4], (every[1][0], "unfixable", "decided"), (every[2][0], "style", "open")]
    waiting(tmp_path / "set.refine", *chosen)
    done = run(Request(file=file, out=tmp_path / "out"))
    out = [json.loads(line) for line in (done.folder / "left_out.jsonl").read_text().splitlines()]
    assert {r["id"] for r in out} < {id for id, _, _ in every[::4]}
    assert len(out) == 4 == done.told["left_out"]["questions"]
    assert all(r["meta"]["left_out"] == "unfixable" and r["meta"]["left_out_of"] in ("val", "test") for r in out)
    assert all("split" not in r and Question.model_validate(r) for r in out)
    assert done.told["queue"] == "set.refine"
    assert done.told["splits"]["train"]["questions"] == 64


def test_a_share_of_nothing_leaves_no_file_not_even_an_old_one(file, tmp_path):
    out = tmp_path / "out"
    run(Request(file=file, out=out))
    run(Request(file=file, out=out, val=0, test=0.2))
    assert set(contents(out)) == {"train.jsonl", "test.jsonl", "left_out.jsonl", "split.json"}
    assert len(ids(out / "test.jsonl")) == 16


def test_the_hard_are_of_val_and_test_and_keep_their_split(file, tmp_path):
    rows = films(20)
    folder = tmp_path / "set.audit"
    audited(folder, *[
        f for i, r in enumerate(rows) for f in (
            finding("blind", r["id"], "unknown" if i % 4 == 3 else "strong"),
            finding("evidence", r["id"], m={"probabilities": [0.8, 0.1, 0.1] if i % 4 == 0 else [0.1, 0.8, 0.1]}),
        )
    ])  # fmt: skip
    done = run(Request(file=file, out=tmp_path / "out"))
    told = done.told["hard"]
    assert (told["questions"], told["val"], told["test"], told["not_hard"], told["undecided"]) == (8, 4, 4, 4, 4)
    assert told["undecided_because"] == {"blind failed": 4}
    hard = ids(done.folder / "hard.jsonl")
    assert hard < ids(done.folder / "val.jsonl") | ids(done.folder / "test.jsonl")
    assert all(int(id) % 4 in (1, 2) for id in hard)


def test_an_audit_without_evidence_makes_no_hard_split_and_says_so(file, tmp_path):
    audited(tmp_path / "audit", finding("blind", "000"))
    done = run(Request(file=file, out=tmp_path / "out", audit=tmp_path / "audit"))
    assert done.told["hard"]["why"].startswith("not made: ") and "evidence" in done.told["hard"]["why"]
    assert not (done.folder / "hard.jsonl").exists()


def test_a_project_gets_a_version_with_the_splits_and_none_where_nothing_changes(file, tmp_path):
    project = Project(tmp_path / "project")
    import_(file, project.folder, None, None)
    cases = [Case(question=r, reason="spoken") for r in films(20)[::4]]
    queue.save_version(project, cases, stage="refine", parameters={})
    done = run(Request(file=project.folder, seed=4))
    assert done.folder == project.reports / "split"
    last = project.table("questions").versions()[-1]
    assert (last.number, last.stage, last.parents) == (2, "split", ("questions/v1", "review/v1"))
    assert last.parameters["seed"] == 4
    q = open_questions(project.folder).questions
    assert q.ids == read(file).questions.ids
    named = dict(zip(q.ids, q.strings("split", "left_out"), strict=True))
    for name in ("train", "val", "test", "left_out"):
        assert ids(done.folder / f"{name}.jsonl") == {id for id, split in named.items() if split == name}
    assert sum(split == "left_out" for split in named.values()) == 4
    before = contents(done.folder)
    run(Request(file=project.folder, seed=4))
    assert contents(done.folder) == before
    assert project.table("questions").versions()[-1].number == 2


def test_files_that_no_split_wrote_are_never_written_over(file, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "test.jsonl").write_text("my own")
    with pytest.raises(InputError, match=r"test\.jsonl that no split wrote"):
        run(Request(file=file, out=tmp_path / "mine"))
    out = run(Request(file=file, out=tmp_path / "out")).folder
    with pytest.raises(InputError, match="would be written over"):
        run(Request(file=out / "train.jsonl", out=out))


def test_a_queue_of_other_questions_is_a_mistake(file, tmp_path):
    waiting(tmp_path / "other", ("000", "spoken", "open"))
    write_jsonl(file, [{**r, "id": f"x{r['id']}"} for r in films(20)])
    with pytest.raises(InputError, match="none of the 1 questions in its queue"):
        run(Request(file=file, refined=tmp_path / "other", out=tmp_path / "out"))


def test_naming_models_without_findings_is_a_mistake(file, tmp_path):
    with pytest.raises(InputError, match="--audit FOLDER"):
        run(Request(file=file, missed_by=("m",), out=tmp_path / "out"))


def test_people_get_a_line_a_split_and_a_next_step(file, terminal):
    waiting(file.parent / "set.refine", *[(r["id"], "spoken", "open") for r in films(20)[::4]])
    done = terminal(file)
    assert done.stdout.splitlines() == [
        "80 questions, 20 groups, 20 units that may not be divided; the largest has 4 questions",
        "  train           64   80.0% of 80.0% asked, 16 groups",
        "  val              6    7.5% of 10.0% asked, 2 groups",
        "  test             6    7.5% of 10.0% asked, 2 groups",
        "  hard       not made: no audit was named (--audit FOLDER)",
        "  left out         4  wait in the queue set.refine: spoken 4",
        "  check      no group, clip or near copy in two splits",
        "written to set.split",
        "next: decide the questions in the review queue, then run the same command again",
    ]


def test_json_is_the_object_of_split_json_and_nothing_else(file, terminal, tmp_path):
    done = terminal(file, "--json")
    assert json.loads(done.stdout) == json.loads((tmp_path / "set.split" / "split.json").read_text())


def test_an_evaluation_split_of_which_everything_waits_is_called_empty(file, terminal):
    waiting(file.parent / "set.refine", *[(r["id"], "unknown", "open") for r in films(20)])
    assert "EMPTY" in terminal(file).stdout
