"""`flyreel generate` and `flyreel build` as commands, beside a model that knows the scenes and one that does not."""

from __future__ import annotations

import json
import signal
import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flyreel.errors import FlyreelError
from flyreel.formats.base import read
from flyreel.generate.templates import store
from flyreel.models import catalog
from flyreel.tables import write_text
from flyreel.toybox import oracle

AT_ONCE = 4
Program = Any
"""Runs the installed program in tmp_path; `Program` in conftest.py."""

BUILD = """
[build]
count = 8
folds = 2
attempts = 2
[build.split]
train = 0.4
val = 0.3
test = 0.3
copies_may_cross = true
[build.card]
licence = "CC0"
"""


def project(flyreel: Program, spec: str, clips: int = 6, more: str = BUILD) -> Path:
    words = ("--clips", str(clips), "--seed", "3", "--questions", "0", "--width", "96")
    assert flyreel("toybox", "-o", "toy", *words).code == 0
    assert flyreel("import", "auto", "toy/clips.jsonl", "--into", "p").code == 0
    roles = "".join(f"[models.{role}]\n{spec}\n" for role in ("generator", "verifier", "blind"))
    write_text(flyreel.here / "p" / "flyreel.toml", roles + more)
    return flyreel.here / "p"


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_build_makes_a_set_whose_keys_are_right_and_tells_what_it_did(flyreel: Program, scripted_url: str) -> None:
    folder = project(flyreel, f'url = "{scripted_url}"')
    done = flyreel("build", "p")
    assert done.code == 0, done.err
    assert "forecast: " in done.err
    parts = [read(folder / "reports" / "split" / f"{name}.jsonl").questions for name in ("train", "val", "test")]
    made = [row for part in parts for row in part.to_rows()]
    assert len(made) >= 20
    wrong = [
        r["id"] for r in made if oracle.answer(oracle.scene_of(r["clip"]), r["question"], r["choices"]) != r["answer"]
    ]  # type: ignore[arg-type]
    assert not wrong, "a wrong key went through, and the reader misreads nothing"
    refused = rows(folder / "reports" / "generate" / "mcq" / "queue.jsonl")
    assert refused, "one key in five is wrong, so something must have been refused"
    card = (folder / "reports" / "build" / "card.md").read_text(encoding="utf-8")
    for said in ('license: "CC0"', "select 1, write 2", "unsupported", "What it is worth without watching", "| test |"):
        assert said in card

    again = flyreel("build", "p", "--json")
    assert again.code == 0, again.err
    assert "forecast" not in again.err and "verify" not in again.err, "a finished build does nothing again"
    assert json.loads(again.out)["steps"]["generate mcq"]["questions"] >= len(made)


