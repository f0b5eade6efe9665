"""`flyreel evaluate`, `ask` and `export` as a person runs them: a toybox, and a model on loopback that looks at it."""

from __future__ import annotations

import json
import signal
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

Program = Any


@pytest.fixture(scope="module")
def toybox(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from flyreel.toybox.make import Plan, make

    folder = tmp_path_factory.mktemp("made")
    make(Plan(seed=11, clips=8, questions=6), folder)
    return folder / "questions.jsonl"


@pytest.fixture
def watcher(toybox: Path, serving: Any) -> Iterator[str]:
    with serving(str(toybox), "--single", "0.4", "--mumbles", "0.05", module="flyreel.toybox.watcher") as url:
        yield url


def stats(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(url.removesuffix("/v1") + "/stats") as reply:
        return dict(json.load(reply))


def test_what_vision_and_time_add_is_what_the_model_does(flyreel: Program, toybox: Path, watcher: str) -> None:
    """Known truth: the model is right where it sees the frames in order, and else by luck; a few mumble."""
    ran = flyreel("evaluate", str(toybox), "--model", watcher, "--controls", "-k", "6", "--json", "-o", "out")
    assert ran.code == 0, ran.err
    told = json.loads(ran.out)
    (about,) = told["models"].values()
    full, blind = about["views"]["full"], about["views"]["blind"]
    assert full["of_answered"] == 1.0 and full["coverage"]["asked"] == told["questions"]
    assert full["accuracy"]["accuracy"] == pytest.approx(1 - full["unread_rate"])
    assert 0 < full["unread_rate"] < 0.2 and sum(full["unread"].values()) == round(
        full["unread_rate"] * told["questions"]
    )
    low, high = blind["accuracy"]["ci95"]
    assert low < blind["accuracy"]["chance"] < high
    for what in ("vision", "time", "direction", "more than one frame"):
        assert about["adds"][what]["ci95"][0] > 0.2, what
    assert full["strict"]["accuracy"] < full["accuracy"]["accuracy"], (
        "half of its replies are not in the form asked for"
    )
    page = (flyreel.here / "out" / "report.html").read_text()
    assert "answers" in page and "data:image/jpeg" in page

    once = stats(watcher)["requests"]
    again = flyreel("evaluate", str(toybox), "--model", watcher, "--controls", "-k", "6", "-o", "out")
    assert again.code == 0 and "vision adds" in again.out
    assert stats(watcher)["requests"] == once <= 6 * told["questions"], "the second run asks nothing"


def test_missing_clips_stand_beside_the_number(flyreel: Program, toybox: Path, watcher: str) -> None:
    for line in toybox.read_text().splitlines()[:20]:
        row = json.loads(line)
        row["clip"] = row["clip"] if int(row["clip"][-1]) % 2 else "nowhere"
        with (flyreel.here / "some.jsonl").open("a") as out:
            out.write(json.dumps(row) + "\n")
    (flyreel.here / "clips.jsonl").write_text(
        "".join(
            json.dumps({**json.loads(line), "path": str(toybox.parent / json.loads(line)["path"])}) + "\n"
            for line in (toybox.parent / "clips.jsonl").read_text().splitlines()
        )
    )
    ran = flyreel("evaluate", "some.jsonl", "--model", watcher)
    assert ran.code == 1 and "were not asked: missing-clip" in ran.err
    assert "missing-clip" in ran.out


def test_two_models_and_a_file_of_predictions(flyreel: Program, toybox: Path, watcher: str, model_url: str) -> None:
    rows = [json.loads(line) for line in toybox.read_text().splitlines()]
    (flyreel.here / "mine.jsonl").write_text(
        "".join(json.dumps({"question": r["id"], "reply": "ABCDEFGH"[r["answer"]]}) + "\n" for r in rows)
    )
    words = ("--model", watcher, "--model", model_url, "--predictions", "mine.jsonl", "--json")
    ran = flyreel("evaluate", str(toybox), *words)
    assert ran.code == 0, ran.err
    told = json.loads(ran.out)
    assert len(told["models"]) == 3 and len(told["comparisons"]) == 3
    assert told["models"]["mine"]["views"]["full"]["accuracy"]["accuracy"] == 1.0
    worse = next(c for c in told["comparisons"] if {c["a"], c["b"]} == {"watcher", "fake"})
    assert abs(worse["difference"]) > 0.4 and worse["p_value"] < 1e-3


def test_a_killed_run_is_gone_on_with(flyreel: Program, toybox: Path, watcher: str) -> None:
    process = flyreel.start(
        "evaluate", str(toybox), "--model", watcher, "--controls", "--concurrency", "2", "-o", "out"
    )
    while stats(watcher)["requests"] < 40 and process.poll() is None:
        pass
    process.send_signal(signal.SIGKILL)
    flyreel.end(process)
    ran = flyreel("evaluate", str(toybox), "--model", watcher, "--controls", "--json", "-o", "out")
    told = json.loads(ran.out)
    both = stats(watcher)["requests"]
    assert stats(watcher)["repeated"] <= 2, "at most what was in flight is asked again"
    fresh = flyreel("evaluate", str(toybox), "--model", watcher, "--controls", "--json", "-o", "fresh")
    assert json.loads(fresh.out)["models"] == told["models"]
    assert both - 2 <= stats(watcher)["requests"] - both, "a run of its own asks everything"


def test_asking_says_which_frames(flyreel: Program, toybox: Path, watcher: str) -> None:
    row = json.loads(toybox.read_text().splitlines()[0])
    choices = [word for choice in row["choices"] for word in ("--choice", choice)]
    clip = str(toybox.parent / "clips" / f"{row['clip']}.mp4")
    ran = flyreel("ask", clip, row["question"], *choices, "--model", watcher, "-k", "4", "-o", "seen", "--json")
    told = json.loads(ran.out)
    assert ran.code == 0 and len(told["frames"]) == 4 and len(list((flyreel.here / "seen").glob("*.jpg"))) == 4
    assert told["answer"] == row["answer"] or told["failure"]
    said = flyreel("ask", clip, row["question"], *choices, "--model", watcher)
    assert "was shown frames" in said.out


def test_mistakes_are_one_line(flyreel: Program, toybox: Path, model_url: str) -> None:
    (flyreel.here / "alone.jsonl").write_text(toybox.read_text())
    for words, says in [
        ((str(toybox),), "evaluate needs --model"),
        ((str(toybox), "--model", model_url, "--view", "ful"), "no such view. Did you mean full"),
        ((str(toybox), "--model", model_url, "--split", "test"), "no question is in split 'test'"),
        ((str(toybox), "--model", model_url, "-k", "0"), "-k 0"),
        ((str(toybox), "--predictions", "nowhere.jsonl"), "no such file"),
        ((str(toybox), "--model", "hf:"), "name a model or a folder"),
        ((str(toybox), "--model", "local:"), "sees no frames"),
        (("nowhere.jsonl", "--model", model_url), "no such file"),
        (("alone.jsonl", "--model", model_url), "Put a clips.jsonl"),
    ]:
        ran = flyreel("evaluate", *words)
        assert ran.code == 2 and says in ran.err and len(ran.err.splitlines()) == 1, ran.err
    ran = flyreel("ask", "nowhere.mp4", "Who?", "--model", model_url)
    assert ran.code == 2 and len(ran.err.splitlines()) == 1


def test_the_forecast_asks_nothing(flyreel: Program, toybox: Path, watcher: str) -> None:
    ran = flyreel("evaluate", str(toybox), "--model", watcher, "--dry-run")
    assert ran.code == 0 and "forecast:" in ran.out and stats(watcher)["requests"] == 0
    assert not (flyreel.here / "questions.evaluate" / "calls").exists()


def test_retrieval_both_ways(flyreel: Program, toybox: Path) -> None:
    ran = flyreel("evaluate", str(toybox.parent / "clips.jsonl"), "--retrieval", "toyclip", "--json")
    told = json.loads(ran.out)
    assert ran.code == 0 and told["text_to_video"]["R@1"]["accuracy"] > told["text_to_video"]["R@1"]["chance"]
    assert told["video_to_text"]["queries"] == told["clips"] == 8
    assert json.loads((flyreel.here / "clips.evaluate" / "retrieval.json").read_text()) == told


@pytest.mark.parametrize(
    "words",
    [("--model", "http://127.0.0.1:1/v1"), ("--predictions", "x.jsonl"), ("--split", "test"), ("--map", "question=q"),
     ("--controls",), ("--view", "blind"), ("--dry-run",), ("--budget", "1usd"), ("--judge", "local:")],
)  # fmt: skip
def test_retrieval_takes_no_option_about_questions(flyreel: Program, toybox: Path, words: tuple[str, ...]) -> None:
    """Ignored, an option would seem to have been followed: a budget above all."""
    ran = flyreel("evaluate", str(toybox.parent / "clips.jsonl"), "--retrieval", "toyclip", *words)
    assert ran.code == 2 and ran.err.startswith(f"flyreel: {words[0]} is about questions"), ran.err
    assert len(ran.err.splitlines()) == 1 and not (flyreel.here / "clips.evaluate").exists()


def test_open_questions_of_a_watcher(flyreel: Program, toybox: Path, watcher: str) -> None:
    """From the command line to the page: words where no choice is, and no submission."""
    row = json.loads(toybox.read_text().splitlines()[0])
    clip = str(toybox.parent / "clips" / f"{row['clip']}.mp4")
    (flyreel.here / "clips.jsonl").write_text(json.dumps({"id": "k", "path": clip}) + "\n")
    rows = [{"id": f"q{i}", "question": f"What is in {i}?", "answer": "a red ball", "clip": "k"} for i in range(3)]
    (flyreel.here / "open.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    ran = flyreel("evaluate", "open.jsonl", "--model", watcher, "--controls", "-k", "2")
    assert ran.code == 0, ran.err
    assert "3 of 3 answered in the view full" in ran.out and "BLEU says nothing" in ran.out
    assert stats(watcher)["requests"] == 3 and not list(flyreel.here.rglob("submission-*"))
