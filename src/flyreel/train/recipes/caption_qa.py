"""Captions of keyframes, and a model of text that learns to answer from them:

    flyreel train caption-qa questions.jsonl -o run --set captioner=hf:Salesforce/blip2-opt-2.7b

BLIP-2, another model that is shown pictures, or an endpoint describes each keyframe once. Descriptions, merged where
they repeat and with what is spoken between them, stand before the question, and FLAN-T5 or another encoder-decoder is
trained to write the answer.

Much of what such a model gets right it would get right without any caption. So the same model is trained the same
number of steps on question and options alone, in `baseline/`, and what captions, or captions and dialogue, add is told
beside the accuracy. Neither ever sees an answer or a caption that came with the data.
"""

from __future__ import annotations

import math
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from flyreel.engine.callers import Terms, open_callers
from flyreel.errors import InputError
from flyreel.evaluate.pictures import Choosing
from flyreel.models import roles
from flyreel.models.call import Model
from flyreel.models.ledger import Ledger
from flyreel.train import losses
from flyreel.train.caption_qa import captions as captioning
from flyreel.train.caption_qa import reader as reading
from flyreel.train.caption_qa.captions import Captions
from flyreel.train.caption_qa.model import opened_run
from flyreel.train.caption_qa.reader import Example, Reader
from flyreel.train.caption_qa.scores import Score, added, adds, card, score
from flyreel.train.caption_qa.text import in_time, pieces, spans, spoken
from flyreel.train.data import Data, Frames, Sample, check_loss, data, drawn
from flyreel.train.loop import Plan, fit
from flyreel.train.running import launched
from flyreel.train.runs import Run, open_run, read
from flyreel.video.pick import DEFAULT_EMBEDDER

NAME = "caption-qa"


@dataclass(frozen=True)
class Settings:
    source: str = ""
    model: str = "google/flan-t5-base"
    """Of the hub, or a folder."""
    captioner: str = ""
    """`hf:NAME`, `hf:FOLDER` or an address; nothing is [models.captioner] in flyreel.toml."""
    about_question: bool = False
    """Describe what bears on the question: a caption for each question and frame, and not for each frame."""
    format: str = ""
    held: float = 0.1
    seed: int = 1
    frames: int = 8
    selector: str = "uniform"
    embedder: str = DEFAULT_EMBEDDER
    size: int = 448
    """Longest side of a frame, in pixels."""
    alike: float = 0.9
    """Share of words from which two captions in a row are one."""
    dialogue: bool = True
    tokens: int = 512
    """Of what is read, lines, question and options together."""
    steps: int = 1000
    batch: int = 16
    accumulate: int = 1
    rate: float = 1e-4
    loss: str = "mle"
    gamma: float = losses.GAMMA
    floor: float = losses.FLOOR
    smoothing: float = 0.0
    keep_every: int = 100
    bf16: bool = False
    baseline: bool = True
    blind: bool = False
    """Learn from question and options alone, as the baseline does."""
    calls: str = ""
    """Where captions are kept, for several runs to share; nothing is the run's own folder."""
    concurrency: int = 0
    """Captions asked for at once; 0 is what flyreel.toml says, or what the kind of model takes."""


def train(settings: Settings, out: Path, say: Callable[[str], None]) -> dict[str, Any]:
    _check(settings)
    choosing = Choosing(settings.frames, settings.selector, settings.embedder, settings.size)
    choosing.check(used=not settings.blind)
    found = data(Path(settings.source), held=settings.held, seed=settings.seed, format=settings.format or None)
    check_loss(settings.loss, found.train)
    reader = reading.opened(settings.model)
    about: dict[str, Any] = {
        "data": found.about,
        "model": {"name": settings.model, "digest": reader.digest},
    }
    told = None
    if settings.blind:
        run = open_run(out, NAME, asdict(settings), about, say)
    else:
        run, told = _captioned(settings, choosing, out, found, about, say)
    seen, left_out = _examples(settings, found, told, reader)
    reads, other = _reads(settings, seen), None
    if told and settings.baseline:
        other = _baseline(settings, out / "baseline", seen, about, say)
        say(f"with {reads}:")
    scored = _learnt(settings, run, reader, seen)
    difference = added(other, scored, reads) if other else None
    if difference:
        say(adds(difference))
    result = {
        **scored.json(), "reads": reads, "trained_on": len(seen["train"]),
        "left_out": dict(Counter((found.left_out | left_out).values())),
        "captions": told.counts() if told else None, "captioner": told.captioner if told else None,
        "baseline": other.json() if other else None, "added": difference,
    }  # fmt: skip
    return run.finish(result, card(settings, result))


