"""Low-rank adapters for a video-language model, trained on multiple-choice or open questions about films:

    flyreel train video-chat cinepile.jsonl -o chat --set four_bit=true

That is what CinePile published for Video-LLaVA 7B: NF4, rank 8, every linear layer of the part that writes, five
epochs, eight frames at cuts; `--model` takes any other model of transformers that is shown pictures. Different from
what was published, each for a reason:

- `longest` counts everything. The published 2048 counted text, since the film was then one token until the model
  unrolled it; it takes 8 × 257 = 2056. Together that is the 4096 that the model has positions for. Where a scene is
  longer, lines of its dialogue go, spread over the scene; right-hand truncation cut off the answer first.
- The loss is of the answer's tokens and not of the prompt's, and held-out questions share no clip with what is learnt.
- The weights with the best held-out accuracy are what is left, and with `patience` it stops when they get no better;
  the published run stopped when accuracy did not fall.

The prompt, the frames and the reading of replies are those of `evaluate`. Only adapters are trained and kept; with
`merge` the model is written whole as well, which any program opens as it opens the base.
"""

from __future__ import annotations

import gc
import math
import random
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from flyreel.errors import InputError
from flyreel.evaluate.pictures import Choosing
from flyreel.models._opening import Opened, opened
from flyreel.models.call import Model
from flyreel.models.hub import quiet
from flyreel.models.in_process import FRAMES_AS, FramesAs, TransformersModel
from flyreel.train import losses
from flyreel.train.chat_data import chat_batch
from flyreel.train.data import Data, Frames, Sample, check_loss, data, drawn
from flyreel.train.loop import Fitted, NothingLearnt, Plan, fit
from flyreel.train.running import launched
from flyreel.train.runs import Run, open_run, read
from flyreel.train.video_chat import model as chat
from flyreel.train.video_chat.left_out import LeftOut
from flyreel.train.video_chat.look import at_held_out


@dataclass(frozen=True)
class Settings:
    source: str = ""
    model: str = "LanguageBind/Video-LLaVA-7B-hf"
    """Of the hub, or a folder."""
    format: str = ""
    held: float = 0.1
    seed: int = 1
    frames: int = 8
    frames_as: str = ""
    """Images, or video for a model that has a way of its own for films; nothing said, Video-LLaVA is shown a video."""
    selector: str = "cuts"
    size: int = 448
    """Longest side of a frame, in pixels, before the model's own processor makes it what it wants."""
    longest: int = 4096
    """Tokens of prompt, pictures and answer."""
    rank: int = 8
    alpha: int = 8
    dropout: float = 0.1
    target: str = chat.RULE
    """Which layers get adapters; or last names with commas between them, such as q_proj,v_proj."""
    four_bit: bool = False
    epochs: float = 5.0
    steps: int = 0
    """0 is as many as the epochs take."""
    batch: int = 1
    accumulate: int = 8
    rate: float = 1e-3
    """As in CinePile's code; its text says 1e-4."""
    loss: str = "mle"
    gamma: float = losses.GAMMA
    floor: float = losses.FLOOR
    smoothing: float = 0.0
    look_every: int = 0
    """Steps from one look at held-out questions to the next; 0 is once an epoch."""
    look_at: int = 200
    """How many of them at most."""
    patience: int = 0
    """Looks without a better one before it stops; 0 is never. The best weights are put back in any case."""
    watch: str = "accuracy"
    keep_every: int = 100
    bf16: bool = False
    """On a GPU the frozen part is in bfloat16 in any case; this computes the adapters so too."""
    gradient_checkpointing: bool = False
    """A third more time for a fraction of the memory."""
    merge: bool = True


