"""Keyframes as pictures: one PNG each, and a contact sheet with the time and the score under every frame."""

from __future__ import annotations

from bisect import bisect_right
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from flyreel.tables import atomic, writable
from flyreel.video.decode import Frames
from flyreel.video.pick import Keyframes

CELL = 320
"""Width of a frame on the sheet; small clips are enlarged by whole factors, so that their pixels stay sharp."""

NARROWEST = 180
"""What the line under a frame needs."""

_PAPER, _INK, _FAINT = (250, 250, 248), (30, 30, 34), (110, 110, 116)
_GAP, _LINE = 14, 18


def write_pictures(found: Keyframes, folder: Path) -> list[Path]:
    """`frame-0012.png` for each, and `sheet.png`; the paths, the sheet last."""
    writable(folder)
    frames = found.pictures()
    paths = []
    for number, image in zip(frames.numbers, frames.images, strict=True):
        paths.append(_save(Image.fromarray(image), folder / f"frame-{number:04d}.png"))
    return [*paths, _save(sheet(found, frames), folder / "sheet.png")]


def sheet(found: Keyframes, frames: Frames) -> Image.Image:
    cells = [_cell(image) for image in frames.images]
    height = cells[0].height
    width = max(cells[0].width, NARROWEST)
    rows = -(-len(cells) // 4)
    columns = -(-len(cells) // rows)  # six are three and three, not four and two
    page = Image.new(
        "RGB",
        (columns * (width + _GAP) + _GAP, 3 * _LINE + _GAP + rows * (height + _LINE + _GAP)),
        _PAPER,
    )
    pen = ImageDraw.Draw(page)
    wide = page.width - 2 * _GAP
    pen.text((_GAP, _GAP), _fitted(pen, found.query, 16, wide), fill=_INK, font=_font(16))
    about = (
        f"{Path(found.video).name} · {len(cells)} of {found.media.frames} frames · {found.selector} on {found.embedder}"
    )
    pen.text((_GAP, _GAP + 22), _fitted(pen, about, 12, wide), fill=_FAINT, font=_font(12))
    best = int(np.argmax(found.scores))
    for i, cell in enumerate(cells):
        x = _GAP + (i % columns) * (width + _GAP)
        y = 3 * _LINE + _GAP + (i // columns) * (height + _LINE + _GAP)
        page.paste(cell, (x, y))
        mark = " best" if i == best else ""
        told = f"{frames.times[i]:.2f} s · frame {frames.numbers[i]} · {found.scores[i]:+.2f}{mark}"
        pen.text((x, y + height + 3), _fitted(pen, told, 12, width), fill=_INK, font=_font(12))
    return page


def _cell(image: np.ndarray) -> Image.Image:
    picture = Image.fromarray(image)
    scale = min(CELL / picture.width, CELL / picture.height)
    if scale >= 2:
        return picture.resize((picture.width * int(scale), picture.height * int(scale)), Image.Resampling.NEAREST)
    size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    return picture.resize(size, Image.Resampling.LANCZOS)


def _fitted(pen: ImageDraw.ImageDraw, text: str, size: int, width: int) -> str:
    """The text, cut with an ellipsis where it would not fit."""
    text = " ".join(text.split())
    if pen.textlength(text, font=_font(size)) <= width:
        return text
    fits = bisect_right(range(len(text)), float(width), key=lambda n: pen.textlength(f"{text[:n]}…", font=_font(size)))
    return f"{text[: max(0, fits - 1)]}…"


def _font(size: int) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    return ImageFont.load_default(size)


def _save(image: Image.Image, path: Path) -> Path:
    with atomic(path) as temporary:
        image.save(temporary, format="PNG")
    return path
