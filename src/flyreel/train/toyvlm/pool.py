"""The scenes that toyvlm learns to read from: what the eyes see of them, what is told of them, and how far that agrees.

Scenes are drawn and watched once, before anything is read. Of a share of them somebody else's story is told, or a
story with a mistake: that is what a noisy data set is, and whose text is wrong is fixed for the run.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from flyreel.errors import InputError, did_you_mean
from flyreel.tables import atomic
from flyreel.toybox import telling, world
from flyreel.train.toyvlm import data
from flyreel.train.toyvlm.eyes import SIZE, Eyes, Seen
from flyreel.train.toyvlm.model import cat, watched
from flyreel.video.embed.toyclip import toyclip


class Pool(NamedTuple):
    scenes: list[world.Scene]
    seen: Seen
    looks: Tensor
    """Of each scene the mean of its frames as toyclip embeds them, of unit length."""


@torch.inference_mode()
def pool(eyes: Eyes, seed: int, size: int, kept: Path) -> Pool:
    """The first scenes of a world; what was seen of them is kept in a file, since it takes longer than reading does."""
    scenes = list(world.scenes(seed, size))
    if not kept.is_file():
        embedder, parts, looks = toyclip(), [], []
        for scene in scenes:
            frames = data.shown(scene, data.moments(scene.duration, random.Random(scene.id)), SIZE[1]).frames
            assert frames is not None
            parts.append(watched(eyes, [frames]))
            mean = embedder.images(np.stack([_small(f, embedder.size) for f in frames])).mean(0)
            looks.append(torch.from_numpy(mean / np.linalg.norm(mean)))
        with atomic(kept) as temporary:
            save_file({**cat(parts)._asdict(), "looks": torch.stack(looks)}, temporary)
    tensors = load_file(kept)
    return Pool(scenes, Seen(*(tensors[name] for name in Seen._fields)), tensors["looks"])


def told(scenes: list[world.Scene], noise: str, share: float, seed: int) -> list[world.Scene]:
    """Of each scene the one that is told: itself, or for exactly that share, drawn by the seed, a mistaken one."""
    if noise not in telling.NOISES:
        raise InputError(f"noise {noise}: no such mistake.{did_you_mean(noise, telling.NOISES)}")
    random_ = random.Random(f"{seed}:told")
    wrong = set(random_.sample(range(len(scenes)), round(share * len(scenes))))
    mistaken = telling.NOISES[noise]
    return [mistaken(scene, scenes, random_) if i in wrong else scene for i, scene in enumerate(scenes)]


def doubts(watched: Pool, told: list[world.Scene]) -> Tensor:
    """How likely the text of each scene is wrong, from how well toyclip finds it agrees with the frames.

    Agreements of right and of wrong texts are taken for two normal distributions, the lower one for the wrong; nothing
    else is known of them. Clean data are parted in two as well, and half of them doubted: the loss is for data that
    are known to be noisy."""
    from sklearn.mixture import GaussianMixture

    texts = torch.from_numpy(toyclip().texts([telling.caption(scene) for scene in told]))
    agreement = (watched.looks * texts).sum(1, keepdim=True).numpy()
    both = GaussianMixture(2, random_state=0, n_init=3).fit(agreement)
    wrong = int(both.means_[:, 0].argmin())
    found = both.predict_proba(agreement)[:, wrong]
    return torch.from_numpy(found).float().clamp(0.01, 0.99)


def _small(frame: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    from PIL import Image

    return np.asarray(Image.fromarray(frame).resize((size[1], size[0]), Image.Resampling.BILINEAR))
