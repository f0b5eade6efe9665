"""toyvlm, a small model that watches, captions and answers, trained on toybox from nothing:

    flyreel train toyvlm -o toyvlm.safetensors --seed 1

Each step draws new scenes of the world of that seed; held-out work uses worlds of other seeds. The eyes learn from the
script what stands where. The reader learns the next word of captions and of answers, from what the eyes see and, more
often, from what the script says is there, which costs no drawing and needs no eyes that are good already. Words of a
question are read and not learnt. A run that was cut off goes on from its checkpoint when started again.
"""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor, nn

from flyreel.errors import InputError
from flyreel.tables import atomic, write_text
from flyreel.toybox import questions, world
from flyreel.train import _toyvlm_data as data
from flyreel.train import losses
from flyreel.train._toyvlm_data import SPOT_SIZES, TELL, WHOLE_SIZES, Shown, Words
from flyreel.train._toyvlm_net import FRAMES, LONGEST, Memory, Seen, ToyVlmNet, as_input, rate_at

Blind = Literal["", "zeroed", "other"]


@dataclass(frozen=True)
class Settings:
    seed: int = 1
    scenes: int = 100_000
    steps: int = 1200
    batch: int = 24
    """Scenes drawn a step."""
    told: int = 40
    """Scenes a step that only the script tells of."""
    asks: int = 6
    """Questions about each."""
    rate: float = 2e-3
    loss: str = "mle"
    keep_every: int = 100
    """Steps from one checkpoint to the next."""
    threads: int = 1


def network(words: Words) -> ToyVlmNet:
    return ToyVlmNet(len(words.known), SPOT_SIZES, WHOLE_SIZES, len(world.NAMES), data.meaning(words))


class ToyVlm:
    """A trained model with its words: asks of frames (n, height, width, 3), in bytes."""

    def __init__(self, net: ToyVlmNet, words: Words) -> None:
        self.net, self.words = net.eval(), words

    @torch.inference_mode()
    def watch(self, clips: Sequence[np.ndarray]) -> Memory:
        """Clips of eight frames each; what comes back is asked about by `choose` and `caption`."""
        assert all(len(clip) == FRAMES for clip in clips), (
            f"clips of {[len(clip) for clip in clips]} frames, not {FRAMES}"
        )
        frames = torch.from_numpy(np.stack([[data.to_size(f) for f in clip] for clip in clips]))
        told, whole = self.net.look(as_input(frames.flatten(0, 1)))
        return self.net.remember(self.net.eyes.seen(told, whole, len(clips)))

    @torch.inference_mode()
    def likelihoods(self, memory: Memory, clip: int, question: str, choices: Sequence[str]) -> list[float]:
        """Of each choice the mean of its words' log-probabilities, the end among them."""
        ids, labels = data.rows([(self.words.asked(question), self.words.said(choice)) for choice in choices])
        told = self.net.read(memory, torch.full((len(ids),), clip), ids).log_softmax(2)
        kept = labels != losses.IGNORED
        found = told.gather(2, labels.clamp(min=0).unsqueeze(2)).squeeze(2) * kept
        return (found.sum(1) / kept.sum(1)).tolist()

    def choose(self, memory: Memory, clip: int, question: str, choices: Sequence[str]) -> int:
        return int(np.argmax(self.likelihoods(memory, clip, question, choices)))

    def answer(self, memory: Memory, clip: int, question: str) -> str:
        return self._say(memory, clip, self.words.asked(question))

    def caption(self, memory: Memory, clip: int) -> str:
        return self._say(memory, clip, self.words.ids(TELL))

    @torch.inference_mode()
    def _say(self, memory: Memory, clip: int, prompt: list[int]) -> str:
        """The likeliest word, again and again."""
        ids = list(prompt)
        while len(ids) < LONGEST:
            logits = self.net.read(memory, torch.tensor([clip]), torch.tensor([ids]))
            ids.append(int(logits[0, -1].argmax()))
            if self.words.known[ids[-1]] == data.END:
                break
        return self.words.text(ids[len(prompt) :])


def write(model: ToyVlm, path: Path) -> None:
    _write(path, model.net.state_dict(), {"words": json.dumps(model.words.known)})