def test_a_killed_build_comes_to_the_same_set_and_pays_for_no_call_twice(
    flyreel: Program, scripted_url: str, slow_scripted_url: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = replace(flyreel, here=tmp_path_factory.mktemp("whole"))
    whole = project(other, f'url = "{scripted_url}"')
    first = other("build", "p", "--json")
    assert first.code == 0, first.err

    folder = project(flyreel, f'url = "{slow_scripted_url}"\nconcurrency = {AT_ONCE}')
    for label in ("write", "verify", "blind"):
        process = flyreel.start("build", "p")
        assert process.stderr is not None
        for line in process.stderr:
            if line.strip().startswith(label):
                break
        process.send_signal(signal.SIGKILL)
        process.communicate()
    done = flyreel("build", "p", "--json")
    assert done.code == 0, done.err
    for name in ("train", "val", "test"):
        part = Path("reports") / "split" / f"{name}.jsonl"
        assert (folder / part).read_bytes() == (whole / part).read_bytes()
    with urllib.request.urlopen(slow_scripted_url.removesuffix("/v1") + "/stats") as response:
        repeated = json.load(response)["repeated"]
    assert repeated <= 3 * 2 * AT_ONCE, "more was asked again than was under way when it was killed"


def test_a_budget_stops_a_build_which_goes_on_with_more(flyreel: Program, scripted_url: str) -> None:
    project(flyreel, f'url = "{scripted_url}"')
    short = flyreel("build", "p", "--budget", "30calls")
    assert short.code == 1 and "the budget is spent" in short.err and "Run the same command to go on" in short.err
    with urllib.request.urlopen(scripted_url.removesuffix("/v1") + "/stats") as response:
        assert json.load(response)["requests"] <= 30
    assert not (flyreel.here / "p" / "reports" / "build" / "card.md").exists()
    assert flyreel("build", "p").code == 0


def test_mistakes_that_would_come_to_light_at_the_end_are_found_at_the_beginning(
    flyreel: Program, scripted_url: str
) -> None:
    folder = project(flyreel, f'url = "{scripted_url}"')
    settings = (folder / "flyreel.toml").read_text(encoding="utf-8")
    for old, new, said in (
        ("test = 0.3", "test = 0.6", "the shares sum to 1.3"),
        ("count = 8", "templates = 'none.yaml'", "none.yaml: cannot be read"),
        ("count = 8", "blind = ['blnd']", "blnd"),
        ("count = 8", "qa = 'hf'", "--qa hf"),
    ):
        write_text(folder / "flyreel.toml", settings.replace(old, new))
        done = flyreel("build", "p")
        assert done.code == 2 and said in done.err and len(done.err.strip().splitlines()) == 1, done.err
    with urllib.request.urlopen(scripted_url.removesuffix("/v1") + "/stats") as response:
        assert json.load(response)["requests"] == 0


def test_mistakes_are_one_line(flyreel: Program) -> None:
    assert flyreel("build", "nowhere").err.startswith("flyreel: nowhere: not a project")
    project(flyreel, 'url = "http://127.0.0.1:9/v1"', clips=1, more="[build]\nmethods = ['mcg']\n")
    wrong = flyreel("build", "p")
    assert wrong.code == 2 and "mcg: no such method. Did you mean mcq" in wrong.err
    assert len(wrong.err.strip().splitlines()) == 1


def test_extractive_questions_need_no_model(flyreel: Program) -> None:
    words = ("--clips", "12", "--seed", "3", "--questions", "0", "--width", "96")
    assert flyreel("toybox", "-o", "toy", *words).code == 0
    done = flyreel("generate", "toy/clips.jsonl", "--method", "extractive", "-o", "q.jsonl", "--json")
    assert done.code == 0, done.err
    made = read(flyreel.here / "q.jsonl").questions
    assert len(made) == json.loads(done.out)["questions"] >= 20
    triples = flyreel("generate", "toy/clips.jsonl", "--method", "triples", "--choices", "0", "-o", "t.jsonl")
    assert triples.code == 0, triples.err
    assert rows(flyreel.here / "t.generate" / "triples.jsonl")


def test_the_embedded_model_builds_a_set(flyreel: Program) -> None:
    """Its questions are what they are; that a set comes of it, and that all of it is told, is what is tested."""
    try:
        path = catalog.fetch(catalog.DEFAULT)
    except FlyreelError as error:
        pytest.skip(f"needs the embedded model: {error}")
    few = BUILD.replace("count = 8", "count = 2\ntemplates = 'few.yaml'\nrefine = 'off'")
    whole = few.replace("train = 0.4\nval = 0.3\ntest = 0.3", "train = 1.0\nval = 0\ntest = 0")
    folder = project(flyreel, f'local = "{path}"', clips=1, more=whole)
    store.write(folder / "few.yaml", store.read(None)[:3])
    done = flyreel.end(flyreel.start("build", "p", "--json"), patience=500)
    assert done.code in (0, 1), done.err
    told = json.loads(done.out)["steps"]["generate mcq"]
    verified = told["verified"] or {"passed": 0, "refused": 0}
    assert verified["passed"] + verified["refused"] + sum(told["dropped"].values()) >= 1
    if verified["passed"]:
        assert (folder / "reports" / "build" / "card.md").is_file()
    else:
        assert "no question came through" in done.err
