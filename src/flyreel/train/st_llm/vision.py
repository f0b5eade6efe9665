"""What st-llm sees with: an encoder that is frozen, so that what it makes of a frame is made once and kept.

`clip:NAME` is the vision half of a CLIP of the hub, or of a folder; `eyes:FOLDER` is a run of toy-eyes; `script` is no
encoder: it tells of toybox scenes what eyes without a fault would see, and sees no picture.
Features are kept in half precision and brought to it where they are made: what is read back is what was learnt from.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from flyreel.errors import InputError
from flyreel.models.catalog import sha256_of
from flyreel.models.hub import brief, digest_of, folder_of, quiet, whole
from flyreel.tables import atomic
from flyreel.train.data import Frames, Sample, content
from flyreel.train.st_llm import data
from flyreel.video.embed.hf import SETTINGS, _preprocessing

AT_ONCE = 8
"""Frames that an encoder is given at a time."""


class Vision(Protocol):
    kind: str
    digest: str
    width: int

    def features(self, frames: np.ndarray) -> Tensor:
        """(n, height, width, 3) bytes to (n, tokens, width)."""
        ...

    def save(self, folder: Path) -> None: ...


def open_vision(name: str, layer: int = -2) -> Vision:
    kind, _, rest = name.partition(":")
    if kind == "clip":
        return Clip(rest, folder_of("vision=clip", rest), layer)
    if kind == "eyes":
        from flyreel.train.recipes import toy_eyes

        return ToyEyes(toy_eyes.weights(Path(rest).expanduser()))
    if kind == "script" and not rest:
        return Script()
    raise InputError(f"vision={name}: write clip:NAME, clip:FOLDER, eyes:FOLDER or script")


def saved_vision(folder: Path, kind: str, layer: int) -> Vision:
    if kind == "clip":
        return Clip(str(folder), folder / "vision", layer)
    if kind == "eyes":
        return ToyEyes(next((folder / "vision").glob("*.safetensors")))
    return Script()


class Clip:
    """Hidden states of a layer, the token of the whole frame among them. The last layer but one: the last is shaped by
    what the whole frame was compared with."""

    kind = "clip"

    def __init__(self, name: str, folder: Path, layer: int) -> None:
        from transformers import CLIPVisionModel

        self.size, scale, shift = _preprocessing(name, folder)
        self._scale, self._shift = (torch.tensor(a).view(1, 3, 1, 1) for a in (scale, shift))
        self._folder, self._layer = folder, layer
        weights = sorted(folder.glob("*.safetensors")) or sorted(folder.glob("*.bin"))
        self.digest = f"{digest_of(weights, (folder / n for n in SETTINGS))}:{layer}"
        try:
            with quiet():
                model, said = CLIPVisionModel.from_pretrained(
                    folder, local_files_only=True, output_loading_info=True, dtype=torch.float32
                )
        except Exception as error:  # a damaged folder fails in as many ways as there are libraries below
            raise InputError(f"vision=clip:{name}: cannot be loaded: {brief(error)}; name another CLIP") from None
        whole(f"vision=clip:{name}", folder, said["missing_keys"])
        states = int(model.config.num_hidden_layers) + 1
        if not -states <= layer < states:
            raise InputError(
                f"--set clip_layer={layer}: clip:{name} has {states - 1} layers; from {-states} to {states - 1}"
            )
        self._model = model.eval().requires_grad_(False)
        self.width = int(model.config.hidden_size)

    @torch.no_grad()
    def features(self, frames: np.ndarray) -> Tensor:
        size = (self.size[1], self.size[0])
        rows = []
        for start in range(0, len(frames), AT_ONCE):
            fitting = [np.asarray(Image.fromarray(f).resize(size, Image.Resampling.BICUBIC))
                       for f in frames[start : start + AT_ONCE]]  # fmt: skip
            raw = torch.from_numpy(np.stack(fitting)).permute(0, 3, 1, 2).float()
            pixels = torch.addcmul(self._shift, raw, self._scale)
            out = self._model(pixel_values=pixels, output_hidden_states=True)
            rows.append(out.hidden_states[self._layer])
        return torch.cat(rows)

    def save(self, folder: Path) -> None:
        with quiet():
            self._model.save_pretrained(folder / "vision")
        for name in SETTINGS[1:]:
            if (self._folder / name).is_file():
                shutil.copyfile(self._folder / name, folder / "vision" / name)


class ToyEyes:
    kind = "eyes"
    width = sum(data.SIZES)

    def __init__(self, path: Path) -> None:
        from flyreel.train.recipes import toy_eyes

        self._path = path
        self._eyes = toy_eyes.opened(path)
        self.digest = sha256_of(path)

    @torch.no_grad()
    def features(self, frames: np.ndarray) -> Tensor:
        return data.features_of(self._eyes.seen(data.as_eyes_take(frames), 1))[0]

    def save(self, folder: Path) -> None:
        (folder / "vision").mkdir(parents=True, exist_ok=True)
        shutil.copyfile(self._path, folder / "vision" / self._path.name)


class Script:
    kind, digest = "script", "script"
    width = sum(data.SIZES)

    def features(self, frames: np.ndarray) -> Tensor:
        raise InputError("vision=script: it was trained on what the script of toybox says, and sees no picture")

    def save(self, folder: Path) -> None:
        pass


def half(features: Tensor) -> Tensor:
    """As it will be read back."""
    return features.half().float()


def to_count(frames: np.ndarray, count: int) -> np.ndarray:
    """That many: evenly from more, and of fewer some twice."""
    return frames[np.linspace(0, len(frames) - 1, count).round().astype(int)]


@dataclass
class Kept:
    """Features of samples, in files: frozen encoders look once. A file that cannot be read is made again."""

    vision: Vision
    frames: Frames
    count: int
    folder: Path

    def of(self, sample: Sample) -> Tensor | None:
        """(frames, tokens, width); None where the clip cannot be read."""
        assert sample.item.video is not None
        how = [content(sample.item.video), self.frames.choosing, sample.item.question, self.vision.digest, self.count]
        path = self.folder / f"{hashlib.sha256(repr(how).encode()).hexdigest()[:40]}.npy"
        return kept(path, lambda: self._seen(sample))

    def _seen(self, sample: Sample) -> Tensor | None:
        frames = self.frames.arrays(sample)
        return None if frames is None else self.vision.features(to_count(frames, self.count))


def kept(path: Path, make: Callable[[], Tensor | None]) -> Tensor | None:
    try:
        return torch.from_numpy(np.load(path)).float()
    except (OSError, ValueError, EOFError):
        pass
    made = make()
    if made is None:
        return None
    with atomic(path) as temporary, temporary.open("wb") as file:
        np.save(file, made.half().numpy())
    return half(made)
