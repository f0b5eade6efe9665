"""The network of toyvlm: eyes that say what stands where, and a reader that goes on from there in words.

Between the two stand only a few tokens a frame: one for the whole of it and one for each of the places where something
seems to be. What a token holds are shares of what it could be, so the script can fill it in as well as the eyes do, and
reading can be learnt from scenes that nobody drew. Frames see each other both ways, words see all frames and the
words before them.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SIZE = (72, 96)
GRID = (9, 12)
FRAMES = 8
PLACES = 9
"""Places of a frame that become tokens; no more than nine things and characters are ever on the stage."""

WIDTHS, STRIDES = (24, 48, 96, 128), (2, 2, 2, 1)
MIX, DIM, HEADS, LAYERS = 192, 128, 4, 3
LONGEST = 96
"""Words of a text; a caption of a toybox scene has up to seventy with its commas."""


class Seen(NamedTuple):
    """What is known of each frame, by the eyes or by the script: shares for each place, and for the frame as a whole.

    `cells` and `there` are (clips, frames, places), `spots` and `whole` have the shares as a last dimension."""

    cells: Tensor
    there: Tensor
    spots: Tensor
    whole: Tensor


class Eyes(nn.Module):
    def __init__(self, spots: tuple[int, ...], wholes: tuple[int, ...], characters: int) -> None:
        super().__init__()
        self.spots, self.wholes, self.characters = spots, wholes, characters
        before = (3, *WIDTHS[:-1])
        self.convs = nn.ModuleList(nn.Conv2d(a, b, 3, s, 1) for a, b, s in zip(before, WIDTHS, STRIDES, strict=True))
        self.norms = nn.ModuleList(nn.BatchNorm2d(w) for w in WIDTHS)
        self.place = nn.Parameter(0.02 * torch.randn(GRID[0] * GRID[1], WIDTHS[-1]))
        self.mix = nn.Linear(WIDTHS[-1], MIX)
        self.tell = nn.Linear(MIX, 1 + sum(spots))
        self.whole = nn.Linear(2 * MIX, sum(wholes))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(n, 3, height, width) in -1 … 1 to logits for every place of the grid, and for the frame."""
        with torch.autocast("cpu", torch.bfloat16):
            for conv, norm in zip(self.convs, self.norms, strict=True):
                x = F.relu(norm(conv(x)))
            x = F.relu(self.mix(x.flatten(2).transpose(1, 2) + self.place))
            told = self.tell(x).float()
            whole = self.whole(torch.cat([x.amax(1), x.mean(1)], 1)).float()
        return told, whole

    def seen(self, told: Tensor, whole: Tensor, clips: int) -> Seen:
        """The places that most seem to hold something, as shares. Only characters have colour, shape and size."""
        likely, cells = told[:, :, 0].topk(PLACES, dim=1)
        logits = told[:, :, 1:].gather(1, cells.unsqueeze(2).expand(-1, -1, told.shape[2] - 1))
        parts = [part.softmax(2) for part in logits.split(self.spots, 2)]
        alive = parts[0][:, :, : self.characters].sum(2, keepdim=True)
        spots = torch.cat([*parts[:2], *(alive * part for part in parts[2:])], 2)
        shares = torch.cat([part.softmax(1) for part in whole.split(self.wholes, 1)], 1)
        found = Seen(cells, likely.sigmoid(), spots, shares)
        return Seen(*(t.unflatten(0, (clips, -1)) for t in found))


