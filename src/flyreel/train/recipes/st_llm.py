"""ST-LLM made small: frames that the question chose, a frozen encoder, a Q-Former, and a GPT-2 that reads what it says.

    flyreel train st-llm questions.jsonl -o run --set vision=clip:openai/clip-vit-base-patch32 --model gpt2
    flyreel train st-llm -o run --set vision=eyes:eyes

As published (Liu et al., ECCV 2024) all tokens of all frames stand before the question. While it learns, some of them
are dropped; next to the words of the answer it then learns to make of the tokens that are left what it makes of them
where none is dropped. Different from what was published:

- The frames are those that CLIP-Cut chooses, and each gets a learnt vector of its place among them. There is no branch
  that pools many frames into a summary: all that is seen stands before the question.
- The language model is a GPT-2, which learns on one core. A pretrained one is trained whole, at a rate of its own.
- The Q-Former looks at another encoder than the pretrained one does, so where it looks is learnt too, with the queries
  and what leads to and from it; the rest of a pretrained one is frozen, as the encoder is. 10 queries a frame, not 32.
- The share that is dropped is cut to 0.1 … 0.7, as in the published code; the paper says 0.3 … 0.7. Tokens that stay
  keep the positions that they had, and so do the words after them.
- What masked frames are compared with is made without dropout.
- A GPT-2 from nothing learns without masked video modelling, unless `mvm` says so.

A question with choices is answered with the likeliest choice, an open one in words. With `mvm=0` nothing is dropped,
unless `mask` says so.
"""

from __future__ import annotations

import random
import shutil
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn

from flyreel.errors import InputError
from flyreel.evaluate.pictures import Choosing
from flyreel.models.call import Model
from flyreel.toybox.world import Scene
from flyreel.train import losses
from flyreel.train.data import Data, Frames, Sample, check_loss
from flyreel.train.data import data as questions_of
from flyreel.train.loop import Fitted, NothingLearnt, Plan, fit
from flyreel.train.runs import Run, open_run
from flyreel.train.st_llm import data, weights
from flyreel.train.st_llm.answer import in_words, judged
from flyreel.train.st_llm.net import StLlm, dropped
from flyreel.train.st_llm.reply import answering
from flyreel.train.st_llm.vision import Kept, Vision, kept, open_vision
from flyreel.train.st_llm.words import Words, vocabulary

TOYBOX = "toybox"
TOY_FRAMES = 8
CHOOSE_UNASKED = ("uniform", "cuts")
"""Selectors that do not compare a question with frames."""


@dataclass(frozen=True)
class Settings:
    source: str = TOYBOX
    """A question file or a project; toybox is always scenes that are made as they are needed, and a folder of that name
    is given as ./toybox."""
    model: str = ""
    """A GPT-2 of the hub, or a folder; empty is a small one from nothing, with a vocabulary of its own."""
    vision: str = "script"
    """clip:NAME, clip:FOLDER, or eyes:FOLDER of a run of toy-eyes; of toybox also script, which sees no picture."""
    clip_layer: int = -2
    qformer: str = ""
    """A BLIP-2 of the hub, or a folder; empty is one from nothing."""
    queries: int = 10
    """Tokens a frame; 32 were published."""
    frames: int = 8
    selector: str = "clip-cut"
    embedder: str = ""
    """What CLIP-Cut compares question and frames by, such as hf:NAME; nothing said, it is the CLIP of `vision`, and
    toyclip for questions of a toybox, which is all that toyclip knows."""
    size: int = 448
    width: int = 128
    """Of what is made from nothing; so are layers, heads, looks and longest."""
    layers: int = 3
    heads: int = 4
    looks: int = 1
    """Layers of the Q-Former."""
    longest: int = 96
    """Tokens of question and answer."""
    mvm: float | None = None
    """Weight of masked video modelling; nothing said it is 1, as published, for a GPT-2 of the hub, and 0 for one from
    nothing: that one comes out the same whatever is dropped soonest by making the same of all frames."""
    form: Literal["mse", "cosine"] = "mse"
    """The paper's, or the published code's."""
    mask: bool = False
    """Drop tokens even without masked video modelling."""
    least: float = 0.1
    """The smallest and the largest share that is dropped; the paper says 0.3, its code 0.1."""
    most: float = 0.7
    seed: int = 1
    steps: int = 600
    batch: int = 64
    """Clips a step."""
    asks: int = 6
    """Of toybox: questions about each."""
    told: int = 40
    """Of toybox: clips a step that only the script tells of, where others are drawn; at most three quarters of them, so
    that the rest is watched."""
    scenes: int = 100_000
    pool: int = 2_000
    """Of toybox: scenes that are drawn, each once."""
    rate: float = 2e-3
    """Of what begins from nothing."""
    rate_pretrained: float = 2e-5
    """Of what `model` and `qformer` name."""
    loss: str = "mle"
    gamma: float = losses.GAMMA
    floor: float = losses.FLOOR
    held: float = 0.1
    look_every: int = 0
    """Steps from one look at held-out questions to the next; 0 is once, at the end."""
    look_at: int = 60
    """Questions at most at such a look, drawn once; all of them at the end. Of toybox: clips, at every look."""
    patience: int = 0
    keep_every: int = 100
    bf16: bool = False
    threads: int = 1

    @property
    def modelling(self) -> float:
        return (1.0 if self.model else 0.0) if self.mvm is None else self.mvm