def train(settings: Settings, out: Path, say: Callable[[str], None]) -> dict[str, Any]:
    _check(settings)
    learnt_from = data(Path(settings.source), held=settings.held, seed=settings.seed, format=settings.format or None)
    check_loss(settings.loss, learnt_from.train)
    _check_watched(settings, learnt_from)
    found = chat.base(settings.model, settings.four_bit)
    frames_as = _frames_as(settings, found)
    about = {
        "data": learnt_from.about,
        "base": {"name": settings.model, "digest": found.digest},
        "frames_as": frames_as,
    }
    run = open_run(out, "video-chat", asdict(settings), about, say)
    torch.manual_seed(settings.seed)
    to_learn = {name: getattr(settings, name) for name in ("rank", "alpha", "dropout", "target")}
    model = chat.adapted(found, settings.model, **to_learn)
    if settings.gradient_checkpointing:
        chat.recomputes(found.model)
    run.say("{:,} weights in adapters, {:,} in all".format(*model.get_nb_trainable_parameters()))
    frames = Frames(Choosing(settings.frames, settings.selector, longest=settings.size), run.folder / "frames")
    held, left_out = _held(settings, learnt_from), LeftOut()
    fitted = _fitted(settings, run, model, found, learnt_from.train, held, frames, frames_as, left_out)
    if run.writes:
        chat.write_adapter(model, run.model / "adapter")
        if settings.merge:
            _merge(settings, run, model, found)
        shutil.rmtree(frames.folder, ignore_errors=True)
    result = {
        "steps": fitted.step, "best": fitted.best, "stopped_early": fitted.stopped_early,
        "looks": fitted.looks, "looked_at": len(held), "left_out": left_out.counts(),
    }  # fmt: skip
    return run.finish(result, _card(settings, about, result))


def _fitted(
    settings: Settings,
    run: Run,
    model: Any,
    found: Opened,
    samples: list[Sample],
    held: list[Sample],
    frames: Frames,
    frames_as: FramesAs,
    left_out: LeftOut,
) -> Fitted:
    """`left_out` is told of what does not fit, question by question."""
    film, longest = frames_as == "video", min(settings.longest, found.limit)
    epoch = len(samples) / (settings.batch * settings.accumulate * launched.count())
    plan = Plan(
        steps=settings.steps or math.ceil(settings.epochs * epoch), rate=settings.rate, seed=settings.seed,
        accumulate=settings.accumulate, clip=1.0, keep_every=settings.keep_every,
        look_every=settings.look_every or math.ceil(epoch), watch=settings.watch, patience=settings.patience,
        bf16=settings.bf16,
    )  # fmt: skip
    discrepancy = losses.Discrepancy()
    criterion = losses.criterion(
        settings.loss, gamma=settings.gamma, floor=settings.floor, smoothing=settings.smoothing, discrepancy=discrepancy
    )
    optimiser = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=settings.rate)

    def batch_with(some: Sequence[Sample], noted: dict[str, str]) -> dict[str, Any] | None:
        return chat_batch(found.reader, some, frames, longest=longest, film=film, left_out=noted)

    def batch_of(number: int) -> dict[str, Any] | None:
        some = [samples[i] for i in drawn(len(samples), settings.batch, settings.seed, number)]
        return batch_with(some, left_out.train)

    def loss_of(model: nn.Module, batch: dict[str, Any]) -> tuple[Tensor, Mapping[str, float]]:
        logits, labels = chat.predicted(found.model, model, batch)
        loss = criterion(logits, labels, batch["sources"], batch["noise"])
        return loss.value, {"weight": loss.log["weight"]} if "weight" in loss.log else {}

    def look(model: nn.Module) -> Mapping[str, float]:
        batch_held = partial(batch_with, noted=left_out.held)
        return at_held_out(found, model, held, frames, frames_as, settings.batch, batch_held)

    also: dict[str, Any] = {"discrepancy": discrepancy, "left_out": left_out}
    try:
        with quiet():
            return fit(run, model, optimiser, plan, batch_of, loss_of, look if held else None, also)
    except NothingLearnt:
        why = ", ".join(f"{reason} {n:,}" for reason, n in left_out.counts()["train"].items())
        raise InputError(f"{settings.source}: nothing was learnt, as no question can be shown: {why}") from None


def _merge(settings: Settings, run: Run, model: Any, found: Opened) -> None:
    """Into the base as it is in memory, and where that has four bits into the base in full: rounding what was learnt to
    four bits would lose it. So such a model answers a little differently than it did while it was trained."""
    if not settings.four_bit:
        chat.write_merged(model.merge_and_unload(), settings.model, run.model / "merged")
        return
    found.model.to("cpu") if found.device == "cuda" else None
    gc.collect()
    torch.cuda.empty_cache()
    whole = chat.joined(run.model / "adapter", found.digest)
    chat.write_merged(whole.model, settings.model, run.model / "merged")


