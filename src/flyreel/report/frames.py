"""A few frames of a question's clip, small enough to stand inside the page."""

from __future__ import annotations

import base64
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flyreel.audit import films
from flyreel.errors import InputError

COUNT = 4
WIDTH = 192


@dataclass(frozen=True)
class Films:
    """Files by clip id. With an embedder the frames are those the question needs; without one, evenly spaced."""

    files: dict[str, Path]
    embedder: str | None = None

    @classmethod
    def beside(cls, folder: Path) -> Films:
        try:
            kept = json.loads((folder / films.NAME).read_text(encoding="utf-8"))
            return cls({str(id): Path(path) for id, path in kept["files"].items()}, kept.get("embedder"))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return cls({})

    def of(self, clip: str, question: str) -> dict[str, Any] | None:
        """What a card shows of the clip, or None where there is no file; a broken one says so."""
        path = self.files.get(clip)
        if path is None:
            return None
        try:
            return self._shown(path, question)
        except InputError as error:
            return {"said": str(error), "pictures": []}

    def _shown(self, path: Path, question: str) -> dict[str, Any]:
        from flyreel.video import decode
        from flyreel.video.pick import keyframes

        if self.embedder is None:
            media, said, which = decode.inspect(path), "evenly spaced frames", {"count": COUNT}
        else:
            found = keyframes(path, question, COUNT, embedder=self.embedder)
            media, said, which = found.media, f"keyframes for the question ({found.selector}, {found.embedder})", {
                "numbers": found.numbers.tolist()
            }  # fmt: skip
        frames = decode.load(media, size=decode.fit(media, WIDTH), **which)  # type: ignore[arg-type]
        pictures = [
            {"time": f"{time:.1f} s", "number": int(number), "source": _inline(image)}
            for number, time, image in zip(frames.numbers, frames.times, frames.images, strict=True)
        ]
        return {"said": said, "pictures": pictures}


def _inline(image: Any) -> str:
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(image).save(out, format="JPEG", quality=82)
    return f"data:image/jpeg;base64,{base64.b64encode(out.getvalue()).decode()}"