@dataclass(frozen=True)
class Source:
    """Where batches come from, whatever they are made of."""

    batch_of: Callable[[int], dict[str, Any] | None]
    held: list[data.Clip]
    looked_at: list[data.Clip]
    """Of those, while it learns."""
    unread: Callable[[], dict[str, int]]
    """Clips, by reason."""
    too_long: int = 0
    """Questions to learn from that do not fit."""


def train(settings: Settings, out: Path, say: Callable[[str], None]) -> dict[str, Any]:
    _check(settings)
    torch.set_num_threads(settings.threads)
    torch.manual_seed(settings.seed)
    vision = open_vision(settings.vision, settings.clip_layer)
    about: dict[str, Any] = {"vision": vision.digest}
    learnt = choosing = None
    if of_toybox(settings):
        if Path(settings.source).exists():
            say("toybox: made scenes, and not what is in the folder of that name")
    else:
        learnt = questions_of(Path(settings.source), held=settings.held, seed=settings.seed)
        check_loss(settings.loss, learnt.train)
        choosing = Choosing(settings.frames, settings.selector, _embedder(settings, learnt.train), settings.size)
        choosing.check()
        about["embedder"] = choosing.embedder
    llm, words = None, cast(Words, data.toy_vocabulary())
    if settings.model:
        llm, words, about["model"] = weights.pretrained_llm(settings.model)
    elif learnt:
        words = vocabulary(t for s in learnt.train for t in (s.item.question, s.answer, *s.item.choices))
    if learnt:
        about["data"] = learnt.about
    else:
        _check_room(settings, words, llm.config.n_positions if llm else 0)
    run = open_run(out, "st-llm", asdict(settings), about, say)
    net = weights.begun(
        vision, words, llm, settings.qformer, frames=settings.frames, queries=settings.queries, width=settings.width,
        layers=settings.layers, looks=settings.looks, heads=settings.heads, longest=settings.longest,
    )  # fmt: skip
    run.say(f"{sum(p.numel() for p in net.parameters() if p.requires_grad):,} weights to train, words {len(words):,}")
    if learnt is None or choosing is None:
        source = _of_toybox(settings, words, vision, run, net.room)
    else:
        source = _of_samples(settings, learnt, choosing, words, vision, run, net.room)
    fitted = _fitted(settings, run, net, words, source)
    found = judged(net, words, source.held, net.room)
    result = {
        "steps": fitted.step, "stopped_early": fitted.stopped_early, "held": found.summary, "by_kind": found.by_kind,
        "held_left_out": {why: count for why, count in found.left_out.items() if count},
        "chosen_by": len(source.looked_at) if fitted.best else 0,
        "unread_clips": source.unread(), "too_long": source.too_long,
    }  # fmt: skip
    if run.writes:
        weights.write(run.model, net, words, vision, settings.clip_layer)
        for name in ("frames", "features"):
            shutil.rmtree(run.folder / name, ignore_errors=True)
    return run.finish(result, _card(settings, choosing, result))


def of_toybox(settings: Settings) -> bool:
    return settings.source == TOYBOX