def open_model(folder: Path, captioner: str = "") -> Model:
    """Asks its captioner, or the one named here, what the pictures of a call show, and answers from that."""
    return opened_run(folder, captioner)


def _captioned(
    settings: Settings, choosing: Choosing, out: Path, found: Data, about: dict[str, Any], say: Callable[[str], None]
) -> tuple[Run, Captions]:
    """Its identity is part of what a run is, so it is contacted first; what it said in a run that was cut off is taken
    from there."""
    place = out / "captions.jsonl"
    earlier = captioning.kept(place)
    if earlier and not earlier.again:
        about["captioner"] = earlier.captioner
        return open_run(out, NAME, asdict(settings), about, say), earlier
    samples = [s for s in (*found.train, *found.held) if not earlier or s.item.id in earlier.again]
    with ExitStack() as stack:
        known = roles.settings(Path())
        spec = captioning.captioner(settings.captioner, known)
        terms = Terms(concurrency=settings.concurrency or None)
        (caller,) = open_callers({"captioner": [spec]}, known, terms, say, stack)["captioner"]
        about["captioner"] = captioning.about(captioning.seeing(caller.model), settings.captioner or "captioner")
        run = open_run(out, NAME, asdict(settings), about, say)
        # Only now: whatever is in the folder before run.json makes it no folder of a run.
        caller.ledger = stack.enter_context(Ledger(Path(settings.calls) if settings.calls else out / "calls"))
        frames = Frames(choosing, out / "frames")
        rows = captioning.ask(caller, samples, frames, settings.about_question, say)
    told = Captions(about["captioner"], {**(earlier.rows if earlier else {}), **rows})
    shutil.rmtree(frames.folder, ignore_errors=True)
    counts = told.counts()
    if not counts["captioned"]:
        failed = ", ".join(counts["failed"]) or "no clip can be read"
        raise InputError(f"not one picture was described ({failed}): look at the captioner, and give the same command")
    if earlier:
        told = told.settled()
    captioning.write(place, told)
    if told.again:
        why = ", ".join(sorted(set(told.again.values())))
        raise InputError(
            f"of {len(told.again):,} questions not every picture was described ({why}): "
            "look at the captioner, and give the same command, which asks once more and goes on with what it then has"
        )
    return run, told


def _examples(
    settings: Settings, found: Data, told: Captions | None, reader: Reader
) -> tuple[dict[str, list[Example]], dict[str, str]]:
    """And which questions are left out, and why."""
    left_out: dict[str, str] = {}

    def made(sample: Sample) -> Example | str:
        seen = told.of(sample.item.id) if told else []
        if isinstance(seen, str):
            return seen
        times, captions = [time for time, _ in seen], [caption for _, caption in seen]
        heard = spoken(sample.item.cues) if told and settings.dialogue else ()
        return _example(reader, sample, in_time(spans(captions, times, settings.alike), heard), settings.tokens)

    parts: dict[str, list[Example]] = {"train": [], "held": []}
    for part, samples in (("train", found.train), ("held", found.held)):
        for sample in samples:
            one = made(sample)
            if isinstance(one, str):
                left_out[sample.item.id] = one
            else:
                parts[part].append(one)
    if not parts["train"]:
        raise InputError(f"nothing to learn from: {dict(Counter(left_out.values()))}")
    return parts, left_out


