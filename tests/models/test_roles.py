"""flyreel.toml and --model: what is meant, and the mistakes in it, a line each."""

from __future__ import annotations

from pathlib import Path

import pytest

from flyreel.errors import InputError
from flyreel.models.call import Price
from flyreel.models.checkup import _role
from flyreel.models.roles import Settings, Spec, connect, parse, settings

GOOD = """
[models.blind]
url = "http://localhost:1/v1"
name = "m"
concurrency = 3
rate = 600
price = { input = 0.5, output = 1.5 }
[models.judge]
local = "qwen2.5-coder-0.5b"
[models.captioner]
hf = "some/model"
frames_as = "video"
[prices."big"]
input = 3
output = 15
"""


def test_roles_and_prices(tmp_path: Path) -> None:
    (tmp_path / "flyreel.toml").write_text(GOOD)
    known = settings(tmp_path)
    blind = known.roles["blind"]
    assert (blind.url, blind.in_flight, blind.rate, blind.price) == ("http://localhost:1/v1", 3, 600, Price(0.5, 1.5))
    assert parse("judge", known).local == "qwen2.5-coder-0.5b"
    captioner = parse("captioner", known)
    assert (captioner.hf, captioner.frames_as, captioner.in_flight) == ("some/model", "video", 1)
    assert parse("http://x/v1#big", known).price == Price(3, 15)


def test_nothing_there_is_nothing_set(tmp_path: Path) -> None:
    assert settings(tmp_path) == Settings()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[models.blind\n", "cannot be read"),
        ("[models.blnd]\nurl='http://x'\n", "Did you mean blind"),
        ("[models.blind]\nurl='http://x'\nrates=3\n", "no setting 'rates'"),
        ("[models.blind]\nname='m'\n", "needs one of url, local, hf and run"),
        ("[models.blind]\nurl='http://x'\nhf='m'\n", "needs one of url, local, hf and run"),
        ("[models.blind]\nhf='m'\nrun='m'\n", "needs one of url, local, hf and run"),
        ("[models.blind]\nrun=3\n", "run = 3 is not a str"),
        ("[models.blind]\nrun='m'\nframes_as='video'\n", "of an hf model only"),
        ("[models.blind]\nhf=3\n", "hf = 3 is not a str"),
        ("[models.blind]\nhf='m'\nframes_as='gif'\n", "frames_as is images or video"),
        ("[models.blind]\nurl='http://x'\nframes_as='video'\n", "of an hf model only"),
        ("[models.blind]\nurl='http://x'\nprice=3\n", "the price of blind"),
    ],
)
def test_mistakes(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "flyreel.toml").write_text(text)
    with pytest.raises(InputError, match=says):
        settings(tmp_path)


def test_what_a_model_may_be_called() -> None:
    assert parse("local:", Settings()).local == "default"
    assert parse("http://h/v1#name", Settings()).name == "name"
    assert parse("hf:some/model", Settings()) == Spec(hf="some/model")
    assert parse("run:runs/one", Settings()) == Spec(run="runs/one")
    with pytest.raises(InputError, match="--model gpt"):
        parse("gpt", Settings())


async def test_an_hf_model_is_opened_when_it_is_asked_for_and_not_before(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    spec = parse(f"hf:{tmp_path}", Settings())
    assert _role("blind", spec, Settings()).ok, "the doctor opened it"
    with pytest.raises(InputError, match=f"hf:{tmp_path}: .* cannot be loaded"):
        await connect(spec)