def load(path: Path) -> ToyVlm:
    """The vocabulary is read from the file: toybox may have learnt words since."""
    with safe_open(path, "pt") as file:
        words = Words(tuple(json.loads(file.metadata()["words"])))
        net = network(words)
        net.load_state_dict({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
    return ToyVlm(net, words)


def measure(model: ToyVlm, seed: int, scenes: int, per_scene: int = 4, blind: Blind = "") -> dict[str, Any]:
    """Right answers to clean five-choice questions about a world, in all and by kind of question.

    `blind` shows black frames, or those of the clip before (the last one's for the first)."""
    right, asked = Counter[str](), Counter[str]()
    made = [data.shown(s, data.moments(s.duration), 128) for s in world.scenes(seed, scenes)]
    clips = [one.frames for one in made if one.frames is not None]
    if blind == "other":
        clips = clips[-1:] + clips[:-1]
    elif blind == "zeroed":
        clips = [np.zeros_like(clip) for clip in clips]
    gold = questions.questions(seed, scenes, per_scene, faults=0.0)
    places = {one.scene.id: i for i, one in enumerate(made)}
    rows = list(zip(gold.texts, gold.strings("clip"), gold.strings("template"), gold.answer.tolist(), strict=True))
    memories = [model.watch([clip]) for clip in clips]
    for i, (question, clip, kind, answer) in enumerate(rows):
        asked[str(kind)] += 1
        right[str(kind)] += model.choose(memories[places[str(clip)]], 0, question, gold.choices_of(i)) == answer
    kinds = {kind: [right[kind], asked[kind]] for kind in sorted(asked)}
    return {"right": right.total(), "asked": asked.total(), "by_kind": kinds}


def batch_of(settings: Settings, step: int) -> tuple[list[Shown], list[list[tuple[str, str]]]]:
    """Scenes of a step, the drawn ones first, and what is asked about each."""
    random_ = random.Random(f"{settings.seed}:toyvlm:{step}")
    made, asked = [], []
    for i in range(settings.batch + settings.told):
        scene = world.scene(settings.seed, random_.randrange(settings.scenes))
        width = random_.choice((96, 128, 160)) if i < settings.batch else None
        made.append(data.shown(scene, data.moments(scene.duration, random_), width))
        asked.append(data.pairs_about(scene, random_, settings.asks))
    return made, asked


def step_losses(
    net: ToyVlmNet, words: Words, criterion: losses.Criterion, made: list[Shown], asked: list[list[tuple[str, str]]]
) -> dict[str, Tensor]:
    drawn = [one for one in made if one.frames is not None]
    told, whole = net.look(as_input(torch.from_numpy(np.concatenate([one.frames for one in drawn]))))
    by_eye, by_script = net.eyes.seen(told, whole, len(drawn)), data.by_script(made[len(drawn) :])
    answers = [(i, words.asked(q), words.said(a)) for i, pairs in enumerate(asked) for q, a in pairs]
    captions = [(i, words.ids(TELL), words.said(data.caption(made[i].scene))) for i in range(0, len(made), 4)]
    with torch.autocast("cpu", torch.bfloat16):
        memory = net.remember(Seen(*(torch.cat(both) for both in zip(by_eye, by_script, strict=True))))
        parts = {
            name: _read(net, memory, criterion, name, texts)
            for name, texts in (("answers", answers), ("captions", captions))
        }
    return {"sights": 2 * _sighted(told, drawn), "wholes": _whole(whole, drawn), **parts}


def _read(
    net: ToyVlmNet, memory: Memory, criterion: losses.Criterion, name: str, texts: Iterable[tuple[int, Any, Any]]
) -> Tensor:
    which, prompts, said = zip(*texts, strict=True)
    ids, labels = data.rows(list(zip(prompts, said, strict=True)))
    logits = net.read(memory, torch.tensor(which), ids).float()
    return criterion(logits, labels, [name] * len(ids)).value


def _sighted(told: Tensor, drawn: list[Shown]) -> Tensor:
    """Whether something is there, for every place; what it is, for the places where something is."""
    frames = [spots for one in drawn for spots in one.spots]
    at = torch.tensor([(i, *spot) for i, spots in enumerate(frames) for spot in spots])
    something = torch.zeros(told.shape[:2])
    something[at[:, 0], at[:, 1]] = 1.0
    loss = 4 * F.binary_cross_entropy_with_logits(told[:, :, 0], something)
    for logits, right in zip(told[at[:, 0], at[:, 1], 1:].split(SPOT_SIZES, 1), at[:, 2:].T, strict=True):
        loss = loss + F.cross_entropy(logits, right, ignore_index=-1)
    return loss / (1 + len(SPOT_SIZES))


def _whole(whole: Tensor, drawn: list[Shown]) -> Tensor:
    right = torch.tensor([frame for one in drawn for frame in one.wholes])
    parts = zip(whole.split(WHOLE_SIZES, 1), right.T, strict=True)
    return torch.stack([F.cross_entropy(logits, r) for logits, r in parts]).mean()


def train(settings: Settings, out: Path, log: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """Weights at `out`, and beside them how they were made and the curve. Returns the latter."""
    torch.manual_seed(settings.seed)
    torch.set_num_threads(settings.threads)
    start = time.monotonic()
    words = Words(data.vocabulary())
    net = network(words)
    optimiser = torch.optim.AdamW(net.parameters(), lr=settings.rate, weight_decay=0.02, betas=(0.9, 0.98))
    discrepancy = losses.Discrepancy()
    criterion = losses.criterion(settings.loss, discrepancy=discrepancy)
    kept = out.with_suffix(".checkpoint.safetensors")
    done, curve, sums = 0, list[dict[str, Any]](), dict[str, float]()
    if kept.exists():
        done, curve, sums = _gone_on(kept, settings, net, optimiser, discrepancy)
        log({"goes on after step": done})
    every = max(1, settings.steps // 50)
    net.train()
    for step in range(done + 1, settings.steps + 1):
        for group in optimiser.param_groups:
            group["lr"] = settings.rate * rate_at(step - 1, settings.steps)
        parts = step_losses(net, words, criterion, *batch_of(settings, step))
        optimiser.zero_grad()
        torch.stack(list(parts.values())).sum().backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        for name, value in parts.items():
            sums[name] = sums.get(name, 0.0) + float(value.detach())
        if step % every == 0 or step == settings.steps:
            n = every if step % every == 0 else step % every
            curve.append({"step": step, **{name: round(total / n, 4) for name, total in sums.items()}})
            log({**curve[-1], "seconds": round(time.monotonic() - start, 1)})
            sums = {}
        if step % settings.keep_every == 0 and step < settings.steps:
            _keep(kept, settings, step, net, optimiser, discrepancy, curve, sums)
    made = {
        "recipe": "toyvlm", "settings": asdict(settings), "torch": torch.__version__,
        "parameters": sum(p.numel() for p in net.parameters()), "curve": curve,
    }  # fmt: skip
    write(ToyVlm(net, words), out)
    write_text(out.with_suffix(".json"), json.dumps(made, indent=1) + "\n")
    kept.unlink(missing_ok=True)
    return made


def _write(path: Path, tensors: dict[str, Tensor], notes: dict[str, str]) -> None:
    with atomic(path) as temporary:
        temporary.write_bytes(save({name: t.contiguous() for name, t in tensors.items()}, notes))


def _keep(
    path: Path, settings: Settings, step: int, net: ToyVlmNet, optimiser: torch.optim.Optimizer,
    discrepancy: losses.Discrepancy, curve: list[dict[str, Any]], sums: dict[str, float],
) -> None:  # fmt: skip
    """All that the next step depends on. Batches are made from seed and step; only torch has a stream of its own."""
    tensors = {f"net.{name}": t for name, t in net.state_dict().items()} | {"random": torch.get_rng_state()}
    for number, state in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{number}.{name}": t for name, t in state.items()}
    notes = {
        "settings": asdict(settings), "step": step, "curve": curve, "sums": sums,
        "discrepancy": discrepancy.state_dict(),
    }  # fmt: skip
    _write(path, tensors, {"notes": json.dumps(notes)})


def _gone_on(
    path: Path, settings: Settings, net: ToyVlmNet, optimiser: torch.optim.Optimizer, discrepancy: losses.Discrepancy
) -> tuple[int, list[dict[str, Any]], dict[str, float]]:
    with safe_open(path, "pt") as file:
        notes = json.loads(file.metadata()["notes"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    given = asdict(settings)
    if other := [name for name in given if notes["settings"].get(name) != given[name]]:
        raise InputError(
            f"{path}: kept by a run with another {', '.join(other)}; give what it was given, or remove the file"
        )
    net.load_state_dict({name[4:]: t for name, t in tensors.items() if name.startswith("net.")})
    whole = optimiser.state_dict()
    for name, tensor in tensors.items():
        if name.startswith("optimiser."):
            _, number, key = name.split(".")
            whole["state"].setdefault(int(number), {})[key] = tensor
    optimiser.load_state_dict(whole)
    torch.set_rng_state(tensors["random"])
    discrepancy.load_state_dict(notes["discrepancy"])
    return notes["step"], notes["curve"], notes["sums"]