def _fitted(settings: Settings, run: Run, net: StLlm, words: Words, source: Source) -> Fitted:
    discrepancy = losses.Discrepancy()
    criterion = losses.criterion(settings.loss, gamma=settings.gamma, floor=settings.floor, discrepancy=discrepancy)
    masked = settings.modelling > 0 or settings.mask
    tokens = settings.frames * settings.queries

    def batch_of(number: int) -> dict[str, Any] | None:
        batch = source.batch_of(number)
        if batch is not None:
            generator = torch.Generator().manual_seed(settings.seed * 1_000_003 + number)
            clips = len(batch["features"])
            batch["kept"] = dropped(clips, tokens, generator, settings.least, settings.most) if masked else None
        return batch

    def loss_of(model: nn.Module, batch: dict[str, Any]) -> tuple[Tensor, Mapping[str, float]]:
        told = model(
            batch["features"], batch["texts"], batch["kept"], settings.modelling > 0, settings.form == "cosine"
        )
        total, parts = torch.zeros((), device=batch["features"].device), dict[str, float]()
        for name, logits in told.logits.items():
            group = batch["texts"][name]
            sources = batch["sources"] if "sources" in batch else [name] * len(logits)
            part = criterion(logits, group["labels"], sources, batch.get("noise")).value
            total, parts[name] = total + part, float(part.detach())
        if told.student is not None:
            part = losses.masked_video(told.student, told.teacher, batch["kept"], settings.form)
            total, parts["mvm"] = total + settings.modelling * part, float(part.detach())
        return total, parts

    plan = Plan(
        steps=settings.steps, rate=settings.rate, seed=settings.seed, warm=0.05, keep_every=settings.keep_every,
        look_every=settings.look_every, patience=settings.patience, bf16=settings.bf16,
    )  # fmt: skip
    optimiser = torch.optim.AdamW(_groups(settings, net), lr=settings.rate, weight_decay=0.02, betas=(0.9, 0.98))

    def look(model: nn.Module) -> dict[str, float]:
        if told := judged(net, words, source.looked_at, net.room).told:
            return told
        raise InputError("no held-out question can be asked: no clip can be read, or none fits; set look_every=0")

    looks = look if source.looked_at and settings.look_every else None
    try:
        return fit(run, net, optimiser, plan, batch_of, loss_of, looks, {"discrepancy": discrepancy})
    except NothingLearnt:
        why = ", ".join(f"{reason} {n:,}" for reason, n in source.unread().items())
        raise NothingLearnt(f"{settings.source}: nothing was learnt, since no clip could be read ({why})") from None


def _groups(settings: Settings, net: StLlm) -> list[dict[str, Any]]:
    """What begins from nothing, and what was pretrained, which a high rate would undo."""
    begun = tuple(part for part, name in (("llm.", settings.model), ("qformer.", settings.qformer),
                                          ("queries", settings.qformer)) if name)  # fmt: skip
    groups: dict[bool, list[nn.Parameter]] = {False: [], True: []}
    for name, p in net.named_parameters():
        if p.requires_grad:
            groups[name.startswith(begun)].append(p)
    share = {False: 1.0, True: settings.rate_pretrained / settings.rate}
    return [{"params": some, "share": share[known]} for known, some in groups.items() if some]


def _of_toybox(settings: Settings, words: Words, vision: Vision, run: Run, room: int) -> Source:
    folder, scripted = run.folder / "features", vision.kind == "script"

    def seen(scene: Scene) -> Tensor:
        if scripted:
            return data.told([scene])[0]
        found = kept(folder / f"{scene.id}.npy", lambda: vision.features(data.toy_frames(scene)))
        assert found is not None
        return found

    most = 3 * settings.batch // 4
    by_script = settings.batch if scripted else 0 if vision.kind == "clip" else min(settings.told, most)
    held = data.toy_held(settings.seed, settings.look_at, settings.asks, seen)
    return Source(
        lambda number: data.toy_batch(
            words, settings.seed, number, settings.batch, by_script, settings.asks, settings.scenes, settings.pool,
            room, seen,
        ),
        held, held, dict,
    )  # fmt: skip


