"""toyclip, trained on toybox from nothing:

    flyreel train toyclip -o toyclip.safetensors --seed 1

Scenes of the world of that seed are drawn, never read from disk, and held-out work uses worlds of other seeds. Four
losses, one batch: a frame tells what stands where; a frame finds its event among the events of other clips; a query
finds its frames among the frames of its own clip, which is what choosing keyframes needs; a clip, as the mean of its
frames, finds its caption. Batch normalisation is folded into the convolutions at the end, and inference is products and
sums (video/embed/toyclip.py).
"""

from __future__ import annotations

import json
import math
import random
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from flyreel.tables import atomic, write_text
from flyreel.toybox import draw, queries, telling, world
from flyreel.toybox.staging import FRONT, PROP_LINE, Staging
from flyreel.train.losses import info_nce
from flyreel.video.embed.toyclip import SIZE, STRIDES, VOCABULARY, padded

WIDTHS = (24, 48, 128, 128)
MIX, WORD, DIM = 256, 128, 192
NEAR = 0.02
"""Seconds; frames this close to the edge of a stretch belong to it."""

SUFFIX = ".safetensors"
"""It writes one file, which `--embedder toyclip:FILE` takes, and not a folder."""

GRID = (9, 12)
KINDS = (*world.NAMES, *world.PROPS, *world.THINGS)
DOINGS = ("", *world.VERBS, world.ENTERS, world.LEAVES, *(f"{verb}, suffered" for verb in world.WITH_OTHER))
SIGHTS = (KINDS, DOINGS, world.COLOURS, world.SHAPES)
"""What the image tower is also asked to tell of each place where something stands. The script knows where that is;
without it the letters and signs that set one frame of a clip apart from the next are not found in a thousand steps."""


def sights(scene: world.Scene, staging: Staging, time: float) -> list[tuple[int, int, int, int, int]]:
    """Cell, kind, doing, colour and shape of all that is there; -1 for what a thing does not have."""
    tableau = staging.at(time)
    event = next((e for e in scene.events if e.start <= time <= e.end), None)
    found = []
    for pose in tableau.poses:
        doing = ""
        if event is not None and pose.name in (event.actor, event.target):
            doing = event.verb if pose.name == event.actor else f"{event.verb}, suffered"
        look = (world.COLOURS.index(pose.colour), world.SHAPES.index(scene.character(pose.name).shape))
        found.append(
            (_cell(pose.x, pose.ground - pose.lift - 0.13), KINDS.index(pose.name), DOINGS.index(doing), *look)
        )
    found += [(_cell(x, PROP_LINE - 0.15), KINDS.index(name), -1, -1, -1) for name, x in tableau.props]
    found += [(_cell(t.x, FRONT - t.lift), KINDS.index(t.name), -1, -1, -1) for t in tableau.things]
    return [spot for spot in found if spot[0] >= 0]


def _cell(x: float, y: float) -> int:
    """The place on the grid, or -1 outside the picture."""
    row, column = math.floor(y * GRID[0]), math.floor(x * GRID[1])
    return row * GRID[1] + column if 0 <= row < GRID[0] and 0 <= column < GRID[1] else -1


@dataclass(frozen=True)
class Settings:
    seed: int = 1
    scenes: int = 6000
    frames: int = 8
    steps: int = 3000
    batch: int = 32
    rate: float = 2e-3
    threads: int = 1


