"""toyvlm, a small model that watches, captions and answers, trained on toybox from nothing:

    flyreel train toyvlm -o toyvlm --seed 1

First come the eyes, a run of toy-eyes of its own, unless `eyes` names one that is finished. They stay as they are, and
watch the scenes of a pool once. Then the reader learns the next word of answers and captions from what the eyes saw
and, more often, from what the script says is there, which costs no drawing and never ends. Words of a question are
read and not learnt. Held-out work uses worlds of other seeds.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from flyreel.errors import InputError
from flyreel.models.call import Model
from flyreel.models.hub import digest_of
from flyreel.toybox import world
from flyreel.train import losses
from flyreel.train.loop import Plan, fit
from flyreel.train.recipes import toy_eyes
from flyreel.train.runs import Run, open_run, read
from flyreel.train.toyvlm import data
from flyreel.train.toyvlm.data import TELL, Words
from flyreel.train.toyvlm.eyes import Eyes, Seen
from flyreel.train.toyvlm.model import FILE, ToyVlm, by_kind, cat, loaded, opened, part_of, right, test, write
from flyreel.train.toyvlm.net import ToyVlmNet, of_clips
from flyreel.train.toyvlm.pool import Pool, doubts, pool, told


@dataclass(frozen=True)
class Settings:
    seed: int = 1
    eyes: str = ""
    """Folder of a finished run of toy-eyes; without one they are trained first, into OUT/eyes."""
    begin: str = ""
    """Folder of a finished run of toyvlm that is trained further, with the eyes that it has."""
    look_steps: int = toy_eyes.Settings.steps
    """Of the eyes that are trained first."""
    pool: int = 2000
    """Scenes that the eyes watch."""
    world: int = 0
    """Whose scenes these are; 0 is that of the seed."""
    steps: int = 800
    batch: int = 16
    """Scenes of the pool a step."""
    told: int = 32
    """Scenes a step that only the script tells of."""
    asks: int = 6
    """Questions about each."""
    rate: float = 2e-3
    loss: str = "mle"
    gamma: float = losses.GAMMA
    floor: float = losses.FLOOR
    noise: str = "other-clip"
    """What is wrong with texts: another clip's, or one wrong-actor, wrong-action, wrong-colour or wrong-place."""
    wrong: float = 0.0
    """Share of the scenes whose texts are wrong."""
    keep_every: int = 100
    held: int = 100
    """Scenes of another world that are asked about at the end."""
    threads: int = 1


class Batch(NamedTuple):
    seen: Seen
    answers: tuple[Tensor, Tensor]
    """Ids and labels, of all clips."""
    captions: tuple[Tensor, Tensor]
    """Of every fourth."""
    noise: Tensor | None


def train(settings: Settings, out: Path, say: Callable[[str], None]) -> dict[str, Any]:
    _check(settings)
    torch.manual_seed(settings.seed)
    torch.set_num_threads(settings.threads)
    before = load(Path(settings.begin)) if settings.begin else None
    eyes = before.eyes if before else toy_eyes.load(Path(settings.eyes)) if settings.eyes else None
    about = {name: _digest(folder) for name in ("eyes", "begin") if (folder := getattr(settings, name))}
    run = open_run(out, "toyvlm", asdict(settings), about, say)
    eyes = eyes or _eyes_first(settings, run.folder / "eyes", say)
    run.say(f"the eyes watch {settings.pool:,} scenes")
    watched = pool(eyes, settings.world or settings.seed, settings.pool, run.folder / "seen.safetensors")
    model = ToyVlm(eyes, *reader(settings, run, watched, before))
    if run.writes:
        run.model.mkdir(exist_ok=True)
        write(model, run.model / FILE)
    found = measure(model, settings.seed + 10_000, settings.held)
    parameters = sum(p.numel() for part in (eyes, model.net) for p in part.parameters())
    return run.finish({"parameters": parameters, **found}, CARD.format(parameters=parameters, **found))


CARD = """toyvlm, trained on toybox: {parameters:,} parameters. Of {asked:,} five-choice questions about a world that it
has not seen it answers {right:,} right; shown black frames {zeroed:,}, shown those of another clip {other:,}. A guess
is right for one in five.
"""


def _check(settings: Settings) -> None:
    """Before eyes are trained and scenes are watched, which takes longest."""
    losses.criterion(settings.loss)
    told([], settings.noise, 0.0, settings.seed)
    if settings.batch + settings.told < 4:
        raise InputError(f"batch={settings.batch}, told={settings.told}: four scenes a step at least")
    if settings.loss == "adatailr-sample-noise" and settings.told:
        raise InputError("adatailr-sample-noise doubts what was watched, and what is told was not: --set told=0")
    if settings.begin and settings.eyes:
        raise InputError(f"begin={settings.begin} has eyes of its own: leave out eyes={settings.eyes}")
    if not 0 <= settings.wrong <= 1:
        raise InputError(f"wrong={settings.wrong:g}: a share lies between 0 and 1")


