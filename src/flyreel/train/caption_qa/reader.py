"""The model that reads captions: an encoder-decoder such as FLAN-T5, what it learns from, and what it writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch

from flyreel.errors import InputError, MissingExtra
from flyreel.models.hub import FILES, brief, digest_of, folder_of, quiet, whole
from flyreel.train.caption_qa.text import Pieces, fitted, ids
from flyreel.train.data import IGNORED, Sample

LONGEST_ANSWER = 64
"""Tokens of an answer at most, the end among them."""
AT_ONCE = 16
"""Prompts that are answered together."""


@dataclass(frozen=True, eq=False)
class Reader:
    model: Any
    tokenizer: Any
    digest: str


def opened(name: str) -> Reader:
    """A model of the hub, or of a folder; `hf:` before it changes nothing."""
    try:
        import transformers
    except ImportError:
        raise MissingExtra("training caption-qa", "models") from None
    folder = folder_of("hf", name.removeprefix("hf:"))
    here = {"local_files_only": True, "trust_remote_code": False}
    try:
        with quiet():
            tokenizer = transformers.AutoTokenizer.from_pretrained(folder, **here)
            model, said = transformers.AutoModelForSeq2SeqLM.from_pretrained(folder, output_loading_info=True, **here)
    except Exception as error:  # a damaged folder fails in as many ways as there are libraries below
        raise InputError(
            f"--model {name}: {folder} does not open as an encoder-decoder: {brief(error)}; "
            "name another, such as google/flan-t5-base"
        ) from None
    whole(f"--model {name}", folder, said["missing_keys"])
    if tokenizer.eos_token_id is None or tokenizer.pad_token_id is None:
        raise InputError(f"--model {name}: its tokenizer has no token that ends or fills a text; name another")
    files = {path for pattern in (*FILES, "pytorch_model*.bin") for path in folder.glob(pattern)}
    return Reader(model.float().eval(), tokenizer, digest_of(sorted(files)))


def saved(reader: Reader, folder: Path) -> None:
    with quiet():
        reader.model.save_pretrained(folder, safe_serialization=True)
        reader.tokenizer.save_pretrained(folder)


class Example(NamedTuple):
    sample: Sample
    given: list[int]
    """Lines and question; of the baseline the question alone."""
    target: list[int]


def example(reader: Reader, sample: Sample, parts: Pieces, budget: int) -> Example | str:
    """Or in one word why there is none. What is learnt is the answer in words, also where there are choices: its letter
    says nothing that the captions say."""
    given = fitted(parts, budget)
    target = [*ids(reader.tokenizer, sample.answer), reader.tokenizer.eos_token_id]
    if given is None:
        return "question-too-long"
    return "answer-too-long" if len(target) > LONGEST_ANSWER else Example(sample, given, target)


def batch(reader: Reader, examples: Sequence[Example], noisy: bool) -> dict[str, Any]:
    """`noisy`: whether anything says how likely its answer is wrong; what says nothing is then held to be right."""
    given, seen = padded([e.given for e in examples], reader.tokenizer.pad_token_id)
    labels, real = padded([e.target for e in examples], IGNORED)
    begins = torch.full((len(examples), 1), reader.model.config.decoder_start_token_id)
    said = torch.cat([begins, labels[:, :-1].where(real[:, :-1].bool(), reader.tokenizer.pad_token_id)], 1)
    return {
        "input_ids": given, "attention_mask": seen, "decoder_input_ids": said, "labels": labels,
        "sources": [e.sample.source for e in examples],
        "noise": torch.tensor([e.sample.noise or 0.0 for e in examples]) if noisy else None,
    }  # fmt: skip


def padded(rows: Sequence[Sequence[int]], filler: int) -> tuple[torch.Tensor, torch.Tensor]:
    """And where something stands."""
    width = max(map(len, rows))
    full = torch.tensor([[*row, *[filler] * (width - len(row))] for row in rows])
    return full, torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows])


class Written(NamedTuple):
    text: str
    tokens: int
    ended: bool


def written(reader: Reader, prompts: Sequence[list[int]], most: int = LONGEST_ANSWER) -> list[Written]:
    """The likeliest token, again and again: the same at every call."""
    device = next(reader.model.parameters()).device
    order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
    found: dict[int, Written] = {}
    reader.model.eval()
    for at in range(0, len(order), AT_ONCE):
        some = order[at : at + AT_ONCE]
        given, seen = padded([prompts[i] for i in some], reader.tokenizer.pad_token_id)
        with torch.inference_mode(), quiet():
            out = reader.model.generate(
                input_ids=given.to(device), attention_mask=seen.to(device), max_new_tokens=most, num_beams=1,
                do_sample=False,
            )  # fmt: skip
        found |= dict(zip(some, (_read(reader, row) for row in out[:, 1:].tolist()), strict=True))
    return [found[i] for i in range(len(prompts))]


def _read(reader: Reader, row: list[int]) -> Written:
    end = reader.tokenizer.eos_token_id
    ended = end in row
    row = row[: row.index(end) + 1] if ended else row
    text = reader.tokenizer.decode(row, skip_special_tokens=True, clean_up_tokenization_spaces=False)
    return Written(" ".join(text.split()), len(row), ended)
