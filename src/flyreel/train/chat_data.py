"""Samples as what a chat model is trained on: the prompt that `evaluate` puts, and the answer in the form it asks for.

The loss is over the answer alone. Where prompt and answer together are too long, lines of dialogue go, so that those
that stay are spread evenly over the clip: at that point nobody knows which of them matter, and where a model answers
nobody will know either. Pictures, question, choices and answer are never cut; a sample that is too long without any
dialogue is left out.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from flyreel.errors import Refused
from flyreel.evaluate.pictures import CannotShow, Pictures
from flyreel.evaluate.showing import Item, show
from flyreel.evaluate.views import VIEWS
from flyreel.models._chat_template import Reader
from flyreel.models.call import content_of
from flyreel.models.in_process import taken
from flyreel.train.data import IGNORED, Frames, Sample, fitted

OF_THE_MODEL = ("chat-template", "takes-one-picture")
"""What no sample can help, and a run is better stopped for."""

TAIL = 8
"""Tokens of the prompt that the answer is tokenised behind: how words are cut depends on what is before them."""

Made = dict[str, Any]


def chat_batch(
    reader: Reader,
    samples: Sequence[Sample],
    frames: Frames,
    *,
    longest: int,
    film: bool,
    left_out: dict[str, str] | None = None,
) -> Made | None:
    """What the model is called with, `labels`, and for losses `sources` and `noise`, which is None unless every sample
    says its own; None where nothing is left.

    `longest` counts tokens of text, pictures and answer. Why a question is not in the batch is noted in `left_out`, in
    one word.
    """
    noted = {} if left_out is None else left_out
    kept: list[tuple[Sample, Made]] = []
    for sample in samples:
        made = _made(reader, sample, frames, longest, film)
        if isinstance(made, dict) and not all(_joins(other, made) for _, other in kept):
            made = "other-length-of-film"
        if isinstance(made, dict):
            kept.append((sample, made))
        else:
            noted[sample.item.id] = made
    if not kept:
        return None
    batch = _joined([made for _, made in kept], _padding(reader))
    noise = [sample.noise for sample, _ in kept if sample.noise is not None]
    batch["sources"] = [sample.source for sample, _ in kept]
    batch["noise"] = torch.tensor(noise) if len(noise) == len(kept) else None
    return batch


def answer_text(sample: Sample) -> str:
    """As the prompt asks for it and as replies are read."""
    return sample.answer if sample.letter is None else f"**Answer:** {sample.letter}"


def _made(reader: Reader, sample: Sample, frames: Frames, longest: int, film: bool) -> Made | str:
    """One sample as a batch of one, or in one word why not."""
    seen = frames.of(sample)
    if seen is None:
        return frames.broken[str(sample.item.video or sample.item.id)]
    try:
        return _short_enough(reader, sample, seen, longest, film)
    except CannotShow as cannot:
        return cannot.reason
    except Refused as refused:
        if refused.reason in OF_THE_MODEL:
            raise
        return refused.reason


def _short_enough(reader: Reader, sample: Sample, seen: Pictures, longest: int, film: bool) -> Made | str:
    kept = len(sample.item.cues)
    while True:
        made = _with_answer(reader, sample, _with_lines(sample.item, kept), seen, longest, film)
        if isinstance(made, dict):
            return made
        if not kept:
            return "too-long"
        kept = _fewer(reader, sample.item, kept, made)


def _with_lines(item: Item, kept: int) -> Item:
    return replace(item, cues=tuple(item.cues[i] for i in spread(len(item.cues), kept)))


def spread(count: int, kept: int) -> list[int]:
    """The middles of equal parts."""
    return [(2 * i + 1) * count // (2 * kept) for i in range(kept)]


def _fewer(reader: Reader, item: Item, kept: int, excess: int) -> int:
    """How many lines to try next: found with the text alone, as pictures take long to prepare and are always the same
    tokens."""

    def tokens(lines: int) -> int:
        asked = show(_with_lines(item, lines), VIEWS["dialogue"], None).call.messages
        return sum(len(reader.tokenizer(reader.clean(content_of(m)))["input_ids"]) for m in asked)

    most = tokens(kept) - excess
    return max(0, bisect_right(range(kept), most, key=tokens) - 1)


def _with_answer(reader: Reader, sample: Sample, item: Item, seen: Pictures, longest: int, film: bool) -> Made | int:
    """As tensors, or by how many tokens it is too long."""
    made = taken(reader, show(item, VIEWS["full"], seen).call, film)
    prompt = made["input_ids"][0].tolist()
    answer = _answer(reader, prompt, answer_text(sample))
    found = fitted(prompt, answer, longest)
    if found is None:
        return len(prompt) + len(answer) - longest
    shape, more = made["input_ids"].shape, (1, len(answer))
    for name, value in made.items():  # masks and kinds of tokens, one a token
        if isinstance(value, Tensor) and value.shape == shape:
            filling = torch.ones(more) if name == "attention_mask" else torch.zeros(more)
            made[name] = torch.cat([value, filling.to(value.dtype)], 1)
    return made | {"input_ids": torch.tensor([found[0]]), "labels": torch.tensor([found[1]])}


def _answer(reader: Reader, prompt: Sequence[int], text: str) -> list[int]:
    """Behind the prompt's end, as a model that writes on has it, and with the token that ends a reply."""
    tokenizer = reader.tokenizer
    tail = tokenizer.decode(prompt[-TAIL:], skip_special_tokens=False, clean_up_tokenization_spaces=False)
    glued = tail[-1:].isspace() or prompt[-1] in tokenizer.all_special_ids
    said = _behind(tokenizer, tail, reader.clean(text) if glued else f" {reader.clean(text)}")
    return [*said, *([] if tokenizer.eos_token_id is None else [tokenizer.eos_token_id])]