class ImageTower(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        before = (3, *WIDTHS[:-1])
        self.convs = nn.ModuleList(nn.Conv2d(a, b, 3, s, 1) for a, b, s in zip(before, WIDTHS, STRIDES, strict=True))
        self.norms = nn.ModuleList(nn.BatchNorm2d(w) for w in WIDTHS)
        down = math.prod(STRIDES)
        self.place = nn.Parameter(0.02 * torch.randn(-(-SIZE[0] // down) * -(-SIZE[1] // down), WIDTHS[-1]))
        self.mix = nn.Linear(WIDTHS[-1], MIX)
        self.level = nn.BatchNorm1d(2 * MIX)
        self.head = nn.Linear(2 * MIX, DIM)
        self.sights = nn.Linear(MIX, 1 + sum(map(len, SIGHTS)))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(n, 3, height, width) in -1 … 1 to (n, DIM) of unit length, and what is seen at each place of the grid."""
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = F.relu(norm(conv(x)))
        x = x.flatten(2).transpose(1, 2) + self.place
        x = F.relu(self.mix(x))
        seen = self.sights(x).float()
        x = self.level(torch.cat([x.amax(1), x.mean(1)], 1).float())
        return F.normalize(self.head(x).float(), dim=1), seen


class TextTower(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(VOCABULARY, WORD)
        self.convs = nn.ModuleList(nn.Linear(5 * WORD, WORD) for _ in range(2))
        self.head = nn.Linear(2 * WORD, DIM)

    def forward(self, ids: Tensor) -> Tensor:
        there = (ids > 0).unsqueeze(2)
        x = self.words(ids) * there
        for conv in self.convs:
            wide = F.pad(x, (0, 0, 2, 2))
            seen = torch.cat([wide[:, j : j + x.shape[1]] for j in range(5)], 2)
            x = x + F.relu(conv(seen)) * there
        most = x.masked_fill(~there, -torch.inf).amax(1)
        mean = x.sum(1) / there.sum(1).clamp(min=1)
        return F.normalize(self.head(torch.cat([most.nan_to_num(neginf=0.0), mean], 1)).float(), dim=1)


class ToyClipNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.image, self.text = ImageTower(), TextTower()
        self.scale = nn.Parameter(torch.tensor(math.log(20.0)))

    def weights(self) -> dict[str, np.ndarray]:
        """Half precision, with the batch norms folded in, under the names that inference reads."""
        found: dict[str, Tensor] = {}
        for i, (conv, norm) in enumerate(zip(self.image.convs, self.image.norms, strict=True)):
            gain = norm.weight / torch.sqrt(norm.running_var + norm.eps)
            folded = conv.weight * gain[:, None, None, None]
            found[f"image.conv{i}.weight"] = folded.permute(0, 2, 3, 1).flatten(1)  # as inference's patches lie
            found[f"image.conv{i}.bias"] = norm.bias + (conv.bias - norm.running_mean) * gain
        found["image.place"], found["text.words"] = self.image.place, self.text.words.weight
        level, head = self.image.level, self.image.head
        gain = level.weight / torch.sqrt(level.running_var + level.eps)
        found["image.head.weight"] = head.weight * gain
        found["image.head.bias"] = head.bias + head.weight @ (level.bias - level.running_mean * gain)
        layers = {"image.mix": self.image.mix, "text.head": self.text.head}
        layers |= {f"text.conv{i}": conv for i, conv in enumerate(self.text.convs)}
        for name, layer in layers.items():
            found[f"{name}.weight"], found[f"{name}.bias"] = layer.weight, layer.bias
        return {name: t.detach().to(torch.float16).contiguous().numpy() for name, t in found.items()}


@dataclass
class Drawn:
    """One scene with some of its frames, ready to be learnt from."""

    scene: world.Scene
    times: np.ndarray
    frames: np.ndarray
    sights: list[list[tuple[int, int, int, int, int]]]


def drawn(scene: world.Scene, count: int, random_: random.Random) -> Drawn:
    """Frames at random moments, one in each event as far as they go, at a random one of the sizes toybox has."""
    middles = [random_.uniform(e.start, e.end) for e in scene.events][:count]
    rest = [random_.uniform(0, scene.duration) for _ in range(count - len(middles))]
    times = np.sort(np.array(middles + rest))
    width = random_.choice((96, 128, 160))
    size = (width * 3 // 4, width)
    staging = Staging(scene)
    frames = np.stack([_brought_to_size(draw.picture(scene, staging.at(t), size)) for t in times])
    return Drawn(scene, times, frames, [sights(scene, staging, t) for t in times])


def _brought_to_size(picture: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(picture).resize((SIZE[1], SIZE[0]), Image.Resampling.BILINEAR))


def _roughened(frames: np.ndarray, random_: np.random.Generator) -> Tensor:
    """(n, height, width, 3) bytes to (n, 3, height, width) in -1 … 1, with what codecs and scalers do to them, more or
    less: a shift and a tint."""
    dy, dx = (int(random_.integers(-2, 3)) for _ in range(2))
    tint = (1 + 0.08 * random_.standard_normal((len(frames), 1, 1, 3))).astype(np.float32) / 127.5
    return torch.from_numpy(np.roll(frames, (dy, dx), (1, 2)) * tint - 1).to(torch.bfloat16).permute(0, 3, 1, 2)


def losses(
    net: ToyClipNet, batch: list[Drawn], random_: random.Random, generator: np.random.Generator
) -> dict[str, Tensor]:
    clips, per_clip = len(batch), len(batch[0].times)
    with torch.autocast("cpu", torch.bfloat16):
        seen, told = net.image(_roughened(np.concatenate([d.frames for d in batch]), generator))
    seen = seen.unflatten(0, (clips, per_clip))
    scale = net.scale.exp().clamp(max=60.0)
    events, event_frames = [], []
    asked, asked_clip, wanted = [], [], []
    for i, d in enumerate(batch):
        found = queries.of_scene(d.scene, random_)
        for query in random_.sample(found, min(6, len(found))):
            inside = _inside(d.times, query.spans)
            if 0 < inside.sum() < per_clip:
                asked.append(query.text)
                asked_clip.append(i)
                wanted.append(inside / inside.sum())
        event = random_.choice(d.scene.events)
        inside = _inside(d.times, ((event.start, event.end),))
        if inside.any():
            events.append(queries.of_event(d.scene, event, random_).text)
            event_frames.append((i, int(random_.choice(np.flatnonzero(inside).tolist()))))
    query_vectors, event_vectors = net.text(_ids([*asked, *events])).split([len(asked), len(events)])
    caption_vectors = net.text(_ids([telling.caption(d.scene) for d in batch]))  # apart: they are five times as long
    within = torch.einsum("qd,qfd->qf", query_vectors, seen[asked_clip]) * scale
    targets = torch.from_numpy(np.array(wanted, dtype=np.float32))
    rows, columns = zip(*event_frames, strict=True)
    same = torch.tensor([[a == b for b in events] for a in events])
    return {
        "sights": 2 * _sighted(told, [frame for d in batch for frame in d.sights]),
        "within": F.cross_entropy(within, targets),
        "event": info_nce(seen[list(rows), list(columns)], event_vectors, scale, same),
        "caption": info_nce(seen.mean(1), caption_vectors, scale),
    }


def _sighted(told: Tensor, there: list[list[tuple[int, int, int, int, int]]]) -> Tensor:
    """Whether something is there, for every place; what it is, for the places where something is."""
    at = torch.tensor([(i, *spot) for i, frame in enumerate(there) for spot in frame])
    something = torch.zeros(told.shape[:2])
    something[at[:, 0], at[:, 1]] = 1.0
    loss = 4 * F.binary_cross_entropy_with_logits(told[:, :, 0], something)
    parts = told[at[:, 0], at[:, 1], 1:].split([len(s) for s in SIGHTS], dim=1)
    for logits, right in zip(parts, at[:, 2:].T, strict=True):
        loss = loss + F.cross_entropy(logits, right, ignore_index=-1)
    return loss / (1 + len(SIGHTS))


def _ids(texts: list[str]) -> Tensor:
    return torch.from_numpy(padded(texts))


def _inside(times: np.ndarray, spans: tuple[tuple[float, float], ...]) -> np.ndarray:
    return np.any([(times >= a - NEAR) & (times <= b + NEAR) for a, b in spans], axis=0)


def train(settings: Settings, out: Path, say: Callable[[str], None]) -> dict[str, Any]:
    """Weights at `out`, and beside them how they were made and the curve. Returns the latter."""
    from safetensors.numpy import save

    torch.manual_seed(settings.seed)
    torch.set_num_threads(settings.threads)
    random_, generator = random.Random(settings.seed), np.random.default_rng(settings.seed)
    start = time.monotonic()
    data = []
    for scene in world.scenes(settings.seed, settings.scenes):
        data.append(drawn(scene, settings.frames, random_))
    say(f"  {len(data):,} scenes drawn, {time.monotonic() - start:.1f} s")
    net = ToyClipNet().to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(net.parameters(), lr=settings.rate, weight_decay=0.02, betas=(0.9, 0.98))
    warm = max(1, settings.steps // 20)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda s: min((s + 1) / warm, 0.5 * (1 + math.cos(math.pi * min(1.0, s / settings.steps))) + 0.01)
    )
    made: dict[str, Any] = {}
    curve: list[dict[str, Any]] = []
    sums: dict[str, float] = {}
    every = max(1, settings.steps // 50)
    for step in range(1, settings.steps + 1):
        parts = losses(net, random_.sample(data, min(settings.batch, len(data))), random_, generator)
        loss = torch.stack(list(parts.values())).sum()
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        for name, value in parts.items():
            sums[name] = sums.get(name, 0.0) + float(value.detach())
        if step % every == 0 or step == settings.steps:
            n = every if step % every == 0 else step % every
            row = {"step": step, **{name: round(total / n, 4) for name, total in sums.items()}}
            curve.append(row)
            told = "  ".join(f"{name} {value:,}" for name, value in row.items())
            say(f"  {told}  {time.monotonic() - start:.1f} s")
            sums = {}
            with atomic(out) as temporary:
                temporary.write_bytes(save(net.weights()))  # save_file makes it readable for its owner alone
            made = {"recipe": "toyclip", "settings": asdict(settings), "torch": torch.__version__, "curve": curve}
            write_text(out.with_suffix(".json"), json.dumps(made, indent=1) + "\n")
    return made