def _baseline(
    settings: Settings,
    out: Path,
    seen: Mapping[str, list[Example]],
    about: Mapping[str, Any],
    say: Callable[[str], None],
) -> Score:
    """The same questions, in the same batches, from the same start. A run of its own: it can be asked, and one that was
    cut off after it does not train it again."""
    blind = replace(settings, blind=True, baseline=False, captioner="", calls="")
    facts = {name: about[name] for name in ("data", "model")}
    if (out / "run.json").exists() and read(out)["finished"]:
        return Score.read(out)
    say("baseline: question and options alone")
    run = open_run(out, NAME, asdict(blind), facts, say)
    reader = reading.opened(settings.model)
    alone = {name: [_alone(reader, blind, e.sample) for e in examples] for name, examples in seen.items()}
    scored = _learnt(blind, run, reader, alone)
    result = {**scored.json(), "reads": _reads(blind, alone), "trained_on": len(alone["train"])}
    run.finish(result, card(blind, result))
    return scored


def _alone(reader: Reader, settings: Settings, sample: Sample) -> Example:
    made = _example(reader, sample, (), settings.tokens)
    assert isinstance(made, Example), f"{sample.item.id}: {made}, and it was shown with captions"
    return made


def _example(reader: Reader, sample: Sample, lines: Sequence[str], budget: int) -> Example | str:
    parts = pieces(reader.tokenizer, sample.item.question, sample.item.choices, lines)
    return reading.example(reader, sample, parts, budget)


def _reads(settings: Settings, seen: Mapping[str, list[Example]]) -> str:
    """What it answers from. Dialogue that no question has is none."""
    if settings.blind:
        return "question and options alone"
    heard = settings.dialogue and any(e.sample.item.cues for examples in seen.values() for e in examples)
    return "captions and dialogue" if heard else "captions"


def _learnt(settings: Settings, run: Run, reader: Reader, seen: Mapping[str, list[Example]]) -> Score:
    """Trains the model, writes it, and asks it what was held out."""
    examples = seen["train"]
    noisy = any(e.sample.noise is not None for e in examples)
    discrepancy = losses.Discrepancy()
    criterion = losses.criterion(
        settings.loss, gamma=settings.gamma, floor=settings.floor, smoothing=settings.smoothing, discrepancy=discrepancy
    )
    torch.manual_seed(settings.seed)
    optimiser = torch.optim.AdamW(reader.model.parameters(), lr=settings.rate, weight_decay=0.01)
    plan = Plan(
        steps=settings.steps, rate=settings.rate, seed=settings.seed, accumulate=settings.accumulate,
        keep_every=settings.keep_every, bf16=settings.bf16,
    )  # fmt: skip

    def batch_of(number: int) -> dict[str, Any]:
        which = drawn(len(examples), settings.batch, settings.seed, number)
        return reading.batch(reader, [examples[i] for i in which], noisy)

    def loss_of(model: nn.Module, batch: dict[str, Any]) -> tuple[Tensor, Mapping[str, float]]:
        given = {name: batch[name] for name in ("input_ids", "attention_mask", "decoder_input_ids")}
        logits = model(**given, use_cache=False).logits
        loss = criterion(logits, batch["labels"], batch["sources"], batch["noise"])
        return loss.value, {"weight": loss.log["weight"]} if "weight" in loss.log else {}

    fit(run, reader.model, optimiser, plan, batch_of, loss_of, also={"discrepancy": discrepancy})
    if run.writes:
        reading.saved(reader, run.model)
    return score(run.folder, reader, seen["held"])


def _check(settings: Settings) -> None:
    if launched.count() > 1:
        raise InputError(
            f"caption-qa learns in one process, and {launched.count()} were launched: each would pay for all "
            "captions; give the command without torchrun or accelerate launch"
        )
    for name in ("frames", "tokens", "steps", "batch", "accumulate", "rate", "keep_every"):
        value = getattr(settings, name)
        if not (value > 0 and math.isfinite(value)):
            raise InputError(f"--set {name}={value:g}: must be more than 0")
    for name in ("alike", "gamma", "floor", "smoothing"):
        if not 0 <= getattr(settings, name) <= 1:
            raise InputError(f"--set {name}={getattr(settings, name):g}: a share from 0 to 1")
    if settings.concurrency < 0:
        raise InputError(f"--set concurrency={settings.concurrency}: at least 1, or 0 for what flyreel.toml says")
