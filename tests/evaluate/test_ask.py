"""One question about one video: what is refused before a model is asked, and which pictures are left behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flyreel.engine.budget import Budget
from flyreel.engine.calls import Caller, Limits
from flyreel.errors import InputError
from flyreel.evaluate import ask
from flyreel.evaluate.pictures import Choosing
from flyreel.models.fake import FakeModel, always
from flyreel.toybox.make import Plan, make


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    make(Plan(seed=3, clips=1, questions=0), tmp_path)
    return next((tmp_path / "clips").glob("*.mp4"))


@pytest.fixture(autouse=True)
def model(monkeypatch: pytest.MonkeyPatch) -> FakeModel:
    fake = FakeModel(always("A"))
    caller = Caller(fake, Limits(1), None, Budget())
    monkeypatch.setattr(ask, "open_callers", lambda *a, **k: {"model": (caller,)})
    return fake


def asked(clip: Path, *choices: str, **more: Any) -> ask.Answered:
    request = ask.Request(clip, "Who?", "http://127.0.0.1:1/v1#m", choices=choices, **more)
    return ask.run(request, lambda line: None)


@pytest.mark.parametrize("choices", [("Tam spins",), ("Tam spins", " Tam spins"), ("Tam spins", " ")])
def test_choices_that_are_one_choice_are_refused(clip: Path, model: FakeModel, choices: tuple[str, ...]):
    with pytest.raises(InputError, match="two or more, all different"):
        asked(clip, *choices)
    assert model.calls == 0


def test_pictures_of_the_question_before_are_gone(clip: Path, tmp_path: Path):
    """Left there they would be taken for frames that the answer rests on."""
    out = tmp_path / "seen"
    asked(clip, "Tam", "Ben", choosing=Choosing(k=5), out=out)
    kept = [out / "frame-1.jpg", out / "frame-0001.png", out / "my frame-0001.jpg"]
    for path in kept:
        path.write_bytes(b"mine")
    done = asked(clip, "Tam", "Ben", choosing=Choosing(k=2), out=out)
    assert sorted(out.glob("frame-????.jpg")) == sorted(done.written) and len(done.written) == 2
    assert all(path.read_bytes() == b"mine" for path in kept)


def test_the_choice_is_named_by_its_letter(clip: Path):
    done = asked(clip, "Tam", "Ben")
    assert ask.lines(done, ("Tam", "Ben"))[0] == "A) Tam"