def load(folder: Path) -> ToyVlm:
    """Of a finished run."""
    path = folder / "model" / FILE
    if read(folder)["recipe"] != "toyvlm" or not path.is_file():
        raise InputError(f"{folder}: not a finished run of toyvlm; make one: flyreel train toyvlm -o {folder}")
    return loaded(path, toy_eyes.untrained())


def _digest(folder: str) -> str:
    return digest_of(sorted(Path(folder).glob("model/*.safetensors")))


def _eyes_first(settings: Settings, folder: Path, say: Callable[[str], None]) -> Eyes:
    if not (folder / "run.json").is_file() or not toy_eyes.read(folder)["finished"]:
        wanted = toy_eyes.Settings(settings.seed, steps=settings.look_steps, threads=settings.threads)
        toy_eyes.train(wanted, folder, say)
    return toy_eyes.load(folder)


def reader(settings: Settings, run: Run, watched: Pool, before: ToyVlm | None = None) -> tuple[ToyVlmNet, Words]:
    """Taught what is told of the pool, and of scenes that nobody watched."""
    texts = told(watched.scenes, settings.noise, settings.wrong, settings.seed)
    noise = doubts(watched, texts) if settings.loss == "adatailr-sample-noise" else None
    torch.manual_seed(settings.seed)
    words = before.words if before else Words(data.vocabulary())
    net = ToyVlmNet(len(words.known), data.meaning(words))
    if before:
        net.load_state_dict(before.net.state_dict())
    optimiser = torch.optim.AdamW(net.parameters(), weight_decay=0.02, betas=(0.9, 0.98))
    kept = losses.Discrepancy()
    criterion = losses.criterion(settings.loss, discrepancy=kept, gamma=settings.gamma, floor=settings.floor)
    plan = Plan(
        settings.steps, settings.rate, settings.seed, warm=0.05, keep_every=settings.keep_every, log_every=20,
        bf16=True, cpu=True,
    )  # fmt: skip
    fit(
        run, net, optimiser, plan,
        lambda number: batch_of(settings, words, watched, texts, noise, number),
        lambda net, batch: loss_of(net, criterion, batch), also={"discrepancy": kept},
    )  # fmt: skip
    return net, words


def batch_of(
    settings: Settings, words: Words, watched: Pool, texts: list[world.Scene], noise: Tensor | None, number: int
) -> Batch:
    """Scenes of the pool first, then those that are told; of these a share is told wrongly, too."""
    random_ = random.Random(f"{settings.seed}:toyvlm:{number}")
    which = random_.sample(range(len(watched.scenes)), min(settings.batch, len(watched.scenes)))
    scenes = [texts[i] for i in which]
    seen = part_of(watched.seen, torch.tensor(which, dtype=torch.long))
    if settings.told:
        by_script = [world.scene(settings.seed, random_.randrange(100_000)) for _ in range(settings.told)]
        shown = [data.shown(scene, data.moments(scene.duration, random_), None) for scene in by_script]
        seen = cat([seen, data.by_script(shown)])
        scenes += told(by_script, settings.noise, settings.wrong, number)
    pairs = [data.pairs_about(scene, random_, settings.asks) for scene in scenes]
    answers = data.rows([[(words.asked(q), words.said(a)) for q, a in about] for about in pairs])
    captions = data.rows([[(words.ids(TELL), words.said(data.caption(scene)))] for scene in scenes[::4]])
    return Batch(seen, answers, captions, None if noise is None else noise[which])


def loss_of(net: nn.Module, criterion: losses.Criterion, batch: Batch) -> tuple[Tensor, dict[str, float]]:
    assert isinstance(net, ToyVlmNet)
    memory = net.remember(batch.seen)
    fourths = torch.arange(0, len(batch.seen.cells), 4)
    parts, said = dict[str, Tensor](), dict[str, float]()
    for name, memory_of, (ids, labels), noise in (
        ("answers", memory, batch.answers, batch.noise),
        ("captions", of_clips(memory, fourths), batch.captions, None if batch.noise is None else batch.noise[::4]),
    ):
        logits = net.read(memory_of, ids).float()
        if noise is not None:
            noise = noise.repeat_interleave(ids.shape[1])
        found = criterion(logits.flatten(0, 1), labels.flatten(0, 1), [name] * (ids.shape[0] * ids.shape[1]), noise)
        parts[name] = found.value
        said |= {f"{name}_{key}": found.log[key] for key in ("weight",) if key in found.log}
        said |= {f"{name}_distance": found.log["distance"][name]} if "distance" in found.log else {}
    return torch.stack([*parts.values()]).sum(), {name: float(part.detach()) for name, part in parts.items()} | said


def measure(model: ToyVlm, seed: int, scenes: int) -> dict[str, Any]:
    """Right answers to clean five-choice questions about a world, in all and by kind, and of the blind."""
    found: dict[str, Any] = {}
    for blind in ("", "zeroed", "other"):
        asked = test(model.eyes, seed, scenes, blind=blind)
        hits = right(model, asked)
        found[blind or "right"] = sum(map(sum, hits))
        if not blind:
            found |= {"asked": sum(map(len, hits)), "by_kind": by_kind(asked, hits)}
    return found


def open_model(folder: Path) -> Model:
    return opened(folder / "model" / FILE, toy_eyes.untrained())
