"""toy-eyes: the eyes that toyvlm reads with, and st-llm too on toybox, trained on drawn scenes from nothing:

    flyreel train toy-eyes -o eyes --seed 1

The script knows what stands where in every frame, and that is what they learn: where something is, what it looks like,
who it is and what it does. Each step draws new scenes; held-out work uses worlds of other seeds.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from flyreel.errors import InputError
from flyreel.toybox import world
from flyreel.train.loop import Plan, fit
from flyreel.train.runs import open_run, read
from flyreel.train.toyvlm import data
from flyreel.train.toyvlm.data import SPOT_SIZES, WHOLE_SIZES, Shown
from flyreel.train.toyvlm.eyes import GRID, SIZE, SLIPS, Eyes, as_input, middle_of


@dataclass(frozen=True)
class Settings:
    seed: int = 1
    scenes: int = 100_000
    """Of the world, to draw from."""
    steps: int = 700
    batch: int = 16
    """Scenes a step, eight frames each."""
    rate: float = 3e-3
    keep_every: int = 100
    threads: int = 1


def train(settings: Settings, out: Path, say: Callable[[str], None]) -> dict[str, Any]:
    torch.manual_seed(settings.seed)
    torch.set_num_threads(settings.threads)
    run = open_run(out, "toy-eyes", asdict(settings), {}, say)
    eyes = untrained()
    optimiser = torch.optim.AdamW(eyes.parameters(), weight_decay=0.02, betas=(0.9, 0.98))
    plan = Plan(
        settings.steps, settings.rate, settings.seed, warm=0.05, keep_every=settings.keep_every, log_every=20, cpu=True
    )
    fit(run, eyes, optimiser, plan, lambda number: batch_of(settings, number), loss_of)
    if run.writes:
        run.model.mkdir(exist_ok=True)
        save_file(eyes.state_dict(), run.model / "eyes.safetensors")
    found = measure(eyes.eval(), settings.seed + 10_000, 40)
    return run.finish({"parameters": sum(p.numel() for p in eyes.parameters()), **found}, CARD.format(**found))


CARD = """The eyes of toyvlm, trained on toybox. Of the characters in frames of a world that they have not seen they
find {found:.1%}; of all of them they tell the name of {name:.1%} and the colour of {colour:.1%}, and of those that do
something, of {doing:.1%} what.
"""


def untrained() -> Eyes:
    return Eyes(SPOT_SIZES, WHOLE_SIZES, len(world.NAMES))


def load(folder: Path) -> Eyes:
    """Of a finished run."""
    return opened(weights(folder))


def weights(folder: Path) -> Path:
    path = folder / "model" / "eyes.safetensors"
    if read(folder)["recipe"] != "toy-eyes" or not path.is_file():
        raise InputError(f"{folder}: not a finished run of toy-eyes; make one: flyreel train toy-eyes -o {folder}")
    return path


def opened(path: Path) -> Eyes:
    eyes = untrained()
    eyes.load_state_dict(load_file(path))
    return eyes.eval().requires_grad_(False)


def batch_of(settings: Settings, number: int) -> list[Shown]:
    random_ = random.Random(f"{settings.seed}:eyes:{number}")
    made = []
    for _ in range(settings.batch):
        scene = world.scene(settings.seed, random_.randrange(settings.scenes))
        made.append(data.shown(scene, data.moments(scene.duration, random_), random_.choice((112, 128, 160))))
    return made


def loss_of(eyes: nn.Module, drawn: list[Shown]) -> tuple[Tensor, dict[str, float]]:
    assert isinstance(eyes, Eyes)
    parts = losses(eyes, drawn)
    return torch.stack([*parts.values()]).sum(), {name: float(part.detach()) for name, part in parts.items()}


def losses(eyes: Eyes, drawn: list[Shown]) -> dict[str, Tensor]:
    """Whether something is there, for every place; what it is, for the places where something is."""
    frames = as_input(torch.from_numpy(np.concatenate([one.frames for one in drawn if one.frames is not None])))
    look = eyes.look(frames)
    spots = [spot for one in drawn for frame in one.spots for spot in frame]
    which = torch.tensor([i for i, frame in enumerate(f for one in drawn for f in one.spots) for _ in frame])
    middles = torch.tensor([middle for one in drawn for frame in one.middles for middle in frame])
    cells, kinds, doings, *rest = torch.tensor(spots).T
    there = torch.zeros_like(look.there)
    there[which, cells] = 1.0
    names = len(world.NAMES)
    alive = kinds < names
    off = (middles - middle_of(cells)) * torch.tensor(GRID[::-1])
    told = look.looks[which, cells].split(eyes.looks, 1)
    right = ((kinds - names + 1).clamp(min=0), *rest)
    slipped = middles[alive] + torch.randint(-SLIPS, SLIPS + 1, middles[alive].shape) / torch.tensor(SIZE[::-1])
    doing = eyes.doings(frames, which[alive], slipped)
    seldom = doing.new_tensor([0.3] + [1.0] * (doing.shape[1] - 1))  # most do nothing at any moment
    wholes = torch.tensor([frame for one in drawn for frame in one.wholes]).T
    return {
        "there": 2 * F.binary_cross_entropy_with_logits(look.there, there),
        "middles": F.smooth_l1_loss(look.off[which, cells][alive], off[alive]),
        "looks": _mean(told, right),
        "names": F.cross_entropy(eyes.names(frames, which[alive], slipped), kinds[alive]),
        "doings": F.cross_entropy(doing, doings[alive], seldom),
        "wholes": _mean(look.whole.split(eyes.wholes, 1), tuple(wholes)),
    }


def _mean(told: tuple[Tensor, ...], right: tuple[Tensor, ...]) -> Tensor:
    """-1 is for what a thing does not have."""
    return torch.stack([F.cross_entropy(t, r, ignore_index=-1) for t, r in zip(told, right, strict=True)]).mean()


@torch.no_grad()
def measure(eyes: Eyes, seed: int, scenes: int) -> dict[str, float]:
    """Shares of the characters in frames of a world: found, and of all of them what was told right."""
    asked, right = 0, dict.fromkeys(("found", "name", "colour", "doing"), 0)
    acting = 0
    for scene in world.scenes(seed, scenes):
        made = data.shown(scene, data.moments(scene.duration), SIZE[1])
        assert made.frames is not None
        seen = eyes.seen(as_input(torch.from_numpy(made.frames)), 1)
        for frame, spots in enumerate(made.spots):
            places = seen.cells[0, frame].tolist()
            for cell, kind, doing, colour, *_ in spots:
                if kind >= len(world.NAMES):
                    continue
                asked, acting = asked + 1, acting + (doing > 0)
                if cell not in places:
                    continue
                kinds, doings, colours, *_ = seen.spots[0, frame, places.index(cell)].split(SPOT_SIZES)
                right["found"] += 1
                right["name"] += int(kinds.argmax()) == kind
                right["colour"] += int(colours.argmax()) == colour
                right["doing"] += doing > 0 and int(doings.argmax()) == doing
    of = {"doing": acting}
    return {name: round(count / max(1, of.get(name, asked)), 4) for name, count in right.items()}
