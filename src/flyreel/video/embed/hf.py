"""Any CLIP, SigLIP or other dual encoder of the Hugging Face hub, or of a folder one was saved to.

The whole frame is squeezed into the model's square by the decoder, and only normalised here. That is what SigLIP's own
processor does; CLIP's keeps the middle square and drops the sides of a wide frame, where half of what a question is
about may stand. The id says `squeeze`, with everything else the vectors depend on.
"""

from __future__ import annotations

import contextlib
import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from flyreel.errors import InputError, MissingExtra
from flyreel.models.hub import brief, digest_of, folder_of, quiet
from flyreel.video.embed.base import Embedder, embedders

PRECISIONS = ("float32", "bfloat16", "float16", "int8")
SETTINGS = ("config.json", "preprocessor_config.json", "processor_config.json")
BATCH = {"float32": 8, "int8": 8}
"""Frames at a time on a CPU, by precision: 32 for the others. A GPU takes eight times as many."""


@embedders.add("hf")
def hf(rest: str, precision: str | None = None) -> Embedder:
    """`hf:NAME` of a hub model or `hf:FOLDER`: CLIP, SigLIP, SigLIP 2 or another model of images and texts.

    Without `precision`: float16 on a GPU, bfloat16 on a processor that multiplies it in hardware, else float32.
    int8 is for processors without bfloat16: faster than float32, and farther from it than bfloat16 is.
    """
    try:
        import torch  # noqa: F401
        import transformers  # noqa: F401
    except ImportError:
        raise MissingExtra("hf embedders", "models") from None
    if precision not in (None, *PRECISIONS):
        raise InputError(f"hf: {precision} is no precision; known: {', '.join(PRECISIONS)}")
    return DualEncoder(rest, folder_of("hf", rest), precision)


class DualEncoder:
    def __init__(self, name: str, folder: Path, precision: str | None) -> None:
        import torch

        weights = sorted(folder.glob("*.safetensors")) or sorted(folder.glob("*.bin"))
        if not weights:
            raise InputError(f"hf:{name}: no weights (*.safetensors or *.bin) in {folder}; download the model again")
        self.size, self._scale, self._shift = _preprocessing(name, folder)
        self._device = "cuda" if torch.cuda.is_available() and precision != "int8" else "cpu"
        self._precision = precision or _fastest(self._device)
        self._model, self._tokenizer = _load(name, folder)
        self._model.float().eval().to(self._device)
        if precision == "int8":
            self._model = _int8(self._model)
        self._siglip = self._model.config.model_type.startswith("siglip")
        digest = digest_of(weights, (folder / n for n in SETTINGS))
        self.id = (
            f"hf:{Path(name).name}@{digest[:20]}:{self.size[0]}x{self.size[1]}:squeeze:{self._precision}:{self._device}"
        )

    def images(self, frames: np.ndarray) -> np.ndarray:
        import torch

        if frames.dtype != np.uint8 or frames.shape[1:] != (*self.size, 3):
            raise ValueError(f"frames are {frames.dtype} {frames.shape}, not uint8 (n, {self.size[0]}, …, 3)")
        step = BATCH.get(self._precision, 32) * (8 if self._device == "cuda" else 1)
        rows = []
        with torch.inference_mode(), self._half():
            scale, shift = (torch.tensor(a, device=self._device).view(1, 3, 1, 1) for a in (self._scale, self._shift))
            for start in range(0, len(frames), step):
                raw = torch.from_numpy(np.ascontiguousarray(frames[start : start + step])).to(self._device)
                pixels = torch.addcmul(shift, raw.permute(0, 3, 1, 2).float(), scale)
                rows.append(_unit(self._model.get_image_features(pixel_values=pixels)))
        return np.concatenate(rows) if rows else np.empty((0, self._width), np.float32)

    def texts(self, texts: Sequence[str]) -> np.ndarray:
        """Padded to the full length always: SigLIP was trained so, and no vector depends on its neighbours."""
        import torch

        if not texts:
            return np.empty((0, self._width), np.float32)
        length = min(self._tokenizer.model_max_length, self._model.config.text_config.max_position_embeddings)
        tokens = self._tokenizer(
            list(texts), padding="max_length", truncation=True, max_length=length, return_tensors="pt"
        ).to(self._device)
        # SigLIP reads its padding as it reads words; a mask would give other vectors than it was trained to give.
        given = {"input_ids": tokens["input_ids"]} if self._siglip else dict(tokens)
        given.pop("token_type_ids", None)
        with torch.inference_mode(), self._half():
            return _unit(self._model.get_text_features(**given))

    def _half(self) -> Any:
        """Products in half precision, sums between layers in float32.

        On a CPU as fast as a model that is bfloat16 throughout, and ten times nearer to float32.
        """
        import torch

        halves = {"bfloat16": torch.bfloat16, "float16": torch.float16}
        used = self._precision in halves
        return torch.autocast(self._device, dtype=halves.get(self._precision, torch.bfloat16), enabled=used)

    @property
    def _width(self) -> int:
        return self.texts([""]).shape[1]


