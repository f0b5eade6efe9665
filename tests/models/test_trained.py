"""`run:FOLDER`: which folders are opened and which are refused, and that a run is asked as any other model is.

The run is one of video-chat as it is on disk when it has ended, with a tiny LLaVA of random weights in it.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flyreel.engine.budget import Budget
from flyreel.engine.calls import Caller, Limits
from flyreel.engine.local import Silent
from flyreel.errors import InputError, MissingExtra
from flyreel.evaluate import ask, session
from flyreel.evaluate.pictures import Choosing
from flyreel.models import trained
from flyreel.models.call import Call
from flyreel.models.checkup import checkup
from flyreel.models.in_process import open_in_process
from flyreel.models.ledger import Ledger
from flyreel.models.roles import Settings, Spec, connect, parse, settings
from flyreel.models.trained import open_trained
from flyreel.toybox.make import Plan, make

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

FINISHED = "2026-11-22T10:00:00+00:00"
ASKED = Call(({"role": "user", "content": "who is it ?"},), {"max_tokens": 5, "temperature": 0.0})


def facts(**other: Any) -> str:
    about = {"base": {"digest": "0" * 64}, "frames_as": "images"}
    told = {"recipe": "video-chat", "settings": {"frames_as": "images"}, "about": about, "versions": {},
            "command": "flyreel train video-chat q.jsonl -o runs/one", "started": FINISHED, "finished": FINISHED,
            "result": {}, **other}  # fmt: skip
    return json.dumps(told)


def save_tiny(folder: Path) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers

    spelt = "<pad> <unk> <s> </s> <image> USER ASSISTANT : who is it ? A B C D video frames of the answer letter"
    words = Tokenizer(models.WordLevel({w: i for i, w in enumerate(spelt.split())}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token="<pad>", unk_token="<unk>", bos_token="<s>", eos_token="</s>",
        additional_special_tokens=["<image>"],
    ).save_pretrained(folder)  # fmt: skip
    small = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    torch.manual_seed(1)
    model = transformers.LlavaForConditionalGeneration(transformers.LlavaConfig(
        vision_config={"model_type": "clip_vision_model", **small, "image_size": 28, "patch_size": 14},
        text_config={"model_type": "llama", **small, "num_key_value_heads": 2, "vocab_size": len(spelt.split()),
                     "max_position_embeddings": 512, "pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3},
        image_token_index=4, vision_feature_layer=-1,
    ))  # fmt: skip
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3) if parameter.ndim > 1 else None
    with torch.no_grad():
        model.lm_head.weight[3] = 0.0  # the end is never the likeliest: it always says something
    model.save_pretrained(folder)
    shape = {"size": {"shortest_edge": 28}, "crop_size": {"height": 28, "width": 28}}
    transformers.CLIPImageProcessorPil(**shape).save_pretrained(folder)
    told = {"processor_class": "LlavaProcessor", "patch_size": 14, "vision_feature_select_strategy": "default",
            "num_additional_image_tokens": 1}  # fmt: skip
    (folder / "processor_config.json").write_text(json.dumps(told))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "one"
    save_tiny(folder / "model" / "merged")
    (folder / "run.json").write_text(facts())
    return folder


@pytest.fixture
def run_of(tmp_path: Path) -> Callable[[str], Path]:
    """A folder whose run.json holds this text."""

    def made(text: str) -> Path:
        (tmp_path / "run.json").write_text(text)
        return tmp_path

    return made


async def test_a_finished_run_answers_as_its_model_does_by_itself(finished: Path) -> None:
    model = await connect(parse(f"run:{finished}", Settings()))
    assert (model.label, model.sees, model.price is not None) == ("one", True, True)
    reply = await model.send(ASKED)
    itself = await open_in_process(str(finished / "model" / "merged")).send(ASKED)
    assert reply.text == itself.text != ""


async def test_the_ledger_knows_a_run_again_in_another_folder(finished: Path, tmp_path: Path) -> None:
    moved = shutil.copytree(finished, tmp_path / "elsewhere" / "one")
    with Ledger(tmp_path / "calls") as ledger:
        first = await Caller(open_trained(str(finished)), Limits(1), ledger, Budget()).ask(ASKED)
        again = await Caller(open_trained(str(moved)), Limits(1), ledger, Budget()).ask(ASKED)
    assert again.from_ledger and again.raw == first.raw


def test_a_run_in_the_folder_that_one_is_in_has_a_name(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(finished)
    assert open_trained(".").name == "one"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (facts(finished=None), "not finished; go on with: flyreel train video-chat q.jsonl -o runs/one$"),
        (facts(finished=None, command=None), "not finished; go on with: flyreel train video-chat … -o "),
        (facts(recipe="toyclip"), "toyclip answers no questions"),
        (facts(recipe="toy-eyes"), "toy-eyes answers no questions"),
        (facts(recipe="tomorrow"), "made by the recipe tomorrow, which this flyreel does not have"),
        (facts(recipe="../secrets"), "made by the recipe ../secrets, which this flyreel does not have"),
        (facts(recipe="os.path"), "made by the recipe os.path, which this flyreel does not have"),
        (facts(recipe=3), "names no recipe"),
        ("[]", "names no recipe"),
        ('{"recipe": ', "run.json cannot be read: "),
    ],
)
def test_what_is_no_run_to_ask_is_refused_in_a_line(run_of: Callable[[str], Path], text: str, says: str) -> None:
    folder = run_of(text)
    with pytest.raises(InputError, match=says) as refused:
        open_trained(str(folder))
    assert str(refused.value).startswith(f"run:{folder}: ") and "\n" not in str(refused.value)


def test_a_folder_that_is_no_run(tmp_path: Path) -> None:
    weights = tmp_path / "toyclip.safetensors"
    weights.touch()
    for name in (tmp_path, tmp_path / "nowhere", weights):
        with pytest.raises(InputError, match=r"no folder of a run, .* flyreel train RECIPE -o FOLDER makes one"):
            open_trained(str(name))
    with pytest.raises(InputError, match="run: name the folder of a run"):
        open_trained("")


def test_a_run_whose_model_is_gone_or_damaged_is_refused_in_a_line(finished: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(finished, tmp_path / "copy")
    (copy / "model" / "merged" / "model.safetensors").write_bytes(b"not weights")
    with pytest.raises(InputError, match="cannot be loaded"):
        open_trained(str(copy))
    shutil.rmtree(copy / "model")
    with pytest.raises(InputError, match=f"run:{copy}: its model cannot be opened: .*train it again"):
        open_trained(str(copy))


@pytest.mark.parametrize("missing", ["torch", "transformers"])
def test_without_what_it_needs_it_says_what_to_install(
    finished: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(MissingExtra, match=r"flyreel\[models\]"):
        open_trained(str(finished))


def test_an_error_of_our_own_is_not_called_a_missing_package(
    run_of: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(name: str) -> Any:
        raise ModuleNotFoundError("no", name="flyreel.train.gone")

    monkeypatch.setattr(trained.importlib, "import_module", broken)
    with pytest.raises(ModuleNotFoundError):
        open_trained(str(run_of(facts())))


def test_to_know_of_runs_imports_neither_recipes_nor_torch() -> None:
    """Every command would wait seconds for torch, and models would stand above what stands on them."""
    code = "import sys, flyreel.models.roles; print(sorted({'torch', 'flyreel.train'} & {*sys.modules}))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_a_role_may_be_a_run_and_the_doctor_says_if_it_is_none(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there, gone = json.dumps(str(finished)), json.dumps(str(tmp_path / "gone"))
    (tmp_path / "flyreel.toml").write_text(f"[models.judge]\nrun = {there}\n[models.blind]\nrun = {gone}\n")
    known = settings(tmp_path)
    assert parse("judge", known) == Spec(run=str(finished)) == parse(f"run:{finished}", known)
    assert known.roles["judge"].in_flight == 1
    opened: list[str] = []
    monkeypatch.setattr(trained, "_opening", opened.append)
    judge, blind = checkup(tmp_path)[-2:]
    assert judge.ok and judge.says == f"run:{finished}, by video-chat, not opened"
    assert not blind.ok and "no folder of a run" in blind.says
    assert opened == [], "the doctor opened it"


def test_a_film_from_anywhere_is_asked_about(finished: Path, tmp_path: Path) -> None:
    av = pytest.importorskip("av")
    film = tmp_path / "my holidays.mkv"
    with av.open(str(film), "w") as out:
        stream = out.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 90, 160, "yuv420p"
        for i in range(12):
            pixels = np.full((160, 90, 3), 20 * i, dtype=np.uint8)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        out.mux(stream.encode(None))
    asked = ask.Request(
        film, "who is it ?", f"run:{finished}", ("Anna", "Ben"), choosing=Choosing(4, longest=56), tokens=4
    )
    answered = ask.run(asked, lambda line: None)
    assert answered.seen is not None and len(answered.seen.media) == 4
    assert answered.model == "one" and answered.reply
    assert (answered.choice is None) == (answered.failure is not None)


def test_a_run_is_evaluated_in_every_view_and_the_second_time_costs_nothing(finished: Path, tmp_path: Path) -> None:
    make(Plan(seed=4, clips=2, questions=2), tmp_path)
    asked = session.Request(
        tmp_path / "questions.jsonl",
        models=(f"run:{finished}",),
        controls=True,
        k=2,
        size=56,
        tokens=3,
        out=tmp_path / "out",
    )
    first, again = (session.run(asked, say=lambda line: None, progress=lambda label: Silent()) for _ in range(2))
    n = first.summary["questions"]
    (about,) = first.summary["models"].values()
    assert n > 0 and first.failures == []
    assert len(about["views"]) == 6 and all(v["coverage"]["asked"] == n for v in about["views"].values())
    sent = [sum(c["sent"] for c in done.summary["calls"].values()) for done in (first, again)]
    assert sent[0] > 4 * n and sent[1] == 0, "two frames have one other order, which two views share"
    (model,) = first.summary["how"]["models"]
    assert model["identity"].startswith("sha256:") and f"run:{finished}" in first.summary["how"]["command"]