def open_model(folder: Path) -> Model:
    """The merged weights where they were written, and otherwise base and adapter, which are joined in memory."""
    facts = read(folder)
    merged = folder / "model" / "merged"
    if merged.is_dir():
        found = opened(str(merged))
    else:
        found = chat.joined(folder / "model" / "adapter", facts["about"]["base"]["digest"])
    return TransformersModel(folder.name, found, facts["about"]["frames_as"])


def _check(settings: Settings) -> None:
    if not settings.source:
        raise InputError("video-chat: name a question file or a project to learn from")
    if settings.frames_as not in ("", *FRAMES_AS):
        raise InputError(f"--set frames_as={settings.frames_as}: {' or '.join(FRAMES_AS)}")
    for name in ("epochs", "batch", "accumulate", "rank", "alpha", "rate", "look_at"):
        if getattr(settings, name) <= 0:
            raise InputError(f"--set {name}={getattr(settings, name)}: must be more than 0")
    if not 0 <= settings.dropout < 1:
        raise InputError(f"--set dropout={settings.dropout:g}: a share from 0 to below 1")
    Choosing(settings.frames, settings.selector, longest=settings.size).check()


def _frames_as(settings: Settings, found: Opened) -> FramesAs:
    said = settings.frames_as or ("video" if found.model.config.model_type == "video_llava" else "images")
    if said == "video" and not found.films:
        raise InputError(
            f"{settings.model} takes no video here, which its processor may need torchvision for (pip install "
            "torchvision); or --set frames_as=images"
        )
    return "video" if said == "video" else "images"


def _check_watched(settings: Settings, learnt_from: Data) -> None:
    if settings.watch not in ("accuracy", "loss"):
        raise InputError(f"--set watch={settings.watch}: accuracy or loss")
    held = _held(settings, learnt_from)
    if settings.watch == "accuracy" and held and not any(sample.key is not None for sample in held):
        raise InputError("no held-out question has choices, so there is no accuracy to watch: --set watch=loss")


def _held(settings: Settings, learnt_from: Data) -> list[Sample]:
    """What is looked at: the same at every look, and drawn, since a file's first questions are often of one film."""
    held = learnt_from.held
    return held if len(held) <= settings.look_at else random.Random(settings.seed).sample(held, settings.look_at)


def _card(settings: Settings, about: dict[str, Any], result: dict[str, Any]) -> str:
    holds = "`model/adapter` is for peft, with the base beside it"
    if settings.merge:
        holds += "; `model/merged` is the whole model, which opens as its base does"
    base, from_ = about["base"], about["data"]
    return f"""# {settings.model}, adapted to answer questions about films

Low-rank adapters (rank {settings.rank}, alpha {settings.alpha}), trained by `{settings.loss}`;
the weights of step {result["steps"]:,}. {holds}.

It was shown {settings.frames} frames by `{settings.selector}`, as {about["frames_as"]}, and is to be asked so too:

    flyreel evaluate FILE --model run:FOLDER -k {settings.frames} --selector {settings.selector} --size {settings.size}

Opened by `hf:` it needs `frames_as = "{about["frames_as"]}"` in flyreel.toml as well.

- Held-out: {_best(result)}.
- Base: {settings.model}, files sha256 {base["digest"]}.
- Data: {from_["train"]:,} questions, {from_["held"]:,} held out, of which {from_["held_copies"]:,} are also learnt
  from word for word, of other films; sha256 {from_["digest"]}.
- Licence: an adapter, and a model it is merged into, inherit that of the base. Here: {chat.licence(settings.model)}.
  What the questions and films may be used for holds as well.
"""


def _best(result: dict[str, Any]) -> str:
    if not result["looked_at"]:
        return "nothing was held out"
    told = ", ".join(f"{name} {value:.4g}" for name, value in result["best"].items() if math.isfinite(value))
    looks = f"{result['looks']:,} looks at {result['looked_at']:,} questions"
    if not told:
        return f"{looks} told nothing, as none of those can be shown"
    return f"{told}, the best of {looks}, which chose these weights; of other questions expect less"