def _unit(out: Any) -> np.ndarray:
    """transformers 4 returns the projected vectors, 5 an object whose pooled output they are."""
    import torch

    vectors = (out if isinstance(out, torch.Tensor) else out.pooler_output).float()
    return torch.nn.functional.normalize(vectors, dim=-1).cpu().numpy()


def _load(name: str, folder: Path) -> tuple[Any, Any]:
    from transformers import AutoModel, AutoTokenizer

    try:
        with quiet():
            model, said = AutoModel.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False, output_loading_info=True
            )
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # a damaged folder fails in as many ways as there are libraries below
        raise InputError(f"hf:{name}: {folder} cannot be loaded: {brief(error)}; download it again") from None
    kind = model.config.model_type
    if not hasattr(model, "get_image_features") or not hasattr(model, "get_text_features"):
        raise InputError(f"hf:{name}: {kind} is not a model of images and texts; name a CLIP or a SigLIP")
    if kind == "siglip2":
        raise InputError(f"hf:{name}: takes frames of any shape (NaFlex); name a SigLIP 2 of a fixed size")
    if missing := sorted(said["missing_keys"]):  # transformers fills them with noise and goes on
        raise InputError(f"hf:{name}: {len(missing)} weights are not in {folder} ({missing[0]} …); download it again")
    return model, tokenizer


def _int8(model: Any) -> Any:
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecated for torchao, which torch does not bring with it
        return torch.ao.quantization.quantize_dynamic(model, {torch.nn.Linear}, dtype=torch.qint8)


def _fastest(device: str) -> str:
    if device == "cuda":
        return "float16"
    with contextlib.suppress(OSError):  # Linux only; elsewhere bfloat16 may be emulated, several times slower
        if " amx_bf16" in Path("/proc/cpuinfo").read_text():
            return "bfloat16"
    return "float32"


def _preprocessing(name: str, folder: Path) -> tuple[tuple[int, int], list[float], list[float]]:
    """Size, and scale and shift per channel such that value · scale + shift is what the model was trained on.

    Read from the file, since the processors themselves need Pillow or torchvision and go through images one by one.
    """
    said = _read_json(name, folder / "preprocessor_config.json")
    if not said:
        said = _read_json(name, folder / "processor_config.json").get("image_processor", {})
    cropped = said.get("crop_size") if said.get("do_center_crop") else None
    try:
        size = _height_width(cropped or said["size"])
        factor = float(said.get("rescale_factor", 1 / 255)) if said.get("do_rescale", True) else 1.0
        plain = not said.get("do_normalize", True)
        mean, std = ([0.0] * 3, [1.0] * 3) if plain else (list(said["image_mean"]), list(said["image_std"]))
        return size, [factor / s for s in std], [-m / s for m, s in zip(mean, std, strict=True)]
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        raise InputError(
            f"hf:{name}: no preprocessor_config.json in {folder} that gives size, image_mean and image_std; "
            "download the model again"
        ) from None


def _height_width(size: Any) -> tuple[int, int]:
    if isinstance(size, dict):
        height, width = (size[k] for k in (("height", "width") if "height" in size else ("shortest_edge",) * 2))
        return int(height), int(width)
    return int(size), int(size)


def _read_json(name: str, path: Path) -> dict[str, Any]:
    try:
        read = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except (OSError, ValueError) as error:
        raise InputError(f"hf:{name}: {path}: {brief(error)}; download the model again") from None
    return read if isinstance(read, dict) else {}