def _of_samples(
    settings: Settings, learnt: Data, choosing: Choosing, words: Words, vision: Vision, run: Run, room: int
) -> Source:
    frames = Frames(choosing, run.folder / "frames")
    features = Kept(vision, frames, settings.frames, run.folder / "features")
    fits = [sample for sample in learnt.train if not data.too_long(words, sample, room)]
    if not fits:
        raise InputError(
            f"{settings.source}: no question and answer fit in {room:,} tokens; set fewer frames or queries"
        )
    looked_at = learnt.held
    if len(looked_at) > settings.look_at:  # drawn, since a file's first questions are often of one film
        looked_at = random.Random(settings.seed).sample(looked_at, settings.look_at)
    return Source(
        lambda number: data.sample_batch(words, fits, settings.batch, settings.seed, number, features.of),
        data.sample_held(learnt.held, features.of), data.sample_held(looked_at, features.of),
        lambda: dict(Counter(frames.broken.values())), len(learnt.train) - len(fits),
    )  # fmt: skip


def _embedder(settings: Settings, samples: list[Sample]) -> str:
    kind, _, name = settings.vision.partition(":")
    if settings.embedder or settings.selector in CHOOSE_UNASKED:
        return settings.embedder or "toyclip"
    if all(sample.source == TOYBOX for sample in samples):
        return "toyclip"
    if kind == "clip":
        return f"hf:{name}"
    raise InputError(
        f"{settings.selector} compares questions with frames, and toyclip knows those of a toybox alone; "
        "name what does, as in --set embedder=hf:openai/clip-vit-base-patch32"
    )


def open_model(folder: Path) -> Model:
    return answering(folder.name, folder / "model")


def _check(settings: Settings) -> None:
    toy = of_toybox(settings)
    if settings.vision == "script" and not toy:
        raise InputError("vision=script sees toybox alone; set vision=clip:NAME or vision=eyes:FOLDER")
    if toy and settings.loss == "adatailr-sample-noise":
        raise InputError(f"--loss {settings.loss}: made scenes have no noise; name a question file, or another loss")
    if toy and settings.frames != TOY_FRAMES:
        raise InputError(f"--set frames={settings.frames}: toybox is shown in {TOY_FRAMES}")
    if not 0 <= settings.least <= settings.most < 1:
        raise InputError(f"--set least={settings.least:g}, most={settings.most:g}: shares, in this order")
    if settings.form not in ("mse", "cosine"):
        raise InputError(f"--set form={settings.form}: mse or cosine")
    for name in ("frames", "queries", "steps", "batch", "asks", "layers", "looks", "heads", "pool", "scenes", "look_at",
                 "longest", "rate", "rate_pretrained"):  # fmt: skip
        if getattr(settings, name) <= 0:
            raise InputError(f"--set {name}={getattr(settings, name)}: must be more than 0")
    for name in ("modelling", "told", "look_every"):
        if getattr(settings, name) < 0:
            said = "mvm" if name == "modelling" else name
            raise InputError(f"--set {said}={getattr(settings, name):g}: must not be less than 0")
    losses.criterion(settings.loss)
    if not toy:
        Choosing(settings.frames, settings.selector, longest=settings.size).check(used=False)


def _check_room(settings: Settings, words: Words, positions: int) -> None:
    """For what is said of made scenes. `positions` of a pretrained GPT-2, where there is one."""
    room = positions - settings.frames * settings.queries if positions else settings.longest
    if (need := data.toy_longest(words, settings.seed, settings.asks)) > room:
        change = "set fewer queries" if positions else "set longest to that"
        raise InputError(f"texts of toybox take up to {need:,} tokens, and there is room for {room:,}; {change}")


def _card(settings: Settings, choosing: Choosing | None, result: Mapping[str, Any]) -> str:
    asked_so = ""
    if choosing:
        asked_so = f" -k {choosing.k} --selector {choosing.selector} --embedder {choosing.embedder}"
        asked_so += f" --size {choosing.longest}"
    return f"""# st-llm

{settings.frames} frames of {settings.queries} tokens before the question, seen by `{settings.vision}` and read by
{f"`{settings.model}`" if settings.model else f"a GPT-2 of {settings.layers} layers from nothing"}; {result["steps"]:,}
steps on {settings.source}, masked video modelling with weight {settings.modelling:g}. {in_words(result)}

`flyreel evaluate FILE --model run:FOLDER{asked_so}` asks it as it was trained. The encoder is in `model/` too; its
licence is its own.
"""
