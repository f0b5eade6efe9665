"""What of a model is adapted, what its loss costs, and what is written of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")

from flyreel.evaluate.pictures import Choosing  # noqa: E402
from flyreel.models._opening import Opened  # noqa: E402
from flyreel.models.in_process import TransformersModel, open_in_process  # noqa: E402
from flyreel.train import losses  # noqa: E402
from flyreel.train.chat_data import chat_batch  # noqa: E402
from flyreel.train.data import Frames, data  # noqa: E402
from flyreel.train.video_chat import model as chat  # noqa: E402

SEES = ["video_llava", "qwen2_vl"]
SHOWN = {"video_llava": "video", "qwen2_vl": "images"}
"""How each is shown frames where nobody says how."""


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
def test_what_is_written_is_the_model_in_memory(
    saved: Any, asked: Path, call_of: Any, said: Any, tmp_path: Path, family: str
) -> None:
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
