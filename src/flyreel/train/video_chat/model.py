"""The frozen model of video_chat and its adapters: what is opened, which layers are adapted, what is written.

Four bits (QLoRA) work without a GPU too, as bitsandbytes 0.50 has it. But there its layers are packed anew the first
time they answer outside training, and a packed layer passes no gradient on and does not say so: a model that was looked
at once would learn no more. So packing is turned off.
"""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from flyreel.errors import InputError, MissingExtra
from flyreel.models._opening import Opened, opened
from flyreel.models.hub import FILES, folder_of, quiet
from flyreel.models.in_process import there
from flyreel.tables import content_sha256, write_text
from flyreel.train.losses import IGNORED
from flyreel.train.running import launched

CONFIG = "adapter_config.json"
RULE = "all-linear-outside-vision"

BESIDE = ("labels", "sources", "noise")
"""What a batch holds that is not for the model."""


def base(name: str, four_bit: bool) -> Opened:
    """A model that sees, with nothing in it left to train."""
    if importlib.util.find_spec("peft") is None:
        raise MissingExtra("training adapters", "models")
    if launched.count() > 1 and torch.cuda.is_available():  # before anything is put on the first GPU by each of them
        torch.cuda.set_device(launched.on_this_machine())
    found = _in_four_bits(name) if four_bit else opened(name)
    if not found.sees:
        raise InputError(f"--model {name}: a model of text; name one that is shown pictures")
    found.model.requires_grad_(False)
    return found


def _in_four_bits(name: str) -> Opened:
    if importlib.util.find_spec("bitsandbytes") is None:
        raise InputError("--set four_bit=true needs bitsandbytes: pip install bitsandbytes; or leave it out")
    import transformers

    dtype = torch.bfloat16 if torch.cuda.is_available() else torch.float32
    nf4 = transformers.BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=dtype, bnb_4bit_use_double_quant=False
    )
    try:
        found = opened(name, nf4)
    except InputError as error:  # such as a GPU that bitsandbytes does not know
        raise InputError(f"{error}; or leave four_bit out") from None
    for module in found.model.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False
    return found


def targets(model: nn.Module, rule: str = RULE) -> list[str]:
    """The names of the layers that get an adapter. By the rule it is every linear layer of the part that writes, which
    leaves out the towers that see, what projects their features, and the head over the vocabulary. Or last names with
    commas between them, such as q_proj,v_proj, and it is those of them."""
    writes: Any = model.get_decoder()
    head = model.get_output_embeddings()
    inside = {id(module) for module in writes.modules()}
    seeing = [id(m) for name, part in writes.named_modules() if _sees(name) for m in part.modules()]
    linear = [
        name for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and id(module) in inside.difference(seeing) and module is not head
    ]  # fmt: skip
    if rule == RULE:
        return linear
    wanted = {name.strip() for name in rule.split(",")}
    last = {name.rpartition(".")[2] for name in linear}
    if not wanted <= last:
        none = ", ".join(sorted(wanted - last))
        raise InputError(f"--set target={rule}: no {none} here; it has {', '.join(sorted(last))}, or say {RULE}")
    return [name for name in linear if name.rpartition(".")[2] in wanted]


def _sees(name: str) -> bool:
    """For models that do not tell the part that writes from the rest."""
    return any(mark in name for mark in ("vision", "visual", "image", "video", "projector", "connector", "resampler"))


def adapted(found: Opened, name: str, *, rank: int, alpha: int, dropout: float, target: str) -> Any:
    """The model in peft's wrapping, with adapters that change nothing yet. It is changed in place: `found.model` is
    adapted too. Where the base lies is written down whole, as a relative folder is another one elsewhere."""
    import peft

    config = peft.LoraConfig(
        r=rank, lora_alpha=alpha, lora_dropout=dropout, init_lora_weights="gaussian",
        target_modules=targets(found.model, target),
    )  # fmt: skip
    config.base_model_name_or_path = where(name)
    with quiet():
        return peft.get_peft_model(found.model, config)


def recomputes(model: Any) -> None:
    """Gradient checkpointing; transformers has another name for it of late."""
    newer = getattr(model, "activation_checkpointing_enable", None)
    (newer or model.gradient_checkpointing_enable)({"use_reentrant": False})


def predicted(base: nn.Module, model: nn.Module, batch: Mapping[str, Any]) -> tuple[Tensor, Tensor]:
    """Logits, and the labels that they predict, shifted. Most tokens of a prompt are pictures and none of them is
    learnt: the head over the vocabulary is spared all places whose next token no sample has to say."""
    given = {name: there(value, base) for name, value in batch.items() if name not in BESIDE}
    labels = there(batch["labels"], base)[:, 1:]
    places = (labels != IGNORED).any(0).nonzero().squeeze(1)
    if "logits_to_keep" in inspect.signature(type(base).forward).parameters:
        return model(**given, use_cache=False, logits_to_keep=places).logits, labels[:, places]
    return model(**given, use_cache=False).logits[:, places], labels[:, places]


def where(name: str) -> str:
    return str(Path(name).expanduser().resolve()) if Path(name).expanduser().is_dir() else name


def licence(name: str) -> str:
    """What the card of the base model says, where one lies in its folder."""
    readme = folder_of("hf", name) / "README.md"
    text = readme.read_text(encoding="utf-8", errors="replace") if readme.is_file() else ""
    front = text.split("---\n")[1].splitlines() if text.startswith("---\n") else []
    stated = [line.partition(":")[2].strip() for line in front if line.startswith(("license:", "license_name:"))]
    return ", ".join(s for s in stated if s) or "its files do not say; look where it was published"


def write_adapter(model: Any, folder: Path) -> None:
    """As peft does, but without its form of a card, since the run has one, and with the layers in order: peft writes a
    set, and one model would have many identities."""
    with quiet():
        model.save_pretrained(folder, safe_serialization=True)
    (folder / "README.md").unlink(missing_ok=True)
    told = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    told["target_modules"] = sorted(told["target_modules"])
    write_text(folder / CONFIG, json.dumps(told, indent=1) + "\n")


def write_merged(model: Any, name: str, folder: Path) -> None:
    """`model` without its wrapping, and beside it all that the base has of tokenizer, processor and templates."""
    with quiet():
        model.save_pretrained(folder)
    for path in sorted({path for pattern in FILES for path in folder_of("hf", name).glob(pattern)}):
        if path.suffix != ".safetensors" and not path.name.endswith(".index.json") and path.name != "config.json":
            shutil.copyfile(path, folder / path.name)


def joined(adapter: Path, expected: str) -> Opened:
    """Base and adapter as one model in memory. A base that has changed since is refused; its digest is in run.json."""
    if importlib.util.find_spec("peft") is None:
        raise MissingExtra(f"{adapter}", "models")
    import peft

    told = json.loads((adapter / CONFIG).read_text(encoding="utf-8"))
    name = told.pop("base_model_name_or_path")
    found = opened(name)
    if found.digest != expected:
        raise InputError(f"{adapter}: made for another {name} than is there now; put the old one back, or train again")
    with quiet():
        model = peft.PeftModel.from_pretrained(found.model, adapter).merge_and_unload()
    both = [found.digest, content_sha256(adapter / "adapter_model.safetensors"), told]  # and not where the base lies
    digest = hashlib.sha256(json.dumps(both, sort_keys=True).encode()).hexdigest()
    return Opened(model.eval(), found.reader, found.device, found.ends, found.limit, digest)
