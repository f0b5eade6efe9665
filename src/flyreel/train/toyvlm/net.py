"""The reader of toyvlm: it goes on in words from what eyes have told of frames.

Between eyes and reader stand only a few tokens a frame: one for the whole of it and one for each of the places where
something seems to be. What a token holds are shares of what it could be, so the script can fill it in as well as the
eyes do, and reading can be learnt from scenes that nobody drew. Frames see each other both ways, words see all frames
and the words before them.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from flyreel.train.toyvlm.eyes import GRID, Seen

FRAMES = 8
DIM, HEADS, LAYERS = 128, 4, 3
LONGEST = 96
"""Words of a text; a caption of a toybox scene has up to seventy with its commas."""


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
        """(…, tokens, width) to (…, heads, tokens, width of a head), for asking, being found and being taken."""
        q, k, v = (t.unflatten(-1, (HEADS, -1)).transpose(-2, -3) for t in self.ask(self.before(x)).chunk(3, -1))
        return q, k, v

    def after(self, x: Tensor, attended: Tensor) -> Tensor:
        x = x + self.out(attended.transpose(-2, -3).flatten(-2))
        return x + self.narrow(F.gelu(self.wide(self.between(x))))


Memory = list[tuple[Tensor, Tensor]]
"""Of each layer the keys and values of the frames: many texts about a clip read it, and it is made once."""


class ToyVlmNet(nn.Module):
    def __init__(self, words: int, meaning: Tensor) -> None:
        """`meaning` (spots and wholes, words): which words say what a share is of. A token of a frame begins as the
        sum of these words, so that a name in a question and whoever bears it are alike from the start."""
        super().__init__()
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
            x = layer.after(x, _scores(q, k).softmax(3).to(v.dtype) @ v)
        return memory

    def read(self, memory: Memory, ids: Tensor) -> Tensor:
        """Logits of the next word after each of `ids` (clips, texts, words): texts about a clip stand in its row."""
        texts, words = ids.shape[1:]
        x = self.words(ids) + self.order.weight[:words]
        later = torch.ones(words, words, dtype=torch.bool).triu(1)
        for layer, (keys, values) in zip(self.layers, memory, strict=True):
            q, k, v = layer.parts(x)
            at_once = q.transpose(1, 2).flatten(2, 3)  # a clip's texts ask its frames together
            of_frames = _scores(at_once, keys).unflatten(2, (texts, words)).transpose(1, 2)
            of_words = _scores(q, k).masked_fill(later, -torch.inf)
            shares = torch.cat([of_frames, of_words], 4).softmax(4).to(v.dtype)
            to_frames, to_words = shares.split([keys.shape[2], words], 4)
            taken = to_frames.transpose(1, 2).flatten(2, 3) @ values
            x = layer.after(x, taken.unflatten(2, (texts, words)).transpose(1, 2) + to_words @ v)
        return self.last(x) @ self.words.weight.T * self.scale + self.usual


def of_clips(memory: Memory, which: Tensor) -> Memory:
    return [(keys[which], values[which]) for keys, values in memory]


def _scores(q: Tensor, k: Tensor) -> Tensor:
    """Not F.scaled_dot_product_attention, whose backward pass takes ten times as long on a CPU at this size."""
    return q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
