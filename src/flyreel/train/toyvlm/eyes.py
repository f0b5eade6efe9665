"""The eyes of toyvlm: one look at the whole frame, then a glance at each of the places where somebody seems to be.

From the whole frame, made smaller, comes where things are and what they look like. The letter that a character wears
is eight pixels high and its signs are a few strokes: they are read from two small cut-outs around the middle of the
body, one close and one wide. Reading them where they stand is what makes a name learnable in a hundred steps; from
the whole frame it was not learnt in ten times as many.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SIZE = (96, 128)
LOOK = (72, 96)
"""What the first look is made smaller to."""
GRID = (9, 12)
PLACES = 9
"""Places of a frame that become tokens; no more than nine things and characters are ever on the stage."""

WIDTHS, STRIDES, MIX = (24, 48, 96, 128), (2, 2, 2, 1), 192
CLOSE, WIDE = 24, 64
"""Sides of the two cut-outs, in pixels: a letter, and all the signs about a large character."""
GLANCE_WIDTHS, GLANCE_MIX = (24, 48, 64), 128
BARELY = 0.05
"""How likely a character must be for a glance to be worth while."""
AT_ONCE = 64
"""Glances; more of them do not fit in a processor's cache and take three times as long."""
SLIPS = 2
"""Pixels by which a glance may miss the middle while it is learnt."""


class Seen(NamedTuple):
    """What is known of each frame, by the eyes or by the script: shares for each place, and for the frame as a whole.

    `cells` and `there` are (clips, frames, places), `spots` and `whole` have the shares as a last dimension."""

    cells: Tensor
    there: Tensor
    spots: Tensor
    whole: Tensor


class Look(NamedTuple):
    """Logits of every place of the grid, and of the frame. A character is one kind here; which one, a glance tells."""

    there: Tensor
    off: Tensor
    """From the middle of the place to the middle of what is there, in places."""
    looks: Tensor
    whole: Tensor


class Glance(nn.Module):
    def __init__(self, side: int, strides: tuple[int, ...], answers: int) -> None:
        super().__init__()
        self.side = side
        before = (3, *GLANCE_WIDTHS[:-1])
        self.convs = nn.ModuleList(
            nn.Conv2d(a, b, 3, s, 1, bias=False) for a, b, s in zip(before, GLANCE_WIDTHS, strides, strict=True)
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(w) for w in GLANCE_WIDTHS)
        self.mix = nn.Linear(GLANCE_WIDTHS[-1] * (side // math.prod(strides)) ** 2, GLANCE_MIX)
        self.tell = nn.Linear(GLANCE_MIX, answers)

    def forward(self, frames: Tensor, which: Tensor, middles: Tensor) -> Tensor:
        """Logits for `middles` (m, 2: x and y as shares) of frames `which`."""
        x = cut_out(frames, which, middles, self.side)
        with torch.autocast("cpu", torch.bfloat16):
            for conv, norm in zip(self.convs, self.norms, strict=True):
                x = F.relu(norm(conv(x)))
            return self.tell(F.relu(self.mix(x.flatten(1)))).float()


class Eyes(nn.Module):
    def __init__(self, spots: tuple[int, ...], wholes: tuple[int, ...], characters: int) -> None:
        """`spots` begins with kinds, of which the first `characters` are names, and doings."""
        super().__init__()
        self.spots, self.wholes, self.characters = spots, wholes, characters
        self.looks = (spots[0] - characters + 1, *spots[2:])
        before = (3, *WIDTHS[:-1])
        self.convs = nn.ModuleList(nn.Conv2d(a, b, 3, s, 1) for a, b, s in zip(before, WIDTHS, STRIDES, strict=True))
        self.norms = nn.ModuleList(nn.BatchNorm2d(w) for w in WIDTHS)
        self.place = nn.Parameter(0.02 * torch.randn(GRID[0] * GRID[1], WIDTHS[-1]))
        self.mix = nn.Linear(WIDTHS[-1], MIX)
        self.tell = nn.Linear(MIX, 3 + sum(self.looks))
        self.whole = nn.Linear(2 * MIX, sum(wholes))
        self.names, self.doings = Glance(CLOSE, (1, 2, 2), characters), Glance(WIDE, (2, 2, 2), spots[1])

    def look(self, frames: Tensor) -> Look:
        """(n, 3, height, width) in -1 … 1."""
        x = F.interpolate(frames, LOOK, mode="bilinear", align_corners=False, antialias=True)
        with torch.autocast("cpu", torch.bfloat16):
            for conv, norm in zip(self.convs, self.norms, strict=True):
                x = F.relu(norm(conv(x)))
            x = F.relu(self.mix(x.flatten(2).transpose(1, 2) + self.place))
            told = self.tell(x).float()
            whole = self.whole(torch.cat([x.amax(1), x.mean(1)], 1)).float()
        return Look(told[:, :, 0], told[:, :, 1:3], told[:, :, 3:], whole)

    def seen(self, frames: Tensor, clips: int) -> Seen:
        """The places that most seem to hold something, as shares. Only characters have colour, shape and size."""
        look = self.look(frames)
        likely, cells = look.there.topk(PLACES, dim=1)
        at = cells.unsqueeze(2)
        middles = middle_of(cells) + look.off.gather(1, at.expand(-1, -1, 2)) / torch.tensor(GRID[::-1])
        kinds, *looks = (
            part.softmax(2)
            for part in look.looks.gather(1, at.expand(-1, -1, look.looks.shape[2])).split(self.looks, 2)
        )
        alive = kinds[:, :, :1]
        glanced = (alive[:, :, 0] > BARELY).nonzero(as_tuple=True)
        names, doings = alive.new_zeros(*cells.shape, self.characters), alive.new_zeros(*cells.shape, self.spots[1])
        doings[:, :, 0] = 1.0
        for which in range(0, len(glanced[0]), AT_ONCE):
            part = tuple(i[which : which + AT_ONCE] for i in glanced)
            names[part] = self.names(frames, part[0], middles[part]).softmax(1)
            doings[part] = self.doings(frames, part[0], middles[part]).softmax(1)
        spots = torch.cat([alive * names, kinds[:, :, 1:], doings, *(alive * part for part in looks)], 2)
        shares = torch.cat([part.softmax(1) for part in look.whole.split(self.wholes, 1)], 1)
        found = Seen(cells, likely.sigmoid(), spots, shares)
        return Seen(*(t.unflatten(0, (clips, -1)) for t in found))


def middle_of(cells: Tensor) -> Tensor:
    return torch.stack([(cells % GRID[1] + 0.5) / GRID[1], (cells // GRID[1] + 0.5) / GRID[0]], -1)


def cut_out(frames: Tensor, which: Tensor, middles: Tensor, side: int) -> Tensor:
    """(m, 3, side, side) around the middles; what lies outside the frame is grey."""
    height, width = frames.shape[2:]
    wide = F.pad(frames, (side, side, side, side))
    corner = (middles * torch.tensor([width, height])).round().long() + side - side // 2
    columns = corner[:, 0].clamp(0, width + side)[:, None] + torch.arange(side)
    rows = corner[:, 1].clamp(0, height + side)[:, None] + torch.arange(side)
    return wide[which[:, None, None], :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def as_input(frames: Tensor) -> Tensor:
    """(n, height, width, 3) bytes to (n, 3, height, width) in -1 … 1."""
    return (frames.float() / 127.5 - 1).permute(0, 3, 1, 2)
