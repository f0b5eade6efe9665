"""The installed command with the real embedded model: fetched by digest, answering, and known again by the ledger."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from flyreel.errors import FlyreelError
from flyreel.models import catalog
from flyreel.tables import write_jsonl

FLYREEL = str(Path(sys.executable).with_name("flyreel"))


@pytest.fixture(scope="module")
def embedded() -> None:
    try:
        catalog.fetch(catalog.DEFAULT)
    except FlyreelError as error:
        pytest.skip(f"needs the embedded model: {error}")


def flyreel(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([FLYREEL, *words], cwd=folder, capture_output=True, text=True, timeout=600)


def obvious(n: int) -> list[dict]:
    """Questions that anybody answers without watching: what a small model must find weak."""
    things = [("What do people drink from?", "a cup", ["a brick", "a cloud", "a nail", "a road"]),
              ("Which animal barks?", "a dog", ["a fish", "a chair", "a river", "a stone"]),
              ("What colour is the grass?", "green", ["seven", "loudly", "Tuesday", "salt"]),
              ("Where do people swim?", "in a pool", ["in a shoe", "in a book", "in a word", "in a lamp"])]  # fmt: skip
    rows = []
    for i in range(n):
        question, key, others = things[i % len(things)]
        choices = [*others]
        choices.insert(i % 5, key)
        rows.append({"id": f"q{i}", "question": question, "choices": choices, "answer": i % 5, "group": f"g{i}"})
    return rows


def test_it_finds_what_anybody_can_guess_and_is_not_asked_twice(embedded: None, tmp_path: Path) -> None:
    write_jsonl(tmp_path / "easy.jsonl", obvious(4))
    words = ("audit", "easy.jsonl", "--model", "local:", "--probe", "blind", "--json")
    first = flyreel(tmp_path, *words)
    assert first.returncode == 0, first.stderr
    told = json.loads(first.stdout)
    assert told["probes"]["blind"]["weak"] >= 3
    assert told["how"]["models"][0]["identity"] == f"sha256:{catalog.DEFAULT.sha256}"
    second = flyreel(tmp_path, *words)
    spent = json.loads(flyreel(tmp_path, "cost", "easy.audit", "--json").stdout)["models"]
    assert json.loads(second.stdout)["probes"]["blind"]["accuracy"] == told["probes"]["blind"]["accuracy"]
    assert [m["calls"] for m in spent] == [4 * 5 + 1], "the second run must come from the ledger, whatever port it got"
    assert spent[0]["money"] == 0


def test_it_is_evaluated_without_sight(embedded: None, tmp_path: Path) -> None:
    """What it says is read and scored; the second run is the ledger's."""
    write_jsonl(tmp_path / "easy.jsonl", obvious(4))
    words = ("evaluate", "easy.jsonl", "--model", "local:", "--view", "blind", "--max-tokens", "8", "--json")
    first = flyreel(tmp_path, *words)
    assert first.returncode == 0, first.stderr
    ((name, about),) = json.loads(first.stdout)["models"].items()
    blind = about["views"]["blind"]
    assert blind["coverage"] == {"questions": 4, "asked": 4, "answered": 4} and blind["accuracy"]["accuracy"] >= 0.5
    second = flyreel(tmp_path, *words)
    assert json.loads(second.stdout)["calls"][name]["from_ledger"] == 4
    assert json.loads(second.stdout)["models"] == {name: about}
