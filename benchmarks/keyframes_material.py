"""What `keyframes_speed.py` runs on: a clip that looks like film, and a CLIP of the sizes of ViT-B/32."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

SHOTS = (
    # share of the clip, camera in pixels a second, objects, their pixels a second, zoom in per second
    (0.14, 40, 1, 60, 0.0),  # slow pan past someone who walks
    (0.10, 0, 0, 0, 0.0),  # nothing moves
    (0.14, 0, 2, 240, 0.0),  # a fixed camera, two who run
    (0.16, 15, 1, 30, 0.03),  # slow zoom
    (0.10, 0, 0, 0, 0.0),  # nothing moves
    (0.12, 360, 1, 300, 0.0),  # a chase: fast pan
    (0.14, 0, 1, 25, 0.0),  # a fixed camera, one who sways
    (0.10, 90, 2, 120, 0.0),  # pan
)
FILM = (
    f"{len(SHOTS)} shots with hard cuts (two still, two with a fixed camera and objects, three pans from 40 to 360 "
    "pixels a second, one slow zoom) over textured gradients, grain of 3 of 255 on every pixel, H.264 at crf 23"
)
TEXTURE, GRAIN = 12, 3.0
WIDER = 8.0


def film(path: Path, seconds: float, height: int, rate: int = 30, seed: int = 0) -> None:
    """Speeds are given for 720 lines and scale with the height."""
    import av

    width = height * 16 // 9 // 2 * 2
    with av.open(str(path), "w") as out:
        stream: Any = out.add_stream("libx264", rate=rate, options={"crf": "23", "preset": "medium"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for picture in _film(seconds, height, width, rate, np.random.default_rng(seed)):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        out.mux(stream.encode())


def _film(seconds: float, height: int, width: int, rate: int, random: np.random.Generator) -> Iterator[np.ndarray]:
    import cv2

    unit = height / 720
    total = round(seconds * rate)
    edges = np.rint(np.cumsum([0, *(shot[0] for shot in SHOTS)]) * total).astype(int)
    grain = random.normal(0, GRAIN, (2 * height, 2 * width)).astype(np.int16)
    for (_, pan, objects, speed, zoom), begin, end in zip(SHOTS, edges, edges[1:], strict=False):
        length = end - begin
        room = int(pan * unit * length / rate) + 1
        scene = _scene(height, width + room, random)
        looks = [(random.uniform(0.2, 0.8, 2), random.uniform(0.06, 0.16), _colour(random)) for _ in range(objects)]
        for i in range(length):
            t = i / rate
            left = int(pan * unit * t)
            picture = scene[:, left : left + width].copy()
            for number, ((x, y), size, colour) in enumerate(looks):
                at = (x * width + (-1) ** number * speed * unit * t) % width
                bob = y * height + 0.02 * height * np.sin(2 * np.pi * t)
                r = int(size * height)
                cv2.ellipse(picture, (int(at), int(bob)), (r // 2, r), 0, 0, 360, colour, -1, cv2.LINE_AA)
                cv2.circle(picture, (int(at), int(bob) - r), r // 2, colour[::-1], -1, cv2.LINE_AA)
            if zoom:
                near = 1 / (1 + zoom * t)
                matrix = np.array([[near, 0, width * (1 - near) / 2], [0, near, height * (1 - near) / 2]])
                how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
                picture = cv2.warpAffine(picture, matrix, (width, height), flags=how)
            top, side = random.integers(0, height), random.integers(0, width)
            noise = grain[top : top + height, side : side + width, None]
            yield np.clip(picture + noise, 0, 255).astype(np.uint8)


def _scene(height: int, width: int, random: np.random.Generator) -> np.ndarray:
    """A gradient between two colours, clouds of three sizes over it, and some things with edges."""
    import cv2

    across = np.linspace(0, 1, width)[None, :, None] * 0.5 + np.linspace(0, 0.5, height)[:, None, None]
    picture = (np.array(_colour(random)) * across + np.array(_colour(random)) * (1 - across)).astype(np.float32)
    for cell in (256, 64, 16):
        few = random.normal(0, TEXTURE, (height // cell + 2, width // cell + 2, 3)).astype(np.float32)
        picture += cv2.resize(few, (width, height), interpolation=cv2.INTER_CUBIC)
    picture = np.clip(picture, 0, 255).astype(np.uint8)
    for _ in range(max(6, 10 * width // 1280)):
        x, y = random.integers(0, width), random.integers(height // 3, height)
        w, h = (random.uniform(0.04, 0.2, 2) * height).astype(int)
        cv2.rectangle(picture, (int(x), int(y)), (int(x + w), int(y + h)), _colour(random), -1)
    return picture


def _colour(random: np.random.Generator) -> tuple[int, int, int]:
    r, g, b = (int(v) for v in random.integers(20, 236, 3))
    return r, g, b


QUERIES = (
    "a man runs across the street",
    "the woman looks at the red house",
    "two dogs play near the water",
    "someone opens a door and leaves",
    "a car turns left behind the wall",
    "the cat jumps on the table",
    "a child throws the blue ball",
    "an empty room with a window",
)


def clip(folder: Path, layers: int = 12, seed: int = 0) -> None:
    """Both towers of ViT-B/32 with random weights, saved as any model is, with a tokenizer of the queries' words.

    Random weights take as long as trained ones. Those of attention's queries and keys are made WIDER than transformers
    draws them: without it every patch is looked at alike, and frames of one shot have a cosine of 0.9999, which no
    trained model gives; with it 0.98 to 0.999, and 0.6 to 0.75 from shot to shot.
    """
    import torch
    import transformers
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers.utils import logging

    logging.disable_progress_bar()
    vocabulary = {w: i for i, w in enumerate(["<pad>", "<eos>", "<unk>", *dict.fromkeys(" ".join(QUERIES).split())])}
    words = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    words.post_processor = processors.TemplateProcessing(single="$A <eos>", special_tokens=[("<eos>", 1)])
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token="<pad>", unk_token="<unk>", eos_token="<eos>", model_max_length=77
    ).save_pretrained(folder)
    config = transformers.CLIPConfig(
        text_config={"num_hidden_layers": layers, "pad_token_id": 0, "eos_token_id": 1, "bos_token_id": 1},
        vision_config={"num_hidden_layers": layers},
    )
    torch.manual_seed(seed)
    model = transformers.CLIPModel(config)
    with torch.no_grad():
        for name, weights in model.named_parameters():
            if name.endswith(("q_proj.weight", "k_proj.weight")):
                weights.mul_(WIDER)
    model.save_pretrained(folder)
    said = {
        "image_processor_type": "CLIPImageProcessor",
        "do_resize": True,
        "size": {"shortest_edge": 224},
        "resample": 3,
        "do_center_crop": True,
        "crop_size": {"height": 224, "width": 224},
        "do_convert_rgb": True,
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": [0.48145466, 0.4578275, 0.40821073],
        "image_std": [0.26862954, 0.26130258, 0.27577711],
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(said))