class Layer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.before, self.between = nn.LayerNorm(DIM), nn.LayerNorm(DIM)
        self.ask, self.out = nn.Linear(DIM, 3 * DIM), nn.Linear(DIM, DIM)
        self.wide, self.narrow = nn.Linear(DIM, 4 * DIM), nn.Linear(4 * DIM, DIM)
        with torch.no_grad():  # to begin with, like looks at like and takes over what it finds
            q, k, v = self.ask.weight.chunk(3)
            k.copy_(q.mul_(2))
            self.out.weight.copy_(v.T)

    def parts(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        q, k, v = (t.unflatten(2, (HEADS, -1)).transpose(1, 2) for t in self.ask(self.before(x)).chunk(3, 2))
        return q, k, v

    def after(self, x: Tensor, attended: Tensor) -> Tensor:
        x = x + self.out(attended.transpose(1, 2).flatten(2))
        return x + self.narrow(F.gelu(self.wide(self.between(x))))


def _attended(q: Tensor, k: Tensor, v: Tensor, hidden: Tensor | None = None) -> Tensor:
    """As F.scaled_dot_product_attention, whose backward pass takes ten times as long on a CPU at this size."""
    scores = q @ k.transpose(2, 3) / math.sqrt(q.shape[3])
    if hidden is not None:
        scores = scores.masked_fill(hidden, -torch.inf)
    return scores.softmax(3).to(v.dtype) @ v


Memory = list[tuple[Tensor, Tensor]]
"""Of each layer the keys and values of the frames: many texts about a clip read it, and it is made once."""


class ToyVlmNet(nn.Module):
    def __init__(
        self, words: int, spots: tuple[int, ...], wholes: tuple[int, ...], characters: int, meaning: Tensor
    ) -> None:
        """`meaning` (spots and wholes, words): which words say what a share is of. A token of a frame begins as the
        sum of these words, so that a name in a question and whoever bears it are alike from the start."""
        super().__init__()
        self.eyes = Eyes(spots, wholes, characters)
        self.register_buffer("meaning", meaning)
        self.own = nn.Embedding(len(meaning), DIM)
        self.row, self.column = nn.Embedding(GRID[0], DIM), nn.Embedding(GRID[1], DIM)
        self.time = nn.Embedding(FRAMES, DIM)
        self.gather = nn.Sequential(nn.Linear(DIM, 2 * DIM), nn.GELU(), nn.Linear(2 * DIM, DIM))
        self.words, self.order = nn.Embedding(words, DIM), nn.Embedding(LONGEST, DIM)
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))
        self.last = nn.LayerNorm(DIM)
        self.scale, self.usual = nn.Parameter(torch.tensor(0.3)), nn.Parameter(torch.zeros(words))
        for table, spread in ((self.words, 0.3), (self.own, 0.1), (self.row, 0.1), (self.column, 0.1)):
            nn.init.normal_(table.weight, std=spread)
        for table in (self.time, self.order):
            nn.init.normal_(table.weight, std=0.2)

    def look(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        return self.eyes(frames)

    def remember(self, seen: Seen) -> Memory:
        """Frames as tokens, taken through the layers once."""
        names = self.meaning @ self.words.weight + self.own.weight
        of_spots, of_wholes = names.split([seen.spots.shape[3], seen.whole.shape[2]])
        spots = seen.spots @ of_spots + self.row(seen.cells // GRID[1]) + self.column(seen.cells % GRID[1])
        spots = spots * seen.there.unsqueeze(3)
        frame = seen.whole @ of_wholes + (self.gather(spots) * seen.there.unsqueeze(3)).sum(2)
        x = torch.cat([frame.unsqueeze(2), spots], 2) + self.time.weight[: spots.shape[1], None]
        x = x.flatten(1, 2)
        memory = []
        for layer in self.layers:
            q, k, v = layer.parts(x)
            memory.append((k, v))
            x = layer.after(x, _attended(q, k, v))
        return memory

    def read(self, memory: Memory, clip: Tensor, ids: Tensor) -> Tensor:
        """Logits of the next word after each of `ids` (texts, words), each text about the clip of that number."""
        length = ids.shape[1]
        x = self.words(ids) + self.order.weight[:length]
        frames = memory[0][0].shape[2]
        hidden = torch.ones(length, frames + length, dtype=torch.bool).triu(frames + 1)
        for layer, (keys, values) in zip(self.layers, memory, strict=True):
            q, k, v = layer.parts(x)
            k, v = torch.cat([keys[clip], k], 2), torch.cat([values[clip], v], 2)
            x = layer.after(x, _attended(q, k, v, hidden))
        return self.last(x) @ self.words.weight.T * self.scale + self.usual


def as_input(frames: Tensor) -> Tensor:
    """(n, height, width, 3) bytes to (n, 3, height, width) in -1 … 1."""
    return (frames.float() / 127.5 - 1).permute(0, 3, 1, 2)


def rate_at(step: int, steps: int) -> float:
    """The share of the learning rate at a step: up over a twentieth, down along a cosine."""
    warm = max(1, steps // 20)
    return min((step + 1) / warm, 0.5 * (1 + math.cos(math.pi * min(1.0, step / steps))) + 0.01)
