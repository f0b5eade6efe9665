"""Tiny random models of two families learn from real films: what is adapted, what is written, what a killed run is."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytest.importorskip("peft")

from safetensors.torch import load_file  # noqa: E402

from flyreel.errors import InputError  # noqa: E402
from flyreel.evaluate.pictures import Choosing  # noqa: E402
from flyreel.evaluate.showing import show  # noqa: E402
from flyreel.evaluate.views import VIEWS  # noqa: E402
from flyreel.models._opening import Opened, opened  # noqa: E402
from flyreel.models.in_process import TransformersModel, open_in_process  # noqa: E402
from flyreel.toybox.make import Plan, make  # noqa: E402
from flyreel.train import losses, run  # noqa: E402
from flyreel.train.chat_data import chat_batch  # noqa: E402
from flyreel.train.data import Frames, Sample, data  # noqa: E402
from flyreel.train.loop import Fitted  # noqa: E402
from flyreel.train.recipes import video_chat  # noqa: E402
from flyreel.train.recipes.video_chat import Settings, open_model, train  # noqa: E402
from flyreel.train.video_chat import look  # noqa: E402
from flyreel.train.video_chat import model as chat  # noqa: E402
from flyreel.train.video_chat.left_out import LeftOut  # noqa: E402

TEXT = {
    "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 400, "pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3,
}  # fmt: skip
TEMPLATE = (
    "{% for m in messages %}{{ m['role'] }} : {% if m['content'] is string %}{{ m['content'] }}{% else %}"
    "{% for c in m['content'] %}{% if c['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>{% else %}"
    "{{ c['text'] }}{% endif %}{% endfor %}{% endif %} </s> {% endfor %}"
    "{% if add_generation_prompt %}assistant : {% endif %}"
)
MARKS = {
    "video_llava": ["<image>", "<video>"],
    "qwen2_vl": ["<|vision_start|>", "<|image_pad|>", "<|vision_end|>", "<|video_pad|>"],
    "llama": [],
}
SEES = ["video_llava", "qwen2_vl"]
WITHOUT_BITS = pytest.mark.skipif(importlib.util.find_spec("bitsandbytes") is not None, reason="bitsandbytes is there")


def _tokenizer(special: list[str], text: str) -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = sorted({*re.findall(r"\w+|[^\w\s]+", text), *"USER ASSISTANT user assistant system : A B C D E".split()})
    known = dict.fromkeys(["<pad>", "<unk>", "<s>", "</s>", *special, *words])
    level = Tokenizer(models.WordLevel({w: i for i, w in enumerate(known)}, unk_token="<unk>"))
    level.pre_tokenizer = pre_tokenizers.Whitespace()
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=level, pad_token="<pad>", unk_token="<unk>", bos_token="<s>", eos_token="</s>",
        additional_special_tokens=special,
    )  # fmt: skip


def _save(folder: Path, family: str, text: str) -> Path:
    tokenizer = _tokenizer(MARKS[family], text)
    ids = dict(zip(MARKS[family], tokenizer.convert_tokens_to_ids(MARKS[family]), strict=True))
    writes = {**TEXT, "vocab_size": len(tokenizer)}
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    if family == "video_llava":
        seen = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
        model = transformers.VideoLlavaForConditionalGeneration(transformers.VideoLlavaConfig(
            vision_config={"model_type": "clip_vision_model", **seen, "image_size": 28, "patch_size": 14},
            text_config={"model_type": "llama", **writes}, vision_feature_layer=-1,
            image_token_index=ids["<image>"], video_token_index=ids["<video>"],
        ))  # fmt: skip
        crop = {"size": {"shortest_edge": 28}, "crop_size": {"height": 28, "width": 28}}
        transformers.VideoLlavaImageProcessor(**crop).save_pretrained(folder)
        processor = {"processor_class": "VideoLlavaProcessor", "patch_size": 14, "num_additional_image_tokens": 1}
        processor["vision_feature_select_strategy"] = "default"
    elif family == "qwen2_vl":
        seen = {"depth": 2, "embed_dim": 32, "hidden_size": 32, "num_heads": 4, "mlp_ratio": 2, "patch_size": 14}
        rope = {"rope_type": "default", "mrope_section": [1, 1, 2], "rope_theta": 10000.0}
        model = transformers.Qwen2VLForConditionalGeneration(transformers.Qwen2VLConfig(
            vision_config={**seen, "spatial_merge_size": 2, "temporal_patch_size": 2},
            text_config={**writes, "rope_parameters": rope},
            vision_start_token_id=ids["<|vision_start|>"], vision_end_token_id=ids["<|vision_end|>"],
            image_token_id=ids["<|image_pad|>"], video_token_id=ids["<|video_pad|>"],
        ))  # fmt: skip
        transformers.Qwen2VLImageProcessorPil(
            patch_size=14, merge_size=2, temporal_patch_size=2, size={"shortest_edge": 784, "longest_edge": 3136}
        ).save_pretrained(folder)
        processor = {"processor_class": "Qwen2VLProcessor"}
        (folder / "chat_template.jinja").write_text(TEMPLATE)
    else:
        model, processor = transformers.LlamaForCausalLM(transformers.LlamaConfig(**writes)), None
    for name, parameter in model.named_parameters():  # the usual start is so small that every picture looks the same,
        if parameter.ndim > 1:  # and a head that stays as it is could not be sure of any word
            torch.nn.init.normal_(parameter, std=1.0 if "lm_head" in name else 0.1)
    model.save_pretrained(folder)
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n# tiny\n")
    if processor:
        (folder / "processor_config.json").write_text(json.dumps(processor))
    return folder


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("toybox")
    make(Plan(seed=4, clips=4, questions=2, width=96), folder)
    return folder / "questions.jsonl"


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory, asked: Path) -> Callable[[str], Path]:
    root = tmp_path_factory.mktemp("models")
    prompt = Path(sys.modules["flyreel.evaluate"].__path__[0], "prompts", "answer.md.jinja").read_text()
    text = prompt + asked.read_text()
    return lambda family: root / family if (root / family).is_dir() else _save(root / family, family, text)


@pytest.fixture
def given(saved: Callable[[str], Path], asked: Path) -> Callable[..., Settings]:
    plain = Settings(
        source=str(asked), held=0.25, frames=2, size=64, selector="uniform", steps=4, batch=2, accumulate=2, rate=1e-2,
        keep_every=2, look_every=3,
    )  # fmt: skip
    return lambda family, **other: replace(plain, model=str(saved(family)), **other)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, saved: Any, asked: Path) -> Callable[[str], Path]:
    """A finished run of each family, made once."""
    root = tmp_path_factory.mktemp("runs")

    def made(family: str) -> Path:
        out = root / family
        if not out.exists():
            settings = Settings(
                source=str(asked), model=str(saved(family)), held=0.25, frames=2, size=64, selector="uniform",
                steps=20, batch=4, accumulate=1, rate=1e-2, look_every=10, watch="loss",
            )  # fmt: skip
            train(settings, out, lambda line: None)
        return out

    return made


def log(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


SHOWN = {"video_llava": "video", "qwen2_vl": "images"}
"""How each is shown frames where nobody says how."""


def call_of(sample: Sample, folder: Path) -> Any:
    seen = Frames(Choosing(2, longest=64), folder).of(sample)
    assert seen is not None
    return show(sample.item, VIEWS["full"], seen, tokens=12).call


def said(model: Any, call: Any) -> tuple[str, dict[str, float]]:
    reply = asyncio.run(model.send(replace(call, parameters={**call.parameters, "logprobs": True, "top_logprobs": 20})))
    return reply.text, reply.first_token


def disturbed(saved: Path, family: str) -> tuple[Opened, Any]:
    """An adapted model whose adapters say something."""
    found = chat.base(str(saved), four_bit=False)
    model = chat.adapted(found, str(saved), rank=4, alpha=8, dropout=0.1, target=chat.RULE)
    torch.manual_seed(3)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.1)
    return found, model.eval()


@pytest.mark.parametrize("family", SEES)
def test_exactly_the_linear_layers_that_write_are_adapted(saved: Any, family: str) -> None:
    """Of vision towers, projector and head there is none, though all of them have linear layers."""
    attention, mlp = ("q_proj", "k_proj", "v_proj", "o_proj"), ("gate_proj", "up_proj", "down_proj")
    parts = [f"self_attn.{name}" for name in attention] + [f"mlp.{name}" for name in mlp]
    wanted = {f"model.language_model.layers.{layer}.{part}" for layer in range(2) for part in parts}
    found = chat.base(str(saved(family)), four_bit=False)
    assert set(chat.targets(found.model)) == wanted
    model = chat.adapted(found, "x", rank=8, alpha=8, dropout=0.1, target=chat.RULE)
    learns = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert learns == {f"base_model.model.{name}.lora_{ab}.default.weight" for name in wanted for ab in "AB"}


def test_a_part_of_the_layers_by_their_last_names(saved: Any) -> None:
    model = chat.base(str(saved("qwen2_vl")), four_bit=False).model
    names = chat.targets(model, "q_proj, v_proj")
    assert len(names) == 4 and all(name.endswith(("q_proj", "v_proj")) for name in names)


@pytest.mark.parametrize("family", SEES)
def test_the_head_is_spared_what_nobody_learns_from(saved: Any, asked: Path, tmp_path: Path, family: str) -> None:
    """The loss is that of plain transformers over all logits, and its gradient too."""
    found, model = disturbed(saved(family), family)
    samples = data(asked, held=0).train[:3]
    batch = chat_batch(
        found.reader, samples, Frames(Choosing(2, longest=64), tmp_path), longest=400, film=SHOWN[family] == "video"
    )
    assert batch is not None
    logits, labels = chat.predicted(found.model, model, batch)
    assert logits.shape[1] < batch["labels"].shape[1] / 4
    loss = losses.cross_entropy(logits, labels)
    given = {name: value for name, value in batch.items() if name not in chat.BESIDE}
    plain = model(**given, labels=batch["labels"]).loss
    assert float(loss.detach()) == pytest.approx(float(plain.detach()), rel=1e-5)
    learns = [p for p in model.parameters() if p.requires_grad]
    for one, other in zip(torch.autograd.grad(loss, learns), torch.autograd.grad(plain, learns), strict=True):
        assert torch.allclose(one, other, atol=1e-5)


@pytest.mark.parametrize("family", SEES)
def test_it_learns(trained: Any, family: str) -> None:
    rows = [row["loss"] for row in log(trained(family)) if "loss" in row]
    assert rows[-1] < 0.8 * rows[0], f"the loss does not fall: {rows}"
    told = json.loads((trained(family) / "run.json").read_text())
    assert 0 <= told["result"]["best"]["accuracy"] <= 1 and told["result"]["best"]["loss"] > 0
    card = (trained(family) / "README.md").read_text()
    assert f"the best of 2 looks at {told['result']['looked_at']} questions, which chose these weights" in card
    assert told["about"]["data"]["digest"] in card and "Here: apache-2.0" in card


@pytest.mark.parametrize("family", SEES)
def test_nothing_frozen_has_moved(saved: Any, trained: Any, family: str) -> None:
    before = load_file(saved(family) / "model.safetensors")
    after = load_file(trained(family) / "model" / "merged" / "model.safetensors")
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    linear = ("q_proj.weight", "k_proj.weight", "v_proj.weight", "o_proj.weight", "gate_proj.weight", "up_proj.weight",
              "down_proj.weight")  # fmt: skip
    assert before.keys() == after.keys()
    assert moved == {n for n in before if n.endswith(linear) and not re.search("tower|visual", n)}
    whole = transformers.AutoModelForImageTextToText.from_pretrained(trained(family) / "model" / "merged")
    assert not hasattr(whole, "peft_config"), "no plain program opens it"
    adapter = load_file(trained(family) / "model" / "adapter" / "adapter_model.safetensors")
    assert len(adapter) == 2 * 14 and all("lora_" in name for name in adapter)


@pytest.mark.parametrize("family", SEES)
def test_what_is_written_is_the_model_in_memory(saved: Any, asked: Path, tmp_path: Path, family: str) -> None:
    found, model = disturbed(saved(family), family)
    chat.write_adapter(model, tmp_path / "adapter")
    call = call_of(data(asked, held=0).train[0], tmp_path / "frames")
    in_memory = said(TransformersModel("memory", found, SHOWN[family]), call)
    joined = chat.joined(tmp_path / "adapter", found.digest)
    chat.write_merged(model.merge_and_unload(), str(saved(family)), tmp_path / "merged")
    merged = open_in_process(str(tmp_path / "merged"), SHOWN[family])
    base = open_in_process(str(saved(family)), SHOWN[family])
    for other in (TransformersModel("joined", joined, SHOWN[family]), merged):
        text, likely = said(other, call)
        assert text == in_memory[0]
        assert likely == pytest.approx(in_memory[1], abs=1e-4)
    assert said(base, call)[1] != pytest.approx(in_memory[1], abs=1e-2), "the adapter changes nothing"
    assert len({base.identity, merged.identity, TransformersModel("joined", joined, SHOWN[family]).identity}) == 3
    ids = torch.randint(6, 20, (2, 9))
    with torch.no_grad():
        one, two = joined.model(input_ids=ids).logits, merged._with.model(input_ids=ids).logits
    assert torch.allclose(one, two, atol=1e-4)


def test_a_run_answers_with_its_weights_whether_merged_or_not(
    trained: Any, saved: Any, asked: Path, tmp_path: Path
) -> None:
    lean = shutil.copytree(trained("qwen2_vl"), tmp_path / "lean")
    shutil.rmtree(lean / "model" / "merged")
    call = call_of(data(asked, held=0).train[0], tmp_path / "frames")
    whole, joined = open_model(trained("qwen2_vl")), open_model(lean)
    assert (whole.label, joined.label) == ("qwen2_vl", "lean")
    moved = shutil.copytree(lean, tmp_path / "moved")
    shutil.copytree(saved("qwen2_vl"), tmp_path / "elsewhere")
    config = moved / "model" / "adapter" / "adapter_config.json"
    config.write_text(config.read_text().replace(str(saved("qwen2_vl")), str(tmp_path / "elsewhere")))
    assert open_model(moved).identity == joined.identity != whole.identity, "the ledger does not know it again"
    one, other = said(whole, call), said(joined, call)
    assert one[0] == other[0] and one[1] == pytest.approx(other[1], abs=1e-4)
    base = shutil.copytree(saved("qwen2_vl"), tmp_path / "base")
    (base / "chat_template.jinja").write_text(TEMPLATE + " ")
    config = lean / "model" / "adapter" / "adapter_config.json"
    config.write_text(config.read_text().replace(str(saved("qwen2_vl")), str(base)))
    with pytest.raises(InputError, match="made for another"):
        open_model(lean)


def test_a_run_that_was_killed_goes_on_to_the_same_weights(
    given: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With dropout in its adapters, held-out questions between its steps, and a loss that has a state."""
    settings = given("qwen2_vl", steps=6, loss="adatailr-bias-variance", merge=False)
    train(settings, tmp_path / "straight", lambda line: None)
    made = video_chat.chat_batch
    left = iter(range(11))

    def killed(*args: Any, **kwargs: Any) -> Any:
        if next(left, None) is None:
            raise InterruptedError
        return made(*args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(video_chat, "chat_batch", killed)
        with pytest.raises(InterruptedError):
            train(settings, tmp_path / "twice", lambda line: None)
    assert (tmp_path / "twice" / "checkpoint").is_dir(), "it was killed before anything was kept"
    heard: list[str] = []
    train(settings, tmp_path / "twice", heard.append)
    assert any("goes on after step" in line for line in heard)
    for name in ("adapter_model.safetensors", "adapter_config.json"):
        one, other = ((tmp_path / n / "model" / "adapter" / name).read_bytes() for n in ("straight", "twice"))
        assert one == other, name


def test_only_adapters_are_kept(given: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[dict[str, Any]] = []
    monkeypatch.setattr("flyreel.train.runs.Run.keep", lambda self, step, tensors, notes: kept.append(dict(tensors)))
    train(given("video_llava", steps=2, merge=False, look_every=9), tmp_path / "out", lambda line: None)
    adapters = sum(8 * sum(size) for size in [(32, 32), (32, 16), (32, 16), (32, 32), (32, 64), (32, 64), (64, 32)]) * 2
    assert kept and all(t.numel() < adapters for tensors in kept for t in tensors.values())
    assert not any("tower" in name or "embed" in name for tensors in kept for name in tensors)


@pytest.mark.parametrize("loss", ["tailr", "adatailr-bias-variance"])
def test_other_losses(given: Any, tmp_path: Path, loss: str) -> None:
    straight = given("video_llava", steps=2, merge=False)
    made = {}
    for name in ("mle", loss):
        train(replace(straight, loss=name), tmp_path / name, lambda line: None)
        made[name] = (tmp_path / name / "model" / "adapter" / "adapter_model.safetensors").read_bytes()
    assert made["mle"] != made[loss], "another loss learns the same"
    assert any(0 < row["weight"] <= 1 for row in log(tmp_path / loss) if "weight" in row)


def test_held_out_accuracy_is_that_of_evaluate(trained: Any, asked: Path, saved: Any, tmp_path: Path) -> None:
    """The same frames, prompt and reading of replies, question by question."""
    from flyreel.engine.local import Silent
    from flyreel.evaluate import session

    out = trained("video_llava")
    samples = data(asked, held=0).train
    frames = Frames(Choosing(2, longest=64), tmp_path / "frames")
    right = look.right(opened(str(out / "model" / "merged")), frames, "video", samples)
    evaluated = session.run(
        session.Request(asked, models=(f"run:{out}",), views=("full",), k=2, size=64, tokens=look.ROOM,
                        out=tmp_path / "out"),
        say=lambda line: None, progress=lambda label: Silent(),
    )  # fmt: skip
    keys = {sample.item.id: sample.key for sample in samples}
    (predictions,) = evaluated.folder.glob("predictions-*.jsonl")
    rows = [json.loads(line) for line in predictions.read_text().splitlines()]
    theirs = {row["question"]: row.get("answer") == keys[row["question"]] for row in rows}
    assert theirs == {sample.item.id: hit for sample, hit in zip(samples, right, strict=True)}
    assert any(right), "it has learnt nothing, so this compares nothing"


@pytest.fixture
def without(asked: Path, tmp_path: Path) -> Callable[[str], Path]:
    """The same questions, where clips of those samples cannot be read."""

    def made(which: str) -> Path:
        folder = shutil.copytree(asked.parent, tmp_path / "broken")
        for sample in getattr(data(folder / asked.name, held=0.25), which):
            assert sample.item.video is not None
            sample.item.video.write_bytes(b"")
        return folder / asked.name

    return made


def test_held_out_questions_that_cannot_be_shown_choose_no_weights(given: Any, tmp_path: Path, without: Any) -> None:
    """A loss of 0 over nothing would be the best that there can be."""
    settings = given("qwen2_vl", source=str(without("held")), steps=2, look_every=1, watch="loss", merge=False)
    made = train(settings, tmp_path / "out", lambda line: None)["result"]
    assert made["best"] == {} and made["steps"] == 2
    assert [row["held_loss"] for row in log(tmp_path / "out") if "held_loss" in row] == [None, None]
    assert made["left_out"] == {"train": {}, "held": {"empty": made["looked_at"]}} and made["looked_at"] > 1
    assert f"2 looks at {made['looked_at']} questions told nothing" in (tmp_path / "out" / "README.md").read_text()


def test_a_run_without_a_question_that_can_be_shown_says_why(given: Any, tmp_path: Path, without: Any) -> None:
    settings = given("qwen2_vl", source=str(without("train")), steps=3, look_every=9, merge=False)
    with pytest.raises(InputError, match=r"nothing was learnt, as no question can be shown: empty \d+$"):
        train(settings, tmp_path / "out", lambda line: None)
    assert not (tmp_path / "out" / "model").exists()


def test_what_was_left_out_before_a_run_was_cut_off_is_counted_once() -> None:
    before, after = LeftOut({"a": "too-long", "b": "empty"}, {"c": "empty"}), LeftOut({"b": "empty"})
    after.load_state_dict(json.loads(json.dumps(before.state_dict())))
    assert after.counts() == {"train": {"too-long": 1, "empty": 1}, "held": {"empty": 1}}


def test_an_epoch_is_an_epoch_with_several_processes(given: Any, tmp_path: Path, monkeypatch: Any) -> None:
    """A step is then one of several times as many questions."""
    monkeypatch.setattr(
        video_chat, "fit", lambda run, model, optimiser, plan, *_: seen.append(plan) or Fitted(0, {}, 0)
    )
    seen: list[Any] = []
    for count in (1, 2):
        monkeypatch.setattr(video_chat.launched, "count", lambda count=count: count)
        settings = given("qwen2_vl", steps=0, epochs=4.0, batch=1, accumulate=1, look_every=0, merge=False)
        train(settings, tmp_path / str(count), lambda line: None)
    one, two = seen
    assert (two.steps, two.look_every) == (one.steps / 2, one.look_every / 2)


def test_by_its_name(given: Any, tmp_path: Path) -> None:
    settings = asdict(given("video_llava", steps=1, gradient_checkpointing=True, bf16=True))
    plain = {name: value for name, value in settings.items() if value != getattr(Settings(), name)}
    made = run.train("video-chat", tmp_path / "out", plain, lambda line: None)
    assert made["recipe"] == "video-chat" and (tmp_path / "out" / "model" / "merged" / "config.json").is_file()
    assert not (tmp_path / "out" / "frames").exists()


@pytest.mark.parametrize(
    ("family", "wrong", "line"),
    [
        ("llama", {}, "a model of text"),
        ("video_llava", {"source": ""}, "name a question file"),
        ("video_llava", {"frames_as": "film"}, "images or video"),
        ("qwen2_vl", {"frames_as": "video"}, "takes no video here"),
        ("video_llava", {"watch": "bleu"}, "accuracy or loss"),
        ("video_llava", {"rank": 0}, "rank=0: must be more than 0"),
        ("video_llava", {"dropout": 1.0}, "dropout=1"),
        ("video_llava", {"loss": "kl"}, "no such loss"),
        ("video_llava", {"target": "fc1"}, "no fc1 here; it has down_proj"),  # there is one, in a tower that sees
        pytest.param("video_llava", {"four_bit": True}, "pip install bitsandbytes", marks=WITHOUT_BITS),
        ("video_llava", {"selector": "none"}, "none"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_one_line(given: Any, tmp_path: Path, family: str, wrong: Any, line: str) -> None:
    with pytest.raises(InputError, match=line) as error:
        train(given(family, **wrong), tmp_path / "out", lambda line: None)
    assert "\n" not in str(error.value)


def test_four_bits_go_on_learning_once_they_were_looked_at(given: Any, tmp_path: Path) -> None:
    """Where bitsandbytes is installed, with or without a GPU."""
    pytest.importorskip("bitsandbytes")
    settings = given("video_llava", four_bit=True, batch=4, accumulate=1, steps=20, look_every=2, watch="loss")
    train(settings, out := tmp_path / "out", lambda line: None)
    rows = [row["loss"] for row in log(out) if "loss" in row]
    assert rows[-1] < 0.8 * rows[0], f"the loss does not fall: {rows}"
    assert "quantization_config" not in json.loads((out / "model" / "merged" / "config.json").read_text())
    assert open_model(out).sees
