"""A model of the Hugging Face hub, or of a folder, opened for chat: weights, processor, and what it can be shown.

Processors that take pictures and videos want torchvision for the videos, and without it transformers opens none of
them. Frames are sent as pictures here, so the processor is then made without its video half; or with one that takes
its torch-free image half for each frame, where that is all that the video half does.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flyreel.errors import InputError, MissingExtra
from flyreel.models._chat_template import Reader
from flyreel.models.hub import FILES, brief, digest_of, folder_of, quiet, whole

EVERYTHING = 1 << 24
"""More tokens than any model reads: what tokenizers say who know no limit."""


@dataclass(frozen=True, eq=False)
class Opened:
    model: Any
    reader: Reader
    device: str
    ends: frozenset[int]
    """The tokens that end a reply."""
    limit: int
    """Tokens that it has positions for, prompt and reply together."""
    digest: str

    @property
    def sees(self) -> bool:
        return getattr(self.reader.processor, "image_processor", None) is not None

    @property
    def films(self) -> bool:
        return getattr(self.reader.processor, "video_processor", None) is not None


def opened(name: str, quantised: Any = None) -> Opened:
    """`hf:NAME` or `hf:FOLDER`, on the GPU in bfloat16 where there is one, else in float32. `quantised` is what
    transformers wants to know to hold it in fewer bits."""
    try:
        import torch
        import transformers
    except ImportError:
        raise MissingExtra(f"hf:{name}", "models") from None
    folder = folder_of("hf", name)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    dtype = torch.bfloat16 if device == "cuda" else torch.float32
    try:
        with quiet():
            config = transformers.AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
            pictured = type(config) in transformers.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING
            head = transformers.AutoModelForImageTextToText if pictured else transformers.AutoModelForCausalLM
            reader = _reader(folder, config, pictured)
            called = "dtype" if int(transformers.__version__.partition(".")[0]) >= 5 else "torch_dtype"
            how = {called: dtype}
            if quantised is not None:  # such a model is put in its place as it is read, and stays there
                place = torch.cuda.current_device() if device == "cuda" else device
                how |= {"quantization_config": quantised, "device_map": {"": place}}
            model, said = head.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False, output_loading_info=True, **how
            )
    except ImportError as error:  # some processors want packages of their own
        raise InputError(f"hf:{name}: {brief(error)}") from None
    except Exception as error:  # a damaged folder fails in as many ways as there are libraries below
        raise InputError(
            f"hf:{name}: {folder} cannot be loaded: {brief(error)}; name another model, or download it again"
        ) from None
    whole(f"hf:{name}", folder, said["missing_keys"])
    ends = _plain_generation(model, reader.tokenizer)
    digest = digest_of(_files(folder))
    model = model.eval() if quantised is not None else model.eval().to(device)
    return Opened(model, reader, device, ends, _limit(config, reader.tokenizer), digest)


def _reader(folder: Path, config: Any, pictured: bool) -> Reader:
    import transformers
    from transformers.models.auto.processing_auto import PROCESSOR_MAPPING_NAMES

    here = {"local_files_only": True, "trust_remote_code": False}
    if not pictured:
        return Reader(None, transformers.AutoTokenizer.from_pretrained(folder, **here))
    try:
        processor = transformers.AutoProcessor.from_pretrained(folder, **here)
    except (ImportError, ValueError):
        kind = PROCESSOR_MAPPING_NAMES.get(config.model_type)
        if kind is None or importlib.util.find_spec("torchvision") is not None:
            raise
        processor = _without_video(folder, getattr(transformers, kind), here)
    return Reader(processor, processor.tokenizer)


def _without_video(folder: Path, whole: Any, here: dict[str, Any]) -> Any:
    import transformers

    class Still(whole):
        def check_argument_for_proper_class(self, argument_name: str, argument: Any) -> Any:
            return None if argument is None else super().check_argument_for_proper_class(argument_name, argument)

    made = {
        "image_processor": transformers.AutoImageProcessor.from_pretrained(folder, **here),
        "tokenizer": transformers.AutoTokenizer.from_pretrained(folder, **here),
    }
    settings, _ = whole.get_processor_dict(folder, **here)
    processor = Still.from_args_and_dict([made.get(part) for part in whole.get_attributes()], settings)
    if whole.__name__ == "VideoLlavaProcessor":
        processor.video_processor = _FramesAsStills(made["image_processor"])
    return processor


class _FramesAsStills:
    """In place of Video-LLaVA's video half, which does to each frame what its image half does to a picture."""

    def __init__(self, image_processor: Any) -> None:
        self._each = image_processor

    def __call__(self, videos: Any, **_: Any) -> dict[str, Any]:
        import torch

        shown = [self._each([*frames], return_tensors="pt", return_legacy_image_output=False) for frames in videos]
        return {"pixel_values_videos": torch.stack([one["pixel_values"] for one in shown])}


def _plain_generation(model: Any, tokenizer: Any) -> frozenset[int]:
    """Leaves the model its control tokens and takes from it its own temperature, penalties and lengths: what a call
    says is what is done, and the ledger keeps no more than that."""
    from transformers import GenerationConfig

    own = model.generation_config
    inner = getattr(model, "language_model", None)  # which BLIP-2 leaves the writing to, by its own settings
    written = getattr(inner, "generation_config", None)
    said = [i for one in (own, written) if one for i in _listed(one.eos_token_id)]
    ends = frozenset(i for i in (*said, tokenizer.eos_token_id) if i is not None)
    pad = next((i for i in (own.pad_token_id, tokenizer.pad_token_id, *sorted(ends)) if i is not None), 0)
    plain = {"eos_token_id": sorted(ends) or None, "pad_token_id": pad, "bos_token_id": own.bos_token_id}
    model.generation_config = GenerationConfig(**plain)
    if inner is not None and written:
        inner.generation_config = GenerationConfig(**plain, decoder_start_token_id=written.decoder_start_token_id)
    return ends


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _limit(config: Any, tokenizer: Any) -> int:
    text = config.get_text_config()
    said = getattr(text, "max_position_embeddings", None) or tokenizer.model_max_length
    return min(int(said), EVERYTHING)


def _files(folder: Path) -> list[Path]:
    """All that a reply may depend on; of weights in two formats the one that is read."""
    found = {path for pattern in FILES for path in folder.glob(pattern)}
    if not any(path.suffix == ".safetensors" for path in found):
        found |= {*folder.glob("*.bin")}
    return sorted(found)
