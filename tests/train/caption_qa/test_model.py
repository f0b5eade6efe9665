"""A finished run as a model: who describes what it is shown, and which ledger keeps that."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flyreel.errors import InputError
from flyreel.evaluate import ask
from flyreel.evaluate.pictures import Choosing
from flyreel.models.fake import FakeServer
from flyreel.models.ledger import Ledger

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from flyreel.train.recipes.caption_qa import open_model, train  # noqa: E402

FRAMES, SIZE = 3, 96
SILENT: Callable[[str], None] = lambda line: None  # noqa: E731


def test_a_finished_run_is_asked_like_any_model(few: Path, settings: Any, served: FakeServer, tmp_path: Path) -> None:
    train(settings(few, served.url), tmp_path / "run", SILENT)
    film = next((few.parent / "clips").iterdir())
    asked = ask.Request(film, "Where does the scene open?", f"run:{tmp_path / 'run'}",
                        choosing=Choosing(FRAMES, longest=SIZE))  # fmt: skip
    assert ask.run(asked, SILENT).model == "run"
    blind = open_model(tmp_path / "run" / "baseline")
    assert not blind.sees
    with pytest.raises(InputError, match="sees no frames"):
        ask.run(replace(asked, model=f"run:{tmp_path / 'run' / 'baseline'}"), SILENT)
    other = open_model(tmp_path / "run", captioner=f"{served.url}#another")
    assert other.identity != open_model(tmp_path / "run").identity, "a ledger would take one's replies for the other's"


def test_another_captioner_takes_the_place_of_one_that_is_gone(
    few: Path, settings: Any, served: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(settings(few, served.url, baseline=False), tmp_path / "run", SILENT)
    _tell(tmp_path / "run", "http://127.0.0.1:9/v1")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"its captioner http://127\.0\.0\.1:9/v1.*\[models\.captioner\]"):
        open_model(tmp_path / "run")
    (tmp_path / "flyreel.toml").write_text(f'[models.captioner]\nurl = "{served.url}"\n')
    other = open_model(tmp_path / "run")
    assert other.sees and other.label == "run", "the same model at the same address is no other"
    (tmp_path / "flyreel.toml").write_text(f'[models.captioner]\nurl = "{served.url}"\nname = "late"\n')
    assert open_model(tmp_path / "run").label == "run (captioned by late)"
    (tmp_path / "flyreel.toml").unlink()
    _tell(tmp_path / "run", "captioner")
    with pytest.raises(InputError, match=r"^run:.*\[models\.captioner\] of flyreel\.toml"):
        open_model(tmp_path / "run")


def _tell(run: Path, asked_as: str) -> None:
    facts = json.loads((run / "run.json").read_text())
    facts["about"]["captioner"]["asked_as"] = asked_as
    (run / "run.json").write_text(json.dumps(facts))


def test_nobody_whom_nobody_named_takes_the_captioner_s_place(
    few: Path, settings: Any, served: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(settings(few, served.url, baseline=False), tmp_path / "run", SILENT)
    monkeypatch.chdir(tmp_path)
    assert open_model(tmp_path / "run").label == "run"
    served.name = "newer"
    with pytest.raises(
        InputError, match=r"was scripted when it learnt, and answers now as newer.*\[models\.captioner\]"
    ):
        open_model(tmp_path / "run")
    assert open_model(tmp_path / "run", captioner=served.url).label == "run (captioned by newer)"
    (tmp_path / "flyreel.toml").write_text(f'[models.captioner]\nurl = "{served.url}"\n')
    assert open_model(tmp_path / "run").label == "run (captioned by newer)"


def test_the_ledger_is_read_once_a_model_and_let_go_of_with_it(
    few: Path, settings: Any, served: FakeServer, answered: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = settings(few, served.url, baseline=False)
    train(given, tmp_path / "run", SILENT)
    opened = []

    class Counted(Ledger):
        def __enter__(self) -> Ledger:
            opened.append(self)
            return super().__enter__()

    monkeypatch.setattr("flyreel.train.caption_qa.model.Ledger", Counted)
    model = open_model(tmp_path / "run")
    assert not opened
    before = asyncio.run(answered(model, few, given))
    assert len(before) > 1 and len(opened) == 1
    asyncio.run(model.close())
    with Ledger(tmp_path / "run" / "calls") as ledger:
        assert ledger._path and ledger._path.name == "calls-0001.sqlite", "the closed model still writes there"
    assert asyncio.run(answered(model, few, given)) == before and len(opened) == 2
    asyncio.run(model.close())
