"""The blocks of a GIF: how many pictures, how long each is shown, and whether the end is there. Nothing is decoded.

FFmpeg takes a comment after the last picture for a frame, and a file without a single delay for one frame; the count
made here is the one that holds.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from io import BufferedReader


@dataclass(frozen=True)
class Blocks:
    """`edges` are in hundredths: where each whole picture begins, and the end."""

    width: int
    height: int
    edges: list[int]
    cut: str

    @property
    def pictures(self) -> int:
        return len(self.edges) - 1


def blocks(file: BufferedReader, most: int) -> Blocks:
    """Reads on to one picture more than `most`. A missing trailer after a whole picture loses nothing and is accepted;
    a picture cut in the middle is not."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    head = file.read(13).ljust(13, b"\0")
    width, height, flags = struct.unpack("<HHB", head[6:11])
    edges, cut, delay = [0], "", 0
    file.seek(_palette(flags), os.SEEK_CUR)
    try:
        while len(edges) <= most + 1 and (introducer := file.read(1)):
            if introducer == b"\x21":
                if file.read(1) == b"\xf9":
                    control = file.read(4)  # length, flags, delay
                    delay = control[2] | control[3] << 8
                    file.seek(-4, os.SEEK_CUR)
                _skip(file)
            elif introducer == b"\x2c":
                file.seek(_palette(file.read(9)[8]) + 1, os.SEEK_CUR)
                _skip(file)
                edges.append(edges[-1] + (delay if delay > 1 else 10))  # 0 and 1 are shown as 10, as browsers do
                delay = 0
            else:  # the trailer, or stray bytes that decoders stop at
                break
    except IndexError:
        cut = f"picture {len(edges):,} is cut"
    if file.tell() > size or size < 14:
        cut = cut or "it ends inside a header"
    file.seek(0)
    return Blocks(width, height, edges, cut)


def _palette(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _skip(file: BufferedReader) -> None:
    """Over pieces of at most 255 bytes each, walked in the buffer: a read for each took half of the time here."""
    while held := file.peek(1):
        at = 0
        while at < len(held):
            if not held[at]:
                file.seek(at + 1, os.SEEK_CUR)
                return
            at += held[at] + 1
        file.seek(at, os.SEEK_CUR)
    raise IndexError("the end of the file")
