"""The installed command, from a file to JSON, findings and a page; and a project; and a language model over HTTP."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from flyreel.models import fake
from flyreel.models.fake import FakeServer
from flyreel.tables import write_jsonl
from flyreel.toybox.questions import questions

FLYREEL = str(Path(sys.executable).with_name("flyreel"))


def flyreel(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([FLYREEL, *words], cwd=folder, capture_output=True, text=True, timeout=300)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write_jsonl(tmp_path / "toy.jsonl", questions(5, 30).to_rows())


def test_json_is_all_that_stands_on_stdout_and_has_the_stable_fields(file: Path, tmp_path: Path) -> None:
    done = flyreel(tmp_path, "audit", file.name, "--json")
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    assert (told["questions"], told["groups"], told["chance"], told["problems"]) == (120, 15, 0.2, [])
    for name in ("shortcut", "surface"):
        fields = {"accuracy", "ci95", "chance", "p_value", "excess", "weak", "strong", "unknown", "seconds"}
        assert fields <= set(told["probes"][name])
        p = told["probes"][name]
        assert p["weak"] + p["strong"] + p["unknown"] == 120
        assert p["ci95"][0] <= p["accuracy"] <= p["ci95"][1]
    findings = pq.read_table(tmp_path / told["findings"]).to_pylist()
    assert len(findings) == 4 * 120
    weak = sum(f["verdict"] == "weak" for f in findings if f["probe"] == "shortcut")
    assert weak == told["probes"]["shortcut"]["weak"]


def test_people_get_a_line_a_probe_and_a_page(file: Path, tmp_path: Path) -> None:
    done = flyreel(tmp_path, "audit", file.name, "--report", "page.html")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("120 questions, 15 groups, 5 choices each, chance 20.0%\n")
    for word in ("shortcut", "control", "surface", "problems     none", "page.html"):
        assert word in done.stdout
    assert (tmp_path / "page.html").stat().st_size > 10_000


def test_the_same_command_gives_the_same_numbers(file: Path, tmp_path: Path) -> None:
    runs = [json.loads(flyreel(tmp_path, "audit", file.name, "--probe", "shortcut", "--json").stdout) for _ in range(2)]
    for run in runs:
        run["probes"]["shortcut"].pop("seconds")
    assert runs[0] == runs[1]


def test_max_excess_fails_where_a_probe_beats_chance_by_more(tmp_path: Path) -> None:
    rows = questions(5, 30, faults=0.0).to_rows()
    write_jsonl(tmp_path / "clean.jsonl", rows)
    leaky = [
        {**r, "choices": [c + " and more" if i == r["answer"] else c for i, c in enumerate(r["choices"])]} for r in rows
    ]
    write_jsonl(tmp_path / "leaky.jsonl", leaky)
    assert flyreel(tmp_path, "audit", "clean.jsonl", "--max-excess", "0.05").returncode == 0
    done = flyreel(tmp_path, "audit", "leaky.jsonl", "--max-excess", "0.05")
    assert done.returncode == 1
    assert "--max-excess 0.05: surface: excess over chance" in done.stderr


async def test_a_language_model_is_asked_once_and_its_calls_are_counted(file: Path, tmp_path: Path) -> None:
    import asyncio

    async with FakeServer(fake.prefer(fake.noise())) as server:
        words = ["audit", file.name, "--model", server.url, "--probe", "blind", "--probe", "evidence", "--json"]
        dry = await asyncio.to_thread(flyreel, tmp_path, *words, "--dry-run")
        free = await asyncio.to_thread(
            flyreel, tmp_path, "audit", file.name, "--model", server.url, "--probe", "surface", "--dry-run"
        )
        assert (free.returncode, free.stdout) == (0, "forecast: 0 calls, 0.00 M tokens, free\n")
        assert server.requests == 0
        first = await asyncio.to_thread(flyreel, tmp_path, *words)
        sent = server.requests
        second = await asyncio.to_thread(flyreel, tmp_path, *words)
        assert server.requests == sent, "the second run must be answered from the ledger"
    assert first.returncode == 0, first.stderr
    forecast = json.loads(dry.stdout)
    assert sum(f["calls"] for f in forecast.values()) == sent - 1, "one call asks whether log-probabilities come"
    one, two = json.loads(first.stdout), json.loads(second.stdout)
    assert one["probes"]["blind"]["accuracy"] == two["probes"]["blind"]["accuracy"]
    assert one["how"]["models"][0]["identity"] == server.url
    cost = json.loads(flyreel(tmp_path, "cost", "toy.audit", "--json").stdout)
    assert cost["models"][0]["calls"] == sent


async def test_a_budget_stops_cleanly_and_the_rest_is_unknown(file: Path, tmp_path: Path) -> None:
    import asyncio

    async with FakeServer(fake.prefer(fake.noise())) as server:
        words = ["audit", file.name, "--model", server.url, "--probe", "blind", "--budget", "100calls", "--json"]
        done = await asyncio.to_thread(flyreel, tmp_path, *words)
        assert server.requests == 100
    told = json.loads(done.stdout)["probes"]["blind"]
    assert done.returncode == 1
    assert told["unknown"] > 0 and told["failures"].keys() == {"budget-spent"}
    assert "budget-spent" in done.stderr


def test_a_project_keeps_versions_of_questions_and_findings(file: Path, tmp_path: Path) -> None:
    assert flyreel(tmp_path, "import", "auto", file.name, "--into", "project").returncode == 0
    again = json.loads(flyreel(tmp_path, "import", "canonical", file.name, "--into", "project", "--json").stdout)
    assert (again["questions"], again["version"]) == (120, 2), "the same rows again are no new questions"
    done = flyreel(tmp_path, "audit", "project", "--probe", "surface", "--json")
    assert done.returncode == 0, done.stderr
    manifest = json.loads((tmp_path / "project" / "findings" / "manifest.json").read_text())
    assert manifest["versions"][0]["parents"] == ["questions/v2"]
    stats = json.loads(flyreel(tmp_path, "stats", "project", "--json").stdout)
    assert stats["questions"] == 120


def test_report_and_doctor(file: Path, tmp_path: Path) -> None:
    flyreel(tmp_path, "audit", file.name, "--probe", "surface")
    (tmp_path / "toy.audit" / "report.html").unlink()
    assert flyreel(tmp_path, "report", "toy.audit").stdout.strip() == "toy.audit/report.html"
    checks = json.loads(flyreel(tmp_path, "doctor", "--json").stdout)["checks"]
    assert {"flyreel", "numpy", "embedded model", "cache folder"} <= {c["what"] for c in checks}


def test_ctrl_c_while_no_model_is_asked_is_one_line_too(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "many.jsonl", questions(5, 600).to_rows())
    with subprocess.Popen(
        [FLYREEL, "audit", "many.jsonl"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stderr is not None
        for quick in ("giveaway", "surface"):
            assert f"{quick} done" in running.stderr.readline(), "shortcut comes next and takes seconds"
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=120)
    assert (running.returncode, out) == (130, "")
    assert err.startswith("stopped.") and err.count("\n") == 1
    assert not (tmp_path / "many.audit" / "audit.json").exists()
