"""Models of the Hugging Face hub, or of a folder: how one is opened, and how text becomes what it reads.

Tokenizers take some stretches of plain text for control tokens. "</s>" in a description would end it, "<hl>" would
move the answer, so text from data goes through `plain` first; and the end token is put there once, whether or not the
tokenizer adds one by itself.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from flyreel.errors import InputError, MissingExtra
from flyreel.models import control_tokens
from flyreel.models.hub import brief, folder_of, quiet, whole

HIGHLIGHT = "<hl>"
LONGEST = 512
"""Tokens a model is shown at most, where it does not say less itself."""
BATCH = 16
"""Texts at a time on a CPU; eight times as many on a GPU."""
BEAMS, NEW_TOKENS = 4, 32


@dataclass(frozen=True, eq=False)
class Pretrained:
    model: Any
    tokenizer: Any
    limit: int
    device: str


@cache
def opened(option: str, name: str, head: str) -> Pretrained:
    """`option` is what the user wrote before the name, for error lines; `head` the transformers class for the task."""
    try:
        import torch
        import transformers
    except ImportError:
        raise MissingExtra(option, "models") from None
    folder = folder_of(option, name)
    try:
        with quiet():
            model, said = getattr(transformers, head).from_pretrained(
                folder, local_files_only=True, trust_remote_code=False, output_loading_info=True
            )
            tokenizer = transformers.AutoTokenizer.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False
            )
    except Exception as error:  # a damaged folder fails in as many ways as there are libraries below
        raise InputError(
            f"{option}:{name}: {folder} cannot be loaded: {brief(error)}; name another model, or download it again"
        ) from None
    whole(f"{option}:{name}", folder, said["missing_keys"])
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return Pretrained(model.float().eval().to(device), tokenizer, _limit(model.config, tokenizer), device)


def settings(option: str, name: str) -> Any:
    """The model's configuration, before its weights are read."""
    try:
        import transformers
    except ImportError:
        raise MissingExtra(option, "models") from None
    folder = folder_of(option, name)
    try:
        return transformers.AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:
        raise InputError(f"{option}:{name}: no model in {folder}: {brief(error)}") from None


def _limit(config: Any, tokenizer: Any) -> int:
    said = (getattr(config, name, None) for name in ("n_positions", "max_position_embeddings"))
    return min([LONGEST, *(int(n) for n in (tokenizer.model_max_length, *said) if n)])


def plain(tokenizer: Any, text: str) -> str:
    return control_tokens.plain(tokenizer, text, (HIGHLIGHT, "</s>"))


def encoded(tokenizer: Any, text: str) -> list[int]:
    """With what the tokenizer puts around a text, and exactly one end token. Highlights in it are the caller's."""
    highlight = tokenizer.convert_tokens_to_ids(HIGHLIGHT)
    reserved = {*tokenizer.all_special_ids} - {tokenizer.unk_token_id, highlight}
    ids = [i for i in tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"] if i not in reserved]
    head, tail = _around(tokenizer)
    return [*head, *ids, *tail]


@cache
def _around(tokenizer: Any) -> tuple[list[int], list[int]]:
    probe = "a"
    bare = tokenizer(probe, add_special_tokens=False)["input_ids"]
    whole = tokenizer(probe)["input_ids"]
    at = next((i for i in range(len(whole)) if bare and whole[i : i + len(bare)] == bare), 0)
    end = tokenizer.eos_token_id
    tail = [i for i in whole[at + len(bare) :] if i != end]
    return whole[:at], tail if end is None else [*tail, end]


def fitted(make: Callable[[str, str, str], list[int]], text: str, start: int, end: int, limit: int) -> list[int] | None:
    """`make` of what stands before, at and after a stretch, with so many words of the surroundings as fit the limit.

    Words go from the ends, first from the longer side. The stretch itself is never cut: None where it does not fit.
    """
    starts = [m.start() for m in re.finditer(r"\S+", text[:start])]
    ends = [m.end() for m in re.finditer(r"\S+", text[end:])]
    left, right = len(starts), len(ends)
    while True:
        before = text[starts[-left] if left < len(starts) else 0 : start] if left else ""
        after = text[end:] if right == len(ends) else text[end : end + ends[right - 1]] if right else ""
        ids = make(before, text[start:end], after)
        over = len(ids) - limit
        if over <= 0:
            return ids
        if not left and not right:
            return None
        keep = left + right - min(left + right, max(1, over // 3))
        left = min(left, max(keep // 2, keep - right))
        right = keep - left


def written(with_: Pretrained, prompts: Sequence[list[int]], beams: int = BEAMS) -> list[str]:
    """What a sequence-to-sequence model makes of each prompt. Nothing is drawn: the same again at every run."""
    import torch

    step = BATCH * (8 if with_.device == "cuda" else 1)
    pad = with_.tokenizer.pad_token_id or 0
    order = sorted(range(len(prompts)), key=lambda i: (-len(prompts[i]), i))
    texts = [""] * len(prompts)
    with torch.inference_mode(), quiet():
        for at in range(0, len(order), step):
            some = order[at : at + step]
            width = max(len(prompts[i]) for i in some)
            ids = torch.tensor([prompts[i] + [pad] * (width - len(prompts[i])) for i in some])
            mask = torch.tensor([[1] * len(prompts[i]) + [0] * (width - len(prompts[i])) for i in some])
            out = with_.model.generate(
                input_ids=ids.to(with_.device),
                attention_mask=mask.to(with_.device),
                generation_config=_generation(with_.model, beams),
            )
            for i, text in zip(some, with_.tokenizer.batch_decode(out, skip_special_tokens=True), strict=True):
                texts[i] = " ".join(text.split())
    return texts


def _generation(model: Any, beams: int) -> Any:
    """The model's own settings, which name its control tokens, with ours over them."""
    chosen = copy.deepcopy(model.generation_config)
    chosen.update(
        num_beams=beams, max_new_tokens=NEW_TOKENS, max_length=None, min_length=0, do_sample=False,
        num_return_sequences=1, temperature=None, top_k=None, top_p=None,
    )  # fmt: skip
    return chosen
