"""st-llm as a model that takes calls: question, choices and pictures are read back from the prompt of `evaluate`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from flyreel.errors import Refused
from flyreel.models._in_thread import Answered, InThread
from flyreel.models.call import Call
from flyreel.models.scoring import LETTERS
from flyreel.train.asked import read_call
from flyreel.train.st_llm import weights
from flyreel.train.st_llm.answer import likelihoods, written
from flyreel.train.st_llm.vision import half, to_count


def answering(name: str, folder: Path) -> InThread:
    """What `weights.write` wrote there, as a model that takes calls."""
    net, words, vision = weights.load(folder)
    count = len(net.times.weight)

    def answer(call: Call) -> Answered:
        asked = read_call(call)
        film = None
        if asked.pictures:
            features = half(vision.features(_as_many(asked.pictures, count)))
            film = net.watch(net.tokens(features[None].to(net.device)))
        prompt = words.asked(asked.question)
        longest = max((len(words.said(choice)) for choice in asked.choices), default=1)
        if len(prompt) + longest > net.room:
            raise Refused("too-long", f"{len(prompt) + longest:,} tokens, and there is room for {net.room:,}")
        used = len(prompt) + (net.start if film else 0)
        if asked.choices:
            told = likelihoods(net, words, film, 0, asked.question, asked.choices)
            best = LETTERS[told.index(max(told))]
            wants = call.parameters.get("logprobs")
            return Answered(f"**Answer:** {best}", used, 1, True, _letters(told) if wants else ())
        most = min(call.output_tokens_most, net.room - len(prompt))
        ids, ended = written(net, words, film, 0, prompt, most, model.still_wanted)
        return Answered(words.text(ids), used, len(ids), ended)

    model = InThread(name, f"sha256:{weights.digest(folder)}", vision.kind != "script", answer)
    return model


def _as_many(pictures: list[np.ndarray], count: int) -> np.ndarray:
    """All as large as the first."""
    height, width = pictures[0].shape[:2]
    same = [np.asarray(Image.fromarray(picture).resize((width, height))) for picture in pictures]
    return to_count(np.stack(same), count)


def _letters(told: list[float]) -> list[dict[str, Any]]:
    """What each choice got, as shares among the choices, under the letter that it stands at."""
    total = math.log(sum(math.exp(x - max(told)) for x in told)) + max(told)
    rows = [{"token": letter, "logprob": x - total} for letter, x in zip(LETTERS, told, strict=False)]
    return sorted(rows, key=lambda row: -row["logprob"])
