"""A model that knows the scenes: writes questions about them, and reads them, each with mistakes at a known rate.

It finds the scene that a prompt is about by the lines of its transcript, so that it stands behind the same protocol as
any other model. What it writes wrongly is wrong in its key: another choice is called right, the question is about
another scene, or two choices are right. What it misreads it misreads each time it is asked, in any order of the
choices: a mistake that averaging cannot mend.

    python -m flyreel.toybox.scripted --seed 7 --clips 24 --errs 0.2 --misreads 0.1
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import random
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from flyreel.models.fake import FakeReply, FakeServer, options, serve
from flyreel.models.scoring import LETTERS
from flyreel.toybox import oracle, world
from flyreel.toybox.questions import CHOICES, chosen, row
from flyreel.toybox.telling import caption, cues
from flyreel.toybox.world import Scene

_LINE = re.compile(r"^\[(\d+\.\d)-\d+\.\d\] (?:\((?:described|said)\) )?(.*)$", re.M)
_QUESTION = re.compile(r"^Question: (.*)$", re.M)
_PROPOSED = re.compile(r"^Proposed answer: (.*)$", re.M)
_KIND = re.compile(r"^\d+\. \"", re.M)
SURE = 0.9
"""Of the letter that it means."""


@dataclass(frozen=True)
class Scripted:
    """`errs` is the share of written questions whose key is wrong, `misreads` that of questions it takes wrongly."""

    scenes: Sequence[Scene]
    errs: float = 0.0
    misreads: float = 0.0
    seed: int = 0
    by_line: dict[tuple[str, str], list[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for i, scene in enumerate(self.scenes):
            lines = [(cue.start, cue.text) for cue in cues(scene) if cue.kind == "description"]
            for start, text in [*lines, (0.0, caption(scene))]:
                self.by_line.setdefault((f"{start:.1f}", text), []).append(i)

    def __call__(self, messages: list[dict[str, Any]]) -> FakeReply:
        told = str(messages[-1]["content"])
        scene = self._scene(told)
        if "Kinds of question:" in told:
            return self._written(told, scene)
        if proposed := _PROPOSED.search(told):
            question, answer = _text(_QUESTION.search(told)), _text(proposed)
            return _said("yes" if answer in self._believed(scene, question, [answer]) else "no")
        return self._picked(scene, _text(_QUESTION.search(told)), options(messages))

    def _scene(self, told: str) -> Scene | None:
        """The one that most lines are of; none where the prompt has no transcript that it knows."""
        votes = Counter(i for start, text in _LINE.findall(told) for i in self.by_line.get((start, _plain(text)), ()))
        return self.scenes[votes.most_common(1)[0][0]] if votes else None

    def _written(self, told: str, scene: Scene | None) -> FakeReply:
        kinds = len(_KIND.findall(told))
        if "Write at most" not in told:
            return FakeReply(json.dumps({"templates": list(range(1, kinds + 1))[:20]}))
        if scene is None:
            return FakeReply(json.dumps({"questions": []}))
        random_ = self._random("write", told)
        listed = [self._question(scene, number, random_) for number in range(1, kinds + 1)]
        return FakeReply(json.dumps({"questions": [q for q in listed if q]}))

    def _question(self, scene: Scene, template: int, random_: random.Random) -> dict[str, Any] | None:
        wrong = random_.random() < self.errs
        about = random_.choice(self.scenes) if wrong and random_.random() < 0.5 else scene
        settled = chosen(about, random_, 40)
        if not settled:
            return None
        ask, slots = random_.choice(settled)
        made = row(about, ask, slots, (), None, random_, "")
        key = made["choices"][made["answer"]]
        others = [choice for choice in made["choices"] if choice != key]
        if wrong and about is scene:
            also = sorted(set(ask.truth(scene, slots)) - {key})
            if also:
                others[0] = also[0]
            else:
                key, others[0] = others[0], key
        spans = made["evidence"] if about is scene else [{"start": e.start, "end": e.end} for e in scene.events[:1]]
        return {
            "template": template,
            "question": made["question"],
            "answer": key,
            "distractors": others[: CHOICES - 1],
            "rationale": f"It is {key}, as the scene shows.",
            "evidence": spans,
        }

    def _picked(self, scene: Scene | None, question: str, choices: list[str]) -> FakeReply:
        if not choices:
            return FakeReply("nothing")
        right = self._believed(scene, question, choices)
        weights = [1.0 if choice in right else 0.0 for choice in choices]
        if not any(weights):  # it cannot tell, and goes by the text alone
            weights = [self._random("guess", question, choice).random() ** 8 for choice in choices]
        rest = (1 - SURE) / len(choices)
        shares = [rest + SURE * w / sum(weights) for w in weights]
        return _chosen(dict(zip(LETTERS, shares, strict=False)))

    def _believed(self, scene: Scene | None, question: str, choices: Sequence[str]) -> set[str]:
        """The choices that it takes for right."""
        truth = oracle.truths(scene, question) if scene else None
        right = {choice for choice in choices if oracle.says(choice, truth or ())}
        if self._random("misread", question).random() >= self.misreads:
            return right
        # Its own mistake about this question: whichever wrong text comes first in an order of its own, if it is there.
        wrong = sorted(set(choices) - right, key=lambda text: self._random("taken", question, text).random())
        if len(choices) == 1:
            return set(wrong) if wrong and self._random("taken", question, wrong[0]).random() < 0.25 else set()
        return {wrong[0]} if wrong else right

    def _random(self, *about: str) -> random.Random:
        text = "\x1f".join((str(self.seed), *about))
        return random.Random(hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest())


def _text(match: re.Match[str] | None) -> str:
    return _plain(match[1]) if match else ""


def _plain(text: str) -> str:
    """Without the quotes that some prompts put."""
    text = text.strip()
    if text.startswith('"'):
        try:
            return str(json.loads(text))
        except ValueError:
            return text
    return text


def _said(word: str) -> FakeReply:
    other = "no" if word == "yes" else "yes"
    return FakeReply(word, _logs({word: SURE, other: 1 - SURE}))


def _chosen(shares: dict[str, float]) -> FakeReply:
    return FakeReply(max(shares, key=shares.__getitem__), _logs(shares))


def _logs(shares: dict[str, float]) -> dict[str, float]:
    return {token: math.log(share) for token, share in shares.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description="A model on loopback that knows the scenes of a toybox.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--clips", type=int, default=24)
    parser.add_argument("--errs", type=float, default=0.0, help="share of written questions whose key is wrong")
    parser.add_argument("--misreads", type=float, default=0.0, help="share of questions that it reads wrongly")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each reply")
    given = parser.parse_args()
    script = Scripted(tuple(world.scenes(given.seed, given.clips)), errs=given.errs, misreads=given.misreads)
    serve(FakeServer(script, given.latency, port=given.port))


if __name__ == "__main__":
    main()