def _behind(tokenizer: Any, tail: str, said: str) -> list[int]:
    """Where prompt and answer would share a token, as a space and a star may, the prompt's tokens are as they are, and
    the answer begins as on a new line: alone some tokenizers would put a space before it."""
    for before in (tail, "\n"):
        begun, whole = (list(tokenizer(t, add_special_tokens=False)["input_ids"]) for t in (before, before + said))
        if whole[: len(begun)] == begun:
            return whole[len(begun) :]
    return list(tokenizer(said, add_special_tokens=False)["input_ids"])


def _padding(reader: Reader) -> int:
    known = (reader.tokenizer.pad_token_id, reader.tokenizer.eos_token_id)
    return next((i for i in known if i is not None), 0)


def _joins(one: Made, other: Made) -> bool:
    """Whether films of a model that counts their frames are of one length: a frame that is none cannot be filled in."""
    films = [made["pixel_values_videos"] for made in (one, other) if "pixel_values_videos" in made]
    return len(films) < 2 or films[0].ndim != 5 or films[0].shape[1] == films[1].shape[1]


def _joined(made: Sequence[Made], pad: int) -> Made:
    """Rows of tokens are filled up at their end. Pixels follow each other along the first dimension, and are filled up
    with zeros along the others, which is how processors mark what is no picture."""
    fill = {"input_ids": pad, "labels": IGNORED}
    return {
        name: _stacked([one[name] for one in made if name in one], fill.get(name, 0))
        for name in dict.fromkeys(name for one in made for name in one)
    }


def _stacked(parts: Sequence[Tensor], fill: int) -> Tensor:
    sizes = [max(part.shape[d] for part in parts) for d in range(1, parts[0].ndim)]
    whole = parts[0].new_full((sum(len(part) for part in parts), *sizes), fill)
    start = 0
    for part in parts:
        whole[(slice(start, start + len(part)), *(slice(n) for n in part.shape[1:]))] = part
        start += len(part)
    return whole
