"""The peer of `keyframes_speed.py`: CLIP-Cut as described, written the way such scripts are written.

OpenCV decodes every frame at its full size; each goes through PIL, one call of CLIP's image processor and one call of
the model in float32; FAISS searches the distances to the query, of every three consecutive frames the nearest is kept,
and of those the k nearest.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np


class Plain:
    def __init__(self, folder: Path, squeeze: bool = False) -> None:
        """`squeeze`: the whole frame into the square, as flyreel does it, where CLIP's processor cuts off the sides."""
        import transformers

        self.model = transformers.CLIPModel.from_pretrained(folder).eval()
        # By this name transformers 5 has the processor that needs no torchvision, which before was the only one.
        kind: Any = getattr(transformers, "CLIPImageProcessorPil", None) or transformers.CLIPImageProcessor
        whole: dict[str, Any] = {"size": {"height": 224, "width": 224}, "do_center_crop": False}
        self.processor = kind.from_pretrained(folder, **(whole if squeeze else {}))
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(folder)

    def keyframes(self, video: Path, query: str, k: int) -> tuple[np.ndarray, np.ndarray, dict[str, float]]:
        """The frames chosen, every frame's vector, and the seconds of each part."""
        import cv2
        import torch
        from PIL import Image

        took: dict[str, float] = defaultdict(float)
        vectors = []
        capture = cv2.VideoCapture(str(video))
        with torch.no_grad():
            while True:
                start = perf_counter()
                there, frame = capture.read()
                if not there:
                    break
                image = Image.fromarray(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB))
                decoded = perf_counter()
                given = self.processor(images=image, return_tensors="pt")
                processed = perf_counter()
                out = self.model.get_image_features(**given)
                vectors.append(_unit(out))
                took["decode"] += decoded - start
                took["processor"] += processed - decoded
                took["model"] += perf_counter() - processed
        capture.release()
        start = perf_counter()
        every = np.concatenate(vectors)
        text = self.text(query)
        took["query"] = perf_counter() - start
        start = perf_counter()
        chosen = search(every, text, k)
        took["index"] = perf_counter() - start
        return chosen, every, dict(took)

    def image(self, picture: Any) -> np.ndarray:
        """The vector of one PIL image."""
        import torch

        with torch.no_grad():
            return _unit(self.model.get_image_features(**self.processor(images=picture, return_tensors="pt")))

    def text(self, query: str) -> np.ndarray:
        import torch

        with torch.no_grad():
            return _unit(self.model.get_text_features(**self.tokenizer([query], return_tensors="pt", padding=True)))


def search(vectors: np.ndarray, text: np.ndarray, k: int, group: int = 3) -> np.ndarray:
    import faiss

    index = faiss.IndexFlatL2(vectors.shape[1])
    index.add(vectors)
    _, nearest = index.search(text, len(vectors))
    best: dict[int, int] = {}
    for i in nearest[0].tolist():
        best.setdefault(i // group, i)
    return np.sort(np.array(list(best.values())[:k]))


def _unit(out: Any) -> np.ndarray:
    """transformers 4 returns the vectors, 5 an object that has them."""
    vectors = out if hasattr(out, "norm") else out.pooler_output
    return (vectors / vectors.norm(dim=-1, keepdim=True)).numpy()
