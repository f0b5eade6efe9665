"""st-llm answering: the likeliest of some choices, or in its own words; and how well it does both on held-out clips."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import torch

from flyreel.audit.statistics import design_effect, wilson
from flyreel.train.losses import IGNORED
from flyreel.train.st_llm.data import Ask, Clip, texts
from flyreel.train.st_llm.net import Film, StLlm
from flyreel.train.st_llm.words import Words

T = TypeVar("T")
CLIPS, TEXTS = 16, 256
"""At a time."""


@torch.inference_mode()
def surprises(net: StLlm, words: Words, film: Film | None, asked: Sequence[tuple[int, str, str]]) -> list[list[float]]:
    """−log p of each token of each answer (clip, question, answer), its end among them."""
    found: list[list[float]] = []
    for some in _parts(asked, TEXTS):
        rows = texts([(i, words.asked(question), words.said(answer)) for i, question, answer in some])
        rows = {name: t.to(net.device) for name, t in rows.items()}
        logits = net.read(film, rows["which"], rows["ids"]).float()
        kept = rows["labels"] != IGNORED
        right = rows["labels"].clamp(min=0).unsqueeze(2)
        each = -logits.log_softmax(2).gather(2, right).squeeze(2)
        found += [row[is_kept].tolist() for row, is_kept in zip(each, kept, strict=True)]
    return found


def likelihoods(
    net: StLlm, words: Words, film: Film | None, clip: int, question: str, choices: Sequence[str]
) -> list[float]:
    """Of each choice the mean log-probability of its tokens. The sum would favour the short."""
    told = surprises(net, words, film, [(clip, question, choice) for choice in choices])
    return [-sum(each) / len(each) for each in told]


@torch.inference_mode()
def written(
    net: StLlm, words: Words, film: Film | None, clip: int, prompt: Sequence[int], most: int,
    go_on: Callable[[], None] = lambda: None,
) -> tuple[list[int], bool]:  # fmt: skip
    """The likeliest token, again and again; and whether it came to an end."""
    ids: list[int] = []
    while len(ids) < most:
        go_on()
        row = torch.tensor([[*prompt, *ids]], device=net.device)
        ids.append(int(net.read(film, torch.tensor([clip], device=net.device), row)[0, -1].argmax()))
        if ids[-1] == words.end:
            return ids[:-1], True
    return ids, False


@dataclass
class Judged:
    """`right` and `asked` by kind of question; `surprise` of the tokens of right answers."""

    right: Counter[str] = field(default_factory=Counter)
    asked: Counter[str] = field(default_factory=Counter)
    surprise: list[float] = field(default_factory=list)
    each: list[bool] = field(default_factory=list)
    chances: list[float] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    """Questions that were not asked, by reason."""

    @property
    def told(self) -> dict[str, float]:
        """Perplexity is e to the mean surprise of a token, and so to the loss beside it. Nothing is told where nothing
        was asked: a perplexity of 1 would be a perfect one."""
        if not self.each:
            return {}
        loss = sum(self.surprise) / len(self.surprise)
        accuracy = self.right.total() / self.asked.total()
        return {"accuracy": accuracy, "loss": loss, "perplexity": math.exp(min(loss, 700.0))}

    @property
    def summary(self) -> dict[str, Any]:
        """And how sure that is: questions of one group are not independent."""
        if not self.each:
            return {}
        hits, groups = np.array(self.each, float), len(set(self.groups))
        sure = wilson(
            float(hits.mean()), len(hits) / design_effect(hits, np.array(self.groups)),
            df=groups - 1 if 1 < groups < len(hits) else None,
        )  # fmt: skip
        return {**self.told, "ci95": list(sure), "chance": sum(self.chances) / len(hits), "n": len(hits),
                "groups": groups}  # fmt: skip

    @property
    def by_kind(self) -> dict[str, list[int]]:
        return {kind: [self.right[kind], self.asked[kind]] for kind in sorted(self.asked)}


@torch.inference_mode()
def judged(net: StLlm, words: Words, clips: Sequence[Clip], room: int) -> Judged:
    """Questions with choices by the likeliest, open ones by saying the answer word for word. Frames are not masked.
    Questions about clips that cannot be read, and those that do not fit, are counted in `left_out`."""
    was, found = net.training, Judged()
    net.eval()
    for some in _parts(clips, CLIPS):
        seen = [(clip, clip.features()) for clip in some]
        rows = [(clip, features) for clip, features in seen if features is not None]
        found.left_out["unreadable-clip"] += sum(len(clip.asks) for clip, features in seen if features is None)
        if not rows:
            continue
        film = net.watch(net.tokens(torch.stack([features for _, features in rows]).to(net.device)))
        asks = [(i, ask) for i, (clip, _) in enumerate(rows) for ask in clip.asks if _fits(words, ask, room)]
        found.left_out["too-long"] += sum(len(clip.asks) for clip, _ in rows) - len(asks)
        _judge(net, words, film, asks, room, found)
        found.groups += [rows[i][0].group for i, _ in asks]
    net.train(was)
    return found


def _judge(net: StLlm, words: Words, film: Film, asks: list[tuple[int, Ask]], room: int, found: Judged) -> None:
    told: Iterator[list[float]] = iter(
        surprises(net, words, film, [(i, ask.question, said) for i, ask in asks for said in (ask.answer, *ask.choices)])
    )
    for i, ask in asks:
        found.surprise += next(told)
        means = [sum(each) / len(each) for each in (next(told) for _ in ask.choices)]
        if ask.key is None:
            prompt, said = words.asked(ask.question), words.said(ask.answer)
            right = written(net, words, film, i, prompt, min(len(said), room - len(prompt)))[0] == said[:-1]
        else:
            right = means.index(min(means)) == ask.key
        found.asked[ask.kind] += 1
        found.right[ask.kind] += right
        found.each.append(bool(right))
        found.chances.append(0.0 if ask.key is None else 1 / len(ask.choices))


def _parts(rows: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (rows[start : start + size] for start in range(0, len(rows), size))


def _fits(words: Words, ask: Ask, room: int) -> bool:
    longest = max(len(words.said(said)) for said in (ask.answer, *ask.choices))
    return len(words.asked(ask.question)) + longest <= room


def in_words(result: Mapping[str, Any]) -> str:
    """Of a run: what was held out, how that went, and what it is worth."""
    held, left_out = result["held"], result["held_left_out"]
    missing = ", ".join(f"{why} {count:,}" for why, count in left_out.items())
    if not held:
        return f"No held-out question could be asked ({missing})." if left_out else "Nothing was held out."
    low, high = held["ci95"]
    said = (
        f"Held-out: accuracy {held['accuracy']:.4g} (95% {low:.4g} … {high:.4g}, chance {held['chance']:.4g}) of "
        f"{held['n']:,} questions in {held['groups']:,} groups, loss {held['loss']:.4g}, "
        f"perplexity {held['perplexity']:.4g}."
    )
    if left_out:
        said += f" Not asked: {missing}."
    if result["chosen_by"]:
        said += " The weights were chosen by looks at the same questions, or a sample of them, which flatters them."
    return said
